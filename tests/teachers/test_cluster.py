"""Boosters that learn on Dask's workers, which are processes of their own."""

import distributed
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from joblib import parallel_config
from lightgbm import LGBMRegressor
from sklearn.datasets import load_diabetes
from xgboost import XGBRegressor

from skdistill import DistilledRegressor, TreeStudent, scan
from skdistill._streamed_rows import Folding
from skdistill.engine import _dask
from skdistill.teachers import Committee, TabularBooster


def rows_learned_from(booster):
    """The rows in the root of the first tree."""
    if isinstance(booster, LGBMRegressor):
        return booster.booster_.dump_model()["tree_info"][0]["tree_structure"]["internal_count"]
    root = booster.get_booster().get_dump(with_stats=True)[0].splitlines()[0]
    return int(float(root.rpartition("cover=")[2]))


def test_boosters_learn_from_what_the_workers_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(_dask, "PARTITION_ROWS", 100)
    monkeypatch.setattr(Committee, "forget_folds", lambda committee: None)
    X, y = load_diabetes(return_X_y=True)
    table = {f"x{j}": X[:, j] for j in range(10)} | {"sex": np.array(["m", "f"])[(X[:, 1] > 0).astype(int)]}
    pq.write_table(pa.table({**table, "y": y}), tmp_path / "rows.parquet", row_group_size=100)
    few = {"n_estimators": 10, "random_state": 0}
    boosters = [("light", TabularBooster(LGBMRegressor(**few, verbose=-1))), ("x", TabularBooster(XGBRegressor(**few)))]
    student = TreeStudent(max_leaves=8, repair=None)
    reg = DistilledRegressor([*boosters, "ridge"], student, cv=2, blend=0.5, random_state=0, keep_teachers=True)
    options = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(n_workers=2, **options) as cluster, distributed.Client(cluster) as client:
        rows = scan(tmp_path / "rows.parquet", target="y", sample_rows=100, client=client)
        with parallel_config(backend="dask"):  # the ridges too
            reg.fit(rows)
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
