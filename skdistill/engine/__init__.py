"""Where blocks of rows live. A student asks for sums over blocks; an engine answers."""

from ._combine import add, maximum
from ._memory import BLOCK_ROWS, Block, MemoryEngine

__all__ = ["BLOCK_ROWS", "Block", "MemoryEngine", "add", "maximum"]
