"""Fit the committee and label the real rows out of fold.

In-sample labels of a boosted tree or a kernel machine are near one-hot: they carry the hard label back, not what the
teacher knows. So every real row is labelled by teachers that did not see it (cross-fitting: Dao et al. 2021), while a
teacher fitted on all rows labels everything else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
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
from ._committee import Committee, FittedTeacher
from ._folds import Fold
from ._frozen import check_column_order, check_same_classes
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
    """

    labels: list[NDArray[np.float64]]
    covered: NDArray[np.bool_]
    committee: Committee


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
    n_jobs: int | None = None,
    log: Callable[[str], None] | None = None,
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
    n_jobs : int, optional
        Fits at a time; the result does not depend on it.
    log : callable, optional
        Told of every finished fit.

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
    pooled: dict[str, NDArray[np.float64]] = {}
    fitted: dict[str, FittedTeacher] = {}
    for member in members:  # what is wrong with a frozen teacher shows before the long work
        if member.frozen:
            fitted[member.name], pooled[member.name] = _ask_frozen(member, X, y, classes, n_outputs, sample_weight)
        else:
            check_can_answer(member.name, member.estimator, task)
            pooled[member.name] = np.zeros((n, n_outputs))
    unfitted = [member for member in members if not member.frozen]
    tasks = [
        (member, estimator, params, fold)
        for member in unfitted
        for estimator, params in [
            (seeded(member.estimator, random_state), _weight_params(member, sample_weight, fit_params))
        ]
        for fold in (None, *range(len(folds)))
    ]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_and_label)(
            member.name, member.named, estimator, X, y, params, None if i is None else folds[i], classes, n_outputs
        )
        for member, estimator, params, i in tasks
    )

    tests: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp]]]] = {member.name: [] for member in unfitted}
    for (member, _, _, i), (result, missing, method, seconds) in zip(tasks, results, strict=True):
        if i is None:
            fitted[member.name] = FittedTeacher(member.name, result, method)
            part = "all rows"
        else:
            test = folds[i][1]
            np.add.at(pooled[member.name], test, result)
            tests[member.name].append((test, missing))
            part = f"fold {i + 1} of {len(folds)}"
        if log is not None:
            log(f"teacher {member.name}: {part} ({seconds:.1f} s)")

    held_out = np.zeros(n, dtype=np.intp)
    for _, test in folds:
        np.add.at(held_out, test, 1)
    for member in unfitted:
        name = member.name
        pooled[name] /= np.maximum(held_out, 1)[:, None]
        if classes is not None and fitted[name].method == "decision_function":
            rows = np.flatnonzero(held_out)
            pooled[name] = _calibrate(fitted[name], pooled[name], tests[name], y, classes, sample_weight, rows)
    covered = held_out > 0 if unfitted else np.ones(n, dtype=bool)
    committee = Committee([fitted[member.name] for member in members], classes, n_outputs)
    return SoftLabels([pooled[member.name] for member in members], covered, committee)


def _ask_frozen(
    member: Member,
    X: Any,
    y: NDArray[Any],
    classes: NDArray[Any] | None,
    n_outputs: int,
    weight: NDArray[np.float64] | None,
) -> tuple[FittedTeacher, NDArray[np.float64]]:
    """A teacher that is never fitted, and its labels of the real rows."""
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
    fold: Fold | None,
    classes: NDArray[Any] | None,
    n_outputs: int,
) -> tuple[Any, NDArray[np.intp], str, float]:
    """Fit one clone; return it (all rows) or its labels of the held-out rows with the classes it never saw."""
    started = time.perf_counter()
    estimator = clone(estimator)
    train = np.arange(len(y)) if fold is None else fold[0]
    part = X if fold is None else safe_indexing(X, train)
    try:
        # Our own teachers take weights by keyword whatever the caller's routing says.
        with config_context(enable_metadata_routing=False) if named else nullcontext():
            estimator.fit(part, y[train], **check_method_params(X, params, indices=train))
    except Exception as error:
        where = "all rows" if fold is None else f"a fold of {len(train)} rows"
        raise ValueError(
            f"Teacher {name!r} failed to fit on {where}: {type(error).__name__}: {error}{_hint(estimator, X)}"
        ) from error
    task = "regression" if classes is None else "classification"
    method = response_method(name, estimator, task)
    missing = np.array([], dtype=np.intp)
    if classes is not None:
        missing = np.setdiff1d(np.arange(len(classes)), class_codes(name, estimator, classes))
    if fold is None:
        return estimator, missing, method, time.perf_counter() - started
    test = fold[1]
    if len(test) == 0:
        return np.zeros((0, n_outputs)), missing, method, time.perf_counter() - started
    labels = _ask(name, estimator, method, safe_indexing(X, test), len(test), classes, n_outputs, "")
    return labels, missing, method, time.perf_counter() - started


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
