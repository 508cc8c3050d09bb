"""What the contestants lose on the test rows, and how much of the gap distillation recovered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.utils import check_random_state

from skdistill.targets import Pinball, ValueLoss

Array = NDArray[Any]
Floats = NDArray[np.float64]

# Probabilities are clipped here before a logarithm, where scikit-learn's `log_loss` clips float64.
_EPS = float(np.finfo(np.float64).eps)
_ECE_BINS = 15
# Draws of one block of resamples: 16 MB of row numbers, whatever the number of test rows.
_BLOCK_DRAWS = 2_000_000


@dataclass(frozen=True)
class GapRecovered:
    """How much of the gap between hard labels and the committee distillation recovered, by one metric.

    All differences are improvements over the same student on hard labels, in units of the metric: accuracy gained, or
    log-loss or RMSE *saved*, so that more is always better.

    Attributes
    ----------
    metric : str
        "accuracy", "log_loss" or "rmse", or what else values are judged by: "deviance", "pinball", "huber".
    value : float
        ``gain / gap``: 0 is the student on hard labels, 1 the committee. NaN unless `counted`.
    low, high : float
        Percentile interval of `value` from a paired bootstrap over the test rows: committee and students are scored
        on the same resampled rows. NaN unless `counted`.
    gap, gap_se : float
        Improvement of the committee over hard labels and its paired standard error (NaN for a single row). For
        the RMSE the standard error is the delta method's.
    gain, gain_se : float
        The same of the distilled student over hard labels.
    counted : bool
        Whether the gap is positive and at least two standard errors wide. A ratio over a smaller one says nothing.

    Examples
    --------
    >>> from skdistill.report import GapRecovered
    >>> GapRecovered("accuracy", 0.5, 0.3, 0.8, gap=0.04, gap_se=0.01, gain=0.02, gain_se=0.01, counted=True).value
    0.5
    """

    metric: str
    value: float
    low: float
    high: float
    gap: float
    gap_se: float
    gain: float
    gain_se: float
    counted: bool


def classification_metrics(codes: Array, outputs: Floats, committee: Floats | None) -> dict[str, float | None]:
    """Quality, fidelity and calibration of probabilities (n, k); `codes` (n,) are the columns of the true labels."""
    n_classes = outputs.shape[1]
    top = outputs.argmax(axis=1)
    return {
        "accuracy": float(accuracy_score(codes, top)),
        "log_loss": float(log_loss(codes, outputs, labels=np.arange(n_classes))),
        "auc": _auc(codes, outputs),
        "agreement": None if committee is None else float(accuracy_score(committee.argmax(axis=1), top)),
        "kl": None if committee is None else _kl(committee, outputs),
        "ece": expected_calibration_error(codes, outputs),
    }


def headline(task: str, loss: ValueLoss | None) -> str:
    """The metric that says most: accuracy, which the log-loss goes with, the RMSE, or the mean of another loss."""
    if task == "classification":
        return "accuracy"
    return "rmse" if loss is None else loss.metric


def regression_metrics(
    y: Floats, outputs: Floats, committee: Floats | None, loss: ValueLoss | None = None
) -> dict[str, float | None]:
    """Quality and fidelity of values (n, m); several outputs are averaged uniformly.

    With a loss it comes first, then D²; a quantile has a coverage, but no squared error.
    """
    found: dict[str, float | None] = {}
    if loss is not None:
        found |= {loss.metric: float(loss.rows(y, outputs).mean()), "d2": loss.explained(y, outputs)}
    if isinstance(loss, Pinball):
        found["coverage"] = float((y <= outputs).mean())
    else:
        found |= {"rmse": float(root_mean_squared_error(y, outputs)), "r2": _r2(y, outputs)}
    return found | {"r2_to_teacher": None if committee is None else _r2(committee, outputs)}


def _auc(codes: Array, outputs: Floats) -> float:
    """ROC AUC of the second class of two, else the mean over the classes present of one against the rest."""
    n_classes = outputs.shape[1]
    present = np.unique(codes)
    if len(present) < 2:
        return float("nan")
    columns = np.array([1]) if n_classes == 2 else present
    return float(roc_auc_score(codes[:, None] == columns, outputs[:, columns], average="macro"))


def _kl(committee: Floats, outputs: Floats) -> float:
    """Return the mean KL(committee || outputs) in nats; clipping makes a zero probability dear instead of infinite."""
    divergence = rel_entr(committee, np.clip(outputs, _EPS, 1.0)).sum(axis=1).mean()
    return max(float(divergence), 0.0)


def _r2(y: Floats, outputs: Floats) -> float:
    return float(r2_score(y, outputs)) if len(y) > 1 else float("nan")


def expected_calibration_error(codes: Array, outputs: Floats) -> float:
    """Mean distance of confidence and accuracy over 15 equal-width bins of the top class's probability.

    Bins are open on the left, and each weighs as its share of the rows.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger (2017). On calibration of modern neural networks. ICML.
    """
    confidence = outputs.max(axis=1)
    correct = outputs.argmax(axis=1) == codes
    bins = np.clip(np.ceil(confidence * _ECE_BINS) - 1, 0, _ECE_BINS - 1).astype(np.intp)
    return float(np.abs(np.bincount(bins, weights=confidence - correct)).sum() / len(codes))


def classification_losses(codes: Array, outputs: Floats) -> Floats:
    """Per-row losses (n, 2): error, and log-loss."""
    likelihood = outputs[np.arange(len(codes)), codes]
    return np.column_stack([outputs.argmax(axis=1) != codes, -np.log(np.clip(likelihood, _EPS, 1 - _EPS))])


def regression_losses(y: Floats, outputs: Floats, loss: ValueLoss | None = None) -> Floats:
    """Per-row losses (n, m): of each output the squared error, or another loss."""
    return (y - outputs) ** 2 if loss is None else loss.cells(y, outputs)


def _metrics_of_means(metric: str, means: Floats) -> dict[str, Floats]:
    """Metrics as losses (lower is better) from mean row losses (..., q): what a resample is scored by."""
    if metric == "accuracy":
        return {"accuracy": means[..., 0], "log_loss": means[..., 1]}
    return {metric: (np.sqrt(means) if metric == "rmse" else means).mean(axis=-1)}


def quality(
    task: str, truth: Array, outputs: Floats, weight: Floats | None = None, loss: ValueLoss | None = None
) -> dict[str, float]:
    """Accuracy and log-loss of probabilities, or the headline of values; rows count by their `weight` (n,)."""
    if task == "classification":
        losses = classification_losses(truth, outputs)
    else:
        losses = regression_losses(truth, outputs, loss)
    means = np.average(losses, axis=0, weights=weight)
    found = {metric: float(value) for metric, value in _metrics_of_means(headline(task, loss), means).items()}
    return found | ({"accuracy": 1 - found["accuracy"]} if task == "classification" else {})


def _row_influence(metric: str, losses: Floats) -> dict[str, Floats]:
    """Per-row values (n,) whose mean varies as the metric does: the losses, or the RMSE's first-order expansion."""
    if metric == "accuracy":
        return {"accuracy": losses[:, 0], "log_loss": losses[:, 1]}
    if metric != "rmse":
        return {metric: losses.mean(axis=1)}
    twice_rmse = 2 * np.sqrt(losses.mean(axis=0))
    slopes = np.divide(1.0, twice_rmse, out=np.zeros_like(twice_rmse), where=twice_rmse > 0)
    return {"rmse": (losses * slopes).mean(axis=1)}


def paired_improvements(metric: str, worse: Floats, better: Floats) -> dict[str, tuple[float, float]]:
    """By how much row losses `better` improve on `worse` (both (n, q)), and its paired standard error.

    By the headline, `metric`; beside the accuracy by the log-loss.
    """
    n_rows = len(worse)
    before, after = (_metrics_of_means(metric, losses.mean(axis=0)) for losses in (worse, better))
    rows_before, rows_after = _row_influence(metric, worse), _row_influence(metric, better)
    improvements = {}
    for each in before:
        spread = (rows_before[each] - rows_after[each]).std(ddof=1) if n_rows > 1 else np.nan
        improvements[each] = (float(before[each] - after[each]), float(spread / np.sqrt(n_rows)))
    return improvements


def gaps_recovered(
    measure: str,
    committee: Floats,
    hard: Floats,
    student: Floats,
    *,
    confidence: float,
    n_resamples: int,
    random_state: Any,
) -> dict[str, GapRecovered]:
    """Per metric, `measure` and what goes with it, the gap recovered, from the contestants' row losses (n, q)."""
    gaps = paired_improvements(measure, hard, committee)
    gains = paired_improvements(measure, hard, student)
    # Written so that a standard error of NaN counts as too large.
    counted = {metric: gap > 0 and gap >= 2 * se for metric, (gap, se) in gaps.items()}
    ratios: dict[str, Floats] = {}
    if any(counted.values()):
        means = _bootstrap_means(np.stack([hard, student, committee]), n_resamples, random_state)
        for metric, (of_hard, of_student, of_committee) in _metrics_of_means(measure, means).items():
            gap = of_hard - of_committee
            # A resample without any gap (possible for accuracy on few rows) has no ratio.
            ratios[metric] = (of_hard - of_student)[gap != 0] / gap[gap != 0]
    recovered = {}
    for metric, (gap, gap_se) in gaps.items():
        gain, gain_se = gains[metric]
        value = low = high = float("nan")
        if counted[metric]:
            value = gain / gap
            low, high = np.quantile(ratios[metric], [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
        recovered[metric] = GapRecovered(metric, value, low, high, gap, gap_se, gain, gain_se, counted[metric])
    return recovered


def _bootstrap_means(losses: Floats, n_resamples: int, random_state: Any) -> Floats:
    """Column means of rows drawn with replacement, the same rows for all: (c, n, q) -> (c, n_resamples, q)."""
    n_contestants, n_rows, n_columns = losses.shape
    table = losses.transpose(1, 0, 2).reshape(n_rows, n_contestants * n_columns)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
    means = np.empty((n_resamples, table.shape[1]))
    step = max(1, _BLOCK_DRAWS // n_rows)
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        draws = rng.integers(n_rows, size=(size, n_rows))
        draws += np.arange(size)[:, None] * n_rows
        counts = np.bincount(draws.ravel(), minlength=size * n_rows).reshape(size, n_rows)
        means[start : start + size] = counts.astype(np.float64) @ table / n_rows
    return means.reshape(n_resamples, n_contestants, n_columns).transpose(1, 0, 2)
