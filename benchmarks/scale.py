"""What a fit asks of an engine: passes over the rows, and what reaches the driver.

    python -m benchmarks.scale [--rows 5000 50000]

Counts the calls of an engine in memory. They are the same on any engine: out of core each is a pass over the spilled
columns, on Dask each is a task for every partition and, for a reduction, a round trip. Bytes are those of the pickled
results after they were combined.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from skdistill import LinearStudent, TreeStudent
from skdistill.engine import Engine, MemoryEngine, add

from .tree_student import make_rows


class Counted(Engine):
    """An engine that counts what it is asked for."""

    def __init__(self, engine: Engine, results: list[tuple[str, int]], updates: list[str]) -> None:
        self.engine, self.n_rows = engine, engine.n_rows
        self.results, self.updates = results, updates

    def reduce(self, function: Callable[..., Any], *args: Any, combine: Callable[[Any, Any], Any] = add) -> Any:
        """Ask, and keep the name of the function and the size of the result."""
        result = self.engine.reduce(function, *args, combine=combine)
        self.results.append((function.__name__, len(pickle.dumps(result))))
        return result

    def update(self, name: str | tuple[str, ...], function: Callable[..., Any], *args: Any) -> None:
        """Ask, and keep the name of the function."""
        self.updates.append(function.__name__)
        self.engine.update(name, function, *args)

    def select(self, *names: str) -> Engine:
        """An engine whose questions count too."""
        return Counted(self.engine.select(*names), self.results, self.updates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 50_000])
    options = parser.parse_args()
    print("| student | rows | reductions | updates | to the driver, kB | largest, kB |")
    print("|---|---|---|---|---|---|")
    for student in (TreeStudent(max_leaves=32, repair=None), TreeStudent(max_leaves=32), LinearStudent()):
        for n_rows in options.rows:
            X, Q = make_rows(n_rows, seed=0)
            rows = MemoryEngine({"X": X, "Q": Q, "weight": np.ones(n_rows)}, student.block_rows(X.shape[1]))
            engine = Counted(rows, [], [])
            student.fit_blocks(engine, X.shape[1], Q.shape[1])
            # The sample that bins are cut from grows until it holds 200,000 rows; it is taken once or a few times.
            sizes = [size for name, size in engine.results if name != "hashed_rows"]
            print(
                f"| {student} | {n_rows:,} | {len(engine.results)} | {len(engine.updates)} | {sum(sizes) / 1e3:,.0f} | "
                f"{max(sizes) / 1e3:,.0f} |"
            )


if __name__ == "__main__":
    main()
