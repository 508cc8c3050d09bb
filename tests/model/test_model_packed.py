"""The packed form: what goes in answers the same when it comes out, takes what `nbytes` says, and harms nobody."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import random_models
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.compression import Quantise, compress
from skdistill.model import (
    Additive,
    CategoryColumn,
    Decoded,
    Linear,
    Model,
    ModelFormatError,
    NumericColumn,
    Output,
    PairTable,
    Precision,
    Preprocessor,
    Tree,
    TreeSum,
    load,
    sparing,
)

SETTINGS = settings(max_examples=800, derandomize=True, database=None, deadline=None)
KINDS = ("tree", "linear", "additive", "tree_sum", "decoded")
STORED = ("float32", "float16", "int8", "int4")


def quantised(kind, seed, k, stored):
    """A random model, its rows, and the model with its values stored so."""
    model, X, Q = random_models.random_model(kind, seed, k)
    if stored == "float32":
        return model, X
    return compress(model, [Quantise(stored)], X, Q).model, X


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_read_back_answers_the_same_to_the_bit(kind, stored, k):
    precisions = set()
    for seed in range(12):
        model, X = quantised(kind, seed, k, stored)
        precisions.add(model.precision.values)
        if stored == "float32" and seed % 2:
            model = Model(model.preprocessor, sparing(model.predictor, model.output.link), model.output)
        X = np.concatenate([X, random_models.random_model(kind, seed + 100, k)[1] * 100, np.full((1, 3), np.nan)])
        for names in (True, False):
            data = model.to_bytes(names)
            found = Model.from_bytes(data)
            np.testing.assert_array_equal(found.evaluate(X), model.evaluate(X))
            assert found.to_bytes(names) == data
            assert found.precision.values == model.precision.values
        assert len(data) == model.nbytes == found.nbytes
    assert stored in precisions


@pytest.fixture(scope="module")
def pool():
    """Packed files of every kind and precision, with and without names."""
    files = [
        quantised(kind, seed, k, stored)[0].to_bytes(seed % 2 == 0)
        for kind in KINDS
        for stored in STORED
        for seed, k in ((0, 3), (1, 1), (2, 2))
    ]
    rng = np.random.default_rng(0)
    files.append(labelled(rng.normal(size=(10, 3))).to_bytes())
    return files


def labelled(coef):
    """A line on columns of every kind, of labels of every type."""
    columns = (
        NumericColumn("age", fill=40.0, center=float(np.float32(38.6)), scale=float(np.float32(0.1)), missing=True),
        NumericColumn("Größe", fill=1.5, scale=0.125),
        NumericColumn("far", fill=1e6, center=1e6, scale=2.0**-40),
        CategoryColumn("idle", ("a", "b")),
        CategoryColumn("mixed", ("clerk", 7, -300, 2.5, 0.1, 2**40, True), missing=True),
        CategoryColumn("long", ("x" * 300,)),
    )
    full = np.zeros((15, coef.shape[1]))
    full[[0, 1, 2, 3, 6, 7, 9, 10, 12, 14]] = coef
    full[13] = 0.5
    classes = ("low", "mid", "high")[: coef.shape[1]]
    return Model(
        Preprocessor(columns), Linear(full, np.zeros(coef.shape[1])), Output("classification", "softmax", classes)
    )


def test_columns_and_labels_come_back():
    model = labelled(np.arange(30.0).reshape(10, 3))
    found = Model.from_bytes(model.to_bytes())
    assert found.preprocessor.feature_names_in == model.preprocessor.feature_names_in
    assert found.output.classes == ("low", "mid", "high")
    assert repr(found.preprocessor.columns[:3]) == repr(model.preprocessor.columns[:3])
    idle, mixed, long = found.preprocessor.columns[3:]
    assert idle.categories == ()
    assert [(type(label), label) for label in mixed.categories] == [
        (type(label), label) for label in ("clerk", 7, 2.5, 0.1, True)
    ]
    assert mixed.missing
    assert long.categories == ("x" * 300,)
    X = {
        "age": [41.0, None], "Größe": [1.0, np.nan], "far": [2e6, None], "idle": ["a", object()],
        "mixed": [2.5, None], "long": ["x" * 300, "x" * 299],
    }  # fmt: skip
    np.testing.assert_array_equal(found.evaluate(X), model.evaluate(X))


@pytest.mark.parametrize(
    ("output", "bare"),
    [
        (Output("classification", "softmax", ("a", "b")), Output("classification", "softmax", (0, 1))),
        (Output("classification", "identity", (True, False)), Output("classification", "identity", (0, 1))),
        (Output("classification", "simplex", (1.5, -2.0)), Output("classification", "simplex", (0, 1))),
        (Output("classification", "softmax", (3, 2**40)), Output("classification", "softmax", (0, 1))),
        (
            Output("regression", "identity", None, ("u", "v"), False),
            Output("regression", "identity", None, ("y0", "y1"), False),
        ),
    ],
)
def test_outputs_come_back(output, bare):
    model = Model(Preprocessor([NumericColumn("a")]), Linear([[1.0, 2.0]], [0.0, 3.0]), output)
    assert repr(Model.from_bytes(model.to_bytes()).output) == repr(output)
    found = Model.from_bytes(model.to_bytes(names=False))
    assert repr(found.output) == repr(bare)
    assert found.preprocessor.feature_names_in == ("x0",)


@pytest.mark.parametrize("flat", [True, False])
def test_one_target_comes_back(flat):
    output = Output("regression", "identity", None, ("price",), flat)
    model = Model(Preprocessor([NumericColumn("a")]), Linear([[1.0]], [0.0]), output)
    assert Model.from_bytes(model.to_bytes()).predict([[2.0]]).shape == ((1,) if flat else (1, 1))
    assert Model.from_bytes(model.to_bytes(names=False)).output.targets == ("y",)


def test_load_tells_the_forms_apart_by_their_content(full_model, tmp_path):
    packed, text = tmp_path / "a.json", tmp_path / "b.bin"
    packed.write_bytes(full_model.to_bytes())
    full_model.save(text)
    X = {"age": [30], "dose": [1.0], "job": ["clerk"], "grade": [2.5]}
    for path in (packed, text):
        np.testing.assert_array_equal(load(path).evaluate(X), full_model.evaluate(X))
    np.testing.assert_array_equal(Model.from_bytes(text.read_bytes()).evaluate(X), full_model.evaluate(X))


def test_sparse_rows_may_be_given_to_what_took_them_before():
    from scipy import sparse

    columns = Preprocessor([NumericColumn(f"x{i}", scale=3.0) for i in range(50)])
    coef = np.zeros((50, 1))
    coef[[7, 31], 0] = 1.5, -2.0
    model = Model(columns, Linear(coef, [0.5]), Output("regression", "identity", targets=("y",)))
    X = sparse.random(20, 50, 0.3, format="csr", random_state=0)
    found = Model.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(found.predict(X), model.predict(X))


def test_a_tree_under_a_simplex_need_not_hold_its_last_shares():
    value = np.array([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]], dtype=np.float32)
    tree = Tree([0, -1, 0, -1, -1], [0.5, 0, 2.5, 0, 0], [2, 0, 4, 0, 0], value, 1)
    output = Output("classification", "simplex", (0, 1, 2))
    model = Model(Preprocessor([NumericColumn("x")]), sparing(tree, "simplex"), output)
    np.testing.assert_allclose(model.predictor.value, value, atol=1e-7)
    np.testing.assert_array_equal(model.predictor.value == 0, value == 0)
    assert len(model.to_bytes(names=False)) == model.nbytes == 12 + 2 + 1 + 2 * (1 + 1 + 4) + 3 * 2 * 4
    np.testing.assert_array_equal(Model.from_bytes(model.to_bytes()).predictor.value, model.predictor.value)


def test_many_columns_without_names_are_refused():
    columns = Preprocessor([NumericColumn(f"x{i}") for i in range(70_000)])
    model = Model(columns, Linear(np.zeros((70_000, 1)), [0.5]), Output("regression", "identity", targets=("y",)))
    assert Model.from_bytes(model.to_bytes()).preprocessor.n_features_in == 70_000
    with pytest.raises(ValueError, match=r"at most 65536 columns, or their names. Got 70000 columns: pass names=True"):
        model.to_bytes(names=False)


def test_the_example_of_the_documents(tmp_path):
    """The bytes that docs/packed_format.md shows are those that are written."""
    page = (Path(__file__).parents[2] / "docs" / "packed_format.md").read_text()
    lines = page.split("## An example")[1].split("```")[1].strip().splitlines()
    shown = bytes.fromhex("".join(line[:11] for line in lines))
    tree = Tree([0, -1, -1], [30.5, 0, 0], [2, 0, 0], [[0.75, 0.25], [0.5, 0.5]], n_features=1)
    output = Output("classification", "simplex", ("no", "yes"))
    model = Model(Preprocessor([NumericColumn("age")]), tree, output)
    assert model.to_bytes() == shown
    assert model.nbytes == 29 == len(shown) - 11


def test_tables_far_apart_have_shifts():
    """The layout of the shifts, and their ends: 15 is held, 16 is not."""
    columns = Preprocessor([NumericColumn("a"), NumericColumn("b"), NumericColumn("c")])
    output = Output("classification", "softmax", (0, 1, 2))
    X = [[0, 0, 0], [1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 1, 1]]

    def far(reach):
        tables = np.zeros((3, 2, 3))
        tables[0, 1] = reach, 1, 0
        tables[1, 1] = 7, 3, 0
        cells = np.zeros((2, 2, 3))
        cells[1, 1] = -5, 1.5, 0
        pair = PairTable((1, 2), ([0.0], [0.5]), cells)
        return Additive([[0.5], [0.5], []], [*tables[:2], [[0, 0, 0]]], [0, 0, 0], [pair])

    model = Model(columns, far(7 * 2.0**15), output, Precision("float32", "int4"))
    data = model.to_bytes()
    assert data[9] == 64 | 3 << 1
    # Three tables, c's own is empty, and the pair; two outputs. The second output has steps of 1/2 that do for all.
    numbers = model.to_bytes(names=False)[-4 - 3 :]
    assert numbers[:4].hex(" ") == "00 0f 00 0f"
    assert numbers[4:].hex(" ") == "27 67 3b"
    found = Model.from_bytes(data)
    assert found.to_bytes() == data
    np.testing.assert_array_equal(found.evaluate(X), model.evaluate(X))
    for reach in (7 * 2.0**16, 8 * 2.0**15 + 1):
        with pytest.raises(ValueError, match=r"at most 7 multiples of one scale .* a power of two up to"):
            Model(columns, far(reach), output, Precision("float32", "int4"))


def test_files_from_before_shifts_are_read_as_they_were():
    old = bytes.fromhex(
        "73 6b 64 01 8c dc a2 a0 92 07 01 02 03 40 40 05 00 38 00 40 03 00 3c 01 00 01 03 00 38 03 00 3c 00 00 20 41 "
        "00 00 00 3f 93 41 01 61 01 62 01 79"
    )
    model = Model.from_bytes(old)
    assert model.predict([[0, 0], [1, 0], [3, 0], [1, 2], [3, 2]]).tolist() == [10.0, 11.5, 6.5, 14.0, 9.0]
    assert model.precision.values == "int4"
    assert model.to_bytes() == old


# Hostile files


def sealed(body):
    """A file of this body with a checksum that fits."""
    return b"skd\x01" + zlib.crc32(body).to_bytes(4, "little") + body


def from_or_refuse(data):
    """A model that works, or None where the bytes are refused; anything else is an error."""
    try:
        model = Model.from_bytes(data)
    except ModelFormatError:
        return None
    names = model.preprocessor.feature_names_in
    found = model.predict({name: [None, 1.0] for name in names})
    assert len(found) == 2
    assert len(model.to_bytes()) <= 100 * len(data) + 10**6
    return model


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"skd", "not a packed model"),
        (b"skd\x01\0\0\0", "not a packed model"),
        (b"skd\x02" + bytes(20), "format version is 2, and this skdistill reads packed models of version 1: upgrade"),
        (b"skd\x00" + bytes(20), "format version is 0"),
        (b"skd\x01" + bytes(20), "checksum does not match"),
        (sealed(b""), "ends where 1 bytes more are needed, at byte 8"),
        (sealed(b"\x01\x80\x01\x01\x00"), "flags 1 and 128 have a meaning"),
        (sealed(b"\x01\x46\x01\x01\x00"), "give shifts to what has no tables of whole numbers"),
        (sealed(b"\x12\x42\x01\x01\x00"), "give shifts to what has no tables of whole numbers"),
        (sealed(b"\x12\x46\x01\x01\x01\x40\x00\x00" + bytes(8)), "ends where 1 bytes more are needed"),
        (sealed(b"\x41\x00\x01\x01\x00"), "leave out the last output"),
        (sealed(b"\x49\x00\x01\x01\x00"), "leave out the last share of what is no tree"),
        (sealed(b"\x81\x00\x01\x01\x00"), "leave out the first bins"),
        (sealed(b"\x01\x00\x00\x01\x00"), "it has no outputs"),
        (sealed(b"\x01\x00\x01\x00"), "one or more with distinct names|needed"),
        (sealed(b"\x01\x00\x01\xff\xff\xff\xff\x07"), "claims 2147483647 columns in 8 bytes"),
        (sealed(b"\x01\x00\x01\xff\xff\xff\xff\xff\x07"), "a count of 31 bits was expected before byte"),
        (sealed(b"\x01\x00\x01\xff\xff\xff\xff\x0f"), "a count of 31 bits was expected before byte"),
        (sealed(b"\x01\x00\xff\xff\xff\x7f\x01\x00"), "ends where 1073741820 bytes more are needed"),
        (sealed(b"\x01\x08\x01\x05\x01\x05"), "lists column 5 of 5"),
        (sealed(b"\x01\x00\x01\x01\x01\x03"), "a column of the unknown kind 3"),
        (sealed(b"\x01\x00\x01\x01\x01\x84"), "a column of the unknown kind 132"),
        (sealed(b"\x01\x00\x01\x01\x01\xa0"), "a column of the unknown kind 160"),
        (sealed(b"\x01\x00\x01\x01\x01\x00\x00"), "has no categories, and it has"),
        (sealed(b"\x01\x10\x01\x01\x01\x00\x01\xfa"), "a label of the unknown kind 250"),
        (sealed(b"\x01\x10\x01\x01\x01\x00\x01\x01\xff" + bytes(8)), "not UTF-8"),
        (sealed(b"\x01\x10\x01\x01\x01\x00\x02\x01a\x01a" + bytes(12)), "distinct"),
        (sealed(b"\x01\x10\x01\x01\x01\x00\x01\xf8\0\0\xc0\x7f" + bytes(8)), "must be finite"),
        (sealed(b"\x01\x00\x01\x01\x01\x42\x00\x7c" + bytes(8)), "'fill' of column 'x0' must be a finite float"),
        (sealed(b"\x01\x00\x01\x01\x01\xb0\0\0\0\0" + bytes(8)), "'scale' of column 'x0' must be > 0"),
        (sealed(b"\x01\x00\x01\x01\x01\xb1\x00\0\0\x80\x3f" + bytes(8)), "eighths needs a scale"),
        (sealed(b"\x11\x00\x01\x01\x00\0\0\xc0\x7f"), "numbers must be finite"),
        (sealed(b"\x11\x00\x01\x01\x00\0\0\0\0\x01x\x01y\x00"), "1 bytes follow its end"),
        (sealed(b"\x11\x00\x01\x01\x00\0\0\0\0\x01x\x05"), "Each of 'targets'|ends where 5 bytes"),
        (sealed(b"\x11\x00\x01\x01\x00\0\0\0\0\xf2\x01y"), "'name' of NumericColumn must be a str"),
        (sealed(b"\x10\x00\x01\x01\x00\x02\x01\x01" + bytes(20)), "1 of 1 splits are said to be on the left"),
        (sealed(b"\x10\x00\x01\x01\x00\x01\x00\x00" + bytes(20)), "a number below 0 was expected"),
        (sealed(b"\x10\x00\x01\x01\x01\x40\x01\x00\x00\0\0\x80\x7f" + bytes(8)), "numbers must be finite"),
        (sealed(b"\x10\x00\x01\x01\x00\xff\xff\xff\xff\x07"), "ends where 8589934588 bytes more are needed"),
        (sealed(b"\x13\x00\x01\x01\x00\xff\xff\xff\xff\x07"), "needed|claims 2147483647 trees"),
        (sealed(b"\x13\x00\x01\x01\x00\x02\x00\x00\x02" + bytes(20)), "a number below 0 was expected"),
        (sealed(b"\x13\x00\x01\x01\x00\x01\x00\xff\xff\xff"), "claims 1 trees, and ends before"),
        (sealed(b"\x13\x00\x01\x01\x00\x01\x01\x00" + bytes(8)), "a number below 1 was expected"),
        (sealed(b"\x12\x00\x01\x01\x00\x01\x00\x00" + bytes(20)), "a number below 0 was expected"),
        (sealed(b"\x08\x04\x02\x01\x00\x00" + bytes(4)), "leave out the last one, and its flags do not"),
        (sealed(b"\x48\x04\x02\x01\x00\x00\xff\x01" + bytes(4)), "a power of two from -126 to 0, not 1"),
        (sealed(b"\x48\x04\x02\x01\x00\x00\x05\x00\x07"), "whole shares of one sum"),
        (sealed(b"\x11\x04\x01\x02\x03\x40\x40" + bytes(4) + struct.pack("<f", 0.1) + b"\x01\x03"), "fit in int8"),
        (sealed(b"\x11\x04\x01\x01\x01\x40" + bytes(4) + struct.pack("<f", 3e38) + b"\x7f"), "finite in float32"),
    ],
)  # fmt: skip
def test_files_that_are_none(data, message):
    with pytest.raises(ModelFormatError, match=message):
        Model.from_bytes(data)


def test_deep_trees_are_read(random_tree):
    tree = random_tree(np.random.default_rng(0), 900, 2, 1, chain=True)
    model = Model(
        Preprocessor([NumericColumn("a"), NumericColumn("b")]), tree, Output("regression", "identity", targets=("y",))
    )
    for n in (1, 2, 30_000):  # and a chain longer than any stack
        right = [x for i in range(n) for x in (2 * i + 2, 0)] + [0]
        feature = [0, -1] * n + [-1]
        chain = Tree(feature, [0.0] * (2 * n + 1), right, np.arange(n + 1.0)[:, None], 2)
        found = Model.from_bytes(Model(model.preprocessor, chain, model.output).to_bytes())
        np.testing.assert_array_equal(found.predictor.right, chain.right)
        np.testing.assert_array_equal(found.predict([[1.0, 0.0], [0.0, 0.0]]), [n, 0])
    np.testing.assert_array_equal(Model.from_bytes(model.to_bytes()).predictor.value, tree.value)


def test_truncated_and_damaged_files(pool):
    for data in pool:
        for end in range(0, len(data), 7):
            with pytest.raises(ModelFormatError):
                Model.from_bytes(data[:end])
        damaged = bytearray(data)
        damaged[len(data) // 2] ^= 1
        with pytest.raises(ModelFormatError, match="checksum"):
            Model.from_bytes(bytes(damaged))


@SETTINGS
@given(
    which=st.integers(0, 10**6),
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3)), max_size=4),
    cut=st.integers(0, 3),
)
def test_fuzzed_bodies(pool, which, edits, cut):
    """Bytes replaced, cut out and put in, under a checksum that fits."""
    body = bytearray(pool[which % len(pool)][8:])
    for place, data in edits:
        at = int(place**2 * len(body))  # most often near the beginning, where the structure is
        body[at : at + max(len(data) - cut, 0)] = data
    from_or_refuse(sealed(bytes(body)))


@SETTINGS
@given(data=st.binary(max_size=60))
def test_fuzzed_bytes(data):
    from_or_refuse(sealed(data))
    from_or_refuse(data)


def test_predictors_have_no_other_form():
    assert {type(quantised(kind, 0, 2, "float32")[0].predictor) for kind in KINDS} == {
        *(Tree, Linear, Additive, TreeSum, Decoded)
    }
    with pytest.raises(ValueError, match="'values' of Precision"):
        Precision("float32", "int2")
