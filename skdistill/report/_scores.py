"""What a step, a weight or a table adds to the scores, in terms one can read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdistill.model import Model

Floats = NDArray[np.float64]


def series(model: Model) -> tuple[str, ...]:
    """Names of the scores that are shown: the second of two classes, every class, or the targets."""
    if model.output.classes is None:
        return model.output.targets
    names = tuple(map(str, model.output.classes))
    return names[1:] if _is_binary(model) else names


def readable(model: Model, scores: Any) -> Floats:
    """Scores (..., n_outputs) as log-odds (..., len(series)); as they are where there are none.

    A softmax does not change when a constant is added to all scores, so only differences mean something.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if model.output.link != "softmax":
        return scores
    if _is_binary(model):
        return scores[..., 1:] - scores[..., :1]
    return scores - scores.mean(axis=-1, keepdims=True)


def unit(model: Model) -> str:
    """What the scores are."""
    if model.output.link != "softmax":
        if model.output.link == "exp":
            return f"the logarithm of {series(model)[0]}" if len(series(model)) == 1 else "the logarithm of each target"
        return series(model)[0] if len(series(model)) == 1 else "the score"
    return f"the log-odds of {series(model)[0]}" if _is_binary(model) else "the log-odds against the mean class"


def _is_binary(model: Model) -> bool:
    return model.output.link == "softmax" and model.output.n_outputs == 2
