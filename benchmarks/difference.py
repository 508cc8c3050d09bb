"""What it takes and brings that a line or additive model also fits how the committee's log-odds change.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.difference [folder of cached teachers]``. Development sets of classes, at
most 5,000 rows, three draws: test log-loss against true labels, and the share of the variance of the committee's
changes of log-odds, along moves of test rows, that the student explains.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from skdistill.augmentation import move_one
from skdistill.students import AdditiveStudent, LinearStudent, Moves

from .datasets import TABLES
from .plan import DEVELOPMENT, Plan
from .runner import CACHE
from .splits import Split, draw
from .teachers import teach

SEEDS = (0, 1, 2)
SETS = tuple(name for name in DEVELOPMENT if TABLES[name].task == "classification")
STUDENTS = (LinearStudent, AdditiveStudent)
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
PLAN = Plan(max_rows=5_000)


def moves(split: Split, X: object, n: int, seed: int) -> dict[bool, Moves]:
    """Moves of the rows of a raw table, labelled by the committee: encoded as they are, and on one scale."""
    start, end = move_one(X, n, seed)
    before, after = (split.oracle()(rows) for rows in (start, end))
    return {
        scale: Moves(split.encode(start, scale), split.encode(end, scale), before, after) for scale in (False, True)
    }


def centred(P: np.ndarray) -> np.ndarray:
    """Log-probabilities less their mean over the classes."""
    logs = np.log(np.maximum(P, 1e-6))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def measured(name: str, seed: int, folder: Path) -> np.ndarray:
    """Log-loss and variance explained, for each student and weight."""
    split = draw(name, seed, PLAN)
    teach(split, PLAN, folder)
    all_seen = moves(split, split.X_train, len(split.y_train), seed)
    all_unseen = moves(split, split.X_test, len(split.y_test), seed + 1)
    rows = []
    for kind in STUDENTS:
        seen, unseen = all_seen[kind.wants_scaling], all_unseen[kind.wants_scaling]
        truth = centred(unseen.end_labels) - centred(unseen.start_labels)
        Z, Z_test, _ = split.scaled if kind.wants_scaling else split.raw
        for weight in WEIGHTS:
            student = kind(difference_weight=weight).fit(Z, split.soft(), moves=seen)
            P = student.predict(Z_test)[np.arange(len(Z_test)), split.y_test]
            change = centred(student.predict(unseen.end)) - centred(student.predict(unseen.start))
            explained = 1 - np.square(change - truth).sum() / np.square(truth).sum()
            rows.append((-np.log(np.maximum(P, 1e-15)).mean(), explained))
    return np.array(rows)


def main(folder: str = str(CACHE / "teachers")) -> None:
    print("| set | student |" + "".join(f" weight {weight:g} |" for weight in WEIGHTS))
    print("|---|---|" + "---|" * len(WEIGHTS))
    for name in SETS:
        mean = np.mean([measured(name, seed, Path(folder)) for seed in SEEDS], axis=0)
        for kind, told in zip(STUDENTS, mean.reshape(len(STUDENTS), len(WEIGHTS), 2), strict=True):
            cells = "".join(f" {loss:.3f} / {explained:.2f} |" for loss, explained in told)
            print(f"| {name} | {kind.__name__.removesuffix('Student').lower()} |{cells}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
