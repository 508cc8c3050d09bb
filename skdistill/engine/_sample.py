"""A sample of rows that depends on the seed and the numbers of the rows alone, not on how they are cut into blocks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._backend import NUMPY, Backend, of
from ._engine import Block, Engine


def row_hashes(start: int, n_rows: int, seed: int, backend: Backend = NUMPY) -> Any:
    """Hash the row numbers from `start` on: the splitmix64 generator of Steele, Lea and Flood (2014), by counter.

    Returns
    -------
    array of uint64, shape (n_rows,)
        Of `backend`.

    Examples
    --------
    >>> row_hashes(0, 3, seed=0).tolist()[2] == row_hashes(2, 1, seed=0).item()
    True
    """
    # Consecutive seeds must not give shifted copies of one stream, so the seed enters through the mixing function.
    origin = _mix(backend.asarray(np.array([seed], dtype=np.uint64)))
    numbers = backend.xp.arange(start + 1, start + n_rows + 1, dtype=backend.xp.uint64, device=backend.device)
    return _mix(origin + numbers * backend.asarray(_STEP))


#: One-element arrays, since libraries differ in what they make of a Python integer beyond 2**63.
_STEP, _FIRST, _SECOND, _30, _27, _31 = (
    np.array([number], dtype=np.uint64)
    for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 30, 27, 31)
)


def _mix(z: Any) -> Any:
    put = of(z).asarray
    z = (z ^ (z >> put(_30))) * put(_FIRST)
    z = (z ^ (z >> put(_27))) * put(_SECOND)
    return z ^ (z >> put(_31))


def hashed_rows(block: Block, names: tuple[str, ...], seed: int, below: int) -> tuple[list[Any], ...]:
    """The hashes below a bound, and the rows of the named columns they belong to. Lists, so that adding joins them."""
    backend = of(block[names[0]])
    hashes = row_hashes(block["start"], block[names[0]].shape[0], seed, backend)
    # Plain Python integers would turn a comparison of uint64 into one of float64 on old NumPy.
    bound = backend.asarray(np.array([min(below, 2**64 - 1)], dtype=np.uint64))
    (kept,) = backend.xp.nonzero(hashes <= bound)
    return [backend.xp.take(hashes, kept)], *([backend.xp.take(block[name], kept, axis=0)] for name in names)


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
