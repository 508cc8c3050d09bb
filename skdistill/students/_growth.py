"""Best-first growth of a tree from exact histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

import numpy as np

from ..engine import Engine
from ..engine import _tree_blocks as blocks
from ..engine._tree_blocks import Routes
from ._draft import Draft
from ._objective import Objective


class Limits(NamedTuple):
    """When growth stops."""

    max_leaves: int
    max_depth: int | None
    min_samples_leaf: int


class Split(NamedTuple):
    """A way to part a node."""

    gain: float
    feature: int  #: column of the bins
    last_bin: int  #: the last bin that goes left
    left: np.ndarray  #: integer sums of the left child


class Splits(NamedTuple):
    """Ways to part a node."""

    gain: np.ndarray
    feature: np.ndarray
    last_bin: np.ndarray
    left: np.ndarray  #: (sums, ways)

    def one(self, i: int) -> Split:
        """The way number `i`."""
        return Split(float(self.gain[i]), int(self.feature[i]), int(self.last_bin[i]), self.left[:, i].copy())


@dataclass(eq=False, slots=True)
class Node:
    """A node under growth."""

    sums: np.ndarray  #: integer sums of its rows
    depth: int
    label: int  #: what its rows carry in the column "node"
    histogram: np.ndarray | None = None  #: (bins of all features, sums); given up once the children's is known
    split: Split | None = None  #: the best one, if any lowers the loss
    children: tuple[Node, Node] | None = None


class Growth:
    """Exact best-first growth in few passes over the data.

    Which node best-first growth splits next depends on gains it has not seen yet. So each pass expands *every* node it
    might come to: the order is replayed on the gains known so far, as if nodes not yet expanded had hopeless children,
    and those among the nodes it visits are expanded. Once there are none, the order is that of plain best-first growth.
    """

    def __init__(self, engine: Engine, objective: Objective, limits: Limits, n_bins: Sequence[int]) -> None:
        self.engine, self.objective, self.limits = engine, objective, limits
        self.starts = np.concatenate([[0], np.cumsum(n_bins, dtype=np.intp)])
        self.n_labels = 0

    def grow(self, draft: Draft, max_leaves: int) -> Draft:
        """Split the leaves of `draft` further, best first, until no split helps or a limit is met."""
        nodes = self._nodes(draft)
        leaves = [node for node in nodes if node.children is None]
        n_splits = max_leaves - len(leaves)
        hopeful = [leaf for leaf in leaves if self._may_split(leaf)] if n_splits > 0 else []
        if not hopeful:
            return draft
        self.engine.update("node", blocks.landed, draft.routes)
        for leaf, histogram in zip(hopeful, self._histograms(hopeful), strict=True):
            leaf.histogram = histogram
            leaf.split = self._best_split(leaf)
        while True:
            order = self._best_first(leaves, n_splits)
            # The children of the last split stay leaves, whatever they could gain.
            unknown = [node for node in order[: n_splits - 1] if node.children is None]
            if not unknown:
                break
            self._expand(unknown)
        for node in order:
            node.children = node.children or self._part(node)
        return self._draft(nodes[0], {node for node in nodes if node not in leaves}.union(order))

    def stumps(self, draft: Draft) -> list[Draft]:
        """Of the tree without a split `draft`, the best split by each feature: the largest gain first."""
        (root,) = self._nodes(draft)
        if not self._may_split(root):
            return []
        self.engine.update("node", blocks.landed, draft.routes)
        (root.histogram,) = self._histograms([root])
        splits = self._splits(root)
        order = np.argsort(-splits.gain, kind="stable")
        _, best = np.unique(splits.feature[order], return_index=True)
        drafts = []
        for i in order[np.sort(best)]:
            if splits.gain[i] > self._noise(root):
                root.split = splits.one(i)
                root.children = self._part(root)
                drafts.append(self._draft(root, {root}))
        return drafts

    def _nodes(self, draft: Draft) -> list[Node]:
        """The nodes of `draft` by their labels."""
        nodes = [
            Node(sums, int(depth), label)
            for label, (sums, depth) in enumerate(zip(draft.sums, draft.depths, strict=True))
        ]
        for node, feature, last_bin, left in zip(nodes, *(part.tolist() for part in draft.routes), strict=True):
            if feature >= 0:
                node.children = nodes[left], nodes[left + 1]
                node.split = Split(np.inf, feature, last_bin, nodes[left].sums)
        self.n_labels = len(nodes)
        return nodes

    def _draft(self, root: Node, splits: set[Node]) -> Draft:
        nodes = [root]
        routes = Routes(*np.full((3, 2 * len(splits) + 1), -1))
        for label, node in enumerate(nodes):  # which grows
            if node in splits:
                assert node.split is not None
                assert node.children is not None
                for part, value in zip(routes, (node.split.feature, node.split.last_bin, len(nodes)), strict=True):
                    part[label] = value
                nodes += node.children
        return Draft(routes, np.stack([node.sums for node in nodes]))

    def _best_first(self, leaves: list[Node], n_splits: int) -> list[Node]:
        """The nodes to split in their order: the largest gain first, of equal ones the node that appeared first."""
        order: list[Node] = []
        number = count()
        heap: list[tuple[float, int, Node]] = []
        appeared: Sequence[Node] = leaves
        while len(order) < n_splits:
            for node in appeared:
                age = next(number)
                if node.split:
                    heappush(heap, (-node.split.gain, age, node))
            if not heap:
                break
            order.append(heappop(heap)[2])
            appeared = order[-1].children or ()
        return order

    def _expand(self, nodes: list[Node]) -> None:
        """Part `nodes` and find the best splits of their children, in one pass over the rows of the smaller ones."""
        for node in nodes:
            node.children = self._part(node)
        parents = [node for node in nodes if any(map(self._may_split, node.children or ()))]
        if parents:
            self._route(parents)
            pairs = [sorted(node.children or (), key=lambda child: child.sums[0]) for node in parents]
            summed = self._histograms([small for small, _ in pairs])
            for node, (small, large), histogram in zip(parents, pairs, summed, strict=True):
                assert node.histogram is not None
                small.histogram = histogram
                node.histogram -= histogram  # integers: exactly what summing its rows would give
                large.histogram, node.histogram = node.histogram, None
                for child in (small, large):
                    child.split = self._best_split(child) if self._may_split(child) else None
                    if child.split is None:
                        child.histogram = None

    def _may_split(self, node: Node) -> bool:
        max_depth, min_rows = self.limits.max_depth, self.limits.min_samples_leaf
        deep = max_depth is not None and node.depth >= max_depth
        return len(self.starts) > 1 and not deep and node.sums[0] >= 2 * min_rows

    def _part(self, node: Node) -> tuple[Node, Node]:
        assert node.split is not None
        sums = node.split.left, node.sums - node.split.left
        left, right = (Node(s, node.depth + 1, self.n_labels + i) for i, s in enumerate(sums))
        self.n_labels += 2
        return left, right

    def _route(self, parents: list[Node]) -> None:
        routes = Routes(*np.full((3, self.n_labels), -1))
        for node in parents:
            assert node.split is not None
            assert node.children is not None
            routes.feature[node.label] = node.split.feature
            routes.last_bin[node.label] = node.split.last_bin
            routes.left[node.label] = node.children[0].label
        self.engine.update("node", blocks.routed, routes)

    def _histograms(self, nodes: list[Node]) -> list[np.ndarray]:
        slots = np.full(self.n_labels, -1, dtype=np.int32)
        slots[[node.label for node in nodes]] = np.arange(len(nodes))
        summed = self.engine.reduce(blocks.histograms, slots, len(nodes), self.starts)
        return [histogram.copy() for histogram in summed]  # copies, so that each is freed when its node is done

    def _best_split(self, node: Node) -> Split | None:
        """The split with the largest gain; of equal ones that of the lowest feature, then of the lowest bin."""
        splits = self._splits(node)
        best = int(splits.gain.argmax()) if len(splits.gain) else -1
        return splits.one(best) if best >= 0 and splits.gain[best] > self._noise(node) else None

    def _noise(self, node: Node) -> float:
        """A gain up to this may come from rounding."""
        return float(self.objective.noise * self.objective.weight(node.sums))

    def _splits(self, node: Node) -> Splits:
        """All ways to part a node whose histogram is known, by feature and bin."""
        assert node.histogram is not None
        steps = node.histogram.copy()
        # What starts a feature also takes off the sums of the one before it, all of which hold all rows of the node.
        steps[self.starts[1:-1]] -= node.sums
        left = np.cumsum(steps, axis=0)
        rows_left = left[:, 0]
        enough = np.minimum(rows_left, node.sums[0] - rows_left) >= self.limits.min_samples_leaf
        # An empty bin parts the rows as the one before it does.
        place = np.flatnonzero(enough & (node.histogram[:, 0] > 0))
        left = np.ascontiguousarray(left[place].T)
        gain = self.objective.gains(left, node.sums[:, None] - left, node.sums)
        feature = np.searchsorted(self.starts, place, side="right") - 1
        return Splits(gain, feature, place - self.starts[feature], left)
