"""What every sampler shares: which rows to start from, and building a table of the caller's kind.

A sampler adds its parameters and one method, `_donors`, which says for every cell of the new rows which given row it is
taken from. As nothing but the column's own cells is ever put in, types, categories, missing values, whole numbers,
grids and ranges stay what they are, in any kind of table.
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

from .._sklearn import Interval

Rows = NDArray[np.intp]


class BaseSampler(BaseEstimator, ABC):
    """Draws new rows near the rows of a table; deriving from it is how to bring a sampler of your own.

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

    def sample(self, X: Any, n: int, rng: np.random.RandomState) -> Any:
        """Draw new rows; `X` is not changed.

        Every row of `X` is started from before one is started from again.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n_rows, n_columns)
            The raw table: a data frame of any library that narwhals reads, or an array of numbers or objects.
        n : int
            How many rows, as many times the rows of `X` as wanted.
        rng : RandomState
            Where randomness comes from: the same state gives the same rows.

        Returns
        -------
        table of n rows
            Of the same kind, columns and types as `X`; the rows of a pandas table are numbered from 0.

        Raises
        ------
        TypeError
            `X` is sparse or no table, or `rng` is no RandomState.
        ValueError
            A parameter is out of range, or `X` is no table of two dimensions with one row at least.
        """
        self.check()
        if not isinstance(rng, np.random.RandomState):
            raise TypeError(f"'rng' must be a numpy.random.RandomState. Got {rng!r}: pass np.random.RandomState(seed).")
        refuse_sparse(self, sparse.issparse(X))
        if nw.dependencies.is_into_dataframe(X):
            frame = nw.from_native(X, eager_only=True)
            n_rows = len(frame)
        elif isinstance(X, np.ndarray):
            if X.ndim != 2:
                raise ValueError(f"{type(self).__name__} draws from a table of two dimensions. Got shape {X.shape}.")
            n_rows = len(X)
        else:
            raise TypeError(
                f"{type(self).__name__} draws from a data frame or a NumPy array. Got {type(X).__name__}: pass "
                "numpy.asarray(X)."
            )
        if n_rows == 0:
            raise ValueError(f"{type(self).__name__} needs one row at least to draw from. Got none.")

        donors = self._donors(X, _rounds(n_rows, n, rng), rng)
        if isinstance(X, np.ndarray):
            new = np.empty((n, X.shape[1]), dtype=X.dtype)
            for j, rows in enumerate(donors):
                new[:, j] = X[rows, j]
            return new
        columns = [nw.maybe_reset_index(column[rows].to_frame()) for column, rows in zip(frame.iter_columns(), donors)]
        return nw.concat(columns, how="horizontal").to_native()

    @abstractmethod
    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState) -> Iterator[Rows]:
        """For each column of `X` the rows, shape (n,), whose cells the new rows take.

        Parameters
        ----------
        X : DataFrame or ndarray
        rows : ndarray of shape (n,)
            The rows that the new ones start from.
        rng : RandomState
        """


def refuse_sparse(sampler: BaseSampler, is_sparse: bool) -> None:
    """Refuse sparse rows.

    Raises
    ------
    TypeError
        Names the sampler and what to do.
    """
    if is_sparse:
        raise TypeError(
            f"{type(sampler).__name__} does not take sparse X: attributes of neighbouring rows are exchanged cell by "
            "cell. Pass X.toarray() where memory allows it, augmentation=None, or real rows as X_unlabeled."
        )


def _rounds(n_rows: int, n: int, rng: np.random.RandomState) -> Rows:
    """`n` row numbers, shuffled anew in every round over the rows."""
    if n < 1:
        return np.empty(0, dtype=np.intp)
    return np.concatenate([rng.permutation(n_rows) for _ in range(-(-n // n_rows))])[:n].astype(np.intp, copy=False)
