"""What contestants are judged by. Differences are gains: positive where the second is better, whatever the metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, rankdata
from sklearn.metrics import r2_score

#: Of the headlines. The AUC is measured as well.
METRICS = {"classification": ("accuracy", "log_loss"), "regression": ("rmse",)}
#: Standard errors that a difference must exceed to count.
SIGNIFICANT = 2.0
_EPS = float(np.finfo(np.float64).eps)


def row_losses(task: str, truth: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Loss of every test row by each metric: wrong or not, log-loss; squared error for the RMSE.

    Their mean is the metric's loss. Rows have no AUC of their own: theirs is 1 - AUC less what the row adds to it to
    first order, so that the standard error of a difference is that of E. DeLong et al. (1988), "Comparing the areas
    under two or more correlated receiver operating characteristic curves", Biometrics.

    Parameters
    ----------
    task : {"classification", "regression"}
    truth : ndarray of shape (n,)
        Class codes, or values.
    outputs : ndarray of shape (n, k)
    """
    if task == "regression":
        return {"rmse": (truth - outputs[:, 0]) ** 2}
    likelihood = outputs[np.arange(len(truth)), truth]
    return {
        "accuracy": (outputs.argmax(axis=1) != truth).astype(np.float64),
        "log_loss": -np.log(np.clip(likelihood, _EPS, 1.0)),
        "auc": _auc_losses(truth, outputs),
    }


def scores(task: str, truth: np.ndarray, outputs: np.ndarray, teacher: np.ndarray) -> dict[str, float]:
    """Metrics of the test rows; fidelity is agreement with the teacher, or R² to it."""
    losses = row_losses(task, truth, outputs)
    if task == "regression":
        fidelity = float(r2_score(teacher[:, 0], outputs[:, 0]))
        return {"rmse": float(np.sqrt(losses["rmse"].mean())), "fidelity": fidelity}
    return {
        "accuracy": 1 - float(losses["accuracy"].mean()),
        "log_loss": float(losses["log_loss"].mean()),
        "auc": 1 - float(losses["auc"].mean()),
        "fidelity": float(np.mean(outputs.argmax(axis=1) == teacher.argmax(axis=1))),
    }


def _auc_losses(truth: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Of two classes, else the mean over the classes of one against the rest."""
    if outputs.shape[1] == 2:
        return _binary_auc_losses(truth == 1, outputs[:, 1])
    return np.mean([_binary_auc_losses(truth == c, outputs[:, c]) for c in np.unique(truth)], axis=0)


def _binary_auc_losses(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    n, of_class = len(positive), np.where(positive, positive.sum(), (~positive).sum())
    # Share of the other class that a row is ranked right of, ties counting half.
    ranks = rankdata(score)
    own = np.where(positive, rankdata(np.where(positive, score, np.inf)), 0)
    own[~positive] = rankdata(score[~positive])
    below = ranks - own
    right = np.where(positive, below, (n - of_class) - below) / (n - of_class)
    area = right[positive].mean()
    return (1 - area) - (right - area) * n / of_class


# ------------------------------------------------------------------ two contestants on one test set


@dataclass(frozen=True)
class Difference:
    """By how much one contestant betters another, and the paired standard error of that."""

    value: float
    se: float

    @property
    def sign(self) -> int:
        """1, 0 or -1: better, within noise, worse."""
        return int(np.sign(self.value)) if abs(self.value) > SIGNIFICANT * self.se else 0


def gain(metric: str, before: np.ndarray, after: np.ndarray) -> Difference:
    """The gain from one vector of row losses to another of the same rows.

    For the RMSE the standard error is the delta method's.
    """
    if metric != "rmse":
        return Difference(float(np.mean(before - after)), _se(before - after))
    roots = np.sqrt(before.mean()), np.sqrt(after.mean())
    slopes = [1 / (2 * root) if root > 0 else 0.0 for root in roots]
    return Difference(float(roots[0] - roots[1]), _se(before * slopes[0] - after * slopes[1]))


def _se(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def over_seeds(differences: list[Difference]) -> Difference:
    """The mean over draws of one set.

    The draws share rows, so their errors are treated as fully dependent: the standard error is their mean, not less.
    """
    return Difference(
        float(np.mean([d.value for d in differences])),
        float(np.mean([d.se for d in differences])),
    )


# ------------------------------------------------------------------ over sets


def gap_recovered(of_student: Difference, of_teacher: Difference, leaves: int, n_classes: int) -> float:
    """(distilled - hard) / (teacher - hard), clipped to [-1, 1], from the gains of both over the hard rival.

    NaN where it does not count: where the teacher's gain is within noise, and for trees of fewer leaves than twice the
    classes. Models without leaves have 0 of them here and always count.
    """
    if of_teacher.sign <= 0 or 0 < leaves < 2 * n_classes:
        return float("nan")
    return float(np.clip(of_student.value / of_teacher.value, -1, 1))


@dataclass(frozen=True)
class Pooled:
    """Gap recovered over sets.

    Attributes
    ----------
    n_sets : int
        That count.
    mean, low, high : float
        Mean of the clipped ratios and its 95 % bootstrap interval over sets.
    median : float
    ratio_of_sums : float
        Sum of the students' gains over the sum of the teachers', over the sets that count; unlike the mean of ratios
        it is ruled by sets with wide gaps.
    """

    n_sets: int
    mean: float
    low: float
    high: float
    median: float
    ratio_of_sums: float


def pool(pairs: list[tuple[Difference, Difference]], recovered: list[float], n_resamples: int = 10_000) -> Pooled:
    """Pool sets: gains of student and teacher over the rival, and the ratio of each set (NaN: left out)."""
    ratios = np.asarray(recovered, dtype=np.float64)
    counted = np.isfinite(ratios)
    if not counted.any():
        return Pooled(0, *(float("nan"),) * 5)
    ratios = ratios[counted]
    draws = np.random.default_rng(0).integers(len(ratios), size=(n_resamples, len(ratios)))
    low, high = np.quantile(ratios[draws].mean(axis=1), [0.025, 0.975])
    of_student, of_teacher = (
        sum(pair[i].value for pair, counts in zip(pairs, counted, strict=True) if counts) for i in (0, 1)
    )
    return Pooled(
        len(ratios),
        float(ratios.mean()),
        float(low),
        float(high),
        float(np.median(ratios)),
        float(of_student / of_teacher),
    )


def harm_rate(differences: list[Difference]) -> float:
    """Share of cells that are worse than their rival beyond noise. All cells count, also those without a gap."""
    return float(np.mean([d.sign < 0 for d in differences])) if differences else float("nan")


@dataclass(frozen=True)
class Duel:
    """Two contestants over sets.

    Attributes
    ----------
    wins, ties, losses : int
        Sets where the difference exceeds two paired standard errors, or does not.
    p_value : float
        Two-sided sign test on the raw differences, exact ties left out.
    """

    wins: int
    ties: int
    losses: int
    p_value: float


def duel(differences: list[Difference]) -> Duel:
    """Wins, ties and losses of the second contestant of each difference, one a set."""
    signs = [d.sign for d in differences]
    ahead, behind = (sum(np.sign(d.value) == side for d in differences) for side in (1, -1))
    p_value = binomtest(ahead, ahead + behind).pvalue if ahead + behind else 1.0
    return Duel(signs.count(1), signs.count(0), signs.count(-1), float(p_value))
