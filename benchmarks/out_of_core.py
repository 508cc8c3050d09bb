"""A fit of rows that do not fit in memory: what it holds, what it takes, and the same rows in memory and on Dask.

    python -m benchmarks.out_of_core write 1_000_000 /tmp/rows
    python -m benchmarks.out_of_core fit /tmp/rows tree [--memory] [--teacher xgboost]
    python -m benchmarks.out_of_core workers /tmp/rows 1 2

Rows are those of `benchmarks.tree_student`, 30 features, labelled with the class of largest share, in Parquet files
of 500,000; after a million they come again, as links to the same files. The teacher is a logistic regression that
learned from a sample of 20,000, or a booster of 5 rounds that learned from all rows; the student is a tree of 16 leaves
without repair, or a line; a fit makes two, one on soft and one on hard labels.

``fit`` prints the seconds of the teacher's fits; the most memory that the process held, in MiB, and what it held before
the fit; seconds, CPU seconds and thousands of rows per CPU second of labelling and both students; bytes a row that were
spilled for these. With ``--memory`` the rows, and all that is derived of them, lie in memory. ``workers`` starts a
scheduler and so many workers of one thread over TCP, each on a core of its own since files are read by further threads,
and prints the seconds of labelling and both students, and the CPU seconds in the whole fit of the busiest and of all.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from skdistill import DistilledClassifier, LinearStudent, TreeStudent, scan
from skdistill._streaming import StreamedLesson
from skdistill.engine import BLOCK_ROWS, Engine, FileEngine, MemoryEngine
from skdistill.engine._scan import ArrayScan
from skdistill.teachers import preset

from .tree_student import make_rows

#: Rows of a file, and of a row group.
FILE_ROWS, GROUP_ROWS = 500_000, 100_000
#: Files of rows of their own.
DISTINCT_FILES = 2
STUDENTS = {"tree": TreeStudent(max_leaves=16, repair=None), "line": LinearStudent()}


def write(n_rows: int, folder: Path) -> None:
    """Files of rows, a multiple of `FILE_ROWS` if they are many."""
    folder.mkdir(parents=True)
    for number, start in enumerate(range(0, n_rows, FILE_ROWS)):
        if number >= DISTINCT_FILES:
            os.link(folder / f"{number % DISTINCT_FILES:03d}.parquet", folder / f"{number:03d}.parquet")
            continue
        X, Q = make_rows(min(FILE_ROWS, n_rows - start), seed=number)
        columns = {f"x{j}": column for j, column in enumerate(X.T)}
        table = pa.table({**columns, "y": Q.argmax(axis=1).astype(np.int8)})
        pq.write_table(table, folder / f"{number:03d}.parquet", row_group_size=GROUP_ROWS)


def committee(student: Any, teacher: str = "logistic") -> DistilledClassifier:
    """What is fitted everywhere. Labels are not blended by choice, so that there is one fit and no judging."""
    chosen: Any = preset(teacher, "classification", n_rows=20_000)
    if teacher in ("lightgbm", "xgboost"):
        chosen.set_params(booster__n_estimators=5)
    return DistilledClassifier([(teacher, chosen)], student, cv=2, blend=0.3, random_state=0)


class Held(ArrayScan):
    """Rows in memory, of which nothing is spilled: what the others are measured against."""

    def engine(self, *names: str, block_rows: int = BLOCK_ROWS, first_row: int = 0) -> Engine:
        """An engine in memory."""
        return MemoryEngine({name: self._columns[name] for name in names}, block_rows, first_row)


class Stopwatch:
    """Seconds and CPU seconds that students' fits take, the labelling of the rows included."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        fit = StreamedLesson.fit

        def timed(lesson: StreamedLesson, recipe: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            fitted = fit(lesson, recipe)
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu
            return fitted

        StreamedLesson.fit = timed  # type: ignore[method-assign]


class Spilled:
    """The most bytes that temporary files without a name have held while rows were passed over (Linux)."""

    def __init__(self) -> None:
        self.most = 0
        reduce = FileEngine.reduce

        def measured(engine: FileEngine, *args: Any, **kwargs: Any) -> Any:
            self.most = max(self.most, sum(map(_size, Path("/proc/self/fd").iterdir())))
            return reduce(engine, *args, **kwargs)

        FileEngine.reduce = measured  # type: ignore[method-assign]


def _size(descriptor: Path) -> int:
    try:
        return descriptor.stat().st_size if "(deleted)" in os.readlink(descriptor) else 0
    except OSError:  # the one that lists them
        return 0


def peak() -> int:
    """Most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fit(folder: Path, student: str, in_memory: bool, teacher: str) -> None:
    """One fit, and a row of the table."""
    watch, spilled, target = Stopwatch(), Spilled(), "y"
    source: Any = folder
    if in_memory:
        rows = ds.dataset(folder).to_table()
        target = rows["y"].to_numpy()
        names = rows.column_names[:-1]
        source = np.empty((rows.num_rows, len(names)), dtype=np.float32)
        for j, name in enumerate(names):
            source[:, j] = rows[name].to_numpy()
        del rows
    opened = Held(source, target, 20_000) if in_memory else scan(source, target, sample_rows=20_000)
    before = peak()
    clf = committee(STUDENTS[student], teacher).fit(opened)
    where = f"{'array' if in_memory else 'files'} | {teacher} {clf.fit_seconds_['teachers']:.1f} s"
    memory = f"{peak() / 2**20:,.0f} | {before / 2**20:,.0f}"
    speed = f"{watch.wall:.1f} | {watch.cpu:.1f} | {opened.n_rows / watch.cpu / 1e3:,.0f}"
    disk = f"{spilled.most / opened.n_rows:.1f}"
    print(f"| {where} | {student} | {opened.n_rows:,} | {memory} | {speed} | {disk} |", flush=True)


def workers(folder: Path, n_workers: int, student: str) -> None:
    """One fit by workers over TCP, and a row of the table."""
    from distributed import Client

    watch, processes = Stopwatch(), []
    with tempfile.TemporaryDirectory() as place:
        contact = Path(place) / "scheduler.json"

        def dask(*options: str, cores: Iterable[int] = range(os.cpu_count() or 1)) -> None:
            command = [sys.executable, "-m", "dask", *options, "--scheduler-file", str(contact), "--no-dashboard"]
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
            out = subprocess.DEVNULL
            processes.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=place))
            os.sched_setaffinity(processes[-1].pid, cores)

        try:
            dask("scheduler", "--host", "127.0.0.1", "--port", "0")
            for core in range(n_workers):
                dask("worker", "--nthreads", "1", "--no-nanny", "--memory-limit", "0", cores=[core])
            while not contact.exists():
                time.sleep(0.1)
            with Client(scheduler_file=str(contact)) as client:
                client.wait_for_workers(n_workers)
                client.run(_imported)
                opened = scan(folder, "y", sample_rows=20_000, client=client)
                before = client.run(time.process_time)
                committee(STUDENTS[student]).fit(opened)
                cpu = [seconds - before[worker] for worker, seconds in client.run(time.process_time).items()]
        finally:
            for process in processes:
                process.kill()
                process.wait()
    seconds = f"{watch.wall:.1f} | {max(cpu):.1f} | {sum(cpu):.1f}"
    print(f"| {n_workers} | {student} | {opened.n_rows:,} | {seconds} |", flush=True)


def _imported() -> None:
    import skdistill._streaming  # noqa: F401


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("rows", type=int)
    writing.add_argument("folder", type=Path)
    fitting = commands.add_parser("fit")
    fitting.add_argument("folder", type=Path)
    fitting.add_argument("student", choices=STUDENTS)
    fitting.add_argument("--memory", action="store_true")
    fitting.add_argument("--teacher", choices=["logistic", "lightgbm", "xgboost"], default="logistic")
    working = commands.add_parser("workers")
    working.add_argument("folder", type=Path)
    working.add_argument("numbers", type=int, nargs="+")
    working.add_argument("--student", choices=STUDENTS, default="tree")
    options = parser.parse_args()
    if options.command == "write":
        write(options.rows, options.folder)
    elif options.command == "fit":
        fit(options.folder, options.student, options.memory, options.teacher)
    else:
        for n_workers in options.numbers:
            workers(options.folder, n_workers, options.student)


if __name__ == "__main__":
    main()
