"""Names, category values and class labels: the plain Python scalars that a model file can hold."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

import numpy as np

Label = str | int | float | bool

#: The types a label may have, by the name a model file gives them.
LABEL_TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def check_text(value: Any, what: str) -> str:
    """Return `value` as a plain str, or raise a ValueError that says what `what` must be."""
    if not isinstance(value, str):
        raise ValueError(f"{what} must be a str. Got {value!r} instead.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} must be text that UTF-8 can hold. Got {value!r} instead.") from None
    return str(value)  # of numpy.str_ too


def check_flag(value: Any, what: str) -> bool:
    """Return `value` as a plain bool, or raise a ValueError that says what `what` must be."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{what} must be a bool. Got {value!r} instead.")
    return bool(value)


def check_labels(values: Iterable[Any], what: str) -> tuple[Label, ...]:
    """Return distinct labels as plain Python scalars, or raise a ValueError that says what `what` must hold."""
    labels = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    for label in labels:
        if type(label) not in LABEL_TYPES.values():
            raise ValueError(f"{what} must be str, int, float or bool values. Got {label!r} of {type(label)}.")
        if isinstance(label, str):
            check_text(label, f"Each of {what}")
        elif not (isfinite(label) if isinstance(label, float) else -(2**63) <= label < 2**63):
            raise ValueError(f"{what} must be finite, and integers must fit 64 bits. Got {label!r}.")
    if len(set(labels)) < len(labels):
        raise ValueError(f"{what} must be distinct (1, 1.0 and True count as equal). Got {labels!r}.")
    return labels


def label_type(labels: Iterable[Label]) -> str:
    """Name the one type that all labels have, else ``"mixed"`` (also for no labels at all).

    >>> label_type(("clerk", "nurse")), label_type((1, 2)), label_type((1, "a"))
    ('str', 'int', 'mixed')
    """
    names = {type(label).__name__ for label in labels}
    return names.pop() if len(names) == 1 else "mixed"
