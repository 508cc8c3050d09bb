import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier

from skdistill.targets import WEIGHTINGS, teacher_weights
from skdistill.targets import _weighting as weighting_module


@pytest.fixture(scope="module", params=[load_digits, load_breast_cancer], ids=["digits", "breast_cancer"])
def classes(request):
    X, y = request.param(return_X_y=True)
    teachers = [
        RandomForestClassifier(20, random_state=0),
        GaussianNB(),
        KNeighborsClassifier(),
        DecisionTreeClassifier(random_state=0),
    ]
    return [cross_val_predict(t, X, y, cv=3, method="predict_proba") for t in teachers], y


@pytest.fixture(scope="module")
def values():
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, 1000 * X[:, 2]])
    X = np.delete(X, 2, axis=1)
    teachers = [RandomForestRegressor(20, random_state=0), LinearRegression(), KNeighborsRegressor()]
    return [cross_val_predict(t, X, Y, cv=3) for t in teachers], Y


def _log_loss(P, y, weights, sample_weight=None, temperatures=None):
    total = 0
    for t, p in enumerate(P):
        q = np.maximum(p, 1e-12) ** (1 / temperatures[t]) if temperatures is not None else p
        total = total + weights[t] * np.maximum((q / q.sum(axis=1, keepdims=True))[np.arange(len(y)), y], 1e-12)
    return np.average(-np.log(total), weights=sample_weight)


def _squared_error(P, y, weights):
    return np.mean((np.average(P, axis=0, weights=weights) - y) ** 2 / y.var(axis=0))


def _brute_force(loss, T):
    sum_to_one = {"type": "eq", "fun": lambda w: w.sum() - 1}
    options = {"ftol": 1e-12, "maxiter": 500}
    return minimize(loss, np.full(T, 1 / T), bounds=[(0, 1)] * T, constraints=sum_to_one, options=options)


def test_none_is_equal():
    P = [np.ones((2, 1))] * 4
    np.testing.assert_array_equal(teacher_weights(P, [0.0, 1.0], None, None, "regression"), [0.25] * 4)


def test_an_array_is_normalised():
    P = [np.ones((2, 1))] * 3
    result = teacher_weights(P, [0.0, 1.0], [1, 0, 3], None, "regression")
    np.testing.assert_array_equal(result, [0.25, 0, 0.75])
    assert result.dtype == np.float64


@pytest.mark.parametrize("calibrated", [False, True])
def test_log_loss_is_the_minimum(classes, calibrated):
    P, y = classes
    temperatures = [0.7, 8.0, 1.0, 2.0] if calibrated else None
    weights = teacher_weights(P, y, "log_loss", None, "classification", temperatures)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    loss = _log_loss(P, y, weights, temperatures=temperatures)
    brute = _brute_force(lambda w: _log_loss(P, y, w, temperatures=temperatures), len(P))
    assert loss <= brute.fun + 1e-7
    np.testing.assert_allclose(weights, brute.x, atol=2e-3)
    assert loss <= min(_log_loss(P, y, one, temperatures=temperatures) for one in np.eye(len(P)))


def test_log_loss_of_the_geometric_mean_is_the_minimum_up_to_a_temperature(classes):
    P, y = classes
    weights = teacher_weights(P, y, "log_loss", None, "classification", aggregation="geometric")
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()

    def loss(exponents):
        pool = np.exp(sum(u * np.log(np.maximum(p, 1e-4)) for u, p in zip(exponents, P)))
        ridge = 5 * np.sum((exponents - 1 / len(P)) ** 2)
        return (ridge - np.log(pool[np.arange(len(y)), y] / pool.sum(axis=1)).sum()) / len(y)

    brute = minimize(loss, np.full(len(P), 1 / len(P)), bounds=[(0, 20)] * len(P))
    np.testing.assert_allclose(weights, brute.x / brute.x.sum(), atol=2e-3)


def test_a_geometric_mean_of_teachers_that_are_all_wrong_is_weighed_as_a_mixture():
    y = np.arange(4000) % 2
    P = [np.eye(2)[1 - y] * a + (1 - a) / 2 for a in (0.2, 0.8)]
    weights = teacher_weights(P, y, "log_loss", None, "classification", aggregation="geometric")
    np.testing.assert_array_equal(weights, [1, 0])


def test_loss_is_the_minimum(values):
    P, y = values
    weights = teacher_weights(P, y, "loss", None, "regression")
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    loss = _squared_error(P, y, weights)
    brute = _brute_force(lambda w: _squared_error(P, y, w), len(P))
    assert loss == pytest.approx(brute.fun, rel=1e-9)
    np.testing.assert_allclose(weights, brute.x, atol=1e-4)
    assert loss < min(_squared_error(P, y, one) for one in np.eye(len(P)))


def test_loss_does_not_depend_on_units(values):
    P, y = values
    units = np.array([1e-3, 1e5])
    expected = teacher_weights(P, y, "loss", None, "regression")
    result = teacher_weights([p * units for p in P], y * units, "loss", None, "regression")
    np.testing.assert_allclose(result, expected, rtol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_least_squares_on_random_problems(seed):
    """Also with fewer rows than teachers, where the minimum is not unique but its loss is."""
    rng = np.random.default_rng(seed)
    n, T = [(3, 6), (40, 6), (200, 3), (2, 9)][seed]
    y = rng.normal(size=n)
    P = [(y + rng.normal(size=n) * s + rng.normal() * s)[:, np.newaxis] for s in rng.uniform(0.1, 2, T)]
    weights = teacher_weights(P, y, "loss", None, "regression")
    loss = lambda w: _squared_error(P, y[:, np.newaxis], w)  # noqa: E731
    assert loss(weights) <= _brute_force(loss, T).fun + 1e-9


@pytest.mark.parametrize("weighting", ["loss", "greedy"])
def test_a_perfect_teacher_takes_all(weighting):
    y = np.array([1.0, 5.0, 2.0])
    P = [y[:, np.newaxis] + 1, y[:, np.newaxis], y[:, np.newaxis] * 2]
    np.testing.assert_allclose(teacher_weights(P, y, weighting, None, "regression"), [0, 1, 0], atol=1e-12)
    twins = teacher_weights([P[1], P[1]], y, weighting, None, "regression")
    assert twins.sum() == 1


def test_equal_teachers_do_no_harm(classes):
    P, y = classes
    once = teacher_weights(P, y, "log_loss", None, "classification")
    twice = teacher_weights([*P, P[0]], y, "log_loss", None, "classification")
    assert twice[0] + twice[-1] == pytest.approx(once[0], abs=1e-4)


def test_one_teacher_best_everywhere_takes_all():
    y = np.array([0, 1, 0, 1])
    P = [np.eye(2)[y] * a + (1 - a) / 2 for a in (0.2, 0.8, 0.5)]
    for weighting in WEIGHTINGS["classification"]:
        np.testing.assert_array_equal(teacher_weights(P, y, weighting, None, "classification"), [0, 1, 0])


def test_the_likelihood_never_falls(classes, monkeypatch):
    P, y = classes
    losses = []
    descent = weighting_module._descent

    def spy(truth, share, weights, *args):
        losses.append(weighting_module._log_loss(truth, share, weights))
        return descent(truth, share, weights, *args)

    monkeypatch.setattr(weighting_module, "_descent", spy)
    teacher_weights(P, y, "log_loss", None, "classification")
    assert 2 < len(losses) < 50
    assert (np.diff(losses) < 0).all()


def test_the_step_of_em_is_taken_where_no_other_helps(classes):
    P, y = classes
    share = np.full(len(y), 1 / len(y))
    truth = weighting_module._true_probabilities(P, y, share, [1.0] * 4)
    weights = np.full(4, 0.25)
    gain = (share / (truth @ weights)) @ truth
    worst = np.eye(4)[gain.argmin()]  # the loss rises all the way there
    moved = weighting_module._descent(truth, share, weights, worst, gain)
    np.testing.assert_allclose(moved, weights * gain, rtol=1e-12)
    assert weighting_module._log_loss(truth, share, moved) < weighting_module._log_loss(truth, share, weights)


class TestGreedy:
    def test_never_worse_than_the_best_teacher(self, classes, values):
        P, y = classes
        weights = teacher_weights(P, y, "greedy", None, "classification")
        assert _log_loss(P, y, weights) <= min(_log_loss(P, y, one) for one in np.eye(len(P)))
        P, y = values
        greedy, convex = (teacher_weights(P, y, name, None, "regression") for name in ("greedy", "loss"))
        best = min(_squared_error(P, y, one) for one in np.eye(len(P)))
        assert _squared_error(P, y, greedy) <= best * (1 + 1e-12)
        assert _squared_error(P, y, convex) <= _squared_error(P, y, greedy) * (1 + 1e-12)

    def test_by_hand(self):
        y = np.array([0.0, 1.0, 2.0])
        first, second = (y + 1)[:, np.newaxis], (y - 2.5)[:, np.newaxis]
        # Sorted start: the first loses 1, both lose (1 - 2.5)^2 / 4 = .56: both. The first again: (2 - 2.5)^2 / 9 =
        # .03; again: (3 - 2.5)^2 / 16 = .016; then neither the first, .09, nor the second, .16, helps.
        np.testing.assert_array_equal(teacher_weights([first, second], y, "greedy", None, "regression"), [0.75, 0.25])
        # An error of -3 instead: both lose (1 - 3)^2 / 4 = 1, a tie with the first alone, where selection then ends.
        np.testing.assert_array_equal(teacher_weights([first, second - 0.5], y, "greedy", None, "regression"), [1, 0])

    def test_no_single_addition_helps(self, classes):
        P, y = classes
        weights = teacher_weights(P, y, "greedy", None, "classification")
        parts = next(m for m in range(1, 105) if np.allclose(weights * m, np.round(weights * m), atol=1e-9))
        for one in np.eye(len(P)):
            assert _log_loss(P, y, (weights * parts + one) / (parts + 1)) >= _log_loss(P, y, weights) * (1 - 1e-8)


@pytest.mark.parametrize("weighting", ["log_loss", "greedy"])
def test_integer_weights_are_repeated_rows(classes, weighting):
    P, y = classes
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    absent = [np.where(counts[:, np.newaxis] == 0, np.nan, p) for p in P]
    result = teacher_weights(absent, y, weighting, counts, "classification")
    repeated = teacher_weights(
        [p.repeat(counts, axis=0) for p in P], y.repeat(counts), weighting, None, "classification"
    )
    np.testing.assert_allclose(result, repeated, atol=1e-9)
    assert not np.allclose(result, teacher_weights(P, y, weighting, None, "classification"), atol=1e-6)


@pytest.mark.parametrize("weighting", ["loss", "greedy"])
def test_integer_weights_are_repeated_rows_in_regression(values, weighting):
    P, y = values
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    absent = [np.where(counts[:, np.newaxis] == 0, np.nan, p) for p in P]
    result = teacher_weights(absent, y, weighting, counts, "regression")
    repeated = teacher_weights(
        [p.repeat(counts, axis=0) for p in P], y.repeat(counts, axis=0), weighting, None, "regression"
    )
    np.testing.assert_allclose(result, repeated, atol=1e-9)


@pytest.mark.parametrize(("task", "weighting"), [(task, name) for task, names in WEIGHTINGS.items() for name in names])
def test_float32_read_only(classes, values, task, weighting):
    P, y = classes if task == "classification" else values
    single = [p.astype(np.float32) for p in P]
    for p in single:
        p.flags.writeable = False
    result = teacher_weights(single, y, weighting, None, task)
    np.testing.assert_allclose(result, teacher_weights(P, y, weighting, None, task), atol=1e-3)


def test_a_missing_label_names_the_teacher(classes, values):
    P, y = classes
    holed = [p.copy() for p in P]
    holed[2][5] = np.nan
    for name in WEIGHTINGS["classification"]:
        with pytest.raises(ValueError, match=r"Teacher 2 has no label \(NaN\) for row 5"):
            teacher_weights(holed, y, name, None, "classification")
    sample_weight = np.ones(len(y))
    sample_weight[:3] = 0
    with pytest.raises(ValueError, match=r"for row 5, "):
        teacher_weights(holed, y, "log_loss", sample_weight, "classification")
    P, y = values
    holed = [p.copy() for p in P]
    holed[1][5] = np.nan
    for name in WEIGHTINGS["regression"]:
        with pytest.raises(ValueError, match="Teacher 1 has no finite label for some row"):
            teacher_weights(holed, y, name, None, "regression")


class TestErrors:
    P = (np.full((2, 2), 0.5),) * 3

    @pytest.mark.parametrize(
        ("weighting", "got"),
        [
            ([1, 2], r"an array of shape \(2,\)"),
            (3.0, r"an array of shape \(\)"),
            ([1, -1, 1], r"\[1.0, -1.0, 1.0\]"),
            ([1, np.nan, 1], r"\[1.0, nan, 1.0\]"),
            ([1, np.inf, 1], r"\[1.0, inf, 1.0\]"),
            ([0, 0, 0], r"\[0.0, 0.0, 0.0\]"),
            (["a", "b", "c"], r"\['a', 'b', 'c'\]"),
            ({"a": 1}, r"{'a': 1}"),
            ("loss", "'loss'"),
            ("accuracy", "'accuracy'"),
        ],
    )
    def test_classification(self, weighting, got):
        expected = "None, one of 'log_loss', 'greedy' for classification, or an array of 3 finite weights >= 0"
        with pytest.raises(ValueError, match=rf"The 'weighting' parameter must be {expected}.* Got {got} instead"):
            teacher_weights(self.P, [0, 1], weighting, None, "classification")

    def test_regression(self):
        with pytest.raises(ValueError, match=r"one of 'loss', 'greedy' for regression, .* Got 'log_loss' instead"):
            teacher_weights(self.P, np.zeros((2, 2)), "log_loss", None, "regression")

    def test_temperatures_are_for_classification(self):
        with pytest.raises(ValueError, match="Pass temperatures=None for regression"):
            teacher_weights(self.P, np.zeros((2, 2)), "loss", None, "regression", [1.0] * 3)

    def test_targets(self):
        with pytest.raises(ValueError, match=r"y must hold values of shape \(2, 2\). Got shape \(2,\)"):
            teacher_weights(self.P, np.zeros(2), "loss", None, "regression")
        with pytest.raises(ValueError, match="y must hold finite values"):
            teacher_weights(self.P, np.full((2, 2), np.nan), "loss", None, "regression")
