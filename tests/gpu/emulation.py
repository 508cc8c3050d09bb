"""Kernels of CUDA source on the processor: a real compiler, fibers for threads, and NumPy arrays for those of a GPU."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skdistill._backend import NUMPY, Backend


class Emulated(Backend):
    """NumPy with kernels. `cuLaunchKernel` and CuPy's `RawKernel` are called alike."""

    library = None  #: mapping of names to functions; a class attribute, as a backend has two fields
    launched = None  #: names of the kernels that ran

    @property
    def fuses(self):
        return True

    def kernel(self, source, name):
        function = self.library[name]

        def run(grid, block, args, shared_mem=0):
            assert all(isinstance(a, np.ndarray | np.generic) for a in args)  # a Python number is 64 bits to CuPy
            structures = [a for a in args if isinstance(a, np.ndarray) and a.dtype.names]
            assert all(a.size == 1 for a in structures)
            held = [
                np.uintp(a.ctypes.data) if isinstance(a, np.ndarray) and not a.dtype.names else np.asarray(a)
                for a in args
            ]
            held = [np.asarray(a) for a in held]
            sizes = [(ctypes.c_uint * 3)(*(*each, 1, 1)[:3]) for each in (grid, block)]
            places = (ctypes.c_void_p * len(args))(*(a.ctypes.data for a in held))
            function(*sizes, ctypes.c_uint(shared_mem), places)
            self.launched.append(name)

        return run

    def address(self, a):
        return a.ctypes.data


def build(source, names, folder):
    """A backend with the kernels of CUDA source that `names` tell."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("There is no C++ compiler for Linux here: kernels are not run on the processor")
    calls = [
        f'extern "C" void kernel_{i}(unsigned *grid, unsigned *block, unsigned shared, void **args)'
        f" {{ launch({name}, grid, block, shared, args); }}"
        for i, name in enumerate(names)
    ]
    header = Path(__file__).with_name("cuda_on_cpu.h").read_text(encoding="utf-8")
    code, target = folder / "kernels.cpp", folder / "kernels.so"
    code.write_text("\n".join([header, source, *calls]), encoding="utf-8")
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", "-pthread"]
    subprocess.run([compiler, *flags, code, "-o", target], check=True)
    loaded = ctypes.CDLL(str(target))
    library = {name: loaded[f"kernel_{i}"] for i, name in enumerate(names)}
    return type("Built", (Emulated,), {"library": library, "launched": []})(NUMPY.xp, NUMPY.device)
