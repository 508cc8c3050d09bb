import inspect
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdistill.engine import MemoryEngine
from skdistill.model import LINKS, Additive
from skdistill.students import AdditiveStudent, LinearStudent, _cuts, _pairs


@parametrize_with_checks([AdditiveStudent(max_bins=8, pairs=1)])
def test_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def rows(loader):
    X, y = loader(return_X_y=True)
    return X.astype(np.float32), y


def soft(X, k, seed=0):
    """Soft labels from bumps in each feature, which no line reproduces."""
    rng = np.random.default_rng(seed)
    Z = (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9)
    return LINKS["softmax"](np.sin(2 * Z) @ rng.normal(size=(X.shape[1], k)))


def thermometer(X, predictor):
    """The matrix that the student never builds: a column for each edge, 1 above it."""
    columns = [X[:, [i]] > edges for i, edges in enumerate(predictor.edges) if len(edges)]
    return np.hstack(columns).astype(np.float64)


@pytest.mark.parametrize("pruning", [0.0, 2.0])
@pytest.mark.parametrize("k", [2, 3])
def test_is_logistic_regression_on_steps(k, pruning):
    X, _ = rows(load_wine)
    Q, weight = soft(X, k), np.random.default_rng(1).uniform(0.2, 3, len(X))
    student = AdditiveStudent(pairs=0, max_bins=6, alpha=0.5, pruning=pruning, tol=1e-8).fit(X, Q, weight)
    T = thermometer(X, student.predictor_)
    reference = LogisticRegression(C=2.0, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(
        np.repeat(T, k, axis=0), np.tile(np.arange(k), len(X)), sample_weight=(Q * weight[:, None]).ravel()
    )
    assert_allclose(student.predict(X), reference.predict_proba(T), atol=1e-6)


@pytest.mark.parametrize("pruning", [0.0, 1.0])
def test_is_ridge_on_steps(pruning):
    X, y = rows(load_diabetes)
    targets = np.column_stack([y, 1e4 - 3 * y + 10 * X[:, 0]])
    student = AdditiveStudent(pairs=0, max_bins=8, alpha=3.0, pruning=pruning, tol=1e-9).fit(X, targets)
    T = thermometer(X, student.predictor_)
    assert_allclose(student.predict(X), Ridge(alpha=3.0).fit(T, targets).predict(T), rtol=1e-5)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_two_valued_features_give_a_line(loss):
    rng = np.random.default_rng(0)
    X = (rng.random((300, 6)) < 0.4).astype(np.float32)
    Q = LINKS["softmax"](X @ rng.normal(size=(6, 3)) + 0.3 * rng.normal(size=(300, 3)))
    student, line = (kind(loss, tol=1e-8, **more).fit(X, Q) for kind, more in PAIR)
    assert_allclose(student.predict(X), line.predict(X), atol=1e-6)
    assert [len(edges) for edges in student.predictor_.edges] == [1] * 6


PAIR = [(AdditiveStudent, {"pruning": 0.0, "pairs": 0, "alpha": 2.0}), (LinearStudent, {"alpha": 2.0})]


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_predicts_what_its_model_form_predicts(loss):
    X, _ = rows(load_wine)
    student = AdditiveStudent(loss, max_bins=8).fit(X, soft(X, 3))
    form = student.predictor_
    assert isinstance(form, Additive)
    assert all(not table[0].any() for table in form.tables)
    assert_array_equal(student.predict(X), LINKS[student.link_](form.evaluate(X)))
    assert_array_equal(student.predict(X), student.evaluate(X))
    if loss == "log_loss":
        assert_array_equal(student.decision_function(X), form.evaluate(X))
        assert_allclose(student.predict(X).sum(axis=1), 1, rtol=1e-12)
        assert not any(table[:, -1].any() for table in [*form.tables, form.intercept[None]])
    else:
        assert not hasattr(student, "decision_function")


def test_learns_shapes_that_no_line_has():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(4000, 3)).astype(np.float32)
    y = np.abs(X[:, 0]) + (X[:, 1] > 0.5)
    student = AdditiveStudent(pairs=0, pruning=0.0, max_bins=32).fit(X, y)
    assert student.score(X, y) > 0.99
    assert LinearStudent().fit(X, y).score(X, y) < 0.4
    edges = student.predictor_.edges[1]
    assert np.abs(edges - 0.5).min() < 0.01


def test_pruning_drops_what_only_fits_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 6)).astype(np.float32)
    p = LINKS["softmax"](np.column_stack([np.zeros(3000), 2.0 * (X[:, 0] > 0) - 1 + np.sin(2 * X[:, 1])]))
    Q = np.eye(2)[(rng.random(3000) < p[:, 1]).astype(int)]
    full, pruned = (
        AdditiveStudent(pairs=0, max_bins=32, alpha=3.0, pruning=price).fit(X, Q).predictor_ for price in (0.0, 4.0)
    )
    assert full.n_steps == 6 * 31
    assert pruned.n_steps < 20
    assert all(len(edges) == 0 for edges in pruned.edges[2:])
    assert len(pruned.edges[0]) <= 6
    largest = np.diff(pruned.tables[0][:, 1]).argmax()
    assert abs(pruned.edges[0][largest]) < 0.05
    fresh = rng.normal(size=(3000, 6)).astype(np.float32)
    truth = LINKS["softmax"](np.column_stack([np.zeros(3000), 2.0 * (fresh[:, 0] > 0) - 1 + np.sin(2 * fresh[:, 1])]))
    errors = [np.abs(LINKS["softmax"](form.evaluate(fresh)) - truth).mean() for form in (full, pruned)]
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_the_price_of_a_step_is_what_refitting_without_it_costs(loss):
    X, _ = rows(load_breast_cancer)
    X, Q = X[:, :4], soft(X[:, :4], 2)
    columns = {"X": X, "Q": Q, "weight": np.ones(len(X))}
    engine = MemoryEngine(columns)
    edges = _cuts.cut_features(engine, loss, 4)
    student = AdditiveStudent(loss)
    student.loss_, student.n_outputs_ = loss, 2
    problem = student._problem(engine, edges, [], 1.0)
    theta, _, _ = problem.solve(500, 1e-9)
    inverse = np.linalg.inv(problem.gram(theta) + np.diag(problem.penalty))
    for j in range(len(theta) - 1):
        estimate = np.square(theta[j]).sum() / (2 * inverse[j, j])
        features = [i for i, e in enumerate(edges) for _ in e]
        without = [np.delete(e, j - features.index(i)) if features[j] == i else e for i, e in enumerate(edges)]
        refitted = student._problem(engine, without, [], 1.0)
        rise = refitted.value(refitted.solve(500, 1e-9)[0])[0] - problem.value(theta)[0]
        assert rise == pytest.approx(estimate, rel=1e-6 if loss == "squared" else 0.2, abs=1e-9)


def test_cuts_are_those_of_a_tree_on_each_feature():
    from skdistill.students import TreeStudent

    X, y = rows(load_iris)
    Q = np.eye(3)[y]
    for loss in ("log_loss", "squared"):
        edges = _cuts.cut_features(MemoryEngine({"X": X, "Q": Q, "weight": np.ones(len(X))}), loss, 5)
        for j in range(4):
            tree = TreeStudent(loss, max_leaves=5, min_samples_leaf=1, repair=None).fit(X[:, [j]], Q).predictor_
            assert_array_equal(edges[j], np.sort(tree.threshold[tree.feature >= 0]))


def test_cuts_are_bounded_in_all(monkeypatch):
    monkeypatch.setattr(_cuts, "MAX_STEPS", 7)
    X, y = rows(load_wine)
    edges = _cuts.cut_features(MemoryEngine({"X": X, "Q": np.eye(3)[y], "weight": np.ones(len(X))}), "log_loss", 16)
    assert sum(map(len, edges)) == 7


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_block_size_does_not_matter(loss, monkeypatch):
    X, _ = rows(load_wine)
    Q = soft(X, 3)
    one = AdditiveStudent(loss, max_bins=8).fit(X, Q)
    monkeypatch.setattr(AdditiveStudent, "block_rows", lambda student, width: 37)
    many = AdditiveStudent(loss, max_bins=8).fit(X, Q)
    for a, b in zip(one.predictor_.edges, many.predictor_.edges, strict=True):
        assert_array_equal(a, b)
    assert_allclose(many.predict(X), one.predict(X), atol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_weights(loss):
    X, _ = rows(load_wine)
    Q, weight = soft(X, 3), np.random.default_rng(0).integers(0, 4, len(X))
    weighted = AdditiveStudent(loss, max_bins=8).fit(X, Q, weight)
    repeated = AdditiveStudent(loss, max_bins=8).fit(np.repeat(X, weight, axis=0), np.repeat(Q, weight, axis=0))
    assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-5)
    kept = weight > 0
    X_junk, Q_junk = np.where(kept[:, None], X, 1e20), np.where(kept[:, None], Q, 0.5)
    junk = AdditiveStudent("squared", max_bins=8).fit(X_junk, Q_junk, weight)
    assert_array_equal(
        junk.predict(X), AdditiveStudent("squared", max_bins=8).fit(X[kept], Q[kept], weight[kept]).predict(X)
    )


@pytest.mark.parametrize("pruning", [0.0, 1.0])
def test_without_any_feature_to_step_on(pruning):
    X = np.ones((20, 2), dtype=np.float32)
    Q = np.tile([0.25, 0.75], (20, 1))
    student = AdditiveStudent(pairs=0, pruning=pruning).fit(X, Q)
    assert student.predictor_.n_steps == 0
    assert_allclose(student.predict(X[:2]), Q[:2], atol=1e-6)
    assert_allclose(AdditiveStudent(pairs=0, pruning=pruning).fit(X, Q[:, 0] * 4).predict(X[:2]), 1.0)
    noise = np.random.default_rng(0).normal(size=(200, 3))
    assert AdditiveStudent(pairs=0, pruning=50.0).fit(noise, np.eye(2)[np.arange(200) % 2]).predictor_.n_steps == 0


def test_doubled_features_and_no_penalty():
    X, _ = rows(load_wine)
    Q = soft(X, 3)
    wide = np.column_stack([X, X])
    for pruning in (0.0, 1.0):
        student = AdditiveStudent(pairs=0, alpha=0.0, max_bins=3, pruning=pruning, tol=1e-5).fit(wide, Q)
        assert np.isfinite(student.predict(wide)).all()
        assert student.predictor_.n_steps > 0


def test_scratch_memory():
    """Beside the rows: a byte per value for fine bins and one for bins, and sums for a row while cutting."""
    rng = np.random.default_rng(0)

    def peak(n):
        X = rng.normal(size=(n, 10)).astype(np.float32)
        Q = LINKS["softmax"](X[:, :3].astype(np.float64))
        tracemalloc.start()
        AdditiveStudent(max_bins=8).fit(X, Q)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    assert peak(400_000) - peak(200_000) < 200_000 * (2 * 10 + 8 * (3 + 2) + 8)


def test_says_so_when_it_does_not_converge():
    X, _ = rows(load_wine)
    with pytest.warns(ConvergenceWarning, match=r"AdditiveStudent stopped after 2 iterations") as all_:
        AdditiveStudent(pairs=0, alpha=3.0, pruning=0.0, max_iter=1).fit(X, soft(X, 3))
    assert all_[0].filename == inspect.getfile(test_says_so_when_it_does_not_converge)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"alpha": -1},
            r"The 'alpha' parameter of AdditiveStudent must be a str among {'auto'} or a float in the range "
            r"\[0.0, inf\)\. Got -1",
        ),
        ({"pairs": -1}, r"The 'pairs' parameter of AdditiveStudent must be an int in the range \[0, 200\]\. Got -1"),
        ({"pruning": -1}, r"The 'pruning' parameter of AdditiveStudent must be a float in the range \[0.0, inf\)"),
        (
            {"max_bins": 1},
            r"The 'max_bins' parameter of AdditiveStudent must be an int in the range \[2, 256\]\. Got 1",
        ),
        ({"loss": "hinge"}, r"The 'loss' parameter of AdditiveStudent must be a str among .*Got 'hinge'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        AdditiveStudent(**parameters).fit(np.eye(3), [1.0, 2.0, 3.0])


def test_sparse_rows_are_refused_before_any_teacher_is_fitted():
    from skdistill.students import resolve_student

    with pytest.raises(ValueError, match=r"AdditiveStudent\(loss='log_loss'\) does not take sparse X"):
        resolve_student("additive", "classification", sparse=True)


def checkerboard(n, seed=0):
    """Two features that tell the class only together, one that tells it alone, and three that tell nothing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    scores = 2.0 * np.sign(X[:, 1] * X[:, 4]) + X[:, 0]
    return X, scores


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_finds_a_planted_pair(loss):
    X, scores = checkerboard(2000)
    Q = LINKS["softmax"](np.column_stack([np.zeros(len(X)), scores])) if loss == "log_loss" else scores
    alone, paired = (AdditiveStudent(loss, max_bins=16, pairs=n).fit(X, Q) for n in (0, 1))
    (pair,) = paired.predictor_.pairs
    assert pair.features == (1, 4)
    assert alone.predictor_.pairs == ()
    fresh, scores = checkerboard(2000, seed=1)
    truth = LINKS["softmax"](np.column_stack([np.zeros(len(X)), scores])) if loss == "log_loss" else scores
    errors = [np.abs(student.predict(fresh) - truth).mean() for student in (alone, paired)]
    assert errors[1] < 0.4 * errors[0]
    assert_array_equal(paired.predict(fresh), paired.evaluate(fresh).reshape(truth.shape))


def test_pairs_are_products_of_steps():
    """The same minimum as ridge regression on the matrix of steps and of their products."""
    X, scores = checkerboard(400)
    student = AdditiveStudent(alpha=2.0, max_bins=4, pairs=2, tol=1e-9).fit(X, scores)
    form = student.predictor_
    columns = [X[:, [i]] > edges for i, edges in enumerate(form.edges) if len(edges)]
    for pair in form.pairs:
        first, second = (X[:, [i]] > edges for i, edges in zip(pair.features, pair.edges, strict=True))
        columns.append((first[:, :, None] & second[:, None, :]).reshape(len(X), -1))
    T = np.hstack(columns).astype(np.float64)
    assert_allclose(student.predict(X), Ridge(alpha=2.0).fit(T, scores).predict(T), atol=1e-4)


def test_tables_of_pairs_are_cut_where_that_tells_most(monkeypatch):
    """A plateau has two edges along one feature and one along the other, and no room for more is taken."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(4000, 3)).astype(np.float32)
    y = 3.0 * ((X[:, 0] > 0.3) & (X[:, 0] <= 0.7) & (X[:, 2] > 0.6)) + 0.5 * rng.normal(size=len(X))
    (pair,) = AdditiveStudent(pairs=1).fit(X, y).predictor_.pairs
    assert pair.features == (0, 2)
    for edges, places in zip(pair.edges, ([0.3, 0.7], [0.6]), strict=True):
        assert np.abs(edges[:, None] - np.float32(places)).min(axis=0).max() < 0.03
    assert pair.table.shape[0] * pair.table.shape[1] <= 40  # of 32 x 32 that there might be
    monkeypatch.setattr(_pairs, "MAX_STEPS", 1)
    (pair,) = AdditiveStudent(pairs=1).fit(X, y).predictor_.pairs
    assert pair.table.shape == (2, 2, 1)


@pytest.mark.parametrize("loss", ["log_loss", "poisson", "squared"])
def test_scatter_is_measured_against_drawn_targets(loss):
    """Of drawn classes and counts it is one; blended with what they were drawn from, the square of their weight."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 1)).astype(np.float32)
    rates = np.exp(np.where(X > 0, 1.0, -0.5))
    if loss == "log_loss":
        means = np.hstack([rates, np.ones_like(rates)]) / (1 + rates)
        drawn = np.eye(2)[(rng.uniform(size=len(X)) > means[:, 0]).astype(int)]
    elif loss == "poisson":
        means, drawn = rates, rng.poisson(rates).astype(float)
    else:  # in units of the variance of the targets
        means, drawn = rates, rates + rates.std() * rng.normal(size=rates.shape)
    scatters = []
    for Q in (drawn, 0.3 * drawn + 0.7 * means):
        student = AdditiveStudent(loss, pairs=0)
        student.loss_, student.n_outputs_, student.n_features_in_ = loss, Q.shape[1], 1
        edges, engine = [np.float32([0.0])], MemoryEngine({"X": X, "Q": Q, "weight": np.ones(len(X))})
        problem = student._problem(engine, edges, [], 1e-6)
        scatters.append(problem.scatter(problem.solve(100, 1e-8)[0]))
    assert_allclose(scatters, [0.5, 0.09 / 1.09] if loss == "squared" else [1.0, 0.09], rtol=0.05)


def test_every_step_of_the_way_lowers_the_loss():
    X, scores = checkerboard(1000)
    Q = LINKS["softmax"](np.column_stack([np.zeros(len(X)), scores]))
    losses = []
    for n in (0, 1, 3):
        student = AdditiveStudent(alpha=1.0, pruning=0.0, pairs=n).fit(X, Q)
        losses.append(-(Q * np.log(student.predict(X))).sum(axis=1).mean())
    assert losses[0] > losses[1] + 0.1
    assert losses[1] > losses[2]


def test_no_more_pairs_than_there_are():
    X, scores = checkerboard(300)
    assert len(AdditiveStudent(pairs=20).fit(X[:, :3], scores).predictor_.pairs) == 3
    assert AdditiveStudent(pairs=20).fit(X[:, :1], scores).predictor_.pairs == ()
    assert AdditiveStudent(pairs=5).fit(np.ones((20, 2)), np.arange(20.0)).predictor_.pairs == ()


@pytest.mark.parametrize("loss", ["log_loss", "squared"])
def test_tables_that_tell_little_are_smoothed_most(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2)).astype(np.float32)
    y = 2 * np.sign(X[:, 0]) + rng.normal(size=len(X))
    Q = np.eye(2)[(y > 0).astype(int)] if loss == "log_loss" else y
    smoothed, rough = (AdditiveStudent(loss, alpha=alpha, pruning=0.0, pairs=0).fit(X, Q) for alpha in ("auto", 0.3))
    of_smoothed, of_rough = (
        [np.ptp(table[:, 0]) for table in student.predictor_.tables] for student in (smoothed, rough)
    )
    assert of_smoothed[1] < 0.6 * of_rough[1]  # the table that tells nothing
    assert of_smoothed[0] > 0.8 * of_rough[0]  # the one that tells all


def test_strengths_do_not_depend_on_the_unit_of_the_targets():
    X, y = rows(load_diabetes)
    small, large = (AdditiveStudent(max_bins=16, pairs=1).fit(X, scale * y) for scale in (1e-3, 1e3))
    assert_allclose(small.predict(X) * 1e6, large.predict(X), rtol=1e-4)


def test_of_very_many_features_the_strongest_are_paired(monkeypatch):
    """The residuals of all pairs of bins are held at once, so that their number must have a limit."""
    monkeypatch.setattr(_pairs, "MAX_BINS", 40)
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(2000, 12)).astype(np.float32)
    y = 5 * X[:, 10] + 5 * X[:, 11] + X[:, 10] * X[:, 11] + X[:, 0] * X[:, 1]
    found = [pair.features for pair in AdditiveStudent(pairs=20).fit(X, y).predictor_.pairs]
    assert (10, 11) in found
    assert (0, 1) not in found  # neither tells anything by itself
    assert len({feature for pair in found for feature in pair}) <= 5
