"""The engine for data that lies in memory: rows are visited in blocks, results are combined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._combine import add

Block = dict[str, Any]

#: Rows a block holds. Its scratch (a few arrays of this length) stays within a core's second-level cache.
BLOCK_ROWS = 16_384


class MemoryEngine:
    """Map pure functions over blocks of rows held in memory and combine what they return.

    A block is a dict: a slice of every column given here, every column that `update` derived, and ``"start"``, the
    number of its first row. Block functions must not change their block; they are plain module-level functions of
    ``(block, *args)`` so that another engine can send them elsewhere.

    Parameters
    ----------
    columns : mapping of str to array of shape (n_rows, ...)
        What a block is cut from: NumPy arrays or CSR matrices with rows first.
    block_rows : int
        Rows a block holds at most.
    """

    def __init__(self, columns: Mapping[str, Any], block_rows: int = BLOCK_ROWS) -> None:
        sizes = {name: column.shape[0] for name, column in columns.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"The columns of an engine must have the same number of rows. Got {sizes}.")
        self.n_rows: int = next(iter(sizes.values()))
        self._columns = dict(columns)
        self._starts = range(0, self.n_rows, block_rows)
        self._block_rows = block_rows
        self._derived: list[Block] = [{} for _ in self._starts]

    def _blocks(self) -> Iterator[tuple[Block, Block]]:
        for start, derived in zip(self._starts, self._derived, strict=True):
            rows = slice(start, min(start + self._block_rows, self.n_rows))
            yield {"start": start, **{k: v[rows] for k, v in self._columns.items()}, **derived}, derived

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks; `combine` must be associative and commutative."""
        total: Any = None
        for block, _ in self._blocks():
            part = function(block, *args)
            total = part if total is None else combine(total, part)
        return total

    def update(self, name: str, function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) column `name` of every block as ``function(block, *args)``; any shape will do."""
        for block, derived in self._blocks():
            derived[name] = function(block, *args)
