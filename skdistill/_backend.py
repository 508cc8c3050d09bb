"""The only module that names CuPy: which array namespace computes, on which device, and the way back to NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np
from numpy.typing import NDArray

#: Rows of a block below which it is no help to halve it once more: no device is as small as that.
LEAST_ROWS = 1_024


@dataclass(frozen=True, slots=True)
class Backend:
    """An array namespace and the device its arrays live on.

    Code written against `xp`, and nothing but the array API standard, runs on all of them.

    Parameters
    ----------
    xp : module
        A namespace of the array API standard, such as ``array_api_compat.numpy`` or ``array_api_strict``.
    device : object
        What `xp` calls a device.

    Examples
    --------
    >>> from skdistill._backend import NUMPY
    >>> block = NUMPY.asarray([1.0, 4.0])
    >>> NUMPY.to_numpy(NUMPY.xp.sqrt(block))
    array([1., 2.])
    """

    xp: Any
    device: Any

    @property
    def name(self) -> str:
        """Name of the array library: "numpy", "cupy" or another's."""
        return str(self.xp.__name__).removeprefix("array_api_compat.")

    def asarray(self, a: Any) -> Any:
        """`a` as an array of this namespace on this device, without a copy where it is one already."""
        return self.xp.asarray(a, device=self.device)

    def to_numpy(self, a: Any) -> NDArray[Any]:
        """An array of this backend as a NumPy array, without a copy where it is one already."""
        if array_api_compat.is_cupy_array(a):
            return np.asarray(array_api_compat.to_device(a, "cpu"))
        host = self.xp.__array_namespace_info__().default_device()
        return np.asarray(array_api_compat.to_device(a, host))

    @property
    def fuses(self) -> bool:
        """Whether there are kernels here: CUDA that does in one go what the array API takes many steps for."""
        return self.name == "cupy"

    def kernel(self, source: str, name: str) -> Callable[..., None]:
        """A kernel of CUDA source, compiled when first asked for: called with grid, block, arguments and `shared_mem`.

        Arguments are passed by value but for arrays of this backend. NumPy's must be scalars, or structures of one.
        """
        return _compiled(source, name)

    def address(self, a: Any) -> int:
        """Where on the device an array begins."""
        return int(a.data.ptr)

    def sums_by(self, cell: Any, values: Any, n_cells: int) -> Any:
        """Sums of the rows of `values` (n, c) that fall into each cell, shape (n_cells, c); `cell` holds integers.

        The one thing students need that the array API standard lacks. Values are integers in float64 whose sums stay
        below 2**53, so that every library gives the same bits in whatever order it adds.

        Examples
        --------
        >>> from skdistill._backend import NUMPY
        >>> NUMPY.sums_by(np.array([1, 0, 1]), np.array([[1.0], [2.0], [4.0]]), 3)
        array([[2.], [5.], [0.]])
        """
        xp = self.xp
        if self.name == "numpy":
            return np.stack([np.bincount(cell, column, minlength=n_cells) for column in values.T], axis=1)
        if self.name == "cupy":
            total = xp.zeros((n_cells, values.shape[1]), dtype=xp.float64)
            import_module("cupyx").scatter_add(total, cell, values)
            return total
        order = xp.argsort(cell)
        ends = xp.searchsorted(
            xp.take(cell, order), xp.arange(n_cells, dtype=cell.dtype, device=self.device), side="right"
        )
        nothing = xp.zeros((1, values.shape[1]), dtype=xp.float64, device=self.device)
        upto = xp.concat([nothing, xp.cumulative_sum(xp.take(values, order, axis=0), axis=0)])
        upto = xp.concat([nothing, xp.take(upto, ends, axis=0)])
        return upto[1:, :] - upto[:-1, :]

    def smaller_block(self, rows: int, failure: MemoryError) -> int:
        """Half of the rows of a block that found too little memory, after what nothing uses any more has been freed.

        Raises
        ------
        MemoryError
            `failure` itself on NumPy; elsewhere, where blocks of `LEAST_ROWS` rows do not fit, what to do.
        """
        if self.name == "numpy":
            raise failure
        if rows <= LEAST_ROWS:
            raise MemoryError(
                f"The device of {self.name} has too little memory even for blocks of {rows:,} rows ({failure}). Free "
                "memory on it, or pass device='cpu'."
            ) from failure
        self.release()
        return max(rows // 2, LEAST_ROWS)

    def release(self) -> None:
        """Give memory that nothing uses any more back to the device."""
        if self.name == "cupy":
            import_module("cupy").get_default_memory_pool().free_all_blocks()

    def block_rows(self, width: int) -> int:
        """Rows of `width` float64 numbers that one block of work holds, at least 1.

        On a processor a block should stay in a core's second-level cache (1 MiB); on a GPU it should be large enough
        to hide the launch of a kernel (256 MiB).
        """
        return max(1, (2**28 if self.name == "cupy" else 2**20) // (8 * max(1, width)))


@cache
def _compiled(source: str, name: str) -> Callable[..., None]:
    module = import_module("cupy").RawModule(code=source, options=("-std=c++17",), name_expressions=(name,))
    return module.get_function(name)


#: The backend that is always there.
NUMPY = Backend(xp=array_api_compat.numpy, device="cpu")


#: Numbers (of the labels to aggregate, of a student's encoded rows) that `device="auto"` wants to see before it moves
#: them to a GPU: below, starting CuPy and the way over the bus may cost more than is won. Not measured on a GPU yet, so
#: chosen large: 300 MB of float32, some seconds of one core. `python -m benchmarks.gpu` measures what it should be.
CROSSOVER = 75_000_000


def of(a: Any) -> Backend:
    """The backend that an array belongs to.

    Examples
    --------
    >>> from skdistill._backend import NUMPY, of
    >>> of(np.ones(2)) is NUMPY
    True
    """
    if isinstance(a, np.ndarray):
        return NUMPY
    return Backend(array_api_compat.array_namespace(a), array_api_compat.device(a))


def resolve(device: str = "auto", numbers: int | None = None) -> Backend:
    """The backend for a `device` parameter.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        "cpu" is NumPy, "cuda" is CuPy, "auto" is CuPy where it is installed and sees a GPU, else NumPy.
    numbers : int, optional
        How many numbers are to be worked on: with fewer than `CROSSOVER`, "auto" is NumPy.

    Returns
    -------
    Backend

    Raises
    ------
    ValueError
        If `device` is none of the three names.
    ImportError
        If "cuda" is asked for and CuPy cannot be imported.
    RuntimeError
        If "cuda" is asked for and CuPy sees no GPU.

    Examples
    --------
    >>> from skdistill._backend import resolve
    >>> resolve("cpu").name
    'numpy'
    """
    if not isinstance(device, str) or device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"The 'device' parameter must be one of 'auto', 'cpu', 'cuda'. Got {device!r} instead.")
    if device == "cpu" or (device == "auto" and numbers is not None and numbers < CROSSOVER):
        return NUMPY
    try:
        cupy = import_module("cupy")
    except ImportError as error:
        if device == "auto":
            return NUMPY
        raise ImportError(
            "device='cuda' needs CuPy, which cannot be imported. Install it with `pip install skdistill[cuda12]` or "
            "`pip install skdistill[cuda13]`, whichever matches your CUDA driver, or pass device='cpu'."
        ) from error
    if not cupy.is_available():  # CuPy installs and imports without a GPU; only its calls would fail
        if device == "auto":
            return NUMPY
        raise RuntimeError(
            "device='cuda' needs a GPU, and CuPy sees none. Check the driver with `nvidia-smi` and the variable "
            "CUDA_VISIBLE_DEVICES, or pass device='cpu'."
        )
    return Backend(xp=import_module("array_api_compat.cupy"), device=cupy.cuda.Device())
