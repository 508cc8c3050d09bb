"""Smaller models from models: passes whose cost is measured on given rows. Reads only the model form."""

from ._budget import Frontier, fit_budget, frontier
from ._compress import Compressed, Step, compress
from ._pass import CompressionPass
from ._prune import Prune
from ._quantise import Quantise
from ._reduce import Reduce
from ._resolve import resolve_passes
from ._sparsify import Sparsify

__all__ = [
    "Compressed",
    "CompressionPass",
    "Frontier",
    "Prune",
    "Quantise",
    "Reduce",
    "Sparsify",
    "Step",
    "compress",
    "fit_budget",
    "frontier",
    "resolve_passes",
]
