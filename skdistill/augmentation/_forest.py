"""Attributes exchanged among rows that a forest of their labels takes for alike."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor

from .._sklearn import Interval
from ..preprocessing import TableEncoder
from ._base import CellSampler, Rows


class ForestSwap(CellSampler):
    """Rows whose attributes are exchanged among rows that share a leaf of a forest of their labels.

    A forest of extremely randomised trees is fitted to what the committee says of the given rows. A new row starts as a
    given row, in a leaf of a tree of the forest drawn for it. With probability `p` each, its attributes take the value
    of any row of that leaf. So what the labels depend on stays together, and all else is mixed.

    Parameters
    ----------
    p : float in [0, 1], default=0.5
        Probability that an attribute is exchanged.
    min_samples_leaf : int >= 1, default=10
        Rows that a leaf of the forest holds at least. The more, the freer the exchange.
    n_trees : int >= 1, default=30
    factor : float > 0, default=3.0
        How many new rows a distilled estimator has drawn for each of its training rows.
    weight : float > 0, default=3.0
        What the new rows weigh in the student, all together, as a multiple of the weight of the training rows.

    See Also
    --------
    Munge : Exchanges attributes with the nearest row, whatever the labels.

    Notes
    -----
    Within a leaf attributes count as independent, as in the density of an adversarial random forest (Watson et al.
    2023); its forest tells real rows from shuffled ones, this one tells labels apart.

    References
    ----------
    Watson, Blesch, Kapar, Wright (2023), Adversarial random forests for density estimation and generative modeling,
    AISTATS. Geurts, Ernst, Wehenkel (2006), Extremely randomized trees, Machine Learning.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import ForestSwap
    >>> X = np.column_stack([np.arange(40.0), np.tile([5.0, 6.0], 20)])
    >>> labels = (X[:, :1] >= 20).astype(float)  # the second column does not matter
    >>> new = ForestSwap(p=1.0).sample(X, 200, np.random.RandomState(0), labels)
    >>> sorted(set(new[:, 1].tolist()))
    [5.0, 6.0]
    """

    takes_labels: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CellSampler._parameter_constraints,
        "p": [Interval(Real, 0, 1, closed="both")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        p: float = 0.5,
        *,
        min_samples_leaf: int = 10,
        n_trees: int = 30,
        factor: float = 3.0,
        weight: float = 3.0,
    ) -> None:
        self.p = p
        self.min_samples_leaf = min_samples_leaf
        self.n_trees = n_trees
        self.factor = factor
        self.weight = weight

    def _donors(self, X: Any, rows: Rows, rng: np.random.RandomState, labels: NDArray[Any] | None) -> Iterator[Rows]:
        forest = ExtraTreesRegressor(self.n_trees, min_samples_leaf=self.min_samples_leaf, random_state=rng)
        Z = TableEncoder().fit_transform(X)
        assert labels is not None
        leaves = forest.fit(Z, labels[:, 0] if labels.shape[1] == 1 else labels).apply(Z)
        # Rows in the order of their leaves: those of a leaf are a range.
        order = np.argsort(leaves, axis=0, kind="stable")
        tree = rng.randint(self.n_trees, size=len(rows))
        first, end = np.empty((2, len(rows)), dtype=np.intp)
        for t in range(self.n_trees):
            at = np.flatnonzero(tree == t)
            sorted_leaves = leaves[order[:, t], t]
            first[at], end[at] = (sorted_leaves.searchsorted(leaves[rows[at], t], side) for side in ("left", "right"))
        for _ in range(X.shape[1]):
            swapped = rng.random_sample(len(rows)) < self.p
            place = first + (rng.random_sample(len(rows)) * (end - first)).astype(np.intp)
            yield np.where(swapped, order[place, tree], rows)
