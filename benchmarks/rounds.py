"""A round within the committee, its teachers reborn or the student among them: losses out of fold and on test rows.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.rounds``. Development sets, at most 1,500 rows, the benchmark's committee,
a tree and an additive student with the fixed blend, two draws. Losses are the log-loss, for values the squared error
over the target's variance. Beside it what an additive student brings that learned true labels alone.
"""

from __future__ import annotations

import time

import numpy as np

from skdistill import DistilledClassifier, DistilledRegressor

from .plan import BLEND, TEACHERS, Plan
from .splits import draw

SETS = ("contraceptive", "german_credit", "phoneme", "vehicle", "concrete", "pc_price")
STUDENTS = ("tree", "additive")
SEEDS = (0, 1)
PLAN = Plan(max_rows=1_500)


def loss(split, outputs):
    """Mean over the test rows."""
    if split.task == "classification":
        return -np.log(np.maximum(outputs[np.arange(len(split.y_test)), split.y_test], 1e-15)).mean()
    return ((outputs.ravel() - split.y_test) ** 2).mean() / split.y_test.var()


def fitted(split, student, rounds, blend=None):
    """A distilled estimator, and its CPU seconds."""
    estimator = DistilledClassifier if split.task == "classification" else DistilledRegressor
    blend = BLEND[split.task] if blend is None else blend
    started = time.process_time()
    found = estimator(list(TEACHERS[split.task]), student, blend=blend, rounds=rounds, random_state=0)
    return found.fit(split.X_train, split.y_train), time.process_time() - started


def main():
    print(
        "| set | draw | student | out of fold | s.e. | taken | true labels | committee, test | student, test | CPU s |"
    )
    print("|---" * 10 + "|")
    for name in SETS:
        for seed in SEEDS:
            split = draw(name, seed, PLAN)
            for student in STUDENTS:
                both = [fitted(split, student, rounds) for rounds in (0, 1)]
                outputs = "predict_proba" if split.task == "classification" else "predict"
                committee = [loss(split, each.oracle_(split.X_test)) for each, _ in both]
                own = [loss(split, getattr(each, outputs)(split.X_test)) for each, _ in both]
                (row,) = both[1][0].rounds_
                alone = fitted(split, student, 1, 1.0)[0].rounds_[0]["loss"] if student == "additive" else None
                cells = [name, seed, student, f"{row['loss_before']:.4f} to {row['loss']:.4f}", f"{row['se']:.4f}"]
                cells += [" and ".join(row["fitted"]) if row["taken"] else "none", f"{alone:.4f}" if alone else ""]
                cells += [f"{before:.4f} to {after:.4f}" for before, after in (committee, own)]
                cells += [" to ".join(f"{seconds:.1f}" for _, seconds in both)]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
