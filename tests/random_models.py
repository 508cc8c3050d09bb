"""Random predictors of every kind, with numbers at the ends of their range, and a model of every part of the form."""

from __future__ import annotations

import numpy as np

from skdistill.model import (
    Additive,
    CategoryColumn,
    Decoded,
    Linear,
    Model,
    NumericColumn,
    Output,
    PairTable,
    Preprocessor,
    Tree,
    TreeSum,
)
from skdistill.students._rule_basis import Condition, Rule, as_tree


def random_tree(rng: np.random.Generator, n_leaves: int, n_features: int, n_outputs: int, chain: bool = False) -> Tree:
    """Split the leaves of a tree at random; `chain` splits off one leaf at a time, on either side."""
    feature: list[int] = []
    threshold: list[float] = []
    right: list[int] = []

    def grow(leaves: int) -> None:
        node = len(feature)
        feature.append(-1)
        threshold.append(0.0)
        right.append(0)
        if leaves > 1:
            feature[node] = int(rng.integers(n_features))
            threshold[node] = float(np.float32(rng.choice([rng.normal(), 0.0, -0.0, 1e-40, 3e38, -3e38, 0.1])))
            left = int(rng.choice([1, leaves - 1])) if chain else int(rng.integers(1, leaves))
            grow(left)
            right[node] = len(feature)
            grow(leaves - left)

    grow(n_leaves)
    value = rng.normal(size=(n_leaves, n_outputs))
    return Tree(feature, threshold, right, value, n_features)


def random_additive(rng: np.random.Generator, n_features: int, n_outputs: int, most_edges: int = 6) -> Additive:
    """Features with no edges, one, many; edges at zero, at denormals, at the ends of float32, and neighbours."""
    special = np.array([0.0, 1e-40, -1e-45, 3e38, -3e38, 0.1, np.nextafter(np.float32(0.1), np.float32(1))], np.float32)
    edges = []
    for _ in range(n_features):
        pool = np.concatenate([special, rng.normal(size=most_edges).astype(np.float32)])
        edges.append(np.unique(rng.choice(pool, size=int(rng.integers(most_edges + 1)))))
    tables = [rng.normal(size=(len(e) + 1, n_outputs)) * (rng.random() < 0.8) for e in edges]
    pairs = [random_pair(rng, (i, i + 1), n_outputs) for i in range(n_features - 1) if rng.random() < 0.5]
    return Additive(tuple(edges), tuple(tables), rng.normal(size=n_outputs), tuple(pairs))


def random_pair(rng: np.random.Generator, features: tuple[int, int], n_outputs: int) -> PairTable:
    edges = tuple(np.unique(rng.normal(size=int(rng.integers(1, 4))).astype(np.float32)) for _ in features)
    table = np.zeros((len(edges[0]) + 1, len(edges[1]) + 1, n_outputs))
    table[1:, 1:] = rng.normal(size=table[1:, 1:].shape)
    return PairTable(features, edges, table)


def random_tree_sum(rng: np.random.Generator, n_trees: int, n_features: int, n_outputs: int) -> TreeSum:
    """Trees of 1 to 9 leaves, whose thresholds repeat."""
    trees = tuple(random_tree(rng, int(rng.integers(1, 10)), n_features, 1) for _ in range(n_trees))
    return TreeSum(trees, rng.integers(0, n_outputs, n_trees), rng.normal(size=n_outputs), n_features)


def random_rules(rng: np.random.Generator, n_rules: int, n_features: int, n_outputs: int) -> TreeSum:
    """Rules of 1 to 4 conditions."""

    def rule(output: int) -> Rule:
        found = [
            Condition(int(rng.integers(n_features)), bool(rng.integers(2)), float(np.float32(rng.normal())))
            for _ in range(rng.integers(1, 5))
        ]
        return Rule(output, tuple(found))

    output = rng.integers(0, n_outputs, n_rules)
    trees = tuple(as_tree(rule(int(i)), float(rng.normal()), n_features) for i in output)
    return TreeSum(trees, output, rng.normal(size=n_outputs), n_features)


def random_model(kind: str, seed: int, k: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model, raw rows with missing values, and targets; a regression where `k` is 1."""
    rng, n_features = np.random.default_rng(seed), 4
    if kind == "tree":
        predictor = random_tree(rng, int(rng.integers(1, 30)), n_features, k)
    elif kind == "linear":
        predictor = Linear(rng.normal(size=(n_features, k)) * (rng.random((n_features, 1)) < 0.8), rng.normal(size=k))
    elif kind == "additive":
        predictor = random_additive(rng, n_features, k)
    elif kind == "decoded":
        rank = min(k, 2)
        core = random_model(("tree", "linear", "additive", "tree_sum")[seed % 4], seed, rank)[0].predictor
        matrix, bias = rng.normal(size=(rank, k)), rng.normal(size=k)
        if k > 1 and seed % 8 < 4:  # the last class is zero, and left out
            matrix[:, -1], bias[-1] = 0, 0
        predictor = Decoded(core, matrix, bias)
    else:
        predictor = random_tree_sum(rng, int(rng.integers(1, 8)), n_features, k)
    number = {"fill": float(np.float32(rng.normal()))}
    if rng.random() < 0.5:
        number |= {"center": float(np.float32(rng.normal())), "scale": float(np.float32(rng.lognormal()))}
    columns = (NumericColumn("a", **number, missing=True), NumericColumn("b"), CategoryColumn("c", (1.0,)))
    link = "identity" if k == 1 else "simplex" if kind == "tree" else "softmax"
    targets, classes = (("y",), None) if k == 1 else ((), tuple(range(k)))
    output = Output("regression" if k == 1 else "classification", link, classes, targets)
    X = rng.normal(size=(60, 3))
    X[rng.random(60) < 0.1, 0] = np.nan
    X[:, 2] = rng.integers(0, 2, 60)
    Q = rng.normal(size=(60, 1)) if k == 1 else rng.dirichlet(np.ones(k), 60)
    return Model(Preprocessor(columns), predictor, output), X, Q


def full_model() -> Model:
    """Numbers filled, scaled and flagged, categories of each type, and string labels: 9 encoded features."""
    columns = (
        NumericColumn("age", fill=40.0, center=float(np.float32(38.6)), scale=float(np.float32(0.1)), missing=True),
        NumericColumn("dose"),
        CategoryColumn("job", ("clerk", "nurse", 'Ł "quoted" \\ \n é'), missing=True),
        CategoryColumn("grade", (1, 2.5)),
    )
    tree = Tree(
        feature=[0, 3, -1, -1, 5, -1, 8, -1, -1],
        threshold=np.array([0.3, 0.5, 0, 0, 0.5, 0, 0.5, 0, 0], dtype=np.float32),
        right=[4, 3, 0, 0, 6, 0, 8, 0, 0],
        value=[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [1e-30, 0.9, 0.1], [0.0, 0.0, 0.0], [0.25, -0.5, 0.25]],
        n_features=9,
    )
    return Model(Preprocessor(columns), tree, Output("classification", "simplex", ("low", "mid", "high")))
