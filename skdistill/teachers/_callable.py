"""A function as a teacher: anything that answers for rows, whatever it runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._documentation import Documented


class CallableTeacher(Documented, BaseEstimator):
    """A black box as a teacher: a torch network, a REST client, TabPFN, a rule somebody wrote.

    It is only asked, never fitted. The caller's X reaches the function untouched.

    Parameters
    ----------
    predict_proba : callable, optional
        ``f(X) -> (n, k)`` class probabilities. For classification.
    predict : callable, optional
        ``f(X) -> (n,)`` or ``(n, m)`` values. For regression. Exactly one of the two is given.
    classes : sequence of length k, optional
        The class label of each column of `predict_proba`, in the function's own order; it need not be sorted.

    Attributes
    ----------
    classes_ : ndarray of shape (k,)
        `classes` as an array; absent for regression.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import CallableTeacher
    >>> def rule(X):
    ...     p = (X[:, 0] > 1.0).astype(float)
    ...     return np.column_stack([p, 1 - p])
    >>> teacher = CallableTeacher(predict_proba=rule, classes=["yes", "no"])
    >>> teacher.predict_proba(np.array([[2.0]]))
    array([[1., 0.]])
    """

    def __init__(
        self,
        predict_proba: Callable[[Any], Any] | None = None,
        *,
        predict: Callable[[Any], Any] | None = None,
        classes: Sequence[Any] | None = None,
    ) -> None:
        # A parameter that is None must not shadow a method: `hasattr(teacher, "predict_proba")` tells the task.
        self.predict_proba = predict_proba
        self.predict = predict
        self.classes = classes

    def check(self) -> None:
        """Raise ValueError unless the parameters describe one black box."""
        if (self.predict_proba is None) == (self.predict is None):
            raise ValueError(
                "CallableTeacher needs exactly one of 'predict_proba' (classification) and 'predict' (regression)."
            )
        if self.predict_proba is not None and self.classes is None:
            raise ValueError(
                "CallableTeacher(predict_proba=...) needs classes=[...]: the class label of each column, in order. For "
                "regression pass CallableTeacher(predict=...)."
            )
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError(f"The 'classes' of CallableTeacher must be distinct. Got {list(self.classes)}.")

    @property
    def classes_(self) -> NDArray[Any]:
        """Class label of each column."""
        if self.classes is None:
            raise AttributeError("CallableTeacher has no classes_: it was given no classes.")
        return np.asarray(self.classes)

    def fit(self, X: Any, y: Any = None) -> CallableTeacher:
        """Do nothing: a black box is as it is."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> CallableTeacher:
        return self  # the function may hold a network; there is nothing to reset

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if self.predict_proba is not None else "regressor"
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags
