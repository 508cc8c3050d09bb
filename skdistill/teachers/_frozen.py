"""Teachers that are only asked: what can be wrong with them shows before anything is fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ._answers import class_codes


def check_same_classes(name: str, estimator: Any, classes: NDArray[Any]) -> None:
    """Refuse a frozen teacher that knows other classes than y holds."""
    codes = class_codes(name, estimator, classes)
    if len(codes) != len(classes):
        known = np.asarray(estimator.classes_).tolist()
        raise ValueError(
            f"Teacher {name!r} was trained on other classes: it knows {known}, y holds {classes.tolist()}."
        )


def check_column_order(name: str, proba: NDArray[np.float64], y: NDArray[Any], classes: NDArray[Any]) -> None:
    """Refuse a black box that would be far better if its columns stood in another order than it says."""
    codes = np.searchsorted(classes, y)
    table = np.zeros((len(classes), len(classes)))
    np.add.at(table, (proba.argmax(axis=1), codes), 1.0 / len(y))
    said, meant = linear_sum_assignment(-table)
    told, best = float(np.trace(table)), float(table[said, meant].sum())
    if best - told > 0.3 and told < table.sum(axis=0).max():
        order = [str(classes[meant[i]]) for i in range(len(classes))]
        raise ValueError(
            f"Teacher {name!r} is right in {told:.0%} of the rows, but in {best:.0%} if its columns were {order}: its "
            "classes look to be in the wrong order. Check 'classes'."
        )
