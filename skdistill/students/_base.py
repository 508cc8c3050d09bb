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
    check_is_fitted,
    validate_data,
)

from .._documentation import Documented
from .._sklearn import StrOptions, fit_context
from ..engine import BLOCK_ROWS, Engine, MemoryEngine
from ..model import LINKS, Model, NumericColumn, Output, Precision, Preprocessor
from ..words import rules
from ._checks import check_streams, check_width, read, resolved


class BaseStudent(Documented, RegressorMixin, BaseEstimator):
    """A multi-output regressor on soft labels whose fitted form is a predictor of `skdistill.model` and a link.

    A subclass sets the class attributes, adds the constraints of its parameters, and implements `_solve`.

    Attributes
    ----------
    loss_ : {"log_loss", "squared", "poisson"}
    predictor_ : skdistill.model.Tree, skdistill.model.Linear, skdistill.model.Additive or skdistill.model.TreeSum
    link_ : {"identity", "softmax", "simplex", "exp"}
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
    #: Whether the blocks may lie on a GPU: all that is asked of them is written for any array library.
    runs_on_device: ClassVar[bool] = False
    wants_scaling: ClassVar[bool] = False
    has_model_form: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "loss": [StrOptions({"auto", "log_loss", "squared", "poisson"})]
    }

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
            raise ValueError(
                f"{self!r} fits class probabilities; a regression student needs loss='squared' (counts: 'poisson')."
            )
        if task == "classification" and self.loss == "poisson":
            raise ValueError(f"{self!r} fits counts; a classification student needs loss='log_loss'.")

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
        self.loss_ = resolved(self.loss, engine, (engine.n_rows, n_outputs))
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
        """The student in words: a tree as nested rules, rules as a list, a line or an additive model as a scorecard.

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
        if self.link_ in ("identity", "exp"):
            output = Output("regression", self.link_, targets=names, flat=self._flat)
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
