"""The engine for rows that do not fit in memory: read block by block, and what is derived of them spilled to disk."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import repeat
from typing import IO, Any
from weakref import finalize

from ._combine import add
from ._engine import Block, Engine
from ._rows import Rows

#: Reads the given columns of all rows, in blocks of a size that all but the last have.
Reader = Callable[[int], Iterator[Mapping[str, Any]]]


class FileEngine(Engine):
    """Rows that stream past, one block in memory at a time.

    Derived columns lie in temporary files that have no name: the system takes them back when they are closed, however
    the process ends. They are made where `tempfile.gettempdir` says (the variable TMPDIR).

    Parameters
    ----------
    reader : callable
        Called with the rows of a block, reads the given columns block by block. In every pass, unless `select` has
        left only derived columns.
    n_rows : int
    block_rows : int
    first_row : int
        The number of the first row.
    """

    def __init__(self, reader: Reader | None, n_rows: int, block_rows: int, first_row: int = 0) -> None:
        self._reader, self.n_rows, self._block_rows, self._first_row = reader, n_rows, block_rows, first_row
        self._files: dict[str, _ColumnFile] = {}

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks, read one after the other."""
        total: Any = None
        for rows in self._parts():
            part = rows.reduce(combine, function, *args)
            total = part if total is None else combine(total, part)
        return total

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) columns, spilled to temporary files.

        Raises
        ------
        OSError
            The disk is full.
        """
        files = {each: _ColumnFile(each) for each in ([name] if isinstance(name, str) else name)}
        for rows in self._parts():
            for each, values in rows.derive(name, function, *args).items():
                files[each].append(values)
        self._files.update(files)

    def select(self, *names: str) -> FileEngine:
        """An engine of these columns alone; what is read is not read any more if all of them are derived."""
        derived = set(names) <= set(self._files)
        chosen = FileEngine(None if derived else self._reader, self.n_rows, self._block_rows, self._first_row)
        chosen._files = {name: self._files[name] for name in names if name in self._files}
        return chosen

    @property
    def n_blocks(self) -> int:
        """Blocks that the rows are cut into."""
        return -(-self.n_rows // self._block_rows)

    def block(self, number: int) -> Block:
        """The derived columns of one block, each loaded when it is first asked for: for what pulls its rows itself."""
        start = number * self._block_rows
        n_rows = min(self._block_rows, self.n_rows - start)
        return Rows(self._first_row + start, n_rows, n_rows, {}, _Stored(self._files, number)).block(0)

    def _parts(self) -> Iterator[Rows]:
        given: Iterator[Mapping[str, Any]] = repeat({}) if self._reader is None else self._reader(self._block_rows)
        for number, start in enumerate(range(0, self.n_rows, self._block_rows)):
            n_rows = min(self._block_rows, self.n_rows - start)
            columns = next(given, None)
            if columns is None:
                raise ValueError(f"There are fewer than {self.n_rows:,} rows: the data changed under the scan.")
            yield Rows(self._first_row + start, n_rows, n_rows, columns, _Stored(self._files, number))


class _ColumnFile:
    """A derived column: the values of its blocks, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="skdistill-")  # noqa: SIM115, open as long as we live
        self._places: list[int] = []
        finalize(self, _close, self._file)

    def append(self, values: list[Any]) -> None:
        self._places.append(self._file.tell())
        try:
            pickle.dump(values, self._file, protocol=5)
            self._file.flush()
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror}: the column {self._name!r} of a fit out of core could not be spilled to a temporary "
                f"file in {tempfile.gettempdir()!r}. Free space there, or set the variable TMPDIR to another place",
            ) from error

    def load(self, number: int) -> list[Any]:
        self._file.seek(self._places[number])
        values: list[Any] = pickle.load(self._file)
        return values


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # what a full disk did not take is of no use any more
        file.close()


class _Stored(Mapping[str, list[Any]]):
    """The derived columns of one part, loaded when they are asked for."""

    def __init__(self, files: dict[str, _ColumnFile], number: int) -> None:
        self._files, self._number = files, number

    def __getitem__(self, name: str) -> list[Any]:
        return self._files[name].load(self._number)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
