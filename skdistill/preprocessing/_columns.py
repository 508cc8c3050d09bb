"""Reading the caller's table: numbers become one float32 matrix, categories become lists of plain Python labels.

Everything here is about what a cell *is*; what it is encoded as is `_table_encoder`'s business.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from types import NoneType
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

#: What a column holds. "missing": nothing but missing values when the encoder was fitted.
Kind = Literal["numeric", "category", "missing"]
Label = str | int | float | bool

_PLAIN = {str, int, float, bool, NoneType}
# Rows go through in blocks of about this many cells, so that a block stays in the cache while columns are interleaved.
_BLOCK_CELLS = 1 << 17


@dataclass(frozen=True, eq=False)
class Table:
    """A table that has been read.

    Attributes
    ----------
    numbers : ndarray of shape (n_rows, n_numeric), float32
        The numeric columns side by side in C order; NaN where a value is missing, never infinite. May share memory with
        the caller's array: only to be read.
    cells : dict of int to list
        The other columns by position: labels (str, int, float or bool), None where one is missing.
    n_columns : int
        How many columns the table has.
    """

    numbers: np.ndarray
    cells: dict[int, list[Label | None]]
    n_columns: int

    @property
    def numeric(self) -> list[int]:
        """Positions of the columns in `numbers`."""
        return [position for position in range(self.n_columns) if position not in self.cells]


def read_table(X: Any, names: Sequence[str], kinds: Sequence[Kind] | None = None) -> Table:
    """Read every column of `X`.

    Parameters
    ----------
    X : DataFrame of any library that narwhals knows, or 2-D ndarray
        The table; it is not changed.
    names : sequence of str
        Names of the columns for messages.
    kinds : sequence of {"numeric", "category", "missing"}, default=None
        What each column has to be; a "missing" one is not looked at. None: told from the data.

    Returns
    -------
    Table

    Raises
    ------
    TypeError
        For dates, durations, and cells that are neither text nor numbers.
    ValueError
        For complex numbers, for numbers that float32 cannot hold, and where a column that has to be numeric holds text
        that is no number.

    Examples
    --------
    >>> table = read_table(np.array([[1, "a"], [None, "b"]], dtype=object), ["size", "shape"])
    >>> table.numbers
    array([[ 1.], [nan]], dtype=float32)
    >>> table.cells
    {1: ['a', 'b']}
    """
    if isinstance(X, np.ndarray) and X.dtype.kind in "biuf" and (kinds is None or set(kinds) == {"numeric"}):
        with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused below
            matrix = X.astype(np.float32, order="C", copy=False)
        _refuse_infinity(matrix, names)
        return Table(matrix, {}, X.shape[1])

    raw = X.T if isinstance(X, np.ndarray) else nw.from_native(X, eager_only=True).iter_columns()
    columns = [
        np.full(len(column), np.nan, dtype=np.float32) if kind == "missing" else _read_column(column, name, kind)
        for column, name, kind in zip(raw, names, kinds or repeat(None))
    ]
    cells = {position: column for position, column in enumerate(columns) if isinstance(column, list)}
    numeric = [position for position in range(len(columns)) if position not in cells]
    matrix = _interleave([np.asarray(columns[position]) for position in numeric], len(columns[0]))
    _refuse_infinity(matrix, [names[position] for position in numeric])
    return Table(matrix, cells, len(columns))


def row_blocks(matrix: np.ndarray) -> Iterator[slice]:
    """Slices that cut the rows of `matrix` into blocks that fit in the processor's cache.

    Examples
    --------
    >>> list(row_blocks(np.zeros((3, 100_000))))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    n_rows, n_columns = matrix.shape
    step = max(1, _BLOCK_CELLS // max(1, n_columns))
    return (slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step))


def _interleave(columns: list[np.ndarray], n_rows: int) -> np.ndarray:
    """The columns side by side in float32."""
    matrix = np.empty((n_rows, len(columns)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for rows in row_blocks(matrix):
            for position, column in enumerate(columns):
                matrix[rows, position] = column[rows]
    return matrix


def _read_column(column: np.ndarray | nw.Series, name: str, kind: Kind | None) -> np.ndarray | list[Label | None]:
    """One column: an array of numbers with NaN, or a list of labels with None."""
    labels = kind == "category"
    if isinstance(column, np.ndarray):
        if column.dtype.kind in "mM":
            raise _dates(name)
        if column.dtype.kind in "biuf" and not labels:
            return column
        return _read_cells(column.tolist(), name, kind, labels)
    dtype = column.dtype
    if dtype.is_temporal():
        raise _dates(name)
    if (dtype.is_numeric() or dtype == nw.Boolean) and not labels:
        # Through Float64, because nullable integers, booleans and decimals have no NumPy type that holds a gap.
        floats = column if dtype in (nw.Float32, nw.Float64) else column.cast(nw.Float64)
        return floats.to_numpy()
    # A list, as narwhals' to_numpy loses the gaps of Arrow dictionaries.
    return _read_cells(column.to_list(), name, kind, labels or dtype in (nw.Categorical, nw.Enum))


def _read_cells(cells: list[Any], name: str, kind: Kind | None, labels: bool) -> np.ndarray | list[Label | None]:
    """Python cells as numbers if all of them are, or have to be; otherwise, or if `labels`, as labels."""
    # There are few types but many cells: every decision is taken on the types.
    roles = {cls: _role(cls) for cls in set(map(type, cells))}
    for cls, role in roles.items():
        if role == "date":
            raise _dates(name)
        if role == "complex":
            raise ValueError(f"Complex data not supported: column {name!r} holds complex numbers.")
        if role == "other":
            row = next(row for row, cell in enumerate(cells) if type(cell) is cls)
            raise TypeError(
                f"Cannot encode column {name!r}, row {row}: the argument must be a string or a number, not "
                f"{cls.__name__!r}. Turn the column into numbers or strings first."
            )
    if any(role == "missing" and cls is not NoneType for cls, role in roles.items()):
        cells = [None if roles[type(cell)] == "missing" else cell for cell in cells]
    if kind == "numeric" or not (labels or "text" in roles.values()):
        return _numbers(cells, name)
    plain: list[Label | None] = cells if roles.keys() <= _PLAIN else list(map(_plain, cells))
    if not roles.keys() <= {str, int, bool, NoneType}:
        plain = [None if cell != cell else cell for cell in plain]  # only NaN differs from itself
    if kind is None and plain.count(None) == len(plain):
        return np.full(len(plain), np.nan)
    return plain


def _role(cls: type) -> str:
    """What cells of a type are: "missing", "number", "text", "date", "complex" or "other"."""
    if cls is NoneType or cls.__name__ in ("NAType", "NaTType"):  # pandas.NA and NaT, without importing pandas
        return "missing"
    if issubclass(cls, (numbers.Real, decimal.Decimal, np.bool_)):
        return "number"
    if issubclass(cls, str):
        return "text"
    if issubclass(cls, (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)):
        return "date"
    return "complex" if issubclass(cls, numbers.Complex) else "other"


def _plain(cell: Any) -> Label | None:
    """A label as the Python scalar it equals: NumPy scalars, decimals and enumerations lose their wrapping."""
    if cell is None or type(cell) in _PLAIN:
        return cell
    if isinstance(cell, str):
        return str.__str__(cell)
    if isinstance(cell, np.bool_):
        return bool(cell)
    return int(cell) if isinstance(cell, numbers.Integral) else float(cell)


def _numbers(cells: list[Any], name: str) -> np.ndarray:
    """Numbers, and text that can be read as numbers, in float64; NaN for None."""
    try:
        return np.array(cells, dtype=np.float64)
    except OverflowError:  # a Python integer beyond float64
        row = next(row for row, cell in enumerate(cells) if isinstance(cell, int) and abs(cell) > 2**1000)
        raise infinity(name, row) from None
    except ValueError:
        row = next(row for row, cell in enumerate(cells) if isinstance(cell, str) and not _is_number(cell))
        raise ValueError(
            f"Column {name!r} held numbers when TableEncoder was fitted, but row {row} now holds {cells[row]!r}, which "
            "is not a number. Pass numbers, None or NaN there, or fit on a table in which the column holds text."
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_infinity(matrix: np.ndarray, names: Sequence[str]) -> None:
    for rows in row_blocks(matrix):
        infinite = np.isinf(matrix[rows])
        if infinite.any():
            row, position = np.argwhere(infinite)[0]
            raise infinity(names[position], rows.start + row)


def infinity(name: str, row: int) -> ValueError:
    """The error for a number that float32 cannot hold, in scikit-learn's words.

    Examples
    --------
    >>> print(str(infinity("age", 3)).split(": ")[0])
    Input X contains infinity or a value too large for dtype('float32'). It is in column 'age', row 3
    """
    return ValueError(
        "Input X contains infinity or a value too large for dtype('float32'). "
        f"It is in column {name!r}, row {row}: rescale the column, or put NaN there to have it treated as missing."
    )


def _dates(name: str) -> TypeError:
    return TypeError(
        f"Column {name!r} holds dates, times or durations, which TableEncoder does not encode. Turn it into numbers "
        "first, such as the days since a fixed date, the month, or the hours that passed."
    )
