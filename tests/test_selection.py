"""Honest selection: what is chosen, on what evidence, and that the evidence does not flatter."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, TimeSeriesSplit
from sklearn.svm import SVC

from skdistill import DistilledClassifier, DistilledRegressor, LinearStudent, TreeStudent, _fitting
from skdistill._selection import JUDGED_ROWS, Choices, Verdict, choose, judged_folds
from skdistill._shipped import Shipped, Workshop
from skdistill._sizing import that_fit
from skdistill._transfer import Recipe
from skdistill.augmentation import Munge
from skdistill.teachers import cross_fit, make_folds, resolve_members

TEACHERS = ["logistic", "lightgbm"]
SMALL, LARGE = (TreeStudent(max_leaves=n, repair=None) for n in (8, 64))


def noisy(n, seed, signal=1.0):
    """Six features of which one tells, under label noise that a memorising teacher takes for truth."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    # Classes of equal size: stratified folds would know a chance imbalance, which fresh rows do not have.
    score = signal * np.sign(X[:, 0]) + rng.logistic(size=n)
    return X, (score > np.median(score)).astype(int)


def memoriser():
    """Knows every row that it has seen by heart."""
    return [("extra", ExtraTreesClassifier(15, random_state=0))]


# ---------------------------------------------------------------- teachers that have not seen the judged rows


@pytest.mark.parametrize("cv", [4, TimeSeriesSplit(4)])
def test_no_teacher_of_a_trial_has_seen_the_judged_rows(cv):
    # A teacher that knows its rows by heart gives them away: it is certain of nothing but these.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 5)), rng.integers(2, size=120)
    folds = make_folds(cv, X, y, "classification", seed=0)
    members = resolve_members([("tree", ExtraTreesClassifier(20, random_state=0))], "classification", 120, 2)
    soft = cross_fit(members, X, y, folds, classes=np.arange(2), n_outputs=2, judged=range(4))
    for trial, (train, test) in zip(soft.trials, folds, strict=True):
        np.testing.assert_array_equal(trial.rows, train)
        np.testing.assert_array_equal(trial.held, test)
        assert not np.isin(np.flatnonzero(trial.soft.covered), test).any()
        right = trial.soft.committee.labels(X)[0][np.arange(120), y]
        assert right[train].min() == 1.0
        assert right[test].mean() < 0.7
        labels = trial.soft.labels[0]
        assert not labels[~trial.soft.covered].any()
        if trial.soft.covered.any():
            of_own = labels[np.arange(120), y][trial.soft.covered]
            assert of_own.mean() < 0.7  # out of fold within the trial too


def test_labels_of_a_trial_are_those_of_cross_fitting_without_the_judged_rows():
    X, y = load_iris(return_X_y=True)
    members = resolve_members(["logistic"], "classification", 150, 3)
    folds = make_folds(3, X, y, "classification", seed=0)
    trial = cross_fit(members, X, y, folds, classes=np.arange(3), n_outputs=3, judged=[2]).trials[0]
    rows = trial.rows
    inner = [(np.searchsorted(rows, folds[j][1]), np.searchsorted(rows, folds[i][1])) for i, j in ((0, 1), (1, 0))]
    again = cross_fit(members, X[rows], y[rows], inner, classes=np.arange(3), n_outputs=3)
    np.testing.assert_allclose(trial.soft.labels[0][rows], again.labels[0], atol=1e-12)


def test_folds_are_judged_until_they_hold_enough_rows():
    def folds_of(*sizes):
        parts = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
        return [(np.concatenate([other for other in parts if other is not part]), part) for part in parts]

    assert judged_folds(folds_of(*[1500] * 5)) == [4, 3, 2]
    assert judged_folds(folds_of(*[JUDGED_ROWS] * 3)) == [2]
    assert judged_folds(folds_of(*[10] * 4)) == [3, 2, 1, 0]
    assert judged_folds(folds_of(10, 10)) == []
    one = np.arange(20), np.arange(20, 30)  # the same rows held out thrice: nobody labels what a student learns from
    assert judged_folds([one] * 3) == []


@pytest.mark.parametrize("teachers", [None, [("svc", SVC()), ("forest", ExtraTreesClassifier(5))]])
def test_labels_of_judged_rows_reach_nothing_that_a_judged_student_learns_from(teachers, monkeypatch):
    """Neither teachers nor calibrators, weights or samplers: all labels of the judged rows turned round, to the bit."""
    X, y = noisy(90, 0)
    folds = [(train, test) for train, test in KFold(3).split(X)]
    turned = np.where(np.isin(np.arange(90), folds[-1][1]), 1 - y, y)
    learnt = []

    def spy(choices, judge):
        recipes = [
            Recipe(choices.families[0][0], blend, sampler) for blend in (0.0, 0.3) for sampler in choices.samplers
        ]
        learnt.append([judge.grounds[0].lesson.transfer_set(recipe) for recipe in recipes])
        return choose(choices, judge)

    monkeypatch.setattr(_fitting, "choose", spy)
    for labels in (y, turned):
        clf = DistilledClassifier(teachers, SMALL, cv=folds, augmentation="auto", weighting="greedy", random_state=0)
        clf.fit(X, labels, X_unlabeled=X[::2])
    for rows, same in zip(*learnt, strict=True):
        np.testing.assert_array_equal(rows.Z, same.Z)
        np.testing.assert_array_equal(rows.Q, same.Q)


# ---------------------------------------------------------------- the evidence does not flatter


@pytest.mark.parametrize("signal", [1.0, 0.0])
def test_optimism_is_below_a_standard_error(signal):
    """With teachers that memorise, rows drawn near theirs and a tree with room for both: what leaks, leaks here."""
    optimism, advantage, se = [], [], []
    fresh, truth = noisy(8_000, 99, signal)
    for seed in range(5):
        X, y = noisy(400, seed, signal)
        clf = DistilledClassifier(memoriser(), LARGE, augmentation="auto", random_state=seed).fit(X, y)
        best = clf.selection_[0]
        hard = next(row for row in clf.selection_ if row["labels"] == "hard")
        optimism.append(np.mean(clf.predict(fresh) != truth) - best["error"])
        advantage.append(hard["error"] - best["error"])
        se.append(np.sqrt(best["error"] * (1 - best["error"]) / len(y)))
    assert np.mean(optimism) < np.mean(se)
    if signal == 0.0:  # noise only: nobody makes fewer errors than the student on hard labels
        assert np.mean(advantage) < np.mean(se)


def test_judging_on_rows_that_teachers_saw_would_flatter():
    """The test above can fail: the same student judged against a committee that has seen the rows."""
    optimism = []
    fresh, truth = noisy(8_000, 99)
    for seed in range(3):
        X, y = noisy(400, seed)
        clf = DistilledClassifier(
            memoriser(),
            TreeStudent(max_leaves=64, repair=None),
            blend=0.0,
            augmentation=Munge(factor=10),
            random_state=seed,
        ).fit(X, y)
        optimism.append(np.mean(clf.predict(fresh) != truth) - np.mean(clf.predict(X) != y))
    assert np.mean(optimism) > 0.05


def test_hard_labels_win_where_the_committee_is_worse():
    X, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(0)
    deluded = FrozenEstimator(LogisticRegression(max_iter=5000).fit(X, rng.permutation(y)))
    clf = DistilledClassifier([("deluded", deluded)], LinearStudent(), blend="auto", random_state=0).fit(X, y)
    assert clf.selection_[0]["labels"] == "hard"
    assert clf.student_ is clf.hard_student_
    assert any("hard labels only" in note for note in clf.notes_)


def test_nothing_is_chosen_that_errs_more_than_the_best_student_on_hard_labels():
    """Of two students the first has the lowest loss, on soft labels, and errs on rows where the other does not."""
    careless, careful = TreeStudent(max_leaves=2), TreeStudent(max_leaves=4)
    figures = {(careless, True): (0.6, 0.5), (careless, False): (0.4, 0.5), (careful, True): (0.5, 0.1)}

    def judge(recipe, sketched=False):
        loss, errs = figures.get((recipe.student, recipe.hard), (0.9, 0.1))
        return Verdict(recipe, np.full(200, loss), (np.arange(200) < 200 * errs) * 1.0, np.ones(200), None)

    chosen, *_ = choose(Choices(((careless, careful),), (0.3,), (None,), None), judge)
    assert chosen.recipe.student is careful
    assert chosen.recipe.hard


def test_unlabelled_rows_are_judged_even_where_the_targets_are_the_true_labels():
    X, y = noisy(120, 0)
    clf = DistilledClassifier("logistic", "tree", max_bytes=200, blend=1.0, cv=3, random_state=0)
    clf.fit(X, y, X_unlabeled=noisy(400, 1)[0])
    soft, hard = ([row["loss"] for row in clf.selection_ if row["labels"] == labels] for labels in ("soft", "hard"))
    assert sorted(soft) != sorted(hard)


# ---------------------------------------------------------------- what users see


def test_the_evidence_is_a_table_with_the_choice_first():
    X, y = load_breast_cancer(return_X_y=True)
    clf = DistilledClassifier(TEACHERS, blend="auto", augmentation="auto", random_state=0).fit(X[::2], y[::2])
    table = pd.DataFrame(clf.selection_)
    assert len(table) == 7  # three blends, with and without new rows, and hard labels
    assert (table["labels"] == "hard").sum() == 1
    assert (table["rows"] == len(X[::2])).all()
    assert table["loss"].iloc[0] == table["loss"].min()
    note = next(note for note in clf.notes_ if note.startswith("selection"))
    assert f"{table['rows'][0]:,} rows that no teacher had seen" in note
    assert note in str(clf.report(X[1::2], y[1::2]))
    assert pickle.loads(pickle.dumps(clf)).selection_ == clf.selection_


def test_nothing_to_choose_costs_nothing():
    X, y = load_iris(return_X_y=True)
    clf = DistilledClassifier("logistic", blend=0.3, random_state=0).fit(X, y)
    assert clf.selection_ == []
    assert not any(note.startswith("selection") for note in clf.notes_)


@pytest.mark.parametrize("max_bytes", [150, 600])
def test_auto_student_stays_within_the_budget(max_bytes):
    X, y = load_breast_cancer(return_X_y=True)
    clf = DistilledClassifier("logistic", "auto", max_bytes=max_bytes, blend=0.3, cv=3, random_state=0)
    clf.fit(X[::2], y[::2])
    assert clf.to_model().nbytes <= max_bytes
    assert clf.score(X[1::2], y[1::2]) > 0.88
    assert len(clf.selection_) > 1
    assert all(row["nbytes"] is not None for row in clf.selection_)


def test_sizes_are_found_by_sketches(monkeypatch):
    """Large trees are repaired only if they are among what is judged in full."""
    X, y = load_diabetes(return_X_y=True)
    repaired, fit = set(), Workshop.fit

    def spy(workshop, recipe, lesson):
        if getattr(recipe.student, "repair", None):
            repaired.add(repr(recipe.student))
        return fit(workshop, recipe, lesson)

    monkeypatch.setattr(Workshop, "fit", spy)
    reg = DistilledRegressor("ridge", "tree", max_bytes=100, cv=3, random_state=0).fit(X, y)
    assert repaired
    assert repaired == {row["student"] for row in reg.selection_}


@pytest.mark.parametrize("better", ["soft", "hard"])
@pytest.mark.parametrize("noise", [0.0, 1.5])
def test_many_recipes_are_screened_by_sketches_on_the_first_folds(better, noise):
    students = [TreeStudent(max_leaves=leaves) for leaves in (2, 4, 8, 16)]
    losses = {2: (0.8, 0.7), 4: (0.9, 0.3), 8: (0.9, 0.4), 16: (0.9, 0.2)}
    looked_at, judged = [], []

    def judge(recipe, sketched=False):
        leaves, worse = recipe.student.max_leaves, recipe.hard == (better == "soft")
        (looked_at if sketched else judged).append((leaves, worse))
        scatter = np.random.RandomState(2 * leaves + worse).normal(0, noise, 200)
        rows = losses[leaves][not worse] + scatter - scatter.mean()
        return Verdict(recipe, rows, np.zeros(200), np.ones(200), None)

    chosen, *_ = choose(Choices((tuple(students),), (0.3, 0.6), (None,), None), judge)
    assert chosen.recipe.student is students[3]
    assert chosen.recipe.hard == (better == "hard")
    assert sorted(looked_at) == [(leaves, worse) for leaves in (2, 4, 8, 16) for worse in (False, True)]
    # The best three that are within noise of the best and, for want of one of the other kind among them, the best of
    # these; then the other blend.
    racing = [(16, False), (4, False), (8, False)] if noise else [(16, False)]
    assert judged[:-1] == [*racing, (2, True)]
    assert judged[-1] == (16, better == "hard")


class Scales:
    """Knows what each student of a family takes, and who has been asked about."""

    def __init__(self, sizes):
        self.sizes, self.asked = sizes, set()

    def size(self, student):
        self.asked.add(student)
        return self.sizes[student]


@pytest.mark.parametrize("budget", [60, 100, 1_000, 4_096, 20_000, 100_000])
def test_few_students_are_fitted_to_find_thosethat_fit(budget):
    n_trees = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
    scales = Scales([30 + 25 * n for n in n_trees])
    fitting = that_fit(tuple(range(20)), scales, budget)
    sizes = [scales.sizes[student] for student in fitting]
    assert sizes[0] == max(size for size in scales.sizes if size <= budget)
    assert all(smaller <= 0.4 * larger for larger, smaller in itertools.pairwise(sizes))
    assert len(scales.asked) <= 12
    assert max(scales.sizes[student] for student in scales.asked) <= max(2 * budget, 130)


def test_of_equal_students_the_smallest_limit_stands_for_all():
    assert that_fit(tuple(range(6)), Scales([10, 20, 40, 80, 80, 80]), 100) == [3, 1]
    assert that_fit(tuple(range(6)), Scales([10] * 6), 100) == [0]
    assert that_fit(tuple(range(6)), Scales([101] * 6), 100) == []


def test_a_family_sized_to_the_budget():
    X, y = load_diabetes(return_X_y=True)
    reg = DistilledRegressor("ridge", "tree", max_bytes=100, cv=3, random_state=0).fit(X, y)
    assert 50 < reg.to_model().nbytes <= 100
    assert isinstance(reg.student_, TreeStudent)
    assert {row["labels"] for row in reg.selection_} == {"hard", "soft"}


def test_sparse_rows_choose_among_students_that_take_them():
    X, y = load_breast_cancer(return_X_y=True)
    rows = sparse.csr_matrix(np.where(np.median(X, axis=0) < X, 1.0, 0.0))
    clf = DistilledClassifier("logistic", "auto", max_bytes=2000, blend="auto", augmentation="auto", random_state=0)
    clf.fit(rows, y)
    assert isinstance(clf.student_, LinearStudent)


def test_weights_groups_and_unlabelled_rows():
    X, y = noisy(300, 0)
    pool, _ = noisy(200, 1)
    weight = np.random.default_rng(0).integers(1, 4, 300)
    groups = np.arange(300) // 3
    clf = DistilledClassifier("logistic", SMALL, random_state=0)
    clf.fit(X, y, sample_weight=weight, groups=groups, X_unlabeled=pool)
    assert clf.selection_[0]["rows"] == 300
    ones, none = clone(clf).fit(X, y, sample_weight=np.ones(300)), clone(clf).fit(X, y)
    assert ones.selection_ == none.selection_


def test_time_series_splits_are_judged_where_they_have_a_past():
    X, y = noisy(400, 0)
    clf = DistilledClassifier("logistic", SMALL, cv=TimeSeriesSplit(4), random_state=0).fit(X, y)
    assert clf.selection_[0]["rows"] == 3 * 80  # the first fold has no labels out of fold before it


def test_same_choice_for_any_n_jobs():
    X, y = noisy(300, 0)
    clfs = [
        DistilledClassifier(memoriser(), SMALL, augmentation="auto", cv=3, n_jobs=n_jobs, random_state=0).fit(X, y)
        for n_jobs in (1, 2)
    ]
    assert clfs[0].selection_ == clfs[1].selection_


def test_what_all_rows_make_too_large_gives_way_to_the_next(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    reg = DistilledRegressor("ridge", "tree", max_bytes=150, cv=3, compression=None, random_state=0).fit(X, y)
    sizes = iter([151, 100])
    monkeypatch.setattr(Shipped, "fits", lambda shipped, max_bytes: next(sizes) <= max_bytes)
    again = clone(reg).fit(X, y)
    first, second = again.selection_[:2]
    assert not first["too_large"]
    assert second["too_large"]
    assert {key: reg.selection_[0][key] for key in ("student", "labels")} == {
        key: second[key] for key in ("student", "labels")
    }
    assert (first["loss_minus_chosen"], first["se"]) == (0, 0)
    assert "1 better took more than max_bytes" in again.notes_[0]
    # Whatever is too large brings the next smaller of its family into play, which is judged.
    tried = []
    monkeypatch.setattr(Shipped, "fits", lambda shipped, max_bytes: tried.append(shipped) or len(tried) > 6)
    last = clone(reg).fit(X, y)
    assert len(last.selection_) > len(reg.selection_)
    assert [row["too_large"] for row in last.selection_[:7]] == [False] + 6 * [True]
    recipes = [(row["student"], row["labels"], row["blend"]) for row in last.selection_]
    assert len(set(recipes)) == len(recipes)


def test_where_even_the_smallest_judged_is_too_large_the_smallest_of_hard_labels_is_left(monkeypatch):
    X, y = load_diabetes(return_X_y=True)
    monkeypatch.setattr(Shipped, "fits", lambda shipped, max_bytes: shipped.student.predictor_.n_leaves == 2)
    monkeypatch.setattr(Choices, "smaller", lambda choices, recipe: [])
    reg = DistilledRegressor("ridge", "tree", max_bytes=150, cv=3, compression=None, random_state=0).fit(X, y)
    assert reg.selection_[0]["student"] == "TreeStudent(loss='squared', max_leaves=2)"
    assert reg.selection_[0]["labels"] == "hard"


def test_frozen_teachers_may_have_seen_the_rows_and_the_note_says_so():
    X, y = noisy(200, 0)
    knows = FrozenEstimator(ExtraTreesClassifier(5, random_state=0).fit(X, y))
    clf = DistilledClassifier([knows], blend="auto", cv=3, random_state=0).fit(X, y)
    assert any("no teacher fitted here had seen (the frozen ones may have)" in note for note in clf.notes_)


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"student": "auto"}, r"student='auto' chooses among students of different size: pass max_bytes"),
        ({"student": TreeStudent(), "max_bytes": 500}, r"max_bytes sizes a student given by name.*Got the instance"),
        ({"max_bytes": 0}, r"'max_bytes' parameter of DistilledClassifier must be"),
        ({"max_bytes": 20}, r"No student fits max_bytes=20: the smallest of these rows takes \d+ bytes"),
        ({"student": "auto", "max_bytes": 999, "cv": 2}, r"takes 3 folds of 'cv' at least"),
        ({"blend": "best"}, r"'blend' parameter of DistilledClassifier must be"),
    ],
)
def test_messages(settings, message):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        DistilledClassifier("logistic", **settings).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_bytes": 20}, r"No student fits max_bytes=20: the smallest of these rows takes \d+ bytes"),
        ({"max_bytes": 999, "cv": 2}, r"takes 3 folds of 'cv' at least"),
    ],
)
def test_what_cannot_work_is_refused_before_any_teacher_is_fitted(settings, message):
    X, y = load_iris(return_X_y=True)
    # It would fail too, with a message of its own.
    teacher = LogisticRegression(solver="none such")
    with pytest.raises(ValueError, match=message):
        DistilledClassifier([("logistic", teacher)], "auto", **settings).fit(X, y)


def test_too_few_folds_take_the_first_candidate():
    X, y = load_iris(return_X_y=True)
    clf = DistilledClassifier("logistic", blend="auto", cv=2, random_state=0).fit(X, y)
    assert clf.selection_ == []
    assert clf.recipe_.blend == 0.3
    assert clf.notes_ == ("selection: none, since it takes 3 folds of 'cv' to judge: blend=0.3, augmentation=None.",)
