"""Smaller models from models: passes whose cost is measured on given rows. Reads only the model form."""

from ._compress import Compressed, CompressionPass, Step, compress
from ._prune import Prune

__all__ = ["Compressed", "CompressionPass", "Prune", "Step", "compress"]
