"""Answers for one row in well under a microsecond, and for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Linear, Model
from ._python import program, run
from ._raw import raw_form

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Weights of a line beyond which a product in NumPy is faster than one written out in Python.
_WIDE = 600


class Predictor:
    """Answers of a model without the checks of an estimator: for single rows, from a program that is written for it.

    It may be used by many threads, is pickled as its model, and needs no scikit-learn. ``predictor()`` of a fitted
    estimator makes one, and ``Predictor(load("student.json"))`` one of a shipped model.

    Parameters
    ----------
    model : Model

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

    def __init__(self, model: Model) -> None:
        self.model = model
        if isinstance(model.predictor, Linear) and model.predictor.coef.size > _WIDE:
            self._decide, self._evaluate = self._decided_by_numpy, self._evaluated_by_numpy
            self._single: tuple[int, ...] = ()
        else:
            self._single = (1, model.preprocessor.n_features_in)
            names = run(program(model, raw_form(model)), "predictor")
            self._decide = names["predict_one"]
            self._evaluate = names.get("predict_proba_one", self._evaluated_by_numpy)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.model,)

    def __repr__(self) -> str:
        return f"Predictor({self.model!r})"

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
        return self.model.predict(X)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class for many rows, or for one in a table; see `Model.predict_proba`.

        One row in an array of numbers is answered by the program, and so to rounding errors like `predict_proba_one`.
        """
        if type(X) is np.ndarray and X.shape == self._single and X.dtype.kind in "fiu":
            return np.array([self._evaluate(X[0].tolist())])
        return self.model.predict_proba(X)

    def _table(self, row: Any) -> Any:
        if hasattr(row, "keys"):
            return {name: [row[name]] for name in self.model.preprocessor.feature_names_in}
        return [row]

    def _decided_by_numpy(self, row: Any) -> Any:
        answer = self.model.predict(self._table(row))[0].tolist()
        return tuple(answer) if isinstance(answer, list) else answer

    def _evaluated_by_numpy(self, row: Any) -> tuple[float, ...]:
        return tuple(self.model.predict_proba(self._table(row))[0].tolist())
