"""Quality and fidelity under stress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from ._palette import Palette, import_pandas, import_pyplot, palette, plain, tidy
from ._stress import STRENGTHS, fidelity_metric

if TYPE_CHECKING:
    import pandas as pd

    from ._report import DistillationReport

_TITLES = {
    "noise": "Gaussian noise",
    "missing": "missing cells",
    "permuted": "permuted columns",
    "classes": "shifted classes",
    "rare": "rare rows",
}
_UNITS = {
    "noise": "column spreads",
    "missing": "share of cells",
    "permuted": "share of columns",
    "classes": "rarest class, times",
    "rare": "rarest share",
}
_NAMES = {"committee": "committee", "hard": "on hard labels", "student": "distilled student"}
_LABELS = {
    "accuracy": "accuracy",
    "rmse": "RMSE (less is better)",
    "deviance": "Poisson deviance\n(less is better)",
    "pinball": "pinball loss\n(less is better)",
    "huber": "Huber loss\n(less is better)",
    "agreement": "agreement\nwith the committee",
    "r2_to_teacher": "R² to the committee",
}


class StressDisplay:
    """Committee and students under stress: quality above, fidelity to the committee below.

    Each column is a stress, stronger to the right, after the rows as given. Make it with `from_report`.

    Parameters
    ----------
    task : {"classification", "regression"}
    rows : list of dict
        `DistillationReport.stress`.

    Attributes
    ----------
    figure_ : matplotlib Figure, after `plot`

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdistill import DistilledClassifier
    >>> from skdistill.report import StressDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = DistilledClassifier(teachers="logistic", random_state=0).fit(X[::2], y[::2])
    >>> display = StressDisplay.from_report(clf.report(X[1::2], y[1::2], stress=True))
    >>> display.frame()["stress"].unique().tolist()
    ['given', 'noise', 'missing', 'permuted', 'classes', 'rare']
    """

    def __init__(self, task: str, rows: list[dict[str, Any]]) -> None:
        self.task = task
        self.rows = rows

    @classmethod
    def from_report(cls, report: DistillationReport) -> Self:
        """Take the rows of a report that put its contestants under stress.

        Parameters
        ----------
        report : DistillationReport
            Made with ``stress=True``.

        Raises
        ------
        ValueError
            The report was made without.
        """
        if not report.stress:
            raise ValueError(
                "This report put nobody under stress. Make it with report(X, y, stress=True) and pass that."
            )
        return cls(report.task, report.stress)

    @property
    def size(self) -> tuple[float, float]:
        """Inches that the picture wants, width and height."""
        return 1.2 + 1.7 * len(self._stresses()), 4.4 if self._metrics()[1:] else 2.7

    def plot(self, figure: Any = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        figure : matplotlib Figure or SubFigure, optional
            By default a new one.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if figure is None:
            figure = import_pyplot("StressDisplay").figure(figsize=self.size, layout="constrained")
        self._draw(figure, palette())
        self.figure_ = figure
        return self

    def frame(self) -> pd.DataFrame:
        """What is drawn, as a table.

        Returns
        -------
        pandas.DataFrame
            Stress, strength, name, role, rows, quality, and fidelity to the committee.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return import_pandas("StressDisplay.frame").DataFrame(self.rows)

    def _stresses(self) -> list[str]:
        return [stress for stress in STRENGTHS if any(row["stress"] == stress for row in self.rows)]

    def _metrics(self) -> list[str]:
        """Quality and, where anything is known of it, fidelity."""
        fidelity = fidelity_metric(self.task)
        known = any(row[fidelity] is not None for row in self.rows if row["role"] != "committee")
        metric = next(key for key in _LABELS if key in self.rows[0])
        return [metric, *([fidelity] if known else [])]

    def _draw(self, figure: Any, colours: Palette) -> None:
        stresses, metrics = self._stresses(), self._metrics()
        axes = figure.subplots(len(metrics), len(stresses), sharey="row", sharex="col", squeeze=False)
        for line, metric in zip(axes, metrics):
            for ax, stress in zip(line, stresses):
                tidy(ax, colours)
                self._draw_lines(ax, stress, metric, colours)
            line[0].set_ylabel(_LABELS[metric], size="small", color=colours.muted)
        for at, stress in enumerate(stresses):
            strengths = STRENGTHS[stress]
            axes[0, at].set_title(_TITLES[stress], size="small", color=colours.ink)
            axes[-1, at].set_xticks(range(len(strengths) + 1), ["given", *(f"{each:g}" for each in strengths)])
            axes[-1, at].set_xlabel(_UNITS[stress], size="small", color=colours.muted)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)
        for ax in axes.flat:
            plain(ax)

    def _draw_lines(self, ax: Any, stress: str, metric: str, colours: Palette) -> None:
        for role, name in _NAMES.items():
            if role == "committee" and metric == fidelity_metric(self.task):
                continue  # with itself it agrees
            line = [row[metric] for row in self.rows if row["role"] == role and row["stress"] in ("given", stress)]
            if line:
                values = [float("nan") if value is None else value for value in line]
                marker, face = ("D", None) if role == "committee" else ("o", "none" if role == "hard" else None)
                ax.plot(values, marker=marker, ms=4, lw=1.2, mfc=face, color=colours.of_role[role], label=name)
