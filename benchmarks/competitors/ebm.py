"""interpret's explainable boosting machine on hard labels: the additive rival, with and without pairs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from skdistill.model import Additive, CategoryColumn, Preprocessor, packed_nbytes

from ..peers import ask_peer
from ..splits import Split
from ._contestant import Contestant, Fitted

_ENVIRONMENT = "interpret"


def _fit(split: Split, size: int, *, pairs: bool) -> Fitted:
    # It takes the raw table: it has its own ways with categories and missing values.
    (model,) = ask_peer(
        _ENVIRONMENT,
        "ebm",
        {"y": split.y_train},
        {"n_classes": split.n_classes, "seed": split.seed, "pairs": pairs},
        {"train": split.X_train, "test": split.X_test},
    ).values()
    preprocessor = split.raw[2]
    nbytes = ebm_nbytes(model.structure, preprocessor, "softmax" if split.n_classes > 2 else "identity")
    return Fitted(lambda split: model.outputs, nbytes, 0, model.settings, model.cpu_seconds)


def ebm_nbytes(structure: dict[str, Any], preprocessor: Preprocessor, link: str) -> int:
    """Tables of single columns as an `Additive`; a cell of a pair costs what a bin does, and its edges what edges do.

    The model form has no pairs. An edge of pairs is counted once, for a column's pairs share their edges; columns that
    are only in pairs do not happen.
    """
    additive = lower_singles(structure, preprocessor)
    free = additive.n_outputs - (link == "softmax")
    cells = sum(pair["cells"] for pair in structure["pairs"])
    edges = sum(1 + 4 * n for n in structure["pair_edges"])
    # Which two columns a pair is of.
    return packed_nbytes(additive, link, preprocessor) + 4 * free * cells + edges + 2 * len(structure["pairs"])


def lower_singles(structure: dict[str, Any], preprocessor: Preprocessor) -> Additive:
    """The tables of single columns, over the encoded features: every bin, category and missing value as it scores."""
    k, n = len(structure["intercept"]), preprocessor.n_encoded
    edges, tables = [np.zeros(0, np.float32)] * n, [np.zeros((1, k))] * n
    for single in structure["singles"]:
        column, at = preprocessor.columns[single["column"]], preprocessor.slices[single["column"]]
        scores, missing = np.asarray(single["scores"]), np.asarray(single["missing"])
        if isinstance(column, CategoryColumn):
            of_category = dict(zip(single["categories"], scores, strict=True))
            values = [of_category.get(str(label), np.zeros(k)) for label in column.categories]
            indicators = [*values, missing] if column.missing else values
        else:
            edges[at.start], tables[at.start] = _steps(np.asarray(single["edges"]), scores)
            filled = tables[at.start][np.searchsorted(edges[at.start], np.float32(column.fill))]
            indicators = [missing - filled] if column.missing else []
        for i, score in enumerate(indicators, start=at.stop - len(indicators)):
            edges[i], tables[i] = np.array([0.5], np.float32), np.stack([np.zeros(k), score])
    return Additive(tuple(edges), tuple(tables), np.asarray(structure["intercept"]))


def _steps(cuts: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Float32 edges and the table between them; neighbours that score the same are one bin.

    Of interpret's bins the upper one holds the cut itself, of ours the lower one.
    """
    rounded = cuts.astype(np.float32)
    below = np.where(rounded >= cuts, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    differs = (scores[1:] != scores[:-1]).any(axis=1)
    # Cuts that are one in float32 leave no room for the bins between them.
    differs &= np.append(below[1:] > below[:-1], True)
    return below[differs], np.concatenate([scores[:-1][differs], scores[-1:]])


_NOTE = (
    "On the raw table and true labels, with its defaults, up to 1,024 bins a column. Bins of equal score are packed "
    "as one; a cell of a pair takes the bytes of a bin."
)
CONTESTANTS = (
    Contestant(
        "ebm",
        "EBM on hard labels",
        partial(_fit, pairs=True),
        *("hard", "additive", (0,), "ebm"),
        environment=_ENVIRONMENT,
        note=_NOTE,
    ),
    Contestant(
        "ebm_single",
        "EBM on hard labels, without pairs",
        partial(_fit, pairs=False),
        *("hard", "additive", (0,), "ebm"),
        environment=_ENVIRONMENT,
        note=_NOTE,
    ),
)
