"""AutoGluon's `distill`: it takes no teacher but its own, and the raw table."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np

from skdistill.model import Preprocessor, Tree, TreeSum, used_features

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


def _fit(split: Split, size: int, *, kind: str) -> Fitted:
    model = _models(split)[f"{kind}-{size}"]
    trees = _lower(model.structure)
    names = list(split.X_train.columns)
    nbytes = raw_nbytes(trees, model.structure["features"], names, split.raw[2])
    leaves = sum(tree.n_leaves for tree in trees)
    return Fitted(lambda split: model.outputs, nbytes, leaves, model.settings, model.cpu_seconds)


def _lower(structure: dict[str, Any]) -> list[Tree]:
    return [lower_nested(root, len(structure["features"])) for root in structure["trees"]]


def raw_nbytes(trees: list[Tree], features: list[str], names: list[str], preprocessor: Preprocessor) -> int:
    """Packed bytes of trees over features that are raw columns, by name.

    AutoGluon numbers a column's categories, so all of them are counted once the column is used. A split by a set of
    categories counts as a threshold does. Trees of several outputs hold probabilities, of which one follows.
    """
    used = np.any([used_features(tree) for tree in trees], axis=0)
    used_names = {feature for feature, is_used in zip(features, used, strict=True) if is_used}
    encoded = np.zeros(preprocessor.n_encoded, dtype=bool)
    for name, part in zip(names, preprocessor.slices, strict=True):
        encoded[part] = name in used_names
    if trees[0].n_outputs > 1:
        return columns_nbytes(encoded, preprocessor) + sum(nodes_nbytes(tree, "simplex") for tree in trees)
    # Sums of trees share thresholds, as ours do.
    as_sum = TreeSum(tuple(trees), np.zeros(len(trees), np.int32), np.zeros(1), len(features))
    return columns_nbytes(encoded, preprocessor) + nodes_nbytes(as_sum)


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
        + " Of more than two classes it keeps only the first round: its measure for early stopping takes the "
        "predictions of LightGBM 4 for a vector, though they are a matrix, and reads them in the wrong order.",
    ),
)
