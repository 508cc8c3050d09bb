"""Assistants between committee and student: what they learn from, what they have seen, and what is said of them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skdistill import BoostedStudent, DistilledClassifier, DistilledRegressor, TreeStudent, _fitting, scan
from skdistill._selection import choose
from skdistill._stages import folds_within, told_stages
from skdistill._transfer import Recipe

TREE = TreeStudent(max_leaves=4, repair=None)
X, y = load_breast_cancer(return_X_y=True, as_frame=True)


def classifier(**params):
    settings = {"student": TREE, "assistants": "boosted", "cv": 3, "blend": 0.3, "random_state": 0, **params}
    return DistilledClassifier(["logistic"], **settings)


def noise(n=150, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.integers(2, size=n)


# ---------------------------------------------------------------- what assistants have seen


def test_an_assistant_that_knows_its_rows_by_heart_labels_real_rows_without_having_seen_them():
    rows, labels = noise()
    nearest = KNeighborsRegressor(1)
    clf = DistilledClassifier(["logistic"], TREE, assistants=nearest, cv=3, blend=0.9, random_state=0)
    clf.fit(rows, labels)
    (assistant,) = clf.assistants_.values()
    own = np.arange(len(labels)), labels
    assert assistant(rows)[own].min() > 0.5  # the one that learned from all rows gives their labels away ...
    assert assistant.labels[own].mean() < 0.6  # ... what the student learns does not


def test_labels_of_judged_rows_reach_no_stage_that_a_judged_student_learns_from(monkeypatch):
    """All labels of the judged rows turned round: what every judged student learns stays the same to the bit."""
    rows, labels = noise(90)
    folds = list(KFold(3).split(rows))
    turned = np.where(np.isin(np.arange(90), folds[-1][1]), 1 - labels, labels)
    learnt = []

    def spy(choices, judge):
        course = judge.grounds[0].lesson
        learnt.append([course.transfer_set(recipe) for recipe in choices.soft(choices.families[0][0])])
        return choose(choices, judge)

    monkeypatch.setattr(_fitting, "choose", spy)
    for each in (labels, turned):
        clf = DistilledClassifier(
            [("extra", ExtraTreesClassifier(5))],
            TREE,
            assistants=["boosted", KNeighborsRegressor(1)],
            cv=folds,
            augmentation="auto",
            random_state=0,
        )
        clf.fit(rows, each, X_unlabeled=rows[::2])
    assert len(learnt[0]) > 6
    for part, same in zip(*learnt, strict=True):
        np.testing.assert_array_equal(part.Z, same.Z)
        np.testing.assert_array_equal(part.Q, same.Q)
    assert any(not np.array_equal(learnt[0][0].Q, other.Q) for other in learnt[0][1:])


def test_folds_of_a_part_of_the_rows():
    folds = [(np.array([2, 3]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3]))]
    inner = folds_within(folds, np.array([0, 2, 3]), 4)
    assert [(a.tolist(), b.tolist()) for a, b in inner] == [([1, 2], [0]), ([0], [1, 2])]
    assert folds_within(folds, None, 4) == tuple(folds)


# ---------------------------------------------------------------- the chain


def test_unlabelled_and_drawn_rows_pass_through_the_assistants():
    # An assistant of two answers, and a student that mostly learns from such rows: it follows whoever labelled them.
    few, many = TreeStudent(max_leaves=2), TreeStudent(max_leaves=16)
    clf = classifier(blend=0.0, assistants=few, student=many).fit(X[:60], y[:60], X_unlabeled=X[100:])
    direct = classifier(blend=0.0, student=many, assistants=None)
    direct.fit(X[:60], y[:60], X_unlabeled=X[100:])
    assistant = clf.assistants_["treestudent"]

    def distance(one, labels):
        return np.abs(one.predict_proba(X[100:]) - labels).mean()

    assert distance(clf, assistant(X[100:])) < 0.5 * distance(direct, assistant(X[100:]))
    drawn = classifier(augmentation="munge").fit(X[:100], y[:100])
    assert any("labelled by the last assistant" in note for note in drawn.notes_)


def test_several_assistants_teach_one_another():
    clf = classifier(assistants=["boosted", ("additive one", TREE)]).fit(X, y)
    assert list(clf.assistants_) == ["boosted", "additive one"]
    assert [row["stage"] for row in clf.stages_] == ["committee", "boosted", "additive one"]
    alone = classifier(assistants=TREE).fit(X, y)
    last, other = clf.assistants_["additive one"], alone.assistants_["treestudent"]
    assert not np.array_equal(last(X), other(X))
    assert clf.fit_seconds_["assistants"] > 0


def test_the_committee_is_fitted_once():
    clf, without = classifier(), classifier(assistants=None)
    for each in (clf, without):
        each.fit(X, y)
    np.testing.assert_array_equal(clf.oracle_(X), without.oracle_(X))
    assert clf.stages_[0]["fidelity"] == 1.0


def test_report_has_a_line_for_each_stage_and_a_loaded_one_is_without():
    clf = classifier().fit(X[::2], y[::2])
    report = clf.report(X[1::2], y[1::2])
    (line,) = [row for row in report.rows if row["role"] == "assistant"]
    assert line["name"] == "assistant boosted"
    assert 0.8 < line["agreement"] <= 1
    assert line["kl"] > 0
    assert any(note.startswith("stages: the student learned through the assistants") for note in report.notes)
    loaded = pickle.loads(pickle.dumps(clf))
    assert not hasattr(loaded, "assistants_")
    assert loaded.stages_ == clf.stages_
    assert pickle.loads(pickle.dumps(classifier(keep_teachers=True).fit(X, y))).assistants_["boosted"](X).shape[1] == 2


def test_learning_from_the_committee_itself_is_judged_too():
    clf = classifier(blend="auto").fit(X, y)
    ways = {(row["labels"], row["assisted"]) for row in clf.selection_}
    assert ways == {("hard", False), ("soft", True), ("soft", False)}


def test_an_assistant_that_does_harm_is_passed_by():
    poor = TreeStudent(max_leaves=2, repair=None)
    diabetes, values = load_diabetes(return_X_y=True)
    reg = DistilledRegressor("ridge", "linear", assistants=poor, random_state=0).fit(diabetes, values)
    assert not reg.recipe_.assisted
    assert not any("through the assistants" in note for note in reg.notes_)
    assert [row["nbytes"] is None for row in reg.stages_] == [True, False]


def test_streamed_rows_are_labelled_by_the_assistant(tmp_path):
    X.assign(target=y).to_parquet(tmp_path / "rows.parquet")
    clf = classifier(blend=0.0).fit(scan(tmp_path / "rows.parquet", target="target"))
    assert clf.recipe_.assisted
    assert clf.score(X, y) > 0.85


# ---------------------------------------------------------------- parameters


def test_nested_names_reach_assistants():
    clf = classifier(assistants=[("big", BoostedStudent()), "linear"])
    clf.set_params(big__n_trees=3)
    assert clf.get_params()["big__n_trees"] == 3
    assert clone(clf).get_params()["big__n_trees"] == 3
    clf.set_params(big=BoostedStudent(n_trees=5))
    assert clf.assistants[0][1].n_trees == 5
    single = classifier(assistants=BoostedStudent()).set_params(assistants__n_trees=4)
    assert single.assistants.n_trees == 4


@pytest.mark.parametrize(
    ("assistants", "message"),
    [
        (LinearSVC(), "Assistant 'linearsvc' cannot learn from soft labels and give some: LinearSVC .* predict_proba"),
        (StandardScaler(), "Assistant 'standardscaler' .* neither a classifier nor a regressor"),
        ("huge", "Assistant 'huge' .*Unknown student 'huge'"),
        ("auto", "An assistant is not chosen: 'auto' is for 'student'"),
        ([], "The 'assistants' parameter is empty. Pass None"),
        ([("a", TREE), ("a", TREE)], "Names of .* must be unique. Got 'a' more than once"),
        ([("a__b", TREE)], "The name of each assistant must not contain"),
        ([("student", TREE)], "must not be called like a parameter"),
    ],
)
def test_what_cannot_be_an_assistant_is_refused(assistants, message):
    with pytest.raises(ValueError, match=message):
        classifier(assistants=assistants).fit(X, y)


def test_a_class_is_no_assistant_and_sparse_rows_need_one_that_takes_them():
    with pytest.raises(TypeError, match=r"Assistant .* Got <class"):
        classifier(assistants=BoostedStudent).fit(X, y)
    with pytest.raises(ValueError, match=r"Assistant 'boosted' .* does not take sparse X"):
        classifier(student="linear").fit(sparse.csr_matrix(X.to_numpy()), y)


def test_a_student_of_the_true_labels_is_not_said_to_have_passed_assistants():
    rows = [{"stage": "committee", "loss": 0.5}, {"stage": "boosted", "loss": 0.6, "fidelity": 0.9}]
    assert told_stages(rows, Recipe(TreeStudent(), hard=True)) == (
        "stages: the student learned from the true labels alone, from no stage; loss out of fold on the true labels: "
        "committee 0.5, boosted 0.6 (fidelity to the committee 0.9)."
    )
