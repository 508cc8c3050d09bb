"""What a linear model asks of a block of rows: sums of losses, gradients and curvatures, in float64.

A block holds ``"Q"`` (targets, two-dimensional), ``"weight"``, and its features: ``"X"`` (float32, dense or CSR) or,
for a model of steps, ``"bins"``. Parameters `theta` have shape (d + 1, k), the intercept last. `sampled` restricts a
sum to the rows that `sample` chose, column ``"sample"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from .._backend import NUMPY, of
from ._bins import BinTable
from ._designs import DenseDesign, Design, SparseDesign, StepDesign
from ._engine import Block
from ._sample import row_hashes
from ._tree_blocks import binned

#: The largest score whose exponential counts as such while a model of rates is fitted.
MOST_SCORE = 60.0


class Steps(NamedTuple):
    """The steps of an additive model; see `StepDesign`."""

    starts: np.ndarray  #: (features + 1,), the first cell of each feature
    lift: Any  #: CSR, (cells, steps)


class PairTables(NamedTuple):
    """A pair of features: which, how to bin them, and the bins of the second; 256 cells at most."""

    features: tuple[int, int]
    tables: tuple[BinTable, BinTable]
    n_second: int


class Frame(NamedTuple):
    """The coordinates a linear model is fitted in. They change the numerics, not the problem."""

    center: np.ndarray  #: (d,), subtracted from the features; not applied to sparse ones and to steps
    intercept: float  #: the last feature: 1.0, or 0.0 for a line through the origin
    mean: np.ndarray  #: (k,), subtracted from the targets of the squared loss ...
    scale: np.ndarray  #: (k,), ... which are then divided by this
    steps: Steps | None = None  #: what the features are if not numbers


def sample(block: Block, every: int) -> Any:
    """Choose one in `every` rows, by hash: the same rows however blocks are cut, and no prey to periodic data."""
    if every == 1:
        return slice(None)
    backend = of(block["Q"])
    hashes = row_hashes(block["start"], block["Q"].shape[0], 0, backend)
    return backend.xp.nonzero(hashes % backend.asarray(np.array([every], dtype=np.uint64)) == 0)[0]


def cell_bins(block: Block, features: np.ndarray, tables: list[BinTable], pairs: list[PairTables]) -> np.ndarray:
    """The bins of the given features, then the cells of pairs, counted along the second feature: one column each."""
    own = binned(block, features, tables)
    if not pairs:
        return own
    first, second = (
        binned(block, np.array([p.features[i] for p in pairs]), [p.tables[i] for p in pairs]) for i in (0, 1)
    )
    cells = first * np.array([p.n_second for p in pairs], dtype=np.uint8) + second
    cells[(first == 0) | (second == 0)] = 0  # no step of the pair climbs there, and bin 0 costs nothing
    return np.hstack([own, cells])


def totals(block: Block) -> tuple[Any, ...]:
    """Weight, weighted sums of targets and of their squares."""
    xp, weight = of(block["Q"]).xp, block["weight"]
    Q = xp.astype(block["Q"], xp.float64, copy=False)
    return xp.sum(weight), weight @ Q, weight @ (Q * Q)


def feature_sums(block: Block) -> tuple[Any, ...]:
    """Weight and weighted feature sums of the sample; zeros where features are sparse and must stay so."""
    weight, xp = _picked(block, "weight", True), of(block["weight"]).xp
    X: Any = block["X"]
    width = X.shape[1]
    if sparse.issparse(X):
        return weight.sum(), np.zeros(width)
    return xp.sum(weight), weight @ xp.astype(_picked(block, "X", True), xp.float64, copy=False)


def difference_sums(block: Block, scale: np.ndarray) -> tuple[Any, ...]:
    """Of moves, whose rows and targets are differences: rows, products (d, d), products with targets, squares of these.

    Targets are divided by `scale`, (k,). A row, dense or of a CSR matrix, holds no intercept, which no move changes.
    """
    X: Any = block["X"]
    T = block["Q"] / scale
    products: Any = X.T @ X
    return len(T), products.toarray() if sparse.issparse(X) else products, X.T @ T, np.vdot(T, T)


def softmax_sums(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, cross-entropy against the soft labels, and its gradient (d + 1, k)."""
    A, T = _design(block, frame, sampled), _weighted_targets(block, sampled)
    backend = of(T)
    xp = backend.xp
    mass = xp.sum(T, axis=0)
    Z = A.scores(backend.asarray(theta))
    linear = xp.tensordot(T, Z, axes=2)
    P, log_total = _softmax(Z)
    P *= mass
    P -= T
    return xp.sum(mass), mass @ log_total - linear, A.pull(P)


def softmax_hessian(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and all second derivatives of the cross-entropy, shape (d + 1, k, d + 1, k)."""
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    width, k = theta.shape
    backend = of(P)
    hessian = backend.xp.empty((width, k, width, k), dtype=P.dtype, device=backend.device)
    for a in range(k):
        for b in range(a + 1):
            curvature = mass * P[a, :] * (float(a == b) - P[b, :])
            hessian[:, a, :, b] = hessian[:, b, :, a] = A.gram(curvature)
    return backend.xp.sum(mass), hessian


def softmax_gram(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivatives averaged over classes, shape (d + 1, d + 1).

    Off the constant direction, the curvature of a row in its scores has mean eigenvalue sum(p (1 - p)) / (k - 1).
    """
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    xp = of(P).xp
    curvature = mass * xp.sum(P * (1 - P), axis=0) / (P.shape[0] - 1)
    return xp.sum(mass), A.gram(curvature)


def softmax_diagonal(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivative in every single parameter, shape (d + 1, k)."""
    A, mass, P = _softmax_rows(block, theta, frame, sampled)
    return of(P).xp.sum(mass), A.pull_squares(mass * P * (1 - P))


def softmax_scatter(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Squared residuals, and what they would sum to if targets were classes drawn from the fitted probabilities."""
    _, mass, P = _softmax_rows(block, theta, frame, sampled)
    xp = of(P).xp
    R = _weighted_targets(block, sampled) - mass * P
    return xp.sum(R * R / mass), xp.sum(mass * P * (1 - P))


def squared_sums(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, half the sum of squared errors in the frame's units, and its gradient (d + 1, k)."""
    A, weight = _design(block, frame, sampled), _picked(block, "weight", sampled)
    backend = of(weight)
    xp, put = backend.xp, backend.asarray
    R = A.scores(put(theta))
    R -= (_picked(block, "Q", sampled).T - put(frame.mean)[:, None]) / put(frame.scale)[:, None]
    weighted = R * weight
    return xp.sum(weight), 0.5 * xp.sum(R * weighted), A.pull(weighted)


def squared_scatter(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Squared errors, and what they would sum to if their variance was one of the frame's units."""
    weight, loss, _ = squared_sums(block, theta, frame, sampled)
    return 2 * loss, weight * theta.shape[1]


def squared_gram(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivatives of the squared loss, the same for all outputs: (d + 1, d + 1)."""
    A, weight = _design(block, frame, sampled), _picked(block, "weight", sampled)
    return of(weight).xp.sum(weight), A.gram(weight)


def squared_diagonal(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivative in every single parameter, shape (d + 1, 1)."""
    A, weight = _design(block, frame, sampled), _picked(block, "weight", sampled)
    return of(weight).xp.sum(weight), A.pull_squares(weight[None, :])


def poisson_sums(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, negative log-likelihood of counts whose rates are exponentials of the scores, and its gradient."""
    A, T = _design(block, frame, sampled), _weighted_targets(block, sampled)
    weight, backend = _picked(block, "weight", sampled), of(T)
    xp = backend.xp
    Z = A.scores(backend.asarray(theta))
    linear = xp.tensordot(T, Z, axes=2)
    beyond = xp.maximum(Z - MOST_SCORE, 0.0)  # there the exponential goes on as its tangent: sums stay finite
    rates = xp.exp(Z - beyond)
    rates *= weight
    beyond += 1
    loss = xp.tensordot(rates, beyond, axes=2) - linear
    rates -= T
    return xp.sum(weight), loss, A.pull(rates)


def poisson_scatter(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Squared residuals, and what they would sum to if targets were counts drawn at the fitted rates."""
    _, weight, rates = _poisson_rows(block, theta, frame, sampled)
    xp = of(weight).xp
    R = _picked(block, "Q", sampled).T - rates
    return xp.sum(weight * R * R), xp.sum(weight * rates)


def poisson_gram(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivatives averaged over outputs, shape (d + 1, d + 1)."""
    A, weight, rates = _poisson_rows(block, theta, frame, sampled)
    xp = of(weight).xp
    return xp.sum(weight), A.gram(weight * xp.mean(rates, axis=0))


def poisson_diagonal(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Any, ...]:
    """Weight, and the second derivative in every single parameter, shape (d + 1, k)."""
    A, weight, rates = _poisson_rows(block, theta, frame, sampled)
    return of(weight).xp.sum(weight), A.pull_squares(weight * rates)


def softmax_residuals(block: Block, theta: np.ndarray, frame: Frame, grid: Steps) -> tuple[Any, ...]:
    """Sums over the sample for each pair of steps, 1 above both: curvature (s, s) and residuals (k, s, s).

    The steps are those of `grid`, whose cells are in column ``"grid"``, and last one that is 1 everywhere.
    """
    _, mass, P = _softmax_rows(block, theta, frame, True)
    curvature = mass * (P * (1 - P)).sum(axis=0) / (len(P) - 1)
    return _joint(block, grid, curvature, _weighted_targets(block, True) - mass * P)


def squared_residuals(block: Block, theta: np.ndarray, frame: Frame, grid: Steps) -> tuple[Any, ...]:
    """The same for the squared loss, in the frame's units."""
    A, weight, Q = _design(block, frame, True), block["weight"][block["sample"]], block["Q"][block["sample"]].T
    R = (Q - frame.mean[:, None]) / frame.scale[:, None] - A.scores(theta)
    return _joint(block, grid, weight, R * weight)


def poisson_residuals(block: Block, theta: np.ndarray, frame: Frame, grid: Steps) -> tuple[Any, ...]:
    """The same for counts."""
    _, weight, rates = _poisson_rows(block, theta, frame, True)
    return _joint(block, grid, weight * rates.mean(axis=0), _weighted_targets(block, True) - weight * rates)


RESIDUALS: dict[str, Callable[..., Any]] = {
    "log_loss": softmax_residuals,
    "squared": squared_residuals,
    "poisson": poisson_residuals,
}


def _joint(block: Block, grid: Steps, curvature: np.ndarray, R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    A = StepDesign(block["grid"][block["sample"]], grid.starts, grid.lift, 1.0)
    return A.gram(curvature), np.stack([A.gram(row) for row in R])


def _picked(block: Block, name: str, sampled: bool) -> Any:
    """The rows of a column that a sum is over."""
    column: Any = block[name]
    is_sparse = sparse.issparse(column)
    rows = block["sample"] if sampled else None
    if rows is None or isinstance(rows, slice):
        return column
    return column[rows] if is_sparse else of(column).xp.take(column, rows, axis=0)


def _design(block: Block, frame: Frame, sampled: bool) -> Design:
    if frame.steps is not None:
        return StepDesign(_picked(block, "bins", sampled), frame.steps.starts, frame.steps.lift, frame.intercept)
    X = _picked(block, "X", sampled)
    return SparseDesign(X, frame.intercept) if sparse.issparse(X) else DenseDesign(X, frame.center, frame.intercept)


def _weighted_targets(block: Block, sampled: bool) -> Any:
    Q, weight = _picked(block, "Q", sampled), _picked(block, "weight", sampled)
    backend = of(Q)
    if backend is NUMPY:
        return np.multiply(Q.T, weight, out=np.empty((Q.shape[1], Q.shape[0])))
    return backend.xp.astype(Q, backend.xp.float64).T * weight


def _softmax(Z: Any) -> tuple[Any, Any]:
    """Probabilities, and the logarithm of what they were divided by; the scores are given up."""
    xp = of(Z).xp
    top = xp.max(Z, axis=0)
    Z -= top
    P = xp.exp(Z)
    total = xp.sum(P, axis=0)
    P /= total
    return P, top + xp.log(total)


def _poisson_rows(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Design, Any, Any]:
    A, weight = _design(block, frame, sampled), _picked(block, "weight", sampled)
    backend = of(weight)
    return A, weight, backend.xp.exp(backend.xp.minimum(A.scores(backend.asarray(theta)), MOST_SCORE))


def _softmax_rows(block: Block, theta: np.ndarray, frame: Frame, sampled: bool) -> tuple[Design, Any, Any]:
    A, T = _design(block, frame, sampled), _weighted_targets(block, sampled)
    backend = of(T)
    return A, backend.xp.sum(T, axis=0), _softmax(A.scores(backend.asarray(theta)))[0]
