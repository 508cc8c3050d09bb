"""The fitted committee, and the oracle that labels any row with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._sklearn import num_samples
from ._answers import answer
from ._scores import ScoreCalibrator


@dataclass(eq=False)
class FittedTeacher:
    """A teacher fitted on all rows (or frozen), with what turns its answer into soft labels."""

    name: str
    estimator: Any
    method: str
    calibrator: ScoreCalibrator | None = None

    def label(self, X: Any, classes: NDArray[Any] | None, n_outputs: int) -> NDArray[np.float64]:
        """Soft labels of shape (n, n_outputs)."""
        labels = answer(self.name, self.estimator, self.method, X, num_samples(X), classes, n_outputs)
        return labels if self.calibrator is None else self.calibrator.predict_proba(labels)


class Committee(Mapping[str, Any]):
    """The fitted teachers by name: ``committee["svm"]`` is the fitted estimator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdistill import DistilledClassifier
    >>> clf = DistilledClassifier(teachers="logistic").fit(*load_iris(return_X_y=True))
    >>> list(clf.teachers_)
    ['logistic']
    """

    def __init__(self, teachers: list[FittedTeacher], classes: NDArray[Any] | None, n_outputs: int) -> None:
        self._teachers = {teacher.name: teacher for teacher in teachers}
        self._classes = classes
        self._n_outputs = n_outputs

    def __getitem__(self, name: str) -> Any:
        return self._teachers[name].estimator

    def __iter__(self) -> Iterator[str]:
        return iter(self._teachers)

    def __len__(self) -> int:
        return len(self._teachers)

    def __repr__(self) -> str:
        return f"Committee({', '.join(self)})"

    def with_teachers(self, teachers: Mapping[str, FittedTeacher]) -> Committee:
        """The same with some of the teachers replaced."""
        return Committee(list({**self._teachers, **teachers}.values()), self._classes, self._n_outputs)

    def labels(self, X: Any) -> list[NDArray[np.float64]]:
        """Soft labels of every teacher: T arrays of shape (n, n_outputs)."""
        return [teacher.label(X, self._classes, self._n_outputs) for teacher in self._teachers.values()]

    def ask(self, name: str) -> Callable[[Any], NDArray[np.float64]]:
        """The function that labels rows with one teacher."""
        teacher = self._teachers[name]
        return lambda X: teacher.label(X, self._classes, self._n_outputs)


def check_rates(names: Iterable[str], labels: Sequence[NDArray[Any]]) -> None:
    """Raise where a teacher of counts gave a negative one.

    Raises
    ------
    ValueError
        Names the teacher.
    """
    for name, values in zip(names, labels, strict=True):
        if values.min(initial=0) < 0:
            raise ValueError(
                f"Teacher {name!r} predicted {values.min():.6g}, and loss='poisson' needs rates, none below 0. Pass a "
                "model of counts: PoissonRegressor, a booster with a Poisson objective, or a forest."
            )


@dataclass(frozen=True, eq=False)
class Oracle:
    """Label any raw rows with the full-data committee.

    Attributes
    ----------
    committee : Committee
    combine : callable
        T arrays of shape (n, k) to one of shape (n, k).
    """

    committee: Committee
    combine: Callable[[list[NDArray[np.float64]]], NDArray[np.float64]]

    def __call__(self, X: Any) -> NDArray[np.float64]:
        return self.combine(self.committee.labels(X))
