"""Thresholds and edges in few bytes, on the same side of every given row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import Additive, PairTable, Tree, TreeSum

Half = np.float16
#: A threshold, and the numbers it may be moved between: at least the first, below the second.
Interval = tuple[float, float, float]


def halved_trees(predictor: Tree | TreeSum, Z: Any) -> Tree | TreeSum:
    """Trees with fewer and shorter distinct thresholds, by which every row of `Z` goes the same way.

    A threshold may lie anywhere between the values of the rows that it parts. So, feature by feature, the fewest
    numbers are sought that stand in for all thresholds, and in float16 if all of them can be.
    """
    rows = Z.toarray() if hasattr(Z, "toarray") else Z
    trees = predictor.trees if isinstance(predictor, TreeSum) else (predictor,)
    found: list[tuple[int, int, int, Interval]] = []  # feature, tree, node
    for i, tree in enumerate(trees):
        found += [(f, i, node, interval) for f, node, interval in _intervals(tree, rows)]
    thresholds = [tree.threshold.copy() for tree in trees]
    for feature in {f for f, *_ in found}:
        of_feature = [entry for entry in found if entry[0] == feature]
        for (_, i, node, _), number in zip(of_feature, _shared([entry[3] for entry in of_feature]), strict=True):
            thresholds[i][node] = number
    moved = [
        Tree(tree.feature, threshold, tree.right, tree.value, tree.n_features)
        for tree, threshold in zip(trees, thresholds, strict=True)
    ]
    if isinstance(predictor, TreeSum):
        return TreeSum(tuple(moved), predictor.output, predictor.base, predictor.n_features)
    return moved[0]


def _intervals(tree: Tree, rows: NDArray[np.float32]) -> list[tuple[int, int, Interval]]:
    """For each split its feature, its node and its threshold's room."""
    found = []
    stack = [(0, np.arange(len(rows)))]
    while stack:
        node, here = stack.pop()
        feature = int(tree.feature[node])
        if feature < 0:
            continue
        values, cut = rows[here, feature], float(tree.threshold[node])
        goes_left = values <= cut
        low = float(values[goes_left].max(initial=-np.inf))
        high = float(values[~goes_left].min(initial=np.inf))
        # A split that rows do not part says nothing of where else it may part them.
        found.append((feature, node, (cut, low if low > -np.inf else cut, high if high < np.inf else cut)))
        stack += [(node + 1, here[goes_left]), (int(tree.right[node]), here[~goes_left])]
    return found


def _shared(intervals: list[Interval]) -> list[np.float32]:
    """A number for each interval, as few distinct ones as can be; in float16 where each has room for such.

    Taken by their upper ends, intervals join the group before while something is common to all of it: no other choice
    makes fewer groups.
    """
    order = sorted(range(len(intervals)), key=lambda i: (_end(intervals[i]), intervals[i][1]))
    groups: list[list[int]] = []
    end = -np.inf
    for i in order:
        if groups and intervals[i][1] <= end:
            groups[-1].append(i)
        else:
            groups.append([i])
            end = _end(intervals[i])
    picked = []
    for half in (True, False):
        picked = [_pick([intervals[i] for i in group], half) for group in groups]
        if not any(number is None for number in picked):
            break
    numbers = [np.float32(0)] * len(intervals)
    for group, number in zip(groups, picked, strict=True):
        for i in group:
            numbers[i] = np.float32(0) if number is None else number
    return numbers


def _end(interval: Interval) -> float:
    """The last float32 number a threshold may be."""
    cut, _, high = interval
    return cut if high <= cut else float(np.nextafter(np.float32(high), np.float32(-np.inf)))


def _pick(group: list[Interval], half: bool) -> np.float32 | None:
    """The number that suits all of a group and is nearest to the middle one of its thresholds."""
    low, end = max(low for _, low, _ in group), min(map(_end, group))
    middle = float(np.clip(np.median([cut for cut, _, _ in group]), low, end))
    if not half:
        # The median of two is not a float32 number, as thresholds must be.
        number = np.float32(middle)
        return number if low <= number <= end else np.float32(end)
    with np.errstate(over="ignore"):
        near = Half(middle)
    around = [near, np.nextafter(near, Half(-np.inf)), np.nextafter(near, Half(np.inf))]
    fit = [float(number) for number in around if low <= float(number) <= end]
    return np.float32(min(fit, key=lambda number: abs(number - middle))) if fit else None


def halved_tables(predictor: Additive, Z: Any) -> Additive:
    """Tables with edges in float16 where every row of `Z` then falls into the same bins, feature by feature."""
    rows = Z.toarray() if hasattr(Z, "toarray") else Z
    edges = tuple(_halved(e, rows[:, i]) for i, e in enumerate(predictor.edges))
    pairs = [
        PairTable(
            pair.features,
            tuple(_halved(e, rows[:, i]) for i, e in zip(pair.features, pair.edges, strict=True)),  # type: ignore[arg-type]
            pair.table,
        )
        for pair in predictor.pairs
    ]
    return Additive(edges, predictor.tables, predictor.intercept, tuple(pairs))


def _halved(edges: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    bins = np.searchsorted(edges, values)
    found: list[np.float32] = []
    for e, cut in enumerate(edges.tolist()):
        low, high = values[bins <= e].max(initial=-np.inf), values[bins > e].min(initial=np.inf)
        number = _pick([(cut, low if low > -np.inf else cut, high if high < np.inf else cut)], True)
        if number is None or (found and number <= found[-1]):
            return edges
        found.append(number)
    return np.array(found, dtype=np.float32)
