"""What goes into the targets is checked where it comes in, so that an error names who is to blame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._backend import NUMPY, Backend
from ._blocks import row_blocks

#: How far the sum of a teacher's row of probabilities may be from 1. Teachers that compute in float32, or print and
#: parse their answers, are off by more than rounding in float64.
SUM_TOLERANCE = 1e-3

#: Students expect rows that sum to 1 within this; rows further off are divided by their sums.
_EXACT_SUM = 1e-6


def _first_row(P: Any, is_bad: Callable[[Any], Any], backend: Backend) -> int | None:
    """Number of the first row that `is_bad` finds, block by block so that no matrix of flags is made."""
    for rows in row_blocks(P.shape[0], backend.block_rows(P.shape[1])):
        bad = is_bad(P[rows, :])
        if bool(backend.xp.any(bad)):
            return int(rows.start + backend.to_numpy(bad).argmax())
    return None


def check_labels(P: Any, n: int, k: int, task: str, name: str, backend: Backend = NUMPY) -> Any:
    """Check what one teacher returned for `n` rows, and give it back as a matrix of floats.

    Parameters
    ----------
    P : array-like of shape (n, k)
        Probabilities or values; for regression with ``k == 1`` also shape (n,).
    n, k : int
        Rows asked for; classes or targets expected.
    task : {"classification", "regression"}
        Probabilities must be >= 0 and their rows sum to 1 within 0.001.
    name : str
        The teacher, for the message of an error.
    backend : Backend
        Where `P` lies.

    Returns
    -------
    array of shape (n, k)
        float32 where `P` is float32, else float64. `P` itself where nothing had to change; if a row of probabilities is
        more than 1e-6 off, a copy whose rows are divided by their sums.

    Raises
    ------
    ValueError
        If the shape, a type, or a value is not as expected; the message names the teacher and the first bad row.

    Examples
    --------
    >>> from skdistill.targets import check_labels
    >>> check_labels([[0.25, 0.75], [0.9, 0.3]], 2, 2, "classification", "svm")
    Traceback (most recent call last):
        ...
    ValueError: Teacher 'svm' returned probabilities that sum to 1.2 in row 1. Expected rows that sum to 1.
    """
    classification, xp = task == "classification", backend.xp
    try:
        labels = backend.asarray(P)
        if labels.dtype not in (xp.float32, xp.float64):
            labels = xp.astype(labels, xp.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Teacher {name!r} returned labels that are not numbers: {error}.") from error
    if not classification and k == 1 and labels.ndim == 1:
        labels = labels[:, np.newaxis]
    if labels.shape != (n, k):
        columns = "class" if classification else "target"
        raise ValueError(
            f"Teacher {name!r} returned labels of shape {labels.shape}. "
            f"Expected {(n, k)}: one row per sample and one column per {columns}."
        )
    row = _first_row(labels, lambda block: xp.any(~xp.isfinite(block), axis=1), backend)
    if row is not None:
        raise ValueError(f"Teacher {name!r} returned NaN or infinity in row {row}. Expected finite numbers.")
    if not classification:
        return labels
    row = _first_row(labels, lambda block: xp.any(block < 0, axis=1), backend)
    if row is not None:
        raise ValueError(
            f"Teacher {name!r} returned a negative probability, {float(xp.min(labels[row, :])):.6g}, in row {row}. "
            "Expected numbers in [0, 1]."
        )
    sums = xp.sum(labels, axis=1, dtype=xp.float64)
    off = xp.abs(sums - 1.0)
    if bool(xp.any(off > SUM_TOLERANCE)):
        row = int(backend.to_numpy(off > SUM_TOLERANCE).argmax())
        raise ValueError(
            f"Teacher {name!r} returned probabilities that sum to {float(sums[row]):.6g} in row {row}. "
            "Expected rows that sum to 1."
        )
    if bool(xp.any(off > _EXACT_SUM)):
        return labels / xp.astype(sums, labels.dtype)[:, None]
    return labels


def check_committee(P: Sequence[Any]) -> tuple[int, int, int]:
    """Numbers of teachers, rows and columns of `P`, whose matrices must have one shape."""
    shapes = [p.shape for p in P]
    if not shapes:
        raise ValueError("There must be the labels of one teacher at least. Got none.")
    for t, shape in enumerate(shapes):
        if len(shape) != 2 or shape != shapes[0]:
            raise ValueError(
                f"The labels of all teachers must be matrices of one shape. "
                f"Got {shape} from teacher {t} and {shapes[0]} from teacher 0."
            )
    return len(shapes), shapes[0][0], shapes[0][1]


def check_temperatures(temperatures: ArrayLike | None, n_teachers: int, task: str) -> list[float]:
    """One temperature > 0 for each teacher; 1 where none are given."""
    if temperatures is None:
        return [1.0] * n_teachers
    if task != "classification":
        raise ValueError("Temperatures apply to class probabilities. Pass temperatures=None for regression.")
    values = np.asarray(temperatures, dtype=np.float64)
    if values.shape != (n_teachers,) or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"There must be {n_teachers} temperatures, finite and > 0. Got {temperatures!r} instead.")
    return [float(value) for value in values]


def check_targets(y: ArrayLike, n: int, k: int, task: str) -> NDArray[Any]:
    """`y` as class codes of shape (n,), or as finite values of shape (n, k)."""
    y = np.asarray(y)
    if task == "classification":
        if y.shape != (n,) or not np.issubdtype(y.dtype, np.integer):
            raise ValueError(f"y must hold {n} integer class codes. Got shape {y.shape} of {y.dtype}.")
        if n and (y.min() < 0 or y.max() >= k):
            raise ValueError(f"y must hold class codes from 0 to {k - 1}. Got codes from {y.min()} to {y.max()}.")
        return y
    if y.ndim == 1 and k == 1:
        y = y[:, np.newaxis]
    if y.shape != (n, k):
        raise ValueError(f"y must hold values of shape {(n, k)}. Got shape {y.shape}.")
    if not np.isfinite(y).all():
        raise ValueError("y must hold finite values. Got NaN or infinity.")
    return y


def check_sample_weight(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Weights of shape (n,) that sum to 1; equal where none are given."""
    weight = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise ValueError(f"sample_weight must have shape {(n,)}. Got {weight.shape}.")
    total = weight.sum()
    if not np.isfinite(total) or total <= 0 or (weight < 0).any():
        raise ValueError("sample_weight must be finite and >= 0, and some weight must be > 0.")
    return np.asarray(weight / total)
