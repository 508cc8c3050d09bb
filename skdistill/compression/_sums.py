"""Predictors whose scores are sums of values: lines, tables, small trees. One view of all three."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..model import Additive, Linear, PairTable, Tree, TreeSum
from ._precise import single

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """Scores of given rows, linear in the values of a predictor.

    Attributes
    ----------
    designs : list of ndarray or CSR matrix of shape (n, p)
        For each output what its values are multiplied by.
    values : list of ndarray of shape (p,)
    constants : ndarray of shape (n_outputs,)
    """

    predictor: Linear | Additive | TreeSum
    designs: list[Any]
    values: list[Floats]
    constants: Floats

    def scores(self, values: list[Floats], constants: Floats) -> Floats:
        """Outputs before the link, shape (n, n_outputs)."""
        return np.stack([design @ v for design, v in zip(self.designs, values, strict=True)], axis=1) + constants

    def build(self, values: list[Floats], constants: Floats) -> Linear | Additive | TreeSum:
        """The predictor with other values."""
        if isinstance(self.predictor, TreeSum):
            return _tree_sum(self.predictor, values, constants)
        matrix = np.stack(values, axis=1)
        if isinstance(self.predictor, Linear):
            return Linear(single(matrix), single(constants))
        return _additive(self.predictor, matrix, constants)


def sums_of(predictor: Linear | Additive | TreeSum, Z: Any, link: str) -> Sums:
    """See a predictor as sums on encoded rows. What can be said by a constant is: first bins, and under a softmax the
    last output, of lines and tables are zero.
    """
    if isinstance(predictor, TreeSum):
        return _of_trees(predictor, Z)
    if isinstance(predictor, Linear):
        design, matrix = Z if sparse.issparse(Z) else Z.astype(np.float64), predictor.coef.astype(np.float64)
        constants = predictor.intercept.astype(np.float64)
    else:
        design, matrix, constants = _of_tables(predictor, Z)
    if link == "softmax":
        matrix, constants = matrix - matrix[:, -1:], constants - constants[-1]
    k = predictor.n_outputs
    return Sums(predictor, [design] * k, list(matrix.T), constants)


def _of_trees(predictor: TreeSum, Z: Any) -> Sums:
    k = predictor.n_outputs
    values, designs = [], []
    for output in range(k):
        trees = [tree for tree, of in zip(predictor.trees, predictor.output, strict=True) if of == output]
        starts = np.cumsum([0, *(tree.n_leaves for tree in trees)])
        cells = [tree.apply(Z) + start for tree, start in zip(trees, starts)]
        designs.append(_one_hot(cells, Z.shape[0], int(starts[-1])))
        values.append(np.concatenate([np.zeros(0), *(tree.value[:, 0].astype(np.float64) for tree in trees)]))
    return Sums(predictor, designs, values, predictor.base.astype(np.float64))


def _of_tables(predictor: Additive, Z: Any) -> tuple[sparse.csr_matrix, Floats, Floats]:
    rows = Z.toarray() if hasattr(Z, "toarray") else Z
    k = predictor.n_outputs
    constants = predictor.intercept.astype(np.float64)
    cells, parts, width = [], [np.zeros((0, k))], 0
    for i, (edges, table) in enumerate(zip(predictor.edges, predictor.tables, strict=True)):
        constants = constants + table[0]
        if len(edges):
            bins = np.searchsorted(edges, rows[:, i])
            cells.append(np.where(bins > 0, bins - 1 + width, -1))
            parts.append(table[1:].astype(np.float64) - table[0])
            width += len(edges)
    for pair in predictor.pairs:
        inner = pair.table[1:, 1:]
        first, second = np.divmod(pair.cells(rows), len(pair.edges[1]) + 1)
        cell = (first - 1) * inner.shape[1] + second - 1
        cells.append(np.where((first > 0) & (second > 0), cell + width, -1))
        parts.append(inner.reshape(-1, k).astype(np.float64))
        width += inner.shape[0] * inner.shape[1]
    return _one_hot(cells, len(rows), width), np.concatenate(parts), constants


def _one_hot(cells: list[NDArray[np.intp]], n_rows: int, width: int) -> sparse.csr_matrix:
    """A row of zeros and ones for each row; cell -1 is none."""
    if not cells:
        return sparse.csr_matrix((n_rows, width))
    columns = np.stack(cells, axis=1)
    inside = columns >= 0
    indptr = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
    return sparse.csr_matrix((np.ones(int(indptr[-1])), columns[inside], indptr), (n_rows, width))


def _additive(predictor: Additive, matrix: Floats, constants: Floats) -> Additive:
    k, at = predictor.n_outputs, 0
    tables, pairs = [], []
    for edges in predictor.edges:
        tables.append(single(np.concatenate([np.zeros((1, k)), matrix[at : at + len(edges)]])))
        at += len(edges)
    for pair in predictor.pairs:
        table = np.zeros(pair.table.shape)
        inner = table[1:, 1:]
        count = inner.shape[0] * inner.shape[1]
        inner[:] = matrix[at : at + count].reshape(inner.shape)
        at += count
        pairs.append(PairTable(pair.features, pair.edges, single(table)))
    return Additive(predictor.edges, tuple(tables), single(constants), tuple(pairs))


def _tree_sum(predictor: TreeSum, values: list[Floats], constants: Floats) -> TreeSum:
    at = [0] * predictor.n_outputs
    trees: list[Tree] = []
    for tree, k in zip(predictor.trees, predictor.output.tolist(), strict=True):
        trees.append(replace(tree, value=single(values[k][at[k] : at[k] + tree.n_leaves, None])))
        at[k] += tree.n_leaves
    return TreeSum(tuple(trees), predictor.output, single(constants), predictor.n_features)
