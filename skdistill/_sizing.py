"""Which students of a family fit a budget of bytes, found with few fits."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

#: Sizes of a family that are judged: the largest within the budget, and smaller ones in case that is too large for the
#: rows: where labels are noisy, a sum of 256 trees may be worse than one of 16.
SIZES = 3

#: Each takes this share of the bytes of the next larger one at most.
_SMALLER = 0.4

#: What is expected to take more than this share of the budget is not fitted to see.
_TOO_LARGE = 1.15


class Scales(Protocol):
    """What weighs students."""

    def size(self, student: Any) -> int:
        """About what one packs to."""


def that_fit(family: tuple[Any, ...], scales: Scales, max_bytes: int | None) -> list[Any]:
    """The largest student of a family within the budget, then each time the largest of those clearly smaller."""
    if max_bytes is None:
        return list(family)
    ladder = _Ladder(family, scales)
    n_fitting = 0
    for step in (4, 2, 1):
        while n_fitting + step <= len(family):
            larger = n_fitting + step - 1
            if ladder.expected(larger) > _TOO_LARGE * max_bytes or ladder.size(larger) > max_bytes:
                break
            n_fitting = larger + 1
    fitting: list[int] = []
    for i in reversed(range(n_fitting)):
        if not fitting:
            fitting.append(i)
        # Where rows allow for no more, larger limits give the same student: the smallest such limit stands for all.
        elif ladder.expected(i) == ladder.size(fitting[-1]) == ladder.size(i):
            fitting[-1] = i
        elif len(fitting) == SIZES:
            break
        elif (limit := _SMALLER * ladder.size(fitting[-1])) >= ladder.expected(i) and ladder.size(i) <= limit:
            fitting.append(i)
    return [family[i] for i in fitting]


class _Ladder:
    """What the students of a family pack to: known once fitted, else guessed from those that are.

    Each is larger than the one before by about the same share, so that logarithms of sizes lie on lines.
    """

    def __init__(self, family: tuple[Any, ...], scales: Scales) -> None:
        self._family, self._scales = family, scales
        self._sizes: dict[int, int] = {}

    def size(self, i: int) -> int:
        """Of a student that is fitted for that, if it has not been."""
        self._sizes[i] = self._scales.size(self._family[i])
        return self._sizes[i]

    def expected(self, i: int) -> int:
        """On the line through the known ones around it, or the two nearest; 0 where fewer are known."""
        known = sorted(self._sizes)
        if i in known or len(known) < 2:
            return self._sizes.get(i, 0)
        at = int(np.clip(np.searchsorted(known, i), 1, len(known) - 1))
        low, high = known[at - 1], known[at]
        first, second = np.log(np.maximum([self._sizes[low], self._sizes[high]], 1))
        return round(float(np.exp(first + (second - first) * (i - low) / (high - low))))
