"""Probabilities for teachers that only give scores (a support vector machine first of all)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

#: Ridges of the two forms, in units of rows of weight 1. Chosen by held-out log-loss of SVMs on eight sets of 3 to 32
#: classes: the matrix form wants little where rows are many, and is not chosen where they are few.
_MATRIX_C = 10.0
_BIAS_RIDGE = 1.0

#: Parts that pooled scores are cut into where the folds do not do it.
_PARTS = 5


class ScoreCalibrator:
    """Map decision scores to class probabilities.

    Two classes: Platt scaling (Platt 1999). More: a slope common to all classes and a bias for each, or, in the matrix
    form, a multinomial logistic model on the scores of all classes (both after Guo et al. 2017).

    Parameters
    ----------
    n_classes : int
    matrix : bool
        The form for more than two classes.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines. Guo et al. (2017), On calibration of modern neural
    networks, ICML.
    """

    def __init__(self, n_classes: int, matrix: bool = False) -> None:
        self.n_classes = n_classes
        self.matrix = matrix

    def fit(self, scores: NDArray[np.float64], codes: NDArray[np.intp], weight: NDArray[Any] | None) -> ScoreCalibrator:
        """Fit on scores of shape (n, k); the scale of the weights does not matter."""
        weight = np.ones(len(codes)) if weight is None else weight / weight.mean()
        scores = self._columns(scores)
        axis = 0 if self.matrix or self.n_classes == 2 else None
        rows = weight[:, None] * np.ones_like(scores)
        self.center_ = np.average(scores, axis=axis, weights=rows)
        spread = np.sqrt(np.average((scores - self.center_) ** 2, axis=axis, weights=rows))
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.classes_ = np.unique(codes)
        if len(self.classes_) == 1:
            return self
        z = (scores - self.center_) / self.scale_
        if axis == 0:
            self.model_ = LogisticRegression(C=_MATRIX_C, max_iter=1000).fit(z, codes, sample_weight=weight)
        else:
            self.theta_ = _slope_and_biases(z[:, self.classes_], np.searchsorted(self.classes_, codes), weight)
        return self

    def predict_proba(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities, shape (n, k), classes in code order; a class that `fit` did not see has probability 0."""
        proba = np.zeros((len(scores), self.n_classes))
        if len(self.classes_) == 1:
            proba[:, self.classes_[0]] = 1.0
            return proba
        z = (self._columns(scores) - self.center_) / self.scale_
        if hasattr(self, "model_"):
            proba[:, self.classes_] = self.model_.predict_proba(z)
        else:
            z = z[:, self.classes_] * np.exp(self.theta_[0]) + self.theta_[1:]
            proba[:, self.classes_] = np.exp(log_softmax(z, axis=1))
        return proba

    def _columns(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return scores[:, 1:] if self.n_classes == 2 else scores


def _slope_and_biases(z: NDArray[np.float64], codes: NDArray[np.intp], weight: NDArray[Any]) -> NDArray[np.float64]:
    """The logarithm of the slope, then the biases, of least log-loss."""
    truth = np.zeros_like(z)
    truth[np.arange(len(z)), codes] = 1.0

    def objective(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slope, bias = np.exp(theta[0]), theta[1:]
        logs = log_softmax(z * slope + bias, axis=1)
        residual = weight[:, None] * (np.exp(logs) - truth)
        loss = -np.sum(weight * logs[np.arange(len(z)), codes]) + _BIAS_RIDGE * bias @ bias
        return float(loss), np.concatenate(
            [[slope * np.sum(residual * z)], residual.sum(axis=0) + 2 * _BIAS_RIDGE * bias]
        )

    bounds = [(-7.0, 7.0), *[(-30.0, 30.0)] * z.shape[1]]
    return np.asarray(minimize(objective, np.zeros(1 + z.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x)


def cross_calibrate(
    scores: NDArray[np.float64],
    codes: NDArray[np.intp],
    parts: list[NDArray[np.intp]],
    n_classes: int,
    weight: NDArray[np.float64] | None,
) -> tuple[NDArray[np.float64], ScoreCalibrator]:
    """Calibrate pooled out-of-fold scores so that no row's own label shapes its probabilities.

    A calibrator of k (k + 1) parameters fitted on the very rows that it then labels hands their true labels back: on
    pure noise with 100 classes of 10 rows it made a support vector machine look infallible. So the rows of each part
    are labelled by a calibrator fitted on the other parts, and the form with the lower log-loss there is chosen. The
    calibrator for new rows is then fitted on all of them.

    Parameters
    ----------
    scores : ndarray of shape (n, k)
    codes : ndarray of shape (n,)
    parts : list of arrays of row numbers
        Rows that were held out together; fewer than two are replaced by strided ones.
    n_classes : int
    weight : ndarray of shape (n,), optional

    Returns
    -------
    labels : ndarray of shape (n, k)
    calibrator : ScoreCalibrator
    """
    if len(parts) < 2:
        parts = [np.arange(start, len(codes), _PARTS) for start in range(_PARTS)]
    best: tuple[float, NDArray[np.float64], bool] | None = None
    for matrix in (False, True) if n_classes > 2 else (False,):
        labels = np.zeros((len(codes), n_classes))
        for part in parts:
            others = np.ones(len(codes), dtype=bool)
            others[part] = False
            if others.any() and len(part):
                calibrator = ScoreCalibrator(n_classes, matrix)
                calibrator.fit(scores[others], codes[others], None if weight is None else weight[others])
                labels[part] = calibrator.predict_proba(scores[part])
        loss = -np.average(np.log(np.maximum(labels[np.arange(len(codes)), codes], 1e-12)), weights=weight)
        if best is None or loss < best[0]:
            best = (float(loss), labels, matrix)
    assert best is not None
    return best[1], ScoreCalibrator(n_classes, best[2]).fit(scores, codes, weight)


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
