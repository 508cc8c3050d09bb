"""How a family fills a budget of packed bytes: with the best by cross-validation of all that fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..plan import BUDGETS, BYTES_RIVAL
from ..splits import Split
from ._contestant import Contestant, Fitted
from ._tuning import FitRows, Grid, combinations, cv_loss


@dataclass(frozen=True)
class Family:
    """A kind of model whose packed bytes grow with a size.

    Attributes
    ----------
    name, title, family
        Of its contestant.
    sizes : callable
        Split to ascending sizes.
    fit_rows : callable
        Split to what tuning fits; ``settings["size"]`` is the size.
    fitted : callable
        ``(split, settings)`` to the model fitted on all training rows.
    before, after : callable
        Split to the grid that is searched before the size, at the largest that fits, and the one searched after it.
    stride : int
        Tuning looks at every so many sizes, from the largest that fits downwards.
    scaled : bool
        Takes the scaled matrix.
    module : str
    """

    name: str
    title: str
    family: str
    sizes: Callable[[Split], list[int]]
    fit_rows: Callable[[Split], FitRows]
    fitted: Callable[[Split, dict[str, Any]], Fitted]
    before: Callable[[Split], Grid]
    after: Callable[[Split], Grid] = lambda split: {}
    stride: int = 1
    scaled: bool = False
    module: str = "sklearn"

    def tuned(self) -> Contestant:
        """Within bytes, tuned on hard labels."""
        return self._contestant(_tuned, "hard")

    def largest(self) -> Contestant:
        """Within bytes, on soft labels with its defaults: as large as fits. Tuning it honestly is `auto`'s business."""
        return self._contestant(_largest, "soft")

    def _contestant(self, fit: Callable[..., Fitted], labels: str) -> Contestant:
        more = {"rival": BYTES_RIVAL, "module": self.module, "sizes_in": "bytes"}
        return Contestant(self.name, self.title, partial(fit, self), labels, self.family, **more)


def _largest(family: Family, split: Split, budget: int) -> Fitted:
    defaults = _defaults(family, split)
    return _model(family, split, defaults | {"size": fitting(family, split, defaults, budget)[-1]})


def _defaults(family: Family, split: Split) -> dict[str, Any]:
    return {key: values[0] for key, values in family.before(split).items()}


def _tuned(family: Family, split: Split, budget: int) -> Fitted:
    loss, settings = _search(family, split, budget)
    return replace(_model(family, split, settings), settings=settings, cv_loss=loss)


def _search(family: Family, split: Split, budget: int) -> tuple[float, dict[str, Any]]:
    """The least cross-validated loss that was found within a budget, and its settings.

    The size and the grids are searched in turn, from the largest size that fits and from what is best within the next
    smaller budget, so that more bytes are never worse.
    """
    defaults = _defaults(family, split)
    starts = [defaults | {"size": fitting(family, split, defaults, budget)[-1]}]
    smaller = [bytes_ for bytes_ in BUDGETS if bytes_ < budget]
    if smaller:
        with suppress(NothingFitsError):
            starts.append(_search(family, split, smaller[-1])[1])
    return min((_descend(family, split, budget, start) for start in starts), key=lambda found: found[0])


def _descend(family: Family, split: Split, budget: int, chosen: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    Z = (split.scaled if family.scaled else split.raw)[0]
    fit = family.fit_rows(split)

    def loss(settings: dict[str, Any]) -> float:
        key = (family.name, *sorted(settings.items()))
        return split.shared(key, lambda: cv_loss(split, Z, fit, settings))

    best = math.inf
    while True:
        for grid in (family.before(split), {}, family.after(split)):
            sizes = fitting(family, split, chosen, budget)[:: -family.stride]
            candidates = combinations(grid or {"size": tuple(sizes)}, chosen)
            chosen = min([chosen, *(c for c in candidates if _model(family, split, c).nbytes <= budget)], key=loss)
        if not loss(chosen) < best:
            return best, chosen
        best = loss(chosen)


class NothingFitsError(ValueError):
    """Not even the smallest model of a family fits into a budget."""


def fitting(family: Family, split: Split, settings: dict[str, Any], budget: int) -> list[int]:
    """The sizes up to the largest whose model of all training rows packs within the budget, by bisection.

    Raises
    ------
    NothingFitsError
    """
    sizes = family.sizes(split)
    fits, beyond = -1, len(sizes)
    while beyond - fits > 1:
        at = (fits + beyond) // 2
        if _model(family, split, settings | {"size": sizes[at]}).nbytes <= budget:
            fits = at
        else:
            beyond = at
    if fits < 0:
        raise NothingFitsError(f"No size fits into {budget} bytes.")
    return sizes[: fits + 1]


def _model(family: Family, split: Split, settings: dict[str, Any]) -> Fitted:
    key = ("model", family.name, *sorted(settings.items()))
    return split.shared(key, lambda: family.fitted(split, settings))


def ladder(largest: int, steps: int, smallest: int = 2) -> list[int]:
    """Sizes from the smallest to the largest, `steps` to each doubling."""
    n = max(0, math.ceil(steps * math.log2(max(largest, 1) / smallest)))
    return sorted({min(largest, round(smallest * 2 ** (i / steps))) for i in range(n + 1)})
