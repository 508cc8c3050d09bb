"""The transformer in front of students and named teachers."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._documentation import Documented
from .._sklearn import Interval, StrOptions, check_sample_weight, fit_context, safe_indexing
from ..model import CategoryColumn, NumericColumn, Preprocessor
from ._categories import by_frequency, within
from ._columns import Kind, Label, infinity, read_table, row_blocks
from ._statistics import sparse_deviation, summarise

_FLOAT32_MAX = float(np.finfo(np.float32).max)


class TableEncoder(Documented, TransformerMixin, BaseEstimator):
    """Encode a raw table as the float32 matrix that students and named teachers take.

    A column is numeric if its cells are numbers or booleans, and categorical if it holds text, has a categorical type,
    or mixes text with numbers. In an object column the cells decide. Labels are compared as Python compares them: 1 and
    1.0 are one label, 1 and "1" are two. The same table gives the same matrix from pandas, polars, pyarrow and NumPy.

    Numeric columns are cast to float32; a missing value is replaced by the column's weighted median, and an indicator
    feature follows if `fit` saw a missing value. Categorical columns become one indicator per kept category, followed
    by one for missing if `fit` saw that; categories that were not kept or not seen are all zeros. No statistic of the
    targets is used. A column in which `fit` saw nothing but missing values becomes the constant 0, whatever it holds
    later.

    Parameters
    ----------
    scale : bool, default=True
        Whether numeric columns are centred on their weighted mean and divided by their weighted standard deviation.
        Indicators never are. A constant column is only centred. Without effect where `categories` is "ordinal".
    categories : {"one-hot", "ordinal"}, default="one-hot"
        "one-hot": indicators, as above. "ordinal": what boosted trees take natively: one feature per column, nothing
        scaled or imputed, a category by its rank (0 for the most frequent, ties in label order), and NaN for a missing
        value or an unseen category.
    category_bytes : int, default=512
        How many bytes the kept categories of one column may take in a packed model: a text label takes its UTF-8 bytes
        and one more, a number four. The most frequent categories (by weight, ties in label order) are kept as far as
        the bytes go. Without effect where `categories` is "ordinal".

    Attributes
    ----------
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,), object
        Names of the columns seen in `fit`; only where all of them are strings.
    categories_ : list of (tuple or None) of length n_features
        For each column its categories, most frequent first: the kept ones for "one-hot", all for "ordinal". None for a
        numeric column.
    categorical_features_ : ndarray of int
        Indices of the *encoded* columns that hold category ranks. Empty unless `categories` is "ordinal".

    See Also
    --------
    skdistill.model.Preprocessor : The same encoding without scikit-learn, as shipped with a model.

    Notes
    -----
    Sparse input must be numeric and without missing values, and stays sparse: columns are divided by their standard
    deviation but not centred, so that zeros stay zeros.

    Rows of weight 0 are left out before anything is read from them; integer weights are as good as repeated rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import TableEncoder
    >>> X = np.array([[20, "clerk"], [40, "smith"], [None, "clerk"]], dtype=object)
    >>> encoder = TableEncoder(scale=False).fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['x0', 'x0 is missing', 'x1 = clerk', 'x1 = smith']
    >>> encoder.transform(X)
    array([[20.,  0.,  1.,  0.], [40.,  0.,  0.,  1.], [30.,  1.,  1.,  0.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "scale": ["boolean"],
        "categories": [StrOptions({"one-hot", "ordinal"})],
        "category_bytes": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, scale: bool = True, categories: str = "one-hot", category_bytes: int = 512) -> None:
        self.scale = scale
        self.categories = categories
        self.category_bytes = category_bytes

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn the columns' kinds, medians, scales and categories.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
            The raw table: pandas, polars, pyarrow or another that narwhals reads, NumPy, lists of rows, SciPy sparse.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            Where a column holds dates, durations, or cells that are neither text nor numbers.
        ValueError
            For complex or infinite numbers, numbers beyond float32, an empty table, and missing values in sparse input.
        """
        X = self._validated(X, reset=True)
        weights = None
        if sample_weight is not None:
            weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            if not weights.all():
                X, weights = safe_indexing(X, np.flatnonzero(weights)), weights[weights > 0]
        names = self._names()
        if sparse.issparse(X):
            X = _read_sparse(X, names)
            deviation = sparse_deviation(X, weights) if self.scale else np.zeros(len(names))
            columns: list[NumericColumn | CategoryColumn] = [
                NumericColumn(name, fill=0.0, center=0.0, scale=_inverse(deviation[j]), missing=False)
                for j, name in enumerate(names)
            ]
            self._kinds: list[Kind] = ["numeric"] * len(names)
            self.categories_: list[tuple[Label, ...] | None] = [None] * len(names)
        else:
            columns = self._dense_columns(X, names, weights)
        self._takes_sparse = sparse.issparse(X)
        ordinal = self.categories == "ordinal"
        self._preprocessor = None if ordinal else Preprocessor(tuple(columns))
        ranked = [j for j, labels in enumerate(self.categories_) if ordinal and labels is not None]
        self.categorical_features_ = np.array(ranked, dtype=np.intp)
        return self

    def _dense_columns(
        self, X: Any, names: list[str], weights: np.ndarray | None
    ) -> list[NumericColumn | CategoryColumn]:
        """Read `X`, set what `fit` learns of each column, and return the columns of the model form."""
        table = read_table(X, names)
        summary = summarise(table.numbers, weights)
        columns: list[NumericColumn | CategoryColumn] = []
        self._kinds, self.categories_ = [], []
        place = 0  # among the numeric columns
        for position, name in enumerate(names):
            if position in table.cells:
                cells = table.cells[position]
                labels = by_frequency(cells, weights)
                if self.categories == "one-hot":
                    labels = within(self.category_bytes, labels)
                columns.append(CategoryColumn(name, labels, missing=None in cells))
                self._kinds.append("category")
                self.categories_.append(labels)
                continue
            if summary.empty[place]:
                columns.append(NumericColumn(name))
            else:
                center = float(summary.mean[place]) if self.scale else 0.0
                scale = _inverse(summary.deviation[place]) if self.scale else 1.0
                fill, missing = float(summary.fill[place]), bool(summary.missing[place])
                columns.append(NumericColumn(name, fill=fill, center=center, scale=scale, missing=missing))
            self._kinds.append("missing" if summary.empty[place] else "numeric")
            self.categories_.append(None)
            place += 1
        return columns

    def transform(self, X: Any) -> Any:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
            A table with the columns that `fit` saw, in the same order; it may come from another library.

        Returns
        -------
        ndarray or CSR matrix of shape (n_samples, n_features_out), float32
            The encoded rows; sparse if `X` is.

        Raises
        ------
        TypeError
            As in `fit`.
        ValueError
            As in `fit`; where the columns are not those of `fit`; where a numeric column holds text that is no number;
            and for sparse input after `fit` on a dense table.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        names = self._names()
        if sparse.issparse(X):
            if not self._takes_sparse:
                raise ValueError(
                    "TableEncoder was fitted on a dense table, which it centres and imputes, so the result is not "
                    "sparse. Pass X.toarray(), or fit on sparse input."
                )
            X = _read_sparse(X, names)
            return X if self._preprocessor is None else self._preprocessor.transform(X)
        table = read_table(X, names, self._kinds)
        if self._preprocessor is not None:
            encoded = np.empty((len(table.numbers), self._preprocessor.n_encoded), dtype=np.float32)
            labels = {names[position]: np.array(cells, dtype=object) for position, cells in table.cells.items()}
            for rows in row_blocks(table.numbers):
                block = table.numbers[rows]
                if labels:
                    columns = {names[position]: block[:, j] for j, position in enumerate(table.numeric)}
                    columns |= {name: cells[rows] for name, cells in labels.items()}
                    encoded[rows] = self._preprocessor.transform(columns)
                else:
                    encoded[rows] = self._preprocessor.transform(block)
            return encoded
        encoded = np.empty((len(table.numbers), table.n_columns), dtype=np.float32)
        encoded[:, table.numeric] = table.numbers
        for position, cells in table.cells.items():
            ranks: dict[Label | None, int] = {
                label: rank for rank, label in enumerate(self.categories_[position] or ())
            }
            encoded[:, position] = [ranks.get(cell, np.nan) for cell in cells]
        return encoded

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns, such as "age", "age is missing", "job = clerk" and "job is missing".

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the raw columns. None: those seen in `fit`, or "x0", "x1", ... Must equal `feature_names_in_` where
            that is defined.

        Returns
        -------
        ndarray of shape (n_features_out,), object
        """
        raw = OneToOneFeatureMixin.get_feature_names_out(self, input_features)  # scikit-learn's checks and defaults
        if self._preprocessor is None:
            return raw
        renamed = (replace(column, name=name) for column, name in zip(self._preprocessor.columns, raw))
        return np.array(Preprocessor(tuple(renamed)).encoded_names, dtype=object)

    def to_preprocessor(self) -> Preprocessor:
        """The fitted encoding in the model form, which encodes bit for bit as `transform` does.

        Only numbers in a column that was empty in `fit` pass through it, which is no matter to a student that saw a
        constant there; and infinite numbers, which `transform` refuses, become the largest of float32.

        Returns
        -------
        skdistill.model.Preprocessor

        Raises
        ------
        ValueError
            Where `categories` is "ordinal".

        Examples
        --------
        >>> import numpy as np
        >>> TableEncoder().fit(np.array([[1.0], [3.0]])).to_preprocessor().transform([[5.0]])
        array([[3.]], dtype=float32)
        """
        check_is_fitted(self)
        if self._preprocessor is None:
            raise ValueError(
                "A TableEncoder with categories='ordinal' has no model form: its category ranks are for teachers that "
                "take categories natively. Pass categories='one-hot' in front of a student."
            )
        return self._preprocessor

    def with_preprocessor(self, preprocessor: Preprocessor) -> Self:
        """A copy that encodes by other numbers: what compression made of `to_preprocessor`.

        Parameters
        ----------
        preprocessor : skdistill.model.Preprocessor
            Of the same columns.

        Examples
        --------
        >>> import numpy as np
        >>> from dataclasses import replace
        >>> from skdistill.model import Preprocessor
        >>> encoder = TableEncoder(scale=False).fit(np.array([[1.0], [3.0]]))
        >>> (column,) = encoder.to_preprocessor().columns
        >>> encoder.with_preprocessor(Preprocessor([replace(column, scale=2.0)])).transform(np.array([[1.0]]))
        array([[2.]], dtype=float32)
        """
        twin = copy(self)
        twin._preprocessor = preprocessor
        return twin

    def read(self, X: Any) -> Any:
        """The raw columns of a table as `Preprocessor.transform` takes them: float32 or labels, not encoded yet.

        Parameters
        ----------
        X : table, as for `transform`

        Returns
        -------
        ndarray or CSR matrix of shape (n_samples, n_features), or dict of columns where some hold labels

        Examples
        --------
        >>> import numpy as np
        >>> X = np.array([[20, "clerk"], [None, "smith"]], dtype=object)
        >>> TableEncoder().fit(X).read(X)
        {'x0': array([20., nan], dtype=float32), 'x1': array(['clerk', 'smith'], dtype=object)}
        """
        check_is_fitted(self)
        X, names = self._validated(X, reset=False), self._names()
        if sparse.issparse(X):
            return _read_sparse(X, names)
        table = read_table(X, names, self._kinds)
        if not table.cells:
            return table.numbers
        columns = {names[position]: table.numbers[:, j] for j, position in enumerate(table.numeric)}
        return columns | {names[position]: np.array(cells, dtype=object) for position, cells in table.cells.items()}

    def _validated(self, X: Any, reset: bool) -> Any:
        """`X` as a DataFrame, an ndarray or a CSR matrix, once scikit-learn's checks of names and shape have passed."""
        if not isinstance(X, np.ndarray) and nw.dependencies.is_into_dataframe(X):  # asking narwhals takes 30 µs
            validate_data(self, X, reset=reset, skip_check_array=True)
            for size, what in zip(X.shape, ("sample", "feature")):
                if not size:
                    raise ValueError(
                        f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required by "
                        "TableEncoder."
                    )
            return X
        # NumPy would turn the numbers of a list into text wherever there is text beside them.
        dtype = None if hasattr(X, "__array__") or sparse.issparse(X) else object
        return validate_data(self, X, reset=reset, accept_sparse="csr", dtype=dtype, ensure_all_finite=False)

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{position}" for position in range(self.n_features_in_)] if names is None else names.tolist()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        # Text columns are taken, but the "string" tag would promise that any object in a cell is.
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []  # always float32
        return tags


def _inverse(deviation: float) -> float:
    """The float32 factor that brings a standard deviation to 1; 1 for a constant."""
    if deviation == 0:
        return 1.0
    return float(np.float32(min(1 / float(deviation), _FLOAT32_MAX)))


def _read_sparse(X: Any, names: list[str]) -> Any:
    """`X` in float32 with one entry per cell, or the reason why not."""
    if X.dtype.kind == "c":
        raise ValueError("Complex data not supported: X is a sparse matrix of complex numbers.")
    with np.errstate(over="ignore"):
        X = X.astype(np.float32)
    X.sum_duplicates()
    finite = np.isfinite(X.data)
    if not finite.all():
        entry = int(finite.argmin())
        row, name = int(np.searchsorted(X.indptr, entry, side="right")) - 1, names[X.indices[entry]]
        if np.isinf(X.data[entry]):
            raise infinity(name, row)
        raise ValueError(
            f"Input X contains NaN: sparse input cannot have missing values. It is in column {name!r}, row {row}: "
            "put a number there, or pass X.toarray()."
        )
    return X
