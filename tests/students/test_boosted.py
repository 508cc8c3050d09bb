import copy
import pickle

import numpy as np
import pytest
from lightgbm import Booster
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks
from soft_targets import KINDS, rows, soft, targets_of

from skdistill.model import LINKS, TreeSum, packed_nbytes
from skdistill.students import BoostedStudent, EstimatorStudent, LinearStudent, _boosted, _leaf_values, resolve_student
from skdistill.students._leaf_values import refit


@parametrize_with_checks([BoostedStudent()])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", KINDS)
def test_trees_predict_what_lightgbm_predicts(kind, monkeypatch):
    """Before their leaves are fitted together; rows and thresholds are float32, bins are LightGBM's."""
    kept = {}

    def boost(self, bins, losses, start):
        kept["booster"], kept["bins"] = grow(self, bins, losses, start), bins
        return kept["booster"]

    def leave(leaves, values, output, base, losses, alpha):
        return values, base

    grow = BoostedStudent._boost
    monkeypatch.setattr(BoostedStudent, "_boost", boost)
    monkeypatch.setattr(_boosted, "refit", leave)
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    student = BoostedStudent(n_trees=8, max_leaves=5).fit(X, Q)
    raw = kept["booster"].predict(kept["bins"].astype(np.float32), raw_score=True).reshape(len(X), -1)
    form = student.predictor_
    scale = 1 if kind in ("binary", "classes") else np.std(Q.reshape(len(X), -1), axis=0)
    found = (form.evaluate(X) - form.base.astype(np.float64))[:, -raw.shape[1] :]
    assert_allclose(found / scale, raw, atol=1e-6)
    assert isinstance(kept["booster"], Booster)
    assert np.ptp(raw) > 0.5


def test_scores_of_two_classes_are_one_sum():
    X, _ = rows(load_breast_cancer)
    form = BoostedStudent(n_trees=3).fit(X, soft(X, 2)).predictor_
    assert form.n_trees == 3
    assert form.output.tolist() == [1, 1, 1]
    assert form.base[1] == 0
    assert BoostedStudent(n_trees=3).fit(X, soft(X, 3)).predictor_.output.tolist() == [0, 1, 2] * 3


@pytest.mark.parametrize("k", [2, 3, 5])
def test_slopes_and_curvatures_are_those_of_the_cross_entropy(k):
    rng = np.random.default_rng(0)
    Q, weight = rng.dirichlet(np.ones(k), size=6), rng.uniform(0.5, 3, 6)
    base, unit, losses = _boosted._cross_entropy(Q, weight)
    n_sums = 1 if k == 2 else k
    assert_allclose(LINKS["softmax"](base[None])[0], np.average(Q, axis=0, weights=weight))
    assert_array_equal(unit, np.ones(n_sums))
    scores = rng.normal(size=(6, n_sums))
    loss, slopes, curvatures = losses(scores)
    whole = np.column_stack([np.zeros(6), scores]) if k == 2 else scores
    assert loss == pytest.approx(-(weight[:, None] * Q * log_softmax(whole, axis=1)).sum())
    factor = 1 if k == 2 else k / (k - 1)
    for i in range(6):
        for j in range(n_sums):
            step = np.zeros_like(scores)
            step[i, j] = 1e-4
            up, down = losses(scores + step), losses(scores - step)
            assert slopes[i, j] == pytest.approx((up[0] - down[0]) / 2e-4, abs=1e-6)
            assert curvatures[i, j] == pytest.approx(factor * (up[1] - down[1])[i, j] / 2e-4, abs=1e-6)
    if k == 2:
        assert_allclose(slopes, weight[:, None] * (expit(scores) - Q[:, 1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_are_fitted_together(kind, monkeypatch):
    """At the minimum, the slope of the penalised loss vanishes for each leaf, and each target's mean is met."""
    monkeypatch.setattr(_leaf_values, "MAX_STEPS", 100)
    X, _ = rows(load_wine)
    Q = targets_of(kind, X).reshape(len(X), -1)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    form = BoostedStudent(n_trees=4, max_leaves=4, alpha=2.0).fit(X, Q, weight).predictor_
    setting = _boosted._cross_entropy if kind in ("binary", "classes") else _boosted._squared_error
    _, unit, losses = setting(Q, weight)
    first = form.n_outputs - len(unit)
    scores = form.evaluate(X)
    scores -= scores[:, :first].sum(axis=1, keepdims=True)  # of two classes, what the trees add to is the difference
    _, slopes, _ = losses(scores[:, first:] / unit)
    assert np.abs(slopes.sum(axis=0)).max() < 0.02
    for tree, j in zip(form.trees, form.output - first, strict=True):
        sums = np.bincount(tree.apply(X), slopes[:, j], tree.n_leaves)
        assert_allclose(sums + 2.0 * tree.value[:, 0] / unit[j], 0, atol=0.02)


def test_refitting_reaches_the_least_penalised_loss(monkeypatch):
    X, _ = rows(load_diabetes)
    monkeypatch.setattr(_leaf_values, "MAX_STEPS", 100)
    y = rows(load_diabetes)[1][:, None] / 100
    trees = BoostedStudent(n_trees=6).fit(X, y).predictor_
    leaves = [tree.apply(X).astype(np.uint8) for tree in trees.trees]
    rng = np.random.default_rng(0)
    values = [rng.normal(size=tree.n_leaves) for tree in trees.trees]

    def losses(scores):
        return 0.5 * np.square(scores - y).sum(), scores - y, np.ones_like(y)

    found, base = refit(leaves, values, [0] * 6, np.zeros(1), losses, alpha=3.0)
    indicators = np.hstack([np.eye(len(v))[leaf] for v, leaf in zip(values, leaves, strict=True)])
    line = Ridge(alpha=3.0, solver="svd").fit(indicators, y[:, 0])
    scores = base + indicators @ np.concatenate(found)
    assert_allclose(scores, line.predict(indicators), atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_predicts_what_its_model_form_predicts(kind):
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    student = BoostedStudent().fit(X, Q)
    form = student.predictor_
    assert isinstance(form, TreeSum)
    expected = LINKS[student.link_](form.evaluate(X))
    assert_array_equal(student.predict(X), expected.reshape(Q.shape))
    assert_array_equal(student.evaluate(X), expected)
    if kind in ("binary", "classes"):
        assert_array_equal(student.decision_function(X), form.evaluate(X))
        assert_allclose(student.predict(X).sum(axis=1), 1, rtol=1e-12)
    else:
        assert not hasattr(student, "decision_function")
    twin = pickle.loads(pickle.dumps(student))
    assert_array_equal(twin.predict(X), student.predict(X))


def test_learns_what_no_table_per_feature_holds():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(4000, 3)).astype(np.float32)
    y = np.sign(X[:, 0] - 0.2) * X[:, 1]
    student = BoostedStudent(n_trees=64).fit(X, y)
    assert student.score(X, y) > 0.97
    assert LinearStudent().fit(X, y).score(X, y) < 0.4
    assert packed_nbytes(student.predictor_) < 2600


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_repetitions_and_rows_without_are_absent(kind):
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    weighted = BoostedStudent(n_trees=5).fit(X, Q, weight)
    repeated = BoostedStudent(n_trees=5).fit(X.repeat(weight, axis=0), Q.repeat(weight, axis=0))
    if kind == "classes":  # as good, if not the same: on some rows, as here, LightGBM takes another split
        errors = [np.square(form.predict(X) - Q).T @ weight for form in (weighted, repeated)]
        spread = np.sum(np.square(Q - Q.mean(axis=0)).T @ weight)
        assert_allclose(*(np.sum(error) / spread for error in errors), atol=0.03)
    else:
        assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-4 * Q.std())
    without = BoostedStudent(n_trees=5).fit(X[weight > 0], Q[weight > 0], weight[weight > 0])
    assert_array_equal(weighted.predict(X), without.predict(X))


def test_thresholds_part_float32_rows_where_bins_end():
    """Neighbours in float32, whose midpoint no float32 holds, and values that LightGBM would take for missing."""
    low = np.float32(1)
    values = np.array([low, np.nextafter(low, np.float32(2)), 0.0, -0.0, 1e-40, 3e38, -3e38], dtype=np.float32)
    X = values.repeat(40)[:, None]
    y = np.arange(7.0)[[0, 1, 2, 2, 3, 4, 5]].repeat(40)
    student = BoostedStudent(n_trees=40, max_leaves=7, alpha=0.0).fit(X, y)
    assert_allclose(student.predict(X), y, atol=1e-3)


def test_few_bins_make_trees_share_thresholds():
    X, y = rows(load_diabetes)
    sizes = [packed_nbytes(BoostedStudent(n_trees=64, max_bins=bins).fit(X, y).predictor_) for bins in (8, 255)]
    assert sizes[0] < 0.8 * sizes[1]


@pytest.mark.parametrize(
    "targets", [np.tile([0.25, 0.75], (20, 1)), np.tile([0.2, 0.3, 0.5], (20, 1)), np.full(20, 7.0)]
)
def test_without_anything_to_split(targets):
    for X in (np.ones((20, 2)), np.arange(40.0).reshape(20, 2)):
        student = BoostedStudent().fit(X, targets)
        assert_allclose(student.predict(X), targets, rtol=1e-5)
        assert student.predictor_.n_leaves == 0


def test_a_class_without_any_mass():
    X, y = rows(load_iris)
    Q = np.eye(4)[y]
    P = BoostedStudent().fit(X, Q).predict(X)
    assert (P.argmax(axis=1) == y).mean() > 0.95
    assert P[:, 3].max() < 1e-4


def test_inputs_are_left_alone():
    X, _ = rows(load_wine)
    Q, weight = soft(X, 3), np.ones(len(X))
    before = copy.deepcopy((X, Q, weight))
    for array in (X, Q, weight):
        array.setflags(write=False)
    BoostedStudent().fit(X, Q, weight)
    for array, same in zip((X, Q, weight), before, strict=True):
        assert_array_equal(array, same)


def test_says_that_it_does_not_stream():
    assert not BoostedStudent.streams
    assert not EstimatorStudent.streams
    assert LinearStudent.streams
    assert not BoostedStudent.wants_scaling


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_trees": 0}, r"The 'n_trees' parameter of BoostedStudent must be an int in the range \[1, inf\)\. Got 0"),
        ({"max_leaves": 1}, r"The 'max_leaves' parameter of BoostedStudent must be an int in the range \[2, inf\)"),
        (
            {"learning_rate": 0},
            r"The 'learning_rate' parameter of BoostedStudent must be a float in the range \(0.0, 1",
        ),
        ({"alpha": -1}, r"The 'alpha' parameter of BoostedStudent must be a float in the range \[0.0, inf\)\. Got -1"),
        ({"max_bins": 256}, r"The 'max_bins' parameter of BoostedStudent must be an int in the range \[2, 255\]"),
        ({"loss": "hinge"}, r"The 'loss' parameter of BoostedStudent must be a str among .*Got 'hinge'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        BoostedStudent(**parameters).fit(np.eye(3), [1.0, 2.0, 3.0])


def test_sparse_rows_are_refused_before_any_teacher_is_fitted():
    with pytest.raises(ValueError, match=r"BoostedStudent\(loss='log_loss'\) does not take sparse X"):
        resolve_student("boosted", "classification", sparse=True)
