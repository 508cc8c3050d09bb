"""Where the student disagrees most with the committee, and the rule that describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from skdistill._sklearn import safe_indexing

from ._conditions import Path

if TYPE_CHECKING:
    from ._report import DistillationReport

Floats = NDArray[np.float64]

# The rule is a leaf of a tree of this many leaves and this depth, each of at least this share of the rows.
_LEAVES, _DEPTH, _SHARE, _FEWEST = 8, 3, 0.05, 15
_MOST, _SEED = 4, 0


@dataclass(frozen=True)
class Segment:
    """Rows that a rule describes, and how far student and committee are apart there.

    Attributes
    ----------
    rule : str
    rows : int
        Judged rows of the segment.
    share : float
        Of the judged rows.
    apart : float
        Share of the segment's rows that the student answers otherwise than the committee; for values the root of the
        mean squared difference.
    quality : dict of str to float
        Accuracy or RMSE of "student" and "committee" on the segment's true labels.
    """

    rule: str
    rows: int
    share: float
    apart: float
    quality: dict[str, float]


def segments(report: DistillationReport) -> list[Segment]:
    """The segments of most disagreement, after all rows as the first; empty where there is no committee or model form.

    A shallow tree finds them on one half of the rows, by how far the outputs are apart; all figures are of the other
    half, so that a segment which is there by luck alone shows as one.
    """
    found = report.evidence
    committee, student = found.of_role("committee"), found.of_role("student")
    if committee is None or student is None or student.model is None or found.X is None:
        return []
    search, judged = (np.sort(half) for half in np.array_split(_shuffled(report.n_rows), 2))
    fewest = max(_FEWEST, round(_SHARE * len(search)))
    if len(search) < 2 * fewest:
        return []
    difference = committee.outputs - student.outputs
    spread = np.abs(difference).sum(axis=1) if report.task == "classification" else (difference**2).sum(axis=1)
    Z = student.model.preprocessor.transform(found.X)
    tree = DecisionTreeRegressor(max_leaf_nodes=_LEAVES, max_depth=_DEPTH, min_samples_leaf=fewest, random_state=_SEED)
    tree.fit(safe_indexing(Z, search), spread[search])
    leaf = tree.apply(safe_indexing(Z, judged))
    rules = _rules(tree.tree_, Path(student.model.preprocessor))
    worst = sorted(
        (node for node in rules if _value(tree.tree_, node) > _value(tree.tree_, 0)),
        key=lambda node: -_value(tree.tree_, node),
    )
    parts = [(str(rules[node]), judged[leaf == node]) for node in worst[:_MOST]]
    return [_segment(report, rule, rows, len(judged)) for rule, rows in [("all rows", judged), *parts] if len(rows)]


def _shuffled(n_rows: int) -> NDArray[np.intp]:
    return np.random.default_rng(_SEED).permutation(n_rows)


def _value(tree: Any, node: int) -> float:
    return float(tree.value[node, 0, 0])


def _rules(tree: Any, root: Path) -> dict[int, Path]:
    """The way to each leaf."""
    found: dict[int, Path] = {}
    waiting = [(0, root)]
    while waiting:
        node, path = waiting.pop()
        if tree.children_left[node] < 0:
            found[node] = path
            continue
        split = int(tree.feature[node]), float(tree.threshold[node])
        waiting.append((int(tree.children_left[node]), path.step(*split, left=True)))
        waiting.append((int(tree.children_right[node]), path.step(*split, left=False)))
    return found


def _segment(report: DistillationReport, rule: str, rows: NDArray[np.intp], n_judged: int) -> Segment:
    found = report.evidence
    outputs = {role: each.outputs[rows] for role in ("committee", "student") if (each := found.of_role(role))}
    truth = found.truth[rows]
    if report.task == "classification":
        answers = {role: output.argmax(axis=1) for role, output in outputs.items()}
        apart = float((answers["committee"] != answers["student"]).mean())
        quality = {role: float((answer == truth).mean()) for role, answer in answers.items()}
    else:
        apart = float(np.sqrt(np.mean((outputs["committee"] - outputs["student"]) ** 2)))
        quality = {role: float(np.sqrt(np.mean((output - truth) ** 2))) for role, output in outputs.items()}
    return Segment(rule, len(rows), len(rows) / n_judged, apart, quality)
