"""What a contestant is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..splits import Split


@dataclass(frozen=True)
class Fitted:
    """A contestant after its fit.

    Attributes
    ----------
    predict : callable
        Split to outputs of its test rows, shape (n, k).
    nbytes : int
        Packed, by skdistill's formula, encoding of the raw columns included.
    leaves : int
        Of all its trees; 0 where it has none.
    settings : dict
        What tuning chose.
    """

    predict: Callable[[Split], np.ndarray]
    nbytes: int
    leaves: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """A way from a split to a compact model.

    Attributes
    ----------
    name : str
    title : str
        As the page calls it.
    fit : callable
        ``fit(split, size) -> Fitted``. It must not look at ``split.y_test`` or ``split.labels.test``.
    labels : {"hard", "soft"}
    family : {"tree", "linear", "additive", "boosted"}
    sizes : tuple of int, or None for the plan's leaves
    rival : str
        The hard-trained contestant that its gap recovered is measured from.
    module : str
        Package it needs beyond the benchmark's own; absent, it is skipped.
    """

    name: str
    title: str
    fit: Callable[[Split, int], Fitted]
    labels: str
    family: str = "tree"
    sizes: tuple[int, ...] | None = None
    rival: str = "cart_hard"
    module: str = "sklearn"

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return importlib.util.find_spec(self.module) is not None
