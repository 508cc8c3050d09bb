"""Several students of one committee: each as if it were alone, one committee for all, and any of them to ship."""

from __future__ import annotations

import pickle
from copy import deepcopy

import distributed
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import (
    DistilledClassifier,
    DistilledEstimator,
    DistilledRegressor,
    LinearStudent,
    TreeStudent,
    export,
    scan,
)
from skdistill.report import FrontierDisplay

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
TINY = TreeStudent(max_leaves=2, repair=None)
THREE = [TreeStudent(max_leaves=8, repair=None), "linear", ("tiny", TINY)]


class Counted(LogisticRegression):
    """A teacher that counts its fits."""

    fits = 0

    def fit(self, X, y, sample_weight=None):
        Counted.fits += 1
        return super().fit(X, y, sample_weight)


def classifier(student=THREE, **params):
    return DistilledClassifier(["logistic"], student, **{"cv": 3, "random_state": 0, **params})


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X[::2], y[::2])


# ---------------------------------------------------------------- one committee, and each student for itself


@pytest.mark.parametrize("settings", [{}, {"augmentation": "auto"}, {"compression": "prune"}, {"assistants": TINY}])
def test_each_is_what_it_would_be_alone(settings):
    clf = classifier(**settings).fit(X[::4], y[::4])
    assert list(clf.students_) == ["treestudent", "linear", "tiny"]
    for name, student in zip(clf.students_, THREE, strict=True):
        alone = classifier(student[1] if isinstance(student, tuple) else student, **settings).fit(X[::4], y[::4])
        one = clf.with_student(name)
        np.testing.assert_array_equal(one.predict_proba(X), alone.predict_proba(X))
        assert one.selection_ == alone.selection_
        assert one.compression_ == alone.compression_
        assert str(one.recipe_) == str(alone.recipe_)
        assert [note for note in one.notes_ if not note.startswith("students")] == list(alone.notes_)
        hard = [each.hard_student_.evaluate(each.hard_encoder_.transform(X)) for each in (one, alone)]
        np.testing.assert_array_equal(*hard)


def test_k_students_cost_one_committee():
    fits = []
    for student in (TINY, THREE, [*THREE, TreeStudent(max_leaves=3, repair=None)]):
        Counted.fits = 0
        clf = DistilledClassifier([("counted", Counted(solver="liblinear"))], student, cv=3, random_state=0)
        clf.fit(X[:200], y[:200])
        fits.append(Counted.fits)
    assert fits == [7, 7, 7]  # all rows, three folds, three pairs of folds


def test_the_best_by_the_judged_loss_answers(fitted):
    losses = {name: fitted.with_student(name).selection_[0]["loss"] for name in fitted.students_}
    assert fitted.student_name_ == min(losses, key=losses.get)
    assert fitted.student_ is fitted.students_[fitted.student_name_]
    assert max(losses, key=losses.get) == "tiny"
    turned = classifier(THREE[::-1]).fit(X[::2], y[::2])
    assert turned.student_name_ == fitted.student_name_
    np.testing.assert_array_equal(turned.predict_proba(X), fitted.predict_proba(X))
    (note,) = [note for note in fitted.notes_ if note.startswith("students of this one committee")]
    assert f"no teacher had seen: {fitted.student_name_} {losses[fitted.student_name_]:.4g} (" in note


def test_of_several_one_is_chosen_though_blend_is_a_number():
    clf = classifier(blend=0.3).fit(X[::2], y[::2])
    for name in clf.students_:
        assert {(row["labels"], row["blend"]) for row in clf.with_student(name).selection_} == {
            ("hard", 1.0),
            ("soft", 0.3),
        }


def test_where_nothing_can_be_judged_the_first_answers():
    clf = classifier(["tree", "linear"], cv=2, blend=0.3).fit(X, y)
    assert clf.student_name_ == "tree"
    assert clf.selection_ == []
    assert clf.notes_[-1].startswith("students: the first of them answers, since it takes 3 folds of 'cv' to judge")
    assert classifier(["linear", "tree"], cv=2, blend=0.3).fit(X, y).student_name_ == "linear"


def test_frozen_teachers_may_have_seen_the_rows_that_students_are_compared_on():
    knows = FrozenEstimator(DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y))
    clf = DistilledClassifier([knows], [TINY, "linear"], cv=3, random_state=0).fit(X, y)
    assert "no teacher fitted here had seen (the frozen ones may have): " in clf.notes_[-1]


def test_values_and_counts():
    rows, values = (each[:200] for each in load_diabetes(return_X_y=True))
    for loss in ("squared", "poisson"):
        reg = DistilledRegressor(
            [("plain", DecisionTreeRegressor(max_depth=3))], ["linear", TINY], loss=loss, cv=3, random_state=0
        ).fit(rows, values)
        assert reg.student_name_ == "linear"
        assert reg.score(rows, values) > reg.with_student("treestudent").score(rows, values)
    found = DistilledEstimator("ridge", ["linear", TINY], cv=3, random_state=0).fit(rows, values)
    assert found.task_ == "regression"
    assert len(found.students_) == 2


def test_a_single_student_has_a_name_too():
    clf = classifier("tree", blend=0.3).fit(X, y)
    assert list(clf.students_) == [clf.student_name_] == ["tree"]
    assert clf.students_["tree"] is clf.student_
    assert not any(note.startswith("students") for note in clf.notes_)


# ---------------------------------------------------------------- budgets


def test_a_budget_is_for_each_of_them():
    rows = X.iloc[::3, :5], y[::3]
    clf = classifier(["tree", ("any", "auto")], max_bytes=80).fit(*rows)
    assert all(clf.with_student(name).to_model().nbytes <= 80 for name in clf.students_)
    best = clf.with_student("any").selection_[0]["loss"]
    assert best <= clf.with_student("tree").selection_[0]["loss"]
    with pytest.raises(ValueError, match=r"Student 'treestudent' of several: max_bytes sizes a student given by name"):
        classifier(max_bytes=200).fit(X, y)
    message = r"No student fits max_bytes=20: the smallest of these rows takes \d+ bytes, TreeStudent"
    with pytest.raises(ValueError, match=message):
        classifier(["tree", "linear"], max_bytes=20).fit(X, y)
    with pytest.raises(ValueError, match="chosen on rows that no teacher has seen, which takes 3 folds"):
        classifier(["tree", "linear"], max_bytes=200, cv=2).fit(X, y)


# ---------------------------------------------------------------- any of them, to ship


def test_with_student_is_the_same_fit_with_another_student(fitted, tmp_path):
    answers = fitted.predict_proba(X)
    tiny = fitted.with_student("tiny")
    assert tiny.student_name_ == "tiny"
    assert tiny.student_ is fitted.students_["tiny"]
    assert tiny.oracle_ is fitted.oracle_
    assert tiny.to_model().nbytes == tiny.predictor().model.nbytes < 40
    assert "Decision tree of 2 leaves" in tiny.rules()
    assert "2 leaves" in tiny.with_student("treestudent").with_student("tiny").rules()
    export(tiny, tmp_path / "tiny.py")
    assert not hasattr(tiny, "decision_function")
    assert fitted.with_student("linear").decision_function(X).shape == (len(X),)
    tiny.set_params(tiny__max_leaves=4, cv=5)
    assert (fitted.get_params()["tiny__max_leaves"], fitted.cv) == (2, 3)
    np.testing.assert_array_equal(fitted.predict_proba(X), answers)
    with pytest.raises(ValueError, match=r"There is no student 'huge'. Fitted were 'treestudent', 'linear', 'tiny'"):
        fitted.with_student("huge")


def test_the_students_are_read_only(fitted):
    with pytest.raises(TypeError, match="does not support item assignment"):
        fitted.students_["tiny"] = None


def test_report_has_a_line_for_each(fitted):
    report = fitted.report(X[1::2], y[1::2])
    lines = {row["name"]: row for row in report.rows}
    students = [f"distilled student {name}" for name in fitted.students_]
    assert set(students) < set(lines)
    assert [row["role"] for row in report.rows] == ["committee", "hard", "student", "sibling", "sibling"]
    own = fitted.with_student("tiny").report(X[1::2], y[1::2])
    (line,) = [row for row in own.rows if row["role"] == "student"]
    for key in ("name", "accuracy", "log_loss", "agreement", "nbytes"):
        assert line[key] == lines["distilled student tiny"][key]
    points = FrontierDisplay.from_report(report).plot().frame()
    assert points.loc[points["role"] == "sibling", "passes"].isna().all()
    assert "distilled student tiny" in report.to_html()


@pytest.mark.parametrize("keep_teachers", [False, True])
def test_all_of_them_are_pickled_and_can_be_fitted_again(fitted, keep_teachers):
    clf = fitted if not keep_teachers else classifier(keep_teachers=True).fit(X[::2], y[::2])
    loaded = pickle.loads(pickle.dumps(clf))
    assert hasattr(loaded, "teachers_") is keep_teachers
    assert loaded.student_ is loaded.students_[loaded.student_name_]
    for twin in (loaded, pickle.loads(pickle.dumps(clf.with_student("tiny"))), deepcopy(clf)):
        for name in clf.students_:
            expected = clf.with_student(name).predict_proba(X)
            np.testing.assert_array_equal(twin.with_student(name).predict_proba(X), expected)
    again = clone(loaded.with_student("tiny")).fit(X[::2], y[::2])
    assert again.student_name_ == clf.student_name_


# ---------------------------------------------------------------- streamed rows


def test_all_of_them_stream(tmp_path):
    X[::2].assign(target=y[::2]).to_parquet(tmp_path / "rows.parquet")
    source = scan(tmp_path / "rows.parquet", target="target")
    expected = classifier(blend=0.3).fit(X[::2], y[::2])
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        for rows in (source, scan(tmp_path / "rows.parquet", target="target", client=client)):
            clf = classifier(blend=0.3).fit(rows)
            for name in clf.students_:
                answers = clf.with_student(name).predict_proba(X)
                np.testing.assert_allclose(answers, expected.with_student(name).predict_proba(X), rtol=1e-3, atol=1e-5)
    clf.with_student("tiny").predict_to(source, tmp_path / "answers.parquet")
    with pytest.raises(TypeError, match=r"BoostedStudent.* does not stream"):
        classifier(["tree", "boosted"]).fit(source)


# ---------------------------------------------------------------- parameters


def test_nested_names_reach_students_of_a_list():
    clf = classifier([("tiny", clone(TINY)), "linear"])
    assert clf.get_params()["tiny__max_leaves"] == 2
    clf.set_params(tiny__max_leaves=3)
    assert clone(clf).student[0][1].max_leaves == 3
    assert clf.set_params(tiny=LinearStudent()).student[0][1].alpha == 0.1
    both = classifier().set_params(student=[("line", LinearStudent())], line__alpha=2.0)
    assert both.student[0][1].alpha == 2.0
    search = GridSearchCV(classifier([("tiny", clone(TINY)), THREE[0]]), {"tiny__max_leaves": [2, 4]}, cv=2).fit(X, y)
    assert search.best_params_["tiny__max_leaves"] in (2, 4)
    with pytest.raises(ValueError, match=r"Cannot set 'student__max_leaves': there are several students. Pass"):
        clf.set_params(student__max_leaves=4)
    with pytest.raises(ValueError, match=r"Cannot set 'mini__max_leaves'.*mini='tree' is a name"):
        classifier([("mini", "tree")]).set_params(mini__max_leaves=4)


@pytest.mark.parametrize(
    ("student", "error", "message"),
    [
        ([], ValueError, "The 'student' parameter is empty. Pass a name or an instance"),
        (["tree", "huge"], ValueError, "Student 'huge' of several: Unknown student 'huge'"),
        (["tree", TreeStudent], TypeError, "Student '.*' of several: .* Got <class"),
        (["tree", "auto"], ValueError, "Student 'auto' of several: student='auto' .* pass max_bytes"),
        ([("a", TINY), ("a", TINY)], ValueError, "Names of .*students.* must be unique. Got 'a' more than once"),
        ([("a__b", TINY), "tree"], ValueError, "The name of each student must not contain"),
        ([("cv", TINY), "tree"], ValueError, "student or assistant must not be called like a parameter .* Got 'cv'"),
        ([("logistic", TINY), "linear"], None, None),
    ],
)
def test_what_cannot_be_several_students_is_refused(student, error, message):
    clf = classifier(student, blend=0.3)
    if error is None:
        assert "logistic" in clf.fit(X, y).students_
        return
    with pytest.raises(error, match=message):
        clf.fit(X, y)


def test_an_assistant_and_a_student_cannot_share_a_name():
    with pytest.raises(ValueError, match=r"Names of teachers, students and assistants must be unique. Got 'a'"):
        classifier([("a", TINY), "tree"], assistants=[("a", TINY)]).fit(X, y)


def test_sparse_rows_and_scores_need_students_that_all_know_them():
    assert classifier(["linear", LinearStudent()]).__sklearn_tags__().input_tags.sparse
    assert not classifier(["linear", "tree"]).__sklearn_tags__().input_tags.sparse
    assert hasattr(classifier(["linear", "additive"]), "decision_function")
    assert not hasattr(classifier(["linear", "tree"]), "decision_function")
    rows = sparse.csr_matrix(X.to_numpy()[::4] / X.to_numpy().max(axis=0))
    assert len(classifier(["linear", LinearStudent(alpha=5.0)], blend=0.3).fit(rows, y[::4]).students_) == 2
    with pytest.raises(ValueError, match=r"Student 'tree' of several: .* does not take sparse X"):
        classifier(["linear", "tree"]).fit(rows, y[::4])


def test_a_notebook_shows_what_was_given_and_what_answers(fitted):
    given = classifier()._repr_html_()
    assert "max_leaves=8" in given
    assert "max_leaves=2" in given
    assert "bytes packed" in fitted._repr_html_()
