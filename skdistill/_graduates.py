"""The students of one committee: each is chosen for itself, by the same judge, from the same lessons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._selection import Choices, Judge, Verdict, evidence, unseen
from ._shipped import Shipped, Teaches
from ._streaming import Families
from ._transfer import Recipe
from .students import resolve_families
from .teachers import items_of, names_of

#: A student fitted on all rows, what it learned from, and the evidence for that.
Taught = tuple[Shipped, Recipe, list[dict[str, Any]]]


def resolve_students(
    student: Any, max_bytes: int | None, task: str, *, sparse: bool = False, loss: str = "squared"
) -> dict[str, Families]:
    """By name, what each student may be: families of unfitted ones, checked before any teacher is fitted.

    Parameters
    ----------
    student : str, student, estimator, or list of these and of (name, student)
    max_bytes : int, optional
        For each of them.
    task, sparse, loss
        As in `skdistill.students.resolve_families`.

    Raises
    ------
    ValueError, TypeError
        An empty list, a name that is given twice, or a student that cannot be fitted: it is named.

    Examples
    --------
    >>> resolve_students(["tree", ("line", "linear")], None, "regression")
    {'tree': ((TreeStudent(loss='squared'),),), 'line': ((LinearStudent(loss='squared'),),)}
    """
    items = items_of(student) if isinstance(student, list | tuple) else [student]
    if not items:
        raise ValueError("The 'student' parameter is empty. Pass a name or an instance, or a list of some.")
    found = {}
    for name, item in zip(names_of(items, "student"), items, strict=True):
        given = item[1] if isinstance(item, tuple) and len(item) == 2 else item
        try:
            found[name] = resolve_families(given, max_bytes, task, sparse=sparse, loss=loss)
        except (TypeError, ValueError) as error:
            if len(items) == 1:
                raise
            raise type(error)(f"Student {name!r} of several: {error}") from error
    return found


@dataclass(frozen=True, eq=False)
class Graduate:
    """A fitted student, the rival it is held against, and what is told of it.

    Attributes
    ----------
    shipped : Shipped
    rival : Shipped
        The same student on the true labels.
    recipe : Recipe
        What it learned from.
    selection : list of dict
        The evidence for that, the choice first; empty where nothing was judged.
    notes : tuple of str
        What a report must say of it.
    """

    shipped: Shipped
    rival: Shipped
    recipe: Recipe
    selection: list[dict[str, Any]]
    notes: tuple[str, ...] = ()

    @property
    def loss(self) -> float:
        """Mean loss on the judged rows; infinite where none were."""
        return float(self.selection[0]["loss"]) if self.selection else float("inf")


class Students(Mapping[str, Any]):
    """The fitted students by name: ``students_["linear"]`` is what ``student_`` is of the best of them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdistill import DistilledClassifier
    >>> clf = DistilledClassifier("logistic", ["tree", "linear"], random_state=0).fit(*load_iris(return_X_y=True))
    >>> clf.students_
    Students(tree, linear)
    >>> type(clf.students_["tree"]).__name__
    'TreeStudent'
    """

    def __init__(self, graduates: Mapping[str, Graduate]) -> None:
        self._graduates = dict(graduates)

    def __getitem__(self, name: str) -> Any:
        return self._graduates[name].shipped.student

    def __iter__(self) -> Iterator[str]:
        return iter(self._graduates)

    def __len__(self) -> int:
        return len(self._graduates)

    def __repr__(self) -> str:
        return f"Students({', '.join(self)})"

    def graduate(self, name: str) -> Graduate:
        """All that is known of one.

        Raises
        ------
        ValueError
            There is none of that name.
        """
        if name not in self._graduates:
            raise ValueError(f"There is no student {name!r}. Fitted were {', '.join(map(repr, self))}.")
        return self._graduates[name]

    def best(self) -> str:
        """The one of the lowest loss on the judged rows, the first where none were."""
        return min(self._graduates, key=lambda name: self._graduates[name].loss)


def taught(choices: Choices, ranking: list[Verdict], judge: Judge, course: Teaches) -> Taught:
    """The best student on all rows, its recipe, and the evidence.

    With a budget, the first that all rows do not make larger than it. What is too large gives way to the best of the
    others and of the next smaller of its own family, which is judged for that; the smallest are known to fit.

    Parameters
    ----------
    choices : Choices
    ranking : list of Verdict
        The chosen one first; empty where nothing was judged.
    judge : Judge
    course : Teaches
        What is learned from.
    """
    if not ranking:
        return judge.workshop.fit(choices.first(), course), choices.first(), []
    waiting, too_large = list(ranking), list[Verdict]()
    while waiting:
        chosen, *waiting = waiting
        if chosen.fits(choices.max_bytes):  # and so probably on all rows
            shipped = judge.workshop.fit(chosen.recipe, course)
            if shipped.fits(choices.max_bytes):
                break
        too_large.append(chosen)
        known = [verdict.recipe for verdict in waiting]
        smaller = [recipe for recipe in choices.smaller(chosen.recipe) if not any(map(recipe.equals, known))]
        waiting = sorted([*waiting, *map(judge, smaller)], key=lambda verdict: verdict.loss)
    else:
        chosen = judge(choices.smallest()[0])
        shipped = judge.workshop.fit(chosen.recipe, course)
    selection = [
        {**evidence(verdict, chosen), "too_large": large}
        for large, verdicts in ((False, [chosen]), (True, too_large), (False, waiting))
        for verdict in verdicts
    ]
    return shipped, chosen.recipe, selection


def told_students(graduates: Mapping[str, Graduate], measure: str, frozen: bool) -> list[str]:
    """How several students of one committee compare, in a sentence; nothing of a single one.

    Examples
    --------
    >>> told_students({}, "log-loss", frozen=False)
    []
    """
    if len(graduates) < 2:
        return []
    if any(not each.selection for each in graduates.values()):
        return ["students: the first of them answers, since it takes 3 folds of 'cv' to judge which is best."]
    order = sorted(graduates, key=lambda name: graduates[name].loss)
    losses = ", ".join(_loss_and_size(name, graduates[name]) for name in order)
    return [f"students of this one committee, judged by {measure} on rows that {unseen(frozen)}: {losses}."]


def _loss_and_size(name: str, graduate: Graduate) -> str:
    size = "" if graduate.shipped.nbytes is None else f" ({graduate.shipped.nbytes:,} bytes)"
    return f"{name} {graduate.loss:.4g}{size}"
