"""The predictor in terms of raw cells: what text targets print.

Encoding is folded into the tests. An encoded number never falls as the raw one rises, so that for each threshold there
is a raw float32 number up to which the test holds; it is found by bisection with the model's own encoder. What a
missing cell answers is known beforehand. So a tree in C or SQL neither fills, scales nor encodes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..model import Additive, Decoded, Linear, Model, NumericColumn, PairTable, Preprocessor, Tree, TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Below:
    """Holds where the cell is at most `edge`, a float32 number or -inf; where it is missing, if `missing` says so."""

    column: int
    edge: float
    missing: bool


@dataclass(frozen=True)
class Equals:
    """Holds where the cell is the category of this number."""

    column: int
    category: int


@dataclass(frozen=True)
class Missing:
    """Holds where the cell is missing."""

    column: int


Test = Below | Equals | Missing


@dataclass(frozen=True)
class RawTree:
    """A tree in preorder: who passes the test of node i goes on to i + 1, others to ``no[i]``.

    A leaf has None for a test, and in `no` the number of its row in `value`. What it holds is added to all outputs, or
    to the one that `output` names.
    """

    tests: tuple[Test | None, ...]
    no: tuple[int, ...]
    value: NDArray[np.floating]
    output: int | None


@dataclass(frozen=True)
class Forest:
    """A sum of trees and a base, shape (n_outputs,)."""

    trees: tuple[RawTree, ...]
    base: NDArray[np.floating]


@dataclass(frozen=True)
class Slope:
    """Adds ``weights`` times a column's number, filled, scaled and clipped as the column says."""

    column: int
    weights: NDArray[np.floating]


@dataclass(frozen=True)
class Mark:
    """Adds ``weights`` where the test holds."""

    test: Equals | Missing
    weights: NDArray[np.floating]


@dataclass(frozen=True)
class Line:
    """A sum of slopes, marks and a base, shape (n_outputs,)."""

    slopes: tuple[Slope, ...]
    marks: tuple[Mark, ...]
    base: NDArray[np.floating]


def raw_form(model: Model) -> Forest | Line:
    """Say what a model computes from raw cells, before its link.

    >>> from skdistill.model import Output
    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=1)
    >>> scaled = Preprocessor([NumericColumn("x", fill=7.0, center=1.0, scale=2.0)])
    >>> raw_form(Model(scaled, tree, Output("regression", "identity", targets=("y",)))).trees[0].tests
    (Below(column=0, edge=1.25, missing=False), None, None)
    """
    predictor = model.predictor
    if isinstance(predictor, Decoded):
        return _spread(raw_form(model.core), predictor)
    if isinstance(predictor, Linear):
        return _line(model.preprocessor, predictor)
    outputs: Iterable[int | None] = predictor.output.tolist() if isinstance(predictor, TreeSum) else ()
    trees = summed_trees(predictor)
    folding = _Folding(model.preprocessor, trees)
    raw = tuple(folding.tree(tree, output) for tree, output in zip(trees, outputs or [None] * len(trees), strict=True))
    return Forest(raw, base_of(predictor))


def _spread(form: Forest | Line, predictor: Decoded) -> Forest | Line:
    """The decoder multiplied out, in doubles: a program holds a number for each output, which takes more room and no
    step more.
    """
    matrix = predictor.matrix.astype(np.float64)
    base = form.base.astype(np.float64) @ matrix + predictor.bias
    if isinstance(form, Line):
        slopes = tuple(replace(slope, weights=slope.weights.astype(np.float64) @ matrix) for slope in form.slopes)
        return Line(slopes, tuple(replace(m, weights=m.weights.astype(np.float64) @ matrix) for m in form.marks), base)
    trees = []
    for tree in form.trees:
        rows = matrix if tree.output is None else matrix[tree.output : tree.output + 1]
        trees.append(replace(tree, value=tree.value.astype(np.float64) @ rows, output=None))
    return Forest(tuple(trees), base)


def summed_trees(predictor: Tree | Additive | TreeSum) -> tuple[Tree, ...]:
    """The trees whose sum a predictor is: a table of bins is a tree that searches them."""
    if isinstance(predictor, TreeSum):
        return predictor.trees
    if isinstance(predictor, Tree):
        return (predictor,)
    own = zip(range(predictor.n_features), predictor.edges, predictor.tables, strict=True)
    tables = [_search_tree([(i, edges)], table, predictor.n_features) for i, edges, table in own if table.any()]
    return (*tables, *(_pair_tree(pair, predictor.n_features) for pair in predictor.pairs if pair.table.any()))


def base_of(predictor: Tree | Additive | TreeSum) -> NDArray[np.float32]:
    """What is added to the trees."""
    if isinstance(predictor, Tree):
        return np.zeros(predictor.n_outputs, np.float32)
    return predictor.base if isinstance(predictor, TreeSum) else predictor.intercept


def origins(preprocessor: Preprocessor) -> list[tuple[int, int | str]]:
    """For each encoded feature its raw column, and what it tells of it: the "number", "missing" or a category."""
    found: list[tuple[int, int | str]] = []
    for i, column in enumerate(preprocessor.columns):
        tells: list[int | str] = ["number"] if isinstance(column, NumericColumn) else [*range(len(column.categories))]
        found += [(i, tell) for tell in [*tells, "missing"][: len(column.encoded_names)]]
    return found


def _pair_tree(pair: PairTable, n_features: int) -> Tree:
    table = pair.table.reshape(-1, pair.table.shape[2])
    return _search_tree(list(zip(pair.features, pair.edges, strict=True)), table, n_features)


def _search_tree(sides: list[tuple[int, NDArray[np.float32]]], table: NDArray[np.float32], n_features: int) -> Tree:
    """Search the edges of one side after the other by halves; leaves then come in the order of the table's rows."""
    feature: list[int] = []
    threshold: list[float] = []
    right: list[int] = []

    def grow(side: int, low: int, high: int) -> None:
        while side < len(sides) and low == high:
            side += 1
            low, high = 0, len(sides[side][1]) if side < len(sides) else 0
        node, middle = len(feature), (low + high) // 2
        feature.append(sides[side][0] if side < len(sides) else -1)
        threshold.append(float(sides[side][1][middle]) if side < len(sides) else 0.0)
        right.append(0)
        if side < len(sides):
            grow(side, low, middle)
            right[node] = len(feature)
            grow(side, middle + 1, high)

    grow(0, 0, len(sides[0][1]))
    return Tree(np.array(feature), np.array(threshold, np.float32), np.array(right), table, n_features)


class _Folding:
    """Trees on encoded features become trees on raw cells."""

    def __init__(self, preprocessor: Preprocessor, trees: tuple[Tree, ...]) -> None:
        self._origins = origins(preprocessor)
        feature = np.concatenate([np.zeros(0, np.int32), *(tree.feature for tree in trees)])
        threshold = np.concatenate([np.zeros(0, np.float32), *(tree.threshold for tree in trees)])
        self._edges: dict[int, dict[float, tuple[float, bool]]] = {}
        for j in np.unique(feature[feature >= 0]).tolist():
            i, tells = self._origins[j]
            if tells == "number":
                found = np.unique(threshold[feature == j])
                column = preprocessor.columns[i]
                assert isinstance(column, NumericColumn)
                missing = Preprocessor((column,)).transform(np.full((1, 1), np.nan))[0, 0] <= found
                edges = raw_edges(column, found).tolist()
                self._edges[j] = dict(zip(found.tolist(), zip(edges, missing.tolist(), strict=True), strict=True))

    def _test(self, feature: int, threshold: float) -> tuple[Test | None, bool]:
        """The test of a split, and whether who passes goes left; no test where all go the same way."""
        column, tells = self._origins[feature]
        if tells == "number":
            edge, missing = self._edges[feature][threshold]
            return (None if edge == np.inf else Below(column, edge, missing)), True
        if not 0 <= threshold < 1:
            return None, threshold >= 1
        return (Missing(column) if isinstance(tells, str) else Equals(column, tells)), False

    def tree(self, tree: Tree, output: int | None) -> RawTree:
        feature, threshold, right = tree.feature.tolist(), tree.threshold.tolist(), tree.right.tolist()
        leaf = (np.cumsum(tree.feature < 0) - 1).tolist()
        tests: list[Test | None] = []
        no: list[int] = []
        waiting: list[tuple[int, int | None]] = [(0, None)]
        while waiting:
            node, parent = waiting.pop()
            test = None
            while feature[node] >= 0:
                test, left = self._test(feature[node], threshold[node])
                yes, other = (node + 1, right[node]) if left else (right[node], node + 1)
                if test is not None:
                    break
                node = yes
            if parent is not None:
                no[parent] = len(tests)
            if test is not None:
                waiting += [(other, len(tests)), (yes, None)]
            tests.append(test)
            no.append(leaf[node])
        return RawTree(tuple(tests), tuple(no), tree.value, output)


def raw_edges(column: NumericColumn, thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each threshold the largest raw float32 number that is encoded to at most that; inf where all are.

    >>> raw_edges(NumericColumn("x", center=1.0, scale=4.0), np.float32([2.0, 3e38, -3e38]))
    array([ 1.5e+00,  7.5e+37, -7.5e+37], dtype=float32)
    """
    if not column.is_scaled:
        return np.where(thresholds >= LARGEST, np.float32(np.inf), thresholds)
    encoder = Preprocessor((NumericColumn(column.name, 0.0, column.center, column.scale),))
    low, high = (np.full(len(thresholds), ordinal(np.float32(end))) for end in (-np.inf, np.inf))
    everything = encoder.transform(np.full((1, 1), np.inf))[0, 0] <= thresholds
    while (high - low > 1).any():
        middle = (low + high) // 2
        holds = encoder.transform(from_ordinal(middle)[:, None])[:, 0] <= thresholds
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    return np.where(everything, np.float32(np.inf), from_ordinal(low))


def ordinal(values: NDArray[np.float32] | np.float32) -> NDArray[np.int64]:
    """Count float32 numbers: neighbours differ by one, 0.0 and -0.0 are 0."""
    bits = np.asarray(values, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(2**31) - bits, bits)


def from_ordinal(count: NDArray[np.int64]) -> NDArray[np.float32]:
    """The float32 number of this count."""
    return np.where(count < 0, -(2**31) - count, count).astype(np.int32).view(np.float32)


def largest_double(edge: float) -> float:
    """The largest double that rounds to at most the float32 number `edge`, or -inf.

    Doubles may be compared with it as they are. Halfway between two float32 numbers, a double rounds to the even one.

    >>> largest_double(1.0) == 1 + 2**-24, largest_double(1 + 2**-23) == 1 + 3 * 2**-24 - 2**-52
    (True, True)
    """
    count = ordinal(np.float32(edge))
    ends = [_as_real(float(from_ordinal(count + step))) for step in (0, 1)]
    middle = (ends[0] + ends[1]) / 2
    return middle if count % 2 == 0 else float(np.nextafter(middle, -np.inf))


def _as_real(value: float) -> float:
    """Infinity stands one step above the largest float32 number."""
    return float(np.copysign(2.0**128, value)) if np.isinf(value) else value


def _line(preprocessor: Preprocessor, predictor: Linear) -> Line:
    slopes: list[Slope] = []
    marks: list[Mark] = []
    for (column, tells), weights in zip(origins(preprocessor), predictor.coef, strict=True):
        if not weights.any():
            continue
        if tells == "number":
            slopes.append(Slope(column, weights))
        else:
            marks.append(Mark(Missing(column) if isinstance(tells, str) else Equals(column, tells), weights))
    return Line(tuple(slopes), tuple(marks), predictor.intercept)


def every_test(form: Forest | Line) -> Iterator[Test]:
    """Every test that is made somewhere."""
    if isinstance(form, Line):
        yield from (mark.test for mark in form.marks)
        return
    for tree in form.trees:
        yield from (test for test in tree.tests if test is not None)
