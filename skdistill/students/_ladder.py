"""The students of each family from small to large, for a search within a budget of bytes."""

from __future__ import annotations

from typing import Any

from ._additive import AdditiveStudent
from ._boosted import BoostedStudent
from ._linear import LinearStudent
from ._rule import RuleStudent
from ._tree import TreeStudent

Family = tuple[Any, ...]

_TREES = tuple(TreeStudent(max_leaves=leaves) for leaves in (2, 4, 8, 16, 32, 64, 128, 256, 512))

#: By name, families of sizes.
LADDERS: dict[str, tuple[Family, ...]] = {
    "additive": (
        (
            *(AdditiveStudent(max_bins=bins, pairs=0) for bins in (2, 4, 8, 16, 64)),
            *(AdditiveStudent(pairs=pairs) for pairs in (5, 15, 60)),
        ),
    ),
    "boosted": (
        # in steps of a half, so that a budget is not left half empty
        tuple(
            BoostedStudent(n_trees=n_trees)
            for n_trees in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
        ),
        # What is best of few trees is too bold where labels are noisy and trees many, and cuts features too coarsely.
        tuple(
            BoostedStudent(n_trees=n_trees, learning_rate=0.2, alpha=30.0, max_bins=255)
            for n_trees in (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
        ),
    ),
    "linear": (
        tuple(LinearStudent(sparsity=sparsity) for sparsity in (3_000.0, 1_000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 0.0)),
    ),
    "rules": (tuple(RuleStudent(max_rules=rules) for rules in (2, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384)),),
    "tree": (_TREES,),
}

#: What "auto" chooses from. Not rules, which are for those who read them: boosted trees hold as much, and sooner. Nor
#: large trees, which take the longest to fit: sums of small ones are better at their size.
AUTO: tuple[Family, ...] = (*LADDERS["additive"], *LADDERS["boosted"], *LADDERS["linear"], _TREES[:6])
