"""How students are handed their rows."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_info, threadpool_limits

from skdistill import DistilledRegressor


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


class Watchful(Ridge):
    """Notes the threads that its fit has."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.threads_ = blas_threads()
        return self


@pytest.mark.skipif(os.cpu_count() == 1, reason="BLAS has one thread on one core")
def test_students_are_fitted_on_one_thread_of_blas_and_others_keep_theirs():
    X, y = load_diabetes(return_X_y=True)
    with threadpool_limits(2, user_api="blas"):
        assert blas_threads() == {2}
        clf = DistilledRegressor("ridge", Watchful(), blend=0.5, cv=3, random_state=0).fit(X, y)
        assert clf.student_.estimator_.threads_ == {1}
        assert blas_threads() == {2}
    assert np.isfinite(clf.predict(X)).all()
