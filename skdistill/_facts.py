"""What a fitted estimator says of itself: to the report as a page and to a notebook."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ._graduates import Graduate
from ._rounds import told_rounds
from ._selection import reason
from ._shipped import MOST_ROWS, Workshop, told
from ._stages import told_stages
from .teachers import SVM_EXACT_ROWS, Member


def fit_facts(estimator: Any) -> dict[str, str]:
    """How an estimator was fitted, in words.

    Parameters
    ----------
    estimator : fitted DistilledEstimator

    Returns
    -------
    dict of str to str
    """
    recipe = estimator.recipe_
    facts = {"committee": ", ".join(teacher_words(estimator).values())}
    if hasattr(estimator, "committee_temperature_"):
        facts["temperature of the committee"] = f"{estimator.committee_temperature_:.3g}"
    facts["labels"] = "the true labels alone: the committee did not help" if recipe.hard else soft_words(recipe)
    if recipe.sampler is not None:
        facts["augmentation"] = one_line(recipe.sampler)
    facts["student"] = one_line(estimator.student_)
    seconds = {name: value for name, value in estimator.fit_seconds_.items() if value >= 0.05}
    parts = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    facts["seconds"] = f"{sum(estimator.fit_seconds_.values()):.1f}" + (f" ({parts})" if parts else "")
    return facts


def teacher_words(estimator: Any) -> dict[str, str]:
    """Each teacher with its weight and, where it has one, its temperature."""
    temperatures = getattr(estimator, "temperatures_", {})
    words = {}
    for name, weight in estimator.teacher_weights_.items():
        words[name] = f"{name} (weight {weight:.2f}"
        words[name] += f", temperature {temperatures[name]:.3g})" if name in temperatures else ")"
    return words


def one_line(estimator: Any) -> str:
    """An estimator's repr without line breaks."""
    return " ".join(repr(estimator).split())


def fit_notes(estimator: Any, graduate: Graduate, members: list[Member], n_rows: int) -> list[str]:
    """What the reader of a report must know of the fit.

    Parameters
    ----------
    estimator : DistilledEstimator, all but fitted
    graduate : Graduate
        The student that the report is of.
    members : list of Member
    n_rows : int
    """
    notes: list[str] = []
    measure = Workshop(estimator.task_, loss=getattr(estimator, "loss_", None)).measure
    recipe, student = graduate.recipe, graduate.shipped.student
    if n_rows > SVM_EXACT_ROWS and any(member.preset == "svm" for member in members):
        notes.append(
            f"svm: above {SVM_EXACT_ROWS:,} rows a linear SVM on Nystroem features stands in for the kernel SVM."
        )
    route = getattr(student, "route_", None)
    if route is not None:
        notes.append(f"student: {type(student.estimator).__name__}, fitted by {route}.")
    if graduate.shipped.steps:
        notes.append(told(list(map(asdict, graduate.shipped.steps)), min(n_rows, MOST_ROWS)))
    if recipe.sampler is not None:
        by = "the last assistant" if recipe.assisted else "the committee"
        n_new = recipe.sampler.n_new(n_rows)
        notes.append(f"augmentation: {n_new:,} rows drawn by {recipe.sampler!r} and labelled by {by}.")
    if rounds := getattr(estimator, "rounds_", None):
        notes.append(told_rounds(rounds, measure))
    if assistants := getattr(estimator, "stages_", None):
        notes.append(told_stages(assistants, recipe))
    if graduate.selection:
        notes.append(reason(graduate.selection, measure, any(member.frozen for member in members)))
    elif isinstance(estimator.blend, str) or estimator.augmentation == "auto":
        notes.append(
            f"selection: none, since it takes 3 folds of 'cv' to judge: blend={recipe.blend:g}, "
            f"augmentation={recipe.sampler!r}."
        )
    return notes


def soft_words(recipe: Any) -> str:
    """What a student learned that learned of the committee."""
    return f"soft labels with {recipe.blend:.0%} of the true ones" if recipe.blend else "soft labels"
