"""Quantised models come last in a chain; all others are in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Model
from ..model._precision import UnfitError


def refuse_quantised(model: Model, name: str) -> None:
    """Raise a ValueError for a quantised model, whose values a pass would leave its grid."""
    if not model.precision.is_full:
        raise ValueError(f"{name} takes models in float32, and this one is quantised: run Quantise last.")


def single(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """The numbers in float32; an UnfitError where they are beyond its range."""
    with np.errstate(over="ignore"):
        rounded = numbers.astype(np.float32)
    if not np.isfinite(rounded).all():
        raise UnfitError(
            f"Numbers of a predictor must be finite in float32. Got {numbers[~np.isfinite(rounded)][0]!s}."
        )
    return rounded
