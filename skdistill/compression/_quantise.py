"""Numbers in fewer bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from .._sklearn import StrOptions
from ..model import Additive, Linear, Model, Precision, Tree
from ._columns import halved_columns
from ._compress import CompressionPass
from ._cuts import halved_tables, halved_trees
from ._evidence import Evidence
from ._precise import refuse_quantised
from ._rounding import round_sums, round_tree
from ._sums import sums_of


class Quantise(CompressionPass):
    """Store numbers in fewer bits. The quantised model is evaluated as it is stored: its numbers are exact.

    - Inputs: thresholds, edges and what the encoding needs, in float16. Every given row still goes the same way through
      every tree and falls into the same bins; where float16 has no such number, a feature keeps float32. Thresholds of
      a feature become equal where the rows allow, and a tree stores each once. Scaled columns of a line are scaled by a
      power of two from now on, and their coefficients make up for it.
    - Values: leaves, tables and coefficients, in float16, 8 or 4 bits. Integers are chosen with their scale for the
      least loss on the given rows. Intercepts stay in float32, and are set anew.

    Parameters
    ----------
    values : {"float32", "float16", "int8", "int4"}, default="int8"
        See `Precision`. Values that it cannot hold, such as numbers beyond the range of float16, stay in float32.
    inputs : {"float32", "float16"}, default="float16"

    Examples
    --------
    >>> from skdistill.compression import Quantise, compress
    >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
    >>> columns = [NumericColumn("x"), NumericColumn("y")]
    >>> output = Output("regression", "identity", targets=("z",))
    >>> line = Model(Preprocessor(columns), Linear([[0.1], [2.0]], [1.0]), output)
    >>> small = compress(line, Quantise(), [[0, 0], [1, 0], [0, 1], [1, 1]])
    >>> small.model.precision
    Precision(inputs='float16', values='int8')
    >>> line.nbytes, small.model.nbytes
    (40, 29)
    >>> small.model.predict([[1, 0], [0, 1]]).round(1)
    array([1.1, 3. ])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "values": [StrOptions({"float32", "float16", "int8", "int4"})],
        "inputs": [StrOptions({"float32", "float16"})],
    }

    def __init__(self, values: str = "int8", *, inputs: str = "float16") -> None:
        self.values = values
        self.inputs = inputs

    def _run(self, model: Model, evidence: Evidence) -> Model:
        refuse_quantised(model, "Quantise")
        if self.inputs == "float16":
            model = replace(_halved_inputs(model, evidence), precision=Precision("float16"))
        if self.values == "float32":
            return model
        try:
            rounded = _rounded_values(model, evidence, self.values)
            return replace(rounded, precision=Precision(self.inputs, self.values))
        except ValueError:
            return model


def _halved_inputs(model: Model, evidence: Evidence) -> Model:
    model = halved_columns(model)
    Z = evidence.encode(model.preprocessor)
    if isinstance(model.predictor, Linear):
        return model
    if isinstance(model.predictor, Additive):
        return replace(model, predictor=halved_tables(model.predictor, Z))
    return replace(model, predictor=halved_trees(model.predictor, Z))


def _rounded_values(model: Model, evidence: Evidence, values: str) -> Model:
    model = replace(model, precision=Precision())
    tree = model.predictor if isinstance(model.predictor, Tree) else None
    if values == "float16":
        with np.errstate(over="ignore"):
            if tree is not None:
                leaves = tree.value - tree.value[:, -1:] if model.output.link == "softmax" else tree.value
                return replace(model, predictor=replace(tree, value=leaves.astype(np.float16)))
            sums = sums_of(model.predictor, evidence.encode(model.preprocessor), model.output.link)
            return replace(model, predictor=sums.build([v.astype(np.float16) for v in sums.values], sums.constants))
    bits = {"int8": 8, "int4": 4}[values]
    if tree is not None:
        return round_tree(model, tree, evidence, 2**bits - 1)
    return round_sums(model, evidence, 2 ** (bits - 1) - 1)
