"""What passes judge a model by: rows, and what a model should answer to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from .._sklearn import check_sample_weight
from ..model import Model, Preprocessor

#: Probabilities are clipped here before a logarithm.
EPS = float(np.finfo(np.float64).eps)


class Evidence:
    """Rows, their targets and weights.

    Parameters
    ----------
    model : Model
        Its own outputs are the targets where there are none.
    X : raw rows, as `Model.evaluate` takes them
    Q : array-like of shape (n, n_outputs) or None
        Soft labels or values; a vector will do for one output.
    sample_weight : array-like of shape (n,) or None

    Attributes
    ----------
    Q : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,)
        Sums to one.
    n_rows : int
    unit : float
        The loss of the best constant, in which tolerances are measured.

    Raises
    ------
    ValueError
        If there are no rows, or the targets or weights do not fit the rows.
    """

    def __init__(
        self, model: Model, X: Any, Q: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> None:
        self.X = X
        self._encoded: tuple[Preprocessor, Any] | None = None
        self._answers: list[tuple[Model, NDArray[np.float64]]] = []
        answers = self.answers(model)
        if not len(answers):
            raise ValueError("X must have one row or more. Got none: passes are judged on rows.")
        self.is_classification = model.output.task == "classification"
        self.is_rate = model.output.link == "exp"
        self.Q = answers if Q is None else self._checked(Q, answers.shape)
        weight = check_sample_weight(sample_weight, answers, dtype=np.float64, ensure_non_negative=True)
        self.n_rows = len(answers)
        self.weight: NDArray[np.float64] = weight / weight.sum()
        self.unit = self.loss_of(np.broadcast_to(self.weight @ self.Q, self.Q.shape))

    def _checked(self, Q: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
        targets = np.asarray(Q, dtype=np.float64)
        if targets.ndim == 1 and shape[1] == 1:
            targets = targets[:, None]
        if targets.shape != shape:
            raise ValueError(
                f"Q must have shape {shape}: a row for each row of X, a column for each output. Got {targets.shape}."
            )
        if not np.isfinite(targets).all():
            raise ValueError("Q must be finite.")
        if self.is_classification and (targets.min() < 0 or np.abs(targets.sum(axis=1) - 1).max() > 1e-3):
            raise ValueError(
                "Q must hold a distribution over the classes in each row: no number below 0, sums of 1. "
                f"Got numbers from {targets.min():g} and sums from {targets.sum(axis=1).min():g} "
                f"to {targets.sum(axis=1).max():g}."
            )
        return targets

    def encode(self, preprocessor: Preprocessor) -> Any:
        """The rows as the predictor reads them."""
        if self._encoded is None or self._encoded[0] is not preprocessor:
            self._encoded = preprocessor, preprocessor.transform(self.X)
        return self._encoded[1]

    def answers(self, model: Model) -> NDArray[np.float64]:
        """Outputs of a model after its link; of the last two asked for they are known."""
        for known, answers in self._answers:
            if known is model:
                return answers
        answers = model.predictor.evaluate(self.encode(model.preprocessor), model.output.activate)
        self._answers = [*self._answers[-1:], (model, answers)]
        return answers

    def loss(self, model: Model) -> float:
        """The mean loss of a model: soft cross-entropy in nats, or summed over targets the squared error, under an
        exponential half the Poisson deviance.
        """
        return self.loss_of(self.answers(model))

    def loss_of(self, answers: NDArray[np.float64]) -> float:
        """The mean loss of outputs after the link."""
        if self.is_classification:
            return float(self.weight @ -(self.Q * np.log(np.maximum(answers, EPS))).sum(axis=1))
        if self.is_rate:
            rates = np.maximum(answers, EPS)
            return float(self.weight @ (xlogy(self.Q, self.Q / rates) - self.Q + rates).sum(axis=1))
        return float(self.weight @ np.square(self.Q - answers).sum(axis=1))

    def fidelity(self, answers: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
        """How well answers agree with a reference: the share of rows with the same class, or R squared of all values.

        Of a constant the latter is 1 or 0: equal or not.
        """
        if self.is_classification:
            return float(self.weight @ (answers.argmax(axis=1) == reference.argmax(axis=1)))
        error = float((self.weight @ np.square(answers - reference)).sum())
        spread = float((self.weight @ np.square(reference - self.weight @ reference)).sum())
        if np.ptp(reference, axis=0).any():
            return 1 - error / spread
        return float(not error)

    def derivatives(
        self, model: Model, scores: NDArray[np.float64], rows: Any = slice(None)
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Slope and curvature of the mean loss in each score of some rows, each in the shape of the scores.

        Under a link other than the loss's own, of the distance to the scores as they are.
        """
        weight, Q = self.weight[rows, None], self.Q[rows]
        if self.is_classification and model.output.link == "softmax":
            shares = model.output.activate(scores)
            return weight * (shares - Q), weight * shares * (1 - shares)
        if self.is_classification:
            return np.zeros_like(scores), np.repeat(weight, scores.shape[1], axis=1)
        if model.output.link == "exp":  # the loss that such a student was fitted under
            rates = model.output.activate(scores)
            return weight * (rates - Q), weight * rates
        return 2 * weight * (scores - Q), np.repeat(2 * weight, scores.shape[1], axis=1)
