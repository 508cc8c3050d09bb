"""How closely the student follows the committee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from ._palette import import_pandas, import_pyplot, palette, plain, shorten, tidy

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

# Bins of a regression, and the share of rows that the band holds.
_BINS, _BAND = 10, 0.8


class FidelityDisplay:
    """How closely the student follows the committee: for classes by the committee's class, for values by its value.

    Make it with `from_estimator` or `from_predictions`.

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
    >>> from skdistill.report import FidelityDisplay
    >>> committee = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]]
    >>> student = [[0.7, 0.3], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]]
    >>> display = FidelityDisplay.from_predictions(committee, student, classes=["no", "yes"])
    >>> display.frame()[["class", "rows", "agreement"]]
      class  rows  agreement
    0    no     2        1.0
    1   yes     2        0.5
    """

    def __init__(self, task: str, rows: list[dict[str, Any]]) -> None:
        self.task = task
        self.rows = rows

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any) -> Self:
        """Ask a fitted estimator, its committee, and the same student on hard labels.

        Parameters
        ----------
        estimator : fitted DistilledEstimator, DistilledClassifier or DistilledRegressor
        X : table of shape (n, d)
            Rows that none of them saw.

        Raises
        ------
        ValueError
            The estimator was loaded without its teachers.
        """
        if getattr(estimator, "oracle_", None) is None:
            raise ValueError(
                f"This {type(estimator).__name__} has no teachers to compare with. Use from_predictions with the "
                "committee's answers, or fit with keep_teachers=True before saving."
            )
        student = estimator.student_.evaluate(estimator.encoder_.transform(X))
        hard = estimator.hard_student_.evaluate(estimator.hard_encoder_.transform(X))
        classes = estimator.classes_ if estimator.task_ == "classification" else None
        return cls.from_predictions(estimator.oracle_(X), student, hard=hard, classes=classes)

    @classmethod
    def from_predictions(
        cls, committee: ArrayLike, student: ArrayLike, *, hard: ArrayLike | None = None, classes: Any = None
    ) -> Self:
        """Make the display of predictions on the same rows.

        Parameters
        ----------
        committee, student : array-like of shape (n, k), (n,) or (n, m)
            Probabilities in the order of the classes, or values; of several values the first is shown.
        hard : array-like of the same shape, optional
            Of the same student on hard labels.
        classes : array-like of shape (k,), optional
            The labels; None for values.

        Raises
        ------
        ValueError
            If the shapes do not fit together, or there are no rows.
        """
        answers = {"committee": committee, "student": student} | ({} if hard is None else {"hard": hard})
        arrays = {name: np.asarray(answer, dtype=np.float64) for name, answer in answers.items()}
        shape = arrays["committee"].shape
        for name, array in arrays.items():
            if array.shape != shape or not len(array):
                raise ValueError(
                    f"'{name}' must have the shape of 'committee', {shape}, of a row or more. Got {array.shape}."
                )
        if classes is None:
            return cls(
                "regression", _by_value(**{name: array.reshape(len(array), -1)[:, 0] for name, array in arrays.items()})
            )
        labels = np.asarray(classes).tolist()
        if len(shape) != 2 or shape[1] != len(labels):
            raise ValueError(
                f"'committee' must have a column for each of the {len(labels)} classes. Got shape {shape}."
            )
        return cls(
            "classification", _by_class(labels, **{name: array.argmax(axis=1) for name, array in arrays.items()})
        )

    def plot(self, ax: Any = None) -> Self:
        """Draw the display.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            By default those of a new figure.

        Returns
        -------
        self

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            _, ax = import_pyplot("FidelityDisplay").subplots(figsize=self.size, layout="constrained")
        (_draw_classes if self.task == "classification" else _draw_values)(ax, self.rows)
        plain(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @property
    def size(self) -> tuple[float, float]:
        """Inches that the picture wants, width and height."""
        return 4.4, (max(2.4, 1.1 + 0.3 * len(self.rows)) if self.task == "classification" else 3.4)

    def frame(self) -> pd.DataFrame:
        """What is drawn, as a table.

        Returns
        -------
        pandas.DataFrame
            Classification: a row for each class that the committee gave, with the number of its rows, the share of
            them that the student answers alike with a 95 % interval (Wilson), the same of the student on hard labels,
            and what the student says most often otherwise. Regression: a row for each tenth of the rows by the
            committee's value, with the means of all and the band that holds 80 % of the student's values.
        """
        return import_pandas("FidelityDisplay.frame").DataFrame(self.rows)


def _by_class(
    labels: list[Any], committee: NDArray[Any], student: NDArray[Any], hard: NDArray[Any] | None = None
) -> list[dict[str, Any]]:
    rows = []
    for code, label in enumerate(labels):
        of_class = committee == code
        n_rows = int(of_class.sum())
        if not n_rows:
            continue
        answers = np.bincount(student[of_class], minlength=len(labels))
        interval = binomtest(int(answers[code]), n_rows).proportion_ci(method="wilson")
        others = answers.copy()
        others[code] = 0
        rows.append(
            {
                "class": label,
                "rows": n_rows,
                "agreement": float(answers[code] / n_rows),
                "low": float(interval.low),
                "high": float(interval.high),
                "hard": None if hard is None else float((hard[of_class] == code).mean()),
                "mostly_taken_for": labels[int(others.argmax())] if others.any() else None,
                "of_rows": float(others.max() / n_rows),
            }
        )
    return rows


def _by_value(committee: Floats, student: Floats, hard: Floats | None = None) -> list[dict[str, Any]]:
    rows = []
    for part in np.array_split(np.argsort(committee, kind="stable"), min(_BINS, len(committee))):
        low, high = np.quantile(student[part], [(1 - _BAND) / 2, (1 + _BAND) / 2]).tolist()
        rows.append(
            {
                "committee": float(committee[part].mean()),
                "rows": len(part),
                "student": float(student[part].mean()),
                "low": low,
                "high": high,
                "hard": None if hard is None else float(hard[part].mean()),
            }
        )
    return rows


def _draw_classes(ax: Any, rows: list[dict[str, Any]]) -> None:
    colours = palette()
    tidy(ax, colours)
    for at, row in enumerate(rows):
        ax.plot([row["low"], row["high"]], [at, at], color=colours.of_role["student"], lw=1.5, alpha=0.5)
    ax.plot(
        [row["agreement"] for row in rows],
        range(len(rows)),
        "o",
        ms=6,
        color=colours.of_role["student"],
        label="distilled",
    )
    if rows[0]["hard"] is not None:
        ring = {"ms": 8, "mfc": "none", "mew": 1.3, "color": colours.of_role["hard"]}
        ax.plot([row["hard"] for row in rows], range(len(rows)), "o", label="on hard labels", **ring)
    ax.set_yticks(range(len(rows)), [f"{shorten(row['class'], 18)} ({row['rows']:,})" for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, labelcolor=colours.ink)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel("rows answered as by the committee", size="small", color=colours.muted)
    _legend(ax)


def _draw_values(ax: Any, rows: list[dict[str, Any]]) -> None:
    colours = palette()
    tidy(ax, colours)
    committee = [row["committee"] for row in rows]
    ends = [committee[0], committee[-1]]
    ax.plot(ends, ends, color=colours.muted, lw=0.9, ls="--")
    low, high = ([row[key] for row in rows] for key in ("low", "high"))
    ax.fill_between(committee, low, high, color=colours.of_role["student"], alpha=0.2, lw=0)
    if rows[0]["hard"] is not None:
        ax.plot(
            committee,
            [row["hard"] for row in rows],
            "o-",
            ms=3.5,
            lw=1,
            mfc="none",
            color=colours.of_role["hard"],
            label="on hard labels",
        )
    ax.plot(
        committee,
        [row["student"] for row in rows],
        "o-",
        ms=4,
        color=colours.of_role["student"],
        label="distilled, with the band of 80 % of rows",
    )
    ax.set_xlabel("the committee's value", size="small", color=colours.muted)
    ax.set_ylabel("the student's value", size="small", color=colours.muted)
    _legend(ax)


def _legend(ax: Any) -> None:
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
