"""Fit the committee and label the real rows out of fold.

In-sample labels of a boosted tree or a kernel machine are near one-hot: they carry the hard label back, not what the
teacher knows. So every real row is labelled by teachers that did not see it (cross-fitting: Dao et al. 2021), while a
teacher fitted on all rows labels everything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from .._estimators import seeded, weight_key
from .._sklearn import check_method_params, routing_enabled, safe_indexing
from ..preprocessing import TableEncoder
from ._answers import answer, check_can_answer, class_codes, response_method
from ._batches import Batches, fit_in_batches
from ._committee import Committee, FittedTeacher
from ._folds import Fold
from ._frozen import check_column_order, check_same_classes
from ._jobs import Job, Without, grounds_of, held_out, jobs_of, rows_without
from ._members import Member
from ._scores import cross_calibrate


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """What the committee says of the real rows.

    Attributes
    ----------
    labels : list of T arrays of shape (n, n_outputs)
        Out of fold for fitted teachers, as asked for frozen ones. Rows that no fold holds out are 0 there.
    covered : ndarray of bool, shape (n,)
        Rows that have labels.
    committee : Committee
        The teachers fitted on all rows.
    trials : tuple of Trial
        One per judged fold, in their order; where these hold trials too, further ones for all other folds.
    """

    labels: list[NDArray[np.float64]]
    covered: NDArray[np.bool_]
    committee: Committee
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, eq=False)
class Trial:
    """The whole of cross-fitting once more without the rows of one fold, on which students can then be judged.

    Attributes
    ----------
    rows : ndarray
        Training rows of the fold: what a judged student learns from.
    held : ndarray
        Rows that no teacher of this trial has seen, neither those that labelled `rows` nor the committee. (Whether a
        frozen teacher has seen them cannot be known.)
    soft : SoftLabels
        Labels of `rows`, 0 elsewhere, and the committee fitted on `rows`.
    """

    rows: NDArray[np.intp]
    held: NDArray[np.intp]
    soft: SoftLabels


def cross_fit(
    members: list[Member],
    X: Any,
    y: NDArray[Any],
    folds: list[Fold],
    *,
    classes: NDArray[Any] | None,
    n_outputs: int,
    sample_weight: NDArray[np.float64] | None = None,
    fit_params: dict[str, dict[str, Any]] | None = None,
    random_state: np.random.RandomState | None = None,
    judged: Sequence[int] = (),
    depth: int = 0,
    n_jobs: int | None = None,
    step: Callable[..., None] | None = None,
    batches: Batches | None = None,
    apart: bool = False,
) -> SoftLabels:
    """Fit every teacher on every fold and on all rows; label the rows that each fold holds out.

    Parameters
    ----------
    members : list of Member
    X : table of n rows, handed to the teachers untouched (rows selected)
    y : ndarray of shape (n,) or (n, m)
        Labels or values as the caller gave them.
    folds : list of (train, test)
    classes : ndarray of shape (k,), or None for regression
    n_outputs : int
        k, or the number of targets.
    sample_weight : ndarray of shape (n,), optional
    fit_params : dict of name to dict, optional
        Metadata routed to each teacher; `sample_weight` is then not added for the caller's own teachers.
    random_state : RandomState, optional
        Source of the seeds of teachers whose ``random_state`` parameters are None.
    judged : sequence of int
        Folds to hold a `Trial` on. Teachers fitted without the rows of two folds label each of them for the trial of
        the other, so that m of K folds cost m (2 K - m - 1) / 2 further fits of each teacher.
    depth : int
        How many trials lie within each other, below those that are judged: a trial of depth 1 holds trials of its own,
        without a further fold.
    n_jobs : int, optional
        Fits at a time; the result does not depend on it.
    step : callable, optional
        Told of every finished fit by its name, its seconds and, by keyword, `teacher`; `count_fits` says how many.
    batches : Batches, optional
        More rows, in the same folds, that do not fit in memory: boosters learn from them too, one fit after the other.
    apart : bool
        Whether rows that come later are in the groups of these, so that no teacher may label those of a group that it
        has seen: the committee then holds all teachers by fold.

    Returns
    -------
    SoftLabels

    Raises
    ------
    ValueError
        A teacher failed; it is named, the original error is the cause.
    """
    n = len(y)
    task = "regression" if classes is None else "classification"
    grounds = {without: rows_without(folds, without) for without in grounds_of(folds, judged, depth)}
    pools = {
        without: _Pool(members, np.arange(n) if rows is None else rows, X, y, classes, n_outputs, sample_weight)
        for without, rows in grounds.items()
    }
    unfitted = [member for member in members if not member.frozen]
    for member in unfitted:
        check_can_answer(member.name, member.estimator, task)
    tasks = [
        (member, estimator, params, job)
        for member in unfitted
        for estimator, params in [
            (seeded(member.estimator, random_state), _weight_params(member, sample_weight, fit_params))
        ]
        for job in _jobs(member, folds, grounds, batches, apart)
    ]
    tasks.sort(key=lambda task: task[-1].in_batches)
    calls = [
        (member.name, member.named, estimator, X, y, params, job, classes, n_outputs)
        for member, estimator, params, job in tasks
    ]
    n_held = sum(not job.in_batches for *_, job in tasks)
    results = chain(
        Parallel(n_jobs=n_jobs, return_as="generator")(delayed(_fit_and_label)(*call) for call in calls[:n_held]),
        (_fit_and_label(*call, batches) for call in calls[n_held:]),  # what these read is open in this process
    )
    by_fold: dict[str, list[Any]] = {member.name: [] for member, _, _, job in tasks if job.beyond}
    for (member, _, _, job), (fitted, labels, missing, method, seconds) in zip(tasks, results, strict=True):
        if job.beyond:
            by_fold[member.name].append(fitted)  # jobs come in the order of the folds
        if job.keep:
            teacher = FittedTeacher(member.name, fitted, method, in_batches=job.in_batches)
            pools[job.without].teachers[member.name] = teacher
        for (without, rows), part in zip(job.asked, labels, strict=True):
            pools[without].add(member.name, rows, part, missing)
        if step is not None:
            step(f"{member.name}, {job.name}", seconds, teacher=member.name)
    for name, teachers in by_fold.items():
        pools[frozenset()].teachers[name].by_fold = tuple(teachers)
    # From the smallest to the largest, so that each finds the trials that lie within it.
    found: dict[Without, SoftLabels] = {}
    for without in reversed(grounds):
        trials = [
            Trial(taught, held_out(folds, i, grounds[without]), found[without | {i}])
            for i in [*judged, *(i for i in range(len(folds)) if i not in judged)]
            if i not in without and (taught := grounds.get(without | {i})) is not None
        ]
        found[without] = replace(pools[without].soft_labels(), trials=tuple(trials))
    return found[frozenset()]


def count_fits(
    members: list[Member],
    folds: list[Fold],
    judged: Sequence[int],
    depth: int = 0,
    batches: Batches | None = None,
) -> int:
    """How many fits `cross_fit` makes."""
    grounds = {without: rows_without(folds, without) for without in grounds_of(folds, judged, depth)}
    return sum(len(_jobs(member, folds, grounds, batches)) for member in members if not member.frozen)


def _jobs(
    member: Member,
    folds: list[Fold],
    grounds: dict[Without, NDArray[np.intp] | None],
    batches: Batches | None,
    apart: bool = False,
) -> list[Job]:
    return jobs_of(folds, grounds, batches is not None and batches.teach(member.estimator), apart)


class _Pool:
    """Collects the labels of some of the rows, by teachers that did not see them.

    Frozen teachers are asked at once: what is wrong with them shows before the long work.
    """

    def __init__(
        self,
        members: list[Member],
        rows: NDArray[np.intp],
        X: Any,
        y: NDArray[Any],
        classes: NDArray[Any] | None,
        n_outputs: int,
        weight: NDArray[np.float64] | None,
    ) -> None:
        self.y, self.weight, self.classes, self.n_outputs = y, weight, classes, n_outputs
        self.names = [member.name for member in members]
        self.teachers: dict[str, FittedTeacher] = {}
        self.labels = {name: np.zeros((len(y), n_outputs)) for name in self.names}
        self.parts: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp]]]] = {}
        self.asked = np.zeros(len(y), dtype=np.intp)
        for member in members:
            if member.frozen:
                part = X if len(rows) == len(y) else safe_indexing(X, rows)
                own = None if weight is None else weight[rows]
                asked = _ask_frozen(member, part, y[rows], classes, n_outputs, own)
                self.teachers[member.name], self.labels[member.name][rows] = asked
            else:
                self.parts[member.name] = []
        if not self.parts:
            self.asked[rows] = 1

    def add(self, name: str, rows: NDArray[np.intp], labels: NDArray[np.float64], missing: NDArray[np.intp]) -> None:
        """What a teacher says of `rows`, and the classes it never saw."""
        np.add.at(self.labels[name], rows, labels)
        if name == next(iter(self.parts)):  # all teachers are asked for the same rows
            np.add.at(self.asked, rows, 1)
        self.parts[name].append((rows, missing))

    def soft_labels(self) -> SoftLabels:
        """The labels, calibrated where they are scores."""
        rows = np.flatnonzero(self.asked)
        for name, parts in self.parts.items():
            self.labels[name] /= np.maximum(self.asked, 1)[:, None]
            if self.classes is not None and self.teachers[name].method == "decision_function" and len(rows):
                self.labels[name] = _calibrate(
                    self.teachers[name], self.labels[name], parts, self.y, self.classes, self.weight, rows
                )
        committee = Committee([self.teachers[name] for name in self.names], self.classes, self.n_outputs)
        return SoftLabels([self.labels[name] for name in self.names], self.asked > 0, committee)


def _ask_frozen(
    member: Member,
    X: Any,
    y: NDArray[Any],
    classes: NDArray[Any] | None,
    n_outputs: int,
    weight: NDArray[np.float64] | None,
) -> tuple[FittedTeacher, NDArray[np.float64]]:
    """A teacher that is never fitted, and its labels of the given rows."""
    name, estimator = member.name, member.estimator
    method = response_method(name, estimator, "regression" if classes is None else "classification")
    if classes is not None:
        check_same_classes(name, estimator, classes)
    teacher = FittedTeacher(name, estimator, method)
    labels = _ask(name, estimator, method, X, len(y), classes, n_outputs, _hint(estimator, X))
    if classes is not None:
        if method == "decision_function":
            labels = _calibrate(teacher, labels, [], y, classes, weight, np.arange(len(y)))
        check_column_order(name, labels, y, classes)
    return teacher, labels


def _fit_and_label(
    name: str,
    named: bool,
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    params: dict[str, Any],
    job: Job,
    classes: NDArray[Any] | None,
    n_outputs: int,
    batches: Batches | None = None,
) -> tuple[Any, list[NDArray[np.float64]], NDArray[np.intp], str, float]:
    """Fit one clone and label what is asked; return it if it is kept, the labels and the classes it never saw."""
    started = time.perf_counter()
    estimator = clone(estimator)
    train = np.arange(len(y)) if job.train is None else job.train
    part = X if job.train is None else safe_indexing(X, train)
    params = check_method_params(X, params, indices=train)
    try:
        # Our own teachers take weights by keyword whatever the caller's routing says.
        with config_context(enable_metadata_routing=False) if named else nullcontext():
            if batches is None:
                estimator.fit(part, y[train], **params)
            else:
                estimator = fit_in_batches(estimator, batches, job.train, job.without, "sample_weight" in params)
    except Exception as error:
        where = "all rows" if job.train is None else f"{job.name}, {len(train)} rows"
        raise ValueError(
            f"Teacher {name!r} failed to fit on {where}: {type(error).__name__}: {error}{_hint(estimator, X)}"
        ) from error
    task = "regression" if classes is None else "classification"
    method = response_method(name, estimator, task)
    missing = np.array([], dtype=np.intp)
    if classes is not None:
        missing = np.setdiff1d(np.arange(len(classes)), class_codes(name, estimator, classes))
    labels = [
        _ask(name, estimator, method, safe_indexing(X, rows), len(rows), classes, n_outputs, "")
        if len(rows)
        else np.zeros((0, n_outputs))
        for _, rows in job.asked
    ]
    return (estimator if job.keep or job.beyond else None), labels, missing, method, time.perf_counter() - started


def _ask(
    name: str, estimator: Any, method: str, X: Any, n: int, classes: NDArray[Any] | None, n_outputs: int, hint: str
) -> NDArray[np.float64]:
    try:
        return answer(name, estimator, method, X, n, classes, n_outputs)
    except Exception as error:
        if repr(name) in str(error):
            raise
        raise ValueError(f"Teacher {name!r} failed to label rows: {type(error).__name__}: {error}{hint}") from error


def _hint(estimator: Any, X: Any) -> str:
    """What to do where a teacher was handed labels or columns that it cannot read."""
    if type(estimator).__module__.startswith("xgboost"):
        return " XGBClassifier takes the labels 0 .. k - 1 only: pass 'xgboost' by name, which takes any."
    dtypes = getattr(X, "dtypes", None)
    raw = dtypes is not None and any(not str(t).lower().startswith(("int", "uint", "float", "bool")) for t in dtypes)
    if not raw or isinstance(getattr(estimator, "steps", [(None, None)])[0][1], TableEncoder):
        return ""
    return (
        " A teacher given as an estimator receives the table as it is. If its categories or missing values are the "
        f"cause, pass make_pipeline(TableEncoder(), {type(estimator).__name__}(...))."
    )


def _calibrate(
    teacher: FittedTeacher,
    scores: NDArray[np.float64],
    tests: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    y: NDArray[Any],
    classes: NDArray[Any],
    weight: NDArray[np.float64] | None,
    rows: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Give the teacher its calibrator; return probabilities for its pooled scores of `rows`, 0 for other rows."""
    position = np.full(len(y), -1)
    position[rows] = np.arange(len(rows))
    parts = [position[test] for test, _ in tests]
    codes = np.searchsorted(classes, y[rows])
    labels, teacher.calibrator = cross_calibrate(
        scores[rows], codes, parts, len(classes), None if weight is None else weight[rows]
    )
    proba = np.zeros_like(scores)
    proba[rows] = labels
    for test, missing in tests:
        if len(missing):  # its fold never saw these classes
            proba[np.ix_(test, missing)] = 0.0
    total = proba.sum(axis=1, keepdims=True)
    return np.divide(proba, total, out=np.zeros_like(proba), where=total > 0)


def _weight_params(
    member: Member, sample_weight: NDArray[np.float64] | None, fit_params: dict[str, dict[str, Any]] | None
) -> dict[str, Any]:
    if routing_enabled() and not member.named:
        return (fit_params or {}).get(member.name, {})
    if sample_weight is None:
        return {}
    key = weight_key(member.estimator)
    if key is None:
        raise ValueError(
            f"Teacher {member.name!r} ({type(member.estimator).__name__}) does not support sample weights. Drop "
            "sample_weight and class_weight, or this teacher."
        )
    params = {key: sample_weight}
    if member.named and "__" in key:  # the encoder in front of our own teachers counts weights too
        params["tableencoder__sample_weight"] = sample_weight
    return params
