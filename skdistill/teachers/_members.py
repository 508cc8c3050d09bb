"""Who sits on the committee: the `teachers` parameter, read once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from ._callable import CallableTeacher
from ._presets import COMMITTEE_OF_LOSS, DEFAULT_COMMITTEE, preset
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
    preset : str or None
        Which of ours it is, if it was asked for by name.
    """

    name: str
    estimator: Any
    frozen: bool
    preset: str | None

    @property
    def named(self) -> bool:
        """Whether it is one of ours."""
        return self.preset is not None


_FROZEN = (FrozenEstimator, CallableTeacher)


def named_teachers(teachers: Any) -> list[tuple[str, Any]]:
    """The (name, estimator) pairs of the `teachers` parameter: those that nested parameter names can reach."""
    return [(item[0], item[1]) for item in items_of(teachers) if isinstance(item, tuple) and len(item) == 2]


def estimators_in(teachers: Any) -> list[Any]:
    """The estimators of the `teachers` parameter; names stand for themselves and are left out."""
    return [item for item in map(_estimator, items_of(teachers)) if isinstance(item, BaseEstimator)]


def names_in(teachers: Any) -> list[str]:
    """The presets that the `teachers` parameter asks for by name."""
    return [item for item in map(_estimator, items_of(teachers)) if isinstance(item, str)]


def routed_teachers(teachers: Any) -> list[tuple[str, Any]]:
    """The teachers that may request metadata, by the names they get: those that are fitted and not ours."""
    items = items_of(teachers)
    pairs = zip(names_of(items), map(_estimator, items), strict=True)
    return [(n, e) for n, e in pairs if isinstance(e, BaseEstimator) and not isinstance(e, (*_FROZEN, TeacherStub))]


def resolve_members(
    teachers: Any, task: str, n_rows: int, n_outputs: int, loss: str = "squared", quantile: float = 0.5
) -> list[Member]:
    """Turn the `teachers` parameter into committee members, everything checked before anything is fitted.

    Parameters
    ----------
    teachers : None, str, estimator, or list of str, estimator and (name, estimator)
        None is the default committee of the task.
    task : {"classification", "regression"}
    n_rows, n_outputs : int
        Shape of the training data.
    loss : {"squared", "poisson", "pinball", "huber"}
        Of a regression: what named teachers minimise.
    quantile : float in (0, 1)
        Of the pinball loss.

    Raises
    ------
    ValueError, TypeError
        Names the item at fault and lists what is valid.
    """
    default = DEFAULT_COMMITTEE[task] if task == "classification" else COMMITTEE_OF_LOSS[loss]
    items = list(default) if teachers is None else items_of(teachers)
    if not items:
        raise ValueError("The 'teachers' parameter is empty. Pass None for the default committee.")
    for item in items:
        if isinstance(item, tuple) and (len(item) != 2 or not isinstance(item[0], str)):
            raise ValueError(f"A teacher given as a tuple must be (name, estimator). Got {item!r}.")
    members = []
    for name, estimator in zip(names_of(items), map(_estimator, items), strict=True):
        if isinstance(estimator, str):
            members.append(Member(name, preset(estimator, task, n_rows, n_outputs, loss, quantile), False, estimator))
        else:
            _check_estimator(name, estimator, task)
            members.append(Member(name, estimator, isinstance(estimator, _FROZEN), None))
    return members


def items_of(teachers: Any) -> list[Any]:
    """A parameter that is one thing or a list of them, as a list; None is an empty one."""
    if teachers is None:
        return []
    return list(teachers) if isinstance(teachers, (list, tuple)) else [teachers]


def _estimator(item: Any) -> Any:
    return item[1] if isinstance(item, tuple) and len(item) == 2 else item


def without_names(items: list[Any]) -> list[Any]:
    """What the items stand for: the estimator of each pair."""
    return list(map(_estimator, items))


def names_of(items: list[Any], what: str = "teacher") -> list[str]:
    """A name for each item: the one given, which must be unique, or an automatic one, numbered where it repeats.

    Raises
    ------
    ValueError
        A given name that repeats or that nested parameter names could not address.
    """
    given = [item[0] if isinstance(item, tuple) else None for item in items]
    for name in given:
        if name is not None and ("__" in name or name == "splitter"):
            raise ValueError(f"The name of each {what} must not contain '__' nor be 'splitter'. Got {name!r}.")
        if name is not None and given.count(name) > 1:
            raise ValueError(f"Names of {what}s must be unique. Got {name!r} more than once.")
    automatic = [_automatic_name(item) if name is None else None for item, name in zip(items, given, strict=True)]
    taken, names = {name for name in given if name is not None}, []
    for name, plain in zip(given, automatic, strict=True):
        if plain is not None:
            alone = automatic.count(plain) == 1 and plain not in taken
            name = plain if alone else next(n for i in count(1) if (n := f"{plain}-{i}") not in taken)
            taken.add(name)
        names.append(str(name))
    return names


def _automatic_name(item: Any) -> str:
    if isinstance(item, str):
        return item
    return type(item.estimator if isinstance(item, FrozenEstimator) else item).__name__.lower()


def _check_estimator(name: str, estimator: Any, task: str) -> None:
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
