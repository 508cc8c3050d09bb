"""How fast and how small exports are: ratios against named rivals, all in one run. ``python -m benchmarks.export``."""

from __future__ import annotations

import io
import pickle
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from timeit import repeat

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skdistill import LinearStudent, Predictor, TreeStudent, export
from skdistill.compression import Quantise, compress
from skdistill.model import Model, NumericColumn, Output, Preprocessor

CLASSES = ("a", "b", "c")


def best(call, number: int, rounds: int = 9) -> float:
    """Microseconds of the fastest round: what others do on the machine only adds."""
    return min(repeat(call, number=number, repeat=rounds)) / number * 1e6


def subject(name: str) -> tuple[Model, object, np.ndarray]:
    """A tree of 64 leaves, depth 6, or a line, on 30 features and 3 classes; scikit-learn's of the same form; rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 30)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] + X[:, 2] * X[:, 3] > 0)
    Q = 0.8 * np.eye(3)[y] + 0.2 / 3
    if name == "tree":
        columns = [NumericColumn(f"x{i}") for i in range(30)]
        found = TreeStudent(max_leaves=64, max_depth=6, repair=None).fit(X, Q).predictor_
        rival = DecisionTreeClassifier(max_leaf_nodes=64, max_depth=6, random_state=0).fit(X, y)
        return Model(Preprocessor(columns), found, Output("classification", "simplex", CLASSES)), rival, X
    scales = np.float32(1 + rng.random(30)).tolist()
    columns = [NumericColumn(f"x{i}", 0.0, 0.125, scale) for i, scale in enumerate(scales)]
    found = LinearStudent().fit(X, Q).predictor_
    rival = LogisticRegression().fit(X, y)
    return Model(Preprocessor(columns), found, Output("classification", "softmax", CLASSES)), rival, X


def single_rows(name: str) -> None:
    from skdistill.exports import _c, _compile
    from skdistill.exports._raw import raw_form

    model, rival, X = subject(name)
    predictor, row, one = Predictor(model), X[0].tolist(), X[:1].copy()
    header = _c.TARGET.write(model, raw_form(model), "m")
    choice, pack = _compile.compiled(header, model, "m", _compile.compiler() or "cc").choice, struct.Struct("30f").pack
    beyond = best(lambda: predictor.predict_one(row), 20_000) - best(lambda: None, 20_000)
    through = best(lambda: choice(pack(*row)), 20_000) - best(lambda: None, 20_000)
    theirs = best(lambda: rival.predict(one), 200)
    print(f"{name}: predict_one of a list, beyond a no-op call: {beyond:.3f} us, scikit-learn x {theirs / beyond:.0f}")
    print(f"{name}: compiled C through ctypes, of a list: {through:.2f} us")
    ours, theirs = best(lambda: predictor.predict_proba(one), 2000), best(lambda: rival.predict_proba(one), 200)
    print(f"{name}: predict_proba of one row: {ours:.2f} us, scikit-learn x {theirs / ours:.0f}")


def batches(name: str) -> None:
    import onnxruntime

    from skdistill.exports import _c, _compile, _onnx
    from skdistill.exports._raw import raw_form

    model, rival, X = subject(name)
    X = X[:10_000].copy()
    form = raw_form(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(_onnx.TARGET.write(model, form, "m"), options)
    c = _compile.compiled(_c.TARGET.write(model, form, "m"), model, "m", _compile.compiler() or "cc")
    predictor = Predictor(model, compile=True)
    calls = {
        "Predictor(compile=True)": lambda: predictor.predict_proba(X),
        "C alone": lambda: c.values(X),
        "NumPy": lambda: model.predict_proba(X),
        "onnxruntime": lambda: session.run(["probabilities"], {"X": X}),
        "scikit-learn": lambda: rival.predict_proba(X),
    }
    times = {label: best(call, 5) for label, call in calls.items()}
    rates = ", ".join(f"{label} {10_000 / taken:.1f}" for label, taken in times.items())
    print(f"{name}: million rows a second, 10,000 rows, one thread: {rates}")


def cpu(code: str, *arguments: str, rounds: int = 7) -> tuple[float, float]:
    """Least CPU seconds of a fresh interpreter, and its largest memory in MB."""
    found = []
    for _ in range(rounds):
        # Of this program alone: `ru_maxrss` would begin with what the parent held when it forked.
        report = "print(next(int(line.split()[1]) for line in open('/proc/self/status') if 'VmHWM' in line) / 1024)"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", f"{code}\n{report}", *arguments]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found.append((taken, float(said.split()[-1])))
    return min(found)


def cold_starts() -> None:
    model, rival, X = subject("tree")
    row = repr(X[0].tolist())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        export(model, path / "student.py")
        export(model, path / "student.json")
        joblib.dump(rival, path / "student.joblib")
        bare, numpy = cpu("pass"), cpu("import numpy")
        python = cpu(f"import sys; sys.path.insert(0, sys.argv[1]); import student; student.predict_one({row})", folder)
        loaded = cpu(
            f"import sys; from skdistill.model import load\nload(sys.argv[1] + '/student.json').predict_proba([{row}])",
            folder,
        )
        theirs = cpu(f"import sys, joblib; joblib.load(sys.argv[1] + '/student.joblib').predict_proba([{row}])", folder)
    print(
        f"start: exported Python x {python[0] / bare[0]:.2f} of bare Python; load x {loaded[0] / numpy[0]:.2f} of NumPy"
    )
    for label, ours in (("exported Python", python), ("load", loaded)):
        saved = f"x {theirs[0] / ours[0]:.0f} CPU, x {theirs[1] / ours[1]:.1f} memory of {label}"
        print(f"start: scikit-learn + joblib {saved}")


def sizes() -> None:
    from skdistill.exports import _c
    from skdistill.exports._raw import raw_form

    for name in ("tree", "line"):
        model, rival, X = subject(name)
        small = compress(model, Quantise("int8"), X[:5000]).model
        for label, each in ((name, model), (f"{name} in 8 bits", small)):
            header = _c.TARGET.write(each, raw_form(each), "m").decode()
            tables = header.split("Its tables take ")[1].split()[0]
            print(f"{label}: packed {each.nbytes} bytes, tables of the C header {tables}")
        file = io.BytesIO()
        joblib.dump(rival, file, compress=9)
        print(f"{name}: scikit-learn's, compressed by joblib {file.tell()}, pickled {len(pickle.dumps(rival))}")


if __name__ == "__main__":
    started = time.perf_counter()
    for each in ("tree", "line"):
        single_rows(each)
        batches(each)
    cold_starts()
    sizes()
    print(f"{time.perf_counter() - started:.0f} s")
