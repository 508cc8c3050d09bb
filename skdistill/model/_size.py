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

A `Precision` other than float32 changes what numbers take:

- inputs in "float16". A number takes 2 bytes where float16 holds it exactly, else 4; the edges of a feature are all of
  one width. Which raw columns are used takes one bit for each column there is, or 2 bytes for each used one, whichever
  is less; a used column takes 1 byte of flags. A numeric one stores the fill value unless it equals the center, the
  center unless it is 0, the scale unless it is 1 (1 byte for a power of two); a categorical one its labels. The byte
  that counts edges tells their width too (up to 127 edges; 4 bytes beyond). A tree stores the distinct edges of each
  feature once, as a sum of trees does, and its splits give the number of an edge and the right child.
- values in "float16", "int8" or "int4" take 2 bytes, 1 byte or half a byte, all of them together rounded up to bytes.
  Intercepts and bases stay in float32. Integers need the scale of each free output, 4 bytes, and those of a tree the
  smallest leaf, 4 more; a tree under a simplex needs neither, since its link divides.

Free outputs are k - 1 under a softmax, which does not change when a constant is added to all scores, and under a
simplex, where the last share follows from the sum; else k. Names and class labels are not counted: the host knows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._additive import Additive
from ._columns import CategoryColumn, NumericColumn
from ._precision import BITS, Precision, is_half
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ._labels import Label

#: What computes outputs from encoded features.
Predictor = Tree | Linear | Additive | TreeSum

_HEADER = 16
_FULL = Precision()


def packed_nbytes(
    predictor: Predictor,
    link: str = "identity",
    preprocessor: Preprocessor | None = None,
    precision: Precision = _FULL,
) -> int:
    """Size a predictor and the columns it uses, packed for a device.

    Parameters
    ----------
    predictor : Tree, Linear, Additive or TreeSum
    link : {"identity", "softmax", "simplex"}
        Decides how many outputs are free.
    preprocessor : Preprocessor or None
        None: each feature is a numeric column that is not scaled, as for a tree fitted elsewhere.
    precision : Precision
        How numbers are stored.

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
    free = predictor.n_outputs - (link in ("softmax", "simplex"))
    half = precision.inputs == "float16"
    if preprocessor is None:
        preprocessor = Preprocessor(tuple(NumericColumn(str(i)) for i in range(predictor.n_features)))
    parts = zip(preprocessor.columns, preprocessor.slices, strict=True)
    found = [(column, used[part].tolist()) for column, part in parts if used[part].any()]
    columns = sum((_half_column_nbytes if half else _column_nbytes)(*each) for each in found)
    if half:
        columns += min((preprocessor.n_features_in + 7) // 8, 2 * len(found))
    structure = _structure_nbytes(predictor, int(used.sum()), half)
    return _HEADER + columns + structure + _values_nbytes(predictor, link, free, precision.values)


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


def shared_edges(predictor: Tree | TreeSum) -> dict[int, NDArray[np.float32]]:
    """The distinct thresholds of each feature that trees split on.

    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=1)
    >>> shared_edges(TreeSum([tree, tree], [0, 0], [0.0], n_features=1))
    {0: array([0.5], dtype=float32)}
    """
    trees = predictor.trees if isinstance(predictor, TreeSum) else (predictor,)
    feature = np.concatenate([np.zeros(0, np.int32), *(tree.feature for tree in trees)])
    threshold = np.concatenate([np.zeros(0, np.float32), *(tree.threshold for tree in trees)])
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


def _half_column_nbytes(column: NumericColumn | CategoryColumn, used: list[bool]) -> int:
    if isinstance(column, CategoryColumn):
        return _column_nbytes(column, used) - 1  # flags instead of the number
    nbytes = 1
    if column.fill != column.center:
        nbytes += _numbers_nbytes([column.fill], True)
    if column.center:
        nbytes += _numbers_nbytes([column.center], True)
    if column.scale != 1:
        nbytes += 1 if np.frexp(column.scale)[0] == 0.5 else 4
    return nbytes


def _structure_nbytes(predictor: Predictor, n_used: int, half: bool) -> int:
    """All but what is looked up or summed."""
    if isinstance(predictor, Linear):
        return 0
    number = 1 if n_used <= 256 else 2
    if isinstance(predictor, Additive):
        own = [edges for edges, used in zip(predictor.edges, _own_tables(predictor), strict=True) if used]
        of_pairs = [edges for pair in predictor.pairs if pair.table.any() for edges in pair.edges]
        return sum(_edges_nbytes(edges, half) for edges in own + of_pairs) + number * len(of_pairs)
    if isinstance(predictor, TreeSum):
        distinct = list(shared_edges(predictor).values())
        n_splits = predictor.n_leaves - predictor.n_trees
        nodes = n_splits * _width(sum(map(len, distinct))) + (n_splits + predictor.n_leaves + 7) // 8
        trees = predictor.n_trees * _width(predictor.n_outputs)
        return sum(_edges_nbytes(edges, half) for edges in distinct) + nodes + trees
    n_nodes = len(predictor.feature)
    n_splits = n_nodes - predictor.n_leaves
    rest = n_splits * _width(n_nodes) + (n_nodes + 7) // 8
    if not half:
        return n_splits * (number + 4) + rest
    distinct = list(shared_edges(predictor).values())
    return sum(_edges_nbytes(edges, True) for edges in distinct) + n_splits * _width(sum(map(len, distinct))) + rest


def _values_nbytes(predictor: Predictor, link: str, free: int, stored: str) -> int:
    """What is looked up or summed, and the constants beside it."""
    constants = 0 if isinstance(predictor, Tree) else 4 * free
    if isinstance(predictor, TreeSum):
        count, n_scales = predictor.n_leaves, predictor.n_outputs
    elif isinstance(predictor, Tree):
        count, n_scales = predictor.n_leaves * free, 0 if link == "simplex" else 2 * free
    elif isinstance(predictor, Linear):
        count, n_scales = int(predictor.coef.any(axis=1).sum()) * free, free
    else:
        own = sum(len(edges) for edges, used in zip(predictor.edges, _own_tables(predictor), strict=True) if used)
        cells = sum(len(pair.edges[0]) * len(pair.edges[1]) for pair in predictor.pairs if pair.table.any())
        count, n_scales = (own + cells) * free, free
    scales = 4 * n_scales if stored.startswith("int") else 0
    return constants + scales + (count * BITS[stored] + 7) // 8


def _edges_nbytes(edges: NDArray[np.float32], half: bool) -> int:
    count = 1 if len(edges) <= (127 if half else 255) else 4
    return count + _numbers_nbytes(edges, half)


def _numbers_nbytes(numbers: ArrayLike, half: bool) -> int:
    array = np.asarray(numbers, dtype=np.float32)
    return (2 if half and is_half(array) else 4) * array.size


def _width(count: int) -> int:
    """Bytes that tell `count` things apart."""
    return 1 if count <= 256 else 2 if count <= 65_536 else 4
