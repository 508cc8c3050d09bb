"""Rows of Parquet files and other datasets that pyarrow reads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from ._scan import WRITTEN_ROWS, LocalScan, check_rows, features_of


class ParquetScan(LocalScan):
    """Rows of a pyarrow dataset."""

    def __init__(
        self, dataset: Any, target: Any, sample_rows: int, besides: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self._dataset = dataset
        self.targets = (target,) if isinstance(target, str) else tuple(target or ())
        self.features = features_of(dataset.schema.names, self.targets, besides)
        self._besides, self.besides = dict(besides), tuple(besides)
        self.sample_rows = sample_rows
        self.n_rows = dataset.count_rows()
        check_rows(self)

    def read(self, names: Sequence[str], block_rows: int) -> Iterator[Mapping[str, Any]]:
        """Tables of the features, arrays of the targets."""
        columns = [*(self.features if "table" in names else []), *(self.targets if "truth" in names else [])]
        columns += [self._besides[name] for name in self.besides if name in names]
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

        columns = [*self.features, *self.targets, *(self._besides[name] for name in self.besides)]
        table = pa.concat_tables(_tables(self._dataset.schema, pieces, columns, WRITTEN_ROWS))
        return self._cut(table.combine_chunks(), self.columns)

    def _cut(self, table: Any, names: Sequence[str]) -> dict[str, Any]:
        cut = {}
        if "table" in names:
            cut["table"] = table.select(self.features)
        if "truth" in names:
            truth = [_values(table.column(name)) for name in self.targets]
            cut["truth"] = truth[0] if len(truth) == 1 else np.stack(truth, axis=1)
        return cut | {name: _values(table.column(self._besides[name])) for name in self.besides if name in names}

    @property
    def source(self) -> str:
        """What is read, for messages."""
        files = self._dataset.files if hasattr(self._dataset, "files") else ["a dataset"]
        return files[0] if len(files) == 1 else f"{len(files)} files"

    def __repr__(self) -> str:
        return f"<scan of {self.source}: {self.n_rows:,} rows, {len(self.features)} features>"


def opened(data: Any) -> Any:
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
