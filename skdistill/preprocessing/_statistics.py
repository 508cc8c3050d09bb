"""Weighted medians, means and deviations of numeric columns, missing values apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ._columns import row_blocks


@dataclass(frozen=True, eq=False)
class Summary:
    """What the encoder needs to know about each numeric column; every array is float32 or bool of shape (n_columns,).

    Attributes
    ----------
    fill : ndarray
        Weighted median of the values that are there, 0 in a column without any.
    mean, deviation : ndarray
        Weighted mean and standard deviation once missing values are `fill`; `deviation` is exactly 0 for a constant.
    missing, empty : ndarray of bool
        Whether some, and whether all, values are missing.
    """

    fill: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    missing: np.ndarray
    empty: np.ndarray


def summarise(matrix: np.ndarray, weights: np.ndarray | None = None) -> Summary:
    """Summary of the columns of a dense matrix.

    Blocks of rows are merged as in Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance"; the
    missing values are one more block, whose mean is the median.

    Parameters
    ----------
    matrix : ndarray of shape (n, d), float32
        Values, NaN where missing.
    weights : ndarray of shape (n,), default=None
        Positive weights of the rows; None: 1 each.

    Returns
    -------
    Summary

    Examples
    --------
    >>> summary = summarise(np.array([[1.0], [2.0], [np.nan], [9.0]], dtype=np.float32))
    >>> summary.fill, summary.mean
    (array([2.], dtype=float32), array([3.5], dtype=float32))
    """
    n_columns = matrix.shape[1]
    total, mean, spread, gaps = np.zeros((4, n_columns))
    low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    for rows in row_blocks(matrix):
        block = matrix[rows].astype(np.float64)
        weight = np.ones(len(block)) if weights is None else weights[rows]
        low, high = np.fmin(low, np.fmin.reduce(block)), np.fmax(high, np.fmax.reduce(block))
        gap = np.isnan(block)
        if gap.any():
            gaps += np.einsum("i,ij->j", weight, gap)
            block[gap] = 0.0
        present = np.einsum("i,ij->j", weight, ~gap)
        centre = np.einsum("i,ij->j", weight, block) / np.where(present > 0, present, 1.0)
        block -= centre
        block *= block
        block[gap] = 0.0
        moments = present, centre, np.einsum("i,ij->j", weight, block)
        total, mean, spread = _merge((total, mean, spread), moments)

    empty = total == 0
    fill = np.array([_median(matrix[:, position], weights) for position in range(n_columns)], dtype=np.float32)
    total, mean, spread = _merge((total, mean, spread), (gaps, fill.astype(np.float64), np.zeros(n_columns)))
    # Rounding must not make a constant look as if it varied. The median of a constant is that constant.
    deviation = np.where(low < high, np.sqrt(spread / total), 0.0)
    return Summary(fill, mean.astype(np.float32), deviation.astype(np.float32), gaps > 0, empty)


def sparse_deviation(matrix: sparse.csr_array, weights: np.ndarray | None = None) -> np.ndarray:
    """Weighted standard deviation of the columns of a sparse matrix, about their means; exactly 0 for a constant.

    Parameters
    ----------
    matrix : sparse array of shape (n, d) in CSR format
        Finite values.
    weights : ndarray of shape (n,), default=None
        Positive weights of the rows; None: 1 each.

    Returns
    -------
    ndarray of shape (d,), float32

    Examples
    --------
    >>> sparse_deviation(sparse.csr_array([[0.0, 2.0], [4.0, 2.0]]))
    array([2., 0.], dtype=float32)
    """
    n_rows, n_columns = matrix.shape
    weights = np.ones(n_rows) if weights is None else weights
    values, columns = matrix.data.astype(np.float64), matrix.indices
    weight = np.repeat(weights, np.diff(matrix.indptr))

    def total_by_column(terms: np.ndarray) -> np.ndarray:
        return np.bincount(columns, weights=terms, minlength=n_columns)

    total = weights.sum()
    mean = total_by_column(weight * values) / total
    zeros = total - total_by_column(weight)
    spread = total_by_column(weight * (values - mean[columns]) ** 2) + zeros * mean**2
    low, high = (extreme.toarray().ravel() for extreme in (matrix.min(axis=0), matrix.max(axis=0)))
    return np.where(low < high, np.sqrt(np.maximum(spread, 0.0) / total), 0.0).astype(np.float32)


_Moments = tuple[np.ndarray, np.ndarray, np.ndarray]


def _merge(a: _Moments, b: _Moments) -> _Moments:
    """(weight, mean, sum of squared deviations) of two sets of rows together."""
    weight = a[0] + b[0]
    share = np.divide(b[0], weight, out=np.zeros_like(weight), where=weight > 0)
    shift = b[1] - a[1]
    return weight, a[1] + shift * share, a[2] + b[2] + shift**2 * a[0] * share


def _median(column: np.ndarray, weights: np.ndarray | None) -> float:
    """Mean of the lower and the upper weighted median: integer weights are repeated rows. 0 where nothing is there."""
    present = ~np.isnan(column)
    values = column[present]
    if not len(values):
        return 0.0
    if weights is None:
        lower, upper = (len(values) - 1) // 2, len(values) // 2
        values = np.partition(values, (lower, upper))
    else:
        order = np.argsort(values)
        values = values[order]
        mass = np.cumsum(weights[present][order])
        half = mass[-1] / 2
        lower, upper = int(np.searchsorted(mass, half, side="left")), int(np.searchsorted(mass, half, side="right"))
    return (float(values[lower]) + float(values[upper])) / 2
