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


def numbered(routes: Routes) -> tuple[Routes, list[int]]:
    """The nodes that can be reached from the first one numbered anew, and their old numbers."""
    nodes = [0]
    for node in nodes:  # which grows
        if routes.feature[node] >= 0:
            nodes += [int(routes.left[node]), int(routes.left[node]) + 1]
    kept = Routes(*(part[nodes] for part in routes))
    split = kept.feature >= 0
    kept.left[split] = 2 * np.arange(np.count_nonzero(split)) + 1
    return kept, nodes


def summed(routes: Routes, leaf_sums: np.ndarray) -> Draft:
    """The draft with these routes, given the sums of its leaves; those of the other nodes are not looked at."""
    sums = leaf_sums.copy()
    for node in reversed(np.flatnonzero(routes.feature >= 0)):
        left = routes.left[node]
        sums[node] = sums[left] + sums[left + 1]
    return Draft(routes, sums)


def pruned(draft: Draft, cost: np.ndarray, max_leaves: int) -> Draft:
    """The subtree from the root with the least total cost of its leaves among those of `max_leaves` leaves at most.

    Exact, by dynamic programming over numbers of leaves (M. Bohanec and I. Bratko, "Trading accuracy for simplicity in
    decision trees", Machine Learning 1994).

    Parameters
    ----------
    draft : Draft
    cost : ndarray of shape (nodes,)
        Of every node as a leaf.
    max_leaves : int
    """
    routes = draft.routes
    least = [np.array([c]) for c in cost]  # of 1, 2, ... leaves below the node
    to_left = [np.zeros(1, dtype=np.intp)] * len(cost)  # how many of these lie on its left
    nodes, lefts = (part.tolist() for part in draft.splits)
    for node, left in zip(reversed(nodes), reversed(lefts)):
        a, b = least[left], least[left + 1]
        size = min(len(a) + len(b), max_leaves)
        best, share = np.full(size, np.inf), np.zeros(size, dtype=np.intp)
        best[0] = cost[node]
        for i in range(min(len(a), size - 1)):
            total = a[i] + b[: size - 1 - i]
            place = np.arange(i + 1, i + 1 + len(total))
            place, total = place[total < best[place]], total[total < best[place]]
            best[place], share[place] = total, i + 1
        least[node], to_left[node] = best, share
    kept = Routes(*(part.copy() for part in routes))
    waiting: list[tuple[int, int]] = [(0, int(least[0].argmin()) + 1)]
    while waiting:
        node, n_leaves = waiting.pop()
        if n_leaves == 1:
            for part in kept:
                part[node] = -1
        else:
            child, on_left = int(routes.left[node]), int(to_left[node][n_leaves - 1])
            waiting += [(child, on_left), (child + 1, n_leaves - on_left)]
    kept, old = numbered(kept)
    return Draft(kept, draft.sums[old])
