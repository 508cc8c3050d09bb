"""A small LightGBM on hard labels, its learning rate tuned: what the bytes buy without any distillation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import ensemble_nbytes, lower_lightgbm
from ._tuning import tune

LEAVES = 8


def _fit_hard(split: Split, size: int) -> Fitted:
    from lightgbm import Booster, Dataset, train

    objective: dict[str, Any] = {"objective": "regression"}
    if split.n_classes:
        objective = {"objective": "multiclass", "num_class": split.n_classes}
    if split.n_classes == 2:
        objective = {"objective": "binary"}
    fixed = {**objective, "num_leaves": LEAVES, "num_threads": 1, "seed": split.seed, "verbose": -1}

    def boost(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Booster:
        return train({**fixed, **settings}, Dataset(Z[rows], split.y_train[rows]), num_boost_round=size)

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        booster = boost(Z, rows, settings)
        return lambda Z: _outputs(booster, split, Z)

    Z, _, preprocessor = split.raw
    settings = tune(split, Z, fit, {"learning_rate": (0.1, 0.2, 0.4, 0.8), "min_data_in_leaf": (5, 20)})
    booster = boost(Z, np.arange(len(Z)), settings)
    trees = lower_lightgbm(booster, Z.shape[1])
    leaves = sum(tree.n_leaves for tree in trees)
    return Fitted(
        lambda split: _outputs(booster, split, split.raw[1]), ensemble_nbytes(trees, preprocessor), leaves, settings
    )


def _outputs(booster: Any, split: Split, Z: np.ndarray) -> np.ndarray:
    raw = booster.predict(Z)
    return np.column_stack([1 - raw, raw]) if split.n_classes == 2 else raw.reshape(len(Z), -1)


CONTESTANTS = (
    Contestant(
        "lightgbm_hard",
        f"LightGBM of trees of {LEAVES} leaves on hard labels, tuned; size is rounds",
        *(_fit_hard, "hard", "boosted", (4, 16, 64), "lightgbm_hard", "lightgbm"),
    ),
)
