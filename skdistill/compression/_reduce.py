"""Fewer raw columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._sklearn import Interval
from ..model import Additive, Decoded, Linear, Model, Tree, TreeSum, sparing, used_features
from ._evidence import Evidence
from ._pass import PathPass
from ._precise import refuse_quantised, single
from ._refit import refitted
from ._sparsify import contribution, rise, without_parts
from ._trees import without_constants, without_dead_ends

#: Share of the columns that go at a time.
SHARE = 0.1
#: Where, from the smallest to the largest, the cells stand that are tried as the constant for a column of trees.
STAND_INS = (0.05, 0.35, 0.65, 0.95)
#: Strength of the pull of each value to what it was, in rows: as `Sparsify` has it by default.
ALPHA = 100.0
#: Weight of what a leaf was in what it becomes, in rows.
OWN = 5.0

Floats = NDArray[np.float64]


class Reduce(PathPass):
    """Do with fewer raw columns, whatever they are encoded as: those that are missed the least go, a tenth at a time.

    A line or an additive model does without the features, tables and pairs of a column, and what is left is fitted to
    the targets anew, as `Sparsify` does. Trees hold the column constant, at the one of a few of its cells that costs
    least, so that the splits on it go; a single tree then gets the means of its leaves anew. The model still takes rows
    with all columns, and reads no cell of those that are gone.

    Parameters
    ----------
    tolerance : float >= 0, default=0.001
        By how much the loss may rise, as a share of what the best constant loses on the same rows.
    max_columns : int >= 0 or None, default=None
        Columns go until at most so many are left, whatever the loss, instead of as far as `tolerance` allows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.compression import Reduce, compress
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, 1, -1, -1, -1], [0.0, 0, 0, 0, 0], [4, 3, 0, 0, 0], [[1.0], [1.2], [5.0]], n_features=2)
    >>> columns = [NumericColumn("x"), NumericColumn("hardly")]
    >>> model = Model(Preprocessor(columns), tree, Output("regression", "identity", targets=("y",)))
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> compress(model, Reduce(max_columns=1), X).model.predictor
    Tree(n_features=2, n_leaves=2, n_outputs=1, depth=1)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tolerance": [Interval(Real, 0, None, closed="left")],
        "max_columns": [Interval(Integral, 0, None, closed="left"), None],
    }

    def __init__(self, tolerance: float = 0.001, *, max_columns: int | None = None) -> None:
        self.tolerance = tolerance
        self.max_columns = max_columns

    def _run(self, model: Model, evidence: Evidence) -> Model:
        if self.max_columns is None:
            return super()._run(model, evidence)
        kept, path = model, self.path(model, evidence)
        while len(used_columns(kept)) > self.max_columns:
            kept = next(path)
        return kept

    def path(self, model: Model, evidence: Evidence) -> Iterator[Model]:
        """Ever fewer columns, down to none."""
        refuse_quantised(model, "Reduce")
        Z = evidence.encode(model.preprocessor)
        given = model
        while columns := used_columns(model):
            count = max(int(SHARE * len(columns)), 1)
            if self.max_columns is not None and len(columns) > self.max_columns:
                count = min(count, len(columns) - self.max_columns)
            if isinstance(model.predictor, Linear | Additive):
                model = _summed(model, given, Z, columns, count, evidence)
            else:
                assert not isinstance(model.predictor, Decoded)  # which is refused
                model = _grown(model, model.predictor, Z, columns, count, evidence)
            yield model


def used_columns(model: Model) -> list[int]:
    """Positions of the raw columns that a model reads."""
    used = used_features(model.predictor)
    return [i for i, part in enumerate(model.preprocessor.slices) if used[part].any()]


def _summed(model: Model, given: Model, Z: Any, columns: list[int], count: int, evidence: Evidence) -> Model:
    """A line or an additive model without the columns that a second-order model of the loss misses the least."""
    predictor, whole = model.predictor, given.predictor
    assert isinstance(predictor, Linear | Additive)
    assert isinstance(whole, Linear | Additive)
    derivatives = evidence.derivatives(model, predictor.evaluate(Z))
    worth = []
    for column in columns:
        added = [contribution(predictor, Z, part) for part in _parts(predictor, given.preprocessor.slices[column])]
        worth.append(rise(np.sum(added, axis=0), *derivatives))
    left = set(columns) - {columns[i] for i in np.argsort(worth, kind="stable")[:count].tolist()}
    gone = [part for i, part in enumerate(given.preprocessor.slices) if i not in left]
    parts = {number for part in gone for number in _parts(whole, part)}
    predictor = refitted(given, without_parts(whole, parts), evidence, ALPHA / evidence.n_rows)
    return replace(given, predictor=predictor)


def _parts(predictor: Linear | Additive, column: slice) -> list[int]:
    """Numbers of the features of a column, and of the pairs that it is in."""
    own = range(column.start, column.stop)
    pairs = predictor.pairs if isinstance(predictor, Additive) else ()
    of_pairs = [i for i, pair in enumerate(pairs) if pair.features[0] in own or pair.features[1] in own]
    return [*own, *(predictor.n_features + i for i in of_pairs)]


def _grown(
    model: Model, predictor: Tree | TreeSum, Z: Any, columns: list[int], count: int, evidence: Evidence
) -> Model:
    """Trees with the columns held constant that cost them least."""
    order = []
    for column in columns:
        tried = [_held(predictor, bounds) for bounds in _constants(Z, model.preprocessor.slices[column])]
        losses = [evidence.loss(replace(model, predictor=each)) for each in tried]
        order.append((min(losses), column, int(np.argmin(losses))))
    for _, column, which in sorted(order)[:count]:
        predictor = _held(predictor, _constants(Z, model.preprocessor.slices[column])[which])
    if isinstance(predictor, Tree) and model.output.link != "softmax":
        predictor = _with_means(predictor, model, Z, evidence)
    return replace(model, predictor=sparing(predictor, model.output.link))


def _constants(Z: NDArray[np.float32], part: slice) -> list[dict[int, tuple[float, float]]]:
    """A few cells of a column, each as bounds that hold its encoded features where they are."""
    rows = (np.array(STAND_INS) * (len(Z) - 1)).astype(np.intp)
    order = np.lexsort(Z[:, part].T)
    below = np.float32(-np.inf)
    return [
        {i: (float(np.nextafter(Z[row, i], below)), float(Z[row, i])) for i in range(part.start, part.stop)}
        for row in order[rows].tolist()
    ]


def _held(predictor: Tree | TreeSum, bounds: dict[int, tuple[float, float]]) -> Tree | TreeSum:
    """Trees whose features lie within the bounds."""
    if isinstance(predictor, Tree):
        return without_dead_ends(predictor, bounds)
    return without_constants(replace(predictor, trees=tuple(without_dead_ends(t, bounds) for t in predictor.trees)))


def _with_means(tree: Tree, model: Model, Z: Any, evidence: Evidence) -> Tree:
    """The tree with the mean target of each leaf, drawn to what the leaf was."""
    leaf = tree.apply(Z)
    mass = np.bincount(leaf, evidence.weight, tree.n_leaves)[:, None]
    total = np.stack([np.bincount(leaf, evidence.weight * q, tree.n_leaves) for q in evidence.Q.T], axis=1)
    pull = OWN / evidence.n_rows
    value = (total + pull * model.output.activate(tree.value.astype(np.float64))) / (mass + pull)
    return replace(tree, value=single(value))
