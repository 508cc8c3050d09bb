import tracemalloc

import array_api_strict
import numpy as np
import pytest

from skdistill._backend import NUMPY, Backend
from skdistill.targets import AGGREGATIONS, aggregate

STRICT = Backend(xp=array_api_strict, device=array_api_strict.Device("device1"))


def _probabilities(T=5, n=103, k=4, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    P = [rng.dirichlet(np.full(k, 0.4), n).astype(dtype) for _ in range(T)]
    for p in P:
        p[:3] = np.eye(k, dtype=dtype)[rng.integers(k, size=3)]  # sure answers: zeros and ones
        p.flags.writeable = False
    return P


def _weights(T=5):
    return np.random.default_rng(1).dirichlet(np.ones(T))


def _weighted_median(values, weights):
    """By its definition: the values where the weight at or below, or at or above, reaches half."""
    lower = min(v for v in values if weights[values <= v].sum() >= 0.5 - 1e-12)
    upper = max(v for v in values if weights[values >= v].sum() >= 0.5 - 1e-12)
    return (lower + upper) / 2


def test_hand_checked():
    P = [np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]]), np.array([[0.2, 0.8]])]
    weights = [2, 1, 1]
    np.testing.assert_allclose(aggregate(P, weights, "mean", "classification"), [[0.325, 0.675]])
    # the value .5 holds half of the weight: both medians lie between it and its neighbour
    np.testing.assert_allclose(aggregate(P, weights, "median", "classification"), [[0.35, 0.65]])
    odds = (1 * 1 * 1 / 9 * 1 / 4) ** 0.25
    np.testing.assert_allclose(
        aggregate(P, weights, "geometric", "classification"), [[odds / (1 + odds), 1 / (1 + odds)]]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_is_numpy_average(dtype):
    P, weights = _probabilities(dtype=dtype), _weights()
    expected = np.average(np.stack(P).astype(np.float64), axis=0, weights=weights)
    result = aggregate(P, weights, "mean", "classification")
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(result, aggregate(P, weights, "mean", "regression"))


def test_mean_of_one_teacher_is_that_teacher():
    (p,) = _probabilities(T=1)
    np.testing.assert_array_equal(aggregate([p], None, "mean", "classification", [1.0]), p)


@pytest.mark.parametrize("T", [1, 2, 3, 6, 7, 10])
def test_equal_weights_median_is_numpy_median(T):
    rng = np.random.default_rng(T)
    values = [rng.integers(0, 4, (50, 3)).astype(np.float64) for _ in range(T)]  # many ties
    np.testing.assert_array_equal(aggregate(values, None, "median", "regression"), np.median(values, axis=0))
    np.testing.assert_array_equal(aggregate(values, [0.1] * T, "median", "regression"), np.median(values, axis=0))


@pytest.mark.parametrize("seed", range(5))
def test_weighted_median_by_definition(seed):
    rng = np.random.default_rng(seed)
    T = int(rng.integers(2, 9))
    values = rng.integers(0, 6, (T, 40, 2)).astype(np.float64)
    counts = rng.integers(0, 4, T)
    counts[0] += 1
    result = aggregate(list(values), counts, "median", "regression")
    weights = counts / counts.sum()
    expected = [[_weighted_median(values[:, i, j], weights) for j in range(2)] for i in range(40)]
    np.testing.assert_array_equal(result, expected)
    # integer weights are repeated teachers
    np.testing.assert_array_equal(result, np.median(np.repeat(values, counts, axis=0), axis=0))


def test_median_of_probabilities_is_renormalised():
    P, weights = _probabilities(), _weights()
    raw = aggregate(P, weights, "median", "regression")
    result = aggregate(P, weights, "median", "classification")
    np.testing.assert_allclose(result[3:], raw[3:] / raw[3:].sum(axis=1, keepdims=True), rtol=1e-14)
    np.testing.assert_allclose(result.sum(axis=1), 1.0, rtol=1e-14)


def test_median_without_majority_is_the_mean():
    P = [np.array([[float(i == c) for i in range(3)], [0.2, 0.3, 0.5]]) for c in (0, 1, 2)]
    result = aggregate(P, [0.4, 0.3, 0.3], "median", "classification")
    np.testing.assert_allclose(result, [[0.4, 0.3, 0.3], [0.2, 0.3, 0.5]], rtol=1e-15)


def test_geometric_is_the_log_opinion_pool():
    P, weights = _probabilities(), _weights()
    pool = np.exp(sum(w * np.log(np.maximum(p, 1e-4)) for w, p in zip(weights, P)))
    result = aggregate(P, weights, "geometric", "classification")
    np.testing.assert_allclose(result, pool / pool.sum(axis=1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_temperatures_come_before_aggregation(aggregation):
    weights, temperatures = _weights(), [0.5, 1.0, 2.0, 3.0, 0.9]
    P = [(p + 0.01) / 1.04 for p in _probabilities()]  # nobody near the floor, which comes before the temperature
    tempered = []
    for p, temperature in zip(P, temperatures):
        power = p ** (1 / temperature)
        tempered.append(power / power.sum(axis=1, keepdims=True))
    result = aggregate(P, weights, aggregation, "classification", temperatures)
    np.testing.assert_allclose(result, aggregate(tempered, weights, aggregation, "classification"), rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 20.0])
def test_extreme_temperatures_stay_finite(temperature):
    P = [np.eye(3), np.eye(3)[::-1].copy()]
    for aggregation in AGGREGATIONS:
        result = aggregate(P, None, aggregation, "classification", [temperature] * 2)
        np.testing.assert_allclose(result.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("aggregation", [*AGGREGATIONS, lambda block, weights: np.tensordot(weights, block, 1)])
def test_scaling_comes_after_aggregation(aggregation):
    args = (_probabilities(), _weights(), aggregation, "classification", [0.5, 1.0, 2.0, 3.0, 0.9])
    biases = np.array([0.5, -1.0, 0.0, 2.0])
    scaled = np.maximum(aggregate(*args), 1e-12) ** 1.3 * np.exp(biases)
    result = aggregate(*args, scaling=(1.3, biases))
    np.testing.assert_allclose(result, scaled / scaled.sum(axis=1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaling", [None, (1.3, np.array([0.5, -1.0, 0.0, 2.0]))])
@pytest.mark.parametrize("temperatures", [None, [0.5, 1.0, 2.0, 3.0, 0.9]])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_another_array_library_agrees(aggregation, temperatures, scaling, dtype):
    P, weights = _probabilities(dtype=dtype), _weights()
    args = (P, weights, aggregation, "classification", temperatures)
    result = aggregate(*args, STRICT, block_rows=17, scaling=scaling)
    assert type(result) is np.ndarray
    np.testing.assert_allclose(result, aggregate(*args, NUMPY, scaling=scaling), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("aggregation", ["mean", "median"])
def test_another_array_library_agrees_on_regression(aggregation):
    P = [10 * p - 3 for p in _probabilities()]
    args = (P, _weights(), aggregation, "regression")
    np.testing.assert_allclose(aggregate(*args, backend=STRICT), aggregate(*args), rtol=1e-12)


@pytest.mark.parametrize("aggregation", [*AGGREGATIONS, lambda block, weights: np.tensordot(weights, block, 1)])
def test_blocks_do_not_change_the_result(aggregation):
    args = (_probabilities(), _weights(), aggregation, "classification", [1.5] * 5)
    whole = aggregate(*args, block_rows=1000)
    for block_rows in (1, 7, 103):
        np.testing.assert_array_equal(aggregate(*args, block_rows=block_rows), whole)


def test_teachers_of_weight_zero_are_absent():
    P = _probabilities(T=3)
    P[1] = np.full_like(P[1], np.nan)
    for aggregation in AGGREGATIONS:
        result = aggregate(P, [1, 0, 3], aggregation, "classification")
        np.testing.assert_array_equal(result, aggregate([P[0], P[2]], [1, 3], aggregation, "classification"))


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_rows_without_labels_stay_nan(aggregation):
    P = [p.copy() for p in _probabilities()]
    for p in P:
        p[5] = np.nan
    result = aggregate(P, None, aggregation, "classification")
    assert np.isnan(result[5]).all()
    assert np.isfinite(np.delete(result, 5, axis=0)).all()


def test_memory_maps(tmp_path):
    P = _probabilities(T=2)
    maps = []
    for t, p in enumerate(P):
        np.save(tmp_path / f"{t}.npy", p)
        maps.append(np.load(tmp_path / f"{t}.npy", mmap_mode="r"))
    result = aggregate(maps, None, "mean", "classification")
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, aggregate(P, None, "mean", "classification"))


def test_out_is_written_and_returned():
    P = _probabilities()
    out = np.empty((103, 4))
    assert aggregate(P, None, "mean", "classification", out=out) is out
    np.testing.assert_array_equal(out, aggregate(P, None, "mean", "classification"))
    for wrong in (np.empty((103, 3)), np.empty((103, 4), dtype=np.float32)):
        with pytest.raises(ValueError, match=r"out must be a float64 array of shape \(103, 4\)"):
            aggregate(P, None, "mean", "classification", out=wrong)


@pytest.mark.parametrize(("temperatures", "scaling"), [(None, None), ([1.5] * 8, (1.2, np.zeros(10)))])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_peak_memory(aggregation, temperatures, scaling):
    p = np.random.default_rng(0).dirichlet(np.ones(10), 50_000).repeat(8, axis=0)
    tracemalloc.start()
    try:
        aggregate([p] * 8, None, aggregation, "classification", temperatures, scaling=scaling)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= 1.25 * p.nbytes


class TestCallable:
    def test_is_given_calibrated_blocks_and_weights(self):
        seen = []

        def first(block, weights):
            seen.append((block.shape, block.dtype, weights.tolist()))
            return block[0]

        P = _probabilities(T=2, n=10, dtype=np.float32)
        result = aggregate(P, [3, 1], first, "classification", [2.0, 1.0], STRICT, block_rows=6)
        assert seen == [((2, 6, 4), np.float64, [0.75, 0.25]), ((2, 4, 4), np.float64, [0.75, 0.25])]
        np.testing.assert_array_equal(result, aggregate(P[:1], None, "mean", "classification", [2.0]))

    @pytest.mark.parametrize(
        ("function", "task", "message"),
        [
            (
                lambda b, w: b[0, :, :2],
                "regression",
                r"shape \(103, 4\) for a block of .* Got shape \(103, 2\) instead",
            ),
            (lambda b, w: b[0] * np.nan, "regression", "must return finite numbers. Got NaN or infinity"),
            (lambda b, w: b[0] * 1.1, "classification", r"must return rows that sum to 1. Got .* sums to 1.1 instead"),
            (lambda b, w: 2 * b[0] - 0.25, "classification", r"must return probabilities >= 0. Got -0.25 instead"),
        ],
    )
    def test_errors(self, function, task, message):
        with pytest.raises(ValueError, match=f"The 'aggregation' callable must return|{message}") as error:
            aggregate(_probabilities(), None, function, task)
        assert error.match(message)

    @pytest.mark.parametrize(
        ("function", "got"),
        [
            (lambda block: block[0], "TypeError: .* takes 1 positional argument but 2 were given"),
            (lambda b, w: {"labels": b[0]}, "TypeError: .* not 'dict'"),
            (lambda b, w: "b", "ValueError: could not convert string to float"),
        ],
    )
    def test_says_what_it_is_given(self, function, got):
        given = (
            r"is given \(block, weights\), arrays of shapes \(5, 103, 4\) and \(5,\), and must return an array of shape"
        )
        with pytest.raises(TypeError, match=rf"The 'aggregation' callable {given} \(103, 4\). Got {got}"):
            aggregate(_probabilities(), None, function, "classification")

    def test_regression_may_return_any_finite_numbers(self):
        P = _probabilities()
        np.testing.assert_array_equal(aggregate(P, None, lambda b, w: 7 - 9 * b[1], "regression"), 7 - 9 * P[1])


class TestErrors:
    def test_unknown_name(self):
        message = "must be one of 'mean', 'geometric', 'median' for classification, or a callable. Got 'mode' instead"
        with pytest.raises(ValueError, match=f"The 'aggregation' parameter {message}"):
            aggregate(_probabilities(), None, "mode", "classification")

    @pytest.mark.parametrize("aggregation", ["geometric", None, ["mean"]])
    def test_not_for_regression(self, aggregation):
        with pytest.raises(ValueError, match=r"must be one of 'mean', 'median' for regression, or a callable. Got"):
            aggregate(_probabilities(), None, aggregation, "regression")

    def test_temperatures(self):
        with pytest.raises(ValueError, match="Pass temperatures=None for regression"):
            aggregate(_probabilities(), None, "mean", "regression", [1.0] * 5)
        for wrong in ([1.0] * 4, [1, 1, 1, 1, 0], [1, 1, 1, 1, np.nan]):
            with pytest.raises(ValueError, match="There must be 5 temperatures, finite and > 0"):
                aggregate(_probabilities(), None, "mean", "classification", wrong)

    def test_shapes(self):
        with pytest.raises(ValueError, match=r"Got \(3, 2\) from teacher 1 and \(4, 2\) from teacher 0"):
            aggregate([np.ones((4, 2)), np.ones((3, 2))], None, "mean", "regression")
        with pytest.raises(ValueError, match=r"matrices of one shape. Got \(4,\) from teacher 0"):
            aggregate([np.ones(4)], None, "mean", "regression")
        with pytest.raises(ValueError, match=r"one teacher at least. Got none"):
            aggregate([], None, "mean", "regression")

    def test_weights(self):
        with pytest.raises(ValueError, match=r"The 'weighting' parameter .* Got an array of shape \(4,\) instead"):
            aggregate(_probabilities(), [1, 1, 1, 1], "mean", "classification")
