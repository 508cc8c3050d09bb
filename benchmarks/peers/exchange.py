"""What passes between the benchmark and a peer's script; both import this module, so it needs nothing but NumPy.

Trees travel as nested dictionaries: a split has ``split_feature``, ``threshold``, ``left_child`` (where the feature is
at most the threshold) and ``right_child``, a leaf its ``leaf_value``, a number or a list of them.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Model:
    """One fitted model of a peer.

    Attributes
    ----------
    key : str
        Which of the models that were asked for: its size, where there is one of each.
    outputs : ndarray of shape (n_test, k)
        Of the test rows, as the peer gives them.
    cpu_seconds : float
        Of the fit, without the teacher.
    structure : dict
        What its bytes are counted from: ``trees``, and what else the peer's kind of model has.
    settings : dict
        What was chosen, and what is to be reported beside the figures.
    inputs : ndarray of shape (n_test, d), optional
        What the trees compare of the test rows, where they are over features of the peer's own making.
    """

    key: str
    outputs: np.ndarray
    cpu_seconds: float
    structure: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: np.ndarray | None = None


@dataclass(frozen=True)
class Question:
    """What a script is asked.

    Attributes
    ----------
    folder : Path
    arrays : dict of ndarray
    settings : dict
    """

    folder: Path
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]

    def table(self, name: str) -> Any:
        """A raw table as a data frame."""
        import pandas as pd

        return pd.read_parquet(self.folder / f"{name}.parquet")


def serve(fit: Callable[[Question], Iterator[Model]]) -> None:
    """Answer the question in the folder that the command line names."""
    folder = Path(sys.argv[1])
    models = list(fit(Question(folder, *_get(folder, "question"))))
    arrays = {f"outputs {model.key}": np.asarray(model.outputs, dtype=np.float64) for model in models}
    arrays |= {f"inputs {model.key}": model.inputs for model in models if model.inputs is not None}
    in_arrays = ("outputs", "inputs")
    facts = {
        model.key: {key: value for key, value in asdict(model).items() if key not in in_arrays} for model in models
    }
    put(folder, "answer", arrays, facts)


def give_up_after(seconds: float) -> None:
    """Fail once this process has taken so many CPU seconds more: for peers that have no such limit of their own."""

    def give_up(signum: int, frame: Any) -> None:
        raise TimeoutError(f"not done after {seconds} CPU seconds, which is the limit")

    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _facts(model: Model) -> dict[str, Any]:
    return {key: value for key, value in asdict(model).items() if key not in ("outputs", "inputs")}


def get_models(folder: Path) -> dict[str, Model]:
    """The answer in a folder."""
    arrays, facts = _get(folder, "answer")
    return {
        key: Model(outputs=arrays[f"outputs {key}"], inputs=arrays.get(f"inputs {key}"), **fact)
        for key, fact in facts.items()
    }


def put(folder: Path, name: str, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(json.dumps(facts))


def _get(folder: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    with np.load(folder / f"{name}.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    return arrays, json.loads((folder / f"{name}.json").read_text())


def nest(tree: Any, values: np.ndarray | None = None, node: int = 0) -> dict[str, Any]:
    """A scikit-learn ``tree_`` as nested dictionaries; `values` of shape (nodes, k) replace its own."""
    if values is None:
        values = tree.value.reshape(tree.node_count, -1)
    if tree.children_left[node] < 0:
        return {"leaf_value": values[node].tolist()}
    return {
        "split_feature": int(tree.feature[node]),
        "threshold": float(tree.threshold[node]),
        "left_child": nest(tree, values, tree.children_left[node]),
        "right_child": nest(tree, values, tree.children_right[node]),
    }
