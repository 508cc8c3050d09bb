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
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from .._sklearn import check_method_params, routing_enabled, safe_indexing
from ..preprocessing import TableEncoder
from ._answers import answer, check_can_answer, class_codes, response_method
from ._committee import Committee, FittedTeacher
from ._folds import Fold
from ._members import Member
from ._scores import ScoreCalibrator


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
    tasks = []
    for member in members:
        if member.frozen:
            continue
        check_can_answer(member.name, member.estimator, task)
        params = _weight_params(member, sample_weight, fit_params)
        estimator = _seeded(member.estimator, random_state)
        tasks += [(member, estimator, params, fold) for fold in (None, *range(len(folds)))]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(_fit_and_label)(
            member.name, member.named, estimator, X, y, params, None if i is None else folds[i], classes, n_outputs
        )
        for member, estimator, params, i in tasks
    )

    held_out = np.zeros(n, dtype=np.intp)
    for _, test in folds:
        held_out[test] += 1
    pooled = {member.name: np.zeros((n, n_outputs)) for member in members}
    absent: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp]]]] = {member.name: [] for member in members}
    fitted: dict[str, FittedTeacher] = {}
    for (member, _, _, i), (result, missing, method, seconds) in zip(tasks, results, strict=True):
        if i is None:
            fitted[member.name] = FittedTeacher(member.name, result, method)
            part = "all rows"
        else:
            test = folds[i][1]
            np.add.at(pooled[member.name], test, result)
            absent[member.name].append((test, missing))
            part = f"fold {i + 1} of {len(folds)}"
        if log is not None:
            log(f"teacher {member.name}: {part} ({seconds:.1f} s)")

    for member in members:
        name = member.name
        if member.frozen:
            estimator = member.estimator
            method = response_method(name, estimator, task)
            if classes is not None:
                _check_frozen(name, estimator, classes)
            fitted[name] = FittedTeacher(name, estimator, method)
            pooled[name] = _ask(name, estimator, method, X, n, classes, n_outputs, _hint(estimator, X))
        else:
            pooled[name] /= np.maximum(held_out, 1)[:, None]
        if fitted[name].method == "decision_function":
            _calibrate(fitted[name], pooled, absent[name], y, classes, sample_weight, held_out, member.frozen)
        if classes is not None and member.frozen:
            _check_column_order(name, pooled[name], y, classes)

    any_fitted = any(not member.frozen for member in members)
    covered = held_out > 0 if any_fitted else np.ones(n, dtype=bool)
    committee = Committee([fitted[member.name] for member in members], classes, n_outputs)
    return SoftLabels([pooled[member.name] for member in members], covered, committee)


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
    pooled: dict[str, NDArray[np.float64]],
    absent: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
    y: NDArray[Any],
    classes: NDArray[Any] | None,
    weight: NDArray[np.float64] | None,
    held_out: NDArray[np.intp],
    frozen: bool,
) -> None:
    """Fit the teacher's calibrator on its pooled scores and turn these into probabilities, in place."""
    assert classes is not None
    rows = np.arange(len(y)) if frozen else np.flatnonzero(held_out)
    scores = pooled[teacher.name][rows]
    codes = np.searchsorted(classes, y[rows])
    teacher.calibrator = ScoreCalibrator(len(classes)).fit(scores, codes, None if weight is None else weight[rows])
    proba = np.zeros_like(pooled[teacher.name])
    proba[rows] = teacher.calibrator.predict_proba(scores)
    for test, missing in absent:
        if len(missing):
            proba[np.ix_(test, missing)] = 0.0
    total = proba.sum(axis=1, keepdims=True)
    pooled[teacher.name] = np.divide(proba, total, out=np.zeros_like(proba), where=total > 0)


def _check_frozen(name: str, estimator: Any, classes: NDArray[Any]) -> None:
    codes = class_codes(name, estimator, classes)
    if len(codes) != len(classes):
        known = np.asarray(estimator.classes_).tolist()
        raise ValueError(
            f"Teacher {name!r} was trained on other classes: it knows {known}, y holds {classes.tolist()}."
        )


def _check_column_order(name: str, proba: NDArray[np.float64], y: NDArray[Any], classes: NDArray[Any]) -> None:
    """A black box whose columns are in another order than it says is far better under a permutation of them."""
    from scipy.optimize import linear_sum_assignment

    codes = np.searchsorted(classes, y)
    table = np.zeros((len(classes), len(classes)))
    np.add.at(table, (proba.argmax(axis=1), codes), 1.0 / len(y))
    said, meant = linear_sum_assignment(-table)
    told, best = float(np.trace(table)), float(table[said, meant].sum())
    if best - told > 0.3 and told < table.sum(axis=0).max():
        order = [classes[meant[i]] for i in range(len(classes))]
        raise ValueError(
            f"Teacher {name!r} is right in {told:.0%} of the rows, but in {best:.0%} if its columns were "
            f"{[str(label) for label in order]}: its classes look to be in the wrong order. Check 'classes'."
        )


def _seeded(estimator: Any, random_state: np.random.RandomState | None) -> Any:
    """A clone whose ``random_state`` parameters that are None are drawn from ours; others are the caller's choice."""
    estimator = clone(estimator)
    if random_state is not None:
        params = estimator.get_params(deep=True)
        keys = [key for key in sorted(params) if key == "random_state" or key.endswith("__random_state")]
        seeds = {key: int(random_state.randint(np.iinfo(np.int32).max)) for key in keys if params[key] is None}
        if seeds:
            estimator.set_params(**seeds)
    return estimator


def _weight_params(
    member: Member, sample_weight: NDArray[np.float64] | None, fit_params: dict[str, dict[str, Any]] | None
) -> dict[str, Any]:
    if routing_enabled() and not member.named:
        return (fit_params or {}).get(member.name, {})
    if sample_weight is None:
        return {}
    key = _weight_key(member.estimator)
    if key is None:
        raise ValueError(
            f"Teacher {member.name!r} ({type(member.estimator).__name__}) does not support sample weights. Drop "
            "sample_weight and class_weight, or this teacher."
        )
    return {key: sample_weight}


def _weight_key(estimator: BaseEstimator) -> str | None:
    """The keyword that carries sample weights to where they are used; None if nothing takes them."""
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        inner = _weight_key(last)
        return None if inner is None else f"{name}__{inner}"
    # Searches and target transformers hand their **fit_params to the estimator they hold.
    for attribute in ("estimator", "regressor"):
        held = getattr(estimator, attribute, None)
        if held is not None and hasattr(held, "fit"):
            return _weight_key(held)
    return None
