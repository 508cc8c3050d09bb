"""The aggregation of a block as one kernel, where the backend has kernels; `_aggregation` is the reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._backend import Backend
from ._calibration import FLOOR, VETO

#: Threads of a block, at least those of a row, so few that each may take all the registers it can; and shared memory
#: that every GPU has.
THREADS, SHARED_BYTES = 256, 48 * 1_024

#: Kernels are written out for a number of teachers, so there must be an end.
MOST_TEACHERS = 32

#: Logarithms are multiplied by reciprocals of temperatures and by the committee's own exponent. Up to this, float32
#: holds what becomes of the smallest probability, and the result is within a few parts in a million.
MOST_POWER = 3.0

#: Two sums of teacher weights closer than this are the same sum, added in another order.
TIE = 1e-9

SOURCE = f"#define FLOOR {FLOOR}\n#define VETO {VETO}\n#define TIE {TIE}\n" + (
    Path(__file__).with_name("_aggregation.cu").read_text(encoding="utf-8")
)


#: What a kernel is told of its teachers: where their labels begin, weights, reciprocals of temperatures.
_COMMITTEE = (("labels", np.uint64), ("weight", np.float64), ("power", np.float64))


def fused(
    aggregation: str,
    task: str,
    weights: list[float],
    temperatures: list[float],
    scaling: tuple[float, NDArray[np.float64]] | None,
    k: int,
    backend: Backend,
) -> Callable[[list[Any]], Any] | None:
    """What makes one block (b, k) of T, in float64 on the device; None where no kernel can.

    Logarithms and exponentials are taken in float32 where all labels are float32 (and no power is above `MOST_POWER`),
    since float64 would make them, not memory, what takes the time. What is summed over teachers is in float64.
    """
    T = len(weights)
    tempered = any(temperature != 1.0 for temperature in temperatures)
    # Of a row: an odd number of elements and a sum, for each matrix that must be summed; two for medians.
    row_bytes = 8 * ((k | 1) + 1) * max(T if tempered else 1, 2 if aggregation == "median" else 1)
    tile = min(THREADS // k, SHARED_BYTES // row_bytes)
    if not backend.fuses or T > MOST_TEACHERS or tile < 1:
        return None
    rule = {"mean": 0, "geometric": 1, "median": 2}[aggregation]
    if rule == 2 and max(weights) - min(weights) >= TIE:
        rule = 3
    exponent, biases = (1.0, np.zeros(k)) if scaling is None else scaling
    powers = 1 / np.asarray(temperatures)
    tame = max(exponent, powers.max()) <= MOST_POWER
    committee = np.zeros((), dtype=[(name, kind, (T,)) for name, kind in _COMMITTEE])
    committee["weight"], committee["power"] = weights, powers
    flags = [np.int32(flag) for flag in (tempered, task == "classification", scaling is not None)]

    def pooled(blocks: list[Any]) -> Any:
        xp = backend.xp
        placed = [backend.asarray(block) for block in blocks]
        single = tame and all(block.dtype == xp.float32 for block in placed)
        placed = [xp.ascontiguousarray(block, dtype=xp.float32 if single else xp.float64) for block in placed]
        n = placed[0].shape[0]
        out = xp.empty((n, k), dtype=xp.float64)
        labels = committee.copy()
        labels["labels"] = [backend.address(block) for block in placed]
        backend.kernel(SOURCE, f"aggregated<{rule}, {'float' if single else 'double'}, {T}>")(
            (-(-n // tile),),
            (k, tile),
            (labels, np.int64(n), *flags, np.float64(exponent), backend.asarray(biases / np.log(2)), out),
            shared_mem=tile * row_bytes,
        )
        return out

    return pooled
