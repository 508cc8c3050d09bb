"""The report under stress: what is done to the rows, who is asked, and what is said where nobody answers."""

from __future__ import annotations

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression

from skdistill import DistilledClassifier, DistilledRegressor, TreeStudent
from skdistill.report import Contestant, StressDisplay, distillation_report
from skdistill.report._stress import _class_weight, _holed, _noisy, _permuted

STRESSES = ["given", "noise", "missing", "permuted", "classes", "rare"]


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True, as_frame=True)
    teacher = LogisticRegression(max_iter=1000)  # takes no missing cells
    return DistilledClassifier([("lr", teacher)], TreeStudent(max_leaves=4), random_state=3).fit(X[::2], y[::2])


@pytest.fixture(scope="module")
def rows():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X[1::2], y[1::2]


def line(report, stress, role, at=0):
    return [row for row in report.stress if (row["stress"], row["role"]) == (stress, role)][at]


def test_every_kind_of_column_under_stress(hostile):
    estimator, X, y = hostile(TreeStudent(max_leaves=8))
    before = X.copy()
    report = estimator.report(X, y, stress=True)
    pd.testing.assert_frame_equal(X, before)
    frame = StressDisplay.from_report(report).frame()
    assert frame["stress"].unique().tolist() == STRESSES
    assert frame["role"].unique().tolist() == ["committee", "hard", "student"]
    assert not frame.isna().any(axis=None)
    plain = {row["role"]: row for row in report.rows}
    for role in ("committee", "hard", "student"):
        for metric in ("accuracy", "log_loss", "agreement"):
            assert line(report, "given", role)[metric] == pytest.approx(plain[role][metric])
    # What takes every column's meaning away leaves the committee little to know.
    assert line(report, "permuted", "committee", -1)["accuracy"] < plain["committee"]["accuracy"] - 0.1
    text = str(report)
    assert "40 % of cells missing" in text
    assert f"under stress, on average: {report.stress_fidelity['student']:.3f}" in text
    assert "Under stress" in report.to_html()
    # The figure of its own: the mean over strengths, then over stresses.
    of_student = frame.query("role == 'student' and stress != 'given'")
    expected = of_student.groupby("stress")["agreement"].mean().mean()
    assert report.stress_fidelity["student"] == pytest.approx(expected)
    assert estimator.report(X, y, stress=True).stress == report.stress


def test_a_committee_that_takes_no_missing_cells_is_noted(iris, rows):
    report = iris.report(*rows, stress=True)
    assert any(
        note.startswith("The committee gives no answer under missing cells. ValueError") for note in report.notes
    )
    assert line(report, "missing", "committee")["accuracy"] is None
    student = line(report, "missing", "student")
    assert student["accuracy"] > 0.5
    assert student["agreement"] is None
    assert line(report, "noise", "student")["agreement"] > 0.5
    StressDisplay.from_report(report).plot()
    plt.close("all")


def test_without_teachers_students_are_still_stressed(iris, rows):
    loaded = pickle.loads(pickle.dumps(iris))
    alone = loaded.report(*rows, stress=True)
    assert {row["role"] for row in alone.stress} == {"hard", "student"}
    assert alone.stress_fidelity == {}
    assert any("loaded without its teachers" in note for note in alone.notes)
    figure = StressDisplay.from_report(alone).plot().figure_
    assert len(figure.axes) == 5
    plt.close("all")
    told = loaded.report(*rows, teacher_proba=iris.oracle_(rows[0]), stress=True)
    assert any(note.startswith("Of the committee only the answers are here") for note in told.notes)
    assert line(told, "noise", "committee")["accuracy"] is None
    assert line(told, "rare", "student")["agreement"] is not None


def test_off_by_default(iris, rows):
    report = iris.report(*rows)
    assert report.stress == []
    assert report.stress_fidelity == {}
    assert "stress" not in str(report).lower()
    with pytest.raises(ValueError, match=r"stress=True"):
        StressDisplay.from_report(report)


def test_values_under_stress():
    X, y = load_diabetes(return_X_y=True)
    before = X.copy()
    report = DistilledRegressor("ridge", random_state=0).fit(X[::2], y[::2]).report(X[1::2], y[1::2], stress=True)
    np.testing.assert_array_equal(X, before)
    assert list(dict.fromkeys(row["stress"] for row in report.stress)) == [s for s in STRESSES if s != "classes"]
    assert line(report, "given", "student")["rmse"] == pytest.approx(report.rows[-1]["rmse"])
    assert line(report, "noise", "committee", -1)["rmse"] > line(report, "given", "committee")["rmse"]
    assert report.stress_fidelity["student"] < 1
    figure = StressDisplay.from_report(report).plot().figure_
    assert len(figure.axes) == 8
    plt.close("all")


def test_sparse_rows_take_row_stress_only():
    X = sparse.csr_matrix(np.eye(40))
    y = np.array(["a", "b"] * 20)
    student = Contestant("student", "student", np.tile([0.6, 0.4], (40, 1)))
    report = distillation_report("classification", X, y, [student], classes=["a", "b"], stress=True)
    assert {row["stress"] for row in report.stress} == {"given", "classes", "rare"}
    assert any("X is sparse" in note for note in report.notes)


def test_stress_needs_rows():
    student = Contestant("student", "student", np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"'stress' of distillation_report .* Got X=None; pass the test rows"):
        distillation_report("regression", None, [1.0, 2.0], [student], stress=True)


TABLES = {
    "floats": np.arange(400.0).reshape(100, 4),
    "whole numbers": np.arange(400).reshape(100, 4),
    "objects": np.array([[i or None, i / 2, str(i % 3), i % 2 == 0] for i in range(100)], dtype=object),
    "pandas": pd.DataFrame(
        {
            "n": pd.array([None, *range(99)], dtype="Int64"),
            "f": np.arange(100.0),
            "c": pd.Categorical(["u", "v"] * 50),
            "b": [True, False] * 50,
        },
        index=np.arange(100) + 7,
    ),
    "polars": pl.DataFrame({"n": range(100), "f": [None, *range(99)], "c": ["u", "v"] * 50, "b": [True, False] * 50}),
}


def cells(table):
    return pd.DataFrame(table.to_pandas() if isinstance(table, pl.DataFrame) else table).reset_index(drop=True)


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_done_to_the_cells(kind):
    X = TABLES[kind]
    before = cells(X).copy()
    rng = np.random.default_rng(0)
    noisy, holed, permuted = (change(X, 0.5, rng) for change in (_noisy, _holed, _permuted))
    assert type(noisy) is type(holed) is type(permuted) is type(X)
    pd.testing.assert_frame_equal(cells(X), before)
    n_numeric = 4 if kind in ("floats", "whole numbers") else 2
    for j in range(4):
        if j < n_numeric:
            given, new = (pd.to_numeric(cells(t).iloc[:, j]).astype("float64") for t in (X, noisy))
            assert given.isna().tolist() == new.isna().tolist()
            assert (new - given).std() / given.std(ddof=0) == pytest.approx(0.5, rel=0.3)
        else:
            assert cells(noisy).iloc[:, j].tolist() == before.iloc[:, j].tolist()
    assert cells(holed).isna().mean(axis=None) == pytest.approx(0.5, abs=0.1)
    shuffled = [cells(permuted).iloc[:, j].astype(object).fillna("-").astype(str).tolist() for j in range(4)]
    given = [before.iloc[:, j].astype(object).fillna("-").astype(str).tolist() for j in range(4)]
    assert sum(a != b for a, b in zip(shuffled, given)) == 2
    assert [sorted(column) for column in shuffled] == [sorted(column) for column in given]


def test_class_weights_shift_the_shares():
    codes = np.repeat([0, 1, 2], [60, 10, 30])
    assert _class_weight(codes, 9.0)[[0, 60, 99]].tolist() == pytest.approx([1.0, 9.0, 3.0])
