"""Values as whole multiples of a step, for programs without floating point."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Additive, Decoded, Linear, Model, PairTable, Precision, Tree, TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Bits that the sum of all values takes at most; of a line, whose weights are multiplied by cells, fewer.
SUM_BITS, LINE_BITS = 30, 24
#: No step is smaller: float32 still holds it.
_SMALLEST = -126


def held(model: Model) -> Model:
    """The model with the values that integers hold.

    Those of a quantised model are as they are. Others become multiples of a power of two for each output, which is
    some 2^-30 of the largest score, of a line 2^-24; of a classification it is the same for all outputs.

    >>> from skdistill.model import NumericColumn, Output, Preprocessor
    >>> line = Linear([[0.1], [100.0]], [0.0])
    >>> columns = Preprocessor([NumericColumn("x"), NumericColumn("y")])
    >>> coef = held(Model(columns, line, Output("regression", "identity", targets=("z",)))).predictor.coef
    >>> (coef * 2**17).tolist(), (line.coef * 2**17).tolist()
    ([[13107.0], [13107200.0]], [[13107.2001953125], [13107200.0]])
    """
    predictor = model.predictor
    if model.precision.values.startswith("int") or isinstance(predictor, Decoded):
        return model
    bits = LINE_BITS if isinstance(predictor, Linear) else SUM_BITS
    reach = _reach(predictor)
    if model.output.classes is not None:
        reach = np.full_like(reach, reach.max())
    step = np.ldexp(1.0, np.maximum(np.frexp(reach)[1] - bits, _SMALLEST))
    return replace(model, predictor=_rounded(predictor, step), precision=Precision())


def _reach(predictor: Tree | Linear | Additive | TreeSum) -> NDArray[np.float64]:
    """For each output, what the absolute values of a row add up to at most; of a line, of cells of size one."""
    if isinstance(predictor, Linear):
        return np.asarray(np.abs(predictor.coef).sum(axis=0, dtype=np.float64))
    if isinstance(predictor, TreeSum):
        most = [float(np.abs(tree.value).max()) for tree in predictor.trees]
        return np.asarray(np.bincount(predictor.output, most, predictor.n_outputs), np.float64)
    if isinstance(predictor, Tree):
        parts = [predictor.value]
    else:
        cells = [pair.table.reshape(-1, predictor.n_outputs) for pair in predictor.pairs]
        parts = [*predictor.tables, *cells]
    return np.sum([np.abs(part).max(axis=0) for part in parts], axis=0, dtype=np.float64)


def _rounded(predictor: Tree | Linear | Additive | TreeSum, step: NDArray[np.float64]) -> Any:
    """The predictor with multiples of the step of each output, exact in float32: they have no bit that it had not."""

    def multiples(values: NDArray[np.float32], of: Any = slice(None)) -> NDArray[np.float32]:
        return np.asarray(np.rint(values / step[of]) * step[of], np.float32)

    if isinstance(predictor, Linear):
        return Linear(multiples(predictor.coef), predictor.intercept)
    if isinstance(predictor, Tree):
        return replace(predictor, value=multiples(predictor.value))
    if isinstance(predictor, TreeSum):
        pairs = zip(predictor.trees, predictor.output.tolist(), strict=True)
        return replace(predictor, trees=tuple(replace(tree, value=multiples(tree.value, k)) for tree, k in pairs))
    return Additive(
        predictor.edges,
        tuple(map(multiples, predictor.tables)),
        predictor.intercept,
        tuple(PairTable(pair.features, pair.edges, multiples(pair.table)) for pair in predictor.pairs),
    )
