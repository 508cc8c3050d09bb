"""The committee's one opinion on each row, streamed in blocks and written once for every array library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._backend import NUMPY, Backend, of
from ._calibration import VETO, apply_scaling, apply_temperature, floored
from ._check import SUM_TOLERANCE, check_committee, check_temperatures
from ._fused import TIE, fused
from ._weighting import check_weighting

#: Names that the 'aggregation' parameter takes; "geometric" is for classification only.
AGGREGATIONS = ("mean", "geometric", "median")

Aggregation = str | Callable[[NDArray[np.float64], NDArray[np.float64]], ArrayLike]
Rule = Callable[[list[Any], list[float], list[float], Backend], Any]


def aggregate(
    P: Sequence[Any],
    weights: ArrayLike | None,
    aggregation: Aggregation,
    task: str,
    temperatures: ArrayLike | None = None,
    backend: Backend = NUMPY,
    *,
    scaling: tuple[float, NDArray[np.float64]] | None = None,
    block_rows: int | None = None,
    out: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Aggregate the labels of T teachers into one matrix.

    Beside the result, memory holds a few blocks of rows.

    Parameters
    ----------
    P : sequence of T arrays of shape (n, k)
        Probabilities or values, float32 or float64, on the host or a device; what `check_labels` returned.
    weights : array-like of shape (T,), optional
        Teacher weights >= 0 with a positive sum; equal where None. A teacher of weight 0 is as if absent.
    aggregation : {"mean", "geometric", "median"} or callable
        "mean" is the weighted mean (the linear opinion pool).

        "geometric" is the weighted geometric mean, renormalised (the logarithmic opinion pool [1]_), with probabilities
        below 1e-4 counted as 1e-4. Classification only.

        "median" is the weighted median of each output: the average of the lower and the upper weighted median, which
        with equal weights is ``np.median``. Probabilities are renormalised; where all medians of a row are 0, the
        weighted mean takes their place.

        A callable is given a block of shape (T, b, k) and the weights of shape (T,), which sum to 1, both float64 NumPy
        arrays, and returns shape (b, k). It must treat each row by itself: how rows are cut into blocks may change.
    task : {"classification", "regression"}
        Classification results have rows that sum to 1 (for "mean", as closely as the rows of `P` do).
    temperatures : array-like of shape (T,), optional
        Each teacher's probabilities are raised to 1 / temperature and renormalised first. Classification only.
    backend : Backend
        Where to compute. Callables always run on NumPy.
    scaling : tuple of a float and an array of shape (k,), optional
        An exponent and biases: the result is raised to the exponent, multiplied by exp(biases) and renormalised.
        Classification only.
    block_rows : int, optional
        Rows of a block; chosen by the backend where None.
    out : ndarray of shape (n, k), optional
        A float64 array to write the result to.

    Returns
    -------
    ndarray of shape (n, k)
        float64, `out` where given.

    Raises
    ------
    ValueError
        If the aggregation is unknown, or not for this task, or a callable returns something else than asked.
    MemoryError
        If small blocks do not fit on the device either.

    References
    ----------
    .. [1] C. Genest, J. V. Zidek, "Combining probability distributions: a critique and an annotated bibliography",
       Statistical Science 1 (1), 1986.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import aggregate
    >>> P = [np.array([[0.5, 0.5]]), np.array([[0.1, 0.9]])]
    >>> aggregate(P, [1, 3], "mean", "classification")
    array([[0.2, 0.8]])
    >>> aggregate(P, None, "geometric", "classification")
    array([[0.25, 0.75]])
    """
    T, n, k = check_committee(P)
    share = check_weighting(weights, T, task)
    degrees = check_temperatures(temperatures, T, task)
    if callable(aggregation):
        backend, members = NUMPY, list(range(T))
    else:
        members = [t for t in range(T) if share[t] > 0]
    if backend.name == "numpy":
        P = [of(p).to_numpy(p) for p in P]
    if out is None:
        out = np.empty((n, k))
    elif out.shape != (n, k) or out.dtype != np.float64:
        raise ValueError(f"out must be a float64 array of shape {(n, k)}. Got {out.dtype} of shape {out.shape}.")
    weight, degree = [float(share[t]) for t in members], [degrees[t] for t in members]
    pooled = pool(aggregation, task, weight, degree, scaling, k, backend)
    # An eighth of what a block of work may hold for one teacher's rows leaves room for scratch, and for the next ones.
    start, size = 0, block_rows or backend.block_rows(8 * k)
    while start < n:
        rows = slice(start, min(start + size, n))
        try:
            out[rows] = backend.to_numpy(pooled([P[t][rows, :] for t in members]))
        except MemoryError as error:
            failure = error.with_traceback(None)  # its frames hold what is to be freed
        else:
            start = rows.stop
            continue
        size = backend.smaller_block(size, failure)
    return out


def pool(
    aggregation: Any,
    task: str,
    weights: list[float],
    temperatures: list[float],
    scaling: tuple[float, NDArray[np.float64]] | None,
    k: int,
    backend: Backend,
) -> Callable[[list[Any]], Any]:
    """What makes one block (b, k) of T: a kernel where the backend has one, else a step at a time."""
    rule = _rule(aggregation, task)
    kernel = None if callable(aggregation) else fused(aggregation, task, weights, temperatures, scaling, k, backend)
    if kernel is not None:
        return kernel

    def stepwise(blocks: list[Any]) -> Any:
        block = rule(blocks, weights, temperatures, backend)
        return block if scaling is None else apply_scaling(backend.asarray(block), *scaling, backend)

    return stepwise


def _rule(aggregation: Any, task: str) -> Rule:
    if callable(aggregation):
        return _called(aggregation, task)
    rules: dict[str, Rule] = {"mean": _mean, "median": _median}
    if task == "classification":
        rules |= {"geometric": _geometric, "median": _median_of_probabilities}
    if not isinstance(aggregation, str) or aggregation not in rules:
        names = ", ".join(repr(name) for name in AGGREGATIONS if name in rules)
        raise ValueError(
            f"The 'aggregation' parameter must be one of {names} for {task}, or a callable. "
            f"Got {aggregation!r} instead."
        )
    return rules[aggregation]


def _calibrated(blocks: list[Any], degrees: list[float], backend: Backend) -> Iterator[Any]:
    """One teacher's block at a time, in float64 on the device."""
    xp = backend.xp
    for block, degree in zip(blocks, degrees):
        yield xp.astype(apply_temperature(backend.asarray(block), degree, backend), xp.float64, copy=False)


def _mean(blocks: list[Any], weights: list[float], degrees: list[float], backend: Backend) -> Any:
    total: Any = 0.0
    for weight, block in zip(weights, _calibrated(blocks, degrees, backend)):
        total += weight * block  # in place from the second teacher on
    return total


def _geometric(blocks: list[Any], weights: list[float], degrees: list[float], backend: Backend) -> Any:
    xp = backend.xp
    total: Any = 0.0
    for weight, block in zip(weights, _calibrated(blocks, degrees, backend)):
        total += weight * xp.log(floored(block, backend, VETO))
    powers = xp.exp(total)
    return powers / xp.sum(powers, axis=-1, keepdims=True)


def _median(blocks: list[Any], weights: list[float], degrees: list[float], backend: Backend) -> Any:
    xp, T = backend.xp, len(blocks)
    values = list(_calibrated(blocks, degrees, backend))
    equal = max(weights) - min(weights) < TIE
    mass = [] if equal else [xp.full_like(values[0], weight) for weight in weights]
    # Few teachers, many numbers: bubble sort on whole blocks is faster than sorting T numbers at a time.
    for last in range(T - 1, 0, -1):
        for i in range(last):
            a, b = values[i], values[i + 1]
            values[i], values[i + 1] = xp.minimum(a, b), xp.maximum(a, b)
            if not equal:
                moved = (mass[i + 1] - mass[i]) * xp.astype(a > b, xp.float64)
                mass[i] += moved
                mass[i + 1] -= moved
    if equal:
        return (values[(T - 1) // 2] + values[T // 2]) / 2
    # The lower median is the last value with less than half of the weight below it, the upper with half at most.
    lower, upper, below = values[0], values[0], xp.zeros_like(mass[0])
    for weight, value in zip(mass, values[1:]):
        below += weight
        lower = xp.where(below < 0.5 - TIE, value, lower)
        upper = xp.where(below <= 0.5 + TIE, value, upper)
    return (lower + upper) / 2


def _median_of_probabilities(blocks: list[Any], weights: list[float], degrees: list[float], backend: Backend) -> Any:
    xp = backend.xp
    medians = _median(blocks, weights, degrees, backend)
    total = xp.sum(medians, axis=-1, keepdims=True)
    if not bool(xp.all(total > 0)):  # three sure teachers, three classes: every median is 0
        medians = xp.where(total > 0, medians, _mean(blocks, weights, degrees, backend))
        total = xp.sum(medians, axis=-1, keepdims=True)
    return medians / total


def _called(function: Callable[..., Any], task: str) -> Rule:
    def rule(blocks: list[Any], weights: list[float], degrees: list[float], backend: Backend) -> NDArray[np.float64]:
        stack = np.stack(list(_calibrated(blocks, degrees, backend)))
        expected = "The 'aggregation' callable must return"
        try:
            result = np.asarray(function(stack, np.asarray(weights)), dtype=np.float64)
        except (TypeError, ValueError) as error:  # it takes other arguments, or returns no array of numbers
            raise TypeError(
                f"The 'aggregation' callable is given (block, weights), arrays of shapes {stack.shape} and "
                f"({len(weights)},), and must return an array of shape {stack.shape[1:]}. "
                f"Got {type(error).__name__}: {error}"
            ) from error
        if result.shape != stack.shape[1:]:
            raise ValueError(
                f"{expected} one row of outputs for each row, shape {stack.shape[1:]} for a block of shape "
                f"{stack.shape}. Got shape {result.shape} instead."
            )
        # Rows whose labels are NaN already (no out-of-fold label) may stay so.
        if not np.isfinite(result[np.isfinite(stack).all(axis=(0, 2))]).all():
            raise ValueError(f"{expected} finite numbers. Got NaN or infinity instead.")
        if task == "classification":
            if (result < 0).any():
                raise ValueError(f"{expected} probabilities >= 0. Got {np.nanmin(result):.6g} instead.")
            sums = result.sum(axis=1)
            off = np.abs(sums - 1.0) > SUM_TOLERANCE
            if off.any():
                raise ValueError(f"{expected} rows that sum to 1. Got a row that sums to {sums[off][0]:.6g} instead.")
        return result

    return rule
