"""What a fitted teacher says of rows, in the committee's own shape: one column per class, or per target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..targets import check_labels
from ._scores import score_matrix

_SOFT = ("predict_proba", "decision_function")


def response_method(name: str, estimator: Any, task: str) -> str:
    """Which method of a fitted teacher gives its labels: ``predict_proba``, ``decision_function`` or ``predict``.

    Raises
    ------
    ValueError
        A classifier with neither probabilities nor scores.
    """
    if task == "regression":
        return "predict"
    for method in _SOFT:
        if getattr(estimator, method, None) is not None:
            return method
    raise _no_soft_labels(name, estimator)


def check_can_answer(name: str, estimator: Any, task: str) -> None:
    """Refuse an unfitted teacher that will never give soft labels.

    Its class decides: a method may appear with the fit, as that of a stack does.

    Raises
    ------
    ValueError
        A classifier with neither probabilities nor scores.
    """
    if task == "classification" and all(
        getattr(type(estimator), method, None) is None and getattr(estimator, method, None) is None for method in _SOFT
    ):
        raise _no_soft_labels(name, estimator)


def _no_soft_labels(name: str, estimator: Any) -> ValueError:
    return ValueError(
        f"Teacher {name!r} ({type(estimator).__name__}) has neither predict_proba nor decision_function: it gives no "
        "soft labels. Choose a classifier that has one of them; VotingClassifier has with voting='soft'."
    )


def class_codes(name: str, estimator: Any, classes: NDArray[Any]) -> NDArray[np.intp]:
    """The position in `classes` of each class that a fitted teacher knows, in the order of its columns.

    Raises
    ------
    ValueError
        The teacher has no ``classes_``, or knows a class that is not in y.
    """
    known = getattr(estimator, "classes_", None)
    if known is None:
        raise ValueError(f"Teacher {name!r} has no 'classes_' attribute: the order of its columns is unknown.")
    position = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in np.asarray(known).tolist() if label not in position]
    if unknown:
        raise ValueError(
            f"Teacher {name!r} was trained on other classes: it knows {np.asarray(known).tolist()}, y holds "
            f"{classes.tolist()}. If it knows codes of these labels, pass CallableTeacher(model.predict_proba, "
            "classes=[...]) with the label of each code."
        )
    return np.array([position[label] for label in np.asarray(known).tolist()], dtype=np.intp)


def answer(
    name: str, estimator: Any, method: str, X: Any, n_rows: int, classes: NDArray[Any] | None, n_outputs: int
) -> NDArray[np.float64]:
    """Ask one fitted teacher about `n_rows` rows.

    Returns
    -------
    ndarray of shape (n_rows, n_outputs)
        Probabilities or scores with one column per entry of `classes`, or predicted values.

    Raises
    ------
    ValueError
        Whatever came back has a wrong shape, NaN, or rows that are no probabilities; the teacher is named.
    """
    raw = np.asarray(getattr(estimator, method)(X), dtype=np.float64)
    if classes is None:
        labels = raw.reshape(-1, 1) if raw.ndim == 1 else raw
        return check_labels(labels, n_rows, n_outputs, "regression", name)
    codes = class_codes(name, estimator, classes)
    if method == "decision_function":
        columns = 1 if raw.ndim == 1 else raw.shape[1]
        if raw.shape[0] != n_rows or columns != (1 if len(codes) == 2 and raw.ndim == 1 else len(codes)):
            raise ValueError(
                f"Teacher {name!r} must give scores for {n_rows} rows and {len(codes)} classes. Got shape {raw.shape}."
            )
        if not np.isfinite(raw).all():
            row = int(np.flatnonzero(~np.isfinite(raw).reshape(n_rows, -1).all(axis=1))[0])
            raise ValueError(f"Teacher {name!r} gave a score that is NaN or infinite in row {row}.")
        return score_matrix(raw, codes, len(classes))
    raw = check_labels(raw, n_rows, len(codes), "classification", name)
    if np.array_equal(codes, np.arange(len(classes))):
        return raw
    labels = np.zeros((n_rows, len(classes)))  # a class the teacher never saw has probability 0
    labels[:, codes] = raw
    return labels
