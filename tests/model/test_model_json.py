"""Model files: what goes in comes out, and nothing but a model or a ModelFormatError comes out."""

from __future__ import annotations

import copy
import json
import os
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import skdistill
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
    Preprocessor,
    Tree,
    TreeSum,
    load,
    save,
)

SETTINGS = settings(max_examples=800, derandomize=True, database=None, deadline=None)


def linear_model():
    rng = np.random.default_rng(0)
    columns = [NumericColumn("x", scale=float(np.float32(1e-30))), CategoryColumn("c", (True,), missing=True)]
    line = Linear(rng.normal(size=(3, 2)) * 10.0 ** rng.integers(-40, 38, (3, 2)), [3.4028235e38, 1e-45])
    return Model(Preprocessor(columns), line, Output("regression", "identity", None, ("u", "ü"), False))


def additive_model(paired=True):
    columns = [NumericColumn("x", fill=1.0), CategoryColumn("c", ("a", "b"), missing=True)]
    edges = (np.array([-3.4028235e38, 1e-45, 0.1], dtype=np.float32), [0.5], [], [0.5])
    tables = ([[0.0, 0.0], [1e-40, -1.0], [0.1, 2.5], [3.0, 3e38]], [[0.0, 0.0], [1.0, -1.0]], [[0.0, 0.0]])
    table = [[[0.0, 0.0]] * 3, [[0.0, 0.0], [0.1, -0.1], [1e-45, 3e38]]]
    pairs = [PairTable((0, 3), ([0.5], np.array([1e-40, 0.1], dtype=np.float32)), table)] if paired else []
    form = Additive(edges, (*tables, [[0.25, -0.25], [0.0, 0.0]]), [0.1, -0.1], pairs)
    return Model(Preprocessor(columns), form, Output("classification", "softmax", ("no", "yes")))


def tree_sum_model():
    stump = Tree([0, -1, -1], np.array([0.1, 0, 0], dtype=np.float32), [2, 0, 0], [[1e-40], [-1.5]], n_features=2)
    lone = Tree([-1], [0.0], [0], [[0.3]], n_features=2)
    columns = [NumericColumn("x"), NumericColumn("idle")]
    output = Output("classification", "softmax", ("no", "yes"))
    return Model(Preprocessor(columns), TreeSum((stump, lone), [1, 0], [0.1, -2.0], 2), output)


@pytest.fixture(scope="session")
def models(full_model):
    return [full_model, linear_model(), additive_model(), additive_model(paired=False), tree_sum_model()]


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "model.json"


def parts(model):
    """Everything a model holds, as nested tuples that compare to the bit."""
    p, q, o = model.preprocessor, model.predictor, model.output
    arrays = [getattr(q, name, None) for name in ("coef", "intercept", "output", "base")]
    arrays += [*getattr(q, "edges", ()), *getattr(q, "tables", ())]
    for tree in (q, *getattr(q, "trees", ())):
        arrays += [getattr(tree, name, None) for name in ("feature", "threshold", "right", "value")]
    arrays += [
        array for pair in getattr(q, "pairs", ()) for array in (np.array(pair.features), *pair.edges, pair.table)
    ]
    bits = [None if a is None else (a.dtype.str, a.shape, a.tobytes()) for a in arrays]
    labels = [(type(label), label) for label in o.classes or ()]
    return repr(p.columns), type(q), bits, q.n_features, repr(o), labels


def with_checksum(document):
    canonical = json.dumps(document["content"], sort_keys=True, separators=(",", ":"))
    return {**document, "checksum": zlib.crc32(canonical.encode())}


def test_a_model_without_pairs_is_written_as_before_there_were_pairs(file):
    additive_model(paired=False).save(file)
    assert set(json.loads(file.read_bytes())["content"]["predictor"]) == {"kind", "edges", "tables", "intercept"}


def test_round_trip(models, file):
    for model in models:
        for path in (file, str(file)):
            save(model, path)
            assert parts(load(path)) == parts(model)
        model.save(file)
        assert parts(Model.load(file)) == parts(model)
        first = file.read_bytes()
        load(file).save(file)
        assert file.read_bytes() == first


@pytest.mark.parametrize(
    "output",
    [
        Output("classification", "identity", ("a", "", "ω")),
        Output("classification", "softmax", (-(2**63), 0, 2**63 - 1)),
        Output("classification", "simplex", (0.1, -1e300, 5e-324)),
        Output("classification", "softmax", (True, False)),
        Output("classification", "softmax", ("only",)),
        Output("regression", "identity", None, ("y",), True),
        Output("regression", "identity", None, ("y",), False),
    ],
)
def test_round_trip_of_outputs(output, file):
    columns = (
        CategoryColumn("mixed", ("1", 1, 2.5, False)),
        CategoryColumn("none", ()),
        CategoryColumn("big", (1e300,)),
    )
    model = Model(Preprocessor(columns), Linear(np.ones((5, output.n_outputs)), np.ones(output.n_outputs)), output)
    model.save(file)
    assert parts(load(file)) == parts(model)


@SETTINGS
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_floats_are_short_and_exact(file, numbers):
    line = Linear(np.array(numbers, dtype=np.float32)[:, None], [0.1])
    columns = [NumericColumn(f"x{i}") for i in range(len(numbers))]
    Model(Preprocessor(columns), line, Output("regression", "identity", None, ("y",))).save(file)
    assert load(file).predictor.coef.tobytes() == line.coef.tobytes()
    predictor = json.loads(file.read_bytes())["content"]["predictor"]
    assert predictor["intercept"] == [0.1]
    assert predictor["coef"] == [[float(str(x))] for x in line.coef[:, 0]]


def test_the_file(full_model, file):
    full_model.save(file)
    document = json.loads(file.read_text("utf-8"))
    assert list(document) == ["format", "format_version", "library_version", "checksum", "content"]
    assert document["format"] == "skdistill.model"
    assert document["format_version"] == 1
    assert document["library_version"] == skdistill.__version__
    assert document == with_checksum(document)
    content = document["content"]
    assert content["preprocessor"]["columns"][0] == {
        "kind": "numeric",
        "name": "age",
        "dtype": "float32",
        "fill": 40.0,
        "center": 38.6,
        "scale": 0.1,
        "missing": True,
    }
    assert content["preprocessor"]["columns"][3]["categories"] == {"type": "mixed", "values": [1, 2.5]}
    assert content["predictor"]["threshold"][:2] == [0.3, 0.5]
    assert content["output"]["classes"] == {"type": "str", "values": ["low", "mid", "high"]}


def test_a_file_written_by_another_program(full_model, file):
    # Other key order, spaces, integers for floats: as JavaScript or jq would write it.
    full_model.save(file)
    document = json.loads(file.read_bytes())
    document["content"]["predictor"]["threshold"] = [
        int(x) if x == int(x) else x for x in document["content"]["predictor"]["threshold"]
    ]
    file.write_text(json.dumps(with_checksum(document), indent=2, sort_keys=True))
    assert parts(load(file)) == parts(full_model)


def test_saving_is_whole_or_not_at_all(full_model, file, monkeypatch):
    full_model.save(file)
    before = file.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    for function in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, fail)
            with pytest.raises(OSError, match="disk full"):
                linear_model().save(file)
        assert file.read_bytes() == before
        assert os.listdir(file.parent) == [file.name]
    with pytest.raises(FileNotFoundError):
        full_model.save(file.parent / "absent" / "model.json")
    with pytest.raises(FileNotFoundError):
        load(file.parent / "absent.json")


def at(document, path):
    for key in path:
        document = document[key]
    return document


COLUMNS, PREDICTOR, OUTPUT = ("content", "preprocessor", "columns"), ("content", "predictor"), ("content", "output")
DELETE = object()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "pickle", "it is not a model file"),
        (("format_version",), 2, "its format version is 2, and this skdistill reads up to 1: upgrade skdistill"),
        (("format_version",), 0, "format_version must be an integer >= 1, not 0"),
        (("format_version",), True, "format_version must be an integer >= 1, not True"),
        (("library_version",), 1, "library_version must be of JSON type string, not 1"),
        (("library_version",), DELETE, "library_version is missing"),
        (("extra",), 1, "the file has the unknown key 'extra'"),
        (("content",), [], "content must be of JSON type object"),
        (("content", "extra"), 1, "content has the unknown key 'extra'"),
        (("content", "output"), DELETE, "content.output is missing"),
        (COLUMNS, {}, "content.preprocessor.columns must be of JSON type array"),
        (COLUMNS, [], "content.preprocessor: 'columns' of Preprocessor must be one or more"),
        ((*COLUMNS, 0), None, r"content.preprocessor.columns\[0\] must be of JSON type object, not None"),
        ((*COLUMNS, 0, "kind"), "date", r"columns\[0\].kind must be one of \('numeric', 'category'\), not 'date'"),
        ((*COLUMNS, 0, "dtype"), "float64", r"columns\[0\].dtype must be 'float32', not 'float64'"),
        ((*COLUMNS, 0, "fill"), None, r"columns\[0\].fill must be a number in the range of float32, not None"),
        ((*COLUMNS, 0, "fill"), True, r"columns\[0\].fill must be a number.*not True"),
        ((*COLUMNS, 0, "scale"), 0, r"content.preprocessor.columns\[0\]: 'scale' of column 'age' must be > 0"),
        ((*COLUMNS, 0, "scale"), 3.4028236e38, r"columns\[0\].scale must be a number in the range of float32"),
        ((*COLUMNS, 0, "missing"), 1, r"columns\[0\]: 'missing' of column 'age' must be a bool"),
        ((*COLUMNS, 0, "name"), "dose", "distinct names"),
        ((*COLUMNS, 0, "name"), "\ud800", r"columns\[0\]: 'name' of NumericColumn must be text that UTF-8 can hold"),
        ((*COLUMNS, 2, "categories"), ["a"], r"columns\[2\].categories must be of JSON type object"),
        (
            (*COLUMNS, 2, "categories", "type"),
            "int",
            r"columns\[2\].categories.type must be the type of its values, 'str'",
        ),
        (
            (*COLUMNS, 2, "categories", "values", 0),
            1,
            "categories.type must be the type of its values, 'mixed', not 'str'",
        ),
        (
            (*COLUMNS, 3, "categories", "values", 0),
            None,
            r"columns\[3\]: 'categories' of column 'grade' must be str, int",
        ),
        ((*COLUMNS, 3, "categories", "values", 0), 2**63, "integers must fit 64 bits"),
        (
            PREDICTOR,
            {"kind": "forest"},
            r"content.predictor.kind must be one of .*'tree_sum', 'decoded'\), not 'forest'",
        ),
        ((*PREDICTOR, "right"), DELETE, "content.predictor.right is missing"),
        ((*PREDICTOR, "left"), [], "content.predictor has the unknown key 'left'"),
        (
            (*PREDICTOR, "n_features"),
            8,
            r"content.predictor: 'feature' of Tree must be in \[-1, 8\). Got 8 at position 6",
        ),
        ((*PREDICTOR, "n_features"), 10, "The predictor reads 10 features, but the preprocessor encodes 9"),
        ((*PREDICTOR, "n_features"), 10**30, "but the preprocessor encodes 9"),
        ((*PREDICTOR, "n_features"), 9.0, "content.predictor.n_features must be of JSON type integer, not 9.0"),
        ((*PREDICTOR, "feature", 0), True, r"content.predictor.feature\[0\] must be of JSON type integer, not True"),
        ((*PREDICTOR, "feature", 0), 2**40, r"content.predictor.feature\[0\] must be an integer of 32 bits"),
        ((*PREDICTOR, "feature", 0), 9, r"'feature' of Tree must be in \[-1, 9\). Got 9 at position 0"),
        ((*PREDICTOR, "right", 0), 99, r"'right' of Tree must be in \[0, 9\). Got 99 at position 0"),
        ((*PREDICTOR, "right", 4), 0, "'right' of Tree must name a later node of the same subtree. Got 0 at node 4"),
        ((*PREDICTOR, "threshold", 0), "0.5", r"content.predictor.threshold\[0\] must be a number.*not '0.5'"),
        (
            (*PREDICTOR, "threshold", 0),
            10**4000,
            r"content.predictor.threshold\[0\] must be a number in the range of float32",
        ),
        ((*PREDICTOR, "value", 0), [1.0], r"content.predictor.value\[1\] must have 1 numbers. It has 3"),
        ((*PREDICTOR, "value", 0, 1), [], r"content.predictor.value\[0\]\[1\] must be a number"),
        ((*PREDICTOR, "value"), [], "content.predictor: 'value' of Tree must have one row for each of its 5 leaves"),
        ((*PREDICTOR, "value"), 3, "content.predictor.value must be of JSON type array, not 3"),
        ((*OUTPUT, "link"), [], "content.output: 'link' of Output must be one of"),
        ((*OUTPUT, "task"), "ranking", "content.output: 'task' of Output must be 'classification' or 'regression'"),
        ((*OUTPUT, "flat"), False, "content.output: Output of a classification must have"),
        ((*OUTPUT, "targets"), None, "content.output.targets must be of JSON type array, not None"),
        ((*OUTPUT, "classes", "values"), ["a", "b"], "The predictor has 3 outputs, but there are 2 classes or targets"),
        ((*OUTPUT, "classes", "values"), ["a", "a", "b"], "content.output: 'classes' of Output must be distinct"),
        ((*OUTPUT, "classes"), None, "content.output: Output of a classification must have 'classes'"),
    ],
)
def test_edited_files(full_model, file, path, value, message):
    refuses(full_model, file, path, value, message)


def refuses(model, file, path, value, message):
    """Save a model, edit one place of the file, and fail unless loading it fails with the message."""
    model.save(file)
    document = json.loads(file.read_bytes())
    *above, last = path
    if value is DELETE:
        del at(document, above)[last]
    else:
        at(document, above)[last] = value
    file.write_text(json.dumps(with_checksum(document)))
    with pytest.raises(ModelFormatError, match=message) as caught:
        load(file)
    assert str(caught.value).startswith(f"Cannot load {str(file)!r}: ")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("edges",), DELETE, "content.predictor.edges is missing"),
        (("coef",), [], "content.predictor has the unknown key 'coef'"),
        (("edges",), 3, "content.predictor.edges must be of JSON type array, not 3"),
        (("edges", 1), 0.5, r"content.predictor.edges\[1\] must be of JSON type array, not 0.5"),
        (("edges", 1, 0), "0.5", r"content.predictor.edges\[1\]\[0\] must be a number in the range of float32"),
        (("edges", 0, 2), 0, r"content.predictor: 'edges\[0\]' of Additive must increase"),
        (("edges", 0), [], r"content.predictor: 'tables\[0\]' of Additive must have shape \(1, 2\)"),
        (("edges", 3), DELETE, "content.predictor: 'edges' and 'tables' of Additive must have one array per feature"),
        (("tables", 1), {}, r"content.predictor.tables\[1\] must be of JSON type array"),
        (("tables", 1, 0), [1.0], r"content.predictor.tables\[1\]\[0\] must have 2 numbers. It has 1"),
        (("tables", 1, 0, 1), None, r"content.predictor.tables\[1\]\[0\]\[1\] must be a number"),
        (("tables", 1, 0, 1), 1e39, r"content.predictor.tables\[1\]\[0\]\[1\] must be a number"),
        (("pairs",), {}, "content.predictor.pairs must be of JSON type array"),
        (("pairs", 0, "edges"), DELETE, r"content.predictor.pairs\[0\].edges is missing"),
        (("pairs", 0, "bins"), 3, r"content.predictor.pairs\[0\] has the unknown key 'bins'"),
        (("pairs", 0, "features", 0), "a", r"content.predictor.pairs\[0\].features\[0\] must be of JSON type integer"),
        (("pairs", 0, "features"), [3, 0], r"content.predictor.pairs\[0\]: 'features' of PairTable must be two"),
        (("pairs", 0, "features"), [0, 4], r"content.predictor: 'pairs\[0\]' of Additive must be of features below 4"),
        (("pairs", 0, "edges", 1), [0.5], r"content.predictor.pairs\[0\]: 'table' of PairTable must have 2 rows"),
        (("pairs", 0, "table", 0), [], r"pairs\[0\].table must have rows of one length. It has \[0, 3\]"),
        (("pairs", 0, "table"), [], r"pairs\[0\].table must have rows of one length. It has \[\]"),
        (("pairs", 0, "table", 0, 0), [1.0], r"pairs\[0\].table\[0\]\[0\] must have 2 numbers. It has 1"),
        (("pairs", 0, "table", 0, 0, 1), 0.5, r"pairs\[0\]: 'table' of PairTable must .* the first of each zero"),
        (("intercept",), [], r"content.predictor.tables\[0\]\[0\] must have 0 numbers. It has 2"),
    ],
)
def test_edited_additive_files(file, path, value, message):
    refuses(additive_model(), file, (*PREDICTOR, *path), value, message)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("trees",), DELETE, "content.predictor.trees is missing"),
        (("feature",), [], "content.predictor has the unknown key 'feature'"),
        (("trees",), {}, "content.predictor.trees must be of JSON type array"),
        (("trees", 1), [], r"content.predictor.trees\[1\] must be of JSON type object, not \[\]"),
        (("trees", 1, "kind"), "tree_sum", r"content.predictor.trees\[1\].kind must be one of \('tree',\)"),
        (("trees", 1, "n_features"), 3, r"content.predictor: 'trees\[1\]' of TreeSum must be a Tree\(n_features=2"),
        (("trees", 0, "threshold", 0), "0.5", r"content.predictor.trees\[0\].threshold\[0\] must be a number"),
        (("trees", 0, "right", 0), 1, r"content.predictor.trees\[0\]: 'right' of Tree must name a later node"),
        (("trees", 0, "value", 0), [1.0, 2.0], r"content.predictor.trees\[0\].value\[1\] must have 2 numbers"),
        (("output", 0), 2, r"content.predictor: 'output' of TreeSum must be in \[0, 2\). Got 2 at position 0"),
        (("output", 0), -1, r"content.predictor: 'output' of TreeSum must be in \[0, 2\). Got -1 at position 0"),
        (("output", 0), 0.0, r"content.predictor.output\[0\] must be of JSON type integer"),
        (("output", 1), DELETE, "content.predictor: 'trees' and 'output' of TreeSum must have the same length"),
        (("base", 0), None, r"content.predictor.base\[0\] must be a number"),
        (("base", 1), DELETE, r"content.predictor: 'output' of TreeSum must be in \[0, 1\)"),
        (("n_features",), 2.0, "content.predictor.n_features must be of JSON type integer"),
        (("n_features",), -1, "content.predictor: 'n_features' of TreeSum must be an int >= 0. Got -1"),
    ],
)
def test_edited_tree_sum_files(file, path, value, message):
    refuses(tree_sum_model(), file, (*PREDICTOR, *path), value, message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not JSON"),
        (b"\x80\x04\x95", "it is not JSON .*utf-8"),
        (b"null", "it is not a model file"),
        (b"[1]", "it is not a model file"),
        (b"{}", "it is not a model file"),
        (b"[NaN]", "it holds NaN, and a model's numbers are finite"),
        (b"[-Infinity]", "it holds -Infinity"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
        (b"[" + b"1" * 5000 + b"]", "it is not JSON .*digits"),
        (b'{"format": "skdistill.model", "b": 1, "a": 1, "b": 2}', "an object repeats the key 'b'"),
    ],
)
def test_files_that_are_none(file, data, message):
    file.write_bytes(data)
    with pytest.raises(ModelFormatError, match=message):
        load(file)


@pytest.mark.parametrize("depth", [100, 300, 900, 990])
def test_deep_nesting_inside_a_model(full_model, file, depth):
    # Shallow enough to be parsed, it must not fail later either: in the checksum, or in showing the value.
    full_model.save(file)
    deep = b"[" * depth + b"]" * depth
    document = file.read_bytes()
    for place in (b'"library_version":', b'"format_version":', b'"content":', b'"checksum":'):
        start = document.index(place) + len(place)
        file.write_bytes(document[:start] + deep + b',"rest":' + document[start:])
        with pytest.raises(ModelFormatError):
            load(file)


def test_damage_that_is_still_a_model_is_found_by_the_checksum(full_model, file):
    full_model.save(file)
    data = file.read_bytes()
    for before, after in ((b'"fill":40.0', b'"fill":41.0'), (b'"high"', b'"hugh"'), (b"0.7,0.2,0.1", b"0.2,0.7,0.1")):
        assert data.count(before) == 1
        file.write_bytes(data.replace(before, after))
        with pytest.raises(ModelFormatError, match="its checksum does not match its content: it was damaged or edited"):
            load(file)


def test_truncated_files(full_model, file):
    full_model.save(file)
    data = file.read_bytes()
    for n in range(0, len(data) - 2, 7):
        file.write_bytes(data[:n])
        with pytest.raises(ModelFormatError):
            load(file)


def load_or_refuse(file):
    """Load a file; a model must then work from end to end."""
    try:
        model = load(file)
    except ModelFormatError:
        return
    X = {name: [0.0, None] for name in model.preprocessor.feature_names_in}
    assert len(model.predict(X)) == 2
    assert model.decision(X).shape == (2, model.output.n_outputs)
    assert model.nbytes > 0
    model.save(file)
    assert parts(load(file)) == parts(model)


@SETTINGS
@given(
    which=st.integers(0, 3),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), st.binary(max_size=4)), min_size=1, max_size=5),
)
def test_fuzzed_bytes(models, file, which, edits):
    models[which].save(file)
    data = bytearray(file.read_bytes())
    for place, n_removed, inserted in edits:
        start = int(place * len(data))
        data[start : start + n_removed] = inserted
    file.write_bytes(data)
    load_or_refuse(file)


def paths(document, path=()):
    yield path
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, item in items:
        yield from paths(item, (*path, key))


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 12),
        st.sampled_from([2**31, -(2**63), 2**64, 10**400, 1e308, 1e-320, -0.0, 3.4028236e38, "\ud800", "a\0"]),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(
            [
                "numeric",
                "category",
                "tree",
                "linear",
                "additive",
                "tree_sum",
                "softmax",
                "identity",
                "regression",
                "str",
                "mixed",
            ]
        ),
        st.text(max_size=3),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@SETTINGS
@given(
    which=st.integers(0, 3),
    edits=st.lists(
        st.tuples(
            st.floats(0, 1), st.sampled_from(["replace", "delete", "copy", "insert"]), JSON_VALUES, st.floats(0, 1)
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_fuzzed_structure(models, file, which, edits):
    models[which].save(file)
    document = json.loads(file.read_bytes())
    for place, edit, value, other in edits:
        known = [path for path in paths(document["content"]) if path]
        if not known:
            break
        *above, last = known[min(int(place * len(known)), len(known) - 1)]
        holder = at(document["content"], above)
        if edit == "replace":
            holder[last] = value
        elif edit == "delete":
            del holder[last]
        elif edit == "copy":
            source = known[min(int(other * len(known)), len(known) - 1)]
            holder[last] = copy.deepcopy(at(document["content"], source))
        elif isinstance(holder, list):
            holder.insert(last, value)
        else:
            holder[str(value)[:5]] = value
    file.write_text(json.dumps(with_checksum(document)))
    load_or_refuse(file)


def test_predictors_have_no_other_form():
    # A new predictor needs a new kind in the file and, where old readers cannot skip it, a new format version.
    assert set(Model.__annotations__["predictor"].split(" | ")) == {
        kind.__name__ for kind in (Tree, Linear, Additive, TreeSum, Decoded)
    }
