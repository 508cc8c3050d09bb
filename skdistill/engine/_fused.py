"""Tree block functions as one kernel each, where the backend has kernels; `_agnostic` gives the same integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .._backend import Backend
from ._engine import Block

#: Threads of a block, the rows that it adds up, and the sums it keeps in shared memory that every GPU has.
THREADS, ROWS, CELLS = 512, 16_384, 48 * 1_024 // 8

SOURCE = Path(__file__).with_name("_trees.cu").read_text(encoding="utf-8")


def walk(bins: Any, routes: Any, node: Any, backend: Backend, steps: int) -> Any:
    """Follow at most so many splits from `node` on."""
    xp = backend.xp
    n_rows, n_features = bins.shape
    result = xp.empty(n_rows, dtype=xp.int32)
    backend.kernel(SOURCE, "walk")(
        (-(-n_rows // THREADS),),
        (THREADS,),
        (
            *(xp.ascontiguousarray(bins), xp.astype(node, xp.int32, copy=False)),
            *(backend.asarray(part.astype(np.int32)) for part in routes),
            *(np.int64(n_rows), np.int32(n_features), np.int32(steps if n_features else 0)),
            result,
        ),
    )
    return result


def histograms(block: Block, slot_of_node: np.ndarray, n_slots: int, starts: np.ndarray, backend: Backend) -> Any:
    """What `_tree_blocks.histograms` gives, on the device."""
    xp, put = backend.xp, backend.asarray
    bins, sums = xp.ascontiguousarray(block["bins"]), xp.ascontiguousarray(block["sums"])
    (n_rows, n_features), n_columns = bins.shape, sums.shape[1]
    result = xp.zeros((n_slots, int(starts[-1]), n_columns), dtype=xp.int64)
    if n_rows and n_features:
        widest = int(np.diff(starts).max())
        columns_each = min(n_columns, CELLS // widest)
        slots_each = min(n_slots, max(1, CELLS // (widest * columns_each)))
        groups = -(-n_slots // slots_each) * -(-n_columns // columns_each)
        backend.kernel(SOURCE, "histograms")(
            (n_features * groups, -(-n_rows // ROWS)),
            (THREADS,),
            (
                *(bins, sums, xp.astype(block["node"], xp.int32, copy=False)),
                *(put(index.astype(np.int32)) for index in (slot_of_node, starts)),
                np.int64(n_rows),
                *map(np.int32, (ROWS, n_features, n_columns, n_slots, slots_each, columns_each)),
                result,
            ),
            shared_mem=8 * slots_each * columns_each * widest,
        )
    return xp.astype(result, xp.float64)
