"""Numbers of a student fitted anew: quantiles and Huber's loss, on the progression of diabetes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import HuberRegressor, QuantileRegressor

from skdistill import AdditiveStudent, BoostedStudent, LinearStudent, RuleStudent, TreeStudent
from skdistill.students import LowRankStudent, revalued
from skdistill.targets import Huber, Pinball, Smeared


@pytest.fixture(scope="module")
def rows():
    X, y = load_diabetes(return_X_y=True)
    return (X / X.std(axis=0)).astype(np.float32), y[:, None]


def test_leaves_hold_quantiles(rows):
    X, y = rows
    student = TreeStudent("squared", max_leaves=4, min_samples_leaf=60).fit(X, y[:, 0])
    loss = Pinball(0.8, 0.5)
    tree = revalued(student, X, Smeared.known(y, loss), None).predictor_
    leaf = tree.apply(X)
    exact = np.array([np.quantile(y[leaf == number], 0.8) for number in range(tree.n_leaves)])
    best = loss.rows(y, exact[leaf][:, None]).mean()
    assert loss.rows(y, tree.evaluate(X)).mean() <= 1.005 * best
    assert loss.rows(y, student.evaluate(X)).mean() > 1.2 * best
    np.testing.assert_array_equal(tree.threshold, student.predictor_.threshold)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_line_is_quantile_regression(rows, quantile):
    X, y = rows
    student = LinearStudent("squared").fit(X, y[:, 0])
    loss = Pinball(quantile, 1.0)
    fresh = revalued(student, X, Smeared.known(y, loss), None)
    rival = QuantileRegressor(quantile=quantile, alpha=0).fit(X, y[:, 0])
    assert loss.rows(y, fresh.evaluate(X)).mean() <= 1.01 * loss.rows(y, rival.predict(X)[:, None]).mean()
    thin = revalued(student, sparse.csr_matrix(X), Smeared.known(y, loss), None)
    np.testing.assert_allclose(thin.evaluate(X), fresh.evaluate(X), rtol=0.02)


def test_line_is_robust(rows):
    X, y = rows
    wild = y.copy()
    wild[::10] += 3000.0
    loss = Huber(60.0)
    student = LinearStudent("squared").fit(X, wild[:, 0])
    fresh = revalued(student, X, Smeared.known(wild, loss), None).evaluate(X)
    rival = HuberRegressor(alpha=0, max_iter=1000).fit(X, wild[:, 0]).predict(X)[:, None]
    assert loss.rows(wild, fresh).mean() <= 1.02 * loss.rows(wild, rival).mean()
    assert np.abs(fresh - y).mean() < 0.3 * np.abs(student.evaluate(X) - y).mean()


@pytest.mark.parametrize(
    "student", [TreeStudent(), LinearStudent(), AdditiveStudent(), BoostedStudent(), RuleStudent()]
)
@pytest.mark.parametrize("loss", [Pinball(0.9, 1.0), Huber(40.0)])
def test_every_form(rows, student, loss):
    X, y = rows
    fitted = student.set_params(loss="squared").fit(X, y[:, 0])
    weight = np.random.default_rng(0).integers(1, 3, len(y)).astype(float)
    labels = Smeared.known(y, loss)
    fresh = revalued(fitted, X, labels, weight)
    assert type(fresh.predictor_) is type(fitted.predictor_)
    if isinstance(student, RuleStudent):  # where a rule says nothing it still does
        for before, after in zip(fitted.predictor_.trees, fresh.predictor_.trees, strict=True):
            np.testing.assert_array_equal(before.value == 0, after.value == 0)
    before, after = (weight @ loss.rows(y, each.evaluate(X)) for each in (fitted, fresh))
    assert after < before * (0.8 if isinstance(loss, Pinball) else 1)
    again = np.repeat(np.arange(len(y)), weight.astype(int))
    repeated = revalued(fitted, X[again], labels.part(again), None)
    np.testing.assert_allclose(repeated.evaluate(X), fresh.evaluate(X), atol=0.02 * y.std())


def test_nothing_to_tell_rows_apart_by(rows):
    X, y = np.zeros_like(rows[0]), rows[1]
    labels = Smeared.known(y, Pinball(0.9, 1.0))
    for student in (TreeStudent("squared"), LinearStudent("squared"), BoostedStudent("squared"), AdditiveStudent()):
        fresh = revalued(student.fit(X, y[:, 0]), X, labels, None)
        np.testing.assert_allclose(fresh.evaluate(X), np.quantile(y, 0.9), rtol=0.02)


def test_other_forms_are_refused(rows):
    X, y = rows
    student = LowRankStudent("linear", rank=1).fit(X, np.hstack([y, 2 * y]))
    with pytest.raises(TypeError, match=r"The numbers of LowRankStudent.* under the pinball loss. Pass student='tree'"):
        revalued(student, X, Smeared.known(y, Pinball(0.9, 1.0)), None)
