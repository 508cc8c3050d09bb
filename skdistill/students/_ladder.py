"""The students of each family from small to large, for a search within a budget of bytes."""

from __future__ import annotations

from typing import Any

from ._additive import AdditiveStudent
from ._linear import LinearStudent
from ._tree import TreeStudent

#: Packed, a leaf of a tree takes some 6 to 20 bytes, a bin of an additive model 4 per class.
LADDERS: dict[str, tuple[Any, ...]] = {
    "tree": tuple(TreeStudent(max_leaves=leaves) for leaves in (2, 4, 8, 16, 32, 64, 128, 256, 512)),
    "linear": (LinearStudent(),),
    "additive": tuple(AdditiveStudent(max_bins=bins) for bins in (2, 4, 8, 16, 32, 64)),
}
