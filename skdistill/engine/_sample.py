"""A sample of rows that depends on the seed and the numbers of the rows alone, not on how they are cut into blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ._engine import Block, Engine


def row_hashes(start: int, n_rows: int, seed: int) -> np.ndarray:
    """Hash the row numbers from `start` on: the splitmix64 generator of Steele, Lea and Flood (2014), by counter.

    Returns
    -------
    ndarray of uint64, shape (n_rows,)

    Examples
    --------
    >>> row_hashes(0, 3, seed=0).tolist()[2] == row_hashes(2, 1, seed=0).item()
    True
    """
    # Consecutive seeds must not give shifted copies of one stream, so the seed enters through the mixing function.
    origin = _mix(np.array([seed], dtype=np.uint64))
    numbers = np.arange(start + 1, start + n_rows + 1, dtype=np.uint64)
    return _mix(origin + numbers * np.uint64(0x9E3779B97F4A7C15))


def _mix(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def hashed_rows(block: Block, names: tuple[str, ...], seed: int, below: int) -> tuple[list[np.ndarray], ...]:
    """The hashes below a bound, and the rows of the named columns they belong to. Lists, so that adding joins them."""
    hashes = row_hashes(block["start"], len(block[names[0]]), seed)
    # Plain Python integers would turn a comparison of uint64 into one of float64 on old NumPy.
    kept = np.flatnonzero(hashes <= np.uint64(min(below, 2**64 - 1)))
    return [hashes[kept]], *([block[name][kept]] for name in names)


def sample_rows(engine: Engine, names: tuple[str, ...], size: int, seed: int = 0) -> list[Any]:
    """Take the `size` rows with the smallest hashes, or all rows if there are no more.

    Parameters
    ----------
    engine : Engine
    names : tuple of str
        The columns wanted.
    size : int
        Rows at most.
    seed : int

    Returns
    -------
    list of ndarray
        The rows of each column, in no particular order.

    Examples
    --------
    >>> from skdistill.engine import MemoryEngine
    >>> engine = MemoryEngine({"X": np.arange(1000.0)}, block_rows=300)
    >>> (rows,) = sample_rows(engine, ("X",), size=10)
    >>> rows.shape
    (10,)
    """
    # Blocks return what could be among the smallest: eight standard deviations more than are wanted on average.
    share = (size + 8 * math.sqrt(size)) / engine.n_rows
    below = 2**64 if size >= engine.n_rows else int(share * 2**64)
    hashes, *columns = (np.concatenate(parts) for parts in engine.reduce(hashed_rows, names, seed, below))
    if len(hashes) <= size:
        return columns
    kept = np.argpartition(hashes, size - 1)[:size]
    return [column[kept] for column in columns]
