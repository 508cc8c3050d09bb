"""Latency of single rows, under a clock that only calls move, and where it is told."""

from __future__ import annotations

import numpy as np
import pytest
from random_models import random_model

from skdistill import DistilledClassifier, Predictor
from skdistill.compression import frontier
from skdistill.exports import _latency


def test_quantiles_under_a_clock(monkeypatch):
    """Reading the clock takes 50 ns; 5 of 100 rows take 9 microseconds, the others one; a first call takes a second."""
    now, calls = 0, []

    def clock():
        nonlocal now
        now += 50
        return now

    def predict_one(row):
        nonlocal now
        now += 1000 * row if calls else 10**9
        calls.append(row)

    monkeypatch.setattr(_latency, "perf_counter_ns", clock)
    assert _latency.row_latency(predict_one, [9] * 5 + [1] * 95) == (1.0, 9.0)
    assert len(calls) > 1000


def test_predictor_of_tables_with_gaps(models):
    table = {"age": [None, 3.0], "dose": [1, 2], "job": ["clerk", None], "grade": [1, None]}
    p50, p99 = Predictor(models["full"]).latency(table)
    assert 0 < p50 <= p99


def test_frontier_tells_the_latency_of_each_point():
    model, X, Q = random_model("tree", 3, 3)
    rows = frontier(model, X, Q).frame()
    assert rows
    assert all(0 < row["us_p50"] <= row["us_p99"] for row in rows)


def test_report_tells_the_latency_of_what_is_shipped(people):
    X, y = people
    clf = DistilledClassifier("logistic", "tree", blend=0.5, random_state=0).fit(X, y)
    report = clf.report(X, y)
    lines = {row["role"]: row for row in report.rows}
    assert lines["committee"]["us_shipped_p50"] is None
    assert 0 < lines["student"]["us_shipped_p50"] <= lines["student"]["us_shipped_p99"]
    assert lines["student"]["us_shipped_p50"] < lines["student"]["us_single"]
    assert "shipped" in str(report)


def test_rows_are_cells_of_python(models):
    rows = models["full"].preprocessor.rows(
        {"age": [1, None], "dose": [np.float64(2), 3], "job": ["x", None], "grade": [1, 2]}
    )
    assert rows[0] == [1.0, 2.0, "x", 1]
    assert rows[1][1:] == [3.0, None, 2]
    assert np.isnan(rows[1][0])
    with pytest.raises(ValueError, match="X lacks columns"):
        models["full"].preprocessor.rows({"age": [1]})
