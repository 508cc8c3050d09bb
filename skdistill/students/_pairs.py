"""Which pairs of features add something that no sum of tables of single features can."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..engine import Engine
from ..engine import _linear_blocks as blocks
from ..engine._bins import bin_table
from ..engine._tree_blocks import binned
from ._binning import OBJECTIVES, bin_rows
from ._descent import Problem
from ._steps import steps_between

#: Bins of either feature of a pair: of equal weight, for where a feature matters in a pair it may not matter alone.
GRID_BINS = 8
#: Share of the weight below which rounding may be all that a quadrant holds.
EMPTY = 1e-12

#: Bins of all features together that pairs are sought among: the residuals of all their pairs are held at once.
MAX_BINS = 2_000


class Pair(NamedTuple):
    """Two features, the smaller number first, and the edges of each."""

    features: tuple[int, int]
    edges: tuple[np.ndarray, np.ndarray]


def find_pairs(problem: Problem, theta: np.ndarray, engine: Engine, n_pairs: int, strength: np.ndarray) -> list[Pair]:
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
    engine : Engine
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
    if len(features) < 2:
        return []
    grid = steps_between([edges[j] for j in features])
    weight, residual = problem.engine.reduce(blocks.RESIDUALS[problem.loss], theta, problem.frame, grid)
    ends = np.cumsum([0, *(len(edges[j]) for j in features)])
    gains = np.empty((len(features), len(features)))
    for i, steps in enumerate(pairwise(ends)):  # one feature after the other, to hold few of many steps at a time
        gains[i] = np.maximum.reduceat(_gains(weight, residual, slice(*steps)).max(axis=0), ends[:-1])
    a, b = np.triu_indices(len(features), 1)
    best = [i for i in np.argsort(-gains[a, b], kind="stable")[:n_pairs] if gains[a[i], b[i]] > 0]
    numbers = [(int(features[a[i]]), int(features[b[i]])) for i in best]
    return [Pair((i, j), (edges[i], edges[j])) for i, j in numbers]


def _gains(weight: np.ndarray, residual: np.ndarray, steps: slice) -> np.ndarray:
    """What the crosses of some steps with all save of the loss, twice, beyond what either step saves.

    Of four means with weights w the interaction is ``m11 - m12 - m21 + m22``, of variance ``sum(1 / w)``.
    """
    weights, sums = _quadrants(weight, steps), _quadrants(residual, steps)
    least = EMPTY * weight[-1, -1]
    inverses = [1 / np.maximum(w, least) for w in weights]
    means = [s * i for s, i in zip(sums, inverses, strict=True)]
    gains = np.square(means[0] - means[1] - means[2] + means[3]).sum(axis=0) / np.sum(inverses, axis=0)
    return np.where(np.min(weights, axis=0) > least, gains, 0.0)  # an empty quadrant tells nothing


def _quadrants(sums: np.ndarray, steps: slice) -> list[np.ndarray]:
    """Sums over the rows above each two steps, only above the first, only above the second, above none."""
    both, total = sums[..., steps, :-1], sums[..., -1:, -1:]
    first, second = sums[..., steps, -1:] - both, sums[..., -1:, :-1] - both
    return [both, first, second, total - both - first - second]
