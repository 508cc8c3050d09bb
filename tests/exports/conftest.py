"""Every kind of model."""

from __future__ import annotations

import pytest
from export_matrix import matrix

from skdistill.model import Model


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    return matrix()
