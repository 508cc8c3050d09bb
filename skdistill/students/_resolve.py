"""The `student` parameter, read once: a name, a student or any estimator becomes a student for the task."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.utils import get_tags

from ._adapter import EstimatorStudent
from ._additive import AdditiveStudent
from ._base import BaseStudent
from ._boosted import BoostedStudent
from ._checks import check_width
from ._ladder import AUTO, LADDERS
from ._linear import LinearStudent
from ._rule import RuleStudent
from ._tree import TreeStudent

STUDENTS: dict[str, type[BaseStudent]] = {
    "additive": AdditiveStudent,
    "boosted": BoostedStudent,
    "linear": LinearStudent,
    "rules": RuleStudent,
    "tree": TreeStudent,
}


def resolve_families(
    student: Any, max_bytes: int | None, task: str, *, sparse: bool = False, loss: str = "squared"
) -> tuple[tuple[BaseStudent | EstimatorStudent, ...], ...]:
    """The unfitted students to choose from, each family from small to large, checked before any teacher is fitted.

    Parameters
    ----------
    student : str, student or estimator
        "auto": all families but rules. A name: the sizes of one family within `max_bytes`, or its defaults where that
        is None.
    max_bytes : int, optional
    task, sparse, loss
        As in `resolve_student`.

    Raises
    ------
    ValueError, TypeError
        "auto" without a budget, a budget for an instance, or as `resolve_student`.

    Examples
    --------
    >>> from skdistill.students import resolve_families
    >>> families = resolve_families("auto", 1000, "regression")
    >>> [family[-1] for family in families][3:]
    [LinearStudent(loss='squared'), TreeStudent(loss='squared', max_leaves=64)]
    """
    name = student if isinstance(student, str) else None
    if max_bytes is None or not (name == "auto" or name in STUDENTS):
        if name == "auto":
            raise ValueError(
                "student='auto' chooses among students of different size: pass max_bytes, the bytes that the packed "
                "student may take, for example max_bytes=4096."
            )
        resolved = resolve_student(student, task, sparse=sparse, loss=loss)
        if max_bytes is not None:
            raise ValueError(
                f"max_bytes sizes a student given by name: 'auto', {', '.join(map(repr, sorted(STUDENTS)))}. Got the "
                f"instance {student!r}, whose own parameters set its size: drop max_bytes, or pass a name."
            )
        return ((resolved,),)
    wanted = AUTO if name == "auto" else LADDERS[str(name)]
    families = [family for family in wanted if family[0].takes_sparse or not sparse]
    if not families:
        resolve_student(name, task, sparse=sparse, loss=loss)  # which says why not
    return tuple(tuple(resolve_student(each, task, sparse=sparse, loss=loss) for each in family) for family in families)


def for_width(
    families: tuple[tuple[BaseStudent | EstimatorStudent, ...], ...], n_features: int
) -> tuple[tuple[BaseStudent | EstimatorStudent, ...], ...]:
    """The students to choose from that take `n_features` encoded features; every family has at least one.

    Raises
    ------
    ValueError
        There is only one student, and it does not take them.

    Examples
    --------
    >>> from skdistill.students import LinearStudent, for_width
    >>> for_width(((LinearStudent(sparsity=3.0), LinearStudent()),), 2_000)
    ((LinearStudent(),),)
    """
    if sum(map(len, families)) == 1:
        check_width(families[0][0], n_features)
    return tuple(
        tuple(each for each in family if each.max_features is None or n_features <= each.max_features)
        for family in families
    )


def resolve_student(
    student: Any, task: str, *, sparse: bool = False, loss: str = "squared"
) -> BaseStudent | EstimatorStudent:
    """An unfitted student for `task`, checked before any teacher is fitted.

    Parameters
    ----------
    student : str, student or estimator
        A name stands for the defaults of an instance.
    task : {"classification", "regression"}
        Sets the loss of a student whose loss is "auto": "log_loss", or `loss` for regression.
    sparse : bool
        Whether the rows come as a sparse matrix.
    loss : {"squared", "poisson"}
        Of a regression. An estimator that is no student of ours keeps its own, whatever it minimises.

    Raises
    ------
    ValueError, TypeError
        Names the student and what it lacks.

    Examples
    --------
    >>> from skdistill.students import resolve_student
    >>> resolve_student("tree", "classification")
    TreeStudent(loss='log_loss')
    """
    if isinstance(student, str):
        if student not in STUDENTS:
            raise ValueError(
                f"Unknown student {student!r}. Valid names: {', '.join(sorted([*STUDENTS, 'auto']))}; or pass any "
                "scikit-learn estimator instance."
            )
        resolved: Any = STUDENTS[student]()
    elif isinstance(student, type) or not hasattr(student, "get_params"):
        raise TypeError(
            f"The 'student' parameter must be one of {sorted(STUDENTS)} or an estimator instance. Got {student!r}."
        )
    else:
        resolved = clone(student)
    if not isinstance(resolved, (BaseStudent, EstimatorStudent)):
        resolved = EstimatorStudent(resolved)
    if resolved.loss == "auto":
        wanted = "log_loss" if task == "classification" else loss
        resolved.set_params(loss=wanted if wanted in resolved.losses else "squared")
    resolved.check(task)
    if sparse and not resolved.takes_sparse:
        raise ValueError(
            f"{resolved!r} does not take sparse X. Pass student='linear', or X.toarray() where memory allows it."
        )
    return resolved


def takes_sparse(student: Any) -> bool:
    """Whether the `student` parameter, as it is, takes sparse rows; False too where it is no student at all.

    Parameters
    ----------
    student : str, student or estimator

    Examples
    --------
    >>> from skdistill.students import takes_sparse
    >>> takes_sparse("linear"), takes_sparse("tree")
    (True, False)
    """
    if isinstance(student, str):
        return student == "auto" or (student in STUDENTS and STUDENTS[student].takes_sparse)
    if hasattr(student, "takes_sparse"):
        return bool(student.takes_sparse)
    return hasattr(student, "__sklearn_tags__") and bool(get_tags(student).input_tags.sparse)
