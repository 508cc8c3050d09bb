"""Results on disk: a tidy CSV of one row per cell, and beside it the row losses that paired comparisons need.

A cell is a contestant of one size on one draw of one set. It is finished once its row is written, which happens last
and under a lock, so that a run can be killed at any time, resumed, and shared by several processes.
"""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

COLUMNS = (
    *("set", "seed", "rows", "contestant", "size", "task", "n_train", "n_test", "n_features", "n_classes", "leaves"),
    *("accuracy", "log_loss", "auc", "rmse", "fidelity", "nbytes", "cpu_seconds", "settings"),
    "cv_loss",
)
TEACHER = "teacher"


class Cell(NamedTuple):
    """Key of a result; `rows` is the plan's cap, `size` 0 where a contestant has only one."""

    set: str
    seed: int
    rows: int
    contestant: str
    size: int


class Results:
    """The results of runs into one folder.

    Parameters
    ----------
    folder : Path
        Holds ``results.csv`` and the losses.
    """

    def __init__(self, folder: Path) -> None:
        self.csv = folder / "results.csv"
        self._losses = folder / "losses"

    def frame(self) -> pd.DataFrame:
        """All finished cells; of a cell that was run again, the latest row.

        Raises
        ------
        ValueError
            The file has other columns.
        """
        if not self.csv.exists():
            return pd.DataFrame(columns=list(COLUMNS))
        with self.csv.open() as file:
            if file.readline().strip().split(",") != list(COLUMNS):
                raise ValueError(
                    f"{self.csv} was written by another version of the benchmark: remove it and run again."
                )
        data = pd.read_csv(self.csv, keep_default_na=False, na_values=["", "nan"])
        return data.drop_duplicates(list(Cell._fields), keep="last").reset_index(drop=True)

    def finished(self) -> set[Cell]:
        """Cells that need not be run."""
        data = self.frame()
        cells = (Cell(*row) for row in data[list(Cell._fields)].itertuples(index=False))
        return {cell for cell in cells if self._path(cell).exists()}

    def nbytes(self, cell: Cell) -> int:
        """Packed bytes of a finished cell.

        Raises
        ------
        LookupError
            It is not finished.
        """
        data = self.frame()
        found = data.loc[(data[list(Cell._fields)] == pd.Series(cell._asdict())).all(axis=1), "nbytes"]
        if not len(found):
            raise LookupError(f"{cell.contestant} of size {cell.size} has not run on {cell.set}: run it first.")
        return int(found.iloc[0])

    def add(self, cell: Cell, row: dict[str, Any], losses: dict[str, np.ndarray]) -> None:
        """Keep a finished cell: its losses first, its row last."""
        path = self._path(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.part")
        with partial.open("wb") as file:
            np.savez_compressed(file, **{metric: values.astype(np.float32) for metric, values in losses.items()})
        partial.replace(path)
        with _locked(self.csv) as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow({**cell._asdict(), **row})

    def losses(self, cell: Cell) -> dict[str, np.ndarray]:
        """Row losses of a finished cell, by metric."""
        with np.load(self._path(cell)) as stored:
            return {metric: stored[metric].astype(np.float64) for metric in stored.files}

    def _path(self, cell: Cell) -> Path:
        return self._losses / f"{cell.set}-{cell.seed}-{cell.rows}" / f"{cell.contestant}-{cell.size}.npz"


@contextmanager
def _locked(path: Path) -> Iterator[Any]:
    """Append to a file as the only process that does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0, os.SEEK_END)
        yield file
