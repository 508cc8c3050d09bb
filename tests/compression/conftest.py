"""Random models of every kind, and rows for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from random_models import random_additive, random_tree, random_tree_sum

from skdistill.model import CategoryColumn, Linear, Model, NumericColumn, Output, Preprocessor

N_FEATURES = 4
KINDS = ("tree", "linear", "additive", "tree_sum")


def _random_model(kind: str, seed: int, k: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model, raw rows with missing values, and targets; a regression where `k` is 1."""
    rng = np.random.default_rng(seed)
    if kind == "tree":
        predictor = random_tree(rng, int(rng.integers(1, 30)), N_FEATURES, k)
    elif kind == "linear":
        predictor = Linear(rng.normal(size=(N_FEATURES, k)) * (rng.random((N_FEATURES, 1)) < 0.8), rng.normal(size=k))
    elif kind == "additive":
        predictor = random_additive(rng, N_FEATURES, k)
    else:
        predictor = random_tree_sum(rng, int(rng.integers(1, 8)), N_FEATURES, k)
    number = {"fill": float(np.float32(rng.normal()))}
    if rng.random() < 0.5:
        number |= {"center": float(np.float32(rng.normal())), "scale": float(np.float32(rng.lognormal()))}
    columns = (NumericColumn("a", **number, missing=True), NumericColumn("b"), CategoryColumn("c", (1.0,)))
    link = "identity" if k == 1 else "simplex" if kind == "tree" else "softmax"
    targets, classes = (("y",), None) if k == 1 else ((), tuple(range(k)))
    output = Output("regression" if k == 1 else "classification", link, classes, targets)
    X = rng.normal(size=(60, 3))
    X[rng.random(60) < 0.1, 0] = np.nan
    X[:, 2] = rng.integers(0, 2, 60)
    Q = rng.normal(size=(60, 1)) if k == 1 else rng.dirichlet(np.ones(k), 60)
    return Model(Preprocessor(columns), predictor, output), X, Q


@pytest.fixture(scope="session")
def random_model() -> Callable[..., tuple[Model, np.ndarray, np.ndarray]]:
    return _random_model
