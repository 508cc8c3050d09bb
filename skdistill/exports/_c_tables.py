"""Constants of C: tables, numbers, strings and comments that nothing in a model can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np


class Tables:
    """Declares tables, and counts their bytes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nbytes = 0

    def declare(self, what: str, values: Any) -> str:
        """A table of integers (a list), in the smallest type that holds them, or of floats (an array)."""
        if isinstance(values, list):
            kind, nbytes = _smallest(values)
            text = _lines(map(str, values))
        else:
            kind, nbytes = "float", 4
            text = _lines(map(_float, np.asarray(values, np.float32).ravel().tolist()))
        self.nbytes += nbytes * np.size(values)
        return f"static const {kind} {self.name}_{what}[{np.size(values)}] = {{{text}}};\n"


def _smallest(values: list[int]) -> tuple[str, int]:
    low, high = min(values), max(values)
    for nbytes, kind in ((1, "char"), (2, "short"), (4, "int"), (8, "long long")):
        if low >= 0 and high < 2 ** (8 * nbytes):
            return f"unsigned {kind}", nbytes
        if -(2 ** (8 * nbytes - 1)) <= low and high < 2 ** (8 * nbytes - 1):
            return f"signed {kind}", nbytes
    raise OverflowError(f"No C type holds {low} and {high}.")


def strings(texts: Iterable[str]) -> str:
    """String constants, in which nothing can end them: all but letters, digits and spaces are written as octals."""
    return _lines(f'"{"".join(map(_sign, text.encode()))}"' for text in texts)


def comment(text: Any) -> str:
    """Text that cannot end a comment or its line."""
    return re.sub(r"[^\w .,:;=+()<>%$&'-]", "_", str(text))[:200]


def _sign(byte: int) -> str:
    return chr(byte) if byte < 128 and (chr(byte).isalnum() or byte == 32) else f"\\{byte:03o}"


def _lines(items: Iterable[str]) -> str:
    """Items, some on a line."""
    texts = list(items)
    return ",\n    ".join(", ".join(texts[start : start + 12]) for start in range(0, len(texts), 12))


def _float(value: float) -> str:
    """A float constant that is read as this very number."""
    if np.isinf(value):
        return "HUGE_VALF" if value > 0 else "-HUGE_VALF"
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
