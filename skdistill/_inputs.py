"""What `fit` was handed, checked once: rows of weight zero leave here, so that they are absent from every stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_array, column_or_1d, compute_sample_weight, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from ._sklearn import check_method_params, check_sample_weight, num_samples, safe_indexing


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The rows that `fit` learns from.

    Attributes
    ----------
    X : table of n rows, as the caller gave it (lists as an array)
    y : ndarray of shape (n,) or (n, m)
        The caller's labels, or float64 values.
    codes : ndarray of shape (n,), or None for regression
        `y` as positions in `classes`.
    classes : ndarray of shape (k,), or None for regression
    targets : tuple of str
        Names of the regression targets.
    flat : bool
        Regression on a one-dimensional y.
    sample_weight : ndarray of shape (n,), or None where all are 1
    kept : ndarray of shape (n,), or None where every row is kept
        Row numbers in the caller's table.
    params : dict
        Other metadata, cut to the rows kept.
    """

    X: Any
    y: NDArray[Any]
    codes: NDArray[np.intp] | None
    classes: NDArray[Any] | None
    targets: tuple[str, ...]
    flat: bool
    sample_weight: NDArray[np.float64] | None
    kept: NDArray[np.intp] | None
    params: dict[str, Any]

    @property
    def n_outputs(self) -> int:
        """Classes, or regression targets."""
        return len(self.targets) if self.classes is None else len(self.classes)

    @property
    def truth(self) -> NDArray[Any]:
        """The true labels as stages take them: class codes of shape (n,), or values of shape (n, m)."""
        return self.y.reshape(-1, self.n_outputs) if self.codes is None else self.codes

    def true_labels(self) -> NDArray[np.float64]:
        """The true labels as a target matrix, shape (n, n_outputs): one-hot, or the values."""
        if self.codes is None:
            return self.truth
        onehot = np.zeros((len(self.codes), self.n_outputs))
        onehot[np.arange(len(self.codes)), self.codes] = 1.0
        return onehot


def check_table(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Check X against what `estimator` takes and, unless `reset`, against the columns it was fitted on.

    A data frame is returned as it is; anything else as an array or a CSR matrix.
    """
    if nw.dependencies.is_into_dataframe(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if num_samples(X) == 0:
            raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required.")
        return X
    tags = get_tags(estimator).input_tags
    if isinstance(X, (list, tuple)) and np.asarray(X).dtype.kind in "US":
        X = np.array(X, dtype=object)  # NumPy would turn the numbers beside text into text
    return validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr" if tags.sparse else False,
        dtype=None,  # categories are ours to read, and a teacher that cannot take them says so
        ensure_all_finite="allow-nan" if tags.allow_nan else True,
    )


def check_pool(estimator: Any, X: Any) -> Any:
    """Check the rows without labels against the columns of `fit`.

    Raises
    ------
    ValueError
        Their columns are others; the message says so of `X_unlabeled`.
    """
    try:
        return check_table(estimator, X, reset=False)
    except ValueError as error:
        raise ValueError(f"X_unlabeled must have the columns of X, in their order. {error}") from error


def check_training(
    estimator: Any,
    task: str,
    X: Any,
    y: Any,
    sample_weight: Any,
    class_weight: Any,
    params: dict[str, Any],
) -> TrainingData:
    """Check everything that `fit` was given.

    Raises
    ------
    ValueError
        y is missing, holds NaN, infinity or a single class, or lengths disagree.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    X = check_table(estimator, X, reset=True)
    targets = _target_names(y)
    y, flat = _check_labels(y) if task == "classification" else _check_values(y)
    check_consistent_length(X, y)

    weight = kept = None
    if sample_weight is not None:
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = np.flatnonzero(weight > 0)
    if class_weight is not None:
        if task == "regression":
            raise ValueError(
                f"The 'class_weight' parameter is for classification. Got {class_weight!r} for regression."
            )
        # Balanced over the rows that count.
        rows = slice(None) if kept is None else kept
        by_class = np.zeros(len(y))
        by_class[rows] = compute_sample_weight(class_weight, y[rows])
        weight = by_class if weight is None else weight * by_class
        kept = np.flatnonzero(weight > 0)
    if kept is not None and len(kept) == len(y):
        kept = None
    if kept is not None and weight is not None:
        if len(kept) == 0:
            raise ValueError("Every row has sample weight 0: there is nothing to learn from.")
        params = check_method_params(X, params, indices=kept)
        X, y, weight = safe_indexing(X, kept), y[kept], weight[kept]

    if len(y) < 2:
        raise ValueError(
            f"Found array with n_samples=1 while {type(estimator).__name__} needs 2 rows at least: one is held out."
        )
    classes = codes = None
    if task == "classification":
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(estimator).__name__} needs at least two classes in y"
                f"{' among rows of positive weight' if kept is not None else ''}. Got one class only: "
                f"{classes.tolist()[0]!r}."
            )
    elif len(targets) != (1 if y.ndim == 1 else y.shape[1]):
        targets = tuple(f"y{j}" for j in range(y.shape[1])) if y.ndim == 2 else ("y",)
    return TrainingData(X, y, codes, classes, targets, flat, weight, kept, params)


def check_counts(estimator: Any, y: NDArray[Any]) -> None:
    """Raise unless values can be counts: none below 0, and some above.

    Raises
    ------
    ValueError
        Names the first row below 0.
    """
    rows = y.reshape(len(y), -1)
    below = np.flatnonzero((rows < 0).any(axis=1))
    if len(below):
        raise ValueError(
            f"loss='poisson' of {type(estimator).__name__} needs counts, no y below 0. Row {below[0]} holds "
            f"{rows[below[0]].min():.6g}. Leave such rows out, or pass loss='squared'."
        )
    if not rows.any(axis=0).all():
        raise ValueError(
            f"loss='poisson' of {type(estimator).__name__} needs a count above 0 for each target. All y are 0."
        )


def check_one_target(estimator: Any, targets: tuple[str, ...]) -> None:
    """Raise where there are several targets.

    Raises
    ------
    ValueError
        Names them.
    """
    if len(targets) > 1:
        raise ValueError(
            f"loss={estimator.loss!r} of {type(estimator).__name__} takes one target. y has {len(targets)}: "
            f"{', '.join(targets[:5])}{', ...' if len(targets) > 5 else ''}. Fit one estimator for each, for example "
            "with sklearn.multioutput.MultiOutputRegressor."
        )


def _target_names(y: Any) -> tuple[str, ...]:
    columns = getattr(y, "columns", None)
    if columns is not None:
        return tuple(str(c) for c in columns)
    return (str(getattr(y, "name", None) or "y"),)


def _check_labels(y: Any) -> tuple[NDArray[Any], bool]:
    raw = y.to_numpy() if hasattr(y, "to_numpy") else y
    if sparse.issparse(raw):
        raise ValueError("y must be dense: one class label per row. Got a sparse matrix.")
    y = column_or_1d(raw, warn=True)
    if y.dtype == object:
        # pandas.NA first: comparing it gives no truth value.
        missing = (label is None or type(label).__name__ == "NAType" or label != label for label in y.tolist())
        bad = np.flatnonzero(np.fromiter(missing, dtype=bool, count=len(y)))
        if len(bad):
            raise ValueError(f"Input y contains NaN: row {bad[0]} has no label. Drop the rows without one.")
    elif y.dtype.kind in "mM":
        raise ValueError(f"y holds dates or durations ({y.dtype}), which are no class labels. Pass them as text.")
    elif y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name="y")
    check_classification_targets(y)
    return y, True


def _check_values(y: Any) -> tuple[NDArray[np.float64], bool]:
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.ndim > 2:
        raise ValueError(f"y must have one or two dimensions. Got shape {y.shape}.")
    return y, y.ndim == 1
