"""interpret's explainable boosting machine on the raw table and the true labels, with its defaults.

Of each feature it leaves a table of scores over bins, or over categories, and of each pair that it found a grid.
"""

import time

import numpy as np
from exchange import Model, give_up_after, serve
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor


def fit(question):
    settings = question.settings
    X, X_test, y = question.table("train"), question.table("test"), question.arrays["y"]
    kind = ExplainableBoostingClassifier if settings["n_classes"] else ExplainableBoostingRegressor
    # Said outright, for numbers of few values would else be taken for categories.
    chosen = {"feature_types": ["nominal" if str(kind) == "category" else "continuous" for kind in X.dtypes]}
    if not settings["pairs"]:
        chosen["interactions"] = 0
    give_up_after(settings["time_limit"])
    started = time.process_time()
    ebm = kind(n_jobs=1, random_state=settings["seed"], **chosen).fit(X, y)
    seconds = time.process_time() - started
    outputs = ebm.predict_proba(X_test) if settings["n_classes"] else ebm.predict(X_test)[:, None]
    yield Model("0", outputs, seconds, structure(ebm), {"pairs": sum(len(term) > 1 for term in ebm.term_features_)})


def structure(ebm):
    """Terms, each of one column or two: the bins along each, edges or the numbers of categories, and the scores.

    Bin 0 is for missing values. The last bin, for categories never seen, scores 0 and is left out.
    """
    terms = []
    for term, scores in zip(ebm.term_features_, ebm.term_scores_, strict=True):
        bins = [ebm.bins_[feature][min(len(term), len(ebm.bins_[feature])) - 1] for feature in term]
        known = scores[tuple(slice(-1) for _ in term)]
        terms.append(
            {
                "columns": [int(feature) for feature in term],
                "bins": [dict(of) if isinstance(of, dict) else of.tolist() for of in bins],
                "scores": known.reshape(*known.shape[: len(term)], -1).tolist(),
            }
        )
    return {"intercept": np.atleast_1d(ebm.intercept_).tolist(), "terms": terms}


if __name__ == "__main__":
    serve(fit)
