"""One draw of a set: training and test rows, what the teachers say of both, and the matrices that students take."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from skdistill import TableEncoder
from skdistill.targets import Combiner, blend_labels
from skdistill.teachers import Oracle, SoftLabels, make_folds

from . import datasets
from .plan import BLEND, Plan


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
class _Made:
    """A shared thing, the CPU seconds that went into it beside those of other shared things, and these."""

    thing: Any = None
    seconds: float = 0.0
    uses: set[Hashable] = field(default_factory=set)


class Shared:
    """What several contestants, or sizes of one, compute alike: made once, charged to each.

    Attributes
    ----------
    owed : float
        CPU seconds of all that was found ready since `settle` was called, each thing once.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, _Made] = {}
        self._making: list[_Made] = []
        self.settle()

    def settle(self) -> None:
        """Begin the account of another contestant."""
        self.owed = 0.0
        self._paid: set[Hashable] = set()

    def __call__(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The thing of that key; making it may ask for others."""
        if self._making:
            self._making[-1].uses.add(key)
        if key in self._made:
            self._charge(key)
            return self._made[key].thing
        made = _Made()
        self._making.append(made)
        started = time.process_time()
        try:
            made.thing = make()
        finally:
            self._making.pop()
            spent = time.process_time() - started
            made.seconds += spent
            if self._making:
                self._making[-1].seconds -= spent
        self._made[key] = made
        self._paid.add(key)
        return made.thing

    def _charge(self, key: Hashable) -> None:
        if key not in self._paid:
            self._paid.add(key)
            self.owed += self._made[key].seconds
            for used in self._made[key].uses:
                self._charge(used)


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
    labels, soft_labels, load_oracle : what the committee says, after `teachers.teach`
    shared : Shared
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
    soft_labels: SoftLabels | None = None
    load_oracle: Callable[[], Oracle] | None = None
    shared: Shared = field(default_factory=Shared)

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
        return self._encoded(scale=False)

    @cached_property
    def scaled(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """The same with centred and scaled numbers."""
        return self._encoded(scale=True)

    def encode(self, X: Any, scale: bool) -> np.ndarray:
        """Other rows as the training rows are encoded."""
        return self._encoder(scale).transform(X)

    def _encoded(self, scale: bool) -> tuple[np.ndarray, np.ndarray, Any]:
        encoder = self._encoder(scale)
        return encoder.transform(self.X_train), encoder.transform(self.X_test), encoder.to_preprocessor()

    def _encoder(self, scale: bool) -> TableEncoder:
        return self.shared(("encoder", scale), lambda: TableEncoder(scale=scale).fit(self.X_train))

    @property
    def truth(self) -> np.ndarray:
        """The true labels of the training rows as a matrix: one-hot, or one column of values."""
        return one_hot(self.y_train, self.n_classes) if self.n_classes else self.y_train[:, None]

    def soft(self, blend: float | None = None) -> np.ndarray:
        """Out-of-fold labels of the training rows, mixed with the true ones; None: as by default."""
        blend = BLEND[self.task] if blend is None else blend
        y = self.y_train if self.n_classes else self.truth
        return blend_labels(self.labels.train.copy(), y, blend, self.task)

    def oracle(self) -> Oracle:
        """The committee fitted on all training rows: labels any rows of the raw table."""
        return self.shared("oracle", self.load_oracle)


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
