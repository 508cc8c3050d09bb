"""The page's pictures, where matplotlib is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, shown
from .objectives import METRICS
from .plan import ACCURATE, RIVAL, STUDENT
from .results import TEACHER
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD

#: Of colours that people of any eyesight tell apart: M. Okabe, K. Ito, "Color universal design", 2008.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8A8A", "#999933")
_MARKERS = "osD^vP*X"
#: Share of the draws that a contestant must have finished to be drawn.
_MOST = 0.8


def picture(draw: Callable[[Summary, Any], bool], summary: Summary, path: Path, title: str) -> str:
    """A picture's Markdown; empty where there is nothing to draw or to draw with."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return ""
    with matplotlib.rc_context({"svg.hashsalt": "skdistill", "font.size": 9, "svg.fonttype": "none"}):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        if not draw(summary, figure):
            return ""
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
    return f"![{title}]({path.name})"


def gap_by_leaves(summary: Summary, figure: Any) -> bool:
    """Mean gap recovered against the strongest CART by leaves, with intervals, a panel each metric."""
    wanted = [n for n in (STUDENT, ACCURATE, "tree_hard", "cart_soft", "cart_in_sample") if n in summary.contestants()]
    gaps = summary.gaps(wanted, RIVAL)
    gaps = gaps[gaps["n_sets"] > 0] if len(gaps) else gaps
    metrics = [metric for metric in ALL_METRICS if len(gaps) and (gaps["metric"] == metric).any()]
    if not metrics:
        return False
    figure.set_size_inches(3.6 * len(metrics), 4.2)
    axes = figure.subplots(1, len(metrics), squeeze=False)[0]
    for axis, metric in zip(axes, metrics, strict=True):
        for at, name in enumerate(wanted):
            of_it = gaps[(gaps["metric"] == metric) & (gaps["contestant"] == name)]
            if len(of_it):
                apart = of_it["size"] * 1.05 ** (at - (len(wanted) - 1) / 2)  # so that intervals do not hide each other
                bars = np.vstack([of_it["mean"] - of_it["low"], of_it["high"] - of_it["mean"]])
                axis.errorbar(
                    apart, of_it["mean"], bars, color=_COLOURS[at], marker=_MARKERS[at], ms=4, lw=1.2, label=shown(name)
                )
        sizes = sorted(gaps["size"].unique())
        axis.axhline(0, color="grey", lw=0.8)
        axis.set(title=METRIC_NAMES[metric], xlabel="leaves", xscale="log")
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
    axes[0].set_ylabel(f"gap recovered\n(0: {shown(RIVAL)})")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(metrics)), frameon=False)
    return True


def quality_by_bytes(summary: Summary, figure: Any) -> bool:
    """Mean quality against median packed bytes of everyone who was handed a budget, a panel each metric.

    Over the draws that all of them finished; values of the RMSE are relative to the teacher's, as its units differ.
    """
    names = [*(n for n in summary.contestants() if CONTESTANTS[n].sizes_in == "bytes"), BEST_HARD]
    frame = summary.frame[summary.frame["contestant"].isin([*names, TEACHER])]
    panels = {
        metric: _lines(frame[frame["task"] == task], metric, names)
        for task, metrics in METRICS.items()
        for metric in metrics
    }
    panels = {metric: lines for metric, lines in panels.items() if lines}
    if not panels:
        return False
    figure.set_size_inches(3.6 * len(panels), 4.6)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (metric, lines) in zip(axes, panels.items(), strict=True):
        for at, name in enumerate(names):
            if name in lines:
                style = {"color": _COLOURS[at % len(_COLOURS)], "marker": _MARKERS[at % len(_MARKERS)]}
                if name == BEST_HARD:
                    style = {"color": "black", "ls": "--", "marker": "."}
                axis.plot(*lines[name], ms=5, lw=1.2, label=shown(name), **style)
        unit = "RMSE / teacher's" if metric == "rmse" else METRIC_NAMES[metric]
        axis.set(title=unit, xlabel="packed bytes (median)", xscale="log")
        axis.set_xticks([2**i for i in range(8, 15, 2)], ["256", "1 KB", "4 KB", "16 KB"])
        axis.minorticks_off()
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=min(2, len(panels)), frameon=False)
    return True


def _lines(frame: Any, metric: str, names: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Median bytes and mean values of each contestant by its budgets."""
    if not len(frame):
        return {}
    values = frame.pivot_table(index=["set", "seed"], columns=["contestant", "size"], values=metric)
    if metric == "rmse":
        values = values.div(values[TEACHER, 0], axis=0)
    drawn = [column for column in values if column[0] in names and values[column].notna().mean() >= _MOST]
    values = values[drawn].dropna()
    nbytes = frame.groupby(["contestant", "size"])["nbytes"].median()
    lines = {}
    for name in names:
        columns = [column for column in drawn if column[0] == name]
        if len(values) and columns:
            lines[name] = (nbytes[columns].to_numpy(), values[columns].mean().to_numpy())
    return lines
