"""How the labels of a committee become one: fitted once on out-of-fold labels, then used on any rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._backend import Backend, resolve
from ._aggregation import aggregate
from ._log_pool import LARGEST_EXPONENT, fit_log_pool
from ._losses import ValueLoss
from ._weighting import teacher_weights

Aggregation = str | Callable[[NDArray[Any], NDArray[np.float64]], NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Combiner:
    """Calibrate, weigh and aggregate the labels of T teachers.

    Attributes
    ----------
    weights : ndarray of shape (T,)
        Of each teacher, summing to 1.
    temperatures : ndarray of shape (T,), or None where none is applied
    aggregation : str or callable
    task : {"classification", "regression"}
    device : {"auto", "cpu", "cuda"}
    scaling : tuple of a float and an array of shape (k,), or None where none is applied
        The exponent, which is the reciprocal of the committee's own temperature, and a bias for each class.
    """

    weights: NDArray[np.float64]
    temperatures: NDArray[np.float64] | None
    aggregation: Aggregation
    task: str
    device: str
    scaling: tuple[float, NDArray[np.float64]] | None = None

    def __call__(self, labels: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """One matrix of shape (n, k) from T of them."""
        return aggregate(
            labels,
            self.weights,
            self.aggregation,
            self.task,
            temperatures=self.temperatures,
            backend=resolve(self.device, _numbers(labels)),
            scaling=self.scaling,
        )


def fit_combiner(
    labels: Sequence[NDArray[Any]],
    y: NDArray[Any],
    *,
    task: str,
    temperature: float | str,
    weighting: Any,
    aggregation: Aggregation,
    sample_weight: NDArray[np.float64] | None,
    covered: NDArray[np.bool_],
    device: str,
    out_of_fold: Sequence[bool] | None = None,
    loss: ValueLoss | None = None,
) -> Combiner:
    """Fit each teacher's temperature, the teachers' weights, then a scaling of the whole, on labels of real rows.

    A mean of calibrated teachers is less sure of itself than it deserves to be [1]_, so it is calibrated once more. On
    twelve sets the geometric mean with fitted exponents had the lowest held-out log-loss of what was tried.

    Parameters
    ----------
    labels : sequence of T arrays of shape (n, k)
    y : ndarray of shape (n,) of class codes, or (n, m) of values
    task, temperature, weighting, aggregation, device
        As the estimators take them; "loss" as `weighting` is the loss of the task.
    sample_weight : ndarray of shape (n,), optional
    covered : ndarray of bool, shape (n,)
        Rows that have out-of-fold labels; the others say nothing about the teachers.
    out_of_fold : sequence of T bools, optional
        Which teachers have not seen the rows that they labelled; all, where None. With `temperature` "auto", the
        others may be found too sure of themselves but not too unsure, and neither may a committee that has one.
    loss : ValueLoss, optional
        Of values, where it is not the squared error: what "loss" and "greedy" as `weighting` minimise.

    References
    ----------
    .. [1] R. Ranjan, T. Gneiting, "Combining probability forecasts", Journal of the Royal Statistical Society B 72 (1),
       2010.
    """
    if aggregation == "auto":
        aggregation = "geometric" if task == "classification" else "mean"
    if not covered.all():
        labels, y = [p[covered] for p in labels], y[covered]
        sample_weight = None if sample_weight is None else sample_weight[covered]
    backend = resolve(device, _numbers(labels))
    temperatures = scaling = None
    honest = [True] * len(labels) if out_of_fold is None else list(out_of_fold)
    calibrate = task == "classification" and temperature == "auto"
    if task == "classification":
        if calibrate:
            own = [_exponent(p, y, sample_weight, backend, unseen)[0] for p, unseen in zip(labels, honest)]
            temperatures = 1.0 / np.array(own)
        elif temperature != 1.0:
            temperatures = np.full(len(labels), float(temperature))
        if isinstance(weighting, str) and weighting == "loss":
            weighting = "log_loss"
    weights = teacher_weights(
        labels,
        y,
        weighting,
        sample_weight,
        task,
        temperatures=temperatures,
        aggregation=aggregation,
        backend=backend,
        loss=loss,
    )
    if calibrate:
        pool = aggregate(labels, weights, aggregation, task, temperatures, backend)
        scaling = _exponent(pool, y, sample_weight, backend, all(honest), with_biases=True)
    return Combiner(weights, temperatures, aggregation, task, device, scaling)


def _numbers(labels: Sequence[NDArray[Any]]) -> int:
    """How many numbers there are to aggregate."""
    return sum(p.shape[0] * p.shape[1] for p in labels)


def _exponent(
    p: NDArray[Any], y: NDArray[Any], weight: Any, backend: Backend, unseen: bool, with_biases: bool = False
) -> tuple[float, NDArray[np.float64]]:
    """The exponent, at most 1 where the rows may have been seen, and the biases of one matrix of probabilities."""
    bounds = (1.0 / LARGEST_EXPONENT, LARGEST_EXPONENT if unseen else 1.0)
    exponents, biases = fit_log_pool([p], y, weight, backend=backend, bounds=bounds, with_biases=with_biases)
    return float(exponents[0]), biases


def check_recipe(
    task: str, n_teachers: int, weighting: Any, aggregation: Aggregation, temperature: float | str, device: str
) -> None:
    """Refuse, before any teacher is fitted, settings that the target stage could not use.

    Raises
    ------
    ValueError, RuntimeError, ImportError
        Names the parameter, what it must be, and what came.
    """
    resolve(device)
    if task == "regression":
        if temperature not in (1.0, "auto"):
            raise ValueError(f"The 'temperature' parameter is for classification. Got {temperature!r} for regression.")
        if aggregation == "geometric":
            raise ValueError("aggregation='geometric' is for classification: a product of values is no average.")
    one_row = [np.full((1, 2), 0.5)] * n_teachers
    truth = np.array([0]) if task == "classification" else np.array([[0.5, 0.5]])
    if weighting is None or not isinstance(weighting, str):
        teacher_weights(one_row, truth, weighting, None, task)
    elif weighting == "log_loss" and task == "regression":
        raise ValueError("weighting='log_loss' is for classification. For regression use 'loss', 'greedy' or weights.")
