"""AutoGluon's `distill`: it takes no teacher but its own, and the raw table."""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from ..peers import ask_peer
from ..peers.exchange import Model
from ..plan import LEAVES
from ..splits import Split
from . import boosted
from ._contestant import Contestant, Fitted
from ._sizes import columns_nbytes, lower_nested, nodes_nbytes, used_features

_ENVIRONMENT = "autogluon"
#: Seconds by the clock for its teachers.
_TIME_LIMIT = 60
_ROUNDS = (4, 16, 64)
_LEARNING_RATES = (0.1, 0.2, 0.4, 0.8)


def _fit(split: Split, size: int, *, kind: str) -> Fitted:
    model = _models(split)[f"{kind}-{size}"]
    features = model.structure["features"]
    trees = [lower_nested(root, len(features)) for root in model.structure["trees"]]
    used = np.any([used_features(tree) for tree in trees], axis=0)
    names = {feature for feature, is_used in zip(features, used, strict=True) if is_used}
    # It numbers a column's categories, so it must know all of them once it uses the column.
    preprocessor = split.raw[2]
    encoded = np.zeros(preprocessor.n_encoded, dtype=bool)
    for name, part in zip(split.X_train.columns, preprocessor.slices, strict=True):
        encoded[part] = name in names
    link = "simplex" if kind == "tree" and trees[0].n_outputs > 1 else "identity"
    nbytes = columns_nbytes(encoded, preprocessor) + sum(nodes_nbytes(tree, link) for tree in trees)
    leaves = sum(tree.n_leaves for tree in trees)
    return Fitted(lambda split: model.outputs, nbytes, leaves, model.settings, model.cpu_seconds)


@lru_cache(maxsize=1)
def _models(split: Split) -> dict[str, Model]:
    """Students of all kinds and sizes: the teachers, which cost most, are fitted once."""
    settings = {
        "n_classes": split.n_classes,
        "seed": split.seed,
        "time_limit": _TIME_LIMIT,
        "leaves": LEAVES,
        "rounds": _ROUNDS,
        "booster_leaves": boosted.LEAVES,
        "learning_rates": _LEARNING_RATES,
    }
    tables = {"train": split.X_train, "test": split.X_test}
    return ask_peer(_ENVIRONMENT, "autogluon", {"y": split.y_train}, settings, tables)


CONTESTANTS = (
    Contestant(
        "autogluon_tree",
        "AutoGluon's distilled tree, its own teachers",
        partial(_fit, kind="tree"),
        "soft",
        environment=_ENVIRONMENT,
    ),
    Contestant(
        "autogluon_boosted",
        "AutoGluon's distilled LightGBM, its own teachers; size is rounds",
        partial(_fit, kind="boosted"),
        *("soft", "boosted", _ROUNDS, "lightgbm_hard"),
        environment=_ENVIRONMENT,
    ),
)
