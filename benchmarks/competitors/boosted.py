"""A small LightGBM on hard labels, its learning rate tuned: what the bytes buy without any distillation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import ensemble_nbytes, lower_lightgbm
from ._tuning import tune

LEAVES = 8


def boost(split: Split, Z: np.ndarray, rows: np.ndarray, rounds: int, settings: dict[str, Any]) -> Any:
    """A booster fitted on some of the training rows."""
    from lightgbm import Dataset, train

    objective: dict[str, Any] = {"objective": "regression"}
    if split.n_classes:
        objective = {"objective": "multiclass", "num_class": split.n_classes}
    if split.n_classes == 2:
        objective = {"objective": "binary"}
    fixed = {**objective, "num_threads": 1, "seed": split.seed, "verbose": -1}
    return train({**fixed, **settings}, Dataset(Z[rows], split.y_train[rows]), num_boost_round=rounds)


def predicted(booster: Any, split: Split, Z: np.ndarray, rounds: int | None = None) -> np.ndarray:
    """Its outputs as a matrix, after some of its rounds or after all."""
    raw = booster.predict(Z, num_iteration=rounds)
    return np.column_stack([1 - raw, raw]) if split.n_classes == 2 else raw.reshape(len(Z), -1)


def fitted_boosted(split: Split, rounds: int, settings: dict[str, Any]) -> Fitted:
    """On all training rows."""
    Z, Z_test, preprocessor = split.raw
    booster = boost(split, Z, np.arange(len(Z)), rounds, settings)
    trees = lower_lightgbm(booster, Z.shape[1])
    leaves = sum(tree.n_leaves for tree in trees)
    return Fitted(
        lambda split: predicted(booster, split, Z_test), ensemble_nbytes(trees, preprocessor), leaves, settings
    )


def _fit_hard(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        return partial(predicted, boost(split, Z, rows, size, {**fixed, **settings}), split)

    fixed = {"num_leaves": LEAVES}
    grid = {"learning_rate": (0.1, 0.2, 0.4, 0.8), "min_data_in_leaf": (5, 20)}
    settings = tune(split, split.raw[0], fit, grid)
    return fitted_boosted(split, size, fixed | settings)


CONTESTANTS = (
    Contestant(
        "lightgbm_hard",
        f"LightGBM of trees of {LEAVES} leaves on hard labels, tuned; size is rounds",
        *(_fit_hard, "hard", "boosted", (4, 16, 64), "lightgbm_hard", "lightgbm"),
    ),
)
