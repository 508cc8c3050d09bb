"""Committee, student on hard labels and distilled student on rows that are not what they were fitted for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from skdistill._sklearn import safe_indexing
from skdistill.preprocessing import TableEncoder
from skdistill.targets import ValueLoss

from ._evidence import Contestant
from ._metrics import headline, quality, regression_metrics

Array = NDArray[Any]
Floats = NDArray[np.float64]
Check = Callable[[Contestant, int], Floats]

# Strengths of each stress, in the units of its words.
STRENGTHS = {
    "noise": (0.1, 0.3, 1.0),
    "missing": (0.1, 0.2, 0.4),
    "permuted": (0.25, 0.5, 1.0),
    "classes": (2.0, 5.0, 10.0),
    "rare": (0.2, 0.1, 0.05),
}
# Test rows that are put under stress, at most; draws of the columns that are permuted, over which figures are pooled.
_MOST_ROWS, _DRAWS = 10_000, 5
_ROLES = ("committee", "hard", "student")


def under_stress(
    task: str,
    X: Any,
    truth: Array,
    contestants: Sequence[Contestant],
    check: Check,
    rng: np.random.Generator,
    loss: ValueLoss | None = None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Figures of committee and students for each stress and strength, and what had to be left out, in words.

    `contestants` have checked outputs; `check` makes outputs of what one of them answers on so many rows. `X` is not
    changed. The committee comes first, so that the others are measured against what it says under the same stress.
    """
    X = X if nw.dependencies.is_into_dataframe(X) or sparse.issparse(X) else np.asarray(X)
    judged = sorted((each for each in contestants if each.role in _ROLES), key=lambda each: _ROLES.index(each.role))
    notes = []
    if len(truth) > _MOST_ROWS:
        taken = np.sort(rng.choice(len(truth), _MOST_ROWS, replace=False))
        X, truth = safe_indexing(X, taken), truth[taken]
        judged = [_with_outputs(each, each.outputs[taken]) for each in judged]
        notes.append(f"Stress was put on {_MOST_ROWS:,} of the test rows, drawn at random.")
    rows = []

    def add(stress: str, strength: float, answers: dict[str, Floats], labels: Array, weight: Floats | None) -> None:
        for each in judged:
            line = {"stress": stress, "strength": strength, "name": each.name, "role": each.role, "rows": len(labels)}
            figures = _figures(task, labels, answers.get(each.role), answers.get("committee"), weight, loss)
            rows.append({**line, **figures})

    given: dict[str, Floats] = {each.role: each.outputs for each in judged}
    add("given", 0.0, given, truth, None)
    silent: dict[tuple[str, str], str] = {}
    for stress, change in (("noise", _noisy), ("missing", _holed), ("permuted", _permuted)):
        if sparse.issparse(X):
            continue
        for strength in STRENGTHS[stress]:
            tables = [change(X, strength, rng) for _ in range(_DRAWS if stress == "permuted" else 1)]
            if tables[0] is None:
                notes.append("No column holds numbers, so there is none to add noise to.")
                break
            answers = {}
            for each in judged:
                if each.predict is None or (stress, each.name) in silent:
                    continue
                try:
                    asked = [check(_with_outputs(each, each.predict(table)), len(truth)) for table in tables]
                except Exception as error:  # a teacher of any make, which may refuse in its own way
                    silent[stress, each.name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
                    continue
                answers[each.role] = np.concatenate(asked)
            add(stress, strength, answers, np.concatenate([truth] * len(tables)), None)
    if task == "classification":
        for factor in STRENGTHS["classes"]:
            add("classes", factor, given, truth, _class_weight(truth, factor))
    order = _rarest_first(X, rng)
    for share in STRENGTHS["rare"]:
        rare = order[: math.ceil(share * len(order))]
        add("rare", share, {role: outputs[rare] for role, outputs in given.items()}, truth[rare], None)

    if sparse.issparse(X):
        notes.append("Noise, missing cells and permuted columns are for dense rows; X is sparse.")
    else:
        mute = [each.name for each in judged if each.predict is None]
        notes += [
            f"Of the {name} only the answers are here, not the model: it cannot be asked again under noise, missing "
            "cells and permuted columns, and agreement with it there is unknown."
            if name == "committee"
            else f"The {name} cannot be asked again under noise, missing cells and permuted columns."
            for name in mute
        ]
    words = {"noise": "noise", "missing": "missing cells", "permuted": "permuted columns"}
    notes += [f"The {name} gives no answer under {words[stress]}. {why}" for (stress, name), why in silent.items()]
    return rows, notes


def fidelity_under_stress(task: str, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """By role, the mean fidelity to the committee: over the strengths of each stress, then over the stresses."""
    metric = fidelity_metric(task)
    found = {}
    for role in ("hard", "student"):
        means = []
        for stress in STRENGTHS:
            values = [row[metric] for row in rows if row["role"] == role and row["stress"] == stress]
            known = [value for value in values if value is not None and not math.isnan(value)]
            means += [sum(known) / len(known)] if known else []
        if means:
            found[role] = sum(means) / len(means)
    return found


def fidelity_metric(task: str) -> str:
    """The metric of the report that compares with the committee."""
    return "agreement" if task == "classification" else "r2_to_teacher"


def in_words(stress: str, strength: float) -> str:
    """Write what was done to the rows.

    >>> in_words("noise", 0.3), in_words("rare", 0.05)
    ('noise of 0.3 × spread', 'rarest 5 % of rows')
    """
    if stress == "given":
        return "as given"
    if stress == "noise":
        return f"noise of {strength:g} × spread"
    if stress == "classes":
        return f"rarest class × {strength:g}"
    share = f"{100 * strength:g} %"
    return {
        "missing": f"{share} of cells missing",
        "permuted": f"{share} of columns permuted",
        "rare": f"rarest {share} of rows",
    }[stress]


def _with_outputs(contestant: Contestant, outputs: Any) -> Contestant:
    return Contestant(contestant.name, contestant.role, outputs, predict=contestant.predict)


def _figures(
    task: str,
    truth: Array,
    outputs: Floats | None,
    committee: Floats | None,
    weight: Floats | None,
    loss: ValueLoss | None,
) -> dict[str, float | None]:
    metrics = ("accuracy", "log_loss") if task == "classification" else (headline(task, loss),)
    fidelity = fidelity_metric(task)
    if outputs is None:
        return dict.fromkeys((*metrics, fidelity))
    found: dict[str, float | None] = {**quality(task, truth, outputs, weight, loss), fidelity: None}
    if committee is not None:
        if task == "classification":
            same = committee.argmax(axis=1) == outputs.argmax(axis=1)
            found[fidelity] = float(np.average(same, weights=weight))
        else:
            found[fidelity] = regression_metrics(truth, outputs, committee)[fidelity]
    return found


def _class_weight(codes: Array, factor: float) -> Floats:
    """Weights (n,) under which rows of the rarest class count `factor` times those of the most frequent.

    The classes between count by their rank, each the same number of times as much as the one before.
    """
    present, at, counts = np.unique(codes, return_inverse=True, return_counts=True)
    rank = np.empty(len(present))
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(present))
    weights: Floats = factor ** (rank / max(len(present) - 1, 1))[at]
    return weights


def _rarest_first(X: Any, rng: np.random.Generator) -> NDArray[np.intp]:
    """Row numbers, those first that an isolation forest (Liu, Ting, Zhou 2008) parts most easily from the others."""
    from sklearn.ensemble import IsolationForest  # slow to import, and few reports need it

    Z = TableEncoder().fit_transform(X)
    forest = IsolationForest(random_state=int(rng.integers(2**31 - 1))).fit(Z)
    order: NDArray[np.intp] = np.argsort(forest.score_samples(Z), kind="stable")
    return order


def _noisy(X: Any, strength: float, rng: np.random.Generator) -> Any:
    """Columns of numbers with Gaussian noise, `strength` times their standard deviation; None where there are none."""
    if isinstance(X, np.ndarray):
        new = _of_floats(X)
        numeric = [j for j in range(X.shape[1]) if _holds_numbers(X[:, j])]
        for j in numeric:
            cells = X[:, j].astype(np.float64)
            new[:, j] = cells + _noise(cells, strength, rng)
        return new if numeric else None
    frame = _frame(X)
    columns = []
    for column in frame.iter_columns():
        if column.dtype.is_numeric():
            values = column.cast(nw.Float64)
            noise = _noise(values.to_numpy().astype(np.float64), strength, rng)
            column = values + nw.new_series(column.name, noise, backend=frame.implementation)
        columns.append(column.to_frame())
    if not any(column.dtype.is_numeric() for column in frame.iter_columns()):
        return None
    return nw.concat(columns, how="horizontal").to_native()


def _holed(X: Any, share: float, rng: np.random.Generator) -> Any:
    """The table with a share of its cells missing."""
    if isinstance(X, np.ndarray):
        new = _of_floats(X) if X.dtype.kind in "biufO" else X.astype(object)
        new[rng.random(X.shape) < share] = np.nan
        return new
    frame = _frame(X)
    columns = []
    for column in frame.iter_columns():
        kept = nw.new_series("kept", rng.random(len(column)) >= share, backend=frame.implementation)
        both = nw.concat([column.alias("cell").to_frame(), kept.to_frame()], how="horizontal")
        columns.append(both.select(nw.when(nw.col("kept")).then(nw.col("cell")).alias(column.name)))
    return nw.concat(columns, how="horizontal").to_native()


def _permuted(X: Any, share: float, rng: np.random.Generator) -> Any:
    """The table with a share of its columns, one at least, shuffled each by itself."""
    n_rows, n_columns = X.shape if isinstance(X, np.ndarray) else _frame(X).shape
    chosen = set(rng.permutation(n_columns)[: math.ceil(share * n_columns)].tolist())

    def shuffled() -> Iterator[Array]:
        for j in range(n_columns):
            yield rng.permutation(n_rows) if j in chosen else np.arange(n_rows)

    if isinstance(X, np.ndarray):
        new = X.copy()
        for j, order in enumerate(shuffled()):
            new[:, j] = X[order, j]
        return new
    columns = (nw.maybe_reset_index(c[order].to_frame()) for c, order in zip(_frame(X).iter_columns(), shuffled()))
    return nw.concat(list(columns), how="horizontal").to_native()


def _frame(X: Any) -> Any:
    """The data frame as narwhals sees it, its rows numbered from 0."""
    return nw.maybe_reset_index(nw.from_native(X, eager_only=True))


def _of_floats(X: Array) -> Array:
    """A copy that holds any number, and NaN."""
    return X.astype(np.float64) if X.dtype.kind in "biu" else X.copy()


def _holds_numbers(cells: Array) -> bool:
    if cells.dtype != object:
        return cells.dtype.kind in "iuf"
    return all(
        cell is None or (isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool)) for cell in cells
    )


def _noise(cells: Floats, strength: float, rng: np.random.Generator) -> Floats:
    known = cells[np.isfinite(cells)]
    return rng.normal(0.0, strength * float(known.std()) if len(known) else 0.0, len(cells))
