"""The kinds of raw column, and the features each is encoded to."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._frozen import Frozen, frozen
from ._labels import Label, check_flag, check_labels, check_text

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@frozen
class NumericColumn(Frozen):
    """A numeric raw column: encoded as ``(x - center) * scale`` in float32, and clipped to finite float32 numbers.

    Parameters
    ----------
    name : str
        Name of the raw column.
    fill : float
        What stands in for a missing value, before scaling.
    center, scale : float
        Finite, exact in float32, ``scale > 0``. With 0 and 1, finite values pass through unchanged to the bit.
    missing : bool
        Whether one more feature says where the raw value was missing (1.0, else 0.0).

    Raises
    ------
    ValueError
        If a parameter is not of its type or range.

    Examples
    --------
    >>> from skdistill.model import NumericColumn
    >>> NumericColumn("age", fill=40.0, missing=True).encoded_names
    ('age', 'age is missing')
    """

    name: str
    fill: float = 0.0
    center: float = 0.0
    scale: float = 1.0
    missing: bool = False

    def __post_init__(self) -> None:
        name = check_text(self.name, "'name' of NumericColumn")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "missing", check_flag(self.missing, f"'missing' of column {name!r}"))
        for field in ("fill", "center", "scale"):
            object.__setattr__(self, field, _check_float32(getattr(self, field), f"'{field}' of column {name!r}"))
        if self.scale <= 0:
            raise ValueError(f"'scale' of column {name!r} must be > 0. Got {self.scale} instead.")

    @property
    def is_scaled(self) -> bool:
        """Whether encoding changes values that are not missing."""
        return self.center != 0 or self.scale != 1

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """Names of the features it is encoded to."""
        return (self.name, f"{self.name} is missing") if self.missing else (self.name,)


@frozen
class CategoryColumn(Frozen):
    """A categorical raw column: one feature for each kept category, 1.0 where the value equals it and 0.0 elsewhere.

    A value that is not listed, or missing, is all zeros. Values are compared as Python compares them: 1, 1.0 and True
    are the same category, 1 and "1" are not.

    Parameters
    ----------
    name : str
        Name of the raw column.
    categories : tuple of str, int, float or bool
        The kept categories, distinct.
    missing : bool
        Whether one more feature, the last, says where the value was missing (None, NaN, pandas.NA).

    Raises
    ------
    ValueError
        If a parameter is not of its type.

    Examples
    --------
    >>> from skdistill.model import CategoryColumn
    >>> CategoryColumn("job", ("clerk", "nurse"), missing=True).encoded_names
    ('job = clerk', 'job = nurse', 'job is missing')
    """

    name: str
    categories: tuple[Label, ...]
    missing: bool = False

    def __post_init__(self) -> None:
        name = check_text(self.name, "'name' of CategoryColumn")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "missing", check_flag(self.missing, f"'missing' of column {name!r}"))
        object.__setattr__(self, "categories", check_labels(self.categories, f"'categories' of column {name!r}"))

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """Names of the features it is encoded to."""
        names = tuple(f"{self.name} = {category}" for category in self.categories)
        return (*names, f"{self.name} is missing") if self.missing else names


def _check_float32(value: Any, what: str) -> float:
    number = value.item() if isinstance(value, np.generic) else value
    if type(number) in (int, float) and abs(number) <= LARGEST_FLOAT32 and float(np.float32(number)) == number:
        return float(number)
    raise ValueError(f"{what} must be a finite float that float32 holds exactly. Got {value!r} instead.")
