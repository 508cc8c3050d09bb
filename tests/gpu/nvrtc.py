"""NVIDIA's run-time compiler, which needs no GPU: `pip install nvidia-cuda-nvrtc-cu12` (or any later version)."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import pytest


def load():
    """The library; the test is skipped where it is not installed."""
    spec = importlib.util.find_spec("nvidia")
    found = [
        path
        for root in (spec.submodule_search_locations if spec else [])
        for path in Path(root).glob("*/lib/libnvrtc.so*")
    ]
    if not found:
        pytest.skip("NVRTC is not installed (pip install nvidia-cuda-nvrtc-cu12): kernels are not compiled as CUDA")
    return ctypes.CDLL(str(found[0]))


def compiled(source, names, architecture):
    """PTX, and the name of each kernel in it. A warning is an error."""
    library, program, size = load(), ctypes.c_void_p(), ctypes.c_size_t()
    assert library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None) == 0
    for name in names:
        assert library.nvrtcAddNameExpression(program, name.encode()) == 0
    options = [b"-std=c++17", f"--gpu-architecture={architecture}".encode()]
    code = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    texts = {}
    for what in ("ProgramLog", "PTX"):
        getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
        text = ctypes.create_string_buffer(size.value)
        getattr(library, f"nvrtcGet{what}")(program, text)
        texts[what] = text.value.decode()
    assert code == 0, texts["ProgramLog"]
    assert not texts["ProgramLog"].strip()
    lowered = {}
    for name in names:
        place = ctypes.c_char_p()
        assert library.nvrtcGetLoweredName(program, name.encode(), ctypes.byref(place)) == 0
        lowered[name] = place.value.decode()
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return texts["PTX"], lowered
