"""How much each teacher's word counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from .._backend import NUMPY, Backend
from ._blocks import row_blocks
from ._calibration import FLOOR, VETO, apply_temperature
from ._check import check_committee, check_sample_weight, check_targets, check_temperatures
from ._log_pool import fit_log_pool
from ._losses import SquaredError, ValueLoss

Weights = NDArray[np.float64]

#: Names that the 'weighting' parameter takes, beside None and an array of weights.
WEIGHTINGS = {"classification": ("log_loss", "greedy"), "regression": ("loss", "greedy")}

#: The weights of a mixture are done when their log-loss is provably within this of the minimum (nats a row), or after
#: so many steps.
_MIXTURE_GAP, _MIXTURE_STEPS = 1e-8, 100

#: Weights under another loss than squares are done after so many weighings.
_REWEIGHTED_STEPS = 50

#: Greedy selection stops after so many additions, or when none lowers the loss by more than this share of it.
_GREEDY_STEPS, _GREEDY_GAIN = 100, 1e-9


def teacher_weights(
    P: Sequence[Any],
    y: ArrayLike,
    weighting: str | ArrayLike | None,
    sample_weight: ArrayLike | None,
    task: str,
    temperatures: ArrayLike | None = None,
    *,
    aggregation: Any = "mean",
    backend: Backend = NUMPY,
    loss: ValueLoss | None = None,
) -> Weights:
    """Weights of T teachers from their out-of-fold labels.

    Parameters
    ----------
    P : sequence of T arrays of shape (n, k)
        Each teacher's labels of rows it has not seen.
    y : array-like of shape (n,) or (n, k)
        True class codes, or values.
    weighting : None, str or array-like of shape (T,)
        None weighs all alike. An array is taken as it is, divided by its sum.

        "log_loss" (classification) and "loss" (regression) are the convex weights that minimise the loss of the
        weighted mean, that is stacking [1]_ [2]_ on the simplex: log-loss as the likelihood of a mixture's weights, by
        sequential quadratic programming [3]_ that falls back on EM [4]_, squared error by non-negative least
        squares [5]_, other losses of values by squares that touch them, weighed anew after each step. For the geometric
        mean, "log_loss" is the non-negative exponents of least log-loss divided by their sum: what the sum says is left
        to a temperature of the result.

        "greedy" is ensemble selection with replacement [6]_ for the same losses: start with the best few teachers (as
        many of the sorted list as do best together), add the teacher that helps most, stop when none does, at the
        latest after 100 additions; weights are shares of the selection.
    sample_weight : array-like of shape (n,) or None
        Weights >= 0. A row of weight 0 is as if absent; integer weights are as if rows were repeated.
    task : {"classification", "regression"}
        Squared errors are in units of each target's own variance, so the units of the targets do not matter.
    temperatures : array-like of shape (T,), optional
        Each teacher's probabilities are tempered first. Classification only.
    aggregation : str or callable
        What the weights are for. "greedy" selects by the mean whatever it is.
    backend : Backend
        Where the exponents of a geometric mean are computed.
    loss : ValueLoss, optional
        Of values; squared error where None.

    Returns
    -------
    ndarray of shape (T,)
        float64, >= 0, sum 1.

    Raises
    ------
    ValueError
        If `weighting` is no valid name for the task or no valid array, or if a teacher's label of a row is NaN.

    References
    ----------
    .. [1] D. H. Wolpert, "Stacked generalization", Neural Networks 5 (2), 1992.
    .. [2] L. Breiman, "Stacked regressions", Machine Learning 24 (1), 1996.
    .. [3] Y. Kim, P. Carbonetto, M. Stephens, M. Anitescu, "A fast algorithm for maximum likelihood estimation of
       mixture proportions using sequential quadratic programming", Journal of Computational and Graphical Statistics
       29 (2), 2020.
    .. [4] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
       Journal of the Royal Statistical Society B 39 (1), 1977.
    .. [5] C. L. Lawson, R. J. Hanson, "Solving least squares problems", Prentice-Hall 1974.
    .. [6] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import teacher_weights
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> high, low = (y + 1)[:, np.newaxis], (y - 3)[:, np.newaxis]
    >>> teacher_weights([high, low], y, "loss", None, "regression")
    array([0.75, 0.25])
    """
    T, n, k = check_committee(P)
    degrees = check_temperatures(temperatures, T, task)
    if not isinstance(weighting, str):
        return check_weighting(weighting, T, task)
    if weighting not in WEIGHTINGS[task]:
        raise _invalid(T, task, repr(weighting))
    labels = check_targets(y, n, k, task)
    share = check_sample_weight(sample_weight, n)
    if task == "classification":
        truth = _true_probabilities(P, labels, share, degrees)
        if weighting == "log_loss" and aggregation == "geometric" and T > 1:
            exponents, _ = fit_log_pool(P, labels, sample_weight, degrees, backend, floor=VETO)
            if exponents.any():  # none helps: weigh them as a mixture
                return np.asarray(exponents / exponents.sum())
        share = share[share > 0]
        if weighting == "log_loss":
            return _mixture_weights(truth, share)
        return _greedy_weights(lambda w: _log_loss(truth, share, w), T)
    gram = _error_gram(P, labels, share)
    if loss is None or isinstance(loss, SquaredError):
        if weighting == "loss":
            return _least_squares_weights(gram)
        return _greedy_weights(lambda w: float(w @ gram @ w), T)
    if weighting == "loss":
        return _reweighted(P, labels, share, loss, _least_squares_weights(gram))
    return _greedy_weights(lambda w: _mean_loss(P, labels, share, loss, w), T)


def check_weighting(weighting: Any, n_teachers: int, task: str) -> Weights:
    """Given weights as an array that sums to 1; None as equal weights."""
    if weighting is None:
        return np.full(n_teachers, 1.0 / n_teachers)
    try:
        weights = np.asarray(weighting, dtype=np.float64)
    except (TypeError, ValueError):
        raise _invalid(n_teachers, task, repr(weighting)) from None
    if weights.shape != (n_teachers,):
        raise _invalid(n_teachers, task, f"an array of shape {weights.shape}")
    total = weights.sum()
    if not np.isfinite(total) or (weights < 0).any() or total <= 0:
        raise _invalid(n_teachers, task, str(weights.tolist()))
    return np.asarray(weights / total)


def _invalid(n_teachers: int, task: str, got: str) -> ValueError:
    names = ", ".join(repr(name) for name in WEIGHTINGS[task])
    return ValueError(
        f"The 'weighting' parameter must be None, one of {names} for {task}, or an array of {n_teachers} "
        f"finite weights >= 0, one a teacher, of which one is > 0. Got {got} instead."
    )


def _true_probabilities(P: Sequence[Any], y: NDArray[Any], share: Weights, degrees: list[float]) -> NDArray[np.float64]:
    """What each teacher gave the true class, shape (rows of positive weight, T). A mixture's log-loss needs no more."""
    truth = np.empty((np.count_nonzero(share), len(P)))
    for t, (p, degree) in enumerate(zip(P, degrees)):
        start = 0
        for rows in row_blocks(len(y), NUMPY.block_rows(4 * p.shape[1]), share):
            codes = y[rows]
            block = apply_temperature(np.asarray(p[rows]), degree, NUMPY)
            truth[start : start + len(codes), t] = block[np.arange(len(codes)), codes]
            start += len(codes)
        missing = np.isnan(truth[:, t])
        if missing.any():
            row = np.flatnonzero(share)[missing.argmax()]
            raise ValueError(f"Teacher {t} has no label (NaN) for row {row}, so it cannot be weighed.")
    return np.maximum(truth, FLOOR, out=truth)


def _log_loss(truth: NDArray[np.float64], share: Weights, weights: Weights) -> float:
    return -float(share @ np.log(truth @ weights))


def _mixture_weights(truth: NDArray[np.float64], share: Weights) -> Weights:
    """Weights of a mixture of fixed densities by maximum likelihood; no step raises the loss.

    Where EM creeps into the corners of the simplex for thousands of steps, a step to the minimum of the quadratic model
    (with a term ``sum(w)`` that makes the sum 1 at the optimum) needs about ten.
    """
    T = truth.shape[1]
    weights = np.full(T, 1.0 / T)
    for _ in range(_MIXTURE_STEPS):
        ratio = truth / (truth @ weights)[:, np.newaxis]
        # What a little more weight gains. By concavity no weights gain more than the largest of these, less 1.
        gain = share @ ratio
        if gain.max() <= 1.0 + _MIXTURE_GAP:
            break
        hessian = ratio.T @ (share[:, np.newaxis] * ratio)
        hessian += 1e-9 * hessian.diagonal().max() * np.eye(T)  # two equal teachers make it singular
        values, vectors = np.linalg.eigh(hessian)
        roots = np.sqrt(values)
        # The model's gradient at u is `hessian @ u - (2 * gain - 1)`, as `hessian @ weights` is `gain`.
        target, _ = nnls(roots[:, np.newaxis] * vectors.T, vectors.T @ (2.0 * gain - 1.0) / roots)
        weights = _descent(truth, share, weights, target, gain)
    # Where one teacher alone is as good, say so exactly.
    alone = np.eye(T)[np.argmin(-(share @ np.log(truth)))]
    return alone if _log_loss(truth, share, alone) <= _log_loss(truth, share, weights) else weights


def _descent(
    truth: NDArray[np.float64], share: Weights, weights: Weights, target: Weights, gain: NDArray[np.float64]
) -> Weights:
    """The farthest of a few steps from `weights` to `target` that lowers the loss, else the step of EM."""
    current = _log_loss(truth, share, weights)
    for size in 0.5 ** np.arange(20):
        moved = weights + size * (target - weights)
        moved /= moved.sum()
        if _log_loss(truth, share, moved) < current:
            return np.asarray(moved)
    return np.asarray(weights * gain / (weights @ gain))


def _error_gram(
    P: Sequence[Any], y: NDArray[Any], share: Weights, loss: ValueLoss | None = None, at: Weights | None = None
) -> NDArray[np.float64]:
    """Mean products of the teachers' errors, (T, T), each target in units of its own standard deviation.

    With a loss: of errors that are weighed so that their squares touch it where the weights are `at`.
    """
    centre = share @ y
    scale = np.sqrt(share @ (y - centre) ** 2)
    scale[scale == 0] = 1.0
    gram = np.zeros((len(P), len(P)))
    for rows in row_blocks(len(y), NUMPY.block_rows(2 * len(P) * y.shape[1]), share):
        root = np.sqrt(share[rows])[:, np.newaxis] / scale
        target = y[rows]
        if loss is not None and at is not None:
            curving, target = loss.touching(target, _mixed(P, rows, at))
            root = np.sqrt(share[rows][:, np.newaxis] * curving)
        errors = np.stack([((p[rows] - target) * root).ravel() for p in P])
        gram += errors @ errors.T
    missing = ~np.isfinite(gram.diagonal())
    if missing.any():
        raise ValueError(f"Teacher {missing.argmax()} has no finite label for some row, so it cannot be weighed.")
    return gram


def _least_squares_weights(gram: NDArray[np.float64]) -> Weights:
    """The minimum of ``w' gram w`` on the simplex.

    Non-negative least squares on ``|root u|^2 + (sum(u) - 1)^2``, where ``root' root = gram``, has the same optimality
    conditions up to the scale of u, so its solution divided by its sum is exact, with no penalty to choose.
    """
    values, vectors = np.linalg.eigh(gram / max(gram.diagonal().max(), np.finfo(np.float64).tiny))
    root = np.sqrt(np.maximum(values, 0.0))[:, np.newaxis] * vectors.T
    T = len(gram)
    solution, _ = nnls(np.vstack([root, np.ones(T)]), np.append(np.zeros(T), 1.0))
    return np.asarray(solution / solution.sum())


def _mixed(P: Sequence[Any], rows: Any, weights: Weights) -> NDArray[np.float64]:
    return np.asarray(sum(weight * np.asarray(p[rows], dtype=np.float64) for p, weight in zip(P, weights)))


def _mean_loss(P: Sequence[Any], y: NDArray[Any], share: Weights, loss: ValueLoss, weights: Weights) -> float:
    blocks = row_blocks(len(y), NUMPY.block_rows(4 * y.shape[1]), share)
    return float(sum(share[rows] @ loss.rows(y[rows], _mixed(P, rows, weights)) for rows in blocks))


def _reweighted(P: Sequence[Any], y: NDArray[Any], share: Weights, loss: ValueLoss, weights: Weights) -> Weights:
    """From the weights of least squared error to those of another loss; no step raises it."""
    current = _mean_loss(P, y, share, loss, weights)
    for _ in range(_REWEIGHTED_STEPS):
        moved = _least_squares_weights(_error_gram(P, y, share, loss, weights))
        value = _mean_loss(P, y, share, loss, moved)
        if value >= current - _GREEDY_GAIN * abs(current):
            break
        weights, current = moved, value
    return weights


def _greedy_weights(loss: Callable[[Weights], float], T: int) -> Weights:
    """Ensemble selection with replacement and sorted initialisation; ties go to the first teacher."""
    order = np.argsort([loss(one) for one in np.eye(T)], kind="stable")
    starts = [np.isin(np.arange(T), order[: size + 1]).astype(np.float64) for size in range(T)]
    losses = [loss(counts / counts.sum()) for counts in starts]
    best = int(np.argmin(losses))
    counts, current = starts[best], losses[best]
    for _ in range(_GREEDY_STEPS):
        losses = [loss((counts + one) / (counts.sum() + 1.0)) for one in np.eye(T)]
        best = int(np.argmin(losses))
        if losses[best] >= current - _GREEDY_GAIN * abs(current):
            break
        counts[best] += 1.0
        current = losses[best]
    return np.asarray(counts / counts.sum())
