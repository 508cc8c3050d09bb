"""Encoding folded into tests, and rows that find out whatever is off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from export_matrix import NASTY, classifier, float32
from random_models import random_additive, random_tree, random_tree_sum

from skdistill.exports import ExportMismatchError, _python
from skdistill.exports._raw import (
    Below,
    Equals,
    Forest,
    Missing,
    every_test,
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


@pytest.mark.parametrize("kind", ["tree", "chain", "additive", "sum"])
def test_rows_find_every_mistake(kind):
    """Each test and leaf of small models, made wrong in each way: the rows tell, or no row at all could."""
    found = 0
    for seed in range(4):
        model = small_model(kind, seed)
        form = raw_form(model)
        columns, everything = adversarial_rows(model, form), every_row(form)
        X = dict(zip(model.preprocessor.feature_names_in, everything, strict=True))
        wanted = model.evaluate(X)
        for wrong in mutants(form):
            content = _python.TARGET.write(model, wrong, "wrong")
            try:
                check_answers(model, columns, *_python.TARGET.answer(content, model, "wrong", columns), 1e-12)
            except ExportMismatchError:
                found += 1
                continue
            np.testing.assert_allclose(_python.TARGET.answer(content, model, "wrong", everything)[0], wanted, rtol=1e-9)
    assert found > 20


def small_model(kind: str, seed: int) -> Model:
    """Few enough cells to try all that could make a difference."""
    columns = [
        NumericColumn("x", 0.5, *float32([0.1, 3]), missing=True),
        NumericColumn("z"),
        CategoryColumn("c", ("a", "b"), missing=True),
    ]
    rng = np.random.default_rng(seed)
    if kind == "additive":
        found = random_additive(rng, 6, 1, most_edges=4)
    elif kind == "sum":
        found = random_tree_sum(rng, 3, 6, 1)
    else:
        found = random_tree(rng, 12, 6, 1, chain=kind == "chain")
    return Model(Preprocessor(columns), found, Output("regression", "identity", targets=("y",)))


def every_row(form: Forest) -> list[np.ndarray]:
    """Each mix of the cells between which an answer can change, also where a test is a step off."""
    pools: list[list] = [[np.nan, np.inf, -np.inf], [np.nan, np.inf, -np.inf], ["a", "b", "unseen", None]]
    for test in every_test(form):
        if isinstance(test, Below):
            near = np.clip(ordinal(np.float32(test.edge)) + np.arange(-1, 3), *ordinal(np.float32([-np.inf, np.inf])))
            pools[test.column] += from_ordinal(near).tolist()
    pools = [list(dict.fromkeys(pool)) for pool in pools]
    return [np.array(cells, object if i == 2 else float) for i, cells in enumerate(zip(*product(*pools), strict=True))]


def mutants(form: Forest) -> Iterator[Forest]:
    """The same but for one test or leaf."""
    for i, tree in enumerate(form.trees):
        for at, test in enumerate(tree.tests):
            if isinstance(test, Below):
                beside = [float(from_ordinal(ordinal(np.float32(test.edge)) + step)) for step in (-1, 1)]
                others = [replace(test, missing=not test.missing), *(replace(test, edge=edge) for edge in beside)]
            elif isinstance(test, Equals):
                others = [Equals(test.column, 1 - test.category), Missing(test.column)]
            elif isinstance(test, Missing):
                others = [Equals(test.column, 0)] if test.column == 2 else [Below(test.column, 0.0, True)]
            else:
                others, value = [], tree.value.copy()
                value[tree.no[at]] += 0.01
                yield replace(form, trees=(*form.trees[:i], replace(tree, value=value), *form.trees[i + 1 :]))
            for other in others:
                tests = (*tree.tests[:at], other, *tree.tests[at + 1 :])
                yield replace(form, trees=(*form.trees[:i], replace(tree, tests=tests), *form.trees[i + 1 :]))


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
