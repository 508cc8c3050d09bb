"""The page: what the numbers say, in words, tables and pictures. Nothing on it is written by hand."""

from __future__ import annotations

from pathlib import Path

from . import plots, sections
from .competitors import CONTESTANTS
from .goals import goal_table
from .markdown import shown
from .plan import ACCURATE, RIVALS, STUDENT, Plan
from .summary import Summary
from .tables import Tables
from .words import conditions, when_it_pays


def show(plan: Plan, tables: Tables) -> str:
    """Gap recovered by the trees against each hard rival, as text."""
    summary = Summary(plan, tables)
    columns = ["metric", "contestant", "size", "n_sets", "mean", "low", "high", "median", "ratio_of_sums", "harm"]
    parts = []
    for rival in RIVALS:
        gaps = summary.gaps(summary.trees(), rival)
        if len(gaps):
            parts.append(f"against {rival}\n" + gaps[columns].round(3).to_string(index=False))
    return "\n\n".join(parts)


def write_page(plan: Plan, tables: Tables, out: Path) -> None:
    """Write the page, and pictures beside it where matplotlib is installed."""
    summary = Summary(plan, tables)
    out.parent.mkdir(parents=True, exist_ok=True)
    title = CONTESTANTS[STUDENT].title
    parts = [
        "# Benchmark of students",
        when_it_pays(summary),
        conditions(summary),
        "## Goals",
        goal_table(summary),
        "## Gap recovered by trees of equal leaves",
        _MEASURE,
        plots.picture(plots.gap_by_leaves, summary, out.with_name("benchmark_leaves.svg"), "Gap recovered by leaves"),
        "### The headline student against each rival",
        sections.headline(summary, (STUDENT, ACCURATE)),
        *(part for rival in RIVALS for part in (f"### Everyone against {shown(rival)}", sections.gaps(summary, rival))),
        f"## {title}: wins, ties and losses",
        "A set is won or lost where the difference exceeds two paired standard errors. The p-value is of the two-sided "
        "sign test on the raw differences.",
        sections.duels(summary),
        "## Within bytes",
        sections.WITHIN,
        plots.picture(plots.quality_by_bytes, summary, out.with_name("benchmark_bytes.svg"), "Quality against bytes"),
        sections.within_bytes(summary),
        "### Against models of peers, at no more bytes than theirs",
        sections.no_larger(summary),
        "## How other projects were run",
        sections.notes(summary),
        "## Additive students and explainable boosting",
        sections.additive(summary),
        "## Lines and other families, each against its own rival",
        sections.others(summary),
        "## Ablations",
        sections.ABLATIONS,
        sections.ablations(summary),
        "## Size and cost",
        "CPU seconds of the tuned contestants include the tuning, those of the teacher its folds. What contestants "
        "share is charged to each.",
        sections.costs(summary),
        "## Set by set",
        sections.sets(summary),
    ]
    out.write_text("\n\n".join(part for part in parts if part) + "\n")


_MEASURE = (
    "Recovered = (distilled − hard) / (teacher − hard), from gains averaged over the draws of a set, clipped to "
    "[−1, 1]; sets count where the teacher is ahead of the rival by more than two paired standard errors and the "
    "tree has at least twice as many leaves as there are classes. Harm: share of all draws on which the student is "
    "worse than the rival by more than two paired standard errors."
)
