"""What of a predictor need not be stored, because it changes no answer or follows from the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ._additive import Additive, PairTable
from ._decoded import Decoded
from ._evaluate import simplex
from ._predictors import Linear, Tree
from ._tree_sum import TreeSum

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What computes outputs from encoded features.
Predictor = Tree | Linear | Additive | TreeSum | Decoded


def used_features(predictor: Predictor) -> NDArray[np.bool_]:
    """Tell which encoded features can change the outputs: those that trees split on, those with a weight in a line,
    with a table that is not zero, or in a pair whose table is not zero.

    >>> used_features(Linear([[0.0], [2.0]], [1.0]))
    array([False,  True])
    """
    if isinstance(predictor, Decoded):
        return used_features(predictor.core)
    if isinstance(predictor, Linear):
        return np.asarray(predictor.coef.any(axis=1))
    if isinstance(predictor, Additive):
        own = np.array([table.any() for table in predictor.tables], dtype=bool)
        own[[i for pair in predictor.pairs if pair.table.any() for i in pair.features]] = True
        return own
    used = np.zeros(predictor.n_features, dtype=bool)
    used[splits_of(_trees_of(predictor))[0]] = True
    return used


def splits_of(trees: Iterable[Tree]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Feature and threshold of every split of some trees, one tree after the other."""
    nodes = [(tree.feature, tree.threshold) for tree in trees]
    feature = np.concatenate([np.zeros(0, np.int32), *(each for each, _ in nodes)])
    threshold = np.concatenate([np.zeros(0, np.float32), *(each for _, each in nodes)])
    return feature[feature >= 0], threshold[feature >= 0]


def _trees_of(predictor: Tree | TreeSum) -> tuple[Tree, ...]:
    return predictor.trees if isinstance(predictor, TreeSum) else (predictor,)


def shared_edges(predictor: Tree | TreeSum) -> dict[int, NDArray[np.float32]]:
    """The distinct thresholds of each feature that trees split on.

    >>> tree = Tree([0, -1, -1], [0.5, 0, 0], [2, 0, 0], [[1.0], [2.0]], n_features=1)
    >>> shared_edges(TreeSum([tree, tree], [0, 0], [0.0], n_features=1))
    {0: array([0.5], dtype=float32)}
    """
    feature, threshold = splits_of(_trees_of(predictor))
    return {int(j): np.unique(threshold[feature == j]) for j in np.unique(feature)}


def begins_with_zeros(predictor: Additive) -> bool:
    """Whether the first bin of each table adds nothing: what it adds to all rows is in the intercept."""
    return not any(table[0].any() for table in predictor.tables)


def spares_last(predictor: Predictor, link: str) -> bool:
    """Whether the last output need not be stored.

    Under a softmax, where a constant may be added to all scores, if it is zero; of the leaves of a tree under a
    simplex, if it is what the other shares leave of 1. Of a sum of trees this is said of the base alone.

    >>> tree = Tree([-1], [0], [0], [[0.25, 0.75]], n_features=0)
    >>> spares_last(tree, "simplex"), spares_last(tree, "softmax")
    (True, False)
    """
    if link == "simplex" and isinstance(predictor, Tree):
        return bool((predictor.value == with_last_share(predictor.value)).all())
    return link == "softmax" and not last_output(predictor).any()


def last_output(predictor: Predictor) -> NDArray[np.float32]:
    """All that makes the last output; of a sum of trees its base alone."""
    if isinstance(predictor, Tree):
        return predictor.value[:, -1]
    if isinstance(predictor, TreeSum):
        return predictor.base[-1:]
    if isinstance(predictor, Decoded):
        return np.append(predictor.matrix[:, -1], predictor.bias[-1])
    if isinstance(predictor, Linear):
        return np.append(predictor.coef[:, -1], predictor.intercept[-1])
    cells = [pair.table.reshape(-1, predictor.n_outputs) for pair in predictor.pairs]
    return np.concatenate([predictor.intercept[None], *predictor.tables, *cells])[:, -1]


def with_last_share(shares: NDArray[np.floating]) -> NDArray[np.float32]:
    """Shares of shape (n, k), the last of which is what the others leave of 1; 0 if that is no more than rounding.

    >>> with_last_share(np.array([[0.25, 0.5, 0.1]]))
    array([[0.25, 0.5 , 0.25]], dtype=float32)
    """
    rounded = shares.astype(np.float32)
    # Summed one after the other, as a reader in C does.
    rest = 1.0 - sum(rounded[:, :-1].T.astype(np.float64), np.zeros(len(rounded)))
    rounded[:, -1] = np.where(rest < rounded.shape[1] * 2.0**-25, 0.0, rest)
    return rounded


def sparing(predictor: Predictor, link: str) -> Predictor:
    """The predictor in the form that takes the least, with the same answers but for rounding.

    The last output becomes zero under a softmax, and what the others leave of 1 under a simplex; tables begin with
    zeros. Students and passes make such predictors by themselves; this is for others.

    Parameters
    ----------
    predictor : Tree, Linear, Additive, TreeSum or Decoded
    link : {"identity", "softmax", "simplex", "exp"}

    Returns
    -------
    predictor : Tree, Linear, Additive, TreeSum or Decoded

    Examples
    --------
    >>> sparing(Linear([[1.0, 3.0]], [0.5, 0.25]), "softmax").coef
    array([[-2.,  0.]], dtype=float32)
    """
    if isinstance(predictor, Tree):
        if link in ("identity", "exp") or spares_last(predictor, link):
            return predictor
        doubles = predictor.value.astype(np.float64)
        less_last = (doubles - doubles[:, -1:]).astype(np.float32)
        value = with_last_share(simplex(doubles)) if link == "simplex" else less_last
        return replace(predictor, value=value)
    if isinstance(predictor, TreeSum):
        base = predictor.base.astype(np.float64)
        return replace(predictor, base=base - base[-1]) if link == "softmax" else predictor

    def grounded(values: NDArray[np.floating]) -> Any:
        doubles = values.astype(np.float64)
        return doubles - doubles[..., -1:] if link == "softmax" else doubles

    if isinstance(predictor, Decoded):
        core = sparing(predictor.core, "identity")
        return Decoded(_plain(core), grounded(predictor.matrix), grounded(predictor.bias))
    if isinstance(predictor, Linear):
        return Linear(grounded(predictor.coef), grounded(predictor.intercept))
    tables = [grounded(table) for table in predictor.tables]
    intercept = sum((table[0] for table in tables), grounded(predictor.intercept))
    pairs = tuple(PairTable(pair.features, pair.edges, grounded(pair.table)) for pair in predictor.pairs)
    return Additive(predictor.edges, tuple(table - table[0] for table in tables), intercept, pairs)


def _plain(predictor: Predictor) -> Tree | Linear | Additive | TreeSum:
    """A predictor that is not decoded, said to the type checker."""
    assert not isinstance(predictor, Decoded)
    return predictor
