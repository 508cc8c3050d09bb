"""The steps that an additive model is a sum of, and what can be computed from their curvature alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky
from scipy.linalg.lapack import dtrtri

from ..engine._linear_blocks import Steps

#: Parameters taken out before the inverse curvature is brought up to date: one product is faster than many updates.
LAZY = 64


def steps_between(edges: list[np.ndarray], pairs: list[tuple[np.ndarray, np.ndarray]] | None = None) -> Steps:
    """Steps at the edges of each feature, then of each pair at every edge of the one and edge of the other."""
    climbs: list[Any] = [_climb(e) for e in edges]
    climbs += [sparse.kron(_climb(first), _climb(second)) for first, second in pairs or []]
    lift = sparse.block_diag(climbs, format="csr") if climbs else sparse.csr_array((0, 0))
    return Steps(np.concatenate([[0], np.cumsum([climb.shape[0] for climb in climbs], dtype=np.intp)]), lift)


def _climb(edges: np.ndarray) -> np.ndarray:
    """Which steps each bin has climbed, shape (bins, edges)."""
    return np.tri(len(edges) + 1, len(edges), -1)


def inverse_root(gram: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """The matrix R of which ``R.T @ R`` is the inverse of the penalised curvature."""
    curvature = gram + np.diag(penalty)
    np.einsum("ii->i", curvature)[:] += 1e-10 * curvature.trace() / len(curvature)
    root = cholesky(curvature, lower=True, overwrite_a=True, check_finite=False)
    inverse: np.ndarray = dtrtri(root, lower=1)[0]
    return inverse


def taken_out(inverse: np.ndarray, theta: np.ndarray, cost: np.ndarray | float = 1.0) -> Iterator[tuple[int, float]]:
    """Set parameters to zero one by one, each time the one whose loss costs least, while the others adapt.

    A number is told with what it costs before it is set; going on sets it. The loss is quadratic: setting parameter j
    to zero raises it by theta[j]^2 / (2 inverse[j, j]), and takes an update of rank one of the inverse.

    Parameters
    ----------
    inverse : ndarray of shape (p, p)
        Of the curvature; changed in place.
    theta : ndarray of shape (p, k)
        The minimum; changed in place. The last row is never set.
    cost : ndarray of shape (p - 1,) or float
        What rises of the loss are divided by.

    References
    ----------
    B. Hassibi, D. G. Stork, "Second order derivatives for network pruning: optimal brain surgeon", NeurIPS 1992.

    Examples
    --------
    >>> theta = np.array([[3.0], [1.0], [0.0]])
    >>> [(j, rise) for j, rise in taken_out(np.eye(3), theta)]
    [(1, 0.5), (0, 4.5)]
    """
    kept = np.ones(len(theta) - 1, dtype=bool)
    variances = inverse.diagonal().copy()
    pending, n_pending = np.empty((LAZY, len(theta))), 0  # what was taken out, but not yet of the whole inverse
    while kept.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            rises = np.square(theta[:-1]).sum(axis=1) / (2 * variances[:-1]) / cost
        rises[~kept] = np.inf
        j = int(rises.argmin())
        yield j, float(rises[j])
        if n_pending == LAZY:
            inverse -= pending.T @ pending
            n_pending = 0
        size = np.sqrt(variances[j])
        column = (inverse[j] - pending[:n_pending, j] @ pending[:n_pending]) / size
        theta -= np.outer(column, theta[j] / size)
        variances -= np.square(column)
        pending[n_pending] = column
        n_pending += 1
        kept[j] = False
