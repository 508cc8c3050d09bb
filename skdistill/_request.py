"""What a fit is asked for: parameters and data, resolved and checked before the long work."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
from scipy import sparse

from ._estimators import generator, seeded
from ._graduates import resolve_students
from ._inputs import TrainingData, check_counts, check_one_target, check_training
from ._progress import Progress
from ._rounds import check_members
from ._shipped import Workshop, resolve_chains
from ._stages import resolve_assistants
from ._streaming import Families, Streams, labels_of
from .augmentation import BaseSampler, resolve_samplers
from .engine import Scan
from .students import check_revaluable
from .targets import check_recipe
from .teachers import Member, resolve_members

#: What these losses minimise is learned by squared error first.
SMEARED = ("pinball", "huber")


@dataclass(frozen=True, eq=False)
class Request:
    """What a fit is asked for.

    Attributes
    ----------
    task : {"classification", "regression"}
    data : TrainingData
        The rows with labels; of a scan, its sample.
    X_unlabeled : table, or None
        The rows without; of a scan, its sample.
    streams : Streams, or None
        What is to be streamed beyond the samples.
    members : list of Member
        The teachers.
    students : dict of name to families of unfitted students
    assistants : dict of name to unfitted assistant
    samplers : tuple of BaseSampler or None
    workshop : Workshop
        What becomes of a fitted student.
    fit_params, split_params : dict
        Metadata for each teacher, and for the splitter.
    rng : RandomState
        The one source of randomness.
    """

    task: str
    data: TrainingData
    X_unlabeled: Any
    streams: Streams | None
    members: list[Member]
    students: dict[str, Families]
    assistants: dict[str, Any]
    samplers: tuple[BaseSampler | None, ...]
    workshop: Workshop
    fit_params: dict[str, dict[str, Any]]
    split_params: dict[str, Any]
    rng: np.random.RandomState

    @classmethod
    def read(
        cls,
        estimator: Any,
        progress: Progress,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_unlabeled: Any,
        params: dict[str, Any],
    ) -> Self:
        """Resolve and check what an estimator and its `fit` were given.

        Raises
        ------
        ValueError, TypeError
            Names what cannot be used, and what to do.
        """
        task = estimator._resolve_task(labels_of(X) if isinstance(X, Scan) and estimator._known_task() is None else y)
        is_sparse = sparse.issparse(X)
        fitted_by = estimator.loss if estimator.loss == "poisson" else "squared"
        students = resolve_students(estimator.student, estimator.max_bytes, task, sparse=is_sparse, loss=fitted_by)
        assistants = resolve_assistants(estimator.assistants, task, is_sparse, fitted_by)
        streams = None
        if isinstance(X, Scan) or isinstance(X_unlabeled, Scan):
            with progress.stage("sample"):
                streams = Streams.open(estimator, task, students, X, y, X_unlabeled, sample_weight, params)
            X, y, X_unlabeled, students = streams.X, streams.y, streams.X_unlabeled, streams.students
            sample_weight, params = streams.sample_weight, streams.params
        samplers = resolve_samplers(estimator.augmentation, sparse=is_sparse)
        chains = resolve_chains(estimator.compression, estimator.max_bytes, _each(students))
        workshop = Workshop(task, chains, estimator.max_bytes)
        data = check_training(estimator, task, X, y, sample_weight, estimator.class_weight, params)
        _check_rows(estimator, data, samplers, [*_each(students), *assistants.values()])
        members = resolve_members(
            estimator.teachers, task, len(data.y), data.n_outputs, estimator.loss, estimator.quantile
        )
        _check_committee(estimator, task, members, students, assistants)
        fit_params, split_params = estimator._route(data.params, data.sample_weight)
        rng = generator(estimator.random_state)
        # Seeded once, so that the rival draws what the student draws.
        students = {
            name: tuple(tuple(seeded(student, rng) for student in family) for family in families)
            for name, families in students.items()
        }
        assistants = {name: seeded(student, rng) for name, student in assistants.items()}
        return cls(
            task,
            data,
            X_unlabeled,
            streams,
            members,
            students,
            assistants,
            samplers,
            workshop,
            fit_params,
            split_params,
            rng,
        )

    @property
    def learners(self) -> list[Any]:
        """All that may learn from the committee: students of every size, and assistants."""
        return [*_each(self.students), *self.assistants.values()]

    @property
    def frozen(self) -> bool:
        """Whether teachers came fitted, who may have seen any row."""
        return any(member.frozen for member in self.members)


def _each(students: dict[str, Families]) -> list[Any]:
    """The students of all families."""
    return list(chain.from_iterable(chain.from_iterable(students.values())))


def _check_rows(
    estimator: Any, data: TrainingData, samplers: tuple[BaseSampler | None, ...], learners: list[Any]
) -> None:
    """Refuse rows that no sampler can draw from, values that the loss is not of, and students that cannot follow it."""
    for sampler in samplers:
        if sampler is not None:
            sampler.check_columns(estimator.n_features_in_)
    if estimator.loss == "poisson":
        check_counts(estimator, data.y)
    elif estimator.loss in SMEARED:
        check_one_target(estimator, data.targets)
        for learner in learners:
            check_revaluable(learner, f"{estimator.loss} loss")


def _check_committee(
    estimator: Any, task: str, members: list[Member], students: dict[str, Families], assistants: dict[str, Any]
) -> None:
    """Refuse names that are given twice, rounds that change nobody, and labels that cannot be combined as asked."""
    listed = students if isinstance(estimator.student, list | tuple) else ()
    estimator._check_names([*(member.name for member in members), *assistants, *listed])
    if estimator.rounds:
        check_members(members, task, estimator.loss, estimator.weighting)
    how = estimator.weighting, estimator.aggregation, estimator.temperature, estimator.device
    check_recipe(task, len(members), *how)
