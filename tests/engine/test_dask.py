import dask.array as da
import distributed
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_runs import breast_cancer

from skdistill import DistilledClassifier, TreeStudent, scan
from skdistill.engine import _dask


@pytest.mark.parametrize("source", ["array", "files"])
def test_workers_write_answers_in_the_order_of_the_rows(source, monkeypatch, tmp_path):
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    X, y = breast_cancer()
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({f"x{j}": X[:, j] for j in range(30)}), path, row_group_size=100)
    table = X if source == "array" else pq.read_table(path)
    clf = DistilledClassifier(["logistic"], TreeStudent(max_leaves=6, repair=None), cv=2, blend=0.3, random_state=0)
    clf.fit(table, y)
    options = {"threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=2, **options) as cluster, distributed.Client(cluster) as client:
        rows = scan(da.from_array(X, chunks=(120, 30))) if source == "array" else scan(path, client=client)
        clf.predict_to(rows, tmp_path / "answers")
    answers = pq.read_table(tmp_path / "answers")["prediction"].to_pylist()
    assert answers == clf.predict(table).tolist()
    assert {found.name for found in tmp_path.iterdir()} == {"rows.parquet", "answers"}
