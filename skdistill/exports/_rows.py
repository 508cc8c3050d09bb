"""Raw rows that are hard to get right: on every threshold and beside it, missing, infinite, denormal, unseen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..model import CategoryColumn, Model
from ._raw import LARGEST, Below, Equals, Forest, Line, Missing, RawTree, Test, every_test, from_ordinal, ordinal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPECIAL = np.array([1, -1, 1e-45, -1e-45, 1e-40, LARGEST, -LARGEST, np.inf, -np.inf, np.nan], np.float32)
_UNSEEN = ("no such category", "", "quote \" ' ` \\")

#: Rows drawn from all the values of each column; how often each leaf is led to, and at most how many rows come of that;
#: at most how many of the last tests on the way to a leaf are looked at.
_RANDOM_ROWS, _ROUNDS, _LED_ROWS, _STEPS = 400, 8, 6000, 40


def adversarial_rows(model: Model, form: Forest | Line, seed: int = 0) -> list[NDArray[Any]]:
    """Draw raw rows: one array for each raw column, float64 numbers that float32 holds, or objects.

    Some hold any mix of the values that matter to their columns; others are led to each split of each tree that can be
    reached, and stand on its threshold, one float32 number to either side of it, and are missing there.

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
    places = [_random_places(pools, _RANDOM_ROWS, rng)]
    if isinstance(form, Forest):
        places.append(_led_places(form.trees, pools, rng))
    return [pool[at] for pool, at in zip(pools, np.concatenate(places).T, strict=True)]


def _random_places(pools: list[NDArray[Any]], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """For n rows the place of each cell in the pool of its column."""
    return rng.integers(0, [len(pool) for pool in pools], (n, len(pools)))


def _pools(model: Model, form: Forest | Line) -> list[NDArray[Any]]:
    """The distinct values that matter to each column."""
    rng = np.random.default_rng(0)
    edges: dict[int, list[NDArray[np.float32]]] = {}
    for test in every_test(form):
        if isinstance(test, Below):
            edges.setdefault(test.column, []).append(_beside(test.edge))
    pools = []
    for i, column in enumerate(model.preprocessor.columns):
        if isinstance(column, CategoryColumn):
            unseen: list[Any] = [value for value in _UNSEEN if value not in column.categories]
            if not all(isinstance(label, str) for label in column.categories):
                # Text has no place in a column of numbers.
                unseen = [next(value for value in count(-7) if value not in column.categories)]
            values = [*column.categories, *unseen, None]
            pool = np.empty(len(values), object)
            pool[:] = values
        else:
            near = np.float32(column.center) + rng.normal(size=30).astype(np.float32) / np.float32(column.scale)
            fill = np.array([column.fill, column.center], np.float32)
            parts = [_SPECIAL, fill, near[np.isfinite(near)], *edges.get(i, [])]
            pool = np.append(np.unique(np.concatenate(parts)), [0.0, -0.0]).astype(np.float64)
        pools.append(pool)
    return pools


def _beside(edge: float) -> NDArray[np.float32]:
    """An edge and its neighbours."""
    count = ordinal(np.float32(edge))
    ends = ordinal(np.array([-np.inf, np.inf], np.float32))
    return from_ordinal(np.clip(count + np.arange(-1, 2), *ends.tolist()))


class _Leaf(NamedTuple):
    """A leaf that some row reaches: the tests on the way with the values of their columns that lead to each, and the
    values of all columns asked that lead to the leaf.
    """

    way: tuple[tuple[Test, NDArray[np.bool_]], ...]
    allowed: dict[int, NDArray[np.bool_]]


def _led_places(trees: tuple[RawTree, ...], pools: list[NDArray[Any]], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows on the way to a leaf but for one cell, which is one that matters to a test on the way."""
    leaves = [leaf for tree in trees for leaf in _reached(tree, pools)]
    rows, n_rows = [np.zeros((0, len(pools)), np.int64)], 0
    for _ in range(_ROUNDS):
        for at in rng.permutation(len(leaves)).tolist():
            way, allowed = leaves[at]
            for step in rng.permutation(len(way))[:_STEPS].tolist():
                test, mask = way[step]
                cells = _crucial(test, pools[test.column], mask)
                led = np.repeat(_random_places(pools, 1, rng), len(cells), axis=0)
                for column, leading in allowed.items():
                    led[:, column] = rng.choice(np.flatnonzero(leading))
                led[:, test.column] = cells
                rows.append(led)
                n_rows += len(led)
                if n_rows > _LED_ROWS:
                    return np.concatenate(rows)
    return np.concatenate(rows)


def _reached(tree: RawTree, pools: list[NDArray[Any]]) -> Iterator[_Leaf]:
    """Every leaf that some row reaches."""
    waiting: list[tuple[int, _Leaf]] = [(0, _Leaf((), {}))]
    while waiting:
        node, (way, allowed) = waiting.pop()
        test = tree.tests[node]
        if test is None:
            yield _Leaf(way, allowed)
            continue
        mask = allowed.get(test.column, np.ones(len(pools[test.column]), bool))
        passes = _holds(test, pools[test.column])
        # The last steps suffice: all the ways down a chain of thousands would be as many squared.
        way = (*way, (test, mask))[-_STEPS:]
        for child, kept in ((node + 1, mask & passes), (tree.no[node], mask & ~passes)):
            if kept.any():
                waiting.append((child, _Leaf(way, {**allowed, test.column: kept})))


def _holds(test: Test, pool: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values pass a test. Of the categories, which come first in a pool, each has the place of its number."""
    if isinstance(test, Equals):
        return np.arange(len(pool)) == test.category
    if pool.dtype == object:
        return np.arange(len(pool)) == len(pool) - 1
    missing = np.isnan(pool)
    return missing if isinstance(test, Missing) else (pool <= test.edge) | (missing & test.missing)


def _crucial(test: Test, pool: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Places of the values that tell a test from one that is a little off, and of some others."""
    places = np.flatnonzero(mask)
    near = np.isin(pool, _beside(test.edge)) | np.isnan(pool) if isinstance(test, Below) else _holds(test, pool)
    others = places[:: len(places) // 6 + 1]
    return np.union1d(others, np.flatnonzero(mask & near))
