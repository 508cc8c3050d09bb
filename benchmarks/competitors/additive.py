"""Our additive model: on hard labels, its penalty tuned, and on soft labels with its defaults."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdistill import AdditiveStudent

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._tuning import tune
from .tree import fitted_student


def _fit_hard(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        student = AdditiveStudent(**settings).fit(Z[rows], truth[rows])
        return lambda Z: student.predict(Z).reshape(len(Z), -1)

    truth = split.truth
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        settings = tune(split, split.raw[0], fit, {"alpha": (3.0, 30.0)})
        return fitted_student(AdditiveStudent(**settings), split, truth, **settings)


def _fit_soft(split: Split, size: int) -> Fitted:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fitted_student(AdditiveStudent(), split, split.soft(0.5))


CONTESTANTS = (
    Contestant(
        "additive_hard", "AdditiveStudent on hard labels, tuned", _fit_hard, "hard", "additive", (0,), "linear_hard"
    ),
    Contestant(
        "additive_soft", "AdditiveStudent on soft labels, blend .5", _fit_soft, "soft", "additive", (0,), "linear_hard"
    ),
)
