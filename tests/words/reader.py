"""A reader of rules: follows the text as a person would, from raw values to the answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

NUMBER = r"-?[0-9][0-9.e+-]*"


def gap_fills(text: str, start: str) -> dict[str, float]:
    """What missing values count as, by column."""
    line = next((line for line in text.splitlines() if line.startswith(start)), "")
    return {name: float(value) for name, value in re.findall(rf"(\w+) counts as ({NUMBER})(?=,| and|\.$)", line)}


def holds(condition: str, row: Mapping[str, Any], fills: Mapping[str, float]) -> bool:
    """Whether a condition, or several joined by "and", is true of a raw row."""
    return all(_holds_one(part, row, fills) for part in condition.split(" and "))


def _holds_one(condition: str, row: Mapping[str, Any], fills: Mapping[str, float]) -> bool:
    def value(name: str) -> np.float32:
        given = row[name]
        return np.float32(fills[name] if _is_missing(given) else given)

    if re.fullmatch(r"\w+ is anything", condition):
        return True
    if found := re.fullmatch(r"(\w+) is (missing|known)", condition):
        return _is_missing(row[found[1]]) == (found[2] == "missing")
    if found := re.fullmatch(r"(\w+) is (not )?(.+)", condition):
        return (row[found[1]] == json.loads(found[3])) != bool(found[2])
    if found := re.fullmatch(rf"({NUMBER}) < (\w+) <= ({NUMBER})", condition):
        return bool(np.float32(found[1]) < value(found[2]) <= np.float32(found[3]))
    found = re.fullmatch(rf"(\w+) (<=|>) ({NUMBER})", condition)
    assert found, condition
    small = bool(value(found[1]) <= np.float32(found[3]))
    return small == (found[2] == "<=")


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def follow(lines: list[str], row: Mapping[str, Any], fills: Mapping[str, float]) -> str:
    """The leaf that nested rules lead to."""
    depth, at = 0, 0
    while True:
        line = lines[at]
        indent = (len(line) - len(line.lstrip())) // 4
        at += 1
        if indent != depth:
            continue
        text = line.strip().removeprefix("else ")
        if not text.startswith("if "):
            return text.removeprefix("else: ")
        found = re.fullmatch(r"if (.+?):(?: (.+))?", text)
        assert found, text
        if holds(found[1], row, fills):
            if found[2] is not None:
                return found[2]
            depth += 1


def add_up(
    lines: list[str], row: Mapping[str, Any], fills: Mapping[str, float], pair_fills: Mapping[str, float]
) -> Any:
    """The total of each score on a scorecard."""
    total: Any = 0.0
    missing = {name for name in row if f"{name} is missing" in "\n".join(lines) and _is_missing(row[name])}
    named: set[str] = set()
    for line in lines:
        what, *points = re.split(r" {2,}", line)
        added = np.array([float(cell) for cell in points])
        if what == "start":
            total = total + added
        elif found := re.fullmatch(r"each 1 of (\w+)", what):
            name = found[1]
            if name not in missing:
                total = total + added * float(fills[name] if _is_missing(row[name]) else row[name])
        elif found := re.fullmatch(r"(\w+) is anything else", what):
            total = total + (0 if found[1] in named else added)
        else:
            columns = set(re.findall(r"\b[a-z]\b(?= <=| >| is)", what)) | set(re.findall(r"< (\w+) <=", what))
            is_pair = " and " in what
            if not is_pair and columns <= missing and what != f"{min(columns)} is missing":
                continue
            if holds(what, row, pair_fills if is_pair else fills):
                total = total + added
                named |= set() if is_pair else columns
    return total


def add_rules(lines: list[str], row: Mapping[str, Any], fills: Mapping[str, float]) -> Any:
    """The total of each score over the rules that hold."""
    total: Any = 0.0
    for line in lines:
        what, *points = re.split(r" {2,}", line)
        if what == "start" or holds(what.removeprefix("if "), row, fills):
            total = total + np.array([0.0 if cell == "-" else float(cell) for cell in points])
    return total


def odds(totals: Any, doubling: int = 20) -> Any:
    """Log-odds of points."""
    return np.asarray(totals) * math.log(2) / doubling
