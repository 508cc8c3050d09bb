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


def _fit_hard(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        tree = kind(max_leaf_nodes=size, random_state=split.seed, **settings).fit(Z[rows], y[rows])
        return partial(_outputs, tree, split.n_classes)

    Z, _, preprocessor = split.raw
    if split.n_classes:
        kind, y = DecisionTreeClassifier, split.y_train
        grid = {"criterion": ("gini", "entropy"), **_MIN_ROWS}
    else:
        # Standardised, so that one grid of pruning strengths suits all targets.
        center, scale = split.y_train.mean(), split.y_train.std()
        kind, y, grid = DecisionTreeRegressor, (split.y_train - center) / scale, _MIN_ROWS
        inner = fit

        def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
            predict = inner(Z, rows, settings)
            return lambda Z: center + scale * predict(Z)

    settings = tune(split, Z, fit, grid, _PRUNING)
    predict = fit(Z, np.arange(len(y)), settings)
    tree = kind(max_leaf_nodes=size, random_state=split.seed, **settings).fit(Z, y)
    nbytes = packed_nbytes(lower_sklearn(tree.tree_), "simplex" if split.n_classes else "identity", preprocessor)
    return Fitted(lambda split: predict(split.raw[1]), nbytes, int(tree.get_n_leaves()), settings)


def _outputs(tree: Any, n_classes: int, Z: np.ndarray) -> np.ndarray:
    if not n_classes:
        return tree.predict(Z).reshape(len(Z), -1)
    outputs = np.zeros((len(Z), n_classes))
    outputs[:, tree.classes_] = tree.predict_proba(Z)
    return outputs


def _fit_soft(split: Split, size: int, *, in_sample: bool) -> Fitted:
    Z, _, preprocessor = split.raw
    Q = split.labels.in_sample if in_sample else split.labels.train
    tree = DecisionTreeRegressor(max_leaf_nodes=size, min_samples_leaf=5, random_state=split.seed).fit(Z, Q)
    nbytes = packed_nbytes(lower_sklearn(tree.tree_), "simplex" if split.n_classes else "identity", preprocessor)
    return Fitted(
        lambda split: tree.predict(split.raw[1]).reshape(len(split.X_test), -1), nbytes, int(tree.get_n_leaves()), {}
    )


CONTESTANTS = (
    Contestant("cart_hard", "CART on hard labels, tuned", _fit_hard, "hard"),
    Contestant("cart_soft", "CART on out-of-fold soft labels", partial(_fit_soft, in_sample=False), "soft"),
    Contestant("cart_in_sample", "CART on in-sample soft labels", partial(_fit_soft, in_sample=True), "soft"),
)
