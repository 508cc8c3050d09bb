"""The page's beginning: when distillation pays and when it does not, as the results have it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, listed, markdown, shown, two_digits
from .objectives import SIGNIFICANT
from .plan import ACCURATE, RIVAL, RIVALS, STUDENT, STUDENTS_IN_BYTES
from .sections import kinds
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD

#: The naive recipe.
_NAIVE = "cart_in_sample"
#: Leaves at which parts of the suite are compared in words.
_MIDDLE = 32
#: Sets below which the bootstrap over sets says nothing.
_FEW = 5

_LEGEND = (
    "Mean share of the gap to the teacher that is recovered; 1 would be the teacher itself. **Bold**: it pays, the "
    "95 % interval over sets lies above 0; *italic*: it costs, the interval lies below 0; else no difference beyond "
    f"noise. In brackets: under {_FEW} sets."
)


def when_it_pays(summary: Summary) -> str:
    """In short tables, nothing but what the intervals and tests say."""
    present = set(summary.contestants())
    if not {STUDENT, RIVAL} <= present or not summary.sizes(STUDENT):
        return "**When it pays.** No results yet: `python -m benchmarks run`."
    pairs = [
        (ACCURATE, RIVAL, "the student repaired for accuracy alone"),
        *((STUDENT, rival, f"against {shown(rival)}") for rival in RIVALS if rival != RIVAL),
        (_NAIVE, RIVAL, f"the naive recipe, {shown(_NAIVE)}"),
    ]
    others = [
        _recovered(summary, student, rival, what) for student, rival, what in pairs if {student, rival} <= present
    ]
    parts = [
        "**When it pays.** A tree distilled with default settings, compared with the strongest tree of as many leaves "
        f"trained directly ({shown(RIVAL)}):",
        markdown(_recovered(summary, STUDENT, RIVAL)),
        " ".join(filter(None, (_LEGEND, _harm(summary)))),
        _parts(summary),
        _bytes(summary, present),
        *(["The first table with another student, or another rival:", markdown(pd.concat(others))] if others else []),
    ]
    return "\n\n".join(filter(None, parts))


def _recovered(summary: Summary, student: str, rival: str, what: str | None = None) -> pd.DataFrame:
    """A row for every metric that has a gap, a column for every size; `what` is compared, if that is to be said."""
    rows = []
    for metric in ALL_METRICS:
        found = [summary.gap_row(metric, student, size, rival) for size in summary.sizes(student)]
        if any(gap["n_sets"] for gap in found):
            row = {} if what is None else {"": what}
            row |= {"recovered of": METRIC_NAMES[metric]}
            rows.append(row | {f"{gap['size']} leaves": _marked(gap) for gap in found})
    return pd.DataFrame(rows)


def _marked(gap: dict[str, Any]) -> str:
    """The mean, so marked that one sees by its 95 % interval whether it pays."""
    if not gap["n_sets"]:
        return "–"
    mean = two_digits(gap["mean"])
    if gap["n_sets"] < _FEW:
        return f"({mean})"
    return f"**{mean}**" if gap["low"] > 0 else f"*{mean}*" if gap["high"] < 0 else mean


def _harm(summary: Summary) -> str:
    rows = [summary.gap_row(metric, STUDENT, size, RIVAL) for metric in ALL_METRICS for size in summary.sizes(STUDENT)]
    n_cells = sum(row["cells"] for row in rows)
    if not n_cells:
        return ""
    share = sum(row["harm"] * row["cells"] for row in rows if row["cells"]) / n_cells
    return f"It is worse by more than {SIGNIFICANT:.0f} standard errors in {share:.1%} of all cells."


def _parts(summary: Summary) -> str:
    """On what kind of set the gap is recovered most and least."""
    size = _MIDDLE if _MIDDLE in summary.sizes(STUDENT) else summary.sizes(STUDENT)[-1]
    said = []
    for metric in ALL_METRICS:
        rows = [(kind, summary.gap_row(metric, STUDENT, size, RIVAL, names)) for kind, names in kinds(summary).items()]
        rows = [(kind, row) for kind, row in rows if row["n_sets"] >= _FEW]
        if len(rows) > 1:
            most, least = (pick(rows, key=lambda pair: pair[1]["mean"]) for pick in (max, min))
            said.append(
                f"{METRIC_NAMES[metric]} most on sets of {most[0]} ({two_digits(most[1]['mean'])}), least on sets of "
                f"{least[0]} ({two_digits(least[1]['mean'])})"
            )
    return f"By kind of set, at {size} leaves it recovers " + "; ".join(said) + "." if said else ""


def _bytes(summary: Summary, present: set[str]) -> str:
    """The first of the students within bytes against the best hard-trained model."""
    student = next((name for name in STUDENTS_IN_BYTES if name in present), None)
    if student is None:
        return ""
    sizes = summary.sizes(student)
    rows = []
    for metric in ALL_METRICS:
        duels = [summary.duel_row(metric, BEST_HARD, student, budget) for budget in sizes]
        if any(duels):
            cells = [f"{duel['wins']} / {duel['ties']} / {duel['losses']}" if duel else "–" for duel in duels]
            rows.append(
                {"measured by": METRIC_NAMES[metric]} | dict(zip((f"{size / 1024:g} KB" for size in sizes), cells))
            )
    if not rows:
        return ""
    return (
        f"Within bytes: {shown(student)}, compared with {shown(BEST_HARD)}. Sets won / within noise / lost:\n\n"
        f"{markdown(pd.DataFrame(rows))}"
    )


def conditions(summary: Summary) -> str:
    """What was run."""
    plan, done = summary.plan, set(summary.frame["set"])
    absent = [name for name in plan.sets if name not in done]
    counts = summary.frame.drop_duplicates("set")["task"].value_counts()
    text = (
        f"{counts.get('classification', 0)} classification and {counts.get('regression', 0)} regression sets, random "
        f"state {listed([str(seed) for seed in plan.seeds])} (what fills bytes, ablations and peers: "
        f"{plan.seeds[0]}), {1 - plan.test_share:.0%} of at most {plan.max_rows:,} rows for training. One "
        "committee teaches all; its labels are out of fold, calibrated and weighted. Sets, seeds, sizes and what is "
        "compared were fixed before results were looked at (`benchmarks/plan.py`). The rival with smoothed leaves was "
        "added after the first results on the sets that students are developed on: without smoothing, tuning by "
        f"log-loss wants leaves so large that {CONTESTANTS['cart_hard'].title} uses a part of those it may have. Made "
        "by `python -m benchmarks run` and `python -m benchmarks page` from `benchmarks/results/`."
    )
    return text + (f" Without results: {', '.join(absent)}." if absent else "")
