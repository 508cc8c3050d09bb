"""What compressed targets ask of a block of rows: their moments, themselves, and what a core says of the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._engine import Block

#: Shares are clipped here before a logarithm: below, differences tell more of a teacher's tails than of the rows.
FLOOR = 1e-3


def spread_out(block: Block, loss: str) -> np.ndarray:
    """Targets that add up: the centred logarithms of shares, or the values themselves. Shape (n, k)."""
    Q = np.asarray(block["Q"], dtype=np.float64)
    if loss == "squared":
        return Q
    logs = np.log(np.maximum(Q, FLOOR))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def target_moments(block: Block, loss: str, center: np.ndarray) -> tuple[Any, ...]:
    """Weight, weighted sums of the targets less `center`, and of their products: (k,) and (k, k)."""
    T, weight = spread_out(block, loss) - center, block["weight"]
    return weight.sum(), weight @ T, (T.T * weight) @ T


def compressed(block: Block, loss: str, mean: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Targets in the directions of `basis`, (k, r): shape (n, r)."""
    return np.asarray((spread_out(block, loss) - mean) @ basis)


def core_outputs(block: Block, core: Any) -> np.ndarray:
    """What a predictor answers, as the features of the next model: float32, shape (n, r)."""
    return np.asarray(core.evaluate(block["X"]), dtype=np.float32)


def leaf_mass(block: Block, tree: Any) -> np.ndarray:
    """Weight of each leaf of a tree."""
    return np.bincount(tree.apply(block["X"]), block["weight"], tree.n_leaves)
