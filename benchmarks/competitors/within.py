"""Each family filled to a budget of packed bytes: what a distilled student within the same bytes must beat."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdistill import AdditiveStudent, LinearStudent, TreeStudent
from skdistill.model import Linear, packed_nbytes

from ..splits import Split
from ._contestant import Fitted
from ._filling import Family, ladder
from ._tuning import FitRows, Grid
from .cart import PRUNING, SMOOTHING, fit_rows, fitted_cart, growing, most_leaves
from .tree import fitted_student

Predictor = Callable[[np.ndarray], np.ndarray]

# ------------------------------------------------------------------ CART


def _fitted_cart(split: Split, settings: dict[str, Any]) -> Fitted:
    return fitted_cart(split, settings["size"], settings, 1.0)


CART = Family(
    "cart_bytes",
    "CART on hard labels, tuned within the bytes, leaves smoothed",
    "tree",
    sizes=lambda split: [1, *ladder(most_leaves(split), steps=4)],
    fit_rows=lambda split: fit_rows(split, None, 1.0),
    fitted=_fitted_cart,
    before=growing,
    after=lambda split: {**PRUNING, **SMOOTHING},
)

# ------------------------------------------------------------------ our tree


def _tree(settings: dict[str, Any]) -> TreeStudent:
    own = {key: value for key, value in settings.items() if key != "size"}
    return TreeStudent(max_leaves=settings["size"], **own)


def _tree_rows(split: Split) -> FitRows:
    truth = split.truth
    return lambda Z, rows, settings: _tree(settings).fit(Z[rows], truth[rows]).predict


def _growing(split: Split) -> Grid:
    losses = ("squared", "log_loss") if split.n_classes else ("squared",)
    return {"loss": losses, "min_samples_leaf": (1, 5, 20, 50)}


TREE = Family(
    "tree_hard_bytes",
    "TreeStudent on hard labels, tuned within the bytes",
    "tree",
    sizes=lambda split: [1, *ladder(most_leaves(split), steps=4)],
    fit_rows=_tree_rows,
    fitted=lambda split, settings: fitted_student(_tree(settings), split, split.truth),
    before=_growing,
    after=lambda split: {"shrinkage": (1.0, 0.0, 10.0, 50.0)},
    stride=4,
)
SOFT_TREE = replace(
    TREE,
    name="tree_soft_bytes",
    title="TreeStudent on soft labels, as large as the bytes allow",
    fitted=lambda split, settings: fitted_student(_tree(settings), split, split.soft()),
    before=lambda split: {},
)

# ------------------------------------------------------------------ a line over the features that weigh most


def _line(Z: np.ndarray, targets: np.ndarray, settings: dict[str, Any]) -> tuple[LinearStudent, np.ndarray]:
    """A line over `size` features: those of the largest coefficients in the line over all."""
    student = LinearStudent(alpha=settings["alpha"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        kept = np.arange(Z.shape[1])
        if settings["size"] < len(kept):
            weights = np.abs(student.fit(Z, targets).predictor_.coef).max(axis=1)
            kept = np.sort(np.argsort(-weights, kind="stable")[: settings["size"]])
        return student.fit(Z[:, kept], targets), kept


def _line_outputs(student: LinearStudent, kept: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return student.predict(Z[:, kept]).reshape(len(Z), -1)


def _line_rows(split: Split) -> FitRows:
    truth = split.truth
    return lambda Z, rows, settings: partial(_line_outputs, *_line(Z[rows], truth[rows], settings))


def _fitted_line(split: Split, settings: dict[str, Any]) -> Fitted:
    Z, Z_test, preprocessor = split.scaled
    student, kept = _line(Z, split.truth, settings)
    coef = np.zeros((Z.shape[1], split.n_outputs), np.float32)
    coef[kept] = student.predictor_.coef
    nbytes = packed_nbytes(Linear(coef, student.predictor_.intercept), student.link_, preprocessor)
    return Fitted(lambda split: _line_outputs(student, kept, Z_test), nbytes, 0, settings)


LINE = Family(
    "linear_hard_bytes",
    "LinearStudent on hard labels, tuned within the bytes",
    "linear",
    sizes=lambda split: ladder(split.scaled[0].shape[1], steps=2, smallest=1),
    fit_rows=_line_rows,
    fitted=_fitted_line,
    before=lambda split: {"alpha": (1.0, 0.1, 10.0, 100.0)},
    scaled=True,
)

# ------------------------------------------------------------------ our additive model

#: Bins, and what a step must be worth, by size: smaller models first. Fits at 32 bins take many times as long.
_STEPS = (*((8, pruning) for pruning in (1000.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)), (32, 0.3), (32, 0.1))


def _additive(settings: dict[str, Any]) -> AdditiveStudent:
    max_bins, pruning = _STEPS[settings["size"]]
    return AdditiveStudent(max_bins=max_bins, pruning=pruning, alpha=settings["alpha"], pairs=5)


def _additive_rows(split: Split) -> FitRows:
    truth = split.truth

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Predictor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            student = _additive(settings).fit(Z[rows], truth[rows])
        return lambda Z: student.predict(Z).reshape(len(Z), -1)

    return fit


def _fitted_additive(split: Split, settings: dict[str, Any], soft: bool) -> Fitted:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fitted_student(_additive(settings), split, split.soft() if soft else split.truth)


ADDITIVE = Family(
    "additive_hard_bytes",
    "AdditiveStudent on hard labels, tuned within the bytes",
    "additive",
    sizes=lambda split: list(range(len(_STEPS))),
    fit_rows=_additive_rows,
    fitted=partial(_fitted_additive, soft=False),
    before=lambda split: {"alpha": (3.0, 30.0)},
)
SOFT_ADDITIVE = replace(
    ADDITIVE,
    name="additive_soft_bytes",
    title="AdditiveStudent on soft labels, as large as the bytes allow",
    fitted=partial(_fitted_additive, soft=True),
    before=lambda split: {"alpha": (3.0,)},
)

CONTESTANTS = (
    *(family.tuned() for family in (CART, TREE, LINE, ADDITIVE)),
    *(family.largest() for family in (SOFT_TREE, SOFT_ADDITIVE)),
)
