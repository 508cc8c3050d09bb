"""What a line asks of a block of rows: sums of losses, gradients and curvatures, in float64.

A block holds ``"X"`` (float32, dense or CSR), ``"Q"`` (targets, two-dimensional) and ``"weight"``. Parameters `theta`
have shape (d + 1, k), the intercept last. Scores lie class by class, shape (k, rows), so that every step over rows runs
along contiguous memory. `sampled` restricts a sum to the rows that `sample` chose, column ``"sample"``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ._memory import Block
from ._sample import row_hashes


class Frame(NamedTuple):
    """The coordinates a line is fitted in. They change the numerics, not the problem."""

    center: np.ndarray  #: (d,), subtracted from the features; not applied to sparse ones
    intercept: float  #: the last feature: 1.0, or 0.0 for a line through the origin
    mean: np.ndarray  #: (k,), subtracted from the targets of the squared loss ...
    scale: np.ndarray  #: (k,), ... which are then divided by this


def sample(block: Block, every: int) -> Any:
    """Choose one in `every` rows, by hash: the same rows however blocks are cut, and no prey to periodic data."""
    if every == 1:
        return slice(None)
    return np.flatnonzero(row_hashes(block["start"], block["Q"].shape[0], seed=0) % np.uint64(every) == 0)


def totals(block: Block) -> tuple[Any, ...]:
    """Weight, weighted sums of targets and of their squares; then weight and weighted feature sums of the sample."""
    Q, weight, rows = block["Q"], block["weight"], _rows(block, sampled=True)
    return (
        weight.sum(),
        weight @ Q,
        weight @ np.square(Q, dtype=np.float64),
        weight[rows].sum(),
        weight[rows] @ block["X"][rows],
    )


def softmax_sums(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, cross-entropy against the soft labels, and its gradient (d + 1, k)."""
    A, T = _design(block, frame, sampled), _weighted_targets(block, sampled)
    mass = T.sum(axis=0)
    Z = _scores(A, theta)
    linear = np.vdot(T, Z)
    P, log_total = _softmax(Z)
    P *= mass
    P -= T
    return mass.sum(), mass @ log_total - linear, _pull(A, P, frame)


def softmax_hessian(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and all second derivatives of the cross-entropy, shape (d + 1, k, d + 1, k)."""
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    A = _dense(A, frame)
    width, k = theta.shape
    hessian = np.empty((width, k, width, k))
    for a in range(k):
        for b in range(a + 1):
            curvature = mass * P[a] * ((a == b) - P[b])
            hessian[:, a, :, b] = hessian[:, b, :, a] = (A * curvature[:, None]).T @ A
    return mass.sum(), hessian


def softmax_gram(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivatives averaged over classes, shape (d + 1, d + 1).

    Off the constant direction, the curvature of a row in its scores has mean eigenvalue sum(p (1 - p)) / (k - 1).
    """
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    A = _dense(A, frame)
    curvature = mass * (P * (1 - P)).sum(axis=0) / (len(P) - 1)
    return mass.sum(), (A * curvature[:, None]).T @ A


def softmax_diagonal(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivative in every single parameter, shape (d + 1, k)."""
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    return mass.sum(), _pull(_squared(A), mass * P * (1 - P), frame)


def squared_sums(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, half the sum of squared errors in the frame's units, and its gradient (d + 1, k)."""
    A, weight = _design(block, frame, sampled), block["weight"][_rows(block, sampled)]
    Q = block["Q"][_rows(block, sampled)].T
    R = _scores(A, theta)
    R -= (Q - frame.mean[:, None]) / frame.scale[:, None]
    loss = 0.5 * np.einsum("kn,kn,n", R, R, weight)
    R *= weight
    return weight.sum(), loss, _pull(A, R, frame)


def squared_gram(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivatives of the squared loss, the same for all outputs: (d + 1, d + 1)."""
    A, weight = _dense(_design(block, frame, sampled), frame), block["weight"][_rows(block, sampled)]
    return weight.sum(), (A * weight[:, None]).T @ A


def squared_diagonal(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivative in every single parameter, shape (d + 1, 1)."""
    A, weight = _design(block, frame, sampled), block["weight"][_rows(block, sampled)]
    return weight.sum(), _pull(_squared(A), weight[None], frame)


def _rows(block: Block, sampled: bool) -> Any:
    return block["sample"] if sampled else slice(None)


def _is_sparse(A: Any) -> bool:
    return sparse.issparse(A)  # a plain bool: SciPy's type guard hides a matrix's methods from mypy


def _design(block: Block, frame: Frame, sampled: bool) -> Any:
    """The features of the frame: float64 (rows, d + 1), or the CSR block as it is, without its last feature."""
    X = block["X"][_rows(block, sampled)]
    if _is_sparse(X):
        return X
    A = np.empty((X.shape[0], X.shape[1] + 1))
    np.subtract(X, frame.center, out=A[:, :-1])
    A[:, -1] = frame.intercept
    return A


def _dense(A: Any, frame: Frame) -> np.ndarray:
    if not _is_sparse(A):
        return A
    dense = np.empty((A.shape[0], A.shape[1] + 1))
    dense[:, :-1] = A.toarray()
    dense[:, -1] = frame.intercept
    return dense


def _squared(A: Any) -> Any:
    return A.multiply(A) if _is_sparse(A) else A * A


def _scores(A: Any, theta: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((A @ theta[:-1] + theta[-1]).T) if _is_sparse(A) else theta.T @ A.T


def _pull(A: Any, R: np.ndarray, frame: Frame) -> np.ndarray:
    """Row values `R` (k, rows) carried back to the parameters: (d + 1, k)."""
    return np.vstack([A.T @ R.T, frame.intercept * R.sum(axis=1)]) if _is_sparse(A) else A.T @ R.T


def _weighted_targets(block: Block, sampled: bool) -> np.ndarray:
    Q, weight = block["Q"][_rows(block, sampled)], block["weight"][_rows(block, sampled)]
    return np.multiply(Q.T, weight, out=np.empty((Q.shape[1], Q.shape[0])))


def _softmax(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, written over the scores, and the logarithm of what they were divided by."""
    top = Z.max(axis=0)
    Z -= top
    np.exp(Z, out=Z)
    total = Z.sum(axis=0)
    Z /= total
    return Z, top + np.log(total)


def _softmax_rows(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, np.ndarray, np.ndarray]:
    A = _design(block, frame, sampled)
    return A, _weighted_targets(block, sampled).sum(axis=0), _softmax(_scores(A, theta))[0]
