"""Few labels and a pool."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.objectives import Difference
from benchmarks.scarce import MAX_TEST, MIN_TEST, N_POOL, N_TRAIN, drawn, summarised


def test_draw():
    split, pool = drawn("telco_churn", 0)
    assert (len(split.X_train), len(split.y_train), len(pool)) == (N_TRAIN, N_TRAIN, N_POOL)
    assert MIN_TEST <= len(split.y_test) <= MAX_TEST
    assert np.bincount(split.y_train).min() > 50
    parts = [{tuple(row) for row in part.astype(str).to_numpy()} for part in (split.X_train, split.X_test, pool)]
    assert sum(map(len, parts)) >= 0.99 * 7_043  # the parts share no rows, but for customers who are alike


def test_small_set_is_left_out():
    assert drawn("concrete", 0) is None


def test_summary_of_sets():
    gains = {"a": (0.1, 0.2), "b": (0.2, 0.2), "c": (0.1, 0.0)}
    rows = [
        {"set": name, "metric": "accuracy", "size": 8, "student": "tree", "k": 2}
        | {"gain": Difference(gain, 0.01), "gap": Difference(gap, 0.01)}
        for name, (gain, gap) in gains.items()
    ]
    pooled, sets = summarised(rows)
    assert pooled[["sets", "mean"]].to_numpy().tolist() == [[2, 0.75]]  # on the third set the teacher is not ahead
    assert sets["8 leaves"].tolist() == pytest.approx([0.5, 1.0, np.nan], nan_ok=True)
