"""Tables that are read block by block each time they are needed, because they do not fit in memory."""

from __future__ import annotations

import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from ._combine import union
from ._engine import BLOCK_ROWS, Engine
from ._files import FileEngine
from ._strata import label_counts, non_finite, strata_sample, ungrouped, unweighed

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
    besides : tuple of str
        Which of ``"weight"`` and ``"groups"`` rows have.
    sample_rows : int
    """

    n_rows: int
    targets: tuple[str, ...]
    besides: tuple[str, ...]
    sample_rows: int

    @property
    def columns(self) -> tuple[str, ...]:
        """What an engine can be asked for."""
        return "table", *(("truth",) if self.targets else ()), *self.besides

    @abstractmethod
    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> Engine:
        """An engine whose blocks hold some of `columns`: ``"table"`` the features, ``"truth"`` the targets."""

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
            Rows without a label, a weight or a group.
        """
        numbers, sample = self.drawn(n_rows, stratify=stratify, seed=seed)
        return numbers, sample["table"], sample.get("truth", np.empty(len(numbers)))

    def drawn(self, n_rows: int, *, stratify: bool, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
        """The same with all `columns`, by name."""
        counts: dict[Any, int] | None = None
        missing = 0
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
        if "weight" in self.besides and (wrong := self.engine("weight").reduce(unweighed)):
            raise ValueError(
                f"{wrong:,} rows of {self} have no weight, or one that is not a finite number above 0. Leave out "
                "the rows that do not count."
            )
        if "groups" in self.besides and (missing := self.engine("groups").reduce(ungrouped)):
            raise ValueError(f"{missing:,} rows of {self} have no group. Give each row one, or drop these.")
        return strata_sample(self.engine(*self.columns), counts, n_rows, seed, self.columns)

    def unlabelled(self) -> Scan:
        """The same rows without their target, weights and groups, which are not looked at."""
        twin = copy(self)
        twin.targets = twin.besides = ()
        return twin

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        # What scikit-learn's searches and metrics do to whatever they are given.
        raise TypeError(
            f"{self} is read in blocks and cannot become an array or be cut into folds, as a search (GridSearchCV) and "
            "cross-validation would. Choose parameters on a sample: `_, X, y = scan(...).sample(20_000)`; then fit the "
            "best estimator on the scan."
        )


def scan(
    data: Any,
    target: Any = None,
    *,
    weight: Any = None,
    groups: Any = None,
    sample_rows: int = SAMPLE_ROWS,
    client: Any = None,
) -> Scan:
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
    weight, groups : str, optional; for an array, arrays of shape (n,)
        The columns that hold what is `sample_weight` and `groups` beside an array: what rows count, more than
        0, and which belong together. They are no features. With groups, no teacher labels rows of a group that it
        learned from.
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
        A target, weight or groups that are not there, or no rows.

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
    besides = {name: given for name, given in (("weight", weight), ("groups", groups)) if given is not None}
    if type(data).__module__.startswith("dask"):
        return _on_workers(data, target, besides, sample_rows, client)
    if isinstance(data, np.ndarray):
        if client is not None:
            raise TypeError("A NumPy array lies on one machine. With a client, pass a path or a Dask array.")
        return ArrayScan(data, target, sample_rows, besides)
    if isinstance(data, (str, os.PathLike)) or type(data).__module__.startswith("pyarrow"):
        from ._parquet import ParquetScan, opened

        files = ParquetScan(opened(data), target, sample_rows, besides)
        return files if client is None else _on_workers(files, None, {}, sample_rows, client)
    raise TypeError(
        "scan takes the path of a Parquet file or folder, a pyarrow Dataset or a two-dimensional array. Got "
        f"{type(data).__name__}. A data frame in memory goes to fit(X, y) as it is."
    )


class LocalScan(Scan):
    """Rows that this process reads itself."""

    @abstractmethod
    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """Some of `columns`, in blocks of exactly `block_rows` rows, but for the last."""

    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> Engine:
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

    def __init__(
        self, data: np.ndarray, target: Any, sample_rows: int, besides: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
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
        for name, given in besides.items():
            column = self._columns[name] = np.asanyarray(given)
            if column.shape != (len(data),):
                raise ValueError(
                    f"For an array, {name} must be an array with one entry for each of the {len(data):,} rows. Got "
                    f"{f'shape {column.shape}' if column.ndim else repr(given)}."
                )
        self.besides = tuple(besides)
        check_rows(self)

    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """Slices of the array."""
        for start in range(0, self.n_rows, block_rows):
            rows = slice(start, start + block_rows)
            yield {name: np.asarray(self._columns[name][rows]) for name in names}
            for name in names:
                _let_go(self._columns[name])

    def __repr__(self) -> str:
        return f"<scan of an array: {self.n_rows:,} rows, {self._columns['table'].shape[1]} features>"


def _on_workers(data: Any, target: Any, besides: dict[str, Any], sample_rows: int, client: Any) -> Scan:
    try:
        from ._dask import dask_scan
    except ImportError as error:
        raise ImportError("Rows on Dask's workers need Dask: pip install 'skdistill[dask]'") from error
    return dask_scan(data, target, besides, sample_rows, client)


def features_of(names: Sequence[Any], targets: Sequence[str], besides: Mapping[str, Any]) -> list[Any]:
    """The columns that are neither targets nor weights nor groups.

    Raises
    ------
    ValueError
        One of these is not there, or is named twice.
    """
    taken: dict[Any, str] = {}
    for role, name in [*(("target", name) for name in targets), *besides.items()]:
        if not isinstance(name, str):
            raise ValueError(f"{role} must be the name of a column here. Got {type(name).__name__}.")
        if name not in names:
            raise ValueError(f"The {role} {name!r} is not among the columns: {', '.join(map(str, names))}.")
        if name in taken:
            raise ValueError(f"The column {name!r} cannot be both {taken[name]} and {role}.")
        taken[name] = role
    return [name for name in names if name not in taken]


def check_rows(table: Scan) -> None:
    if table.n_rows == 0:
        raise ValueError(f"{table} holds no rows.")


def _let_go(column: np.ndarray) -> None:
    """Tell the system that what was read of a memory map is not needed any more, so that it does not count as ours."""
    memory = getattr(column, "_mmap", None)
    if memory is not None and hasattr(mmap, "MADV_DONTNEED"):
        memory.madvise(mmap.MADV_DONTNEED)
