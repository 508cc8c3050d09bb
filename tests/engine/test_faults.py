"""A scheduler and workers that are processes of their own, over TCP, as on a cluster, and what happens as one dies."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer

from skdistill import DistilledClassifier, TreeStudent, scan
from skdistill.engine import _dask

#: Seconds that anything may take: a test that hangs must end.
PATIENCE = 150


@contextmanager
def over_tcp(folder, n_workers):
    """A client, the scheduler and the workers."""
    contact = folder / "scheduler.json"
    # With work stealing, workers of 2026.8 have been seen to wait for ever on tasks that the scheduler thought theirs.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "False"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "default"}

    def dask(*options):
        command = [sys.executable, "-m", "dask", *options, "--scheduler-file", str(contact), "--no-dashboard"]
        out = subprocess.DEVNULL
        processes.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder))

    processes, client = [], None
    try:
        dask("scheduler", "--host", "127.0.0.1", "--port", "0")
        for _ in range(n_workers):
            dask("worker", "--nthreads", "1", "--no-nanny", "--death-timeout", str(PATIENCE))
        until = time.monotonic() + PATIENCE
        while not contact.exists() and time.monotonic() < until:
            time.sleep(0.1)
        client = distributed.Client(scheduler_file=str(contact), timeout=PATIENCE)
        client.wait_for_workers(n_workers, timeout=PATIENCE)
        yield client, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
        if client is not None:
            client.close(timeout=1)


def test_a_worker_killed_as_a_tree_grows_costs_nothing_but_time(monkeypatch, tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    path = tmp_path / "rows.parquet"
    columns = {f"x{j}": X[:, j].astype(np.float32) for j in range(X.shape[1])}
    pq.write_table(pa.table({**columns, "y": y}), path, row_group_size=100)
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    clf = DistilledClassifier(["logistic"], TreeStudent(max_leaves=6, repair=None), cv=2, blend=0.3, random_state=0)
    expected = clf.fit(scan(path, target="y", sample_rows=200)).student_.predictor_
    reduce, asked = _dask.DaskEngine.reduce, []

    def murderous(engine, function, *args, **kwargs):
        asked.append(function.__name__)
        if asked.count("histograms") == 2 and worker.returncode is None:  # labelled, binned, and growing
            worker.kill()
            worker.wait(PATIENCE)
        return reduce(engine, function, *args, **kwargs)

    monkeypatch.setattr(_dask.DaskEngine, "reduce", murderous)
    with ThreadPoolExecutor(1) as apart, over_tcp(tmp_path, 2) as (client, (_, worker, _)):
        rows = scan(path, target="y", sample_rows=200, client=client)
        found = apart.submit(clf.fit, rows).result(PATIENCE).student_.predictor_
        assert worker.returncode is not None
        for name in ("feature", "threshold", "right", "value"):
            assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()
