"""New raw rows near the given ones, for the committee to label: every new cell is one that its column holds."""

from ._base import BaseSampler
from ._marginal import MarginalResampling
from ._moves import move_one
from ._munge import Munge
from ._resolve import SAMPLERS, resolve_sampler, resolve_samplers

__all__ = ["SAMPLERS", "BaseSampler", "MarginalResampling", "Munge", "move_one", "resolve_sampler", "resolve_samplers"]
