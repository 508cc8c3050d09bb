"""Tree block functions for any array library, where NumPy has a faster way of its own.

They give the same integers: bins are comparisons, routes are integers, sums are exact. Rows move together, so that each
step is a kernel over all of them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from .._backend import of
from ._bins import BinTable


def binned(X: Any, features: np.ndarray, tables: list[BinTable]) -> Any:
    """The bins of the given features: how many edges lie below a value."""
    backend = of(X)
    xp = backend.xp
    bins = xp.empty((X.shape[0], len(tables)), dtype=xp.uint8, device=backend.device)
    for i, (feature, table) in enumerate(zip(features.tolist(), tables, strict=True)):
        bins[:, i] = xp.astype(xp.searchsorted(backend.asarray(table.edges), X[:, feature]), xp.uint8)
    return bins


def walk(bins: Any, routes: Any, node: Any) -> Any:
    """Follow `routes` from `node` on to nodes without a split."""
    while True:
        moved, any_moves = _step(bins, routes, node)
        if not any_moves:
            return node
        node = moved


def routed(bins: Any, routes: Any, node: Any) -> Any:
    """Node labels after one split."""
    return _step(bins, routes, node)[0]


def _step(bins: Any, routes: Any, node: Any) -> tuple[Any, bool]:
    backend = of(bins)
    xp, width = backend.xp, bins.shape[1]
    feature, last_bin, left = (xp.take(backend.asarray(part.astype(np.int64)), node) for part in routes)
    split = feature >= 0
    if width == 0 or not bool(xp.any(split)):
        return node, False
    rows = xp.arange(bins.shape[0], dtype=xp.int64, device=backend.device)
    here = xp.take(xp.reshape(bins, (-1,)), rows * width + xp.where(split, feature, xp.zeros_like(feature)))
    after = left + xp.astype(xp.astype(here, xp.int64) > last_bin, xp.int64)
    return xp.where(split, xp.astype(after, node.dtype), node), True


def histograms(bins: Any, sums: Any, slot: Any, n_slots: int, starts: np.ndarray) -> Any:
    """Sums per slot, feature and bin, shape (n_slots, starts[-1], columns); every row has a slot."""
    backend = of(bins)
    xp, edges = backend.xp, starts.tolist()
    result = xp.empty((n_slots, edges[-1], sums.shape[1]), dtype=xp.float64, device=backend.device)
    for feature, (first, end) in enumerate(pairwise(edges)):
        cell = slot * (end - first) + xp.astype(bins[:, feature], slot.dtype)
        total = backend.sums_by(cell, sums, n_slots * (end - first))
        result[:, first:end, :] = xp.reshape(total, (n_slots, end - first, sums.shape[1]))
    return result
