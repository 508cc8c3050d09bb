"""Some consecutive rows in memory, visited in blocks: what every engine does its work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ._engine import Block


class Rows:
    """Rows from number `start` on.

    Parameters
    ----------
    start, n_rows : int
    block_rows : int
        Rows a block holds at most.
    columns : mapping of str to array of shape (n_rows, ...)
        What a block is cut from: NumPy arrays, CSR matrices or tables, rows first.
    derived : mapping of str to list, optional
        Columns that are held block by block; they come before `columns` of the same name.
    """

    def __init__(
        self,
        start: int,
        n_rows: int,
        block_rows: int,
        columns: Mapping[str, Any],
        derived: Mapping[str, list[Any]] | None = None,
    ) -> None:
        self.start, self.n_rows, self.block_rows = start, n_rows, block_rows
        self.columns = columns
        self.derived: Mapping[str, list[Any]] = {} if derived is None else derived

    def reduce(self, combine: Callable[[Any, Any], Any], function: Callable[..., Any], *args: Any) -> Any:
        """Combine ``function(block, *args)`` over the blocks, one after the other."""
        total: Any = None
        for block in self._blocks():
            part = function(block, *args)
            total = part if total is None else combine(total, part)
        return total

    def derive(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> dict[str, list[Any]]:
        """Columns ``function(block, *args)``, block by block; for several names the function returns a tuple."""
        results = [function(block, *args) for block in self._blocks()]
        if isinstance(name, str):
            return {name: results}
        return {each: [result[i] for result in results] for i, each in enumerate(name)}

    def select(self, *names: str) -> Rows:
        """The same rows with these columns alone, not copied."""
        columns = {name: self.columns[name] for name in names if name in self.columns}
        derived = {name: self.derived[name] for name in names if name in self.derived}
        return Rows(self.start, self.n_rows, self.block_rows, columns, derived)

    def cut(self, name: str, number: int) -> Any:
        """A column of block `number`."""
        if name in self.derived:
            return self.derived[name][number]
        first = number * self.block_rows
        return self.columns[name][first : min(first + self.block_rows, self.n_rows)]

    def _blocks(self) -> Iterator[Block]:
        for number in range(-(-self.n_rows // self.block_rows)):
            yield self.block(number)

    def block(self, number: int) -> Block:
        """Block `number`, whose columns are cut when they are first asked for."""
        return _Cut(self, number)


class _Cut(Block):
    """A block whose columns are cut when they are first asked for, as a pass seldom reads them all."""

    def __init__(self, rows: Rows, number: int) -> None:
        super().__init__(start=rows.start + number * rows.block_rows)
        self._rows, self._number = rows, number

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._rows.cut(name, self._number)
        return value
