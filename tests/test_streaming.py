import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_runs import breast_cancer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV

from skdistill import (
    AdditiveStudent,
    BoostedStudent,
    DistilledClassifier,
    DistilledEstimator,
    DistilledRegressor,
    LinearStudent,
    Munge,
    TreeStudent,
    scan,
)
from skdistill._streaming import Streams
from skdistill.students import resolve_families

TREE = ("feature", "threshold", "right", "value")


def as_file(path, X, y, **options):
    columns = {f"f{j}": X[:, j] for j in range(X.shape[1])}
    pq.write_table(pa.table({**columns, "y": y}), path, **options)
    return path


STUDENTS = {"tree": TreeStudent(max_leaves=6), "line": LinearStudent()}


def committee(student, **settings):
    return DistilledClassifier(["logistic"], STUDENTS[student], cv=3, blend=0.3, random_state=0, **settings)


def test_values_of_several_targets_are_streamed():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, X[:, 2] * 100])
    reg = DistilledRegressor(["ridge"], TreeStudent(max_leaves=6), cv=3, blend=0.7, random_state=0)
    expected = reg.fit(X, Y).predict(X)
    assert_array_equal(reg.fit(scan(X, target=Y)).predict(X), expected)
    few = reg.fit(scan(X, target=Y, sample_rows=100))
    assert few.score(X, Y) > 0.4
    assert "scan: the student learned from 442 rows, streamed; encoder and teachers were fitted" in few.notes_[-1]
    assert "a stratified sample of 100 of them" in few.notes_[-1]


def test_unlabelled_rows_and_drawn_ones_stream_beside_arrays_and_scans():
    X, y = load_wine(return_X_y=True)
    labelled, pool = slice(0, None, 2), slice(1, None, 2)
    clf = DistilledClassifier(
        ["logistic"], TreeStudent(max_leaves=5), cv=3, blend=0.3, augmentation=Munge(), random_state=0
    )
    expected = clf.fit(X[labelled], y[labelled], X_unlabeled=X[pool]).student_.predictor_
    for rows, labels in ((X[labelled], y[labelled]), (scan(X[labelled], target=y[labelled]), None)):
        for unlabelled in (X[pool], scan(X[pool]), scan(X[pool], target=y[pool])):
            found = clf.fit(rows, labels, X_unlabeled=unlabelled).student_.predictor_
            for name in TREE:
                assert_array_equal(getattr(found, name), getattr(expected, name))


def test_categories_gaps_class_weights_and_choices_stream(tmp_path):
    X, y = breast_cancer()
    table = pa.table(
        {
            "size": pa.array(X[:, 0], mask=X[:, 1] > 25),
            "shape": pa.array(np.array(["round", "long"])[(X[:, 5] > 0.1).astype(int)]).dictionary_encode(),
            "texture": X[:, 1],
        }
    )
    pq.write_table(table.append_column("y", pa.array(y).dictionary_encode()), tmp_path / "rows.parquet")
    clf = DistilledClassifier(["logistic"], STUDENTS["tree"], cv=3, class_weight="balanced", random_state=0)
    clf.fit(table, y)
    wanted, notes = clf.predict_proba(table), clf.notes_
    clf.fit(scan(tmp_path / "rows.parquet", target="y"))
    assert clf.notes_[:-1] == notes
    assert_array_equal(clf.predict_proba(table), wanted)


def test_answers_go_from_file_to_file(tmp_path, monkeypatch):
    X, y = breast_cancer()
    as_file(tmp_path / "rows.parquet", X, y, row_group_size=100)
    rows = scan(tmp_path / "rows.parquet", target="y")
    clf = committee("tree").fit(rows)
    clf.predict_to(rows, tmp_path / "answers.parquet")
    answers = pq.read_table(tmp_path / "answers.parquet")
    table = pq.read_table(tmp_path / "rows.parquet").drop_columns("y")
    assert answers.column_names == ["prediction", "probability of benign", "probability of malignant"]
    assert answers["prediction"].to_pylist() == clf.predict(table).tolist()
    assert_array_equal(answers["probability of benign"], clf.predict_proba(table)[:, 0])
    with pytest.raises(TypeError, match="predict_to takes scan"):
        clf.predict_to(X, tmp_path / "answers.parquet")
    (tmp_path / "answers.parquet").unlink()
    with pytest.raises(ValueError, match="29"):
        clf.predict_to(
            scan(as_file(tmp_path / "less.parquet", X[:, :29], y)).unlabelled(), tmp_path / "answers.parquet"
        )
    assert {path.name for path in tmp_path.iterdir()} == {"rows.parquet", "less.parquet"}


def test_a_fit_that_fails_leaves_no_file(tmp_path, monkeypatch):
    X, y = breast_cancer()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "spill"))
    (tmp_path / "spill").mkdir()
    path = as_file(tmp_path / "rows.parquet", X, y, row_group_size=100)
    begin = pq.ParquetFile(path).metadata.row_group(3).column(2).data_page_offset
    rows = scan(path, target="y", sample_rows=50)
    content = bytearray(path.read_bytes())
    content[begin : begin + 30] = b"\xff" * 30
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Row group 3 of '.*rows\.parquet' cannot be read"):
        committee("tree").fit(rows)
    assert list((tmp_path / "spill").iterdir()) == []


@pytest.mark.parametrize(
    ("fit", "error", "message"),
    [
        (lambda rows, y: committee("tree").fit(rows, y), ValueError, r"fit got 'y' beside a scan. Labels are read"),
        (lambda rows, y: committee("tree").fit(rows, sample_weight=y), ValueError, "fit got 'sample_weight' beside"),
        (lambda rows, y: committee("tree").fit(rows.unlabelled()), ValueError, "needs labels: pass scan"),
        (
            lambda rows, y: DistilledClassifier(student=BoostedStudent()).fit(rows),
            TypeError,
            r"BoostedStudent\(loss='log_loss'\) does not stream: .*'tree', 'linear', 'additive' or 'rules'",
        ),
        (
            lambda rows, y: GridSearchCV(committee("tree"), {"blend": [0, 1]}).fit(rows),
            TypeError,
            r"cannot become an array or be cut into folds, as a search \(GridSearchCV\)",
        ),
    ],
)
def test_what_cannot_be_streamed_is_refused(fit, error, message):
    X, y = load_wine(return_X_y=True)
    with pytest.raises(error, match=message):
        fit(scan(X, target=y), y)


def test_additive_students_stream():
    X, y = breast_cancer()
    clf = DistilledClassifier(["logistic"], AdditiveStudent(max_bins=4, pairs=1), cv=3, blend=0.3, random_state=0)
    expected = clf.fit(X, y).predict_proba(X)
    assert_allclose(clf.fit(scan(X, target=y)).predict_proba(X), expected, rtol=1e-5)


def test_the_task_is_read_from_the_labels_of_a_scan():
    X, y = load_wine(return_X_y=True)
    settings = {"cv": 2, "blend": 0.3, "random_state": 0}
    both = DistilledEstimator("svm", TreeStudent(max_leaves=4, repair=None), **settings)
    found = both.fit(scan(X, target=y, sample_rows=100))
    named = DistilledEstimator("svm", TreeStudent(max_leaves=4, repair=None), task="classification", **settings)
    assert found.task_ == "classification"
    assert_array_equal(found.predict_proba(X), named.fit(scan(X, target=y, sample_rows=100)).predict_proba(X))
    assert clone(both).fit(scan(X[:, 1:], target=X[:, 0])).task_ == "regression"
    with pytest.raises(ValueError, match=r"y holds \d+ distinct whole numbers.*Pass task='classification'"):
        clone(both).fit(scan(X, target=np.arange(len(X))))
    with pytest.raises(ValueError, match="needs labels: pass scan"):
        clone(both).fit(scan(X))


def test_students_that_do_not_stream_are_no_choice():
    X, y = breast_cancer()
    students = {"auto": resolve_families("auto", 200, "classification")}
    kept = Streams.open(committee("tree"), "classification", students, scan(X, target=y), None, None, None, {}).students
    assert [type(family[0]) for family in kept["auto"]] == [AdditiveStudent, LinearStudent, TreeStudent]
