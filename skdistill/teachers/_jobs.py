"""Which rows a teacher is fitted on, and whom it then labels: one fit serves all labels that leave out its rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ._folds import Fold

#: Folds that are left out of everything; none for the labels of all rows.
Without = frozenset[int]


class Job(NamedTuple):
    """A fit of every teacher, and whom it then labels."""

    without: Without
    train: NDArray[np.intp] | None  #: None: all rows
    asked: tuple[tuple[Without, NDArray[np.intp]], ...]  #: for which labels, and the rows
    keep: bool  #: whether it joins a committee
    name: str
    in_batches: bool = False  #: whether it learns from rows beyond those in memory as well
    beyond: bool = False  #: whether it labels such rows that are in its fold


def grounds_of(folds: list[Fold], judged: Sequence[int], depth: int) -> list[Without]:
    """What has labels of its own: all rows, then those without some folds."""
    if not depth:
        return [frozenset(), *(frozenset({i}) for i in judged)]
    sizes = range(depth + bool(judged) + 1)
    return [frozenset(some) for size in sizes for some in combinations(range(len(folds)), size)]


def rows_without(folds: list[Fold], without: Without) -> NDArray[np.intp] | None:
    """The rows that are in the training rows of all these folds; None: all."""
    parts = [folds[i][0] for i in sorted(without)]
    return reduce(np.intersect1d, parts[1:], parts[0]) if parts else None


def held_out(folds: list[Fold], i: int, rows: NDArray[np.intp] | None) -> NDArray[np.intp]:
    """Those of the rows that a fold holds out."""
    test = folds[i][1]
    return test if rows is None else test[np.isin(test, rows)]


def jobs_of(
    folds: list[Fold],
    grounds: dict[Without, NDArray[np.intp] | None],
    in_batches: bool = False,
    apart: bool = False,
) -> list[Job]:
    """All fits of one teacher: one without some folds labels each of them, for the labels that leave out the others.

    A teacher that learns in batches is fitted so on all rows and without each fold. What has labels of its own besides
    is as if the rows in memory were all there are: choices then do not cost a fit in batches for each pair of folds.
    Where groups are kept `apart`, all teachers label rows beyond those in memory by fold.
    """
    if in_batches:
        whole = [job._replace(in_batches=True) for job in jobs_of(folds, {frozenset(): None}, apart=True)]
        rest = [job._replace(asked=tuple(one for one in job.asked if one[0])) for job in jobs_of(folds, grounds)]
        return [*whole, *(job for job in rest if job.without and (job.keep or job.asked))]
    jobs = {without: Job(without, rows, (), True, _name(without, folds)) for without, rows in grounds.items()}
    for without, rows in grounds.items():
        for i in set(range(len(folds))) - without:
            key, held = without | {i}, held_out(folds, i, rows)
            job = jobs.get(key) or Job(key, rows_without(folds, key), (), False, _name(key, folds))
            if len(key) == 1 or (len(held) and job.train is not None and len(job.train)):
                jobs[key] = job._replace(asked=(*job.asked, (without, held)))
    if apart:
        jobs = {without: job._replace(beyond=len(without) == 1) for without, job in jobs.items()}
    return sorted(jobs.values(), key=lambda job: (len(job.without), sorted(job.without)))


def _name(without: Without, folds: list[Fold]) -> str:
    """A fit as it is told of."""
    numbers = [str(i + 1) for i in sorted(without)]
    if len(numbers) < 2:
        return f"fold {numbers[0]} of {len(folds)}" if numbers else "all rows"
    return f"without folds {', '.join(numbers[:-1])} and {numbers[-1]} of {len(folds)}"
