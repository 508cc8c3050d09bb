"""Which labels of a nominal column get a feature of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ._columns import Label


def by_frequency(cells: list[Label | None], weights: np.ndarray | None) -> tuple[Label, ...]:
    """The labels of a column, heaviest first, ties in label order with numbers before text."""
    mass: Counter[Label | None] = Counter()
    if weights is None:
        mass.update(cells)
    else:
        for cell, weight in zip(cells, weights.tolist()):
            mass[cell] += weight
    labels = [label for label in mass if label is not None]
    return tuple(sorted(labels, key=lambda label: (-mass[label], isinstance(label, str), label)))


def within(budget: int, labels: Iterable[Label]) -> tuple[Label, ...]:
    """The first labels whose packed form takes at most `budget` bytes."""
    kept = []
    for label in labels:
        budget -= len(label.encode("utf-8", "surrogatepass")) + 1 if isinstance(label, str) else 4
        if budget < 0:
            break
        kept.append(label)
    return tuple(kept)
