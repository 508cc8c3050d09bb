"""A distilled estimator as a notebook shows it: its teachers beside each other, the student below."""

from __future__ import annotations

from typing import Any

from ._facts import one_line, soft_words, teacher_words
from ._sklearn import VisualBlock
from .teachers import items_of, without_names


def visual_block(estimator: Any) -> VisualBlock:
    """The diagram that scikit-learn draws: parameters before fitting, fitted teachers and student with figures after.

    Parameters
    ----------
    estimator : DistilledEstimator, fitted or not
    """
    members, names, details = _teachers(estimator)
    teachers = VisualBlock("parallel", members, names=names, name_details=details, dash_wrapped=False)
    students = [estimator.student_] if hasattr(estimator, "student_") else without_names(items_of(estimator.student))
    details = [student if isinstance(student, str) else one_line(student) for student in students]
    names = [_student_words(estimator)] * len(students)
    below = VisualBlock("parallel", students, names=names, name_details=details, dash_wrapped=False)
    return VisualBlock("serial", [teachers, below], names=["teachers", None], dash_wrapped=False)


def _teachers(estimator: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Teachers with their labels and details."""
    fitted = getattr(estimator, "teachers_", None)
    if fitted is not None:
        words = teacher_words(estimator)
        return list(fitted.values()), [words[name] for name in fitted], [one_line(each) for each in fitted.values()]
    given = estimator.teachers
    items = ["the default committee"] if given is None else given if isinstance(given, list | tuple) else [given]
    pairs = [item if isinstance(item, tuple) and len(item) == 2 else (None, item) for item in items]
    return [each for _, each in pairs], [name for name, _ in pairs], [str(each) for _, each in pairs]


def _student_words(estimator: Any) -> str:
    """The student with its size and what it learned from."""
    if not hasattr(estimator, "student_"):
        return "student"
    labels = "hard labels" if estimator.recipe_.hard else soft_words(estimator.recipe_)
    size = f"{estimator.to_model().nbytes:,} bytes packed, " if hasattr(estimator.student_, "predictor_") else ""
    return f"student ({size}{labels})"
