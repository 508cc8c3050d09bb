import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

from skdistill import DistilledClassifier, TreeStudent, scan
from skdistill.engine import _dask

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

TREE = ("feature", "threshold", "right", "value")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    X, y = load_breast_cancer(return_X_y=True)
    X = X.astype(np.float32)
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({**{f"x{j}": X[:, j] for j in range(30)}, "y": y}), path, row_group_size=100)
    return X, y, path


def distilled(source, student=None):
    student = TreeStudent(max_leaves=6) if student is None else student
    return DistilledClassifier(["logistic"], student, cv=2, blend=0.3, random_state=0).fit(source)


@pytest.fixture(scope="module")
def expected(rows):
    """Out of core, in this process."""
    return distilled(scan(rows[2], target="y", sample_rows=200))


def same_tree(found, expected):
    for name in TREE:
        one, other = (getattr(clf.student_.predictor_, name) for clf in (found, expected))
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_tree_of_one_process(rows, expected, n_workers, monkeypatch, tmp_path):
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    X, y, path = rows
    with (
        distributed.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        source = scan(path, target="y", sample_rows=200, client=client)
        if n_workers == 2:
            source = scan(da.from_array(X, chunks=(120, 30)), target=y, sample_rows=200)
        if n_workers == 3:
            frame = pq.read_table(path).to_pandas()
            source = scan(dd.from_pandas(frame, npartitions=4), target="y", sample_rows=200)
        found = distilled(source)
        same_tree(found, expected)
        found.predict_to(source, tmp_path / "answers")
        answers = pq.read_table(tmp_path / "answers")["prediction"].to_pylist()
        table = X if n_workers == 2 else pq.read_table(path).drop_columns("y")
        assert answers == found.predict(table).tolist()


@contextmanager
def over_tcp(folder, n_workers):
    """A scheduler and workers as processes of their own, as on a cluster: their addresses' file, and the processes."""
    contact = folder / "scheduler.json"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": folder}
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--port", "0", "--scheduler-file", contact, "--no-dashboard"]
    started = [subprocess.Popen(scheduler, **quiet)]
    try:
        while not contact.exists():
            assert started[0].poll() is None
            time.sleep(0.1)
        worker = [*dask, "worker", "--scheduler-file", contact, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        started += [subprocess.Popen([*worker, "--name", str(i)], **quiet) for i in range(n_workers)]
        yield contact, started
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_killed_worker_costs_time_and_nothing_else(rows, expected, monkeypatch, tmp_path):
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    with (
        over_tcp(tmp_path, 2) as (contact, (_, *workers)),
        distributed.Client(scheduler_file=str(contact)) as client,
    ):
        client.wait_for_workers(2)
        reduce, calls = _dask.DaskEngine.reduce, []

        def murderous(engine, *args, **kwargs):
            calls.append(1)
            if len(calls) == 8:  # labelled and binned, and growing
                workers[0].send_signal(signal.SIGKILL)
            return reduce(engine, *args, **kwargs)

        monkeypatch.setattr(_dask.DaskEngine, "reduce", murderous)
        same_tree(distilled(scan(rows[2], target="y", sample_rows=200, client=client)), expected)
        assert len(calls) > 8
        assert workers[0].wait() == -signal.SIGKILL
