"""Whether an artefact answers as the reference evaluator does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Additive, Decoded, Linear, Model, NumericColumn, PairTable, Tree, TreeSum
from ._raw import LARGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: What a decoder multiplied out is off by where it is kept in float32.
_SINGLE = 2.0**-23
#: Roundings of a few doubles, each at most half of the last of 53 bits.
_DOUBLE = 2.0**-50


class ExportMismatchError(AssertionError):
    """What was to be exported does not answer as the model does; no file was left.

    >>> from skdistill.exports import ExportMismatchError
    >>> issubclass(ExportMismatchError, AssertionError)
    True
    """


def check_answers(
    model: Model, columns: list[NDArray[Any]], values: NDArray[Any], labels: list[Any] | None, tolerance: float
) -> None:
    """Raise an `ExportMismatchError` unless values and labels are the model's.

    Scores may be off by `tolerance` times the sum of the absolute values that were added up, since sums are rounded
    in some order, and by the rounding of doubles where a program multiplies centers into its constants; what the link
    makes of that is allowed. Labels must be those of largest value within as much.

    Parameters
    ----------
    model : Model
    columns : list of arrays of shape (n,)
        Raw rows.
    values : array of shape (n, n_outputs)
        What the artefact says, after the link.
    labels : list of n class labels, or None for a regression
    tolerance : float
    """
    X = dict(zip(model.preprocessor.feature_names_in, columns, strict=True))
    wanted = model.evaluate(X)
    allowed = _allowed(model, X, tolerance)
    if values.shape != wanted.shape:
        raise ExportMismatchError(f"The export gives values of shape {values.shape}, the model {wanted.shape}.")
    with np.errstate(over="ignore"):
        beyond = np.isinf(wanted.astype(values.dtype))  # a double that float32 cannot hold
    values = values.astype(np.float64)
    off = ~(np.abs(values - wanted) <= allowed) & ~(beyond & (values == np.copysign(np.inf, wanted)))
    if off.any():
        row = int(np.flatnonzero(off.any(axis=1))[0])
        raise ExportMismatchError(
            f"The export answers {values[row].tolist()} where the model says {wanted[row].tolist()}, "
            f"for the raw row {[column[row] for column in columns]!r:.400}. Nothing was written; please report it."
        )
    if model.output.classes is None:
        return
    place = {label: k for k, label in enumerate(model.output.classes)}
    chosen = np.array([place.get(label, -1) for label in labels or []], dtype=np.intp)
    if len(chosen) != len(wanted) or (chosen < 0).any():
        raise ExportMismatchError("The export does not give one of the model's classes for each row.")
    short = wanted.max(axis=1) - wanted[np.arange(len(wanted)), chosen] > 2 * allowed.max(axis=1)
    if short.any():
        row = int(np.flatnonzero(short)[0])
        raise ExportMismatchError(
            f"The export decides for {labels[row]!r} where the model's values are {wanted[row].tolist()}, "  # type: ignore[index]
            f"for the raw row {[column[row] for column in columns]!r:.400}. Nothing was written; please report it."
        )


def _allowed(model: Model, X: Any, tolerance: float) -> NDArray[np.float64]:
    """How far each value may be off: shape (n, n_outputs)."""
    Z = model.preprocessor.transform(X)
    absolute = _absolute(model.predictor)
    if isinstance(absolute, Decoded):
        tolerance = max(tolerance, _SINGLE)
    if isinstance(absolute.core if isinstance(absolute, Decoded) else absolute, Linear):
        added = tolerance * absolute.evaluate(np.abs(Z)) + _DOUBLE * absolute.evaluate(_before_centering(model, Z))
    else:
        added = tolerance * absolute.evaluate(Z)
    worst = added.max(axis=1, keepdims=True)
    if model.output.link == "identity":
        return np.asarray(added)
    if model.output.link == "softmax":
        return np.broadcast_to(2 * worst + tolerance, added.shape)
    if model.output.link == "exp":
        scores, unsure = model.predictor.evaluate(Z), added + tolerance
        ends = model.output.activate(scores + unsure), model.output.activate(scores - unsure)
        return np.asarray(ends[0] - ends[1] + np.finfo(np.float32).tiny)  # below which float32 has no digits
    positive = np.maximum(model.predictor.evaluate(Z), 0).sum(axis=1, keepdims=True)
    unsure = 4 * added.shape[1] * worst
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(unsure < positive, unsure / positive, 1.0)
    return np.broadcast_to(np.where(worst == 0, tolerance, shares + tolerance), added.shape)


def _before_centering(model: Model, Z: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the centers are subtracted from, and the centers, both scaled: at most these sums of absolute values."""
    columns = zip(model.preprocessor.columns, model.preprocessor.slices, strict=True)
    scaled = [(part.start, c.center * c.scale) for c, part in columns if isinstance(c, NumericColumn)]
    found = np.abs(Z.astype(np.float64))
    for j, center in scaled:
        found[:, j] += 2 * abs(center)
    return np.minimum(found, LARGEST).astype(np.float32)


def _absolute(predictor: Any) -> Any:
    """The predictor that adds up absolute values."""
    if isinstance(predictor, Decoded):
        return Decoded(_absolute(predictor.core), np.abs(predictor.matrix), np.abs(predictor.bias))
    if isinstance(predictor, Linear):
        return Linear(np.abs(predictor.coef), np.abs(predictor.intercept))
    if isinstance(predictor, Additive):
        pairs = tuple(PairTable(pair.features, pair.edges, np.abs(pair.table)) for pair in predictor.pairs)
        tables = tuple(np.abs(table) for table in predictor.tables)
        return Additive(predictor.edges, tables, np.abs(predictor.intercept), pairs)
    if isinstance(predictor, TreeSum):
        trees = tuple(_absolute(tree) for tree in predictor.trees)
        return TreeSum(trees, predictor.output, np.abs(predictor.base), predictor.n_features)
    return Tree(predictor.feature, predictor.threshold, predictor.right, np.abs(predictor.value), predictor.n_features)
