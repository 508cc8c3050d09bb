"""The headline tree with one lever moved at a time. A new lever is a line of `LEVERS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from skdistill import BoostedStudent, ForestSwap, Munge, TreeStudent
from skdistill.targets import blend_labels, fit_combiner

from ..plan import BLEND
from ..splits import Split
from ._contestant import Contestant, Fitted
from .tree import fitted_student


def _out_of_fold(split: Split) -> np.ndarray:
    return split.labels.train


def _combined(
    split: Split, temperature: float | str = "auto", weighting: str | None = "loss", aggregation: str = "auto"
) -> np.ndarray:
    """The teachers' out-of-fold labels, combined in another way."""
    labels = [each.astype(np.float64) for each in split.labels.train_each]
    combine = fit_combiner(
        labels,
        split.y_train if split.n_classes else split.truth,
        task=split.task,
        temperature=temperature if split.n_classes else 1.0,
        weighting=weighting,
        aggregation=aggregation,
        sample_weight=None,
        covered=np.ones(len(split.y_train), bool),
        device="cpu",
    )
    return combine(labels)


def _of_assistant(split: Split) -> np.ndarray:
    """Labels of boosted assistants, each fitted on the committee's labels of the other folds."""

    def make() -> np.ndarray:
        Z, Q = split.raw[0], split.soft()
        labels = np.zeros_like(split.labels.train)
        for train, test in split.folds:
            labels[test] = BoostedStudent().fit(Z[train], Q[train]).evaluate(Z[test])
        return labels

    return np.array(split.shared("labels of the assistant", make))


@dataclass(frozen=True)
class Lever:
    """One thing done otherwise.

    Attributes
    ----------
    name, title : str
    student : dict
        Parameters of the tree. A lever that sets a parameter to its default moves nothing and is left out.
    labels : callable
        Split to the committee's labels of the training rows.
    blend : float, or None for the default
    sampler : optional
        Draws rows that the committee labels.
    """

    name: str
    title: str
    student: dict[str, Any] = field(default_factory=dict)
    labels: Callable[[Split], np.ndarray] = _out_of_fold
    blend: float | None = None
    sampler: Any = None

    @property
    def moves(self) -> bool:
        """Whether anything is done otherwise."""
        defaults = TreeStudent().get_params()
        return not self.student or any(defaults[key] != value for key, value in self.student.items())

    def fit(self, split: Split, size: int) -> Fitted:
        """The tree of `size` leaves."""
        student = TreeStudent(max_leaves=size, **self.student)
        blend = BLEND[split.task] if self.blend is None else self.blend
        Q = blend_labels(
            self.labels(split).copy(), split.y_train if split.n_classes else split.truth, blend, split.task
        )
        if self.sampler is None:
            return fitted_student(student, split, Q)
        return fitted_student(student, split, Q, extra=split.shared(("drawn", self.name), partial(self._draw, split)))

    def _draw(self, split: Split) -> tuple[Any, np.ndarray, float]:
        n_rows, rng = len(split.X_train), np.random.RandomState(split.seed)
        X = self.sampler.sample(split.X_train, self.sampler.n_new(n_rows), rng, self.labels(split))
        return X, split.oracle()(X), self.sampler.weight * n_rows / len(X)


LEVERS = (
    Lever("without_repair", "without repair", {"repair": None}),
    Lever("without_blend", "teachers' labels only (blend 0)", blend=0.0),
    Lever("without_teachers", "true labels only (blend 1)", blend=1.0),
    Lever("without_out_of_fold", "in-sample labels, not out-of-fold", labels=lambda split: split.labels.in_sample),
    Lever("without_weighting", "teachers of equal weight", labels=partial(_combined, weighting=None)),
    Lever("without_calibration", "teachers not calibrated", labels=partial(_combined, temperature=1.0)),
    Lever("naive_committee", "plain mean of the teachers", labels=partial(_combined, 1.0, None, "mean")),
    Lever("half_true", "half true labels (blend .5)", blend=0.5),
    Lever("without_shrinkage", "without shrinkage", {"shrinkage": 0.0}),
    Lever("with_assistant", "with a boosted assistant", labels=_of_assistant),
    Lever("with_munge", "with MUNGE, 3 rows for each real one", sampler=Munge()),
    Lever("with_forest", "with ForestSwap, 3 rows for each real one", sampler=ForestSwap()),
)

CONTESTANTS = tuple(
    Contestant(lever.name, lever.title, lever.fit, "soft", ablation=True) for lever in LEVERS if lever.moves
)
