"""What the repair of a tree asks of a block of rows: where they land, and what is at stake for them at a node.

The blocks are those of `_tree_blocks`. The loss of a row in a leaf is a product of its ``"sums"`` with a column of
costs, one a leaf. It is computed row by row in a fixed order and rounded to integers before anything is added up, so
that no result depends on how rows were cut into blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import _tree_blocks as trees
from ._engine import Block
from ._tree_blocks import Routes, landed, walk


class Costs(NamedTuple):
    """The loss of a row in every node."""

    table: np.ndarray  #: (columns of "sums" from the weight on, nodes)
    quantum: float  #: what a 1 stands for in the rounded loss of a row of weight 1
    weight: int  #: which column of "sums" holds the weight


def leaf_sums(block: Block, routes: Routes) -> np.ndarray:
    """Sums of the rows that land in each node, shape (nodes, columns of "sums")."""
    node, n_nodes = landed(block, routes), len(routes.feature)
    return np.stack([np.bincount(node, column, minlength=n_nodes) for column in block["sums"].T], axis=1)


def stake_histograms(
    block: Block,
    above: Routes,
    routes: Routes,
    slot_of_node: np.ndarray,
    n_slots: int,
    starts: np.ndarray,
    costs: Costs,
) -> np.ndarray:
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
    rows = np.flatnonzero(slot_of_node.take(node) >= 0)
    node, bins, sums = node.take(rows), block["bins"].take(rows, axis=0), block["sums"].take(rows, axis=0)
    left = routes.left.take(node).astype(np.int32)
    parts = np.ones((len(rows), 2))
    parts[:, 1] = _stakes(sums, walk(bins, routes, left.copy()), walk(bins, routes, left + 1), costs)
    return trees.histograms({"bins": bins, "sums": parts, "node": node}, slot_of_node, n_slots, starts)


def _stakes(sums: np.ndarray, here: np.ndarray, there: np.ndarray, costs: Costs) -> np.ndarray:
    """Integers: what rows lose in the leaves `here` more than in those `there`."""
    weight = sums[:, costs.weight]
    scaled = costs.table / costs.quantum
    total = np.zeros(len(sums))
    for column, cost in zip(sums[:, costs.weight + 1 :].T, scaled[1:], strict=True):
        total += column * (cost.take(here) - cost.take(there))
    # Rounded per unit of weight, so that a weight is the same as repetition.
    total /= weight
    total += scaled[0].take(here) - scaled[0].take(there)
    return np.rint(total, out=total) * weight
