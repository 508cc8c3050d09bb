"""The one committee that all contestants learn from, its labels cached on disk."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdistill.targets import fit_combiner
from skdistill.teachers import Oracle, cross_fit, resolve_members

from .plan import SVM_ROWS, TEACHERS, Plan
from .splits import Labels, Split

#: Part of every key: raise it when a change of the code changes the labels.
VERSION = 1
_COMBINATION = {"temperature": "auto", "weighting": "loss", "aggregation": "mean"}


def teach(split: Split, plan: Plan, folder: Path) -> None:
    """Give the split its labels and its oracle: from the disk where they are there, else made and kept."""
    names = committee(split)
    labels_path, oracle_path = (folder / f"{_key(split, plan, names)}.{part}.joblib" for part in ("labels", "oracle"))
    if not (labels_path.exists() and oracle_path.exists()):
        labels, oracle = _fit(split, names)
        _dump(oracle, oracle_path)
        _dump(labels, labels_path)
    split.labels = joblib.load(labels_path)
    split.load_oracle = lambda: joblib.load(oracle_path)


def committee(split: Split) -> tuple[str, ...]:
    """Names of the teachers of a split."""
    few = len(split.y_train) <= SVM_ROWS
    return TEACHERS[split.task] + (("svm",) if few else ())


def _key(split: Split, plan: Plan, names: tuple[str, ...]) -> str:
    settings: dict[str, Any] = {
        "version": VERSION,
        "names": names,
        "combination": _COMBINATION,
        "rows": plan.max_rows,
        "test_share": plan.test_share,
        "folds": plan.folds,
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]
    return f"{split.name}-{split.seed}-{digest}"


def _fit(split: Split, names: tuple[str, ...]) -> tuple[Labels, Oracle]:
    started = time.process_time()
    task, y = split.task, split.y_train
    n_outputs = split.n_outputs
    with warnings.catch_warnings():
        # A line that has not quite converged teaches as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        soft = cross_fit(
            resolve_members(list(names), task, len(y), n_outputs),
            split.X_train,
            y,
            split.folds,
            classes=np.arange(n_outputs) if split.n_classes else None,
            n_outputs=n_outputs,
            random_state=np.random.RandomState(split.seed),
            n_jobs=1,
        )
    combine = fit_combiner(
        soft.labels,
        y if split.n_classes else y[:, None],
        task=task,
        temperature="auto" if split.n_classes else 1.0,
        weighting=_COMBINATION["weighting"],
        aggregation=_COMBINATION["aggregation"],
        sample_weight=None,
        covered=soft.covered,
        device="cpu",
    )
    seconds = time.process_time() - started
    of_test = soft.committee.labels(split.X_test)
    oracle = Oracle(soft.committee, combine)
    labels = Labels(
        names,
        combine(soft.labels),
        combine(of_test),
        oracle(split.X_train),
        np.array(soft.labels, dtype=np.float32),
        np.array(of_test, dtype=np.float32),
        combine,
        seconds,
    )
    return labels, oracle


def _dump(thing: Any, path: Path) -> None:
    """Whole or not at all: another process may look, and a run may be killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    joblib.dump(thing, partial, compress=1)
    partial.replace(path)
