"""A whole student: how raw rows are encoded, what is computed from them, and what that means."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._files import write_whole
from ._additive import Additive
from ._decoded import Decoded
from ._frozen import Frozen, frozen
from ._json import MAGIC, ModelFormatError, decode, encode
from ._output import Output
from ._precision import Precision, check_precision
from ._predictors import Linear, Tree
from ._preprocessor import Preprocessor
from ._size import packed_nbytes
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@frozen
class Model(Frozen):
    """A compact student in the form that everything downstream reads.

    Parameters
    ----------
    preprocessor : Preprocessor
    predictor : Tree, Linear, Additive, TreeSum or Decoded
        On the encoded features of `preprocessor`.
    output : Output
        With a class or target for each output of `predictor`.
    precision : Precision
        How numbers are stored where bytes count: float32, unless the model was quantised. Changes no answer.

    Raises
    ------
    ValueError
        If the parts do not fit together, or the values of the predictor do not fit the precision.

    Examples
    --------
    >>> from skdistill.model import Model, NumericColumn, Output, Preprocessor, Tree
    >>> tree = Tree([0, -1, -1], [30.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.5, 0.5]], n_features=1)
    >>> model = Model(Preprocessor([NumericColumn("age")]), tree, Output("classification", "simplex", ("no", "yes")))
    >>> model.predict_proba({"age": [30, 31]})
    array([[0.75, 0.25],
           [0.5 , 0.5 ]])
    >>> model.predict([[30], [31]])
    array(['no', 'no'], dtype='<U3')
    >>> model.nbytes
    29
    """

    preprocessor: Preprocessor
    predictor: Tree | Linear | Additive | TreeSum | Decoded
    output: Output
    precision: Precision = Precision()

    def __post_init__(self) -> None:
        for name, kinds in (
            ("preprocessor", (Preprocessor,)),
            ("predictor", (Tree, Linear, Additive, TreeSum, Decoded)),
            ("output", (Output,)),
            ("precision", (Precision,)),
        ):
            part = getattr(self, name)
            if not isinstance(part, kinds):
                wanted = " or ".join(kind.__name__ for kind in kinds).replace(" or ", ", ", len(kinds) - 2)
                raise ValueError(f"'{name}' of Model must be a {wanted}. Got {part!r} instead.")
        if self.predictor.n_features != self.preprocessor.n_encoded:
            raise ValueError(
                f"The predictor reads {self.predictor.n_features} features, but the preprocessor encodes "
                f"{self.preprocessor.n_encoded}."
            )
        if self.predictor.n_outputs != self.output.n_outputs:
            raise ValueError(
                f"The predictor has {self.predictor.n_outputs} outputs, but there are {self.output.n_outputs} "
                "classes or targets."
            )
        check_precision(self.predictor, self.output.link, self.precision)

    def decision(self, X: Any) -> NDArray[np.float64]:
        """Compute the outputs before the link, shape (n, n_outputs). `X` is what `Preprocessor.transform` takes."""
        return self.predictor.evaluate(self.preprocessor.transform(X))

    def evaluate(self, X: Any) -> NDArray[np.float64]:
        """Compute the outputs after the link, shape (n, n_outputs). `X` is what `Preprocessor.transform` takes."""
        return self.predictor.evaluate(self.preprocessor.transform(X), self.output.activate)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Compute the probability of each class, shape (n, n_classes); an AttributeError for a regression."""
        if self.output.task != "classification":
            raise AttributeError("predict_proba is for classification, and this model is a regression: use predict.")
        return self.evaluate(X)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict a class label for each row, or the values of a regression.

        Parameters
        ----------
        X : array-like of shape (n, n_features_in), mapping, DataFrame or sparse matrix
            See `Preprocessor.transform`.

        Returns
        -------
        y : array of shape (n,), or (n, n_targets) for a regression whose output is not flat
            Labels have the dtype of the classes: text, int64, float64 or bool.
        """
        return self.predictor.evaluate(self.preprocessor.transform(X), self.output.decide)

    @property
    def core(self) -> Model:
        """The model of what a decoder reads, values z1, z2, ...; the model itself where nothing is decoded."""
        if not isinstance(self.predictor, Decoded):
            return self
        targets = tuple(f"z{i + 1}" for i in range(self.predictor.rank))
        output = Output("regression", "identity", None, targets, False)
        return Model(self.preprocessor, self.predictor.core, output, self.precision)

    @cached_property
    def nbytes(self) -> int:
        """Packed size in bytes, as a device would store the model; see `packed_nbytes`."""
        return packed_nbytes(self.predictor, self.output.link, self.preprocessor, self.precision)

    def to_bytes(self, names: bool = True) -> bytes:
        """Write the model in its packed form, of which docs/packed_format.md tells every byte.

        What changes no answer is left out: encoded features that the predictor does not use.

        Parameters
        ----------
        names : bool
            Whether names of columns and targets and labels of classes follow the numbers, which take `nbytes`. Without
            them they become x0, x1, ..., y, and 0, 1, ...

        Returns
        -------
        data : bytes

        Raises
        ------
        ValueError
            If there are more than 65,536 columns, too many for so few bytes without names.
        """
        from ._pack import pack  # a cold start need not read it

        return pack(self.preprocessor, self.predictor, self.output, self.precision, names)

    @staticmethod
    def from_bytes(data: bytes) -> Model:
        """Read a model from the bytes of a file, packed or JSON. Nothing in them is executed.

        Parameters
        ----------
        data : bytes

        Returns
        -------
        model : Model

        Raises
        ------
        ModelFormatError
            If they are damaged, not a model, or of a newer format than this version of skdistill reads.

        Examples
        --------
        >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor
        >>> line, output = Linear([[2.0]], [1.0]), Output("regression", "identity", targets=("y",))
        >>> data = Model(Preprocessor([NumericColumn("x")]), line, output).to_bytes()
        >>> data
        b'...'
        >>> Model.from_bytes(data).predict([[3.0]])
        array([7.])
        """
        try:
            if not data.startswith(MAGIC):
                return Model(*decode(data))
            from ._unpack import unpack  # long, and most files are JSON: a cold start need not read it

            return Model(*unpack(data))
        except ModelFormatError:
            raise
        except ValueError as error:
            raise ModelFormatError(str(error)) from error

    def rules(self, X: Any = None, *, format: str = "text") -> str:
        """Say the model in words, as ``"text"`` or ``"markdown"``; see `skdistill.words.rules`."""
        from ..words import rules  # reads this module

        return rules(self, X, format=format)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a JSON file; see `save`."""
        save(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """Read a model from a file; see `load`."""
        return load(path)


def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to a JSON file, whole or not at all.

    The file appears under its name only when it is complete and on the disk; one that was there before is replaced.

    Parameters
    ----------
    model : Model
    path : str or path-like

    Examples
    --------
    >>> import os, tempfile
    >>> from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor, load, save
    >>> model = Model(
    ...     Preprocessor([NumericColumn("x")]), Linear([[2.0]], [1.0]), Output("regression", "identity", targets=("y",))
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, os.path.join(folder, "model.json"))
    ...     load(os.path.join(folder, "model.json")).predict([[3.0]])
    array([7.])
    """
    write_whole(path, encode(model.preprocessor, model.predictor, model.output, model.precision))


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model from a JSON or packed file. Nothing in it is executed; a file from anywhere is safe to load.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : Model

    Raises
    ------
    ModelFormatError
        If the file is damaged, not a model, or of a newer format than this version of skdistill reads.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from skdistill.model import load
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     load(file.name)
    Traceback (most recent call last):
    ...
    skdistill.model._json.ModelFormatError: Cannot load '...': it is not JSON (...).
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return Model.from_bytes(data)
    except ModelFormatError as error:
        raise ModelFormatError(f"Cannot load {os.fspath(path)!r}: {error}") from error
