import numpy as np
import pytest

from skdistill.targets import blend_labels


def _targets(n=40_000, k=5):
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(k), n), rng.integers(k, size=n)


def test_by_hand():
    Q = np.array([[0.6, 0.4], [0.2, 0.8]])
    result = blend_labels(Q, [0, 1], 0.25, "classification")
    assert result is Q
    np.testing.assert_allclose(Q, [[0.7, 0.3], [0.15, 0.85]])


@pytest.mark.parametrize("blend", [0, 0.0, 0.3, np.float32(0.5), 1, 1.0])
def test_classification_over_many_blocks(blend):
    Q, y = _targets()
    expected = (1 - float(blend)) * Q + float(blend) * np.eye(5)[y]
    np.testing.assert_allclose(blend_labels(Q, y, blend, "classification"), expected, rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(Q.sum(axis=1), 1)


def test_the_ends_are_exact():
    Q, y = _targets()
    np.testing.assert_array_equal(blend_labels(Q.copy(), y, 0.0, "classification"), Q)
    np.testing.assert_array_equal(blend_labels(np.full_like(Q, np.nan), y, 1.0, "classification"), np.eye(5)[y])


def test_regression():
    rng = np.random.default_rng(0)
    Q, y = rng.normal(size=(100, 3)), rng.normal(size=(100, 3))
    expected = 0.75 * Q + 0.25 * y
    np.testing.assert_allclose(blend_labels(Q, y, 0.25, "regression"), expected, rtol=1e-14)
    single = np.array([[1.0], [2.0]])
    np.testing.assert_array_equal(blend_labels(single, [3.0, 4.0], 0.5, "regression"), [[2.0], [3.0]])


@pytest.mark.parametrize("blend", [0.0, 0.3, 1.0])
def test_rows_without_labels_get_the_true_one(blend):
    Q, y = _targets()
    covered = np.random.default_rng(1).random(len(y)) < 0.7
    expected = np.where(covered[:, np.newaxis], (1 - blend) * Q + blend * np.eye(5)[y], np.eye(5)[y])
    Q[~covered] = np.nan
    np.testing.assert_allclose(blend_labels(Q, y, blend, "classification", covered), expected, rtol=1e-14, atol=1e-16)
    values = np.array([[1.0], [np.nan]])
    result = blend_labels(values, [3.0, 4.0], blend, "regression", np.array([True, False]))
    np.testing.assert_allclose(result, [[1 + 2 * blend], [4.0]])


@pytest.mark.parametrize("blend", [1.7, -0.1, np.nan, "auto", None, True, [0.5]])
def test_invalid_blend(blend):
    Q, y = _targets(n=2)
    with pytest.raises(ValueError, match=r"The 'blend' parameter must be a float in \[0, 1\]. Got .* instead."):
        blend_labels(Q, y, blend, "classification")


def test_the_message():
    with pytest.raises(ValueError, match=r"^The 'blend' parameter must be a float in \[0, 1\]. Got 1.7 instead.$"):
        blend_labels(np.ones((1, 1)), [0], 1.7, "classification")


def test_shapes():
    Q, y = _targets(n=4)
    with pytest.raises(ValueError, match="y must hold 4 integer class codes"):
        blend_labels(Q, y[:3], 0.5, "classification")
    for covered in (np.ones(3, dtype=bool), np.ones(4)):
        with pytest.raises(ValueError, match="covered must be 4 booleans"):
            blend_labels(Q, y, 0.5, "classification", covered)
