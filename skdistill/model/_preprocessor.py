"""From the caller's raw table to the float32 features that a predictor reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ._columns import LARGEST_FLOAT32, CategoryColumn, NumericColumn
from ._frozen import Frozen, frozen
from ._labels import Label

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Layout:
    """Where columns are read from and written to."""

    def __init__(self, columns: Sequence[NumericColumn | CategoryColumn], slices: Sequence[slice]) -> None:
        numeric = [i for i, column in enumerate(columns) if isinstance(column, NumericColumn)]
        scaling = [
            (column.fill, column.center, column.scale) for column in columns if isinstance(column, NumericColumn)
        ]
        #: The raw columns that are numeric; the next four arrays run parallel to it.
        self.numeric = numeric
        self.fill, self.center, self.scale = np.array(scaling, dtype=np.float32).reshape(-1, 3).T
        self.target = [slices[i].start for i in numeric]
        #: Positions in `numeric` of the columns with an indicator of missing values, and the features it goes to.
        self.flagged = [j for j, i in enumerate(numeric) if columns[i].missing]
        self.flag_target = [self.target[j] + 1 for j in self.flagged]
        #: The raw columns that are categorical, each with the encoded feature of each category.
        self.category: list[tuple[int, dict[Label, int]]] = [
            (i, {label: part.start + j for j, label in enumerate(column.categories)})
            for i, (column, part) in enumerate(zip(columns, slices, strict=True))
            if isinstance(column, CategoryColumn)
        ]
        self.is_scaled = bool((self.center != 0).any() or (self.scale != 1).any())


@frozen
class Preprocessor(Frozen):
    """What is done to each raw column, in the order of the raw columns.

    Parameters
    ----------
    columns : tuple of NumericColumn and CategoryColumn
        One or more, with distinct names.

    Raises
    ------
    ValueError
        If there is no column or two have the same name.

    Examples
    --------
    >>> from skdistill.model import CategoryColumn, NumericColumn, Preprocessor
    >>> preprocessor = Preprocessor((NumericColumn("age", fill=40.0), CategoryColumn("job", ("clerk", "nurse"))))
    >>> preprocessor.encoded_names
    ('age', 'job = clerk', 'job = nurse')
    >>> preprocessor.transform({"job": ["nurse", "cook"], "age": [31, None]})
    array([[31.,  0.,  1.],
           [40.,  0.,  0.]], dtype=float32)
    """

    columns: tuple[NumericColumn | CategoryColumn, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        for column in self.columns:
            if not isinstance(column, NumericColumn | CategoryColumn):
                raise ValueError(
                    f"'columns' of Preprocessor must be NumericColumn or CategoryColumn. Got {column!r} instead."
                )
        names = self.feature_names_in
        if not names or len(set(names)) < len(names):
            repeated = sorted({name for name, next_name in pairwise(sorted(names)) if name == next_name})
            raise ValueError(
                f"'columns' of Preprocessor must be one or more with distinct names. Repeated: {repeated}."
            )

    def __repr__(self) -> str:
        return f"Preprocessor(n_features_in={self.n_features_in}, n_encoded={self.n_encoded})"

    @property
    def n_features_in(self) -> int:
        """Number of raw columns."""
        return len(self.columns)

    @property
    def feature_names_in(self) -> tuple[str, ...]:
        """Names of the raw columns."""
        return tuple(column.name for column in self.columns)

    @property
    def n_encoded(self) -> int:
        """Number of encoded features."""
        return len(self.encoded_names)

    @cached_property
    def encoded_names(self) -> tuple[str, ...]:
        """Names of the encoded features."""
        return tuple(name for column in self.columns for name in column.encoded_names)

    @property
    def slices(self) -> tuple[slice, ...]:
        """For each raw column, the encoded features it becomes."""
        ends = list(accumulate(len(column.encoded_names) for column in self.columns))
        return tuple(map(slice, [0, *ends], ends))

    @cached_property
    def _layout(self) -> _Layout:
        return _Layout(self.columns, self.slices)

    def transform(self, X: Any) -> Any:
        """Encode raw rows.

        Parameters
        ----------
        X : array-like of shape (n, n_features_in), mapping of names to columns, or DataFrame
            Columns of a mapping or DataFrame (pandas, polars, PyArrow, ...) are found by name, in any order, and
            further ones are ignored; by position where the model was fitted on a table without names. Also a SciPy
            sparse matrix, if every column is numeric with `fill` and `center` 0 and without `missing`: then zeros stay
            zeros.

        Returns
        -------
        Z : float32 array of shape (n, n_encoded); CSR matrix for a sparse X
            `X` itself where nothing is to be done to it.

        Raises
        ------
        ValueError
            If columns are absent or of a wrong shape, or a numeric column holds what is not a number. Text that reads
            as a number, such as "3.5", is one.
        """
        if hasattr(X, "tocsr"):
            return self._transform_sparse(X)
        return self._assemble(*self._gathered(X))

    def cells(self, X: Any) -> NDArray[np.float32]:
        """Say raw rows in numbers alone, as programs read them that have no texts.

        Parameters
        ----------
        X : as for `transform`, but not sparse

        Returns
        -------
        cells : float32 array of shape (n, n_features_in)
            NaN where a cell is missing. A category is its number among the column's categories, -1 if it is not there.

        Examples
        --------
        >>> from skdistill.model import CategoryColumn, NumericColumn, Preprocessor
        >>> preprocessor = Preprocessor((NumericColumn("age", fill=40.0), CategoryColumn("job", ("clerk", "nurse"))))
        >>> preprocessor.cells([[31, "nurse"], [None, "cook"], [30, None]])
        array([[31.,  1.],
               [nan, -1.],
               [30., nan]], dtype=float32)
        """
        numbers, raw = self._gathered(X)
        layout = self._layout
        if not layout.category:
            return numbers
        cells = np.empty((len(numbers), self.n_features_in), np.float32)
        cells[:, layout.numeric] = numbers
        for i, feature_of in layout.category:
            before = self.slices[i].start - 1
            values = raw[i].tolist()
            codes = np.fromiter((feature_of.get(value, before) for value in values), np.float32, len(values))
            cells[:, i] = codes - (before + 1)
            unknown = np.flatnonzero(codes == before)
            cells[unknown[[_is_missing(values[row]) for row in unknown]], i] = np.nan
        return cells

    def rows(self, X: Any) -> list[list[Any]]:
        """Say raw rows as lists of Python values, as programs for single rows take them; numbers in float32.

        Examples
        --------
        >>> from skdistill.model import CategoryColumn, NumericColumn, Preprocessor
        >>> preprocessor = Preprocessor((NumericColumn("age", fill=40.0), CategoryColumn("job", ("clerk", "nurse"))))
        >>> preprocessor.rows({"job": ["nurse", None], "age": [31, 30]})
        [[31.0, 'nurse'], [30.0, None]]
        """
        numbers, raw = self._gathered(X)
        if not self._layout.category:
            return numbers.tolist()
        columns = [column.tolist() for column in raw]
        for i, column in zip(self._layout.numeric, numbers.T, strict=True):
            columns[i] = column.tolist()
        return [list(row) for row in zip(*columns, strict=True)]

    def _gathered(self, X: Any) -> tuple[NDArray[np.float32], Sequence[NDArray[Any]]]:
        """The numeric raw columns in float32, side by side, and all raw columns, if any is categorical."""
        layout = self._layout
        raw: Any
        if isinstance(X, Mapping) or hasattr(X, "columns"):
            raw = self._columns_by_name(X)
            n_rows = len(raw[0])
        else:
            table = _as_table(X, self.n_features_in, bool(layout.category))
            if table.dtype.kind in "biuf" and not layout.category:
                return _as_float32(table), []
            raw, n_rows = table.T, len(table)
        numbers = np.empty((n_rows, len(layout.numeric)), np.float32)
        for j, i in enumerate(layout.numeric):
            numbers[:, j] = _as_numbers(raw[i], self.columns[i].name)
        return numbers, raw

    def _assemble(self, numbers: NDArray[np.float32], raw: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Lay out the encoded features, from the numeric raw columns in float32 and all raw columns."""
        layout, n_rows = self._layout, len(numbers)
        # One pass finds out whether there is anything to fill or clip; mostly there is not.
        missing = None if np.isfinite(numbers).all() else np.isnan(numbers)
        if missing is not None:
            numbers = np.where(missing, layout.fill, numbers)
        if layout.is_scaled:
            with np.errstate(over="ignore"):
                numbers = (numbers - layout.center) * layout.scale
        if layout.is_scaled or missing is not None:
            np.clip(numbers, -LARGEST_FLOAT32, LARGEST_FLOAT32, out=numbers)
        if not layout.category and not layout.flagged:
            return numbers
        encoded = np.zeros((n_rows, self.n_encoded), np.float32)
        encoded[:, layout.target] = numbers
        if missing is not None:
            encoded[:, layout.flag_target] = missing[:, layout.flagged]
        for i, feature_of in layout.category:
            values = raw[i].tolist()
            features = np.fromiter((feature_of.get(value, -1) for value in values), np.intp, n_rows)
            known = features >= 0
            encoded[known, features[known]] = 1.0
            if self.columns[i].missing:
                unknown = np.flatnonzero(~known)
                encoded[unknown, self.slices[i].stop - 1] = [_is_missing(values[row]) for row in unknown]
        return encoded

    def _columns_by_name(self, X: Any) -> list[NDArray[Any]]:
        if not isinstance(X, Mapping) and hasattr(type(X), "column_names"):
            given = list(X.column_names)  # PyArrow, whose `columns` are the data
        else:
            given = list(X if isinstance(X, Mapping) else X.columns)
        present = set(given)
        names: Sequence[Any] = self.feature_names_in
        if present.isdisjoint(names) and len(given) == len(names) and names == _nameless(len(names)):
            names = given  # fitted without names, so that columns count by their positions
        absent = [name for name in names if name not in present]
        if absent:
            raise ValueError(f"X lacks columns that the model reads: {absent}. It needs all of {list(names)}.")
        columns = [
            _as_column(X[name], isinstance(column, CategoryColumn))
            for name, column in zip(names, self.columns, strict=True)
        ]
        for name, column in zip(names, columns, strict=True):
            if column.ndim == 0:
                raise ValueError(
                    f"Each column of X must be 1-D. Got the single value {X[name]!r} for column {name!r}. For one row, "
                    f"pass lists of one value: {{{name!r}: [{X[name]!r}], ...}}."
                )
            if column.ndim != 1 or len(column) != len(columns[0]):
                raise ValueError(
                    f"Each column of X must be 1-D and as long as column {names[0]!r}, of shape {columns[0].shape}. "
                    f"Got shape {column.shape} for column {name!r}."
                )
        return columns

    def _transform_sparse(self, X: Any) -> Any:
        for column in self.columns:
            if isinstance(column, CategoryColumn) or column.fill or column.center or column.missing:
                raise ValueError(
                    f"X is sparse, but encoding column {column.name!r} does not leave zeros alone: it is categorical, "
                    "or has a 'fill' or 'center' other than 0, or 'missing'. Pass a dense X, as from X.toarray()."
                )
        _check_shape(X, self.n_features_in)
        if X.dtype.kind not in "biuf":
            raise ValueError(f"A sparse X must hold numbers. Got dtype {X.dtype}.")
        with np.errstate(over="ignore"):
            encoded = X.tocsr().astype(np.float32)  # a copy
            encoded.data[np.isnan(encoded.data)] = 0
            encoded.data *= self._layout.scale[encoded.indices]
        np.clip(encoded.data, -LARGEST_FLOAT32, LARGEST_FLOAT32, out=encoded.data)
        return encoded


def _check_shape(X: Any, n_columns: int) -> None:
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D array instead. Reshape your data using array.reshape(-1, 1) if it "
            "has a single feature or array.reshape(1, -1) if it is a single row."
        )
    if X.shape[1] != n_columns:
        raise ValueError(f"X has {X.shape[1]} features, but Preprocessor is expecting {n_columns} features as input.")


def _nameless(n_columns: int) -> tuple[str, ...]:
    """What the columns of a table without names are called."""
    return tuple(f"x{i}" for i in range(n_columns))


def _as_column(values: Any, category: bool) -> NDArray[Any]:
    """One raw column as an array; where PyArrow is asked for a dictionary column, NumPy gets a label in every gap."""
    if category and hasattr(values, "to_pylist"):
        return np.array(values.to_pylist(), dtype=object)
    return np.asarray(values)


def _as_table(X: Any, n_columns: int, has_categories: bool) -> NDArray[Any]:
    """Return rows as a 2-D array of numbers or objects. Lists of mixed types must not become text all over."""
    if isinstance(X, Sequence) and X and isinstance(X[0], Mapping):
        raise ValueError(
            "X is a list of dicts, one for each row. Pass a dict of columns: "
            "{name: [row[name] for row in rows] for name in rows[0]}."
        )
    as_objects = has_categories and not hasattr(X, "__array__")
    table = np.asarray(X, dtype=object if as_objects else None)
    _check_shape(table, n_columns)
    return table


def _as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):  # "invalid" is said of signalling NaNs
        return np.ascontiguousarray(values, dtype=np.float32)


def _as_numbers(values: NDArray[Any], name: str) -> NDArray[np.float32]:
    """Convert a raw numeric column, in which objects may be missing, or raise a ValueError that names the column."""
    if values.dtype.kind in "OU":
        found = [np.nan if _is_missing(value) else value for value in values.tolist()]
        for value in found:
            if isinstance(value, bytes) or (isinstance(value, str) and not _is_number(value)):
                raise ValueError(f"Column {name!r} of X must hold numbers. Got {value!r}.")
        try:
            return _as_float32(np.array(found, dtype=np.float64))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"Column {name!r} of X must hold numbers: {error}.") from error
    if values.dtype.kind not in "biuf":
        raise ValueError(f"Column {name!r} of X must hold numbers. Got dtype {values.dtype}.")
    return _as_float32(values)


def _is_number(text: str) -> bool:
    """Whether text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_missing(value: Any) -> bool:
    """Tell None, NaN and pandas.NA from a value."""
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN alone differs from itself
    except TypeError:  # pandas.NA refuses to be true or false
        return True
