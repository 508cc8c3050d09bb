"""Random trees, and a model that uses every part of the form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import random_models

from skdistill.model import (
    Additive,
    CategoryColumn,
    Model,
    NumericColumn,
    Output,
    Preprocessor,
    Tree,
    TreeSum,
)


@pytest.fixture(scope="session")
def random_tree() -> Callable[..., Tree]:
    return random_models.random_tree


@pytest.fixture(scope="session")
def random_additive() -> Callable[..., Additive]:
    return random_models.random_additive


@pytest.fixture(scope="session")
def random_tree_sum() -> Callable[..., TreeSum]:
    return random_models.random_tree_sum


@pytest.fixture(scope="session")
def full_model() -> Model:
    """Numbers filled, scaled and flagged, categories of each type, and string labels: 9 encoded features."""
    columns = (
        NumericColumn("age", fill=40.0, center=float(np.float32(38.6)), scale=float(np.float32(0.1)), missing=True),
        NumericColumn("dose"),
        CategoryColumn("job", ("clerk", "nurse", 'Ł "quoted" \\ \n é'), missing=True),
        CategoryColumn("grade", (1, 2.5)),
    )
    tree = Tree(
        feature=[0, 3, -1, -1, 5, -1, 8, -1, -1],
        threshold=np.array([0.3, 0.5, 0, 0, 0.5, 0, 0.5, 0, 0], dtype=np.float32),
        right=[4, 3, 0, 0, 6, 0, 8, 0, 0],
        value=[[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [1e-30, 0.9, 0.1], [0.0, 0.0, 0.0], [0.25, -0.5, 0.25]],
        n_features=9,
    )
    return Model(Preprocessor(columns), tree, Output("classification", "simplex", ("low", "mid", "high")))
