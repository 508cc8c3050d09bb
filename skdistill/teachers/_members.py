"""Who sits on the committee: the `teachers` parameter, read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ._callable import CallableTeacher
from ._presets import DEFAULT_COMMITTEE, preset
from ._stub import TeacherStub


@dataclass(frozen=True, eq=False)
class Member:
    """One teacher before fitting.

    Attributes
    ----------
    name : str
        Unique on the committee.
    estimator : estimator
        Unfitted, or frozen.
    frozen : bool
        True: only asked, never fitted.
    named : bool
        True: one of ours, asked for by name.
    """

    name: str
    estimator: Any
    frozen: bool
    named: bool


def named_teachers(teachers: Any) -> list[tuple[str, Any]]:
    """The (name, estimator) pairs of the `teachers` parameter: those that nested parameter names can reach."""
    if isinstance(teachers, str) or not isinstance(teachers, Sequence):
        return []
    return [(item[0], item[1]) for item in teachers if isinstance(item, tuple) and len(item) == 2]


def estimators_in(teachers: Any) -> list[Any]:
    """The estimators of the `teachers` parameter; names stand for themselves and are left out."""
    items = teachers if isinstance(teachers, (list, tuple)) else [teachers]
    items = [item[1] if isinstance(item, tuple) and len(item) == 2 else item for item in items]
    return [item for item in items if isinstance(item, BaseEstimator)]


def resolve_members(teachers: Any, task: str, n_rows: int, n_outputs: int) -> list[Member]:
    """Turn the `teachers` parameter into committee members, everything checked before anything is fitted.

    Parameters
    ----------
    teachers : None, str, estimator, or list of str, estimator and (name, estimator)
        None is the default committee of the task.
    task : {"classification", "regression"}
    n_rows, n_outputs : int
        Shape of the training data.

    Raises
    ------
    ValueError, TypeError
        Names the item at fault and lists what is valid.
    """
    if teachers is None:
        teachers = list(DEFAULT_COMMITTEE[task])
    elif isinstance(teachers, str) or not isinstance(teachers, (list, tuple)):
        teachers = [teachers]
    if len(teachers) == 0:
        raise ValueError("The 'teachers' parameter is empty. Pass None for the default committee.")
    members = [_resolve_one(item, task, n_rows, n_outputs) for item in teachers]
    return _with_unique_names(members, [isinstance(item, tuple) for item in teachers])


def _resolve_one(item: Any, task: str, n_rows: int, n_outputs: int) -> Member:
    if isinstance(item, str):
        return Member(item, preset(item, task, n_rows, n_outputs), frozen=False, named=True)
    if isinstance(item, tuple):
        if len(item) != 2 or not isinstance(item[0], str):
            raise ValueError(f"A teacher given as a tuple must be (name, estimator). Got {item!r}.")
        name, estimator = item
        if isinstance(estimator, str):
            return Member(name, preset(estimator, task, n_rows, n_outputs), frozen=False, named=True)
    else:
        name, estimator = type(item).__name__.lower(), item
        if isinstance(item, FrozenEstimator):
            name = type(item.estimator).__name__.lower()
    if isinstance(estimator, TeacherStub):
        estimator.fail()
    if isinstance(estimator, type):
        raise TypeError(f"Teacher {name!r} is a class. Pass an instance: {estimator.__name__}().")
    if not hasattr(estimator, "fit") or not hasattr(estimator, "get_params"):
        hint = " Wrap a function in CallableTeacher(predict_proba=..., classes=...)." if callable(estimator) else ""
        raise TypeError(
            f"A teacher must be a name, a scikit-learn estimator or (name, estimator). Got {estimator!r}.{hint}"
        )
    if isinstance(estimator, CallableTeacher):
        estimator.check()
    kind = get_tags(estimator).estimator_type
    if kind is not None and kind != ("classifier" if task == "classification" else "regressor"):
        raise ValueError(f"Teacher {name!r} is of the kind {kind!r}, but the task is {task}.")
    return Member(name, estimator, frozen=isinstance(estimator, (FrozenEstimator, CallableTeacher)), named=False)


def _with_unique_names(members: list[Member], given: list[bool]) -> list[Member]:
    """Number the automatic names that repeat; a given name that repeats or cannot be addressed is an error."""
    names = [member.name for member in members]
    result = []
    for i, (member, is_given) in enumerate(zip(members, given, strict=True)):
        name = member.name
        if is_given and ("__" in name or name == "splitter"):
            raise ValueError(f"A teacher's name must not contain '__' nor be 'splitter'. Got {name!r}.")
        if names.count(name) > 1:
            if is_given:
                raise ValueError(f"Names of teachers must be unique. Got {name!r} more than once.")
            name = f"{name}-{names[: i + 1].count(name)}"
        result.append(Member(name, member.estimator, member.frozen, member.named))
    return result
