"""What a fitted estimator says of itself: to the report as a page and to a notebook."""

from __future__ import annotations

from typing import Any


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
    facts["labels"] = (
        "the true labels alone: the committee did not help" if recipe.hard else f"soft, with {recipe.blend:.0%} truth"
    )
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
