import gc
import os
import resource
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from skdistill import TreeStudent, scan
from skdistill.engine import FileEngine, union
from skdistill.engine._strata import label_counts, strata_sample


def iris_file(path, **options):
    X, y = load_iris(return_X_y=True, as_frame=True)
    table = pa.Table.from_pandas(X.assign(kind=y.map({0: "setosa", 1: "versicolor", 2: "virginica"})))
    pq.write_table(table, path, **options)
    return table


def _rows(block):
    return [(block["start"], np.asarray(block["table"]), block["truth"])]


def _total(block):
    return np.asarray(block["table"]).sum(axis=0)


def test_files_folders_and_datasets_give_the_same_rows(tmp_path):
    table = iris_file(tmp_path / "whole.parquet", row_group_size=40)
    folder = tmp_path / "folder"
    folder.mkdir()
    for i, start in enumerate((0, 70, 71)):
        pq.write_table(table.slice(start, (70, 1, 79)[i]), folder / f"{i}.parquet", row_group_size=33)
    expected = np.asarray(table.drop_columns("kind"))
    sources = [tmp_path / "whole.parquet", str(folder), pyarrow.dataset.dataset(table)]
    for source in sources:
        rows = scan(source, target="kind")
        assert (rows.n_rows, rows.targets) == (150, ("kind",))
        for block_rows in (7, 64, 1000):
            blocks = rows.engine("table", "truth", block_rows=block_rows).reduce(_rows)
            assert [start for start, _, _ in blocks] == list(range(0, 150, block_rows))
            np.testing.assert_array_equal(np.vstack([X for _, X, _ in blocks]), expected)
            assert np.concatenate([y for _, _, y in blocks]).tolist() == table["kind"].to_pylist()


def test_a_memory_map_is_read_in_blocks(tmp_path):
    X, y = load_iris(return_X_y=True)
    mapped = np.memmap(tmp_path / "X.npy", dtype=np.float32, mode="w+", shape=X.shape)
    mapped[:] = X
    rows = scan(np.memmap(tmp_path / "X.npy", dtype=np.float32, mode="r", shape=X.shape), target=y)
    blocks = rows.engine("table", "truth", block_rows=11).reduce(_rows)
    np.testing.assert_array_equal(np.vstack([block for _, block, _ in blocks]), X.astype(np.float32))
    np.testing.assert_array_equal(np.concatenate([truth for _, _, truth in blocks]), y)


def test_a_stratified_sample_does_not_depend_on_blocks_and_holds_rare_classes(tmp_path):
    X, y = load_breast_cancer(return_X_y=True)
    keep = np.flatnonzero((y == 1) | (np.cumsum(y == 0) <= 35))
    rows = scan(X[keep], target=np.array(["bad", "good"])[y[keep]])
    reference = rows.sample(60, stratify=True, seed=3)
    numbers, table, truth = reference
    assert (np.diff(numbers) > 0).all()
    np.testing.assert_array_equal(table, X[keep][numbers])
    assert dict(zip(*np.unique(truth, return_counts=True), strict=True)) == {"bad": 30, "good": 55}
    for block_rows in (1, 50):
        counts = rows.engine("truth", block_rows=block_rows).reduce(label_counts, combine=union)
        engine = rows.engine("table", "truth", block_rows=block_rows)
        again, drawn = strata_sample(engine, counts, 60, 3, ("table", "truth"))
        for one, other in zip(reference, (again, drawn["table"], drawn["truth"]), strict=True):
            np.testing.assert_array_equal(one, other)
    assert not np.array_equal(numbers, rows.sample(60, stratify=True, seed=4)[0])
    assert len(rows.sample(10**6)[0]) == rows.n_rows


def _third(block):
    return block["x"] * 3, block["x"].sum()


def _check(block):
    return np.abs(block["tripled"] - 3 * block["x"]).max() + abs(block["total"] - block["x"].sum())


def open_temporary_files():
    gc.collect()
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(descriptor))
        except OSError:
            continue  # the one that lists them
    return sum(link.startswith(tempfile.gettempdir()) and "(deleted)" in link for link in links)


def test_derived_columns_are_spilled_to_files_without_a_name_and_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x = np.arange(100.0)
    engine = FileEngine(lambda rows: ({"x": x[i : i + rows]} for i in range(0, 100, rows)), 100, block_rows=30)
    engine.update(("tripled", "total"), _third)
    assert engine.reduce(_check, combine=max) == 0
    assert list(tmp_path.iterdir()) == []
    assert open_temporary_files() == 2
    chosen = engine.select("total")
    del engine
    assert open_temporary_files() == 1
    assert chosen.reduce(lambda block: block["total"]) == x.sum()
    del chosen
    assert open_temporary_files() == 0


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    x = np.random.default_rng(0).normal(size=(100_000, 4))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    engine = scan(x).engine("table", block_rows=20_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))  # of a single file: as full as a small disk
    try:
        with pytest.raises(OSError, match=r"column 'twice' of a fit out of core could not be spilled.*variable TMPDIR"):
            engine.update("twice", lambda block: block["table"] * 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    assert open_temporary_files() == 0


def test_a_corrupt_row_group_is_named(tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": np.random.default_rng(0).normal(size=3000)}), path, row_group_size=1000)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    begin = column.dictionary_page_offset or column.data_page_offset
    content[begin : begin + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Row group 1 of '.*rows\.parquet' cannot be read: "):
        scan(path).engine("table").reduce(_total)


def test_rows_that_vanish_are_noticed(tmp_path):
    with pytest.raises(ValueError, match=r"fewer than 150 rows: the data changed under the scan"):
        FileEngine(lambda rows: iter([{"x": np.ones(rows)}]), 150, block_rows=50).reduce(lambda block: block["x"].sum())
    for name in "ab":
        iris_file(tmp_path / f"{name}.parquet")
    rows = scan(tmp_path)
    (tmp_path / "b.parquet").unlink()
    with pytest.raises(ValueError, match=r"'.*b\.parquet' cannot be read: "):
        rows.engine("table", block_rows=50).reduce(_total)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda path: scan(path, target="colour"), ValueError, "The target 'colour' is not among the columns: sepal"),
        (lambda path: scan(path / "none"), FileNotFoundError, "There is no Parquet file or folder '.*none'"),
        (lambda path: scan([[1.0]]), TypeError, "scan takes the path .* Got list. A data frame in memory goes to fit"),
        (lambda path: scan(pq.read_table(path)), TypeError, "takes a pyarrow Dataset, not a Table"),
        (lambda path: scan(np.ones(3)), ValueError, r"two dimensions. Got shape \(3,\)"),
        (lambda path: scan(np.ones((3, 1)), target=[1, 2]), ValueError, r"each of the 3 rows. Got shape \(2,\)"),
        (lambda path: scan(path, weight="w"), ValueError, "The weight 'w' is not among the columns: "),
        (lambda path: scan(path, groups=[1, 2]), ValueError, "groups must be the name of a column here. Got list"),
        (lambda path: scan(path, target="kind", weight="kind"), ValueError, "'kind' cannot be both target and weight"),
        (
            lambda path: scan(np.ones((3, 1)), weight=[1, 2]),
            ValueError,
            r"weight must be .* each of the 3 rows. Got shape",
        ),
        (lambda path: scan(np.ones((3, 1)), groups="g"), ValueError, "groups must be an array .* Got 'g'"),
        (lambda path: scan(np.ones((0, 1))), ValueError, "array: 0 rows, 1 features> holds no rows"),
        (lambda path: scan(path, sample_rows=1), ValueError, "sample_rows must be 2 at least. Got 1"),
        (lambda path: np.asarray(scan(path)), TypeError, "is read in blocks and cannot become an array.*GridSearchCV"),
    ],
)
def test_what_cannot_be_scanned_is_refused(tmp_path, make, error, message):
    iris_file(tmp_path / "rows.parquet")
    with pytest.raises(error, match=message):
        make(tmp_path / "rows.parquet")


@pytest.mark.parametrize("stratify", [True, False])
def test_rows_without_a_target_are_refused(stratify):
    y = np.array([1.0, np.nan, 2.0, np.nan])
    with pytest.raises(ValueError, match=r"2 rows of <scan of an array: 4 rows, 2 features> have no target"):
        scan(np.ones((4, 2)), target=y).sample(4, stratify=stratify)
    assert len(scan(np.ones((4, 2)), target=y).unlabelled().sample(4)[0]) == 4


@pytest.mark.parametrize(
    ("weight", "n_wrong"), [([1, 0, 2, -1], 2), ([1, np.inf, 1, np.nan], 2), (list("abcd"), 4), ([None, 1, 1, 1], 4)]
)
def test_rows_without_a_weight_are_refused(weight, n_wrong):
    with pytest.raises(ValueError, match=rf"{n_wrong} rows of <scan .* have no weight, or one .* above 0. Leave out"):
        scan(np.ones((4, 2)), weight=weight).sample(4)


def test_rows_without_a_group_are_refused():
    with pytest.raises(ValueError, match=r"2 rows of <scan .* have no group. Give each row one"):
        scan(np.ones((4, 2)), groups=np.array(["a", None, "b", None], dtype=object)).sample(4)
    scan(np.ones((4, 2)), groups=[1, 1, 2, 2]).unlabelled().sample(4)


def test_a_student_fits_precomputed_labels_out_of_core():
    X, y = load_iris(return_X_y=True)
    X, Q, weight = X.astype(np.float32), np.eye(3)[y] * 0.7 + 0.1, np.ones(150)

    def read(rows):
        for start in range(0, 150, rows):
            part = slice(start, start + rows)
            yield {"X": X[part], "Q": Q[part], "weight": weight[part]}

    held = TreeStudent(max_leaves=5).fit_blocks(FileEngine(read, 150, block_rows=40), 4, 3)
    np.testing.assert_array_equal(held.predict(X), TreeStudent(max_leaves=5).fit(X, Q).predict(X))
