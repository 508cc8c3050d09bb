"""The reference evaluator: links, and the walk down a tree. Every export is tested against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A function of outputs that treats each row by itself.
RowWise = Callable[[Any], Any]

#: Rows evaluated at a time. A row in flight needs about 60 bytes of scratch: half a megabyte, which a cache holds.
BLOCK_ROWS = 8192

#: The largest score that has an exponential of its own.
MOST_EXPONENT = 700.0

#: Levels walked before the rows that have arrived at a leaf are left out. Leaving them out costs as much as a level.
_LEVELS = 8


def identity(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave the outputs as they are.

    >>> identity(np.array([[1.0, -2.0]]))
    array([[ 1., -2.]])
    """
    return scores


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores of shape (n, k) into probabilities: exponentials divided by their sum over the row.

    >>> softmax(np.array([[0.0, 0.0, 1000.0]]))
    array([[0., 0., 1.]])
    """
    columns = np.asfortranarray(scores)
    powers = np.exp(columns - columns.max(axis=1, keepdims=True))
    return powers / _row_sums(powers)


def simplex(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores of shape (n, k) into probabilities: negatives become 0, then each row is divided by its sum.

    A row without a positive score becomes uniform.

    >>> simplex(np.array([[3.0, 1.0, -1.0], [0.0, 0.0, -1.0]]))
    array([[0.75 , 0.25 , 0.   ], [0.333..., 0.333..., 0.333...]])
    """
    shares = np.maximum(np.asfortranarray(scores), 0.0)
    shares[~shares.any(axis=1)] = 1.0
    return shares / _row_sums(shares)


def exponential(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn scores into positive values: their exponentials. A score counts as no less than -700 and no more than 700,
    so that every program has a finite number for it.

    >>> exponential(np.array([[0.0, 1000.0]]))
    array([[1.00000e+000, 1.01423e+304]])
    """
    return np.asarray(np.exp(np.clip(scores, -MOST_EXPONENT, MOST_EXPONENT)))


def _row_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over rows, column after column: the same to the bit for one row as for many, whatever the memory layout.

    With whole columns in a row of memory this, like a maximum over rows, is ten times as fast for a few columns.
    """
    return np.asarray(sum(values.T))[:, None]


#: What turns a predictor's outputs into predictions, by name.
LINKS: dict[str, RowWise] = {"identity": identity, "softmax": softmax, "simplex": simplex, "exp": exponential}


def check_features(Z: Any, n_features: int) -> Any:
    """Return encoded rows as a float32 matrix (CSR if sparse), or raise a ValueError if it is not (n, n_features)."""
    Z = Z.tocsr() if hasattr(Z, "tocsr") else np.asarray(Z, dtype=np.float32)
    if Z.ndim != 2 or Z.shape[1] != n_features:
        raise ValueError(f"The encoded rows must have shape (n, {n_features}). Got {Z.shape}.")
    return Z


def row_blocks(Z: Any, n_trees: int = 1) -> Iterator[Any]:
    """Cut a matrix into blocks of rows, each of which is in flight once for each tree.

    No rows give one empty block, so that results keep their shape and dtype.
    """
    size = max(BLOCK_ROWS // n_trees, 1)
    return (Z[start : start + size] for start in range(0, max(Z.shape[0], 1), size))


class TreeWalk:
    """The way down trees in preorder, as tables by node number where a leaf is a split that leads back to itself.

    Trees stand one behind the other, and `roots` says where each begins.
    """

    def __init__(
        self,
        feature: NDArray[np.int32],
        threshold: NDArray[np.float32],
        right: NDArray[np.int32],
        depth: int,
        roots: NDArray[np.intp],
    ) -> None:
        node = np.arange(len(feature))
        self._is_split = feature >= 0
        self._feature = np.maximum(feature, 0).astype(np.intp)
        self._threshold = threshold
        # Node i leads to child[2 i] where its test fails, to child[2 i + 1] where it holds.
        self._child = np.where(self._is_split, np.stack([right, node + 1]), node).T.ravel()
        self._depth = depth
        self._roots = roots

    def arrivals(self, Z: NDArray[np.float32]) -> NDArray[np.intp]:
        """Find the leaf's node number for each row of a dense block and each tree, row by row, one level at a time.

        Gathering from small tables is what NumPy does fast: three times as fast as passing ever smaller sets of rows
        from node to node. Rows that have arrived walk on the spot for up to `_LEVELS` levels.
        """
        values = np.ascontiguousarray(Z).ravel()
        first = np.arange(len(Z)).repeat(len(self._roots)) * Z.shape[1]
        node = np.tile(self._roots, len(Z))
        rows = np.arange(len(node))
        for level in range(0, self._depth, _LEVELS):
            walking, start = (node, first) if level == 0 else (node.take(rows), first.take(rows))
            for _ in range(min(_LEVELS, self._depth - level)):
                goes_left = values.take(start + self._feature.take(walking)) <= self._threshold.take(walking)
                walking = self._child.take(2 * walking + goes_left)
            node[rows] = walking
            rows = rows[self._is_split.take(walking)]
            if not rows.size:
                break
        return node
