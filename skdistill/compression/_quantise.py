"""Numbers in fewer bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._sklearn import StrOptions
from ..model import Additive, Decoded, Linear, Model, Precision, Tree, sparing
from ..model._precision import BITS, UnfitError
from ..model._spare import with_last_share
from ._columns import halved_columns
from ._cuts import halved_tables, halved_trees
from ._evidence import Evidence
from ._pass import CompressionPass
from ._precise import refuse_quantised, single
from ._rounding import CURVATURE_ROWS, round_sums, round_tree, short
from ._sums import sums_of


class Quantise(CompressionPass):
    """Store numbers in fewer bits. The quantised model is evaluated as it is stored: its numbers are exact.

    - Inputs: thresholds, edges and what the encoding needs, in float16. Every given row still goes the same way through
      every tree and falls into the same bins; where float16 has no such number, a feature keeps float32. Thresholds of
      a feature become equal where the rows allow, and a tree stores each once. Scaled columns of a line are scaled by a
      power of two from now on, and not centered if their center is near; coefficients and intercepts make up for it.
    - Values: leaves, tables and coefficients, in float16, 8 or 4 bits. Integers are chosen with their scale for the
      least loss on the given rows; in 4 bits, each table of an additive model has its own. Intercepts stay in float32,
      and are set anew.

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
    (27, 25)
    >>> small.model.predict([[1, 0], [0, 1]]).round(1)
    array([1.1, 3. ])
    """

    comes_last: ClassVar[bool] = True
    takes_decoded: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "values": [StrOptions({"float32", "float16", "int8", "int4"})],
        "inputs": [StrOptions({"float32", "float16"})],
    }

    def __init__(self, values: str = "int8", *, inputs: str = "float16") -> None:
        self.values = values
        self.inputs = inputs

    def _run(self, model: Model, evidence: Evidence) -> Model:
        return quantised(model, evidence, [self.values], self.inputs)[0]


def quantised(model: Model, evidence: Evidence, storages: Sequence[str], inputs: str = "float16") -> list[Model]:
    """The model with its values in each of some storages; what these have in common is computed once."""
    refuse_quantised(model, "Quantise")
    if isinstance(model.predictor, Decoded):
        own = Evidence(model.core, evidence.X, None, evidence.weight)
        return [_decoded(model, model.predictor, core) for core in quantised(model.core, own, storages, inputs)]
    if inputs == "float16":
        model = replace(_halved_inputs(model, evidence), precision=Precision("float16"))
    bare = replace(model, precision=Precision())
    sums, parts = None, {}
    if not isinstance(bare.predictor, Tree | Decoded):
        rows = np.sort(np.random.RandomState(0).permutation(evidence.n_rows)[:CURVATURE_ROWS])
        sums = sums_of(bare.predictor, evidence.encode(bare.preprocessor)[rows], bare.output.link)
        curvature = evidence.derivatives(bare, sums.scores(sums.values, sums.constants), rows)[1]
        parts = round_sums(sums, curvature, [v for v in storages if v in ("int8", "int4")])
    found = []
    for values in storages:
        if values == "float32":
            found.append(model)
            continue
        try:
            if sums is None:
                rounded = _with_leaves(bare, evidence, values)
            else:
                halves = [_half(v) for v in sums.values], sums.constants
                rounded = replace(bare, predictor=sums.build(*(halves if values == "float16" else parts[values])))
            found.append(replace(rounded, precision=Precision(inputs, values)))
        except UnfitError:  # float32 it is
            found.append(model)
    return found


def _decoded(model: Model, predictor: Decoded, core: Model) -> Model:
    """The core quantised as what it is, a predictor of values, for least squared error; then the matrix."""
    matrix = predictor.matrix.astype(np.float64)
    if core.precision.values == "float16":
        matrix = _half(matrix)
    elif core.precision.values != "float32":
        scales = np.array([short(float(np.abs(row).max()) / 127) or 1.0 for row in matrix])[:, None]
        matrix = np.clip(np.rint(matrix / scales), -127, 127) * scales
    assert not isinstance(core.predictor, Decoded)
    found = Decoded(core.predictor, single(matrix), predictor.bias)
    return Model(core.preprocessor, found, model.output, core.precision)


def _halved_inputs(model: Model, evidence: Evidence) -> Model:
    model = halved_columns(model, evidence.encode(model.preprocessor))
    Z = evidence.encode(model.preprocessor)
    assert not isinstance(model.predictor, Decoded)  # whose core is quantised by itself
    if isinstance(model.predictor, Linear):
        return model
    if isinstance(model.predictor, Additive):
        return replace(model, predictor=halved_tables(model.predictor, Z))
    return replace(model, predictor=halved_trees(model.predictor, Z))


def _with_leaves(model: Model, evidence: Evidence, values: str) -> Model:
    """A tree with its leaves in this storage."""
    assert isinstance(model.predictor, Tree)
    if values != "float16":
        return round_tree(model, model.predictor, evidence, 2 ** BITS[values] - 1)
    tree = sparing(model.predictor, model.output.link)
    assert isinstance(tree, Tree)
    leaves = single(_half(tree.value))
    if model.output.link == "simplex":
        leaves = with_last_share(leaves)
    return replace(model, predictor=replace(tree, value=leaves))


def _half(values: NDArray[Any]) -> NDArray[np.float64]:
    """The nearest numbers of float16; infinite beyond its range."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float64)
