"""The goals that were set before, and what was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, markdown, shown, two_digits
from .plan import ACCURATE, BUDGETS, BYTES_PEERS, BYTES_RIVAL, LEAVES, RIVALS, STUDENT, STUDENTS_IN_BYTES
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD, NO_LARGER

#: Mean gap recovered at 8, 16, 32 and 64 leaves against the tuned CART.
TREES = (
    (STUDENT, "accuracy", (0.20, 0.25, 0.35, 0.60)),
    (STUDENT, "log_loss", (0.12, 0.20, 0.45, 0.65)),
    (ACCURATE, "accuracy", (0.25, 0.30, 0.40, 0.65)),
)
#: Share of draws, and of peers' models, and of explainable boosting's bytes.
HARM, AHEAD, BYTES = 0.05, 0.80, 0.10
#: Median accuracy gap recovered within 1, 4 and 16 KB against the tuned CART of the same bytes.
WITHIN = (0.40, 0.65, 0.85)


def goal_table(summary: Summary) -> str:
    """Each goal that the results speak of."""
    return markdown(pd.DataFrame([*_trees(summary), *_harm(summary), *_within(summary), *_peers(summary)]))


def _row(goal: str, asked: str, measured: str, met: bool) -> dict[str, str]:
    return {"goal": goal, "asked": asked, "measured": measured, "": "met" if met else "missed"}


def _trees(summary: Summary) -> list[dict[str, str]]:
    rows = []
    for rival in RIVALS:
        for student, metric, asked in TREES:
            found = {size: summary.gap_row(metric, student, size, rival) for size in summary.sizes(student)}
            found = {size: row for size, row in found.items() if row["n_sets"]}
            pairs = [(found[size], least) for size, least in zip(LEAVES, asked, strict=True) if size in found]
            if pairs:
                sizes = " / ".join(str(row["size"]) for row, _ in pairs)
                what = f"{METRIC_NAMES[metric]} recovered at {sizes} leaves"
                goal = f"{shown(student)} against {shown(rival)}: {what}"
                measured = " / ".join(two_digits(row["mean"]) for row, _ in pairs)
                met = all(row["mean"] >= least for row, least in pairs)
                rows.append(_row(goal, " / ".join(f"{least:.2f}" for _, least in pairs), measured, met))
    return rows


def _harm(summary: Summary) -> list[dict[str, str]]:
    rows = []
    for rival in RIVALS:
        found = [summary.gap_row(m, STUDENT, size, rival) for m in ALL_METRICS for size in summary.sizes(STUDENT)]
        n_cells = sum(row["cells"] for row in found)
        if n_cells:
            harm = sum(row["harm"] * row["cells"] for row in found if row["cells"]) / n_cells
            goal = f"{shown(STUDENT)}: share of cells worse than {shown(rival)} beyond noise"
            rows.append(_row(goal, f"at most {HARM:.0%}", f"{harm:.1%}", harm <= HARM))
    return rows


def _within(summary: Summary) -> list[dict[str, str]]:
    student = next((name for name in STUDENTS_IN_BYTES if name in summary.contestants()), "")
    rows: list[dict[str, str]] = []
    found = [summary.gap_row("accuracy", student, b, BYTES_RIVAL) for b in summary.sizes(student)] if student else []
    if any(row["n_sets"] for row in found):
        pairs = [(row["median"], least) for row, least in zip(found, WITHIN, strict=False)]
        goal = f"{shown(student)} against CART of the same bytes: median accuracy recovered within 1 / 4 / 16 KB"
        measured = " / ".join(f"{value:.2f}" for value, _ in pairs)
        asked = " / ".join(f"{least:.2f}" for least in WITHIN)
        rows.append(_row(goal, asked, measured, all(value >= least for value, least in pairs)))
    lost: list[Any] = [
        (METRIC_NAMES[metric], budget, duel["losses"])
        for metric in ALL_METRICS
        for budget in BUDGETS
        if student and (duel := summary.duel_row(metric, BEST_HARD, student, budget))
    ]
    if lost:
        measured = ", ".join(f"{n} ({metric}, {budget / 1024:g} KB)" for metric, budget, n in lost if n) or "0"
        goal = (
            f"{shown(student)}: sets on which it is behind the best hard-trained model of the same bytes beyond noise"
        )
        rows.append(_row(goal, "0", measured, measured == "0"))
    return rows


def _peers(summary: Summary) -> list[dict[str, str]]:
    rows = []
    pairs = [
        difference.value > 0
        for peer in BYTES_PEERS
        for size in summary.sizes(peer)
        for difference in summary.differences("log_loss", peer, NO_LARGER, size).values()
    ]
    if pairs:
        goal = "Better log-loss than AutoGluon's distilled models at no more bytes: share of the pairs"
        rows.append(_row(goal, f"at least {AHEAD:.0%}", f"{np.mean(pairs):.0%}", np.mean(pairs) >= AHEAD))
    table = summary.additive()
    for row in table.itertuples(index=False) if len(table) else ():
        if CONTESTANTS[row.contestant].labels == "hard":
            continue
        goal = (
            f"{shown(row.contestant)} against explainable boosting, {METRIC_NAMES[row.metric]}: standard errors, bytes"
        )
        measured = f"{row.median_errors:+.1f} (median), {row.bytes:.1%}"
        met = row.median_errors >= -1 and row.bytes <= BYTES
        rows.append(_row(goal, f"at least −1, at most {BYTES:.0%}", measured, met))
    return rows
