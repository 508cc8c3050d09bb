"""Rows of one data set weighed as if they came from another: covariate shift."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state

from skdistill._sklearn import HasMethods, Interval, num_samples, validate_params
from skdistill.preprocessing import TableEncoder

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CovariateShift:
    """How far two data sets are apart, and the weights that bring one to the other.

    Attributes
    ----------
    weights : ndarray of shape (n,)
        Of the rows of `X`, one on average: pass them as `sample_weight`.
    effective_rows : float
        How many rows of equal weight estimate a mean as well as these do (Kish): (sum of weights)² / sum of squares.
    auc : float
        How well a classifier tells the two sets apart on rows that it did not see: 0.5 not at all.
    clipped : float
        Share of the rows whose weight was cut to the largest allowed. Where many are, the sets hardly overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import CovariateShift
    >>> CovariateShift(np.array([0.5, 0.5, 2.0]), 2.0, 0.7, 0.0)
    CovariateShift(effective_rows=2.0, auc=0.7, clipped=0.0)
    """

    weights: Floats = field(repr=False)
    effective_rows: float
    auc: float
    clipped: float


@validate_params(
    {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "clip": [Interval(Real, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def covariate_shift(
    X: Any, X_target: Any, *, classifier: Any = None, clip: float = 10.0, cv: int = 5, random_state: Any = None
) -> CovariateShift:
    """Importance weights that make rows of one data set stand for those of another.

    A classifier learns to tell the two sets apart; its odds, out of fold, are the ratio of their densities up to a
    constant. It is for a change of the rows, p(x), under which the answers stay, p(y | x).

    Parameters
    ----------
    X : table of shape (n, d)
        The rows with labels.
    X_target : table of shape (m, d)
        Rows of the same columns from where the student will work; no labels needed.
    classifier : classifier with `predict_proba`, default=None
        None: logistic regression on the encoded table, as in Bickel et al. It should be calibrated.
    clip : float >= 1, default=10.0
        The largest weight, as a multiple of the mean before any is cut: it bounds what a single row can do, at the
        price of some bias.
    cv : int >= 2, default=5
        Folds.
    random_state : int, RandomState or None, default=None
        Shuffles the folds.

    Returns
    -------
    CovariateShift

    Raises
    ------
    ValueError
        The columns differ, or a set has fewer rows than folds.

    References
    ----------
    Shimodaira (2000), Improving predictive inference under covariate shift by weighting the log-likelihood function,
    JSPI. Bickel, Brückner, Scheffer (2009), Discriminative learning under covariate shift, JMLR. Sugiyama, Krauledat,
    Müller (2007), Covariate shift adaptation by importance weighted cross validation, JMLR.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.targets import covariate_shift
    >>> rng = np.random.default_rng(0)
    >>> X, X_target = rng.normal(size=(500, 1)), rng.normal(loc=1, size=(400, 1))
    >>> shift = covariate_shift(X, X_target, random_state=0)
    >>> bool(abs(np.average(X[:, 0], weights=shift.weights) - 1) < 0.2)
    True
    """
    both = _joined(X, X_target)
    n, m = num_samples(X), num_samples(X_target)
    if min(n, m) < cv:
        raise ValueError(f"covariate_shift with cv={cv} takes {cv} rows of each set at least. Got {n} and {m}.")
    if classifier is None:
        classifier = make_pipeline(TableEncoder(scale=True), LogisticRegression(max_iter=1000))
    target = np.repeat([0, 1], [n, m])
    folds = StratifiedKFold(cv, shuffle=True, random_state=check_random_state(random_state))
    likely = cross_val_predict(clone(classifier), both, target, cv=folds, method="predict_proba")[:, 1].astype(
        np.float64
    )
    of_rows = np.clip(likely[:n], np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    weights = of_rows / (1 - of_rows)
    weights /= weights.mean()
    above = weights > clip
    weights = np.minimum(weights, clip)
    weights /= weights.mean()
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    return CovariateShift(weights, effective, float(roc_auc_score(target, likely)), float(above.mean()))


def _joined(X: Any, X_target: Any) -> Any:
    """Both sets, one below the other.

    Raises
    ------
    ValueError
        Their columns differ.
    """
    if nw.dependencies.is_into_dataframe(X) and nw.dependencies.is_into_dataframe(X_target):
        one, other = (nw.from_native(table, eager_only=True) for table in (X, X_target))
        if one.columns != other.columns:
            lacking = sorted(map(str, {*one.columns} - {*other.columns}))
            added = sorted(map(str, {*other.columns} - {*one.columns}))
            raise ValueError(
                "X_target must have the columns of X, in their order. "
                f"It lacks {lacking or 'none'}, and has {added or 'no'} columns that X has not."
            )
        return nw.concat([one, nw.maybe_reset_index(other)], how="vertical").to_native()
    if not sparse.issparse(X):
        X, X_target = np.asarray(X), np.asarray(X_target)
    if X.ndim != 2 or X_target.ndim != 2 or X.shape[1] != X_target.shape[1]:
        raise ValueError(f"X_target must have the columns of X. Got shapes {X.shape} and {X_target.shape}.")
    stack: Any = partial(sparse.vstack, format="csr") if sparse.issparse(X) else np.concatenate
    return stack([X, X_target])
