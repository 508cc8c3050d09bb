import dask.array as da
import dask.dataframe as dd
import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer

from skdistill import DistilledClassifier, TreeStudent, scan
from skdistill.engine import _dask

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
            n_workers=n_workers, threads_per_worker=1, processes=False, dashboard_address=":0"
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
