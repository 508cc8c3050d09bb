"""The report as its reader meets it: text, verdict, frame, notes and errors."""

import builtins
import math
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skdistill import TreeStudent
from skdistill.model import Model, NumericColumn, Output, Preprocessor
from skdistill.report import Contestant, DistillationReport, GapRecovered, distillation_report
from skdistill.report._text import in_bytes, microseconds, significant

LABELS = np.array(["no", "yes"])


def answers(y, n_wrong, confidence=0.9):
    """Probabilities that put `confidence` on the true class of all but the first `n_wrong` rows."""
    truth = np.asarray(y) == "yes"
    truth[:n_wrong] = ~truth[:n_wrong]
    return np.where(truth[:, None], [1 - confidence, confidence], [confidence, 1 - confidence])


def classification(committee=5, hard=40, student=20, n=200, nbytes=612, **params):
    """A report on contestants that err on the given numbers of rows; None leaves one out."""
    y = np.array(["no", "yes"] * (n // 2))
    contestants = []
    if committee is not None:
        contestants.append(Contestant("committee", "committee", answers(y, committee), 5_960_000))
    if hard is not None:
        contestants.append(Contestant("student on hard labels", "hard", answers(y, hard), 600))
    contestants.append(Contestant("distilled student", "student", answers(y, student), nbytes))
    return distillation_report("classification", None, y, contestants, classes=LABELS, **params)


def regression(committee=1.0, hard=2.0, student=1.5, n=100, **params):
    """A report on contestants that err by .9 and 1.1 of the given numbers in turns: RMSE 1.005 times the number."""
    y = np.linspace(-2, 2, n)
    turns = np.tile([0.9, 1.1], n // 2)
    contestants = [
        Contestant(role, role, y + errors, 80)
        for role, errors in (
            ("committee", committee and committee * turns),
            ("hard", hard * turns[::-1]),
            ("student", student * turns),
        )
        if errors is not None
    ]
    return distillation_report("regression", None, y, contestants, **params)


def test_text_of_a_classification_report():
    text = str(classification(notes=["The SVM was replaced by Nystroem: 20,000 rows."], n_resamples=200))
    lines = text.splitlines()
    assert lines[0] == "Distillation report: classification, 200 test rows"
    heading, committee, hard, student = lines[2:6]
    assert heading.split() == [
        "accuracy",
        "log-loss",
        "AUC",
        "agreement",
        "KL",
        "ECE",
        "size",
        "one",
        "row",
        "row",
        "in",
        "batch",
        *["shipped", "its", "99", "%"],
    ]
    assert committee.startswith("committee                  0.975")
    assert hard.startswith("student on hard labels     0.800")
    assert student.split() == [
        "distilled",
        "student",
        "0.900",
        "0.325",
        "0.900",
        "0.925",
        "0.132",
        "0.000",
        "612",
        "B",
        *["–"] * 4,
    ]
    assert "5.96 MB" in committee
    # Right-aligned columns all end where their headings do.
    assert (
        len({line.index(size) + len(size) for line, size in ((heading, "size"), (committee, "MB"), (student, "612 B"))})
        == 1
    )
    assert lines[7] == "Recovered of the gap from hard labels to the committee:"
    assert lines[8].startswith("  accuracy: 57 % of 17.5 points (95 % interval: ")
    assert lines[9].startswith("  log-loss: 57 % of 0.385 (95 % interval: ")
    assert lines[-2].startswith("Keeps 92.3 %")
    assert lines[-1] == "Note: The SVM was replaced by Nystroem: 20,000 rows."


def test_text_of_a_regression_report():
    text = str(regression(confidence=0.9))
    assert text.splitlines()[2].split() == [
        "RMSE",
        "R²",
        "R²",
        "to",
        "committee",
        "size",
        "one",
        "row",
        "row",
        "in",
        "batch",
        *["shipped", "its", "99", "%"],
    ]
    assert "  RMSE: 50 % of 1.00 (90 % interval: " in text


def test_repr_is_short():
    assert repr(classification()) == "<DistillationReport: classification, 3 contestants, 200 test rows>"


def test_too_small_a_gap_prints_no_number():
    report = classification(committee=5, hard=6, student=5)
    assert not report.gap["accuracy"].counted
    assert "  accuracy: gap too small to tell (0.5 points, standard error 0.5 points)" in str(report)


def test_the_gap_of_one_row_prints_no_number():
    y = ["no"]
    contestants = [Contestant(role, role, answers(y, 0, 0.8)) for role in ("committee", "hard", "student")]
    text = str(distillation_report("classification", None, y, contestants, classes=LABELS))
    assert "1 test row\n" in text
    assert "gap too small to tell (0.0 points, standard error –)" in text


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (
            lambda: classification(committee=10, hard=30, student=20),
            "Keeps 94.7 % of the committee's accuracy in 612 bytes; distillation itself bought +5.0 points of accuracy "
            "over the same student on hard labels.",
        ),
        (
            lambda: classification(hard=20, student=26, nbytes=61_234),
            "Keeps 89.2 % of the committee's accuracy in 61.2 kB; distillation itself cost 3.0 points of accuracy "
            "against the same student on hard labels.",
        ),
        (
            lambda: classification(hard=21, student=20, nbytes=None),
            "Keeps 92.3 % of the committee's accuracy; distillation itself made no difference beyond noise in accuracy "
            "against the same student on hard labels.",
        ),
        (
            lambda: classification(committee=20, hard=20, student=10),
            "Keeps 105.6 % of the committee's accuracy in 612 bytes; distillation itself bought +5.0 points of "
            "accuracy over the same student on hard labels.",
        ),
        (lambda: classification(hard=None), "Keeps 92.3 % of the committee's accuracy in 612 bytes."),
        (
            lambda: classification(committee=None, hard=20, student=20),
            "Reaches an accuracy of 90.0 % in 612 bytes; distillation itself made no difference beyond noise in "
            "accuracy against the same student on hard labels.",
        ),
        (lambda: classification(committee=200, hard=None), "Reaches an accuracy of 90.0 % in 612 bytes."),
        (
            regression,
            "Reaches an RMSE of 1.507 (the committee: 1.005) in 80 bytes; distillation itself lowered the RMSE from "
            "2.010 to 1.507 against the same student on hard labels.",
        ),
        (
            lambda: regression(committee=None, student=3.0),
            "Reaches an RMSE of 3.015 in 80 bytes; distillation itself raised the RMSE from 2.010 to 3.015 against the "
            "same student on hard labels.",
        ),
        (
            lambda: regression(student=2.01),
            "Reaches an RMSE of 2.020 (the committee: 1.005) in 80 bytes; distillation itself made no difference "
            "beyond noise in RMSE against the same student on hard labels.",
        ),
    ],
)
def test_verdict(report, verdict):
    report = report()
    assert report.verdict == verdict
    assert verdict in str(report)


def test_verdict_tells_what_a_row_takes_of_the_program_that_is_shipped():
    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    y = np.where(X[:, 0] > 0, "yes", "no")
    student = TreeStudent().fit(X, np.float64(y[:, None] == LABELS))
    model = Model(
        Preprocessor((NumericColumn("x"),)), student.predictor_, Output("classification", "simplex", ("no", "yes"))
    )
    asked = [
        Contestant("committee", "committee", student.predict(X), 9, student.predict),
        Contestant("distilled", "student", student.predict(X), 9, student.predict, model),
    ]
    report = distillation_report("classification", X, y, asked, classes=LABELS)
    committee, shipped = (microseconds(row[key]) for row, key in zip(report.rows, ["us_single", "us_shipped_p50"]))
    assert report.verdict == (
        "Keeps 100.0 % of the committee's accuracy in 9 bytes, "
        f"answering a row in {shipped} as shipped, the committee in {committee}."
    )
    foreign = [asked[0], Contestant("distilled", "student", student.predict(X), 9, student.predict)]
    verdict = distillation_report("classification", X, y, foreign, classes=LABELS).verdict
    assert re.search(r"bytes, [\d.,]+ times as fast on one row and [\d.,]+ times in a batch\.$", verdict)


@pytest.mark.parametrize(("hard", "student", "moved"), [(0.6, 0.9, "lowered"), (0.9, 0.6, "raised")])
def test_verdict_tells_of_probabilities_where_accuracy_is_the_same(hard, student, moved):
    y = np.array(["no", "yes"] * 100)
    rivals = (("committee", 0.9), ("hard", hard), ("student", student))
    contestants = [Contestant(role, role, answers(y, 20, confidence)) for role, confidence in rivals]
    report = distillation_report("classification", None, y, contestants, classes=LABELS)
    losses = dict(zip(["committee", "before", "after"], (f"{row['log_loss']:.4f}" for row in report.rows)))
    assert report.verdict == (
        f"Keeps 100.0 % of the committee's accuracy; distillation itself {moved} the log-loss from {losses['before']} "
        f"to {losses['after']}, but made no difference beyond noise in accuracy against the same student on hard "
        "labels."
    )


def test_without_committee_or_rival_the_notes_say_why():
    report = classification(committee=None, hard=None, notes=["Loaded without its teachers."])
    assert report.gap == {}
    assert (report.rows[0]["agreement"], report.rows[0]["kl"]) == (None, None)
    assert report.notes == (
        "Loaded without its teachers.",
        "There is no committee to compare with, so fidelity and the gap recovered are left out.",
        "There is no student on hard labels to compare with, so what distillation itself bought is unknown.",
    )
    assert "Recovered" not in str(report)
    assert regression(committee=None).rows[0]["r2_to_teacher"] is None
    assert classification().notes == ()


def test_rows_and_frame():
    report = classification(committee=None)
    assert list(report.rows[0]) == list(report.rows[1])
    assert list(report.rows[0]) == [
        *["name", "role", "accuracy", "log_loss", "auc", "agreement", "kl", "ece", "nbytes"],
        *["us_single", "us_row_batch", "us_shipped_p50", "us_shipped_p99"],
    ]
    frame = report.frame()
    assert list(frame.index) == ["student on hard labels", "distilled student"]
    assert list(frame.columns) == list(report.rows[0])[1:]
    assert frame.loc["distilled student", "accuracy"] == 0.9
    assert frame["kl"].isna().all()
    assert frame["nbytes"].tolist() == [600, 612]
    assert frame["nbytes"].dtype == pd.Int64Dtype()
    numbers = frame.drop(columns=["role", "nbytes"])
    assert set(numbers.dtypes) == {np.dtype("float64")}
    assert classification(nbytes=None).frame()["nbytes"].isna().tolist() == [False, False, True]


def test_frame_without_pandas_names_the_extra(monkeypatch):
    real_import = builtins.__import__

    def no_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return real_import(name, *args, **kwargs)

    report = classification()
    monkeypatch.setattr(builtins, "__import__", no_pandas)
    with pytest.raises(ImportError, match=r'frame needs pandas: pip install "skdistill\[all\]"'):
        report.frame()


def test_latency_is_measured_where_there_is_a_predict():
    y = np.array(["no", "yes"] * 5)
    X = pd.DataFrame({"a": range(10)})
    contestants = [
        Contestant("svm", "teacher", answers(y, 0)),
        Contestant("student", "student", answers(y, 0), predict=lambda X: X["a"].to_numpy()),
    ]
    svm, student = distillation_report("classification", X, y, contestants, classes=LABELS).rows
    assert (svm["us_single"], svm["us_row_batch"]) == (None, None)
    assert student["us_single"] > student["us_row_batch"] > 0


@pytest.mark.parametrize(
    "y",
    [
        ["no", "yes"],
        np.array([["no"], ["yes"]]),
        pd.Series(["no", "yes"], index=[7, 8]),
        pd.Series(["no", "yes"], dtype="category"),
        pl.Series(["no", "yes"]),
    ],
    ids=["list", "column", "pandas", "categorical", "polars"],
)
def test_any_kind_of_labels(y):
    student = Contestant("student", "student", np.array([[0.8, 0.2], [0.6, 0.4]]))
    assert distillation_report("classification", None, y, [student], classes=LABELS).rows[0]["accuracy"] == 0.5


STUDENT = Contestant("student", "student", np.array([[0.8, 0.2], [0.6, 0.4]]))


def report_on(y=("no", "yes"), contestants=(STUDENT,), classes=("no", "yes"), task="classification", X=None, **params):
    y = list(y) if isinstance(y, tuple) else y
    return distillation_report(task, X, y, contestants, classes=classes, **params)


def as_student(outputs, name="student", **params):
    return [Contestant(name, "student", np.asarray(outputs), **params)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: report_on(y=("no", "perhaps")),
            r"y contains labels that are not in classes: 'perhaps'\. Report on rows with labels seen in fit",
        ),
        (lambda: report_on(y=("1", "2"), classes=(1, 2)), r"not in classes: '1', '2'\."),
        (lambda: report_on(y=("no", None)), r"y contains missing values \(NaN or None\) in 1 rows\. Drop"),
        (lambda: report_on(y=pd.Series(["no", pd.NA])), r"missing values"),
        (lambda: report_on(y=(math.nan, 1.0), classes=(0, 1)), r"missing values"),
        (lambda: report_on(y=()), r"at least one test row"),
        (lambda: report_on(classes=None), r"The 'classes' parameter .* must list at least two labels .* Got None"),
        (lambda: report_on(classes=("no",)), r"at least two labels"),
        (lambda: report_on(X=np.zeros((3, 1))), r"inconsistent numbers of samples: \[3, 2\]"),
        (lambda: report_on(contestants=as_student([[1.0, 0.0]])), r"must have shape \(2, 2\).* Got \(1, 2\) instead"),
        (
            lambda: report_on(contestants=as_student([[0.5, 0.5], [0.5, 0.6]], "forest")),
            r"outputs of contestant 'forest' must be probabilities\. Row 1 is \[0\.5, 0\.6\], its sum 1\.1\.",
        ),
        (lambda: report_on(contestants=as_student([[1.5, -0.5], [0.5, 0.5]])), r"Row 0 is \[1\.5, -0\.5\]"),
        (lambda: report_on(contestants=as_student([[np.nan, 0.5], [0.5, 0.5]])), r"contain NaN or infinity"),
        (
            lambda: report_on(contestants=[Contestant("x", "pupil", STUDENT.outputs)]),
            r"The role of contestant 'x' must be one of 'committee', 'assistant', 'teacher', 'hard', .*Got 'pupil'",
        ),
        (lambda: report_on(contestants=[STUDENT, STUDENT]), r"one contestant of role 'student'\. Got 2"),
        (lambda: report_on(contestants=[]), r"needs a contestant of role 'student'"),
        (
            lambda: report_on(contestants=as_student(STUDENT.outputs, predict=len)),
            r"Latency is measured on X\. Got X=None",
        ),
        (lambda: report_on(task="ranking"), r"The 'task' parameter of distillation_report must be a str among"),
        (lambda: report_on(confidence=95), r"The 'confidence' parameter of distillation_report must be a float in"),
        (lambda: report_on(n_resamples=0), r"The 'n_resamples' parameter of distillation_report must be an int in"),
        (lambda: report_on(notes="one string"), r"The 'notes' parameter .* Got 'one string' instead"),
        (
            lambda: report_on(task="regression", y=(1.0, math.nan), contestants=as_student([1.0, 2.0])),
            r"Input y contains NaN",
        ),
        (
            lambda: report_on(task="regression", y=(1.0, 2.0), contestants=as_student([[1.0, 2.0]])),
            r"must have the shape of y, \(2, 1\)\. Got \(1, 2\) instead",
        ),
        (
            lambda: report_on(task="regression", y=[[1.0, 2.0], [1.0, 2.0]], contestants=as_student([1.0, 2.0])),
            r"must have the shape of y, \(2, 2\)\. Got \(2,\) instead",
        ),
    ],
)
def test_errors_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_many_unseen_labels_are_cut_short():
    y = [f"label {i:02}" for i in range(12)]
    with pytest.raises(ValueError, match=r"'label 00', .*'label 09', \.\.\.\."):
        report_on(y=y, contestants=as_student(np.tile([0.5, 0.5], (12, 1))))


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (999_999, "1.00 MB"), (5_960_000, "5.96 MB"), (12_400, "12.4 kB")],
)
def test_bytes(n_bytes, text):
    assert in_bytes(n_bytes) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(3.14, "3.1 µs"), (0.0283, "28 ns"), (290.4, "290 µs"), (5386, "5.4 ms"), (0.9996, "1.0 µs"), (2.5e6, "2.5 s")],
)
def testmicroseconds(duration, text):
    assert microseconds(duration) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 3, "0"),
        (0.012345, 3, "0.0123"),
        (12345, 3, "12300"),
        (9.996, 3, "10.0"),
        (-1.25, 2, "-1.2"),
        (0.99996, 4, "1.000"),
    ],
)
def test_significant(value, digits, text):
    assert significant(value, digits) == text


def test_reports_are_plain_values():
    report = classification()
    assert isinstance(report, DistillationReport)
    assert all(isinstance(gap, GapRecovered) for gap in report.gap.values())
    assert {type(value) for row in report.rows for value in row.values()} == {str, float, int, type(None)}
    with pytest.raises(AttributeError):
        report.verdict = "All is well."


def test_same_seed_same_report():
    assert str(classification()) == str(classification())
    first, second = (classification(random_state=seed).gap["accuracy"] for seed in (0, 1))
    assert (first.low, first.high) != (second.low, second.high)
    assert first.value == second.value
