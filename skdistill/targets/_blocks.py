"""Rows in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def row_blocks(n: int, block_rows: int, weight: NDArray[np.float64] | None = None) -> Iterator[Any]:
    """Indices of blocks of at most `block_rows` of `n` rows, in order: slices.

    Rows of `weight` 0 are as if absent: a block that has some is an array of the other rows' numbers instead.

    Examples
    --------
    >>> import numpy as np
    >>> list(row_blocks(5, 3, np.array([1.0, 0.0, 1.0, 1.0, 1.0])))
    [array([0, 2]), slice(3, 5, None)]
    """
    for start in range(0, n, block_rows):
        rows = slice(start, min(start + block_rows, n))
        if weight is None or weight[rows].all():
            yield rows
        else:
            yield start + np.flatnonzero(weight[rows])
