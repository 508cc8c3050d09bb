"""What a contestant is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..peers import python_of
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
    cv_loss : float
        Cross-validated loss on real labels of what was chosen, NaN where nothing was: by it the page chooses among
        contestants without looking at test rows.
    cpu_seconds : float, optional
        Of the fit, where it ran elsewhere. None: as the runner measures it.
    """

    predict: Callable[[Split], np.ndarray]
    nbytes: int
    leaves: int
    settings: dict[str, Any]
    cv_loss: float = float("nan")
    cpu_seconds: float | None = None


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
    family : {"tree", "linear", "additive", "boosted", "any"}
    sizes : tuple of int, or None for those of the plan
    rival : str
        The hard-trained contestant that its gap recovered is measured from.
    module : str
        Package it needs beyond the benchmark's own; absent, it is skipped.
    sizes_in : {"leaves", "bytes"}
        What the plan's sizes mean to it. One in bytes is handed a budget, and fills it as well as it can.
    like : str
        Name of the contestant whose packed bytes at the same size it is handed as its budget.
    ablation : bool
        It is the headline student with one lever off, and only compared with it.
    environment : str, optional
        Key of `peers.REQUIREMENTS`, of a peer that runs elsewhere; absent, it is skipped.
    note : str
        How another project was run, and what it cannot do; for the page.
    """

    name: str
    title: str
    fit: Callable[[Split, int], Fitted]
    labels: str
    family: str = "tree"
    sizes: tuple[int, ...] | None = None
    rival: str = "cart_hard"
    module: str = "sklearn"
    sizes_in: str = "leaves"
    like: str = ""
    ablation: bool = False
    environment: str | None = None
    note: str = ""

    @property
    def lacks(self) -> str | None:
        """What must be done before it can run, if anything."""
        if self.environment is not None and not python_of(self.environment).exists():
            return "its environment is not there. Make it with: python -m benchmarks peers"
        if importlib.util.find_spec(self.module) is None:
            return f"{self.module} is not installed"
        return None
