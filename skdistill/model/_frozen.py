"""What every part of the model form shares: it is a value, fixed once built."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, dataclass_transform


class Frozen:
    """A frozen dataclass that is pickled and copied as the arguments it was built from.

    So a copy is checked again, its arrays are read-only again (NumPy forgets that in a pickle), and what was cached
    for speed does not travel.
    """

    def _arguments(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self) if item.init}  # type: ignore[arg-type]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self._arguments().values())

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self._arguments().items())
        return f"{type(self).__name__}({arguments})"


@dataclass_transform(frozen_default=True, eq_default=False)
def frozen(kind: type) -> Any:
    return dataclass(frozen=True, eq=False, repr=False)(kind)
