"""Cutting branches off trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Tree, TreeSum
from ._precise import single

Floats = NDArray[np.float64]


def node_values(tree: Tree, leaf_values: NDArray[Any]) -> Floats:
    """Values of leaves at the numbers of their nodes, zeros at splits."""
    values = np.zeros((len(tree.feature), *leaf_values.shape[1:]))
    values[tree.feature < 0] = leaf_values
    return values


def summed_up(tree: Tree, leaf_values: NDArray[Any]) -> Floats:
    """The sum over the leaves below each node."""
    sums = node_values(tree, leaf_values)
    for node in np.flatnonzero(tree.feature >= 0)[::-1]:
        sums[node] = sums[node + 1] + sums[tree.right[node]]
    return sums


def ends(tree: Tree) -> NDArray[np.intp]:
    """For each node, the number of the first node behind its subtree."""
    end = np.arange(1, len(tree.feature) + 1)
    for node in np.flatnonzero(tree.feature >= 0)[::-1]:
        end[node] = end[tree.right[node]]
    return end


def bottom_splits(tree: Tree) -> NDArray[np.intp]:
    """Splits whose children are both leaves."""
    splits = np.flatnonzero(tree.feature >= 0)
    both = (tree.feature[splits + 1] < 0) & (tree.feature[tree.right[splits]] < 0)
    return splits[both]


def collapsed(tree: Tree, nodes: NDArray[np.intp], values: Floats) -> Tree:
    """The tree whose `nodes` are leaves of these values; their subtrees are gone. No node may lie below another."""
    end = ends(tree)
    kept = np.ones(len(tree.feature), dtype=bool)
    feature, threshold, value = tree.feature.copy(), tree.threshold.copy(), node_values(tree, tree.value)
    for node, new in zip(nodes.tolist(), values, strict=True):
        kept[node + 1 : end[node]] = False
        feature[node], threshold[node], value[node] = -1, 0, new
    return _without(tree, kept, feature, threshold, value, tree.right)


def without_dead_ends(tree: Tree, bounds: dict[int, tuple[float, float]] | None = None) -> Tree:
    """The tree without what cannot change an answer: branches that no row can reach, splits of equal leaves.

    A threshold on the way down bounds its feature: a split at or above the bound sends every row to the left, one at or
    below the other bound every row to the right, as it does NaN. `bounds` hold for all rows: above the first, at most
    the second.
    """
    n_nodes = len(tree.feature)
    instead = np.arange(n_nodes)  # whose place a node takes
    for node, box in _boxes(tree, bounds or {}):
        low, high = box.get(int(tree.feature[node]), (-np.inf, np.inf))
        if tree.threshold[node] >= high:
            instead[node] = node + 1
        elif tree.threshold[node] <= low:
            instead[node] = tree.right[node]
    value = node_values(tree, tree.value)
    for node in np.flatnonzero(tree.feature >= 0)[::-1]:
        left, right = instead[node + 1], instead[tree.right[node]]
        if instead[node] != node:
            instead[node] = instead[instead[node]]
        elif tree.feature[left] < 0 and tree.feature[right] < 0 and (value[left] == value[right]).all():
            instead[node] = left
    order: list[int] = []
    right = np.zeros(n_nodes, dtype=np.intp)
    stack = [(int(instead[0]), -1)]
    while stack:
        node, parent = stack.pop()
        if parent >= 0:
            right[parent] = len(order)
        order.append(node)
        if tree.feature[node] >= 0:
            stack += [(int(instead[tree.right[node]]), node), (int(instead[node + 1]), -1)]
    feature = tree.feature[order]
    return Tree(feature, tree.threshold[order], right[order], single(value[order][feature < 0]), tree.n_features)


def without_constants(sums: TreeSum) -> TreeSum:
    """Trees of a single leaf move into the base."""
    lone = [tree.n_leaves == 1 for tree in sums.trees]
    base = sums.base.astype(np.float64)
    for tree, k, alone in zip(sums.trees, sums.output.tolist(), lone, strict=True):
        base[k] += float(tree.value[0, 0]) * alone
    kept = [i for i, alone in enumerate(lone) if not alone]
    return TreeSum(tuple(sums.trees[i] for i in kept), sums.output[kept], single(base), sums.n_features)


def _boxes(tree: Tree, bounds: dict[int, tuple[float, float]]) -> Iterator[tuple[int, dict[int, tuple[float, float]]]]:
    """Each split, with the bounds that the way to it sets to features: above the first, at most the second."""
    stack = [(0, bounds)]
    while stack:
        node, bounds = stack.pop()
        if tree.feature[node] < 0:
            continue
        yield node, bounds
        feature, cut = int(tree.feature[node]), float(tree.threshold[node])
        low, high = bounds.get(feature, (-np.inf, np.inf))
        stack.append((int(tree.right[node]), bounds | {feature: (max(low, cut), high)}))
        stack.append((node + 1, bounds | {feature: (low, min(high, cut))}))


def _without(
    tree: Tree,
    kept: NDArray[np.bool_],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float32],
    value: Floats,
    right: NDArray[np.int32],
) -> Tree:
    number = np.cumsum(kept) - 1
    is_leaf = feature[kept] < 0
    return Tree(
        feature[kept],
        threshold[kept],
        np.where(is_leaf, 0, number[right[kept]]),
        single(value[kept][is_leaf]),
        tree.n_features,
    )
