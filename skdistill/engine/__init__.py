"""Where blocks of rows live. A student asks for sums over blocks; an engine answers."""

from ._chain import ChainEngine
from ._combine import add, maximum, union
from ._device import DeviceEngine
from ._engine import BLOCK_ROWS, Block, Engine
from ._files import FileEngine
from ._memory import MemoryEngine
from ._sample import row_hashes
from ._scan import SAMPLE_ROWS, Scan, scan
from ._strata import taken

__all__ = [
    "BLOCK_ROWS",
    "SAMPLE_ROWS",
    "Block",
    "ChainEngine",
    "DeviceEngine",
    "Engine",
    "FileEngine",
    "MemoryEngine",
    "Scan",
    "add",
    "maximum",
    "row_hashes",
    "scan",
    "taken",
    "union",
]
