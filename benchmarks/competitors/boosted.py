"""Sums of small trees within a number of bytes: ours and LightGBM's on hard labels, tuned, and ours on soft ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skdistill import BoostedStudent
from skdistill.model import LINKS, TreeSum

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._filling import NothingFitsError
from ._sizes import lower_lightgbm, spared_nbytes
from ._tuning import cv_loss, tune

#: ``boost(split, size, rows, labels, settings)`` fits on the given training rows, within `size` bytes if a single round
#: of trees is.
Boost = Callable[[Split, int, np.ndarray, np.ndarray, dict[str, Any]], TreeSum]


#: How much of the bytes to use: more rounds than are needed overfit.
_FILLED = {"filled": (1.0, 0.5, 0.25)}


def _n_sums(split: Split) -> int:
    """Sums of trees: two classes have one, the score of the second."""
    return 1 if split.n_outputs == 2 else split.n_outputs


def _link(split: Split) -> str:
    return "softmax" if split.n_classes else "identity"


def _most_rounds(split: Split, size: int, leaves: int) -> int:
    """More than fit: a leaf takes 4 bytes, a split at least one."""
    return max(1, size // (5 * leaves - 1) // _n_sums(split))


def _first_rounds(trees: TreeSum, split: Split, size: int) -> TreeSum:
    """As many as fit, but one."""
    step = _n_sums(split)
    fits, too_many = 1, trees.n_trees // step + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if spared_nbytes(_first(trees, middle * step), _link(split), split.raw[2]) > size:
            too_many = middle
        else:
            fits = middle
    return _first(trees, fits * step)


def _first(trees: TreeSum, count: int) -> TreeSum:
    return TreeSum(trees.trees[:count], trees.output[:count], trees.base, trees.n_features)


def _lightgbm(split: Split, size: int, rows: np.ndarray, labels: np.ndarray, settings: dict[str, Any]) -> TreeSum:
    from lightgbm import Dataset, train

    objective: dict[str, Any] = {"objective": "regression"}
    if split.n_classes:
        objective = {"objective": "multiclass", "num_class": split.n_classes}
    if split.n_classes == 2:
        objective = {"objective": "binary"}
    settings = {"num_leaves": 8, **objective, **settings, "num_threads": 1, "seed": split.seed, "verbose": -1}
    Z = split.raw[0]
    booster = train(settings, Dataset(Z[rows], labels[rows]), _most_rounds(split, size, settings["num_leaves"]))
    return _first_rounds(lower_lightgbm(booster, Z.shape[1], split.n_classes), split, size)


def _ours(split: Split, size: int, rows: np.ndarray, labels: np.ndarray, settings: dict[str, Any]) -> TreeSum:
    """Fitted twice: the first fit tells how many trees fit, and the second refits the leaves of these alone."""
    student = BoostedStudent(**settings)
    student.n_trees = _most_rounds(split, size, student.max_leaves)
    trees = _first_rounds(student.fit(split.raw[0][rows], labels[rows]).predictor_, split, size)
    student.n_trees = max(1, trees.n_trees // _n_sums(split))
    return student.fit(split.raw[0][rows], labels[rows]).predictor_


def _fitted(trees: TreeSum, split: Split, settings: dict[str, Any]) -> Fitted:
    predict = partial(trees.evaluate, row_wise=LINKS[_link(split)])
    nbytes = spared_nbytes(trees, _link(split), split.raw[2])
    return Fitted(lambda split: predict(split.raw[1]), nbytes, trees.n_leaves, settings)


def _fit_hard(
    split: Split, size: int, *, boost: Boost, one_hot: bool, grids: tuple[dict[str, tuple[Any, ...]], ...]
) -> Fitted:
    labels = split.truth if one_hot else split.y_train

    def trees(rows: np.ndarray, settings: dict[str, Any]) -> TreeSum:
        own = {key: value for key, value in settings.items() if key != "filled"}
        return boost(split, int(size * settings.get("filled", 1.0)), rows, labels, own)

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        return partial(trees(rows, settings).evaluate, row_wise=LINKS[_link(split)])

    settings = tune(split, split.raw[0], fit, *grids, _FILLED)
    model = _fitted(trees(np.arange(len(labels)), settings), split, settings)
    if model.nbytes > size:
        raise NothingFitsError(f"No round of trees fits into {size} bytes.")
    return replace(model, cv_loss=cv_loss(split, split.raw[0], fit, settings))


def _fit_soft(split: Split, size: int) -> Fitted:
    return _fitted(_ours(split, size, np.arange(len(split.y_train)), split.soft(), {}), split, {})


CONTESTANTS = (
    Contestant(
        "lightgbm_hard_bytes",
        "LightGBM on hard labels, tuned",
        partial(
            _fit_hard,
            boost=_lightgbm,
            one_hot=False,
            grids=(
                {"learning_rate": (0.1, 0.2, 0.4, 0.8), "min_data_in_leaf": (5, 20)},
                {"num_leaves": (8, 4)},
            ),
        ),
        *("hard", "boosted", None, "cart_bytes", "lightgbm", "bytes"),
    ),
    Contestant(
        "boosted_hard_bytes",
        "BoostedStudent on hard labels, tuned",
        partial(
            _fit_hard,
            boost=_ours,
            one_hot=True,
            grids=({"learning_rate": (0.5, 0.2)}, {"alpha": (3.0, 1.0, 10.0)}, {"max_leaves": (6, 4)}),
        ),
        *("hard", "boosted", None, "cart_bytes", "lightgbm", "bytes"),
    ),
    Contestant(
        "boosted_soft_bytes",
        "BoostedStudent on soft labels",
        *(_fit_soft, "soft", "boosted", None, "cart_bytes", "lightgbm", "bytes"),
    ),
)
