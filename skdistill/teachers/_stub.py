"""What stands in a shipped estimator where a heavy teacher stood."""

from __future__ import annotations

from typing import Any, NoReturn

from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ._callable import CallableTeacher


class TeacherStub(BaseEstimator):
    """The name of a frozen or black-box teacher that was left out of a pickle.

    Parameters
    ----------
    description : str
        What stood here.
    estimator_type : str or None
    allow_nan, sparse : bool
        What it was and took, so that the estimator that holds it takes what it did.

    Examples
    --------
    >>> from skdistill.teachers import TeacherStub
    >>> TeacherStub("FrozenEstimator(SVC)").fit([[0.0]], [0])
    Traceback (most recent call last):
    ...
    RuntimeError: The teacher FrozenEstimator(SVC) was left out when this estimator was pickled...
    """

    def __init__(
        self, description: str, estimator_type: str | None = None, allow_nan: bool = False, sparse: bool = False
    ) -> None:
        self.description = description
        self.estimator_type = estimator_type
        self.allow_nan = allow_nan
        self.sparse = sparse

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = self.estimator_type
        tags.input_tags.allow_nan, tags.input_tags.sparse = self.allow_nan, self.sparse
        return tags

    def fail(self) -> NoReturn:
        """Say what is missing and what to do."""
        raise RuntimeError(
            f"The teacher {self.description} was left out when this estimator was pickled, to keep the file small. "
            "Set the 'teachers' parameter again before fitting, or pickle with keep_teachers=True."
        )

    def fit(self, X: Any, y: Any = None) -> NoReturn:
        """Raise RuntimeError: a stub has nothing to teach."""
        self.fail()


def without_heavy(teachers: Any) -> Any:
    """The `teachers` parameter with prefit and black-box teachers replaced by named stubs, others without their fit."""
    if isinstance(teachers, FrozenEstimator):
        return _stub(f"FrozenEstimator({type(teachers.estimator).__name__})", teachers)
    if isinstance(teachers, CallableTeacher):
        return _stub("CallableTeacher", teachers)
    if isinstance(teachers, tuple) and len(teachers) == 2 and isinstance(teachers[0], str):
        return teachers[0], without_heavy(teachers[1])
    if isinstance(teachers, (list, tuple)):
        return type(teachers)(without_heavy(item) for item in teachers)
    return clone(teachers) if isinstance(teachers, BaseEstimator) else teachers


def _stub(description: str, teacher: Any) -> TeacherStub:
    tags = get_tags(teacher)
    return TeacherStub(description, tags.estimator_type, tags.input_tags.allow_nan, tags.input_tags.sparse)
