"""Raw rows that are hard to get right: on every threshold and beside it, missing, infinite, denormal, unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import CategoryColumn, Model, NumericColumn
from ._raw import LARGEST, Below, Equals, Forest, Line, Missing, RawTree, from_ordinal, ordinal, tests_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPECIAL = np.float32([0, -0.0, 1, -1, 1e-45, -1e-45, 1e-40, LARGEST, -LARGEST, np.inf, -np.inf, np.nan]).tolist()
_UNSEEN = ("no such category", "", "quote \" ' ` \\")

#: Rows drawn from all the values of each column, and at most how many are led to a split of a tree.
_RANDOM_ROWS, _LED_ROWS = 400, 6000


def adversarial_rows(model: Model, form: Forest | Line, seed: int = 0) -> list[NDArray[Any]]:
    """Draw raw rows: one array for each raw column, float64 numbers that float32 holds, or objects.

    Some hold any mix of the values that matter to their columns; others are led to each split of each tree, and stand
    on its threshold, one float32 number to either side of it, and are missing there.

    Parameters
    ----------
    model : Model
    form : Forest or Line
        Of the same model.
    seed : int

    Returns
    -------
    columns : list of arrays of shape (n,)
    """
    rng = np.random.default_rng(seed)
    pools = _pools(model, form)
    rows = [[pool[at] for pool, at in zip(pools, places)] for places in _places(pools, _RANDOM_ROWS, rng)]
    if isinstance(form, Forest):
        rows += _led_rows(form.trees, pools, model, rng)
    columns = []
    for i, column in enumerate(model.preprocessor.columns):
        kind = np.float64 if isinstance(column, NumericColumn) else object
        cells = np.empty(len(rows), kind)
        cells[:] = [row[i] for row in rows]
        columns.append(cells)
    return columns


def _places(pools: list[list[Any]], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For n rows the place of each cell in the pool of its column."""
    return rng.integers(0, [len(pool) for pool in pools], (n, len(pools)))


def _pools(model: Model, form: Forest | Line) -> list[list[Any]]:
    """Values that matter to each column."""
    pools: list[list[Any]] = []
    rng = np.random.default_rng(0)
    for column in model.preprocessor.columns:
        if isinstance(column, CategoryColumn):
            unseen = [value for value in _UNSEEN if value not in column.categories]
            if not all(isinstance(label, str) for label in column.categories):
                unseen = [-7]  # text has no place in a column of numbers
            pools.append([*column.categories, *unseen, None])
            continue
        near = np.float32(column.center) + rng.normal(size=30).astype(np.float32) / np.float32(column.scale)
        fill = np.array([column.fill, column.center], np.float32)
        pools.append([*_SPECIAL, *fill.tolist(), *near[np.isfinite(near)].tolist()])
    for test in tests_of(form):
        if isinstance(test, Below):
            pools[test.column] += _beside(test.edge)
    return pools


def _beside(edge: float) -> list[float]:
    """An edge and its neighbours."""
    count = ordinal(np.float32(edge))
    ends = ordinal(np.float32(-np.inf)), ordinal(np.float32(np.inf))
    return [float(from_ordinal(np.clip(count + step, *ends))) for step in (-1, 0, 1)]


def _led_rows(trees: tuple[RawTree, ...], pools: list[list[Any]], model: Model, rng: np.random.Generator) -> list[Any]:
    """Rows that reach the splits of trees: they start at random and are mended on the way down."""
    splits = [(tree, way) for tree in trees for way in _ways(tree)]
    chosen = rng.permutation(len(splits))[: _LED_ROWS // 4]
    rows: list[Any] = []
    for at, places in zip(chosen, _places(pools, len(chosen), rng)):
        tree, (node, steps) = splits[at]
        row = [pool[place] for pool, place in zip(pools, places)]
        low: dict[int, float] = {}
        high: dict[int, float] = {}
        for step, passes in steps:
            _mend(row, tree.tests[step], passes, low, high, model)
        last = tree.tests[node]
        if isinstance(last, Below):
            cells: list[Any] = [*_beside(last.edge), np.nan]
        else:
            assert last is not None
            column = model.preprocessor.columns[last.column]
            cells = [np.nan, row[last.column]]
            if isinstance(column, CategoryColumn):
                cells = [None, *column.categories[:2]]
                cells += [column.categories[last.category]] if isinstance(last, Equals) else []
        for cell in cells:
            led = list(row)
            led[last.column] = cell
            rows.append(led)
    return rows


def _ways(tree: RawTree) -> list[tuple[int, list[tuple[int, bool]]]]:
    """For each split the splits above it, and whether their tests hold on the way."""
    ways: list[tuple[int, list[tuple[int, bool]]]] = []
    waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0, [])]
    while waiting:
        node, steps = waiting.pop()
        if tree.tests[node] is not None:
            ways.append((node, steps))
            # The last 40 suffice: the way down a chain of thousands would need as many squared.
            waiting += [(node + 1, [*steps, (node, True)][-40:]), (tree.no[node], [*steps, (node, False)][-40:])]
    return ways


def _mend(row: list[Any], test: Any, passes: bool, low: dict[int, float], high: dict[int, float], model: Model) -> None:
    """Change the cell that a test reads so that it goes the wanted way, where the steps before leave room for that."""
    i = test.column
    if isinstance(test, Below):
        if passes:
            high[i] = min(high.get(i, np.inf), test.edge)
        else:
            low[i] = max(low.get(i, -np.inf), test.edge)
        cell = row[i]
        if not (cell == cell and low.get(i, -np.inf) <= cell <= high.get(i, np.inf) and cell != low.get(i)):
            row[i] = high[i] if i in high else _beside(low[i])[2]
        return
    column = model.preprocessor.columns[i]
    if isinstance(column, NumericColumn):
        row[i] = np.nan if passes else column.fill
    elif isinstance(test, Missing):
        row[i] = None if passes else row[i] if row[i] is not None else "no such category"
    elif passes:
        row[i] = column.categories[test.category]
    elif row[i] == column.categories[test.category]:
        row[i] = None
