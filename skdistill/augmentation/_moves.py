"""Rows before and after a small move of one attribute, between whose labels a student may fit the difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from ._base import CellSampler, Rows

#: How far a number moves at most, as a share of all rows that lie between it and where it goes.
REACH = 0.25


def move_one(X: Any, n: int, seed: int) -> tuple[Any, Any]:
    """Draw rows, and the same rows with one attribute each moved to a value that another row has.

    A number moves to one near it, a category to that of any row; what is missing stays missing.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_rows, n_columns)
        The raw table; it is not changed.
    n : int
        How many moves.
    seed : int

    Returns
    -------
    start, end : tables of n rows
        Of the same kind, columns and types as `X`.

    Raises
    ------
    TypeError
        `X` is sparse or no table.
    ValueError
        `X` is no table of two dimensions with one row at least.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.augmentation import move_one
    >>> start, end = move_one(np.arange(40.0).reshape(20, 2), 100, seed=0)
    >>> int((start != end).sum(axis=1).max())
    1
    """
    # The same seed starts from the same rows.
    start, end = (_Move(reach).sample(X, n, np.random.RandomState(seed)) for reach in (0.0, REACH))
    return start, end


class _Move(CellSampler):
    """Moves one attribute of each row; with a reach of 0, none."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def __init__(self, reach: float) -> None:
        self.reach = reach

    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Iterator[Rows]:
        if isinstance(X, np.ndarray):
            columns = list(X.T)
        else:
            columns = [column.to_numpy() for column in nw.from_native(X, eager_only=True).iter_columns()]
        chosen = rng.randint(len(columns), size=len(rows))
        for j, column in enumerate(columns):
            donors = rows.copy()
            if self.reach:
                donors[chosen == j] = self._near(column, rows[chosen == j], rng)
            yield donors

    def _near(self, column: Any, rows: Rows, rng: np.random.RandomState) -> Rows:
        try:
            values = np.asarray(column).astype(np.float64)
        except (TypeError, ValueError):  # not numbers: none is nearer than another
            return rng.randint(len(column), size=len(rows)).astype(np.intp)
        known = len(values) - int(np.isnan(values).sum())
        order = np.argsort(values, kind="stable")  # what is missing comes last
        rank = np.empty(len(values), dtype=np.intp)
        rank[order] = np.arange(len(values))
        reach = max(1, round(self.reach * known))
        there = np.clip(rank[rows] + rng.randint(-reach, reach + 1, size=len(rows)), 0, max(known - 1, 0))
        return np.where(np.isnan(values[rows]), rows, order[there])
