"""Fewer features, fewer tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._sklearn import Interval
from ..model import Additive, Linear, Model, PairTable
from ._evidence import Evidence
from ._pass import PathPass
from ._precise import refuse_quantised
from ._refit import refitted

#: Share of the parts that go at a time, before the others are fitted anew.
SHARE = 0.1


class Sparsify(PathPass):
    """Drop the features of a line, or the tables of an additive model, that earn least; fit the others anew.

    At each point of the path the parts that raise the loss the least are dropped, a tenth of them at a time. What a
    part is worth follows from the second-order model of the loss (the saliency of Y. LeCun, J. Denker, S. Solla,
    "Optimal brain damage", NeurIPS 1989), and the others are fitted to the targets again from where they were, drawn to
    the model that was given (`alpha`). Trees and sums of trees have nothing to drop: `Prune` them.

    Parameters
    ----------
    tolerance : float >= 0, default=0.001
        By how much the loss may rise, as a share of what the best constant loses on the same rows.
    alpha : float > 0, default=100.0
        Strength of the squared penalty on each change of a value, in rows, once its feature has spread one.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.compression import Sparsify, compress
    >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
    >>> columns = [NumericColumn("x"), NumericColumn("noise")]
    >>> output = Output("regression", "identity", targets=("y",))
    >>> line = Model(Preprocessor(columns), Linear([[1.0], [0.01]], [0.0]), output)
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> small = compress(line, Sparsify(), X, X[:, 0])
    >>> small.model.predictor.coef
    array([[1.],
           [0.]], dtype=float32)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, tolerance: float = 0.001, *, alpha: float = 100.0) -> None:
        self.tolerance = tolerance
        self.alpha = alpha

    def path(self, model: Model, evidence: Evidence) -> Iterator[Model]:
        """Ever smaller models, down to a constant."""
        refuse_quantised(model, "Sparsify")
        if not isinstance(model.predictor, Linear | Additive):
            return
        Z, given, current = evidence.encode(model.preprocessor), model.predictor, model.predictor
        gone: set[int] = set()
        while True:
            worth = _saliencies(model, current, Z, evidence)
            parts = np.flatnonzero(np.isfinite(worth))
            if not len(parts):
                return
            # Those that change nothing go first, and alone.
            order = parts[np.argsort(worth[parts], kind="stable")]
            count = max(int((worth[parts] <= 0).sum()), int(SHARE * len(parts)), 1)
            gone |= set(numbers(current, given)[order[:count]].tolist())
            current = refitted(model, without_parts(given, gone), evidence, self.alpha / evidence.n_rows)
            yield replace(model, predictor=current)


def numbers(predictor: Linear | Additive, given: Linear | Additive) -> NDArray[np.intp]:
    """For each part of what is left of a predictor, which part of the whole it is: features first, then pairs."""
    found = list(range(predictor.n_features))
    if isinstance(predictor, Additive) and isinstance(given, Additive):
        where = {pair.features: i for i, pair in enumerate(given.pairs)}
        found += [predictor.n_features + where[pair.features] for pair in predictor.pairs]
    return np.array(found, dtype=np.intp)


def _saliencies(model: Model, predictor: Linear | Additive, Z: Any, evidence: Evidence) -> NDArray[np.float64]:
    """By how much the loss rises without each feature or table, then each pair; infinite for those not used."""
    derivatives = evidence.derivatives(model, predictor.evaluate(Z))
    if isinstance(predictor, Linear):
        return _rises(predictor, Z, *derivatives)
    used = [bool((table != table[0]).any()) for table in predictor.tables]
    used += [bool(pair.table.any()) for pair in predictor.pairs]
    return np.array(
        [rise(contribution(predictor, Z, i), *derivatives) if each else np.inf for i, each in enumerate(used)]
    )


def contribution(predictor: Linear | Additive, Z: Any, part: int) -> NDArray[np.float64]:
    """What a feature or table, or behind these a pair, adds to each row; shape (n, n_outputs)."""
    k = predictor.n_features
    column = Z[:, [part]] if part < k else Z
    rows = column.toarray() if hasattr(column, "toarray") else column
    if isinstance(predictor, Linear):
        return np.asarray(rows.astype(np.float64) * predictor.coef[part])
    if part < k:
        return np.asarray(predictor.tables[part].astype(np.float64)[np.searchsorted(predictor.edges[part], rows[:, 0])])
    pair = predictor.pairs[part - k]
    return np.asarray(pair.table.reshape(-1, predictor.n_outputs).astype(np.float64)[pair.cells(rows)])


def _rises(line: Linear, Z: Any, slope: NDArray[np.float64], curvature: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rise` for each feature of a line, by products that leave sparse rows sparse."""
    rows = Z.astype(np.float64)
    squares = rows.multiply(rows) if hasattr(rows, "multiply") else rows**2
    coef, total = line.coef.astype(np.float64), curvature.sum(axis=0)
    mean = rows.T @ curvature / np.where(total > 0, total, 1)
    first = coef * (mean * slope.sum(axis=0) - rows.T @ slope)
    second = coef**2 * (squares.T @ curvature - mean**2 * total)
    return np.where(coef.any(axis=1), (first + 0.5 * second).sum(axis=1), np.inf)


def rise(added: NDArray[np.float64], slope: NDArray[np.float64], curvature: NDArray[np.float64]) -> float:
    """The loss without what a part adds, once the constants make up for its mean."""
    total = curvature.sum(axis=0)
    mean = (added * curvature).sum(axis=0) / np.where(total > 0, total, 1)
    moved = mean - added
    return float((moved * (slope + 0.5 * curvature * moved)).sum())


def without_parts(predictor: Linear | Additive, gone: set[int]) -> Linear | Additive:
    """The predictor without some of its parts, as `numbers` counts them."""
    if isinstance(predictor, Linear):
        coef = predictor.coef.copy()
        coef[sorted(gone)] = 0
        return Linear(coef, predictor.intercept)
    k = predictor.n_features
    empty = np.zeros((1, predictor.n_outputs), np.float32)
    kept: list[PairTable] = [pair for i, pair in enumerate(predictor.pairs) if i + k not in gone]
    return Additive(
        tuple(np.zeros(0, np.float32) if i in gone else edges for i, edges in enumerate(predictor.edges)),
        tuple(empty if i in gone else table for i, table in enumerate(predictor.tables)),
        predictor.intercept,
        tuple(kept),
    )
