"""The one implementation behind the three estimators: `fit`, the way of the data from the raw table to the student."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import get_tags

from ._composition import DistilledComposition
from ._facts import fit_notes
from ._graduates import Graduate, Students, Taught, taught, told_students
from ._lessons import Lessons
from ._plan import Plan
from ._progress import Progress, spoken
from ._request import Request
from ._rounds import Rounds, count_refits, may_join, told_rounds
from ._selection import Judge, choose, most_trials, reason
from ._shipped import Workshop
from ._sklearn import Interval, StrOptions, fit_context
from ._stages import Course, stages
from ._transfer import Recipe
from .targets import AGGREGATIONS, Combiner, fit_combiner, value_loss
from .teachers import Committee, SoftLabels, check_rates, count_fits, cross_fit


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
        request = Request.read(self, progress, X, y, sample_weight, X_unlabeled, params)
        plan = Plan.made(self, progress, request)
        soft = self._teach(progress, request, plan)
        workshop = self._measuring(request, soft)
        if self.rounds:
            soft = self._renew(progress, request, plan, workshop, soft)
        course, judge = self._lessons(progress, request, plan, workshop, soft)
        del soft  # T matrices that no later stage reads
        if plan.helpers:
            self._assist(progress, course)
        best = self._choose(progress, request, plan, course, judge)
        del judge  # and the rows that were drawn for each trial
        graduates = self._with_rivals(progress, best, workshop, course)
        self._describe(request)
        self._graduate(request, workshop, graduates)
        progress.end()
        return self

    def _teach(self, progress: Progress, request: Request, plan: Plan) -> SoftLabels:
        """Fit the teachers and label the real rows: the long work."""
        data, members, streams = request.data, request.members, request.streams
        # Teachers of later rounds learn from rows in memory, so all do.
        batches = None if streams is None or self.rounds else streams.batches(members, data, plan.folds)
        n_fits = count_fits(members, plan.folds, plan.judged, self.rounds, batches)
        with progress.stage("teachers", n_fits) as stage:
            soft = cross_fit(
                members,
                data.X,
                data.y,
                plan.folds,
                classes=data.classes,
                n_outputs=data.n_outputs,
                sample_weight=data.sample_weight,
                fit_params=request.fit_params,
                random_state=request.rng,
                judged=plan.judged,
                depth=self.rounds,
                n_jobs=self.n_jobs,
                step=stage.step,
                batches=batches,
                apart=streams is not None and streams.apart,
            )
            n_folds = len(plan.folds)
            names = ", ".join(member.name for member in members)
            stage.say(f"{names}: {n_fits} fits in {n_folds} folds", fits=n_fits, folds=n_folds)
        if self.loss == "poisson":
            check_rates(soft.committee, soft.labels)
        return soft

    def _measuring(self, request: Request, soft: SoftLabels) -> Workshop:
        """The workshop with what it measures by: of a loss of values some is read from what is left out of fold."""
        if request.task == "classification":
            return request.workshop
        data = request.data
        self.loss_ = value_loss(
            self.loss,
            data.true_labels(),
            data.sample_weight,
            quantile=self.quantile,
            labels=soft.labels,
            covered=soft.covered,
        )
        return replace(request.workshop, loss=self.loss_)

    def _renew(
        self, progress: Progress, request: Request, plan: Plan, workshop: Workshop, soft: SoftLabels
    ) -> SoftLabels:
        """Have the teachers learn from the committee, and the student join it."""
        choices = next(iter(plan.choices.values()))
        joins = choices.families[0][-1] if may_join(self.weighting) else None
        n_fits = count_refits(request.members, request.task, self.rounds, plan.folds, plan.judged, joins is not None)
        with progress.stage("rounds", n_fits) as stage:
            combiner, blend = partial(self._combiner, request), choices.blends[0]
            rest = workshop, combiner, blend, request.rng, self.n_jobs, stage.step
            again = Rounds(request.members, joins, request.data, plan.table, *rest)
            soft, self.rounds_ = again(soft, self.rounds)
            stage.say(told_rounds(self.rounds_, workshop.measure).removeprefix("rounds: "), rounds=self.rounds_)
        return soft

    def _combiner(self, request: Request, soft: SoftLabels) -> Combiner:
        """How the committee behind `soft` speaks with one voice."""
        frozen = {member.name for member in request.members if member.frozen}
        return fit_combiner(
            soft.labels,
            request.data.truth,
            task=request.task,
            temperature=self.temperature,
            weighting=self.weighting,
            aggregation=self.aggregation,
            sample_weight=request.data.sample_weight,
            covered=soft.covered,
            device=self.device,
            out_of_fold=[name not in frozen for name in soft.committee],
            loss=getattr(self, "loss_", None),
        )

    def _lessons(
        self, progress: Progress, request: Request, plan: Plan, workshop: Workshop, soft: SoftLabels
    ) -> tuple[Course, Judge]:
        """What the committee teaches: about all rows, and about some of them to students judged on the others."""
        data, streams = request.data, request.streams
        seed = request.rng.randint(np.iinfo(np.int32).max)
        with progress.stage("targets") as stage:
            combiner = partial(self._combiner, request)
            rest = seed, combiner, workshop.loss, self.device
            lessons = Lessons(request.task, data, plan.table, plan.pool, plan.folds, *rest)
            lesson, combine = lessons.lesson(soft)
            self._keep(soft.committee, combine)
            self.oracle_ = lesson.oracle
            told = ", ".join(f"{name} {weight:.2f}" for name, weight in self.teacher_weights_.items())
            stage.say(f"weights of the teachers {told}", weights=self.teacher_weights_)
            judge = Judge(lessons.grounds(soft, len(plan.judged), plan.helpers), workshop)
            course = Course(lesson, plan.helpers)
            if streams is not None:
                course.deliver = partial(streams.lesson, data=data, folds=plan.folds)
        return course, judge

    def _keep(self, committee: Committee, combine: Combiner) -> None:
        """Keep the teachers and what makes one voice of theirs."""
        self.teachers_ = committee
        self.teacher_weights_ = dict(zip(committee, combine.weights.tolist(), strict=True))
        if combine.temperatures is not None:
            self.temperatures_ = dict(zip(committee, combine.temperatures.tolist(), strict=True))
        if combine.scaling is not None:
            exponent, self.committee_biases_ = combine.scaling
            self.committee_temperature_ = 1.0 / exponent

    def _assist(self, progress: Progress, course: Course) -> None:
        """Fit the assistants."""
        with progress.stage("assistants") as stage:
            self.assistants_ = {each.name: each for each in course.assistants}
            self.stages_ = stages(course)
            stage.say(", ".join(f"{row['stage']} {row['loss']:.4g}" for row in self.stages_), stages=self.stages_)

    def _choose(
        self, progress: Progress, request: Request, plan: Plan, course: Course, judge: Judge
    ) -> dict[str, Taught]:
        """Judge what each student may be and learn from, and fit the best of it on all rows."""
        n_trials = sum(most_trials(each, len(judge.grounds)) for each in plan.choices.values())
        with progress.stage("selection", n_trials) as stage:
            judge.step = stage.step
            rankings = {name: choose(each, judge) if judge.grounds else [] for name, each in plan.choices.items()}
            judge.step = None
            n_recipes = sum(map(len, rankings.values()))
            stage.say(f"{n_recipes} recipes judged" if n_recipes else "nothing to choose", recipes=n_recipes)
        with progress.stage("student") as stage:
            best = {name: taught(each, rankings[name], judge, course) for name, each in plan.choices.items()}
            for shipped, recipe, selection in best.values():
                size = "" if shipped.nbytes is None else f", {shipped.nbytes:,} bytes"
                stage.say(f"{recipe.student}{size}")
                if selection:
                    why = reason(selection, judge.workshop.measure, request.frozen)
                    stage.say(why.removeprefix("selection: "))
            stage.facts["nbytes"] = {name: shipped.nbytes for name, (shipped, _, _) in best.items()}
        return best

    def _with_rivals(
        self, progress: Progress, best: dict[str, Taught], workshop: Workshop, course: Course
    ) -> dict[str, Graduate]:
        """The honest rival of each student, the same without the committee; fitted here so that a report never fits."""
        with progress.stage("rival on hard labels"):
            graduates = {}
            for name, (shipped, recipe, selection) in best.items():
                rival = shipped if recipe.hard else workshop.fit(Recipe(recipe.student, hard=True), course)
                graduates[name] = Graduate(shipped, rival, recipe, selection)
        return graduates

    def _describe(self, request: Request) -> None:
        """Keep what rows and answers look like."""
        data = request.data
        self.task_ = request.task
        self.n_outputs_ = data.n_outputs
        self._targets, self._flat = data.targets, data.flat
        self._allows_nan = get_tags(self).input_tags.allow_nan
        if data.classes is not None:
            self.classes_ = data.classes

    def _graduate(self, request: Request, workshop: Workshop, graduates: dict[str, Graduate]) -> None:
        """Keep the students, each with what a report must say of it, and show the best."""
        further = told_students(graduates, workshop.measure, request.frozen)
        if request.streams is not None:
            further += request.streams.notes(self.teachers_)
            self.teachers_.forget_folds()
        n_rows = len(request.data.y)
        notes = {name: (*fit_notes(self, each, request.members, n_rows), *further) for name, each in graduates.items()}
        self.students_ = Students({name: replace(each, notes=notes[name]) for name, each in graduates.items()})
        self._show(self.students_.best())

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
