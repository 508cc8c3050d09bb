"""Objectives of the benchmark, computed by hand."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

from benchmarks.competitors._sizes import lower_lightgbm, lower_sklearn
from benchmarks.objectives import Difference, duel, gain, gap_recovered, harm_rate, over_seeds, pool, row_losses
from skdistill.model import packed_nbytes

SURE = Difference(0.2, 0.05)


def test_losses_of_rows():
    losses = row_losses("classification", np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0]]))
    assert losses["accuracy"].tolist() == [0.0, 1.0, 1.0]
    np.testing.assert_allclose(losses["log_loss"], [np.log(2), np.log(4), -np.log(np.finfo(float).eps)])
    assert row_losses("regression", np.array([1.0]), np.array([[3.0]]))["rmse"].tolist() == [4.0]


def test_auc_and_its_standard_error():
    rng = np.random.default_rng(0)
    truth = (rng.random(400) < 0.3).astype(int)
    proba = 1 / (1 + np.exp(-np.round(rng.normal(size=400) + truth, 1)))  # with ties
    outputs = np.column_stack([1 - proba, proba])
    losses = row_losses("classification", truth, outputs)["auc"]
    assert 1 - losses.mean() == pytest.approx(roc_auc_score(truth, proba))
    # DeLong: the variances of the shares that rows of either class are ranked right of, over their numbers.
    pairs = (proba[truth == 1][:, None] > proba[truth == 0]) + 0.5 * (proba[truth == 1][:, None] == proba[truth == 0])
    delong = pairs.mean(axis=1).var() / len(pairs) + pairs.mean(axis=0).var() / pairs.shape[1]
    assert losses.std() / np.sqrt(400) == pytest.approx(np.sqrt(delong))


def test_auc_of_more_classes_is_the_mean_of_one_against_the_rest():
    rng = np.random.default_rng(1)
    truth, outputs = rng.integers(3, size=90), rng.dirichlet(np.ones(3), 90)
    expected = roc_auc_score(np.eye(3)[truth], outputs, average="macro")
    assert 1 - row_losses("classification", truth, outputs)["auc"].mean() == pytest.approx(expected)


def test_gain_is_positive_where_the_second_is_better():
    difference = gain("accuracy", np.array([1.0, 1.0, 0.0, 0.0]), np.zeros(4))
    assert difference.value == 0.5
    assert difference.se == pytest.approx(np.sqrt(1 / 3) / 2)
    assert difference.sign == 0  # 0.5 is less than 2 * 0.29


def test_gain_in_rmse_is_of_roots():
    assert gain("rmse", np.array([9.0, 9.0]), np.array([4.0, 4.0])) == Difference(1.0, 0.0)
    # The delta method: 9 / (2 * 3) - x / (2 * 2) with x of 2 and 6 is 1 and 0.
    assert gain("rmse", np.array([9.0, 9.0]), np.array([2.0, 6.0])).se == pytest.approx(np.sqrt(0.5) / np.sqrt(2))


@pytest.mark.parametrize(
    ("student", "expected"),
    [(0.1, 0.5), (0.3, 1.0), (-0.4, -1.0), (-0.05, -0.25)],
    ids=["half", "above", "below", "worse"],
)
def test_gap_recovered(student, expected):
    assert gap_recovered(Difference(student, 0.0), SURE, 8, 2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("teacher", "leaves", "n_classes"),
    [(Difference(0.2, 0.1), 8, 2), (Difference(-0.2, 0.01), 8, 2), (SURE, 8, 5)],
    ids=["within noise", "teacher behind", "few leaves"],
)
def test_gap_that_does_not_count(teacher, leaves, n_classes):
    assert np.isnan(gap_recovered(SURE, teacher, leaves, n_classes))


def test_gap_counts_at_twice_the_classes_and_without_leaves():
    assert gap_recovered(SURE, SURE, 8, 4) == 1.0
    assert gap_recovered(SURE, SURE, 0, 26) == 1.0


def test_seeds_are_averaged_without_shrinking_the_error():
    assert over_seeds([Difference(0.25, 0.5), Difference(0.75, 1.0)]) == Difference(0.5, 0.75)


def test_pooling_leaves_out_what_does_not_count():
    gaps = [Difference(1.0, 0.0), Difference(4.0, 0.0), Difference(0.1, 1.0)]
    students = [Difference(0.5, 0.0), Difference(0.0, 0.0), Difference(9.0, 0.0)]
    pooled = pool(list(zip(students, gaps, strict=True)), [0.5, 0.0, float("nan")])
    assert (pooled.n_sets, pooled.mean, pooled.median, pooled.ratio_of_sums) == (2, 0.25, 0.25, 0.1)
    assert (pooled.low, pooled.high) == (0.0, 0.5)  # a quarter of the resamples hold one set twice
    assert pool([], []).n_sets == 0


def test_harm_rate_counts_only_what_is_beyond_noise():
    cells = [Difference(-0.3, 0.1), Difference(-0.2, 0.1), Difference(0.5, 0.1), Difference(-0.1, 0.01)]
    assert harm_rate(cells) == 0.5


def test_duel():
    # 5 ahead (4 of them beyond noise), 1 behind within noise, 1 exactly equal.
    sets = [Difference(1.0, 0.1)] * 4 + [Difference(0.1, 0.1), Difference(-0.1, 0.1), Difference(0.0, 0.0)]
    result = duel(sets)
    assert (result.wins, result.ties, result.losses) == (4, 3, 0)
    assert result.p_value == pytest.approx(14 / 64)  # 2 * (1 + 6) of the 2^6 outcomes
    assert duel([Difference(0.0, 0.0)]).p_value == 1.0


def test_sklearn_tree_in_the_model_form_says_the_same():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 1)
    tree = DecisionTreeClassifier(max_leaf_nodes=13, random_state=0).fit(X, y)
    np.testing.assert_allclose(lower_sklearn(tree.tree_).evaluate(X), tree.predict_proba(X), atol=1e-7)


def test_size_of_a_stump_of_sklearn():
    tree = DecisionTreeClassifier(max_leaf_nodes=2).fit(np.array([[0.0], [1.0]]), [0, 1])
    # Header 10, counts 2, column 2, split 7, and of either leaf the share of one class.
    assert packed_nbytes(lower_sklearn(tree.tree_), "simplex") == 10 + 2 + 2 + 7 + 2 * 4


@pytest.mark.parametrize(("n_classes", "objective"), [(0, "regression"), (2, "binary"), (3, "multiclass")])
def test_lightgbm_in_the_model_form_predicts_the_same(n_classes, objective):
    X, y = load_wine(return_X_y=True)
    X, y = X.astype(np.float32), np.minimum(y, n_classes - 1) if n_classes else X[:, 0]
    settings = {"objective": objective, "num_leaves": 4, "num_threads": 1, "verbose": -1}
    if n_classes > 2:
        settings["num_class"] = n_classes
    booster = lightgbm.train(settings, lightgbm.Dataset(X, y), 10)
    trees = lower_lightgbm(booster, X.shape[1], n_classes)
    raw = booster.predict(X, raw_score=True).reshape(len(X), -1)
    np.testing.assert_allclose(trees.evaluate(X)[:, -raw.shape[1] :], raw, rtol=1e-6, atol=1e-6)
