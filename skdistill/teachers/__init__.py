"""Teachers: by name or given, fitted, frozen or only asked; real rows labelled out of fold, any row by the oracle."""

from ._answers import response_method
from ._batches import Batches
from ._callable import CallableTeacher
from ._committee import Committee, FittedTeacher, Oracle, check_rates
from ._cross_fit import SoftLabels, Trial, count_fits, cross_fit
from ._folds import Fold, make_folds
from ._members import (
    Member,
    estimators_in,
    items_of,
    named_teachers,
    names_in,
    names_of,
    resolve_members,
    routed_teachers,
    without_names,
)
from ._presets import DEFAULT_COMMITTEE, PRESETS, SVM_EXACT_ROWS, TabularBooster, preset
from ._rebirth import fit_on_soft_labels, lacks_for_soft_labels
from ._stub import TeacherStub, without_heavy

__all__ = [
    "DEFAULT_COMMITTEE",
    "PRESETS",
    "SVM_EXACT_ROWS",
    "Batches",
    "CallableTeacher",
    "Committee",
    "FittedTeacher",
    "Fold",
    "Member",
    "Oracle",
    "SoftLabels",
    "TabularBooster",
    "TeacherStub",
    "Trial",
    "check_rates",
    "count_fits",
    "cross_fit",
    "estimators_in",
    "fit_on_soft_labels",
    "items_of",
    "lacks_for_soft_labels",
    "make_folds",
    "named_teachers",
    "names_in",
    "names_of",
    "preset",
    "resolve_members",
    "response_method",
    "routed_teachers",
    "without_heavy",
    "without_names",
]
