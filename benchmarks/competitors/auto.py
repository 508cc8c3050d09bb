"""The estimators as users fit them, where they choose for themselves; only what teachers say comes from the disk."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdistill import DistilledEstimator, LinearStudent, TreeStudent

from ..plan import BLEND, BYTES_RIVAL, LEAVES
from ..splits import Split
from . import autogluon
from ._contestant import Contestant, Fitted


class _Taught(DistilledEstimator):
    """Does not fit teachers: the split knows what they say."""

    def _teach(self, *_: Any) -> Any:
        return self._split.soft_labels


def fitted_auto(split: Split, **settings: Any) -> Fitted:
    """Fit with everything but the given settings at its defaults."""
    distilled = _Taught(list(split.labels.names), task=split.task, cv=split.folds, random_state=split.seed, **settings)
    distilled._split = split
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        distilled.fit(split.X_train, split.y_train)
    del distilled._split
    answer = distilled.predict_proba if split.n_classes else distilled.predict
    chosen = next(iter(distilled.selection_), {})  # nothing where there was nothing to choose
    return Fitted(
        lambda split: np.asarray(answer(split.X_test)).reshape(len(split.X_test), -1),
        distilled.to_model().nbytes,
        int(getattr(distilled.student_.predictor_, "n_leaves", 0)),
        {key: chosen[key] for key in ("student", "labels", "blend", "augmentation") if chosen},
        chosen.get("loss", float("nan")),
    )


def _fit_tree(split: Split, size: int, **settings: Any) -> Fitted:
    return fitted_auto(split, student=TreeStudent(max_leaves=size), **settings)


def _fit_accurate(split: Split, size: int) -> Fitted:
    # Under the squared loss there is no accuracy to be had.
    student = TreeStudent(max_leaves=size, **{"repair": "accuracy"} if split.n_classes else {})
    return fitted_auto(split, student=student, blend=BLEND[split.task])


def _fit_line(split: Split, size: int) -> Fitted:
    return fitted_auto(split, student=LinearStudent())


def _fit_within(split: Split, size: int, **settings: Any) -> Fitted:
    return fitted_auto(split, student="auto", max_bytes=size, **settings)


CONTESTANTS = (
    Contestant("tree_auto", "TreeStudent with default settings", _fit_tree, "soft"),
    Contestant("tree_accuracy", "TreeStudent repaired for accuracy, fixed blend", _fit_accurate, "soft"),
    Contestant(
        "tree_auto_munge",
        "TreeStudent, blend and augmentation chosen honestly",
        partial(_fit_tree, augmentation="auto"),
        "soft",
    ),
    Contestant(
        "linear_auto",
        "LinearStudent with default settings",
        *(_fit_line, "soft", "linear", (0,), "linear_hard"),
    ),
    Contestant(
        "auto",
        "student and blend chosen honestly within the bytes",
        _fit_within,
        *("soft", "any", None, BYTES_RIVAL),
        sizes_in="bytes",
    ),
    Contestant(
        "auto_hard",
        "the same of true labels alone",
        partial(_fit_within, blend=1.0),
        *("hard", "any", None, BYTES_RIVAL),
        sizes_in="bytes",
    ),
    *(
        Contestant(
            f"auto_like_{peer.name}",
            f"student and blend chosen honestly within the bytes of: {peer.title}",
            *(_fit_within, "soft", "any", peer.sizes or LEAVES, peer.name),
            like=peer.name,
        )
        for peer in autogluon.CONTESTANTS
    ),
)
