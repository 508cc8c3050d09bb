"""Texts with words left out: counts and weights of tokens."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._sklearn import Interval
from ._base import BaseSampler, Rows
from ._numbers import like, numbers_of


class TokenDropout(BaseSampler):
    """Texts from which each token is left out with probability `p`.

    A row is a text, a column a token. Whole numbers are counts, and each occurrence is dropped by itself, so that a
    count becomes a binomial draw; other weights, such as tf-idf, stay or become 0.

    Parameters
    ----------
    p : float in [0, 1), default=0.2
        Probability that an occurrence is left out.
    factor : float > 0, default=3.0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0, default=1.0
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows.

    See Also
    --------
    Munge : Exchanges attributes of dense tables.

    Notes
    -----
    A sparse matrix stays sparse and of its format and type. Weights that were normalised for each text are not
    normalised again.

    References
    ----------
    van der Maaten, Chen, Tyree, Weinberger (2013), Learning with marginalized corrupted features, ICML. Wager, Wang,
    Liang (2013), Dropout training as adaptive regularization, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_array
    >>> from skdistill import TokenDropout
    >>> counts = csr_array([[3, 0, 1], [0, 2, 0]])
    >>> new = TokenDropout(p=0.5).sample(counts, 4, np.random.RandomState(0))
    >>> new.shape, bool((new.toarray().max(axis=0) <= [3, 2, 1]).all())
    ((4, 3), True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSampler._parameter_constraints,
        "p": [Interval(Real, 0, 1, closed="left")],
    }
    takes_sparse = True

    def __init__(self, p: float = 0.2, *, factor: float = 3.0, weight: float = 1.0) -> None:
        self.p = p
        self.factor = factor
        self.weight = weight

    def _new_rows(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Any:
        is_sparse = bool(sparse.issparse(X))
        if is_sparse:
            drawn = X.tocsr()[rows]
            drawn.data = self._drop(drawn.data, rng)
            drawn.eliminate_zeros()
            return drawn.asformat(X.format)
        return like(X, self._drop(numbers_of(self, X)[rows], rng))

    def _drop(self, values: Any, rng: np.random.RandomState) -> Any:
        """What is left of the values."""
        if np.any(values < 0):
            raise ValueError(f"TokenDropout draws from counts or weights of tokens, 0 or more. Got {values.min()}.")
        if np.array_equal(values, np.round(values)):
            return rng.binomial(values.astype(np.int64), 1 - self.p).astype(values.dtype)
        return np.where(rng.random_sample(values.shape) < self.p, 0, values).astype(values.dtype)
