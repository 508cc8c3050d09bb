"""What compression costs: bytes, accuracy and loss on test rows of the development sets.

Run with ``python -m benchmarks.compression [folder of teachers]``.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from skdistill import AdditiveStudent, BoostedStudent, LinearStudent, TreeStudent
from skdistill.compression import CompressionPass, Prune, Quantise, Sparsify, compress
from skdistill.model import Model, NumericColumn, Output, Preprocessor

from .plan import DEVELOPMENT, Plan
from .splits import Split, draw
from .teachers import teach

PLAN = Plan(max_rows=5000)
STUDENTS: dict[str, tuple[Any, bool]] = {  # the student, and whether it wants scaled columns
    "tree": (TreeStudent(max_leaves=64), False),
    "line": (LinearStudent(), True),
    "additive": (AdditiveStudent(), False),
    "boosted": (BoostedStudent(), False),
}
PASSES: dict[str, list[CompressionPass]] = {
    "float16": [Quantise("float16")],
    "8 bits": [Quantise("int8")],
    "4 bits": [Quantise("int4")],
    "pruned": [Prune(0.002)],
    "sparser": [Sparsify(0.002)],
}


def student_model(split: Split, name: str) -> Model:
    """A student of the committee, lowered."""
    student, scaled = STUDENTS[name]
    Z, _, preprocessor = split.scaled if scaled else split.raw
    student = student.fit(Z, split.soft())
    k = split.n_classes
    output = (
        Output("classification", student.link_, tuple(range(k)))
        if k
        else Output("regression", "identity", targets=("y",))
    )
    return Model(preprocessor, student.predictor_, output)


def quality(model: Model, split: Split) -> tuple[float, float]:
    """Accuracy in points and log-loss, or R squared in points and mean squared error in variances, on the test rows."""
    answers = model.evaluate(split.X_test)
    if split.n_classes:
        chosen = np.maximum(answers[np.arange(len(answers)), split.y_test], 1e-15)
        return 100 * float((answers.argmax(axis=1) == split.y_test).mean()), float(-np.log(chosen).mean())
    error = float(np.square(split.y_test - answers[:, 0]).mean() / split.y_test.var())
    return 100 * (1 - error), error


def sizes() -> None:
    """Bytes of the models that the goals name: columns that need nothing, and columns with fill values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 30)).astype(np.float32)
    Q = rng.dirichlet(np.ones(3), len(X))
    tree = TreeStudent(max_leaves=64, repair=None).fit(X, Q)
    line = LinearStudent().fit(X, Q)
    for fill, scale in ((0.0, 1.0), (0.3, 1.0), (0.3, 1.7)):
        columns = [NumericColumn(f"x{i}", float(np.float32(fill)), scale=float(np.float32(scale))) for i in range(30)]
        for label, student in (("tree of 64 leaves", tree), ("line 30 x 3", line)):
            output = Output("classification", student.link_, (0, 1, 2))
            model = Model(Preprocessor(columns), student.predictor_, output)
            done = [compress(model, Quantise(values), X).model.nbytes for values in ("int8", "int4")]
            print(f"{label}, fill {fill}, scale {scale}: {model.nbytes} B, 8 bits {done[0]} B, 4 bits {done[1]} B")


def main(folder: str = "benchmarks/.cache/teachers") -> None:
    sizes()
    changes = defaultdict(list)
    for name in DEVELOPMENT:
        split = draw(name, 0, PLAN)
        teach(split, PLAN, Path(folder))
        for kind in STUDENTS:
            model = student_model(split, kind)
            before, loss = quality(model, split)
            print(f"{name:18} {kind:9} {model.nbytes:7} B  {before:6.2f}  {loss:.4f}", end="", flush=True)
            for label, passes in PASSES.items():
                start = time.process_time()
                small = compress(model, passes, split.X_train, split.soft()).model
                seconds = time.process_time() - start
                after, loss_after = quality(small, split)
                task = "classes" if split.n_classes else "values"
                changes[task, kind, label].append(
                    (after - before, loss_after - loss, small.nbytes / model.nbytes, seconds)
                )
                print(
                    f" | {label} {small.nbytes} {after - before:+.2f} {loss_after - loss:+.4f} {seconds:.1f}s", end=""
                )
            print(flush=True)
    print()
    for key, rows in changes.items():
        mean = np.mean(rows, axis=0)
        print(
            f"{' '.join(key):28} {mean[0]:+.3f} pts  {mean[1]:+.4f} loss  {mean[2]:.2f} of the bytes  {mean[3]:.1f} s"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
