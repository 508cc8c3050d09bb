"""Quantised models come last in a chain."""

from __future__ import annotations

from ..model import Model


def refuse_quantised(model: Model, name: str) -> None:
    """Raise a ValueError for a quantised model, whose values a pass would leave its grid."""
    if not model.precision.is_full:
        raise ValueError(f"{name} takes models in float32, and this one is quantised: run Quantise last.")
