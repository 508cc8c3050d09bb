"""The page's first paragraphs: when distillation pays and when it does not, as the results have it."""

from __future__ import annotations

from typing import Any

from .competitors import CONTESTANTS
from .markdown import METRIC_NAMES, listed, shown
from .objectives import SIGNIFICANT
from .plan import ACCURATE, RIVAL, RIVALS, STUDENT, STUDENTS_IN_BYTES
from .sections import kinds
from .summary import ALL_METRICS, Summary
from .tables import BEST_HARD

#: The naive recipe.
_NAIVE = "cart_in_sample"
#: Leaves at which parts of the suite are compared in words.
_MIDDLE = 32


def when_it_pays(summary: Summary) -> str:
    """In words, nothing but what the intervals and tests say."""
    present = set(summary.contestants())
    if not {STUDENT, RIVAL} <= present or not summary.sizes(STUDENT):
        return "**When it pays.** No results yet: `python -m benchmarks run`."
    sentences = [
        f"**When it pays.** Share of the gap from a tree trained directly to the teacher, recovered by a distilled "
        f"tree of as many leaves (mean over sets, 95 % interval). Against the strongest rival, {shown(RIVAL)}:",
        _verdict(summary, STUDENT, RIVAL, "the default student") + ".",
    ]
    if ACCURATE in present:
        sentences.append(_verdict(summary, ACCURATE, RIVAL, "the student repaired for accuracy") + ".")
    sentences += [_others(summary, present), _harm(summary)]
    if _NAIVE in present:
        sentences.append(_verdict(summary, _NAIVE, RIVAL, f"the naive recipe ({shown(_NAIVE)})", brief=True) + ".")
    sentences += [_parts(summary), _bytes(summary, present)]
    return " ".join(sentence for sentence in sentences if sentence)


def _verdict(summary: Summary, student: str, rival: str, subject: str, brief: bool = False) -> str:
    """Where it pays, where it makes no difference beyond noise, where it costs."""
    kinds: dict[str, dict[str, list[str]]] = {"pays": {}, "makes no difference beyond noise": {}, "costs": {}}
    for metric in ALL_METRICS:
        for size in summary.sizes(student):
            row = summary.gap_row(metric, student, size, rival)
            if row["n_sets"]:
                kind = "pays" if row["low"] > 0 else "costs" if row["high"] < 0 else "makes no difference beyond noise"
                kinds[kind].setdefault(METRIC_NAMES[metric], []).append(_figure(row, brief))
    said = [
        f"{kind} in " + "; in ".join(f"{metric} at {listed(texts)} leaves" for metric, texts in of_kind.items())
        for kind, of_kind in kinds.items()
        if of_kind
    ]
    return f"{subject} " + ("; it ".join(said) or "has no gap to recover")


def _figure(row: dict[str, Any], brief: bool) -> str:
    return f"{row['size']}" if brief else f"{row['size']} ({row['mean']:.2f}: {row['low']:.2f} to {row['high']:.2f})"


def _others(summary: Summary, present: set[str]) -> str:
    """The other rivals, briefly."""
    rest = [rival for rival in RIVALS if rival in present and rival != RIVAL]
    said = [f"against {shown(rival)} " + _verdict(summary, STUDENT, rival, "it", brief=True) for rival in rest]
    said[:1] = [text[0].upper() + text[1:] for text in said[:1]]
    return "; ".join(said) + "." if said else ""


def _harm(summary: Summary) -> str:
    rows = [summary.gap_row(metric, STUDENT, size, RIVAL) for metric in ALL_METRICS for size in summary.sizes(STUDENT)]
    n_cells = sum(row["cells"] for row in rows)
    if not n_cells:
        return ""
    share = sum(row["harm"] * row["cells"] for row in rows if row["cells"]) / n_cells
    return f"It is worse than that rival by more than {SIGNIFICANT:.0f} standard errors in {share:.1%} of all cells."


def _parts(summary: Summary) -> str:
    """Of what kind of set the gap is recovered most and least."""
    size = _MIDDLE if _MIDDLE in summary.sizes(STUDENT) else summary.sizes(STUDENT)[-1]
    said = []
    for metric in ALL_METRICS:
        rows = [(kind, summary.gap_row(metric, STUDENT, size, RIVAL, names)) for kind, names in kinds(summary).items()]
        rows = [(kind, row) for kind, row in rows if row["n_sets"] >= 3]
        if len(rows) > 1:
            most, least = (pick(rows, key=lambda pair: pair[1]["mean"]) for pick in (max, min))
            said.append(
                f"{METRIC_NAMES[metric]} most on sets of {most[0]} ({most[1]['mean']:.2f}), least on sets of "
                f"{least[0]} ({least[1]['mean']:.2f})"
            )
    return f"By kind of set, at {size} leaves it recovers " + "; ".join(said) + "." if said else ""


def _bytes(summary: Summary, present: set[str]) -> str:
    """The first of the students within bytes against the best hard-trained model."""
    student = next((name for name in STUDENTS_IN_BYTES if name in present), None)
    if student is None:
        return ""
    said = []
    for metric in ALL_METRICS:
        duels = [summary.duel_row(metric, BEST_HARD, student, budget) for budget in summary.sizes(student)]
        texts = [
            f"{row['wins']} won, {row['ties']} within noise, {row['losses']} lost within {row['size'] / 1024:g} KB"
            for row in duels
            if row
        ]
        if texts:
            said.append(f"{METRIC_NAMES[metric]} {listed(texts)}")
    if not said:
        return ""
    return f"Against {shown(BEST_HARD)}, of the same packed bytes, {shown(student)}: sets by " + "; ".join(said) + "."


def conditions(summary: Summary) -> str:
    """What was run."""
    plan, done = summary.plan, set(summary.frame["set"])
    absent = [name for name in plan.sets if name not in done]
    counts = summary.frame.drop_duplicates("set")["task"].value_counts()
    text = (
        f"{counts.get('classification', 0)} classification and {counts.get('regression', 0)} regression sets, seeds "
        f"{', '.join(map(str, plan.seeds))}, {1 - plan.test_share:.0%} of at most {plan.max_rows:,} rows for training. "
        "One committee teaches all; its labels are out of fold, calibrated and weighted. Sets, seeds, sizes and what "
        "is compared were fixed before results were looked at (`benchmarks/plan.py`). The rival with smoothed leaves "
        "was added after the first results on the sets that students are developed on: without smoothing, tuning by "
        f"log-loss wants leaves so large that {CONTESTANTS['cart_hard'].title} uses a part of those it may have. Made "
        "by `python -m benchmarks run` and `python -m benchmarks page` from `benchmarks/results/`."
    )
    return text + (f" Without results: {', '.join(absent)}." if absent else "")
