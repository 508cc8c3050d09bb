"""Our line: on hard labels, its penalty tuned, and on soft labels with its defaults, dense and sparse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill import LinearStudent

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._tuning import tune
from .tree import fitted_student


def _fit_hard(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        student = LinearStudent(**settings).fit(Z[rows], truth[rows])
        return lambda Z: student.predict(Z).reshape(len(Z), -1)

    truth = split.truth
    settings = tune(split, split.scaled[0], fit, {"alpha": (1.0, 0.1, 10.0, 100.0)})
    return fitted_student(LinearStudent(**settings), split, truth, scale=True, **settings)


def _fit_soft(split: Split, size: int) -> Fitted:
    return fitted_student(LinearStudent(sparsity=size), split, split.soft(), scale=True)


CONTESTANTS = (
    Contestant("linear_hard", "LinearStudent on hard labels, tuned", _fit_hard, "hard", "linear", (0,), "linear_hard"),
    Contestant("linear_soft", "LinearStudent on soft labels", _fit_soft, "soft", "linear", (0,), "linear_hard"),
    Contestant(
        "linear_sparse",
        "LinearStudent on soft labels; size is the sparsity",
        *(_fit_soft, "soft", "linear", (3, 10, 30), "linear_hard"),
    ),
)
