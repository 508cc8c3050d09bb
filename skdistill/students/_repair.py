"""Repair of a grown tree: alternating optimisation of its splits and leaves.

Growth chooses a split as if its children were leaves. Repair chooses it again knowing what lies below: bottom up, every
row at a node would rather go to the child where it loses less, the difference is its stake, and the split that loses
the least of the stakes is taken. Then the leaves are fitted anew. Neither step raises the loss, so that it is repeated
while the loss falls.

References
----------
M. Carreira-Perpinan and P. Tavallali, "Alternating optimization of decision trees, with application to learning sparse
oblique trees", NeurIPS 2018. A. Zharmagambetov et al., "Non-greedy algorithms for decision tree optimization: an
experimental comparison", IJCNN 2021.
"""

from __future__ import annotations

import numpy as np

from ..engine import _repair_blocks as blocks
from ..engine._repair_blocks import Costs
from ..engine._tree_blocks import Routes
from ._draft import Draft, numbered, pruned, replace, summed
from ._growth import Growth
from ._objective import quantum

#: Sweeps over the tree at most.
MAX_SWEEPS = 20

#: A sweep that wins less than this, as a share of all that the tree wins over its root, is the last.
TOLERANCE = 1e-3

#: How far a tree grows beyond its leaves before it is repaired, cut back, and repaired again.
OVERGROWTH = 2

#: The share of the cross-entropy beside the rate of errors. It must not be 0: it gives every row a stake.
SHARES = {"balanced": 0.5, "accuracy": 0.1, "loss": None}


class Repair:
    """Alternating optimisation of a tree that `growth` has grown.

    Parameters
    ----------
    growth : Growth
        Its engine, objective and limits are used, and it grows anew what repair has removed.
    goal : {"balanced", "accuracy", "loss"}
        The loss of the objective, or the share of rows whose class is not the leaf's, expected under the soft labels,
        with more or less of the loss. The squared error is all there is to minimise where it is the loss.
    """

    def __init__(self, growth: Growth, goal: str) -> None:
        self.growth, self.share = growth, SHARES[goal]
        self.engine, self.objective, self.limits = growth.engine, growth.objective, growth.limits

    def improve(self, draft: Draft) -> Draft:
        """The repaired tree, within the limits.

        Sweeps end in a local optimum, and from a larger tree it is a better one on average: splits that pay late have
        been tried. So a larger tree is repaired first, and then its best subtree of the final size.
        """
        max_leaves = self.limits.max_leaves
        large = self._descend(draft, OVERGROWTH * max_leaves)
        return self._descend(pruned(large, self._losses(large), max_leaves), max_leaves)

    def settle(self, routes: Routes) -> Draft:
        """The tree with these splits as its own rows have it, filled up to the limits."""
        return self.growth.grow(self._filled(routes), self.limits.max_leaves)

    def loss(self, draft: Draft) -> float:
        """What repair minimises."""
        return float(self._losses(draft)[draft.leaves].sum())

    def _descend(self, draft: Draft, max_leaves: int) -> Draft:
        """Sweep until the loss no longer falls."""
        draft = self.growth.grow(draft, max_leaves)
        empty, best = self._losses(draft)[0], self.loss(draft)
        for _ in range(MAX_SWEEPS if len(draft.sums) > 1 else 0):
            candidate = self.growth.grow(self._filled(self._sweep(draft)), max_leaves)
            loss = self.loss(candidate)
            if loss >= best:
                break
            draft, won, best = candidate, best - loss, loss
            if won <= TOLERANCE * (empty - best):
                break
        return draft

    def _losses(self, draft: Draft) -> np.ndarray:
        """The loss of every node as a leaf."""
        sums, table = self._costs(draft)
        losses: np.ndarray = (sums[self.objective.first :] * table).sum(axis=0)
        return losses

    def _costs(self, draft: Draft) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed sums and what rows lose under their means, a column per node."""
        root = draft.sums[0]
        sums = draft.sums.T + self.objective.prior_weight * (root / self.objective.weight(root))[:, None]
        return sums, self.objective.costs(sums, self.share)

    def _sweep(self, draft: Draft) -> Routes:
        """Every split chosen anew, the lowest ones first."""
        routes = Routes(*(part.copy() for part in draft.routes))
        _, table = self._costs(draft)
        total = float(self.objective.weight(draft.sums[0]))
        largest = 2 * (self.objective.largest @ np.abs(table)).max()
        costs = Costs(table, quantum(total, largest), self.objective.first)
        depths = draft.depths
        # Splits below may have gone since: what a node has is told by its routes.
        for depth in range(depths.max() - 1, -1, -1):
            nodes = np.flatnonzero((depths == depth) & (routes.feature >= 0))
            self._choose(nodes, routes, np.where(depths < depth, routes.feature, -1), costs)
        return numbered(routes)[0]

    def _choose(self, nodes: np.ndarray, routes: Routes, above: np.ndarray, costs: Costs) -> None:
        """Choose the splits of `nodes`, which share no rows, given all others; in place."""
        slots = np.full(len(above), -1, dtype=np.int32)
        slots[nodes] = np.arange(len(nodes))
        starts = self.growth.starts
        summed = self.engine.reduce(
            blocks.stake_histograms, routes._replace(feature=above), routes, slots, len(nodes), starts, costs
        )
        for node, histogram in zip(nodes.tolist(), summed, strict=True):
            left = int(routes.left[node])
            whole = histogram[: starts[1]].sum(axis=0)
            steps = histogram.copy()
            steps[starts[1:-1]] -= whole
            rows, stakes = np.cumsum(steps, axis=0).T
            least = self.limits.min_samples_leaf * np.array([_count(routes, left), _count(routes, left + 1)])
            enough = (rows >= least[0]) & (whole[0] - rows >= least[1])
            now = stakes[starts[routes.feature[node]] + routes.last_bin[node]]
            # Each row adds up to half a unit of rounding.
            limit = now - whole[0]
            best = int(np.where(enough, stakes, np.inf).argmin())
            if min(0.0, whole[1]) < min(limit, stakes[best] if enough[best] else np.inf):
                replace(routes, node, left if whole[1] < 0 else left + 1)
            elif enough[best] and stakes[best] < limit:
                feature = int(np.searchsorted(starts, best, side="right")) - 1
                routes.feature[node], routes.last_bin[node] = feature, best - starts[feature]

    def _filled(self, routes: Routes) -> Draft:
        """The tree without the leaves that hold too few rows: their siblings take the place of their parents."""
        while True:
            draft = summed(routes, self.engine.reduce(blocks.leaf_sums, routes))
            thin = (draft.sums[:, 0] < self.limits.min_samples_leaf) & (routes.feature < 0)
            if not thin[1:].any():
                return draft
            for node, left in zip(*draft.splits):
                # Of a node that has just been moved, the children are looked at in the next round.
                if routes.feature[node] >= 0 and routes.left[node] == left and thin[left : left + 2].any():
                    replace(routes, int(node), int(left + thin[left]))
            routes, _ = numbered(routes)


def _count(routes: Routes, node: int) -> int:
    """Leaves below `node`."""
    below = [node]
    for each in below:  # which grows
        if routes.feature[each] >= 0:
            below += [routes.left[each], routes.left[each] + 1]
    return (len(below) + 1) // 2
