"""Pictures: what they show is checked on their axes and tables."""

from __future__ import annotations

import builtins
import io
from copy import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from skdistill import AdditiveStudent, BoostedStudent, DistilledClassifier, LinearStudent, TreeStudent
from skdistill.compression import frontier
from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
from skdistill.report import FidelityDisplay, FrontierDisplay, StudentDisplay, _frontier_display
from skdistill.report._palette import ON_DARK, ON_LIGHT, palette, signed
from skdistill.report._text import number

STUDENTS = [TreeStudent(max_leaves=8), LinearStudent(), AdditiveStudent(pairs=2), BoostedStudent()]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("student", STUDENTS, ids=lambda student: type(student).__name__)
def test_every_student_is_drawn_with_and_without_rows(hostile, student, task):
    estimator, X, _ = hostile(student, task)
    for rows in (None, X):
        display = StudentDisplay.from_estimator(estimator, rows).plot()
        display.figure_.savefig(io.BytesIO(), format="svg")
        assert any("noise" in text or "script" in text for text in words(display.figure_))
        assert not any(text.get_parse_math() for text in display.figure_.findobj(Text) if "$" in text.get_text())
        assert len(display.frame())


def test_a_tree_s_table_adds_up(hostile):
    estimator, X, _ = hostile(STUDENTS[0])
    frame = StudentDisplay.from_estimator(estimator, X).frame()
    leaves = frame[frame["is_leaf"]]
    assert leaves["share"].sum() == pytest.approx(1)
    assert frame.loc[0, ["rule", "share", "depth"]].tolist() == ["all rows", 1.0, 0]
    classes = [f"P({name})" for name in estimator.classes_]
    expected = estimator.predict_proba(X).mean(axis=0)
    np.testing.assert_allclose(frame.loc[0, classes].astype(float), expected)
    without = StudentDisplay.from_estimator(estimator.to_model()).frame()
    assert without["share"].isna().all()
    assert without["rule"].tolist() == frame["rule"].tolist()


def test_an_additive_model_s_table_adds_up(hostile):
    estimator, X, _ = hostile(AdditiveStudent(pairs=0), "regression")
    frame = StudentDisplay.from_estimator(estimator, X).frame()
    # Terms are centred on these rows, so that what is left is the mean prediction.
    assert frame.loc[0, "y"] == pytest.approx(estimator.predict(X).mean(), abs=1e-6)
    assert set(frame["feature"]) <= {"start", *X.columns}
    assert "missing" in set(frame.loc[frame["feature"] == X.columns[0], "where"])


def test_a_line_s_table_is_in_log_odds():
    model = Model(
        Preprocessor((NumericColumn("age", center=40.0, scale=0.5), NumericColumn("unused"))),
        Linear([[0.25, 1.0], [0.5, 0.5]], [0.0, -1.0]),
        Output("classification", "softmax", ("no", "yes")),
    )
    display = StudentDisplay.from_estimator(model)
    frame = display.frame()
    assert frame.to_dict("records") == [{"feature": "start", "yes": -1.0}, {"feature": "age, per 2", "yes": 0.75}]
    assert "adds to the log-odds of yes, which starts at −1.00" in words(display.plot().figure_)


def test_a_student_without_model_form_is_refused():
    X, y = load_iris(return_X_y=True)
    clf = DistilledClassifier("logistic", DecisionTreeClassifier(max_depth=2), random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="has no model form"):
        StudentDisplay.from_estimator(clf)


def test_fidelity_by_class(hostile):
    estimator, X, _ = hostile(STUDENTS[0])
    display = FidelityDisplay.from_estimator(estimator, X)
    frame = display.frame()
    committee, student = estimator.oracle_(X).argmax(axis=1), estimator.predict_proba(X).argmax(axis=1)
    assert frame["rows"].sum() == len(X)
    assert (frame["agreement"] * frame["rows"]).sum() == pytest.approx((committee == student).sum())
    assert (frame["low"] <= frame["agreement"]).all()
    assert (frame["agreement"] <= frame["high"]).all()
    assert display.plot().ax_.get_xlabel() == "rows answered as by the committee"


def test_fidelity_by_value(hostile):
    estimator, X, _ = hostile(STUDENTS[0], "regression")
    display = FidelityDisplay.from_estimator(estimator, X)
    frame = display.frame()
    assert frame["rows"].sum() == len(X)
    assert (frame["student"] * frame["rows"]).sum() == pytest.approx(estimator.predict(X).sum())
    assert frame["committee"].is_monotonic_increasing
    own = plt.figure().subplots()
    assert display.plot(own).ax_ is own


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_frontier_holds_every_contestant_and_smaller_students(hostile, task):
    estimator, X, y = hostile(STUDENTS[0], task)
    display = FrontierDisplay.from_report(estimator.report(X, y))
    frame = display.frame()
    as_fitted = frame[frame["passes"].isna()]
    assert as_fitted["role"].tolist() == ["committee", "teacher", "teacher", "hard", "student"]
    compressed = frame[(frame["role"] == "student") & frame["passes"].notna()]
    assert compressed["nbytes"].is_monotonic_increasing
    assert compressed["nbytes"].min() < estimator.to_model().nbytes
    metrics = ["accuracy", "log_loss"] if task == "classification" else ["rmse"]
    assert display.plot().ax_.get_ylabel().startswith({"log_loss": "log-loss", "rmse": "RMSE"}[metrics[-1]])
    for metric in metrics:
        assert display.plot(metric=metric).figure_ is not None
    with pytest.raises(ValueError, match=r"'metric' of FrontierDisplay.plot must be one of \[.*\]\. Got 'auc' instead"):
        display.plot(metric="auc")


def test_students_that_are_one_are_compressed_once(hostile, monkeypatch):
    estimator, X, y = hostile(STUDENTS[0])
    twin = copy(estimator)
    twin.hard_student_, twin.hard_encoder_ = twin.student_, twin.encoder_  # as where hard labels won
    made = []
    monkeypatch.setattr(_frontier_display, "frontier", lambda *given: made.append(given) or frontier(*given))
    rows = FrontierDisplay.from_report(twin.report(X, y)).rows
    assert len(made) == 1
    hard, student = ([{**r, "name": "", "role": ""} for r in rows if r["role"] == role] for role in ("hard", "student"))
    assert hard == student
    assert len(student) > 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: FidelityDisplay.from_predictions([[0.5, 0.5]], [0.5], classes=["a", "b"]),
            r"'student' must have the shape of 'committee', \(1, 2\), of a row or more\. Got \(1,\)",
        ),
        (lambda: FidelityDisplay.from_predictions([], []), "of a row or more"),
        (
            lambda: FidelityDisplay.from_predictions([0.5], [0.5], classes=["a", "b"]),
            r"must have a column for each of the 2 classes\. Got shape \(1,\)",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_fidelity_without_teachers_says_what_to_do(hostile, monkeypatch):
    estimator, X, _ = hostile(STUDENTS[0])
    monkeypatch.delattr(estimator, "oracle_")
    with pytest.raises(ValueError, match=r"DistilledClassifier has no teachers to compare with\. Use from_predictions"):
        FidelityDisplay.from_estimator(estimator, X)


@pytest.mark.parametrize(("missing", "extra"), [("matplotlib", "plot"), ("pandas", "all")])
def test_without_a_package_the_extra_is_named(hostile, monkeypatch, missing, extra):
    estimator, X, _ = hostile(STUDENTS[0])
    display = StudentDisplay.from_estimator(estimator, X)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == missing:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf'needs {missing}: pip install "skdistill\[{extra}\]"'):
        display.plot() if missing == "matplotlib" else display.frame()


def test_colours_follow_the_style():
    with plt.style.context("dark_background"):
        assert (palette().ink, palette().paper, palette().hues) == ("#ffffff", "#000000", ON_DARK)
    assert (palette().ink, palette().paper, palette().hues) == ("#000000", "#ffffff", ON_LIGHT)


@pytest.mark.parametrize(("value", "text"), [(1015.55, "1015.5"), (-0.005, "−0.005"), (14.5, "14.5"), (0.0, "0")])
def test_numbers(value, text):
    assert number(value) == text


def test_signs():
    assert [signed(value) for value in (0.5, -0.5, -0.001)] == ["+0.50", "−0.50", "0.00"]
