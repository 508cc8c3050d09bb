"""Compressed targets: packed bytes and log-loss of students with and without a decoder, on real sets of many classes.

Run: OMP_NUM_THREADS=1 python -m benchmarks.targets FOLDER [set ...], with the folder of cached teachers. Means of two
draws.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from skdistill.compression import Quantise, compress
from skdistill.model import Model, Output
from skdistill.students import BoostedStudent, LinearStudent, LowRankStudent, TreeStudent

from .plan import Plan
from .splits import Split, draw
from .teachers import teach

STUDENTS = {
    "tree": TreeStudent(max_leaves=256),
    "linear": LinearStudent(),
    "boosted": BoostedStudent(n_trees=8),
}


RANKS = (None, 6, 8, 9, 10, 13)
SEEDS = (0, 1)
PLAN = Plan(max_rows=5_000)


def sizes_and_losses(split: Split, student: Any) -> list[float]:
    """Packed bytes and log-loss on test rows, in float32, in 8 and in 4 bits, and the CPU seconds of the fit."""
    Z, _, preprocessor = split.scaled if student.wants_scaling else split.raw
    Q, y = split.soft(), split.y_test
    started = time.process_time()
    fitted = student.fit(Z, Q)
    seconds = time.process_time() - started
    model = Model(
        preprocessor, fitted.predictor_, Output("classification", fitted.link_, tuple(range(split.n_outputs)))
    )
    found: list[float] = []
    for values in ("float32", "int8", "int4"):
        small = model if values == "float32" else compress(model, Quantise(values), split.X_train, Q).model
        shares = small.predict_proba(split.X_test)[np.arange(len(y)), y]
        found += [small.nbytes, -np.log(np.maximum(shares, 1e-15)).mean()]
    return [*found, seconds]


def main(folder: str, *names: str) -> None:
    """Print a table."""
    print("| set | student | rank | bytes, f32 | log-loss | 8 bits | log-loss | 4 bits | log-loss | CPU s |")
    print("|---" * 10 + "|")
    for name in names or ("letter",):
        splits = [draw(name, seed, PLAN) for seed in SEEDS]
        for split in splits:
            teach(split, PLAN, Path(folder))
        for family, student in STUDENTS.items():
            for rank in RANKS:
                made = student if rank is None else LowRankStudent(student, rank)
                told = np.array([sizes_and_losses(split, made) for split in splits]).mean(axis=0)
                cells = [f"{each:,.0f}" if i % 2 == 0 else f"{each:.3f}" for i, each in enumerate(told[:-1])]
                print(f"| {name} | {family} | {rank or 'all'} | {' | '.join(cells)} | {told[-1]:.1f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
