"""Tables of real rows as files, and a student of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from command_options import QUICK
from sklearn.datasets import load_breast_cancer, load_diabetes

from skdistill.cli import main


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `diabetes.csv`, target `progression`, `cancer.csv` and `cancer.parquet`, target `kind`."""
    folder = tmp_path_factory.mktemp("tables")
    load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"}).to_csv(
        folder / "diabetes.csv", index=False
    )
    cancer = load_breast_cancer(as_frame=True)
    frame = cancer.data.iloc[:, :4].round(2)
    frame["size"] = pd.cut(frame["mean radius"], 3, labels=["1", "2", "3"])
    frame["kind"] = cancer.target_names[cancer.target]
    frame.loc[::9, "mean texture"] = None
    frame.to_csv(folder / "cancer.csv", index=False)
    frame.to_parquet(folder / "cancer.parquet")
    return folder


@pytest.fixture(scope="session")
def student(tables: Path) -> Path:
    """A tree that was fitted on `diabetes.csv`."""
    path = tables / "student.json"
    assert main(["fit", str(tables / "diabetes.csv"), "--target", "progression", *QUICK, "--out", str(path)]) == 0
    return path
