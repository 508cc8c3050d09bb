"""What every part of the model form shares: it is a value, fixed once built."""

from __future__ import annotations

from dataclasses import fields
from typing import Any


class Frozen:
    """A frozen dataclass that is pickled and copied as the arguments it was built from.

    So a copy is checked again, its arrays are read-only again (NumPy forgets that in a pickle), and what was cached
    for speed does not travel.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self) if item.init)  # type: ignore[arg-type]
