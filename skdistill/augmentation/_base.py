"""What every sampler shares: which rows to start from, and what is refused.

A sampler of tables derives from `CellSampler` and adds its parameters and one method, `_donors`, which says for every
cell of the new rows which given row it is taken from. As nothing but the column's own cells is ever put in, types,
categories, missing values, whole numbers, grids and ranges stay what they are, in any kind of table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from numbers import Real
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from .._documentation import Documented
from .._sklearn import Interval

Rows = NDArray[np.intp]


class BaseSampler(Documented, BaseEstimator, ABC):
    """Draws new rows near the given ones; deriving from it is how to bring a sampler of your own.

    Such a sampler has one method, ``_new_rows(X, rows, rng, labels)``: the new rows, of the kind of `X`, each started
    from a row of `rows`.

    Parameters
    ----------
    factor : float > 0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "factor": [Interval(Real, 0, None, closed="neither")],
        "weight": [Interval(Real, 0, None, closed="neither")],
    }

    #: Whether `sample` takes a sparse matrix.
    takes_sparse: ClassVar[bool] = False

    #: Whether new rows depend on what the committee says of the given ones.
    takes_labels: ClassVar[bool] = False

    factor: float
    weight: float

    def check(self) -> None:
        """Check the parameters, so that a wrong one is refused before the long work.

        Raises
        ------
        ValueError
            Names the parameter, what it must be and what came.
        """
        self._validate_params()

    def check_columns(self, n_columns: int) -> None:
        """Check that rows of so many columns can be drawn from, before the long work; any number can by default.

        Parameters
        ----------
        n_columns : int

        Raises
        ------
        ValueError
        """

    def n_new(self, n_rows: int) -> int:
        """How many new rows `n_rows` given ones call for, one at least.

        Parameters
        ----------
        n_rows : int

        Returns
        -------
        int
        """
        return max(1, round(self.factor * n_rows))

    def sample(self, X: Any, n: int, rng: np.random.RandomState, labels: NDArray[Any] | None = None) -> Any:
        """Draw new rows; `X` is not changed.

        Every row of `X` is started from before one is started from again.

        Parameters
        ----------
        X : DataFrame, ndarray or, where the sampler takes it, sparse matrix, of shape (n_rows, n_columns)
            The raw table: a data frame of any library that narwhals reads, or an array of numbers or objects.
        n : int
            How many rows, as many times the rows of `X` as wanted.
        rng : RandomState
            Where randomness comes from: the same state gives the same rows.
        labels : ndarray of shape (n_rows, n_outputs), optional
            Soft labels or values of the rows of `X`, for a sampler that `takes_labels`; others leave them aside.

        Returns
        -------
        table of n rows
            Of the same kind, columns and types as `X`; the rows of a pandas table are numbered from 0.

        Raises
        ------
        TypeError
            `X` is sparse where the sampler does not take it, or no table, or `rng` is no RandomState.
        ValueError
            A parameter is out of range, `X` is no table of two dimensions with one row at least, or the labels that the
            sampler takes are missing or not one a row.
        """
        self.check()
        if not isinstance(rng, np.random.RandomState):
            raise TypeError(f"'rng' must be a numpy.random.RandomState. Got {rng!r}: pass np.random.RandomState(seed).")
        is_sparse = bool(sparse.issparse(X))
        refuse_sparse(self, is_sparse)
        if nw.dependencies.is_into_dataframe(X):
            n_rows, n_columns = nw.from_native(X, eager_only=True).shape
        elif isinstance(X, np.ndarray) or is_sparse:
            if X.ndim != 2:
                raise ValueError(f"{type(self).__name__} draws from a table of two dimensions. Got shape {X.shape}.")
            n_rows, n_columns = X.shape
        else:
            raise TypeError(
                f"{type(self).__name__} draws from a data frame or a NumPy array. Got {type(X).__name__}: pass "
                "numpy.asarray(X)."
            )
        if n_rows == 0:
            raise ValueError(f"{type(self).__name__} needs one row at least to draw from. Got none.")

        self.check_columns(n_columns)
        if self.takes_labels and (labels is None or len(labels) != n_rows):
            got = "none" if labels is None else f"{len(labels):,}"
            raise ValueError(
                f"{type(self).__name__} draws by labels of the {n_rows:,} rows of X. Got {got}: pass labels=, what the "
                "committee says of each."
            )
        return self._new_rows(X, _rounds(n_rows, n, rng), rng, labels)

    @abstractmethod
    def _new_rows(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Any:
        """The new rows, of the kind of `X`.

        Parameters
        ----------
        X : DataFrame, ndarray or sparse matrix
        rows : ndarray of shape (n,)
            The rows that the new ones start from.
        rng : RandomState
        labels : ndarray of shape (n_rows, n_outputs) or None
            Always there where `takes_labels`.
        """


class CellSampler(BaseSampler):
    """A sampler whose new cells are cells of their column."""

    def _new_rows(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Any:
        donors = self._donors(X, rows, rng, labels)
        if isinstance(X, np.ndarray):
            new = np.empty((len(rows), X.shape[1]), dtype=X.dtype)
            for j, given in enumerate(donors):
                new[:, j] = X[given, j]
            return new
        frame = nw.from_native(X, eager_only=True)
        columns = [
            nw.maybe_reset_index(column[given].to_frame()) for column, given in zip(frame.iter_columns(), donors)
        ]
        return nw.concat(columns, how="horizontal").to_native()

    @abstractmethod
    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Iterator[Rows]:
        """For each column of `X` the rows, shape (n,), whose cells the new rows take.

        Parameters
        ----------
        X : DataFrame or ndarray
        rows : ndarray of shape (n,)
            The rows that the new ones start from.
        rng : RandomState
        labels : ndarray of shape (n_rows, n_outputs) or None
            Always there where `takes_labels`.
        """


def refuse_sparse(sampler: BaseSampler, is_sparse: bool) -> None:
    """Refuse sparse rows.

    Raises
    ------
    TypeError
        Names the sampler and what to do.
    """
    if is_sparse and not sampler.takes_sparse:
        raise TypeError(
            f"{type(sampler).__name__} does not take sparse X; TokenDropout does. Pass that, X.toarray() where memory "
            "allows it, augmentation=None, or real rows as X_unlabeled."
        )


def _rounds(n_rows: int, n: int, rng: np.random.RandomState) -> Rows:
    """`n` row numbers, shuffled anew in every round over the rows."""
    if n < 1:
        return np.empty(0, dtype=np.intp)
    return np.concatenate([rng.permutation(n_rows) for _ in range(-(-n // n_rows))])[:n].astype(np.intp, copy=False)
