"""The page's first paragraphs: when distillation pays and when it does not, as the results have it."""

from __future__ import annotations

from typing import Any

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, listed, shown, two_digits
from .objectives import SIGNIFICANT
from .plan import ACCURATE, RIVAL, RIVALS, STUDENT, STUDENTS_IN_BYTES
from .sections import kinds
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD

#: The naive recipe.
_NAIVE = "cart_in_sample"
#: Leaves at which parts of the suite are compared in words.
_MIDDLE = 32


_KINDS = ("pays", "makes no difference beyond noise", "costs", "meets too few sets to tell")
#: Sets below which the bootstrap over sets says nothing.
_FEW = 5


def when_it_pays(summary: Summary) -> str:
    """In words, nothing but what the intervals and tests say."""
    present = set(summary.contestants())
    if not {STUDENT, RIVAL} <= present or not summary.sizes(STUDENT):
        return "**When it pays.** No results yet: `python -m benchmarks run`."
    rest = [rival for rival in RIVALS if rival in present and rival != RIVAL]
    first = [
        f"**When it pays.** A tree distilled with default settings, against the strongest tree of as many leaves "
        f"trained directly ({shown(RIVAL)}), by the share of the gap to the teacher that it recovers:",
        _verdict(summary, STUDENT, RIVAL) + ".",
        _harm(summary),
        _bytes(summary, present),
    ]
    second = [
        _parts(summary),
        f"Repaired for accuracy: {_verdict(summary, ACCURATE, RIVAL)}." if ACCURATE in present else "",
        *(f"Against {shown(rival)}: {_verdict(summary, STUDENT, rival)}." for rival in rest),
        f"The naive recipe, {shown(_NAIVE)}: {_verdict(summary, _NAIVE, RIVAL)}." if _NAIVE in present else "",
    ]
    paragraphs = (" ".join(filter(None, sentences)) for sentences in (first, second))
    return "\n\n".join(filter(None, paragraphs))


def _verdict(summary: Summary, student: str, rival: str) -> str:
    """For every metric, at which leaves it pays, makes no difference or costs: by the 95 % interval of the mean."""
    said = []
    for metric in ALL_METRICS:
        kinds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _KINDS}
        for size in summary.sizes(student):
            row = summary.gap_row(metric, student, size, rival)
            if row["n_sets"]:
                sure = 0 if row["low"] > 0 else 2 if row["high"] < 0 else 1
                kinds[_KINDS[sure if row["n_sets"] >= _FEW else 3]].append(row)
        clauses = [f"{kind} at {_sizes(rows)}" for kind, rows in kinds.items() if rows]
        if clauses:
            said.append(f"in **{METRIC_NAMES[metric]}** it {listed(clauses)}")
    return "; ".join(said) or "no set has a gap to recover"


def _sizes(rows: list[dict[str, Any]]) -> str:
    means = [two_digits(row["mean"]) for row in rows]
    return f"{listed([str(row['size']) for row in rows])} leaves ({', '.join(means)})"


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
    said = []
    for metric in ALL_METRICS:
        rows = [summary.duel_row(metric, BEST_HARD, student, budget) for budget in summary.sizes(student)]
        counts = [f"{row['wins']} / {row['ties']} / {row['losses']}" for row in rows if row]
        if counts:
            said.append(f"{METRIC_NAMES[metric]} {', '.join(counts)}")
    if not said:
        return ""
    budgets = listed([f"{budget / 1024:g}" for budget in summary.sizes(student)])
    return (
        f"Within {budgets} KB: {shown(student)}, against {shown(BEST_HARD)}, sets won / within noise / lost: "
        f"{'; '.join(said)}."
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
