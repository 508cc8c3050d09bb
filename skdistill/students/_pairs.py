"""Which pairs of features add something that no sum of tables of single features can."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
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

#: Fine bins of a feature that the edges of its pairs are chosen from, fewer where features are many. They are of equal
#: weight, for where a feature matters in a pair it may not matter alone.
FINE_BINS = (32, 16, 8)
#: Cells of the table of a pair, and steps of all pairs together, at most: what their curvature may take.
MAX_CELLS = 256
MAX_STEPS = 1_000
#: Rows that a cell is pulled towards zero by while edges are chosen.
PRIOR = 0.3
#: What a step of a pair must save of the loss, twice, in units of what it would save by chance.
WORTH = 1.0
#: Times that rows and columns of cells are freed in turn of what one feature alone tells.
SWEEPS = 5
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

    From its cross on, the table of a pair is cut further along either feature. Each time the cut of all tables is made
    that saves most for each step that it takes, while that is more than chance would save.

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
    for n_bins in FINE_BINS:
        edges = bin_rows(engine, OBJECTIVES[problem.loss](engine), n_bins)
        n_edges = np.array([len(e) for e in edges])
        if n_edges.sum() + np.count_nonzero(n_edges) <= MAX_BINS:
            break
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
    grids = []
    for i, j in zip(a[best], b[best], strict=True):
        where = np.ix_(*(np.append(np.arange(ends[f], ends[f + 1]), len(weight) - 1) for f in (i, j)))
        grids.append(_Grid(_cells(weight[where]), np.stack([_cells(r[where]) for r in residual])))
    _cut(grids, WORTH * problem.scatter(theta) * problem.free)
    pairs = []
    for i, j, cut in zip(features[a[best]], features[b[best]], grids, strict=True):
        if cut.n_steps:
            first, second = cut.chosen
            pairs.append(Pair((int(i), int(j)), (edges[i][first], edges[j][second])))
    return pairs


def _cut(grids: list[_Grid], chance: float) -> None:
    """Make the best cuts of all tables, as many as `MAX_STEPS` allows and are worth more a step than `chance`."""
    heap = [(-grid.gain, number) for number, grid in enumerate(grids) if grid.gain > chance]
    heapify(heap)
    n_steps = 0
    while heap:
        _, number = heappop(heap)
        grid = grids[number]
        n_steps -= grid.n_steps
        if n_steps + grid.n_after > MAX_STEPS:
            break
        grid.cut()
        n_steps += grid.n_steps
        if grid.gain > chance:
            heappush(heap, (-grid.gain, number))


def _cells(above: np.ndarray) -> np.ndarray:
    """Sums in each cell, of sums above each two steps; the last row and column are of a step that all are above."""
    above = np.roll(above, 1, axis=(0, 1))
    return -np.diff(-np.diff(above, axis=0, append=0), axis=1, append=0)


class _Grid:
    """A pair's fine cells, and the edges that are chosen of theirs.

    Parameters
    ----------
    weight : ndarray of shape (r, c)
        Curvature in each cell.
    residual : ndarray of shape (k, r, c)

    Attributes
    ----------
    chosen : tuple of two lists of int
        Numbers of edges along the first feature and along the second.
    gain : float
        What the best further cut saves for each step that it takes; 0 where there is none.
    """

    def __init__(self, weight: np.ndarray, residual: np.ndarray) -> None:
        residual = _without_margins(weight, residual)
        self._sides = (weight, residual), (weight.T, residual.swapaxes(1, 2))
        self.chosen: tuple[list[int], list[int]] = ([], [])
        crosses = _of_crosses(weight, residual)
        i, j = np.unravel_index(int(crosses.argmax()), crosses.shape)
        self.gain, self._next = float(crosses[i, j]), ([int(i)], [int(j)])

    @property
    def n_steps(self) -> int:
        """Steps of the table."""
        return len(self.chosen[0]) * len(self.chosen[1])

    @property
    def n_after(self) -> int:
        """Steps of the table once it is cut."""
        return len(self._next[0]) * len(self._next[1])

    def cut(self) -> None:
        """Make the best cut, and look for the next."""
        self.chosen, self.gain = self._next, 0.0
        for side, sums in enumerate(self._sides):
            own, other = self.chosen[side], self.chosen[1 - side]
            if (len(own) + 2) * (len(other) + 1) <= MAX_CELLS:
                gains = _of_another_edge(*sums, own, other) / len(other)
                edge = int(gains.argmax())
                if gains[edge] > self.gain:
                    more = sorted([*own, edge])
                    self.gain, self._next = float(gains[edge]), (more, other) if side == 0 else (other, more)


def _without_margins(weight: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """What is left of residuals when each row and each column of cells has fitted a constant to its own."""
    along = [1 / np.maximum(weight.sum(axis=axis, keepdims=True), EMPTY * weight.sum()) for axis in (0, 1)]
    for _ in range(SWEEPS):
        for axis in (0, 1):
            residual = residual - weight * residual.sum(axis=axis + 1, keepdims=True) * along[axis]
    return residual


def _saved(weight: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Twice what a constant of its own for each cell saves, summed over the outputs."""
    gains: np.ndarray = np.square(residual).sum(axis=0) / (weight + PRIOR)
    return gains


def _of_crosses(weight: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """What each cross of one edge of either feature saves."""
    total, size = residual.cumsum(axis=1).cumsum(axis=2), weight.cumsum(axis=0).cumsum(axis=1)
    below, mass = total[:, :-1, :-1], size[:-1, :-1]
    first, second = total[:, :-1, -1:] - below, total[:, -1:, :-1] - below
    w_first, w_second = size[:-1, -1:] - mass, size[-1:, :-1] - mass
    rest, w_rest = total[:, -1:, -1:] - below - first - second, size[-1, -1] - mass - w_first - w_second
    quadrants = (mass, below), (w_first, first), (w_second, second), (w_rest, rest)
    return np.sum([_saved(*quadrant) for quadrant in quadrants], axis=0)


def _of_another_edge(weight: np.ndarray, residual: np.ndarray, own: list[int], other: list[int]) -> np.ndarray:
    """What one more edge along the rows of cells would save, where there are `own` and along the columns `other`."""
    starts = [0, *(edge + 1 for edge in other)]
    mass = np.add.reduceat(weight, starts, axis=1).cumsum(axis=0)
    total = np.add.reduceat(residual, starts, axis=2).cumsum(axis=1)
    n_edges = len(weight) - 1
    part = np.searchsorted(own, np.arange(n_edges))  # of those that edges cut the rows into
    ends = np.array([*own, n_edges])
    first = np.append(-1, own).astype(int)[part]
    w_before = np.where(first[:, None] >= 0, mass[first], 0)
    r_before = np.where(first[:, None] >= 0, total[:, first], 0)
    w_below, r_below = mass[:-1] - w_before, total[:, :-1] - r_before
    w_all, r_all = mass[ends[part]] - w_before, total[:, ends[part]] - r_before
    gains = _saved(w_below, r_below) + _saved(w_all - w_below, r_all - r_below) - _saved(w_all, r_all)
    gains = gains.sum(axis=1)
    gains[own] = 0
    return gains


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
