"""What the parity tests of this folder run on: a strict CPU stand-in for a device, and CuPy where there is a GPU."""

from __future__ import annotations

import array_api_strict
import pytest

from skdistill._backend import Backend, resolve


@pytest.fixture(params=["array_api_strict", "cupy"])
def backend(request):
    if request.param == "array_api_strict":
        return Backend(xp=array_api_strict, device=array_api_strict.Device("device1"))
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed: the GPU path is not tested here")
    if not cupy.is_available():
        pytest.skip("CuPy sees no GPU: the GPU path is not tested here")
    return resolve("cuda")
