"""Hostile files: how many mutated model files were read, and whether any did anything but load or be refused.

Run with ``python -m benchmarks.fuzz [seconds] [seed]``; seconds are CPU time, half for each form. A case is a valid
file with a few mutations under a checksum that fits, so that readers get past it. It is a finding if reading raises
anything but a ModelFormatError, if what was read cannot predict, or if it took memory or time out of proportion.
"""

from __future__ import annotations

import copy
import json
import resource
import sys
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from skdistill.compression import Quantise, compress
from skdistill.model import (
    Additive,
    CategoryColumn,
    Linear,
    Model,
    ModelFormatError,
    NumericColumn,
    Output,
    PairTable,
    Preprocessor,
    Tree,
    TreeSum,
)
from skdistill.model._json import encode

#: A case may take so many seconds, and the process so many bytes beyond what it has: a file takes a few thousand.
_MOST_SECONDS = 1.0
_MOST_BYTES = 2**29

_TOKENS: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 255, 2**31, -(2**63), 2**64, 10**400, 1e308, 1e-320, -0.0, 0.1, 3.4028236e38,
    "", "a", "a\0", "\ud800", "numeric", "category", "tree", "linear", "additive", "tree_sum", "softmax", "simplex",
    "identity", "regression", "classification", "str", "int", "float", "bool", "mixed", "int8", "float16", [], {}, [[]],
    [0], [1.5], {"type": "str", "values": ["a"]},
]  # fmt: skip


def seeds(rng: np.random.Generator) -> list[Model]:
    """A model of every kind in every precision, with columns of every kind."""
    columns = (
        NumericColumn("age", fill=40.0, center=0.5, scale=0.25, missing=True),
        NumericColumn("dose", fill=float(np.float32(0.1))),
        CategoryColumn("job", ("clerk", "nurse", 7, 2.5, True), missing=True),
    )
    preprocessor = Preprocessor(columns)
    d, k = preprocessor.n_encoded, 3
    X = {"age": rng.normal(size=40), "dose": rng.normal(size=40), "job": np.array(["clerk", 7] * 20, dtype=object)}
    classes = Output("classification", "softmax", ("no", "yes", "it depends"))
    trees = tuple(_tree(rng, n, d, 1) for n in (1, 2, 5, 9))
    edges = tuple(np.unique(rng.normal(size=3).astype(np.float32)) for _ in range(d))
    # Tables so far apart that their 4 bits need shifts.
    tables = tuple(np.pad(rng.normal(size=(3, k)) / 4.0**i, ((1, 0), (0, 0))) for i in range(d))
    table = np.zeros((2, 3, k))
    table[1:, 1:] = 1.0
    predictors: list[Any] = [
        Linear(rng.normal(size=(d, k)), rng.normal(size=k)),
        Additive(edges, tables, rng.normal(size=k), (PairTable((0, 2), ([0.5], [0.0, 1.0]), table),)),
        TreeSum(trees, [0, 1, 2, 0], rng.normal(size=k), d),
    ]
    models = [Model(preprocessor, predictor, classes) for predictor in predictors]
    shares = Output("classification", "simplex", (1, 2, 3))
    models.append(Model(preprocessor, _tree(rng, 12, d, k), shares))
    values = Output("regression", "identity", None, ("u", "v", "w"), False)
    models.append(Model(preprocessor, _tree(rng, 6, d, k), values))
    Q = rng.dirichlet(np.ones(k), 40)
    return models + [
        compress(model, [Quantise(stored)], X, Q).model for model in models for stored in ("float16", "int8", "int4")
    ]


def _tree(rng: np.random.Generator, n_leaves: int, n_features: int, n_outputs: int) -> Tree:
    feature: list[int] = []
    threshold: list[float] = []
    right: list[int] = []

    def grow(leaves: int) -> None:
        node = len(feature)
        feature.append(int(rng.integers(n_features)) if leaves > 1 else -1)
        threshold.append(float(np.float32(rng.normal())) if leaves > 1 else 0.0)
        right.append(0)
        if leaves > 1:
            left = int(rng.integers(1, leaves))
            grow(left)
            right[node] = len(feature)
            grow(leaves - left)

    grow(n_leaves)
    return Tree(feature, threshold, right, rng.random((n_leaves, n_outputs)), n_features)


def mutated_packed(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """A packed file with bytes changed, put in, cut out or taken from another, most often near the beginning."""
    body = bytearray(data[8:])
    for _ in range(int(rng.integers(1, 4))):
        at, n = int(rng.random() ** 2 * len(body)), int(rng.integers(1, 5))
        kind = rng.integers(6)
        if kind == 0 and body:
            body[at % len(body)] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            body[at : at + n] = rng.choice([0, 1, 2, 127, 128, 240, 248, 255], n).astype(np.uint8).tobytes()
        elif kind == 2:
            body[at:at] = rng.bytes(n)
        elif kind == 3:
            del body[at : at + n]
        elif kind == 4:
            other = others[int(rng.integers(len(others)))][8:]
            body[at:] = other[at:]
        elif body:
            body[at % len(body)] = (body[at % len(body)] + int(rng.integers(-2, 3))) % 256
    return b"skd\x01" + zlib.crc32(body).to_bytes(4, "little") + bytes(body)


def mutated_json(document: dict[str, Any], others: list[Any], rng: np.random.Generator) -> bytes:
    """A JSON file with parts replaced, left out, doubled or taken from another, or with its text damaged."""
    content = copy.deepcopy(document["content"])
    for _ in range(int(rng.integers(1, 4))):
        places = _places(content)
        holder, key = places[int(rng.integers(len(places)))]
        kind = rng.integers(4)
        if kind == 0:
            holder[key] = copy.deepcopy(_TOKENS[int(rng.integers(len(_TOKENS)))])
        elif kind == 1 and len(places) > 1:
            del holder[key]
        elif kind == 2:
            source, other = places[int(rng.integers(len(places)))]
            holder[key] = copy.deepcopy(source[other])
        else:
            source, other = others[int(rng.integers(len(others)))]
            holder[key] = copy.deepcopy(source[other])
        if not _places(content):
            break
    whole = document | {"content": content}
    whole["checksum"] = zlib.crc32(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())
    text = bytearray(json.dumps(whole).encode())
    if rng.random() < 0.1:
        text[int(rng.integers(len(text)))] = int(rng.integers(256))
    return bytes(text)


def _places(content: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [content]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _json(model: Model) -> bytes:
    return encode(model.preprocessor, model.predictor, model.output, model.precision)


def read(data: bytes) -> str:
    """Whether a file was "read" or "refused"; what went wrong is raised."""
    start = time.process_time()
    try:
        model = Model.from_bytes(data)
    except ModelFormatError:
        model = None
    if time.process_time() - start > _MOST_SECONDS:
        raise TimeoutError(f"reading {len(data)} bytes took {time.process_time() - start:.1f} s")
    if model is None:
        return "refused"
    answers = model.predict({name: [0.0, None] for name in model.preprocessor.feature_names_in})
    again = Model.from_bytes(model.to_bytes())
    if len(answers) != 2 or again.nbytes != model.nbytes:
        raise AssertionError("what was read does not work")
    return "read"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 180.0
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    warnings.simplefilter("error")
    models = seeds(rng)
    packed = [model.to_bytes(names=bool(i % 2)) for i, model in enumerate(models)]
    documents = [json.loads(_json(model)) for model in models]
    others = [place for document in documents for place in _places(document["content"])]
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MOST_BYTES, resource.RLIM_INFINITY))
    findings: Counter[str] = Counter()
    for form in ("packed", "json"):
        outcomes: Counter[str] = Counter()
        slowest, end = 0.0, time.process_time() + seconds / 2
        while (start := time.process_time()) < end:
            which = int(rng.integers(len(models)))
            if form == "packed":
                data = mutated_packed(packed[which], packed, rng)
            else:
                data = mutated_json(documents[which], others, rng)
            try:
                outcomes[read(data)] += 1
            except Exception as error:
                findings[f"{form}: {type(error).__name__}: {error}"[:150]] += 1
                if findings.total() <= 5:
                    print(repr(data)[:2000])
            slowest = max(slowest, time.process_time() - start)
        print(f"{form}: {outcomes.total()} cases, {dict(outcomes)}, slowest {slowest:.3f} CPU s")
    print(f"{findings.total()} findings")
    for finding, n in findings.most_common():
        print(f"  {n} x {finding}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
