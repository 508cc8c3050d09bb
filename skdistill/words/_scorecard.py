"""Lines and additive models as a scorecard: points for what each raw column holds, to be added up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from ..model import Additive, Linear, NumericColumn, PairTable
from ._conditions import Box, Range, Wording, above, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._points import Points


@dataclass
class Entry:
    """A line of the card: where it applies, and what it adds to each score."""

    box: Box | None  #: None: whatever none of the other entries of its group says; for a pair, all rows
    points: NDArray[np.float64]
    at_zero: NDArray[np.float64] | None = None  #: of a slope, whose points are for each unit: the points of a raw 0


@dataclass
class Group:
    """Entries of which one applies to a row (of a pair perhaps none): those of a column, or of a pair of columns."""

    name: str
    entries: list[Entry]
    features: list[int]  #: encoded features that entries ask for
    fills: list[int]  #: those that are numbers, whose missing values no entry names
    is_pair: bool = False


@dataclass
class Card:
    """A whole scorecard."""

    start: NDArray[np.float64]
    groups: list[Group]
    silent: list[str]  #: columns that are used, but never make a point
    error: float  #: how far rounding may move a total, slopes apart

    @property
    def used(self) -> list[int]:
        """Encoded features that make points."""
        return [feature for group in self.groups for feature in group.features]

    @property
    def has_slopes(self) -> bool:
        """Whether anything is to be multiplied."""
        return any(entry.at_zero is not None for group in self.groups for entry in group.entries)


def scorecard(predictor: Linear | Additive, wording: Wording, points: Points) -> Card:
    """Make the card.

    Within a column the smallest points are 0, so that one mostly adds, and neighbouring ranges with the same points are
    one entry.
    """
    exact = points.scores(predictor.intercept.astype(np.float64))
    error = np.zeros_like(exact)
    groups, silent = [], []
    for group in _groups(predictor, wording, points):
        is_sloped = any(entry.at_zero is not None for entry in group.entries)
        moved = _moved(group)
        exact = exact + moved
        off = np.zeros_like(exact)
        for entry in group.entries:
            if entry.at_zero is None:
                added = entry.points if group.is_pair else entry.points - moved
                entry.points = points.rounded(added)
                off = np.maximum(off, np.abs(entry.points - added))
        error += off
        group.entries = _merged(group.entries, wording)
        if group.is_pair:
            group.entries = [entry for entry in group.entries if entry.points.any()]
            groups += [group] if group.entries else []
        elif len(group.entries) == 1 and not is_sloped:
            silent.append(group.name)
        else:
            groups.append(group)
    start = points.rounded(exact)
    return Card(start, groups, silent, float((error + np.abs(start - exact)).max()))


def _moved(group: Group) -> NDArray[np.float64]:
    """What a group adds for every row, so that the start can add it; a pair's entry for all rows is taken out."""
    if group.is_pair:
        everywhere = [entry.points for entry in group.entries if entry.box is None]
        group.entries = [entry for entry in group.entries if entry.box is not None]
        return np.asarray(everywhere[0]) if everywhere else np.zeros(())
    slopes = [entry.at_zero for entry in group.entries if entry.at_zero is not None]
    return slopes[0] if slopes else np.min([entry.points for entry in group.entries], axis=0)


def _groups(predictor: Linear | Additive, wording: Wording, points: Points) -> Iterator[Group]:
    """What each column adds, then each pair, in exact points."""
    if isinstance(predictor, Linear):
        used = np.asarray(predictor.coef.any(axis=1))
    else:
        used = np.array([table.any() for table in predictor.tables])
    for column, part in zip(wording.columns, wording.slices, strict=True):
        if not used[part].any():
            continue
        features = range(part.start, part.stop)
        if isinstance(column, NumericColumn):
            entries = _of_number(predictor, wording, points, column, features)
            fills = [] if column.missing else [features[0]]
        else:
            entries, fills = _of_categories(predictor, points, features), []
        yield Group(plain(column.name), list(entries), list(features), fills)
    if isinstance(predictor, Additive):
        for pair in predictor.pairs:
            name = " and ".join(dict.fromkeys(map(wording.name, pair.features)))
            fills = [feature for feature in pair.features if wording.features[feature].part == "value"]
            yield Group(name, list(_of_pair(pair, wording, points)), list(pair.features), fills, is_pair=True)


def _bins(wording: Wording, feature: int, edges: NDArray[np.float32]) -> Iterator[tuple[int, Range]]:
    """Bins that an encoded feature can fall into, and the ranges that they are."""
    low, high = wording.whole(feature)
    if wording.features[feature].part != "value":
        first, last = (int(np.searchsorted(edges, np.float32(value))) for value in (low, high))
        yield from [(first, (low, high))] if first == last else [(first, (0.0, 0.0)), (last, (1.0, 1.0))]
        return
    ends = edges.tolist()
    for i, (lower, upper) in enumerate(zip([low, *map(above, ends)], [*ends, high], strict=True)):
        if lower <= upper:
            yield i, (lower, upper)


def _added(predictor: Linear | Additive, feature: int, value: float) -> NDArray[np.float64]:
    """What an encoded value of a feature adds to the outputs."""
    if isinstance(predictor, Linear):
        return predictor.coef[feature].astype(np.float64) * value
    row = np.searchsorted(predictor.edges[feature], np.float32(value))
    return predictor.tables[feature][row].astype(np.float64)


def _of_number(
    predictor: Linear | Additive, wording: Wording, points: Points, column: NumericColumn, features: range
) -> Iterator[Entry]:
    """A slope, or the bins of a table; and a missing value, where that is told from others."""
    value, flag = features[0], features[-1]
    only_known: dict[int, Range] = {flag: (0.0, 0.0)} if column.missing else {}
    known = _added(predictor, flag, 0.0) if column.missing else np.zeros(predictor.n_outputs)
    if isinstance(predictor, Additive):
        for bin_, within in _bins(wording, value, predictor.edges[value]):
            added = predictor.tables[value][bin_].astype(np.float64)
            yield Entry({**only_known, value: within}, points.scores(added + known))
    elif predictor.coef[value].any():
        slope = predictor.coef[value].astype(np.float64) * column.scale
        yield Entry(only_known, points.scores(slope), at_zero=points.scores(known - slope * column.center))
    else:
        yield Entry(only_known, points.scores(known))
    if column.missing:
        added = _added(predictor, value, wording.filled(column)) + _added(predictor, flag, 1.0)
        yield Entry({flag: (1.0, 1.0)}, points.scores(added))


def _of_categories(predictor: Linear | Additive, points: Points, features: range) -> Iterator[Entry]:
    """Each category, a missing value, and all other values."""
    zero = [_added(predictor, feature, 0.0) for feature in features]
    none = np.sum(zero, axis=0)
    for i, feature in enumerate(features):
        yield Entry({feature: (1.0, 1.0)}, points.scores(none - zero[i] + _added(predictor, feature, 1.0)))
    yield Entry(None, points.scores(none))


def _of_pair(pair: PairTable, wording: Wording, points: Points) -> Iterator[Entry]:
    """The cells of a pair that add anything; one that holds all rows, where neither feature is cut, has no box."""
    bins = [list(_bins(wording, feature, edges)) for feature, edges in zip(pair.features, pair.edges, strict=True)]
    for (i, one), (j, other) in product(*bins):
        box = _consistent(dict(zip(pair.features, (one, other), strict=True)), wording)
        if box is not None and pair.table[i, j].any():
            is_cut = any(within != wording.whole(feature) for feature, within in box.items())
            yield Entry(box if is_cut else None, points.scores(pair.table[i, j].astype(np.float64)))


def _consistent(box: Box, wording: Wording) -> Box | None:
    """The box without what follows from the rest; None where no row can be in it."""
    kept = dict(box)
    for feature, (low, _) in box.items():
        if wording.features[feature].part != "value" and low == 1.0:
            for other, (least, most) in wording.implied(feature).items():
                if other in kept:
                    if most < kept[other][0] or least > kept[other][1]:
                        return None
                    del kept[other]
    return kept


def _merged(entries: list[Entry], wording: Wording) -> list[Entry]:
    """Leave out entries with the points of the rest, and join neighbouring ranges with the same points."""
    rest = next((entry for entry in entries if entry.box is None), None)
    merged: list[Entry] = []
    for entry in entries:
        if rest is not None and entry is not rest and (entry.points == rest.points).all():
            continue
        joined = _joined(merged[-1], entry, wording) if merged else None
        if joined is None:
            merged.append(entry)
        else:
            merged[-1] = Entry(joined, entry.points)
    return merged


def _joined(one: Entry, other: Entry, wording: Wording) -> Box | None:
    """The union of two boxes with the same points that differ in one range and touch there; None if there is none."""
    if one.box is None or other.box is None or (one.points != other.points).any() or one.box.keys() != other.box.keys():
        return None
    apart = [feature for feature in one.box if one.box[feature] != other.box[feature]]
    if len(apart) != 1 or wording.features[apart[0]].part != "value":
        return None
    (low, high), (next_low, next_high) = one.box[apart[0]], other.box[apart[0]]
    return {**one.box, apart[0]: (low, next_high)} if above(high) == next_low else None
