"""What stands in a shipped estimator where a heavy teacher stood."""

from __future__ import annotations

from typing import Any, NoReturn

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from ._callable import CallableTeacher


class TeacherStub(BaseEstimator):
    """The name of a frozen or black-box teacher that was left out of a pickle.

    Parameters
    ----------
    description : str
        What stood here.

    Examples
    --------
    >>> from skdistill.teachers import TeacherStub
    >>> TeacherStub("FrozenEstimator(SVC)").fit([[0.0]], [0])
    Traceback (most recent call last):
    ...
    RuntimeError: The teacher FrozenEstimator(SVC) was left out when this estimator was pickled...
    """

    def __init__(self, description: str) -> None:
        self.description = description

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
    """The `teachers` parameter with prefit and black-box teachers replaced by named stubs."""
    if isinstance(teachers, FrozenEstimator):
        return TeacherStub(f"FrozenEstimator({type(teachers.estimator).__name__})")
    if isinstance(teachers, CallableTeacher):
        return TeacherStub("CallableTeacher")
    if isinstance(teachers, tuple) and len(teachers) == 2 and isinstance(teachers[0], str):
        return teachers[0], without_heavy(teachers[1])
    if isinstance(teachers, (list, tuple)):
        return type(teachers)(without_heavy(item) for item in teachers)
    return teachers
