"""Difference matching: rows before and after a small move, and by how much their labels say that scores change."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..engine import Engine, MemoryEngine

#: The least probability or rate whose logarithm is told from others: below, a teacher's differences are noise.
LEAST = 1e-6


class Moves(NamedTuple):
    """Rows before and after small moves, with the labels that the teachers give them.

    Attributes
    ----------
    start, end : dense matrices of shape (m, d)
        Rows as the student sees them, and the same rows moved: `skdistill.augmentation.move_one` draws both.
    start_labels, end_labels : ndarray of shape (m, k)
        What the teachers say of them: probabilities, or values.

    References
    ----------
    W. M. Czarnecki et al., "Sobolev training for neural networks", NeurIPS 2017 (here with finite differences, which
    need no gradient of the teacher).

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.augmentation import move_one
    >>> from skdistill.students import LinearStudent, Moves
    >>> X = np.random.RandomState(0).normal(size=(50, 2))
    >>> teacher = lambda rows: 3 * rows[:, :1] - rows[:, 1:]
    >>> start, end = move_one(X, 200, seed=0)
    >>> student = LinearStudent(difference_weight=1.0, alpha=0.0)
    >>> student.fit(X, teacher(X), moves=Moves(start, end, teacher(start), teacher(end))).coef_.round(3)
    array([[ 3., -1.]], dtype=float32)
    """

    start: Any
    end: Any
    start_labels: np.ndarray
    end_labels: np.ndarray

    def engine(self, student: Any, loss: str) -> Engine:
        """The moves in blocks: what is added to a row, and to its scores.

        Raises
        ------
        ValueError
            The shapes are not what the student is fitted on, or a number is not finite.
        """
        for name, expected in zip(self._fields, [student.n_features_in_] * 2 + [student.n_outputs_] * 2):
            got, shape = np.shape(getattr(self, name)), (len(self.start), expected)
            if got != shape or not np.isfinite(getattr(self, name)).all():
                raise ValueError(
                    f"moves.{name} must be a dense matrix of shape {shape} without NaN or infinities, as wide as what "
                    f"{type(student).__name__} is fitted on. Got shape {got}."
                )
        change = np.asarray(self.end, dtype=np.float64) - self.start
        return MemoryEngine(
            {"X": change, "Q": _scores(self.end_labels, loss) - _scores(self.start_labels, loss)},
            student.block_rows(change.shape[1]),
        )


def _scores(labels: Any, loss: str) -> np.ndarray:
    """What a perfect student's scores are, up to a constant that a softmax does not see."""
    labels = np.asarray(labels, dtype=np.float64)
    if loss == "squared":
        return labels
    logs = np.log(np.maximum(labels, LEAST))
    return logs - logs.mean(axis=1, keepdims=True) if loss == "log_loss" else logs
