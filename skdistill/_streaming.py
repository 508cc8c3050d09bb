"""The way of the data where rows do not fit in memory: a sample teaches the committee, all rows the student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context

from ._inputs import TrainingData
from ._sklearn import num_samples
from ._transfer import Lesson, Recipe, Table, TransferSet, label_type, learner
from .engine import BLOCK_ROWS, Block, ChainEngine, Engine, FileEngine, LocalScan, MemoryEngine, Scan, row_hashes, taken
from .preprocessing import TableEncoder
from .students import check_streams, revalued
from .targets import RobustLoss, blend_labels
from .teachers import Batches, Committee, Member, Oracle

#: Rows that the committee labels at a time, no more and no fewer: their number decides how a matrix product rounds.
LABEL_ROWS = 2_048
#: Numbers that a batch of encoded rows holds, about: what is read at a time as boosters learn.
BATCH_NUMBERS = 2**22
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
    seed : int
        Of the samples, and of the folds of rows beyond them.
    """

    X: Any
    y: Any
    X_unlabeled: Any
    real: Scan | None
    pool: Scan | None
    numbers: NDArray[np.intp]
    students: dict[str, Families]
    seed: int

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
        return cls(X, y, X_unlabeled, real, pool, numbers, kept, seed)

    def batches(self, members: list[Member], data: TrainingData, n_folds: int) -> Batches | None:
        """The rows beyond the sample for the teachers that can learn from them; None where there are none of either."""
        if not isinstance(self.real, LocalScan) or len(self.numbers) == self.real.n_rows:
            return None
        encoder = TableEncoder(categories="ordinal", scale=False).fit(data.X)
        args = encoder, self.numbers, Folding(n_folds, self.seed), data.classes, self.class_weights(data)
        batches = Batches(encoder, data.classes, data.n_outputs, partial(_batches, self.real, *args))
        return batches if any(batches.teach(each.estimator) for each in members if not each.frozen) else None

    def class_weights(self, data: TrainingData) -> NDArray[np.float64] | None:
        """What a row of each class weighs; None where that is 1 or there are no classes."""
        if data.codes is None or data.sample_weight is None or self.real is None:
            return None
        _, first = np.unique(data.codes, return_index=True)
        weights: NDArray[np.float64] = data.sample_weight[first]
        return weights

    def notes(self, committee: Committee) -> tuple[str, ...]:
        """What a report must say."""
        notes = []
        if self.real is not None:
            boosters = committee.of_all_rows
            also = f"; so did the teachers {', '.join(boosters)}" if boosters else ""
            others = "other teachers" if boosters else "teachers"
            notes.append(
                f"scan: the student learned from {self.real.n_rows:,} rows, streamed{also}; encoder and {others} were "
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
        n_folds = lesson.oracle.committee.n_folds if isinstance(lesson.oracle, Oracle) else 0
        folding = Folding(n_folds, self.seed) if n_folds else None
        return StreamedLesson(lesson, self, data.classes, self.class_weights(data), folding)


def labels_of(X: Scan) -> NDArray[Any] | None:
    """Labels of some rows, from which the task is read; None where there is no target."""
    return X.sample(min(X.sample_rows, TASK_ROWS))[2] if X.targets else None


@dataclass(frozen=True)
class Folding:
    """Which of the folds a row beyond the sample is in: a matter of its number and the seed."""

    n_folds: int
    seed: int

    def __call__(self, block: Block) -> NDArray[np.intp]:
        """The fold of each row of a block."""
        hashes = row_hashes(block["start"], num_samples(block["table"]), self.seed)
        return (hashes % np.uint64(self.n_folds)).astype(np.intp)


class Teaching(NamedTuple):
    """What turns a block of a table into rows that a student learns from."""

    encoder: TableEncoder
    oracle: Callable[..., NDArray[np.float64]]
    folding: Folding | None  #: whether the oracle is told the folds of rows
    task: str
    n_outputs: int
    classes: NDArray[Any] | None
    weights: NDArray[np.float64] | None  #: by class; None: 1
    numbers: NDArray[np.intp]  #: rows whose labels are known: those out of fold ...
    labels: NDArray[Any]  #: ... and what they are, NaN where no fold held them out


def real_rows(block: Block, by: Teaching) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels, true labels as stages take them, and weights.

    Rows of the sample have their labels out of fold. The others are labelled by the committee: no teacher that was
    fitted on the sample has seen them, and those that learn from all rows label them out of fold too.
    """
    table, start = block["table"], block["start"]
    n_rows = num_samples(table)
    first, end = np.searchsorted(by.numbers, [start, start + n_rows])
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    labels[by.numbers[first:end] - start] = by.labels[first:end]
    _label(labels, beyond(by.numbers, start, n_rows), block, by)
    truth = truth_of(block, by.classes)
    return by.encoder.transform(table), labels, truth, weights_of(truth, by.weights)


def _batches(scan: LocalScan, encoder: TableEncoder, *args: Any) -> FileEngine:
    block_rows = max(BLOCK_ROWS, BATCH_NUMBERS // len(encoder.categories_))
    engine = scan.engine("table", "truth", block_rows=block_rows)
    names = "Z", "y", "weight", "fold"
    engine.update(names, batch_rows, encoder, *args)
    return engine.select(*names)


def batch_rows(
    block: Block,
    encoder: TableEncoder,
    numbers: NDArray[np.intp],
    folding: Folding,
    classes: NDArray[Any] | None,
    weights: NDArray[np.float64] | None,
) -> tuple[NDArray[Any], ...]:
    """What boosters learn from beyond the sample: encoded rows, class codes or values, weights and folds."""
    rows = beyond(numbers, block["start"], num_samples(block["table"]))
    truth = truth_of(block, classes)[rows]
    return (
        encoder.transform(block["table"])[rows],
        np.float32(truth).ravel(),
        np.float32(weights_of(truth, weights)),
        folding(block)[rows].astype(np.int32),
    )


def beyond(numbers: NDArray[np.intp], start: int, n_rows: int) -> NDArray[np.intp]:
    """Rows of a block that are not in the sample."""
    first, end = np.searchsorted(numbers, [start, start + n_rows])
    return np.setdiff1d(np.arange(n_rows), numbers[first:end] - start, assume_unique=True)


def truth_of(block: Block, classes: NDArray[Any] | None) -> NDArray[Any]:
    """True labels as stages take them: class codes, or values of shape (n, m)."""
    if classes is None:
        return np.asarray(block["truth"], dtype=np.float64).reshape(len(block["truth"]), -1)
    return np.asarray(np.searchsorted(classes, block["truth"]))


def weights_of(truth: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """What rows weigh."""
    return np.ones(len(truth)) if weights is None else weights[truth]


def pool_rows(block: Block, by: Teaching, weight: float) -> tuple[NDArray[Any], ...]:
    """Encoded rows, soft labels and weights of rows without true labels."""
    n_rows = num_samples(block["table"])
    labels = np.empty((n_rows, by.n_outputs), dtype=label_type(by.task))
    _label(labels, np.arange(n_rows), block, by._replace(folding=None))
    return by.encoder.transform(block["table"]), labels, np.full(n_rows, weight)


def _label(labels: NDArray[Any], rows: NDArray[np.intp], block: Block, by: Teaching) -> None:
    folds = None if by.folding is None else by.folding(block)
    for start in range(0, len(rows), LABEL_ROWS):
        asked = rows[start : start + LABEL_ROWS]
        padded = np.resize(asked, LABEL_ROWS)
        told = () if folds is None else (folds[padded],)
        labels[asked] = by.oracle(taken(block["table"], padded), *told)[: len(asked)]


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
    folding : Folding, optional
        Of rows that some teachers have learned from.
    """

    sample: Lesson
    streams: Streams
    classes: NDArray[Any] | None
    class_weights: NDArray[np.float64] | None
    folding: Folding | None = None
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
            self.folding,
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
