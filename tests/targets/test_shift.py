"""Importance weights: they move the mean of one set to the other, and say how much that costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LogisticRegression

from skdistill.targets import covariate_shift


@pytest.fixture(scope="module")
def older_and_younger() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients drawn so that old ones are rare in one set and frequent in the other."""
    X = load_diabetes(as_frame=True).data.drop(columns="sex")
    odds = 1 / (1 + np.exp(-30 * X["age"].to_numpy()))
    target = np.random.default_rng(0).random(len(X)) < odds
    return X[~target], X[target]


def test_weights_move_the_mean(older_and_younger):
    X, X_target = older_and_younger
    before = X.copy(deep=True)
    shift = covariate_shift(X, X_target, random_state=0)
    pd.testing.assert_frame_equal(X, before)
    assert shift.weights.mean() == pytest.approx(1)
    assert shift.weights.min() > 0
    gap = X_target["age"].mean() - X["age"].mean()
    assert abs(np.average(X["age"], weights=shift.weights) - X_target["age"].mean()) < 0.35 * gap
    assert shift.auc > 0.65
    assert shift.effective_rows < 0.9 * len(X)
    same = covariate_shift(X, X_target, random_state=0)
    np.testing.assert_array_equal(shift.weights, same.weights)


def test_no_shift_leaves_rows_alike():
    X = load_diabetes().data
    shift = covariate_shift(X[::2], X[1::2], random_state=0)
    assert shift.auc < 0.6
    assert shift.effective_rows > 0.85 * len(X[::2])
    assert shift.clipped == 0


def test_clip_bounds_what_a_row_weighs(older_and_younger):
    X, X_target = older_and_younger
    free, cut = (covariate_shift(X, X_target, clip=clip, random_state=0) for clip in (1e6, 1.5))
    assert free.clipped == 0
    assert cut.clipped > 0.1
    assert cut.weights.max() < free.weights.max()
    assert cut.effective_rows > free.effective_rows
    assert cut.weights.max() / cut.weights.min() < free.weights.max() / free.weights.min()


def test_sparse_rows_and_a_classifier_of_ones_own(older_and_younger):
    X, X_target = (table.to_numpy() for table in older_and_younger)
    given = LogisticRegression()
    dense = covariate_shift(X, X_target, classifier=given, random_state=0)
    thin = covariate_shift(sparse.csr_array(X), sparse.csr_array(X_target), classifier=given, random_state=0)
    assert not hasattr(given, "coef_")
    np.testing.assert_allclose(dense.weights, thin.weights, rtol=1e-3)


def test_what_is_refused(older_and_younger):
    X, X_target = older_and_younger
    with pytest.raises(ValueError, match=r"X_target must have the columns of X.*lacks \['bmi'\], and has \['weight'\]"):
        covariate_shift(X, X_target.rename(columns={"bmi": "weight"}))
    with pytest.raises(ValueError, match=r"X_target must have the columns of X. Got shapes"):
        covariate_shift(X.to_numpy(), X_target.to_numpy()[:, 1:])
    with pytest.raises(ValueError, match=r"cv=5 takes 5 rows of each set at least. Got \d+ and 3"):
        covariate_shift(X, X_target[:3])
    with pytest.raises(ValueError, match="The 'clip' parameter of covariate_shift must be"):
        covariate_shift(X, X_target, clip=0.5)
