"""The true labels, mixed back into what the teachers say."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._backend import NUMPY
from ._blocks import row_blocks
from ._check import check_targets


def blend_labels(
    Q: NDArray[Any], y: ArrayLike, blend: float, task: str, covered: NDArray[np.bool_] | None = None
) -> NDArray[Any]:
    """Mix the true labels into the targets, in place: ``(1 - blend) Q + blend y``.

    Parameters
    ----------
    Q : ndarray of shape (n, k)
        Targets; changed in place.
    y : array-like of shape (n,) or (n, k)
        Class codes, which count as one-hot rows, or true values.
    blend : float
        Weight of the true labels, in [0, 1]: 0 leaves the teachers alone, 1 leaves the labels alone.
    task : {"classification", "regression"}
        What `y` holds.
    covered : bool array of shape (n,), optional
        Rows with a label from the teachers. The others, where `Q` may hold anything, get the true label alone.

    Returns
    -------
    ndarray of shape (n, k)
        `Q`.

    Raises
    ------
    ValueError
        If `blend` is no float in [0, 1], or shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import blend_labels
    >>> blend_labels(np.array([[0.6, 0.4], [0.2, 0.8]]), [0, 1], 0.5, "classification")
    array([[0.8, 0.2],
           [0.1, 0.9]])
    """
    if not isinstance(blend, Real) or isinstance(blend, bool) or not 0 <= blend <= 1:
        raise ValueError(f"The 'blend' parameter must be a float in [0, 1]. Got {blend!r} instead.")
    n, k = Q.shape
    labels = check_targets(y, n, k, task)
    if covered is not None and (covered.shape != (n,) or covered.dtype != np.bool_):
        raise ValueError(f"covered must be {n} booleans. Got {covered.dtype} of shape {covered.shape}.")
    for rows in row_blocks(n, NUMPY.block_rows(4 * k)):
        block = Q[rows]
        # Weight of the labels, row by row. Rows that they fill are set to 0 first, as Q may hold NaN there.
        share = np.full((len(block), 1), float(blend))
        if covered is not None:
            share[~covered[rows]] = 1.0
        block[share[:, 0] == 1.0] = 0.0
        block *= 1.0 - share
        if task == "classification":
            block[np.arange(len(block)), labels[rows]] += share[:, 0]
        else:
            block += share * labels[rows]
    return Q
