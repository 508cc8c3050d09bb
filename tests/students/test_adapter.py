import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill.students import EstimatorStudent, LinearStudent

X, Y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
Q = LogisticRegression(C=0.02).fit(X, Y).predict_proba(X)
Q2 = np.column_stack([1 - Q[:, 2], Q[:, 2]])
WEIGHT = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)


@parametrize_with_checks([EstimatorStudent(Ridge())])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def test_a_multi_output_regressor_is_fitted_to_the_soft_labels():
    student = EstimatorStudent(DecisionTreeRegressor(max_leaf_nodes=6, random_state=0)).fit(X, Q, WEIGHT)
    reference = DecisionTreeRegressor(max_leaf_nodes=6, random_state=0).fit(X, Q, WEIGHT)
    assert student.route_ == "multi-output regression"
    assert student.loss_ == "log_loss"
    assert_allclose(student.predict(X), reference.predict(X), atol=1e-12)


def test_what_a_regressor_predicts_becomes_a_distribution():
    student = EstimatorStudent(Ridge()).fit(X, Q)
    raw, predicted = Ridge().fit(X, Q).predict(X), student.predict(X)
    assert student.route_ == "multi-output regression"
    assert raw.min() < 0
    clipped = np.maximum(raw, 0)
    assert_allclose(predicted, clipped / clipped.sum(axis=1, keepdims=True))


def test_a_single_output_regressor_is_fitted_once_per_class():
    model = GradientBoostingRegressor(n_estimators=5, random_state=0)
    student = EstimatorStudent(model).fit(X, Q, WEIGHT)
    assert student.route_ == "one regressor per output"
    kept = WEIGHT > 0
    raw = np.maximum([clone(model).fit(X[kept], q[kept], WEIGHT[kept]).predict(X) for q in Q.T], 0).T
    assert_allclose(student.predict(X), raw / raw.sum(axis=1, keepdims=True), rtol=1e-6)


def test_a_single_output_regressor_needs_one_column_of_two():
    model = GradientBoostingRegressor(n_estimators=60, learning_rate=0.5, random_state=0)
    student = EstimatorStudent(model).fit(X, np.eye(2)[(Y == 2).astype(int)])
    assert student.route_ == "regression on one column"
    raw = clone(model).fit(X, Y == 2).predict(X)
    assert_allclose(student.predict(X)[:, 1], np.clip(raw, 0, 1), atol=1e-12)
    assert_allclose(student.predict(X).sum(axis=1), 1)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_values_keep_their_shape_and_are_not_clipped(k):
    features, y = load_diabetes(return_X_y=True)
    targets = {0: y, 1: y[:, None], 2: np.column_stack([y, -y])}[k]
    for model in (Ridge(), GradientBoostingRegressor(n_estimators=5, random_state=0)):
        student = EstimatorStudent(model).fit(features, targets)
        assert student.loss_ == "squared"
        assert student.predict(features).shape == targets.shape
        assert student.n_outputs_ == max(k, 1)
        first = clone(model).fit(features, y).predict(features)
        assert_allclose(student.predict(features).reshape(len(y), -1)[:, 0], first, rtol=1e-6)
    assert student.route_ == ("one regressor per output" if k == 2 else "regression")
    if k == 2:
        assert student.predict(features).min() < 0


@pytest.mark.parametrize("labels", [Q, Q2])
def test_a_classifier_is_fitted_to_replicated_rows(labels):
    k, model = labels.shape[1], LogisticRegression(C=0.5, tol=1e-10, max_iter=1000)
    student = EstimatorStudent(model).fit(X, labels, WEIGHT)
    assert student.route_ == "replicated rows"
    weights = (labels * WEIGHT[:, None]).ravel()
    reference = clone(model).fit(np.repeat(X, k, axis=0), np.tile(np.arange(k), len(X)), sample_weight=weights)
    assert_allclose(student.predict(X), reference.predict_proba(X), atol=1e-6)
    assert_allclose(student.decision_function(X), reference.decision_function(X), atol=1e-5)
    assert student.decision_function(X).shape == ((len(X),) if k == 2 else (len(X), 3))
    # The built-in line has the same objective.
    assert_allclose(student.predict(X), LinearStudent(alpha=2).fit(X, labels, WEIGHT).predict(X), atol=1e-5)


def test_hard_labels_are_not_replicated():
    student = EstimatorStudent(RandomForestClassifier(5, random_state=0)).fit(X, np.eye(3)[Y])
    assert_array_equal(
        student.predict(X), RandomForestClassifier(5, random_state=0).fit(X, Y, np.ones(len(X))).predict_proba(X)
    )


def test_a_class_without_mass_gets_its_column():
    labels = np.insert(Q2, 1, 0.0, axis=1)
    predicted = EstimatorStudent(GaussianNB()).fit(X, labels).predict(X)
    assert predicted.shape == (len(X), 3)
    assert_array_equal(predicted[:, 1], 0)
    assert_allclose(predicted[:, [0, 2]], EstimatorStudent(GaussianNB()).fit(X, Q2).predict(X))


@pytest.mark.parametrize("model", [LogisticRegression(), Ridge(), GradientBoostingRegressor(n_estimators=3)])
def test_a_pipeline_hands_weights_to_its_last_step(model):
    labels = Q
    student = EstimatorStudent(make_pipeline(StandardScaler(), model)).fit(X, labels, WEIGHT)
    kept = WEIGHT > 0
    alone = EstimatorStudent(make_pipeline(StandardScaler(), model)).fit(X[kept], labels[kept])
    assert student.route_ == alone.route_ == EstimatorStudent(model).fit(X, labels).route_
    assert np.abs(student.predict(X) - alone.predict(X)).max() > 1e-4  # the weights arrived
    assert_allclose(student.predict(X).sum(axis=1), 1)


def test_rows_of_weight_zero_are_left_out():
    kept = WEIGHT > 0
    # A neighbour model takes no weights, but these are equal once zeros are gone.
    student = EstimatorStudent(KNeighborsRegressor()).fit(X, Q, kept.astype(float))
    assert_array_equal(student.predict(X), EstimatorStudent(KNeighborsRegressor()).fit(X[kept], Q[kept]).predict(X))


def test_unequal_weights_need_an_estimator_that_takes_them():
    with pytest.raises(ValueError, match=r"KNeighborsRegressor cannot be fitted with unequal weights: .* Pass an est"):
        EstimatorStudent(KNeighborsRegressor()).fit(X, Q, WEIGHT)


@pytest.mark.parametrize(
    ("model", "task", "message"),
    [
        (
            KNeighborsClassifier(),
            "classification",
            "KNeighborsClassifier .* lacks sample_weight in its fit. Pass a clas",
        ),
        (LinearSVC(), "classification", "LinearSVC .* lacks predict_proba. Pass a classifier that has both, or a regr"),
        (RidgeClassifier(), "classification", "RidgeClassifier .* lacks predict_proba"),
        (SGDClassifier(loss="hinge"), "classification", "SGDClassifier .* lacks predict_proba"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "classification", "Pipeline .* lacks sample_weight"),
        (
            LogisticRegression(),
            "regression",
            "LogisticRegression .* regression targets: it is a classifier. Pass a reg",
        ),
        (KMeans(), "classification", "KMeans cannot be a student: it is neither a classifier nor a regressor"),
    ],
)
def test_says_what_is_missing_before_any_fit(model, task, message):
    with pytest.raises(ValueError, match=message):
        EstimatorStudent(model).check(task)
    with pytest.raises(ValueError, match=message):
        EstimatorStudent(model).fit(X, Q if task == "classification" else Q[:, 0])


def test_everything_else_passes_the_check():
    for model in (Ridge(), KNeighborsRegressor(), make_pipeline(StandardScaler(), Ridge())):
        EstimatorStudent(model).check("classification")
        EstimatorStudent(model).check("regression")
    EstimatorStudent(SGDClassifier(loss="log_loss")).check("classification")


def test_an_estimator_that_cannot_fit():
    with pytest.raises(
        ValueError, match=r"The 'estimator' parameter of EstimatorStudent must be an object implementing"
    ):
        EstimatorStudent("tree").fit(X, Q)


def test_capabilities_are_the_estimators():
    assert EstimatorStudent(LogisticRegression()).losses == {"log_loss"}
    assert EstimatorStudent(Ridge()).losses == {"log_loss", "squared"}
    assert EstimatorStudent(Ridge()).takes_sparse
    assert not EstimatorStudent(GaussianNB()).takes_sparse
    assert EstimatorStudent(Ridge()).wants_scaling


def test_sparse_features():
    dense = EstimatorStudent(LogisticRegression(tol=1e-8, max_iter=1000)).fit(X, Q)
    student = clone(dense).fit(sparse.csr_array(X), Q)
    assert_allclose(student.predict(sparse.csr_array(X)), dense.predict(X), atol=1e-5)
    with pytest.raises(TypeError, match="Sparse data was passed"):
        EstimatorStudent(GaussianNB()).fit(sparse.csr_array(X), Q)


def test_missing_values_where_the_estimator_takes_them():
    gaps = np.where(np.arange(X.size).reshape(X.shape) % 7 == 0, np.nan, X)
    model = HistGradientBoostingClassifier(max_iter=3)
    assert EstimatorStudent(model).fit(gaps, Q).predict(gaps).shape == Q.shape
    with pytest.raises(ValueError, match="Input X contains NaN"):
        EstimatorStudent(Ridge()).fit(gaps, Q)


def test_only_classifiers_have_scores():
    assert hasattr(EstimatorStudent(LogisticRegression()), "decision_function")
    assert not hasattr(EstimatorStudent(RandomForestClassifier()), "decision_function")
    assert not hasattr(EstimatorStudent(Ridge()), "decision_function")
    assert not hasattr(EstimatorStudent(LinearStudent("log_loss")), "decision_function")


def test_the_estimator_is_cloned():
    model = Ridge()
    EstimatorStudent(model).fit(X, Q)
    assert not hasattr(model, "coef_")
    assert clone(EstimatorStudent(model)).set_params(estimator__alpha=3).estimator.alpha == 3
