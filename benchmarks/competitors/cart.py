"""scikit-learn's tree: on hard labels, tuned, the honest rival; on soft labels, the naive recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..plan import BUDGETS
from ..splits import Split
from ._contestant import Contestant, Fitted
from ._nested import NestedTrees
from ._sizes import lower_sklearn, spared_nbytes
from ._tuning import FitRows, Grid, tune

_MIN_ROWS = {"min_samples_leaf": (1, 5, 20, 50)}
PRUNING: Grid = {"ccp_alpha": (0.0, 1e-4, 3e-4, 1e-3, 3e-3)}
SMOOTHING: Grid = {"smoothing": (1.0, 0.0, 5.0, 20.0)}


def growing(split: Split) -> Grid:
    """What is tuned of the growth."""
    return {"criterion": ("gini", "entropy"), **_MIN_ROWS} if split.n_classes else _MIN_ROWS


def most_leaves(split: Split) -> int:
    """Leaves that the largest budget has room for: a split takes 6 bytes at least, a leaf 4 for each free output."""
    free = split.n_outputs - bool(split.n_classes)
    return BUDGETS[-1] // (6 + 4 * free)


def grown(split: Split, Z: np.ndarray, rows: np.ndarray | None, settings: dict[str, Any]) -> NestedTrees:
    """All sizes of the tree fitted on some of the training rows, or on all."""
    own = {key: settings[key] for key in growing(split)}

    def grow() -> NestedTrees:
        fixed = {"max_leaf_nodes": most_leaves(split), "random_state": split.seed}
        there, targets = (Z, split.truth) if rows is None else (Z[rows], split.truth[rows])
        if split.n_classes:
            tree = DecisionTreeClassifier(**fixed, **own).fit(there, targets.argmax(axis=1))
        else:
            tree = DecisionTreeRegressor(**fixed, **own).fit(there, targets.ravel())
        return NestedTrees(tree, there, targets)

    key = None if rows is None else hash(rows.tobytes())
    return split.shared(("grown", key, *own.values()), grow)


def splits_of(split: Split, trees: NestedTrees, size: int, settings: dict[str, Any]) -> np.ndarray:
    """The tree of at most `size` leaves, pruned."""
    # The strength of pruning is in units of the target's variance, so that one grid suits all targets.
    unit = 1.0 if split.n_classes else float(split.truth.var())
    return trees.cut(size, settings.get("ccp_alpha", 0.0) * unit)


def fit_rows(split: Split, size: int | None, default_smoothing: float) -> FitRows:
    """For tuning; `size` None: it is among the settings."""

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        trees = grown(split, Z, rows, settings)
        splits = splits_of(split, trees, settings["size"] if size is None else size, settings)
        return partial(trees.outputs, splits, settings.get("smoothing", default_smoothing))

    return fit


def fitted_cart(split: Split, size: int, settings: dict[str, Any], default_smoothing: float) -> Fitted:
    """On all training rows."""
    trees = grown(split, split.raw[0], None, settings)
    splits = splits_of(split, trees, size, settings)
    smoothing = settings.get("smoothing", default_smoothing)
    tree = trees.lowered(splits, smoothing)
    nbytes = spared_nbytes(tree, "simplex" if split.n_classes else "identity", split.raw[2])
    return Fitted(lambda split: trees.outputs(splits, smoothing, split.raw[1]), nbytes, tree.n_leaves, settings)


def _fit_hard(split: Split, size: int, *, smoothed: bool) -> Fitted:
    """Tuned by cross-validated loss.

    Without smoothing a pure leaf gives probability 0, which the log-loss punishes so hard that tuning flees to leaves
    of many rows: the tree then has far fewer leaves than it may have. So there are two rivals. `smoothed` moves each
    leaf towards the mean of the training rows, by `smoothing` rows' worth of it.
    """
    default = 1.0 if smoothed else 0.0
    grids = (growing(split), PRUNING, *([SMOOTHING] if smoothed else []))
    settings = tune(split, split.raw[0], fit_rows(split, size, default), *grids)
    return fitted_cart(split, size, settings, default)


def _fit_soft(split: Split, size: int, *, in_sample: bool) -> Fitted:
    Z, _, preprocessor = split.raw
    Q = split.labels.in_sample if in_sample else split.labels.train
    tree = DecisionTreeRegressor(max_leaf_nodes=size, min_samples_leaf=5, random_state=split.seed).fit(Z, Q)
    nbytes = spared_nbytes(lower_sklearn(tree.tree_), "simplex" if split.n_classes else "identity", preprocessor)
    return Fitted(
        lambda split: tree.predict(split.raw[1]).reshape(len(split.X_test), -1), nbytes, int(tree.get_n_leaves()), {}
    )


CONTESTANTS = (
    Contestant("cart_hard", "CART on hard labels, tuned", partial(_fit_hard, smoothed=False), "hard"),
    # Added after the first results on the development sets had shown what the log-loss does to the one above.
    Contestant(
        "cart_smoothed", "CART on hard labels, tuned, leaves smoothed", partial(_fit_hard, smoothed=True), "hard"
    ),
    Contestant("cart_soft", "CART on out-of-fold soft labels", partial(_fit_soft, in_sample=False), "soft"),
    Contestant("cart_in_sample", "CART on in-sample soft labels", partial(_fit_soft, in_sample=True), "soft"),
)
