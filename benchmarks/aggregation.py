"""Aggregation of T teacher matrices: extra memory and throughput, streamed and by ``np.average`` on a stacked array.

Run ``OMP_NUM_THREADS=1 python -m benchmarks.aggregation [--rows N]``. Memory is the peak that tracemalloc sees above
the teachers' matrices, the result included, in units of one (rows, columns) float64 matrix. Throughput counts what must
move: each teacher's matrix read once, the result written once; it is given as a share of the bandwidth of a triad
``a = b + s * c`` in the same run, so that machines can be compared. The triad is cut into blocks that fit a core's
cache, as NumPy would otherwise write the temporary product to memory and read it back.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skdistill.targets import AGGREGATIONS, aggregate


def triad_bandwidth(n: int) -> float:
    """Bytes a second of ``a = b + s * c`` on `n` float64, best of 5."""
    b, c, a, block = np.ones(n), np.ones(n), np.zeros(n), 2**15
    scratch = np.empty(block)

    def triad() -> None:
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            product = np.multiply(c[rows], 3.0, out=scratch[: rows.stop - start])
            np.add(b[rows], product, out=a[rows])

    return 3 * a.nbytes / best_time(triad, 5)


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Least CPU seconds of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def peak_bytes(function: Callable[[], object]) -> int:
    """Peak of the memory that one call allocates, its result included."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def committee(rows: int, columns: int, teachers: int, dtype: str) -> list[NDArray[np.floating]]:
    """Random probabilities; 65,536 different rows are enough."""
    rng = np.random.default_rng(0)
    base = rng.dirichlet(np.full(columns, 0.4), 65_536)
    return [np.resize(rng.permutation(base), (rows, columns)).astype(dtype) for _ in range(teachers)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--teachers", type=int, default=8)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    options = parser.parse_args()

    P = committee(options.rows, options.columns, options.teachers, options.dtype)
    weights = np.random.default_rng(1).dirichlet(np.ones(options.teachers))
    matrix = 8 * options.rows * options.columns
    moved = sum(p.nbytes for p in P) + matrix
    triad = triad_bandwidth(options.rows * options.columns)

    methods: dict[str, Callable[[], object]] = {
        name: lambda name=name: aggregate(P, weights, name, "classification") for name in AGGREGATIONS
    }
    methods["median, equal weights"] = lambda: aggregate(P, None, "median", "classification")
    methods["np.average, stacked"] = lambda: np.average(np.stack(P), axis=0, weights=weights)
    methods["np.median, stacked"] = lambda: np.median(np.stack(P), axis=0)

    print(f"{options.teachers} teachers of {options.rows:,} x {options.columns} {options.dtype}")
    print(f"triad: {triad / 1e9:.1f} GB/s")
    print(f"{'':24}{'peak memory':>14}{'CPU s':>10}{'GB/s':>10}{'of triad':>10}")
    for name, method in methods.items():
        seconds = best_time(method, 1 if "median" in name else 3)
        speed = moved / seconds
        peak = peak_bytes(method) / matrix
        print(f"{name:24}{peak:>13.2f}x{seconds:>10.3f}{speed / 1e9:>10.2f}{speed / triad:>10.3f}")


if __name__ == "__main__":
    main()
