"""Lines that use few features: a penalty on the length of each feature's coefficients, which draws them to zero."""

from __future__ import annotations

import numpy as np

from ._descent import Problem

#: Sweeps over the coefficients for one quadratic model of the loss: its solution need not be finer than the model.
SWEEPS = 100
#: Change of the gradient by a sweep, as a share of the violation there was, at which the model counts as solved.
PRECISION = 1e-3
#: Halvings of a step that does not lower the loss.
HALVINGS = 30


def solve_sparse(problem: Problem, sparsity: float, max_iter: int, tol: float) -> tuple[np.ndarray, int, float]:
    """Minimise the penalised loss plus ``sparsity`` times the sum of the lengths of the features' coefficients.

    A proximal Newton method: the loss is replaced by its quadratic model, that is solved by descent along one feature
    after the other, and the step is halved until the objective falls. So no step ever raises it (M. Yuan, Y. Lin,
    "Model selection and estimation in regression with grouped variables", JRSS B, 2006; J. Friedman, T. Hastie,
    R. Tibshirani, "Regularization paths for generalized linear models via coordinate descent", Journal of Statistical
    Software, 2010; J. Lee, Y. Sun, M. Saunders, "Proximal Newton-type methods", SIAM Journal on Optimization, 2014).

    Parameters
    ----------
    problem : Problem
        With fewer than `CURVATURE_WIDTH` features.
    sparsity : float > 0
        In units of rows.
    max_iter : int
    tol : float
        Largest violation of the conditions of a minimum, per unit of weight.

    Returns
    -------
    theta : ndarray of shape (width, k)
        Rows of unused features are exactly zero.
    n_iter : int
    left : float
        The violation at the end.
    """
    price = np.full(problem.shape[0], sparsity * np.sqrt(problem.unit) / problem.weight)
    price[-1] = 0.0
    theta = problem.origin()
    value, gradient = problem.value(theta)
    objective = value + _lengths(theta) @ price
    for n_iter in range(max_iter):
        left = _violation(theta, gradient, price)
        if left <= tol:
            return theta, n_iter, left
        step = _quadratic_step(problem.curvature(theta), gradient, theta, price, PRECISION * left)
        promised = float(np.vdot(gradient, step) + (_lengths(theta + step) - _lengths(theta)) @ price)
        for halving in range(HALVINGS):
            share = 0.5**halving
            tried = theta + share * step if halving else _exact_zeros(theta, step)
            value, slope = problem.value(tried)
            reached = value + _lengths(tried) @ price
            if reached <= objective + 1e-4 * share * promised:
                break
        else:  # nothing left to win in float64
            return theta, n_iter, left
        theta, gradient, objective = tried, slope, reached
    return theta, max_iter, _violation(theta, gradient, price)


def _lengths(theta: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.square(theta).sum(axis=1)))


def _exact_zeros(theta: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Their sum, where a step back to zero arrives there."""
    return np.where(step == -theta, 0.0, theta + step)


def _violation(theta: np.ndarray, gradient: np.ndarray, price: np.ndarray) -> float:
    """How far the gradient is from what the price of each feature allows."""
    lengths = _lengths(theta)
    used = lengths > 0
    pull = gradient + price[:, None] * theta / np.where(used, lengths, 1)[:, None]
    beyond = np.where(used, np.abs(pull).max(axis=1), np.maximum(_lengths(gradient) - price, 0))
    return float(beyond.max())


def _quadratic_step(
    curvature: np.ndarray, gradient: np.ndarray, theta: np.ndarray, price: np.ndarray, tol: float
) -> np.ndarray:
    """The step to the minimum of the loss's quadratic model plus the price of the features.

    `curvature` is that of all parameters, shape (width * k, width * k), or if (width, width) the same for all outputs.
    """
    width, k = theta.shape
    if len(curvature) == width:
        curvature, group = curvature[:, None, :, None], 1
    else:
        curvature, group = curvature.reshape(width, k, width, k), k
    blocks = np.ascontiguousarray(np.moveaxis(curvature, 2, 0))  # what a change of a feature does to the gradient
    bounds = np.linalg.eigvalsh(curvature[np.arange(width), :, np.arange(width)])[:, -1]
    moved, slope = theta.copy(), gradient.copy()
    everyone = np.arange(width)
    rows = everyone
    for _ in range(SWEEPS):
        largest = 0.0
        for j in rows:
            wanted = moved[j] - slope[j] / bounds[j]
            length = float(np.sqrt(wanted @ wanted))
            if price[j]:
                wanted *= max(1 - price[j] / (bounds[j] * length), 0.0) if length else 0.0
            change = wanted - moved[j]
            if change.any():
                moved[j] = wanted
                slope += blocks[j, :, 0] * change if group == 1 else blocks[j] @ change
                largest = max(largest, float(np.abs(change).max()) * bounds[j])
        if largest > tol:
            # Features at zero mostly stay there: they are asked again when the others have settled.
            rows = np.flatnonzero(moved.any(axis=1) | (price == 0))
        elif len(rows) == width:
            break
        else:
            rows = everyone
    return moved - theta
