"""The one interface between students and the rows: map a pure function over blocks, combine what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ._combine import add

#: The columns of some rows by name, and ``"start"``, the number of the first of them.
Block = dict[str, Any]

#: Rows a block holds. Its scratch (a few arrays of this length) stays within a core's second-level cache.
BLOCK_ROWS = 16_384


class Engine(ABC):
    """Rows cut into blocks, wherever they live.

    Block functions are plain module-level functions of ``(block, *args)``, which an engine may send elsewhere. They
    must not change their block, and results must not depend on how rows are cut into blocks or on the order of blocks.

    Attributes
    ----------
    n_rows : int
    """

    n_rows: int

    @abstractmethod
    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks; `combine` must be associative and commutative."""

    @abstractmethod
    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) column `name` of every block as ``function(block, *args)``; any shape will do.

        For several names the function returns a tuple of as many columns.
        """

    @abstractmethod
    def select(self, *names: str) -> Engine:
        """An engine of the same rows with these columns alone; what either derives from now on is its own."""
