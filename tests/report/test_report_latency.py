"""Timing under a clock that only predictions move, and sizes against real files."""

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from skdistill.report import _latency, joblib_nbytes
from skdistill.report._latency import latency


class Clocked:
    """Predicts in `fixed` + `per_row` nanoseconds, after a slow first call, and counts calls by batch size."""

    def __init__(self, monkeypatch, fixed, per_row):
        self.now = 0
        self.fixed, self.per_row = fixed, per_row
        self.calls = {}
        monkeypatch.setattr(_latency, "perf_counter_ns", lambda: self.now)

    def __call__(self, X):
        if not self.calls:
            self.now += 10**9
        n = len(X)
        self.calls[n] = self.calls.get(n, 0) + 1
        self.now += self.fixed + self.per_row * n


def test_fast_model_is_measured_on_ten_thousand_rows(monkeypatch):
    model = Clocked(monkeypatch, fixed=3_000, per_row=100)
    single, per_row = latency(model, np.zeros((7, 2)))
    assert single == pytest.approx(3.1)
    assert per_row == pytest.approx(0.1003)
    assert model.calls[1] == 201  # the warm-up and at most 200 calls
    assert max(model.calls) == 10_000


def test_slow_model_stays_within_the_budget(monkeypatch):
    model = Clocked(monkeypatch, fixed=5_000_000, per_row=1_000_000)
    single, per_row = latency(model, np.zeros((7, 2)))
    assert single == pytest.approx(6000)
    assert per_row == pytest.approx(1050)
    assert model.calls == {1: 10, 100: 5}  # warm-up and 54 ms; trial, warm-up and the least of 3


def test_very_slow_model_is_called_five_times(monkeypatch):
    model = Clocked(monkeypatch, fixed=400_000_000, per_row=0)
    latency(model, np.zeros((7, 2)))
    assert model.calls[1] == 6


def test_middling_model_is_measured_on_a_thousand_rows(monkeypatch):
    model = Clocked(monkeypatch, fixed=0, per_row=60_000)
    latency(model, np.zeros((7, 2)))
    assert set(model.calls) == {1, 100, 1000}


def test_median_shrugs_off_an_outlier(monkeypatch):
    model = Clocked(monkeypatch, fixed=4_000, per_row=0)

    def hiccup(X):
        model(X)
        model.now += 10**7 if model.calls.get(1) == 3 else 0

    single, _ = latency(hiccup, np.zeros((7, 2)))
    assert single == 4.0


@pytest.mark.parametrize(
    "table",
    [
        lambda X: X,
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X, index=range(5, 5 + len(X))),
        lambda X: pl.DataFrame(X, schema=list("abc")),
        lambda X: pa.table({name: X[:, j] for j, name in enumerate("abc")}),
        sp.csr_matrix,
        sp.coo_array,
    ],
    ids=["array", "list", "pandas", "polars", "pyarrow", "csr", "coo"],
)
def test_every_kind_of_table(table):
    """Predictions see the rows in order, repeated, in a table of the caller's kind."""
    X = np.arange(12.0).reshape(4, 3)
    seen = {}

    def predict(batch):
        n = batch.shape[0] if hasattr(batch, "shape") else len(batch)
        if n not in seen:
            seen[n] = batch

    latency(predict, table(X))

    def dense(batch):
        if isinstance(batch, pa.Table):
            batch = batch.to_pandas()
        return batch.toarray() if sp.issparse(batch) else np.asarray(batch)

    assert sorted(seen) == [1, 100, 1000, 10_000]
    np.testing.assert_array_equal(dense(seen[1]), X[:1])
    np.testing.assert_array_equal(dense(seen[100]), np.tile(X, (25, 1)))
    if not sp.issparse(seen[1]):
        assert type(seen[1]) is type(table(X))


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": 1},
        lambda: np.arange(100_000.0)[::2],
        lambda: RandomForestClassifier(5, random_state=0).fit(*load_iris(return_X_y=True)),
        lambda: np.array(["x", None, 3], dtype=object),
    ],
    ids=["dict", "strided array", "forest", "objects"],
)
def test_joblib_nbytes_is_the_size_of_the_file(tmp_path, make):
    value = make()
    path = tmp_path / "dump.joblib"
    joblib.dump(value, path)
    assert joblib_nbytes(value) == path.stat().st_size
