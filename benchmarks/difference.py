"""What it takes and brings that a line also fits how the committee's log-odds change along small moves.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.difference [folder of cached teachers]``. Four development sets of 5,000
rows, three draws: test log-loss against true labels, and the share of the variance of the committee's changes of
log-odds, along moves of test rows, that the student explains.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from skdistill.augmentation import move_one
from skdistill.students import LinearStudent, Moves

from .plan import Plan
from .runner import CACHE
from .splits import Split, draw
from .teachers import teach

SETS = ("vehicle", "phoneme", "contraceptive", "german_credit")
SEEDS = (0, 1, 2)
WEIGHTS = (0.0, 0.01, 0.1, 1.0)
PLAN = Plan(max_rows=5_000)


def moves(split: Split, X: object, n: int, seed: int) -> Moves:
    """Moves of the rows of a raw table, labelled by the committee."""
    start, end = move_one(X, n, seed)
    oracle = split.oracle()
    return Moves(split.encode(start, True), split.encode(end, True), oracle(start), oracle(end))


def centred(P: np.ndarray) -> np.ndarray:
    """Log-probabilities less their mean over the classes."""
    logs = np.log(np.maximum(P, 1e-6))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def measured(name: str, seed: int, folder: Path) -> np.ndarray:
    """Log-loss and variance explained, for each weight."""
    split = draw(name, seed, PLAN)
    teach(split, PLAN, folder)
    Z, Z_test, _ = split.scaled
    seen = moves(split, split.X_train, len(Z), seed)
    unseen = moves(split, split.X_test, len(Z_test), seed + 1)
    truth = centred(unseen.end_labels) - centred(unseen.start_labels)
    rows = []
    for weight in WEIGHTS:
        student = LinearStudent(difference_weight=weight).fit(Z, split.soft(), moves=seen)
        P = student.predict(Z_test)[np.arange(len(Z_test)), split.y_test]
        change = centred(student.predict(unseen.end)) - centred(student.predict(unseen.start))
        explained = 1 - np.square(change - truth).sum() / np.square(truth).sum()
        rows.append((-np.log(np.maximum(P, 1e-15)).mean(), explained))
    return np.array(rows)


def main(folder: str = str(CACHE / "teachers")) -> None:
    print("| set |" + "".join(f" weight {weight:g} |" for weight in WEIGHTS))
    print("|---|" + "---|" * len(WEIGHTS))
    for name in SETS:
        mean = np.mean([measured(name, seed, Path(folder)) for seed in SEEDS], axis=0)
        print(f"| {name} |" + "".join(f" {loss:.3f} / {explained:.2f} |" for loss, explained in mean), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
