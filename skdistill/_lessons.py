"""What a committee can teach: about all rows, and, for judges, about some while others are held back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._inputs import TrainingData
from ._selection import Ground
from ._sklearn import safe_indexing
from ._stages import Course, folds_within
from ._transfer import Lesson, Recipe, Table, label_type
from .targets import Combiner, ValueLoss
from .teachers import Fold, Oracle, SoftLabels


@dataclass(frozen=True, eq=False)
class Lessons:
    """Makes lessons of the labels of committees.

    Attributes
    ----------
    task : {"classification", "regression"}
    data : TrainingData
        All rows.
    table : Table
        The same as students take them.
    pool : Table, optional
        Rows without labels.
    folds : list of Fold
    seed : int
        Of drawn rows.
    combiner : callable
        How the committee behind soft labels speaks with one voice.
    loss : ValueLoss, optional
        Of values.
    device : {"auto", "cpu", "cuda"}
    """

    task: str
    data: TrainingData
    table: Table
    pool: Table | None
    folds: list[Fold]
    seed: int
    combiner: Callable[[SoftLabels], Combiner]
    loss: ValueLoss | None
    device: str

    def lesson(self, soft: SoftLabels, rows: NDArray[np.intp] | None = None) -> tuple[Lesson, Combiner]:
        """What the committee behind `soft` can teach about the given rows (None: all) and others."""
        data, table, combine = self.data, self.table, self.combiner(soft)
        every = bool(soft.covered.all())
        Q = np.zeros((len(data.y), data.n_outputs), dtype=label_type(self.task))
        Q[soft.covered] = combine(soft.labels if every else [labels[soft.covered] for labels in soft.labels])
        covered: NDArray[np.bool_] | None = None if every else soft.covered
        truth, true_labels, weight = data.truth, data.true_labels(), data.sample_weight
        if rows is not None:
            table = table.part(rows, safe_indexing(data.X, rows))
            Q, truth, true_labels = Q[rows], truth[rows], true_labels[rows]
            covered = soft.covered[rows]
            weight = None if weight is None else weight[rows]
        oracle = Oracle(soft.committee, combine)
        inner = folds_within(self.folds, rows, len(data.y))
        rest = oracle, self.pool, self.seed, inner, self.loss, self.device
        return Lesson(table, Q, covered, truth, true_labels, weight, self.task, *rest), combine

    def grounds(self, soft: SoftLabels, n_judged: int, helpers: dict[str, Recipe]) -> list[Ground]:
        """What students are judged on, one for each of the judged trials."""
        grounds = []
        for trial in soft.trials[:n_judged]:
            lesson, _ = self.lesson(trial.soft, trial.rows)
            weight = None if self.data.sample_weight is None else self.data.sample_weight[trial.held]
            held = self.table.part(trial.held, safe_indexing(self.data.X, trial.held))
            grounds.append(Ground(Course(lesson, helpers), held, self.data.true_labels()[trial.held], weight))
        return grounds
