"""The way of the data where rows do not fit in memory: a sample teaches the committee, all rows the student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context

from ._inputs import TrainingData
from ._sklearn import num_samples
from ._transfer import Lesson, Recipe, Table, TransferSet, label_type, learner
from .engine import Block, ChainEngine, Engine, MemoryEngine, Scan, taken
from .preprocessing import TableEncoder
from .students import check_streams, revalued
from .targets import RobustLoss, blend_labels

#: Rows that the committee labels at a time, no more and no fewer: their number decides how a matrix product rounds.
LABEL_ROWS = 2_048
#: Rows of which the labels tell the task of a `DistilledEstimator`.
TASK_ROWS = 10_000


Families = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, eq=False)
class Streams:
    """What `fit` was given that has to be streamed, and the samples that stand for it until the student is fitted.

    Attributes
    ----------
    X, y : table and labels, in memory: all that was given, or the sample
    X_unlabeled : table or None
        The same for unlabelled rows.
    real, pool : Scan or None
        What is to be streamed.
    numbers : ndarray of shape (n,)
        Row numbers of the sample in `real`.
    students : dict of name to families of unfitted students
        Those that stream.
    """

    X: Any
    y: Any
    X_unlabeled: Any
    real: Scan | None
    pool: Scan | None
    numbers: NDArray[np.intp]
    students: dict[str, Families]

    @classmethod
    def open(
        cls,
        estimator: Any,
        task: str,
        students: dict[str, Families],
        X: Any,
        y: Any,
        X_unlabeled: Any,
        sample_weight: Any,
        params: dict[str, Any],
    ) -> Self:
        """Draw the samples.

        Raises
        ------
        TypeError
            No student streams.
        ValueError
            There is no target, or some rows have no target, or what goes with arrays is given beside a scan.
        """
        real = X if isinstance(X, Scan) else None
        pool = X_unlabeled.unlabelled() if isinstance(X_unlabeled, Scan) else None
        kept = {}
        for each, families in students.items():
            kept[each] = tuple(family for family in families if family[0].streams)
            if not kept[each]:
                check_streams(families[0][0])
        name = type(estimator).__name__
        seed = int(estimator.random_state) if isinstance(estimator.random_state, Integral) else 0
        numbers: NDArray[np.intp] = np.empty(0, dtype=np.intp)
        if real is not None:
            for key, value in {"y": y, "sample_weight": sample_weight, **params}.items():
                if value is not None:
                    raise ValueError(
                        f"{name}.fit got {key!r} beside a scan. Labels are read from it: pass scan(..., target=...) "
                        "alone. Weights and groups of rows go with arrays and data frames only."
                    )
            if not real.targets:
                raise ValueError(f"{name}.fit needs labels: pass scan(..., target=<column>) to learn from {real}.")
            numbers, X, y = real.sample(real.sample_rows, stratify=task == "classification", seed=seed)
        if pool is not None:
            _, X_unlabeled, _ = pool.sample(pool.sample_rows, seed=seed)
        return cls(X, y, X_unlabeled, real, pool, numbers, kept)

    def notes(self) -> tuple[str, ...]:
        """What a report must say."""
        notes = []
        if self.real is not None:
            notes.append(
                f"scan: the student learned from {self.real.n_rows:,} rows, streamed; encoder and teachers were "
                f"fitted, and every choice was judged, on a stratified sample of {len(self.numbers):,} of them."
            )
        if self.pool is not None:
            notes.append(
                f"scan: {self.pool.n_rows:,} unlabelled rows, streamed; choices were judged with a sample of "
                f"{num_samples(self.X_unlabeled):,} of them."
            )
        return tuple(notes)

    def lesson(self, lesson: Lesson, data: TrainingData) -> StreamedLesson:
        """What the committee teaches about all rows; `lesson` is about those of the sample, `data`."""
        weights = None
        if data.codes is not None and data.sample_weight is not None and self.real is not None:
            _, first = np.unique(data.codes, return_index=True)
            weights = data.sample_weight[first]
        return StreamedLesson(lesson, self, data.classes, weights)


def labels_of(X: Scan) -> NDArray[Any] | None:
    """Labels of some rows, from which the task is read; None where there is no target."""
    return X.sample(min(X.sample_rows, TASK_ROWS))[2] if X.targets else None


class Teaching(NamedTuple):
    """What turns a block of a table into rows that a student learns from."""

    encoder: TableEncoder
    oracle: Callable[[Any], NDArray[np.float64]]
    task: str
    n_outputs: int
    classes: NDArray[Any] | None
    weights: NDArray[np.float64] | None  #: by class; None: 1
    numbers: NDArray[np.intp]  #: rows whose labels are known: those out of fold ...
    labels: NDArray[Any]  #: ... and what they are, NaN where no fold held them out


def real_rows(block: Block, by: Teaching) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels, true labels as stages take them, and weights.

    Rows of the sample have their labels out of fold; no teacher has seen the others, which the committee labels.
    """
    table, start = block["table"], block["start"]
    n_rows = num_samples(table)
    first, end = np.searchsorted(by.numbers, [start, start + n_rows])
    known = by.numbers[first:end] - start
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    labels[known] = by.labels[first:end]
    _label(labels, np.setdiff1d(np.arange(n_rows), known, assume_unique=True), table, by)
    truth = block["truth"]
    if by.classes is None:
        truth = np.asarray(truth, dtype=np.float64).reshape(n_rows, -1)
    else:
        truth = np.searchsorted(by.classes, truth)
    weight = np.ones(n_rows) if by.weights is None else by.weights[truth]
    return by.encoder.transform(table), labels, truth, weight


def pool_rows(block: Block, by: Teaching, weight: float) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels and weights of rows without true labels."""
    n_rows = num_samples(block["table"])
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    _label(labels, np.arange(n_rows), block["table"], by)
    return by.encoder.transform(block["table"]), labels, np.full(n_rows, weight)


def _label(labels: NDArray[Any], rows: NDArray[np.intp], table: Any, by: Teaching) -> None:
    for start in range(0, len(rows), LABEL_ROWS):
        asked = rows[start : start + LABEL_ROWS]
        labels[asked] = by.oracle(taken(table, np.resize(asked, LABEL_ROWS)))[: len(asked)]


def blended(block: Block, blend: float, task: str) -> NDArray[Any]:
    """Soft labels blended with the true ones, which stand alone where there are no soft ones."""
    labels = block["labels"].copy()
    return blend_labels(labels, block["truth"], blend, task, covered=~np.isnan(labels).any(axis=1))


def true_labels(block: Block, n_outputs: int, task: str) -> NDArray[Any]:
    """True labels as targets."""
    truth = block["truth"]
    if task == "regression":
        return np.asarray(truth)
    onehot = np.zeros((len(truth), n_outputs), dtype=label_type(task))
    onehot[np.arange(len(truth)), truth] = 1.0
    return onehot


@dataclass(eq=False)
class StreamedLesson:
    """As `Lesson`, about rows that pass by; `sample` is the lesson about those that stand for them.

    Attributes
    ----------
    sample : Lesson
    streams : Streams
    classes : ndarray of shape (k,), or None for regression
    class_weights : ndarray of shape (k,), or None where all are 1
    """

    sample: Lesson
    streams: Streams
    classes: NDArray[Any] | None
    class_weights: NDArray[np.float64] | None
    _held: dict[tuple[Any, ...], Engine] = field(default_factory=dict)

    @property
    def real(self) -> Table:
        """Real rows in memory."""
        return self.sample.real

    def real_part(self, recipe: Recipe) -> TransferSet:
        """The real rows in memory, with the labels that the student learned."""
        return self.sample.real_part(recipe)

    def fit(self, recipe: Recipe) -> Any:
        """A fitted clone of the recipe's student."""
        width = self.sample.real.encoded(recipe.scale).shape[1]
        block_rows = recipe.student.block_rows(width)
        parts = [self._real(recipe, block_rows)]
        if not recipe.hard:
            parts += self._further(recipe, block_rows, parts[0].n_rows)
        engine = parts[0] if len(parts) == 1 else ChainEngine(parts)
        n_outputs = self.sample.Q.shape[1]
        with config_context(enable_metadata_routing=False):  # the caller's routing does not speak of the student
            fresh, besides = learner(recipe.student, self.sample.moves(recipe))
            fitted = fresh.fit_blocks(engine, width, n_outputs, **besides)
        rows = self.sample.transfer_set(recipe) if isinstance(self.sample.loss, RobustLoss) else None
        if rows is None or rows.smeared is None:
            return fitted
        return revalued(fitted, rows.Z, rows.smeared, rows.weight)  # its structure is of all rows

    def _real(self, recipe: Recipe, block_rows: int) -> Engine:
        scan, task = self.streams.real, self.sample.task
        if scan is None:
            return _in_memory(self.sample.real_part(recipe), block_rows, 0)
        key = "real", recipe.scale, block_rows
        if key not in self._held:  # once for all recipes: this is where rows are read and labelled
            engine = scan.engine("table", "truth", block_rows=block_rows)
            engine.update(("X", "labels", "truth", "weight"), real_rows, self._teaching(recipe.scale))
            self._held[key] = engine.select("X", "labels", "truth", "weight")
        engine = self._held[key]
        if recipe.hard:
            engine.update("Q", true_labels, self.sample.Q.shape[1], task)
        else:
            engine.update("Q", blended, recipe.blend, task)
        return engine.select("X", "Q", "weight")

    def _further(self, recipe: Recipe, block_rows: int, first_row: int) -> list[Engine]:
        """The unlabelled rows, and those that a sampler draws."""
        parts: list[Engine] = []
        scan = self.streams.pool
        if scan is not None:
            key = "pool", recipe.scale, block_rows
            if key not in self._held:
                engine = scan.engine("table", block_rows=block_rows, first_row=first_row)
                weight = self.sample.total_weight() / len(self.sample.Q)
                engine.update(("X", "Q", "weight"), pool_rows, self._teaching(recipe.scale), weight)
                self._held[key] = engine.select("X", "Q", "weight")
            parts.append(self._held[key])
        pool = None if scan is not None else self.sample.pool_part(recipe)
        for part in (pool, self.sample.drawn_part(recipe)):
            if part is not None:
                start = first_row + sum(engine.n_rows for engine in parts)
                parts.append(_in_memory(part, block_rows, start))
        return parts

    def _teaching(self, scale: bool) -> Teaching:
        labels = self.sample.Q.copy()
        if self.sample.covered is not None:
            labels[~self.sample.covered] = np.nan
        return Teaching(
            self.sample.real.encoders[scale],
            self.sample.oracle,
            self.sample.task,
            labels.shape[1],
            self.classes,
            self.class_weights,
            self.streams.numbers,
            labels,
        )


def _in_memory(part: TransferSet, block_rows: int, first_row: int) -> Engine:
    weight = np.ones(len(part.Q)) if part.weight is None else part.weight
    return MemoryEngine({"X": part.Z, "Q": part.Q, "weight": weight}, block_rows, first_row)


def answers(
    block: Block, encoder: TableEncoder, student: Any, names: tuple[str, ...], classes: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    """The columns that `predict_to` writes."""
    outputs = student.evaluate(encoder.transform(block["table"]))
    if classes is None:
        return dict(zip(names, outputs.T, strict=True))
    proba = {f"probability of {label}": outputs[:, j] for j, label in enumerate(classes.tolist())}
    return {names[0]: classes[outputs.argmax(axis=1)], **proba}
