"""How long single rows take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from time import perf_counter_ns
from typing import Any

import numpy as np

# Calls are timed one by one until this much time is spent, within these numbers of calls.
_BUDGET_NS = 20_000_000
_MIN_CALLS, _MAX_CALLS = 100, 5000


def row_latency(predict_one: Callable[[Any], Any], rows: Sequence[Any]) -> tuple[float, float]:
    """Microseconds that half of the calls, and 99 of 100, stay below.

    Calls are timed one by one, with one row after the other, after a call that is not counted. What the clock takes to
    be read is subtracted.

    Parameters
    ----------
    predict_one : callable
    rows : sequence of one row or more

    Returns
    -------
    p50, p99 : float

    Examples
    --------
    >>> from skdistill.exports._latency import row_latency
    >>> p50, p99 = row_latency(sum, [[1, 2], [3, 4]])
    >>> 0 <= p50 <= p99
    True
    """
    predict_one(rows[0])
    times, spent = [], 0
    for row in cycle(rows):
        started = perf_counter_ns()
        predict_one(row)
        times.append(perf_counter_ns() - started)
        spent += times[-1]
        if len(times) >= _MAX_CALLS or (len(times) >= _MIN_CALLS and spent >= _BUDGET_NS):
            break
    p50, p99 = np.maximum(np.quantile(times, [0.5, 0.99]) - _clock_ns(), 0) / 1e3
    return float(p50), float(p99)


def _clock_ns() -> float:
    """What two readings of the clock take."""
    times = []
    for _ in range(_MIN_CALLS):
        started = perf_counter_ns()
        times.append(perf_counter_ns() - started)
    return float(np.median(times))
