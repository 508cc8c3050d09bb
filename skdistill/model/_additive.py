"""The predictor that sums one table per feature, and perhaps tables of pairs of features."""

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
class PairTable(Frozen):
    """What two features add together, beyond what each adds by itself: a table looked up by the bins of both.

    Parameters
    ----------
    features : tuple of two int
        Numbers of the features, the smaller first.
    edges : tuple of two float32 arrays
        Finite and increasing, one edge or more; they need not be those of the features' own tables.
    table : float32 array of shape (len(edges[0]) + 1, len(edges[1]) + 1, n_outputs)
        Finite. The first row and the first column are zero: what they would add, a feature's own table does.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, edges do not increase, or the table does not begin with zeros.

    Examples
    --------
    >>> from skdistill.model import Additive, PairTable
    >>> both = PairTable((0, 1), ([0.5], [0.5]), [[[0.0], [0.0]], [[0.0], [2.0]]])
    >>> Additive([[], []], [[[0.0]], [[0.0]]], [10.0], [both]).evaluate([[0, 0], [0, 1], [1, 1]])
    array([[10.], [10.], [12.]])
    """

    features: tuple[int, int]
    edges: tuple[NDArray[np.float32], NDArray[np.float32]]
    table: NDArray[np.float32]

    def __post_init__(self) -> None:
        features = tuple(self.features)
        if [type(i) for i in features] != [int, int] or not 0 <= features[0] < features[1]:
            raise ValueError(
                f"'features' of PairTable must be two numbers of features, the smaller first. Got {features!r:.60}."
            )
        edges = tuple(_floats(e, 1, f"'edges[{i}]' of PairTable", exact=True) for i, e in enumerate(self.edges))
        if len(edges) != 2 or not all(len(e) and (e[1:] > e[:-1]).all() for e in edges):
            raise ValueError(
                "'edges' of PairTable must be two arrays of one or more increasing numbers. "
                f"Got {[e.tolist() for e in edges]!r:.60}."
            )
        table = _floats(self.table, 3, "'table' of PairTable")
        if table.shape[:2] != (len(edges[0]) + 1, len(edges[1]) + 1) or table[0].any() or table[:, 0].any():
            raise ValueError(
                f"'table' of PairTable must have {len(edges[0]) + 1} rows and {len(edges[1]) + 1} columns, the first "
                f"of each zero. Got shape {table.shape}."
            )
        object.__setattr__(self, "features", features)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "table", table)

    def cells(self, rows: NDArray[np.float32]) -> NDArray[np.intp]:
        """Number of the cell each row falls into, counted along the rows of the table."""
        first, second = (np.searchsorted(edges, rows[:, i]) for i, edges in zip(self.features, self.edges, strict=True))
        return np.asarray(first * (len(self.edges[1]) + 1) + second)


@frozen
class Additive(Frozen):
    """A sum of step functions, one per float32 feature: each is a table that is looked up by the feature's bin.

    The bin of x is the number of edges below it: as in a tree, x goes left of an edge where ``x <= edge``, and NaN goes
    right of all edges, to the last bin. The intercept and the entries found are summed in float64, in the order of the
    features, then of the pairs.

    Parameters
    ----------
    edges : tuple of float32 arrays, one per feature
        Finite and increasing, none for a feature that is not used. Values of another dtype must be exact in float32.
    tables : tuple of float32 arrays of shape (len(edges) + 1, n_outputs), one per feature
        Finite, what each bin adds to the outputs. Rounded to float32.
    intercept : float32 array of shape (n_outputs,)
        Finite constants, rounded to float32.
    pairs : tuple of PairTable
        What pairs of features add beyond that; no pair twice.

    Raises
    ------
    ValueError
        If the shapes do not fit, a number is not finite, edges do not increase, or a pair is there twice.

    Examples
    --------
    >>> from skdistill.model import Additive
    >>> Additive([[0.5, 2.0], []], [[[0.0], [1.0], [5.0]], [[0.0]]], [10.0]).evaluate([[0.5, 7], [2, 7], [3, 7]])
    array([[10.], [11.], [15.]])
    """

    edges: tuple[NDArray[np.float32], ...]
    tables: tuple[NDArray[np.float32], ...]
    intercept: NDArray[np.float32]
    pairs: tuple[PairTable, ...] = ()

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
        pairs = tuple(self.pairs)
        for i, pair in enumerate(pairs):
            if pair.features[1] >= len(edges) or pair.table.shape[2] != len(intercept):
                raise ValueError(
                    f"'pairs[{i}]' of Additive must be of features below {len(edges)} and have {len(intercept)} "
                    f"outputs. Got features {pair.features} and {pair.table.shape[2]} outputs."
                )
        if len({pair.features for pair in pairs}) < len(pairs):
            raise ValueError(f"'pairs' of Additive must differ. Got {[pair.features for pair in pairs]!r:.60}.")
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "intercept", intercept)
        object.__setattr__(self, "pairs", pairs)

    def __repr__(self) -> str:
        size = f"n_features={self.n_features}, n_steps={self.n_steps}, n_outputs={self.n_outputs}"
        if self.pairs:
            size += f", n_pairs={len(self.pairs)}"
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

    @cached_property
    def _pair_doubles(self) -> list[NDArray[np.float64]]:
        """The table of each pair, its cells in one line: shape (n_outputs, cells)."""
        return [pair.table.reshape(-1, self.n_outputs).T.astype(np.float64, order="C") for pair in self.pairs]

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
        for pair, table in zip(self.pairs, self._pair_doubles, strict=True):
            scores += table.take(pair.cells(rows), axis=1)
        return scores
