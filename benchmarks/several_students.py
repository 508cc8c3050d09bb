"""CPU of three students from one fit of the committee, against three fits, each with its committee.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.several_students``. Development sets, at most 2,000 rows, default
committee and settings, one student of each kind that is quick to fit.
"""

from __future__ import annotations

import time

from skdistill import DistilledClassifier, DistilledRegressor

from .plan import Plan
from .splits import draw

SETS = ("credit_data", "vehicle", "concrete")
STUDENTS = ("tree", "linear", "additive")
PLAN = Plan(max_rows=2_000)


def seconds(split, student):
    """CPU seconds of a fit."""
    estimator = DistilledClassifier if split.task == "classification" else DistilledRegressor
    started = time.process_time()
    estimator(student=student, random_state=0).fit(split.X_train, split.y_train)
    return time.process_time() - started


def main():
    for name in SETS:
        split = draw(name, 0, PLAN)
        alone = {student: seconds(split, student) for student in STUDENTS}
        together = seconds(split, list(STUDENTS))
        each = ", ".join(f"{student} {value:.1f}" for student, value in alone.items())
        total = sum(alone.values())
        print(
            f"{name:12} {len(split.y_train)} rows: together {together:.1f} s, alone {each}: {total:.1f} s in all; "
            f"together {together / total:.2f} of that, and {together / max(alone.values()):.2f} of the dearest alone",
            flush=True,
        )


if __name__ == "__main__":
    main()
