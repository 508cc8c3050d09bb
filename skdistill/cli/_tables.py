"""Tables and text, in and out: CSV and Parquet files, standard input and output."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import write_whole
from ..model import CategoryColumn, Model

if TYPE_CHECKING:
    import pandas as pd

#: Stands for standard input or output.
STANDARD = Path("-")

#: A Parquet file begins with these bytes, on standard input too.
_PARQUET = b"PAR1"

#: Of the cells of a text column, the share that must be numbers to say that something is odd.
_MOSTLY = 0.9

#: So many texts may all differ by chance.
_FEW = 20


class CommandError(Exception):
    """What went wrong, in a line for people."""


def read_table(path: Path, *, missing: list[str] | None = None, text: list[str] | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file, or what comes on standard input.

    Parameters
    ----------
    path : Path
    missing : list of str, optional
        What stands for a missing value in a CSV, beside nothing, NA, NaN, null and the like.
    text : list of str, optional
        Columns of a CSV that hold text even where it looks like numbers.

    Raises
    ------
    CommandError
        There is no table in it.
    OSError
        It cannot be read.
    """
    import pandas as pd

    data = sys.stdin.buffer.read() if path == STANDARD else path.read_bytes()
    shown = "standard input" if path == STANDARD else str(path)
    if not data.strip():
        raise CommandError(f"{shown} is empty")
    try:
        if data.startswith(_PARQUET):
            table = pd.read_parquet(BytesIO(data))
        else:
            types = dict.fromkeys(text or [], str)
            separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
            # Some write "a, b": what follows the comma is no part of a name, a category or a word for missing.
            table = pd.read_csv(
                BytesIO(data), sep=separator, skipinitialspace=True, na_values=missing, dtype=types, low_memory=False
            )
    except (ValueError, OSError, UnicodeDecodeError) as error:  # pandas' and PyArrow's own are of these
        raise CommandError(f"{shown} is not a CSV or Parquet file that can be read: {error}") from error
    if not len(table):
        raise CommandError(f"{shown} has no rows, only the names of {len(table.columns)} columns")
    table.columns = table.columns.map(str)
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise CommandError(f"{shown} has two columns called {repeated[0]!r}")
    return table


def take_target(table: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.Series]:
    """Part a table into features and the target; rows without a value of that are left out.

    Raises
    ------
    CommandError
        There is no such column, or nothing in it, or nothing beside it.
    """
    if target not in table.columns:
        near = get_close_matches(target, table.columns, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else f". It has {_listed(list(table.columns))}"
        if len(table.columns) == 1 and any(mark in table.columns[0] for mark in ";\t|"):
            hint = ": it has one column only. Are its values separated by commas?"
        raise CommandError(f"the table has no column {target!r}{hint}")
    known = table[target].notna()
    if not known.any():
        raise CommandError(f"column {target!r} holds no value at all")
    if len(table.columns) == 1:
        raise CommandError(f"the table has no column beside the target {target!r}")
    table = table[known]
    return table.drop(columns=target), table[target]


def drop_columns(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The table without some columns.

    Raises
    ------
    CommandError
        It does not have them.
    """
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise CommandError(f"--drop names column {absent[0]!r}, which the table does not have")
    return table.drop(columns=names)


def with_columns(table: pd.DataFrame, names: list[str], path: Path) -> pd.DataFrame:
    """Some columns of a table.

    Raises
    ------
    CommandError
        It does not have them.
    """
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise CommandError(f"{path} lacks columns of the table to learn from: {_listed(absent)}")
    return table[names]


def odd_columns(table: pd.DataFrame) -> list[str]:
    """Say which columns are text because of a few cells only, and of which no two rows share a text."""
    import pandas as pd

    said = []
    for name, column in table.items():
        if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
            cells = column.dropna()
            odd = cells[pd.to_numeric(cells, errors="coerce").isna()]
            if len(odd) > _FEW and cells.is_unique:
                said.append(
                    f"column {str(name)!r} holds a different text in each row, as identifiers do, and tells nothing of "
                    f"new rows; leave it out with --drop {str(name)!r}"
                )
            if 0 < len(odd) < (1 - _MOSTLY) * len(cells):
                said.append(
                    f"column {str(name)!r} is taken for text, since {len(odd):,} of its {len(cells):,} cells are not "
                    f"numbers, such as {str(odd.iloc[0])!r}; if that means missing, pass --missing {str(odd.iloc[0])!r}"
                )
    return said


def text_columns(model: Model) -> list[str]:
    """The columns whose categories are text to a model: "1" is not 1."""
    return [
        column.name
        for column in model.preprocessor.columns
        if isinstance(column, CategoryColumn) and all(isinstance(category, str) for category in column.categories)
    ]


def answers(model: Model, table: pd.DataFrame, probabilities: bool) -> pd.DataFrame:
    """Predictions as a table: a column for each target, and perhaps for the probability of each class."""
    import pandas as pd

    predicted = np.asarray(model.predict(table))
    if predicted.ndim == 2:
        return pd.DataFrame(predicted, columns=list(model.output.targets))
    found = pd.DataFrame({"prediction": predicted})
    if probabilities:
        names = [f"probability of {label}" for label in model.output.classes or ()]
        found[names] = model.predict_proba(table)
    return found


def check_can_write(path: Path) -> None:
    """Refuse a place that nothing can be written to, before long work.

    Raises
    ------
    CommandError
        It is a folder, or in none that can be written to.
    """
    if path.is_dir():
        raise CommandError(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise CommandError(f"there is no folder {path.parent} to write {path.name} to")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"the folder {path.parent} cannot be written to")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write CSV, or Parquet where the name ends so, whole or not at all; CSV to standard output."""
    if path.suffix.lower() == ".parquet":
        write_whole(path, table.to_parquet(index=False))
    else:
        write_text(table.to_csv(index=False), path)


def write_text(text: str, path: Path) -> None:
    """Write text, whole or not at all; or to standard output."""
    if path == STANDARD:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_whole(path, text.encode())


def read_size(text: str) -> int:
    """Bytes of "900", "4KB" or "2 KiB", where a kilobyte has 1024.

    >>> read_size("900"), read_size("4KB"), read_size("1.5 MB")
    (900, 4096, 1572864)

    Raises
    ------
    CommandError
        It is no size.
    """
    bare = text.strip().upper().removesuffix("B").removesuffix("I").strip()
    power = {"K": 1, "M": 2}.get(bare[-1:], 0)
    try:
        size = float(bare[:-1] if power else bare) * 1024**power
    except ValueError:
        size = 0.0
    if not 1 <= size < 2**53:
        raise CommandError(f"--max-bytes must be a size such as 900, 4KB or 1MB. Got {text!r}")
    return int(size)


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
