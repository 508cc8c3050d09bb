"""The engine for rows in memory that are worked on elsewhere: on a GPU, or wherever an array library computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import array_api_compat
import numpy as np

from .._backend import Backend
from ._combine import add
from ._engine import Engine
from ._rows import Rows


class DeviceEngine(Engine):
    """Rows that are put on a device, block by block, and stay there as long as they fit.

    What block functions are handed are arrays of the backend; what comes back to the host is what a pass returns.
    Where the device runs out of memory, its columns are dropped and streamed from the host in every pass, then blocks
    are halved; what had been derived is derived anew, which gives the same since block functions are pure.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n_rows, ...)
    backend : Backend
    block_rows : int
        Rows a block holds at most.
    first_row : int
        The number of the first row.

    Examples
    --------
    >>> from skdistill._backend import NUMPY
    >>> from skdistill.engine import DeviceEngine
    >>> engine = DeviceEngine({"x": np.arange(10)}, NUMPY, block_rows=4)
    >>> int(engine.reduce(lambda block: block["x"].sum()))
    45
    """

    def __init__(self, columns: Mapping[str, Any], backend: Backend, block_rows: int, first_row: int = 0) -> None:
        self.n_rows = next(iter(columns.values())).shape[0]
        self._columns, self._backend, self._first_row = columns, backend, first_row
        self._block_rows, self._stays = block_rows, True
        self._history: list[tuple[Any, ...]] = []
        self._lay_out()

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks, and bring the result to the host."""
        return self._tried(lambda: self._to_host(self._rows.reduce(combine, function, *args)))

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) columns, held on the device while they fit."""
        self._tried(lambda: self._derive(name, function, *args))
        self._history.append((name, function, *args))

    def select(self, *names: str) -> DeviceEngine:
        """An engine of these columns alone, without copying them."""
        chosen = DeviceEngine.__new__(DeviceEngine)
        chosen.__dict__.update(self.__dict__)
        chosen._history = list(self._history)
        chosen._rows = self._rows.select(*names)
        return chosen

    def _lay_out(self) -> None:
        columns = {name: _Placed(column, self._backend, self._stays) for name, column in self._columns.items()}
        self._rows = Rows(self._first_row, self.n_rows, self._block_rows, columns)

    def _derive(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        derived = self._rows.derive(name, function, *args)
        if not self._stays:
            derived = {each: _Streamed(map(self._to_host, blocks), self._backend) for each, blocks in derived.items()}
        self._rows.derived = {**self._rows.derived, **derived}

    def _tried(self, work: Callable[[], Any]) -> Any:
        again = False
        while True:
            try:
                if again:
                    self._lay_out()
                    for step in self._history:
                        self._derive(*step)
                return work()
            except MemoryError as error:
                failure = error.with_traceback(None)  # its frames hold what is to be freed
            self._make_room(failure)
            again = True

    def _make_room(self, failure: MemoryError) -> None:
        if self._stays:
            self._stays = False
        else:
            self._block_rows = self._backend.smaller_block(self._block_rows, failure)
        self._rows = Rows(self._first_row, self.n_rows, self._block_rows, {})
        self._backend.release()

    def _to_host(self, result: Any) -> Any:
        if isinstance(result, (tuple, list)):
            return (
                type(result)(map(self._to_host, result))
                if type(result) in (tuple, list)
                else type(result)(*map(self._to_host, result))
            )
        if array_api_compat.is_array_api_obj(result) and not isinstance(result, (np.ndarray, np.generic)):
            return self._backend.to_numpy(result)
        return result


class _Placed:
    """A column on the host, whose slices are arrays of the device."""

    def __init__(self, column: Any, backend: Backend, stays: bool) -> None:
        self._column, self._backend, self._stays = column, backend, stays
        self._held: dict[int, Any] = {}

    def __getitem__(self, rows: slice) -> Any:
        if rows.start in self._held:
            return self._held[rows.start]
        values = self._backend.asarray(self._column[rows])
        if self._stays:
            self._held[rows.start] = values
        return values


class _Streamed(list[Any]):
    """A derived column on the host, whose blocks are arrays of the device."""

    def __init__(self, blocks: Iterator[Any], backend: Backend) -> None:
        super().__init__(blocks)
        self._backend = backend

    def __getitem__(self, number: Any) -> Any:
        value = super().__getitem__(number)
        return self._backend.asarray(value) if isinstance(value, np.ndarray) else value
