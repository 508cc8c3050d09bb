"""A report as plain text, and in one sentence."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ._metrics import headline
from ._stress import fidelity_metric, in_words

if TYPE_CHECKING:
    from ._metrics import GapRecovered
    from ._report import DistillationReport

_ABSENT = "–"
HEADINGS = {
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "auc": "AUC",
    "agreement": "agreement",
    "kl": "KL",
    "ece": "ECE",
    "deviance": "deviance",
    "pinball": "pinball loss",
    "huber": "Huber loss",
    "d2": "D²",
    "coverage": "coverage",
    "rmse": "RMSE",
    "r2": "R²",
    "r2_to_teacher": "R² to committee",
    "nbytes": "size",
    "us_single": "one row",
    "us_row_batch": "row in batch",
    "us_shipped_p50": "shipped",
    "us_shipped_p99": "its 99 %",
}


# Those in units of the target, or their squares.
_IN_UNITS = ("rmse", "pinball", "huber", "deviance")


def significant(value: float, digits: int) -> str:
    """Round to significant digits, without an exponent: 0.0123 and 1230 for 3 of them."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    return f"{round(value, decimals):.{max(decimals, 0)}f}"


def _with_unit(value: float, digits: int, units: tuple[str, ...]) -> str:
    """Write with the unit (each 1000 of the one before) that leaves fewest digits."""
    value = float(f"{value:.{digits - 1}e}")
    step = 0
    while value >= 1000 and step < len(units) - 1:
        value /= 1000
        step += 1
    return f"{significant(value, digits)} {units[step]}"


def in_bytes(n_bytes: int) -> str:
    """Write a size with its unit, each 1000 of the one before."""
    return f"{n_bytes} B" if n_bytes < 1000 else _with_unit(n_bytes, 3, ("B", "kB", "MB", "GB", "TB"))


def microseconds(duration: float) -> str:
    """Write a duration, given in microseconds, with its unit."""
    return _with_unit(duration * 1000, 2, ("ns", "µs", "ms", "s"))


def points(share: float) -> str:
    """Write a share in percentage points, however small."""
    percent = 100 * share
    return f"{percent:.1f}" if percent == 0 or abs(percent) >= 0.05 else significant(percent, 1)


def number(value: float) -> str:
    """Write a number short: four digits or one behind the point, no zeros that say nothing.

    >>> number(45.50), number(0.00500), number(123456.0)
    ('45.5', '0.005', '123456')
    """
    text = significant(value, max(4, 1 + len(str(int(abs(value))))))
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def times(ratio: float) -> str:
    """Write how many times as much: two digits, with separators.

    >>> times(0.823), times(6.84), times(13846.0)
    ('0.82', '6.8', '14,000')
    """
    text = significant(ratio, 2)
    return text if "." in text else f"{int(text):,}"


def cell(key: str, value: Any) -> str:
    """Write a figure of the table."""
    if value is None or value != value:
        return _ABSENT
    if key == "nbytes":
        return in_bytes(value)
    if key.startswith("us_"):
        return microseconds(value)
    return significant(value, 4) if key in _IN_UNITS else f"{value:.3f}"


def _table(rows: list[dict[str, Any]]) -> list[str]:
    keys = [key for key in rows[0] if key in HEADINGS]
    lines = [["", *(HEADINGS[key] for key in keys)]]
    return _aligned(lines + [[row["name"], *(cell(key, row[key]) for key in keys)] for row in rows])


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines)]
    return [
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        ).rstrip()
        for line in lines
    ]


def gap_line(gap: GapRecovered, confidence: float) -> str:
    """Say how much of the gap was recovered by one metric."""

    def amount(value: float) -> str:
        if math.isnan(value):
            return _ABSENT
        return f"{points(value)} points" if gap.metric == "accuracy" else significant(value, 3)

    name = HEADINGS[gap.metric]
    if not gap.counted:
        return f"  {name}: gap too small to tell ({amount(gap.gap)}, standard error {amount(gap.gap_se)})"
    interval = f"{100 * confidence:g} % interval: {100 * gap.low:.0f} % to {100 * gap.high:.0f} %"
    return f"  {name}: {100 * gap.value:.0f} % of {amount(gap.gap)} ({interval})"


def stress_table(report: DistillationReport) -> list[list[str]]:
    """Heading and lines of what is known under stress: quality of each contestant, then fidelity of the students."""
    metric, fidelity = headline(report.task, report.evidence.loss), fidelity_metric(report.task)
    short = {"committee": "committee", "hard": "on hard labels", "student": "distilled"}
    lines: list[list[str]] = []
    for (stress, strength), group in groupby(report.stress, key=lambda row: (row["stress"], row["strength"])):
        found = {row["role"]: row for row in group}
        students = [role for role in found if role != "committee" and "committee" in found]
        asked = [(metric, role) for role in found] + [(fidelity, role) for role in students]
        if not lines:
            lines.append(["", *(f"{HEADINGS[key]}, {short[role]}" for key, role in asked)])
        lines.append([in_words(stress, strength), *(cell(key, found[role][key]) for key, role in asked)])
    return lines


def stress_line(report: DistillationReport) -> str:
    """Say how far the students follow the committee under stress; empty where that is unknown."""
    found = report.stress_fidelity
    if not found:
        return ""
    hard = f", the student on hard labels {found['hard']:.3f}" if "hard" in found else ""
    name = HEADINGS[fidelity_metric(report.task)].removesuffix(" to committee")
    return f"{name[0].upper()}{name[1:]} with the committee under stress, on average: {found['student']:.3f}{hard}."


def render(report: DistillationReport) -> str:
    """Lay out a report: table, gap recovered, verdict, notes."""
    test_rows = "1 test row" if report.n_rows == 1 else f"{report.n_rows} test rows"
    lines = [f"Distillation report: {report.task}, {test_rows}", "", *_table(report.rows), ""]
    if report.gap:
        lines.append("Recovered of the gap from hard labels to the committee:")
        lines += [*(gap_line(gap, report.confidence) for gap in report.gap.values()), ""]
    if report.stress:
        lines += ["Under stress:", *_aligned(stress_table(report)), ""]
        lines += [line, ""] if (line := stress_line(report)) else []
    lines.append(report.verdict)
    lines += [f"Note: {note}" for note in report.notes]
    return "\n".join(lines)


def describe_verdict(
    metric: str, lines: dict[str, dict[str, Any]], gains: dict[str, tuple[float, float]] | None
) -> str:
    """Say in one sentence what the student keeps, in how many bytes, and what distillation itself bought.

    `metric` is what counts most, `lines` are rows of the report by role, `gains` the paired improvements over hard
    labels with standard errors.
    """
    kept = _kept_accuracy(lines) if metric == "accuracy" else _kept_loss(metric, lines)
    n_bytes = lines["student"]["nbytes"]
    if n_bytes is not None:
        kept += f" in {n_bytes} bytes" if n_bytes < 1000 else f" in {in_bytes(n_bytes)}"
    kept += _speed(lines)
    if gains is None:
        return f"{kept}."
    gain, error = gains[metric]
    rival = "the same student on hard labels"
    if not _beyond_noise(gain, error):
        noise = f"made no difference beyond noise in {HEADINGS[metric]} against {rival}"
        if metric == "accuracy" and _beyond_noise(*gains["log_loss"]):
            return f"{kept}; distillation itself {_moved('log_loss', gains['log_loss'][0], lines)}, but {noise}."
        return f"{kept}; distillation itself {noise}."
    if metric == "accuracy":
        amount = points(abs(gain))
        bought = (
            f"bought +{amount} points of accuracy over" if gain > 0 else f"cost {amount} points of accuracy against"
        )
    else:
        bought = f"{_moved(metric, gain, lines)} against"
    return f"{kept}; distillation itself {bought} {rival}."


def _beyond_noise(gain: float, error: float) -> bool:
    """Whether a gain is over two standard errors; not where these are unknown."""
    return gain != 0 and abs(gain) >= 2 * error


def _moved(metric: str, gain: float, lines: dict[str, dict[str, Any]]) -> str:
    """Say from what to what a loss went."""
    before, after = (significant(lines[role][metric], 4) for role in ("hard", "student"))
    return f"{'lowered' if gain > 0 else 'raised'} the {HEADINGS[metric]} from {before} to {after}"


def _speed(lines: dict[str, dict[str, Any]]) -> str:
    """How much faster than the committee, where both were measured."""
    student, committee = lines["student"], lines.get("committee")
    if committee is None or not (committee["us_single"] and student["us_single"]):
        return ""
    shipped = student["us_shipped_p50"]
    if shipped is not None:
        slow = microseconds(committee["us_single"])
        return f", answering a row in {microseconds(shipped)} as shipped, the committee in {slow}"
    single, batch = (times(committee[key] / student[key]) for key in ("us_single", "us_row_batch"))
    return f", {single} times as fast on one row and {batch} times in a batch"


def _kept_accuracy(lines: dict[str, dict[str, Any]]) -> str:
    accuracy = lines["student"]["accuracy"]
    committee = lines["committee"]["accuracy"] if "committee" in lines else 0
    if committee > 0:
        return f"Keeps {100 * accuracy / committee:.1f} % of the committee's accuracy"
    return f"Reaches an accuracy of {100 * accuracy:.1f} %"


def _kept_loss(metric: str, lines: dict[str, dict[str, Any]]) -> str:
    student = lines["student"]
    reached = f"Reaches {'an' if metric == 'rmse' else 'a'} {HEADINGS[metric]} of {significant(student[metric], 4)}"
    if "committee" in lines:
        reached += f" (the committee: {significant(lines['committee'][metric], 4)})"
    if "coverage" in student:
        reached += f", {100 * student['coverage']:.1f} % of the values at or below it"
    return reached
