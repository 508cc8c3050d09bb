"""What a tree asks of a block of rows: its targets as integers, its bins, and their sums per node, feature and bin.

A block holds ``"X"`` (float32), ``"Q"`` (targets, two-dimensional) and ``"weight"`` (> 0). Derived columns: ``"sums"``,
the integers to add up; ``"bins"``, uint8 of shape (rows, features); ``"node"``, the label of the node a row is in. Sums
of integers below 2**53 are exact in float64 in any order, so that no result depends on how rows were cut into blocks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csc_array

from .._backend import NUMPY, of
from . import _agnostic, _fused
from ._bins import BinTable
from ._engine import Block

#: Features whose histograms are summed together: enough to read a row's bins in one go, few enough that the sums of
#: some 16 nodes stay within the second-level cache.
GROUP = 16


class Extent(NamedTuple):
    """Largest values over the rows seen; what belongs to a minimum is negated."""

    high: np.ndarray  #: (k,), the largest targets
    minus_low: np.ndarray  #: (k,)
    weight: float
    minus_weight: float
    fractional: bool  #: whether a weight is not an integer


class Scale(NamedTuple):
    """How targets and weights become integers whose sums stay below 2**53. Quanta are powers of two."""

    center: np.ndarray  #: (c,), for the c leading columns of the targets
    quantum: np.ndarray  #: (c,), what a 1 in a sum of centred targets stands for
    weight_quantum: float  #: what a 1 in a sum of weights stands for
    fractional: bool
    weighted: bool  #: whether weights are summed beside counts; if not, they are all 1


class Routes(NamedTuple):
    """The splits to apply, by node label; a left child is labelled `left`, its sibling `left` + 1."""

    feature: np.ndarray  #: column of the bins, or -1 where a node is not split
    last_bin: np.ndarray  #: the last bin that goes left
    left: np.ndarray


def extent(block: Block) -> Extent:
    """What `Scale` is made of. Combine with `maximum`."""
    Q, weight = block["Q"], block["weight"]
    xp = of(Q).xp
    fractional = bool(xp.any(weight != xp.round(weight)))
    low, least = xp.min(Q, axis=0), float(xp.min(weight))
    return Extent(xp.max(Q, axis=0), -low, float(xp.max(weight)), -least, fractional)


def integer_weights(weight: Any, weight_quantum: float) -> Any:
    """Weights as integers, but not below 1: a row with any weight is there."""
    xp = of(weight).xp
    return xp.maximum(xp.round(weight / weight_quantum), 1.0)


def total_weight(block: Block, weight_quantum: float) -> float:
    """The sum of the integer weights: exact."""
    weights = integer_weights(block["weight"], weight_quantum)
    return float(of(weights).xp.sum(weights))


def integer_sums(block: Block, scale: Scale) -> Any:
    """What a row adds to the sums of its node: 1, its weight if weights are summed, its weighted centred targets."""
    Q, weight = block["Q"], block["weight"]
    backend = of(Q)
    xp, first = backend.xp, 1 + scale.weighted
    sums = xp.ones((Q.shape[0], first + len(scale.center)), dtype=xp.float64, device=backend.device)
    targets = (Q[:, : len(scale.center)] - backend.asarray(scale.center)) / backend.asarray(scale.quantum)
    if scale.weighted:
        sums[:, 1] = integer_weights(weight, scale.weight_quantum)
    if scale.fractional:
        targets *= weight[:, None]
    targets = xp.round(targets)
    if scale.weighted and not scale.fractional:  # after rounding, so that a weight is the same as repetition
        targets *= weight[:, None]
    sums[:, first:] = targets
    return sums


def binned(block: Block, features: np.ndarray, tables: list[BinTable]) -> Any:
    """The bins of the given features, row by row."""
    X = block["X"]
    if of(X) is not NUMPY:
        return _agnostic.binned(X, features, tables)
    bins = np.empty((len(X), len(tables)), dtype=np.uint8)
    for start in range(0, len(tables), GROUP):
        group = slice(start, start + GROUP)
        columns = np.ascontiguousarray(X[:, features[group]].T)
        by_feature = [table.bins(column) for table, column in zip(tables[group], columns, strict=True)]
        bins[:, group] = np.stack(by_feature, axis=1)
    return bins


def bins_of(block: Block) -> list[np.ndarray]:
    """The bins, for a student that takes all rows at once. A list, so that adding joins them."""
    return [block["bins"]]


def node_sums(block: Block) -> Any:
    """Sums over all rows, shape (number of columns of "sums",)."""
    return of(block["sums"]).xp.sum(block["sums"], axis=0)


def landed(block: Block, routes: Routes) -> Any:
    """The nodes without a split that the rows reach from node 0."""
    backend, n_rows = of(block["bins"]), block["bins"].shape[0]
    return walk(block["bins"], routes, backend.xp.zeros(n_rows, dtype=backend.xp.int32, device=backend.device))


def walk(bins: Any, routes: Routes, node: Any) -> Any:
    """Follow `routes` from `node` on, which is given up, to nodes without a split."""
    backend = of(bins)
    if backend.fuses:
        return _fused.walk(bins, routes, node, backend, len(routes.feature))
    if backend is not NUMPY:
        return _agnostic.walk(bins, routes, node)
    flat, width = bins.ravel(), bins.shape[1]
    rows = np.flatnonzero(routes.feature.take(node) >= 0)
    while len(rows):
        before = node.take(rows)
        place = rows * width + routes.feature.take(before)
        after = routes.left.take(before) + (flat.take(place) > routes.last_bin.take(before))
        node[rows] = after
        rows = rows[routes.feature.take(after) >= 0]
    return node


def routed(block: Block, routes: Routes) -> Any:
    """Node labels after the splits of `routes`."""
    bins, backend = block["bins"], of(block["bins"])
    if backend.fuses:
        return _fused.walk(bins, routes, block["node"], backend, 1)
    if backend is not NUMPY:
        return _agnostic.routed(bins, routes, block["node"])
    node = block["node"].copy()
    rows = np.flatnonzero((routes.feature >= 0).take(node))
    before = node.take(rows)
    place = rows * bins.shape[1] + routes.feature.take(before)
    node[rows] = routes.left.take(before) + (bins.ravel().take(place) > routes.last_bin.take(before))
    return node


def histograms(block: Block, slot_of_node: np.ndarray, n_slots: int, starts: np.ndarray) -> Any:
    """Sums per node, feature and bin, for the rows whose node label has a slot >= 0.

    One row of ``"sums"`` goes to one bin of each feature: the product of a matrix of ones, as sparse as that, with the
    sums. For three columns it takes about half the time of a `numpy.bincount` per feature and column; for more, less.

    Returns
    -------
    ndarray of float64, shape (n_slots, starts[-1], number of columns of "sums")
        The bins of feature f are starts[f] to starts[f + 1] - 1.
    """
    bins, sums = block["bins"], block["sums"]
    backend = of(bins)
    if backend.fuses:
        return _fused.histograms(block, slot_of_node, n_slots, starts, backend)
    if backend is not NUMPY:
        xp = backend.xp
        slots = xp.take(backend.asarray(slot_of_node.astype(np.int64)), block["node"])
        (chosen,) = xp.nonzero(slots >= 0)
        bins, sums, slots = (xp.take(part, chosen, axis=0) for part in (bins, sums, slots))
        return _agnostic.histograms(bins, sums, slots, n_slots, starts)
    slot = slot_of_node.take(block["node"])
    rows = np.flatnonzero(slot >= 0)
    if len(rows) < len(slot):
        bins, sums, slot = bins.take(rows, axis=0), sums.take(rows, axis=0), slot.take(rows)
    n_rows, n_features = bins.shape
    result = np.empty((n_slots, starts[-1], sums.shape[1]))
    ones = np.ones(n_rows * min(GROUP, n_features))
    edges = [*range(0, n_features, GROUP), n_features]
    for first, end in pairwise(edges):
        low, width = starts[first], starts[end] - starts[first]
        cells = np.add(bins[:, first:end], starts[first:end] - low, dtype=np.int32)
        cells += (slot * np.int32(width))[:, None]
        row_ends = np.arange(0, cells.size + 1, end - first, dtype=np.int32)
        belongs = csc_array((ones[: cells.size], cells.ravel(), row_ends), shape=(n_slots * width, n_rows))
        result[:, low : low + width] = (belongs @ sums).reshape(n_slots, width, -1)
    return result
