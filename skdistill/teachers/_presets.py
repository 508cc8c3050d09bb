"""Teachers by name: each takes the caller's raw table through its own pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import HuberRegressor, LogisticRegression, PoissonRegressor, QuantileRegressor, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from .._backend import NUMPY, Backend, resolve
from ..preprocessing import TableEncoder

#: Rows above which "svm" is a linear SVM on Nystroem features: a kernel SVM costs the square of the rows.
SVM_EXACT_ROWS = 10_000
_NYSTROEM_COMPONENTS = 500

#: Rows above which "quantile_regression" is the mean of ten lines on 2,000 rows each: a linear program costs about the
#: square of the rows.
QUANTILE_EXACT_ROWS = 5_000

DEFAULT_COMMITTEE = {
    "classification": ("svm", "logistic", "lightgbm"),
    "regression": ("svm", "ridge", "lightgbm"),
}
#: The same for each loss of a regression.
COMMITTEE_OF_LOSS = {
    "squared": DEFAULT_COMMITTEE["regression"],
    "poisson": ("poisson", "forest", "lightgbm"),
    "pinball": ("quantile_regression", "hist_gradient_boosting", "lightgbm"),
    "huber": ("huber", "svm", "lightgbm"),
}


class TabularBooster(MetaEstimatorMixin, BaseEstimator):
    """A LightGBM or XGBoost model on a raw table: categories and missing values reach it natively.

    Parameters
    ----------
    booster : LGBMClassifier, LGBMRegressor, XGBClassifier or XGBRegressor
        The model to fit on the ordinally encoded table. XGBoost with ``device="cuda"`` is asked about rows
        that CuPy has put there.

    Attributes
    ----------
    encoder_ : TableEncoder
    booster_ : the fitted booster
    classes_ : ndarray of shape (k,), for a classifier

    Examples
    --------
    >>> from lightgbm import LGBMRegressor
    >>> from skdistill.teachers import TabularBooster
    >>> X = [["red", 1.0], ["blue", None], ["red", 3.0], ["blue", 4.0]]
    >>> teacher = TabularBooster(LGBMRegressor(n_estimators=5, verbose=-1)).fit(X, [0.0, 1.0, 2.0, 3.0])
    >>> teacher.predict([["green", 2.0]]).shape
    (1,)
    """

    def __init__(self, booster: Any) -> None:
        self.booster = booster

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TabularBooster:
        """Encode the table, then fit the booster with its categorical columns named.

        Parameters
        ----------
        X : table of shape (n, d)
        y : array-like of shape (n,)
        sample_weight : array-like of shape (n,), optional
        """
        self.encoder_ = TableEncoder(categories="ordinal", scale=False)
        Z = self.encoder_.fit_transform(X)
        categorical = [int(j) for j in self.encoder_.categorical_features_]
        if is_classifier(self.booster):
            # XGBoost takes the codes 0 .. k-1 only.
            self.classes_, y = np.unique(np.asarray(y), return_inverse=True)
        self.booster_ = clone(self.booster)
        if type(self.booster_).__module__.startswith("lightgbm"):
            self.booster_.fit(Z, y, sample_weight=sample_weight, categorical_feature=categorical)
        else:
            kinds = ["c" if j in categorical else "q" for j in range(Z.shape[1])]
            self.booster_.set_params(feature_types=kinds, enable_categorical=True)
            self.booster_.fit(Z, y, sample_weight=sample_weight)
        return self

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Class probabilities, shape (n, k)."""
        return np.asarray(self.booster_.predict_proba(self._rows(X)))

    def predict(self, X: Any) -> NDArray[Any]:
        """Labels or values, shape (n,)."""
        answer = self.booster_.predict(self._rows(X))
        return self.classes_[np.asarray(answer, dtype=int)] if is_classifier(self.booster) else np.asarray(answer)

    def proba_in_place(self, X: Any) -> Any:
        """Class probabilities, shape (n, k), as an array of the GPU that an XGBoost model computes on.

        None for other models, on the host, and of sparse rows. What `predict_proba` of XGBoost returns is on the host.
        """
        model, device = self.booster_, self._device()
        if device is NUMPY or model.booster == "gblinear":
            return None
        rows = self._rows(X)
        return None if sparse.issparse(rows) else probabilities_in_place(model, rows, device)

    def _rows(self, X: Any) -> Any:
        """Encoded rows, where the model predicts them in place; elsewhere it would copy them."""
        Z = self.encoder_.transform(X)
        return Z if sparse.issparse(Z) else self._device().asarray(Z)

    def _device(self) -> Backend:
        """The GPU if that is where an XGBoost model is, else the host."""
        model = self.booster_
        on_gpu = type(model).__module__.startswith("xgboost") and str(model.device).startswith("cuda")
        return resolve("auto") if on_gpu else NUMPY

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "classifier" if is_classifier(self.booster) else "regressor"
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        return tags


def probabilities_in_place(model: Any, rows: Any, device: Backend) -> Any:
    """What `predict_proba` of an XGBoost classifier returns, but on the device where the rows are."""
    last = getattr(model, "best_iteration", -1)  # without early stopping there is none
    p = model.get_booster().inplace_predict(rows, iteration_range=(0, last + 1), missing=model.missing)
    return device.xp.stack([1.0 - p, p], axis=1) if p.ndim == 1 else p


def _scaled(model: Any) -> Pipeline:
    return make_pipeline(TableEncoder(scale=True), model)


def _unscaled(model: Any) -> Pipeline:
    return make_pipeline(TableEncoder(scale=False), model)


def _scaled_target(model: Any) -> TransformedTargetRegressor:
    return TransformedTargetRegressor(model, transformer=StandardScaler())


def _svm(classify: bool, n_rows: int, loss: str = "squared_epsilon_insensitive") -> Any:
    exact = n_rows <= SVM_EXACT_ROWS
    if classify:
        if exact:
            return _scaled(SVC())
        return make_pipeline(TableEncoder(), Nystroem(n_components=_NYSTROEM_COMPONENTS), LinearSVC(dual=False))
    if exact:
        return _scaled(_scaled_target(SVR()))
    line = LinearSVR(loss=loss, dual=loss == "epsilon_insensitive")
    return make_pipeline(TableEncoder(), Nystroem(n_components=_NYSTROEM_COMPONENTS), _scaled_target(line))


def _lightgbm(classify: bool, n_rows: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    # One thread per model: parallelism is over teachers and folds, and the result must not depend on n_jobs.
    settings: dict[str, Any] = {
        "n_estimators": 150,
        "learning_rate": 0.07,
        "num_leaves": 31,
        "n_jobs": 1,
        "verbose": -1,
    }
    return TabularBooster((LGBMClassifier if classify else LGBMRegressor)(**settings))


def _xgboost(classify: bool, n_rows: int) -> Any:
    try:
        from xgboost import XGBClassifier, XGBRegressor
    except ImportError as error:
        raise ImportError(
            "The teacher 'xgboost' needs XGBoost. Install it with: pip install 'skdistill[xgboost]'"
        ) from error
    settings: dict[str, Any] = {"n_estimators": 150, "learning_rate": 0.1, "max_depth": 6, "n_jobs": 1}
    return TabularBooster((XGBClassifier if classify else XGBRegressor)(**settings))


def _forest(classify: bool, n_rows: int) -> Any:
    settings: dict[str, Any] = {"n_estimators": 200, "min_samples_leaf": 2}
    return _unscaled((RandomForestClassifier if classify else RandomForestRegressor)(**settings))


def _extra_trees(classify: bool, n_rows: int) -> Any:
    settings: dict[str, Any] = {"n_estimators": 200, "min_samples_leaf": 2}
    return _unscaled((ExtraTreesClassifier if classify else ExtraTreesRegressor)(**settings))


def _hist_gradient_boosting(classify: bool, n_rows: int) -> Any:
    return _unscaled((HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor)())


def _mlp(classify: bool, n_rows: int) -> Any:
    # Early stopping holds out a tenth of the rows: below some hundreds that tenth says nothing.
    settings: dict[str, Any] = {"alpha": 1e-3, "max_iter": 2000, "early_stopping": n_rows >= 1000}
    if classify:
        return _scaled(MLPClassifier(**settings))
    return _scaled(_scaled_target(MLPRegressor(**settings)))


def _logistic(classify: bool, n_rows: int) -> Any:
    return _scaled(LogisticRegression(max_iter=1000))


def _ridge(classify: bool, n_rows: int) -> Any:
    return _scaled(Ridge())


def _poisson(classify: bool, n_rows: int) -> Any:
    return _scaled(PoissonRegressor(max_iter=1000))


def _quantile_regression(n_rows: int, quantile: float) -> Any:
    line = QuantileRegressor(quantile=quantile, alpha=1e-4)
    if n_rows > QUANTILE_EXACT_ROWS:
        line = BaggingRegressor(line, n_estimators=10, max_samples=2_000)
    return _scaled(line)


def _huber(classify: bool, n_rows: int) -> Any:
    return _scaled(HuberRegressor(max_iter=1000))


def _lightgbm_huber(classify: bool, n_rows: int) -> Any:
    # Its threshold is in units of the target.
    booster = _lightgbm(classify, n_rows).set_params(booster__objective="huber")
    return TransformedTargetRegressor(booster, transformer=RobustScaler(unit_variance=True))


_BOTH: dict[str, Callable[[bool, int], Any]] = {
    "svm": _svm,
    "lightgbm": _lightgbm,
    "xgboost": _xgboost,
    "forest": _forest,
    "extra_trees": _extra_trees,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "mlp": _mlp,
}
PRESETS: dict[str, dict[str, Callable[[bool, int], Any]]] = {
    "classification": {"logistic": _logistic, **_BOTH},
    "regression": {"ridge": _ridge, **_BOTH},
}


def _told(build: Callable[[bool, int], Any], **settings: Any) -> Callable[[int, float], Any]:
    """What builds a regressor with other settings."""
    return lambda n_rows, quantile: build(False, n_rows).set_params(**settings)


#: What is fitted under other losses than squares, from training rows and the quantile. Of counts a forest predicts
#: means, never below 0; support vector regression is robust where errors do not count squared.
_OF_LOSS: dict[str, dict[str, Callable[[int, float], Any]]] = {
    "poisson": {
        "poisson": _told(_poisson),
        "forest": _told(_forest),
        "extra_trees": _told(_extra_trees),
        "lightgbm": _told(_lightgbm, booster__objective="poisson"),
        "xgboost": _told(_xgboost, booster__objective="count:poisson"),
        "hist_gradient_boosting": _told(_hist_gradient_boosting, histgradientboostingregressor__loss="poisson"),
    },
    "pinball": {
        "quantile_regression": _quantile_regression,
        "lightgbm": lambda n, q: _told(_lightgbm, booster__objective="quantile", booster__alpha=q)(n, q),
        "xgboost": lambda n, q: _told(_xgboost, booster__objective="reg:quantileerror", booster__quantile_alpha=q)(
            n, q
        ),
        "hist_gradient_boosting": lambda n, q: _unscaled(HistGradientBoostingRegressor(loss="quantile", quantile=q)),
    },
    "huber": {
        "huber": _told(_huber),
        "svm": _told(partial(_svm, loss="epsilon_insensitive")),
        "lightgbm": _told(_lightgbm_huber),
    },
}
# These take several targets by themselves; the others are fitted once per target.
_MULTI_OUTPUT = {"ridge", "forest", "extra_trees", "mlp"}


def preset(name: str, task: str, n_rows: int, n_outputs: int = 1, loss: str = "squared", quantile: float = 0.5) -> Any:
    """The unfitted teacher called `name`.

    Parameters
    ----------
    name : str
        A key of ``PRESETS[task]``.
    task : {"classification", "regression"}
    n_rows : int
        Training rows: an SVM above `SVM_EXACT_ROWS` of them works on Nystroem features, quantile regression above
        `QUANTILE_EXACT_ROWS` on samples.
    n_outputs : int
        Regression targets.
    loss : {"squared", "poisson", "pinball", "huber"}
        Of a regression.
    quantile : float in (0, 1)
        Of the pinball loss.

    Raises
    ------
    ValueError
        For a name that is not known for the task and loss; the message lists the valid ones.

    Examples
    --------
    >>> from skdistill.teachers import preset
    >>> list(preset("logistic", "classification", n_rows=100).named_steps)
    ['tableencoder', 'logisticregression']
    """
    own = _OF_LOSS.get(loss) if task == "regression" else None
    known: Any = PRESETS[task] if own is None else own
    if name not in known:
        of = task if own is None else f"{task} with loss={loss!r}"
        raise ValueError(f"Unknown teacher {name!r} for {of}. Valid names: {', '.join(sorted(known))}.")
    teacher = PRESETS[task][name](task == "classification", n_rows) if own is None else own[name](n_rows, quantile)
    if task == "regression" and n_outputs > 1 and name not in _MULTI_OUTPUT:
        teacher = _per_target(teacher)
    return teacher


def _per_target(teacher: Any) -> Any:
    """A teacher of one target made one of several, wrapped where sample weights still reach the model."""
    if isinstance(teacher, Pipeline):
        name, model = teacher.steps[-1]
        return Pipeline([*teacher.steps[:-1], (name, _per_target(model))])
    if isinstance(teacher, TransformedTargetRegressor):
        return _scaled_target(MultiOutputRegressor(teacher.regressor))
    return MultiOutputRegressor(teacher)
