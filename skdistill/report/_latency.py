"""What a contestant costs: time per prediction, and bytes."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Any

import joblib
import numpy as np

from skdistill._sklearn import num_samples, safe_indexing
from skdistill.exports import Predictor
from skdistill.model import Model

# Calls are repeated until this much time is spent, within these numbers of calls.
_BUDGET_NS = 50_000_000
_MIN_CALLS, _MIN_BATCH_CALLS, _MAX_CALLS = 5, 3, 200
# The batch grows tenfold from the smallest to the largest size while the next one is expected within this time.
_MIN_BATCH, _MAX_BATCH = 100, 10_000
_BATCH_LIMIT_NS = 500_000_000


def latency(predict: Callable[[Any], Any], X: Any) -> tuple[float, float]:
    """Median microseconds of a call with one row, and per row of a call with a batch.

    After a warm-up call, each figure is the median of calls that take about 50 ms together: 5 to 200 calls with the
    first row of `X`, 3 to 200 with a batch. The batch holds 10,000 rows, those of `X` repeated where it has fewer;
    1,000 or 100 where ten times more would be expected to take over half a second.

    Parameters
    ----------
    predict : callable
        Called with tables of the kind of `X`.
    X : table of at least one row
        An array, list of rows, SciPy sparse matrix or DataFrame of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.report._latency import latency
    >>> single, per_row = latency(lambda X: X.sum(axis=1), np.ones((20, 3)))
    >>> single > per_row > 0
    True
    """
    if hasattr(X, "tocsr"):
        X = X.tocsr()  # COO and its kin cannot be indexed.
    rows = np.arange(num_samples(X))
    single = safe_indexing(X, rows[:1])
    single_ns = _median_ns(lambda: predict(single), _MIN_CALLS)

    size = _MIN_BATCH
    while size < _MAX_BATCH and 10 * _call_ns(predict, safe_indexing(X, np.resize(rows, size))) < _BATCH_LIMIT_NS:
        size *= 10
    batch = safe_indexing(X, np.resize(rows, size))
    batch_ns = _median_ns(lambda: predict(batch), _MIN_BATCH_CALLS)
    return single_ns / 1e3, batch_ns / size / 1e3


def shipped_latency(model: Model, X: Any) -> tuple[float, float]:
    """Microseconds that one row takes of the program a model is shipped as, for half of the rows and for 99 of 100.

    Parameters
    ----------
    model : Model
    X : table of at least one row
        Raw rows, of which the first 500 are answered.
    """
    some = safe_indexing(X.tocsr() if hasattr(X, "tocsr") else X, np.arange(min(num_samples(X), 500)))
    return Predictor(model).latency(some.toarray() if hasattr(some, "toarray") else some)


def _call_ns(function: Callable[..., Any], *args: Any) -> int:
    started = perf_counter_ns()
    function(*args)
    return perf_counter_ns() - started


def _median_ns(call: Callable[[], Any], min_calls: int) -> float:
    call()  # The first call pays for caches, imports and thread pools.
    times: list[int] = []
    while len(times) < min_calls or (len(times) < _MAX_CALLS and sum(times) < _BUDGET_NS):
        times.append(_call_ns(call))
    return median(times)


class _ByteCounter(io.RawIOBase):
    """A file that keeps only its length."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        # joblib aligns arrays by the position they start at.
        return self.size

    def write(self, data: Any) -> int:
        written = memoryview(data).nbytes
        self.size += written
        return written


def joblib_nbytes(obj: Any) -> int | None:
    """Size in bytes of the file that ``joblib.dump(obj, path)`` writes, without writing it. None if it cannot be.

    Parameters
    ----------
    obj : object
        A fitted estimator, say. A black box around a lambda or a connection has no size.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.report import joblib_nbytes
    >>> 8_000 <= joblib_nbytes(np.zeros(1000)) < 9_000
    True
    """
    counter = _ByteCounter()
    try:
        joblib.dump(obj, counter)
    except (pickle.PicklingError, TypeError, AttributeError):  # what pickle raises for a lambda, a lock, a local class
        return None
    return counter.size
