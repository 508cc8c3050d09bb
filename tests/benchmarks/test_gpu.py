"""The benchmark of the GPU runs all its stages, on a stand-in where there is none, and says so."""

from __future__ import annotations

from benchmarks import gpu
from skdistill._backend import NUMPY, resolve


def test_every_stage_runs(capsys):
    gpu.main(["--rows", "300", "--columns", "3", "--teachers", "3", "--features", "5"])
    printed = capsys.readouterr().out
    assert ("not measured: no GPU" in printed) == (resolve("auto") is NUMPY)
    for stage in ("weighted median", "softmax gradient", "tree histograms", "stakes at the root", "whole fit: line"):
        assert stage in printed
    assert printed.count("%") == printed.count("\n| ") - 1  # a share of a copy in every line of the table
