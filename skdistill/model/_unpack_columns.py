"""Reading the columns of the packed form: each is its kind and the arguments of its class but the name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bytes import Bytes
from ._json import ModelFormatError
from ._pack import CATEGORY, FLAG_ALONE, FLAGGED_CATEGORY, LONG

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_columns(
    source: Bytes, n_columns: int, *, is_listed: bool, any_category: bool
) -> tuple[list[Any], NDArray[np.intp], int]:
    """All columns, the encoded features that are used, and how many encoded features there are."""
    columns: list[Any] = [("category", ()) if any_category else ("numeric",)] * n_columns
    widths = np.full(n_columns, 0 if any_category else 1)
    offsets: dict[int, list[int]] = {}
    for i in _read_places(source, n_columns, is_listed):
        columns[i], widths[i], offsets[i] = _read_column(source, any_category)
    starts = np.cumsum(widths) - widths
    used = [int(starts[i]) + offset for i, found in offsets.items() for offset in found]
    return columns, np.array(used, np.intp), int(widths.sum())


def _read_places(source: Bytes, n_columns: int, is_listed: bool) -> list[int]:
    if not is_listed:
        places: list[int] = np.flatnonzero(source.bits(n_columns)).tolist()
        return places
    places, last = [], -1
    for _ in range(source.count()):
        last += 1 + source.count()
        if last >= n_columns:
            raise ModelFormatError(f"it lists column {last} of {n_columns}.")
        places.append(last)
    return places


def _read_column(source: Bytes, any_category: bool) -> tuple[Any, int, list[int]]:
    """A column, the number of features it is encoded to, and those that are used."""
    first = source.byte()
    if first in (CATEGORY, FLAGGED_CATEGORY):
        if not any_category:
            raise ModelFormatError("its flags say that it has no categories, and it has.")
        labels = tuple(source.label() for _ in range(source.count()))
        width = len(labels) + (first == FLAGGED_CATEGORY)
        return ("category", labels, first == FLAGGED_CATEGORY), width, list(range(width))
    if first == FLAG_ALONE:
        return ("numeric", 0.0, 0.0, 1.0, True), 2, [1]
    fill_form, center_form, scale_form = first & 3, first >> 2 & 3, first >> 4 & 3
    exponent = 0
    if first < LONG:
        center_form, scale_form, exponent = 0, 0, (first >> 2) - 16
    if first == 3 or center_form == 1 or scale_form == 2:
        raise ModelFormatError(f"it has a column of the unknown kind {first}.")
    fill_bytes = source.take((0, 1, 2, 4)[fill_form])
    center = _number(source.take((0, 0, 2, 4)[center_form]))
    if scale_form == 1:
        exponent = source.signed()
        if exponent < -126:
            raise ModelFormatError(f"a scale must be a power of two from -126, not {exponent}.")
    scale = _number(source.take(4)) if scale_form == 3 else float(np.ldexp(1.0, exponent))
    fill = center
    if fill_form == 1:
        if scale_form == 3 or exponent > 124:
            raise ModelFormatError("a fill value in eighths needs a scale that is a power of two.")
        fill = int.from_bytes(fill_bytes, "little", signed=True) / 8 / scale
    elif fill_form:
        fill = _number(fill_bytes)
    flagged = first >= LONG + 64
    return ("numeric", fill, center, scale, flagged), 1 + flagged, [0, 1][: 1 + flagged]


def _number(data: bytes) -> float:
    if not data:
        return 0.0
    return float(np.frombuffer(data, "<f2" if len(data) == 2 else "<f4")[0])
