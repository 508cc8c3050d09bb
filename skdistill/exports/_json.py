"""The model file that `skdistill.load` reads."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

from ..model import Model, load
from ._export import Target
from ._raw import Forest, Line

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _write(model: Model, form: Forest | Line, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.json")
        model.save(path)
        with open(path, "rb") as file:
            return file.read()


def _answer(content: bytes, model: Model, name: str, columns: list[NDArray[Any]]) -> tuple[NDArray[Any], list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.json")
        with open(path, "wb") as file:
            file.write(content)
        loaded = load(path)
    X = dict(zip(loaded.preprocessor.feature_names_in, columns, strict=True))
    return loaded.evaluate(X), loaded.predict(X).tolist()


TARGET = Target(_write, _answer, {Forest: 0.0, Line: 0.0})
