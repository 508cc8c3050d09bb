"""What students of summed scores share: their losses and scores before the link; and how those that iterate stop."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._sklearn import Interval
from ._base import BaseStudent


def _has_scores(student: BaseStudent) -> bool:
    """Under the squared loss there is no link, and scikit-learn's regressors have no decision_function."""
    return getattr(student, "loss_", student.loss) == "log_loss"


class ScoredStudent(BaseStudent):
    """A student whose outputs are scores: of a softmax under the log-loss, logarithms of rates under Poisson's, else
    the values themselves.
    """

    links: ClassVar[dict[str, str]] = {"log_loss": "softmax", "squared": "identity", "poisson": "exp"}
    losses: ClassVar[frozenset[str]] = frozenset(links)

    @available_if(_has_scores)
    def decision_function(self, X: Any) -> np.ndarray:
        """Scores before the softmax, as the model form evaluates them. Only under the log-loss.

        Parameters
        ----------
        X : array-like of shape (n, d), or sparse matrix where the student takes one

        Returns
        -------
        ndarray of float64, shape (n, k)
        """
        check_is_fitted(self)
        return self._evaluate(X, "identity")


class IterativeStudent(ScoredStudent):
    """A student whose scores are found by iteration."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **BaseStudent._parameter_constraints,
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
    }

    max_iter: int
    tol: float
    n_iter_: int

    def _warn_unless_converged(self, left: float, advice: str, frames: int = 5) -> None:
        if left > self.tol:
            warnings.warn(
                f"{type(self).__name__} stopped after {self.n_iter_} iterations with a gradient of {left:.2g}, above "
                f"tol={self.tol:.2g}. {advice}",
                ConvergenceWarning,
                stacklevel=frames,  # the line that called fit
            )
