"""What a report is made of, checked: roles, labels, answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from ._evidence import Contestant

Array = NDArray[Any]
Floats = NDArray[np.float64]

ROLES = ("committee", "assistant", "teacher", "hard", "student", "sibling")
# What a row of probabilities may miss of 1: float32 arithmetic over many classes, not a forgotten normalisation.
_SUM_TOLERANCE = 1e-3
# What it misses in float64.
_EXACT_SUM = 1e-9


def check_roles(contestants: Sequence[Contestant]) -> dict[str, int]:
    """Return where the contestants of the roles taken once stand."""
    unknown = [c for c in contestants if c.role not in ROLES]
    if unknown:
        raise ValueError(
            f"The role of contestant {unknown[0].name!r} must be one of {', '.join(map(repr, ROLES))}. "
            f"Got {unknown[0].role!r} instead."
        )
    counts = Counter(c.role for c in contestants)
    for role in ("committee", "hard", "student"):
        if counts[role] > 1:
            raise ValueError(f"A report takes one contestant of role {role!r}. Got {counts[role]}.")
    if not counts["student"]:
        raise ValueError("A report needs a contestant of role 'student': the distilled one.")
    return {c.role: at for at, c in enumerate(contestants) if c.role not in ("teacher", "assistant", "sibling")}


def label_codes(y: Any, classes: Any) -> tuple[Array, Array]:
    """Number the labels by their column; compared as Python values, so that 1 is not "1"."""
    labels = None if classes is None else np.asarray(classes)
    if labels is None or labels.ndim != 1 or len(labels) < 2:
        raise ValueError(
            "The 'classes' parameter of distillation_report must list at least two labels for classification. "
            f"Got {classes!r} instead."
        )
    column = {label: code for code, label in enumerate(labels.tolist())}
    values = column_or_1d(y).tolist()
    if not values:
        raise ValueError("distillation_report needs at least one test row. Got none.")
    codes = np.array([column.get(value, -1) for value in values], dtype=np.intp)
    unseen = [values[row] for row in np.flatnonzero(codes < 0)]
    if unseen:
        # NaN and pandas.NA are not equal to themselves; comparing NA gives NA, which has no truth value.
        missing = [value for value in unseen if value is None or (value == value) is not True]
        if missing:
            raise ValueError(f"y contains missing values (NaN or None) in {len(missing)} rows. Drop these test rows.")
        names = sorted({repr(value) for value in unseen})
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise ValueError(
            f"y contains labels that are not in classes: {shown}. Report on rows with labels seen in fit, or fit again."
        )
    return codes, labels


def _check_outputs(contestant: Contestant) -> Floats:
    outputs = np.asarray(contestant.outputs, dtype=np.float64)
    if not np.isfinite(outputs).all():
        raise ValueError(f"The outputs of contestant {contestant.name!r} contain NaN or infinity.")
    return outputs


def check_probabilities(contestant: Contestant, n_rows: int, labels: Array) -> Floats:
    """Probabilities of shape (n_rows, n_labels), their sums 1 in float64."""
    outputs = _check_outputs(contestant)
    if outputs.shape != (n_rows, len(labels)):
        raise ValueError(
            f"The outputs of contestant {contestant.name!r} must have shape ({n_rows}, {len(labels)}), a row for each "
            f"test row and a column for each class. Got {outputs.shape} instead."
        )
    sums = outputs.sum(axis=1)
    wrong = (outputs < 0).any(axis=1) | (np.abs(sums - 1) > _SUM_TOLERANCE)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"The outputs of contestant {contestant.name!r} must be probabilities. Row {row} is "
            f"{outputs[row].tolist()}, its sum {sums[row]:.6g}."
        )
    # Rows that sum to 1 in float32 do not in float64, of which scikit-learn's log_loss would warn. Rows that do are
    # left alone: a last bit decides ties between confident rows, and so the AUC.
    return np.where(np.abs(sums - 1)[:, None] > _EXACT_SUM, outputs / sums[:, None], outputs)


def check_values(contestant: Contestant, n_rows: int, n_outputs: int) -> Floats:
    """Values of shape (n_rows, n_outputs)."""
    outputs, shape = _check_outputs(contestant), (n_rows, n_outputs)
    flat = outputs.ndim == 1 and n_outputs == 1
    if outputs.shape != (shape[:1] if flat else shape):
        raise ValueError(
            f"The outputs of contestant {contestant.name!r} must have the shape of y, {shape}. "
            f"Got {outputs.shape} instead."
        )
    return outputs.reshape(shape)
