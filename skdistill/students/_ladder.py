"""The students of each family from small to large, for a search within a budget of bytes."""

from __future__ import annotations

from typing import Any

from ._additive import AdditiveStudent
from ._boosted import BoostedStudent
from ._linear import LinearStudent
from ._rule import RuleStudent
from ._tree import TreeStudent

LADDERS: dict[str, tuple[Any, ...]] = {
    "additive": (
        *(AdditiveStudent(max_bins=bins, pairs=0) for bins in (2, 4, 8, 16, 64)),
        *(AdditiveStudent(pairs=pairs) for pairs in (5, 15)),
    ),
    # in steps of a half, so that a budget is not left half empty
    "boosted": tuple(
        BoostedStudent(n_trees=n_trees) for n_trees in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
    ),
    "linear": tuple(
        LinearStudent(sparsity=sparsity) for sparsity in (3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 0.0)
    ),
    "rules": tuple(RuleStudent(max_rules=rules) for rules in (2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384)),
    "tree": tuple(TreeStudent(max_leaves=leaves) for leaves in (2, 4, 8, 16, 32, 64, 128, 256, 512)),
}
