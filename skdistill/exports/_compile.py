"""Build a C header with the compiler of this machine, and call it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Model
from ._verify import ExportMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: Functions of many rows and of one, in a file that includes the header.
DRIVER = """
void {name}_all_values(const float *rows, long n, double *values);
void {name}_all_choices(const float *rows, long n, int *choices);
int {name}_choice(const float *row);
void {name}_all_values(const float *rows, long n, double *values)
{{
    long i;
    for (i = 0; i < n; i++) {name}_evaluate(rows + i * {d}, values + i * {k});
}}
void {name}_all_choices(const float *rows, long n, int *choices)
{{
    long i;
    for (i = 0; i < n; i++) choices[i] = {name}_predict(rows + i * {d});
}}
int {name}_choice(const float *row)
{{
    return {name}_predict(row);
}}
"""

#: What a compiler must have beside itself.
_PROBE = "#include <float.h>\n#include <math.h>\n#include <string.h>\nint probe(void) { return FLT_DIG; }\n"


class Compiled:
    """The functions of a compiled header, for rows as `Preprocessor.cells` makes them."""

    def __init__(self, library: ctypes.CDLL, model: Model, name: str) -> None:
        self._n_outputs = model.output.n_outputs
        self._values, self._choices = getattr(library, f"{name}_all_values"), getattr(library, f"{name}_all_choices")
        for function in (self._values, self._choices):
            function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p], None
        #: The number of the answer for one row, of its packed bytes.
        self.choice = getattr(library, f"{name}_choice")
        self.choice.argtypes = [ctypes.c_char_p]

    def values(self, cells: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the model evaluates to, shape (n, n_outputs)."""
        cells, values = np.ascontiguousarray(cells), np.empty((len(cells), self._n_outputs))
        self._values(cells.ctypes.data, len(cells), values.ctypes.data)
        return values

    def values_one(self, packed: bytes) -> tuple[float, ...]:
        """The same for the packed bytes of one row."""
        values = (ctypes.c_double * self._n_outputs)()
        self._values(packed, 1, values)
        return tuple(values)

    def choices(self, cells: NDArray[np.float32]) -> NDArray[np.intc]:
        """The numbers of the answers, shape (n,)."""
        cells, choices = np.ascontiguousarray(cells), np.empty(len(cells), np.intc)
        self._choices(cells.ctypes.data, len(cells), choices.ctypes.data)
        return choices

    def answer(self, model: Model, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
        """Values and labels for raw rows."""
        cells = model.preprocessor.cells(dict(zip(model.preprocessor.feature_names_in, columns, strict=True)))
        labels = model.output.classes or model.output.targets
        return self.values(cells), [labels[i] for i in self.choices(cells).tolist()]


def compiler() -> str | None:
    """A C compiler that has its headers, if there is one."""
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        if path is not None:
            with tempfile.TemporaryDirectory() as folder:
                if build(path, _PROBE, folder, ()) is None:
                    return path
    return None


def compiler_to_verify() -> str | None:
    """A C compiler for what `export` writes; where there is none, the caller of `export` is warned."""
    path = compiler()
    if path is None:
        warnings.warn(
            "The C header was not verified, since no C compiler (cc, gcc, clang) was found on the PATH.", stacklevel=5
        )
    return path


def compiled(content: bytes, model: Model, name: str, path: str, flags: Iterable[str] = ("-O3",)) -> Compiled:
    """Compile a header in a folder that is nobody else's, and load it; ExportMismatchError if it does not compile."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, f"{name}.h"), "wb") as file:
            file.write(content)
        driver = DRIVER.format(name=name, d=model.preprocessor.n_features_in, k=model.output.n_outputs)
        trouble = build(path, f'#include "{name}.h"\n{driver}', folder, flags)
        if trouble is not None:
            raise ExportMismatchError(f"The C header does not compile: {trouble:.2000}")
        return Compiled(ctypes.CDLL(os.path.join(folder, "library.so")), model, name)  # stays loaded when it is gone


def build(path: str, source: str, folder: str, flags: Iterable[str]) -> str | None:
    """Compile a source to library.so, or say what the compiler says."""
    with open(os.path.join(folder, "source.c"), "w", encoding="utf-8") as file:
        file.write(source)
    command = [path, "-std=c99", "-shared", "-fPIC", *flags, "source.c", "-o", "library.so", "-lm"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return done.stderr if done.returncode else None
