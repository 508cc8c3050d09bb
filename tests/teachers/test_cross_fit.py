from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skdistill import CallableTeacher
from skdistill.teachers import PRESETS, cross_fit, make_folds, resolve_members

X, Y = load_iris(return_X_y=True)
CLASSES = np.unique(Y)


def fit(teachers, y=Y, folds=None, **settings):
    members = resolve_members(teachers, "classification", len(y), 3)
    if folds is None:
        folds = make_folds(5, X, y, "classification", seed=0)
    classes = np.unique(y)
    return cross_fit(members, X, y, folds, classes=classes, n_outputs=len(classes), **settings)


def test_labels_are_out_of_fold():
    splitter = StratifiedKFold(5, shuffle=True, random_state=0)
    soft = fit([GaussianNB()], folds=make_folds(splitter, X, Y, "classification"))
    expected = cross_val_predict(GaussianNB(), X, Y, cv=splitter, method="predict_proba")
    np.testing.assert_allclose(soft.labels[0], expected)
    # The committee itself is fitted on all rows.
    np.testing.assert_allclose(soft.committee.labels(X)[0], GaussianNB().fit(X, Y).predict_proba(X))


def test_memorising_teacher_does_not_hand_the_label_back():
    soft = fit([DecisionTreeClassifier(random_state=0)])
    in_sample = soft.committee.labels(X)[0]
    assert log_loss(Y, in_sample) < 1e-6
    assert (soft.labels[0].argmax(axis=1) != Y).any()


@pytest.mark.parametrize("teacher", [SVC(), RidgeClassifier(), Perceptron(), make_pipeline(StandardScaler(), SVC())])
def test_scores_become_calibrated_probabilities(teacher):
    soft = fit([teacher])
    for labels in (soft.labels[0], soft.committee.labels(X)[0]):
        np.testing.assert_allclose(labels.sum(axis=1), 1)
        assert labels.min() >= 0
    assert log_loss(Y, soft.labels[0]) < 0.6


def test_svm_calibration_is_as_good_as_calibrating_inside_folds():
    """The pooled calibrator against scikit-learn's own, both judged out of fold."""
    pooled = log_loss(Y, fit([SVC()]).labels[0])
    inside = CalibratedClassifierCV(SVC(), ensemble=False)
    nested = log_loss(Y, cross_val_predict(inside, X, Y, cv=5, method="predict_proba"))
    assert pooled < nested + 0.05


def test_absent_class_has_probability_zero():
    train = np.flatnonzero(Y < 2)
    folds = [(train, np.flatnonzero(Y == 2)), (np.arange(0, 150, 2), np.flatnonzero(Y < 2))]
    for teacher in (GaussianNB(), SVC()):
        soft = fit([teacher], folds=folds)
        np.testing.assert_array_equal(soft.labels[0][Y == 2, 2], 0)
        np.testing.assert_allclose(soft.labels[0].sum(axis=1), 1)
        assert (soft.labels[0][Y < 2, 2] > 0).any()


def test_rows_never_held_out_are_reported_and_repeated_ones_averaged():
    folds = [(np.arange(1, 150, 2), np.arange(0, 100, 2)), (np.arange(1, 150, 3), np.arange(0, 100, 2))]
    soft = fit([GaussianNB()], folds=folds)
    np.testing.assert_array_equal(np.flatnonzero(soft.covered), np.arange(0, 100, 2))
    both = [GaussianNB().fit(X[a], Y[a]).predict_proba(X[b]) for a, b in folds]
    np.testing.assert_allclose(soft.labels[0][::2][:50], (both[0] + both[1]) / 2)


def test_string_labels_and_any_column_order():
    names = np.array(["c", "a", "b"])[Y]
    order = ["b", "c", "a"]
    model = GaussianNB().fit(X, names)

    def ask(rows):
        return model.predict_proba(rows)[:, [1, 2, 0]]

    soft = fit([CallableTeacher(ask, classes=order), GaussianNB()], y=names)
    np.testing.assert_allclose(soft.labels[0], model.predict_proba(X))
    assert soft.covered.all()


def test_search_pipeline_and_weights():
    weight = np.where(Y == 0, 3.0, 1.0)
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1, 1.0]}, cv=3)
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    weighted = fit([search, pipe], sample_weight=weight)
    plain = fit([search, pipe])
    for a, b in zip(weighted.labels, plain.labels, strict=True):
        assert np.abs(a - b).max() > 1e-3


def test_random_state_reaches_teachers_that_have_none():
    first, second = (
        fit([DecisionTreeClassifier(max_features=1)], random_state=np.random.RandomState(7)).labels[0] for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    fixed = fit([DecisionTreeClassifier(random_state=3)], random_state=np.random.RandomState(7))
    assert fixed.committee["decisiontreeclassifier"].random_state == 3


def test_regression_with_several_targets():
    rows, y = load_diabetes(return_X_y=True)
    y = np.column_stack([y, -y])
    members = resolve_members(["ridge", "svm", "lightgbm", "forest"], "regression", len(y), 2)
    folds = make_folds(3, rows, y, "regression", seed=0)
    soft = cross_fit(members, rows, y, folds, classes=None, n_outputs=2)
    for labels in soft.labels:
        assert labels.shape == y.shape
        assert np.corrcoef(labels[:, 0], y[:, 0])[0, 1] > 0.5


class Breaks(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise FloatingPointError("overflow in step 3")


class Nan(GaussianNB):
    def predict_proba(self, X):
        proba = super().predict_proba(X)
        proba[3] = np.nan
        return proba


class Narrow(GaussianNB):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :2]


def backwards(rows):
    return GaussianNB().fit(X, Y).predict_proba(rows)[:, ::-1]


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (("boom", Breaks()), r"Teacher 'boom' failed to fit on .*FloatingPointError: overflow in step 3"),
        (("nan", Nan()), r"Teacher 'nan' returned NaN or infinity in row 3"),
        (("narrow", Narrow()), r"Teacher 'narrow' returned labels of shape .*one column per class"),
        (("nc", FrozenEstimator(DummyClassifier().fit(X, Y > 0))), r"Teacher 'nc' was trained on other classes"),
        (CallableTeacher(backwards, classes=[0, 1, 2]), r"wrong order. Check 'classes'"),
        (FrozenEstimator(GaussianNB().fit(X[:100], Y[:100])), r"knows \[0, 1\], y holds \[0, 1, 2\]"),
    ],
)
def test_a_teacher_at_fault_is_named(teacher, message):
    with pytest.raises(ValueError, match=message):
        fit([teacher])


def test_teacher_without_soft_labels_is_refused_before_fitting():
    class OnlyPredict(NearestCentroid):
        decision_function = predict_proba = None

        def fit(self, X, y):
            raise AssertionError("must not be fitted")

    with pytest.raises(ValueError, match=r"'hard'.*neither predict_proba nor decision_function"):
        fit([GaussianNB(), ("hard", OnlyPredict())])


def test_teacher_without_weights_is_named():
    with pytest.raises(ValueError, match=r"'kneighborsclassifier'.*does not support sample weights"):
        fit([KNeighborsClassifier()], sample_weight=np.ones(150))


def test_regressor_answer_is_checked():
    rows, y = load_diabetes(return_X_y=True)
    members = resolve_members([CallableTeacher(predict=lambda r: np.zeros((len(r), 3)))], "regression", len(y), 1)
    with pytest.raises(ValueError, match=r"'callableteacher' returned labels of shape \(442, 3\)"):
        cross_fit(members, rows, y, [], classes=None, n_outputs=1)
    members = resolve_members([("r", Ridge())], "regression", len(y), 1)
    soft = cross_fit(members, rows, y, make_folds(2, rows, y, "regression", seed=1), classes=None, n_outputs=1)
    assert soft.labels[0].shape == (442, 1)


def test_calibration_does_not_hand_labels_back():
    """On pure noise with many classes a calibrator fitted on the rows that it labels looks infallible."""
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(1000, 5)), np.arange(1000) % 50
    members = resolve_members([SVC()], "classification", len(y), 50)
    folds = make_folds(5, rows, y, "classification", seed=0)
    soft = cross_fit(members, rows, y, folds, classes=np.arange(50), n_outputs=50)
    assert np.mean(soft.labels[0].argmax(axis=1) == y) < 0.05
    assert log_loss(y, soft.labels[0]) > np.log(50) - 0.02


def test_rows_repeated_in_a_fold_count_once_more():
    test = np.r_[np.arange(0, 150, 2), 0, 0]
    soft = fit([GaussianNB()], folds=[(np.arange(1, 150, 2), test), (np.arange(0, 150, 2), np.arange(1, 150, 2))])
    np.testing.assert_allclose(soft.labels[0].sum(axis=1), 1)


def test_frozen_teachers_are_checked_before_anything_is_fitted():
    other = FrozenEstimator(GaussianNB().fit(X[:100], Y[:100]))
    with pytest.raises(ValueError, match="trained on other classes"):
        fit([("boom", Breaks()), ("old", other)])


def test_weights_reach_every_target():
    rows, y = load_diabetes(return_X_y=True)
    y = np.column_stack([y, -y])
    members = resolve_members(list(PRESETS["regression"]), "regression", len(y), 2)
    members = [member for member in members if member.name != "mlp"]
    folds = make_folds(2, rows, y, "regression", seed=0)
    weight = np.where(y[:, 0] > 150, 5.0, 1.0)
    plain, weighted = (
        cross_fit(members, rows, y, folds, classes=None, n_outputs=2, sample_weight=w, random_state=seed)
        for w, seed in ((None, np.random.RandomState(0)), (weight, np.random.RandomState(0)))
    )
    for a, b in zip(plain.labels, weighted.labels, strict=True):
        assert (np.abs(a - b).max(axis=0) > 1.0).all()
