"""Rounds of distillation within the committee: its teachers learn from what it says, and teach in their own place.

A model that learns from the soft labels of its like may be the better one (born again: Furlanello et al. 2018), and
each round also shrinks what it can express until nothing is left (Mobahi et al. 2020). So a round is taken only where
the labels out of fold have less loss on the true ones.

The trap is the label of the row that is labelled. A reborn teacher of the other folds learned from *their* labels out
of fold, and those came from teachers that saw this one: the true label comes back by a detour. Here a row of fold i is
labelled by teachers reborn from labels that were made without fold i altogether, which are those of a `Trial`. Each
round uses up one level of trials within trials.
"""

from __future__ import annotations

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
from ._shipped import Workshop
from ._sklearn import safe_indexing
from .targets import Combiner, blend_labels
from .teachers import Committee, FittedTeacher, Fold, Member, SoftLabels, fit_on_soft_labels, lacks_for_soft_labels


def check_members(members: list[Member], task: str, loss: str) -> None:
    """Refuse, before any teacher is fitted, rounds in which none is reborn.

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
    if all(lacks.values()):
        why = "; ".join(f"{name!r}: {what}" for name, what in lacks.items())
        raise ValueError(
            f"The 'rounds' parameter refits teachers on soft labels, which none of these can learn from. {why}. Pass "
            "rounds=0, or a teacher with predict_proba and sample_weight."
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


def count_refits(members: list[Member], task: str, rounds: int, folds: list[Fold], judged: list[int]) -> int:
    """How many fits the rounds make at most."""
    n_reborn = sum(not lacks_for_soft_labels(member, task) for member in members)
    levels = [level for left in range(1, rounds + 1) for level in range(left + bool(judged) + 1)]
    return n_reborn * sum(comb(len(folds), level) for level in levels)


@dataclass(frozen=True, eq=False)
class Rounds:
    """What all rounds of a fit share.

    Attributes
    ----------
    members : list of Member
    data : TrainingData
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
    data: TrainingData
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


class _Round:
    """One round: the teachers of all trials reborn, then labels and choice for each trial by itself."""

    def __init__(self, rounds: Rounds, soft: SoftLabels) -> None:
        self.rounds = rounds
        self.verdicts: list[dict[str, Any]] = []
        self.reborn = [each for each in rounds.members if not lacks_for_soft_labels(each, rounds.workshop.task)]
        self._renewed: dict[int, SoftLabels] = {}
        self._committees = self._refit(soft)

    def _refit(self, soft: SoftLabels) -> dict[int, Committee]:
        """The committee of each trial, its teachers fitted on what the committee said before."""
        data = self.rounds.data
        nodes = dict(_within(soft, np.arange(len(data.y))))
        estimators = [(member, seeded(member.estimator, self.rounds.rng)) for member in self.reborn]
        fits = Parallel(n_jobs=self.rounds.n_jobs, return_as="generator")(
            delayed(fit_on_soft_labels)(member, estimator, *lesson, data.classes)
            for node, rows in nodes.items()
            for lesson in [self._lesson(node, rows)]
            for member, estimator in estimators
        )
        found: dict[int, dict[str, FittedTeacher]] = {id(node): {} for node in nodes}
        for (node, member), (teacher, seconds) in zip(product(nodes, self.reborn), fits, strict=True):
            found[id(node)][member.name] = teacher
            if self.rounds.step is not None:
                self.rounds.step(f"{member.name}, reborn", seconds, teacher=member.name)
        return {id(node): node.committee.with_teachers(found[id(node)]) for node in nodes}

    def _lesson(self, soft: SoftLabels, rows: NDArray[np.intp]) -> tuple[Any, NDArray[Any], NDArray[np.float64] | None]:
        """Raw rows, targets and weights of a trial."""
        data = self.rounds.data
        covered = soft.covered[rows]
        Q = np.zeros((len(rows), data.n_outputs))
        Q[covered] = self._combined(soft, rows[covered])
        targets = blend_labels(Q, data.truth[rows], self.rounds.blend, self.rounds.workshop.task, covered=covered)
        return safe_indexing(data.X, rows), targets, None if data.sample_weight is None else data.sample_weight[rows]

    def _combined(self, soft: SoftLabels, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What the committee says of some rows out of fold."""
        return self.rounds.combiner(soft)([labels[rows] for labels in soft.labels])

    def renewed(self, soft: SoftLabels) -> SoftLabels:
        """The labels of the next round, or those of the last where they are no better; trials lose a level."""
        if id(soft) not in self._renewed:
            verdict: dict[str, Any] = {}
            self.verdicts.append(verdict)
            trials = tuple(replace(each, soft=self.renewed(each.soft)) for each in soft.trials if each.soft.trials)
            candidate = replace(self._relabelled(soft), trials=trials)
            verdict |= self._verdict(soft, candidate)
            self._renewed[id(soft)] = candidate if verdict["taken"] else replace(soft, trials=trials)
        return self._renewed[id(soft)]

    def _relabelled(self, soft: SoftLabels) -> SoftLabels:
        """Each fold labelled by the teachers that were reborn without it."""
        names = {member.name for member in self.reborn}
        labels = [old.copy() for old in soft.labels]
        for trial in soft.trials:  # folds hold out each row once
            X, committee = safe_indexing(self.rounds.data.X, trial.held), self._committees[id(trial.soft)]
            for name, new in zip(soft.committee, labels, strict=True):
                if name in names:
                    new[trial.held] = committee.ask(name)(X)
        return SoftLabels(labels, soft.covered, self._committees[id(soft)])

    def _verdict(self, before: SoftLabels, after: SoftLabels) -> dict[str, Any]:
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
            "taken": bool(share @ difference < 0),
            "refitted": [member.name for member in self.reborn],
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
        + ("taken" if row["taken"] else "not taken")
        for row in rounds
    ]
    return (
        f"rounds: {', '.join(rounds[0]['refitted'])} fitted on the committee's labels; its {measure} out of fold went "
        f"from {'; then from '.join(parts)}."
    )
