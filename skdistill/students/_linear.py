"""A line as student: softmax regression on soft labels, ridge regression on values."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np

from .._sklearn import Interval
from ..engine import BLOCK_ROWS, Engine
from ..model import Linear
from ._descent import CURVATURE_WIDTH, Problem
from ._differences import DifferenceStudent
from ._sparse import solve_sparse

#: Numbers of float64 scratch that a block of dense features may take, unless fewer than 256 rows would fit.
SCRATCH = 1 << 21
#: Penalty per unit of weight on features that are out: their coefficients stay below what float32 can tell from zero.
BARRED = 1e9
#: How exactly features are chosen, as a share of what one must be worth: those kept are fitted anew.
ROUGH = 0.3


class LinearStudent(DifferenceStudent):
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
    loss : {"auto", "log_loss", "squared", "poisson"}
        "auto": "log_loss" where the rows of the targets are distributions over two or more classes, else "squared".
        "poisson" is for counts and other rates >= 0: the Poisson likelihood, rates being exponentials of scores.
    alpha : float >= 0
        Strength of the penalty, in units of rows. With 0, coefficients of collinear features are not unique. The
        default, a tenth of what scikit-learn's lines have, did best on average (benchmarks/RESULTS.md).
    sparsity : float >= 0
        How much a feature must be worth to be kept, in units of rows. Features are chosen under the further penalty
        ``sparsity * sum(norm(coef[:, j]))``, for the squared loss in units of each target's standard deviation: the L1
        penalty with one output or two classes, else the group lasso. Then those kept are fitted without it (relaxed
        lasso); the coefficients of the others are exactly zero and take no bytes. Needs features on one scale, and at
        most 1,499 of them.
    difference_weight : float >= 0
        How much it counts that scores change as the teachers' do where one feature of a row moves a little: Sobolev
        training, with finite differences for teachers without a gradient. The loss of each row grows by half of this
        times the number of features times the mean squared error of those changes, of log-odds (log-probabilities
        centred over the classes), of logarithms of rates, or of values in standard deviations. Needs ``moves`` in
        `fit`, which a distilled estimator draws and has its committee label, and at most 1,499 features. Agreement on
        differences grows, and test log-loss mostly with it: off unless differences are what matters
        (benchmarks/RESULTS.md).
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
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.Linear
    link_ : {"softmax", "identity", "exp"}
    n_outputs_ : int
    n_features_in_ : int

    References
    ----------
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming,
    1989. R. H. Byrd et al., "On the use of stochastic Hessian information in optimization methods for machine
    learning", SIAM Journal on Optimization, 2011 (curvature from a sample). M. Yuan, Y. Lin, "Model selection and
    estimation in regression with grouped variables", JRSS B, 2006; N. Meinshausen, "Relaxed Lasso", Computational
    Statistics & Data Analysis, 2007 (`sparsity`). W. M. Czarnecki et al., "Sobolev training for neural networks",
    NeurIPS 2017 (`difference_weight`).

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

    takes_sparse: ClassVar[bool] = True
    runs_on_device: ClassVar[bool] = True
    wants_scaling: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **DifferenceStudent._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "fit_intercept": ["boolean"],
    }

    def __init__(
        self,
        loss: str = "auto",
        *,
        alpha: float = 0.1,
        sparsity: float = 0.0,
        difference_weight: float = 0.0,
        fit_intercept: bool = True,
        max_iter: int = 500,
        tol: float = 1e-6,
    ) -> None:
        self.loss = loss
        self.alpha = alpha
        self.sparsity = sparsity
        self.difference_weight = difference_weight
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol

    @property
    def max_features(self) -> int | None:
        """Columns of X at most: with `sparsity` or `difference_weight`, their curvature is summed."""
        return CURVATURE_WIDTH - 1 if self.sparsity or self.difference_weight else None

    def block_rows(self, width: int) -> int:
        """Rows of a block of `width` numbers a row: what is computed from them stays within `SCRATCH`."""
        return min(BLOCK_ROWS, max(256, SCRATCH // (width + 1)))

    def _solve(self, engine: Engine) -> Linear:
        shape = self.n_features_in_ + 1, self.n_outputs_
        problem = Problem(engine, self.loss_, shape, self.alpha, fit_intercept=self.fit_intercept)
        self._match(problem)
        if self.sparsity:
            tol = max(self.tol, ROUGH * self.sparsity / problem.weight)
            theta, chosen, left = solve_sparse(problem, self.sparsity, self.max_iter, tol)
            used = theta[:-1].any(axis=1)
            # What is not used may not come back, at a price beyond any gain; then it is taken for what it is, zero.
            problem.penalise(np.where(used, self.alpha, BARRED * problem.weight))
            theta, n_iter, left = problem.solve(self.max_iter, self.tol, theta)
            theta[:-1][~used] = 0
            self.n_iter_ = chosen + n_iter
        else:
            theta, self.n_iter_, left = problem.solve(self.max_iter, self.tol)
        self._warn_unless_converged(left, "Scale the features, increase alpha, max_iter or tol.", frames=6)
        coefficients, constants = problem.in_units(theta)
        coef = coefficients.astype(np.float32)
        # With rounded coefficients, so that what they lose far from the origin is not lost at the center of the data.
        constants = constants - problem.frame.center @ coef.astype(np.float64)
        return Linear(coef, constants.astype(np.float32))

    @property
    def coef_(self) -> np.ndarray:
        """Weights of the fitted predictor, shape (n_outputs, n_features)."""
        return self.predictor_.coef.T

    @property
    def intercept_(self) -> np.ndarray:
        """Constants of the fitted predictor, shape (n_outputs,)."""
        return self.predictor_.intercept
