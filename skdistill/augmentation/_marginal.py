"""Attributes drawn from the columns, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._sklearn import Interval
from ._base import CellSampler, Rows


class MarginalResampling(CellSampler):
    """Rows in which some attributes are drawn anew, each from its own column.

    With probability `p`, an attribute takes the value of any row of the table, whatever the others are. This is the
    RANDOM sampling that Buciluă et al. (2006) compare MUNGE with, except that every new row keeps part of a real one.
    It covers more of the space than `Munge` and knows less of where the data is.

    Parameters
    ----------
    p : float in [0, 1], default=0.5
        Probability that an attribute is drawn anew.
    factor : float > 0, default=3.0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0, default=0.3
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows. Less
        than for `Munge`, since many of the new rows lie where no data is.

    See Also
    --------
    Munge : Exchanges attributes with near rows only.

    References
    ----------
    Buciluă, Caruana, Niculescu-Mizil (2006), Model compression, KDD.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import MarginalResampling
    >>> X = np.array([[1, 10], [2, 20], [3, 30]])
    >>> new = MarginalResampling(p=1.0).sample(X, 100, np.random.RandomState(0))
    >>> len(np.unique(new, axis=0))  # every pair of a 1, 2 or 3 with a 10, 20 or 30
    9
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CellSampler._parameter_constraints,
        "p": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, p: float = 0.5, *, factor: float = 3.0, weight: float = 0.3) -> None:
        self.p = p
        self.factor = factor
        self.weight = weight

    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Iterator[Rows]:
        for _ in range(X.shape[1]):
            anew = rng.random_sample(len(rows)) < self.p
            yield np.where(anew, rng.randint(len(X), size=len(rows)), rows)
