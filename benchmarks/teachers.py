"""The one committee that all contestants learn from, its labels cached on disk."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdistill._selection import judged_folds
from skdistill.targets import fit_combiner
from skdistill.teachers import Oracle, SoftLabels, Trial, cross_fit, resolve_members

from .plan import SVM_ROWS, TEACHERS, Plan
from .splits import Labels, Split

#: Part of every key: raise it when a change of the code changes what teachers say.
VERSION = 2


def teach(split: Split, plan: Plan, folder: Path) -> None:
    """Give the split its labels and its oracle: from the disk where they are there, else made and kept.

    What each teacher says is kept, not how it is combined, so that a change of that costs no fit.
    """
    names = committee(split)
    path = folder / f"{_key(split, plan, names)}.labels.joblib"
    if not path.exists():
        _fit(split, names, plan, path)
    kept = joblib.load(path)
    split.soft_labels = _restored(kept["soft"], names, path)
    task, y = split.task, split.y_train if split.n_classes else split.truth
    combine = fit_combiner(
        split.soft_labels.labels,
        y,
        task=task,
        temperature="auto" if split.n_classes else 1.0,
        weighting="loss",
        aggregation="auto",
        sample_weight=None,
        covered=split.soft_labels.covered,
        device="cpu",
    )
    split.labels = Labels(
        names,
        combine(split.soft_labels.labels),
        combine(kept["test"]),
        combine(kept["in_sample"]),
        np.array(split.soft_labels.labels, dtype=np.float32),
        np.array(kept["test"], dtype=np.float32),
        combine,
        kept["cpu_seconds"],
    )
    committee_ = split.soft_labels.committee
    split.load_oracle = lambda: Oracle(committee_, combine)


def committee(split: Split) -> tuple[str, ...]:
    """Names of the teachers of a split."""
    few = len(split.y_train) <= SVM_ROWS
    return TEACHERS[split.task] + (("svm",) if few else ())


def _key(split: Split, plan: Plan, names: tuple[str, ...]) -> str:
    settings: dict[str, Any] = {
        "version": VERSION,
        "names": names,
        "rows": plan.max_rows,
        "test_share": plan.test_share,
        "folds": plan.folds,
        **({} if plan.trials else {"trials": False}),
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    return f"{split.name}-{split.seed}-{digest}"


def _fit(split: Split, names: tuple[str, ...], plan: Plan, path: Path) -> None:
    """Fit the committee out of fold, on all rows, and for the trials that students are judged on."""
    n_outputs, seconds = split.n_outputs, {"own": 0.0, "trials": 0.0}

    def step(what: str, took: float, **_: Any) -> None:
        seconds["trials" if "without folds" in what else "own"] += took

    started = time.process_time()
    with warnings.catch_warnings():
        # A line that has not quite converged teaches as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        soft = cross_fit(
            resolve_members(list(names), split.task, len(split.y_train), n_outputs),
            split.X_train,
            split.y_train,
            split.folds,
            classes=np.arange(n_outputs) if split.n_classes else None,
            n_outputs=n_outputs,
            random_state=np.random.RandomState(split.seed),
            judged=judged_folds(split.folds) if plan.trials else [],
            n_jobs=1,
            step=step,
        )
    # What is judged is not what is taught: the CPU goes to the two by the time that their fits took.
    share = seconds["own"] / max(seconds["own"] + seconds["trials"], 1e-9)
    cpu_seconds = share * (time.process_time() - started)
    for part, committee_ in [("all", soft.committee), *((str(i), t.soft.committee) for i, t in enumerate(soft.trials))]:
        _dump(committee_, path.with_suffix(f".{part}.joblib"))
    kept = {
        "soft": _stripped(soft),
        "test": soft.committee.labels(split.X_test),
        "in_sample": soft.committee.labels(split.X_train),
        "cpu_seconds": cpu_seconds,
    }
    _dump(kept, path)


def _stripped(soft: SoftLabels) -> SoftLabels:
    """Without the committees, which are large and rarely asked."""
    trials = tuple(replace(trial, soft=_stripped(trial.soft)) for trial in soft.trials)
    return replace(soft, committee=None, trials=trials)


def _restored(soft: SoftLabels, names: tuple[str, ...], path: Path) -> SoftLabels:
    def stored(part: str) -> Any:
        return StoredCommittee(names, path.with_suffix(f".{part}.joblib"))

    trials: list[Trial] = []
    for i, trial in enumerate(soft.trials):
        trials.append(replace(trial, soft=replace(trial.soft, committee=stored(str(i)))))
    return replace(soft, committee=stored("all"), trials=tuple(trials))


class StoredCommittee:
    """A committee on the disk, read when it is asked.

    Parameters
    ----------
    names : tuple of str
    path : Path
    """

    def __init__(self, names: tuple[str, ...], path: Path) -> None:
        self._names, self._path = names, path

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> Any:
        return joblib.load(self._path)[name]

    def labels(self, X: Any, folds: np.ndarray | None = None) -> list[np.ndarray]:
        """As `Committee.labels`."""
        return joblib.load(self._path).labels(X, folds)


def _dump(thing: Any, path: Path) -> None:
    """Whole or not at all: another process may look, and a run may be killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    joblib.dump(thing, partial, compress=1)
    partial.replace(path)
