"""Whether probabilities, or values, mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.calibration import CalibrationDisplay

from ._fidelity_display import FidelityDisplay
from ._palette import Palette, plain, tidy

if TYPE_CHECKING:
    from ._report import DistillationReport

_BINS = 10
_NAMES = {"committee": "committee", "hard": "on hard labels", "student": "distilled"}


def draw_calibration(ax: Any, report: DistillationReport, colours: Palette) -> None:
    """Draw scikit-learn's calibration curves, of the second class of two or else of the most probable one.

    Of values, the mean truth by tenths of what the student predicts.
    """
    found = report.evidence
    lines = [(role, each) for role in _NAMES if (each := found.of_role(role)) is not None]
    if report.task == "regression":
        student = found.of_role("student")
        assert student is not None
        FidelityDisplay.from_predictions(student.outputs, found.truth).plot(ax)
        ax.set_xlabel("the student's value", size="small", color=colours.muted)
        ax.set_ylabel("the true value", size="small", color=colours.muted)
        ax.get_legend().remove()
        return
    assert found.classes is not None
    binary = len(found.classes) == 2
    for role, each in lines:
        answers = each.outputs
        hits = found.truth == (1 if binary else answers.argmax(axis=1))
        CalibrationDisplay.from_predictions(
            hits,
            answers[:, 1] if binary else answers.max(axis=1),
            n_bins=_BINS,
            strategy="quantile",
            pos_label=True,
            name=_NAMES[role],
            ax=ax,
            color=colours.of_role[role],
            marker="o",
            markersize=3.5,
            linewidth=1.2,
        )
    tidy(ax, colours)
    ax.get_lines()[0].set(color=colours.muted, lw=0.9, ls="--", label="_the diagonal")
    what = f"P({found.classes[1]})" if binary else "probability of the most probable class"
    ax.set_xlabel(what, size="small", color=colours.muted)
    ax.set_ylabel("share that it was so", size="small", color=colours.muted)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=3,
        frameon=False,
        fontsize="small",
        borderaxespad=0.2,
        handletextpad=0.3,
        columnspacing=1.0,
    )
    plain(ax)
