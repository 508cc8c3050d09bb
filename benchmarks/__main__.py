"""The benchmark of students: ``python -m benchmarks run`` fills in results, ``page`` writes what they say.

    python -m benchmarks run [--quick] [--sets magic adult] [--seeds 0 1 2] [--only tree_soft] [--jobs 2]
    python -m benchmarks show [--sets ...]     mean gap recovered, on the terminal
    python -m benchmarks page                  docs/benchmark.md
    python -m benchmarks peers                 environments for other projects' distillers, in .venv-peers

Teachers are fitted once per draw and cached under benchmarks/.cache; finished cells are not run again. After a change
of a contestant's code pass ``--rerun NAME``. `plan.py` holds what is run. A run of the whole plan ends by writing the
tables that the page is made of to benchmarks/results, to be committed; a run of a part writes them into the cache.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

# CPU seconds are compared, so every fit gets one thread; libraries read this when they are imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> None:
    from . import datasets, peers, plan
    from .competitors import CONTESTANTS
    from .page import show, write_page
    from .runner import CACHE, run
    from .tables import Tables, tabulate

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=("run", "show", "page", "peers"))
    parser.add_argument("--quick", action="store_true", help="a smoke test: two small sets, few contestants")
    parser.add_argument("--development", action="store_true", help="only the sets that students are developed on")
    parser.add_argument("--sets", nargs="+", choices=sorted(datasets.TABLES), metavar="SET")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--rows", type=int, help="sample larger sets down to this many rows")
    parser.add_argument("--only", nargs="+", choices=sorted(CONTESTANTS), metavar="CONTESTANT")
    parser.add_argument("--rerun", nargs="+", choices=sorted(CONTESTANTS), default=(), metavar="CONTESTANT")
    parser.add_argument("--jobs", type=int, default=1, help="draws at a time")
    parser.add_argument("--folder", type=Path, default=CACHE, help="of results and cached labels")
    parser.add_argument("--tables", type=Path, help="what the page is made of; benchmarks/results for the whole plan")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs" / "benchmark.md")
    given = parser.parse_args(arguments)

    if given.action == "peers":
        for environment in peers.REQUIREMENTS:
            peers.set_up(environment)
            print(f"made {peers.python_of(environment).parents[1]}")
        return
    chosen = plan.QUICK if given.quick else plan.Plan()
    changes = {
        "sets": plan.DEVELOPMENT if given.development else given.sets,
        "seeds": given.seeds,
        "max_rows": given.rows,
        "contestants": given.only,
    }
    tuples = {key: tuple(value) if isinstance(value, list) else value for key, value in changes.items()}
    chosen = replace(chosen, **{key: value for key, value in tuples.items() if value is not None})
    whole = chosen == plan.Plan() and given.folder == CACHE
    where = given.tables or (RESULTS if whole else given.folder / "tables")
    if given.action == "run":
        for message in run(chosen, given.folder, given.jobs, tuple(given.rerun)):
            print(f"missing: {message}")
        tabulate(chosen, given.folder).write(where)
    tables = Tables.read(where)
    if given.action == "page":
        write_page(chosen, tables, given.out)
        print(f"written to {given.out}")
    else:
        print(show(chosen, tables))


if __name__ == "__main__":
    main()
