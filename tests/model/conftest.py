"""The random models as fixtures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import random_models

from skdistill.model import Additive, Model, Tree, TreeSum


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
    return random_models.full_model()
