"""Rounds: teachers that learn from the committee's labels, and what of a row's own label may reach them."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, RepeatedKFold, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdistill import (
    AdditiveStudent,
    CallableTeacher,
    DistilledClassifier,
    DistilledRegressor,
    TreeStudent,
    _fitting,
    scan,
)
from skdistill._rounds import Rounds, _Round

STUDENT = TreeStudent(max_leaves=4, repair=None)
GROWN = DecisionTreeRegressor(random_state=0)
X, y = load_diabetes(return_X_y=True)


def regressor(teachers=GROWN, student=STUDENT, **params):
    return DistilledRegressor(teachers, student, **{"cv": 4, "rounds": 1, "random_state": 0, "blend": 0.5, **params})


def classifier(teachers=None, student=STUDENT, **params):
    teachers = [("tree", DecisionTreeClassifier(random_state=0))] if teachers is None else teachers
    return DistilledClassifier(teachers, student, **{"cv": 4, "rounds": 1, "random_state": 0, "blend": 0.3, **params})


def seen(estimator, X, y, monkeypatch):
    """What the rounds of a fit began with: what they share, and the labels before."""
    found = []

    class Spy(Rounds):
        def __call__(self, soft, rounds):
            found.append((self, soft))
            return super().__call__(soft, rounds)

    monkeypatch.setattr(_fitting, "Rounds", Spy)
    estimator.fit(X, y)
    rounds, soft = found[0]
    return replace(rounds, step=None), soft


def all_fitted(rounds, soft):
    """The labels where every teacher is reborn and the student joins, by name."""
    *_, (_, labels) = _Round(rounds, soft)._candidates(soft)
    return dict(zip(labels.committee, labels.labels, strict=True))


def naive(rounds, soft, folds):
    """Labels as they would be if reborn teachers learned the labels out of fold as they are."""
    rows = np.arange(len(soft.covered))
    targets, _ = _Round.__dict__["_lesson"](_Bare(rounds), soft, rows)
    X, labels = rounds.data.X, np.zeros_like(targets)
    for train, test in folds:
        fitted = clone(rounds.members[0].estimator).fit(X[train], targets[train].ravel())
        labels[test] = fitted.predict(X[test]).reshape(len(test), -1)
    return labels


class _Bare(_Round):
    def __init__(self, rounds):
        self.rounds = rounds


# ---------------------------------------------------------------- what a label out of fold has heard of


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_labels_of_a_fold_reach_no_teacher_that_labels_it_again(task, monkeypatch):
    """All labels of a fold turned round: what its rows are labelled with after the round stays the same to the bit."""
    rng = np.random.default_rng(0)
    rows, truth = rng.normal(size=(80, 3)), rng.integers(2, size=80)
    folds = list(KFold(4).split(rows))
    for held in (folds[0][1], folds[2][1]):
        after = []
        for labels in (truth, np.where(np.isin(np.arange(80), held), 1 - truth, truth)):
            if task == "classification":
                estimator = classifier([("tree", DecisionTreeClassifier(random_state=0)), ("svc", SVC())], cv=folds)
            else:
                estimator = regressor(["ridge", ("grown", GROWN)], cv=folds)
            rounds, soft = seen(estimator, rows, labels, monkeypatch)
            relabelled = all_fitted(rounds, soft)
            relabelled.pop("svc", None)  # whose scores are calibrated on all rows, as ever
            assert "student" in relabelled
            after.append(np.hstack(list(relabelled.values())))
            assert not np.array_equal(after[-1][:, :1], soft.labels[0][:, :1])
        np.testing.assert_array_equal(after[0][held], after[1][held])
        assert not np.array_equal(after[0], after[1])


def test_noise_stays_noise_though_teachers_know_their_rows_by_heart(monkeypatch):
    """Nothing can be known here: labels that go along with the truth have heard of it."""
    honest, leaky, grown = [], [], TreeStudent(max_leaves=200, min_samples_leaf=1, shrinkage=0.0)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        rows, truth = rng.normal(size=(300, 2)), rng.normal(size=300)
        folds = list(KFold(5).split(rows))
        rounds, soft = seen(regressor(KNeighborsRegressor(1), grown, cv=folds, blend=0.2), rows, truth, monkeypatch)
        labels = all_fitted(rounds, soft)
        honest.append([np.corrcoef(each.ravel(), truth)[0, 1] for each in labels.values()])
        leaky.append(np.corrcoef(naive(rounds, soft, folds).ravel(), truth)[0, 1])
    assert np.abs(np.mean(honest, axis=0)).max() < 3 / np.sqrt(4 * 300)
    assert np.mean(leaky) > 0.2  # the trap is there


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_of_noise_does_not_fall_below_its_entropy(seed):
    rng = np.random.default_rng(seed)
    rows, truth = rng.normal(size=(300, 3)), rng.integers(2, size=300)
    clf = classifier(cv=5, rounds=2).fit(rows, truth)
    for row in clf.rounds_:
        # The committee's temperature and biases are fitted on these rows: three numbers.
        assert min(row["loss"], row["loss_before"]) > np.log(2) - 3 / 300


# ---------------------------------------------------------------- taken where it helps, and only there


def test_a_round_that_helps_is_taken_and_teaches():
    plain, reborn = regressor(rounds=0, cv=5).fit(X[::2], y[::2]), regressor(cv=5).fit(X[::2], y[::2])
    (row,) = reborn.rounds_
    assert row["taken"]
    assert row["loss"] < row["loss_before"]
    assert row["se"] > 0
    assert row["fitted"] == ["decisiontreeregressor", "student"]
    errors = [np.mean((clf.oracle_(X[1::2]).ravel() - y[1::2]) ** 2) for clf in (plain, reborn)]
    assert errors[1] < errors[0]
    assert not hasattr(plain, "rounds_")
    assert reborn.fit_seconds_["rounds"] > 0
    (note,) = [note for note in reborn.notes_ if note.startswith("rounds")]
    assert note.startswith("rounds: the squared error in units of the target's variance of the committee's labels out")
    assert note.endswith("with decisiontreeregressor and student fitted on them, taken.")


def test_a_student_that_knows_what_no_teacher_does_joins_them():
    half = slice(None, None, 2)
    table, kept = AdditiveStudent(pairs=0), DecisionTreeRegressor(max_depth=3, random_state=0)
    plain, joined = (
        regressor(kept, table, rounds=rounds, cv=5, blend=0.9, keep_teachers=True).fit(X[half], y[half])
        for rounds in (0, 1)
    )
    assert joined.rounds_[0]["taken"]
    assert list(joined.teachers_)[-1] == "student"
    assert joined.teacher_weights_["student"] > 0.2
    errors = [np.mean((each.oracle_(X[1::2]).ravel() - y[1::2]) ** 2) for each in (plain, joined)]
    assert errors[1] < 0.97 * errors[0]
    loaded = pickle.loads(pickle.dumps(joined))
    np.testing.assert_array_equal(loaded.oracle_(X), joined.oracle_(X))
    assert joined.report(X[1::2], y[1::2]).frame() is not None


def test_whom_the_next_round_learns_from():
    """The student that joined in the first round is fitted anew in the second, on labels that are partly its own."""
    reg = regressor(DecisionTreeRegressor(max_depth=3, random_state=0), AdditiveStudent(pairs=0), rounds=2, cv=5)
    reg.set_params(blend=0.9).fit(X[:200], y[:200])
    assert reg.rounds_[0]["taken"]
    assert list(reg.teachers_).count("student") == 1


def test_weights_given_by_hand_have_none_for_a_student():
    reg = regressor([("one", GROWN), ("two", GROWN)], weighting=[0.5, 0.5]).fit(X[:100], y[:100])
    assert reg.rounds_[0]["fitted"] == ["one", "two"]
    assert list(reg.teachers_) == ["one", "two"]


def test_a_round_that_does_not_help_leaves_no_trace():
    rows = np.linspace(0, 6, 90).reshape(-1, 1)
    values, nearest = np.sin(rows).ravel(), KNeighborsRegressor(9)  # no noise: means of means only lose
    plain = regressor(nearest, rounds=0, cv=5).fit(rows, values)
    found = regressor(nearest, rounds=2, cv=5, blend=0.0).fit(rows, values)
    assert [row["taken"] for row in found.rounds_] == [False]
    np.testing.assert_array_equal(found.oracle_(rows), plain.oracle_(rows))
    assert found.notes_[0].endswith("not taken.")


def test_rounds_end_where_none_helps_and_each_begins_where_the_last_ended():
    found = regressor(rounds=3, cv=5, blend=0.5).fit(X[:150], y[:150])
    losses = [(row["loss_before"], row["loss"]) for row in found.rounds_]
    for (before, after), (then, _), row in zip(losses, losses[1:], found.rounds_, strict=False):
        assert then == (after if row["taken"] else before)
    assert [row["round"] for row in found.rounds_] == list(range(1, len(found.rounds_) + 1))


def test_teachers_that_cannot_learn_soft_labels_stay_as_they_are():
    iris, species = load_iris(return_X_y=True)
    frozen = FrozenEstimator(LogisticRegression(max_iter=1000).fit(iris[::3], species[::3]))
    teachers = [
        ("svc", SVC()),
        ("tree", DecisionTreeClassifier(min_samples_leaf=3, random_state=0)),
        ("frozen", frozen),
    ]
    clf = classifier(teachers).fit(iris, species)
    assert set(clf.rounds_[0]["fitted"]) <= {"tree", "student"}
    assert [name for name in clf.teachers_ if name != "student"] == ["svc", "tree", "frozen"]
    assert clf.score(iris, species) > 0.9


def test_judged_students_learn_from_reborn_teachers_too():
    clf = regressor(student=[STUDENT, "linear"], blend="auto", cv=4).fit(X, y)
    plain = regressor(student=[STUDENT, "linear"], blend="auto", cv=4, rounds=0).fit(X, y)
    assert len(clf.selection_) == len(plain.selection_)
    soft = [{row["blend"]: row["loss"] for row in each.selection_ if row["labels"] == "soft"} for each in (clf, plain)]
    assert soft[0] != soft[1]
    hard = [[row["loss"] for row in each.selection_ if row["labels"] == "hard"] for each in (clf, plain)]
    if clf.student_name_ == plain.student_name_:
        assert hard[0] == hard[1]


# ---------------------------------------------------------------- what it costs, and what it goes along with


class Counted(DecisionTreeRegressor):
    fits = 0

    def fit(self, X, y, sample_weight=None):
        Counted.fits += 1
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("settings", "fits"),
    [
        ({"rounds": 0}, 1 + 4),
        ({"rounds": 1}, (1 + 4 + 6) + (1 + 4)),
        ({"rounds": 1, "blend": "auto"}, (1 + 4 + 6 + 4) + (1 + 4 + 6)),
    ],
)
def test_fits_are_shared_by_all_that_leave_out_the_same_folds(settings, fits):
    Counted.fits = 0
    clf = regressor(Counted(max_depth=3), **settings).fit(X[:80], y[:80])
    assert Counted.fits == fits
    assert ("rounds" in clf.fit_seconds_) == bool(settings["rounds"])


def test_same_answers_for_any_n_jobs_and_from_a_pickle():
    one, two = (regressor(ExtraTreesRegressor(3), n_jobs=n).fit(X[:60], y[:60]) for n in (1, 2))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    assert one.rounds_ == two.rounds_
    loaded = pickle.loads(pickle.dumps(one))
    assert loaded.rounds_ == one.rounds_
    assert not hasattr(loaded, "teachers_")


def test_weights_classes_targets_counts_assistants_and_scans():
    iris, names = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["a", "b", "c"])[names]
    clf = classifier(["logistic"], class_weight="balanced", assistants=STUDENT)
    clf.fit(iris, names, sample_weight=np.arange(150) % 3)
    assert clf.score(iris, names) > 0.9
    rare = classifier(["logistic"]).fit(
        iris[:104], names[:104]
    )  # teachers without three folds see little of the last class
    assert rare.predict_proba(iris).shape == (150, 3)
    assert len(classifier(["logistic"]).fit(scan(iris.to_numpy(), target=names)).rounds_) == 1
    both = regressor(cv=4).fit(X[:100], np.column_stack([y, -y])[:100])
    assert both.predict(X).shape == (len(X), 2)
    counts = regressor(["poisson", "lightgbm"], loss="poisson").fit(X[:80], y[:80].round())
    assert "Poisson deviance of the committee's labels out of fold" in " ".join(counts.notes_)


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize("rounds", [-1, 1.5, "two", None])
def test_rounds_must_be_a_whole_number(rounds):
    with pytest.raises(ValueError, match="The 'rounds' parameter of DistilledRegressor must be an int in the range"):
        regressor(rounds=rounds).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cv": 2}, r"rounds=1 takes 3 folds of 'cv' at least, and each row in one .* Got 2 folds. Pass cv=5"),
        ({"cv": 3, "blend": "auto"}, r"rounds=1 takes 4 folds of 'cv' at least, one of them to judge on"),
        ({"cv": 4, "rounds": 4}, r"rounds=4 takes 6 folds .* Pass cv=6, or fewer rounds"),
        ({"cv": TimeSeriesSplit(5)}, r"Got splits that are no partition"),
        ({"cv": RepeatedKFold(n_splits=4, n_repeats=2)}, r"Got splits that are no partition"),
    ],
)
def test_folds_that_give_no_honest_labels_are_refused_before_any_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        regressor(DecisionTreeRegressor(criterion="none such"), **settings).fit(X, y)


def test_a_committee_that_learns_no_soft_labels_is_refused_before_any_fit():
    iris, species = load_iris(return_X_y=True)
    black_box = CallableTeacher(lambda rows: np.full((len(rows), 3), 1 / 3), classes=[0, 1, 2])
    teachers = [("svc", LinearSVC()), ("box", black_box)]
    message = r"none of these can learn from. 'svc': it gives scores, no probabilities; 'box': it is only asked, never"
    with pytest.raises(ValueError, match=message):
        classifier(teachers, weighting=[0.5, 0.5]).fit(iris, species)
    assert classifier(teachers[:1]).fit(iris, species).rounds_[0]["fitted"] == ["student"]


@pytest.mark.parametrize("loss", ["pinball", "huber"])
def test_what_is_no_loss_of_means_is_refused_before_any_fit(loss):
    with pytest.raises(
        ValueError, match=f"refits teachers on means .*, of which loss='{loss}' is no loss. Pass rounds=0"
    ):
        regressor(DecisionTreeRegressor(criterion="none such"), loss=loss).fit(X, y)


class OfHardLabels(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        if sample_weight is not None:
            raise TypeError("no weights today")
        return super().fit(X, y)


def test_a_teacher_that_fails_on_soft_labels_is_named():
    iris, species = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=r"Teacher 'picky' failed to fit on soft labels: TypeError: no weights today"):
        classifier([("picky", OfHardLabels(solver="liblinear"))]).fit(iris[:100], species[:100])
