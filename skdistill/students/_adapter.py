"""Any scikit-learn estimator as a student, by the exact route that its kind allows."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .._documentation import Documented
from .._estimators import weight_key
from .._sklearn import HasMethods, StrOptions, fit_context
from ..model import LINKS
from ._checks import read


def _has_decision_function(student: EstimatorStudent) -> bool:
    """Scores exist where a classifier has them; its own error says so where it has none."""
    if not is_classifier(student.estimator):
        raise AttributeError("Only a classifier has a decision_function; this student wraps a regressor.")
    getattr(getattr(student, "estimator_", student.estimator), "decision_function")  # noqa: B009, raises what it lacks
    return True


class EstimatorStudent(Documented, RegressorMixin, BaseEstimator):
    """Adapter that fits any classifier or regressor to soft labels.

    The route is chosen by what the estimator can do, and is exact: the estimator minimises its own objective on the
    soft labels, none are rounded to hard ones.

    ============================= =====================================================================================
    ``route_``                    When, and what is fitted
    ============================= =====================================================================================
    "replicated rows"             A classifier: each row once per class, weighted by the soft label of that class.
    "regression"                  A regressor and one target.
    "multi-output regression"     A regressor that takes several targets at once.
    "regression on one column"    Any other regressor and two classes: the second probability; the first is the rest.
    "one regressor per output"    Any other regressor.
    ============================= =====================================================================================

    Parameters
    ----------
    estimator : estimator
        A classifier whose `fit` takes sample_weight and which has `predict_proba`, or a regressor; also a Pipeline that
        ends in one. It is cloned. In a pipeline, the earlier steps see replicated rows, without their weights.
    loss : {"auto", "log_loss", "squared"}
        What the targets are: "log_loss" for class probabilities, "squared" for values, "auto" to tell by their rows.
        The estimator's own objective is left as it is.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone, or the `MultiOutputRegressor` around clones.
    route_ : str
    loss_ : {"log_loss", "squared"}
    n_outputs_ : int
    n_features_in_ : int
    takes_sparse : bool
        As the estimator's tags say.
    losses : frozenset of str
        A classifier only fits class probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skdistill.students import EstimatorStudent
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Q = np.array([[0.9, 0.1], [0.7, 0.3], [0.3, 0.7], [0.1, 0.9]])
    >>> student = EstimatorStudent(LogisticRegression(C=100)).fit(X, Q)
    >>> student.route_
    'replicated rows'
    >>> student.predict([[1.5]])
    array([[0.50, 0.50]])
    """

    streams: ClassVar[bool] = False
    runs_on_device: ClassVar[bool] = False
    wants_scaling: ClassVar[bool] = True
    has_model_form: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "estimator": [HasMethods(["fit", "predict"])],
        "loss": [StrOptions({"auto", "log_loss", "squared"})],
    }

    def __init__(self, estimator: Any, loss: str = "auto") -> None:
        self.estimator = estimator
        self.loss = loss

    @property
    def losses(self) -> frozenset[str]:
        """The losses whose targets the estimator can learn."""
        return frozenset({"log_loss"} if is_classifier(self.estimator) else {"log_loss", "squared"})

    @property
    def takes_sparse(self) -> bool:
        """Whether the estimator says that it takes sparse X."""
        return bool(get_tags(self.estimator).input_tags.sparse)

    #: No limit of its own; the estimator may have one.
    max_features: ClassVar[int | None] = None

    def check(self, task: str) -> None:
        """Raise unless the estimator can be a student for `task`; needs neither data nor a fit.

        Parameters
        ----------
        task : {"classification", "regression"}

        Raises
        ------
        ValueError
            Names the estimator, what it lacks, and what to pass instead.
        """
        name = type(self.estimator).__name__
        if is_regressor(self.estimator):
            return
        if not is_classifier(self.estimator):
            raise ValueError(
                f"{name} cannot be a student: it is neither a classifier nor a regressor. Pass one of these."
            )
        if task == "regression":
            raise ValueError(
                f"{name} cannot be a student for regression targets: it is a classifier. Pass a regressor."
            )
        lacks = []
        if weight_key(self.estimator) is None:
            lacks.append("sample_weight in its fit")
        if not hasattr(self.estimator, "predict_proba"):
            lacks.append("predict_proba")
        if lacks:
            raise ValueError(
                f"{name} cannot be a student for soft labels: it lacks {' and '.join(lacks)}. Pass a classifier that "
                "has both, or a regressor, which is fitted to the probabilities."
            )

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit a clone of the estimator to soft labels or regression targets.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)
        y : array-like of shape (n, k) or (n,)
            The targets Q: probabilities per class, or values to regress on.
        sample_weight : array-like of shape (n,), optional
            Weights >= 0. Rows of weight 0 are left out.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `check`, for targets that do not suit the loss, and for unequal weights that the estimator cannot take.
        """
        X, Q, weight = read(self, X, y, sample_weight, self._rows())
        self.check("classification" if self.loss_ == "log_loss" else "regression")
        estimator = clone(self.estimator)
        if is_classifier(estimator):
            self.route_ = "replicated rows"
            masses = Q * weight[:, None]
            rows, labels = np.nonzero(masses)
            X, Q, weight = X[rows], labels, masses[rows, labels]
        elif self.n_outputs_ == 1:
            self.route_, Q = "regression", Q[:, 0]
        elif get_tags(estimator).target_tags.multi_output:
            self.route_ = "multi-output regression"
        elif self.loss_ == "log_loss" and self.n_outputs_ == 2:
            self.route_, Q = "regression on one column", Q[:, 1]
        else:
            self.route_, estimator = "one regressor per output", MultiOutputRegressor(estimator)
        weighted = sample_weight is not None or self.route_ == "replicated rows"
        self.estimator_ = estimator.fit(X, Q, **self._weight_arguments(weight if weighted else None))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Q-hat.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, k), or (n,) where the targets were one-dimensional
            Under the log-loss rows are distributions: what a regressor predicts below 0 becomes 0, then each row is
            divided by its sum.
        """
        check_is_fitted(self)
        outputs = self.evaluate(validate_data(self, X, reset=False, **self._rows()))
        return outputs.ravel() if self._flat else outputs

    def evaluate(self, X: Any) -> np.ndarray:
        """Q-hat of shape (n, k) for rows known to be sound: float32, finite, as many columns as in `fit`."""
        if self.route_ == "replicated rows":
            outputs = np.zeros((X.shape[0], self.n_outputs_))
            # A class without any mass is unknown to the classifier.
            outputs[:, self.estimator_.classes_] = self.estimator_.predict_proba(X)
        else:
            outputs = np.asarray(self.estimator_.predict(X), dtype=np.float64).reshape(X.shape[0], -1)
        if self.route_ == "regression on one column":
            outputs = np.hstack([1 - outputs, outputs])
        if self.loss_ == "log_loss":
            outputs = LINKS["simplex"](outputs)
        return outputs

    @available_if(_has_decision_function)
    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of the fitted classifier, one column per class that it knows, or shape (n,) for two classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, d)

        Returns
        -------
        ndarray
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **self._rows())
        scores: np.ndarray = self.estimator_.decision_function(X)
        return scores

    def _weight_arguments(self, weight: np.ndarray | None) -> dict[str, np.ndarray]:
        """How `weight` is handed to the estimator's fit; nothing where it is None, or equal and cannot be handed on."""
        parameter = weight_key(self.estimator)
        if weight is None or (parameter is None and np.ptp(weight) == 0):
            return {}
        if parameter is None:
            raise ValueError(
                f"{type(self.estimator).__name__} cannot be fitted with unequal weights: its fit takes no "
                "sample_weight. Pass an estimator that takes it, or sample_weight=None."
            )
        return {parameter: weight}

    def _rows(self) -> dict[str, Any]:
        """How rows are read: as they are, for the estimator has its own wishes."""
        tags = get_tags(self.estimator).input_tags
        return {
            "accept_sparse": "csr" if tags.sparse else False,
            "ensure_all_finite": "allow-nan" if tags.allow_nan else True,
        }

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator).input_tags
        tags.input_tags.sparse, tags.input_tags.allow_nan = inner.sparse, inner.allow_nan
        tags.target_tags.multi_output = True
        return tags
