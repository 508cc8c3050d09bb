"""Our tree: on hard labels, tuned as its rival is, and on soft labels with its defaults."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skdistill import TreeStudent
from skdistill.model import packed_nbytes

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._tuning import tune


def fitted_student(
    student: Any,
    split: Split,
    Q: np.ndarray,
    scale: bool = False,
    extra: tuple[Any, np.ndarray, float] | None = None,
    **settings: Any,
) -> Fitted:
    """Fit one of our students on the split's training rows and the labels `Q`.

    `extra` is a table of further rows, their labels, and what each of them weighs.
    """
    Z, _, preprocessor = split.scaled if scale else split.raw
    weight = None
    if extra is not None:
        X_more, Q_more, each = extra
        weight = np.repeat([1.0, each], [len(Z), len(Q_more)])
        Z, Q = np.vstack([Z, split.encode(X_more, scale)]), np.vstack([Q, Q_more])
    student.fit(Z, Q, sample_weight=weight)
    nbytes = packed_nbytes(student.predictor_, student.link_, preprocessor)
    leaves = getattr(student.predictor_, "n_leaves", 0)
    return Fitted(
        lambda split: student.predict((split.scaled if scale else split.raw)[1]).reshape(len(split.X_test), -1),
        nbytes,
        int(leaves),
        settings,
    )


def _fit_hard(split: Split, size: int) -> Fitted:
    """Tuned, and not repaired: on hard labels repair costs accuracy and log-loss (RESULTS.md), and much time."""

    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        return grown(**settings).fit(Z[rows], truth[rows]).predict

    grown = partial(TreeStudent, max_leaves=size, repair=None)

    truth = split.truth
    grid = {"loss": ("squared", "log_loss")} if split.n_classes else {"loss": ("squared",)}
    grid |= {"min_samples_leaf": (1, 5, 20, 50)}
    settings = tune(split, split.raw[0], fit, grid, {"shrinkage": (1.0, 0.0, 10.0, 50.0)})
    return fitted_student(grown(**settings), split, truth, **settings)


def _fit_soft(split: Split, size: int) -> Fitted:
    return fitted_student(TreeStudent(max_leaves=size), split, split.soft())


CONTESTANTS = (
    Contestant("tree_hard", "TreeStudent on hard labels, tuned", _fit_hard, "hard"),
    Contestant("tree_soft", "TreeStudent on soft labels, fixed blend", _fit_soft, "soft"),
)
