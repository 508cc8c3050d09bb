"""Where blocks of rows live. A student asks for sums over blocks; an engine answers."""

from ._combine import add, maximum
from ._engine import BLOCK_ROWS, Block, Engine
from ._memory import MemoryEngine

__all__ = ["BLOCK_ROWS", "Block", "Engine", "MemoryEngine", "add", "maximum"]
