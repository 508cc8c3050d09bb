import numpy as np

from skdistill._backend import NUMPY
from skdistill.targets._calibration import apply_temperature


def test_temperature_of_one_is_the_same_array():
    p = np.array([[0.64, 0.32, 0.04]])
    assert apply_temperature(p, 1.0, NUMPY) is p


def test_apply_by_hand():
    result = apply_temperature(np.array([[0.64, 0.32, 0.04]]), 2.0, NUMPY)
    roots = np.sqrt([0.64, 0.32, 0.04])
    np.testing.assert_allclose(result, [roots / roots.sum()], rtol=1e-14)
    zero = apply_temperature(np.array([[1.0, 0.0]]), 2.0, NUMPY)
    np.testing.assert_allclose(zero, [[1 / (1 + 1e-6), 1e-6 / (1 + 1e-6)]], rtol=1e-14)
