"""Each stage of a fit on a GPU: bytes moved, time, share of the copy bandwidth measured in the same run, against NumPy.

    python -m benchmarks.gpu [--rows 10000000] [--columns 10] [--teachers 8] [--features 30] [--numpy-rows 1000000]

Bytes are those that cannot be spared: each input read once, each result written once. Seconds are wall-clock, the best
of three after a first run, which compiles; of whole fits, which begin with rows on the host, one. NumPy works on one
core if OMP_NUM_THREADS=1, on `--numpy-rows` rows; what is compared is seconds a row.

Where CuPy sees no GPU, the table says "not measured: no GPU", and all stages run on at most 5,000 rows on a stand-in,
array_api_strict: that they run, and what they move, is all that its lines tell.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import array_api_strict
import numpy as np

from benchmarks.aggregation import committee
from benchmarks.linear_student import soft_labels
from skdistill._backend import NUMPY, Backend, resolve
from skdistill.engine import DeviceEngine, Engine, MemoryEngine
from skdistill.engine import _linear_blocks as linear
from skdistill.engine import _repair_blocks as repair
from skdistill.engine import _tree_blocks as tree
from skdistill.students import LinearStudent, TreeStudent
from skdistill.students._binning import bin_rows
from skdistill.students._draft import seed
from skdistill.students._growth import Growth, Limits
from skdistill.students._objective import CrossEntropy
from skdistill.targets._aggregation import pool
from skdistill.targets._blocks import row_blocks

STAND_IN_ROWS, N_LEAVES, MAX_BINS = 5_000, 32, 255


class Stage(NamedTuple):
    """Something to measure."""

    name: str
    nbytes: int
    run: Callable[[], Any]
    whole_fit: bool = False


def aggregations(backend: Backend, P: list[Any]) -> Iterator[Stage]:
    """Labels of teachers become one, where they lie."""
    n, k = P[0].shape
    weights = np.random.default_rng(1).dirichlet(np.ones(len(P))).tolist()
    equal, plain = [1 / len(P)] * len(P), [1.0] * len(P)
    on_device = [backend.asarray(p) for p in P]
    nbytes = sum(p.nbytes for p in P) + 8 * n * k

    def stage(name: str, aggregation: str, shares: list[float], temperatures: list[float]) -> Stage:
        pooled = pool(aggregation, "classification", shares, temperatures, None, k, backend)
        # A kernel has no scratch, so that what lies on the device is one block.
        block_rows = n if backend.fuses else backend.block_rows(8 * k)

        def run() -> None:
            for rows in row_blocks(n, block_rows):
                pooled([p[rows, :] for p in on_device])

        return Stage(f"aggregation: {name}", nbytes, run)

    yield stage("mean", "mean", equal, plain)
    yield stage("weighted mean", "mean", weights, plain)
    yield stage("weighted mean at temperatures", "mean", weights, np.linspace(0.5, 2, len(P)).tolist())
    yield stage("geometric mean", "geometric", weights, plain)
    yield stage("median", "median", equal, plain)
    yield stage("weighted median", "median", weights, plain)


def sums(backend: Backend, X: np.ndarray, Q: np.ndarray) -> Iterator[Stage]:
    """What students ask of rows: one pass over all of them each."""
    (n, d), k = X.shape, Q.shape[1]
    engine = rows_of(backend, X, Q)
    theta, frame = np.full((d + 1, k), 0.1), linear.Frame(np.zeros(d), 1.0, np.zeros(k), np.ones(k))
    yield Stage(
        "softmax gradient",
        n * (4 * d + 4 * k + 8),
        lambda: engine.reduce(linear.softmax_sums, theta, frame, False),
    )
    objective = CrossEntropy(engine)
    edges = bin_rows(engine, objective, MAX_BINS)
    growth = Growth(engine, objective, Limits(N_LEAVES, None, 5), [len(e) + 1 for e in edges])
    total = engine.reduce(tree.node_sums)
    draft = growth.grow(seed(total), N_LEAVES)
    engine.update("node", tree.landed, draft.routes)
    slots = np.full(len(draft.sums), -1, dtype=np.int32)
    slots[draft.leaves] = np.arange(len(draft.leaves))
    yield Stage(
        f"tree histograms, {len(draft.leaves)} nodes",
        n * (d + 8 * len(total) + 4),
        lambda: engine.reduce(tree.histograms, slots, len(draft.leaves), growth.starts),
    )
    # What rows lose in which leaf is of no consequence here.
    costs = repair.Costs(np.ones((len(total) - objective.first, len(slots))), 1.0, objective.first)
    root, above = np.where(np.arange(len(slots)) == 0, 0, -1).astype(np.int32), seed(total).routes
    above = tree.Routes(*(np.resize(part, len(slots)) for part in above))
    yield Stage(
        "repair: stakes at the root",
        n * (d + 8 * len(total)),
        lambda: engine.reduce(repair.stake_histograms, above, draft.routes, root, 1, growth.starts, costs),
    )


def fits(backend: Backend, X: np.ndarray, Q: np.ndarray) -> Iterator[Stage]:
    """Whole fits of students, from rows on the host."""
    nbytes = X.nbytes + Q.nbytes + 8 * len(Q)
    students = TreeStudent("log_loss", repair=None), TreeStudent("log_loss"), LinearStudent("log_loss")
    for name, student in zip(("tree as it grows", "tree, repaired", "line"), students, strict=True):
        yield Stage(
            f"whole fit: {name}",
            nbytes,
            lambda student=student: student.fit_blocks(rows_of(backend, X, Q), X.shape[1], Q.shape[1]),
            True,
        )


def rows_of(backend: Backend, X: np.ndarray, Q: np.ndarray) -> Engine:
    """The engine that an estimator would take."""
    columns = {"X": X, "Q": Q, "weight": np.ones(len(Q))}
    if backend is NUMPY:
        return MemoryEngine(columns, 65_536)
    return DeviceEngine(columns, backend, backend.block_rows(X.shape[1] + Q.shape[1]))


def seconds(stage: Stage, backend: Backend) -> float:
    """Of one run, when all of it is done."""
    times = []
    for _ in range((1 if stage.whole_fit else 3) + (backend is not NUMPY)):
        start = time.perf_counter()
        stage.run()
        backend.to_numpy(backend.xp.zeros(1, device=backend.device))  # waits for what is under way
        times.append(time.perf_counter() - start)
    return min(times[1:] or times)


def copy_bandwidth(backend: Backend, a: np.ndarray) -> tuple[float, float]:
    """Bytes a second: read and written by a copy on the device, and from the host to it."""
    on_device = backend.asarray(a)
    copied = Stage("copy", 2 * a.nbytes, lambda: backend.xp.asarray(on_device, copy=True))
    sent = Stage("send", a.nbytes, lambda: backend.asarray(a))
    return copied.nbytes / seconds(copied, backend), sent.nbytes / seconds(sent, backend)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {
        "rows": 10_000_000,
        "columns": 10,
        "teachers": 8,
        "features": 30,
        "numpy-rows": 1_000_000,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(arguments)
    backend, n_rows = resolve("auto"), options.rows
    if backend is NUMPY:
        backend = Backend(array_api_strict, array_api_strict.Device("device1"))
        n_rows = min(n_rows, STAND_IN_ROWS)
        print(f"not measured: no GPU. What follows ran on {backend.name} on the processor, to show that it runs.\n")
    numpy_rows = min(n_rows, options.numpy_rows)
    P = committee(n_rows, options.columns, options.teachers, "float32")
    X, Q = soft_labels(n_rows, options.features, options.columns)
    Q = Q.astype(np.float32)
    copied, sent = copy_bandwidth(backend, P[0])
    print(f"{n_rows:,} rows, {options.columns} classes, {options.teachers} teachers, {options.features} features")
    print(f"copy on {backend.name}: {copied / 1e9:,.1f} GB/s; from the host: {sent / 1e9:,.1f} GB/s\n")
    print("| stage | MB | ms | GB/s | of a copy | NumPy, ns a row | times faster |")
    print("|---|---|---|---|---|---|---|")
    for group, data in ((aggregations, (P,)), (sums, (X, Q)), (fits, (X, Q))):
        few = [[p[:numpy_rows] for p in each] if isinstance(each, list) else each[:numpy_rows] for each in data]
        for stage, reference in zip(group(backend, *data), group(NUMPY, *few), strict=True):
            spent, slow = seconds(stage, backend), seconds(reference, NUMPY)
            speed = stage.nbytes / spent
            print(
                f"| {stage.name} | {stage.nbytes / 1e6:,.0f} | {spent * 1e3:,.2f} | {speed / 1e9:,.1f} | "
                f"{speed / copied:.1%} | {slow / numpy_rows * 1e9:,.0f} | {slow / numpy_rows / (spent / n_rows):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
