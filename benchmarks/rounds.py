"""A round of self-distillation within the committee: its loss out of fold and on test rows, and the student's.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.rounds``. Development sets, at most 1,500 rows, the benchmark's committee,
a tree with the fixed blend. Losses are the log-loss, for values the squared error over the target's variance.
"""

from __future__ import annotations

import time

import numpy as np

from skdistill import DistilledClassifier, DistilledRegressor

from .plan import BLEND, TEACHERS, Plan
from .splits import draw

SETS = ("contraceptive", "german_credit", "phoneme", "vehicle", "concrete", "pc_price")
PLAN = Plan(max_rows=1_500)


def loss(split, outputs):
    """Mean over the test rows."""
    if split.task == "classification":
        return -np.log(np.maximum(outputs[np.arange(len(split.y_test)), split.y_test], 1e-15)).mean()
    return ((outputs.ravel() - split.y_test) ** 2).mean() / split.y_test.var()


def main():
    for name in SETS:
        split = draw(name, 0, PLAN)
        estimator = DistilledClassifier if split.task == "classification" else DistilledRegressor
        line = [f"{name:14}"]
        for rounds in (0, 1):
            started = time.process_time()
            found = estimator(list(TEACHERS[split.task]), blend=BLEND[split.task], rounds=rounds, random_state=0).fit(
                split.X_train, split.y_train
            )
            seconds = time.process_time() - started
            outputs = found.predict_proba if split.task == "classification" else found.predict
            committee, student = loss(split, found.oracle_(split.X_test)), loss(split, outputs(split.X_test))
            if rounds:
                (row,) = found.rounds_
                line.append(
                    f"out of fold {row['loss_before']:.4f} to {row['loss']:.4f} (se {row['se']:.4f}) "
                    + ("taken" if row["taken"] else "not taken")
                )
            line.append(f"test: committee {committee:.4f}, tree {student:.4f}, {seconds:.1f} s")
        print("; ".join(line), flush=True)


if __name__ == "__main__":
    main()
