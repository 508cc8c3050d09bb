"""The way of the data where rows do not fit in memory: a sample teaches the committee, all rows the student."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context

from ._inputs import TrainingData
from ._sklearn import num_samples
from ._streamed_rows import Folding, Teaching, Weights, batch_rows, blended, pool_rows, real_rows, true_labels
from ._transfer import Lesson, Recipe, Table, TransferSet, learner
from .engine import BLOCK_ROWS, ChainEngine, Engine, MemoryEngine, Scan
from .preprocessing import TableEncoder
from .students import check_streams, revalued
from .targets import RobustLoss
from .teachers import Batches, Committee, Fold, Member, Oracle

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
    X, y, sample_weight, params
        What `fit` learns from in memory: all that was given, or the sample.
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
    sample_weight: Any
    params: dict[str, Any]
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
                        f"{name}.fit got {key!r} beside a scan. Labels, weights and groups are read from it: pass "
                        "scan(..., target=..., weight=..., groups=...) alone."
                    )
            if not real.targets:
                raise ValueError(f"{name}.fit needs labels: pass scan(..., target=<column>) to learn from {real}.")
            if isinstance(estimator.class_weight, dict) and 0 in estimator.class_weight.values():
                raise ValueError(
                    f"class_weight={estimator.class_weight} of {name} leaves out a class, which takes the rows in "
                    "memory. Leave out its rows of the scan."
                )
            if "groups" in real.besides and (estimator.rounds or estimator.assistants is not None):
                raise ValueError(
                    f"{name} cannot keep the groups of a scan apart with rounds or assistants: one that learned from a "
                    "group would label its rows beyond the sample. Drop these, or scan(groups=)."
                )
            numbers, drawn = real.drawn(real.sample_rows, stratify=task == "classification", seed=seed)
            X, y, sample_weight = drawn["table"], drawn["truth"], drawn.get("weight")
            params = {"groups": drawn["groups"]} if "groups" in drawn else {}
        if pool is not None:
            _, X_unlabeled, _ = pool.sample(pool.sample_rows, seed=seed)
        return cls(X, y, sample_weight, params, X_unlabeled, real, pool, numbers, kept, seed)

    @property
    def apart(self) -> bool:
        """Whether rows beyond the sample are in groups, of which each teacher has seen some."""
        return self.real is not None and "groups" in self.real.besides

    def batches(self, members: list[Member], data: TrainingData, folds: list[Fold]) -> Batches | None:
        """All rows for the teachers that can learn from them; None where there are none, of either."""
        if self.real is None or len(self.numbers) == self.real.n_rows:
            return None
        encoder = TableEncoder(categories="ordinal", scale=False).fit(data.X)
        args = encoder, self.numbers, self._folding(data, folds), data.classes, self._weights(data)
        batches = Batches(encoder, data.classes, data.n_outputs, self.numbers, partial(self._batch_engine, *args))
        return batches if any(batches.teach(each.estimator) for each in members if not each.frozen) else None

    def _batch_engine(self, encoder: TableEncoder, *args: Any) -> Engine:
        assert self.real is not None
        block_rows = max(BLOCK_ROWS, BATCH_NUMBERS // len(encoder.categories_))
        engine = self.real.engine(*self.real.columns, block_rows=block_rows)
        names = "Z", "y", "weight", "fold"
        engine.update(names, batch_rows, encoder, *args)
        return engine.select(*names)

    def _folding(self, data: TrainingData, folds: list[Fold]) -> Folding:
        """Which fold rows beyond the sample are in."""
        if not self.apart:
            return Folding(len(folds), self.seed)
        groups = data.params["groups"]
        every = set(groups.tolist())
        by_group: dict[Any, int] = {}
        for i, (train, _) in enumerate(folds):
            for group in every.difference(groups[train].tolist()):
                by_group.setdefault(group, i)
        return Folding(len(folds), self.seed, {group: by_group.get(group, -1) for group in every})

    def _weights(self, data: TrainingData) -> Weights:
        """What rows weigh, by what those of the sample do."""
        if self.real is None:
            return Weights(False, None)
        by_class = None
        if data.codes is not None and data.sample_weight is not None:
            own = 1.0 if self.sample_weight is None else self.sample_weight
            _, first = np.unique(data.codes, return_index=True)
            by_class = (data.sample_weight / own)[first]
        return Weights("weight" in self.real.besides, by_class)

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

    def lesson(self, lesson: Lesson, data: TrainingData, folds: list[Fold]) -> StreamedLesson:
        """What the committee teaches about all rows; `lesson` is about those of the sample, `data`."""
        told = isinstance(lesson.oracle, Oracle) and lesson.oracle.committee.n_folds
        folding = self._folding(data, folds) if told else None
        return StreamedLesson(lesson, self, data.classes, self._weights(data), folding)


def labels_of(X: Scan) -> NDArray[Any] | None:
    """Labels of some rows, from which the task is read; None where there is no target."""
    return X.sample(min(X.sample_rows, TASK_ROWS))[2] if X.targets else None


@dataclass(eq=False)
class StreamedLesson:
    """As `Lesson`, about rows that pass by; `sample` is the lesson about those that stand for them.

    Attributes
    ----------
    sample : Lesson
    streams : Streams
    classes : ndarray of shape (k,), or None for regression
    weights : Weights
    folding : Folding, optional
        Of rows that some teachers have learned from.
    """

    sample: Lesson
    streams: Streams
    classes: NDArray[Any] | None
    weights: Weights
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
        rows = None if self._robust is None else self.sample.transfer_set(recipe)
        if rows is None or rows.smeared is None:
            return fitted
        return revalued(fitted, rows.Z, rows.smeared, rows.weight)  # its structure is of all rows

    @property
    def _robust(self) -> RobustLoss | None:
        return self.sample.loss if isinstance(self.sample.loss, RobustLoss) else None

    def _real(self, recipe: Recipe, block_rows: int) -> Engine:
        scan, task = self.streams.real, self.sample.task
        if scan is None:
            return _in_memory(self.sample.real_part(recipe), block_rows, 0)
        key = "real", recipe.scale, block_rows
        if key not in self._held:  # once for all recipes: this is where rows are read and labelled
            engine = scan.engine(*scan.columns, block_rows=block_rows)
            engine.update(("X", "labels", "truth", "weight"), real_rows, self._teaching(recipe.scale))
            self._held[key] = engine.select("X", "labels", "truth", "weight")
        engine = self._held[key]
        if recipe.hard:
            engine.update("Q", true_labels, self.sample.Q.shape[1], task, self._robust)
        else:
            engine.update("Q", blended, recipe.blend, task, self._robust)
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
            self.weights,
            self.streams.numbers,
            labels,
        )


def _in_memory(part: TransferSet, block_rows: int, first_row: int) -> Engine:
    weight = np.ones(len(part.Q)) if part.weight is None else part.weight
    return MemoryEngine({"X": part.Z, "Q": part.Q, "weight": weight}, block_rows, first_row)
