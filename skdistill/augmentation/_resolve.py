"""The `augmentation` parameter, read once: a name or a sampler becomes a sampler of its own."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from ._base import BaseSampler, refuse_sparse
from ._dropout import TokenDropout
from ._forest import ForestSwap
from ._marginal import MarginalResampling
from ._munge import Munge

SAMPLERS: dict[str, type[BaseSampler]] = {
    "forest": ForestSwap,
    "marginal": MarginalResampling,
    "munge": Munge,
    "token_dropout": TokenDropout,
}


def resolve_samplers(augmentation: Any, *, sparse: bool = False) -> tuple[BaseSampler | None, ...]:
    """The samplers to choose from: for "auto" none and `Munge`, for "thin" `ForestSwap`, else the one that is meant.

    Parameters
    ----------
    augmentation, sparse
        As in `resolve_sampler`; "auto" and "thin" draw nothing for sparse rows.

    Examples
    --------
    >>> from skdistill.augmentation import resolve_samplers
    >>> resolve_samplers("auto")
    (None, Munge())
    """
    if isinstance(augmentation, str) and augmentation == "auto":
        return (None,) if sparse else (None, Munge())
    if isinstance(augmentation, str) and augmentation == "thin":
        return (None,) if sparse else (ForestSwap(),)
    return (resolve_sampler(augmentation, sparse=sparse),)


def resolve_sampler(augmentation: Any, *, sparse: bool = False) -> BaseSampler | None:
    """A sampler, checked before any teacher is fitted.

    Parameters
    ----------
    augmentation : None, str or sampler
        A name stands for the defaults of an instance; None: no new rows.
    sparse : bool
        Whether the rows come as a sparse matrix.

    Returns
    -------
    BaseSampler or None

    Raises
    ------
    ValueError, TypeError
        An unknown name (the message lists the valid ones), no sampler, a wrong parameter, or sparse rows.

    Examples
    --------
    >>> from skdistill.augmentation import resolve_sampler
    >>> resolve_sampler("munge")
    Munge()
    """
    if augmentation is None:
        return None
    if isinstance(augmentation, str):
        if augmentation not in SAMPLERS:
            names = ", ".join(sorted([*SAMPLERS, "auto", "thin"]))
            raise ValueError(
                f"Unknown augmentation {augmentation!r}. Valid names: {names}; or pass a sampler such as "
                "Munge(factor=10), or None."
            )
        sampler = SAMPLERS[augmentation]()
    elif isinstance(augmentation, BaseSampler):
        sampler = clone(augmentation)
    else:
        raise TypeError(
            f"The 'augmentation' parameter must be None, one of {sorted(SAMPLERS)} or a sampler instance, derived "
            f"from skdistill.augmentation.BaseSampler. Got {augmentation!r}."
        )
    sampler.check()
    refuse_sparse(sampler, sparse)
    return sampler
