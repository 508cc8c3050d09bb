"""What a report is made from: the models by their answers on the test rows, and the facts of the fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skdistill.model import Model
    from skdistill.targets import ValueLoss

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Contestant:
    """One line of a report: a model, by what it answers on the test rows.

    Attributes
    ----------
    name : str
        What the line is called.
    role : {"committee", "assistant", "teacher", "hard", "student", "sibling"}
        The committee, an assistant that learned from it, one of its teachers, the student trained on hard labels, the
        distilled student, or another student of the same committee.
    outputs : array of shape (n, k), (n, m) or (n,)
        On the test rows: probabilities in the order of the classes, or predicted values.
    nbytes : int or None
        Size in bytes: packed for a student, as a joblib file for a teacher. None: unknown.
    predict : callable or None
        What latency is measured of; called with one row and with a batch of rows. None: not measured. Where the report
        puts it under stress, it answers as `outputs` are.
    model : skdistill.model.Model or None
        Its model form, which pictures are drawn of.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.report import Contestant
    >>> Contestant("distilled student", "student", np.array([[0.9, 0.1]]), 612).nbytes
    612
    """

    name: str
    role: str
    outputs: Array
    nbytes: int | None = None
    predict: Callable[[Any], Any] | None = None
    model: Model | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a report was made from, for its pictures.

    Attributes
    ----------
    X : table of n rows, or None
    truth : array of shape (n,) or (n, m)
        The number of the true class, or true values.
    classes : tuple or None
        The labels of a classification.
    contestants : tuple of Contestant
        With outputs as they were checked, and without `predict`.
    selection : tuple of dict
        What was tried and chosen, the choice first; see `DistilledClassifier.selection_`.
    fitted : dict of str to str
        Facts of the fit, in words.
    loss : ValueLoss, optional
        What values are judged by, where that is not the squared error.
    """

    X: Any
    truth: Array
    classes: tuple[Any, ...] | None
    contestants: tuple[Contestant, ...]
    selection: tuple[dict[str, Any], ...] = ()
    fitted: Mapping[str, str] = field(default_factory=dict)
    loss: ValueLoss | None = None

    def true_labels(self) -> Floats:
        """Truth as a committee would tell it: rows of 0 and 1, or values; shape (n, n_outputs)."""
        return self.truth if self.classes is None else np.eye(len(self.classes))[self.truth]

    def of_role(self, role: str) -> Contestant | None:
        """The first contestant of a role, if there is one."""
        return next((each for each in self.contestants if each.role == role), None)
