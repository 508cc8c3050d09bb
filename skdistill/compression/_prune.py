"""Fewer leaves, fewer bins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._sklearn import Interval
from ..model import Additive, Model, PairTable, Tree, TreeSum, sparing
from ._evidence import EPS, Evidence
from ._pass import PathPass
from ._precise import refuse_quantised, single
from ._trees import bottom_splits, collapsed, ends, node_values, summed_up, without_constants, without_dead_ends

Floats = NDArray[np.float64]

#: Share of the possible merges of a sum that are made before what the others cost is computed anew.
SHARE = 0.1


class Prune(PathPass):
    """Cut the branches off a tree, or off the trees of a sum, and merge the bins of tables that earn least.

    First goes what cannot change an answer: branches that no row can reach, splits whose leaves are equal, bins that
    are equal. Then, while the loss on the given rows allows, goes the weakest link.

    - Of a tree, that is the split whose subtree saves the least loss per leaf (cost-complexity pruning); it becomes a
      leaf with the mean of its leaves' values over the rows, so a branch that no given row reaches is among the first
      to go.
    - Of a sum of trees, the bottom splits whose leaves, merged, raise the loss the least; of an additive model,
      neighbouring bins of a feature or of one side of a pair, those that raise it the least for each number saved. A
      tenth of all possible merges is made at a time, by the second-order model of the loss, and the loss is then
      measured.
    - A line has nothing to prune.

    Parameters
    ----------
    tolerance : float >= 0, default=0.0
        By how much the loss may rise, as a share of what the best constant loses on the same rows. With 0, only what
        does not earn its bytes on these rows goes.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen, C. Stone (1984). Classification and regression trees.

    Examples
    --------
    >>> from skdistill.compression import Prune, compress
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, 0, -1, -1], [1.0, 0, 2, 0, 0], [2, 0, 4, 0, 0], [[1.0], [4.9], [5.0]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("x")]), tree, Output("regression", "identity", targets=("y",)))
    >>> small = compress(model, Prune(tolerance=0.01), [[0.0], [1.5], [3.0]], [1.0, 4.9, 5.0])
    >>> small.model.evaluate([[0.0], [1.5], [3.0]])
    array([[1.  ], [4.95], [4.95]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"tolerance": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, tolerance: float = 0.0) -> None:
        self.tolerance = tolerance

    def path(self, model: Model, evidence: Evidence) -> Iterator[Model]:
        """Ever smaller models, down to a constant."""
        refuse_quantised(model, "Prune")
        predictor = model.predictor
        if isinstance(predictor, Tree):
            steps: Iterator[Any] = _tree_path(model, predictor, evidence)
        elif isinstance(predictor, TreeSum):
            steps = _sum_path(model, predictor, evidence)
        elif isinstance(predictor, Additive):
            steps = _additive_path(model, predictor, evidence)
        else:
            return
        for smaller in steps:
            yield replace(model, predictor=sparing(smaller, model.output.link))


def _tree_path(model: Model, tree: Tree, evidence: Evidence) -> Iterator[Tree]:
    """The nested subtrees of cost-complexity pruning, the weakest link first."""
    tree = without_dead_ends(tree)
    yield tree
    n_outputs, weight = tree.n_outputs, evidence.weight
    leaf = tree.apply(evidence.encode(model.preprocessor))
    masses = np.bincount(leaf, weight, tree.n_leaves)
    targets = np.stack([np.bincount(leaf, weight * q, tree.n_leaves) for q in evidence.Q.T], axis=1)
    own: Floats = tree.value.astype(np.float64)
    if model.output.link == "simplex":
        own = model.output.activate(own)
    # Where no row comes by, leaves count alike.
    counts = np.maximum(masses, EPS)
    sizes = summed_up(tree, np.ones(tree.n_leaves))
    mass, target = summed_up(tree, masses), summed_up(tree, targets)
    value = summed_up(tree, counts[:, None] * own) / summed_up(tree, counts)[:, None]

    def node_loss(answers: Floats) -> Floats:
        if evidence.is_classification:
            return -(target * np.log(np.maximum(answers, EPS))).sum(axis=1)
        # Without the squares of the targets, which are the same for all subtrees.
        return np.asarray((mass[:, None] * answers**2 - 2 * answers * target).sum(axis=1))

    alone = node_loss(model.output.activate(value.reshape(-1, n_outputs)))
    below = summed_up(tree, node_loss(model.output.activate(node_values(tree, tree.value)))[tree.feature < 0])
    parent, end = _parents(tree), ends(tree)
    is_split = tree.feature >= 0
    gone: set[int] = set()
    while is_split.any():
        splits = np.flatnonzero(is_split)
        node = int(splits[((alone - below)[splits] / (sizes[splits] - 1)).argmin()])
        rise, fewer = alone[node] - below[node], sizes[node] - 1
        is_split[node : end[node]] = False
        gone = {other for other in gone if not node < other < end[node]} | {node}
        while node >= 0:
            below[node] += rise
            sizes[node] -= fewer
            node = parent[node]
        nodes = np.array(sorted(gone))
        yield collapsed(tree, nodes, value[nodes])


def _parents(tree: Tree) -> list[int]:
    parent = [-1] * len(tree.feature)
    for node in np.flatnonzero(tree.feature >= 0).tolist():
        parent[node + 1] = parent[int(tree.right[node])] = node
    return parent


def _sum_path(model: Model, sums: TreeSum, evidence: Evidence) -> Iterator[TreeSum]:
    """Bottom splits merged, a share of them at a time; a tree that is left with one leaf joins the base."""
    sums = without_constants(replace(sums, trees=tuple(map(without_dead_ends, sums.trees))))
    yield sums
    Z = evidence.encode(model.preprocessor)
    # Where each row arrives is looked up once: leaves that merge are neighbours, and those behind them move up.
    leaves: list[NDArray[Any]] = [
        tree.apply(Z).astype(np.uint16 if tree.n_leaves <= 2**16 else np.intp) for tree in sums.trees
    ]
    while sums.trees:
        outputs = sums.output.tolist()
        scores = np.zeros((sums.n_outputs, evidence.n_rows))
        for tree, leaf, k in zip(sums.trees, leaves, outputs, strict=True):
            scores[k] += tree.value[:, 0].astype(np.float64).take(leaf)
        derivatives = evidence.derivatives(model, scores.T + sums.base)
        slope, curvature = (
            np.concatenate(
                [
                    np.bincount(leaf, columns[k], tree.n_leaves)
                    for tree, leaf, k in zip(sums.trees, leaves, outputs, strict=True)
                ]
            )
            for columns in (np.ascontiguousarray(each.T) for each in derivatives)
        )
        values = np.concatenate([tree.value[:, 0] for tree in sums.trees]).astype(np.float64)
        ends = np.cumsum([tree.n_leaves for tree in sums.trees])
        splits = [bottom_splits(tree) for tree in sums.trees]
        # The left leaf of each bottom split, counted over all trees; the right one follows.
        lefts = [
            np.cumsum(tree.feature < 0)[nodes] + end - tree.n_leaves
            for tree, nodes, end in zip(sums.trees, splits, ends.tolist(), strict=True)
        ]
        left, node = np.concatenate(lefts), np.concatenate(splits)
        of = np.repeat(np.arange(sums.n_trees), [len(nodes) for nodes in splits])
        merged, rise = _merge(*(np.stack([each[left], each[left + 1]]) for each in (values, slope, curvature)))
        first = np.argsort(rise, kind="stable")[: max(int(SHARE * len(rise)), 1)]
        trees = list(sums.trees)
        for i in np.unique(of[first]).tolist():
            chosen = first[of[first] == i]
            kept = np.ones(trees[i].n_leaves, dtype=bool)
            kept[left[chosen] + 1 - (ends[i] - trees[i].n_leaves)] = False
            leaves[i] = (np.cumsum(kept) - 1).astype(leaves[i].dtype).take(leaves[i])
            trees[i] = collapsed(trees[i], node[chosen], merged[chosen, None])
        leaves = [leaf for leaf, tree in zip(leaves, trees, strict=True) if tree.n_leaves > 1]
        sums = without_constants(replace(sums, trees=tuple(trees)))
        yield sums


def _merge(value: Floats, slope: Floats, curvature: Floats) -> tuple[Floats, Floats]:
    """The common value of two sides, and by how much it raises the loss to second order. The sides come first in the
    shape of each.
    """
    total = curvature.sum(axis=0)
    share = np.where(total > 0, curvature[0] / np.where(total > 0, total, 1), 0.5)
    merged = share * value[0] + (1 - share) * value[1]
    change = merged - value
    return merged, (change * (slope + 0.5 * curvature * change)).sum(axis=0)


def _additive_path(model: Model, additive: Additive, evidence: Evidence) -> Iterator[Additive]:
    """Neighbouring bins merged, of tables and along either side of pairs, a share of them at a time."""
    Z = evidence.encode(model.preprocessor)
    rows = Z.toarray() if hasattr(Z, "toarray") else Z
    additive = _without_equals(additive)
    yield additive
    while additive.n_steps or additive.pairs:
        derivatives = evidence.derivatives(model, additive.evaluate(Z))
        found = []  # rise for each number that is saved, table, side of it, edge, what both bins become
        for part, (_, table) in enumerate(_parts(additive)):
            cells = _cells(additive, part, rows)
            slopes, curvatures = (_summed(cells, d, table.shape) for d in derivatives)
            for side in range(table.ndim - 1):
                value, first, second = (np.moveaxis(each, side, 0) for each in (table, slopes, curvatures))
                merged, rise = _merges(value, first, second)
                # A pair's first row and column are zeros, and not stored.
                saved = 1 + (value[0] if table.ndim == 2 else value[0, 1:]).size
                found += [(float(r) / saved, part, side, e, merged[e]) for e, r in enumerate(rise)]
        found.sort(key=lambda merge: merge[0])
        gone: dict[tuple[int, int], dict[int, Floats]] = {}
        for _, part, side, e, merged in found[: max(int(SHARE * len(found)), 1)]:
            own = gone.setdefault((part, side), {})
            if not own.keys() & {e - 1, e + 1} and not gone.get((part, 1 - side)):  # a bin is merged once
                own[e] = merged
        additive = _bins_merged(additive, gone)
        yield additive


def _parts(additive: Additive) -> list[tuple[tuple[NDArray[np.float32], ...], Floats]]:
    """Edges and table of each feature, then of each pair."""
    own = [((edges,), table.astype(np.float64)) for edges, table in zip(additive.edges, additive.tables, strict=True)]
    return own + [(pair.edges, pair.table.astype(np.float64)) for pair in additive.pairs]


def _cells(additive: Additive, part: int, rows: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which bin of a feature's table or cell of a pair's each row falls into."""
    if part < additive.n_features:
        return np.searchsorted(additive.edges[part], rows[:, part])
    return additive.pairs[part - additive.n_features].cells(rows)


def _summed(cells: NDArray[np.intp], derivative: Floats, shape: tuple[int, ...]) -> Floats:
    """The sums over the rows in each cell of a table."""
    n_cells = int(np.prod(shape[:-1]))
    sums = [np.bincount(cells, column, n_cells) for column in derivative.T]
    return np.stack(sums, axis=1, dtype=np.float64).reshape(shape)


def _merges(value: Floats, slope: Floats, curvature: Floats) -> tuple[Floats, Floats]:
    """What neighbours along the first side become, and the rise of the loss for each. Zeros of a pair stay zeros."""
    sides = (np.stack([each[:-1], each[1:]]) for each in (value, slope, curvature))
    merged, rise = _merge(*sides)
    if value.ndim == 3 and len(merged):
        merged[:, 0] = 0.0
        merged[0] = 0.0
        rise[0] = -value[1] * (slope[1] - 0.5 * curvature[1] * value[1])
    return merged, rise.sum(axis=tuple(range(1, rise.ndim)))


def _without_equals(additive: Additive) -> Additive:
    """The model with equal neighbours merged, which changes no answer."""
    for side in (0, 1):
        equal: dict[tuple[int, int], dict[int, Floats]] = {}
        for part, (_, table) in enumerate(_parts(additive)):
            if side < table.ndim - 1:
                values = np.moveaxis(table, side, 0)
                same = (values[1:] == values[:-1]).all(axis=tuple(range(1, table.ndim)))
                equal[part, side] = {e: values[e] for e in np.flatnonzero(same).tolist()}
        additive = _bins_merged(additive, equal)
    return additive


def _bins_merged(additive: Additive, gone: dict[tuple[int, int], dict[int, Floats]]) -> Additive:
    """The model without some edges of some sides of its parts; the bins on both sides of an edge become what is given
    for it. A pair that is left with one row or column goes.
    """
    found = _parts(additive)
    for (part, side), merged in gone.items():
        edges, table = found[part]
        values = np.moveaxis(table, side, 0)
        for e, value in merged.items():
            values[e] = values[e + 1] = value
        kept = np.array([e for e in range(len(edges[side])) if e not in merged], dtype=np.intp)
        cut = tuple(each[kept] if i == side else each for i, each in enumerate(edges))
        found[part] = cut, np.moveaxis(values[[0, *(kept + 1)]], 0, side)
    own, cells = found[: additive.n_features], found[additive.n_features :]
    pairs = tuple(
        PairTable(pair.features, (edges[0], edges[1]), single(table))
        for pair, (edges, table) in zip(additive.pairs, cells, strict=True)
        if all(map(len, edges))
    )
    return Additive(tuple(e for (e,), _ in own), tuple(single(t) for _, t in own), additive.intercept, pairs)
