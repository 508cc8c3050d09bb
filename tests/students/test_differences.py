import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import check_grad
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill.augmentation import move_one
from skdistill.engine import MemoryEngine
from skdistill.model import LINKS
from skdistill.students import AdditiveStudent, LinearStudent, LowRankStudent, Moves
from skdistill.students._additive import _lower
from skdistill.students._descent import Problem
from skdistill.students._pairs import Pair


def scaled(loader):
    X, y = loader(return_X_y=True)
    return StandardScaler().fit_transform(X).astype(np.float32), y


def moves(X, oracle, seed=0):
    start, end = move_one(X, 300, seed)
    return Moves(start, end, oracle(start), oracle(end))


def score_changes(moved, scores):
    change = scores(moved.end) - scores(moved.start)
    return change - change.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("loss", ["log_loss", "squared", "poisson"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_exact_where_the_teacher_is_a_line(loss, fit_intercept):
    X, _ = scaled(load_iris)
    coef = np.random.default_rng(0).normal(size=(4, 3))
    coef -= coef.mean(axis=1, keepdims=True) if loss == "log_loss" else 0
    link = {"log_loss": LINKS["softmax"], "squared": np.asarray, "poisson": np.exp}[loss]
    student = LinearStudent(loss, alpha=1e-6, difference_weight=1.0, fit_intercept=fit_intercept, tol=1e-8)
    student.fit(X, link(X @ coef), moves=moves(X, lambda rows: link(rows @ coef)))
    fitted = student.coef_.T - (student.coef_.T.mean(axis=1, keepdims=True) if loss == "log_loss" else 0)
    assert_allclose(fitted, coef, atol=1e-4)


def test_differences_alone_decide_where_they_weigh_most():
    X, y = scaled(load_diabetes)
    slopes = np.arange(1.0, 11.0)
    moved = moves(X, lambda rows: (rows @ slopes)[:, None])
    student = LinearStudent(difference_weight=1e6).fit(X, y, moves=moved)
    assert_allclose(student.coef_[0], slopes, rtol=1e-3)
    assert_allclose(student.predict(X).mean(), y.mean(), rtol=1e-4)  # the intercept is as free as before


@pytest.mark.parametrize("loss", ["log_loss", "squared", "poisson"])
def test_tables_pay_for_how_what_they_answer_changes(loss):
    X, _ = scaled(load_iris)
    moved = moves(X, lambda rows: LINKS["softmax"](np.sin(2 * rows[:, :3])))
    student = AdditiveStudent(loss, difference_weight=0.7)
    student.loss_, student.n_features_in_, student.n_outputs_ = loss, 4, 3
    edges = [np.float32(e) for e in ([-0.5, 0.5], [], [0.1], [-1.0, 0.0, 1.0])]
    pairs = [Pair((1, 3), (np.float32([0.2, 0.4]), np.float32([-0.3])))]
    engine = MemoryEngine({"X": X, "Q": LINKS["softmax"](X[:, :3]), "weight": np.ones(len(X))}, block_rows=40)
    with student._given(moved):
        problem = student._problem(engine, edges, pairs, 1.0)
    theta = np.random.default_rng(0).normal(size=(9, 3))
    if loss == "log_loss":  # the tables are told up to a constant of each row
        theta -= theta.mean(axis=1, keepdims=True)
    value, slope = (lambda t, i=i: np.ravel(problem.value(t.reshape(9, 3))[i]) for i in (0, 1))
    assert check_grad(lambda t: value(t)[0], slope, theta.ravel()) < 1e-5

    table = _lower(problem, theta, edges, pairs)
    wanted = moved.engine(LinearStudent().fit(X, X[:, :3]), loss).whole("Q")
    errors = table.evaluate(moved.end) - table.evaluate(moved.start) - wanted
    errors -= errors.mean(axis=1, keepdims=True) if loss == "log_loss" else 0
    errors /= problem.frame.scale if loss == "squared" else 1
    with_moves, problem._moved = problem.value(theta)[0], None
    n_features = 4  # of which a move changes one
    expected = 0.5 * 0.7 * n_features * np.square(errors).sum() / len(errors)
    assert_allclose(with_moves - problem.value(theta)[0], expected, rtol=1e-5)


@pytest.mark.parametrize("student", [LinearStudent(), LinearStudent(sparsity=2.0), AdditiveStudent()])
def test_agrees_better_on_differences_of_rows_it_has_not_seen(student):
    X, y = scaled(load_wine)
    ask = make_pipeline(PolynomialFeatures(), LogisticRegression(C=0.1, max_iter=1000)).fit(X, y).predict_proba
    Q, seen, unseen = ask(X), moves(X, ask), moves(X, ask, seed=1)
    logs = [np.log(np.maximum(labels, 1e-6)) for labels in (unseen.start_labels, unseen.end_labels)]
    truth = logs[1] - logs[0]
    truth -= truth.mean(axis=1, keepdims=True)
    errors = []
    for weight in (0.0, 0.1, 1.0):
        student.set_params(difference_weight=weight).fit(X, Q, moves=seen)
        errors.append(np.square(score_changes(unseen, student.decision_function) - truth).mean())
    assert max(errors[1:]) < errors[0]  # beyond .1 little is left to gain


@pytest.mark.parametrize("loss", ["log_loss", "squared", "poisson"])
@pytest.mark.parametrize("kind", ["full", "gram", "diagonal"])
def test_every_curvature_leads_to_the_same_line(loss, kind, monkeypatch):
    X, _ = scaled(load_iris)
    widths = {"full": 15, "gram": 5, "diagonal": 4}
    monkeypatch.setattr("skdistill.students._descent.CURVATURE_WIDTH", widths[kind])
    Q = LINKS["softmax"](np.sin(2 * X[:, :3]))
    moved = moves(X, lambda rows: LINKS["softmax"](np.sin(2 * rows[:, :3])))
    student = LinearStudent(loss, difference_weight=0.5, tol=1e-7).fit(X, Q, moves=moved)
    monkeypatch.undo()
    assert_allclose(
        student.predict(X), LinearStudent(loss, difference_weight=0.5).fit(X, Q, moves=moved).predict(X), atol=1e-5
    )


def test_gradient_is_the_derivative():
    X, _ = scaled(load_iris)
    Q = LINKS["softmax"](np.sin(2 * X[:, :3]))
    problem = Problem(MemoryEngine({"X": X, "Q": Q, "weight": np.ones(len(X))}), "log_loss", (5, 3), 1.0)
    student = LinearStudent(difference_weight=2.0).fit(
        X, Q, moves=(moved := moves(X, lambda rows: np.full((300, 3), 1 / 3)))
    )
    problem.match(moved.engine(student, "log_loss"), 2.0)
    theta = np.random.default_rng(0).normal(size=15)
    value, slope = (lambda t: problem.value(t.reshape(5, 3))[0]), (lambda t: problem.value(t.reshape(5, 3))[1].ravel())
    assert check_grad(value, slope, theta) < 1e-5


@pytest.mark.parametrize("student", [LinearStudent(), AdditiveStudent()])
def test_without_weight_moves_change_nothing_and_are_not_kept(student):
    X, y = scaled(load_diabetes)
    moved = moves(X, lambda rows: rows[:, :1])
    with_moves, without = clone(student).fit(X, y, moves=moved), clone(student).fit(X, y)
    assert_array_equal(with_moves.predict(X), without.predict(X))
    assert vars(with_moves).keys() == vars(without).keys()


@pytest.mark.parametrize("student", [LinearStudent(difference_weight=1.0), AdditiveStudent(difference_weight=1.0)])
def test_rows_in_blocks_give_the_same_student(student):
    X, y = scaled(load_diabetes)
    moved = moves(X, lambda rows: rows[:, :1] ** 2)
    whole = clone(student).fit(X, y, moves=moved).predict(X)
    engine = MemoryEngine({"X": X, "Q": y[:, None], "weight": np.ones(len(y))}, block_rows=100)
    blocks = clone(student).fit_blocks(engine, 10, 1, moves=moved).predict(X)
    assert_allclose(blocks, whole, rtol=1e-5)


def test_says_what_is_missing_or_wrong():
    X, y = scaled(load_diabetes)
    student = LinearStudent(difference_weight=0.5)
    with pytest.raises(ValueError, match=r"difference_weight=0.5 needs rows before and after small moves.*Pass moves="):
        student.fit(X, y)
    assert student._moves is None
    with pytest.raises(ValueError, match=r"difference_weight=1 needs rows before and after small moves"):
        AdditiveStudent(difference_weight=1.0).fit(X, y)
    with pytest.raises(ValueError, match=r"LowRankStudent fits columns.*difference_weight=0"):
        LowRankStudent(AdditiveStudent(difference_weight=1.0)).check("classification")
    good = moves(X, lambda rows: rows[:, :1])
    with pytest.raises(
        ValueError, match=r"moves.end must be a dense matrix of shape \(300, 10\).*Got shape \(300, 9\)"
    ):
        student.fit(X, y, moves=good._replace(end=good.end[:, 1:]))
    with pytest.raises(ValueError, match=r"moves.end_labels must .* without NaN"):
        student.fit(X, y, moves=good._replace(end_labels=np.full((300, 1), np.nan)))
    with pytest.raises(
        ValueError, match=r"'difference_weight' parameter of LinearStudent must be a float in the range"
    ):
        LinearStudent(difference_weight=-1).fit(X, y)
    with pytest.raises(ValueError, match=r"takes at most 1,499 features.*sparsity=0 and difference_weight=0"):
        student.fit(np.ones((3, 1500)), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("student", [LinearStudent(), AdditiveStudent(pairs=0)])
def test_committee_labels_the_moves(student):
    X, y = load_wine(return_X_y=True)
    teachers = [make_pipeline(StandardScaler(), PolynomialFeatures(), LogisticRegression(C=0.1, max_iter=1000))]
    plain, matched = (
        DistilledClassifier(
            teachers, clone(student).set_params(difference_weight=w), blend=0.0, cv=3, random_state=0
        ).fit(X, y)
        for w in (0.0, 0.1)
    )
    assert matched.student_.difference_weight == 0.1
    moved = moves(X, matched.oracle_, seed=5)
    logs = [np.log(np.maximum(labels, 1e-6)) for labels in (moved.start_labels, moved.end_labels)]
    truth = logs[1] - logs[0]
    truth -= truth.mean(axis=1, keepdims=True)

    def error(estimator):
        scores = [np.log(estimator.predict_proba(rows)) for rows in (moved.start, moved.end)]
        change = scores[1] - scores[0]
        return np.square(change - change.mean(axis=1, keepdims=True) - truth).mean()

    assert error(matched) < error(plain)
    # From hard labels alone there is nothing to match: the rival is that of the student without.
    hard, plain_hard = (each.hard_student_.predict(each.hard_encoder_.transform(X)) for each in (matched, plain))
    assert_array_equal(hard, plain_hard)


def test_sparse_rows_are_refused_by_name():
    X, y = load_diabetes(return_X_y=True)
    estimator = DistilledRegressor([Ridge()], student=LinearStudent(difference_weight=1.0))
    with pytest.raises(TypeError, match=r"LinearStudent\(difference_weight=1.0, .*\) does not take sparse X"):
        estimator.fit(sparse.csr_array(X), y)
