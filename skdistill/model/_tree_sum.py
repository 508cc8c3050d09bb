"""The predictor that sums many small trees."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._evaluate import RowWise, TreeWalk, check_features, identity, row_blocks
from ._frozen import Frozen, frozen
from ._predictors import Tree, _check_count, _floats, _integers

if TYPE_CHECKING:
    from numpy.typing import NDArray


@frozen
class TreeSum(Frozen):
    """A sum of decision trees, each of which adds one number to one output, as boosting makes them.

    What the trees add is summed in float64, tree after tree, and the base last.

    Parameters
    ----------
    trees : sequence of Tree
        Of `n_features` features and one output.
    output : int array of shape (n_trees,)
        The output that each tree adds to, in [0, n_outputs).
    base : float32 array of shape (n_outputs,)
        Finite constants, rounded to float32.
    n_features : int
        Features a row has, used or not.

    Raises
    ------
    ValueError
        If the parts do not fit together or a number is not finite.

    Examples
    --------
    >>> from skdistill.model import Tree, TreeSum
    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=1)
    >>> sums = TreeSum([tree, tree, tree], output=[0, 1, 1], base=[10.0, 20.0], n_features=1)
    >>> sums
    TreeSum(n_features=1, n_trees=3, n_leaves=6, n_outputs=2)
    >>> sums.evaluate([[0.0], [1.0]])
    array([[11., 22.],
           [12., 24.]])
    """

    trees: tuple[Tree, ...]
    output: NDArray[np.int32]
    base: NDArray[np.float32]
    n_features: int

    def __post_init__(self) -> None:
        trees = tuple(self.trees)
        n_features = _check_count(self.n_features, "'n_features' of TreeSum")
        base = _floats(self.base, 1, "'base' of TreeSum")
        # An empty list is an array of float64: no numbers are integers too.
        output = _integers(self.output if len(self.output) else np.zeros(0, int), 0, len(base), "'output' of TreeSum")
        if not len(base) or len(trees) != len(output):
            raise ValueError(
                "'trees' and 'output' of TreeSum must have the same length, 'base' one value or more. "
                f"Got {len(trees)}, {len(output)} and {len(base)}."
            )
        for i, tree in enumerate(trees):
            if not isinstance(tree, Tree) or (tree.n_features, tree.n_outputs) != (n_features, 1):
                wanted = f"a Tree(n_features={n_features}, ..., n_outputs=1)"
                raise ValueError(f"'trees[{i}]' of TreeSum must be {wanted}. Got {tree!r:.60}.")
        for name, item in {"trees": trees, "output": output, "base": base, "n_features": n_features}.items():
            object.__setattr__(self, name, item)

    def __repr__(self) -> str:
        size = f"n_features={self.n_features}, n_trees={self.n_trees}, n_leaves={self.n_leaves}"
        return f"TreeSum({size}, n_outputs={self.n_outputs})"

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.trees)

    @property
    def n_leaves(self) -> int:
        """Leaves of all trees."""
        return sum(tree.n_leaves for tree in self.trees)

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return len(self.base)

    @cached_property
    def _forest(self) -> tuple[TreeWalk, NDArray[np.float64]]:
        """The trees side by side as one walk from many roots, and what each node adds, 0 for a split."""
        starts = np.cumsum([0, *(len(tree.feature) for tree in self.trees)])
        feature, threshold = (
            np.concatenate([getattr(t, name) for t in self.trees]) for name in ("feature", "threshold")
        )
        right = np.concatenate([tree.right + start for tree, start in zip(self.trees, starts)])
        added = np.zeros(len(feature))
        added[feature < 0] = np.concatenate([tree.value[:, 0] for tree in self.trees])
        return TreeWalk(feature, threshold, right, max(tree.depth for tree in self.trees), starts[:-1]), added

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
        blocks = row_blocks(check_features(Z, self.n_features), max(self.n_trees, 1))
        return np.concatenate([row_wise(self._scores(block)) for block in blocks])

    def _scores(self, block: Any) -> NDArray[np.float64]:
        rows = block.toarray() if hasattr(block, "toarray") else block
        if not self.trees:
            return np.repeat(self.base[None].astype(np.float64), len(rows), axis=0)
        walk, added = self._forest
        n_cells = len(rows) * self.n_outputs
        cell = np.add.outer(np.arange(0, n_cells, self.n_outputs), self.output).ravel()
        # Adds one number after the other: the same to the bit for one row as for many.
        sums = np.bincount(cell, added.take(walk.arrivals(rows)), n_cells)
        return np.asarray(sums.reshape(len(rows), self.n_outputs) + self.base, dtype=np.float64)
