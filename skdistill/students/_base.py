"""What every built-in student shares: reading X, soft labels and weights, and predicting through the model form.

A student adds its parameters, its class attributes and one method, `_solve`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    check_non_negative,
    validate_data,
)

from .._sklearn import StrOptions, fit_context
from ..engine import BLOCK_ROWS, Block, Engine, MemoryEngine
from ..model import LINKS, Model, NumericColumn, Output, Precision, Preprocessor
from ..words import rules

#: How far the sum of a row of soft labels may be from 1.
SUM_TOLERANCE = 1e-6


def resolve_loss(loss: str, Q: np.ndarray, weight: np.ndarray) -> str:
    """The loss meant by `loss` for targets `Q`; checks that `Q` suits it.

    Parameters
    ----------
    loss : {"auto", "log_loss", "squared"}
        "auto": "log_loss" where the rows of `Q` are distributions over at least two classes, else "squared".
    Q : ndarray of shape (n,) or (n, k)
        Finite targets.
    weight : ndarray of shape (n,)
        Rows of weight 0 are not looked at.

    Returns
    -------
    {"log_loss", "squared"}

    Raises
    ------
    ValueError
        Where `loss` is "log_loss" and a row of `Q` is not a distribution; the message names the first such row.

    Examples
    --------
    >>> resolve_loss("auto", np.array([[0.9, 0.1], [0.3, 0.7]]), np.ones(2))
    'log_loss'
    >>> resolve_loss("auto", np.array([3.0, 4.0]), np.ones(2))
    'squared'
    """
    # In blocks, so that checking takes no memory to speak of.
    return _resolved(loss, MemoryEngine({"Q": Q, "weight": weight}), Q.shape)


def _resolved(loss: str, engine: Engine, shape: tuple[int, ...]) -> str:
    """The same for the columns ``"Q"``, of the given shape, and ``"weight"`` of an engine."""
    if loss == "squared":
        return loss
    if len(shape) == 1 or shape[1] < 2:
        problem = f"Got an array of shape {shape}."
    else:
        found = engine.reduce(_not_distribution, combine=_first)
        if found is None:
            return "log_loss"
        problem = "Row {} {}.".format(*found)
    if loss == "log_loss":
        raise ValueError(
            "loss='log_loss' needs soft labels: a column of probabilities for each of two or more classes, every row "
            f"summing to 1. {problem} Divide each row by its sum, or pass loss='squared' for regression targets."
        )
    return "squared"


def _not_distribution(block: Block) -> tuple[int, str] | None:
    """The first row of ``"Q"`` that is no soft label, and what is wrong with it."""
    Q = block["Q"]
    lowest, sums = Q.min(axis=1), Q.sum(axis=1, dtype=np.float64)
    wrong = ((lowest < 0) | (np.abs(sums - 1) > SUM_TOLERANCE)) & (block["weight"] > 0)
    if not wrong.any():
        return None
    row = int(wrong.argmax())
    what = f"holds the negative value {lowest[row]:.6g}" if lowest[row] < 0 else f"sums to {sums[row]:.6g}"
    return block["start"] + row, what


def _first(a: tuple[int, str] | None, b: tuple[int, str] | None) -> tuple[int, str] | None:
    return min(filter(None, (a, b)), default=None)


def check_weights(sample_weight: Any, n_rows: int) -> np.ndarray:
    """`sample_weight` as float64 of shape (n_rows,): ones where None, a number repeated, else checked.

    Raises
    ------
    ValueError
        For negative, non-finite or all-zero weights, or another shape.

    Examples
    --------
    >>> check_weights(None, 3)
    array([1., 1., 1.])
    """
    if sample_weight is None:
        sample_weight = 1.0
    if np.isscalar(sample_weight):
        # One number seen n_rows times: it takes no memory, and is read-only like any input.
        sample_weight = np.broadcast_to(np.array(sample_weight, dtype=np.float64), (n_rows,))
    weight: np.ndarray = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight", ensure_min_samples=0
    )
    if weight.shape != (n_rows,):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_rows,)}: one weight per row of X.")
    check_non_negative(weight, "`sample_weight`")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def read(
    student: Any, X: Any, y: Any, sample_weight: Any, checks: dict[str, Any]
) -> tuple[Any, np.ndarray, np.ndarray]:
    """What a student fits, checked: X, targets of shape (n, k) and weights (n,), without the rows of weight 0.

    Sets `n_features_in_`, `n_outputs_`, `loss_` and `_flat`, which says that the targets were one-dimensional, on the
    student. `checks` are `sklearn.utils.check_array`'s for X.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> student = Ridge()
    >>> student.loss = "squared"
    >>> X, Q, weight = read(student, np.eye(3), [1.0, 2.0, 3.0], [1, 0, 2], {})
    >>> X.shape, Q.shape, weight
    ((2, 3), (2, 1), array([1., 2.]))
    """
    targets = {"ensure_2d": False, "dtype": [np.float64, np.float32]}
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and an error that says so
        X, Q = validate_data(student, X, y, validate_separately=(checks, targets))
    check_consistent_length(X, Q)
    weight = check_weights(sample_weight, X.shape[0])
    student.loss_ = resolve_loss(student.loss, Q, weight)
    student._flat = Q.ndim == 1
    Q = Q.reshape(len(Q), -1)
    student.n_outputs_ = Q.shape[1]
    if weight.all():
        return X, Q, weight
    kept = weight > 0
    return X[kept], Q[kept], weight[kept]


def check_width(student: Any, n_features: int) -> None:
    """Raise where the student takes fewer features: known once rows are encoded, before any teacher is fitted.

    Raises
    ------
    ValueError
        Says how many it takes.
    """
    if student.max_features is not None and n_features > student.max_features:
        raise ValueError(
            f"{student!r} takes at most {student.max_features:,} features, got {n_features:,} after encoding. Choose "
            "features beforehand, for instance with sklearn.feature_selection, or pass sparsity=0."
        )


def check_streams(student: Any) -> None:
    """Raise where the student cannot see rows in blocks: known before anything is read.

    Raises
    ------
    TypeError
        Says which can.
    """
    if not student.streams:
        raise TypeError(
            f"{student!r} does not stream: it needs all rows in memory at once. Pass student='tree', 'linear' or "
            "'additive', or load as many rows as fit and pass them as arrays."
        )


class BaseStudent(RegressorMixin, BaseEstimator):
    """A multi-output regressor on soft labels whose fitted form is a predictor of `skdistill.model` and a link.

    A subclass sets the class attributes, adds the constraints of its parameters, and implements `_solve`.

    Attributes
    ----------
    loss_ : {"log_loss", "squared"}
    predictor_ : skdistill.model.Tree, skdistill.model.Linear, skdistill.model.Additive or skdistill.model.TreeSum
    link_ : {"identity", "softmax", "simplex"}
    precision_ : skdistill.model.Precision
        float32, unless compression made less of it.
    n_outputs_ : int
    n_features_in_ : int
    """

    #: How the predictor's outputs become Q-hat, for every loss the student can fit.
    links: ClassVar[dict[str, str]]
    losses: ClassVar[frozenset[str]]
    takes_sparse: ClassVar[bool] = False
    #: Whether rows are only seen in blocks, wherever an engine has them; else a fit needs all in memory at once.
    streams: ClassVar[bool] = True
    wants_scaling: ClassVar[bool] = False
    has_model_form: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list]] = {"loss": [StrOptions({"auto", "log_loss", "squared"})]}

    loss: str

    def check(self, task: str) -> None:
        """Raise unless the student can be fitted for `task`; needs neither data nor a fit.

        Parameters
        ----------
        task : {"classification", "regression"}

        Raises
        ------
        ValueError
            A parameter is out of range, or the loss is not for the task.
        """
        self._validate_params()
        if task == "regression" and self.loss == "log_loss":
            raise ValueError(f"{self!r} fits class probabilities; a regression student needs loss='squared'.")

    @property
    def max_features(self) -> int | None:
        """Columns of X that a student of these parameters takes at most; None: no limit."""
        return None

    def sketch(self) -> Self:
        """An unfitted student that tells at less cost about how large and how good this one becomes: mostly itself."""
        return self

    def block_rows(self, width: int) -> int:
        """Rows of a block that suit the student, where a row of X holds `width` numbers."""
        return BLOCK_ROWS

    @abstractmethod
    def _solve(self, engine: Engine) -> Any:
        """Fit under `self.loss_` and return the predictor.

        The engine's columns are ``"X"``, float32 (n, d), C-ordered, or CSR where `takes_sparse`; ``"Q"``, float32 or
        float64 (n, k); ``"weight"``, float64 (n,), all > 0.
        """

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the student to soft labels or regression targets.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Converted to float32 once, without copying if it is already.
        y : array-like of shape (n, k) or (n,)
            The targets Q: probabilities per class, or values to regress on. The name is what scikit-learn's tools
            expect of a second argument.
        sample_weight : array-like of shape (n,), optional
            Weights >= 0. A row of weight 0 is as if absent, an integer weight as if the row was repeated.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For NaN or infinite values, lengths that differ, or targets that do not suit the loss.
        """
        X, Q, weight = read(self, X, y, sample_weight, self._rows())
        check_width(self, X.shape[1])
        width = X.size // X.shape[0]  # the size of a sparse matrix is what it stores
        self.link_, self.precision_ = self.links[self.loss_], Precision()
        self.predictor_ = self._solve(MemoryEngine({"X": X, "Q": Q, "weight": weight}, self.block_rows(width)))
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def fit_blocks(self, engine: Engine, n_features: int, n_outputs: int) -> Self:
        """Fit the student to rows that an engine holds, in memory or not.

        Parameters
        ----------
        engine : skdistill.engine.Engine
            With columns ``"X"`` (float32, finite), ``"Q"`` (the targets, two-dimensional) and ``"weight"`` (float64,
            all > 0).
        n_features, n_outputs : int
            Columns of ``"X"`` and of ``"Q"``.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            The student does not stream.
        ValueError
            For targets that do not suit the loss.

        Examples
        --------
        >>> import numpy as np
        >>> from skdistill import TreeStudent
        >>> from skdistill.engine import MemoryEngine
        >>> X = np.arange(40, dtype=np.float32)[:, None]
        >>> engine = MemoryEngine({"X": X, "Q": np.float64(X > 20), "weight": np.ones(40)}, block_rows=10)
        >>> TreeStudent().fit_blocks(engine, 1, 1).predictor_.n_leaves
        2
        """
        check_streams(self)
        check_width(self, n_features)
        self.n_features_in_, self.n_outputs_, self._flat = n_features, n_outputs, n_outputs == 1
        self.loss_ = _resolved(self.loss, engine, (engine.n_rows, n_outputs))
        self.link_, self.precision_ = self.links[self.loss_], Precision()
        self.predictor_ = self._solve(engine)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Q-hat, exactly as the model form evaluates it.

        Parameters
        ----------
        X : array-like of shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, k), or (n,) where the targets were one-dimensional
            Rows are distributions under the log-loss.
        """
        check_is_fitted(self)
        return self._evaluate(X, self.link_)

    def evaluate(self, X: Any) -> np.ndarray:
        """Q-hat of shape (n, k) for rows known to be sound: float32, finite, as many columns as in `fit`.

        What `predict` gives without reading X once more, which for a small student costs as much as the answer.
        """
        outputs: np.ndarray = self.predictor_.evaluate(X, LINKS[self.link_])
        return outputs

    def with_form(self, model: Model) -> Self:
        """A copy that answers as this model does: what compression made of the fitted student."""
        twin = copy(self)
        twin.predictor_, twin.link_, twin.precision_ = model.predictor, model.output.link, model.precision
        return twin

    def rules(
        self,
        X: Any = None,
        *,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        format: str = "text",
    ) -> str:
        """The student in words: a tree as nested rules, a line or an additive model as a scorecard.

        Parameters
        ----------
        X : array-like of shape (n, d), optional
            Then the share of these rows that each rule applies to is said.
        feature_names : sequence of d str, optional
            By default the column names of the table in `fit`, else x0, x1, ... A student inside a distilled estimator
            saw the encoded table: there, call ``rules`` of the estimator, which speaks of the raw columns.
        output_names : sequence of n_outputs str, optional
            Classes or targets; by default 0, 1, ...
        format : {"text", "markdown"}, default="text"

        Returns
        -------
        str
            See `skdistill.words.rules`.

        Raises
        ------
        ValueError
            There are not as many names as features or outputs, or `format` is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from skdistill.students import TreeStudent
        >>> student = TreeStudent(min_samples_leaf=1, shrinkage=0.0).fit([[0.0], [1.0]], [[0.9, 0.1], [0.2, 0.8]])
        >>> print(student.rules(feature_names=["age"], output_names=["no", "yes"]))
        Decision tree of 2 leaves over 1 of 1 column, for no or yes
        <BLANKLINE>
        if age <= 0.5: no 90.0 %, yes 10.0 %
        else: yes 80.0 %, no 20.0 %
        """
        check_is_fitted(self)
        if feature_names is None:
            feature_names = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        if output_names is None:
            output_names = [str(i) for i in range(self.n_outputs_)]
        columns = tuple(NumericColumn(str(name)) for name in feature_names)
        names = tuple(map(str, output_names))
        if self.link_ == "identity":
            output = Output("regression", "identity", targets=names, flat=self._flat)
        else:
            output = Output("classification", self.link_, names)
        return rules(Model(Preprocessor(columns), self.predictor_, output), X, format=format, missing=False)

    def _evaluate(self, X: Any, link: str) -> np.ndarray:
        """The predictor's outputs for `X` after `link`, with the shape of the targets."""
        with np.errstate(over="ignore"):
            X = validate_data(self, X, reset=False, **self._rows())
        outputs: np.ndarray = self.predictor_.evaluate(X, LINKS[link])
        return outputs.ravel() if self._flat else outputs

    def _rows(self) -> dict[str, Any]:
        """How rows are read, in `fit` and after it."""
        return {"dtype": np.float32, "order": "C", "accept_sparse": "csr" if self.takes_sparse else False}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.takes_sparse
        tags.target_tags.multi_output = True
        return tags
