"""A line as student: softmax regression on soft labels, ridge regression on values.

All losses go one way. L-BFGS runs in coordinates in which the loss curves by about one in every direction: the
curvature is summed over a sample of rows, factored, and divided out. It runs first on the sample, until sampling error
dominates, then on all rows, where a handful of passes remain because sample and data hardly differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._sklearn import Interval
from ..engine import BLOCK_ROWS, MemoryEngine
from ..engine import _linear_blocks as blocks
from ..engine._linear_blocks import Frame
from ..model import Linear
from ._base import BaseStudent

#: Rows that shape the search: where it starts and how it is scaled. All rows judge the result.
SAMPLE_ROWS = 65_536
#: The widest curvature matrix worth factoring, and the multiplications worth spending on the sums for one.
CURVATURE_WIDTH = 1_500
CURVATURE_COST = 4_000_000_000
#: Steps after which the curvature at the start of a descent is stale.
REFRESH = 15
#: Numbers of float64 scratch that a block of dense features may take, unless fewer than 256 rows would fit.
SCRATCH = 1 << 21
#: Where the sample's own error exceeds what is left to gain on it.
SAMPLE_TOLERANCE = 1e-2

#: The block functions of each loss: its sums, and its curvature from the most telling to the cheapest.
_SUMS: dict[str, Callable[..., Any]] = {"log_loss": blocks.softmax_sums, "squared": blocks.squared_sums}
_CURVATURES: dict[str, dict[str, Callable[..., Any]]] = {
    "log_loss": {"full": blocks.softmax_hessian, "gram": blocks.softmax_gram, "diagonal": blocks.softmax_diagonal},
    "squared": {"gram": blocks.squared_gram, "diagonal": blocks.squared_diagonal},
}


def _has_scores(student: LinearStudent) -> bool:
    """Under the squared loss there is no link, and scikit-learn's regressors have no decision_function."""
    return getattr(student, "loss_", student.loss) == "log_loss"


class LinearStudent(BaseStudent):
    """Linear model fitted to soft labels (softmax) or to values (ridge), with a squared penalty.

    Minimises the weighted sum of losses plus ``alpha / 2 * ||coef||^2``; the intercept is free. Fits are exact up to
    `tol`, visit the data in blocks, never copy it, and leave sparse features sparse.

    - Under the log-loss, the loss of a row is the cross-entropy of the softmax against its soft labels. The minimiser
      is that of `LogisticRegression(C=1 / alpha)` on rows replicated once per class and weighted by the soft labels.
      With two classes the penalty is on the difference of the two columns, as it is there.
    - Under the squared loss, the loss of a row is half the sum of squared errors. The minimiser is that of
      `Ridge(alpha=alpha)`, which doubles both terms.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
    alpha : float >= 0
        Strength of the penalty, in units of rows. With 0, coefficients of collinear features are not unique.
    fit_intercept : bool
    max_iter : int >= 1
        Steps at most. A small model on millions of rows takes about ten.
    tol : float > 0
        Largest component of the gradient per unit of weight, in the coordinates described above. There a component
        is about the error left in the scores (for the squared loss: in standard deviations of the target).

    Attributes
    ----------
    coef_ : ndarray of float32, shape (n_outputs, n_features)
        Columns sum to zero over the classes under the log-loss.
    intercept_ : ndarray of float32, shape (n_outputs,)
    n_iter_ : int
        Steps taken, on the sample and on all rows.
    loss_ : {"log_loss", "squared"}
    predictor_ : skdistill.model.Linear
    link_ : {"softmax", "identity"}
    n_outputs_ : int
    n_features_in_ : int

    References
    ----------
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming,
    1989. R. H. Byrd et al., "On the use of stochastic Hessian information in optimization methods for machine
    learning", SIAM Journal on Optimization, 2011 (curvature from a sample).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.students import LinearStudent
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Q = np.array([[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.1, 0.9]])
    >>> student = LinearStudent(alpha=0.01).fit(X, Q)
    >>> student.predict([[1.5]])
    array([[0.5, 0.5]])
    """

    links: ClassVar[dict[str, str]] = {"log_loss": "softmax", "squared": "identity"}
    losses: ClassVar[frozenset[str]] = frozenset(links)
    takes_sparse: ClassVar[bool] = True
    wants_scaling: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseStudent._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "auto",
        *,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 500,
        tol: float = 1e-6,
    ) -> None:
        self.loss = loss
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    def _solve(self, X: Any, Q: np.ndarray, weight: np.ndarray) -> Linear:
        width = X.shape[1] + 1
        block_rows = BLOCK_ROWS if issparse(X) else min(BLOCK_ROWS, max(256, SCRATCH // width))
        engine = MemoryEngine({"X": X, "Q": Q, "weight": weight}, block_rows)
        problem = _Problem(engine, self.loss_, (width, Q.shape[1]), self.alpha, self.fit_intercept, issparse(X))
        theta, self.n_iter_, left = problem.solve(self.max_iter, self.tol)
        if left > self.tol:
            warnings.warn(
                f"LinearStudent stopped after {self.n_iter_} iterations with a gradient of {left:.2g}, above tol="
                f"{self.tol:.2g}. Scale the features, increase alpha, max_iter or tol.",
                ConvergenceWarning,
                stacklevel=4,  # the line that called fit
            )
        predictor = problem.lower(theta)
        self.coef_, self.intercept_ = predictor.coef.T, predictor.intercept
        return predictor

    @available_if(_has_scores)
    def decision_function(self, X: Any) -> np.ndarray:
        """Scores before the softmax, as the model form evaluates them. Only under the log-loss.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, k)
        """
        check_is_fitted(self)
        return self._evaluate(X, "identity")


class _Problem:
    """One penalised sum of losses over the rows of an engine, per unit of weight, in the coordinates of a `Frame`."""

    def __init__(
        self, engine: MemoryEngine, loss: str, shape: tuple[int, int], alpha: float, fit_intercept: bool, sparse: bool
    ) -> None:
        width, k = shape
        self.engine, self.loss, self.shape = engine, loss, shape
        widths = {"full": width * k, "gram": width, "diagonal": 0}
        self.kind = next(kind for kind in _CURVATURES[loss] if widths[kind] <= CURVATURE_WIDTH)
        size = max(widths[self.kind], 1)
        sample = min(SAMPLE_ROWS, max(CURVATURE_COST // size**2, 4 * size))  # fewer rows would miss directions
        engine.update("sample", blocks.sample, -(-engine.n_rows // sample))

        total, sums, squares, sample_weight, features = engine.reduce(blocks.totals)
        mean, origin = sums / total, not fit_intercept
        center = np.zeros(width - 1) if sparse or origin else features / sample_weight
        spread = np.sqrt(np.maximum(squares / total - (0 if origin else mean**2), 0))
        spread[spread == 0] = 1
        self.frame = Frame(center, float(fit_intercept), np.zeros(k) if origin else mean, spread)
        if loss == "log_loss" and k == 2:
            alpha *= 2  # the columns are -b / 2 and b / 2: their squares sum to half of what b squared is
        self.penalty = np.append(np.full(width - 1, alpha / total), 0.0)

    def solve(self, max_iter: int, tol: float) -> tuple[np.ndarray, int, float]:
        """Parameters, the number of steps and the gradient left over."""
        theta, n_iter, left = np.zeros(self.shape), 0, np.inf
        if self.loss == "log_loss" and self.frame.intercept:
            theta[-1] = np.log(np.maximum(self.frame.mean, 1e-12))
        # The third descent starts where the second converged: on fresh curvature, its free step doubles the digits.
        for sampled, tolerance in ((True, max(tol, SAMPLE_TOLERANCE)), (False, tol), (False, tol)):
            budget = max_iter // 2 if sampled else max_iter  # all rows always have their say
            while n_iter < budget:
                steps = min(budget - n_iter, REFRESH) if self.kind == "full" else budget - n_iter
                theta, taken, left = self._descend(theta, sampled, steps, tolerance)
                n_iter += taken
                if left <= tolerance or not taken:
                    break
        return theta, n_iter, left

    def lower(self, theta: np.ndarray) -> Linear:
        """The model form of `theta`: float32, on features as they are."""
        if self.loss == "log_loss":
            # The softmax does not see a constant added to all classes.
            coef, intercept = (theta - theta.mean(axis=1, keepdims=True))[:-1], theta[-1] - theta[-1].mean()
        else:
            coef = theta[:-1] * self.frame.scale
            intercept = theta[-1] * self.frame.scale + self.frame.mean
        coef = coef.astype(np.float32)
        # With rounded coefficients, so that what they lose far from the origin is not lost at the center of the data.
        intercept = intercept - self.frame.center @ coef.astype(np.float64)
        return Linear(coef, intercept.astype(np.float32))

    def _descend(self, theta: np.ndarray, sampled: bool, steps: int, tol: float) -> tuple[np.ndarray, int, float]:
        """At most `steps` of L-BFGS, on the sample or on all rows: parameters, steps taken, gradient left."""
        divide = self._curvature(theta)
        start, gradient = self._value(theta, sampled)
        gradient = divide(gradient, False).ravel()
        # SciPy's first step has length one: in units of the first gradient that is the Newton step.
        unit = float(np.linalg.norm(gradient)) or 1.0

        def objective(v: np.ndarray) -> tuple[float, np.ndarray]:
            if not v.any():
                return 0.0, gradient / unit
            value, slope = self._value(theta + divide(unit * v.reshape(self.shape), True), sampled)
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

    def _value(self, theta: np.ndarray, sampled: bool) -> tuple[float, np.ndarray]:
        weight, loss, gradient = self.engine.reduce(_SUMS[self.loss], theta, self.frame, sampled)
        penalised = self.penalty[:, None] * theta
        return float(loss / weight + 0.5 * np.vdot(theta, penalised)), gradient / weight + penalised

    def _curvature(self, theta: np.ndarray) -> Callable[[np.ndarray, bool], np.ndarray]:
        """Division by a root of the curvature at `theta`, or by its transpose (True)."""
        function = _CURVATURES[self.loss][self.kind]
        weight, curvature = self.engine.reduce(function, theta, self.frame, True)
        curvature /= weight
        # What only steers the search may be inexact: keep it positive where the data leave a direction undetermined.
        penalty = np.append(self.penalty[:-1], 1e-8)
        if self.kind == "diagonal":
            curvature += penalty[:, None]
            curvature[curvature == 0] = 1
            return partial(_divide_diagonal, np.sqrt(curvature))
        if self.kind == "full":
            width, k = self.shape
            curvature[-1, :, -1, :] += 1 / k  # a constant added to all classes changes nothing
            curvature, penalty = curvature.reshape(width * k, width * k), np.repeat(penalty, k)
        diagonal = np.einsum("ii->i", curvature)
        diagonal += penalty
        diagonal *= 1 + 1e-10
        diagonal[diagonal == 0] = 1
        return partial(_divide_triangular, cholesky(curvature, lower=True, overwrite_a=True, check_finite=False))


def _divide_diagonal(root: np.ndarray, V: np.ndarray, transposed: bool) -> np.ndarray:
    return V / root


def _divide_triangular(root: np.ndarray, V: np.ndarray, transposed: bool) -> np.ndarray:
    columns = V.reshape(len(root), -1)
    divided: np.ndarray = solve_triangular(
        root, columns, trans="T" if transposed else "N", lower=True, check_finite=False
    )
    return divided.reshape(V.shape)
