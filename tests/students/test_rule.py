import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks
from soft_targets import KINDS, rows, soft, targets_of

from skdistill.engine import MemoryEngine
from skdistill.students import RuleStudent, _rule, resolve_families, resolve_student
from skdistill.students._rule_basis import Condition, Rule, as_tree, distinct, holding
from skdistill.students._rule_weights import Weights
from skdistill.students._steps import taken_out


@parametrize_with_checks([RuleStudent()])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def quality(kind, answers, targets):
    """The share of what a constant leaves unexplained that the answers explain."""
    answers, targets = (np.reshape(part, (len(part), -1)) for part in (answers, targets))

    def loss(answers):
        if kind in ("binary", "classes"):
            return (targets * np.log(targets / np.maximum(answers, 1e-12))).sum()
        return (np.square(answers - targets) / targets.var(axis=0)).sum()

    return 1 - loss(answers) / loss(np.broadcast_to(targets.mean(axis=0), targets.shape))


@pytest.mark.parametrize("kind", KINDS)
def test_more_rules_say_more_each_in_a_few_conditions(kind):
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    found = []
    for most in (4, 16, 64):
        form = RuleStudent(max_rules=most, max_conditions=2, alpha=0.1).fit(X, Q)
        trees = form.predictor_.trees
        assert len(trees) <= most
        assert all(np.count_nonzero(tree.value) == 1 and 2 <= tree.n_leaves <= 3 for tree in trees)
        found.append(quality(kind, form.predict(X), Q))
    assert found[0] < found[1] < found[2]
    assert found[2] > 0.9


@pytest.mark.parametrize("kind", ["binary", "value"])
def test_weights_are_those_of_a_penalised_line_on_the_rules(kind):
    """The minimum of the penalised loss, by Ridge, or by the vanishing of the gradient."""
    X, _ = rows(load_breast_cancer) if kind == "binary" else rows(load_diabetes)
    Q = soft(X, 2) if kind == "binary" else load_diabetes(return_X_y=True)[1]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    form = RuleStudent(max_rules=9, alpha=2.0).fit(X, Q, weight).predictor_
    held = np.column_stack([tree.evaluate(X).ravel() != 0 for tree in form.trees]).astype(float)
    found = np.array([tree.value.sum() for tree in form.trees])
    if kind == "value":
        line = Ridge(alpha=2.0).fit(held, Q, weight)
        assert_allclose(found, line.coef_, rtol=2e-3, atol=2e-3 * Q.std())
        assert_allclose(form.base, line.intercept_, rtol=2e-3)
    else:
        slope = weight * (expit(held @ found + form.base[1] - form.base[0]) - Q[:, 1])
        assert np.abs(held.T @ slope + 2.0 * found).max() < 0.02
        assert abs(slope.sum()) < 0.02


def test_what_is_kept_is_what_the_loss_can_least_do_without():
    """One removal of the quadratic loss, against all possible ones solved anew."""
    rng = np.random.default_rng(0)
    held = (rng.random((300, 6)) < 0.4).astype(float)
    held[:, 5] = held[:, 4] * held[:, 3]
    y = held @ np.array([3.0, -2.0, 0.3, 1.0, 2.0, 0.8]) + rng.normal(size=300)

    def losses(scores):
        errors = scores - y[:, None]
        return float(np.square(errors).sum()) / 2, errors, np.ones_like(errors)

    problem = Weights(held, np.zeros(6, int), 1, losses, alpha=0.5)
    theta = problem.solve(np.zeros(7))
    kept, left = problem.keep(theta, 5, np.ones(6))
    rivals = [np.delete(held, j, axis=1) for j in range(6)]
    solved = [Weights(rival, np.zeros(5, int), 1, losses, alpha=0.5) for rival in rivals]
    minima = [rival.value(rival.solve(np.zeros(6)))[0] for rival in solved]
    gone = int(np.argmin(minima))
    assert_array_equal(np.flatnonzero(~kept), [gone])
    assert_allclose(left, solved[gone].solve(np.zeros(6)), atol=1e-4)  # the loss is quadratic


def test_dear_parameters_go_before_others_of_equal_worth():
    order = [j for j, _ in taken_out(np.eye(4), np.array([[2.0], [2.0], [2.0], [9.0]]), np.array([1.0, 3.0, 2.0]))]
    assert order == [1, 2, 0]


def test_many_updates_take_out_as_exactly_as_few():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(400, 100))
    curvature = A.T @ A
    theta = rng.normal(size=(100, 1))
    slope = curvature @ theta
    inverse, moved = np.linalg.inv(curvature), theta.copy()
    order = [j for j, _ in taken_out(inverse, moved)]
    assert sorted(order) == list(range(99))
    assert_allclose(moved[99], slope[99] / curvature[99, 99], rtol=1e-6)
    assert_allclose(moved[:99], 0, atol=1e-9)


def test_rules_that_part_rows_alike_are_one():
    X = np.arange(40, dtype=np.float32).reshape(20, 2)
    low, high = Condition(0, False, 19.0), Condition(0, True, 19.0)
    other = Condition(1, False, 20.0)  # the same rows
    rules = [
        Rule(0, (low, other)),
        Rule(0, (high,)),
        Rule(0, (other,)),
        Rule(1, (low,)),
        Rule(0, (Condition(0, True, 35.0),)),
    ]
    kept, held = distinct(rules, X, np.ones(20))
    assert kept == [Rule(0, (high,)), Rule(1, (low,))]  # the last holds for fewer than five
    assert_array_equal(held, holding(kept, X))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_tree_answers_as_its_rule(n):
    rng = np.random.default_rng(n)
    X = rng.normal(size=(500, 4)).astype(np.float32)
    for _ in range(20):
        conditions = [
            Condition(int(rng.integers(4)), bool(rng.integers(2)), float(np.float32(rng.normal(0, 0.3))))
            for _ in range(n)
        ]
        rule = Rule(0, tuple(conditions))
        assert_array_equal(as_tree(rule, 2.5, 4).evaluate(X), 2.5 * holding([rule], X))


@pytest.mark.parametrize("kind", KINDS)
def test_the_most_telling_come_first(kind):
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    form = RuleStudent(max_rules=12).fit(X, Q).predictor_
    scale = np.ones(form.n_outputs) if kind in ("binary", "classes") else np.reshape(Q, (len(Q), -1)).std(axis=0)
    spreads = [tree.evaluate(X).std() / scale[output] for tree, output in zip(form.trees, form.output)]
    assert_allclose(spreads, sorted(spreads, reverse=True), rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_repetitions_and_rows_without_are_absent(kind):
    X, _ = rows(load_wine)
    Q = targets_of(kind, X)
    weight = np.random.default_rng(1).integers(0, 4, len(X))
    repeats = X.repeat(weight, axis=0), Q.repeat(weight, axis=0)
    weighted = RuleStudent(max_rules=40).fit(X, Q, weight)
    repeated = RuleStudent(max_rules=40).fit(*repeats)
    # LightGBM may take another split of repeated rows, and others after it: as good, if not the same.
    said = [quality(kind, form.predict(repeats[0]), repeats[1]) for form in (weighted, repeated)]
    assert_allclose(*said, atol=0.03)
    without = RuleStudent(max_rules=40).fit(X[weight > 0], Q[weight > 0], weight[weight > 0])
    assert_array_equal(weighted.predict(X), without.predict(X))


@pytest.mark.parametrize(
    "targets", [np.tile([0.25, 0.75], (20, 1)), np.tile([0.2, 0.3, 0.5], (20, 1)), np.full(20, 7.0)]
)
def test_without_anything_to_split(targets):
    for X in (np.ones((20, 2)), np.arange(40.0).reshape(20, 2)):
        student = RuleStudent().fit(X, targets)
        assert_allclose(student.predict(X), targets, rtol=1e-5)
        assert student.predictor_.n_trees == 0
        assert student.rules().startswith("Sum of 0 trees over 0 of 2 columns")


def test_too_few_rows_for_any_rule():
    student = RuleStudent().fit(np.arange(8.0)[:, None], np.arange(8.0))
    assert student.predictor_.n_trees == 0
    assert_allclose(student.predict([[3.0]]), 3.5)


def test_a_class_without_any_mass():
    X, y = rows(load_iris)
    P = RuleStudent(max_rules=24).fit(X, np.eye(4)[y]).predict(X)
    assert (P.argmax(axis=1) == y).mean() > 0.95
    assert P[:, 3].max() < 1e-4


def test_without_a_penalty_there_is_still_one_answer():
    X, _ = rows(load_wine)
    Q = soft(X, 3)
    student = RuleStudent(max_rules=20, alpha=0.0).fit(X, Q)
    logs = log_softmax(student.decision_function(X), axis=1)
    assert np.isfinite(logs).all()
    assert quality("classes", student.predict(X), Q) > 0.8


def test_many_rows_are_sampled_wherever_they_live(monkeypatch):
    monkeypatch.setattr(_rule, "FOUND_ON", 100)
    X, _ = rows(load_breast_cancer)
    Q = soft(X, 2)
    few = RuleStudent(max_rules=8).fit(X, Q)
    engine = MemoryEngine({"X": X, "Q": Q, "weight": np.ones(len(X))}, block_rows=37)
    blocks = RuleStudent(max_rules=8).fit_blocks(engine, X.shape[1], 2)
    assert_allclose(blocks.predict(X), few.predict(X), rtol=1e-6)
    # Weights are those of more rows than rules were found on.
    held = np.column_stack([tree.evaluate(X).ravel() != 0 for tree in few.predictor_.trees]).astype(float)
    slope = few.predict(X)[:, 1] - Q[:, 1]
    adds = np.array([tree.value.sum() for tree in few.predictor_.trees])
    assert np.abs(held.T @ slope + adds).max() < 0.02


def test_inputs_are_left_alone():
    X, _ = rows(load_wine)
    Q, weight = soft(X, 3), np.ones(len(X))
    for array in (X, Q, weight):
        array.setflags(write=False)
    RuleStudent(max_rules=5).fit(X, Q, weight)


def test_its_sizes_are_for_a_budget_but_auto_leaves_it_out():
    (family,) = resolve_families("rules", 1000, "classification")
    assert [student.max_rules for student in family] == sorted({student.max_rules for student in family})
    assert all(isinstance(student, RuleStudent) for student in family)
    assert not any(isinstance(each[0], RuleStudent) for each in resolve_families("auto", 1000, "classification"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_rules": 0}, r"The 'max_rules' parameter of RuleStudent must be an int in the range \[1, inf\)\. Got 0"),
        ({"max_conditions": 6}, r"The 'max_conditions' parameter of RuleStudent must be an int in the range \[1, 5\]"),
        ({"alpha": -1}, r"The 'alpha' parameter of RuleStudent must be a float in the range \[0.0, inf\)\. Got -1"),
        ({"max_bins": 256}, r"The 'max_bins' parameter of RuleStudent must be an int in the range \[2, 255\]"),
        ({"loss": "hinge"}, r"The 'loss' parameter of RuleStudent must be a str among .*Got 'hinge'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        RuleStudent(**parameters).fit(np.eye(3), [1.0, 2.0, 3.0])


def test_sparse_rows_are_refused_before_any_teacher_is_fitted():
    with pytest.raises(ValueError, match=r"RuleStudent\(loss='log_loss'\) does not take sparse X"):
        resolve_student("rules", "classification", sparse=True)
