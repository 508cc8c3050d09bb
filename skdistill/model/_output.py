"""What a predictor's outputs mean: probabilities of classes, or values of targets."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ._evaluate import LINKS
from ._frozen import Frozen, frozen
from ._labels import LABEL_TYPES, Label, check_flag, check_labels, check_text, label_type

if TYPE_CHECKING:
    from numpy.typing import NDArray


#: Links of a regression.
_OF_VALUES = ("identity", "exp")


@frozen
class Output(Frozen):
    """How outputs become predictions.

    Parameters
    ----------
    task : {"classification", "regression"}
    link : {"identity", "softmax", "simplex", "exp"}
        ``"softmax"`` turns scores into probabilities; ``"simplex"`` clips negatives to 0 and divides by the sum of the
        row (a row of zeros becomes uniform). Those two are for classifications. ``"exp"``, for regressions, takes the
        exponential of each score (of at most 700 in size); ``"identity"`` leaves outputs alone.
    classes : tuple of str, int, float or bool; None
        Labels of the outputs of a classification, all of one type.
    targets : tuple of str
        Names of the outputs of a regression.
    flat : bool
        Whether predictions have shape (n,): True for a classification and for one target given as a vector.

    Raises
    ------
    ValueError
        If a value is unknown or does not go with the others.

    Examples
    --------
    >>> from skdistill.model import Output
    >>> output = Output("classification", "softmax", classes=("no", "yes"))
    >>> output.activate(np.zeros((1, 2)))
    array([[0.5, 0.5]])
    >>> output.decide(np.array([[0.0, 1.0], [3.0, 2.0]]))
    array(['yes', 'no'], dtype='<U3')
    """

    task: str
    link: str
    classes: tuple[Label, ...] | None = None
    targets: tuple[str, ...] = ()
    flat: bool = True

    def __post_init__(self) -> None:
        if self.task not in ("classification", "regression"):
            raise ValueError(f"'task' of Output must be 'classification' or 'regression'. Got {self.task!r} instead.")
        if not isinstance(self.link, str) or self.link not in LINKS:
            raise ValueError(f"'link' of Output must be one of {sorted(LINKS)}. Got {self.link!r} instead.")
        targets = tuple(check_text(name, "Each of 'targets' of Output") for name in self.targets)
        flat = check_flag(self.flat, "'flat' of Output")
        if self.task == "classification":
            if self.classes is None or targets or not flat or self.link == "exp":
                raise ValueError(
                    "Output of a classification must have 'classes', no 'targets', 'flat' True, and another link than "
                    f"'exp'. Got {self.classes!r}, {targets!r}, {flat} and {self.link!r}."
                )
            object.__setattr__(self, "classes", _check_classes(self.classes))
        elif self.classes is not None or not targets or self.link not in _OF_VALUES or (flat and len(targets) != 1):
            raise ValueError(
                "Output of a regression must have no 'classes', one or more 'targets' (exactly one if 'flat'), and the "
                f"'identity' or 'exp' link. Got {self.classes!r}, {targets!r}, flat={flat} and {self.link!r}."
            )
        if len(set(targets)) < len(targets):
            raise ValueError(f"'targets' of Output must be distinct. Got {targets!r}.")
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "flat", flat)

    @property
    def n_outputs(self) -> int:
        """Outputs a predictor must have: one for each class or target."""
        return len(self.targets if self.classes is None else self.classes)

    @cached_property
    def labels(self) -> NDArray[Any]:
        """The classes as an array of their own dtype: text, int64, float64 or bool."""
        return _label_array(self.classes or ())

    def activate(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the link to outputs of shape (n, n_outputs)."""
        return LINKS[self.link](scores)

    def decide(self, scores: NDArray[np.float64]) -> NDArray[Any]:
        """Turn outputs of shape (n, n_outputs) into predictions: the most probable class, or values.

        Of equals the first counts. Classes are chosen after the link, to agree with the probabilities to the last bit.
        """
        values = self.activate(scores)
        if self.classes is not None:
            return self.labels[values.argmax(axis=1)]
        return values[:, 0] if self.flat else values


def _check_classes(classes: Any) -> tuple[Label, ...]:
    """Return class labels that an array of their one type holds unchanged."""
    labels = check_labels(classes, "'classes' of Output")
    name = label_type(labels)
    if name not in LABEL_TYPES:
        raise ValueError(f"'classes' of Output must be one or more labels of a single type. Got {labels!r}.")
    if _label_array(labels).tolist() != list(labels):
        raise ValueError(f"'classes' of Output must not end in a null character, which NumPy drops. Got {labels!r}.")
    return labels


def _label_array(labels: tuple[Label, ...]) -> NDArray[Any]:
    """Hold labels of one type in an array; integers have 64 bits on every platform."""
    return np.array(labels, dtype=np.int64 if label_type(labels) == "int" else None)
