"""Rules: conditions on a few features, read off the paths of boosted trees."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..model import Tree

#: Rows a rule must hold for, and not hold for, at least: weighted.
LEAST_WEIGHT = 5.0


class Condition(NamedTuple):
    """A condition: that a feature is above a threshold, or that it is not."""

    feature: int
    above: bool
    threshold: float


class Rule(NamedTuple):
    """Conditions that must all hold, sorted, and the output that the rule adds to."""

    output: int
    conditions: tuple[Condition, ...]


def paths(
    booster: Any, edges: list[np.ndarray], features: np.ndarray, n_outputs: int, max_conditions: int
) -> list[Rule]:
    """All different rules of at most `max_conditions` conditions that lead to a node, in the order of the trees.

    Parameters
    ----------
    booster : lightgbm.Booster
        On bin numbers; its trees add to the outputs in turn.
    edges : list of ndarray
        Edges of each feature.
    features : ndarray of int
        The feature of each column of bins.
    n_outputs, max_conditions : int
    """
    found: dict[Rule, None] = {}
    for i, info in enumerate(booster.dump_model()["tree_info"]):
        waiting: list[tuple[dict[str, Any], dict[tuple[int, bool], float]]] = [(info["tree_structure"], {})]
        while waiting:
            node, conditions = waiting.pop()
            if 0 < len(conditions) <= max_conditions:
                found[Rule(i % n_outputs, tuple(Condition(*key, conditions[key]) for key in sorted(conditions)))] = None
            if "left_child" in node:
                feature = int(features[node["split_feature"]])
                threshold = float(edges[feature][int(node["threshold"])])
                # Of two conditions of one kind on a feature the deeper says more.
                for way, above in (("right_child", True), ("left_child", False)):
                    waiting.append((node[way], {**conditions, (feature, above): threshold}))
    return list(found)


def holding(rules: list[Rule], X: np.ndarray) -> np.ndarray:
    """1 where a rule holds, else 0: float64, rules along the second axis and contiguous.

    Examples
    --------
    >>> rule = Rule(0, (Condition(0, False, 2.0), Condition(0, True, 0.0)))
    >>> holding([rule], np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32)).ravel()
    array([0., 1., 1., 0.])
    """
    columns = np.asfortranarray(X)
    held = np.empty((len(rules), len(X)))
    for row, rule in zip(held, rules, strict=True):
        row[:] = np.logical_and.reduce(
            [(columns[:, j] > threshold) == above for j, above, threshold in rule.conditions]
        )
    return held.T


def distinct(rules: list[Rule], X: np.ndarray, weight: np.ndarray) -> tuple[list[Rule], np.ndarray]:
    """The rules that part the rows each in its own way, sorted by output, and where they hold.

    Of rules of one output that hold for the same rows, or one where the other does not, the shortest is kept.
    """
    rules = sorted(rules, key=lambda rule: (rule.output, len(rule.conditions)))
    held = holding(rules, X)
    inside = weight @ held
    enough = np.minimum(inside, weight.sum() - inside) >= LEAST_WEIGHT
    seen: set[tuple[int, bytes]] = set()
    kept = []
    for i in np.flatnonzero(enough).tolist():
        column = held[:, i] != held[0, i]
        sign = rules[i].output, np.packbits(column).tobytes()
        if sign not in seen:
            seen.add(sign)
            kept.append(i)
    return [rules[i] for i in kept], held[:, kept]


def as_tree(rule: Rule, weight: float, n_features: int) -> Tree:
    """A rule as a tree: what it adds where it holds, zero in all other leaves."""
    feature: list[int] = []
    threshold: list[float] = []
    right: list[int] = []
    value: list[float] = []

    def add(column: int, edge: float) -> int:
        feature.append(column)
        threshold.append(edge)
        right.append(0)
        return len(feature) - 1

    def leaf(adds: float) -> None:
        add(-1, 0.0)
        value.append(adds)

    left = []  # splits whose right side is a leaf, which comes after all that is on the left
    for condition in rule.conditions:
        at = add(condition.feature, condition.threshold)
        if condition.above:
            leaf(0.0)
            right[at] = len(feature)
        else:
            left.append(at)
    leaf(weight)
    for at in reversed(left):
        right[at] = len(feature)
        leaf(0.0)
    return Tree(np.array(feature), np.array(threshold), np.array(right), np.array(value)[:, None], n_features)
