"""How many bytes a device would store: one formula for our models and for anybody's tree or line.

What is counted, in bytes:

- a header of 16;
- for each raw column of which the predictor uses an encoded feature: 2 for its number; if numeric, 4 for the fill
  value, and 8 for center and scale if it is scaled; if categorical, for each *used* category 1 + its UTF-8 length
  (text), 4 (number) or 1 (bool);
- a tree: per split the feature (1 with up to 256 used encoded features, else 2), the threshold (4) and the right child
  (1 with up to 256 nodes, 2 with up to 65,536, else 4); one bit a node for leaf or split, rounded up to bytes; per leaf
  4 for each free output;
- a line: per used feature (a row of `coef` that is not all zeros) 4 for each free output, and 4 for each free
  intercept;
- an additive model: per used feature (one whose table is not constant) 1 for the number of its edges (4 where that
  exceeds 255), per edge 4, per bin but the first 4 for each free output; and 4 for each free intercept. The first bin
  is not free: what it adds to all rows may as well be added to the intercept. Per pair of features whose table is not
  zero: for each of the two features 1 for its number (2 with more than 256 used encoded features), 1 for the number of
  its edges (4 where that exceeds 255) and 4 per edge; and 4 for each free output of a cell, but for the first row and
  the first column, which are zero;
- a sum of trees: per used feature 1 for the number of its distinct edges (4 where that exceeds 255), per edge 4; per
  split the number of its edge (1 with up to 256 edges in all, 2 with up to 65,536, else 4), per leaf 4, per tree 1 for
  the output it adds to (2 with more than 256 outputs); one bit a node for leaf or split, rounded up to bytes once; and
  4 for each free value of the base. Trees share edges, for which the student that grows them may care. A small tree
  needs no numbers of right children: who goes right passes over the left subtree, which ends where the bits have
  counted one leaf more than splits.

Free outputs are k - 1 under a softmax, which does not change when a constant is added to all scores, and under a
simplex, where the last share follows from the sum; else k. Names and class labels are not counted: the host knows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._additive import Additive
from ._columns import CategoryColumn, NumericColumn
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._labels import Label

#: What computes outputs from encoded features.
Predictor = Tree | Linear | Additive | TreeSum

_HEADER = 16


def packed_nbytes(predictor: Predictor, link: str = "identity", preprocessor: Preprocessor | None = None) -> int:
    """Size a predictor and the columns it uses, packed for a device.

    Parameters
    ----------
    predictor : Tree, Linear, Additive or TreeSum
    link : {"identity", "softmax", "simplex"}
        Decides how many outputs are free.
    preprocessor : Preprocessor or None
        None: each feature is a numeric column that is not scaled, as for a tree fitted elsewhere.

    Returns
    -------
    nbytes : int

    Examples
    --------
    >>> from skdistill.model import Tree, packed_nbytes
    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[0.9, 0.1], [0.2, 0.8]], n_features=1)
    >>> packed_nbytes(tree, link="simplex")  # 16 + column 6 + split 6 + bits 1 + leaves 2 * 4
    37
    """
    used = used_features(predictor)
    if preprocessor is None:
        columns = 6 * int(used.sum())
    else:
        parts = zip(preprocessor.columns, preprocessor.slices, strict=True)
        columns = sum(_column_nbytes(column, used[part].tolist()) for column, part in parts if used[part].any())
    free = predictor.n_outputs - (link in ("softmax", "simplex"))
    return _HEADER + columns + _predictor_nbytes(predictor, int(used.sum()), free)


def used_features(predictor: Predictor) -> NDArray[np.bool_]:
    """Tell which encoded features can change the outputs: those that trees split on, those with a weight in a line,
    with a table that is not constant or in a pair whose table is not zero.

    >>> used_features(Linear([[0.0], [2.0]], [1.0]))
    array([False,  True])
    """
    if isinstance(predictor, Linear):
        return np.asarray(predictor.coef.any(axis=1))
    if isinstance(predictor, Additive):
        own = _own_tables(predictor)
        own[[i for pair in predictor.pairs if pair.table.any() for i in pair.features]] = True
        return own
    used = np.zeros(predictor.n_features, dtype=bool)
    for tree in predictor.trees if isinstance(predictor, TreeSum) else (predictor,):
        used[tree.feature[tree.feature >= 0]] = True
    return used


def _own_tables(predictor: Additive) -> NDArray[np.bool_]:
    """Tell which features have a table of their own that is not constant."""
    return np.array([(table != table[0]).any() for table in predictor.tables], dtype=bool)


def shared_edges(predictor: TreeSum) -> dict[int, NDArray[np.float32]]:
    """The distinct thresholds of each feature that trees split on.

    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=1)
    >>> shared_edges(TreeSum([tree, tree], [0, 0], [0.0], n_features=1))
    {0: array([0.5], dtype=float32)}
    """
    feature = np.concatenate([np.zeros(0, np.int32), *(tree.feature for tree in predictor.trees)])
    threshold = np.concatenate([np.zeros(0, np.float32), *(tree.threshold for tree in predictor.trees)])
    return {int(j): np.unique(threshold[feature == j]) for j in np.unique(feature[feature >= 0])}


def _column_nbytes(column: NumericColumn | CategoryColumn, used: list[bool]) -> int:
    if isinstance(column, NumericColumn):
        return 14 if column.is_scaled else 6
    # The indicator of missing values comes last, after the categories: zip leaves it out.
    return 2 + sum(_label_nbytes(label) for label, is_used in zip(column.categories, used) if is_used)


def _label_nbytes(label: Label) -> int:
    if isinstance(label, str):
        return 1 + len(label.encode())
    return 1 if isinstance(label, bool) else 4


def _predictor_nbytes(predictor: Predictor, n_used: int, free: int) -> int:
    if isinstance(predictor, Linear):
        return 4 * free * (n_used + 1)
    if isinstance(predictor, Additive):
        n_edges = [len(e) for e, used in zip(predictor.edges, _own_tables(predictor), strict=True) if used]
        number = 1 if n_used <= 256 else 2
        sides = [[len(e) for e in pair.edges] for pair in predictor.pairs if pair.table.any()]
        heads = sum(number + _edges_nbytes([n]) for side in sides for n in side)
        own = _edges_nbytes(n_edges) + 4 * free * sum(n_edges)
        return own + heads + sum(4 * free * a * b for a, b in sides) + 4 * free
    if isinstance(predictor, TreeSum):
        n_edges = [len(distinct) for distinct in shared_edges(predictor).values()]
        n_splits = predictor.n_leaves - predictor.n_trees
        nodes = n_splits * _width(sum(n_edges)) + (n_splits + predictor.n_leaves + 7) // 8 + 4 * predictor.n_leaves
        return _edges_nbytes(n_edges) + nodes + predictor.n_trees * _width(predictor.n_outputs) + 4 * free
    n_nodes = len(predictor.feature)
    feature = 1 if n_used <= 256 else 2
    n_splits = n_nodes - predictor.n_leaves
    return n_splits * (feature + 4 + _width(n_nodes)) + (n_nodes + 7) // 8 + 4 * free * predictor.n_leaves


def _edges_nbytes(n_edges: list[int]) -> int:
    return sum((1 if n <= 255 else 4) + 4 * n for n in n_edges)


def _width(count: int) -> int:
    """Bytes that tell `count` things apart."""
    return 1 if count <= 256 else 2 if count <= 65_536 else 4
