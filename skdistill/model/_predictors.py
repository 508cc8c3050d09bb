"""The predictors of the model form that are a single structure: a decision tree and a line."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._evaluate import RowWise, TreeWalk, check_features, identity, row_blocks
from ._frozen import Frozen, frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def _floats(values: ArrayLike, ndim: int, what: str, exact: bool = False) -> NDArray[np.float32]:
    """Copy finite numbers into a read-only float32 array."""
    given = np.asarray(values)
    if given.dtype.kind not in "fiu" or given.ndim != ndim:
        raise ValueError(f"{what} must be a {ndim}-D array of numbers. Got {given.ndim}-D of dtype {given.dtype}.")
    with np.errstate(over="ignore"):
        array = np.array(given, dtype=np.float32, order="C")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} must be finite in float32. Got {given[~np.isfinite(array)][0]!s}.")
    if exact and not (array == given).all():
        raise ValueError(
            f"{what} must be float32 numbers. Got {given[array != given][0]!r}: round thresholds down (towards -inf), "
            "which leaves `x <= threshold` unchanged for every float32 x."
        )
    array.setflags(write=False)
    return array


def _integers(values: ArrayLike, low: int, high: int, what: str) -> NDArray[np.int32]:
    """Copy integers in [low, high) into a read-only int32 vector."""
    given = np.asarray(values)
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise ValueError(f"{what} must be a 1-D array of integers. Got {given.ndim}-D of dtype {given.dtype}.")
    outside = np.flatnonzero((given < low) | (given >= high))
    if outside.size:
        at = int(outside[0])
        raise ValueError(f"{what} must be in [{low}, {high}). Got {given[at]} at position {at}.")
    array = np.array(given, dtype=np.int32)
    array.setflags(write=False)
    return array


def _check_count(value: Any, what: str) -> int:
    """Return an integer >= 0 as an int."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{what} must be an int >= 0. Got {value!r} instead.")
    return int(value)


def _check_preorder(feature: list[int], right: list[int]) -> int:
    """Return the depth of a tree whose nodes are in preorder, or raise a ValueError naming the first node that is not.

    The subtree of node i fills i to end[i] - 1. A split hands i + 1 up to its right child to the left subtree, and the
    rest to the right one: as both are not empty, each node has one parent, and there can be no cycle.
    """
    end = [0] * len(feature)
    depth = [0] * len(feature)
    end[0] = len(feature)
    for i, (f, r) in enumerate(zip(feature, right, strict=True)):
        if f < 0:
            if end[i] != i + 1:
                raise ValueError(f"The nodes of Tree must be in preorder. Node {i} is a leaf where a split must stand.")
            continue
        if not i + 1 < r < end[i]:
            raise ValueError(
                f"'right' of Tree must name a later node of the same subtree. Got {r} at node {i}, where it must be "
                f"above {i + 1} and below {end[i]}."
            )
        end[i + 1], end[r] = r, end[i]
        depth[i + 1] = depth[r] = depth[i] + 1
    return max(depth)


@frozen
class Tree(Frozen):
    """A binary decision tree on float32 features, its nodes in preorder.

    A row goes left where ``x[feature] <= threshold`` and right otherwise, also where x is NaN. The left child of split
    i is node i + 1; its right child is node ``right[i]``.

    Parameters
    ----------
    feature : int array of shape (n_nodes,)
        The feature a node splits on, in [0, n_features); -1 for a leaf.
    threshold : float32 array of shape (n_nodes,)
        Finite; 0 for a leaf. Values of another dtype must be exact in float32.
    right : int array of shape (n_nodes,)
        Number of the right child; 0 for a leaf.
    value : float32 array of shape (n_leaves, n_outputs)
        Finite outputs of the leaves, in the order of their node numbers. Rounded to float32.
    n_features : int
        Features a row has, used or not.

    Attributes
    ----------
    depth : int
        Splits on the longest way from the root to a leaf; 0 for a lone leaf.

    Raises
    ------
    ValueError
        If the arrays do not describe such a tree.

    Examples
    --------
    >>> from skdistill.model import Tree
    >>> tree = Tree([1, -1, 0, -1, -1], [0.5, 0, 2, 0, 0], [2, 0, 4, 0, 0], [[1.0], [2.0], [3.0]], n_features=2)
    >>> tree
    Tree(n_features=2, n_leaves=3, n_outputs=1, depth=2)
    >>> tree.evaluate([[9, 0.5], [2, 1], [9, float("nan")]])
    array([[1.], [2.], [3.]])
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    n_features: int
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        n_features = _check_count(self.n_features, "'n_features' of Tree")
        threshold = _floats(self.threshold, 1, "'threshold' of Tree", exact=True)
        feature = _integers(self.feature, -1, n_features, "'feature' of Tree")
        right = _integers(self.right, 0, len(threshold), "'right' of Tree")
        value = _floats(self.value, 2, "'value' of Tree")
        if not len(feature) == len(threshold) == len(right) > 0:
            raise ValueError(
                "'feature', 'threshold' and 'right' of Tree must have the same length, one or more. "
                f"Got {len(feature)}, {len(threshold)} and {len(right)}."
            )
        leaf = feature < 0
        if right[leaf].any() or threshold[leaf].any():
            raise ValueError("'right' and 'threshold' of Tree must be 0 at its leaves.")
        if value.shape[0] != leaf.sum() or not value.shape[1]:
            raise ValueError(
                f"'value' of Tree must have one row for each of its {leaf.sum()} leaves and at least one column. "
                f"Got shape {value.shape}."
            )
        checked = {
            "feature": feature,
            "threshold": threshold,
            "right": right,
            "value": value,
            "n_features": n_features,
            "depth": _check_preorder(feature.tolist(), right.tolist()),
        }
        for name, item in checked.items():
            object.__setattr__(self, name, item)

    def __repr__(self) -> str:
        size = f"n_features={self.n_features}, n_leaves={self.n_leaves}, n_outputs={self.n_outputs}"
        return f"Tree({size}, depth={self.depth})"

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return self.value.shape[0]

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return self.value.shape[1]

    @cached_property
    def _walk(self) -> TreeWalk:
        return TreeWalk(self.feature, self.threshold, self.right, self.depth, np.zeros(1, np.intp))

    @cached_property
    def _leaf_of_node(self) -> NDArray[np.intp]:
        return np.cumsum(self.feature < 0) - 1

    def apply(self, Z: Any) -> NDArray[np.intp]:
        """Find the leaf of each row.

        Parameters
        ----------
        Z : float32 array-like or CSR matrix of shape (n, n_features)

        Returns
        -------
        leaf : int array of shape (n,)
            Leaf numbers, in [0, n_leaves).
        """
        blocks = row_blocks(check_features(Z, self.n_features))
        dense = (block.toarray() if hasattr(block, "toarray") else block for block in blocks)
        return self._leaf_of_node.take(np.concatenate([self._walk.arrivals(block) for block in dense]))

    def evaluate(self, Z: Any, row_wise: RowWise = identity) -> Any:
        """Compute the outputs of each row.

        Parameters
        ----------
        Z : float32 array-like or CSR matrix of shape (n, n_features)
        row_wise : callable
            What becomes of the outputs: a function of an array of shape (m, n_outputs) that treats each row by itself.
            It is called once, on the leaves.

        Returns
        -------
        outputs : float64 array of shape (n, n_outputs), or what `row_wise` makes of it
        """
        return row_wise(self.value.astype(np.float64)).take(self.apply(Z), axis=0)


@frozen
class Linear(Frozen):
    """Linear functions of float32 features, summed in float64.

    Parameters
    ----------
    coef : float32 array of shape (n_features, n_outputs)
        Finite weights, rounded to float32.
    intercept : float32 array of shape (n_outputs,)
        Finite constants, rounded to float32.

    Raises
    ------
    ValueError
        If the shapes do not fit or a number is not finite.

    Examples
    --------
    >>> from skdistill.model import Linear
    >>> Linear([[1.0, 0.0], [0.5, -1.0]], [0.0, 3.0]).evaluate([[2, 4]])
    array([[ 4., -1.]])
    """

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def __post_init__(self) -> None:
        coef = _floats(self.coef, 2, "'coef' of Linear")
        intercept = _floats(self.intercept, 1, "'intercept' of Linear")
        if coef.shape[1] != len(intercept) or not len(intercept):
            raise ValueError(
                "'coef' of Linear must have one column for each value of 'intercept', one or more. "
                f"Got shapes {coef.shape} and {intercept.shape}."
            )
        object.__setattr__(self, "coef", coef)
        object.__setattr__(self, "intercept", intercept)

    def __repr__(self) -> str:
        return f"Linear(n_features={self.n_features}, n_outputs={self.n_outputs})"

    @property
    def n_features(self) -> int:
        """Features a row has."""
        return self.coef.shape[0]

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return self.coef.shape[1]

    @cached_property
    def _doubles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.coef.T.astype(np.float64, order="C"), self.intercept.astype(np.float64)[:, None]

    @cached_property
    def _used(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.coef.any(axis=1))

    def evaluate(self, Z: Any, row_wise: RowWise = identity) -> Any:
        """Compute the outputs of each row.

        Parameters
        ----------
        Z : float32 array-like or CSR matrix of shape (n, n_features)
        row_wise : callable
            What becomes of the outputs: a function of an array of shape (m, n_outputs) that treats each row by itself.
            It is called block by block.

        Returns
        -------
        outputs : float64 array of shape (n, n_outputs), or what `row_wise` makes of it
        """
        coef, intercept = self._doubles
        blocks = row_blocks(check_features(Z, self.n_features))
        if len(self._used) < self.n_features and not hasattr(Z, "tocsr"):
            # Features without a weight are passed over, so that sums do not depend on them in any bit.
            coef, blocks = coef.take(self._used, axis=1), (block.take(self._used, axis=1) for block in blocks)
        # Transposed, so that each output is contiguous: what follows it is then faster, as is the product itself.
        return np.concatenate([row_wise((coef @ block.T.astype(np.float64) + intercept).T) for block in blocks])
