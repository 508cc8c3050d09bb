import dask.array as da
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
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


@pytest.mark.parametrize("source", ["array", "frame", "files"])
def test_weights_and_groups_come_with_the_rows(source, tmp_path):
    X, y = breast_cancer()
    w, group = np.arange(569) % 3 + 1.0, np.arange(569) % 7
    frame = pd.DataFrame({**{f"x{j}": X[:, j] for j in range(30)}, "y": y, "w": w, "g": group})
    named = {"target": "y", "weight": "w", "groups": "g"}
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=100, index=False)
    expected = scan(tmp_path / "rows.parquet", **named).drawn(100, stratify=True, seed=0)
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        if source == "array":
            rows = scan(da.from_array(X, chunks=(120, 30)), target=y, weight=w, groups=da.from_array(group, chunks=99))
        elif source == "frame":
            rows = scan(dd.from_pandas(frame, npartitions=3), **named)
        else:
            rows = scan(tmp_path / "rows.parquet", **named, client=client)
        numbers, drawn = rows.drawn(100, stratify=True, seed=0)
        with pytest.raises(ValueError, match=r"weight must have an entry for each of the 569 rows. Got 3"):
            scan(da.from_array(X), weight=np.ones(3))
        with pytest.raises(ValueError, match="The groups 'z' is not among the columns"):
            scan(dd.from_pandas(frame, npartitions=3), groups="z")
    np.testing.assert_array_equal(numbers, expected[0])
    for name in ("truth", "weight", "groups"):
        np.testing.assert_array_equal(drawn[name], expected[1][name])
    assert drawn["table"].shape == (len(numbers), 30)
