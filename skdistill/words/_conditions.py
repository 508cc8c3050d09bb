"""Encoded features in the words of the raw table: which raw values a range of an encoded feature stands for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..model import CategoryColumn, NumericColumn, Preprocessor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float32).max)

#: A closed range of an encoded feature; encoding leaves no NaN and nothing infinite.
Range = tuple[float, float]

#: Ranges of some encoded features, by their numbers: the rows for which all of them hold.
Box = Mapping[int, Range]


class Feature(NamedTuple):
    """Where an encoded feature comes from."""

    column: int
    part: str  #: "value" of a number; "category" or "missing", which are 0 or 1
    category: Any = None


def plain(value: Any) -> str:
    r"""A name or class label as it is, in quotes only where it could be misread.

    >>> print(plain("age"), plain(3), plain(""), plain("two\nlines"))
    age 3 "" "two\nlines"
    """
    text = str(value)
    return text if text and text == text.strip() and text.isprintable() else json.dumps(text, ensure_ascii=False)


def quoted(value: Any) -> str:
    """A category: text in quotes, so that it cannot be taken for a word of ours.

    >>> print(quoted("missing"), quoted(2.5))
    "missing" 2.5
    """
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def number(value: float) -> str:
    """The shortest decimal that is this float32.

    >>> print(number(float(np.float32(0.1))), number(3.0), number(-0.0), number(1e20))
    0.1 3 0 1e+20
    """
    value = value + 0.0  # no minus zero
    text = str(np.float32(value))
    return text.removesuffix(".0")


class Wording:
    """Says conditions on encoded features in raw columns.

    Parameters
    ----------
    preprocessor : Preprocessor
    missing : bool
        Whether values may be missing.
    """

    def __init__(self, preprocessor: Preprocessor, missing: bool = True) -> None:
        self.missing = missing
        self.columns = preprocessor.columns
        self.slices = preprocessor.slices
        self.features: list[Feature] = []
        for i, column in enumerate(self.columns):
            if isinstance(column, NumericColumn):
                self.features.append(Feature(i, "value"))
            else:
                self.features += [Feature(i, "category", category) for category in column.categories]
            if column.missing:
                self.features.append(Feature(i, "missing"))

    def whole(self, feature: int) -> Range:
        """All that an encoded feature can be."""
        return (-_LARGEST, _LARGEST) if self.features[feature].part == "value" else (0.0, 1.0)

    def implied(self, feature: int) -> dict[int, Range]:
        """What else is known of a row where an indicator is 1: of a column one category holds, or it is missing."""
        column = self.columns[self.features[feature].column]
        part = self.slices[self.features[feature].column]
        if isinstance(column, CategoryColumn):
            return {other: (0.0, 0.0) for other in range(part.start, part.stop) if other != feature}
        return {part.start: (self.filled(column),) * 2} if self.features[feature].part == "missing" else {}

    def filled(self, column: NumericColumn) -> float:
        """The encoded value of a missing number."""
        return float(_encoded(np.array([column.fill], np.float32), column)[0])

    def name(self, feature: int) -> str:
        """The raw column of a feature."""
        return plain(self.columns[self.features[feature].column].name)

    def condition(self, feature: int, within: Range) -> str:
        """Say that an encoded feature is in a range, of which one end at least cuts something off."""
        _, part, category = self.features[feature]
        name = self.name(feature)
        column = self.columns[self.features[feature].column]
        if isinstance(column, NumericColumn) and part == "value":
            low, high = within
            above = None if low <= -_LARGEST else _last_below(low, column)
            upto = None if high >= _LARGEST else _last_upto(high, column)
            if above is None:
                return f"{name} <= {number(_needed(upto))}"
            if upto is None:
                return f"{name} > {number(above)}"
            return f"{number(above)} < {name} <= {number(upto)}"
        holds = within[0] > 0
        if part == "missing":
            return f"{name} is {'missing' if holds else 'known'}"
        return f"{name} is {'' if holds else 'not '}{quoted(category)}"

    def say(self, box: Box) -> str:
        """All conditions of a box, joined, each column once: what else follows from them is left out."""
        columns: dict[int, list[int]] = {}
        for feature, within in box.items():
            if within != self.whole(feature):
                columns.setdefault(self.features[feature].column, []).append(feature)
        return " and ".join(self._of_column(cut, box) for cut in columns.values())

    def _of_column(self, cut: list[int], box: Box) -> str:
        """What a box says of one column: its range, the one thing that it is, or all that it is not."""
        sure = [feature for feature in cut if self.features[feature].part == "value" or box[feature][0] > 0]
        if sure or len(cut) == 1:
            # A missing number has a value too, what it counts as: that says less than that it is missing.
            feature = next((each for each in sure if self.features[each].part != "value"), (sure or cut)[0])
            return self.condition(feature, box[feature])
        known = [feature for feature in cut if self.features[feature].part == "missing"]
        others = [quoted(self.features[feature].category) for feature in cut if feature not in known]
        name = self.name(cut[0])
        said = f"{name} is not {', '.join(others[:-1])}{' or ' if len(others) > 1 else ''}{others[-1]}"
        return f"{said} and {name} is known" if known else said

    def say_all(self, box: Box) -> str:
        """All conditions of a box, joined, also of features that may be anything."""
        return " and ".join(
            self.condition(feature, within) if within != self.whole(feature) else f"{self.name(feature)} is anything"
            for feature, within in box.items()
        )

    def gaps(self, used: list[int], where: str = "Where") -> str:
        """What a missing value counts as, in the columns of some encoded features."""
        if not self.missing:
            return ""
        fills, none = [], []
        for i in dict.fromkeys(self.features[feature].column for feature in used):
            column = self.columns[i]
            if isinstance(column, NumericColumn):
                fills.append(f"{plain(column.name)} counts as {number(column.fill)}")
            else:
                none.append(plain(column.name))
        if none:
            fills.append(f"{_listed(none)} {'is' if len(none) == 1 else 'are'} none of the named categories")
        return f"{where} a value is missing, {_listed(fills)}." if fills else ""


def holds(box: Box, Z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which encoded rows are in a box.

    >>> holds({0: (1.0, 2.0), 1: (0.0, 0.0)}, np.array([[1, 0], [1, 1], [3, 0]], np.float32))
    array([ True, False, False])
    """
    inside = np.ones(len(Z), dtype=bool)
    for feature, (low, high) in box.items():
        inside &= (Z[:, feature] >= low) & (Z[:, feature] <= high)
    return inside


def above(threshold: float) -> float:
    """The smallest float32 above another."""
    return float(np.nextafter(np.float32(threshold), np.float32(np.inf)))


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _needed(value: float | None) -> float:
    assert value is not None  # a range cuts something off
    return value


def _encoded(raw: NDArray[np.float32], column: NumericColumn) -> NDArray[np.float32]:
    """What `Preprocessor.transform` makes of numbers that are not missing."""
    if not column.is_scaled:
        return raw
    with np.errstate(over="ignore"):
        scaled = (raw - np.float32(column.center)) * np.float32(column.scale)
    return np.clip(scaled, -_LARGEST, _LARGEST)


def _last_upto(high: float, column: NumericColumn) -> float:
    """The largest raw float32 whose encoded value is at most `high`.

    Encoding never decreases, so halving the float32 numbers finds it; solving for it would be off by a rounding.
    """
    if not column.is_scaled:
        return high
    low_rank, high_rank = _rank(-math.inf), _rank(math.inf)
    while high_rank - low_rank > 1:
        middle = (low_rank + high_rank) // 2
        if _encoded(_of_rank(middle), column)[0] <= high:
            low_rank = middle
        else:
            high_rank = middle
    return float(_of_rank(low_rank)[0])


def _last_below(low: float, column: NumericColumn) -> float:
    """The largest raw float32 whose encoded value is below `low`."""
    return _last_upto(float(np.nextafter(np.float32(low), np.float32(-np.inf))), column)


def _rank(value: float) -> int:
    """Number the float32 values in their order."""
    bits = int(np.array(value, np.float32).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _of_rank(rank: int) -> NDArray[np.float32]:
    """The float32 value of a number, as an array of one."""
    value = np.array([abs(rank)], np.int32).view(np.float32)
    return -value if rank < 0 else value
