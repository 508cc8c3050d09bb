"""New raw rows near the given ones, for the committee to label; their cells stay on the grid and range of the given."""

from ._base import BaseSampler, CellSampler
from ._dropout import TokenDropout
from ._forest import ForestSwap
from ._images import ImageJitter
from ._marginal import MarginalResampling
from ._moves import move_one
from ._munge import Munge
from ._resolve import SAMPLERS, resolve_sampler, resolve_samplers

__all__ = [
    "SAMPLERS",
    "BaseSampler",
    "CellSampler",
    "ForestSwap",
    "ImageJitter",
    "MarginalResampling",
    "Munge",
    "TokenDropout",
    "move_one",
    "resolve_sampler",
    "resolve_samplers",
]
