import operator

import numpy as np
import pytest

from skdistill.engine import MemoryEngine, add, maximum


def _sums(block, power):
    return (block["x"] ** power).sum(axis=0), len(block["x"])


def _highest(block):
    return block["x"].max(axis=0)


def _first_row(block):
    return [block["start"]]


def _shifted(block, by):
    return block["x"] + by


def _derived_total(block):
    return block["shifted"].sum(axis=0)


@pytest.mark.parametrize("block_rows", [1, 3, 7, 8, 100])
def test_results_do_not_depend_on_blocks(block_rows):
    x = np.arange(14.0).reshape(7, 2)
    engine = MemoryEngine({"x": x}, block_rows)
    sums, rows = engine.reduce(_sums, 2)
    np.testing.assert_array_equal(sums, (x**2).sum(axis=0))
    assert rows == engine.n_rows == 7
    np.testing.assert_array_equal(engine.reduce(_highest, combine=maximum), [12, 13])
    assert engine.reduce(_first_row) == list(range(0, 7, block_rows))


def test_derived_columns_are_seen_by_later_calls_and_can_be_replaced():
    engine = MemoryEngine({"x": np.ones((5, 1))}, 2)
    for by in (1, 3):
        engine.update("shifted", _shifted, by)
        assert engine.reduce(_derived_total) == 5 * (1 + by)


def test_the_columns_are_left_alone():
    x = np.arange(6.0).reshape(3, 2)
    engine = MemoryEngine({"x": x}, 1)
    engine.reduce(_highest, combine=add)
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(3, 2))


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"same number of rows. Got \{'x': 2, 'y': 3\}"):
        MemoryEngine({"x": np.zeros(2), "y": np.zeros(3)})


@pytest.mark.parametrize(("combine", "plain"), [(add, operator.add), (maximum, max)])
def test_tuples_are_combined_item_by_item(combine, plain):
    a, b = combine((1, np.array([2.0, 5.0])), (3, np.array([4.0, 1.0])))
    assert a == plain(1, 3)
    np.testing.assert_array_equal(b, [plain(2, 4), plain(5, 1)])


def _both(block):
    return block["x"] + 1, block["x"] * 2


def test_several_columns_are_derived_in_one_pass_and_selected():
    engine = MemoryEngine({"x": np.ones((5, 1)), "y": np.zeros(5)}, 2)
    engine.update(("shifted", "x"), _both)
    assert engine.reduce(_highest) == 2 + 2 + 2  # what was derived comes before what was given
    chosen = engine.select("x")
    chosen.update("x", _shifted, 5)
    assert chosen.reduce(_highest, combine=maximum) == 7
    assert engine.reduce(_highest, combine=maximum) == 2
    with pytest.raises(KeyError, match="shifted"):
        chosen.reduce(_derived_total)
