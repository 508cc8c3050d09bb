"""How linear and additive students are solved: any penalised sum of losses that is linear in what it looks up.

All losses go one way. L-BFGS runs in coordinates in which the loss curves by about one in every direction: the
curvature is summed over a sample of rows, factored, and divided out. It runs first on the sample, until sampling error
dominates, then on all rows, where a handful of passes remain because sample and data hardly differ.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize

from ..engine import Engine
from ..engine import _linear_blocks as blocks
from ..engine._linear_blocks import Frame, Steps

#: Rows that shape the search: where it starts and how it is scaled. All rows judge the result.
SAMPLE_ROWS = 65_536
#: The widest curvature matrix worth factoring, and the multiplications worth spending on the sums for one.
CURVATURE_WIDTH = 1_500
CURVATURE_COST = 4_000_000_000
#: Steps after which the curvature at the start of a descent is stale.
REFRESH = 15
#: Shares of the curvature at the origin that are added in turn where a descent finds no step: where almost every row
#: is told with certainty the loss is flat to its curvature, and steep a step away.
DAMPING = (0.0, 1e-3, 1e-2)
#: Where the sample's own error exceeds what is left to gain on it.
SAMPLE_TOLERANCE = 1e-2

#: The block functions of each loss: its sums, and its curvature from the most telling to the cheapest.
_SUMS: dict[str, Callable[..., Any]] = {
    "log_loss": blocks.softmax_sums,
    "squared": blocks.squared_sums,
    "poisson": blocks.poisson_sums,
}
_SCATTERS: dict[str, Callable[..., Any]] = {
    "log_loss": blocks.softmax_scatter,
    "squared": blocks.squared_scatter,
    "poisson": blocks.poisson_scatter,
}
_CURVATURES: dict[str, dict[str, Callable[..., Any]]] = {
    "log_loss": {"full": blocks.softmax_hessian, "gram": blocks.softmax_gram, "diagonal": blocks.softmax_diagonal},
    "squared": {"gram": blocks.squared_gram, "diagonal": blocks.squared_diagonal},
    "poisson": {"gram": blocks.poisson_gram, "diagonal": blocks.poisson_diagonal},
}


class Problem:
    """One penalised sum of losses over the rows of an engine, per unit of weight, in the coordinates of a `Frame`.

    Parameters
    ----------
    engine : Engine
        With columns ``"Q"``, ``"weight"``, and ``"X"`` or ``"bins"``.
    loss : {"log_loss", "squared", "poisson"}
    shape : tuple of int
        Parameters of an output, the intercept among them, and outputs.
    alpha : float or ndarray of shape (parameters - 1,)
        Strength of the squared penalty on all but the intercept, in units of rows.
    fit_intercept : bool
    steps : Steps or None
        What the features are, if not numbers, whose origin is moved to their mean unless they are sparse.
    """

    def __init__(
        self,
        engine: Engine,
        loss: str,
        shape: tuple[int, int],
        alpha: float | np.ndarray,
        *,
        fit_intercept: bool = True,
        steps: Steps | None = None,
    ) -> None:
        width, k = shape
        self.engine, self.loss, self.shape = engine, loss, shape
        widths = {"full": width * k, "gram": width, "diagonal": 0}
        if steps is not None:  # who builds them bounds them; the full curvature costs more than it would save
            self.kind = "gram"
        else:
            self.kind = next(kind for kind in _CURVATURES[loss] if widths.get(kind, np.inf) <= CURVATURE_WIDTH)
        size = max(widths[self.kind], 1)
        # A row meets every parameter, but of steps only those of one cell of each feature: some ten times dearer each.
        cost = size if steps is None else 3 * len(steps.starts)
        sample = min(SAMPLE_ROWS, max(CURVATURE_COST // cost**2, 4 * size))  # fewer rows would miss directions
        engine.update("sample", blocks.sample, -(-engine.n_rows // sample))

        self.weight, sums, squares = engine.reduce(blocks.totals)
        mean, origin = sums / self.weight, not fit_intercept
        center = np.zeros(width - 1)
        if steps is None and fit_intercept:
            sample_weight, features = engine.reduce(blocks.feature_sums)
            center = features / sample_weight
        spread = np.sqrt(np.maximum(squares / self.weight - (0 if origin else mean**2), 0))
        spread[spread == 0] = 1
        self.frame = Frame(center, float(fit_intercept), np.zeros(k) if origin else mean, spread, steps)
        # Of two classes the columns are -b / 2 and b / 2: their squares sum to half of what b squared is.
        self.unit = 2 if loss == "log_loss" and k == 2 else 1
        self.free = k - (loss == "log_loss")  # outputs that are not told by the others
        self._gram: np.ndarray | None = None
        self._damping = 0
        self._moved: tuple[np.ndarray, np.ndarray, float] | None = None
        self.penalise(alpha)

    def penalise(self, alpha: float | np.ndarray) -> None:
        """Replace the strength of the penalty."""
        self.alpha = np.broadcast_to(alpha, self.shape[0] - 1)
        self.penalty = np.append(self.unit * self.alpha / self.weight, 0.0)

    def match(self, moves: Engine, strength: float) -> None:
        """Add half of `strength` times the mean squared error of how scores change along moves.

        Parameters
        ----------
        moves : Engine
            With columns ``"X"``, what a move adds to a row, or for steps to the cells it is in, and ``"Q"``, what it
            ought to add to the scores.
        strength : float > 0
        """
        scale = self.frame.scale if self.loss == "squared" else np.ones(self.shape[1])
        n, gram, cross, squares = moves.reduce(blocks.difference_sums, scale)
        if self.frame.steps is not None:
            lift = self.frame.steps.lift.T
            gram, cross = lift @ (lift @ gram).T, lift @ cross
        size = strength / n
        self._moved = size * np.pad(gram, (0, 1)), size * np.pad(cross, ((0, 1), (0, 0))), size * float(squares)

    def solve(
        self, max_iter: int, tol: float, start: np.ndarray | None = None, gram: np.ndarray | None = None
    ) -> tuple[np.ndarray, int, float]:
        """Parameters, the number of steps and the gradient left over.

        With `gram`, the curvature without the penalty at or near `start`, none is summed.
        """
        if gram is not None and start is not None:
            return self._descend(start, False, max_iter, tol, gram)
        theta, n_iter, left = self.origin() if start is None else start, 0, np.inf
        # The third descent starts where the second converged: on fresh curvature, its free step doubles the digits.
        for sampled, tolerance in ((True, max(tol, SAMPLE_TOLERANCE)), (False, tol), (False, tol)):
            budget = max_iter // 2 if sampled else max_iter  # all rows always have their say
            while n_iter < budget:
                steps = min(budget - n_iter, REFRESH) if self.kind == "full" else budget - n_iter
                theta, taken, left = self._descend(theta, sampled, steps, tolerance)
                n_iter += taken
                if left <= tolerance or not (taken or self._damped()):
                    break
        return theta, n_iter, left

    def _damped(self) -> bool:
        """Whether the curvature is damped more than before, which helps where it changes from step to step."""
        more = self.kind == "full" and self._damping + 1 < len(DAMPING)
        self._damping += more
        return more

    def origin(self) -> np.ndarray:
        """Parameters of a model without features: the best constant, but for a line through the origin."""
        theta = np.zeros(self.shape)
        if self.loss != "squared" and self.frame.intercept:
            theta[-1] = np.log(np.maximum(self.frame.mean, 1e-12))
        return theta

    def in_units(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and intercept of `theta` in units of the targets, or as scores of a softmax or exponential."""
        if self.loss == "poisson":
            return theta[:-1], theta[-1]
        if self.loss == "log_loss":
            # The softmax does not see what is added to all classes: the last ones are zero and need no bytes.
            scores = theta - theta[:, -1:]
            return scores[:-1], scores[-1]
        return theta[:-1] * self.frame.scale, theta[-1] * self.frame.scale + self.frame.mean

    def gram(self, theta: np.ndarray) -> np.ndarray:
        """Curvature of the loss without the penalty at `theta`, averaged over outputs, per unit of weight.

        Shape (width, width).
        """
        if self._gram is None or self.loss != "squared":  # that of the squared loss is the same everywhere
            weight, self._gram = self.engine.reduce(_CURVATURES[self.loss]["gram"], theta, self.frame, True)
            self._gram /= weight
            if self._moved is not None:
                self._gram += self._moved[0]
        return self._gram

    def value(self, theta: np.ndarray, sampled: bool = False) -> tuple[float, np.ndarray]:
        """Penalised loss and its gradient."""
        weight, loss, gradient = self.engine.reduce(_SUMS[self.loss], theta, self.frame, sampled)
        penalised = self.penalty[:, None] * theta
        value, slope = float(loss / weight + 0.5 * np.vdot(theta, penalised)), gradient / weight + penalised
        if self._moved is not None:
            gram, cross, squares = self._moved
            pulled = gram @ theta
            value += float(0.5 * (np.vdot(theta, pulled) + squares) - np.vdot(theta, cross))
            slope += pulled - cross
        return value, slope

    def scatter(self, theta: np.ndarray) -> float:
        """Squared residuals, as a share of what they would be if targets were drawn from the model's likelihood.

        Of classes drawn from the fitted probabilities and of counts about 1; blended soft labels scatter far less.
        """
        squares, expected = self.engine.reduce(_SCATTERS[self.loss], theta, self.frame, True)
        return float(squares / expected)

    def _descend(
        self, theta: np.ndarray, sampled: bool, steps: int, tol: float, gram: np.ndarray | None = None
    ) -> tuple[np.ndarray, int, float]:
        """At most `steps` of L-BFGS, on the sample or on all rows: parameters, steps taken, gradient left."""
        divide = self._division(self.curvature(theta, gram))
        start, gradient = self.value(theta, sampled)
        gradient = divide(gradient, False).ravel()
        # SciPy's first step has length one: in units of the first gradient that is the Newton step.
        unit = float(np.linalg.norm(gradient)) or 1.0

        def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
            if not v.any():
                return 0.0, gradient / unit
            value, slope = self.value(theta + divide(unit * v.reshape(self.shape), True), sampled)
            return (value - start) / unit**2, divide(slope, False).ravel() / unit

        found = minimize(
            objective,
            np.zeros(theta.size),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps, "gtol": tol / unit, "ftol": 0.0},
        )
        left = float(unit * np.abs(found.jac).max())
        v = found.x
        if left <= tol and self.kind != "diagonal":
            v = v - found.jac  # gradient and curvature are known: one more Newton step for free
        return theta + divide(unit * v.reshape(self.shape), True), int(found.nit), left

    def curvature(self, theta: np.ndarray, gram: np.ndarray | None = None) -> np.ndarray:
        """Curvature on the sample, per unit of weight, what it is of depends on `kind`.

        "full": of all parameters, (width * k, width * k), those of a feature side by side. "gram": (width, width), the
        same for all outputs. "diagonal": (width, k) or (width, 1).
        """
        if self.kind == "gram":
            curvature = (self.gram(theta) if gram is None else gram).copy()
        else:
            curvature_at = partial(self.engine.reduce, _CURVATURES[self.loss][self.kind])
            weight, curvature = curvature_at(theta, self.frame, True)
            if self._damping:
                curvature += DAMPING[self._damping] * curvature_at(self.origin(), self.frame, True)[1]
            curvature /= weight
            if self._moved is not None and self.kind == "full":
                np.einsum("iaja->aij", curvature)[:] += self._moved[0]
            elif self._moved is not None:
                curvature += self._moved[0].diagonal()[:, None]
        # What only steers the search may be inexact: keep it positive where the data leave a direction undetermined.
        penalty = np.append(self.penalty[:-1], 1e-8)
        if self.kind == "diagonal":
            curvature += penalty[:, None]
            curvature[curvature == 0] = 1
            return np.asarray(curvature)
        if self.kind == "full":
            width, k = self.shape
            curvature[-1, :, -1, :] += 1 / k  # a constant added to all classes changes nothing
            curvature, penalty = curvature.reshape(width * k, width * k), np.repeat(penalty, k)
        diagonal = np.einsum("ii->i", curvature)
        diagonal += penalty
        diagonal *= 1 + 1e-10
        diagonal[diagonal == 0] = 1
        return np.asarray(curvature)

    def _division(self, curvature: np.ndarray) -> Callable[[np.ndarray, bool], np.ndarray]:
        """Division by a root of `curvature`, or by its transpose (True)."""
        if self.kind == "diagonal":
            return partial(_divide_diagonal, np.sqrt(curvature))
        return partial(_divide_triangular, cholesky(curvature, lower=True, overwrite_a=True, check_finite=False))


def _divide_diagonal(root: np.ndarray, V: np.ndarray, transposed: bool) -> np.ndarray:
    return V / root


def _divide_triangular(root: np.ndarray, V: np.ndarray, transposed: bool) -> np.ndarray:
    columns = V.reshape(len(root), -1)
    divided: np.ndarray = solve_triangular(
        root, columns, trans="T" if transposed else "N", lower=True, check_finite=False
    )
    return divided.reshape(V.shape)
