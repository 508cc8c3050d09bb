"""interpret's explainable boosting machine on the raw table and the true labels, with its defaults.

Of each feature it leaves a table of scores over bins, or over categories, and of each pair that it found a grid.
"""

import time

import numpy as np
from exchange import Model, serve
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor


def fit(question):
    settings = question.settings
    X, X_test, y = question.table("train"), question.table("test"), question.arrays["y"]
    kind = ExplainableBoostingClassifier if settings["n_classes"] else ExplainableBoostingRegressor
    # Said outright, for numbers of few values would else be taken for categories.
    chosen = {"feature_types": ["nominal" if str(kind) == "category" else "continuous" for kind in X.dtypes]}
    if not settings["pairs"]:
        chosen["interactions"] = 0
    started = time.process_time()
    ebm = kind(n_jobs=1, random_state=settings["seed"], **chosen).fit(X, y)
    seconds = time.process_time() - started
    outputs = ebm.predict_proba(X_test) if settings["n_classes"] else ebm.predict(X_test)[:, None]
    yield Model("0", outputs, seconds, structure(ebm), {"pairs": sum(len(term) > 1 for term in ebm.term_features_)})


def structure(ebm):
    """Tables of single columns; of the pairs, which columns and how many cells, and the edges of columns in pairs."""
    singles, pairs, pair_edges = [], [], {}
    for term, scores in zip(ebm.term_features_, ebm.term_scores_, strict=True):
        bins = [ebm.bins_[feature][min(len(term), len(ebm.bins_[feature])) - 1] for feature in term]
        # The first bin of every axis is for missing values, the last for categories never seen.
        inner = scores[tuple(slice(1, -1) for _ in term)]
        if len(term) == 1:
            single = {"column": int(term[0]), "scores": inner.reshape(len(inner), -1).tolist()}
            single |= {"missing": np.atleast_1d(scores[0]).tolist()}
            # A category's code counts from 1: 0 is for missing values.
            single |= {"edges": bins[0].tolist()} if isinstance(bins[0], np.ndarray) else {"categories": list(bins[0])}
            singles.append(single)
        else:
            pairs.append({"columns": [int(feature) for feature in term], "cells": int(np.prod(inner.shape[:2]))})
            pair_edges |= {int(f): len(b) for f, b in zip(term, bins, strict=True) if isinstance(b, np.ndarray)}
    intercept = np.atleast_1d(ebm.intercept_).tolist()
    return {"intercept": intercept, "singles": singles, "pairs": pairs, "pair_edges": list(pair_edges.values())}


if __name__ == "__main__":
    serve(fit)
