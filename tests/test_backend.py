import subprocess
import sys
from types import SimpleNamespace

import array_api_strict
import numpy as np
import pytest

from skdistill._backend import CROSSOVER, NUMPY, Backend, resolve


def _fake_cupy(monkeypatch, available):
    """A CuPy that can be imported and says whether it sees a GPU; it cannot compute."""
    cupy = SimpleNamespace(is_available=lambda: available, cuda=SimpleNamespace(Device=lambda: "device 0"))
    namespace = SimpleNamespace(__name__="array_api_compat.cupy")
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", namespace)
    return namespace


def test_importing_does_not_import_cupy():
    code = "import sys, skdistill._backend, skdistill.targets; assert 'cupy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cpu_is_numpy_even_with_a_gpu(monkeypatch):
    _fake_cupy(monkeypatch, True)
    assert resolve("cpu") is NUMPY
    assert NUMPY.name == "numpy"


@pytest.mark.parametrize("available", [False, None])
def test_auto_without_gpu_or_cupy_is_numpy(monkeypatch, available):
    _fake_cupy(monkeypatch, available)
    if available is None:
        monkeypatch.setitem(sys.modules, "cupy", None)  # as if not installed
    assert resolve("auto") is NUMPY


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_gpu_is_taken_where_there_is_one(monkeypatch, device):
    namespace = _fake_cupy(monkeypatch, True)
    backend = resolve(device)
    assert backend == Backend(xp=namespace, device="device 0")
    assert backend.name == "cupy"
    assert backend.block_rows(10) > NUMPY.block_rows(10)


def test_auto_leaves_what_is_small_to_numpy(monkeypatch):
    _fake_cupy(monkeypatch, True)
    assert resolve("auto", CROSSOVER - 1) is NUMPY
    assert resolve("auto", CROSSOVER).name == resolve("cuda", 1).name == "cupy"


def test_cuda_without_cupy_names_the_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match=r"pip install skdistill\[cuda12\]` or `pip install skdistill\[cuda13\]"):
        resolve("cuda")


def test_cuda_without_gpu_says_so(monkeypatch):
    _fake_cupy(monkeypatch, False)
    with pytest.raises(RuntimeError, match="needs a GPU, and CuPy sees none"):
        resolve("cuda")


@pytest.mark.parametrize("device", ["gpu", None, 0, ["cpu"]])
def test_unknown_device(device):
    with pytest.raises(ValueError, match=r"The 'device' parameter must be one of 'auto', 'cpu', 'cuda'. Got"):
        resolve(device)


def test_numpy_round_trip_does_not_copy():
    a = np.arange(6.0).reshape(2, 3)
    a.flags.writeable = False
    assert np.shares_memory(NUMPY.to_numpy(NUMPY.asarray(a)), a)


def test_strict_device_round_trip():
    backend = Backend(xp=array_api_strict, device=array_api_strict.Device("device1"))
    on_device = backend.asarray(np.arange(3.0, dtype=np.float32))
    assert on_device.device == backend.device
    assert backend.name == "array_api_strict"
    with pytest.raises(RuntimeError):  # the silent way to the host is closed: that is what this device is for
        np.asarray(on_device)
    back = backend.to_numpy(on_device)
    assert isinstance(back, np.ndarray)
    np.testing.assert_array_equal(back, np.arange(3, dtype=np.float32))


def test_block_rows_is_at_least_one():
    assert NUMPY.block_rows(10**9) == 1
    assert NUMPY.block_rows(0) >= 1


def test_backend_is_frozen():
    with pytest.raises(AttributeError):
        NUMPY.device = "cuda"
