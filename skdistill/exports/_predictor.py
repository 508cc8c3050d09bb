"""Answers for one row in about a microsecond, and for many."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import CategoryColumn, Linear, Model, Tree
from ._latency import row_latency
from ._python import program, run
from ._raw import raw_form

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._compile import Compiled

#: Weights of a line beyond which a product in NumPy is faster than one written out in Python.
_WIDE = 600

#: What comes of a row that C cannot take as it is: too short or long, a mapping, text, numbers beyond float32.
_NOT_PACKED = (struct.error, TypeError, LookupError, OverflowError)


class Predictor:
    """Answers of a model without the checks of an estimator: for single rows, from a program that is written for it.

    It may be used by many threads, is pickled as its model, and needs no scikit-learn. ``predictor()`` of a fitted
    estimator makes one, and ``Predictor(load("student.json"))`` one of a shipped model.

    Parameters
    ----------
    model : Model
    compile : bool
        Also build the C header of the model with the compiler of this machine, in a temporary folder of its own, and
        answer with it where it is faster: for many rows unless the model is a line, which is NumPy's own trade, and
        for single rows unless it is one tree, which the Python program answers in less time than a call of C takes.
        Building takes about a second and verifies as `export` does. Without a compiler there is a warning, and
        answers are as without.

    Attributes
    ----------
    model : Model

    Examples
    --------
    >>> from skdistill import Predictor
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, -1], [30.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.25, 0.75]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("age")]), tree, Output("classification", "simplex", ("no", "yes")))
    >>> predictor = Predictor(model)
    >>> predictor.predict_one([30]), predictor.predict_one({"age": 31}), predictor.predict_proba_one([31])
    ('no', 'yes', (0.25, 0.75))
    >>> predictor.predict_proba([[30], [31]])
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """

    def __init__(self, model: Model, compile: bool = False) -> None:
        self.model = model
        self._compiled = _built(model) if compile else None
        self._single: tuple[int, ...] = (1, model.preprocessor.n_features_in)
        self._decide: Callable[[Any], Any] = self._decided_by_numpy
        self._evaluate: Callable[[Any], Any] = self._evaluated_by_numpy
        if self._compiled is not None and not isinstance(model.predictor, Tree):
            self._decide = _decided_by_c(model, self._compiled, self._decided_by_numpy)
            if model.output.classes is not None:
                self._evaluate = _evaluated_by_c(model, self._compiled, self._evaluated_by_numpy)
        elif isinstance(model.predictor, Linear) and model.predictor.coef.size > _WIDE:
            self._single = ()
        else:
            names = run(program(model, raw_form(model)), "predictor")
            self._decide = names["predict_one"]
            self._evaluate = names.get("predict_proba_one", self._evaluated_by_numpy)
        # Callers need not go through the methods of these names: that takes a third of a tree's time.
        self.__dict__.update(predict_one=self._decide, predict_proba_one=self._evaluate)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model, self._compiled is not None)

    def __repr__(self) -> str:
        return f"Predictor({self.model!r}{', compile=True' if self._compiled else ''})"

    def predict_one(self, row: Sequence[Any] | Mapping[str, Any]) -> Any:
        """Class label of a row, its value, or a tuple of values where a regression has several targets.

        Parameters
        ----------
        row : list of n_features_in cells, or mapping of names to cells
            None or NaN where a cell is missing. Plain Python numbers are fastest: ``array.tolist()``.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the row is of another length, a number is text, or a column is absent.
        """
        return self._decide(row)

    def predict_proba_one(self, row: Sequence[Any] | Mapping[str, Any]) -> tuple[float, ...]:
        """Probability of each class for a row; see `predict_one`. An AttributeError for a regression."""
        return self._evaluate(row)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict for many rows; see `Model.predict`."""
        compiled, output = self._for_many(X), self.model.output
        if compiled is None:
            return self.model.predict(X)
        cells = self.model.preprocessor.cells(X)
        if output.classes is not None:
            return output.labels.take(compiled.choices(cells))
        values = compiled.values(cells)
        return values[:, 0] if output.flat else values

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class for many rows, or for one in a table; see `Model.predict_proba`.

        One row in an array of numbers is answered by the program, and so to rounding errors like `predict_proba_one`.
        """
        if type(X) is np.ndarray and X.shape == self._single and X.dtype.kind in "fiu":
            return np.array([self._evaluate(X[0].tolist())])
        compiled = self._for_many(X)
        if compiled is None or self.model.output.classes is None:
            return self.model.predict_proba(X)
        return compiled.values(self.model.preprocessor.cells(X))

    def latency(self, X: Any) -> tuple[float, float]:
        """Microseconds that `predict_one` stays below for half of the rows and for 99 of 100, measured on rows of `X`.

        Parameters
        ----------
        X : table of one row or more
            As for `predict`, but not sparse.
        """
        return row_latency(self.predict_one, self.model.preprocessor.rows(X))

    def _for_many(self, X: Any) -> Compiled | None:
        """Compiled code, where it is faster than NumPy."""
        return None if isinstance(self.model.predictor, Linear) or hasattr(X, "tocsr") else self._compiled

    def _table(self, row: Any) -> Any:
        if hasattr(row, "keys"):
            return {name: [row[name]] for name in self.model.preprocessor.feature_names_in}
        return [row]

    def _decided_by_numpy(self, row: Any) -> Any:
        answer = self.model.predict(self._table(row))[0].tolist()
        return tuple(answer) if isinstance(answer, list) else answer

    def _evaluated_by_numpy(self, row: Any) -> tuple[float, ...]:
        return tuple(self.model.predict_proba(self._table(row))[0].tolist())


def _built(model: Model) -> Compiled | None:
    """The compiled and verified C header; None, and a warning, where there is no compiler."""
    # Imported here: a start without a compiler need not wait for what calls one.
    from ._c import TARGET
    from ._compile import compiled, compiler
    from ._rows import adversarial_rows
    from ._verify import check_answers

    path = compiler()
    if path is None:
        warnings.warn(
            "compile=True has no effect: no C compiler (cc, gcc, clang) that works was found on the PATH.", stacklevel=3
        )
        return None
    form = raw_form(model)
    found = compiled(TARGET.write(model, form, "model"), model, "model", path)
    columns = adversarial_rows(model, form)
    check_answers(model, columns, *found.answer(model, columns), TARGET.tolerance[type(form)])
    return found


def _packer(model: Model) -> Callable[[Any], bytes]:
    """What turns a list of cells into the floats that C reads."""
    pack = struct.Struct(f"{model.preprocessor.n_features_in}f").pack
    codes = [
        (i, {None: nan, **{label: float(code) for code, label in enumerate(column.categories)}})
        for i, column in enumerate(model.preprocessor.columns)
        if isinstance(column, CategoryColumn)
    ]

    def packed(row: Any) -> bytes:
        if type(row) is not list and type(row) is not tuple:
            raise TypeError  # cells need not come in their order
        return pack(*row)

    def coded(row: Any) -> bytes:
        if type(row) is not list and type(row) is not tuple:
            raise TypeError
        cells = list(row)
        for i, code_of in codes:
            cell = cells[i]
            cells[i] = code_of.get(cell, -1.0) if cell == cell else nan
        return pack(*cells)

    return coded if codes else packed


def _decided_by_c(model: Model, compiled: Compiled, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    packed, choice, values, labels = _packer(model), compiled.choice, compiled.values_one, model.output.classes

    def decide(row: Any) -> Any:
        try:
            return labels[choice(packed(row))]  # type: ignore[index]
        except _NOT_PACKED:
            return otherwise(row)

    def value(row: Any) -> Any:
        try:
            return values(packed(row))[0]
        except _NOT_PACKED:
            return otherwise(row)

    if labels is not None:
        return decide
    return value if model.output.flat else _evaluated_by_c(model, compiled, otherwise)


def _evaluated_by_c(model: Model, compiled: Compiled, otherwise: Callable[[Any], Any]) -> Callable[[Any], Any]:
    packed, values = _packer(model), compiled.values_one

    def evaluate(row: Any) -> Any:
        try:
            return values(packed(row))
        except _NOT_PACKED:
            return otherwise(row)

    return evaluate
