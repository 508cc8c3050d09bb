"""Temperatures and biases: probabilities made as sure of themselves as they deserve to be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._backend import Backend

#: Probabilities below this count as this wherever a logarithm is taken: a teacher that says 0 is very sure, not
#: infinitely sure. Raised to the power of 1 / 0.05 it is still a normal float64.
FLOOR = 1e-12

#: The same in a product of several teachers' probabilities, where one who says 0 would overrule all the others.
#: Held-out log-loss hardly tells 1e-3 from 1e-6, and is worse at 1e-12 where rows are few.
VETO = 1e-4


def apply_temperature(block: Any, temperature: float, backend: Backend) -> Any:
    """Rows of `block` to the power of 1 / `temperature`, renormalised; `block` itself where the temperature is 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill._backend import NUMPY
    >>> apply_temperature(np.array([[0.8, 0.2]]), 2.0, NUMPY).round(3)  # odds of 4 become odds of 2
    array([[0.667, 0.333]])
    """
    if temperature == 1.0:
        return block
    xp = backend.xp
    # No maximum is subtracted before exp: FLOOR keeps it far from underflow.
    powers = xp.exp(xp.log(floored(block, backend)) / temperature)
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def apply_scaling(block: Any, exponent: float, biases: NDArray[np.float64], backend: Backend) -> Any:
    """Rows of `block` to the power of `exponent`, times exp(`biases`), renormalised.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill._backend import NUMPY
    >>> apply_scaling(np.array([[0.8, 0.2]]), 0.5, np.log([2.0, 1.0]), NUMPY).round(3)  # odds of 2, doubled
    array([[0.8, 0.2]])
    """
    xp = backend.xp
    score = exponent * xp.log(floored(block, backend)) + backend.asarray(biases)[None, :]
    powers = xp.exp(score - xp.max(score, axis=-1, keepdims=True))
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def floored(block: Any, backend: Backend, floor: float = FLOOR) -> Any:
    """`block` in float64, nothing below `floor`."""
    xp = backend.xp
    return xp.maximum(xp.astype(block, xp.float64, copy=False), floor)
