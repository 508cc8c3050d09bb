"""The command line. It parses and calls; what it calls lives in the library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run `skdistill` with the given arguments and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0, or 1 after an error that was printed to standard error.
    """
    parser = argparse.ArgumentParser(prog="skdistill", description="Distil a committee of models into one small one.")
    parser.add_argument("--version", action="version", version=f"skdistill {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser("demo", help="distil real committees on real data and show what was kept and lost")
    demo.add_argument("--out", type=Path, default=Path("demo-output"), help="folder for the students (%(default)s)")
    demo.add_argument(
        "--data",
        action="append",
        metavar="NAME",
        help="only this data set (digits, cancer, diabetes, flights); repeatable",
    )
    demo.add_argument("--n-jobs", type=int, default=-1, help="teacher fits at a time (default: all cores)")
    arguments = parser.parse_args(argv)

    from ._demo import run_demo

    try:
        run_demo(arguments.out, arguments.data, arguments.n_jobs)
    except (ImportError, OSError, ValueError) as error:
        print(f"skdistill demo: {error}", file=sys.stderr)
        return 1
    return 0
