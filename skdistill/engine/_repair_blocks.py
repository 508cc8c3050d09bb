"""What the repair of a tree asks of a block of rows: where they land, and what is at stake for them at a node.

The blocks are those of `_tree_blocks`. The loss of a row in a leaf is a product of its ``"sums"`` with a column of
costs, one a leaf. It is computed row by row in a fixed order and rounded to integers before anything is added up, so
that no result depends on how rows were cut into blocks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._backend import of
from . import _tree_blocks as trees
from ._engine import Block
from ._tree_blocks import Routes, landed, walk


class Costs(NamedTuple):
    """The loss of a row in every node."""

    table: np.ndarray  #: (columns of "sums" from the weight on, nodes)
    quantum: float  #: what a 1 stands for in the rounded loss of a row of weight 1
    weight: int  #: which column of "sums" holds the weight


def leaf_sums(block: Block, routes: Routes) -> Any:
    """Sums of the rows that land in each node, shape (nodes, columns of "sums")."""
    node, n_nodes = landed(block, routes), len(routes.feature)
    return of(node).sums_by(node, block["sums"], n_nodes)


def stake_histograms(
    block: Block,
    above: Routes,
    routes: Routes,
    slot_of_node: np.ndarray,
    n_slots: int,
    starts: np.ndarray,
    costs: Costs,
) -> Any:
    """Number of rows and their stakes per node, feature and bin: what going left costs more than going right.

    Parameters
    ----------
    block : Block
    above : Routes
        `routes` without the splits of the nodes asked for, and of what lies below these.
    routes : Routes
    slot_of_node : ndarray of int32
        -1, or which of the results belongs to the node.
    n_slots : int
    starts : ndarray of shape (features + 1,)
    costs : Costs

    Returns
    -------
    ndarray of float64, shape (n_slots, starts[-1], 2)
    """
    node = landed(block, above)
    backend = of(node)
    xp = backend.xp
    (rows,) = xp.nonzero(xp.take(backend.asarray(slot_of_node), node) >= 0)
    node, bins, sums = (xp.take(part, rows, axis=0) for part in (node, block["bins"], block["sums"]))
    left = xp.take(backend.asarray(routes.left.astype(np.int32)), node)
    parts = xp.ones((rows.shape[0], 2), dtype=xp.float64, device=backend.device)
    parts[:, 1] = _stakes(sums, walk(bins, routes, left + 0), walk(bins, routes, left + 1), costs)
    return trees.histograms({"bins": bins, "sums": parts, "node": node}, slot_of_node, n_slots, starts)


def _stakes(sums: Any, here: Any, there: Any, costs: Costs) -> Any:
    """Integers: what rows lose in the leaves `here` more than in those `there`."""
    backend = of(sums)
    xp, weight = backend.xp, sums[:, costs.weight]
    scaled = [backend.asarray(row) for row in costs.table / costs.quantum]
    total = xp.zeros(sums.shape[0], dtype=xp.float64, device=backend.device)
    for j, cost in enumerate(scaled[1:], costs.weight + 1):
        total += sums[:, j] * (xp.take(cost, here) - xp.take(cost, there))
    # Rounded per unit of weight, so that a weight is the same as repetition.
    total /= weight
    total += xp.take(scaled[0], here) - xp.take(scaled[0], there)
    return xp.round(total) * weight
