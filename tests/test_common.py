"""Two layers of common tests over the same instances: scikit-learn's, then our own."""

from __future__ import annotations

import pickle
from copy import deepcopy
from functools import cache

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from committees import exact_classifiers, exact_regressors
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill import (
    AdditiveStudent,
    DistilledClassifier,
    DistilledEstimator,
    DistilledRegressor,
    LinearStudent,
    RuleStudent,
    TreeStudent,
)

SMALL, SMALLER = (TreeStudent(max_leaves=n, min_samples_leaf=1, repair=None) for n in (8, 2))
# Deterministic linear teachers and fixed settings: not one check may fail.
EXACT = [
    DistilledClassifier(exact_classifiers(), TreeStudent(min_samples_leaf=1), cv=3, blend=0.5),
    DistilledClassifier(exact_classifiers(), "linear", cv=3, blend=0.5, weighting=None),
    DistilledRegressor(exact_regressors(), TreeStudent(min_samples_leaf=1), cv=3, blend=0.5),
    DistilledRegressor(exact_regressors(), "linear", cv=3, blend=0.5, weighting=None),
    DistilledClassifier(exact_classifiers(), AdditiveStudent(max_bins=8, pairs=1), cv=3, blend=0.5, weighting=None),
    DistilledRegressor(exact_regressors(), AdditiveStudent(max_bins=8, pairs=1), cv=3, blend=0.5, weighting=None),
    DistilledEstimator(exact_classifiers(), TreeStudent(min_samples_leaf=1), task="classification", cv=3, blend=0.5),
    DistilledEstimator(exact_regressors(), "linear", cv=3, blend=0.5),
    DistilledClassifier(exact_classifiers(), SMALL, cv=3),
    DistilledClassifier(exact_classifiers()[:1], [SMALL, ("smaller", SMALLER)], cv=3, blend=0.5, weighting=None),
    DistilledRegressor(exact_regressors(), SMALL, rounds=1, cv=3, blend=0.5, weighting=None),
]
# Seen with LightGBM: weighted and repeated rows may be split in different ways, about as well.
BOOSTED = [
    DistilledClassifier(exact_classifiers(), "boosted", cv=3, blend=0.5, weighting=None),
    DistilledRegressor(exact_regressors(), "boosted", cv=3, blend=0.5, weighting=None),
    DistilledClassifier(exact_classifiers(), RuleStudent(max_rules=12), cv=3, blend=0.5, weighting=None),
    DistilledRegressor(exact_regressors(), RuleStudent(max_rules=12), cv=3, blend=0.5, weighting=None),
]
# A calibrated SVM and LightGBM are not indifferent to weights against repetition by themselves. The first is
# what users get who set nothing.
DEFAULT = [
    DistilledClassifier(random_state=0),
    DistilledRegressor(blend=0.7, cv=3, random_state=0),
    DistilledEstimator(task="classification", blend=0.3, cv=3, random_state=0),
    DistilledEstimator(task="regression", blend=0.7, cv=3, random_state=0),
]
COUNTS = {"check_sample_weight_equivalence_on_dense_data": "LightGBM was seen to split repeated rows another way"}
WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": "the SVM's gamma and LightGBM's bins count rows, not weights",
    "check_sample_weight_equivalence_on_sparse_data": "the SVM's gamma and LightGBM's bins count rows, not weights",
}


@parametrize_with_checks(EXACT)
def test_sklearn_checks_pass_without_exception(estimator, check):
    check(estimator)


@parametrize_with_checks(BOOSTED, expected_failed_checks=lambda estimator: COUNTS)
def test_sklearn_checks_with_boosted_trees(estimator, check):
    check(estimator)


@parametrize_with_checks(DEFAULT, expected_failed_checks=lambda estimator: WEIGHTS)
def test_sklearn_checks_with_default_committee(estimator, check):
    check(estimator)


OURS = [
    DistilledClassifier(["logistic", "lightgbm", "forest"], "tree", blend=0.3, random_state=0),
    DistilledClassifier(
        ["svm", "logistic"], "linear", blend=0.3, random_state=0, temperature="auto", weighting="greedy"
    ),
    DistilledRegressor(["ridge", "lightgbm"], "tree", blend=0.3, random_state=0),
    DistilledRegressor(["svm", "extra_trees"], "linear", blend=0.3, random_state=0, aggregation="median"),
    DistilledClassifier(["logistic", "extra_trees"], "additive", blend=0.3, random_state=0),
    DistilledRegressor(["ridge", "lightgbm"], "additive", blend=0.3, random_state=0),
    DistilledClassifier(["logistic", "lightgbm"], "tree", augmentation="auto", cv=3, random_state=0),
    DistilledRegressor(["ridge", "lightgbm"], "auto", max_bytes=300, cv=3, random_state=0),
    DistilledClassifier(["logistic", "extra_trees"], "boosted", blend=0.3, random_state=0),
    DistilledRegressor(["ridge"], "boosted", blend=0.7, random_state=0),
    DistilledClassifier(["logistic", "extra_trees"], RuleStudent(max_rules=12), blend=0.3, random_state=0),
    DistilledRegressor(["ridge"], "rules", blend=0.7, random_state=0),
    DistilledClassifier(["logistic"], [SMALL, ("smaller", SMALLER)], blend=0.3, cv=3, random_state=0),
    DistilledRegressor(["ridge"], DecisionTreeRegressor(max_leaf_nodes=8, random_state=0), random_state=0),
]


def data_for(estimator):
    load = load_iris if is_classifier(estimator) else load_diabetes
    return load(return_X_y=True, as_frame=True)


@cache
def fitted_once(estimator):
    """Of the estimator a fitted clone, for all tests that leave it as it is."""
    return clone(estimator).fit(*data_for(estimator))


def answers(estimator, X):
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X)


@pytest.mark.parametrize("estimator", OURS)
def test_same_seed_same_student_for_any_n_jobs(estimator):
    X, y = data_for(estimator)
    one, two = fitted_once(estimator), clone(estimator).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(answers(one, X), answers(two, X))
    assert one.teacher_weights_ == two.teacher_weights_


@pytest.mark.parametrize("estimator", OURS)
def test_inputs_and_parameters_untouched(estimator):
    X, y = data_for(estimator)
    X_before, y_before, params = X.copy(), y.copy(), deepcopy(estimator.get_params())
    weight = np.arange(len(y)) % 3
    clone(estimator).fit(X, y, sample_weight=weight)
    pd.testing.assert_frame_equal(X, X_before)
    pd.testing.assert_series_equal(y, y_before)
    np.testing.assert_array_equal(weight, np.arange(len(y)) % 3)
    assert repr(estimator.get_params()) == repr(params)


@pytest.mark.parametrize("estimator", OURS)
def test_pickles_without_teachers(estimator, tmp_path):
    X, y = data_for(estimator)
    fitted = fitted_once(estimator)
    joblib.dump(fitted, tmp_path / "student.joblib")
    loaded = joblib.load(tmp_path / "student.joblib")
    np.testing.assert_array_equal(answers(loaded, X), answers(fitted, X))
    assert not hasattr(loaded, "teachers_")
    assert hasattr(fitted, "teachers_")
    whole = pickle.dumps(deepcopy(fitted).set_params(keep_teachers=True))
    assert len(pickle.dumps(fitted)) < len(whole)
    assert list(pickle.loads(whole).teachers_) == list(fitted.teachers_)
    # Unfitted teachers stay in the parameters, so that what was loaded can be fitted again.
    np.testing.assert_array_equal(answers(clone(loaded).fit(X, y), X), answers(fitted, X))


@pytest.mark.parametrize("estimator", OURS)
def test_pandas_polars_numpy_agree(estimator):
    X, y = data_for(estimator)
    expected = answers(fitted_once(estimator), X)
    for frame in (pl.from_pandas(X), X.to_numpy()):
        np.testing.assert_array_equal(answers(clone(estimator).fit(frame, y), frame), expected)


@pytest.mark.parametrize("estimator", OURS[:-1])
def test_model_form_equals_estimator(estimator, tmp_path):
    X, _ = data_for(estimator)
    fitted = fitted_once(estimator)
    model = fitted.to_model()
    model.save(tmp_path / "student.json")
    for form in (model, type(model).load(tmp_path / "student.json")):
        np.testing.assert_array_equal(form.predict(X), fitted.predict(X))
        np.testing.assert_array_equal(
            form.predict_proba(X) if is_classifier(estimator) else form.predict(X), answers(fitted, X)
        )
    if (
        isinstance(estimator.student, str)
        and estimator.student in ("linear", "additive", "boosted", "rules")
        and is_classifier(estimator)
    ):
        np.testing.assert_array_equal(model.decision(X), fitted.decision_function(X))


def test_binary_decision_function_is_one_column():
    X, y = load_breast_cancer(return_X_y=True)
    clf = DistilledClassifier("logistic", LinearStudent(), random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.decision_function(X) > 0, clf.predict(X) == 1)
    assert not hasattr(DistilledClassifier("logistic", "tree"), "decision_function")
