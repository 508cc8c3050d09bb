"""Other libraries' trees in the model form, so that one formula sizes everybody."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.model import (
    Additive,
    Linear,
    Preprocessor,
    Tree,
    TreeSum,
    packed_nbytes,
    sparing,
    used_features,
)

Predictor = Tree | Linear | Additive | TreeSum


def lower_sklearn(tree: Any) -> Tree:
    """A scikit-learn ``tree_`` as `Tree`: nodes in preorder, thresholds rounded down to float32.

    Shapes of ``value`` differ: (nodes, 1, k) for a classifier, (nodes, k, 1) for a regressor of k outputs.
    """
    values = tree.value.reshape(tree.node_count, -1)
    return preorder(
        tree.children_left, tree.children_right, tree.feature, tree.threshold, values, n_features=tree.n_features
    )


def preorder(left: Any, right: Any, feature: Any, threshold: Any, value: Any, n_features: int) -> Tree:
    """Nodes in any order as `Tree`; a node without a left child (-1) is a leaf."""
    features, thresholds, rights, values = [], [], [], []
    waiting = [(0, None)]  # node, and the split whose right child it is
    while waiting:
        node, parent = waiting.pop()
        at = len(features)
        if parent is not None:
            rights[parent] = at
        rights.append(0)
        if left[node] < 0:
            features.append(-1)
            thresholds.append(np.float32(0))
            values.append(value[node])
            continue
        features.append(int(feature[node]))
        thresholds.append(_float32_below(threshold[node]))
        waiting += [(right[node], at), (left[node], None)]
    return Tree(features, np.array(thresholds, np.float32), rights, np.array(values), n_features=n_features)


def _float32_below(value: float) -> np.float32:
    """The largest float32 not above `value`: leaves ``x <= value`` as it is for every float32 x."""
    rounded = np.float32(value)
    # Compared as doubles: NumPy would round a Python float to float32 first.
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > value else rounded


def lower_lightgbm(booster: Any, n_features: int, n_classes: int) -> TreeSum:
    """A LightGBM booster fitted on a matrix without missing values or categories; `n_classes` is 0 for regression."""
    trees = [lower_nested(info["tree_structure"], n_features) for info in booster.dump_model()["tree_info"]]
    n_outputs = n_classes or 1
    # Two classes have one sum of trees, the score of the second class.
    output = np.arange(len(trees)) % n_classes if n_classes > 2 else np.full(len(trees), n_outputs - 1)
    return TreeSum(tuple(trees), output, np.zeros(n_outputs), n_features)


def lower_nested(root: dict[str, Any], n_features: int) -> Tree:
    """Nested dictionaries with LightGBM's keys; a leaf's value is a number or a list of them."""
    nodes, left, right = [root], [-1], [-1]
    for at, node in enumerate(nodes):  # grows as it goes
        if "left_child" in node:
            left[at], right[at] = len(nodes), len(nodes) + 1
            nodes += [node["left_child"], node["right_child"]]
            left += [-1, -1]
            right += [-1, -1]
    feature = [node.get("split_feature", -1) for node in nodes]
    threshold = [node.get("threshold", 0.0) for node in nodes]
    value = [np.atleast_1d(node.get("leaf_value", 0.0)) for node in nodes]
    return preorder(left, right, feature, threshold, value, n_features)


def spared_nbytes(predictor: Predictor, link: str, preprocessor: Preprocessor | None = None) -> int:
    """Packed bytes of a model of others, in the form that takes the least, as ours are by themselves."""
    return packed_nbytes(sparing(predictor, link), link, preprocessor)


def columns_nbytes(used: np.ndarray, preprocessor: Preprocessor | None) -> int:
    """Packed bytes of the header and of the columns behind the used encoded features.

    A line over these features, less its own coefficients, tells.
    """
    line = Linear(used[:, None].astype(np.float32), [0.0])
    return packed_nbytes(line, preprocessor=preprocessor) - 4 * (int(used.sum()) + 1)


def nodes_nbytes(trees: Tree | TreeSum, link: str = "identity") -> int:
    """Packed bytes of the nodes alone."""
    return spared_nbytes(trees, link) - columns_nbytes(used_features(trees), None)
