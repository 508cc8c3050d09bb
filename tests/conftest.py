"""Data and estimators that several test modules use."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from export_matrix import matrix

from skdistill.model import Model


@pytest.fixture(scope="session")
def models() -> dict[str, Model]:
    """Every kind of model."""
    return matrix()


@pytest.fixture
def people() -> tuple[pd.DataFrame, np.ndarray]:
    """400 rows with numbers, categories and missing cells, and string labels that depend on them."""
    rng = np.random.default_rng(0)
    n = 400
    age = rng.integers(18, 80, n).astype(float)
    income = rng.lognormal(10, 1, n)
    job = rng.choice(["clerk", "nurse", "pilot", "vet"], n, p=[0.4, 0.3, 0.2, 0.1])
    city = rng.choice(["Aachen", "Łódź", "São Paulo"], n)
    score = 0.06 * (age - 45) + np.where(job == "pilot", 2.0, -0.5) + np.where(city == "Łódź", 1.0, 0.0)
    y = np.where(score + rng.normal(0, 1, n) > 0, "yes", "no")
    X = pd.DataFrame({"age": age, "income": income, "job": job, "city": pd.Categorical(city)})
    X.loc[rng.choice(n, 40, replace=False), "age"] = np.nan
    X.loc[rng.choice(n, 30, replace=False), "job"] = None
    return X, y
