"""Every kind of model: each predictor on each kind of table with each link."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from random_models import full_model, random_additive, random_rules, random_tree, random_tree_sum

from skdistill.compression import CompressionPass, Prune, Quantise, Reduce, Sparsify, compress
from skdistill.model import (
    Additive,
    CategoryColumn,
    Decoded,
    Linear,
    Model,
    NumericColumn,
    Output,
    PairTable,
    Precision,
    Preprocessor,
)

#: Names and labels that end strings, comments and identifiers in one language or another.
NASTY = ('a"b', "it's", "*/ //", "\\", "%s {0} {name}", "a\nb", "??/ ??)", "Ł é 日本", '"; DROP TABLE input_rows; --')


def float32(values) -> list[float]:
    return np.asarray(values, np.float32).tolist()


def tables() -> dict[str, Preprocessor]:
    scaling = zip(float32([0.1, 5, -3, 0, 1e-3]), float32([0.1, 3, 1, 1e-3, 1e6]), (True, False, True, False, False))
    scaled = [NumericColumn(f"x{i}", i / 2, *numbers) for i, numbers in enumerate(scaling)]
    nasty = [NumericColumn(name, missing=i % 2 == 0) for i, name in enumerate(NASTY)]
    nasty += [CategoryColumn("kind", NASTY, missing=True), CategoryColumn("flag", (True, False))]
    return {
        "plain": Preprocessor([NumericColumn(f"x{i}") for i in range(5)]),
        "scaled": Preprocessor(scaled),
        "mixed": full_model().preprocessor,
        "nasty": Preprocessor(nasty),
    }


KINDS = ("tree", "chain", "leaf", "linear", "additive", "sum", "decoded")


def predictor(kind: str, n_features: int, k: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    if kind == "decoded":
        rank = min(2, k)
        core = predictor(("tree", "linear", "additive", "sum")[(n_features + k) % 4], n_features, rank, seed)
        return Decoded(core, rng.normal(size=(rank, k)), rng.normal(size=k))
    if kind == "linear":
        coef = rng.normal(size=(n_features, k))
        coef[rng.random(n_features) < 0.2] = 0
        return Linear(coef, rng.normal(size=k))
    if kind == "additive":
        return random_additive(rng, n_features, k)
    if kind == "sum":
        return random_tree_sum(rng, 15, n_features, k)
    leaves = {"tree": 24, "chain": 130, "leaf": 1}[kind]
    return random_tree(rng, leaves, n_features, k, chain=kind == "chain")


def classifier(table: str, kind: str, link: str, classes=("low", "m\"i'd", "\\high"), seed: int = 0) -> Model:
    preprocessor = tables()[table]
    found = predictor(kind, preprocessor.n_encoded, len(classes), seed)
    return Model(preprocessor, found, Output("classification", link, classes))


def regressor(table: str, kind: str, targets=("y",), link: str = "identity") -> Model:
    preprocessor = tables()[table]
    output = Output("regression", link, targets=targets, flat=len(targets) == 1)
    return Model(preprocessor, predictor(kind, preprocessor.n_encoded, len(targets)), output)


@cache
def matrix() -> dict[str, Model]:
    found = {"full": full_model()}
    for table in tables():
        for kind in KINDS:
            for link in ("softmax", "simplex"):
                found[f"{table}-{kind}-{link}"] = classifier(table, kind, link)
            found[f"{table}-{kind}-value"] = regressor(table, kind)
            found[f"{table}-{kind}-rate"] = regressor(table, kind, link="exp")
    for kind in KINDS:
        found[f"scores-{kind}"] = classifier("mixed", kind, "identity", (3, -1, 7))
        found[f"numbers-{kind}"] = classifier("plain", kind, "softmax", (0.5, 2.0))
        found[f"bools-{kind}"] = classifier("plain", kind, "simplex", (False, True))
        found[f"one-{kind}"] = classifier("plain", kind, "softmax", ("all",))
        found[f"targets-{kind}"] = regressor("mixed", kind, ("y", "z"))
        found[f"rates-{kind}"] = regressor("mixed", kind, ("y", "z"), "exp")
    some = random_rules(np.random.default_rng(1), 12, tables()["mixed"].n_encoded, 3)
    for name, sums in {"rules": some, "no-rules": replace(some, trees=(), output=[])}.items():
        found[name] = Model(tables()["mixed"], sums, Output("classification", "softmax", ("a", "b", "c")))
    found["shifted"] = shifted()
    return found | compressed()


def shifted() -> Model:
    """Tables of 8 bits as far apart as may be, the power of two by which they are differing from output to output."""
    rng = np.random.default_rng(2)
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(6)])
    tables = np.zeros((6, 4, 3))
    tables[:, 1:] = rng.integers(-63, 64, size=(6, 3, 3)) * 2 + 1
    tables[:, 1:] *= 2.0 ** -rng.permuted(np.tile([[0, 1, 2, 5, 9, 15]], (3, 1)), axis=1).T[:, None]
    pair = np.zeros((2, 2, 3))
    pair[1, 1] = -0.375
    edges = np.sort(rng.normal(size=(6, 3)).astype(np.float32))
    additive = Additive(tuple(edges), tuple(tables), rng.normal(size=3), (PairTable((0, 3), ([0.5], [0.25]), pair),))
    output = Output("regression", "identity", targets=("y", "z", "w"), flat=False)
    return Model(columns, additive, output, Precision("float32", "int8"))


#: Each way of making a model smaller, and several of them in a row.
COMPRESSIONS: dict[str, list[CompressionPass]] = {
    "prune": [Prune(tolerance=0.1)],
    "sparsify": [Sparsify(tolerance=0.1)],
    "reduce": [Reduce(tolerance=0.2)],
    "float16": [Quantise("float16")],
    "int8": [Quantise("int8")],
    "int4": [Quantise("int4", inputs="float32")],
    "all": [Prune(tolerance=0.05), Sparsify(tolerance=0.05), Reduce(tolerance=0.05), Quantise("int4")],
}


@cache
def compressed() -> dict[str, Model]:
    """Each kind of predictor, after each compression that takes it."""
    whole = {
        "tree-simplex": classifier("mixed", "tree", "simplex"),
        "tree-softmax": classifier("scaled", "tree", "softmax"),
        "chain-value": regressor("nasty", "chain"),
        "leaf-simplex": classifier("plain", "leaf", "simplex"),
        "leaf-values": regressor("mixed", "leaf", ("y", "z")),
        "linear-softmax": classifier("mixed", "linear", "softmax"),
        "linear-value": regressor("scaled", "linear"),
        "linear-rate": regressor("mixed", "linear", link="exp"),
        "additive-softmax": classifier("mixed", "additive", "softmax"),
        "additive-value": regressor("scaled", "additive"),
        "additive-rate": regressor("plain", "additive", link="exp"),
        "sum-softmax": classifier("mixed", "sum", "softmax"),
        "sum-values": regressor("plain", "sum", ("y", "z")),
        "decoded-softmax": classifier("mixed", "decoded", "softmax"),
        "decoded-values": regressor("scaled", "decoded", ("y", "z", "w")),
    }
    return {
        f"{name}-{how}": compress(model, passes, raw_table(model, 80, seed=9)).model
        for name, model in whole.items()
        for how, passes in COMPRESSIONS.items()
        if not isinstance(model.predictor, Decoded) or all(item.takes_decoded for item in passes)
    }


def raw_table(model: Model, n: int, seed: int) -> dict[str, list]:
    """Rows as a caller has them, drawn without any knowledge of the predictor."""
    rng = np.random.default_rng(seed)
    found = {}
    for column in model.preprocessor.columns:
        if isinstance(column, NumericColumn):
            values = (column.center + rng.normal(size=n) / column.scale).astype(np.float32).astype(float)
            values[rng.random(n) < 0.1] = np.nan
            found[column.name] = values.tolist()
        else:
            choices = [*column.categories, None, "unseen" if isinstance(column.categories[0], str) else 99]
            found[column.name] = [choices[i] for i in rng.integers(len(choices), size=n)]
    return found
