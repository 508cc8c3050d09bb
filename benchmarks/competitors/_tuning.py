"""Tuning by cross-validated loss on real labels: log-loss, or squared error."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from ..objectives import row_losses
from ..splits import Split

#: ``fit(Z, rows, settings)`` fits on the given training rows and returns a function from matrix to outputs.
FitRows = Callable[[np.ndarray, np.ndarray, dict[str, Any]], Callable[[np.ndarray], np.ndarray]]
Grid = dict[str, tuple[Any, ...]]


def tune(split: Split, Z: np.ndarray, fit: FitRows, *grids: Grid) -> dict[str, Any]:
    """The settings of least mean loss over the held-out rows of the split's folds.

    Each grid is searched whole, with what was chosen in the grids before: a setting that acts mostly by itself, such as
    pruning, then costs a few fits instead of multiplying all the others. The first of equally good settings wins.
    """
    chosen: dict[str, Any] = {}
    for grid in grids:
        candidates = combinations(grid, chosen)
        losses = [cv_loss(split, Z, fit, settings) for settings in candidates]
        chosen = candidates[int(np.argmin(losses))]
    return chosen


def combinations(grid: Grid, chosen: dict[str, Any]) -> list[dict[str, Any]]:
    """All settings of a grid, each with what was chosen before."""
    return [chosen | dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def cv_loss(split: Split, Z: np.ndarray, fit: FitRows, settings: dict[str, Any]) -> float:
    """Mean loss over the held-out rows of the split's folds."""
    metric = "log_loss" if split.n_classes else "rmse"
    folds = [
        row_losses(split.task, split.y_train[test], fit(Z, train, settings)(Z[test]))[metric]
        for train, test in split.folds
    ]
    return float(np.concatenate(folds).mean())
