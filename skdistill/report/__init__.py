"""What was kept, what was lost and what distillation bought: the report on test rows. It fits nothing."""

from ._latency import joblib_nbytes
from ._metrics import GapRecovered
from ._report import Contestant, DistillationReport, distillation_report

__all__ = ["Contestant", "DistillationReport", "GapRecovered", "distillation_report", "joblib_nbytes"]
