import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill.engine import MemoryEngine
from skdistill.model import LINKS
from skdistill.students import TreeStudent, _binning, _growth
from skdistill.students._fitting import fit_tree
from skdistill.students._growth import Limits

ONES = {"min_samples_leaf": 1}

#: What growth alone gives.
grown = partial(TreeStudent, repair=None)


# Weights count for min_samples_leaf as often as their rows, so that weights equal repetition from one row on.
@parametrize_with_checks([TreeStudent(**ONES), TreeStudent(loss="squared", **ONES, max_leaves=4, shrinkage=0)])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def soft(X, k=3, seed=0):
    """Soft labels that follow the features, not along a line."""
    rng = np.random.default_rng(seed)
    Z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    return LINKS["softmax"](2 * np.sin(Z @ rng.normal(size=(X.shape[1], k))) + Z[:, :k] * rng.normal(size=k))


def grid(n=600, d=4, levels=9, k=3, seed=0):
    """Few distinct values, many rows, and targets without ties."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, (n, d)).astype(np.float64)
    return X, soft(X + 0.3 * rng.normal(size=(n, d)), k, seed)


def same_tree(a, b):
    for name in ("feature", "threshold", "right", "value"):
        assert getattr(a.predictor_, name).tobytes() == getattr(b.predictor_, name).tobytes(), name


def losses(Q, weight, loss):
    """The loss of a node with these rows, by definition."""
    mean = np.average(Q, axis=0, weights=weight)
    if loss == "squared":
        return (weight[:, None] * (Q - mean) ** 2).sum()
    return -(weight[:, None] * Q * np.log(np.where(mean > 0, mean, 1))).sum()


def brute_force(X, Q, weight, loss, max_leaves, min_samples_leaf):
    """Best-first growth with every threshold tried on every node: the sets of rows in the leaves, in no order."""

    def best(rows):
        found = (1e-9, None, None)
        for j in range(X.shape[1]):
            for value in np.unique(X[rows, j])[:-1]:
                left, right = rows[X[rows, j] <= value], rows[X[rows, j] > value]
                if min(len(left), len(right)) >= min_samples_leaf:
                    gain = losses(Q[rows], weight[rows], loss)
                    gain -= losses(Q[left], weight[left], loss) + losses(Q[right], weight[right], loss)
                    found = max(found, (gain, left, right), key=lambda split: split[0])
        return found

    leaves = [best(np.arange(len(X)))]
    rows = [np.arange(len(X))]
    while len(rows) < max_leaves and any(split[1] is not None for split in leaves):
        at = int(np.argmax([split[0] if split[1] is not None else -1 for split in leaves]))
        _, left, right = leaves.pop(at)
        rows.pop(at)
        leaves += [best(left), best(right)]
        rows += [left, right]
    return {frozenset(leaf.tolist()) for leaf in rows}


def leaf_sets(student, X):
    leaf = student.predictor_.apply(X.astype(np.float32))
    return {frozenset(np.flatnonzero(leaf == i).tolist()) for i in range(student.get_n_leaves())}


# What is grown


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("max_leaves", [2, 3, 7, 12])
def test_growth_is_best_first_over_all_splits(loss, weighted, max_leaves):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X, Q = rng.normal(size=(60, 3)), rng.dirichlet([1, 1, 1], 60)
        weight = rng.uniform(0.1, 3, 60) if weighted else np.ones(60)
        student = grown(loss, max_leaves=max_leaves, min_samples_leaf=3).fit(X, Q, weight)
        assert leaf_sets(student, X) == brute_force(X, Q, weight, loss, max_leaves, 3)


@pytest.mark.parametrize("max_leaves", [2, 5, 17, 40])
@pytest.mark.parametrize("min_samples_leaf", [1, 12])
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_squared_loss_gives_the_tree_of_scikit_learn(max_leaves, min_samples_leaf, outputs):
    X, Q = grid()
    Q = Q[:, :outputs] * 10 - 3
    limits = {"min_samples_leaf": min_samples_leaf}
    reference = DecisionTreeRegressor(max_leaf_nodes=max_leaves, random_state=0, **limits).fit(X, Q)
    student = grown("squared", max_leaves=max_leaves, shrinkage=0, **limits).fit(X, Q)
    pairs = set(zip(reference.apply(X).tolist(), student.predictor_.apply(X).tolist(), strict=True))
    assert len(pairs) == reference.get_n_leaves() == student.get_n_leaves()
    assert student.get_n_leaves() == max_leaves or min_samples_leaf > 1
    assert student.get_depth() == reference.get_depth()
    assert_allclose(student.predict(X), reference.predict(X).reshape(Q.shape), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loader", [load_breast_cancer, load_diabetes, load_digits])
def test_binned_continuous_features_lose_little(loader):
    X, _ = loader(return_X_y=True)
    Q = soft(X)
    reference = DecisionTreeRegressor(max_leaf_nodes=16, min_samples_leaf=5, random_state=0).fit(X, Q)
    student = grown("squared", max_leaves=16, shrinkage=0).fit(X, Q)
    assert student.score(X, Q) > reference.score(X, Q) - 0.005


def test_each_loss_is_lower_where_it_is_minimised():
    X, _ = load_wine(return_X_y=True)
    Q = soft(X)
    fitted = {loss: grown(loss, max_leaves=8, shrinkage=0).fit(X, Q).predict(X) for loss in ("log_loss", "squared")}
    entropy = {loss: -(Q * np.log(P)).sum() for loss, P in fitted.items()}
    squares = {loss: ((Q - P) ** 2).sum() for loss, P in fitted.items()}
    assert entropy["log_loss"] < entropy["squared"]
    assert squares["squared"] < squares["log_loss"]


# Limits


@pytest.mark.parametrize("max_leaves", [1, 2, 3, 20])
def test_max_leaves(max_leaves):
    assert TreeStudent(max_leaves=max_leaves, **ONES).fit(*grid()).get_n_leaves() == max_leaves


@pytest.mark.parametrize("max_depth", [1, 2, 4])
def test_max_depth(max_depth):
    student = TreeStudent(max_leaves=1000, max_depth=max_depth, **ONES).fit(*grid())
    assert student.get_depth() == max_depth
    assert student.get_n_leaves() == 2**max_depth


@pytest.mark.parametrize("min_samples_leaf", [1, 7, 40])
def test_min_samples_leaf_counts_rows_that_have_weight(min_samples_leaf):
    X, Q = grid()
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    student = TreeStudent(max_leaves=500, min_samples_leaf=min_samples_leaf).fit(X, Q, weight)
    rows = np.bincount(student.predictor_.apply(X[weight > 0]))
    assert min_samples_leaf <= rows.min() < min_samples_leaf + 12
    assert len(rows) > 5


def test_min_samples_leaf_of_half_the_rows_and_more():
    X, y = [[0], [1], [2], [3]], [0.0, 0.0, 1.0, 1.0]
    assert TreeStudent(min_samples_leaf=2).fit(X, y).get_n_leaves() == 2
    assert TreeStudent(min_samples_leaf=3).fit(X, y).get_n_leaves() == 1


@pytest.mark.parametrize("max_bins", [2, 3, 256])
def test_max_bins_bounds_the_thresholds_of_a_feature(max_bins):
    X = np.random.default_rng(0).normal(size=(3000, 1))
    tree = grown(max_leaves=1000, max_bins=max_bins, **ONES).fit(X, soft(np.c_[X, X, X])).predictor_
    assert tree.n_leaves == max_bins


# Values


def test_leaf_values_by_hand():
    X, y, weight = [[0], [0], [1], [2]], [0.0, 1.0, 4.0, 12.0], [1, 1, 1, 2]
    plain = TreeStudent(max_leaves=3, shrinkage=0, **ONES).fit(X, y, weight)
    assert_array_equal(plain.predict([[0], [1], [2]]), [0.5, 4.0, 12.0])
    # The root's mean is 29 / 5; its left child, of weight 3, has 5 / 3 and is shrunk by 1 + 2 / 5, like the right leaf.
    shrunk = TreeStudent(max_leaves=3, shrinkage=2, **ONES).fit(X, y, weight)
    left = 5.8 + (5 / 3 - 5.8) / 1.4
    leaves = [left + (0.5 - 5 / 3) / (1 + 2 / 3), left + (4 - 5 / 3) / (1 + 2 / 3), 5.8 + (12 - 5.8) / 1.4]
    assert_allclose(shrunk.predict([[0], [1], [2]]), leaves, rtol=1e-7)


def test_leaves_hold_the_weighted_means_of_their_rows():
    X, Q = grid()
    weight = np.random.default_rng(1).uniform(0.01, 5, len(X))
    student = TreeStudent(max_leaves=20, shrinkage=0).fit(X, Q, weight)
    leaf = student.predictor_.apply(X)
    for i in range(student.get_n_leaves()):
        mean = np.average(Q[leaf == i], axis=0, weights=weight[leaf == i])
        assert_allclose(student.predictor_.value[i], mean, rtol=1e-6, atol=1e-7)


def test_strong_shrinkage_leaves_the_overall_mean():
    X, Q = grid()
    assert_allclose(TreeStudent(shrinkage=1e12).fit(X, Q).predict(X), np.tile(Q.mean(axis=0), (len(X), 1)), atol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_predictions_are_those_of_the_model_form(loss):
    X, Q = grid()
    student = TreeStudent(loss).fit(X, Q)
    assert student.link_ == {"log_loss": "simplex", "squared": "identity"}[loss]
    P = student.predict(X)
    assert P.dtype == np.float64
    assert_array_equal(P, LINKS[student.link_](student.predictor_.evaluate(X.astype(np.float32))))
    assert_allclose(P.sum(axis=1), 1, atol=1e-12 if loss == "log_loss" else 1e-6)


def test_a_class_nobody_has_gets_nothing():
    X, Q = grid(k=2)
    P = TreeStudent().fit(X, np.c_[Q, np.zeros(len(Q))]).predict(X)
    assert_allclose(P[:, 2], 0, atol=1e-15)
    assert_allclose(P[:, :2], TreeStudent().fit(X, Q).predict(X), rtol=1e-6)


def test_one_dimensional_targets_give_one_dimensional_predictions():
    X, y = load_diabetes(return_X_y=True)
    flat, column = (TreeStudent().fit(X, target) for target in (y, y[:, None]))
    assert flat.loss_ == "squared"
    assert flat.predict(X).shape == y.shape
    assert_array_equal(flat.predict(X), column.predict(X)[:, 0])


# The same tree


def _fractional(rng, n):
    return rng.uniform(0.01, 3, n)


def _whole(rng, n):
    return rng.integers(1, 4, n).astype(float)


def _none(rng, n):
    return np.ones(n)


@pytest.mark.parametrize("weights", [_none, _whole, _fractional])
@pytest.mark.parametrize(
    ("loss", "repair"),
    [("log_loss", None), ("log_loss", "balanced"), ("log_loss", "accuracy"), ("squared", None), ("squared", "loss")],
)
def test_blocks_and_the_order_of_rows_do_not_matter(loss, repair, weights):
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(900, 3)), rng.integers(0, 3, 900)].astype(np.float32)
    Q, weight = soft(X), weights(rng, 900)
    reference = None
    for block_rows in (1000, 130, 40):
        for order in (np.arange(900), rng.permutation(900)):
            engine = MemoryEngine({"X": X[order], "Q": Q[order], "weight": weight[order]}, block_rows)
            tree = fit_tree(engine, loss, Limits(20, None, 2), 50, 1.0, repair)
            reference = reference or tree
            for name in ("feature", "threshold", "right", "value"):
                assert getattr(tree, name).tobytes() == getattr(reference, name).tobytes()


def test_blocks_do_not_matter_where_edges_come_from_a_sample(monkeypatch):
    monkeypatch.setattr(_binning, "SAMPLE_ROWS", 300)
    X, Q = grid(n=2000, levels=500)
    trees = []
    for block_rows in (10_000, 130):
        monkeypatch.setattr(TreeStudent, "block_rows", lambda student, width, rows=block_rows: rows)
        trees.append(TreeStudent().fit(X, Q))
    same_tree(*trees)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
@pytest.mark.parametrize("levels", [9, 100_000])
def test_an_integer_weight_is_a_repetition_and_zero_is_absence(loss, levels):
    X, Q = grid(levels=levels)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    weighted = TreeStudent(loss, **ONES).fit(X, Q, weight)
    same_tree(weighted, TreeStudent(loss, **ONES).fit(np.repeat(X, weight, axis=0), np.repeat(Q, weight, axis=0)))
    same_tree(weighted, TreeStudent(loss, **ONES).fit(X[weight > 0], Q[weight > 0], weight[weight > 0]))


def test_fractional_weights_only_count_in_proportion():
    X, Q = grid()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    a, b = (TreeStudent(shrinkage=0).fit(X, Q, weight * factor) for factor in (1, 1 / 1024))
    same_tree(a, b)


def test_ties_go_to_the_lowest_feature_and_threshold():
    X, Q = grid(d=3)
    tree = grown().fit(X, Q).predictor_
    doubled = grown().fit(np.c_[X, X, -X], Q).predictor_
    assert_array_equal(doubled.feature, tree.feature)
    assert_array_equal(doubled.threshold, tree.threshold)
    # Both middles part the rows equally well.
    X, y = [[0], [1], [2]], [0.0, 1.0, 2.0]
    assert grown(max_leaves=2, **ONES).fit(X, y).predictor_.threshold[0] == 0.5


def test_speculation_does_not_show(monkeypatch):
    X, Q = grid(n=2000)
    eager = grown(max_leaves=25).fit(X, Q)
    expand = _growth.Growth._expand
    monkeypatch.setattr(_growth.Growth, "_expand", lambda self, nodes: expand(self, nodes[:1]))
    same_tree(eager, grown(max_leaves=25).fit(X, Q))


def test_a_larger_tree_continues_a_smaller_one():
    X, Q = grid()
    fitted = [grown(max_leaves=m, shrinkage=0).fit(X, Q) for m in range(1, 20)]
    for smaller, larger in pairwise(fitted):
        coarse, fine = leaf_sets(smaller, X), leaf_sets(larger, X)
        assert len(coarse - fine) == 1
        assert len(fine - coarse) == 2


# Extremes


@pytest.mark.parametrize("Q", [[[0.3, 0.7]], [2.5], [[1.0, 2.0]]])
def test_a_single_row(Q):
    student = TreeStudent(**ONES).fit([[1.0, 2.0]], Q)
    assert student.get_n_leaves() == 1
    assert student.get_depth() == 0
    assert_allclose(student.predict([[9.0, 9.0]]), Q, rtol=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 1e30, -1e-30, 12345.678])
def test_constant_targets_are_not_split(value):
    X, _ = grid()
    noisy = np.full(len(X), value)
    noisy[::2] = np.nextafter(value, np.inf)  # what rounding leaves of a constant
    for y in (np.full(len(X), value), noisy):
        assert TreeStudent(**ONES).fit(X, y).get_n_leaves() == 1


def test_constant_soft_labels_are_not_split():
    X, _ = grid()
    rng = np.random.default_rng(0)
    Q = np.tile([0.1, 0.2, 0.7], (len(X), 1)) * (1 + 4e-16 * rng.integers(-1, 2, (len(X), 3)))
    assert TreeStudent(**ONES).fit(X, Q).get_n_leaves() == 1
    assert TreeStudent(**ONES).fit(X, np.tile([0.0, 1.0], (len(X), 1))).get_n_leaves() == 1


def test_constant_features_are_never_split():
    X, Q = grid()
    constant = np.full((len(X), 1), 3.0)
    tree = TreeStudent().fit(np.c_[constant, X, constant], Q).predictor_
    plain = TreeStudent().fit(X, Q).predictor_
    assert_array_equal(tree.feature, np.where(plain.feature < 0, -1, plain.feature + 1))
    assert TreeStudent().fit(constant, Q).get_n_leaves() == 1


def test_hard_labels_are_learnt_to_the_end():
    X, y = load_iris(return_X_y=True)
    Q = np.eye(3)[y]
    student = grown(max_leaves=100, shrinkage=0, **ONES).fit(X, Q)
    # One row has a twin of another class among the distinct ones; pure leaves are not split on.
    assert (student.predict(X).argmax(axis=1) == y).all()
    assert student.get_n_leaves() < 15


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1e30])
def test_the_unit_of_the_targets_does_not_matter(factor):
    X, y = load_diabetes(return_X_y=True)
    plain = TreeStudent(shrinkage=0).fit(X, y - 150)
    same = TreeStudent(shrinkage=0).fit(X, (y - 150) * factor)
    assert_array_equal(same.predictor_.feature, plain.predictor_.feature)
    assert_array_equal(same.predictor_.threshold, plain.predictor_.threshold)


def test_targets_up_to_the_largest_float32():
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 0.0, 3e38, 3e38]
    assert_allclose(TreeStudent(max_leaves=2, shrinkage=0, **ONES).fit(X, y).predict(X), y)


def test_targets_of_different_sizes_are_all_exact():
    X, Q = grid()
    scaled = Q * [1.0, 1e-9, 1e-18]
    student = TreeStudent("squared", max_leaves=8, shrinkage=0).fit(X, scaled)
    leaf = student.predictor_.apply(X)
    for i in range(8):
        assert_allclose(student.predictor_.value[i], scaled[leaf == i].mean(axis=0), rtol=1e-6)


def test_extreme_features():
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        X = np.c_[rng.standard_cauchy(2000) ** 9, rng.normal(size=2000) * 1e-40, rng.uniform(-1e34, 1e34, 2000)]
        X = np.clip(X, -1e34, 1e34)
    y = np.sign(X[:, 0]) + 2 * np.sign(X[:, 1]) + 4 * np.sign(X[:, 2])
    assert TreeStudent(max_leaves=8, shrinkage=0).fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_are_left_alone(dtype):
    X, Q = (a.astype(dtype) for a in grid())
    weight = np.random.default_rng(0).uniform(0, 1, len(X))
    Q = np.round(Q.astype(np.float64), 3).astype(dtype)
    before = X.copy(), Q.copy(), weight.copy()
    for array in (X, Q, weight):
        array.setflags(write=False)
    TreeStudent("squared").fit(X, Q, weight)
    for array, copy in zip((X, Q, weight), before, strict=True):
        assert_array_equal(array, copy)


# The estimator


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_leaves": 0}, r"The 'max_leaves' parameter of TreeStudent must be an int in the range \[1, inf\). Got 0"),
        ({"max_leaves": 2.5}, r"The 'max_leaves' parameter of TreeStudent must be an int"),
        ({"max_depth": 0}, r"The 'max_depth' parameter of TreeStudent must be .* or None. Got 0"),
        ({"min_samples_leaf": 0}, r"The 'min_samples_leaf' parameter of TreeStudent must be .* Got 0"),
        ({"max_bins": 1}, r"The 'max_bins' parameter of TreeStudent must be an int in the range \[2, 256\]. Got 1"),
        ({"max_bins": 257}, r"The 'max_bins' parameter of TreeStudent must be .* Got 257"),
        ({"shrinkage": -0.1}, r"The 'shrinkage' parameter of TreeStudent must be a float in the range \[0"),
        ({"loss": "gini"}, r"The 'loss' parameter of TreeStudent must be a str among .* Got 'gini'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        TreeStudent(**parameters).fit(*grid())


def test_what_it_can_do_is_data():
    assert TreeStudent.losses == {"log_loss", "squared", "poisson"}
    assert not TreeStudent.takes_sparse
    assert not TreeStudent.wants_scaling


def test_a_sketch_is_grown_and_not_repaired():
    student = TreeStudent(max_leaves=7)
    assert student.sketch().get_params() == {**student.get_params(), "repair": None}
    assert student.repair == "balanced"


def test_sizes_need_a_fit():
    for ask in (TreeStudent().get_depth, TreeStudent().get_n_leaves):
        with pytest.raises(NotFittedError):
            ask()


def test_clone_and_pickle():
    X, Q = grid()
    student = TreeStudent(max_leaves=7, shrinkage=0.5).fit(X, Q)
    assert clone(student).get_params() == student.get_params()
    assert_array_equal(pickle.loads(pickle.dumps(student)).predict(X), student.predict(X))
