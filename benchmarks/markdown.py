"""Data frames as Markdown, and the names that the page uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .competitors import CONTESTANTS
from .tables import BEST_HARD

METRIC_NAMES = {"accuracy": "accuracy", "log_loss": "log-loss", "rmse": "RMSE", "auc": "AUC"}
_TITLES = {BEST_HARD: "the best hard-trained model, chosen by cross-validation", "teacher": "the teacher"}


def shown(name: str) -> str:
    """Title of a contestant."""
    return CONTESTANTS[name].title if name in CONTESTANTS else _TITLES.get(name, name)


def markdown(table: pd.DataFrame) -> str:
    """A table, or a word that there is none."""
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


def two_digits(value: float) -> str:
    """A number to two digits, none of them a negative zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def listed(texts: list[str]) -> str:
    """Texts as a list in a sentence."""
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
