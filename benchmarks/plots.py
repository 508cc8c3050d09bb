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
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD

#: Of colours that people of any eyesight tell apart: M. Okabe, K. Ito, "Color universal design", 2008.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8A8A8A")
_MARKERS = "osD^vP*X"


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
    names = [n for n in summary.contestants() if CONTESTANTS[n].sizes_in == "bytes"]
    frame = summary.frame[summary.frame["contestant"].isin([*names, BEST_HARD, "teacher"])]
    panels = {}
    for task, metrics in METRICS.items():
        for metric in metrics:
            panels[metric] = _lines(frame[frame["task"] == task], metric, [*names, BEST_HARD])
    panels = {metric: lines for metric, lines in panels.items() if lines}
    if not panels:
        return False
    figure.set_size_inches(3.6 * len(panels), 4.4)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (metric, lines) in zip(axes, panels.items(), strict=True):
        for at, (name, (nbytes, values)) in enumerate(lines.items()):
            best = name == BEST_HARD
            axis.plot(
                nbytes,
                values,
                color="black" if best else _COLOURS[at % len(_COLOURS)],
                marker=_MARKERS[at % len(_MARKERS)],
                ls="--" if best else "-",
                ms=4,
                lw=1.2,
                label=shown(name),
            )
        unit = "RMSE / teacher's" if metric == "rmse" else METRIC_NAMES[metric]
        axis.set(title=unit, xlabel="packed bytes (median)", xscale="log")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(2, len(panels)), frameon=False)
    return True


def _lines(frame: Any, metric: str, names: list[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if not len(frame):
        return {}
    values = frame.pivot_table(index=["set", "seed"], columns=["contestant", "size"], values=metric)
    if metric == "rmse" and ("teacher", 0) in values:
        values = values.div(values["teacher", 0], axis=0)
    values = values[[column for column in values if column[0] in names]].dropna()
    nbytes = frame.groupby(["contestant", "size"])["nbytes"].median()
    lines = {}
    for name in names:
        columns = [column for column in values if column[0] == name]
        if len(values) and columns:
            lines[name] = (nbytes[columns].to_numpy(), values[columns].mean().to_numpy())
    return lines
