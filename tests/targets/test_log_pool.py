import array_api_strict
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import logsumexp
from sklearn.datasets import load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skdistill._backend import Backend
from skdistill.targets import fit_log_pool

STRICT = Backend(xp=array_api_strict, device=array_api_strict.Device("device1"))
RIDGE, BIAS_RIDGE = 5.0, 1.0


@pytest.fixture(scope="module", params=[load_digits, load_wine], ids=["digits", "wine"])
def committee(request):
    X, y = request.param(return_X_y=True)
    X, y = X[:600], y[:600]
    teachers = [RandomForestClassifier(20, random_state=0), GaussianNB(), KNeighborsClassifier()]
    return [cross_val_predict(t, X, y, cv=3, method="predict_proba") for t in teachers], y


def _loss(P, y, x, floor):
    T = len(P)
    score = sum(u * np.log(np.maximum(p, floor)) for u, p in zip(x, P)) + (x[T:] if len(x) > T else 0.0)
    rows = logsumexp(score, axis=1) - score[np.arange(len(y)), y]
    return rows.mean() + (RIDGE * np.sum((x[:T] - 1 / T) ** 2) + BIAS_RIDGE * x[T:] @ x[T:]) / len(y)


@pytest.mark.parametrize("with_biases", [False, True])
def test_it_is_the_minimum(committee, with_biases):
    P, y = committee
    exponents, biases = fit_log_pool(P, y, floor=1e-4, with_biases=with_biases)
    assert (exponents >= 0).all()
    size = len(P) + (P[0].shape[1] if with_biases else 0)
    x = np.concatenate([exponents, biases])[:size]
    start = np.concatenate([np.full(len(P), 1 / 3), np.zeros(size - len(P))])
    bounds = [(0, 20)] * len(P) + [(None, None)] * (size - len(P))
    options = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 1000, "maxfun": 10**6}
    brute = minimize(lambda x: _loss(P, y, x, 1e-4), start, method="L-BFGS-B", bounds=bounds, options=options)
    assert _loss(P, y, x, 1e-4) <= brute.fun + 1e-9
    np.testing.assert_allclose(x, brute.x, atol=2e-2)
    assert biases.any() == with_biases
    for one in np.eye(size)[: len(P)]:
        assert _loss(P, y, x, 1e-4) < _loss(P, y, one, 1e-4)


def test_one_exponent_is_a_temperature(committee):
    P, y = committee
    for p in P:
        exponent = fit_log_pool([p], y)[0]
        brute = minimize_scalar(lambda u: _loss([p], y, np.array([u]), 1e-12), bounds=(0, 20), method="bounded")  # noqa: B023
        assert exponent[0] == pytest.approx(brute.x, rel=1e-4)


def test_temperatures_come_first(committee):
    P, y = committee
    temperatures = [0.7, 3.0, 1.0]
    tempered = [np.maximum(p, 1e-12) ** (1 / t) for p, t in zip(P, temperatures)]
    tempered = [p / p.sum(axis=1, keepdims=True) for p in tempered]
    result = fit_log_pool(P, y, temperatures=temperatures, floor=1e-4)[0]
    np.testing.assert_allclose(result, fit_log_pool(tempered, y, floor=1e-4)[0], rtol=1e-9)


def test_integer_weights_are_repeated_rows(committee):
    P, y = committee
    counts = np.random.default_rng(0).integers(0, 4, len(y))
    absent = [np.where(counts[:, np.newaxis] == 0, np.nan, p) for p in P]
    result = fit_log_pool(absent, y, counts, with_biases=True)
    repeated = fit_log_pool([p.repeat(counts, axis=0) for p in P], y.repeat(counts), with_biases=True)
    for part in range(2):
        np.testing.assert_allclose(result[part], repeated[part], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_another_array_library_agrees(committee, dtype):
    P, y = committee
    P = [np.maximum(p, 1e-12).astype(dtype) for p in P]
    result = fit_log_pool(P, y, temperatures=[0.7, 3.0, 1.0], with_biases=True)
    strict = fit_log_pool(P, y, None, [0.7, 3.0, 1.0], STRICT, with_biases=True)
    for part in range(2):
        np.testing.assert_allclose(strict[part], result[part], rtol=1e-8, atol=1e-10)


def test_bounds():
    y = np.arange(10**6) % 2
    right = 0.6 * np.eye(2)[y] + 0.2
    assert fit_log_pool([right], y, bounds=(0.05, 3.0))[0] == 3.0  # always right: could be surer
    assert fit_log_pool([right[::-1]], y)[0] == 0.0  # always wrong


def test_equal_matrices_share_alike(committee):
    P, y = committee
    np.testing.assert_allclose(*fit_log_pool([P[0]] * 2, y)[0], rtol=1e-9)


def test_few_rows_do_not_make_it_sure():
    right = 0.6 * np.eye(2)[[0, 1] * 10] + 0.2
    assert 1 < fit_log_pool([right], [0, 1] * 10)[0] < 2
    assert fit_log_pool([right.repeat(1000, axis=0)], np.repeat([0, 1] * 10, 1000))[0] > 3


def test_nan_is_refused():
    with pytest.raises(ValueError, match="hold NaN cannot be calibrated"):
        fit_log_pool([np.full((2, 2), np.nan)], [0, 1])


def test_biases_of_a_committee_that_knows_nothing_are_the_shares_of_the_classes():
    y = np.repeat([0, 1, 2], [600, 300, 100])
    _, biases = fit_log_pool([np.full((1000, 3), 1 / 3)], y, with_biases=True)
    shares = np.exp(biases) / np.exp(biases).sum()
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.01)
