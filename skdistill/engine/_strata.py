"""A stratified sample of rows that lie anywhere, by the hash of their numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._engine import Block, Engine
from ._sample import row_hashes

#: Rows that a class has in the sample, if it has as many: folds must find some of it.
LEAST_OF_CLASS = 30


def label_counts(block: Block) -> Counter[Any]:
    """How often each label occurs; under None, rows that have none. Combine with `union`."""
    labels: list[Any] = block["truth"].tolist()
    counts = Counter(labels)
    missing = [label for label in counts if label is None or label != label]
    none = sum(counts.pop(label) for label in missing)
    if none:
        counts[None] = none
    return counts


def non_finite(block: Block) -> int:
    """Rows of which a target is missing, infinite or no number."""
    truth = block["truth"]
    if truth.dtype.kind in "OSU" and truth.ndim == 1:  # text
        return label_counts(block)[None]
    return int((~np.isfinite(truth.astype(np.float64).reshape(len(truth), -1))).any(axis=1).sum())


def unweighed(block: Block) -> int:
    """Rows whose weight is missing, infinite, no number or not above 0."""
    weight = block["weight"]
    if weight.dtype.kind not in "buif":
        return len(weight)
    return int((~(np.isfinite(weight) & (weight > 0))).sum())


def ungrouped(block: Block) -> int:
    """Rows that are in no group."""
    groups = block["groups"]
    if groups.dtype.kind in "biuSU":
        return 0
    return sum(group is None or group != group for group in groups.tolist())


def candidates(block: Block, below: Mapping[Any, int], seed: int, names: Sequence[str]) -> tuple[list[Any], ...]:
    """Hashes below the bound of their class, row numbers, and the columns. Lists, so that adding joins them."""
    n_rows = block["table"].shape[0]
    hashes = row_hashes(block["start"], n_rows, seed)
    bounds = np.full(n_rows, below.get(None, 0), dtype=np.uint64)
    if None not in below:
        bounds[:] = [below[label] for label in block["truth"].tolist()]
    kept = np.flatnonzero(hashes <= bounds)
    return [hashes[kept]], [block["start"] + kept], *([taken(block[name], kept)] for name in names)


def strata_sample(
    engine: Engine, counts: Mapping[Any, int] | None, size: int, seed: int, names: Sequence[str]
) -> tuple[np.ndarray, dict[str, Any]]:
    """The rows with the smallest hashes of each class, their numbers and columns; see `Scan.sample`.

    Parameters
    ----------
    engine : Engine
    counts : mapping of label to int, or None
        How often each label occurs; None: all rows are of one class.
    size : int
    seed : int
    names : sequence of str
        The columns, ``"table"`` among them.
    """
    classes = {None: engine.n_rows} if counts is None else counts
    share = min(size / engine.n_rows, 1.0)
    wanted = {label: min(n, max(math.ceil(share * n), LEAST_OF_CLASS if counts else 1)) for label, n in classes.items()}
    # Blocks return what could be among the smallest: eight standard deviations more than are wanted on average.
    below = {
        label: min(int((m + 8 * math.sqrt(m)) / classes[label] * 2**64), 2**64 - 1) if m < classes[label] else 2**64 - 1
        for label, m in wanted.items()
    }
    hashes, numbers, *columns = engine.reduce(candidates, below, seed, names)
    hashes, numbers = np.concatenate(hashes), np.concatenate(numbers)
    found = {name: stacked(parts) for name, parts in zip(names, columns, strict=True)}
    kept = []
    for label, m in wanted.items():
        rows = np.arange(len(hashes)) if counts is None else np.flatnonzero(found["truth"] == label)
        kept.append(rows[np.argsort(hashes[rows], kind="stable")[:m]])
    rows = np.concatenate(kept)
    rows = rows[np.argsort(numbers[rows])]
    return numbers[rows], {name: taken(column, rows) for name, column in found.items()}


def taken(table: Any, rows: np.ndarray) -> Any:
    """Some rows of a table."""
    if isinstance(table, np.ndarray):
        return table[rows]
    return table.iloc[rows] if hasattr(table, "iloc") else table.take(rows)


def stacked(tables: list[Any]) -> Any:
    """Tables of the same columns, one below the other."""
    if isinstance(tables[0], np.ndarray):
        return np.concatenate(tables)
    if hasattr(tables[0], "iloc"):
        import pandas as pd

        return pd.concat(tables, ignore_index=True)
    import pyarrow as pa

    return pa.concat_tables(tables).combine_chunks()
