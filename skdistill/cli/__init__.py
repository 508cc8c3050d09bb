"""The command line. It reads, calls the library and writes; it decides nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import __version__

#: What there is with the packages of the extra `cli` besides the demo.
_COMMANDS = ("fit", "predict", "export", "rules", "report", "compare")


def main(argv: Sequence[str] | None = None) -> int:
    """Run `skdistill` with the given arguments and return its exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0; 1 after an error, 2 after a mistake in the arguments, both told in one line on standard error; 130 after
        Ctrl-C.
    """
    try:
        import typer  # noqa: F401
    except ImportError:
        return _demo_alone(argv)
    from ._app import run

    return run(sys.argv[1:] if argv is None else list(argv))


def _demo_alone(argv: Sequence[str] | None) -> int:
    """What there is without the packages of the extra `cli`."""
    given = sys.argv[1:] if argv is None else list(argv)
    if given and given[0] in _COMMANDS:
        print(f"skdistill: {given[0]} needs more packages: pip install 'skdistill[cli]'", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(
        prog="skdistill",
        description="Distil a committee of models into one small one.",
        epilog=f"{', '.join(_COMMANDS)} need: pip install 'skdistill[cli]'",
    )
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
    arguments = parser.parse_args(given)

    from .._demo import run_demo

    try:
        run_demo(arguments.out, arguments.data, arguments.n_jobs)
    except (ImportError, OSError, ValueError) as error:
        print(f"skdistill demo: {error}", file=sys.stderr)
        return 1
    return 0
