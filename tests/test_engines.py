"""The same distillation wherever its rows live: arrays, blocks, files, Dask's workers."""

import functools
from contextlib import contextmanager

import dask.array as da
import dask.dataframe as dd
import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_runs import assert_same, breast_cancer, fitted

from skdistill import LinearStudent, TreeStudent, scan
from skdistill.engine import FileEngine, _dask, add

STUDENTS = {"tree": TreeStudent(max_leaves=6), "line": LinearStudent()}
#: Rows that teachers learn from: some, or all, where a scan is to give what arrays give.
SAMPLES = [200, 1000]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    X, y = breast_cancer()
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({**{f"x{j}": X[:, j] for j in range(30)}, "y": y}), path, row_group_size=100)
    return path


@functools.cache
def expected(student, sample_rows):
    """Of arrays; where the sample is a part of the rows, of one block of them."""
    X, y = breast_cancer()
    if sample_rows >= len(X):
        return fitted(STUDENTS[student], X, y)
    with blocks_of(len(X)):
        return fitted(STUDENTS[student], scan(X, target=y, sample_rows=sample_rows))


@contextmanager
def blocks_of(n_rows, **engine):
    with pytest.MonkeyPatch.context() as patch:
        for student in (TreeStudent, LinearStudent):
            patch.setattr(student, "block_rows", lambda student, width: n_rows)
        for name, method in engine.items():
            patch.setattr(FileEngine, name, method)
        patch.setattr(_dask, "PARTITION_ROWS", 100)
        yield


def in_disorder(engine, function, *args, combine=add):
    """Results of blocks, combined in another order."""
    parts = [rows.reduce(combine, function, *args) for rows in engine._parts()]
    order = np.random.default_rng(len(parts)).permutation(len(parts))
    return functools.reduce(combine, [parts[i] for i in order])


@contextmanager
def one_block(path):
    X, y = breast_cancer()
    with blocks_of(len(X)):
        yield lambda **settings: scan(X, target=y, **settings)


@contextmanager
def a_hundred_blocks(path):
    X, y = breast_cancer()
    with blocks_of(6):
        yield lambda **settings: scan(X, target=y, **settings)


@contextmanager
def shuffled_blocks(path):
    X, y = breast_cancer()
    with blocks_of(40, reduce=in_disorder):
        yield lambda **settings: scan(X, target=y, **settings)


@contextmanager
def memory_map(path):
    X, y = breast_cancer()
    stored = path.with_name("X.npy")
    np.save(stored, X)
    with blocks_of(100):
        yield lambda **settings: scan(np.load(stored, mmap_mode="r"), target=y, **settings)


@contextmanager
def parquet(path):
    with blocks_of(64):
        yield lambda **settings: scan(path, target="y", **settings)


@contextmanager
def workers(n_workers):
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with (
        blocks_of(64),
        distributed.LocalCluster(n_workers=n_workers, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def a_worker_with_files(path):
    with workers(1) as client:
        yield lambda **settings: scan(path, target="y", client=client, **settings)


@contextmanager
def two_workers_with_an_array(path):
    X, y = breast_cancer()
    with workers(2):
        yield lambda **settings: scan(da.from_array(X, chunks=(120, 30)), target=y, **settings)


@contextmanager
def three_workers_with_a_frame(path):
    frame = pq.read_table(path).to_pandas()
    with workers(3):
        yield lambda **settings: scan(dd.from_pandas(frame, npartitions=4), target="y", **settings)


PLACES = [
    one_block,
    a_hundred_blocks,
    shuffled_blocks,
    memory_map,
    parquet,
    a_worker_with_files,
    two_workers_with_an_array,
    three_workers_with_a_frame,
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_every_engine_gives_the_same_model(place, path, tmp_path):
    models = {(student, n): expected(student, n) for student in STUDENTS for n in SAMPLES}
    with place(path) as rows:
        for (student, sample_rows), model in models.items():
            assert_same(fitted(STUDENTS[student], rows(sample_rows=sample_rows)), model)
