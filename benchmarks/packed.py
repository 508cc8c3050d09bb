"""What shipping a student takes: packed, against joblib's compressed pickle of the same student and of its committee.

Run with ``python -m benchmarks.packed [data set]``: students of the default committee on one development set, quantised
on the training rows, judged on the test rows.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import joblib
import numpy as np
import pandas as pd

from skdistill import DistilledClassifier, TreeStudent
from skdistill.compression import Quantise, compress
from skdistill.model import Model

from .markdown import markdown
from .plan import Plan
from .splits import draw


def compressed_nbytes(value: Any) -> int:
    """Bytes of joblib's compressed pickle."""
    buffer = io.BytesIO()
    joblib.dump(value, buffer, compress=9)
    return len(buffer.getvalue())


def main(name: str = "vehicle") -> None:
    split = draw(name, 0, Plan(max_rows=5000))
    rows = []
    for label, student in (("tree, 64 leaves", TreeStudent(max_leaves=64)), ("line", "linear")):
        clf = DistilledClassifier(student=student, cv=3, random_state=0).fit(split.X_train, split.y_train)
        model = clf.to_model()
        small = compress(model, Quantise("int8"), split.X_train, clf.oracle_(split.X_train)).model
        committee, pickled = compressed_nbytes(clf.teachers_), compressed_nbytes(clf.student_)
        for kind, shipped in (("float32", model), ("8 bits", small)):
            accuracy = 100 * float((Model.from_bytes(shipped.to_bytes()).predict(split.X_test) == split.y_test).mean())
            whole = len(shipped.to_bytes())
            sizes = (shipped.nbytes, whole, f"{pickled / whole:.1f}", f"{committee / whole:,.0f}")
            rows.append((label, kind, f"{accuracy:.1f}", *sizes))
        accuracy = 100 * clf.score(split.X_test, split.y_test)
        rows.append((label, "joblib, compressed", f"{accuracy:.1f}", "", pickled, "", ""))
        rows.append(("committee", "joblib, compressed", "", "", committee, "", ""))
    print(f"{name}: {len(split.X_train)} training rows, {np.unique(split.y_train).size} classes")
    titles = ["student", "form", "accuracy", "numbers, B", "file, B", "student's pickle / file", "committee / file"]
    print(markdown(pd.DataFrame(rows, columns=titles)))


if __name__ == "__main__":
    main(*sys.argv[1:])
