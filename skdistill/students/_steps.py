"""The steps that an additive model is a sum of, and what can be computed from their curvature alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cholesky
from scipy.linalg.lapack import dtrtri

from ..engine._linear_blocks import Steps


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
