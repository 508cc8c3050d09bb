import inspect
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LogisticRegression, MultiTaskLasso, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill import DistilledRegressor
from skdistill.engine import FileEngine, MemoryEngine, _linear_blocks
from skdistill.model import LINKS, Linear, packed_nbytes
from skdistill.students import LinearStudent, _descent, _sparse, for_width, resolve_families

# A converged reference; Newton's method is the solver that gets there on raw features.
EXACT = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 10_000}


@parametrize_with_checks([LinearStudent()])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def soft(X, k, seed=0, sharpness=1.0):
    """Soft labels that no line reproduces."""
    rng = np.random.default_rng(seed)
    Z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    Z = sharpness * (Z @ rng.normal(size=(X.shape[1], k)) + np.sin(3 * Z[:, :1]) * rng.normal(size=k))
    return LINKS["softmax"](Z)


def rows(loader):
    """Real features that float32 holds exactly, so that both sides see the same numbers."""
    X, y = loader(return_X_y=True)
    return X.astype(np.float32).astype(np.float64), y


def replicated(X, Q, weight=1.0, **parameters):
    n, k = Q.shape
    fitted = LogisticRegression(**{**EXACT, **parameters})
    return fitted.fit(np.repeat(X, k, axis=0), np.tile(np.arange(k), n), sample_weight=(Q * np.c_[weight]).ravel())


@pytest.mark.parametrize("loader", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("alpha", [100.0, 1.0, 0.01])
def test_hard_labels_give_logistic_regression(loader, alpha):
    X, y = rows(loader)
    reference = LogisticRegression(C=1 / alpha, **EXACT).fit(X - X.mean(axis=0), y)
    student = LinearStudent(alpha=alpha).fit(X, np.eye(y.max() + 1)[y])
    assert student.loss_ == "log_loss"
    assert_allclose(student.predict(X), reference.predict_proba(X - X.mean(axis=0)), atol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_soft_labels_give_logistic_regression_on_replicated_rows(k, fit_intercept):
    X, _ = rows(load_wine)
    Q, weight = soft(X, k), np.random.default_rng(1).uniform(0.2, 3, len(X))
    X = (X - X.mean(axis=0)) / X.std(axis=0) + 0.5
    reference = replicated(X, Q, weight, C=0.25, fit_intercept=fit_intercept)
    student = LinearStudent(alpha=4, fit_intercept=fit_intercept).fit(X, Q, weight)
    assert_allclose(student.predict(X), reference.predict_proba(X), atol=1e-6)
    if k > 2:
        assert_allclose(student.coef_, reference.coef_ - reference.coef_[-1], atol=1e-6)
        assert_allclose(student.intercept_, reference.intercept_ - reference.intercept_[-1], atol=1e-6)
    else:
        assert_allclose(student.coef_, np.vstack([-reference.coef_, 0 * reference.coef_]), atol=1e-6)
    if not fit_intercept:
        assert_array_equal(student.intercept_, 0)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 50.0])
def test_values_give_ridge(alpha, fit_intercept):
    X, y = rows(load_diabetes)
    targets = np.column_stack([y, 1e6 + X @ np.arange(10) + 0.01 * y])
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    reference = Ridge(alpha=alpha, fit_intercept=fit_intercept).fit(X, targets, weight)
    student = LinearStudent(alpha=alpha, fit_intercept=fit_intercept).fit(X, targets, weight)
    assert student.loss_ == "squared"
    # What float32 coefficients allow.
    largest = np.abs(reference.coef_).max(axis=1, keepdims=True)
    assert_allclose(student.coef_ / largest, reference.coef_ / largest, atol=1e-6)
    scale = targets.std(axis=0) if fit_intercept else np.sqrt(np.square(targets).mean(axis=0))
    assert_allclose(student.predict(X) / scale, reference.predict(X) / scale, atol=1e-5)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_predicts_what_its_model_form_predicts(loss):
    X, _ = rows(load_wine)
    student = LinearStudent(loss).fit(X, soft(X, 3))
    form = student.predictor_
    assert isinstance(form, Linear)
    assert form.coef.dtype == form.intercept.dtype == np.float32
    if loss == "log_loss":
        assert_array_equal(student.decision_function(X), form.evaluate(X.astype(np.float32)))
    else:
        assert not hasattr(student, "decision_function")
    assert_array_equal(student.predict(X), LINKS[student.link_](form.evaluate(X.astype(np.float32))))
    assert_array_equal(student.coef_, form.coef.T)
    assert_array_equal(student.intercept_, form.intercept)
    if loss == "log_loss":
        assert_allclose(student.predict(X).sum(axis=1), 1, rtol=1e-12)
        assert_array_equal(student.coef_[-1], 0)
        assert_array_equal(student.intercept_[-1], 0)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
@pytest.mark.parametrize("d", [40, 1600])
def test_sparse_equals_dense(d, loss):
    rng = np.random.default_rng(0)
    X = sparse.random(400, d, density=0.05, format="csr", dtype=np.float32, random_state=0)
    Q = LINKS["softmax"](X @ rng.normal(size=(d, 3)) * 3)
    dense = LinearStudent(loss, alpha=1.0, tol=1e-7).fit(X.toarray(), Q)
    for form in (X, sparse.csc_array(X)):
        student = clone(dense).fit(form, Q)
        assert_allclose(student.predict(X), dense.predict(X.toarray()), atol=1e-5)
        assert_allclose(student.predict(X), student.predict(X.toarray()), atol=1e-12)


def test_sparse_features_stay_sparse():
    n, d = 500, 50_000
    X = sparse.random(n, d, density=1e-3, format="csr", dtype=np.float32, random_state=0)
    Q = LINKS["softmax"](X @ np.random.default_rng(0).normal(size=(d, 3)))
    tracemalloc.start()
    LinearStudent().fit(X, Q)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * n * d * 4  # a float32 copy, and far from the Gram matrix


def solved(X, Q, block_rows, loss, tol, max_iter=500):
    """A solved problem and what its line, not yet rounded to float32, predicts in the loss's own units."""
    engine = MemoryEngine({"X": X.astype(np.float32), "Q": Q, "weight": np.ones(len(X))}, block_rows)
    problem = _descent.Problem(engine, loss, (X.shape[1] + 1, Q.shape[1]), 1.0)
    theta, _, left = problem.solve(max_iter, tol)
    assert left <= tol
    scores = (X - problem.frame.center) @ theta[:-1] + theta[-1]
    return problem, LINKS[LinearStudent.links[loss]](scores)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_block_size_does_not_matter(loss):
    X, _ = rows(load_digits)
    Q = soft(X, 4, sharpness=0.2)
    one, many = (solved(X, Q, size, loss, 1e-6)[1] for size in (len(X), 89))
    assert_allclose(many, one, atol=1e-9)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_out_of_core_the_line_is_the_same_to_nine_digits(loss):
    X, _ = rows(load_digits)
    columns = {"X": X.astype(np.float32), "Q": soft(X, 4, sharpness=0.2), "weight": np.ones(len(X))}

    def read(size):
        return ({name: c[i : i + size] for name, c in columns.items()} for i in range(0, len(X), size))

    theta = []
    for engine in (MemoryEngine(columns), FileEngine(read, len(X), 100)):
        problem = _descent.Problem(engine, loss, (X.shape[1] + 1, 4), 1.0)
        theta.append(problem.in_units(problem.solve(500, 1e-6)[0])[0])
    assert_allclose(theta[1], theta[0], rtol=1e-9)


def drawn(block):
    return len(block["Q"][block["sample"]])


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_the_sample_only_steers(loss, monkeypatch):
    X, _ = rows(load_digits)
    Q = soft(X, 4, sharpness=0.2)
    whole, predicted = solved(X, Q, 500, loss, 1e-7)
    assert whole.engine.reduce(drawn) == len(X)
    monkeypatch.setattr(_descent, "SAMPLE_ROWS", 300)
    counts = set()
    for block_rows in (500, 89):
        sampled, again = solved(X, Q, block_rows, loss, 1e-7)
        counts.add(sampled.engine.reduce(drawn))
        assert_allclose(again, predicted, atol=1e-5)
    assert len(counts) == 1  # the same rows, however they lie in blocks
    assert 0.1 * len(X) < counts.pop() < 0.25 * len(X)


@pytest.mark.parametrize("kind", ["full", "gram", "diagonal"])
def test_every_curvature_leads_to_the_same_line(kind, monkeypatch):
    X, _ = rows(load_wine)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    Q = soft(X, 3)
    _, exact = solved(X, Q, 50, "log_loss", 1e-7)
    monkeypatch.setattr(_descent, "CURVATURE_WIDTH", {"full": 42, "gram": 14, "diagonal": 0}[kind])
    limited, predicted = solved(X, Q, 50, "log_loss", 1e-7)
    assert limited.kind == kind
    assert_allclose(predicted, exact, atol=1e-6)


@pytest.mark.parametrize("function", ["softmax_sums", "squared_sums"])
def test_gradients_and_curvatures_are_derivatives(function):
    blocks, rng = _linear_blocks, np.random.default_rng(0)
    block = {
        "start": 3,
        "X": rng.normal(size=(40, 4)).astype(np.float32),
        "Q": rng.dirichlet(np.ones(3), 40),
        "weight": rng.uniform(0.5, 2, 40),
        "sample": np.flatnonzero(rng.random(40) < 0.5),
    }
    frame = blocks.Frame(rng.normal(size=4), 1.0, rng.normal(size=3), rng.uniform(1, 2, 3))
    sums, theta, step, sampled = getattr(blocks, function), rng.normal(size=(5, 3)), 1e-5, True

    def slope(part, direction):
        ahead, behind = (sums(block, theta + s * direction, frame, sampled)[part] for s in (step, -step))
        return (ahead - behind) / (2 * step)

    directions = np.eye(15).reshape(15, 5, 3)
    gradient = np.array([slope(1, direction) for direction in directions])
    hessian = np.array([slope(2, direction).ravel() for direction in directions])
    assert_allclose(sums(block, theta, frame, sampled)[2].ravel(), gradient, atol=1e-7)
    if function == "softmax_sums":
        assert_allclose(blocks.softmax_hessian(block, theta, frame, sampled)[1].reshape(15, 15), hessian, atol=1e-7)
        assert_allclose(blocks.softmax_diagonal(block, theta, frame, sampled)[1].ravel(), hessian.diagonal(), atol=1e-7)
        mean = np.einsum("acbc->ab", hessian.reshape(5, 3, 5, 3)) / 2
        assert_allclose(blocks.softmax_gram(block, theta, frame, sampled)[1], mean, atol=1e-7)
    else:
        gram = blocks.squared_gram(block, theta, frame, sampled)[1]
        assert_allclose(np.kron(gram, np.eye(3)), hessian, atol=1e-7)
        assert_allclose(blocks.squared_diagonal(block, theta, frame, sampled)[1].ravel(), gram.diagonal(), atol=1e-7)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_integer_weights_are_repeated_rows(loss):
    X, _ = rows(load_wine)
    Q, weight = soft(X, 3), np.random.default_rng(0).integers(0, 4, len(X))
    weighted = LinearStudent(loss).fit(X, Q, weight)
    repeated = LinearStudent(loss).fit(np.repeat(X, weight, axis=0), np.repeat(Q, weight, axis=0))
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_rows_of_weight_zero_are_absent(loss):
    X, _ = rows(load_wine)
    Q, kept = soft(X, 3), np.arange(len(X)) % 3 > 0
    X_junk = np.where(kept[:, None], X, 1e20)
    Q_junk = np.where(kept[:, None], Q, 0.0 if loss == "log_loss" else 1e9)
    weighted = LinearStudent(loss).fit(X_junk, Q_junk, kept.astype(float))
    without = LinearStudent(loss).fit(X[kept], Q[kept])
    assert_array_equal(weighted.predict(X), without.predict(X))


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_collinear_and_constant_columns(loss, alpha):
    X, _ = rows(load_wine)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    Q = soft(X, 3, sharpness=0.3)
    plain = LinearStudent(loss, alpha=0.0).fit(X, Q)
    more = LinearStudent(loss, alpha=alpha).fit(
        np.column_stack([X, X[:, :3], np.full(len(X), 7.0), np.zeros(len(X))]), Q
    )
    wide = np.column_stack([X, X[:, :3], np.full(len(X), 7.0), np.zeros(len(X))])
    assert_allclose(more.coef_[:, -2:], 0, atol=1e-6)
    if alpha == 0:  # only the predictions are unique
        assert_allclose(more.predict(wide), plain.predict(X), atol=1e-5)
    else:
        assert_allclose(more.coef_[:, :3], more.coef_[:, 13:16], atol=1e-5)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("d", [120, 3000])
def test_more_features_than_rows(d, k):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, d)).astype(np.float32).astype(np.float64)
    if k == 1:
        y = X[:, 0] + X[:, 1]
        student = LinearStudent(alpha=10.0).fit(X, y)
        assert_allclose(student.predict(X), Ridge(alpha=10.0).fit(X, y).predict(X), atol=1e-5)
    else:
        Q = rng.dirichlet(np.ones(k), 60)
        student = LinearStudent(alpha=10.0).fit(X, Q)
        reference = replicated(X, Q, C=0.1, solver="lbfgs", tol=1e-8)
        assert_allclose(student.predict(X), reference.predict_proba(X), atol=1e-5)


def test_columns_of_huge_and_tiny_scale_far_from_zero():
    X, _ = rows(load_wine)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    Q = soft(X, 3)
    scale, shift = np.logspace(-6, 12, 13), np.linspace(-20, 20, 13)
    # Rounded to float32 first, so that both see the same rows.
    moved = ((X + shift) * scale).astype(np.float32)
    back = moved.astype(np.float64) / scale - shift
    with_scale = LinearStudent(alpha=0).fit(moved, Q)
    assert with_scale.n_iter_ < 30
    assert_allclose(with_scale.predict(moved), LinearStudent(alpha=0).fit(back, Q).predict(back), atol=2e-4)
    values = LinearStudent(alpha=0).fit(moved, Q[:, 0])
    assert_allclose(values.predict(moved), LinearStudent(alpha=0).fit(back, Q[:, 0]).predict(back), atol=2e-4)


def test_a_class_without_mass():
    X, _ = rows(load_iris)
    Q = soft(X, 2)
    with_empty = LinearStudent(alpha=1.0).fit(X, np.insert(Q, 1, 0.0, axis=1)).predict(X)
    assert with_empty[:, 1].max() < 1e-7
    # Two classes of three are penalised on both lines, not on their difference.
    assert_allclose(with_empty[:, [0, 2]], LinearStudent(alpha=0.5).fit(X, Q).predict(X), atol=1e-5)


def test_all_mass_on_one_class():
    X, _ = rows(load_iris)
    student = LinearStudent().fit(X, np.tile([0.0, 1.0, 0.0], (len(X), 1)))
    assert_allclose(student.predict(X), np.tile([0.0, 1.0, 0.0], (len(X), 1)), atol=1e-7)


def test_shapes_of_targets():
    X, y = rows(load_diabetes)
    assert LinearStudent().fit(X, y).predict(X).shape == (len(X),)
    assert LinearStudent().fit(X, y[:, None]).predict(X).shape == (len(X), 1)
    student = LinearStudent().fit(X, np.column_stack([y, y]))
    assert student.predict(X).shape == (len(X), 2)
    assert student.coef_.shape == (2, 10)
    assert student.intercept_.shape == (2,)
    assert student.n_outputs_ == 2


def test_float32_targets_are_taken_as_they_are():
    X, _ = rows(load_wine)
    Q = soft(X, 3)
    assert_allclose(
        LinearStudent().fit(X, Q.astype(np.float32)).predict(X), LinearStudent().fit(X, Q).predict(X), atol=1e-5
    )


def test_inputs_are_left_alone():
    X, _ = rows(load_wine)
    X, Q, weight = X.astype(np.float32), soft(X, 3), np.ones(len(X))
    for array in (X, Q, weight):
        array.setflags(write=False)
    LinearStudent().fit(X, Q, weight)


def test_fitting_separable_hard_labels_without_much_penalty():
    X, y = rows(load_digits)
    student = LinearStudent(alpha=1e-6).fit(X, np.eye(10)[y])
    assert (student.predict(X).argmax(axis=1) == y).all()


def test_periodic_rows_do_not_mislead_the_sample(monkeypatch):
    monkeypatch.setattr(_descent, "SAMPLE_ROWS", 1000)
    rare = np.arange(16_000) % 16 == 0
    X = np.random.default_rng(0).normal(size=(len(rare), 5)) + rare[:, None]
    assert LinearStudent().fit(X, np.eye(2)[rare.astype(int)]).n_iter_ < 15


def test_scratch_memory_does_not_grow_with_rows():
    def peak(n):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(n, 10)).astype(np.float32)
        Q = LINKS["softmax"](X[:, :3].astype(np.float64))
        tracemalloc.start()
        LinearStudent().fit(X, Q)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(400_000) < 1.1 * peak(100_000)


def test_says_so_when_it_does_not_converge():
    X, _ = rows(load_digits)
    with pytest.warns(
        ConvergenceWarning, match=r"stopped after 3 iterations .* Scale the features, increase alpha"
    ) as all_:
        student = LinearStudent(max_iter=3).fit(X, soft(X, 3))
    assert student.n_iter_ == 3
    assert all_[0].filename == inspect.getfile(test_says_so_when_it_does_not_converge)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, r"The 'alpha' parameter of LinearStudent must be a float in the range \[0.0, inf\)\. Got -1"),
        ({"sparsity": -1}, r"The 'sparsity' parameter of LinearStudent must be a float in the range \[0.0, inf\)"),
        ({"tol": 0}, r"The 'tol' parameter of LinearStudent must be a float in the range \(0.0, inf\)\. Got 0"),
        ({"max_iter": 0}, r"The 'max_iter' parameter of LinearStudent must be an int in the range \[1, inf\)\. Got 0"),
        ({"loss": "hinge"}, r"The 'loss' parameter of LinearStudent must be a str among .*Got 'hinge'"),
        ({"fit_intercept": "yes"}, r"The 'fit_intercept' parameter of LinearStudent must be .*Got 'yes'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        LinearStudent(**parameters).fit(np.eye(3), [1.0, 2.0, 3.0])


def test_capabilities_are_data():
    assert LinearStudent.losses == {"log_loss", "squared", "poisson"}
    assert LinearStudent.takes_sparse
    assert LinearStudent.wants_scaling


def standardised(loader):
    X, y = loader(return_X_y=True)
    return ((X - X.mean(axis=0)) / X.std(axis=0)).astype(np.float32).astype(np.float64), y


def problem_of(X, Q, loss, alpha):
    engine = MemoryEngine({"X": X.astype(np.float32), "Q": Q, "weight": np.ones(len(X))})
    return _descent.Problem(engine, loss, (X.shape[1] + 1, Q.shape[1]), alpha)


@pytest.mark.parametrize("sparsity", [5.0, 40.0])
def test_sparsity_keeps_the_features_of_the_lasso_and_fits_them_without_it(sparsity):
    X, y = standardised(load_breast_cancer)
    Q = np.eye(2)[y]
    lasso = LogisticRegression(C=1 / sparsity, l1_ratio=1.0, solver="saga", tol=1e-7, max_iter=10_000).fit(X, y)
    theta, _, left = _sparse.solve_sparse(problem_of(X, Q, "log_loss", 0.0), sparsity, 100, 1e-8)
    assert left <= 1e-8
    assert_allclose((theta[:, 1] - theta[:, 0])[:-1], lasso.coef_[0], atol=1e-3)

    student = LinearStudent(alpha=2.0, sparsity=sparsity, tol=1e-8).fit(X, Q)
    used = student.coef_.any(axis=0)
    kept = LogisticRegression(C=0.5, **EXACT).fit(X[:, used], y)
    assert 0 < used.sum() < 20
    assert_allclose((student.coef_[1] - student.coef_[0])[used], kept.coef_[0], atol=1e-5)
    assert_allclose(student.predict(X)[:, 1], kept.predict_proba(X[:, used])[:, 1], atol=1e-5)


def test_sparsity_keeps_the_features_of_the_lasso_for_values():
    X, y = standardised(load_diabetes)
    targets = np.column_stack([y, 50 * X[:, 0] - y])
    targets /= targets.std(axis=0)
    for Q, lasso in ((targets[:, :1], Lasso), (targets, MultiTaskLasso)):
        theta, _, _ = _sparse.solve_sparse(problem_of(X, Q, "squared", 0.0), 30.0, 100, 1e-8)
        reference = lasso(alpha=30 / len(y), tol=1e-8).fit(X, Q)
        assert_allclose(theta[:-1].T, np.atleast_2d(reference.coef_), atol=1e-5)
        student = LinearStudent(alpha=3.0, sparsity=30.0, tol=1e-8).fit(X, Q)
        used = student.coef_.any(axis=0)
        assert 0 < used.sum() < 10
        assert_allclose(
            student.predict(X), Ridge(3.0).fit(X[:, used], Q).predict(X[:, used]).reshape(Q.shape), atol=1e-4
        )


@pytest.mark.parametrize("kind", ["full", "gram"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_sparse_line_meets_the_conditions_of_a_minimum(kind, alpha, monkeypatch):
    X, y = standardised(load_wine)
    monkeypatch.setattr(_descent, "CURVATURE_WIDTH", 30 if kind == "gram" else 1500)
    Q = 0.9 * np.eye(3)[y] + 0.1 / 3
    problem = problem_of(X, Q, "log_loss", alpha)
    assert problem.kind == kind
    theta, _, _ = _sparse.solve_sparse(problem, 8.0, 500, 1e-8)
    P = LINKS["softmax"]((X - problem.frame.center) @ theta[:-1] + theta[-1])
    gradient = (X - problem.frame.center).T @ (P - Q) + alpha * theta[:-1]
    lengths = np.linalg.norm(theta[:-1], axis=1)
    used = lengths > 0
    assert 0 < used.sum() < X.shape[1]
    assert_allclose(gradient[used], (-8 * theta[:-1] / np.maximum(lengths, 1e-9)[:, None])[used], atol=1e-4)
    assert (np.linalg.norm(gradient[~used], axis=1) < 8).all()


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_no_step_towards_a_sparse_line_raises_its_objective(loss):
    X, y = standardised(load_wine)
    problem = problem_of(X, np.eye(3)[y], loss, 0.1)
    reached = []
    for max_iter in range(8):
        theta, _, _ = _sparse.solve_sparse(problem, 2.0, max_iter, 1e-12)
        reached.append(problem.value(theta)[0] + 2 * np.linalg.norm(theta[:-1], axis=1).sum() / len(y))
    assert (np.diff(reached) <= 0).all()
    assert reached[0] > reached[-1] + 0.1


def test_sparser_lines_are_smaller_and_block_size_does_not_matter(monkeypatch):
    X, y = standardised(load_wine)
    Q = np.eye(3)[y]
    sizes = []
    for sparsity in (0.0, 3.0, 20.0, 1e4):
        student = LinearStudent(sparsity=sparsity).fit(X, Q)
        used = int(student.coef_.any(axis=0).sum())
        sizes.append(packed_nbytes(student.predictor_, student.link_))
        assert sizes[-1] == 12 + (2 if used else 1) + used + 4 * 2 * (used + 1)
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert_allclose(student.predict(X[:1]), Q.mean(axis=0, keepdims=True), atol=1e-6)
    one = LinearStudent(alpha=1.0, sparsity=3.0, tol=1e-9).fit(X, Q)
    monkeypatch.setattr(LinearStudent, "block_rows", lambda student, width: 37)
    assert_allclose(LinearStudent(alpha=1.0, sparsity=3.0, tol=1e-9).fit(X, Q).coef_, one.coef_, rtol=1e-6, atol=1e-7)


def test_sparse_lines_take_weights_and_sparse_rows():
    X, y = standardised(load_wine)
    Q, weight = np.eye(3)[y], np.random.default_rng(0).integers(0, 4, len(y))
    weighted = LinearStudent(sparsity=3.0, tol=1e-8).fit(X, Q, weight)
    repeated = LinearStudent(sparsity=3.0, tol=1e-8).fit(np.repeat(X, weight, axis=0), np.repeat(Q, weight, axis=0))
    assert_allclose(weighted.coef_, repeated.coef_, atol=1e-5)
    rows_ = LinearStudent(sparsity=3.0, tol=1e-8).fit(sparse.csr_array(X), Q)
    assert_allclose(rows_.coef_, LinearStudent(sparsity=3.0, tol=1e-8).fit(X, Q).coef_, atol=1e-5)


TOO_WIDE = r"LinearStudent\(.*sparsity=2.0\) takes at most 1,499 features, got 1,500 after encoding\. Choose features"


def test_sparsity_says_how_many_features_it_takes():
    X = np.random.default_rng(0).normal(size=(20, 1500))
    with pytest.raises(ValueError, match=TOO_WIDE):
        LinearStudent(sparsity=2.0).fit(X, X[:, 0])


def test_too_many_features_for_sparsity_are_refused_before_any_teacher_is_fitted():
    X = sparse.random_array((40, 1500), density=0.01, rng=np.random.default_rng(0), format="csr")
    teacher = Ridge(alpha=-1.0)  # which no fit accepts
    distilled = DistilledRegressor(teachers=teacher, student=LinearStudent(sparsity=2.0))
    with pytest.raises(ValueError, match=TOO_WIDE):
        distilled.fit(X, np.arange(40.0))


def test_lines_of_all_sizes_without_those_that_do_not_take_so_many_features():
    families = resolve_families("linear", 4096, "regression")
    assert for_width(families, 1499) == families
    (dense,) = for_width(families, 1500)
    assert [student.sparsity for student in dense] == [0.0]


def test_where_a_descent_finds_no_step_more_of_the_curvature_at_the_origin_is_added():
    X, y = standardised(load_wine)
    problem = problem_of(X, np.eye(3)[y], "log_loss", 1e-3)
    certain = 50 * problem.solve(100, 1e-6)[0]
    flat, origin = problem.curvature(certain), problem.curvature(problem.origin())
    for share in _descent.DAMPING[1:]:
        assert problem._damped()
        added = problem.curvature(certain) - flat
        assert_allclose(added[:-3, :-3], share * origin[:-3, :-3], atol=1e-5 * share)
    assert not problem._damped()
