"""Values fitted anew to soft labels, from where they are."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from ..model import Additive, Linear, Model
from ._evidence import Evidence
from ._sums import sums_of

Floats = NDArray[np.float64]

#: Steps of the descent: from near the minimum a few are enough.
MAX_ITER = 30


def refitted(model: Model, predictor: Linear | Additive, evidence: Evidence, penalty: float) -> Linear | Additive:
    """A line or tables in the place of the model's, their values those of least loss plus `penalty` / 2 times the
    squares of the changes.

    Values that are zero in all outputs stay zero; under a link other than the loss's own nothing changes. In units in
    which each value's feature has spread one, by L-BFGS.
    """
    sums = sums_of(predictor, evidence.encode(model.preprocessor), model.output.link)
    is_softmax = evidence.is_classification and model.output.link == "softmax"
    if evidence.is_classification and not is_softmax:
        return predictor
    start = np.stack(sums.values, axis=1)
    rows = np.flatnonzero(start.any(axis=1))
    # Under a softmax the last output stays zero.
    k = start.shape[1]
    free = np.arange(k - 1) if is_softmax and k > 1 else np.arange(k)
    design = sums.designs[0][:, rows]
    squares = design.multiply(design) if hasattr(design, "multiply") else design**2
    means = np.asarray(design.T @ evidence.weight).ravel()
    spread = np.sqrt(np.maximum(np.asarray(squares.T @ evidence.weight).ravel() - means**2, 1e-12))
    shape = (len(rows) + 1, len(free))

    def parts(theta: Floats) -> tuple[Floats, Floats]:
        """Changes of values and of constants: a change of a value is made about the mean of its feature."""
        change = theta.reshape(shape)
        values = change[:-1] / spread[:, None]
        return values, change[-1] - means @ values

    base = sums.scores(sums.values, sums.constants)

    def objective(theta: Floats) -> tuple[float, Floats]:
        values, constants = parts(theta)
        scores = base.copy()
        scores[:, free] += design @ values + constants
        slope = evidence.derivatives(model, scores)[0][:, free]
        level = slope.sum(axis=0)
        gradient = np.vstack([(design.T @ slope - np.outer(means, level)) / spread[:, None], level])
        change = theta.reshape(shape)
        gradient[:-1] += penalty * change[:-1]
        loss = evidence.loss_of(model.output.activate(scores)) + 0.5 * penalty * float(np.square(change[:-1]).sum())
        return loss, gradient.ravel()

    found: Any = minimize(
        objective, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": MAX_ITER}
    )
    values, constants = parts(found.x)
    matrix, intercept = start.copy(), sums.constants.copy()
    matrix[np.ix_(rows, free)] += values
    intercept[free] += constants
    return cast("Linear | Additive", sums.build(list(matrix.T), intercept))
