"""The fitted committee, and the oracle that labels any row with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._backend import of
from .._sklearn import num_samples
from ..engine import taken
from ..targets import check_labels
from ._answers import answer, class_codes
from ._scores import ScoreCalibrator


@dataclass(eq=False)
class FittedTeacher:
    """A teacher fitted on all rows (or frozen), with what turns its answer into soft labels.

    `by_fold` holds the same teacher fitted without each of the folds, where it has learned from rows that it is to
    label.
    """

    name: str
    estimator: Any
    method: str
    calibrator: ScoreCalibrator | None = None
    by_fold: tuple[Any, ...] = ()
    in_batches: bool = False

    def label(
        self, X: Any, classes: NDArray[Any] | None, n_outputs: int, folds: NDArray[np.intp] | None = None
    ) -> NDArray[np.float64]:
        """Soft labels of shape (n, n_outputs); of rows that are in `folds`, by those that did not learn from them."""

        def asked(estimator: Any, rows: Any) -> NDArray[np.float64]:
            return answer(self.name, estimator, self.method, rows, num_samples(rows), classes, n_outputs)

        if folds is None or not self.by_fold:
            labels = asked(self.estimator, X)
        else:
            labels = np.empty((len(folds), n_outputs))
            for fold in np.unique(folds):
                rows = np.flatnonzero(folds == fold)
                labels[rows] = asked(self.by_fold[fold], taken(X, rows))
        return labels if self.calibrator is None else self.calibrator.predict_proba(labels)

    def label_in_place(
        self, X: Any, classes: NDArray[Any] | None, n_outputs: int, folds: NDArray[np.intp] | None = None
    ) -> Any:
        """The same, but probabilities that were computed on a GPU stay there."""
        ask = getattr(self.estimator, "proba_in_place", None)
        if ask is not None and self.method == "predict_proba" and (folds is None or not self.by_fold):
            assert classes is not None
            codes = class_codes(self.name, self.estimator, classes)
            labels = ask(X) if np.array_equal(codes, np.arange(len(classes))) else None
            if labels is not None:
                return check_labels(labels, num_samples(X), len(classes), "classification", self.name, of(labels))
        return self.label(X, classes, n_outputs, folds)


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

    def labels(self, X: Any, folds: NDArray[np.intp] | None = None) -> list[Any]:
        """Soft labels of every teacher: T arrays of shape (n, n_outputs), on the host or where they were computed.

        Teachers that learned from rows like these, each of which is in one of the folds, label them out of fold.
        """
        return [teacher.label_in_place(X, self._classes, self._n_outputs, folds) for teacher in self._teachers.values()]

    @property
    def of_all_rows(self) -> list[str]:
        """Teachers that learned from all rows of a scan, in batches."""
        return [name for name, teacher in self._teachers.items() if teacher.in_batches]

    @property
    def n_folds(self) -> int:
        """Folds that teachers were fitted without, to label rows beyond the sample; 0 where none were."""
        return max((len(teacher.by_fold) for teacher in self._teachers.values()), default=0)

    def forget_folds(self) -> None:
        """Drop the teachers fitted without a fold: nothing is labelled out of fold any more."""
        for teacher in self._teachers.values():
            teacher.by_fold = ()

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
    combine: Callable[[list[Any]], NDArray[np.float64]]

    def __call__(self, X: Any, folds: NDArray[np.intp] | None = None) -> NDArray[np.float64]:
        return self.combine(self.committee.labels(X, folds))
