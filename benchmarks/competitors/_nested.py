"""Every tree that scikit-learn's best-first growth passes through, read off one fit.

scikit-learn numbers nodes as it makes them, so expansion i makes nodes 2i - 1 and 2i, and the tree of m leaves is the
nodes below 2m - 1 of any larger one. Cost-complexity pruning needs nothing but the impurities that the nodes carry. So
one fit serves all sizes and all strengths of pruning: tuning a rival over both is then cheap enough to be thorough.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.model import Tree

from ._sizes import preorder


class NestedTrees:
    """A grown tree and all that are cut from it.

    Parameters
    ----------
    tree : DecisionTreeClassifier or DecisionTreeRegressor
        Fitted with `max_leaf_nodes` (best-first growth).
    Z, targets : ndarray of shape (n, d) and (n, k)
        What it was fitted on; targets as a matrix.
    """

    def __init__(self, tree: Any, Z: np.ndarray, targets: np.ndarray) -> None:
        self._tree = tree
        nodes = tree.tree_
        self._left, self._right = nodes.children_left, nodes.children_right
        self._cost = nodes.impurity * nodes.weighted_n_node_samples / nodes.weighted_n_node_samples[0]
        self._levels = _levels(self._left, self._right)
        self._mean = targets.mean(axis=0)
        leaf = tree.apply(Z)
        self._counts = np.bincount(leaf, minlength=nodes.node_count).astype(np.float64)[:, None]
        self._sums = np.column_stack([np.bincount(leaf, column, nodes.node_count) for column in targets.T])
        for level in reversed(self._levels):
            for children in (self._left[level], self._right[level]):
                self._counts[level] += self._counts[children]
                self._sums[level] += self._sums[children]

    def cut(self, max_leaves: int, ccp_alpha: float = 0.0) -> np.ndarray:
        """Which nodes stay splits in the tree of `max_leaves`, pruned as scikit-learn prunes.

        Nodes below a leaf may be marked as well: they cannot be reached.
        """
        splits = (self._left >= 0) & (self._left < 2 * max_leaves - 1)
        if ccp_alpha > 0:
            best = self._cost + ccp_alpha
            for level in reversed(self._levels):
                below = best[self._left[level]] + best[self._right[level]]
                pays = splits[level] & (below < best[level])
                splits[level] = pays
                best[level] = np.where(pays, below, best[level])
        return splits

    def outputs(self, splits: np.ndarray, smoothing: float, Z: np.ndarray) -> np.ndarray:
        """Outputs of a cut tree, shape (n, k).

        Leaves hold the mean of their rows and of `smoothing` rows that are like the mean of all.
        """
        home = np.arange(len(splits))  # the leaf that a node has become a part of
        for level in self._levels:
            stays = splits[level] & (home[level] == level)
            for children in (self._left[level], self._right[level]):
                home[children] = np.where(stays, children, home[level])
        return self._values(smoothing)[home[self._tree.apply(Z)]]

    def lowered(self, splits: np.ndarray, smoothing: float) -> Tree:
        """A cut tree in the model form."""
        nodes = self._tree.tree_
        left = np.where(splits, self._left, -1)
        return preorder(left, self._right, nodes.feature, nodes.threshold, self._values(smoothing), nodes.n_features)

    def _values(self, smoothing: float) -> np.ndarray:
        return (self._sums + smoothing * self._mean) / (self._counts + smoothing)


def _levels(left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
    """The splits of every depth, from the root down."""
    levels, nodes = [], np.array([0])
    while len(nodes := nodes[left[nodes] >= 0]):
        levels.append(nodes)
        nodes = np.concatenate([left[nodes], right[nodes]])
    return levels
