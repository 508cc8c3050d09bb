"""What the parts of the model form are built from, and that they stay as they were built."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, replace

import pytest

from skdistill.model import NumericColumn, Tree


def test_arguments_come_by_position_or_by_name():
    column = NumericColumn("age", 40.0, missing=True)
    assert repr(column) == "NumericColumn(name='age', fill=40.0, center=0.0, scale=1.0, missing=True)"
    assert repr(replace(column, fill=3.0)) == repr(NumericColumn(name="age", missing=True, fill=3.0))


@pytest.mark.parametrize(
    ("args", "kwargs", "got"),
    [
        ((), {"fill": 1.0}, "0 of them by position, and by name fill"),
        (("age",), {"name": "age"}, "1 of them by position, and by name name"),
        (("age",), {"filling": 1.0}, "1 of them by position, and by name filling"),
        (("age", 0.0, 0.0, 1.0, False, 1), {}, "6 of them by position, and by name none"),
    ],
)
def test_arguments_that_do_not_fit(args, kwargs, got):
    with pytest.raises(TypeError, match=f"NumericColumn takes name, fill, center, scale, missing. Got {got}."):
        NumericColumn(*args, **kwargs)


def test_the_signature_is_that_of_a_dataclass():
    parameters = inspect.signature(NumericColumn).parameters
    assert [(name, p.default) for name, p in parameters.items()][1:3] == [("fill", 0.0), ("center", 0.0)]
    assert parameters["name"].default is inspect.Parameter.empty
    assert list(inspect.signature(Tree).parameters)[-1] == "n_features"  # and not the depth, which follows


def test_nothing_changes_once_built():
    column = NumericColumn("age")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'fill'"):
        column.fill = 1.0
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'fill'"):
        del column.fill
