"""Difference matching: rows before and after a small move, and students that fit how much labels say scores change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from .._sklearn import Interval
from ..engine import Engine, MemoryEngine
from ._descent import Problem
from ._scored import IterativeStudent

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

    def engine(self, student: Any, loss: str, cells: Callable[[Any], Any] | None = None) -> Engine:
        """The moves in blocks: what is added to a row, or to the cells that it is in, and to its scores.

        Parameters
        ----------
        student : student
            Whose shape the moves must have.
        loss : {"log_loss", "squared", "poisson"}
        cells : callable, optional
            Of rows, the CSR matrix that says in which cells they are.

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
        if cells is None:
            change: Any = np.asarray(self.end, dtype=np.float64) - self.start
        else:
            change = cells(self.end) - cells(self.start)
        return MemoryEngine(
            {"X": change, "Q": _scores(self.end_labels, loss) - _scores(self.start_labels, loss)},
            student.block_rows(self.start.shape[1]),
        )


class DifferenceStudent(IterativeStudent):
    """A student that may also fit how scores change along moves of rows, weighed by its `difference_weight`."""

    _parameter_constraints: ClassVar[dict[str, list]] = {
        **IterativeStudent._parameter_constraints,
        "difference_weight": [Interval(Real, 0, None, closed="left")],
    }

    difference_weight: float
    _moves: Moves | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, moves: Moves | None = None) -> Self:
        """Fit the student to soft labels or regression targets.

        Parameters
        ----------
        X : array-like of shape (n, d), or sparse matrix where the student takes one
            Converted to float32 once, without copying if it is already.
        y : array-like of shape (n, k) or (n,)
            The targets Q: probabilities per class, or values to regress on.
        sample_weight : array-like of shape (n,), optional
            Weights >= 0. A row of weight 0 is as if absent, an integer weight as if the row was repeated.
        moves : skdistill.students.Moves, optional
            Rows before and after small moves, with their labels: what `difference_weight` needs.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinite values, lengths that differ, targets that do not suit the loss, or no `moves` where
            they are needed.
        """
        with self._given(moves):
            return super().fit(X, y, sample_weight)

    def fit_blocks(self, engine: Engine, n_features: int, n_outputs: int, *, moves: Moves | None = None) -> Self:
        """Fit the student to rows that an engine holds, as `BaseStudent.fit_blocks`; `moves` as in `fit`."""
        with self._given(moves):
            return super().fit_blocks(engine, n_features, n_outputs)

    @contextmanager
    def _given(self, moves: Moves | None) -> Iterator[None]:
        self._moves = moves
        try:
            yield
        finally:
            del self._moves  # they are data, which no fitted student holds

    def _match(self, problem: Problem, cells: Callable[[Any], Any] | None = None) -> None:
        """Have the problem count differences, where the student does; `cells` as for `Moves.engine`."""
        if not self.difference_weight:
            return
        if self._moves is None:
            raise ValueError(
                f"difference_weight={self.difference_weight:g} needs rows before and after small moves, labelled by "
                "the teachers. Pass moves=Moves(start, end, labels of start, labels of end) to fit, fit the student "
                "inside a distilled estimator, whose committee labels them, or pass difference_weight=0."
            )
        moves = self._moves.engine(self, self.loss_, cells)
        problem.match(moves, self.difference_weight * self.n_features_in_)


def _scores(labels: Any, loss: str) -> np.ndarray:
    """What a perfect student's scores are, up to a constant that a softmax does not see."""
    labels = np.asarray(labels, dtype=np.float64)
    if loss == "squared":
        return labels
    logs = np.log(np.maximum(labels, LEAST))
    return logs - logs.mean(axis=1, keepdims=True) if loss == "log_loss" else logs
