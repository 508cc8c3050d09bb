"""scikit-learn's tree: on hard labels, tuned, the honest rival; on soft labels, the naive recipe."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill.model import packed_nbytes

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import lower_sklearn
from ._tuning import tune

_MIN_ROWS = {"min_samples_leaf": (1, 5, 20, 50)}
_PRUNING = {"ccp_alpha": (0.0, 1e-4, 3e-4, 1e-3, 3e-3)}
_SMOOTHING = {"smoothing": (1.0, 0.0, 5.0, 20.0)}


def _fit_hard(split: Split, size: int, *, smoothed: bool) -> Fitted:
    """Tuned by cross-validated loss.

    Without smoothing a pure leaf gives probability 0, which the log-loss punishes so hard that tuning flees to leaves
    of many rows: the tree then has far fewer leaves than it may have. So there are two rivals. `smoothed` moves each
    leaf towards the mean of the training rows, by `smoothing` rows' worth of it.
    """

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        return partial(_outputs, _grow(Z[rows], targets[rows], split, size, settings, smoothed))

    targets = split.truth
    Z, _, preprocessor = split.raw
    grids = ({"criterion": ("gini", "entropy"), **_MIN_ROWS} if split.n_classes else _MIN_ROWS, _PRUNING)
    settings = tune(split, Z, fit, *grids, *([_SMOOTHING] if smoothed else []))
    tree, leaves = _grow(Z, targets, split, size, settings, smoothed)
    return Fitted(
        lambda split: _outputs((tree, leaves), split.raw[1]),
        packed_nbytes(lower_sklearn(tree.tree_), "simplex" if split.n_classes else "identity", preprocessor),
        int(tree.get_n_leaves()),
        settings,
    )


def _grow(
    Z: np.ndarray, targets: np.ndarray, split: Split, size: int, settings: dict[str, Any], smoothed: bool
) -> tuple[Any, np.ndarray]:
    """A fitted tree, and the output of each of its nodes."""
    own = {key: value for key, value in settings.items() if key != "smoothing"}
    fixed = {"max_leaf_nodes": size, "random_state": split.seed}
    if split.n_classes:
        tree = DecisionTreeClassifier(**fixed, **own).fit(Z, targets.argmax(axis=1))
    else:
        # The strength of pruning is in units of the target's variance, so that one grid suits all targets.
        own["ccp_alpha"] = own.get("ccp_alpha", 0.0) * float(targets.var())
        tree = DecisionTreeRegressor(**fixed, **own).fit(Z, targets.ravel())
    nodes = tree.apply(Z)
    counts = np.bincount(nodes, minlength=tree.tree_.node_count).astype(np.float64)[:, None]
    sums = np.zeros((len(counts), targets.shape[1]))
    np.add.at(sums, nodes, targets)
    weight = settings.get("smoothing", 1.0) if smoothed else 0.0
    # Nodes that are no leaves hold no rows: their outputs are never asked for.
    return tree, (sums + weight * targets.mean(axis=0)) / np.maximum(counts + weight, 1e-300)


def _outputs(grown: tuple[Any, np.ndarray], Z: np.ndarray) -> np.ndarray:
    tree, values = grown
    return values[tree.apply(Z)]


def _fit_soft(split: Split, size: int, *, in_sample: bool) -> Fitted:
    Z, _, preprocessor = split.raw
    Q = split.labels.in_sample if in_sample else split.labels.train
    tree = DecisionTreeRegressor(max_leaf_nodes=size, min_samples_leaf=5, random_state=split.seed).fit(Z, Q)
    nbytes = packed_nbytes(lower_sklearn(tree.tree_), "simplex" if split.n_classes else "identity", preprocessor)
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
