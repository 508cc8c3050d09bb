"""A tree while it is made: where rows go and what the nodes hold, before anything is a prediction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..engine._tree_blocks import Routes


class Draft(NamedTuple):
    """A tree whose nodes are numbered level by level, the children of a node next to each other."""

    routes: Routes
    sums: np.ndarray  #: (nodes, columns), the integer sums of the rows of every node

    @property
    def depths(self) -> np.ndarray:
        """The number of splits above each node."""
        depths = np.zeros(len(self.sums), dtype=np.intp)
        for node, left in zip(*self.splits):
            depths[left : left + 2] = depths[node] + 1
        return depths

    @property
    def splits(self) -> tuple[np.ndarray, np.ndarray]:
        """The nodes that are split, and their left children."""
        nodes = np.flatnonzero(self.routes.feature >= 0)
        return nodes, self.routes.left[nodes]

    @property
    def leaves(self) -> np.ndarray:
        """The nodes that are not split."""
        return np.flatnonzero(self.routes.feature < 0)


def seed(sums: np.ndarray) -> Draft:
    """The tree without a split."""
    return Draft(Routes(*np.full((3, 1), -1)), sums[None])


def replace(routes: Routes, node: int, child: int) -> None:
    """Let `child` take the place of `node`, in place; the other child and all below it hang in the air."""
    for part in routes:
        part[node] = part[child]


def numbered(routes: Routes) -> Routes:
    """The nodes that can be reached from the first one, numbered anew."""
    nodes = [0]
    for node in nodes:  # which grows
        if routes.feature[node] >= 0:
            nodes += [routes.left[node], routes.left[node] + 1]
    kept = Routes(*(part[nodes] for part in routes))
    split = kept.feature >= 0
    kept.left[split] = 2 * np.arange(np.count_nonzero(split)) + 1
    return kept


def summed(routes: Routes, leaf_sums: np.ndarray) -> Draft:
    """The draft with these routes, given the sums of its leaves; those of the other nodes are not looked at."""
    sums = leaf_sums.copy()
    for node in reversed(np.flatnonzero(routes.feature >= 0)):
        left = routes.left[node]
        sums[node] = sums[left] + sums[left + 1]
    return Draft(routes, sums)
