"""AutoGluon's `distill`: it takes no teacher but its own, and the raw table."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from skdistill.model import LINKS, Preprocessor, Tree, TreeSum, used_features

from ..peers import ask_peer
from ..peers.exchange import Model
from ..plan import LEAVES
from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import columns_nbytes, lower_nested, nodes_nbytes

_ENVIRONMENT = "autogluon"
#: Seconds by the clock for its teachers.
_TIME_LIMIT = 60
_ROUNDS = (4, 16, 64)
_BOOSTER_LEAVES = 8
_LEARNING_RATES = (0.1, 0.2, 0.4, 0.8)
#: Share of test rows whose outputs our form of its trees must repeat.
_SAME = 0.99


def _fit(split: Split, size: int, *, kind: str) -> Fitted:
    model = _models(split)[f"{kind}-{size}"]
    outputs = model.outputs[:, model.outputs.any(axis=0)]  # it leaves out classes of too few rows
    trees, link = _lower(model.structure, outputs.shape[1])
    # What is sized must be what was judged, but for rows that float32 moves across a threshold.
    same = np.isclose(_outputs(trees, link, model.inputs, outputs.shape[1]), outputs, rtol=1e-4, atol=1e-5).all(axis=1)
    if same.mean() < _SAME:
        raise ValueError(f"AutoGluon's trees say what it says of {same.mean():.1%} of the test rows only")
    nbytes = raw_nbytes(trees, link, model.structure["features"], list(split.X_train.columns), split.raw[2])
    return Fitted(lambda split: model.outputs, nbytes, trees.n_leaves, model.settings, cpu_seconds=model.cpu_seconds)


def _lower(structure: dict[str, Any], n_outputs: int) -> tuple[Tree | TreeSum, str]:
    """Two classes are one output: the probability of the second."""
    n_features = len(structure["features"])
    trees = [lower_nested(root, n_features) for root in structure["trees"]]
    if structure["forest"]:
        return trees[0], "simplex" if n_outputs > 2 else "identity"
    n_sums = n_outputs if n_outputs > 2 else 1
    trees_ = TreeSum(tuple(trees), np.arange(len(trees)) % n_sums, np.zeros(n_sums), n_features)
    return trees_, "softmax" if n_outputs > 2 else "identity"


def _outputs(trees: Tree | TreeSum, link: str, inputs: np.ndarray, n_outputs: int) -> np.ndarray:
    """As AutoGluon makes them of the trees' sums."""
    if link == "softmax":
        return trees.evaluate(inputs, LINKS[link])
    values = trees.evaluate(inputs)
    if link == "simplex":
        return values / values.sum(axis=1, keepdims=True)
    return values if n_outputs == 1 else np.clip(np.hstack([1 - values, values]), 0, 1)


def raw_nbytes(
    trees: Tree | TreeSum, link: str, features: list[str], names: list[str], preprocessor: Preprocessor
) -> int:
    """Packed bytes of trees over features that are made of raw columns, by name.

    AutoGluon numbers a column's categories, so all of them are counted once the column is used. A split by a set of
    categories counts as a threshold does.
    """
    used_names = {feature for feature, is_used in zip(features, used_features(trees), strict=True) if is_used}
    encoded = np.zeros(preprocessor.n_encoded, dtype=bool)
    for name, part in zip(names, preprocessor.slices, strict=True):
        encoded[part] = name in used_names
    return columns_nbytes(encoded, preprocessor) + nodes_nbytes(trees, link)


@lru_cache(maxsize=1)
def _models(split: Split) -> dict[str, Model]:
    """Students of all kinds and sizes: the teachers, which cost most, are fitted once."""
    settings = {
        "n_classes": split.n_classes,
        "seed": split.seed,
        "time_limit": _TIME_LIMIT,
        "leaves": LEAVES,
        "rounds": _ROUNDS,
        "booster_leaves": _BOOSTER_LEAVES,
        "learning_rates": _LEARNING_RATES,
    }
    tables = {"train": split.X_train, "test": split.X_test}
    return ask_peer(_ENVIRONMENT, "autogluon", {"y": split.y_train}, settings, tables)


_NOTE = (
    f"It takes no teacher but its own: LightGBM, forests and their weighted ensemble, 5 folds, {_TIME_LIMIT} s by the "
    "clock on one core; CatBoost and neural networks are not installed. It takes the raw table, makes up rows in its "
    "own way and holds some back for validation. One call makes students of all sizes; its CPU seconds are shared out "
    "evenly, its teachers' are left out."
)
CONTESTANTS = (
    Contestant(
        "autogluon_tree",
        "AutoGluon's distilled tree, its own teachers",
        partial(_fit, kind="tree"),
        "soft",
        environment=_ENVIRONMENT,
        note=_NOTE,
    ),
    Contestant(
        "autogluon_boosted",
        "AutoGluon's distilled LightGBM, its own teachers; size is rounds",
        partial(_fit, kind="boosted"),
        *("soft", "boosted", _ROUNDS, "autogluon_boosted"),
        environment=_ENVIRONMENT,
        note=_NOTE
        + " Of more than two classes its early stopping is switched off: with LightGBM 4 it takes a matrix of "
        "predictions for a vector, and keeps the first round only.",
    ),
)
