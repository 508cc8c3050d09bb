"""The model form: what a student is once fitted, and everything needed to load and evaluate one.

Needs NumPy alone, so that a shipped model starts as fast as NumPy does.
"""

from ._additive import Additive, PairTable
from ._columns import CategoryColumn, NumericColumn
from ._decoded import Decoded
from ._evaluate import LINKS
from ._json import ModelFormatError
from ._model import Model, load, save
from ._output import Output
from ._precision import Precision
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._size import packed_nbytes
from ._spare import sparing, used_features
from ._tree_sum import TreeSum

__all__ = [
    "LINKS",
    "Additive",
    "CategoryColumn",
    "Decoded",
    "Linear",
    "Model",
    "ModelFormatError",
    "NumericColumn",
    "Output",
    "PairTable",
    "Precision",
    "Preprocessor",
    "Tree",
    "TreeSum",
    "load",
    "packed_nbytes",
    "save",
    "sparing",
    "used_features",
]
