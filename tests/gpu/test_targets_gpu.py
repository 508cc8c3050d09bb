"""Aggregation and calibration on a GPU agree with NumPy. Runs only where CuPy sees a GPU."""

import numpy as np
import pytest

from skdistill._backend import NUMPY, resolve
from skdistill.targets import AGGREGATIONS, aggregate, fit_log_pool
from skdistill.targets._fused import MOST_TEACHERS

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the GPU path is not tested here")
if not cupy.is_available():
    pytest.skip("CuPy sees no GPU: the GPU path is not tested here", allow_module_level=True)

#: Of what is aggregated from labels in float32 and float64; see `test_aggregation_kernel`.
TOLERANCE = {np.float32: {"rtol": 1e-5, "atol": 1e-9}, np.float64: {"rtol": 1e-11, "atol": 1e-12}}


def _committee(dtype):
    rng = np.random.default_rng(0)
    P = [rng.dirichlet(np.full(10, 0.4), 20_000).astype(dtype) for _ in range(8)]
    for p in P:
        p[:5] = np.eye(10, dtype=dtype)[rng.integers(10, size=5)]
        p.flags.writeable = False
    return P, rng.dirichlet(np.ones(8)), rng.integers(10, size=20_000)


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_the_gpu_is_found(device):
    backend = resolve(device)
    assert backend.name == "cupy"
    a = np.arange(3.0)
    assert isinstance(backend.asarray(a), cupy.ndarray)
    np.testing.assert_array_equal(backend.to_numpy(backend.asarray(a)), a)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperatures", [None, np.linspace(0.5, 3, 8)])
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_aggregation_agrees_with_numpy(aggregation, temperatures, dtype):
    P, weights, _ = _committee(dtype)
    args = (P, weights, aggregation, "classification", temperatures)
    scaling = None if temperatures is None else (1.2, np.linspace(-1, 1, 10))
    expected = aggregate(*args, NUMPY, scaling=scaling)
    for block_rows in (None, 3001):
        result = aggregate(*args, resolve("cuda"), block_rows=block_rows, scaling=scaling)
        assert type(result) is np.ndarray
        np.testing.assert_allclose(result, expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("aggregation", ["mean", "median"])
def test_values_agree_with_numpy(aggregation, dtype):
    rng = np.random.default_rng(1)
    P = [rng.normal(size=(5_003, 3)).astype(dtype) for _ in range(5)]
    for weights in (None, rng.dirichlet(np.ones(5))):
        args = P, weights, aggregation, "regression"
        np.testing.assert_allclose(aggregate(*args, backend=resolve("cuda")), aggregate(*args), rtol=1e-12)


def test_beyond_the_bounds_of_the_kernel_the_array_api_takes_over():
    rng = np.random.default_rng(2)
    P = [rng.dirichlet(np.ones(4), 50) for _ in range(MOST_TEACHERS + 1)]
    args = P, None, "geometric", "classification"
    np.testing.assert_allclose(aggregate(*args, backend=resolve("cuda")), aggregate(*args), rtol=1e-11)


def test_a_callable_runs_on_the_host():
    P, weights, _ = _committee(np.float64)
    result = aggregate(P, weights, lambda block, w: block[0], "classification", None, resolve("cuda"))
    np.testing.assert_array_equal(result, P[0])


def test_log_pool_agrees_with_numpy():
    P, _, y = _committee(np.float32)
    expected = fit_log_pool(P, y, with_biases=True)
    for part, result in zip(expected, fit_log_pool(P, y, backend=resolve("cuda"), with_biases=True)):
        assert type(result) is np.ndarray
        np.testing.assert_allclose(result, part, rtol=1e-8, atol=1e-10)
