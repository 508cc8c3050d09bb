"""The predictor that sums one table per feature."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._evaluate import RowWise, check_features, identity, row_blocks
from ._frozen import Frozen, frozen
from ._predictors import _floats

if TYPE_CHECKING:
    from numpy.typing import NDArray


@frozen
class Additive(Frozen):
    """A sum of step functions, one per float32 feature: each is a table that is looked up by the feature's bin.

    The bin of x is the number of edges below it: as in a tree, x goes left of an edge where ``x <= edge``, and NaN goes
    right of all edges, to the last bin. The intercept and the entries found are summed in float64, in the order of the
    features.

    Parameters
    ----------
    edges : tuple of float32 arrays, one per feature
        Finite and increasing, none for a feature that is not used. Values of another dtype must be exact in float32.
    tables : tuple of float32 arrays of shape (len(edges) + 1, n_outputs), one per feature
        Finite, what each bin adds to the outputs. Rounded to float32.
    intercept : float32 array of shape (n_outputs,)
        Finite constants, rounded to float32.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, or edges do not increase.

    Examples
    --------
    >>> from skdistill.model import Additive
    >>> Additive([[0.5, 2.0], []], [[[0.0], [1.0], [5.0]], [[0.0]]], [10.0]).evaluate([[0.5, 7], [2, 7], [3, 7]])
    array([[10.], [11.], [15.]])
    """

    edges: tuple[NDArray[np.float32], ...]
    tables: tuple[NDArray[np.float32], ...]
    intercept: NDArray[np.float32]

    def __post_init__(self) -> None:
        intercept = _floats(self.intercept, 1, "'intercept' of Additive")
        # An empty list is an array of float64: no numbers are numbers too.
        edges = tuple(_floats(e, 1, f"'edges[{i}]' of Additive", exact=True) for i, e in enumerate(self.edges))
        tables = tuple(_floats(table, 2, f"'tables[{i}]' of Additive") for i, table in enumerate(self.tables))
        if not len(intercept) or len(edges) != len(tables):
            raise ValueError(
                "'edges' and 'tables' of Additive must have one array per feature, 'intercept' one value or more. "
                f"Got {len(edges)}, {len(tables)} and {len(intercept)}."
            )
        for i, (cuts, table) in enumerate(zip(edges, tables, strict=True)):
            if not (cuts[1:] > cuts[:-1]).all():
                raise ValueError(f"'edges[{i}]' of Additive must increase. Got {cuts.tolist()!r:.60}.")
            if table.shape != (len(cuts) + 1, len(intercept)):
                raise ValueError(
                    f"'tables[{i}]' of Additive must have shape {(len(cuts) + 1, len(intercept))}: a row for each bin, "
                    f"a column for each output. Got {table.shape}."
                )
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "intercept", intercept)

    def __repr__(self) -> str:
        size = f"n_features={self.n_features}, n_steps={self.n_steps}, n_outputs={self.n_outputs}"
        return f"Additive({size})"

    @property
    def n_features(self) -> int:
        """Features a row has, used or not."""
        return len(self.edges)

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return len(self.intercept)

    @property
    def n_steps(self) -> int:
        """Edges of all features."""
        return sum(map(len, self.edges))

    @cached_property
    def _doubles(self) -> list[tuple[int, NDArray[np.float32], NDArray[np.float64]]]:
        """Number, edges and table, transposed, of each feature that adds anything."""
        used = [i for i, table in enumerate(self.tables) if table.any()]
        return [(i, self.edges[i], self.tables[i].T.astype(np.float64, order="C")) for i in used]

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
        blocks = row_blocks(check_features(Z, self.n_features))
        return np.concatenate([row_wise(self._scores(block).T) for block in blocks])

    def _scores(self, block: Any) -> NDArray[np.float64]:
        """Outputs of a block, each contiguous: shape (n_outputs, m)."""
        rows = block.toarray() if hasattr(block, "toarray") else block
        scores = np.repeat(self.intercept.astype(np.float64)[:, None], len(rows), axis=1)
        for i, edges, table in self._doubles:
            # The insertion point left of equals; NumPy sorts NaN behind all numbers.
            scores += table.take(np.searchsorted(edges, rows[:, i]), axis=1)
        return scores
