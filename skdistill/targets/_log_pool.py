"""Non-negative exponents, and a bias for each class, that make a product of probabilities as good as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import lsq_linear

from .._backend import NUMPY, Backend
from ._blocks import row_blocks
from ._calibration import FLOOR, apply_temperature, floored
from ._check import check_committee, check_sample_weight, check_targets, check_temperatures

#: Largest exponent; its reciprocal is the lowest temperature.
LARGEST_EXPONENT = 20.0

#: Ridges in nats, so that they count against rows of weight 1. Without them a committee that errs on no row of some
#: tens is made as sure as can be, and the first new row that it errs on costs more than all others. Chosen on held-out
#: log-loss of 62 committees of 75 to 3,500 rows, where double of them do as well.
_RIDGE, _BIAS_RIDGE = 5.0, 1.0

#: Newton's method is done when its model promises less than this (nats a row), or after so many steps.
_GAIN, _STEPS = 1e-13, 50


def fit_log_pool(
    P: Sequence[Any],
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    temperatures: ArrayLike | None = None,
    backend: Backend = NUMPY,
    *,
    floor: float = FLOOR,
    with_biases: bool = False,
    bounds: tuple[float, float] = (0.0, LARGEST_EXPONENT),
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponents u and biases b of least log-loss of ``exp(b) * prod_t p_t ** u_t``, renormalised.

    The logarithmic opinion pool [1]_ as a multinomial logistic model on log-probabilities: a convex problem, by
    Newton's method with bounds. For one matrix of probabilities, the exponent is the reciprocal of a temperature [2]_,
    and the biases make it vector scaling with one slope for all classes. A small ridge holds the exponents near 1 / T
    and the biases near 0 where rows are few.

    Parameters
    ----------
    P : sequence of T arrays of shape (n, k)
        Probabilities of rows that their givers have not seen.
    y : array-like of shape (n,)
        Class codes, 0 to k - 1.
    sample_weight : array-like of shape (n,), optional
        Weights >= 0. A row of weight 0 is as if absent; integer weights are as if rows were repeated.
    temperatures : array-like of shape (T,), optional
        Each matrix is tempered first.
    backend : Backend
        Where to compute; sums are taken block by block.
    floor : float
        Probabilities below this count as this.
    with_biases : bool
        Fit biases too; else they are 0.
    bounds : tuple of two floats
        Of every exponent.

    Returns
    -------
    exponents : ndarray of shape (T,)
    biases : ndarray of shape (k,)

    Raises
    ------
    ValueError
        If a probability is NaN, or `y` or `sample_weight` do not fit `P`.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining probability distributions: a critique and an annotated bibliography",
       Statistical Science 1 (1), 1986.
    .. [2] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import fit_log_pool
    >>> p = np.array([[0.9, 0.1], [0.1, 0.9]] * 4000)  # sure to 0.9, right 3 times in 4
    >>> fit_log_pool([p], [0, 1, 0, 1, 0, 1, 1, 0] * 1000)[0].round(2)  # odds of 9 become odds of 3
    array([0.5])
    """
    T, n, k = check_committee(P)
    codes = check_targets(y, n, k, "classification")
    weight = check_sample_weight(sample_weight, n)
    degrees = check_temperatures(temperatures, T, "classification")
    size = T + (k if with_biases else 0)
    rows_of_weight = n if sample_weight is None else float(np.sum(sample_weight))
    ridge = np.full(size, _BIAS_RIDGE / rows_of_weight)
    ridge[:T] = _RIDGE / rows_of_weight
    centre = np.zeros(size)
    centre[:T] = 1.0 / T
    blocks = list(row_blocks(n, backend.block_rows(4 * T * k), weight))

    def sums(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """The loss at `x`, its gradient and its Hessian."""
        away = x - centre
        loss, gradient, hessian = float(ridge @ away**2), 2 * ridge * away, np.diag(2 * ridge)
        for rows in blocks:
            logs = _logs([p[rows] for p in P], degrees, floor, backend)
            terms = _block_sums(logs, codes[rows], weight[rows], x, with_biases, backend)
            loss, gradient, hessian = loss + terms[0], gradient + terms[1], hessian + terms[2]
        return loss, gradient, hessian

    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    low[:T], high[:T] = bounds
    solution = _newton(sums, np.clip(centre, low, high), low, high)
    return solution[:T], solution[T:] if with_biases else np.zeros(k)


def _logs(blocks: list[Any], degrees: list[float], floor: float, backend: Backend) -> list[Any]:
    """Logarithms of the tempered probabilities, on the device."""
    xp = backend.xp
    return [
        xp.log(floored(apply_temperature(backend.asarray(block), degree, backend), backend, floor))
        for block, degree in zip(blocks, degrees)
    ]


def _block_sums(
    logs: list[Any], codes: NDArray[Any], weight: NDArray[Any], x: NDArray[Any], with_biases: bool, backend: Backend
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """What one block of rows adds to the loss, the gradient and the Hessian."""
    xp, T, k = backend.xp, len(logs), logs[0].shape[1]
    truth = np.zeros((len(codes), k))
    truth[np.arange(len(codes)), codes] = weight
    share, truth = backend.asarray(weight)[:, None], backend.asarray(truth)
    score: Any = backend.asarray(x[T:])[None, :] if with_biases else 0.0
    for exponent, log in zip(x, logs):
        score = score + float(exponent) * log
    top = xp.max(score, axis=-1, keepdims=True)
    powers = xp.exp(score - top)
    total = xp.sum(powers, axis=-1, keepdims=True)
    p = powers / total
    loss = float(xp.sum(share * (top + xp.log(total)))) - float(xp.sum(truth * score))
    mass = share * p
    residual = mass - truth
    gradient = [float(xp.sum(residual * log)) for log in logs]
    # The Hessian is the covariance, under p, of what the coefficients multiply.
    centred = [log - xp.sum(p * log, axis=-1, keepdims=True) for log in logs]
    hessian = np.zeros((len(x), len(x)))
    for s in range(T):
        for t in range(s + 1):
            hessian[s, t] = hessian[t, s] = float(xp.sum(mass * centred[s] * centred[t]))
        if with_biases:
            hessian[s, T:] = hessian[T:, s] = backend.to_numpy(xp.sum(mass * centred[s], axis=0))
    if with_biases:
        hessian[T:, T:] = np.diag(backend.to_numpy(xp.sum(mass, axis=0))) - backend.to_numpy(xp.matmul(mass.T, p))
        gradient.extend(backend.to_numpy(xp.sum(residual, axis=0)).tolist())
    return loss, np.asarray(gradient), hessian


def _newton(sums: Any, x: NDArray[np.float64], low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float64]:
    """The minimum of a convex function within bounds; no step raises it."""
    loss, gradient, hessian = sums(x)
    if not np.isfinite(loss):
        raise ValueError("Probabilities that hold NaN cannot be calibrated.")
    for _ in range(_STEPS):
        # Two equal teachers, or probabilities that are all alike, make it singular.
        hessian = hessian + (1e-9 * hessian.diagonal().max() + 1e-15) * np.eye(len(x))
        root = np.linalg.cholesky(hessian).T
        goal = root @ x - np.linalg.solve(root.T, gradient)
        step = lsq_linear(root, goal, bounds=(low, high), method="bvls").x - x
        if -(gradient @ step) < _GAIN:
            break
        for size in 0.5 ** np.arange(30):
            moved = sums(x + size * step)
            if moved[0] < loss:
                break
        else:
            break
        x = np.clip(x + size * step, low, high)
        loss, gradient, hessian = moved
    return x
