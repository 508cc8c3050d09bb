"""Stages between committee and student: assistants, each taught by the one before it.

A student far smaller than its teachers may learn more from a model of a size between the two (Mirzadeh et al. 2020,
Improved knowledge distillation via teacher assistant, AAAI). Real rows are labelled by assistants fitted without them,
over the folds of the committee; all other rows by the assistant that learned from all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._shipped import Shipped, Teaches
from ._transfer import Lesson, Recipe, Table, TransferSet, fit_on
from .students import check_width, resolve_student
from .teachers import Fold, items_of, names_of, without_names


@dataclass(frozen=True, eq=False)
class Assistant:
    """An assistant fitted on all rows of a lesson: it labels raw rows.

    Attributes
    ----------
    name : str
    shipped : Shipped
    labels : ndarray of shape (n, n_outputs)
        What assistants fitted without them said of the real rows.
    """

    name: str
    shipped: Shipped
    labels: NDArray[Any]

    def __call__(self, X: Any) -> NDArray[np.float64]:
        return self.shipped.evaluate(Table(X, {self.shipped.student.wants_scaling: self.shipped.encoder}))


def resolve_assistants(assistants: Any, task: str, sparse: bool, loss: str) -> dict[str, Any]:
    """The unfitted assistants by name, in their order, checked before any teacher is fitted.

    Parameters
    ----------
    assistants : None, str, estimator, or list of str, estimator and (name, estimator)
    task : {"classification", "regression"}
    sparse : bool
        Whether the rows come as a sparse matrix.
    loss : {"squared", "poisson"}
        Of values: what students are fitted by.

    Raises
    ------
    ValueError, TypeError
        Names the assistant and what it lacks.
    """
    if assistants is None:
        return {}
    items = items_of(assistants)
    if not items:
        raise ValueError("The 'assistants' parameter is empty. Pass None for no assistant.")
    found = {}
    for name, item in zip(names_of(items, "assistant"), without_names(items), strict=True):
        if isinstance(item, str) and item == "auto":
            raise ValueError("An assistant is not chosen: 'auto' is for 'student'. Pass a name such as 'boosted'.")
        try:
            found[name] = resolve_student(item, task, sparse=sparse, loss=loss)
        except (TypeError, ValueError) as error:
            raise type(error)(f"Assistant {name!r} cannot learn from soft labels and give some: {error}") from error
    return found


def check_widths(assistants: Iterable[Any], n_features: int) -> None:
    """Raise where an assistant takes fewer features."""
    for student in assistants:
        check_width(student, n_features)


def folds_within(folds: list[Fold], rows: NDArray[np.intp] | None, n_rows: int) -> tuple[Fold, ...]:
    """Folds of some of the rows, as positions among these; None: of all rows.

    Examples
    --------
    >>> folds = [(np.array([2, 3, 4]), np.array([0, 1])), (np.array([0, 1, 4]), np.array([2, 3]))]
    >>> folds_within(folds, np.array([2, 3, 4]), 5)
    ((array([2]), array([0, 1])),)
    """
    if rows is None:
        return tuple(folds)
    position = np.full(n_rows, -1)
    position[rows] = np.arange(len(rows))
    inner = [tuple(part[part >= 0] for part in (position[train], position[test])) for train, test in folds]
    return tuple((train, test) for train, test in inner if len(train) and len(test))


def assisted(lesson: Lesson, name: str, recipe: Recipe) -> tuple[Assistant, Lesson]:
    """An assistant that has learned the lesson, and the lesson that it then teaches.

    The assistants that label real rows learn from real rows alone: what the committee says of drawn and unlabelled rows
    has heard of the labels that are held out.

    Parameters
    ----------
    lesson : Lesson
    name : str
    recipe : Recipe
        The assistant and what it learns from.
    """
    labels = np.zeros_like(lesson.Q)
    times = np.zeros(len(labels))
    real = lesson.real_part(recipe)
    for train, test in lesson.folds:
        fitted = fit_on(recipe.student, real.part(train), device=lesson.device)
        np.add.at(labels, test, fitted.evaluate(real.Z[test]).astype(labels.dtype))
        np.add.at(times, test, 1)
    labels /= np.maximum(times, 1)[:, None].astype(labels.dtype)
    shipped = Shipped(lesson.fit(recipe), lesson.real.encoders[recipe.scale])
    assistant = Assistant(name, shipped, labels)
    covered = times > 0
    taught = replace(lesson, Q=labels, covered=None if covered.all() else covered, oracle=assistant, _labelled={})
    return assistant, taught


@dataclass(eq=False)
class Course:
    """What students are taught: the committee's lesson and, made when first asked for, that of the last assistant.

    Attributes
    ----------
    direct : Lesson
        The committee's.
    recipes : dict of name to Recipe
        The assistants, first to last, and what each learns from.
    deliver : callable
        What a lesson becomes before a student learns it: rows that are streamed join it here.
    """

    direct: Lesson
    recipes: dict[str, Recipe] = field(default_factory=dict)
    deliver: Callable[[Lesson], Teaches] = lambda lesson: lesson
    _assistants: list[Assistant] = field(default_factory=list)
    _delivered: dict[bool, Teaches] = field(default_factory=dict)

    @property
    def real(self) -> Table:
        """Real rows in memory."""
        return self.direct.real

    @property
    def true_labels(self) -> NDArray[np.float64]:
        """Their true labels."""
        return self.direct.true_labels

    @property
    def assistants(self) -> list[Assistant]:
        """The assistants, fitted."""
        self._lesson(bool(self.recipes))
        return self._assistants

    def fit(self, recipe: Recipe) -> Any:
        """A fitted clone of the recipe's student."""
        return self._lesson(recipe.assisted).fit(recipe)

    def real_part(self, recipe: Recipe) -> TransferSet:
        """The real rows in memory, with the labels that the student learned."""
        return self._lesson(recipe.assisted).real_part(recipe)

    def transfer_set(self, recipe: Recipe) -> TransferSet:
        """The rows in memory that the recipe's student learns from."""
        lesson: Any = self._lesson(recipe.assisted)
        rows: TransferSet = lesson.transfer_set(recipe)
        return rows

    def _lesson(self, through_assistants: bool) -> Teaches:
        if through_assistants not in self._delivered:
            lesson = self.direct
            if through_assistants:
                for name, recipe in self.recipes.items():
                    assistant, lesson = assisted(lesson, name, recipe)
                    self._assistants.append(assistant)
            self._delivered[through_assistants] = self.deliver(lesson)
        return self._delivered[through_assistants]


def stages(course: Course) -> list[dict[str, Any]]:
    """What each stage says of the real rows out of fold: its loss on the true labels, its fidelity to the committee."""
    said: list[tuple[str, NDArray[Any], int | None]] = [("committee", course.direct.Q, None)]
    said += [(each.name, each.labels, each.shipped.nbytes) for each in course.assistants]
    kept = course.direct.covered
    kept = np.ones(len(course.direct.Q), dtype=bool) if kept is None else kept
    truth, committee = course.true_labels[kept], course.direct.Q[kept]
    weight = None if course.direct.weight is None else course.direct.weight[kept]
    rows = []
    for name, labels, nbytes in said:
        Q = labels[kept]
        if course.direct.task == "classification":
            likelihood = np.sum(Q * truth, axis=1, dtype=np.float64)
            loss = -np.log(np.maximum(likelihood, np.finfo(np.float64).eps))
            fidelity = np.average(Q.argmax(axis=1) == committee.argmax(axis=1), weights=weight)
        else:
            assert course.direct.loss is not None
            loss = course.direct.loss.rows(truth, Q)
            fidelity = 1 - np.average(np.mean((Q - committee) ** 2 / _spread(committee), axis=1), weights=weight)
        rows.append(
            {
                "stage": name,
                "loss": float(np.average(loss, weights=weight)),
                "fidelity": float(fidelity),
                "nbytes": nbytes,
            }
        )
    return rows


def _spread(values: NDArray[Any]) -> NDArray[Any]:
    spread = values.var(axis=0)
    return np.where(spread > 0, spread, 1.0)


def told_stages(rows: list[dict[str, Any]], recipe: Recipe) -> str:
    """The stages in a sentence."""
    parts = [
        f"{row['stage']} {row['loss']:.4g}"
        + ("" if row["stage"] == "committee" else f" (fidelity to the committee {row['fidelity']:.3g})")
        for row in rows
    ]
    way = "through the assistants" if recipe.assisted else "past the assistants, which did not help"
    if recipe.hard:
        way = "from the true labels alone, from no stage"
    return f"stages: the student learned {way}; loss out of fold on the true labels: {', '.join(parts)}."
