"""A scheduler and workers that are processes of their own, over TCP, as on a cluster, and what happens as they die."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dask.array as da
import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_runs import assert_same, breast_cancer, fitted
from joblib import parallel_config
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.datasets import load_diabetes
from xgboost import XGBRegressor

from skdistill import DistilledClassifier, DistilledRegressor, LinearStudent, TreeStudent, scan
from skdistill._streamed_rows import Folding
from skdistill.engine import _dask
from skdistill.teachers import Committee, TabularBooster

#: Seconds that anything may take: a test that hangs must end.
PATIENCE = 150


class Cluster:
    """A scheduler, workers that can be killed, and a client."""

    def __init__(self, folder):
        self.folder, self._contact = folder, folder / "scheduler.json"
        self.workers = []
        self.scheduler = self._dask("scheduler", "--host", "127.0.0.1", "--port", "0")
        until = time.monotonic() + PATIENCE
        while not self._contact.exists() and time.monotonic() < until:
            time.sleep(0.1)
        self.client = distributed.Client(scheduler_file=str(self._contact), timeout=PATIENCE)

    def _dask(self, *options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment |= {"PYTHONPATH": os.pathsep.join([str(self.folder), *sys.path]), "PYTHONWARNINGS": "default"}
        command = [sys.executable, "-m", "dask", *options, "--scheduler-file", str(self._contact), "--no-dashboard"]
        out = subprocess.DEVNULL
        return subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=self.folder)

    def need(self, n_workers, *options):
        """So many workers, and no other."""
        options = options or ("--no-nanny",)
        while len(self.workers) < n_workers:
            self.workers.append(self._dask("worker", "--nthreads", "1", "--death-timeout", str(PATIENCE), *options))
        self.client.wait_for_workers(n_workers, timeout=PATIENCE)

    def kill(self):
        """Kill the worker that has lived longest."""
        _kill(self.workers.pop(0))

    def close(self):
        self.client.close(timeout=1)
        for process in (*self.workers, self.scheduler):
            _kill(process)


def _kill(process):
    process.kill()
    process.wait(PATIENCE)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    X, y = breast_cancer()
    columns = {f"x{j}": X[:, j] for j in range(30)}
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({**columns, "y": y}), path, row_group_size=100)
    return path


@contextmanager
def deaths(cluster, *moments):
    """Kill a worker each time the client awaits the task of a name for the n-th time: its parts are under way."""
    due, seen, awaited = list(moments), [], _dask.awaited

    def murderous(client, future):
        seen.append(future.key.split("-")[0])
        if due and due[0] == (seen[-1], seen.count(seen[-1])):
            due.pop(0)
            cluster.kill()
        return awaited(client, future)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_dask, "awaited", murderous)
        patch.setattr(_dask, "PARTITION_ROWS", 100)
        yield
    assert not due


def fitted_apart(student, rows):
    """A fit that hangs ends the test."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(fitted, student, rows).result(PATIENCE)


def test_workers_killed_as_rows_are_labelled_and_as_the_tree_grows_cost_nothing_but_time(cluster, path):
    student = TreeStudent(max_leaves=6, repair=None)
    expected = fitted(student, scan(path, target="y", sample_rows=200))
    cluster.need(3)
    # The first thing that is asked of a fit's rows needs them labelled.
    with deaths(cluster, ("not_distribution", 1), ("histograms", 2)):
        found = fitted_apart(student, scan(path, target="y", sample_rows=200, client=cluster.client))
    assert len(cluster.workers) == 1
    assert_same(found, expected)


def test_a_worker_killed_within_l_bfgs_changes_no_coefficient(cluster, path):
    expected = fitted(LinearStudent(), scan(path, target="y", sample_rows=200))
    cluster.need(2)
    with deaths(cluster, ("softmax_sums", 4)):
        found = fitted_apart(LinearStudent(), scan(path, target="y", sample_rows=200, client=cluster.client))
    assert_same(found, expected)


def rows_learned_from(booster):
    """The rows in the root of the first tree."""
    if isinstance(booster, LGBMRegressor):
        return booster.booster_.dump_model()["tree_info"][0]["tree_structure"]["internal_count"]
    root = booster.get_booster().get_dump(with_stats=True)[0].splitlines()[0]
    return int(float(root.rpartition("cover=")[2]))


def test_boosters_learn_from_what_the_workers_hold(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    monkeypatch.setattr(Committee, "forget_folds", lambda committee: None)
    X, y = load_diabetes(return_X_y=True)
    table = {f"x{j}": X[:, j] for j in range(10)} | {"sex": np.array(["m", "f"])[(X[:, 1] > 0).astype(int)]}
    pq.write_table(pa.table({**table, "y": y}), tmp_path / "rows.parquet", row_group_size=100)
    few = {"n_estimators": 10, "random_state": 0}
    boosters = [("light", TabularBooster(LGBMRegressor(**few, verbose=-1))), ("x", TabularBooster(XGBRegressor(**few)))]
    student = TreeStudent(max_leaves=8, repair=None)
    reg = DistilledRegressor([*boosters, "ridge"], student, cv=2, blend=0.5, random_state=0, keep_teachers=True)
    cluster.need(2)
    with parallel_config(backend="dask"):  # the ridges too
        reg.fit(scan(tmp_path / "rows.parquet", target="y", sample_rows=100, client=cluster.client))
    assert "so did the teachers light, x; encoder and other" in reg.notes_[-1]
    numbers, _, _ = scan(tmp_path / "rows.parquet", target="y").sample(100)
    beyond = np.setdiff1d(np.arange(442), numbers)
    folds = Folding(2, 0)({"start": 0, "table": X})[beyond]
    for name, _ in boosters:
        teacher = reg.teachers_._teachers[name]
        assert rows_learned_from(teacher.estimator.booster_) == 442
        # Without a fold: half of the sample, and what is not in the fold beyond it.
        assert [rows_learned_from(each.booster_) for each in teacher.by_fold] == [
            50 + (folds != 0).sum(),
            50 + (folds != 1).sum(),
        ]
        assert np.corrcoef(teacher.estimator.predict(pa.table(table)), y)[0, 1] > 0.7
    assert reg.score(pa.table(table), y) > 0.4
    letters = np.array(["high", "low"])[(y < 140).astype(int)]
    clf = DistilledClassifier(LGBMClassifier(**few, verbose=-1), student, cv=2, blend=0.5, random_state=0)
    chunks = da.from_array(X, chunks=(150, 10))
    assert clf.fit(scan(chunks, target=letters, sample_rows=100, client=cluster.client)).score(X, letters) > 0.7


def test_a_worker_killed_as_a_booster_learns_is_named(cluster, path):
    def murderous():
        until = time.monotonic() + PATIENCE
        while "_train_part" not in str(cluster.client.processing()) and time.monotonic() < until:
            time.sleep(0.1)
        cluster.kill()

    cluster.need(2)
    for_ever = LGBMClassifier(n_estimators=1_000_000, num_leaves=4, verbose=-1)
    clf = DistilledClassifier(for_ever, TreeStudent(max_leaves=4, repair=None), cv=2, blend=0.5)
    with ThreadPoolExecutor(2) as apart:
        killed = apart.submit(murderous)
        found = apart.submit(clf.fit, scan(path, target="y", sample_rows=200, client=cluster.client))
        killed.result(PATIENCE)
        with pytest.raises(ValueError, match=r"'lgbmclassifier' failed .* RuntimeError: The worker tcp://.* was lost"):
            found.result(PATIENCE)
    cluster.kill()  # it waits for the other


def test_a_worker_answers_while_its_task_imports(cluster, path, monkeypatch):
    (cluster.folder / "slow_to_import.py").write_text("import time\ntime.sleep(4)\ndef rows(block): return 1\n")
    monkeypatch.syspath_prepend(cluster.folder)
    from slow_to_import import rows

    cluster.need(1)
    while len(cluster.workers) > 1:
        cluster.kill()
    engine = scan(path, client=cluster.client).engine("table")
    with ThreadPoolExecutor(1) as apart:
        counted = apart.submit(engine.reduce, rows)
        delays = []
        while not counted.done():
            asked = time.monotonic()
            cluster.client.run(os.getpid)
            delays.append(time.monotonic() - asked)
            time.sleep(0.1)
    assert counted.result() == 1
    assert max(delays) < 3


def test_a_worker_out_of_memory_is_named(cluster, path):
    def glutton(block):
        hoard = []
        for _ in range(300):
            hoard.append(np.ones(4_000_000))
            time.sleep(0.02)
        return len(hoard)

    while cluster.workers:
        cluster.kill()
    cluster.client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    cluster.need(1, "--memory-limit", "700MB")
    engine = scan(path, client=cluster.client).engine("table")
    with pytest.raises(RuntimeError, match=r"workers died over the same rows .* out of memory .*more memory, or cut"):
        engine.reduce(glutton)


def test_a_lost_scheduler_is_named_at_once_and_nothing_is_half_written(path, tmp_path):
    def slow(block):
        time.sleep(PATIENCE)
        return {"rows": np.ones(1)}

    cluster = Cluster(tmp_path)
    try:
        cluster.need(1)
        rows = scan(path, client=cluster.client)
        answers = tmp_path / "answers"
        with ThreadPoolExecutor(1) as apart:
            written = apart.submit(rows.write, answers, slow)
            until = time.monotonic() + PATIENCE
            while not any(cluster.client.processing().values()) and time.monotonic() < until:
                time.sleep(0.1)
            address = cluster.client.scheduler.address
            _kill(cluster.scheduler)
            died = time.monotonic()
            with pytest.raises(RuntimeError, match=rf"The Dask scheduler at {address} was lost in the middle of a fit"):
                written.result(PATIENCE)
            assert time.monotonic() - died < 20
        assert not list(tmp_path.glob("*answers*"))
        with pytest.raises(RuntimeError, match=r"scheduler at .* was lost"):  # and so is whoever asks now
            rows.engine("table")
    finally:
        cluster.close()
