"""Rows become bins and integer sums: what every student that works on histograms begins with."""

from __future__ import annotations

import numpy as np

from ..engine import Engine
from ..engine import _tree_blocks as blocks
from ..engine._bins import bin_edges, bin_table
from ..engine._sample import sample_rows
from ._objective import CrossEntropy, Objective, PoissonDeviance, SquaredError

#: Rows that bin edges are taken from.
SAMPLE_ROWS = 200_000

OBJECTIVES: dict[str, type[Objective]] = {
    "log_loss": CrossEntropy,
    "squared": SquaredError,
    "poisson": PoissonDeviance,
}


def bin_rows(engine: Engine, objective: Objective, max_bins: int) -> list[np.ndarray]:
    """Derive ``"sums"`` and ``"bins"``; return each feature's edges.

    Constant features have no edges, and no column of bins.
    """
    scale = objective.scale
    values, weight = sample_rows(engine, ("X", "weight"), SAMPLE_ROWS)
    units = blocks.integer_weights(weight, scale.weight_quantum) if scale.weighted else None
    edges = [bin_edges(column, units, max_bins) for column in values.T]
    features = np.flatnonzero([len(e) for e in edges])
    engine.update("sums", blocks.integer_sums, scale)
    engine.update("bins", blocks.binned, features, [bin_table(edges[j]) for j in features])
    return edges
