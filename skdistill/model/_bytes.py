"""Bytes read from front to back, each read checked: what a file claims is never believed before it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._json import ModelFormatError
from ._labels import Label
from ._pack import FALSE, LONG_TEXT, NUMBERS, TRUE, index_type

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Bytes:
    """What is left to read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise ModelFormatError(f"it ends where {n} bytes more are needed, at byte {8 + self.at}.")
        self.at += n
        return self.data[self.at - n : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def signed(self) -> int:
        return int.from_bytes(self.take(1), "little", signed=True)

    def count(self) -> int:
        number = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                break
        if byte > 127 or number >= 2**31:
            raise ModelFormatError(f"a count of 31 bits was expected before byte {8 + self.at}.")
        return number

    def array(self, n: int, dtype: str) -> NDArray[Any]:
        return np.frombuffer(self.take(n * np.dtype(dtype).itemsize), dtype)

    def numbers(self, n: int, dtype: str = "<f4") -> NDArray[np.float32]:
        """Numbers of 4 bytes, or of 2."""
        array = self.array(n, dtype)
        if not np.isfinite(array).all():
            raise ModelFormatError(f"numbers must be finite, and those before byte {8 + self.at} are not.")
        return array.astype(np.float32)

    def indices(self, n: int, below: int) -> NDArray[np.int32]:
        """Numbers of things of which there are `below`."""
        array = self.array(n, index_type(below))
        if n and array.max() >= below:
            raise ModelFormatError(f"a number below {below} was expected before byte {8 + self.at}.")
        return array.astype(np.int32)

    def bits(self, n: int) -> NDArray[np.bool_]:
        return np.unpackbits(self.array((n + 7) // 8, "u1"), count=n, bitorder="little").astype(bool)

    def label(self) -> Label:
        """A class label, a category or a name."""
        tag = self.byte()
        if tag in (FALSE, TRUE):
            return tag == TRUE
        if tag in NUMBERS:
            label: Label = self.array(1, NUMBERS[tag])[0].item()
            return label
        if tag > LONG_TEXT:
            raise ModelFormatError(f"it has a label of the unknown kind {tag}.")
        try:
            return self.take(self.count() if tag == LONG_TEXT else tag).decode()
        except UnicodeDecodeError as error:
            raise ModelFormatError(f"a text is not UTF-8 ({error}).") from error
