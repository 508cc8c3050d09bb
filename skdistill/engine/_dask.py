"""The engine for rows on a cluster: partitions live on Dask's workers, the driver stays with the client."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import cloudpickle
import numpy as np

from ._combine import add
from ._engine import BLOCK_ROWS, Block, Engine
from ._rows import Rows
from ._scan import Scan, features_of

#: Pickled arguments above this many bytes become tasks of their own, which a worker that takes over repeats.
INLINE_BYTES = 10_000
#: What such a task holds at most: Dask warns of more than 10 MB.
PIECE_BYTES = 8_000_000
#: Seconds between two looks at whether the scheduler is still there.
PULSE = 1.0
#: Rows of a partition of files that Dask reads, at least: few and large ones keep the scheduler out of the way.
PARTITION_ROWS = 500_000
#: Results that one task combines.
FAN_IN = 8


class DaskEngine(Engine):
    """Partitions of rows that live in the memory of Dask's workers.

    Every pass is a task for each partition, and results are combined on the workers in a tree: what reaches the client
    does not grow with the rows. Whatever is lost with a worker is computed again from where it came: nothing is
    scattered, large arguments such as teachers are tasks themselves.

    Functions and their arguments travel as bytes, which tasks unpickle. Dask would unpickle them in the thread that
    talks to the scheduler, and that imports what they need: for many seconds, on a busy machine, a worker would neither
    answer nor hand over rows.

    Parameters
    ----------
    client : distributed.Client
    parts : list of Future
        Of `Rows`.
    n_rows : int
    """

    def __init__(self, client: Any, parts: list[Any], n_rows: int) -> None:
        self.client, self._parts, self.n_rows = client, parts, n_rows

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Combine ``function(block, *args)`` over all blocks, in a tree of tasks."""
        call, how, name = self._packed(function, *args, combine), self._packed(combine), function.__name__
        results = [self._submit(name, _reduced, part, call) for part in self._parts]
        while len(results) > 1:
            groups = [results[i : i + FAN_IN] for i in range(0, len(results), FAN_IN)]
            results = [self._submit(f"{name}-combined", _combined, group, how) for group in groups]
        return awaited(self.client, results[0])

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Derive (or replace) columns on the workers."""
        call = self._packed(function, *args, name)
        self._parts = [self._submit(function.__name__, _derived, part, call) for part in self._parts]

    def select(self, *names: str) -> DaskEngine:
        """An engine of these columns alone."""
        parts = [self._submit("select", Rows.select, part, *names) for part in self._parts]
        return DaskEngine(self.client, parts, self.n_rows)

    def arrays(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        """Dask arrays of what ``function(block, *args)``, a tuple of lists of arrays, makes of each partition."""
        import dask.array as da
        from dask.delayed import delayed

        call, name = self._packed(function, *args, add), function.__name__
        found = [self._submit(name, _stacked, part, call) for part in self._parts]
        shapes = [awaited(self.client, future) for future in [self._submit("shapes", _shapes, one) for one in found]]
        kept = [(delayed(one), each) for one, each in zip(found, shapes, strict=True) if each[0][0][0]]
        return [
            da.concatenate([da.from_delayed(one[j], *each[j]) for one, each in kept])  # type: ignore[no-untyped-call]
            for j in range(len(shapes[0]))
        ]

    def _packed(self, *call: Any) -> list[Any]:
        blob = cloudpickle.dumps(call)
        if len(blob) <= INLINE_BYTES:
            return [blob]
        pieces = [blob[i : i + PIECE_BYTES] for i in range(0, len(blob), PIECE_BYTES)]
        return [self._submit("arguments", _held, piece) for piece in pieces]

    def _submit(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        return submitted(self.client, name, function, *args)


def _held(piece: bytes) -> bytes:
    return piece


def _unpacked(call: list[bytes]) -> Any:
    return pickle.loads(call[0] if len(call) == 1 else b"".join(call))


def _reduced(rows: Rows, call: list[bytes]) -> Any:
    function, *args, combine = _unpacked(call)
    return rows.reduce(combine, function, *args)


def _stacked(rows: Rows, call: list[bytes]) -> list[np.ndarray]:
    return [np.concatenate(parts) for parts in _reduced(rows, call)]


def _shapes(columns: list[np.ndarray]) -> list[tuple[tuple[int, ...], np.dtype[Any]]]:
    return [(column.shape, column.dtype) for column in columns]


def _combined(results: list[Any], call: list[bytes]) -> Any:
    (combine,) = _unpacked(call)
    total = pickle.loads(pickle.dumps(results[0]))  # combining may write to it, and a lost task may be asked again
    for result in results[1:]:
        total = combine(total, result)
    return total


def _derived(rows: Rows, call: list[bytes]) -> Rows:
    function, *args, name = _unpacked(call)
    derived = {**rows.derived, **rows.derive(name, function, *args)}
    return Rows(rows.start, rows.n_rows, rows.block_rows, rows.columns, derived)


def submitted(client: Any, name: str, function: Callable[..., Any], *args: Any) -> Any:
    """A future of a task, which Dask's pages and its estimates of time know by `name`.

    Raises
    ------
    RuntimeError
        The scheduler was lost.
    """
    if client.status != "running":
        raise _lost(client, f"the client is {client.status}")
    return client.submit(function, *args, key=f"{name.strip('_')}-{uuid4()}")


def awaited(client: Any, future: Any) -> Any:
    """The result of a future.

    Raises
    ------
    RuntimeError
        The scheduler was lost, or so many workers died over a task that it was given up.
    """
    from distributed import CancelledError, KilledWorker, wait

    try:
        while not future.done():
            with suppress(TimeoutError):
                wait(future, timeout=PULSE)  # type: ignore[no-untyped-call]
            if client.status != "running":  # what was asked of it since it went is asked of nobody
                raise _lost(client, f"the client is {client.status}")
        return future.result()
    except KilledWorker as error:
        raise RuntimeError(
            f"Dask gave up: workers died over the same rows again and again, most likely out of memory ({error}). Give "
            "workers more memory, or cut the rows into more partitions."
        ) from error
    except CancelledError as error:
        raise _lost(client, str(error)) from error
    except OSError as error:  # that of a task, or of a connection
        if client.status == "running":
            raise
        raise _lost(client, str(error)) from error


def with_all_workers(client: Any, function: Callable[[], Any]) -> Any:
    """The result of what talks to the workers in its own way, and would wait for ever for one that died.

    Raises
    ------
    RuntimeError
        A worker or the scheduler was lost.
    """
    workers = set(client.nthreads())
    done: Future[Any] = Future()

    def run() -> None:
        try:
            done.set_result(function())
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, daemon=True).start()  # one that waits must not keep the program from ending
    while True:
        with suppress(TimeoutError):
            return done.result(PULSE)
        if client.status != "running":
            raise _lost(client, f"the client is {client.status}")
        if gone := workers - set(client.nthreads()):
            raise RuntimeError(
                f"The worker {min(gone)} was lost while a booster learned there, which cannot go on without it. Fit "
                "anew; workers that still wait for it have to be started again first."
            )


def _lost(client: Any, reason: str) -> RuntimeError:
    address = client.scheduler.address if client.scheduler is not None else "an address unknown"
    return RuntimeError(
        f"The Dask scheduler at {address} was lost in the middle of a fit ({reason}). Nothing was written; start it "
        "again, connect, and fit anew."
    )


class DaskScan(Scan):
    """Rows that Dask's workers read.

    Parameters
    ----------
    client : distributed.Client
    source : str
        What it is, for messages.
    parts : list of (function, arguments)
        Tasks that each return the columns by name; futures among the arguments are awaited.
    lengths : list of int
        Rows of each.
    n_features : int
    targets, besides, sample_rows
        As in `Scan`.
    """

    def __init__(
        self,
        client: Any,
        source: str,
        parts: list[tuple[Callable[..., Any], tuple[Any, ...]]],
        lengths: list[int],
        n_features: int,
        targets: tuple[str, ...],
        besides: tuple[str, ...],
        sample_rows: int,
    ) -> None:
        kept = [i for i, n in enumerate(lengths) if n]
        self._client, self._source, self._parts = client, source, [parts[i] for i in kept]
        self._lengths, self._n_features = [lengths[i] for i in kept], n_features
        self.targets, self.besides, self.sample_rows = targets, besides, sample_rows
        self.n_rows = sum(lengths)
        if not self.n_rows:
            raise ValueError(f"{self} holds no rows.")

    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> Engine:
        """An engine whose partitions the workers read."""
        starts = first_row + np.cumsum([0, *self._lengths])
        parts = [
            submitted(self._client, "opened", _opened, function, int(start), n, block_rows, names, *args)
            for (function, args), start, n in zip(self._parts, starts, self._lengths)
        ]
        return DaskEngine(self._client, parts, self.n_rows)

    def write(self, path: str | os.PathLike[str], function: Callable[..., dict[str, np.ndarray]], *args: Any) -> None:
        """Write a folder with a file for each partition, numbered in the order of the rows; workers must reach it."""
        path = Path(path).absolute()
        part = path.with_name(f".{path.name}.part")
        part.mkdir()
        try:
            self.engine("table").reduce(_written, part, function, *args)
            part.replace(path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise

    def __repr__(self) -> str:
        return f"<scan of {self._source}: {self.n_rows:,} rows, {self._n_features} features>"


def _opened(
    read: Callable[..., dict[str, Any]], start: int, n_rows: int, block_rows: int, names: tuple[str, ...], *args: Any
) -> Rows:
    columns = read(*args)
    found = columns["table"].shape[0]
    if found != n_rows:
        raise ValueError(f"A partition holds {found:,} rows, not {n_rows:,}: the data changed under the scan.")
    return Rows(start, n_rows, block_rows, {name: columns[name] for name in names})


def _written(block: Block, folder: Path, function: Callable[..., dict[str, np.ndarray]], *args: Any) -> int:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    write_table(pa.table(function(block, *args)), folder / f"part-{block['start']:012d}.parquet")
    return 1


def dask_scan(data: Any, target: Any, besides: dict[str, Any], sample_rows: int, client: Any) -> Scan:
    """What `scan` returns for Dask's collections, and for files that workers are to read."""
    from distributed import get_client

    client = get_client() if client is None else client
    if isinstance(data, Scan):
        return _of_files(data, client)
    if hasattr(data, "chunks"):
        return _of_array(data, target, besides, sample_rows, client)
    return _of_frame(data, target, besides, sample_rows, client)


def _of_array(data: Any, target: Any, besides: dict[str, Any], sample_rows: int, client: Any) -> Scan:
    import dask.array as da

    data = data.rechunk({1: -1})
    if any(np.isnan(n) for n in data.chunks[0]):
        data = data.compute_chunk_sizes()
    lengths = [int(n) for n in data.chunks[0]]
    columns: list[list[Any]] = [client.compute(list(data.to_delayed().ravel()))]
    given = {"truth": target, **besides} if target is not None else besides
    width = 0
    for name, values in given.items():
        column: Any = da.asarray(values)  # type: ignore[no-untyped-call]
        if len(column) != len(data):
            role = "target" if name == "truth" else name
            raise ValueError(f"{role} must have an entry for each of the {len(data):,} rows. Got {len(column):,}.")
        column = column.rechunk((tuple(lengths), *([-1] * (column.ndim - 1))))
        columns.append(client.compute(list(column.to_delayed().ravel())))
        if name == "truth":
            width = 1 if column.ndim == 1 else column.shape[1]
    targets = ("y",) if width == 1 else tuple(f"y{j}" for j in range(width))
    parts = [(_named, (("table", *given), *args)) for args in zip(*columns, strict=True)]
    return DaskScan(client, "a Dask array", parts, lengths, data.shape[1], targets, tuple(besides), sample_rows)


def _of_frame(data: Any, target: Any, besides: dict[str, Any], sample_rows: int, client: Any) -> Scan:
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    features = features_of(list(data.columns), targets, besides)
    frames = client.compute(data.to_delayed())
    lengths = [awaited(client, future) for future in [submitted(client, "rows", len, frame) for frame in frames]]
    parts = [(_split, (frame, features, targets, besides)) for frame in frames]
    source = "a Dask DataFrame"
    return DaskScan(client, source, parts, lengths, len(features), targets, tuple(besides), sample_rows)


def _of_files(local: Any, client: Any) -> Scan:
    pieces, lengths = local.pieces(PARTITION_ROWS)
    parts = [(_read, (cloudpickle.dumps((local, piece)),)) for piece in pieces]
    kinds = local.targets, local.besides, local.sample_rows
    return DaskScan(client, local.source, parts, lengths, len(local.features), *kinds)


def _named(names: Sequence[str], *columns: np.ndarray) -> dict[str, Any]:
    return dict(zip(names, columns, strict=True))


def _split(frame: Any, features: list[Any], targets: Sequence[str], besides: dict[str, str]) -> dict[str, Any]:
    columns = {"table": frame[features]} | {name: frame[column].to_numpy() for name, column in besides.items()}
    if targets:
        columns["truth"] = frame[targets[0]].to_numpy() if len(targets) == 1 else frame[list(targets)].to_numpy()
    return columns


def _read(blob: bytes) -> dict[str, Any]:
    local, piece = pickle.loads(blob)
    columns: dict[str, Any] = local.read_pieces(piece)
    return columns
