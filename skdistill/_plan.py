"""What a fit is going to do: rows as students take them, what is to be chosen from, and the folds to judge it on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np

from ._inputs import check_pool
from ._progress import Progress
from ._request import SMEARED, Request
from ._rounds import check_folds
from ._selection import BLENDS, Choices, judged_folds, within_budget
from ._sklearn import num_samples
from ._stages import check_widths
from ._streaming import Families
from ._transfer import Recipe, Table
from .preprocessing import TableEncoder
from .students import TreeStudent, for_width
from .teachers import Fold, make_folds


@dataclass(frozen=True, eq=False)
class Plan:
    """What is to be done, known before any teacher is fitted.

    Attributes
    ----------
    table : Table
        The rows with labels, encoded.
    pool : Table, or None
        The rows without.
    choices : dict of name to Choices
        For each student.
    helpers : dict of name to Recipe
        The assistants.
    folds : list of Fold
        Of the teachers; none where no row needs labels out of fold.
    judged : list of int
        The folds that choices are judged on.
    """

    table: Table
    pool: Table | None
    choices: dict[str, Choices]
    helpers: dict[str, Recipe]
    folds: list[Fold]
    judged: list[int]

    @classmethod
    def made(cls, estimator: Any, progress: Progress, request: Request) -> Self:
        """Plan what was asked for.

        Raises
        ------
        ValueError
            Cells that no stage can use, a budget that nothing fits, or folds that are too few.
        """
        table, pool, students = _encoded(estimator, progress, request)
        choices, helpers = _choices(estimator, request, students)
        if estimator.max_bytes is not None:
            with progress.stage("budget") as stage:
                data, workshop = request.data, request.workshop
                choices = {
                    name: within_budget(each, table, data.true_labels(), data.sample_weight, workshop)
                    for name, each in choices.items()
                }
                n_families = sum(len(each.families) for each in choices.values())
                stage.say(f"{n_families} families of students fit {estimator.max_bytes:,} bytes")
        folds, judged = _folds(estimator, request, list(choices.values()))
        return cls(table, pool, choices, helpers, folds, judged)


def _encoded(estimator: Any, progress: Progress, request: Request) -> tuple[Table, Table | None, dict[str, Families]]:
    """The rows, encoded, and the students that can take them."""
    with progress.stage("encoder") as stage:
        # First, since it is quick and reads every cell: what no stage can use is refused before the long work.
        data = request.data
        scales = sorted({bool(student.wants_scaling) for student in request.learners})
        encoders = {s: TableEncoder(scale=s).fit(data.X, sample_weight=data.sample_weight) for s in scales}
        table = Table(data.X, encoders)
        pool = None if request.X_unlabeled is None else table.beside(check_pool(estimator, request.X_unlabeled))
        for scale in scales:
            for rows in [table] if pool is None else [table, pool]:
                rows.encoded(scale)
        n_rows, n_encoded = table.encoded(scales[0]).shape
        students = {name: for_width(families, n_encoded) for name, families in request.students.items()}
        check_widths(request.assistants.values(), n_encoded)
        n_columns = estimator.n_features_in_
        stage.say(
            f"{request.task} of {n_rows:,} rows, {n_columns:,} columns as {n_encoded:,} features",
            **{"task": request.task, "rows": n_rows, "columns": n_columns, "features": n_encoded},
        )
    return table, pool, students


def _choices(
    estimator: Any, request: Request, students: dict[str, Families]
) -> tuple[dict[str, Choices], dict[str, Recipe]]:
    """What each student may be and learn from, and what each assistant learns from."""
    kind = "smeared" if estimator.loss in SMEARED else request.task
    blends = BLENDS[kind] if estimator.blend == "auto" else (float(estimator.blend),)
    n_given = _n_given(request)
    usual = (None,) if estimator.augmentation == "thin" else request.samplers
    choices = {}
    for name, families in students.items():
        samplers = request.samplers if _is_thin_tree(families, n_given) else usual
        choices[name] = Choices(families, blends, samplers, estimator.max_bytes, bool(request.assistants))
    # An assistant learns what the student would learn where nothing is judged.
    helpers = {name: Recipe(each, blends[0], usual[0]) for name, each in request.assistants.items()}
    return choices, helpers


def _n_given(request: Request) -> float:
    """How many rows there are before any is drawn."""
    # Who scans has rows enough. Drawn rows know nothing of weights, so that they would make them count for less.
    if request.streams is not None or request.data.sample_weight is not None:
        return np.inf
    return len(request.data.y) + (0 if request.X_unlabeled is None else num_samples(request.X_unlabeled))


def _is_thin_tree(families: Families, n_rows: float) -> bool:
    """Whether there is one student only, a tree with few rows for its leaves."""
    students = list(chain.from_iterable(families))
    return len(students) == 1 and isinstance(students[0], TreeStudent) and students[0].is_thin(n_rows)


def _folds(estimator: Any, request: Request, choices: list[Choices]) -> tuple[list[Fold], list[int]]:
    """The folds of the teachers, and those of them to judge on."""
    data = request.data
    nothing_to_choose = len(choices) == 1 and choices[0].only()
    folds: list[Fold] = []
    if (
        request.assistants
        or estimator.rounds
        or not (nothing_to_choose and all(member.frozen for member in request.members))
    ):
        seed = request.rng.randint(np.iinfo(np.int32).max)
        folds = make_folds(
            estimator.cv, data.X, data.y, request.task, kept=data.kept, seed=seed, split_params=request.split_params
        )
    judged = [] if nothing_to_choose else judged_folds(folds)
    if not judged and not all(each.one_student() for each in choices):
        raise ValueError(
            "A student within max_bytes is chosen on rows that no teacher has seen, which takes 3 folds of "
            "'cv' at least. Give the rarest class 3 rows, raise cv, or pass a student instance."
        )
    if estimator.rounds:
        check_folds(estimator.rounds, folds, judged)
    return folds, judged
