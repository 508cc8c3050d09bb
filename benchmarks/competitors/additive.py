"""Our additive model: on hard labels, tuned, and on soft labels with its defaults.

Size is pairs of features, but of those in 8 bits, which explainable boosting is met with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill import AdditiveStudent
from skdistill.compression import Quantise, compress
from skdistill.model import Model, Output

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


def _in_8_bits(split: Split, Q: np.ndarray, **settings: Any) -> Fitted:
    """As a budget of bytes would have it by default."""
    Z, _, preprocessor = split.raw
    student = AdditiveStudent(**settings).fit(Z, Q)
    meaning = {"classes": tuple(range(split.n_classes))} if split.n_classes else {"targets": ("y",)}
    model = Model(preprocessor, student.predictor_, Output(split.task, student.link_, **meaning))
    small = compress(model, Quantise(), split.X_train, Q).model
    return Fitted(lambda split: small.evaluate(split.X_test), small.nbytes, 0, settings)


def _fit_hard_in_8_bits(split: Split, size: int) -> Fitted:
    def fit(Z: np.ndarray, rows: np.ndarray, settings: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        student = AdditiveStudent(**settings).fit(Z[rows], truth[rows])
        return lambda Z: student.predict(Z).reshape(len(Z), -1)

    truth = split.truth
    settings = tune(split, split.raw[0], fit, {"pairs": (60, 15, 0)}, {"alpha": ("auto", 10.0)})
    return _in_8_bits(split, truth, **settings)


def _fit_soft_in_8_bits(split: Split, size: int) -> Fitted:
    return _in_8_bits(split, split.soft())


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
    Contestant(
        "additive_8_bits_hard",
        "AdditiveStudent on hard labels, tuned, in 8 bits",
        *(_fit_hard_in_8_bits, "hard", "additive", (0,), "additive_8_bits_hard"),
    ),
    Contestant(
        "additive_8_bits",
        "AdditiveStudent on soft labels, in 8 bits",
        *(_fit_soft_in_8_bits, "soft", "additive", (0,), "additive_8_bits_hard"),
    ),
)
