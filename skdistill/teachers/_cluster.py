"""Boosters that learn on a cluster: XGBoost's and LightGBM's own way of learning from the arrays of Dask's workers."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np

from ..engine import Block
from ._batches import Kept, Task, adopted


def fit_on_cluster(booster: Any, engine: Any, kept: Kept, task: Task) -> Any:
    """Fit a booster on the kept rows, which stay where they are.

    Parameters
    ----------
    booster : model of XGBoost or LightGBM
    engine : DaskEngine
        With the columns of `Batches`.
    kept : Kept
    task : Task

    Returns
    -------
    fitted model of the same class

    Raises
    ------
    RuntimeError
        A worker was lost meanwhile.
    """
    from ..engine._dask import with_all_workers

    fit = _xgboost if type(booster).__module__.startswith("xgboost") else _lightgbm
    arrays = engine.arrays(kept_rows, kept)
    return with_all_workers(engine.client, partial(fit, booster, engine.client, arrays, task))


def kept_rows(block: Block, kept: Kept) -> tuple[list[np.ndarray], ...]:
    """Encoded rows, labels and weights. Lists, so that adding joins them."""
    mask = kept(block)
    return tuple([block[name][mask]] for name in ("Z", "y", "weight"))


def _xgboost(booster: Any, client: Any, arrays: list[Any], task: Task) -> Any:
    from xgboost import dask as on_dask

    Z, y, weight = arrays
    settings = {"feature_types": task.kinds, "enable_categorical": True, "max_bin": booster.max_bin or 256}
    weight = weight if task.weighed else None
    matrix = on_dask.DaskQuantileDMatrix(client, Z, y, weight=weight, missing=booster.missing, **settings)
    params = {name: value for name, value in task.xgboost_params(booster).items() if name != "nthread"}
    trees = on_dask.train(client, params, matrix, num_boost_round=booster.get_num_boosting_rounds())["booster"]
    booster.load_model(trees.save_raw("json"))
    return booster


def _lightgbm(booster: Any, client: Any, arrays: list[Any], task: Task) -> Any:
    from lightgbm import DaskLGBMClassifier, DaskLGBMRegressor

    Z, y, weight = arrays
    weight = weight if task.weighed else None
    learner = (DaskLGBMRegressor if task.classes is None else DaskLGBMClassifier)(client=client, **booster.get_params())
    with warnings.catch_warnings():
        # It says so of a parameter that every model has.
        warnings.filterwarnings("ignore", "Parameter n_jobs will be ignored")
        learner.fit(Z, y, sample_weight=weight, categorical_feature=list(task.categorical))
    return adopted(booster, learner.booster_.model_to_string(), task)
