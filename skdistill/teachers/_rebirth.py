"""Teachers fitted once more, on soft labels instead of true ones."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone

from .._estimators import weight_key
from .._sklearn import safe_indexing
from ._answers import response_method
from ._committee import FittedTeacher
from ._members import Member

#: A classifier gets no copy of a row for a class that is less likely than this.
LEAST_SHARE = 1e-3


def lacks_for_soft_labels(member: Member, task: str) -> str | None:
    """What keeps a teacher from learning from soft labels; None if nothing does.

    A regressor fits any values; a classifier of probabilities fits copies of a row, one for each class, weighted by the
    label.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> lacks_for_soft_labels(Member("svm", SVC(), False, None), "classification")
    'it gives scores, no probabilities'
    """
    if member.frozen:
        return "it is only asked, never fitted"
    if task == "regression":
        return None
    if getattr(member.estimator, "predict_proba", None) is None:
        return "it gives scores, no probabilities"
    return "its fit takes no sample_weight" if weight_key(member.estimator) is None else None


def fit_on_soft_labels(
    member: Member,
    estimator: Any,
    X: Any,
    targets: NDArray[Any],
    weight: NDArray[np.float64] | None,
    classes: NDArray[Any] | None,
) -> tuple[FittedTeacher, float]:
    """A teacher fitted on soft labels, and the seconds that it took.

    Parameters
    ----------
    member : Member
    estimator : estimator
        The member's, seeded; it is cloned.
    X : table of n rows
    targets : ndarray of shape (n, n_outputs)
        Rows are distributions over `classes`, or values.
    weight : ndarray of shape (n,), optional
    classes : ndarray of shape (k,), or None for regression

    Raises
    ------
    ValueError
        It failed; it is named.
    """
    started = time.perf_counter()
    y: NDArray[Any] = targets.ravel() if targets.shape[1] == 1 else targets
    if classes is not None:
        rows, codes = np.nonzero(targets > LEAST_SHARE)
        shares = targets[rows, codes].astype(np.float64)
        X, y, weight = safe_indexing(X, rows), classes[codes], shares if weight is None else shares * weight[rows]
    key = weight_key(estimator)
    params: dict[str, Any] = {} if weight is None or key is None else {key: weight}
    if params and member.named and "__" in str(key):  # the encoder in front of our own teachers counts weights too
        params["tableencoder__sample_weight"] = weight
    try:
        with config_context(enable_metadata_routing=False):  # these are our weights, not the caller's
            fitted = clone(estimator).fit(X, y, **params)
    except Exception as error:
        raise ValueError(
            f"Teacher {member.name!r} failed to fit on soft labels: {type(error).__name__}: {error} Pass rounds=0, or "
            "leave this teacher out."
        ) from error
    method = response_method(member.name, fitted, "regression" if classes is None else "classification")
    return FittedTeacher(member.name, fitted, method), time.perf_counter() - started
