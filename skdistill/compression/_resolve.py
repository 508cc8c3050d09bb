"""The passes that are meant, read once: names, a pass or several become passes that can run in this order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sklearn.base import clone

from ._pass import CompressionPass
from ._prune import Prune
from ._quantise import Quantise
from ._reduce import Reduce
from ._sparsify import Sparsify

PASSES: dict[str, type[CompressionPass]] = {
    "prune": Prune,
    "quantise": Quantise,
    "reduce": Reduce,
    "sparsify": Sparsify,
}


def resolve_passes(compression: Any) -> tuple[CompressionPass, ...]:
    """The passes that are meant, copied and checked before any of them runs.

    Parameters
    ----------
    compression : None, str, pass, or sequence of str and passes
        A name stands for the defaults of a pass; None: nothing is to be done.

    Raises
    ------
    ValueError, TypeError
        An unknown name, something that is no pass, a parameter out of range, or a pass after one that must come last.

    Examples
    --------
    >>> from skdistill.compression import Quantise, resolve_passes
    >>> resolve_passes(["prune", Quantise("int4")])
    (Prune(), Quantise(values='int4'))
    """
    if compression is None:
        return ()
    several = isinstance(compression, Sequence) and not isinstance(compression, str)
    chain = tuple(_resolved(item) for item in (compression if several else [compression]))
    for item, after in pairwise(chain):
        if item.comes_last:
            raise ValueError(f"{item!r} must come last in a chain of passes: {after!r} cannot change what it leaves.")
    return chain


def _resolved(item: Any) -> CompressionPass:
    if isinstance(item, str):
        if item not in PASSES:
            raise ValueError(
                f"Unknown pass of compression {item!r}. Valid names: {', '.join(sorted(PASSES))}; or pass an instance "
                "such as Quantise('int4')."
            )
        return PASSES[item]()
    if not isinstance(item, CompressionPass):
        raise TypeError(
            f"A pass of compression must be one of {sorted(PASSES)} or an instance such as Prune(). Got {item!r}."
        )
    found: CompressionPass = clone(item)
    found.check()
    return found
