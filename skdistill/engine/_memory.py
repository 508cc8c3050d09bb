"""The engine for data that lies in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._combine import add
from ._engine import BLOCK_ROWS, Engine
from ._rows import Rows


class MemoryEngine(Engine):
    """Rows that lie in memory, visited in blocks, one after the other.

    Parameters
    ----------
    columns : mapping of str to array of shape (n_rows, ...)
        What a block is cut from: NumPy arrays or CSR matrices, rows first.
    block_rows : int
        Rows a block holds at most.
    first_row : int
        The number of the first row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.engine import MemoryEngine
    >>> engine = MemoryEngine({"x": np.arange(10)}, block_rows=4)
    >>> int(engine.reduce(lambda block: block["x"].sum()))
    45
    """

    def __init__(self, columns: Mapping[str, Any], block_rows: int = BLOCK_ROWS, first_row: int = 0) -> None:
        sizes = {name: column.shape[0] for name, column in columns.items()}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"The columns of an engine must have the same number of rows. Got {sizes}.")
        self.n_rows = next(iter(sizes.values()))
        self._rows = Rows(first_row, self.n_rows, block_rows, dict(columns))

    def whole(self, name: str) -> Any:
        """A column that was given, of all rows at once."""
        return self._rows.columns[name]

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks."""
        return self._rows.reduce(combine, function, *args)

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) columns, held in memory."""
        self._rows.derived = {**self._rows.derived, **self._rows.derive(name, function, *args)}

    def select(self, *names: str) -> MemoryEngine:
        """An engine of these columns alone, without copying them."""
        chosen = MemoryEngine.__new__(MemoryEngine)
        chosen.n_rows, chosen._rows = self.n_rows, self._rows.select(*names)
        return chosen
