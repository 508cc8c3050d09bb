"""Shipped models on test rows, without the estimator they came from: one alone, or two side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model import Model
from ._evidence import Contestant
from ._metrics import classification_losses, headline, paired_improvements, regression_losses
from ._report import DistillationReport, distillation_report
from ._text import _table, in_bytes, points, significant

_NAMES = {"accuracy": "accuracy", "rmse": "RMSE"}


def model_report(model: Model, X: Any, y: Any, name: str = "distilled student") -> DistillationReport:
    """Report on a shipped model: quality, size and latency.

    Parameters
    ----------
    model : Model
    X : raw rows as `Model.predict` takes them
    y : array-like of shape (n,) or (n, m)
    name : str

    Returns
    -------
    DistillationReport

    Raises
    ------
    ValueError
        The rows do not fit the model, or `y` holds labels that it does not know.
    """
    output = model.output
    shipped = Contestant(name, "student", model.evaluate(X), model.nbytes, model.predict, model)
    return distillation_report(output.task, X, y, [shipped], classes=output.classes)


@dataclass(frozen=True, eq=False, repr=False)
class ModelComparison:
    """Two models on the same rows. Print it to read it.

    Attributes
    ----------
    task : {"classification", "regression"}
    n_rows : int
    rows : list of dict
        A line for each model, as in `DistillationReport.rows`; agreement, kl and r2_to_teacher are those of the second
        with the first.
    gains : dict of str to (float, float)
        By metric, how much the second is better than the first, and the paired standard error of that.
    verdict : str
        In one sentence.
    """

    task: str
    n_rows: int
    rows: list[dict[str, Any]]
    gains: dict[str, tuple[float, float]]
    verdict: str

    def __str__(self) -> str:
        return "\n".join([*_table(self.rows), "", self.verdict])

    def __repr__(self) -> str:
        return f"<ModelComparison: {self.task}, {self.n_rows} test rows>"


def compare_models(first: Model, second: Model, X: Any, y: Any, names: tuple[str, str]) -> ModelComparison:
    """Compare two shipped models on test rows.

    Parameters
    ----------
    first, second : Model
        With the same classes or targets.
    X : raw rows as `Model.predict` takes them
    y : array-like of shape (n,) or (n, m)
    names : tuple of two str

    Returns
    -------
    ModelComparison

    Raises
    ------
    ValueError
        The models answer different questions, or the rows do not fit them.

    Examples
    --------
    >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
    >>> def line(slope):
    ...     output = Output("regression", "identity", targets=("y",))
    ...     return Model(Preprocessor([NumericColumn("x")]), Linear([[slope]], [0.0]), output)
    >>> compare_models(line(1.0), line(2.0), [[1.0], [2.0], [4.0]], [2.0, 4.0, 8.0], ("one", "two")).verdict
    'two has the lower RMSE, 0 against 2.646, beyond noise; they take the same bytes.'
    """
    for what in ("task", "classes", "targets"):
        one, other = getattr(first.output, what), getattr(second.output, what)
        if one != other:
            raise ValueError(f"Models must have the same {what} to be compared. Got {one!r} and {other!r}.")
    task, classes = first.output.task, first.output.classes
    outputs = [model.evaluate(X) for model in (first, second)]
    roles = ("committee", "student")  # the first is what the second is compared with
    contestants = [
        Contestant(name, role, output, model.nbytes, model.predict, model)
        for name, role, output, model in zip(names, roles, outputs, (first, second), strict=True)
    ]
    report = distillation_report(task, X, y, contestants, classes=classes)
    row_losses = classification_losses if task == "classification" else regression_losses
    losses = [row_losses(report.evidence.truth, each.outputs) for each in report.evidence.contestants]
    metric = headline(task, None)
    gains = paired_improvements(metric, *losses)
    verdict = _verdict(metric, report.rows, *gains[metric])
    return ModelComparison(task, report.n_rows, report.rows, gains, verdict)


def _verdict(metric: str, rows: list[dict[str, Any]], gain: float, error: float) -> str:
    """Which is better, whether that is more than noise, and what it costs."""
    better, worse = (rows[1], rows[0]) if gain >= 0 else (rows[0], rows[1])
    if gain == 0 or not abs(gain) >= 2 * error:  # also where the error is unknown
        quality = f"{rows[0]['name']} and {rows[1]['name']} do not differ beyond noise in {_NAMES[metric]}"
        quality += f" (by {points(abs(gain))} points)" if metric == "accuracy" else ""
        better, worse = rows[1], rows[0]
    elif metric == "accuracy":
        quality = f"{better['name']} is right on {points(abs(gain))} points more of the rows, beyond noise"
    else:
        was, now = (significant(row["rmse"], 4) for row in (worse, better))
        quality = f"{better['name']} has the lower RMSE, {now} against {was}, beyond noise"
    more = better["nbytes"] - worse["nbytes"]
    size = "they take the same bytes" if more == 0 else f"{better['name']} takes {in_bytes(abs(more))} "
    return f"{quality}; {size}{'' if more == 0 else 'more' if more > 0 else 'less'}."
