"""Bins of a feature: where to cut it, and which bin a value falls into.

Bin numbers are comparisons: the bin of x is the number of edges below x, so x <= edges[b] exactly where bin(x) <= b.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

#: Sizes of the tables that say at which edge to begin looking. The small one stays in the first-level cache.
TABLE_SIZES = (1 << 12, 1 << 16)


def bin_edges(values: np.ndarray, weight: np.ndarray | None, max_bins: int) -> np.ndarray:
    """Cut a feature between its distinct values if these are few, else where bins of equal weight end.

    A value that is heavier than a bin takes one bin, and the others share the rest. All arithmetic is on integers, so
    that the order of the values does not matter, and a weight is the same as repetition.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        Finite, in any order.
    weight : ndarray of float64, shape (n,), or None
        Positive integers whose sum is below 2**53; None: ones.
    max_bins : int
        At most 256.

    Returns
    -------
    ndarray of float32, shape (n_bins - 1,)
        Increasing. An edge between the neighbouring values a < b is their midpoint, or a where that rounds to b.

    Examples
    --------
    >>> bin_edges(np.array([3, 1, 1, 2], dtype=np.float32), None, max_bins=255)
    array([1.5, 2.5], dtype=float32)
    >>> bin_edges(np.arange(100, dtype=np.float32), None, max_bins=4)
    array([24.5, 49.5, 74.5], dtype=float32)
    """
    if weight is None:
        values = np.sort(values)
        starts = _run_starts(values)
        total = np.diff(starts, append=len(values)).astype(np.int64)
    else:
        order = np.argsort(values)
        values = values[order]
        starts = _run_starts(values)
        total = np.add.reduceat(weight[order], starts).astype(np.int64)
    distinct = values[starts]
    last = np.arange(len(distinct) - 1)
    if len(distinct) > max_bins:
        shares, per_bin = _shares(total, max_bins)
        last = np.searchsorted(np.cumsum(shares), per_bin * np.arange(1, max_bins))
        last = np.unique(last[last < len(distinct) - 1])
    low, high = distinct[last], distinct[last + 1]
    middle = ((low.astype(np.float64) + high) / 2).astype(np.float32)
    return np.where(middle < high, middle, low) + np.float32(0)  # no -0.0, whose sign would tell the order of the rows


def _shares(weight: np.ndarray, n_bins: int) -> tuple[np.ndarray, int]:
    """What each of more than `n_bins` values counts, and the count that fills a bin: integers that add up exactly.

    A value heavier than a bin counts as one bin. That makes the other bins smaller, which may make more values heavy.
    """
    heavy = np.zeros(len(weight), dtype=bool)
    while True:
        rest, bins_left = int(weight[~heavy].sum()), n_bins - int(heavy.sum())
        found = ~heavy & (weight * bins_left > rest)
        if not found.any():
            return np.where(heavy, rest, weight * bins_left), rest
        heavy |= found


def _run_starts(values: np.ndarray) -> np.ndarray:
    """Where each run of equal values begins in a sorted array."""
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))


class BinTable(NamedTuple):
    """The edges of a feature and a table that finds them without a search.

    The range of the edges is cut into equal cells. The cell of x is computed with operations that never decrease when x
    increases, so that edges in earlier cells are below x and edges in later ones are not: `first` counts the former.
    Only the edges in the cell itself are compared.
    """

    edges: np.ndarray  #: float32, followed by infinities so that looking beyond the last is harmless
    low: np.float32
    cells_per_unit: np.float32
    first: np.ndarray  #: uint8, the number of edges in earlier cells
    steps: tuple[int, ...]  #: halving strides, enough for the fullest cell

    def bins(self, values: np.ndarray) -> np.ndarray:
        """The number of edges below each of `values` (float32, finite), as uint8."""
        bins = self.first.take(_cell(values, self.low, self.cells_per_unit, len(self.first))).astype(np.intp)
        for step in self.steps:
            above = values > self.edges[step - 1 :].take(bins)
            bins += above if step == 1 else above * np.intp(step)
        return bins.astype(np.uint8)


def bin_table(edges: np.ndarray) -> BinTable:
    """Prepare increasing `edges` (float32, 1 to 255 of them) for binning.

    Examples
    --------
    >>> table = bin_table(np.array([0.5, 1.5], dtype=np.float32))
    >>> table.bins(np.array([0.0, 0.5, 0.6, 9.0], dtype=np.float32))
    array([0, 0, 1, 2], dtype=uint8)
    """
    low, width = edges[0], float(edges[-1]) - float(edges[0])
    for size in TABLE_SIZES:
        scale = min(size / width, float(np.finfo(np.float32).max)) if width else 1.0
        cells_per_unit = np.float32(scale)
        held = np.bincount(_cell(edges, low, cells_per_unit, size), minlength=size)
        if held.max() == 1:
            break
    strides = tuple(1 << i for i in reversed(range(int(held.max()).bit_length())))
    first = (np.cumsum(held) - held).astype(np.uint8)
    padding = np.full(strides[0] * 2, np.inf, dtype=np.float32)
    return BinTable(np.concatenate([edges, padding]), low, cells_per_unit, first, strides)


def _cell(values: np.ndarray, low: np.float32, cells_per_unit: np.float32, size: int) -> np.ndarray:
    with np.errstate(over="ignore"):  # an infinite distance is clipped like any other
        place = values - low
        place *= cells_per_unit
    # Clipped as float: what does not fit an integer must not be cast.
    return np.clip(place, 0, size - 1, out=place).astype(np.intp)
