"""Search for a tree: repair from several starts, of which the best counts.

Growth never takes back its first split, and repair seldom does: too much hangs below. So a tree is also grown from the
best splits by other features, each is repaired, and the one of the least loss is kept. What each first split is worth
is told by the tree that greed completes from it, as in the search of Babbar et al. (2025).

References
----------
V. Babbar, H. McTavish, C. Rudin and M. Seltzer, "Near-optimal decision trees in a SPLIT second", ICML 2025.
"""

from __future__ import annotations

import math

import numpy as np

from ..engine import BLOCK_ROWS, MemoryEngine
from ..engine._sample import sample_rows
from ..engine._tree_blocks import node_sums
from ._draft import Draft, seed
from ._growth import Growth
from ._repair import Repair

#: Rows that decide between the starts.
SEARCH_ROWS = 10_000

#: Rows that decide on the splits, once it is known where to start.
SAMPLE_ROWS = 50_000

#: Features that the first split is tried by, the one of the largest gain among them: at least, and at most.
FIRST_FEATURES = 3, 12

#: Leaves of all starts together, within these bounds: where trees are small, more starts are worth most, cost least.
LEAVES = 96


def searched(growth: Growth, draft: Draft, goal: str) -> Draft:
    """The best repaired tree found from several starts: never worse than `draft`, never beyond the limits.

    Of many rows, samples decide on the start and on the splits; sums, limits and the verdict are those of all rows.

    Parameters
    ----------
    growth : Growth
    draft : Draft
        What `growth` has grown.
    goal : {"balanced", "accuracy", "loss"}
        See `Repair`.
    """
    judge = Repair(growth, goal)
    few = _sampled(growth, SEARCH_ROWS)
    repair = Repair(few, goal)
    root = seed(few.engine.reduce(node_sums))
    least, most = FIRST_FEATURES
    n_starts = min(max(least, LEAVES // growth.limits.max_leaves), most)
    starts = few.stumps(root)[:n_starts] or [root]
    result = min(map(repair.improve, starts), key=repair.loss)
    if growth.engine.n_rows > SEARCH_ROWS:
        many = Repair(_sampled(growth, SAMPLE_ROWS), goal)
        result = judge.settle(many.improve(many.settle(result.routes)).routes)
    return result if judge.loss(result) < judge.loss(draft) else draft


def _sampled(growth: Growth, size: int) -> Growth:
    """What grows trees on a sample of the rows, or on all of them if there are no more, at hand wherever they live."""
    engine, limits = growth.engine, growth.limits
    sums, bins = sample_rows(engine, ("sums", "bins"), size)
    min_rows = math.ceil(limits.min_samples_leaf * len(sums) / engine.n_rows)
    sample = MemoryEngine({"sums": sums, "bins": bins}, BLOCK_ROWS)
    return Growth(sample, growth.objective, limits._replace(min_samples_leaf=min_rows), np.diff(growth.starts).tolist())
