"""The students of each family from small to large, for a search within a budget of bytes."""

from __future__ import annotations

from typing import Any

from ._additive import AdditiveStudent
from ._boosted import BoostedStudent
from ._linear import LinearStudent
from ._tree import TreeStudent

LADDERS: dict[str, tuple[Any, ...]] = {
    "additive": (
        *(AdditiveStudent(max_bins=bins, pairs=0) for bins in (2, 4, 8, 16, 64)),
        *(AdditiveStudent(pairs=pairs) for pairs in (5, 15)),
    ),
    "boosted": tuple(BoostedStudent(n_trees=n_trees) for n_trees in (1, 2, 4, 8, 16, 32, 64, 128, 256)),
    "linear": tuple(LinearStudent(sparsity=sparsity) for sparsity in (100.0, 30.0, 10.0, 3.0, 0.0)),
    "tree": tuple(TreeStudent(max_leaves=leaves) for leaves in (2, 4, 8, 16, 32, 64, 128, 256, 512)),
}
