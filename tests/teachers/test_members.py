from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skdistill import CallableTeacher
from skdistill.teachers import SVM_EXACT_ROWS, TeacherStub, preset, resolve_members, without_heavy


def resolve(teachers, task="classification"):
    return resolve_members(teachers, task, n_rows=100, n_outputs=1)


def uniform(X):
    return np.full((len(X), 2), 0.5)


def test_default_committees():
    assert [m.name for m in resolve(None)] == ["svm", "logistic", "lightgbm"]
    assert [m.name for m in resolve(None, "regression")] == ["svm", "ridge", "lightgbm"]


def test_names_of_estimators_are_made_unique():
    names = [m.name for m in resolve([LogisticRegression(), LogisticRegression(C=2), ("mine", SVC())])]
    assert names == ["logisticregression-1", "logisticregression-2", "mine"]


def test_frozen_and_black_box_are_only_asked():
    frozen = FrozenEstimator(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    box = CallableTeacher(uniform, classes=[0, 1])
    assert [m.frozen for m in resolve([frozen, box, SVC()])] == [True, True, False]


@pytest.mark.parametrize(
    ("teachers", "task", "error", "message"),
    [
        ("svn", "classification", ValueError, r"Unknown teacher 'svn' for classification. Valid names: extra_trees,"),
        ("logistic", "regression", ValueError, r"Unknown teacher 'logistic' for regression. Valid names: .*ridge"),
        ([], "classification", ValueError, r"'teachers' parameter is empty"),
        (LogisticRegression, "classification", TypeError, r"Pass an instance: LogisticRegression\(\)"),
        (uniform, "classification", TypeError, r"Wrap a function in CallableTeacher"),
        (3, "classification", TypeError, r"must be a name, a scikit-learn estimator or \(name, estimator\). Got 3"),
        ([("a", SVC()), ("a", SVC())], "classification", ValueError, r"unique. Got 'a' more than once"),
        ([("a__b", SVC())], "classification", ValueError, r"must not contain '__'.*Got 'a__b'"),
        ([("a", SVC(), 1)], "classification", ValueError, r"must be \(name, estimator\)"),
        (
            LinearRegression(),
            "classification",
            ValueError,
            r"'linearregression' is of the kind 'regressor', but",
        ),
        (SVC(), "regression", ValueError, r"'svc' is of the kind 'classifier', but the task is regression"),
        (IsolationForest(), "regression", ValueError, r"'isolationforest' is of the kind 'outlier_detector'"),
        (CallableTeacher(uniform), "classification", ValueError, r"needs classes="),
        (CallableTeacher(), "classification", ValueError, r"exactly one of 'predict_proba'"),
        (CallableTeacher(uniform, classes=["a", "a"]), "classification", ValueError, r"must be distinct"),
    ],
)
def test_bad_teachers(teachers, task, error, message):
    with pytest.raises(error, match=message):
        resolve(teachers, task)


def test_svm_above_the_limit_is_linear_on_nystroem_features():
    assert "nystroem" not in preset("svm", "classification", SVM_EXACT_ROWS).named_steps
    for task in ("classification", "regression"):
        assert "nystroem" in preset("svm", task, SVM_EXACT_ROWS + 1).named_steps


def test_heavy_teachers_leave_named_stubs():
    frozen = FrozenEstimator(SVC())
    light = without_heavy([("f", frozen), CallableTeacher(uniform, classes=[0, 1]), "svm", SVC(C=3)])
    assert isinstance(light[0][1], TeacherStub)
    assert isinstance(light[1], TeacherStub)
    assert light[2] == "svm"
    assert light[3].C == 3
    stub = pickle.loads(pickle.dumps(light[0][1]))
    with pytest.raises(RuntimeError, match=r"FrozenEstimator\(SVC\) was left out.*keep_teachers=True"):
        resolve([stub])


def test_automatic_names_keep_clear_of_given_ones():
    names = [m.name for m in resolve([("svc-1", SVC()), SVC(), SVC(C=2)])]
    assert names == ["svc-1", "svc-2", "svc-3"]


def test_stub_takes_what_it_stood_for():
    frozen = FrozenEstimator(SVC())
    tags = get_tags(without_heavy(frozen))
    assert (tags.estimator_type, tags.input_tags.sparse) == ("classifier", True)


def test_fitted_teachers_lose_their_fit():
    light = without_heavy([LogisticRegression().fit([[0.0], [1.0]], [0, 1])])
    assert not hasattr(light[0], "coef_")
