"""interpret's explainable boosting machine on hard labels: the additive rival, with and without pairs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from skdistill.model import LINKS, Additive, CategoryColumn, PairTable, Preprocessor

from ..peers import ask_peer
from ..splits import Split
from ._contestant import Contestant, Fitted
from ._sizes import spared_nbytes

_ENVIRONMENT = "interpret"
#: CPU seconds it may take of a set, else the set is skipped.
_TIME_LIMIT = 240
#: Share of test rows whose outputs our form of its tables must repeat.
_SAME = 0.99


def _fit(split: Split, size: int, *, pairs: bool) -> Fitted:
    # It takes the raw table: it has its own ways with categories and missing values. Numbers are those that our forms
    # see, for its cuts fall between values that differ in their last digits.
    (model,) = ask_peer(
        _ENVIRONMENT,
        "ebm",
        {"y": split.y_train},
        {"n_classes": split.n_classes, "seed": split.seed, "pairs": pairs, "time_limit": _TIME_LIMIT},
        {"train": _in_float32(split.X_train), "test": _in_float32(split.X_test)},
    ).values()
    _, Z_test, preprocessor = split.raw
    additive = lower(model.structure, preprocessor)
    link = "softmax" if split.n_classes > 2 else "identity"
    outputs = additive.evaluate(Z_test, LINKS[link])
    if split.n_classes == 2:
        outputs = 1 / (1 + np.exp(np.hstack([outputs, -outputs])))
    # What is sized must be what was judged, but for rows that float32 moves across an edge.
    same = np.isclose(outputs, model.outputs, rtol=1e-4, atol=1e-5).all(axis=1).mean()
    if same < _SAME:
        raise ValueError(f"the tables of explainable boosting say what it says of {same:.1%} of the test rows only")
    nbytes = spared_nbytes(additive, link, preprocessor)
    return Fitted(lambda split: model.outputs, nbytes, 0, model.settings, cpu_seconds=model.cpu_seconds)


def _in_float32(table: Any) -> Any:
    numbers = table.select_dtypes("number").columns
    return table.assign(**{name: table[name].astype(np.float32).astype(np.float64) for name in numbers})


class _Part(NamedTuple):
    """What an encoded feature tells of the bin that a raw column falls into.

    `weights` has a row for each of the feature's bins, a column for each of the raw column's. Of all features of the
    column, the rows that an example falls into add up to 1 for its bin and 0 for the others.
    """

    feature: int
    edges: np.ndarray
    weights: np.ndarray


def lower(structure: dict[str, Any], preprocessor: Preprocessor) -> Additive:
    """The machine over encoded features: every bin, category and missing value scores as it does there."""
    intercept, n = np.array(structure["intercept"]), preprocessor.n_encoded
    own = [(np.zeros(0, np.float32), np.zeros((1, len(intercept))))] * n
    pairs = []
    for term in structure["terms"]:
        scores = np.array(term["scores"])
        axes = [list(_parts(preprocessor, *axis)) for axis in zip(term["columns"], term["bins"], strict=True)]
        if len(axes) == 1:
            for part in axes[0]:
                own[part.feature] = _sum(own[part.feature], (part.edges, part.weights @ scores))
            continue
        for first, second in product(*axes):
            table = np.einsum("ai,ijk,bj->abk", first.weights, scores, second.weights)
            # What stands in the first row and in the first column is of one feature alone.
            corner, along_first, along_second = table[0, 0], table[:, 0] - table[0, 0], table[0] - table[0, 0]
            intercept += corner
            own[first.feature] = _sum(own[first.feature], (first.edges, along_first))
            own[second.feature] = _sum(own[second.feature], (second.edges, along_second))
            edges_first, rest = _merged(first.edges, (table - table[0]) - along_first[:, None])
            edges_second, rest = _merged(second.edges, rest.swapaxes(0, 1))
            if rest.any():
                pairs.append(_pair((first.feature, edges_first), (second.feature, edges_second), rest.swapaxes(0, 1)))
    edges, tables = zip(*(_merged(*feature) for feature in own), strict=True)
    return Additive(edges, tables, intercept, pairs)


def _parts(preprocessor: Preprocessor, number: int, bins: list[float] | dict[str, int]) -> Iterator[_Part]:
    """Of a raw column by number; bin 0 of its axis is for missing values."""
    column, at = preprocessor.columns[number], preprocessor.slices[number]
    if isinstance(column, CategoryColumn):
        assert isinstance(bins, dict)
        n_bins, taken = max(bins.values(), default=0) + 1, 0
        for i, label in enumerate(column.categories, start=at.start):
            yield _indicator(i, n_bins, bins.get(str(label)), None)
    else:
        cuts = np.asarray(bins)
        n_bins = len(cuts) + 2
        # Of interpret's bins the upper one holds the cut itself, of ours the lower one.
        below = cuts.astype(np.float32)
        below = np.where(below < cuts, below, np.nextafter(below, np.float32(-np.inf)))
        # Cuts that are one in float32 leave no room for the bins between them.
        first = np.append(True, below[1:] > below[:-1])[: len(below)]
        yield _Part(at.start, below[first], np.eye(n_bins)[1:][np.append(first, True)])
        taken = 1 + int(np.searchsorted(below, np.float32(column.fill)))
    if column.missing:
        yield _indicator(at.stop - 1, n_bins, 0, taken or None)


def _indicator(feature: int, n_bins: int, bin_: int | None, instead_of: int | None) -> _Part:
    """Of a feature that is 1 where the column falls into a bin, and would else seem to fall into another."""
    weights = np.zeros((2, n_bins))
    if bin_ is not None:
        weights[1, bin_] = 1
    if instead_of is not None:
        weights[1, instead_of] = -1
    return _Part(feature, np.array([0.5], np.float32), weights)


def _sum(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Edges and table of two step functions of one feature together."""
    edges = np.union1d(first[0], second[0])
    # A bin lies below its upper edge; the last one lies above all.
    at = [np.append(np.searchsorted(cuts, edges), len(cuts)) for cuts, _ in (first, second)]
    return edges, first[1][at[0]] + second[1][at[1]]


def _merged(edges: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours along the first axis that score the same as one bin."""
    differs = (table[1:] != table[:-1]).any(axis=tuple(range(1, table.ndim)))
    return edges[differs], np.concatenate([table[:-1][differs], table[-1:]])


def _pair(first: tuple[int, np.ndarray], second: tuple[int, np.ndarray], table: np.ndarray) -> PairTable:
    if first[0] > second[0]:
        first, second, table = second, first, table.swapaxes(0, 1)
    return PairTable((first[0], second[0]), (first[1], second[1]), table)


_NOTE = (
    "On the raw table and true labels, with its defaults, up to 1,024 bins a column. It is packed as our form of "
    f"additive models; neighbouring bins of equal score are one. A set that takes it over {_TIME_LIMIT} CPU seconds "
    "is skipped."
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
