"""Temperatures and biases: probabilities made as sure of themselves as they deserve to be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from .._backend import NUMPY, Backend
from ._blocks import row_blocks
from ._check import check_sample_weight, check_targets

#: Probabilities below this count as this wherever a logarithm is taken: a teacher that says 0 is very sure, not
#: infinitely sure. Raised to the power of 1 / 0.05 it is still a normal float64.
FLOOR = 1e-12

#: The same in a product of several teachers' probabilities, where one who says 0 would overrule all the others.
#: Held-out log-loss hardly tells 1e-3 from 1e-6, and is worse at 1e-12 where rows are few.
VETO = 1e-4

#: Lowest and highest temperature that `fit_temperature` returns.
TEMPERATURES = (0.05, 20.0)


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
    return xp.clip(xp.astype(block, xp.float64, copy=False), min=floor)


def fit_temperature(
    p: NDArray[Any], y: ArrayLike, sample_weight: ArrayLike | None = None, backend: Backend = NUMPY
) -> float:
    """The temperature T that minimises the log-loss of ``p ** (1 / T)``, renormalised.

    Temperature scaling [1]_ on probabilities instead of logits; T > 1 softens. The log-loss is convex in 1 / T, so the
    root of its slope, searched on log T, is the one minimum.

    Parameters
    ----------
    p : ndarray of shape (n, k)
        A teacher's probabilities of rows it has not seen. Values below 1e-12 count as 1e-12.
    y : array-like of shape (n,)
        Class codes, 0 to k - 1.
    sample_weight : array-like of shape (n,), optional
        Weights >= 0. A row of weight 0 is as if absent.
    backend : Backend
        Where to compute; sums are taken block by block.

    Returns
    -------
    float
        In [0.05, 20]; 1 where the temperature makes no difference.

    Raises
    ------
    ValueError
        If `p` holds NaN, or `y` or `sample_weight` do not fit it.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import fit_temperature
    >>> p = np.array([[0.9, 0.1]] * 4)  # sure to 0.9, right 3 times in 4
    >>> round(fit_temperature(p, [0, 0, 0, 1]), 6) == 2.0  # odds of 9 become odds of 3
    True
    """
    n, k = p.shape
    codes = check_targets(y, n, k, "classification")
    weight = check_sample_weight(sample_weight, n)
    blocks = list(row_blocks(n, backend.block_rows(4 * k), weight))
    # d loss / d(1/T) = E[expected log p under the tempered row] - E[log p of the true class]; the second is constant.
    truth = 0.0
    for rows in blocks:
        labels = np.asarray(p[rows])[np.arange(len(codes[rows])), codes[rows]].astype(np.float64)
        truth += float(weight[rows] @ np.log(np.maximum(labels, FLOOR)))
    if math.isnan(truth):
        raise ValueError("A temperature cannot be fitted to probabilities that hold NaN.")

    def slope(log_temperature: float) -> float:
        xp, beta, total = backend.xp, math.exp(-log_temperature), 0.0
        for rows in blocks:
            log_p = xp.log(floored(backend.asarray(p[rows]), backend))
            powers = xp.exp(beta * log_p)
            expected = xp.sum(powers * log_p, axis=-1) / xp.sum(powers, axis=-1)
            total += float(xp.sum(backend.asarray(weight[rows]) * expected))
        return total - truth

    low, high = (math.log(temperature) for temperature in TEMPERATURES)
    start = slope(0.0)
    if abs(start) < 1e-12:  # rounding: the slope is 0 here, maybe everywhere
        return 1.0
    # The slope falls in T: where it is positive at T = 1, the minimum lies above.
    bound = high if start > 0 else low
    if slope(bound) * start >= 0:
        return TEMPERATURES[1] if start > 0 else TEMPERATURES[0]
    return math.exp(brentq(slope, min(0.0, bound), max(0.0, bound), xtol=1e-12))
