"""The packed form, and its reader in C."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Model
from ._export import PACKED_HEADER, Target
from ._raw import Forest, Line
from ._verify import ExportMismatchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Checks bytes, then runs all rows; what is wrong, or NULL.
DRIVER = """
#include "packed.h"
const char *packed_run(const void *bytes, long length, const float *rows, long n, float *features, double *values,
                       int *best);
const char *packed_run(const void *bytes, long length, const float *rows, long n, float *features, double *values,
                       int *best)
{
    skd_model model;
    const char *wrong = skd_check(bytes, (size_t)length, &model);
    long i;
    for (i = 0; i < n && !wrong; i++)
        best[i] = (int)skd_predict(&model, rows + i * model.n_columns, features, values + i * model.n_outputs);
    return wrong;
}
"""


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    return model.to_bytes()


def compile_reader(compiler: str, folder: str, *flags: str) -> ctypes.CDLL:
    """Build a shared library of the reader in a folder, and load it."""
    source, library = os.path.join(folder, "packed_driver.c"), os.path.join(folder, "packed_driver.so")
    Path(source).write_text(DRIVER)
    command = [compiler, "-std=c99", "-shared", "-fPIC", *flags, f"-I{PACKED_HEADER.parent}", source, "-o", library]
    done = subprocess.run([*command, "-lm"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ExportMismatchError(f"The reader of packed models does not compile: {done.stderr:.2000}")
    return ctypes.CDLL(library)


def called(
    library: ctypes.CDLL, content: bytes, loaded: Model, columns: list[NDArray[Any]]
) -> tuple[NDArray[Any], list[Any]]:
    """Values and labels that the compiled reader gives for raw rows, whose categories have the codes of `loaded`."""
    rows = loaded.preprocessor.cells(dict(zip(loaded.preprocessor.feature_names_in, columns, strict=True)))
    values, best = np.empty((len(rows), loaded.output.n_outputs)), np.empty(len(rows), np.intc)
    features = np.empty(loaded.preprocessor.n_encoded, np.float32)
    library.packed_run.restype = ctypes.c_char_p
    at = [ctypes.c_void_p(array.ctypes.data) for array in (rows, features, values, best)]
    length, n = ctypes.c_long(len(content)), ctypes.c_long(len(rows))
    wrong = library.packed_run(content, length, at[0], n, *at[1:])
    if wrong is not None:
        raise ExportMismatchError(f"The reader in C refuses the packed model: {wrong.decode()}.")
    labels = loaded.output.classes or loaded.output.targets
    return values, [labels[i] for i in best]


def _answer(content: bytes, model: Model, name: str, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    loaded = Model.from_bytes(content)
    X = dict(zip(loaded.preprocessor.feature_names_in, columns, strict=True))
    values = loaded.evaluate(X)
    if not np.array_equal(values, model.evaluate(X)):
        raise ExportMismatchError("The packed model, read back, does not answer as the model does to the last bit.")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:  # the reader in C is tested; the file itself has been read
        return values, loaded.predict(X).tolist()
    return called(_reader(compiler), content, loaded, columns)


@cache
def _reader(compiler: str) -> ctypes.CDLL:
    """The reader, which is the same for all models: built once, it stays loaded."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_reader(compiler, folder, "-O1")


TARGET = Target(_write, _answer, {Forest: 1e-12, Line: 1e-12})
