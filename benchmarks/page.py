"""The page: what the numbers say, in words and tables. Nothing on it is written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .objectives import METRICS
from .plan import DEVELOPMENT, UNSEEN, Plan
from .results import TEACHER
from .summary import Summary

#: The student of the headline, and the rivals that it must beat: as planned, then the two that were added or are kept
#: beside it because tuning by log-loss without smoothing leaves CART weaker than it need be.
STUDENT, RIVALS = "tree_soft", ("cart_hard", "cart_smoothed", "tree_hard")
#: Of the tables that have room for one: the strongest CART.
RIVAL = "cart_smoothed"
_NAMES = {"accuracy": "accuracy", "log_loss": "log-loss", "rmse": "RMSE"}


def show(plan: Plan, folder: Path) -> str:
    """Gap recovered by the trees against both hard rivals, as text."""
    summary = Summary(plan, folder)
    parts = []
    for rival in RIVALS:
        gaps = summary.gaps(rival)
        if len(gaps):
            columns = [
                "metric",
                "contestant",
                "size",
                "n_sets",
                "mean",
                "low",
                "high",
                "median",
                "ratio_of_sums",
                "harm",
            ]
            parts.append(f"against {rival}\n" + gaps[columns].round(3).to_string(index=False))
    return "\n\n".join(parts)


def write_page(plan: Plan, folder: Path, out: Path) -> None:
    """Write the page, and plots beside it where matplotlib is installed."""
    summary = Summary(plan, folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    plot = _plot(summary, out.with_name("benchmark_gap.png"))
    parts = [
        "# Benchmark of students",
        _headline(summary),
        _conditions(summary),
        *([f"![Gap recovered by leaves]({plot})"] if plot else []),
        "## Gap recovered by trees of equal leaves",
        _measure_note(),
        *(part for rival in RIVALS for part in (f"### Against {CONTESTANTS[rival].title}", _gap_table(summary, rival))),
        "### By kind of set",
        _kinds(summary),
        "## Gap recovered by lines",
        _markdown(_pretty_gaps(summary.gaps(family="linear"))),
        f"## {CONTESTANTS[STUDENT].title}: wins, ties and losses",
        "A set is won or lost where the difference exceeds two paired standard errors. The p-value is of the two-sided "
        "sign test on the raw differences.",
        _markdown(_named(summary.duels(STUDENT), "peer")),
        _peers(summary),
        "## Within bytes",
        "Each contestant at its largest size within the budget; means over the draws on which it fits. Read a row "
        "against another only where they fit on as many draws.",
        _markdown(_named(summary.within_bytes(), "contestant")),
        "## Size and cost",
        _costs(summary),
        "## Set by set",
        _sets(summary),
    ]
    out.write_text("\n\n".join(part for part in parts if part) + "\n")


# ------------------------------------------------------------------ in words


def _headline(summary: Summary) -> str:
    """When distillation pays and when it does not: the student's mean gap recovered against each hard rival."""
    present = set(summary.contestants())
    verdicts = [_verdict(summary, rival) for rival in RIVALS if rival in present]
    if STUDENT not in present or not any(verdicts):
        return "**When it pays.** No results yet: `python -m benchmarks run`."
    lead = (
        f"**When it pays.** {CONTESTANTS[STUDENT].title}, as many leaves as its rivals on hard labels: share of the "
        "gap from the rival to the teacher that it recovers, mean over sets, in brackets the 95 % interval."
    )
    return " ".join([lead, *filter(None, verdicts)])


def _verdict(summary: Summary, rival: str) -> str:
    pays, fails, costs, harm, n_cells = [], [], [], 0.0, 0
    for metric in (*METRICS["classification"], *METRICS["regression"]):
        for size in summary.sizes(STUDENT):
            row = summary.gap_row(metric, STUDENT, size, rival)
            harm, n_cells = harm + (row["harm"] * row["cells"] if row["cells"] else 0), n_cells + row["cells"]
            if row["n_sets"]:
                text = f"{_NAMES[metric]} at {size} leaves {row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
                (pays if row["low"] > 0 else costs if row["high"] < 0 else fails).append(text)
    if not n_cells:
        return ""
    title = CONTESTANTS[rival].title
    kinds = (("pays in", pays), ("makes no difference beyond noise in", fails), ("costs in", costs))
    said = "; ".join(f"{verb} {_list(texts)}" for verb, texts in kinds if texts) or "has no gap to recover"
    return f"**Against {title}** it {said}; worse beyond two standard errors in {harm / n_cells:.1%} of all cells."


def _list(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]


def _conditions(summary: Summary) -> str:
    plan, done = summary.plan, set(summary.frame["set"])
    absent = [name for name in plan.sets if name not in done]
    counts = summary.frame.drop_duplicates("set")["task"].value_counts()
    text = (
        f"{counts.get('classification', 0)} classification and {counts.get('regression', 0)} regression sets, seeds "
        f"{', '.join(map(str, plan.seeds))}, {1 - plan.test_share:.0%} of at most {plan.max_rows:,} rows for training. "
        "One committee teaches all; its labels are out of fold, calibrated and weighted. Sets, seeds and sizes were "
        "fixed before results were looked at (`benchmarks/plan.py`). One rival with smoothed leaves was added after "
        "the first results: without smoothing the log-loss makes tuning want leaves so large that CART uses a part of "
        "those it may have (see the median leaves below). Made by `python -m benchmarks run` and "
        "`python -m benchmarks page`."
    )
    return text + (f" Without results: {', '.join(absent)}." if absent else "")


def _measure_note() -> str:
    return (
        "Recovered = (distilled − hard) / (teacher − hard), from gains averaged over the draws of a set, clipped to "
        "[−1, 1]; sets count where the teacher is ahead of the rival by more than two paired standard errors and the "
        "tree has at least twice as many leaves as there are classes. Harm: share of all draws on which the student is "
        "worse than the rival by more than two paired standard errors."
    )


# ------------------------------------------------------------------ tables


def _gap_table(summary: Summary, rival: str) -> str:
    return _markdown(_pretty_gaps(summary.gaps(rival)))


def _pretty_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    if not len(gaps):
        return gaps
    interval = [f"{low:.2f} to {high:.2f}" for low, high in zip(gaps["low"], gaps["high"], strict=True)]
    return pd.DataFrame(
        {
            "metric": gaps["metric"].map(_NAMES),
            "student": gaps["contestant"].map(_title),
            "leaves": gaps["size"],
            "sets": gaps["n_sets"],
            "mean": gaps["mean"],
            "95 % interval": interval,
            "median": gaps["median"],
            "ratio of sums": gaps["ratio_of_sums"],
            "harm": [f"{share:.1%}" for share in gaps["harm"]],
        }
    )


def _kinds(summary: Summary) -> str:
    """The headline student on parts of the suite."""
    sets = summary.frame.drop_duplicates("set").set_index("set")
    parts = {
        "developed on": set(DEVELOPMENT),
        "unseen": set(UNSEEN),
        "two classes": set(sets.index[sets["n_classes"] == 2]),
        "more classes": set(sets.index[sets["n_classes"] > 2]),
        "under 2,000 training rows": set(sets.index[sets["n_train"] < 2_000]),
        "2,000 and more": set(sets.index[sets["n_train"] >= 2_000]),
    }
    rows = []
    for kind, names in parts.items():
        for metric in (*METRICS["classification"], *METRICS["regression"]):
            row: dict[str, Any] = {"sets": kind, "metric": _NAMES[metric]}
            for size in summary.sizes(STUDENT):
                pooled = summary.gap_row(metric, STUDENT, size, RIVAL, tuple(names))
                row[f"{size} leaves"] = f"{pooled['mean']:.2f} ({pooled['n_sets']})" if pooled["n_sets"] else "–"
            if any(value != "–" for value in list(row.values())[2:]):
                rows.append(row)
    return "Mean gap recovered, and in brackets how many sets count.\n\n" + _markdown(pd.DataFrame(rows))


def _costs(summary: Summary) -> str:
    students = summary.frame
    table = students.groupby(["contestant", "size"], as_index=False)[["nbytes", "leaves", "cpu_seconds"]].median()
    table["contestant"] = table["contestant"].map(_title)
    table.columns = ["", "size", "median bytes", "median leaves", "median CPU s of a fit"]
    return "CPU seconds of the tuned contestants include the tuning, those of the teacher its folds.\n\n" + _markdown(
        table
    )


def _peers(summary: Summary) -> str:
    """How other projects were run, where there are results of theirs."""
    titles: dict[str, list[str]] = {}
    for peer in (CONTESTANTS[name] for name in summary.contestants()):
        if peer.note:
            titles.setdefault(peer.note, []).append(peer.title)
    if not titles:
        return ""
    notes = (f"- **{_list(names)}.** {note}" for note, names in titles.items())
    return "## How other projects were run\n\n" + "\n".join(notes)


def _sets(summary: Summary) -> str:
    """Per set and metric, the gap at the largest size and what is recovered of it at every size."""
    sizes = summary.sizes(STUDENT)
    parts = []
    for metric in (*METRICS["classification"], *METRICS["regression"]):
        tables = {size: summary.per_set(metric, STUDENT, size, RIVAL) for size in sizes}
        if not sizes or not len(tables[sizes[-1]]):
            continue
        last = tables[sizes[-1]].set_index("set")
        values = summary.frame[summary.frame["contestant"] == TEACHER].groupby("set")[metric].mean()
        table = pd.DataFrame({"set": last.index, "teacher": values[last.index].to_numpy()})
        for size, part in tables.items():
            recovered = part.set_index("set")["recovered"].reindex(last.index)
            table[f"{size} leaves"] = ["–" if np.isnan(v) else f"{v:.2f}" for v in recovered]
        table[f"gap at {sizes[-1]}"] = [
            f"{gap:.3g} ± {se:.2g}" for gap, se in zip(last["gap"], last["gap_se"], strict=True)
        ]
        parts.append(f"### {_NAMES[metric]}\n\n" + _markdown(table))
    note = "Gap recovered by the headline student. A dash: the gap does not count.\n\n"
    return note + "\n\n".join(parts)


def _title(name: str) -> str:
    return CONTESTANTS[name].title if name in CONTESTANTS else name


def _named(table: pd.DataFrame, column: str) -> pd.DataFrame:
    if len(table):
        table = table.assign(**{column: table[column].map(_title)})
        if "metric" in table:
            table["metric"] = table["metric"].map(_NAMES)
    return table


def _markdown(table: pd.DataFrame) -> str:
    if not len(table):
        return "No results."
    rows = [list(map(str, table.columns)), ["---"] * table.shape[1]]
    rows += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        if np.isnan(value):
            return "–"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3f}"
    return str(value)


# ------------------------------------------------------------------ a plot, where there is something to plot with


def _plot(summary: Summary, path: Path) -> str | None:
    """Mean gap recovered by leaves with its interval, a panel each metric; the file's name, or None."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    gaps = summary.gaps(RIVAL)
    if not len(gaps):
        return None
    metrics = list(gaps["metric"].unique())
    figure = Figure(figsize=(4 * len(metrics), 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, metric in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        for name, of_it in gaps[gaps["metric"] == metric].groupby("contestant", sort=False):
            bars = [of_it["mean"] - of_it["low"], of_it["high"] - of_it["mean"]]
            axis.errorbar(of_it["size"], of_it["mean"], yerr=bars, marker="o", capsize=2, label=name)
        axis.axhline(0, color="grey", linewidth=0.8)
        axis.set(title=_NAMES[metric], xlabel="leaves", ylabel="gap recovered", xscale="log")
        axis.legend(fontsize="x-small")
    figure.savefig(path, dpi=130)
    return path.name
