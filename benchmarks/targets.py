"""Compressed targets: packed bytes and log-loss of students with and without a decoder, on real sets of many classes.

Run: OMP_NUM_THREADS=1 python -m benchmarks.targets FOLDER [set ...], with the folder of cached teachers.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from skdistill.compression import Quantise, compress
from skdistill.model import Model, Output
from skdistill.students import BoostedStudent, LinearStudent, LowRankStudent, TreeStudent

from .plan import Plan
from .splits import draw
from .teachers import teach

STUDENTS = {
    "tree": TreeStudent(max_leaves=256),
    "linear": LinearStudent(),
    "boosted": BoostedStudent(n_trees=8),
}


def main(folder: str, *names: str) -> None:
    plan = Plan(max_rows=5_000)
    print("| set | student | rank | bytes, f32 | log-loss | bytes, 8 bits | log-loss | CPU s |")
    print("|---" * 8 + "|")
    for name in names or ("letter",):
        split = draw(name, 0, plan)
        teach(split, plan, Path(folder))
        Q, y, k = split.soft(), split.y_test, split.n_outputs
        for family, student in STUDENTS.items():
            Z, _, preprocessor = split.scaled if student.wants_scaling else split.raw
            for rank in (None, k // 4, k // 3, k // 2):
                started = time.process_time()
                fitted = (student if rank is None else LowRankStudent(student, rank)).fit(Z, Q)
                seconds = time.process_time() - started
                output = Output("classification", fitted.link_, tuple(range(k)))
                model = Model(preprocessor, fitted.predictor_, output)
                small = compress(model, Quantise(), split.X_train, Q).model
                cells = []
                for each in (model, small):
                    shares = each.predict_proba(split.X_test)[np.arange(len(y)), y]
                    cells.append(f"{each.nbytes:,} | {-np.log(np.maximum(shares, 1e-15)).mean():.3f}")
                told = "all" if rank is None else rank
                print(f"| {name} | {family} | {told} | {' | '.join(cells)} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
