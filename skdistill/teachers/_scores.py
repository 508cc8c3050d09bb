"""Probabilities for teachers that only give scores (a support vector machine first of all)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

#: Inverse strength of the ridge. Held-out log-loss of SVMs on eight sets of 3 to 32 classes: within 2 % of the best of
#: 0.1 .. 100 on the sets with rows to spare, and half of what 100 gives with 32 classes of 40 rows.
_C = 10.0


class ScoreCalibrator:
    """Map decision scores to class probabilities with one logistic model on pooled out-of-fold scores.

    Two classes: Platt scaling (Platt 1999). More: its multinomial form on the standardised scores of all classes
    (matrix scaling, Guo et al. 2017), with a ridge that keeps a class of few rows in place. One calibrator on the
    pooled scores sees every row once, where a calibrator inside each fold would see a fraction of them, and leaves the
    full-data teacher and its calibrator a matched pair.

    Parameters
    ----------
    n_classes : int

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines. Guo et al. (2017), On calibration of modern neural
    networks, ICML.
    """

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes

    def fit(self, scores: NDArray[np.float64], codes: NDArray[np.intp], weight: NDArray[Any] | None) -> ScoreCalibrator:
        """Fit on scores of shape (n, k) (two classes: the column of the second one alone is used)."""
        scores = self._columns(scores)
        self.center_ = np.average(scores, axis=0, weights=weight)
        spread = np.sqrt(np.average((scores - self.center_) ** 2, axis=0, weights=weight))
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.classes_ = np.unique(codes)
        if len(self.classes_) > 1:
            self.model_ = LogisticRegression(C=_C, max_iter=1000)
            self.model_.fit((scores - self.center_) / self.scale_, codes, sample_weight=weight)
        return self

    def predict_proba(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities, shape (n, k), classes in code order."""
        proba = np.zeros((len(scores), self.n_classes))
        if len(self.classes_) == 1:
            proba[:, self.classes_[0]] = 1.0
        else:
            z = (self._columns(scores) - self.center_) / self.scale_
            proba[:, self.classes_] = self.model_.predict_proba(z)
        return proba

    def _columns(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores[:, 1:] if self.n_classes == 2 else scores


def score_matrix(scores: Any, codes: NDArray[np.intp], n_classes: int) -> NDArray[np.float64]:
    """Scores of a teacher that knows the classes `codes`, as an (n, k) matrix over all classes.

    A class that the teacher never saw gets the row's lowest score less one: below every class that it knows.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim == 1:
        scores = np.column_stack([-scores, scores])
    full = np.repeat(scores.min(axis=1, keepdims=True) - 1.0, n_classes, axis=1)
    full[:, codes] = scores
    return full
