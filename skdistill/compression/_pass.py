"""What every pass shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from .._documentation import Documented
from ..model import Decoded, Model
from ._evidence import Evidence


class CompressionPass(Documented, BaseEstimator):
    """What every pass shares: parameters, and one step from a model to a model that is not larger."""

    #: Whether no other pass can follow.
    comes_last: ClassVar[bool] = False

    #: Whether it works on predictors whose outputs are decoded from few.
    takes_decoded: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def check(self) -> None:
        """Raise a ValueError for a parameter out of range."""
        self._validate_params()

    def run(self, model: Model, evidence: Evidence) -> Model:
        """The compressed model, or the model itself where nothing is won."""
        self.check()
        if isinstance(model.predictor, Decoded) and not self.takes_decoded:
            raise ValueError(
                f"{type(self).__name__} takes no predictor whose outputs are decoded from few, as "
                "those of LowRankStudent are. Use Quantise alone, or a smaller student inside."
            )
        found = self._run(model, evidence)
        return found if found.nbytes < model.nbytes else model

    def _run(self, model: Model, evidence: Evidence) -> Model:
        raise NotImplementedError


class PathPass(CompressionPass):
    """A pass that goes along a path of ever smaller models, as far as the loss allows.

    Parameters
    ----------
    tolerance : float >= 0
        By how much the loss may rise, as a share of what the best constant loses on the same rows.
    """

    tolerance: float

    def path(self, model: Model, evidence: Evidence) -> Iterator[Model]:
        """Ever smaller models."""
        raise NotImplementedError

    def _run(self, model: Model, evidence: Evidence) -> Model:
        # Rounding must not stop a step that changes no answer.
        limit = evidence.loss(model) + self.tolerance * evidence.unit + 1e-12 * abs(evidence.unit)
        kept = model
        for smaller in self.path(model, evidence):
            if evidence.loss(smaller) > limit:
                break
            kept = smaller
        return kept


def name_of(item: CompressionPass) -> str:
    """A pass on one line."""
    return " ".join(repr(item).split())
