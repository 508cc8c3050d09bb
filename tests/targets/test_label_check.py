import numpy as np
import pytest

from skdistill.targets import check_labels


def _check(P, task="classification", k=3):
    return check_labels(P, len(P), k, task, "svm")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_good_labels_are_not_copied(dtype):
    P = np.random.default_rng(0).dirichlet(np.ones(3), 50_000).astype(dtype)
    P.flags.writeable = False
    assert _check(P) is P
    values = (P - 0.5).astype(dtype)
    assert _check(values, "regression") is values


def test_other_types_become_float64():
    result = _check([[1, 0, 0], [0, 1, 0]])
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, [[1, 0, 0], [0, 1, 0]])
    assert _check(np.full((2, 1), 1, dtype=np.float16), "regression", 1).dtype == np.float64


def test_one_target_may_be_flat():
    assert _check(np.arange(4.0), "regression", 1).shape == (4, 1)
    with pytest.raises(ValueError, match=r"Teacher 'svm' returned labels of shape \(4,\). Expected \(4, 1\)"):
        _check(np.arange(4.0), "classification", 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loose_sums_are_mended(dtype):
    P = np.array([[0.2, 0.3, 0.5], [0.2, 0.3, 0.5005]], dtype=dtype)
    result = _check(P)
    assert result is not P
    assert result.dtype == dtype
    np.testing.assert_allclose(result.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(result[1], P[1] / 1.0005, rtol=1e-6)


def test_shape():
    message = (
        r"Teacher 'svm' returned labels of shape \(4, 2\). Expected \(4, 3\): one row per sample and one column per "
    )
    with pytest.raises(ValueError, match=message + "class"):
        _check(np.full((4, 2), 0.5))
    with pytest.raises(ValueError, match=message + "target"):
        _check(np.full((4, 2), 0.5), "regression")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_first_row_that_is_not_finite(bad, task):
    P = np.full((100_000, 3), 1 / 3)
    P[[70_001, 80_000], 1] = bad
    with pytest.raises(
        ValueError, match=r"Teacher 'svm' returned NaN or infinity in row 70001. Expected finite numbers"
    ):
        _check(P, task)


def test_negative():
    P = np.full((5, 3), 1 / 3)
    P[3] = [-0.25, 0.25, 1]
    with pytest.raises(ValueError, match=r"Teacher 'svm' returned a negative probability, -0.25, in row 3"):
        _check(P)
    assert _check(P, "regression") is P


def test_sum():
    P = np.full((5, 3), 1 / 3)
    P[2:] = 0.4
    with pytest.raises(
        ValueError, match=r"Teacher 'svm' returned probabilities that sum to 1.2 in row 2. Expected rows"
    ):
        _check(P)


def test_not_numbers():
    with pytest.raises(ValueError, match=r"Teacher 'svm' returned labels that are not numbers: could not convert"):
        _check(np.array([["a", "b", "c"]]))
    with pytest.raises(ValueError, match=r"Teacher 'svm' returned labels that are not numbers"):
        _check([[0.5, 0.5, 0], [1]])
