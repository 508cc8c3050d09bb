"""Features of a block as a linear model sees them: what turns parameters into scores, and row values into gradients.

Parameters have shape (d + 1, k), the intercept last. Scores and row values lie class by class, shape (k, rows), so that
every step over rows runs along contiguous memory. No design outlives its block.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy import sparse

from .._backend import NUMPY, of


class Design(Protocol):
    """A matrix A of rows by d + 1, its last column constant."""

    def scores(self, theta: Any) -> Any:
        """The product of A and parameters, shape (k, rows)."""

    def pull(self, R: Any) -> Any:
        """Row values (k, rows) carried back to the parameters, shape (d + 1, k)."""

    def pull_squares(self, R: Any) -> Any:
        """The same with each element of A squared."""

    def gram(self, curvature: Any) -> Any:
        """Products of the columns of A, summed with a weight for each row: (d + 1, d + 1)."""


class DenseDesign:
    """Numbers as they are, less a center."""

    def __init__(self, X: Any, center: np.ndarray, intercept: float) -> None:
        backend = of(X)
        xp = backend.xp
        self.A = xp.empty((X.shape[0], X.shape[1] + 1), dtype=xp.float64, device=backend.device)
        if backend is NUMPY:
            np.subtract(X, center, out=self.A[:, :-1])  # one pass instead of two
        else:
            self.A[:, :-1] = X
            self.A[:, :-1] -= backend.asarray(center)
        self.A[:, -1] = intercept

    def scores(self, theta: Any) -> Any:
        return theta.T @ self.A.T

    def pull(self, R: Any) -> Any:
        return self.A.T @ R.T

    def pull_squares(self, R: Any) -> Any:
        return (self.A * self.A).T @ R.T

    def gram(self, curvature: Any) -> Any:
        return (self.A * curvature[:, None]).T @ self.A


class SparseDesign:
    """A CSR matrix as it is."""

    def __init__(self, X: Any, intercept: float) -> None:
        self.X, self.intercept = X, intercept

    def scores(self, theta: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((self.X @ theta[:-1] + theta[-1]).T)

    def pull(self, R: np.ndarray) -> np.ndarray:
        return np.vstack([self.X.T @ R.T, self.intercept * R.sum(axis=1)])

    def pull_squares(self, R: np.ndarray) -> np.ndarray:
        return SparseDesign(self.X.multiply(self.X), self.intercept**2).pull(R)

    def gram(self, curvature: np.ndarray) -> np.ndarray:
        return DenseDesign(self.X.toarray(), np.zeros(self.X.shape[1]), self.intercept).gram(curvature)


def cell_matrix(bins: np.ndarray, starts: np.ndarray) -> Any:
    """A 1 for the cell that a row falls into, for each column of `bins`; the cells of column i begin at starts[i].

    Bin 0 of a column has no entry: for indicator columns that leaves little.
    """
    entered = bins > 0
    cells = np.add(bins, starts[:-1], dtype=np.int32)[entered]
    row_ends = np.concatenate([[0], np.cumsum(np.count_nonzero(entered, axis=1))]).astype(np.int32)
    return sparse.csr_array((np.ones(cells.size), cells, row_ends), shape=(len(bins), int(starts[-1])))


class StepDesign:
    """Steps between the bins of each feature: a row has a 1 for each edge that lies below its value, else a 0.

    A pair of features has a step for each edge of the one and edge of the other, 1 above both.
    That matrix is never built. A row falls into one cell per feature; `lift` (cells, steps) says which steps a cell has
    climbed, the first of a feature none. Scores are looked up by cell, and row values are summed by cell: histograms,
    as for a tree.
    """

    def __init__(self, bins: np.ndarray, starts: np.ndarray, lift: Any, intercept: float) -> None:
        self.rows = cell_matrix(bins, starts)
        self.lift, self.intercept = lift, intercept

    def scores(self, theta: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((self.rows @ (self.lift @ theta[:-1]) + theta[-1]).T)

    def pull(self, R: np.ndarray) -> np.ndarray:
        return np.vstack([self.lift.T @ (self.rows.T @ R.T), self.intercept * R.sum(axis=1)])

    def pull_squares(self, R: np.ndarray) -> np.ndarray:
        return self.pull(R)  # zeros and ones are their own squares

    def gram(self, curvature: np.ndarray) -> np.ndarray:
        rows = self.rows
        weighted = sparse.csr_array(
            (np.repeat(curvature, np.diff(rows.indptr)), rows.indices, rows.indptr), shape=rows.shape
        )
        joint = (rows.T @ weighted).toarray()
        # What lies above a step is a difference of a few cumulative sums, but a sum of many cells.
        next_cell = self.lift[1:]
        next_cell.resize(self.lift.shape)
        climb = (self.lift - next_cell).T.tocsr()
        steps = climb @ (climb @ joint.cumsum(axis=0)).T.cumsum(axis=0)
        sums = self.pull(curvature[None])
        return np.block([[steps, sums[:-1]], [sums[:-1].T, sums[-1:]]])
