"""Where the student disagrees most with the committee, and the rule that describes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from skdistill._sklearn import safe_indexing
from skdistill.words import Box, Wording, above

from ._metrics import headline, quality
from ._tree_picture import readable

if TYPE_CHECKING:
    from ._report import DistillationReport

Floats = NDArray[np.float64]

# The rule is a leaf of a tree of this depth, and holds at least this share of the rows and this many.
_DEPTH, _SHARE, _FEWEST = 3, 0.05, 15
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
        Accuracy, or what values are judged by, of "student" and "committee" on the segment's true labels.
    """

    rule: str
    rows: int
    share: float
    apart: float
    quality: dict[str, float]


def segments(report: DistillationReport) -> list[Segment]:
    """The segments of most disagreement, after all rows as the first; empty where there is no committee or model form.

    A shallow tree finds them on one half of the rows, by how far the outputs are apart; all figures are of the other
    half, and what is not confirmed there is left out.
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
    tree = DecisionTreeRegressor(max_depth=_DEPTH, min_samples_leaf=fewest, random_state=_SEED)
    tree.fit(safe_indexing(Z, search), spread[search])
    leaf = tree.apply(safe_indexing(Z, judged))
    wording = Wording(student.model.preprocessor)
    rules = _boxes(tree.tree_, wording)
    worst = sorted(
        (node for node in rules if _value(tree.tree_, node) > _value(tree.tree_, 0)),
        key=lambda node: -_value(tree.tree_, node),
    )
    parts = [(readable(wording.say(rules[node])), judged[leaf == node]) for node in worst[:_MOST]]
    overall = _segment(report, "all rows", judged, len(judged))
    found_there = (_segment(report, rule, rows, len(judged)) for rule, rows in parts if len(rows))
    return [overall, *(segment for segment in found_there if segment.apart > overall.apart)]


def _shuffled(n_rows: int) -> NDArray[np.intp]:
    return np.random.default_rng(_SEED).permutation(n_rows)


def _value(tree: Any, node: int) -> float:
    return float(tree.value[node, 0, 0])


def _boxes(tree: Any, wording: Wording) -> dict[int, Box]:
    """What is known of the rows of each leaf."""
    found: dict[int, Box] = {}
    waiting: list[tuple[int, Box]] = [(0, {})]
    while waiting:
        node, box = waiting.pop()
        if tree.children_left[node] < 0:
            found[node] = box
            continue
        feature = int(tree.feature[node])
        low, high = box.get(feature, wording.whole(feature))
        if wording.features[feature].part == "value":
            threshold = _last_float32(tree.threshold[node])
            boxes = {**box, feature: (low, threshold)}, {**box, feature: (above(threshold), high)}
        else:
            boxes = {**box, feature: (0.0, 0.0)}, {**box, **wording.implied(feature), feature: (1.0, 1.0)}
        waiting += zip((int(tree.children_left[node]), int(tree.children_right[node])), boxes)
    return found


def _last_float32(threshold: float) -> float:
    """The largest float32 that is not above: it parts float32 values alike."""
    nearest = np.float32(threshold)
    return float(nearest if nearest <= threshold else np.nextafter(nearest, np.float32(-np.inf)))


def _segment(report: DistillationReport, rule: str, rows: NDArray[np.intp], n_judged: int) -> Segment:
    found = report.evidence
    outputs = {role: each.outputs[rows] for role in ("committee", "student") if (each := found.of_role(role))}
    truth = found.truth[rows]
    if report.task == "classification":
        apart = float((outputs["committee"].argmax(axis=1) != outputs["student"].argmax(axis=1)).mean())
    else:
        apart = float(np.sqrt(np.mean((outputs["committee"] - outputs["student"]) ** 2)))
    metric = headline(report.task, found.loss)
    measured = {role: quality(report.task, truth, each, loss=found.loss)[metric] for role, each in outputs.items()}
    return Segment(rule, len(rows), len(rows) / n_judged, apart, measured)
