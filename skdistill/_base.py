"""The one implementation behind the three estimators: fit, predict, lower, report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import assert_all_finite, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._composition import DistilledComposition
from ._estimators import generator, seeded
from ._inputs import TrainingData, check_table, check_training
from ._sklearn import Interval, StrOptions, fit_context
from ._transfer import TransferSet
from .augmentation import resolve_sampler
from .model import Model, Output
from .preprocessing import TableEncoder
from .report import Contestant, DistillationReport, distillation_report, joblib_nbytes
from .students import resolve_student
from .targets import AGGREGATIONS, blend_labels, check_recipe, fit_combiner
from .teachers import (
    SVM_EXACT_ROWS,
    Oracle,
    cross_fit,
    make_folds,
    resolve_members,
    without_heavy,
)


def _classifies(estimator: Any) -> bool:
    """Whether a `DistilledEstimator` is known to classify: by what was fitted, else by what it was given."""
    return bool(estimator._known_task() == "classification")


def _scores(estimator: Any) -> bool:
    """Whether the student gives decision scores."""
    if not _classifies(estimator):
        return False
    student = getattr(estimator, "student_", None)
    if student is None:
        if isinstance(estimator.student, str):
            return estimator.student in ("additive", "linear")
        student = estimator.student
    return hasattr(student, "decision_function")


class BaseDistilled(DistilledComposition):
    """Everything the three faces share."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "teachers": "no_validation",  # resolved with messages of their own
        "student": "no_validation",
        "cv": ["cv_object"],
        "weighting": [None, StrOptions({"log_loss", "loss", "greedy"}), "array-like"],
        "aggregation": [StrOptions(set(AGGREGATIONS)), callable],
        "blend": [Interval(Real, 0, 1, closed="both")],
        "augmentation": "no_validation",
        "keep_teachers": ["boolean"],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    weighting: Any
    aggregation: Any
    blend: float
    augmentation: Any
    keep_teachers: bool
    device: str
    n_jobs: int | None
    random_state: Any
    verbose: int
    temperature: float | str = 1.0
    class_weight: Any = None

    # ------------------------------------------------------------------ fitting

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_unlabeled: Any = None, **params: Any) -> Self:
        """Fit the teachers, label the rows with them, fit the student on the labels.

        Parameters
        ----------
        X : table of shape (n, d)
            Data frame of any library, array or sparse matrix. Categories and missing values are taken as they are by
            teachers given by name and by every student; a teacher given as an estimator receives X untouched.
        y : array-like of shape (n,) or, for regression, (n, m)
            True labels.
        sample_weight : array-like of shape (n,), optional
            Used by every stage. A row of weight 0 is as if absent.
        X_unlabeled : table of shape (u, d), optional
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
        task = self._resolve_task(y)
        student = resolve_student(self.student, task, sparse=sparse.issparse(X))
        sampler = resolve_sampler(self.augmentation, sparse=sparse.issparse(X))
        data = check_training(self, task, X, y, sample_weight, self.class_weight, params)
        members = resolve_members(self.teachers, task, len(data.y), data.n_outputs)
        self._check_names(member.name for member in members)
        check_recipe(task, len(members), self.weighting, self.aggregation, self.temperature, self.device)
        fit_params, split_params = self._route(data.params, data.sample_weight)
        rng = generator(self.random_state)
        student = seeded(student, rng)  # once, so that the rival draws what the student draws

        with self._stage("encoder"):
            # First, since it is quick and reads every cell: what no stage can use is refused before the long work.
            encoder = TableEncoder(scale=student.wants_scaling).fit(data.X, sample_weight=data.sample_weight)
            Z = encoder.transform(data.X)
            Z_pool = None
            if X_unlabeled is not None:
                X_unlabeled = check_table(self, X_unlabeled, reset=False)
                Z_pool = encoder.transform(X_unlabeled)
        with self._stage("teachers"):
            folds = []
            if not all(member.frozen for member in members):
                seed = rng.randint(np.iinfo(np.int32).max)
                folds = make_folds(self.cv, data.X, data.y, task, kept=data.kept, seed=seed, split_params=split_params)
            soft = cross_fit(
                members,
                data.X,
                data.y,
                folds,
                classes=data.classes,
                n_outputs=data.n_outputs,
                sample_weight=data.sample_weight,
                fit_params=fit_params,
                random_state=rng,
                n_jobs=self.n_jobs,
                log=self._log if self.verbose else None,
            )
        with self._stage("targets"):
            combine = fit_combiner(
                soft.labels,
                data.truth,
                task=task,
                temperature=self.temperature,
                weighting=self.weighting,
                aggregation=self.aggregation,
                sample_weight=data.sample_weight,
                covered=soft.covered,
                device=self.device,
                out_of_fold=[not member.frozen for member in members],
            )
            Q = np.zeros((len(data.y), data.n_outputs))
            every = bool(soft.covered.all())
            Q[soft.covered] = combine(soft.labels if every else [labels[soft.covered] for labels in soft.labels])
            blend_labels(Q, data.truth, self.blend, task, covered=None if every else soft.covered)
            committee, oracle = soft.committee, Oracle(soft.committee, combine)
            del soft  # T matrices that no later stage reads
        real = transfer = TransferSet(Z, Q, data.sample_weight)
        # A row of the pool weighs what a real row weighs on average, whatever the scale of the weights.
        average = real.total_weight() / len(Q)
        if Z_pool is not None:
            with self._stage("unlabeled rows"):
                transfer = transfer.extended(Z_pool, oracle(X_unlabeled), average)
        if sampler is not None:
            with self._stage("augmentation"):
                n_new = sampler.n_new(len(Q))
                X_new = sampler.sample(data.X, n_new, rng)
                each = sampler.weight * real.total_weight() / n_new
                transfer = transfer.extended(encoder.transform(X_new), oracle(X_new), each)
        with self._stage("student"):
            self.student_ = _fit_student(student, transfer)
        with self._stage("rival on hard labels"):
            # The honest rival is the same student without the committee; fitted here so that a report never fits.
            self.hard_student_ = _fit_student(student, TransferSet(Z, data.true_labels(), data.sample_weight))

        self.augmentation_ = sampler
        self.encoder_ = encoder
        self.teachers_ = committee
        self.oracle_ = oracle
        self.teacher_weights_ = dict(zip(committee, combine.weights.tolist(), strict=True))
        if combine.temperatures is not None:
            self.temperatures_ = dict(zip(committee, combine.temperatures.tolist(), strict=True))
        if combine.scaling is not None:
            exponent, self.committee_biases_ = combine.scaling
            self.committee_temperature_ = 1.0 / exponent
        self._describe(task, data, members)
        return self

    def _forget(self) -> None:
        """Drop what an earlier fit left, so that a fit that fails leaves no mixture of two."""
        for name in [name for name in vars(self) if name.endswith("_") and not name.startswith("_")]:
            delattr(self, name)
        self.fit_seconds_: dict[str, float] = {}

    def _describe(self, task: str, data: TrainingData, members: list[Any]) -> None:
        self.task_ = task
        self.n_outputs_ = data.n_outputs
        self._targets, self._flat = data.targets, data.flat
        self._allows_nan = get_tags(self).input_tags.allow_nan
        if data.classes is not None:
            self.classes_ = data.classes
        notes = []
        if len(data.y) > SVM_EXACT_ROWS and any(member.preset == "svm" for member in members):
            notes.append(
                f"svm: above {SVM_EXACT_ROWS:,} rows a linear SVM on Nystroem features stands in for the kernel SVM."
            )
        route = getattr(self.student_, "route_", None)
        if route is not None:
            notes.append(f"student: {type(self.student_.estimator).__name__}, fitted by {route}.")
        if self.augmentation_ is not None:
            n_new = self.augmentation_.n_new(len(data.y))
            notes.append(f"augmentation: {n_new:,} rows drawn by {self.augmentation_!r} and labelled by the committee.")
        self.notes_ = tuple(notes)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.fit_seconds_[name] = time.perf_counter() - started
        if self.verbose:
            self._log(f"{name}: {self.fit_seconds_[name]:.1f} s")

    def _log(self, message: str) -> None:
        print(f"[{type(self).__name__}] {message}", flush=True)

    # ------------------------------------------------------------------ predicting

    def _outputs(self, X: Any, student: Any = None) -> NDArray[np.float64]:
        """Q-hat of shape (n, n_outputs)."""
        check_is_fitted(self)
        outputs: NDArray[np.float64] = (self.student_ if student is None else student).evaluate(self._encode(X))
        return outputs

    def _encode(self, X: Any) -> Any:
        """The student's matrix. The encoder checks the table against the columns of `fit` as it reads it."""
        if not self._allows_nan and not nw.dependencies.is_into_dataframe(X) and not sparse.issparse(X):
            X = np.asarray(X)
            if X.dtype.kind == "f":
                assert_all_finite(X, input_name="X")
        return self.encoder_.transform(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict with the student alone.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) or (n, m)
            Class labels, or values.
        """
        outputs = self._outputs(X)
        if self.task_ == "classification":
            return self.classes_[outputs.argmax(axis=1)]
        return outputs.ravel() if self._flat else outputs

    @available_if(_classifies)
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Class probabilities of the student.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n, k)
            Columns in the order of ``classes_``.
        """
        return self._outputs(X)

    @available_if(_scores)
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Scores of the student before they become probabilities, where it has such.

        Parameters
        ----------
        X : table of shape (n, d)

        Returns
        -------
        ndarray of shape (n,) for two classes, else (n, k)
        """
        check_is_fitted(self)
        scores = self.student_.decision_function(self._encode(X))
        if scores.ndim == 2 and scores.shape[1] == 2:
            return scores[:, 1] - scores[:, 0]
        return scores

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "task_")

    # ------------------------------------------------------------------ after fitting

    def to_model(self) -> Model:
        """Lower encoder and student to the model form: what is saved, exported and shipped.

        Returns
        -------
        skdistill.model.Model

        Raises
        ------
        TypeError
            The student is a third-party estimator, which has no model form.
        """
        check_is_fitted(self)
        return self._lower(self.student_)

    def _lower(self, student: Any) -> Model:
        if not hasattr(student, "predictor_"):
            raise TypeError(
                f"A student of type {type(student.estimator).__name__} has no model form. Save it with joblib, or use "
                "student='tree', student='linear' or student='additive'."
            )
        if self.task_ == "classification":
            output = Output(self.task_, student.link_, tuple(self.classes_.tolist()), (), True)
        else:
            output = Output(self.task_, student.link_, None, self._targets, self._flat)
        return Model(self.encoder_.to_preprocessor(), student.predictor_, output)

    def report(self, X: Any, y: Any, *, teacher_proba: Any = None) -> DistillationReport:
        """Compare committee, same student on hard labels, and distilled student on rows that none of them saw.

        Parameters
        ----------
        X : table of shape (n, d)
        y : array-like of shape (n,) or (n, m)
        teacher_proba : array-like of shape (n, k) or, for regression, (n,) or (n, m), optional
            The committee's answers for X, for an estimator that was loaded without its teachers.

        Returns
        -------
        DistillationReport
        """
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        contestants, notes = [], list(self.notes_)
        teachers = getattr(self, "teachers_", None)
        if teacher_proba is not None:
            given = np.asarray(teacher_proba, dtype=np.float64)
            contestants.append(Contestant("committee", "committee", given, None, None))
        elif teachers is not None:
            nbytes = joblib_nbytes(teachers)
            contestants.append(Contestant("committee", "committee", self.oracle_(X), nbytes, self.oracle_))
            if len(teachers) > 1:
                for name in teachers:
                    ask = teachers.ask(name)
                    contestants.append(Contestant(name, "teacher", ask(X), joblib_nbytes(teachers[name]), ask))
        else:
            notes.append(
                "This estimator was loaded without its teachers, so their rows are missing: pass teacher_proba=..., or "
                "fit with keep_teachers=True before saving."
            )
        for name, role, student in (
            ("student on hard labels", "hard", self.hard_student_),
            ("distilled student", "student", self.student_),
        ):
            nbytes = self._lower(student).nbytes if hasattr(student, "predictor_") else joblib_nbytes(student)
            predict = partial(self._outputs, student=student)
            contestants.append(Contestant(name, role, predict(X), nbytes, predict))
        classes = self.classes_ if self.task_ == "classification" else None
        return distillation_report(self.task_, X, y, contestants, classes=classes, notes=tuple(notes))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__ = deepcopy(self.__dict__, memo)  # teachers included: only what is pickled leaves them behind
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "task_" in state and not self.keep_teachers:
            state.pop("teachers_", None)
            state.pop("oracle_", None)
            state["teachers"] = without_heavy(state["teachers"])
        return state


def _fit_student(student: Any, rows: TransferSet) -> Any:
    """A fitted clone; a single regression target goes in as the one-dimensional y that estimators expect."""
    Q = rows.Q.ravel() if rows.Q.shape[1] == 1 else rows.Q
    with config_context(enable_metadata_routing=False):  # the caller's routing does not speak of the student
        return clone(student).fit(rows.Z, Q, sample_weight=rows.weight)
