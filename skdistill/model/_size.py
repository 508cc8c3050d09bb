"""How many bytes a device would store: one formula for our models and for anybody's tree or line.

It is the length of the packed form without names and labels, which a device need not know; docs/packed_format.md tells
what takes how much.
"""

from __future__ import annotations

from ._columns import NumericColumn
from ._precision import Precision
from ._preprocessor import Preprocessor
from ._spare import Predictor

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
    link : {"identity", "softmax", "simplex", "exp"}
        Decides whether the last output need be stored; see `sparing`.
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
    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.25, 0.75]], n_features=1)
    >>> packed_nbytes(tree, link="simplex")  # header 12 + column 2 + splits 1 + 1 + 1 + 4 + leaves 2 * 4
    29
    """
    from ._pack import packed_numbers  # a cold start need not read it

    if preprocessor is None:
        preprocessor = Preprocessor(tuple(NumericColumn(str(i)) for i in range(predictor.n_features)))
    return 8 + len(packed_numbers(predictor, link, preprocessor, precision))
