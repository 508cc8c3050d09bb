"""Boosters that learn from rows beyond memory, each through its own library's way of taking them in batches.

XGBoost keeps compressed pages of the features on disk (`ExtMemQuantileDMatrix`) and reads them as trees grow. LightGBM
bins rows as they come (`Sequence`), and holds the bins, a byte or two for each number. Both hold labels, gradients and
scores of all rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor

from ..engine import FileEngine
from ..preprocessing import TableEncoder
from ._presets import TabularBooster


@dataclass(frozen=True, eq=False)
class Batches:
    """The rows beyond a sample, encoded, each in a fold.

    Attributes
    ----------
    encoder : TableEncoder
        Of category ranks.
    classes : ndarray of shape (k,), or None for regression
    n_outputs : int
    opened : callable
        The engine of these rows, with columns ``"Z"``, ``"y"`` (class codes or values), ``"weight"`` and ``"fold"``,
        in float32 as boosters hold them. Called when the first teacher learns from them.
    """

    encoder: TableEncoder
    classes: NDArray[Any] | None
    n_outputs: int
    opened: Callable[[], FileEngine]

    def teach(self, estimator: Any) -> bool:
        """Whether a teacher can learn from them: a booster with settings that its library takes in batches.

        One that stands alone, not in a `TabularBooster`, takes numbers only, and XGBoost's classifier then the labels
        0 .. k - 1.
        """
        alone = not isinstance(estimator, TabularBooster)
        booster = estimator if alone else estimator.booster
        library = type(booster).__module__
        if library not in _FITS or not (is_classifier(booster) or is_regressor(booster)):
            return False
        if (self.classes is None and self.n_outputs > 1) or (alone and len(self.encoder.categorical_features_)):
            return False
        settings = booster.get_params()
        if callable(settings["objective"]) or settings.get("class_weight") is not None:
            return False
        if library.startswith("lightgbm"):
            return True
        if alone and self.classes is not None and not np.array_equal(self.classes, np.arange(len(self.classes))):
            return False
        return all(settings[name] in values for name, values in _XGBOOST_SETTINGS.items())

    @cached_property
    def engine(self) -> FileEngine:
        """The rows."""
        return self.opened()

    @cached_property
    def _folds(self) -> list[NDArray[Any]]:
        """How many rows each block has of each fold."""
        return [np.bincount(self.engine.block(i)["fold"]) for i in range(self.engine.n_blocks)]

    def without(self, folds: frozenset[int], weighed: bool) -> list[Part]:
        """The rows that are in none of these folds; with their weights or, where a teacher takes none, without."""
        parts = []
        for number, counts in enumerate(self._folds):
            n_rows = sum(int(n) for fold, n in enumerate(counts) if fold not in folds)
            if n_rows:
                parts.append(Part(n_rows, partial(self._column, number, folds), weighed))
        return parts

    def _column(self, number: int, folds: frozenset[int], name: str) -> NDArray[Any]:
        block = self.engine.block(number)
        kept: NDArray[Any] = block[name][np.isin(block["fold"], list(folds), invert=True)]
        return kept


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows, a column of which is read when it is asked for."""

    n_rows: int
    column: Callable[[str], NDArray[Any]]
    weighed: bool

    def weight(self) -> NDArray[np.float32] | None:
        """Their weights, None where all are 1."""
        return self.column("weight") if self.weighed else None


def fit_in_batches(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    params: dict[str, Any],
    batches: Batches,
    without: frozenset[int],
) -> Any:
    """A clone of a booster, fitted on the rows of a sample and on all rows beyond it that are in none of some folds.

    Parameters
    ----------
    estimator : TabularBooster, or a model of XGBoost or LightGBM
        One that `Batches.teach`.
    X : table of n rows
    y : ndarray of shape (n,)
    params : dict
        What goes to its ``fit`` besides: ``sample_weight`` or nothing.
    batches : Batches
    without : set of int
        Folds to leave out.

    Raises
    ------
    ValueError
        The library cannot use what it was given.
    """
    alone, classes = not isinstance(estimator, TabularBooster), batches.classes
    Z = batches.encoder.transform(X)
    weighed = params.get("sample_weight") is not None
    sample = {"Z": Z, "y": np.float32(y if classes is None else np.searchsorted(classes, y))}
    if weighed:
        sample["weight"] = np.float32(params["sample_weight"])
    parts = [Part(len(y), sample.__getitem__, weighed), *batches.without(without, weighed)]
    booster = clone(estimator if alone else estimator.booster)
    labels = None if classes is None else classes if alone else np.arange(len(classes))
    categorical = [int(j) for j in batches.encoder.categorical_features_]
    booster = _FITS[type(booster).__module__](booster, parts, Z.shape[1], labels, categorical)
    if alone:
        return booster
    twin = clone(estimator)
    twin.encoder_, twin.booster_ = batches.encoder, booster
    if classes is not None:
        twin.classes_ = classes
    return twin


def _xgboost(booster: Any, parts: list[Part], width: int, classes: NDArray[Any] | None, categorical: list[int]) -> Any:
    import xgboost

    kinds = ["c" if j in categorical else "q" for j in range(width)]

    class Rows(xgboost.DataIter):
        """The parts, as often as XGBoost asks for them."""

        def __init__(self, parts: list[Part], pages: str) -> None:
            self._parts, self._next = parts, 0
            super().__init__(cache_prefix=pages)

        def reset(self) -> None:
            self._next = 0

        def next(self, input_data: Callable[..., Any]) -> bool:
            if self._next == len(self._parts):
                return False
            part = self._parts[self._next]
            self._next += 1
            input_data(data=part.column("Z"), label=part.column("y"), weight=part.weight(), feature_types=kinds)
            return True

    params = booster.get_xgb_params()
    n_classes = 0 if classes is None else len(classes)
    if n_classes > 2:
        params["num_class"] = n_classes
        if not str(params.get("objective")).startswith("multi:"):
            params["objective"] = "multi:softprob"
    with tempfile.TemporaryDirectory(prefix="skdistill-") as folder:
        rows = Rows(parts, str(Path(folder) / "pages"))
        settings: dict[str, Any] = {"missing": booster.missing, "nthread": booster.n_jobs, "enable_categorical": True}
        matrix = xgboost.ExtMemQuantileDMatrix(rows, max_bin=booster.max_bin or 256, **settings)
        trees = xgboost.train(params, matrix, num_boost_round=booster.get_num_boosting_rounds())
        del matrix, rows  # which hold its files
    booster.load_model(trees.save_raw("json"))
    return booster


def _lightgbm(booster: Any, parts: list[Part], width: int, classes: NDArray[Any] | None, categorical: list[int]) -> Any:
    import lightgbm

    class Rows(lightgbm.Sequence):
        """A part. `held` has one at a time for all of them: single rows are asked for in their order."""

        def __init__(self, part: Part, held: dict[Part, NDArray[np.float32]]) -> None:
            self._part, self._held = part, held
            self.batch_size = part.n_rows

        def __len__(self) -> int:
            return self._part.n_rows

        def __getitem__(self, rows: Any) -> NDArray[Any]:
            if self._part not in self._held:
                self._held.clear()
                self._held[self._part] = self._part.column("Z")
            found = self._held[self._part][rows]
            return found if isinstance(rows, slice) else found.astype(np.float64)  # as bins are cut

    params = {name: value for name, value in booster.get_params().items() if value is not None}
    for name in ("class_weight", "importance_type", "n_estimators"):
        params.pop(name, None)
    if "objective" not in params:
        params["objective"] = "regression" if classes is None else "binary" if len(classes) == 2 else "multiclass"
    if classes is not None and len(classes) > 2:
        params["num_class"] = len(classes)
    label = np.concatenate([part.column("y") for part in parts])
    weight = np.concatenate([part.column("weight") for part in parts]) if parts[0].weighed else None
    held: dict[Part, NDArray[np.float32]] = {}
    sequences: list[lightgbm.Sequence] = [Rows(part, held) for part in parts]
    matrix = lightgbm.Dataset(sequences, label, weight=weight, params=params, categorical_feature=categorical)
    matrix.construct()
    held.clear()
    trees = lightgbm.train(params, matrix, num_boost_round=booster.n_estimators)
    # The estimator has no way to take a model but to fit one: the smallest there is, then replaced.
    n_trees = booster.n_estimators
    y = np.arange(2.0) if classes is None else classes
    booster.set_params(n_estimators=1, verbose=-1).fit(np.zeros((len(y), width), dtype=np.float32), y)
    booster.booster_.model_from_string(trees.model_to_string())
    return booster.set_params(n_estimators=n_trees, verbose=params.get("verbose", 1))


_FITS: dict[str, Callable[..., Any]] = {"xgboost.sklearn": _xgboost, "lightgbm.sklearn": _lightgbm}
#: Settings of XGBoost under which its external memory grows the trees that it grows in memory.
_XGBOOST_SETTINGS = {
    "booster": (None, "gbtree"),
    "tree_method": (None, "auto", "hist"),
    "device": (None, "cpu"),
    "early_stopping_rounds": (None,),
    "callbacks": (None,),
}
