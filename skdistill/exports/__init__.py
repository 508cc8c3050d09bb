"""Model to text or bytes that answer raw rows: one module for each target, each verified against the reference."""

from ._export import PACKED_HEADER, export
from ._predictor import Predictor
from ._skl2onnx import register_with_skl2onnx
from ._verify import ExportMismatchError

__all__ = ["PACKED_HEADER", "ExportMismatchError", "Predictor", "export", "register_with_skl2onnx"]
