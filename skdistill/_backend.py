"""The only module that names CuPy: which array namespace computes, on which device, and the way back to NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np
from numpy.typing import NDArray


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

    def block_rows(self, width: int) -> int:
        """Rows of `width` float64 numbers that one block of work holds, at least 1.

        On a processor a block should stay in a core's second-level cache (1 MiB); on a GPU it should be large enough
        to hide the launch of a kernel (256 MiB).
        """
        return max(1, (2**28 if self.name == "cupy" else 2**20) // (8 * max(1, width)))


#: The backend that is always there.
NUMPY = Backend(xp=array_api_compat.numpy, device="cpu")


def resolve(device: str = "auto") -> Backend:
    """The backend for a `device` parameter.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda"}
        "cpu" is NumPy, "cuda" is CuPy, "auto" is CuPy where it is installed and sees a GPU, else NumPy.

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
    if device == "cpu":
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
