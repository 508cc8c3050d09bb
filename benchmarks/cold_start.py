"""Cold start: CPU time to load a shipped model and predict one row, as a multiple of `import numpy` alone.

Run with ``python -m benchmarks.cold_start``. Processes of both kinds take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from statistics import median

import numpy as np

from skdistill.model import Linear, Model, NumericColumn, Output, Preprocessor, Tree

RUNS = 40
LIMIT = 1.15
N_FEATURES, N_CLASSES, DEPTH = 30, 3, 6


def main() -> int:
    row = [0.1 * i for i in range(N_FEATURES)]
    with tempfile.TemporaryDirectory() as folder:
        programs = {"numpy": "import numpy"}
        for name, model in example_models().items():
            path = os.path.join(folder, f"{name}.json")
            model.save(path)
            programs[name] = f"from skdistill.model import load; load({path!r}).predict([{row!r}])"
        # As installed: with bytecode, which the first run of each program writes here.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "OMP_NUM_THREADS": "1"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for program in programs.values():
            cpu_seconds(program, environment)
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(RUNS):
            for name, program in programs.items():
                seconds[name].append(cpu_seconds(program, environment))
    base = median(seconds["numpy"])
    ratios = {name: median(seconds[name]) / base for name in programs if name != "numpy"}
    found = ", ".join(f"{name} x{ratio:.3f}" for name, ratio in ratios.items())
    print(f"cold start: {found} of import numpy ({base * 1e3:.1f} ms CPU, median of {RUNS}); limit x{LIMIT}")
    return int(max(ratios.values()) > LIMIT)


def example_models() -> dict[str, Model]:
    """Build a full tree of depth 6 and a softmax line, on 30 scaled columns and 3 classes."""
    rng = np.random.default_rng(0)
    columns = [NumericColumn(f"column {i}", fill=1.0, center=0.5, scale=2.0) for i in range(N_FEATURES)]
    classes = tuple(f"class {i}" for i in range(N_CLASSES))

    # In preorder, the left subtree of a split at depth d fills the 2 ** (DEPTH - d) - 1 nodes after it.
    feature: list[int] = []
    right: list[int] = []

    def grow(depth: int) -> None:
        node = len(feature)
        is_split = depth < DEPTH
        feature.append(int(rng.integers(N_FEATURES)) if is_split else -1)
        right.append(node + 2 ** (DEPTH - depth) if is_split else 0)
        if is_split:
            grow(depth + 1)
            grow(depth + 1)

    grow(0)
    threshold = np.where(np.array(feature) >= 0, rng.normal(size=len(feature)), 0).astype(np.float32)
    value = rng.dirichlet(np.ones(N_CLASSES), 2**DEPTH)
    tree = Tree(feature, threshold, right, value, N_FEATURES)
    line = Linear(rng.normal(size=(N_FEATURES, N_CLASSES)), rng.normal(size=N_CLASSES))
    preprocessor = Preprocessor(columns)
    return {
        "tree": Model(preprocessor, tree, Output("classification", "simplex", classes)),
        "linear": Model(preprocessor, line, Output("classification", "softmax", classes)),
    }


def cpu_seconds(program: str, environment: dict[str, str]) -> float:
    """Run a program in a fresh interpreter; return its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)  # os.times() counts in hundredths of a second
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())
