"""What was kept, what was lost and what distillation bought: the report on test rows. It fits nothing."""

from ._evidence import Contestant, Evidence
from ._fidelity_display import FidelityDisplay
from ._frontier_display import FrontierDisplay
from ._latency import joblib_nbytes
from ._metrics import GapRecovered
from ._report import DistillationReport, distillation_report
from ._shipped import ModelComparison, compare_models, model_report
from ._stress_display import StressDisplay
from ._student_display import StudentDisplay

__all__ = [
    "Contestant",
    "DistillationReport",
    "Evidence",
    "FidelityDisplay",
    "FrontierDisplay",
    "GapRecovered",
    "ModelComparison",
    "StressDisplay",
    "StudentDisplay",
    "compare_models",
    "distillation_report",
    "joblib_nbytes",
    "model_report",
]
