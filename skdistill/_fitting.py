"""The one implementation behind the three estimators: `fit`, the way of the data from the raw table to the student."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.utils import get_tags

from ._composition import DistilledComposition
from ._estimators import generator, seeded
from ._facts import fit_notes
from ._graduates import Graduate, Students, resolve_students, taught, told_students
from ._inputs import TrainingData, check_counts, check_one_target, check_pool, check_training
from ._lessons import Lessons
from ._progress import Progress, spoken
from ._rounds import Rounds, check_folds, check_members, count_refits, may_join, told_rounds
from ._selection import (
    BLENDS,
    Choices,
    Judge,
    choose,
    judged_folds,
    most_trials,
    reason,
    within_budget,
)
from ._shipped import Workshop, resolve_chains
from ._sklearn import Interval, StrOptions, fit_context
from ._stages import Course, check_widths, resolve_assistants, stages
from ._streaming import Streams, labels_of
from ._transfer import Recipe, Table
from .augmentation import resolve_samplers
from .engine import Scan
from .preprocessing import TableEncoder
from .students import TreeStudent, check_revaluable, for_width
from .targets import AGGREGATIONS, Combiner, ValueLoss, check_recipe, fit_combiner, value_loss
from .teachers import (
    Batches,
    Fold,
    Member,
    SoftLabels,
    check_rates,
    count_fits,
    cross_fit,
    make_folds,
    resolve_members,
)


class DistilledFitting(DistilledComposition):
    """The stages in their order."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "teachers": "no_validation",  # resolved with messages of their own
        "student": "no_validation",
        "assistants": "no_validation",
        "rounds": [Interval(Integral, 0, None, closed="left")],
        "max_bytes": [Interval(Integral, 1, None, closed="left"), None],
        "cv": ["cv_object"],
        "weighting": [None, StrOptions({"log_loss", "loss", "greedy"}), "array-like"],
        "aggregation": [StrOptions(set(AGGREGATIONS)), callable],
        "blend": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"})],
        "augmentation": "no_validation",
        "compression": "no_validation",
        "keep_teachers": ["boolean"],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    assistants: Any
    rounds: int
    max_bytes: int | None
    weighting: Any
    aggregation: Any
    blend: float | str
    augmentation: Any
    compression: Any
    device: str
    n_jobs: int | None
    random_state: Any
    verbose: int
    loss: str = "squared"
    quantile: float = 0.5
    temperature: float | str = 1.0
    class_weight: Any = None

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, X_unlabeled: Any = None, **params: Any) -> Self:
        """Fit the teachers, label the rows with them, fit the student on the labels.

        Parameters
        ----------
        X : table of shape (n, d), or scan
            Data frame of any library, array or sparse matrix. Categories and missing values are taken as they are by
            teachers given by name and by every student; a teacher given as an estimator receives X untouched.
            Or what `skdistill.scan` returns, for rows that do not fit in memory, their target among them: teachers are
            fitted on a sample, boosters and the student on all rows, block by block.
        y : array-like of shape (n,) or, for regression, (n, m)
            True labels. None beside a scan.
        sample_weight : array-like of shape (n,), optional
            Used by every stage. A row of weight 0 is as if absent.
        X_unlabeled : table of shape (u, d), or scan, optional
            More rows of the same columns without labels: the committee labels them, the student learns from them.
            Two traps. A search (`GridSearchCV`) cuts whatever has as many rows as X into folds, so keep u different
            from n. A `Pipeline` hands `X_unlabeled` on untransformed unless metadata routing is on and its
            ``transform_input`` names it.
        **params : dict
            ``groups`` for the splitter; with metadata routing enabled, whatever teachers and splitter request.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Input or a parameter that cannot be used, or a teacher that failed (it is named).
        """
        self._forget()
        try:
            with spoken(self.verbose):
                return self._fit(X, y, sample_weight, X_unlabeled, params)
        except BaseException:
            self._forget()
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any, X_unlabeled: Any, params: dict[str, Any]) -> Self:
        """The stages."""
        self.fit_seconds_: dict[str, float] = {}
        progress = Progress(self, self.fit_seconds_)
        task = self._resolve_task(labels_of(X) if isinstance(X, Scan) and self._known_task() is None else y)
        is_sparse = sparse.issparse(X)
        smeared = self.loss in ("pinball", "huber")  # what these minimise is learned by squared error first
        fitted_by = self.loss if self.loss == "poisson" else "squared"
        students = resolve_students(self.student, self.max_bytes, task, sparse=is_sparse, loss=fitted_by)
        assistants = resolve_assistants(self.assistants, task, is_sparse, fitted_by)
        streams = None
        if isinstance(X, Scan) or isinstance(X_unlabeled, Scan):
            with progress.stage("sample"):
                streams = Streams.open(self, task, students, X, y, X_unlabeled, sample_weight, params)
            X, y, X_unlabeled, students = streams.X, streams.y, streams.X_unlabeled, streams.students
            sample_weight, params = streams.sample_weight, streams.params
        samplers = resolve_samplers(self.augmentation, sparse=is_sparse)
        families = chain.from_iterable(students.values())
        chains = resolve_chains(self.compression, self.max_bytes, chain.from_iterable(families))
        workshop = Workshop(task, chains, self.max_bytes)
        data = check_training(self, task, X, y, sample_weight, self.class_weight, params)
        for sampler in samplers:
            if sampler is not None:
                sampler.check_columns(self.n_features_in_)
        if self.loss == "poisson":
            check_counts(self, data.y)
        elif smeared:
            check_one_target(self, data.targets)
            for learner in [*chain.from_iterable(chain.from_iterable(students.values())), *assistants.values()]:
                check_revaluable(learner, f"{self.loss} loss")
        members = resolve_members(self.teachers, task, len(data.y), data.n_outputs, self.loss, self.quantile)
        listed = students if isinstance(self.student, list | tuple) else ()
        self._check_names([*(member.name for member in members), *assistants, *listed])
        if self.rounds:
            check_members(members, task, self.loss, self.weighting)
        check_recipe(task, len(members), self.weighting, self.aggregation, self.temperature, self.device)
        fit_params, split_params = self._route(data.params, data.sample_weight)
        rng = generator(self.random_state)
        # Seeded once, so that the rival draws what the student draws.
        students = {
            name: tuple(tuple(seeded(student, rng) for student in family) for family in families)
            for name, families in students.items()
        }
        assistants = {name: seeded(student, rng) for name, student in assistants.items()}

        with progress.stage("encoder") as stage:
            # First, since it is quick and reads every cell: what no stage can use is refused before the long work.
            learners = [*chain.from_iterable(chain.from_iterable(students.values())), *assistants.values()]
            scales = sorted({bool(student.wants_scaling) for student in learners})
            encoders = {s: TableEncoder(scale=s).fit(data.X, sample_weight=data.sample_weight) for s in scales}
            table = Table(data.X, encoders)
            pool = None if X_unlabeled is None else table.beside(check_pool(self, X_unlabeled))
            for scale in scales:
                for rows in [table] if pool is None else [table, pool]:
                    rows.encoded(scale)
            n_rows, n_encoded = table.encoded(scales[0]).shape
            students = {name: for_width(families, n_encoded) for name, families in students.items()}
            check_widths(assistants.values(), n_encoded)
            stage.say(
                f"{task} of {n_rows:,} rows, {self.n_features_in_:,} columns as {n_encoded:,} features",
                **{"task": task, "rows": n_rows, "columns": self.n_features_in_, "features": n_encoded},
            )
        blends = BLENDS["smeared" if smeared else task] if self.blend == "auto" else (float(self.blend),)
        # Who scans has rows enough. Drawn rows know nothing of weights, so that they would make them count for less.
        enough = streams is not None or data.sample_weight is not None
        n_given = np.inf if enough else n_rows + (0 if pool is None else pool.encoded(scales[0]).shape[0])
        usual = (None,) if self.augmentation == "thin" else samplers
        choices = {
            name: Choices(
                families,
                blends,
                samplers if _is_thin_tree(families, n_given) else usual,
                self.max_bytes,
                bool(assistants),
            )
            for name, families in students.items()
        }
        # An assistant learns what the student would learn where nothing is judged.
        helpers = {name: Recipe(each, blends[0], usual[0]) for name, each in assistants.items()}
        if self.max_bytes is not None:
            with progress.stage("budget") as stage:
                choices = {
                    name: within_budget(each, table, data.true_labels(), data.sample_weight, workshop)
                    for name, each in choices.items()
                }
                n_families = sum(len(each.families) for each in choices.values())
                stage.say(f"{n_families} families of students fit {self.max_bytes:,} bytes")
        nothing_to_choose = len(choices) == 1 and all(each.only() for each in choices.values())
        folds: list[Fold] = []
        if assistants or self.rounds or not (nothing_to_choose and all(member.frozen for member in members)):
            seed = rng.randint(np.iinfo(np.int32).max)
            folds = make_folds(self.cv, data.X, data.y, task, kept=data.kept, seed=seed, split_params=split_params)
        judged = [] if nothing_to_choose else judged_folds(folds)
        if not judged and not all(each.one_student() for each in choices.values()):
            raise ValueError(
                "A student within max_bytes is chosen on rows that no teacher has seen, which takes 3 folds of "
                "'cv' at least. Give the rarest class 3 rows, raise cv, or pass a student instance."
            )
        if self.rounds:
            check_folds(self.rounds, folds, judged)
        # Teachers of later rounds learn from rows in memory, so all do.
        batches = None if streams is None or self.rounds else streams.batches(members, data, folds)
        n_fits = count_fits(members, folds, judged, self.rounds, batches)
        with progress.stage("teachers", n_fits) as stage:
            apart = streams is not None and streams.apart
            soft = self._teach(members, data, folds, judged, fit_params, rng, stage.step, batches, apart)
            del batches  # and its files
            names = ", ".join(member.name for member in members)
            stage.say(f"{names}: {n_fits} fits in {len(folds)} folds", fits=n_fits, folds=len(folds))
        if self.loss == "poisson":
            check_rates(soft.committee, soft.labels)
        if task == "regression":
            self.loss_ = value_loss(
                self.loss,
                data.true_labels(),
                data.sample_weight,
                quantile=self.quantile,
                labels=soft.labels,
                covered=soft.covered,
            )
            workshop = replace(workshop, loss=self.loss_)
        combiner = partial(self._combiner, task, data, members)
        if self.rounds:
            joins = next(iter(choices.values())).families[0][-1] if may_join(self.weighting) else None
            n_fits = count_refits(members, task, self.rounds, folds, judged, joins is not None)
            with progress.stage("rounds", n_fits) as stage:
                again = Rounds(members, joins, data, table, workshop, combiner, blends[0], rng, self.n_jobs, stage.step)
                soft, self.rounds_ = again(soft, self.rounds)
                stage.say(told_rounds(self.rounds_, workshop.measure).removeprefix("rounds: "), rounds=self.rounds_)
        seed = rng.randint(np.iinfo(np.int32).max)
        with progress.stage("targets") as stage:
            loss: ValueLoss | None = getattr(self, "loss_", None)
            lessons = Lessons(task, data, table, pool, folds, seed, combiner, loss, self.device)
            lesson, combine = lessons.lesson(soft)
            weights = dict(zip(soft.committee, combine.weights.tolist(), strict=True))
            told = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
            stage.say(f"weights of the teachers {told}", weights=weights)
            judge = Judge(lessons.grounds(soft, len(judged), helpers), workshop)
            committee = soft.committee
            del soft  # T matrices that no later stage reads
            course = Course(lesson, helpers)
            if streams is not None:
                course.deliver = partial(streams.lesson, data=data, folds=folds)
        if helpers:
            with progress.stage("assistants") as stage:
                self.assistants_ = {each.name: each for each in course.assistants}
                self.stages_ = stages(course)
                stage.say(", ".join(f"{row['stage']} {row['loss']:.4g}" for row in self.stages_), stages=self.stages_)
        n_trials = sum(most_trials(each, len(judge.grounds)) for each in choices.values())
        with progress.stage("selection", n_trials) as stage:
            judge.step = stage.step
            rankings = {name: choose(each, judge) if judge.grounds else [] for name, each in choices.items()}
            judge.step = None
            n_recipes = sum(map(len, rankings.values()))
            stage.say(f"{n_recipes} recipes judged" if n_recipes else "nothing to choose", recipes=n_recipes)
        frozen = any(member.frozen for member in members)
        with progress.stage("student") as stage:
            best = {name: taught(each, rankings[name], judge, course) for name, each in choices.items()}
            for shipped, recipe, selection in best.values():
                size = "" if shipped.nbytes is None else f", {shipped.nbytes:,} bytes"
                stage.say(f"{recipe.student}{size}")
                if selection:
                    why = reason(selection, workshop.measure, frozen)
                    stage.say(why.removeprefix("selection: "))
            stage.facts["nbytes"] = {name: shipped.nbytes for name, (shipped, _, _) in best.items()}
            del judge, rankings
        with progress.stage("rival on hard labels"):
            # The honest rival is the same student without the committee; fitted here so that a report never fits.
            graduates = {}
            for name, (shipped, recipe, selection) in best.items():
                rival = shipped if recipe.hard else workshop.fit(Recipe(recipe.student, hard=True), course)
                graduates[name] = Graduate(shipped, rival, recipe, selection)

        self.teachers_ = committee
        self.oracle_ = lesson.oracle
        self.teacher_weights_ = weights
        if combine.temperatures is not None:
            self.temperatures_ = dict(zip(committee, combine.temperatures.tolist(), strict=True))
        if combine.scaling is not None:
            exponent, self.committee_biases_ = combine.scaling
            self.committee_temperature_ = 1.0 / exponent
        self._describe(task, data)
        further = told_students(graduates, workshop.measure, frozen)
        if streams is not None:
            further += streams.notes(committee)
            committee.forget_folds()
        notes = {name: (*fit_notes(self, each, members, len(data.y)), *further) for name, each in graduates.items()}
        self.students_ = Students({name: replace(each, notes=notes[name]) for name, each in graduates.items()})
        self._show(self.students_.best())
        progress.end()
        return self

    def _teach(
        self,
        members: list[Member],
        data: TrainingData,
        folds: list[Fold],
        judged: list[int],
        fit_params: dict[str, dict[str, Any]],
        rng: np.random.RandomState,
        step: Callable[..., None],
        batches: Batches | None,
        apart: bool,
    ) -> SoftLabels:
        """Fit the teachers and label the real rows: the long work."""
        return cross_fit(
            members,
            data.X,
            data.y,
            folds,
            classes=data.classes,
            n_outputs=data.n_outputs,
            sample_weight=data.sample_weight,
            fit_params=fit_params,
            random_state=rng,
            judged=judged,
            depth=self.rounds,
            n_jobs=self.n_jobs,
            step=step,
            batches=batches,
            apart=apart,
        )

    def _combiner(self, task: str, data: TrainingData, members: list[Member], soft: SoftLabels) -> Combiner:
        """How the committee behind `soft` speaks with one voice."""
        frozen = {member.name for member in members if member.frozen}
        return fit_combiner(
            soft.labels,
            data.truth,
            task=task,
            temperature=self.temperature,
            weighting=self.weighting,
            aggregation=self.aggregation,
            sample_weight=data.sample_weight,
            covered=soft.covered,
            device=self.device,
            out_of_fold=[name not in frozen for name in soft.committee],
            loss=getattr(self, "loss_", None),
        )

    def _show(self, name: str) -> None:
        """Make one of the students the one that answers, is reported and is shipped."""
        chosen = self.students_.graduate(name)
        self.student_name_ = name
        self.student_, self.encoder_ = chosen.shipped.student, chosen.shipped.encoder
        self.hard_student_, self.hard_encoder_ = chosen.rival.student, chosen.rival.encoder
        self.recipe_, self.augmentation_ = chosen.recipe, chosen.recipe.sampler
        self.selection_, self.notes_ = chosen.selection, chosen.notes
        self.compression_ = [asdict(step) for step in chosen.shipped.steps]

    def _forget(self) -> None:
        """Drop what an earlier fit left, so that a fit that fails leaves no mixture of two."""
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)

    def _describe(self, task: str, data: TrainingData) -> None:
        self.task_ = task
        self.n_outputs_ = data.n_outputs
        self._targets, self._flat = data.targets, data.flat
        self._allows_nan = get_tags(self).input_tags.allow_nan
        if data.classes is not None:
            self.classes_ = data.classes


def _is_thin_tree(families: tuple[tuple[Any, ...], ...], n_rows: float) -> bool:
    """Whether there is one student only, a tree with few rows for its leaves."""
    students = list(chain.from_iterable(families))
    return len(students) == 1 and isinstance(students[0], TreeStudent) and students[0].is_thin(n_rows)
