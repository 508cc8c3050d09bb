"""A tree from rows: bins, growth, repair, values."""

from __future__ import annotations

import numpy as np

from ..engine import Engine
from ..engine import _tree_blocks as blocks
from ..model import Tree
from ._binning import OBJECTIVES, bin_rows
from ._draft import Draft, seed
from ._growth import Growth, Limits
from ._objective import Objective
from ._search import searched


def fit_tree(engine: Engine, loss: str, limits: Limits, max_bins: int, shrinkage: float, repair: str | None) -> Tree:
    """Fit a tree to the columns ``"X"``, ``"Q"`` and ``"weight"`` of `engine`.

    The tree depends on the rows and weights alone: not on the blocks and, up to `SEARCH_ROWS` rows, not on their order.

    Parameters
    ----------
    engine : Engine
    loss : {"log_loss", "squared", "poisson"}
    limits : Limits
    max_bins : int
    shrinkage : float
    repair : {"balanced", "accuracy", "loss"} or None
        What search and repair minimise; None leaves the tree as it has grown.

    Returns
    -------
    Tree
    """
    objective = OBJECTIVES[loss](engine)
    edges = bin_rows(engine, objective, max_bins)
    features = np.flatnonzero([len(e) for e in edges])
    growth = Growth(engine, objective, limits, [len(edges[j]) + 1 for j in features])
    draft = growth.grow(seed(engine.reduce(blocks.node_sums)), limits.max_leaves)
    if repair is not None:
        draft = searched(growth, draft, repair)
    return _as_tree(draft, objective, features, edges, shrinkage)


def _as_tree(
    draft: Draft, objective: Objective, features: np.ndarray, edges: list[np.ndarray], shrinkage: float
) -> Tree:
    """The tree in preorder, leaves shrunk towards their ancestors (Agarwal et al., 2022)."""
    feature: list[int] = []
    threshold: list[np.float32] = []
    right: list[int] = []
    value: list[np.ndarray] = []
    own = [np.array(objective.means(sums)) for sums in draft.sums]
    # A right child comes with the number of its parent, which waits for its own.
    waiting = [(0, own[0], -1)]
    while waiting:
        node, mean, parent = waiting.pop()
        number = len(feature)
        if parent >= 0:
            right[parent] = number
        right.append(0)
        if draft.routes.feature[node] < 0:
            feature.append(-1)
            threshold.append(np.float32(0))
            value.append(mean)
            continue
        feature.append(int(features[draft.routes.feature[node]]))
        threshold.append(edges[feature[-1]][draft.routes.last_bin[node]])
        weight = objective.weight(draft.sums[node]) * objective.scale.weight_quantum
        left = int(draft.routes.left[node])
        means = [mean + (own[child] - own[node]) / (1 + shrinkage / weight) for child in (left, left + 1)]
        waiting.append((left + 1, means[1], number))
        waiting.append((left, means[0], -1))
    return Tree(
        feature=np.array(feature, dtype=np.int32),
        threshold=np.array(threshold, dtype=np.float32),
        right=np.array(right, dtype=np.int32),
        value=np.array(value),
        n_features=len(edges),
    )
