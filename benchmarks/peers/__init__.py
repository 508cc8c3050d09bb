"""Other projects' distillers, each run by the Python of an environment of its own, for their dependencies may clash.

A peer is a script here, ``run_<peer>.py``. It is handed a folder with a question (matrices and labels as ``.npz``,
settings as JSON, raw tables as Parquet) and leaves its answer there: for each size the outputs of the test rows, the
trees, and the CPU seconds of the fit alone. ``python -m benchmarks peers`` makes the environments.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .exchange import Model, get_models, put

#: By the environment's name.
REQUIREMENTS = {
    # imodels 3.0.4 needs six and does not say so.
    "trees": ("imodels==3.0.4", "six", "trustee==1.2.0", "gosdt==1.0.4"),
    "interpret": ("interpret-core==0.7.8", "pyarrow"),
    "autogluon": ("autogluon.tabular[lightgbm]==1.6.3",),
}
FOLDER = Path(__file__).parents[2] / ".venv-peers"


def python_of(environment: str) -> Path:
    """The interpreter of an environment, be it there or not."""
    return FOLDER / environment / "bin" / "python"


def set_up(environment: str) -> None:
    """Make an environment anew, by uv where it is present."""
    folder, requirements = FOLDER / environment, REQUIREMENTS[environment]
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
        install = [uv, "pip", "install", "--quiet", "--python", str(python_of(environment)), *requirements]
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(folder)]
        install = [str(python_of(environment)), "-m", "pip", "install", "--quiet", *requirements]
    subprocess.run(make, check=True)
    subprocess.run(install, check=True)


def ask(
    python: Path,
    script: Path,
    arrays: dict[str, np.ndarray],
    settings: dict[str, Any],
    tables: dict[str, Any] | None = None,
) -> dict[str, Model]:
    """Run a peer's script on a question and read its answer.

    Parameters
    ----------
    python, script : Path
    arrays : dict of ndarray
    settings : dict
        What JSON can hold.
    tables : dict of DataFrame, optional

    Returns
    -------
    models : dict
        By key.

    Raises
    ------
    RuntimeError
        The script failed; the message ends with what it said last.
    """
    with tempfile.TemporaryDirectory(prefix="peer-") as name:
        folder = Path(name)
        put(folder, "question", arrays, settings)
        for table, data in (tables or {}).items():
            data.to_parquet(folder / f"{table}.parquet")
        # -E: what this process was told of PYTHONPATH is not for an environment of its own.
        done = subprocess.run(
            [str(python), "-E", "-W", "ignore", str(script), name],
            cwd=name,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{script.name} failed: {done.stderr.strip()[-300:]}")
        return get_models(folder)


def ask_peer(
    environment: str,
    peer: str,
    arrays: dict[str, np.ndarray],
    settings: dict[str, Any],
    tables: dict[str, Any] | None = None,
) -> dict[str, Model]:
    """`ask` one of the scripts here."""
    return ask(python_of(environment), Path(__file__).with_name(f"run_{peer}.py"), arrays, settings, tables)
