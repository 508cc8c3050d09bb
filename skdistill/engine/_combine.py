"""How the results of two blocks become one: associative and commutative, so that block order does not matter."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from .._backend import of


def add(a: Any, b: Any) -> Any:
    """Sum of two results of the same structure: an array, a number, or a tuple of such."""
    if isinstance(a, tuple):
        return tuple(add(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        a += b  # a result belongs to the engine once returned: summing in place spares one allocation a block
        return a
    return a + b


def maximum(a: Any, b: Any) -> Any:
    """Elementwise maximum of two results of the same structure: an array, a number, or a tuple of such."""
    if isinstance(a, tuple):
        return tuple(maximum(x, y) for x, y in zip(a, b, strict=True))
    return of(a).xp.maximum(a, b) if array_api_compat.is_array_api_obj(a) else np.maximum(a, b)


def union(a: Any, b: Any) -> Any:
    """All that two counts have seen: the sum of their entries, key by key."""
    a.update(b)
    return a
