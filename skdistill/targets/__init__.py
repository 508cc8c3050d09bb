"""From the teachers' labels to the student's targets: check, calibrate, weigh, aggregate, blend.

Throughout, `task` is "classification" or "regression"; `P` is a sequence of T arrays of shape (n, k), one a teacher,
float32 or float64, maybe read-only views or memory maps; `y` holds class codes 0 .. k - 1 of shape (n,), or values of
shape (n, k). Everything is streamed in blocks of rows.
"""

from ._aggregation import AGGREGATIONS, aggregate
from ._blend import blend_labels
from ._check import check_labels
from ._combiner import Combiner, check_recipe, fit_combiner
from ._log_pool import fit_log_pool
from ._losses import Huber, Pinball, PoissonDeviance, RobustLoss, SquaredError, ValueLoss, value_loss
from ._shift import CovariateShift, covariate_shift
from ._smear import Smear, Smeared
from ._weighting import WEIGHTINGS, teacher_weights

__all__ = [
    "AGGREGATIONS",
    "WEIGHTINGS",
    "Combiner",
    "CovariateShift",
    "Huber",
    "Pinball",
    "PoissonDeviance",
    "RobustLoss",
    "Smear",
    "Smeared",
    "SquaredError",
    "ValueLoss",
    "aggregate",
    "blend_labels",
    "check_labels",
    "check_recipe",
    "covariate_shift",
    "fit_combiner",
    "fit_log_pool",
    "teacher_weights",
    "value_loss",
]
