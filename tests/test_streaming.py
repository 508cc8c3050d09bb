import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_runs import breast_cancer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, GroupShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from xgboost import XGBClassifier, XGBRegressor

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
        (
            lambda rows, y: committee("tree").fit(rows, y),
            ValueError,
            "fit got 'y' beside a scan. Labels, weights and groups are",
        ),
        (lambda rows, y: committee("tree").fit(rows, sample_weight=y), ValueError, "fit got 'sample_weight' beside"),
        (
            lambda rows, y: committee("tree", rounds=1).fit(scan(np.ones((178, 1)), target=y, groups=y)),
            ValueError,
            r"cannot keep the groups of a scan apart with rounds or assistants.*Drop these, or scan\(groups=\)",
        ),
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


def weighed(tmp_path):
    """Numbers, labels and weights, in memory and in a file."""
    X, y = breast_cancer()
    w = np.arange(len(y)) % 3 + 1
    columns = {f"f{j}": X[:, j] for j in range(X.shape[1])}
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"w": w, **columns, "y": y}), path, row_group_size=100)
    return X, y, w, path


def test_weights_of_a_scan_are_those_of_rows_in_memory(tmp_path):
    X, y, w, path = weighed(tmp_path)
    clf = committee("tree", class_weight={"benign": 1, "malignant": 3}).set_params(student__repair=None)
    in_memory = clone(clf).fit(pa.table({f"f{j}": X[:, j] for j in range(30)}), y, sample_weight=w)
    whole = clone(clf).fit(scan(path, target="y", weight="w"))
    assert len(in_memory.feature_names_in_) == len(whole.feature_names_in_) == 30
    for name in TREE:
        assert_array_equal(getattr(whole.student_.predictor_, name), getattr(in_memory.student_.predictor_, name))
    # A sample of the rows teaches the committee, all rows the student: the rival hears nothing of the committee.
    few = clone(clf).fit(scan(X, target=y, weight=w, sample_rows=100))
    for name in TREE:
        assert_array_equal(
            getattr(few.hard_student_.predictor_, name), getattr(in_memory.hard_student_.predictor_, name)
        )


def test_boosters_learn_from_weighed_rows(tmp_path):
    X, _, w, _ = weighed(tmp_path)
    student = TreeStudent(max_leaves=4, repair=None)
    reg = DistilledRegressor(XGBRegressor(n_estimators=2), student, cv=2, blend=0.5, keep_teachers=True)
    reg.fit(scan(X, target=X[:, 3], weight=w, sample_rows=100))
    root = reg.teachers_["xgbregressor"].get_booster().get_dump(with_stats=True)[0].splitlines()[0]
    assert root.endswith(f"cover={w.sum()}")


def test_rows_without_weight_beside_an_unlabelled_scan_are_absent():
    X, y = load_wine(return_X_y=True)
    w = np.ones(178)
    w[::3] = 0
    clf = committee("tree").set_params(student__repair=None)
    found = clone(clf).fit(X, y, sample_weight=w, X_unlabeled=scan(X)).predict_proba(X)
    assert_array_equal(found, clf.fit(X, y, sample_weight=w, X_unlabeled=X).predict_proba(X))


@pytest.mark.parametrize("teacher", ["nearest", "booster"])
def test_no_teacher_labels_rows_of_a_group_that_it_has_seen(teacher):
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(80), 20))
    X = rng.standard_normal((80, 5))[group] + 0.01 * rng.standard_normal((1600, 5))
    y = rng.integers(0, 2, 80)[group]  # nothing to learn but the groups
    teachers = {"nearest": KNeighborsClassifier(1), "booster": XGBClassifier(n_estimators=20)}
    student = TreeStudent(max_leaves=80, min_samples_leaf=1, repair=None)
    clf = DistilledClassifier(teachers[teacher], student, cv=4, blend=0.0, random_state=0)
    apart = clone(clf).fit(scan(X, target=y, groups=np.array([f"g{g}" for g in group]), sample_rows=150))
    assert clf.fit(scan(X, target=y, sample_rows=150)).score(X, y) > 0.9
    assert apart.score(X, y) < 0.65
    assert apart.teachers_.n_folds == 0
    assert ("so did the teachers" in apart.notes_[-1]) is (teacher == "booster")


def test_rows_of_a_group_that_no_fold_holds_out_have_their_true_labels_alone():
    X, y = load_wine(return_X_y=True)
    group = np.arange(178) % 6
    once = GroupShuffleSplit(1, test_size=0.5, random_state=0)
    clf = DistilledClassifier(DummyClassifier(), TreeStudent(max_leaves=60, repair=None), cv=once, blend=0.0)
    X = np.column_stack([X, group])  # so that a student can tell them apart
    clf.fit(scan(X, target=y, groups=group, sample_rows=90))
    shares = sorted(clf.predict_proba(X[group == g]).max(axis=1).mean() for g in range(6))
    assert shares[2] < 0.45  # what the dummy says
    assert shares[3] > 0.85


@pytest.mark.parametrize("loss", ["huber", "pinball"])
def test_wild_values_are_streamed_as_they_are_learned_in_memory(loss):
    X, y = load_diabetes(return_X_y=True)
    y[::20] *= 50
    reg = DistilledRegressor(RidgeCV(), TreeStudent(max_leaves=8, repair=None), loss=loss, cv=3, blend=0.5)
    reg.set_params(random_state=0)
    in_memory = clone(reg).fit(X, y)
    streamed = reg.fit(scan(X, target=y))
    for name in ("student_", "hard_student_"):
        found, expected = (getattr(each, name).predictor_ for each in (streamed, in_memory))
        assert_array_equal(found.threshold, expected.threshold)
        assert_array_equal(found.value, expected.value)


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
