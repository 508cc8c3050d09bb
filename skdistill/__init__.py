"""Distil a committee of classical models into one compact student, through the scikit-learn API."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

# Where each public name lives. Imported on first use, so that `import skdistill.model` (load a shipped model and
# predict) costs what NumPy costs.
_HOMES = {
    "DistilledClassifier": "skdistill._distiller",
    "DistilledEstimator": "skdistill._distiller",
    "DistilledRegressor": "skdistill._distiller",
    "CallableTeacher": "skdistill.teachers",
    "ForestSwap": "skdistill.augmentation",
    "ImageJitter": "skdistill.augmentation",
    "MarginalResampling": "skdistill.augmentation",
    "Munge": "skdistill.augmentation",
    "TokenDropout": "skdistill.augmentation",
    "TableEncoder": "skdistill.preprocessing",
    "scan": "skdistill.engine",
    "AdditiveStudent": "skdistill.students",
    "BoostedStudent": "skdistill.students",
    "RuleStudent": "skdistill.students",
    "TreeStudent": "skdistill.students",
    "EstimatorStudent": "skdistill.students",
    "LinearStudent": "skdistill.students",
    "LowRankStudent": "skdistill.students",
    "Prune": "skdistill.compression",
    "Quantise": "skdistill.compression",
    "Reduce": "skdistill.compression",
    "Sparsify": "skdistill.compression",
    "ExportMismatchError": "skdistill.exports",
    "Predictor": "skdistill.exports",
    "export": "skdistill.exports",
    "DistillationReport": "skdistill.report",
    "Model": "skdistill.model",
    "load": "skdistill.model",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'skdistill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
