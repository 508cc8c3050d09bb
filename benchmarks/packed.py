"""What shipping a student takes: packed, against joblib's compressed pickle of the same student and of its committee.

Run with ``python -m benchmarks.packed [data set]``: students of the default committee on one development set, quantised
on the training rows, judged on the test rows.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

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
    rows: list[tuple[str, str, float, int, float, float]] = []
    for label, student, rival in (
        ("tree", TreeStudent(max_leaves=64), DecisionTreeClassifier(max_leaf_nodes=64, random_state=0)),
        ("line", "linear", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
    ):
        clf = DistilledClassifier(student=student, cv=3, random_state=0).fit(split.X_train, split.y_train)
        model = clf.to_model()
        committee = compressed_nbytes(clf.teachers_)
        small = compress(model, Quantise("int8"), split.X_train, clf.oracle_(split.X_train)).model
        rival.fit(split.raw[0], split.y_train)
        shipped = len(small.to_bytes())
        sizes = [("packed, 8 bits, numbers alone", small, small.nbytes), ("packed, 8 bits", small, shipped)]
        sizes += [
            ("packed, float32", model, len(model.to_bytes())),
            ("joblib, student alone", model, compressed_nbytes(clf.student_)),
        ]
        sizes += [("joblib, fitted estimator", model, compressed_nbytes(clf))]
        for form, answering, nbytes in sizes:
            accuracy = float((Model.from_bytes(answering.to_bytes()).predict(split.X_test) == split.y_test).mean())
            rows.append((label, form, 100 * accuracy, nbytes, nbytes / shipped, committee / nbytes))
        nbytes = compressed_nbytes(rival)
        accuracy = float((rival.predict(split.raw[1]) == split.y_test).mean())
        rows.append((label, "joblib, scikit-learn's own", 100 * accuracy, nbytes, nbytes / shipped, committee / nbytes))
        accuracy = float((clf.classes_[clf.oracle_(split.X_test).argmax(axis=1)] == split.y_test).mean())
        rows.append(("", "joblib, its committee", 100 * accuracy, committee, committee / shipped, 1.0))
    print(f"{name}: {len(split.y_train)} training rows, {split.n_classes} classes")
    titles = ["student", "form", "accuracy", "bytes", "times packed in 8 bits", "committee is larger by"]
    print(markdown(pd.DataFrame(rows, columns=titles)))


if __name__ == "__main__":
    main(*sys.argv[1:])
