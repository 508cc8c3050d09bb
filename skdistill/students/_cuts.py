"""Where an additive model may step: a few edges of each feature, chosen by the targets."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from ..engine import Engine
from ..engine import _tree_blocks as blocks
from ._binning import OBJECTIVES, bin_rows
from ._draft import seed
from ._objective import Objective

#: Bins that edges are chosen from.
FINE_BINS = 255
#: Edges of all features together: as many as their curvature may be factored and thinned out in a second or two.
MAX_STEPS = 1_000
#: Edges for each row at most: more would only be thinned out again.
STEPS_PER_ROW = 2


def cut_features(engine: Engine, loss: str, max_bins: int) -> list[np.ndarray]:
    """Cut each feature into at most `max_bins` bins, as a tree on this feature alone would.

    The nodes of a tree on one feature are ranges of values. So all that growing such a tree for every feature takes is
    one pass over the rows, which sums the targets in fine bins. The best splits of all trees are made, as many as
    `MAX_STEPS` and the rows allow.

    Parameters
    ----------
    engine : Engine
        With columns ``"X"``, ``"Q"`` and ``"weight"``.
    loss : {"log_loss", "squared", "poisson"}
    max_bins : int

    Returns
    -------
    list of float32 arrays
        Increasing edges, for each feature; none for one that is constant.
    """
    objective = OBJECTIVES[loss](engine)
    edges = bin_rows(engine, objective, FINE_BINS)
    features = np.flatnonzero([len(e) for e in edges])
    if not len(features):
        return edges
    starts = np.concatenate([[0], np.cumsum([len(edges[j]) + 1 for j in features], dtype=np.intp)])
    total = engine.reduce(blocks.node_sums)
    engine.update("node", blocks.landed, seed(total).routes)  # all rows in the root
    sums = engine.reduce(blocks.histograms, np.zeros(1, dtype=np.int32), 1, starts)[0]
    max_steps = min(MAX_STEPS, int(STEPS_PER_ROW * objective.weight(total) * objective.scale.weight_quantum))
    chosen = _best_splits([sums[a:b] for a, b in pairwise(starts)], objective, max_bins, max_steps)
    for j, last_bins in zip(features, chosen):
        edges[j] = edges[j][last_bins]
    return edges


def _best_splits(histograms: list[np.ndarray], objective: Objective, max_bins: int, max_steps: int) -> list[list[int]]:
    """The last bins left of the best splits of each histogram, best first, until there are `max_steps` in all."""
    chosen: list[list[int]] = [[] for _ in histograms]
    heap: list[tuple[float, int, int, int, int]] = []

    def consider(feature: int, first: int, end: int) -> None:
        left = np.cumsum(histograms[feature][first:end], axis=0)
        whole = left[-1]
        # An empty bin parts the rows as the one before it does; a split must leave rows on either side.
        parts = np.flatnonzero((histograms[feature][first:end, 0] > 0) & (left[:, 0] < whole[0]))
        if len(parts):
            left = np.ascontiguousarray(left[parts].T)
            gains = objective.gains(left, whole[:, None] - left, whole)
            best = int(gains.argmax())
            if gains[best] > objective.noise * objective.weight(whole):
                heappush(heap, (-float(gains[best]), feature, first, first + int(parts[best]), end))

    for feature, histogram in enumerate(histograms):
        consider(feature, 0, len(histogram))
    n_steps = 0
    while heap and n_steps < max_steps:
        _, feature, first, last, end = heappop(heap)
        if len(chosen[feature]) < max_bins - 1:
            chosen[feature].append(last)
            n_steps += 1
            consider(feature, first, last + 1)
            consider(feature, last + 1, end)
    return [sorted(last_bins) for last_bins in chosen]
