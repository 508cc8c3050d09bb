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
  the first column, which are zero.

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._labels import Label

_HEADER = 16


def packed_nbytes(
    predictor: Tree | Linear | Additive, link: str = "identity", preprocessor: Preprocessor | None = None
) -> int:
    """Size a predictor and the columns it uses, packed for a device.

    Parameters
    ----------
    predictor : Tree, Linear or Additive
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


def used_features(predictor: Tree | Linear | Additive) -> NDArray[np.bool_]:
    """Tell which encoded features can change the outputs: those a tree splits on, those with a weight in a line,
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
    used[predictor.feature[predictor.feature >= 0]] = True
    return used


def _own_tables(predictor: Additive) -> NDArray[np.bool_]:
    """Tell which features have a table of their own that is not constant."""
    return np.array([(table != table[0]).any() for table in predictor.tables], dtype=bool)


def _column_nbytes(column: NumericColumn | CategoryColumn, used: list[bool]) -> int:
    if isinstance(column, NumericColumn):
        return 14 if column.is_scaled else 6
    # The indicator of missing values comes last, after the categories: zip leaves it out.
    return 2 + sum(_label_nbytes(label) for label, is_used in zip(column.categories, used) if is_used)


def _label_nbytes(label: Label) -> int:
    if isinstance(label, str):
        return 1 + len(label.encode())
    return 1 if isinstance(label, bool) else 4


def _predictor_nbytes(predictor: Tree | Linear | Additive, n_used: int, free: int) -> int:
    if isinstance(predictor, Linear):
        return 4 * free * (n_used + 1)
    if isinstance(predictor, Additive):
        n_edges = [len(e) for e, used in zip(predictor.edges, _own_tables(predictor), strict=True) if used]
        own = sum((1 if n <= 255 else 4) + 4 * (1 + free) * n for n in n_edges)
        number = 1 if n_used <= 256 else 2
        sides = [[len(e) for e in pair.edges] for pair in predictor.pairs if pair.table.any()]
        heads = sum(number + (1 if n <= 255 else 4) + 4 * n for side in sides for n in side)
        return own + heads + sum(4 * free * a * b for a, b in sides) + 4 * free
    n_nodes = len(predictor.feature)
    feature = 1 if n_used <= 256 else 2
    offset = 1 if n_nodes <= 256 else 2 if n_nodes <= 65_536 else 4
    n_splits = n_nodes - predictor.n_leaves
    return n_splits * (feature + 4 + offset) + (n_nodes + 7) // 8 + 4 * free * predictor.n_leaves
