"""Several engines as one: rows of different origin, each where it lives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._combine import add
from ._engine import Engine


class ChainEngine(Engine):
    """The rows of several engines, which have the same columns and whose row numbers do not overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.engine import ChainEngine, MemoryEngine
    >>> parts = [MemoryEngine({"x": np.arange(3)}), MemoryEngine({"x": np.arange(4)}, first_row=3)]
    >>> int(ChainEngine(parts).reduce(lambda block: block["x"].sum()))
    9
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.n_rows = sum(engine.n_rows for engine in engines)
        self._engines = engines

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine what the engines return."""
        total: Any = None
        for engine in self._engines:
            part = engine.reduce(function, *args, combine=combine)
            total = part if total is None else combine(total, part)
        return total

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) columns in each engine."""
        for engine in self._engines:
            engine.update(name, function, *args)

    def select(self, *names: str) -> ChainEngine:
        """An engine of these columns alone."""
        return ChainEngine([engine.select(*names) for engine in self._engines])
