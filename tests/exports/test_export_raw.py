"""Encoding folded into tests, and rows that find out whatever is off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from export_matrix import NASTY, classifier, float32, regressor

from skdistill.exports import ExportMismatchError, _python
from skdistill.exports._raw import (
    Below,
    Equals,
    Forest,
    Missing,
    from_ordinal,
    largest_double,
    ordinal,
    raw_edges,
    raw_form,
)
from skdistill.exports._rows import adversarial_rows
from skdistill.exports._verify import check_answers
from skdistill.model import CategoryColumn, Model, NumericColumn, Output, Preprocessor, Tree

ENDS = [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 3.4028234663852886e38, -3.4028234663852886e38, 1.0, -1.0, 16777216.0]


def test_ordinals_count_float32_numbers():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2**32, 10_000, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values)]
    assert np.array_equal(from_ordinal(ordinal(values)), values)
    assert np.array_equal(from_ordinal(ordinal(values) + 1), np.nextafter(values, np.float32(np.inf)))
    assert ordinal(np.float32(0)) == ordinal(np.float32(-0.0)) == 0


def test_doubles_compare_as_their_float32():
    rng = np.random.default_rng(0)
    edges = rng.integers(0, 2**32, 3000, dtype=np.uint32).view(np.float32)
    edges = [*edges[np.isfinite(edges)].tolist(), *float32(ENDS), -np.inf]
    for edge in edges:
        bound = largest_double(edge)
        with np.errstate(over="ignore"):
            assert np.float32(bound) <= np.float32(edge) < np.float32(np.nextafter(bound, np.inf))


@pytest.mark.parametrize(
    ("center", "scale"), [(0, 1), (0.1, 0.1), (-5, 3), (1e30, 1e-30), (0, 1e-45), (3e38, 3e38), (1, 1e20)]
)
def test_raw_edges_are_the_last_that_pass(center, scale):
    column = NumericColumn("x", 0.0, *float32([center, scale]))
    rng = np.random.default_rng(0)
    thresholds = np.unique(np.array([*ENDS, *rng.normal(size=30), *rng.normal(size=30) * 1e30], np.float32))
    edges = raw_edges(column, thresholds)
    encode = Preprocessor((column,)).transform
    finite = edges < np.inf
    assert (encode(edges[:, None])[:, 0] <= thresholds).all()
    assert (encode(from_ordinal(ordinal(edges[finite]) + 1)[:, None])[:, 0] > thresholds[finite]).all()


def test_tests_that_cannot_fail_are_left_out():
    columns = (NumericColumn("x", missing=True), CategoryColumn("c", ("a", "b"), missing=True))
    largest = float(np.finfo(np.float32).max)

    def tests(feature, threshold):
        tree = Tree([feature, -1, -1], np.float32([threshold, 0, 0]), [2, 0, 0], [[1.0], [2.0]], 5)
        model = Model(Preprocessor(columns), tree, Output("regression", "identity", targets=("y",)))
        (raw,) = raw_form(model).trees
        return raw.tests, raw.no

    assert tests(0, 0.5) == ((Below(0, 0.5, True), None, None), (2, 0, 1))
    assert tests(0, -0.5) == ((Below(0, -0.5, False), None, None), (2, 0, 1))
    assert tests(0, largest) == ((None,), (0,))
    assert tests(1, 0.5) == ((Missing(0), None, None), (2, 1, 0))
    assert tests(3, 0.0) == ((Equals(1, 1), None, None), (2, 1, 0))
    assert tests(4, 0.5) == ((Missing(1), None, None), (2, 1, 0))
    assert tests(4, 1.0) == ((None,), (0,))
    assert tests(4, -1e-9) == ((None,), (1,))


@pytest.mark.parametrize(("table", "kind"), [("plain", "tree"), ("scaled", "additive"), ("mixed", "sum")])
def test_rows_find_every_kind_of_mistake(table, kind):
    """A threshold off by one float32 number, a missing cell sent the other way, another category, another leaf."""
    model = regressor(table, kind)
    form = raw_form(model)
    columns = adversarial_rows(model, form)
    assert isinstance(form, Forest)
    found = missed = 0
    rng = np.random.default_rng(1)
    for at in rng.permutation(sum(len(tree.tests) for tree in form.trees))[:20]:
        wrong = mutated(form, int(at))
        if wrong is None:
            continue
        answers = _python.TARGET.answer(_python.TARGET.write(model, wrong, "wrong"), model, "wrong", columns)
        try:
            check_answers(model, columns, *answers, 1e-12)
            missed += 1
        except ExportMismatchError:
            found += 1
    # What is missed changes no row's answer: random trees split again on what a split above has decided.
    assert found >= 5
    assert missed <= 0.5 * found


def mutated(form: Forest, at: int) -> Forest | None:
    """The same but for one test or leaf."""
    trees = list(form.trees)
    for i, tree in enumerate(trees):
        if at >= len(tree.tests):
            at -= len(tree.tests)
            continue
        test, tests, value = tree.tests[at], list(tree.tests), tree.value.copy()
        if isinstance(test, Below):
            step = 1 if at % 2 else -1
            other = float(from_ordinal(ordinal(np.float32(test.edge)) + step)) if np.isfinite(test.edge) else 0.0
            tests[at] = replace(test, missing=not test.missing) if at % 3 == 0 else replace(test, edge=other)
        elif isinstance(test, Equals):
            tests[at] = Equals(test.column, 1 - min(test.category, 1))
        elif test is None:
            value[tree.no[at]] += 0.01
        else:
            return None
        trees[i] = replace(tree, tests=tuple(tests), value=value)
        return replace(form, trees=tuple(trees))
    raise AssertionError("no such node")


def test_rows_hold_what_breaks_programs():
    model = classifier("nasty", "tree", "simplex")
    columns = dict(zip(model.preprocessor.feature_names_in, adversarial_rows(model, raw_form(model)), strict=True))
    numbers = columns[NASTY[0]]
    assert np.isnan(numbers).any()
    assert np.isposinf(numbers).any()
    assert np.isneginf(numbers).any()
    assert ((numbers != 0) & (np.abs(numbers) < 1e-38)).any()
    held = numbers[np.isfinite(numbers)]
    assert np.array_equal(held.astype(np.float32), held)
    assert {None, "no such category", *NASTY} <= set(columns["kind"].tolist())
