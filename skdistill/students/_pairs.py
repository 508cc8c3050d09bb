"""Which pairs of features add something that no sum of tables of single features can."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..engine import MemoryEngine
from ..engine import _linear_blocks as blocks
from ..engine._bins import bin_table
from ..engine._tree_blocks import binned
from ._binning import OBJECTIVES, bin_rows
from ._descent import Problem

#: Bins of either feature of a pair: of equal weight, for where a feature matters in a pair it may not matter alone.
GRID_BINS = 8

#: Bins of all features together that pairs are sought among: the residuals of all their pairs are held at once.
MAX_BINS = 2_000


class Pair(NamedTuple):
    """Two features, the smaller number first, and the edges of each."""

    features: tuple[int, int]
    edges: tuple[np.ndarray, np.ndarray]


def find_pairs(
    problem: Problem, theta: np.ndarray, engine: MemoryEngine, n_pairs: int, strength: np.ndarray
) -> list[Pair]:
    """The `n_pairs` pairs whose interaction would lower the loss most, best first.

    As FAST does (Y. Lou et al., "Accurate intelligible models with pairwise interactions", KDD 2013), each pair is
    judged by the best cross of one cut of either feature. What is fitted to the four quadrants is the residual of the
    model without pairs; counted is only what goes beyond one step of either feature. Residuals are summed over a sample
    of rows, once for all pairs. Of very many features only those are paired that tell most by themselves, as far as
    their bins are `MAX_BINS` together.

    Parameters
    ----------
    problem : Problem
        The model without pairs ...
    theta : ndarray of shape (steps + 1, k)
        ... and its solution.
    engine : MemoryEngine
        With columns ``"X"``, ``"Q"`` and ``"weight"``; those derived for bins are replaced.
    n_pairs : int
    strength : ndarray of shape (n_features,)
        How much each feature tells by itself.
    """
    edges = bin_rows(engine, OBJECTIVES[problem.loss](engine), GRID_BINS)
    n_edges = np.array([len(e) for e in edges])
    strongest = np.argsort(-strength, kind="stable")
    strongest = strongest[n_edges[strongest] > 0]
    features = np.sort(strongest[np.cumsum(n_edges[strongest] + 1) <= MAX_BINS])
    problem.engine.update("grid", binned, features, [bin_table(edges[j]) for j in features])
    starts = np.concatenate([[0], np.cumsum([len(edges[j]) + 1 for j in features], dtype=np.intp)])
    weight, residual = problem.engine.reduce(blocks.RESIDUALS[problem.loss], theta, problem.frame, starts)
    found = []
    for a, b in combinations(range(len(features)), 2):
        part = (..., slice(starts[a], starts[a + 1]), slice(starts[b], starts[b + 1]))
        found.append((-_gain(weight[part], residual[part]), a, b))
    best = [(a, b) for gain, a, b in sorted(found)[:n_pairs] if gain < 0]
    numbers = [(int(features[a]), int(features[b])) for a, b in best]
    return [Pair((i, j), (edges[i], edges[j])) for i, j in numbers]


def _gain(weight: np.ndarray, residual: np.ndarray) -> float:
    """What the best cross of two cuts saves of the loss, twice, beyond a step along either cut.

    Of four means with weights w the interaction is ``m11 - m12 - m21 + m22``, of variance ``sum(1 / w)``.
    """
    weights, sums = _quadrants(weight[None]), _quadrants(residual)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [s / w for s, w in zip(sums, weights, strict=True)]
        spread = np.sum([1 / w[0] for w in weights], axis=0)
        gains = np.square(means[0] - means[1] - means[2] + means[3]).sum(axis=0) / spread
    return float(np.where(np.isfinite(gains), gains, 0.0).max())  # an empty quadrant tells nothing


def _quadrants(sums: np.ndarray) -> Sequence[np.ndarray]:
    """Sums over the four quadrants around each inner corner of a grid (k, rows, columns)."""
    corner = sums.cumsum(axis=1).cumsum(axis=2)
    low = corner[:, :-1, :-1]
    above, left = corner[:, :-1, -1:], corner[:, -1:, :-1]
    return low, above - low, left - low, corner[:, -1:, -1:] - above - left + low
