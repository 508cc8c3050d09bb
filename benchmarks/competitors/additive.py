"""Our additive model: on hard labels, tuned, and on soft labels with its defaults. Size is pairs of features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill import AdditiveStudent

from ..splits import Split
from ._contestant import Contestant, Fitted
from ._tuning import tune
from .tree import fitted_student

_PAIRS = (0, 5, 10)


def _fit_hard(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        student = AdditiveStudent(pairs=size, **settings).fit(Z[rows], truth[rows])
        return lambda Z: student.predict(Z).reshape(len(Z), -1)

    truth = split.truth
    settings = tune(split, split.raw[0], fit, {"alpha": ("auto", 1.0, 10.0)}, {"max_bins": (64, 16)})
    return fitted_student(AdditiveStudent(pairs=size, **settings), split, truth, **settings)


def _fit_soft(split: Split, size: int) -> Fitted:
    return fitted_student(AdditiveStudent(pairs=size), split, split.soft())


CONTESTANTS = (
    Contestant(
        "additive_hard",
        "AdditiveStudent on hard labels, tuned; size is pairs",
        *(_fit_hard, "hard", "additive", _PAIRS, "additive_hard"),
    ),
    Contestant(
        "additive_soft",
        "AdditiveStudent on soft labels; size is pairs",
        *(_fit_soft, "soft", "additive", _PAIRS, "additive_hard"),
    ),
)
