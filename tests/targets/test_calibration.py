import array_api_strict
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB

from skdistill._backend import NUMPY, Backend
from skdistill.targets import fit_temperature
from skdistill.targets._calibration import FLOOR, apply_temperature

STRICT = Backend(xp=array_api_strict, device=array_api_strict.Device("device1"))


@pytest.fixture(scope="module")
def digits():
    """Out-of-fold probabilities of an overconfident teacher."""
    X, y = load_digits(return_X_y=True)
    return cross_val_predict(GaussianNB(), X, y, cv=3, method="predict_proba"), y


def _loss(p, y, temperature, weight=None):
    q = np.maximum(p, FLOOR) ** (1 / temperature)
    q /= q.sum(axis=1, keepdims=True)
    return np.average(-np.log(q[np.arange(len(y)), y]), weights=weight)


def test_it_is_the_minimum(digits):
    p, y = digits
    temperature = fit_temperature(p, y)
    brute = minimize_scalar(lambda t: _loss(p, y, np.exp(t)), bounds=np.log([0.05, 20]), method="bounded")
    assert temperature == pytest.approx(np.exp(brute.x), rel=1e-4)
    assert _loss(p, y, temperature) <= brute.fun
    assert temperature > 2
    assert _loss(p, y, temperature) < _loss(p, y, 1.0) / 2


def test_float32_and_read_only(digits):
    p, y = digits
    p32 = np.where(p < FLOOR, 0, p).astype(np.float32)
    p32.flags.writeable = False
    assert fit_temperature(p32, y) == pytest.approx(fit_temperature(p, y), rel=1e-5)


def test_another_array_library_agrees(digits):
    p, y = digits
    assert fit_temperature(p, y, backend=STRICT) == pytest.approx(fit_temperature(p, y), rel=1e-10)


def test_it_undoes_a_known_temperature():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(3), 20_000)
    y = np.array([rng.choice(3, p=row) for row in honest])
    fitted = fit_temperature(honest, y)
    assert fitted == pytest.approx(1, abs=0.03)
    for temperature in (0.3, 2.5):
        bent = apply_temperature(honest, temperature, NUMPY)
        assert fit_temperature(bent, y) * temperature == pytest.approx(fitted, rel=1e-3)


def test_weights_are_repeated_rows(digits):
    p, y = digits
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    poisoned = p.copy()
    poisoned[weight == 0] = np.nan  # as if absent
    repeated = fit_temperature(p.repeat(weight, axis=0), y.repeat(weight))
    assert fit_temperature(poisoned, y, weight) == pytest.approx(repeated, rel=1e-9)
    assert repeated != pytest.approx(fit_temperature(p, y), rel=1e-6)


def test_bounds():
    y = np.arange(4) % 2
    right = np.eye(2)[y]
    assert fit_temperature(0.8 * right + 0.1, y) == 0.05  # always right: could be surer
    assert fit_temperature(1 - right, y) == 20.0  # always wrong


def test_no_difference_is_one():
    assert fit_temperature(np.full((30, 7), 1 / 7), np.arange(30) % 7) == 1.0


def test_temperature_of_one_is_the_same_array(digits):
    assert apply_temperature(digits[0], 1.0, NUMPY) is digits[0]


def test_apply_by_hand():
    result = apply_temperature(np.array([[0.64, 0.32, 0.04]]), 2.0, NUMPY)
    roots = np.sqrt([0.64, 0.32, 0.04])
    np.testing.assert_allclose(result, [roots / roots.sum()], rtol=1e-14)
    zero = apply_temperature(np.array([[1.0, 0.0]]), 2.0, NUMPY)
    np.testing.assert_allclose(zero, [[1 / (1 + 1e-6), 1e-6 / (1 + 1e-6)]], rtol=1e-14)


def test_errors(digits):
    p, y = digits
    with pytest.raises(ValueError, match="cannot be fitted to probabilities that hold NaN"):
        fit_temperature(np.full((2, 2), np.nan), [0, 1])
    with pytest.raises(ValueError, match=r"y must hold class codes from 0 to 9. Got codes from 1 to 10"):
        fit_temperature(p, y + 1)
    with pytest.raises(ValueError, match=r"y must hold 1797 integer class codes. Got shape \(1797,\) of float64"):
        fit_temperature(p, y.astype(float))
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(1797,\). Got \(3,\)"):
        fit_temperature(p, y, [1, 2, 3])
    for wrong in (np.zeros(1797), np.full(1797, np.inf), np.linspace(-1, 5, 1797)):
        with pytest.raises(ValueError, match="sample_weight must be finite and >= 0, and some weight must be > 0"):
            fit_temperature(p, y, wrong)
