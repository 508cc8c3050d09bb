"""Compact models that learn from soft labels: multi-output regressors on Q."""

from ._adapter import EstimatorStudent
from ._additive import AdditiveStudent
from ._boosted import BoostedStudent
from ._checks import check_streams, check_width
from ._differences import Moves
from ._linear import LinearStudent
from ._low_rank import LowRankStudent
from ._resolve import for_width, resolve_families, resolve_student, takes_sparse
from ._revalue import check_revaluable, revalued
from ._rule import RuleStudent
from ._tree import TreeStudent

__all__ = [
    "AdditiveStudent",
    "BoostedStudent",
    "EstimatorStudent",
    "LinearStudent",
    "LowRankStudent",
    "Moves",
    "RuleStudent",
    "TreeStudent",
    "check_revaluable",
    "check_streams",
    "check_width",
    "for_width",
    "resolve_families",
    "resolve_student",
    "revalued",
    "takes_sparse",
]
