"""What commands say, to people on standard error and to machines as JSON."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from rich.console import Console


def fail(line: str, code: int) -> int:
    print(f"skdistill: {line}", file=sys.stderr)
    return code


def one_line(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split())


def console_of(quiet: bool) -> Console:
    """Where work is watched: not where results go."""
    return Console(stderr=True, quiet=quiet, highlight=False)


def say(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def describe(target: str, y: Any, task: str, inferred: bool) -> str:
    """What is to be predicted, and how it is known."""
    if task == "regression":
        what = f"values from {y.min():g} to {y.max():g}"
    else:
        shares = y.value_counts(normalize=True)
        shown = ", ".join(f"{label} {100 * share:.0f} %" for label, share in shares.head(5).items())
        what = f"{len(shares)} classes ({shown}{', ...' if len(shares) > 5 else ''})"
    other = "regression" if task == "classification" else "classification"
    return f"{target!r} holds {what}: a {task}" + (f" (if not, --task {other})" if inferred else "")


def facts(made: Any) -> dict[str, Any]:
    """A report for machines."""
    gap = {
        metric: {"gap": gap.gap, "se": gap.gap_se, "counted": gap.counted, "recovered": gap.value, "low": gap.low}
        | {"high": gap.high}
        for metric, gap in made.gap.items()
    }
    return {
        "task": made.task,
        "test_rows": made.n_rows,
        "rows": made.rows,
        "gap": gap,
        "verdict": made.verdict,
        "notes": list(made.notes),
    }


def print_json(value: Any) -> None:
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    """Numbers and text alone, null for what is not a number."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
