"""Tables that are read block by block each time they are needed, because they do not fit in memory."""

from __future__ import annotations

import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ._combine import union
from ._engine import BLOCK_ROWS, Engine
from ._files import FileEngine
from ._strata import label_counts, non_finite, strata_sample

#: Rows that are written at a time: a row group.
WRITTEN_ROWS = 65_536
#: Rows that the encoder and teachers other than boosters are fitted on, unless `scan` is told otherwise.
SAMPLE_ROWS = 50_000


class Scan(ABC):
    """A table that `scan` has opened: no row is read before a fit asks for it.

    Attributes
    ----------
    n_rows : int
    targets : tuple of str
        Names of the columns to learn; empty for rows without labels.
    sample_rows : int
    """

    n_rows: int
    targets: tuple[str, ...]
    sample_rows: int

    @abstractmethod
    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> Engine:
        """An engine whose blocks hold ``"table"`` (the features), ``"truth"`` (the targets as they are), or both."""

    @abstractmethod
    def write(self, path: str | os.PathLike[str], function: Callable[..., dict[str, np.ndarray]], *args: Any) -> None:
        """Write ``function(block, *args)``, columns by name, of all blocks of the ``"table"`` to a Parquet file.

        The file appears when it is whole.
        """

    def sample(self, n_rows: int, *, stratify: bool = False, seed: int = 0) -> tuple[np.ndarray, Any, np.ndarray]:
        """Draw rows by the hash of their number: the same rows however the table is cut into blocks.

        Parameters
        ----------
        n_rows : int
            How many; all if there are no more.
        stratify : bool
            Draw from each class of the target its share, but of a rare class 30 rows at least, or all that it has.
        seed : int

        Returns
        -------
        numbers : ndarray of shape (n_rows,)
            Row numbers, increasing.
        table : table of n_rows rows
        truth : ndarray of shape (n_rows,) or (n_rows, n_targets)

        Raises
        ------
        ValueError
            Rows without a label.
        """
        counts: dict[Any, int] | None = None
        if self.targets:
            labels = self.engine("truth")
            if stratify:
                counts = labels.reduce(label_counts, combine=union)
                missing = counts.pop(None, 0)
            else:
                missing = labels.reduce(non_finite)
            if missing:
                raise ValueError(
                    f"{missing:,} rows of {self} have no target, or NaN or infinity there. Drop the rows without one."
                )
        names = ("table", "truth") if self.targets else ("table",)
        return strata_sample(self.engine(*names), counts, n_rows, seed, bool(self.targets))

    def unlabelled(self) -> Scan:
        """The same rows without their target, which is not looked at."""
        twin = copy(self)
        twin.targets = ()
        return twin

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        # What scikit-learn's searches and metrics do to whatever they are given.
        raise TypeError(
            f"{self} is read in blocks and cannot become an array or be cut into folds, as a search (GridSearchCV) and "
            "cross-validation would. Choose parameters on a sample: `_, X, y = scan(...).sample(20_000)`; then fit the "
            "best estimator on the scan."
        )


def scan(data: Any, target: Any = None, *, sample_rows: int = SAMPLE_ROWS, client: Any = None) -> Scan:
    """Open a table that need not fit in memory, to be passed as X to a fit or to `predict_to`.

    The encoder and all teachers but boosters are fitted on a stratified sample, and every choice is judged on it; the
    committee then labels all rows, and the student is fitted on all of them, block by block. So are XGBoost and
    LightGBM, which then label each row by a model that did not see it.

    Parameters
    ----------
    data : path, pyarrow.dataset.Dataset, two-dimensional array, Dask array or Dask DataFrame
        A Parquet file, a folder of Parquet files, a dataset (Parquet, Arrow, CSV, ...), or an array: a `numpy.memmap`.
        Teachers given as estimators get the rows of files as a `pyarrow.Table`.
    target : str or list of str; for an array, an array of shape (n,) or (n, m)
        What is to be learnt. Not needed for unlabelled rows and for prediction.
    sample_rows : int
        Rows of the sample. It is held in memory, as are the teachers' copies of it.
    client : distributed.Client, optional
        Dask's workers read, label and sum the rows; of files, they must be able to open them. For Dask arrays and
        DataFrames, the current client where None. Teachers are fitted where the client is.

    Returns
    -------
    Scan

    Raises
    ------
    ImportError
        Files need pyarrow.
    ValueError
        A target that is not there, or no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import scan
    >>> rows = scan(np.zeros((100, 3), dtype=np.float32), target=np.arange(100.0))
    >>> rows
    <scan of an array: 100 rows, 3 features>
    >>> numbers, X, y = rows.sample(2)
    >>> X.shape, bool((numbers == y).all())
    ((2, 3), True)
    """
    if sample_rows < 2:
        raise ValueError(f"sample_rows must be 2 at least. Got {sample_rows}.")
    if type(data).__module__.startswith("dask"):
        return _on_workers(data, target, sample_rows, client)
    if isinstance(data, np.ndarray):
        if client is not None:
            raise TypeError("A NumPy array lies on one machine. With a client, pass a path or a Dask array.")
        return ArrayScan(data, target, sample_rows)
    if isinstance(data, (str, os.PathLike)) or type(data).__module__.startswith("pyarrow"):
        files = ParquetScan(_opened(data), target, sample_rows)
        return files if client is None else _on_workers(files, None, sample_rows, client)
    raise TypeError(
        "scan takes the path of a Parquet file or folder, a pyarrow Dataset or a two-dimensional array. Got "
        f"{type(data).__name__}. A data frame in memory goes to fit(X, y) as it is."
    )


class LocalScan(Scan):
    """Rows that this process reads itself."""

    @abstractmethod
    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """The columns ``"table"``, ``"truth"`` or both, in blocks of exactly `block_rows` rows, but for the last."""

    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> FileEngine:
        """An engine that reads the rows block by block."""
        return FileEngine(partial(self.read, names), self.n_rows, block_rows, first_row)

    def write(self, path: str | os.PathLike[str], function: Callable[..., dict[str, np.ndarray]], *args: Any) -> None:
        """Write one file, in the order of the rows."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        path = Path(path)
        part = path.with_name(f".{path.name}.part")
        writer: Any = None
        try:
            for number, block in enumerate(self.read(("table",), WRITTEN_ROWS)):
                columns = pa.table(function({"start": number * WRITTEN_ROWS, **block}, *args))
                writer = writer or ParquetWriter(part, columns.schema)
                writer.write_table(columns)
            writer.close()
            part.replace(path)
        except BaseException:
            if writer is not None:
                with suppress(OSError):
                    writer.close()
            part.unlink(missing_ok=True)
            raise


class ArrayScan(LocalScan):
    """Rows of an array, most likely a memory map."""

    def __init__(self, data: np.ndarray, target: Any, sample_rows: int) -> None:
        if data.ndim != 2:
            raise ValueError(f"scan needs an array of two dimensions. Got shape {data.shape}.")
        truth = None if target is None else np.asanyarray(target)
        if truth is not None and (truth.ndim not in (1, 2) or len(truth) != len(data)):
            raise ValueError(
                f"For an array, target must be an array with one entry or row for each of the {len(data):,} rows. Got "
                f"shape {truth.shape}."
            )
        self.n_rows, self.sample_rows = len(data), sample_rows
        width = 0 if truth is None else 1 if truth.ndim == 1 else truth.shape[1]
        self.targets = ("y",) if width == 1 else tuple(f"y{j}" for j in range(width))
        self._columns = {"table": data} if truth is None else {"table": data, "truth": truth}
        _check_rows(self)

    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """Slices of the array."""
        for start in range(0, self.n_rows, block_rows):
            rows = slice(start, start + block_rows)
            yield {name: np.asarray(self._columns[name][rows]) for name in names}
            for name in names:
                _let_go(self._columns[name])

    def __repr__(self) -> str:
        return f"<scan of an array: {self.n_rows:,} rows, {self._columns['table'].shape[1]} features>"


class ParquetScan(LocalScan):
    """Rows of a pyarrow dataset."""

    def __init__(self, dataset: Any, target: Any, sample_rows: int) -> None:
        self._dataset = dataset
        self.targets = (target,) if isinstance(target, str) else tuple(target or ())
        names = dataset.schema.names
        missing = [name for name in self.targets if name not in names]
        if missing:
            raise ValueError(f"The target {missing[0]!r} is not among the columns: {', '.join(map(str, names))}.")
        self.features = [name for name in names if name not in self.targets]
        self.sample_rows = sample_rows
        self.n_rows = dataset.count_rows()
        _check_rows(self)

    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """Tables of the features, arrays of the targets."""
        columns = [*(self.features if "table" in names else []), *(self.targets if "truth" in names else [])]
        tables = _recut(_tables(self._dataset.schema, self._dataset.get_fragments(), columns, block_rows), block_rows)
        return (self._cut(table, names) for table in tables)

    def pieces(self, n_rows: int) -> tuple[list[list[Any]], list[int]]:
        """Fragments of the dataset, grouped until they hold `n_rows`, and the rows of each group."""
        groups: list[list[Any]] = []
        lengths: list[int] = []
        for fragment in self._dataset.get_fragments():
            parquet = hasattr(fragment, "split_by_row_group")
            for piece in fragment.split_by_row_group() if parquet else [fragment]:
                if not groups or lengths[-1] >= n_rows:
                    groups.append([])
                    lengths.append(0)
                groups[-1].append(piece)
                # A piece of a file counts the rows of the whole file.
                lengths[-1] += sum(group.num_rows for group in piece.row_groups) if parquet else piece.count_rows()
        return groups, lengths

    def read_pieces(self, pieces: list[Any]) -> dict[str, Any]:
        """The rows of some pieces in one block."""
        import pyarrow as pa

        names = ("table", "truth") if self.targets else ("table",)
        table = pa.concat_tables(_tables(self._dataset.schema, pieces, [*self.features, *self.targets], WRITTEN_ROWS))
        return self._cut(table.combine_chunks(), names)

    def _cut(self, table: Any, names: Sequence[str]) -> dict[str, Any]:
        cut = {}
        if "table" in names:
            cut["table"] = table.select(self.features)
        if "truth" in names:
            truth = [_values(table.column(name)) for name in self.targets]
            cut["truth"] = truth[0] if len(truth) == 1 else np.stack(truth, axis=1)
        return cut

    @property
    def source(self) -> str:
        """What is read, for messages."""
        files = self._dataset.files if hasattr(self._dataset, "files") else ["a dataset"]
        return files[0] if len(files) == 1 else f"{len(files)} files"

    def __repr__(self) -> str:
        return f"<scan of {self.source}: {self.n_rows:,} rows, {len(self.features)} features>"


def _on_workers(data: Any, target: Any, sample_rows: int, client: Any) -> Scan:
    try:
        from ._dask import dask_scan
    except ImportError as error:
        raise ImportError("Rows on Dask's workers need Dask: pip install 'skdistill[dask]'") from error
    return dask_scan(data, target, sample_rows, client)


def _check_rows(table: Scan) -> None:
    if table.n_rows == 0:
        raise ValueError(f"{table} holds no rows.")


def _opened(data: Any) -> Any:
    """A pyarrow dataset."""
    try:
        from pyarrow import dataset
    except ImportError as error:
        raise ImportError(
            "scan needs pyarrow to read files. Install it with: pip install 'skdistill[parquet]'"
        ) from error
    if isinstance(data, dataset.Dataset):
        return data
    if not isinstance(data, (str, os.PathLike)):
        raise TypeError(f"scan takes a pyarrow Dataset, not a {type(data).__name__}: that goes to fit(X, y) as it is.")
    if not os.path.exists(data):
        raise FileNotFoundError(f"There is no Parquet file or folder {os.fspath(data)!r}.")
    return dataset.dataset(data, format="parquet")


def _tables(schema: Any, fragments: Iterable[Any], columns: list[str], block_rows: int) -> Iterator[Any]:
    """Tables of `block_rows` rows at most, in the order of the rows, no more read ahead than one."""
    import pyarrow as pa
    from pyarrow.dataset import ParquetFileFragment, ParquetFragmentScanOptions

    for fragment in fragments:
        parquet = isinstance(fragment, ParquetFileFragment)
        options = {"fragment_scan_options": ParquetFragmentScanOptions(pre_buffer=False)} if parquet else {}
        for piece in fragment.split_by_row_group() if parquet else [fragment]:
            try:
                batches = piece.to_batches(
                    schema=schema, columns=columns, batch_size=block_rows, batch_readahead=1, **options
                )
                for batch in batches:
                    yield pa.Table.from_batches([batch])
            except (pa.ArrowException, OSError) as error:
                where = "A part of the dataset"
                if parquet:
                    where = f"Row group {piece.row_groups[0].id} of {fragment.path!r}"
                raise ValueError(f"{where} cannot be read: {error}") from error


def _recut(tables: Iterator[Any], block_rows: int) -> Iterator[Any]:
    """The same rows in tables of exactly `block_rows` rows, and what is left."""
    import pyarrow as pa

    waiting: list[Any] = []
    n_waiting = 0
    for table in tables:
        waiting.append(table)
        n_waiting += table.num_rows
        while n_waiting >= block_rows:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, block_rows).combine_chunks()
            n_waiting -= block_rows
            waiting = [whole.slice(block_rows)]
    if n_waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _values(column: Any) -> np.ndarray:
    """A target as an array: text and what has gaps as objects or floats."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return np.asarray(column.to_numpy())


def _let_go(column: np.ndarray) -> None:
    """Tell the system that what was read of a memory map is not needed any more, so that it does not count as ours."""
    memory = getattr(column, "_mmap", None)
    if memory is not None and hasattr(mmap, "MADV_DONTNEED"):
        memory.madvise(mmap.MADV_DONTNEED)
