"""What the parity tests of this folder run on: a strict CPU stand-in for a device, and CuPy where there is a GPU."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import array_api_strict
import pytest

from skdistill._backend import Backend, resolve

DEVICE = array_api_strict.Device("device1")


def find_gpu():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the GPU path is not tested here")
    if not cupy.is_available():
        pytest.skip("CuPy sees no GPU: the GPU path is not tested here")


@pytest.fixture(params=["array_api_strict", "cupy"])
def backend(request):
    if request.param == "array_api_strict":
        return Backend(xp=array_api_strict, device=DEVICE)
    find_gpu()
    return resolve("cuda")


@pytest.fixture(params=["array_api_strict", "cupy"])
def cuda(request, monkeypatch):
    """`device="cuda"` means the stand-in, or the GPU: the name of its array library."""
    if request.param == "cupy":
        find_gpu()
        return "cupy"
    gpu = SimpleNamespace(
        is_available=lambda: True, cuda=SimpleNamespace(Device=lambda: DEVICE), ndarray=type("_", (), {})
    )
    monkeypatch.setitem(sys.modules, "cupy", gpu)
    monkeypatch.setitem(sys.modules, "array_api_compat.cupy", array_api_strict)
    return "array_api_strict"


@pytest.fixture
def need_cupy():
    """For what no stand-in can do."""
    find_gpu()
