"""Rounds of distillation within the committee: its teachers learn from what it says, and teach in their own place.

A model that learns from the soft labels of its like may be the better one (born again: Furlanello et al. 2018), and
each round also shrinks what it can express until nothing is left (Mobahi et al. 2020). The student learns from the same
labels, and may join the committee that it learned from (Zhang et al. 2018: models that teach each other): it says
something that no teacher says, as it is of another kind. Both are tried, alone and together, and what has the least
loss on the true labels, out of fold, is taken, if it has less than before by over a standard error of the difference.

The trap is the label of the row that is labelled. A reborn teacher of the other folds learned from *their* labels out
of fold, and those came from teachers that saw this one: the true label comes back by a detour. Here a row of fold i is
labelled by teachers reborn from labels that were made without fold i altogether, which are those of a `Trial`. Each
round uses up one level of trials within trials.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import Parallel, delayed

from ._estimators import seeded
from ._inputs import TrainingData
from ._shipped import Shipped, Workshop
from ._sklearn import safe_indexing
from ._transfer import Table, TransferSet, fit_on
from .targets import Combiner, blend_labels
from .teachers import (
    FittedTeacher,
    Fold,
    Member,
    SoftLabels,
    fit_on_soft_labels,
    lacks_for_soft_labels,
    response_method,
)

#: What the student is called on the committee.
STUDENT = "student"
#: Share of the loss that a round saves at least: less is what weights that stay the same leave to chance.
LEAST_SAVED = 1e-3


def may_join(weighting: Any) -> bool:
    """Whether the student may sit on the committee: weights that are given by hand leave it none."""
    return weighting is None or isinstance(weighting, str)


def check_members(members: list[Member], task: str, loss: str, weighting: Any) -> None:
    """Refuse, before any teacher is fitted, rounds in which no teacher is reborn and no student joins.

    Raises
    ------
    ValueError
        Says of each teacher what it lacks, or of a loss that it is not of means.
    """
    if loss not in ("squared", "poisson"):
        raise ValueError(
            f"The 'rounds' parameter refits teachers on means of the committee's and the true values, of which "
            f"loss={loss!r} is no loss. Pass rounds=0, or loss='squared' or 'poisson'."
        )
    lacks = {member.name: lacks_for_soft_labels(member, task) for member in members}
    if all(lacks.values()) and not may_join(weighting):
        why = "; ".join(f"{name!r}: {what}" for name, what in lacks.items())
        raise ValueError(
            f"The 'rounds' parameter refits teachers on soft labels, which none of these can learn from. {why}. And "
            "weights given by hand have none for a student that joins them. Pass rounds=0, a teacher with "
            "predict_proba and sample_weight, or weighting=None."
        )


def check_folds(rounds: int, folds: list[Fold], judged: list[int]) -> None:
    """Refuse, before any teacher is fitted, rounds that the folds cannot give honest labels for.

    Raises
    ------
    ValueError
        Says how many folds it takes.
    """
    needed = rounds + 2 + bool(judged)
    # Splits such as those of a time series leave nothing to label where the first of them is left out.
    cross = all(
        np.isin(test, train).all() for i, (_, test) in enumerate(folds) for j, (train, _) in enumerate(folds) if i != j
    )
    if len(folds) < needed or not cross:
        got = f"{len(folds)} folds" if cross else "splits that are no partition, as those of a time series"
        chosen = ", one of them to judge on" if judged else ""
        raise ValueError(
            f"rounds={rounds} takes {needed} folds of 'cv' at least{chosen}, and each row in one of them: labels are "
            f"made without up to {needed - 1} of them. Got {got}. Pass cv={max(needed, 5)}, or fewer rounds."
        )


def count_refits(
    members: list[Member], task: str, rounds: int, folds: list[Fold], judged: list[int], joins: bool
) -> int:
    """How many fits the rounds make at most."""
    n_reborn = sum(not lacks_for_soft_labels(member, task) for member in members) + joins
    levels = [level for left in range(1, rounds + 1) for level in range(left + bool(judged) + 1)]
    return n_reborn * sum(comb(len(folds), level) for level in levels)


@dataclass(frozen=True, eq=False)
class Rounds:
    """What all rounds of a fit share.

    Attributes
    ----------
    members : list of Member
    student : unfitted student, or None
        Who may join the committee.
    data : TrainingData
    table : Table
        The same rows as students take them.
    workshop : Workshop
        Its measure decides.
    combiner : callable
        The `Combiner` of some soft labels.
    blend : float
        Weight of the true labels in what is learned.
    rng : RandomState
        Source of the seeds of teachers.
    n_jobs : int, optional
    step : callable, optional
        Told of every fit.
    """

    members: list[Member]
    student: Any
    data: TrainingData
    table: Table
    workshop: Workshop
    combiner: Callable[[SoftLabels], Combiner]
    blend: float
    rng: np.random.RandomState
    n_jobs: int | None = None
    step: Callable[..., None] | None = None

    def __call__(self, soft: SoftLabels, rounds: int) -> tuple[SoftLabels, list[dict[str, Any]]]:
        """The labels after so many rounds at most, and what became of each.

        Parameters
        ----------
        soft : SoftLabels
            With a level of trials for each round, beside those that students are judged on.
        rounds : int
        """
        told = []
        for number in range(1, rounds + 1):
            done = _Round(self, soft)
            soft = done.renewed(soft)
            told.append({"round": number, **done.verdicts[0]})
            if not any(verdict["taken"] for verdict in done.verdicts):
                break
        return soft, told


@dataclass(eq=False)
class StudentTeacher:
    """The fitted student, asked as a teacher is: of raw rows.

    Attributes
    ----------
    shipped : Shipped
    classes_ : ndarray of shape (k,), or None for regression
    """

    shipped: Shipped
    classes_: NDArray[Any] | None

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Its answers, shape (n, n_outputs)."""
        return self.shipped.evaluate(Table(X, {}))

    predict = predict_proba


class _Round:
    """One round: teachers and student of all trials fitted, then labels and choice for each trial by itself."""

    def __init__(self, rounds: Rounds, soft: SoftLabels) -> None:
        self.rounds = rounds
        self.verdicts: list[dict[str, Any]] = []
        self.reborn = [each for each in rounds.members if not lacks_for_soft_labels(each, rounds.workshop.task)]
        self._renewed: dict[int, SoftLabels] = {}
        self._taught = self._refit(soft)

    def _refit(self, soft: SoftLabels) -> dict[int, dict[str, FittedTeacher]]:
        """Of each trial, by name, those fitted on what its committee said before."""
        data = self.rounds.data
        nodes = dict(_within(soft, np.arange(len(data.y))))
        lessons = {node: self._lesson(node, rows) for node, rows in nodes.items()}
        estimators = [(member, seeded(member.estimator, self.rounds.rng)) for member in self.reborn]
        fits = Parallel(n_jobs=self.rounds.n_jobs, return_as="generator")(
            delayed(fit_on_soft_labels)(member, estimator, X, *lessons[node], data.classes)
            for node, rows in nodes.items()
            for X in [safe_indexing(data.X, rows)]
            for member, estimator in estimators
        )
        found: dict[int, dict[str, FittedTeacher]] = {id(node): {} for node in nodes}
        for (node, member), (teacher, seconds) in zip(product(nodes, self.reborn), fits, strict=True):
            found[id(node)][member.name] = teacher
            self._tell(f"{member.name}, reborn", seconds, member.name)
        if self.rounds.student is not None:
            for node, rows in nodes.items():
                started = time.perf_counter()
                found[id(node)][STUDENT] = self._student(rows, *lessons[node])
                self._tell("student, to join", time.perf_counter() - started, STUDENT)
        return found

    def _tell(self, what: str, seconds: float, teacher: str) -> None:
        if self.rounds.step is not None:
            self.rounds.step(what, seconds, teacher=teacher)

    def _lesson(self, soft: SoftLabels, rows: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Targets and weights of a trial."""
        data = self.rounds.data
        covered = soft.covered[rows]
        Q = np.zeros((len(rows), data.n_outputs))
        Q[covered] = self._combined(soft, rows[covered])
        targets = blend_labels(Q, data.truth[rows], self.rounds.blend, self.rounds.workshop.task, covered=covered)
        return targets, None if data.sample_weight is None else data.sample_weight[rows]

    def _student(
        self, rows: NDArray[np.intp], targets: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> FittedTeacher:
        """The student of a trial."""
        student, table, data = self.rounds.student, self.rounds.table, self.rounds.data
        scale = bool(student.wants_scaling)
        fitted = fit_on(student, TransferSet(table.encoded(scale)[rows], targets, weight))
        asked = StudentTeacher(Shipped(fitted, table.encoders[scale]), data.classes)
        return FittedTeacher(STUDENT, asked, response_method(STUDENT, asked, self.rounds.workshop.task))

    def _combined(self, soft: SoftLabels, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What the committee says of some rows out of fold."""
        return self.rounds.combiner(soft)([labels[rows] for labels in soft.labels])

    def renewed(self, soft: SoftLabels) -> SoftLabels:
        """The labels of the next round, or those of the last where none are better; trials lose a level."""
        if id(soft) not in self._renewed:
            at = len(self.verdicts)
            trials = tuple(replace(each, soft=self.renewed(each.soft)) for each in soft.trials if each.soft.trials)
            judged = [(self._verdict(soft, after, names), after) for names, after in self._candidates(soft)]
            verdict, best = min(judged, key=lambda each: each[0]["loss"])
            self.verdicts.insert(at, verdict)
            self._renewed[id(soft)] = replace(best if verdict["taken"] else soft, trials=trials)
        return self._renewed[id(soft)]

    def _candidates(self, soft: SoftLabels) -> Iterator[tuple[list[str], SoftLabels]]:
        """The labels with teachers reborn, with the student among them, and with both, and who was fitted."""
        taught = self._taught[id(soft)]
        reborn, joined = [name for name in taught if name != STUDENT], [name for name in taught if name == STUDENT]
        before = dict(zip(soft.committee, soft.labels, strict=True))
        after = {name: before[name].copy() if name in before else np.zeros_like(soft.labels[0]) for name in taught}
        for trial in soft.trials:  # folds hold out each row once, and each is labelled by those fitted without it
            X = safe_indexing(self.rounds.data.X, trial.held)
            committee = trial.soft.committee.with_teachers(self._taught[id(trial.soft)])
            for name, labels in after.items():
                labels[trial.held] = committee.ask(name)(X)
        for names in [reborn, joined, reborn + joined] if reborn and joined else [reborn + joined]:
            committee = soft.committee.with_teachers({name: taught[name] for name in names})
            said = before | {name: after[name] for name in names}
            yield names, SoftLabels([said[name] for name in committee], soft.covered, committee)

    def _verdict(self, before: SoftLabels, after: SoftLabels, fitted: list[str]) -> dict[str, Any]:
        """What a round changed, on the rows that both have labels for."""
        data, rows = self.rounds.data, np.flatnonzero(after.covered)
        known = data.true_labels()[rows]
        old, new = (self.rounds.workshop.losses(self._combined(each, rows), known) for each in (before, after))
        weight = np.ones(len(rows)) if data.sample_weight is None else data.sample_weight[rows]
        share = weight / weight.sum()
        difference = new - old
        se = np.sqrt(np.sum((share * (difference - share @ difference)) ** 2))
        return {
            "loss_before": float(share @ old),
            "loss": float(share @ new),
            "se": float(se),
            "taken": bool(-(share @ difference) > max(se, LEAST_SAVED * (share @ old))),
            "fitted": fitted,
        }


def _within(soft: SoftLabels, rows: NDArray[np.intp]) -> Iterator[tuple[SoftLabels, NDArray[np.intp]]]:
    """Labels and their rows, and those of all trials within; what two trials share comes twice."""
    yield soft, rows
    for trial in soft.trials:
        yield from _within(trial.soft, trial.rows)


def told_rounds(rounds: list[dict[str, Any]], measure: str) -> str:
    """What became of each round, in a sentence."""
    parts = [
        f"{row['loss_before']:.4g} to {row['loss']:.4g} (standard error of the difference {row['se']:.2g}), "
        + f"with {' and '.join(row['fitted'])} fitted on them, "
        + ("taken" if row["taken"] else "not taken")
        for row in rounds
    ]
    return f"rounds: the {measure} of the committee's labels out of fold went from {'; then from '.join(parts)}."
