"""Quality against bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from skdistill._sklearn import safe_indexing
from skdistill.compression import frontier

from ._metrics import quality
from ._palette import Palette, import_pandas, import_pyplot, palette, plain, tidy
from ._text import in_bytes

if TYPE_CHECKING:
    import pandas as pd

    from ._report import DistillationReport

# Rows that a student is compressed by, at most, and how the other half is drawn.
_MOST_ROWS, _SEED = 2000, 0
_METRICS = {
    "accuracy": "accuracy",
    "log_loss": "log-loss (less is better)",
    "rmse": "RMSE (less is better)",
    "deviance": "Poisson deviance (less is better)",
    "pinball": "pinball loss (less is better)",
    "huber": "Huber loss (less is better)",
}
_NAMES = {
    "student": "distilled student",
    "sibling": "another student",
    "hard": "on hard labels",
    "committee": "committee",
    "teacher": "a teacher",
}


class FrontierDisplay:
    """Quality against bytes: the students as fitted and compressed, beside committee and teachers.

    Half of the rows decide what each pass of `skdistill.compression.frontier` drops and rounds, by the committee's
    labels; everyone is measured on the other half, by the true ones, so that no line flatters itself. Make it with
    `from_report` or `from_estimator`.

    Parameters
    ----------
    task : {"classification", "regression"}
    rows : list of dict
        What `frame` gives.

    Attributes
    ----------
    ax_ : matplotlib Axes, after `plot`
    figure_ : matplotlib Figure, after `plot`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdistill import DistilledClassifier
    >>> from skdistill.report import FrontierDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = DistilledClassifier(teachers="logistic", random_state=0).fit(X[::2], y[::2])
    >>> frame = FrontierDisplay.from_estimator(clf, X[1::2], y[1::2]).frame()
    >>> frame[frame["passes"].isna()]["name"].tolist()
    ['committee', 'student on hard labels', 'distilled student']
    """

    def __init__(self, task: str, rows: list[dict[str, Any]]) -> None:
        self.task = task
        self.rows = rows

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any) -> Self:
        """Report on a fitted estimator, and compress its students.

        Parameters
        ----------
        estimator : fitted DistilledEstimator, DistilledClassifier or DistilledRegressor
        X : table of shape (n, d)
            Rows that none of the contestants saw.
        y : array-like of shape (n,) or (n, m)
        """
        return cls.from_report(estimator.report(X, y))

    @classmethod
    def from_report(cls, report: DistillationReport) -> Self:
        """Take the contestants of a report, and compress those that have a model form.

        Parameters
        ----------
        report : DistillationReport
            Of two rows or more.
        """
        found = report.evidence
        halves = np.array_split(np.random.default_rng(_SEED).permutation(report.n_rows), 2)
        rows_of_passes, judged = np.sort(halves[0][:_MOST_ROWS]), np.sort(halves[1])
        truth = found.truth[judged]
        committee = found.of_role("committee")
        Q = found.true_labels() if committee is None else committee.outputs
        rows: list[dict[str, Any]] = []
        lines: dict[int, list[dict[str, Any]]] = {}  # where hard labels won, both students are one: compressed once
        for contestant in found.contestants:
            line = {"name": contestant.name, "role": contestant.role}
            if contestant.nbytes is not None:
                measured = quality(report.task, truth, contestant.outputs[judged], loss=found.loss)
                rows.append({**line, "passes": None, "nbytes": contestant.nbytes, **measured})
            if contestant.model is None or not contestant.model.precision.is_full:  # a quantised one stays as it is
                continue
            if contestant.role == "sibling":  # its own report draws its line
                continue
            key = id(contestant.model.predictor)
            if key not in lines:
                compressed = frontier(contestant.model, safe_indexing(found.X, rows_of_passes), Q[rows_of_passes])
                X_judged = safe_indexing(found.X, judged)
                lines[key] = [
                    {"passes": about["passes"], "nbytes": point.model.nbytes}
                    | quality(report.task, truth, point.model.evaluate(X_judged), loss=found.loss)
                    for point, about in zip(compressed.points, compressed.frame(), strict=True)
                ]
            rows += [line | found_there for found_there in lines[key]]
        return cls(report.task, rows)

    def plot(self, ax: Any = None, *, metric: str | None = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default those of a new figure.
        metric : {"log_loss", "accuracy", "rmse", "deviance", "pinball", "huber"}, optional
            What is drawn; by default the log-loss, or for values what they are judged by.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the metric is not one of the task's.
        """
        known = [key for key in _METRICS if key in self.rows[0]]
        metric = known[-1] if metric is None else metric
        if metric not in known:
            raise ValueError(f"'metric' of FrontierDisplay.plot must be one of {known}. Got {metric!r} instead.")
        if ax is None:
            _, ax = import_pyplot("FrontierDisplay").subplots(figsize=(4.6, 3.4), layout="constrained")
        self._draw(ax, metric, palette())
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw(self, ax: Any, metric: str, colours: Palette) -> None:
        tidy(ax, colours)
        ax.set_xscale("log")
        drawn: set[str] = set()
        for role, marker in (("teacher", "s"), ("committee", "D"), ("hard", "o"), ("student", "o"), ("sibling", "o")):
            colour = colours.of_role[role]
            line = [row for row in self.rows if row["role"] == role and row["passes"] is not None]
            if line:
                places = [row["nbytes"] for row in line], [row[metric] for row in line]
                ax.plot(*places, ".-", ms=3.5, lw=1, color=colour, alpha=0.75)
            for row in self.rows:
                if row["role"] == role and row["passes"] is None:
                    face = "none" if role in ("hard", "sibling") else colour
                    label = None if role in drawn else _NAMES[role]
                    drawn.add(role)
                    size = 7 if role == "student" else 6
                    ax.plot(row["nbytes"], row[metric], marker, ms=size, mfc=face, color=colour, ls="none", label=label)
        level = next((row[metric] for row in self.rows if row["role"] == "committee"), None)
        if level is not None:
            ax.axhline(level, color=colours.muted, lw=0.8, ls=":", zorder=1)
        ax.xaxis.set_major_formatter(lambda value, _: in_bytes(round(value)).replace(".00", "").replace(".0 ", " "))
        ax.xaxis.set_minor_formatter("")
        ax.set_xlabel("packed bytes; teachers as files", size="small", color=colours.muted)
        ax.set_ylabel(_METRICS[metric], size="small", color=colours.muted)
        ax.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=2,
            frameon=False,
            fontsize="small",
            borderaxespad=0.2,
            handletextpad=0.3,
            columnspacing=1.2,
        )
        plain(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn, as a table.

        Returns
        -------
        pandas.DataFrame
            Name, role, passes (None: as fitted), bytes, and quality on the judged rows.
        """
        return import_pandas("FrontierDisplay.frame").DataFrame(self.rows)
