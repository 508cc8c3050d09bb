"""MUNGE: attributes exchanged with the nearest row."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .._sklearn import Interval
from ..preprocessing import TableEncoder, read_table
from ._base import CellSampler, Rows


class Munge(CellSampler):
    """Rows near the data: attributes exchanged with the nearest other row (MUNGE).

    A new row starts as a given row. With probability `p` each, its attributes are replaced: a nominal one by the value
    of the nearest other row; a continuous one by a draw from the normal distribution around that row's value with
    standard deviation (distance of the two) / s, moved to the nearest value that the column holds.

    Parameters
    ----------
    p : float in [0, 1], default=0.5
        Probability that an attribute is replaced.
    s : float > 0, default=1.0
        The larger, the closer a continuous attribute stays to the neighbour's value.
    max_reference_rows : int >= 2, default=10_000
        In a larger table, neighbours are looked for among this many rows, drawn at random.
    factor : float > 0, default=3.0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0, default=1.0
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows.

    See Also
    --------
    MarginalResampling : Draws attributes from the whole column.

    Notes
    -----
    Text, categories, booleans and columns of two values are nominal, all other numbers continuous. The paper lets a
    continuous attribute take any value; here it takes one that the column holds, so that whole numbers, grids, pile-ups
    (a zero that is frequent) and ranges stay what they are. A missing value is a value: where one of the two rows lacks
    an attribute, it is swapped.

    Rows are near if they are in the matrix of `TableEncoder`: numbers count in standard deviations, two categories
    differ by the square root of two. Every new row is made from two given ones, while in the paper a row that was
    changed may serve as a neighbour later.

    References
    ----------
    Buciluă, Caruana, Niculescu-Mizil (2006), Model compression, KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import Munge
    >>> X = np.array([["a", 1.0], ["b", 1.5], ["c", 8.0], ["d", 9.0]], dtype=object)
    >>> new = Munge().sample(X, 200, np.random.RandomState(0))
    >>> set(new[new[:, 1] > 5, 0].tolist()) <= {"c", "d"}  # rows mix with near rows only
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CellSampler._parameter_constraints,
        "p": [Interval(Real, 0, 1, closed="both")],
        "s": [Interval(Real, 0, None, closed="neither")],
        "max_reference_rows": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        p: float = 0.5,
        s: float = 1.0,
        *,
        max_reference_rows: int = 10_000,
        factor: float = 3.0,
        weight: float = 1.0,
    ) -> None:
        self.p = p
        self.s = s
        self.max_reference_rows = max_reference_rows
        self.factor = factor
        self.weight = weight

    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Iterator[Rows]:
        n_columns = X.shape[1]
        partners = self._partners(X, rows, rng)
        table = read_table(X, [f"x{j}" for j in range(n_columns)])
        numbers = dict(zip(table.numeric, table.numbers.T))
        for j in range(n_columns):
            replaced = rng.random_sample(len(rows)) < self.p
            donors = np.where(replaced, partners, rows)
            if j in numbers:
                self._draw(numbers[j], donors, np.flatnonzero(replaced), rows, rng)
            yield donors

    def _draw(self, values: NDArray[Any], donors: Rows, at: Rows, rows: Rows, rng: np.random.RandomState) -> None:
        """Put at the places `at` of `donors` rows that hold what was drawn around the neighbour's value."""
        given = np.flatnonzero(~np.isnan(values))
        held, first = np.unique(values[given].astype(np.float64), return_index=True)
        if len(held) <= 2:
            return
        own, other = values[rows[at]].astype(np.float64), values[donors[at]].astype(np.float64)
        # Drawn for every place, so that the stream does not depend on which values are missing.
        drawn = other + np.abs(own - other) / self.s * rng.standard_normal(len(at))
        # Equal values stay, also where several rows hold them; NaN: one of the two is missing, so the cell is swapped.
        moved = np.flatnonzero(drawn != other)
        moved = moved[~np.isnan(drawn[moved])]
        right = np.searchsorted(held, drawn[moved]).clip(1, len(held) - 1)
        nearest = right - (drawn[moved] - held[right - 1] < held[right] - drawn[moved])
        donors[at[moved]] = given[first[nearest]]

    def _partners(self, X: Any, rows: Rows, rng: np.random.RandomState) -> Rows:
        """The nearest other row of each of `rows`; a row alone is its own partner."""
        n_rows = len(X)
        if n_rows == 1 or len(rows) == 0:
            return rows
        reference = np.arange(n_rows)
        if n_rows > self.max_reference_rows:
            reference = np.sort(rng.choice(n_rows, self.max_reference_rows, replace=False))
        distinct, back = np.unique(rows, return_inverse=True)
        Z = TableEncoder().fit_transform(X)
        near = NearestNeighbors(n_neighbors=2).fit(Z[reference]).kneighbors(Z[distinct], return_distance=False)
        # The nearest is the row itself, unless it is no reference row or a duplicate comes first.
        partners = reference[np.where(reference[near[:, 0]] == distinct, near[:, 1], near[:, 0])]
        return partners[back].astype(np.intp, copy=False)
