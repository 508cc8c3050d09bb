"""Boosters that learn from rows beyond memory, each through its own library's way of taking them in batches.

XGBoost keeps compressed pages of the features on disk (`ExtMemQuantileDMatrix`) and reads them as trees grow. LightGBM
bins rows as they come (`Sequence`), and holds the bins, a byte or two for each number. Both hold labels, gradients and
scores of all rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier, is_regressor

from ..engine import Block, Engine, FileEngine
from ..preprocessing import TableEncoder
from ._presets import TabularBooster


@dataclass(frozen=True, eq=False)
class Batches:
    """All rows that a sample was drawn from, encoded; those beyond it are each in a fold.

    Attributes
    ----------
    encoder : TableEncoder
        Of category ranks.
    classes : ndarray of shape (k,), or None for regression
    n_outputs : int
    numbers : ndarray of shape (n,)
        Row numbers of the sample, increasing.
    opened : callable
        The engine of all rows, with columns ``"Z"``, ``"y"`` (class codes or values) and ``"weight"`` in float32, as
        boosters hold them, and ``"fold"``, -1 in the sample. Called when the first teacher learns from them.
    """

    encoder: TableEncoder
    classes: NDArray[Any] | None
    n_outputs: int
    numbers: NDArray[np.intp]
    opened: Callable[[], Engine]

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
    def engine(self) -> Engine:
        """The rows."""
        return self.opened()


class Kept(NamedTuple):
    """Which rows a fit learns from."""

    numbers: NDArray[np.intp]  #: of the sample
    without: frozenset[int]  #: folds to leave out beyond it

    def __call__(self, block: Block) -> NDArray[np.bool_]:
        """A mask of a block's rows."""
        fold = block["fold"]
        mask: NDArray[np.bool_] = (fold >= 0) & ~np.isin(fold, list(self.without))
        first, end = np.searchsorted(self.numbers, [block["start"], block["start"] + len(fold)])
        mask[self.numbers[first:end] - block["start"]] = True
        return mask


def fit_in_batches(
    estimator: Any, batches: Batches, train: NDArray[np.intp] | None, without: frozenset[int], weighed: bool
) -> Any:
    """A clone of a booster, fitted on rows of the sample and on all rows beyond it that are in none of some folds.

    Parameters
    ----------
    estimator : TabularBooster, or a model of XGBoost or LightGBM
        One that `Batches.teach`.
    batches : Batches
    train : ndarray of positions in the sample, or None for all of it
    without : set of int
        Folds to leave out.
    weighed : bool
        Whether rows have weights.

    Raises
    ------
    ValueError
        The library cannot use what it was given.
    """
    alone, classes, encoder = not isinstance(estimator, TabularBooster), batches.classes, batches.encoder
    booster = clone(estimator if alone else estimator.booster)
    kept = Kept(batches.numbers if train is None else batches.numbers[np.sort(train)], without)
    task = Task(
        None if classes is None else classes if alone else np.arange(len(classes)),
        len(encoder.categories_),
        tuple(int(j) for j in encoder.categorical_features_),
        weighed,
    )
    if isinstance(batches.engine, FileEngine):
        booster = _FITS[type(booster).__module__](booster, parts_of(batches.engine, kept), task)
    else:
        from ._cluster import fit_on_cluster

        booster = fit_on_cluster(booster, batches.engine, kept, task)
    if alone:
        return booster
    twin = clone(estimator)
    twin.encoder_, twin.booster_ = encoder, booster
    if classes is not None:
        twin.classes_ = classes
    return twin


class Task(NamedTuple):
    """What a booster is to learn."""

    classes: NDArray[Any] | None  #: None: values
    width: int
    categorical: tuple[int, ...]  #: columns of category ranks
    weighed: bool

    @property
    def kinds(self) -> list[str]:
        """The columns as XGBoost names their kinds."""
        return ["c" if j in self.categorical else "q" for j in range(self.width)]

    def xgboost_params(self, booster: Any) -> dict[str, Any]:
        """What ``xgboost.train`` is told, as the estimator would tell it."""
        params: dict[str, Any] = booster.get_xgb_params()
        if self.classes is not None and len(self.classes) > 2:
            params["num_class"] = len(self.classes)
            if not str(params.get("objective")).startswith("multi:"):
                params["objective"] = "multi:softprob"
        return params


class Part(NamedTuple):
    """The kept rows of a block, a column of which is read when it is asked for."""

    engine: FileEngine
    number: int
    kept: Kept
    n_rows: int

    def column(self, name: str) -> NDArray[Any]:
        """A column."""
        block = self.engine.block(self.number)
        column: NDArray[Any] = block[name][self.kept(block)]
        return column


def parts_of(engine: FileEngine, kept: Kept) -> list[Part]:
    """The kept rows, block by block."""
    counts = [int(kept(engine.block(i)).sum()) for i in range(engine.n_blocks)]
    return [Part(engine, i, kept, n_rows) for i, n_rows in enumerate(counts) if n_rows]


def _xgboost(booster: Any, parts: list[Part], task: Task) -> Any:
    import xgboost

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
            weight = part.column("weight") if task.weighed else None
            input_data(data=part.column("Z"), label=part.column("y"), weight=weight, feature_types=task.kinds)
            return True

    with tempfile.TemporaryDirectory(prefix="skdistill-") as folder:
        rows = Rows(parts, str(Path(folder) / "pages"))
        settings: dict[str, Any] = {"missing": booster.missing, "nthread": booster.n_jobs, "enable_categorical": True}
        matrix = xgboost.ExtMemQuantileDMatrix(rows, max_bin=booster.max_bin or 256, **settings)
        trees = xgboost.train(task.xgboost_params(booster), matrix, num_boost_round=booster.get_num_boosting_rounds())
        del matrix, rows  # which hold its files
    booster.load_model(trees.save_raw("json"))
    return booster


def _lightgbm(booster: Any, parts: list[Part], task: Task) -> Any:
    import lightgbm

    class Rows(lightgbm.Sequence):
        """A part. `held` has the rows of one at a time: single rows are asked for in their order."""

        def __init__(self, part: Part, held: dict[int, NDArray[np.float32]]) -> None:
            self._part, self._held = part, held
            self.batch_size = part.n_rows

        def __len__(self) -> int:
            return self._part.n_rows

        def __getitem__(self, rows: Any) -> NDArray[Any]:
            number = self._part.number
            if number not in self._held:
                self._held.clear()
                self._held[number] = self._part.column("Z")
            found = self._held[number][rows]
            return found if isinstance(rows, slice) else found.astype(np.float64)  # as bins are cut

    params = {name: value for name, value in booster.get_params().items() if value is not None}
    for name in ("class_weight", "importance_type", "n_estimators"):
        params.pop(name, None)
    classes = task.classes
    if "objective" not in params:
        params["objective"] = "regression" if classes is None else "binary" if len(classes) == 2 else "multiclass"
    if classes is not None and len(classes) > 2:
        params["num_class"] = len(classes)
    label = np.concatenate([part.column("y") for part in parts])
    weight = np.concatenate([part.column("weight") for part in parts]) if task.weighed else None
    held: dict[int, NDArray[np.float32]] = {}
    sequences: list[lightgbm.Sequence] = [Rows(part, held) for part in parts]
    matrix = lightgbm.Dataset(
        sequences, label, weight=weight, params=params, categorical_feature=list(task.categorical)
    )
    matrix.construct()
    held.clear()
    trees = lightgbm.train(params, matrix, num_boost_round=booster.n_estimators)
    return adopted(booster, trees.model_to_string(), task)


def adopted(booster: Any, text: str, task: Task) -> Any:
    """A LightGBM estimator, fitted: it has the model that the text is of."""
    # It has no way to take a model but to fit one: the smallest there is, then replaced.
    n_trees, verbose = booster.n_estimators, booster.get_params().get("verbose", 1)
    y = np.arange(2.0) if task.classes is None else task.classes
    booster.set_params(n_estimators=1, verbose=-1).fit(np.zeros((len(y), task.width), dtype=np.float32), y)
    booster.booster_.model_from_string(text)
    return booster.set_params(n_estimators=n_trees, verbose=verbose)


_FITS: dict[str, Callable[..., Any]] = {"xgboost.sklearn": _xgboost, "lightgbm.sklearn": _lightgbm}
#: Settings of XGBoost under which its external memory grows the trees that it grows in memory.
_XGBOOST_SETTINGS = {
    "booster": (None, "gbtree"),
    "tree_method": (None, "auto", "hist"),
    "device": (None, "cpu"),
    "early_stopping_rounds": (None,),
    "callbacks": (None,),
}
