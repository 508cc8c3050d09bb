"""One draw of a set: training and test rows, what the teachers say of both, and the matrices that students take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from skdistill import TableEncoder
from skdistill.targets import Combiner, blend_labels
from skdistill.teachers import Oracle, make_folds

from . import datasets
from .plan import Plan


@dataclass(frozen=True, eq=False)
class Labels:
    """What the committee says; cached on disk. Matrices have a column per class, or one of values.

    Attributes
    ----------
    names : tuple of T str
    train, test, in_sample : ndarray of shape (n, k)
        The combined labels: of training rows out of fold, of test rows, and of training rows by teachers that saw them.
    train_each, test_each : ndarray of float32, shape (T, n, k)
        The same of every teacher, uncalibrated, so that other combinations are cheap to try.
    combine : Combiner
    cpu_seconds : float
        Of fitting the committee out of fold and on all rows.
    """

    names: tuple[str, ...]
    train: np.ndarray
    test: np.ndarray
    in_sample: np.ndarray
    train_each: np.ndarray
    test_each: np.ndarray
    combine: Combiner
    cpu_seconds: float


@dataclass(eq=False)
class Split:
    """What a contestant is handed.

    Attributes
    ----------
    name, seed, task : of the set and the draw
    X_train, X_test : raw tables
    y_train, y_test : class codes, or values; a contestant has no business with `y_test`
    n_classes : int
        0 for regression.
    n_folds : int
    """

    name: str
    seed: int
    task: str
    X_train: Any
    X_test: Any
    y_train: np.ndarray
    y_test: np.ndarray
    n_classes: int
    n_folds: int

    labels: Labels | None = None
    load_oracle: Callable[[], Oracle] | None = None

    @property
    def n_outputs(self) -> int:
        """Columns of a matrix of labels."""
        return self.n_classes or 1

    @cached_property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For tuning, and the same for the teachers."""
        return make_folds(self.n_folds, self.X_train, self.y_train, self.task, seed=self.seed)

    @cached_property
    def raw(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """Encoded training and test rows and the encoding in the model form; numbers as they are."""
        return self._encode(scale=False)

    @cached_property
    def scaled(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """The same with centred and scaled numbers."""
        return self._encode(scale=True)

    def _encode(self, scale: bool) -> tuple[np.ndarray, np.ndarray, Any]:
        encoder = TableEncoder(scale=scale).fit(self.X_train)
        return encoder.transform(self.X_train), encoder.transform(self.X_test), encoder.to_preprocessor()

    @property
    def truth(self) -> np.ndarray:
        """The true labels of the training rows as a matrix: one-hot, or one column of values."""
        return one_hot(self.y_train, self.n_classes) if self.n_classes else self.y_train[:, None]

    def soft(self, blend: float = 0.5) -> np.ndarray:
        """Out-of-fold labels of the training rows, mixed with the true ones."""
        y = self.y_train if self.n_classes else self.truth
        return blend_labels(self.labels.train.copy(), y, blend, self.task)

    def oracle(self) -> Oracle:
        """The committee fitted on all training rows: labels any rows of the raw table."""
        return self.load_oracle()


def one_hot(codes: np.ndarray, n_classes: int) -> np.ndarray:
    return np.eye(n_classes)[codes]


def draw(name: str, seed: int, plan: Plan) -> Split:
    """Sample, shuffle and split a set, stratified by class."""
    X, y, task = datasets.load(name)
    rows = np.random.default_rng(seed).permutation(len(y))[: plan.max_rows]
    X, y = X.iloc[rows].reset_index(drop=True), y[rows]
    n_classes = 0
    if task == "classification":
        # A class of fewer rows than folds cannot be held out of each of them.
        kept = np.flatnonzero(np.bincount(y)[y] >= 2 * plan.folds)
        classes, y = np.unique(y[kept], return_inverse=True)
        X, n_classes = X.iloc[kept].reset_index(drop=True), len(classes)
    stratify = y if n_classes else None
    train, test = train_test_split(np.arange(len(y)), test_size=plan.test_share, random_state=seed, stratify=stratify)
    parts = [X.iloc[part].reset_index(drop=True) for part in (train, test)]
    return Split(name, seed, task, *parts, y[train], y[test], n_classes, plan.folds)
