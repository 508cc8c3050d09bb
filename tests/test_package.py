"""The package as a whole: what importing it costs, and that its public names are documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import skdistill

ROOT = Path(__file__).parents[1]


def imported_by(code: str) -> set[str]:
    program = f"import sys; {code}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy():
    assert not imported_by("import skdistill") & {"numpy", "sklearn", "lightgbm", "pandas"}
    # scikit-learn itself brings pandas and rich where they are installed.
    everything = imported_by("from skdistill import *") - imported_by("import sklearn.linear_model")
    assert not everything & {"lightgbm", "xgboost", "pandas", "matplotlib", "cupy", "rich", "typer"}


def test_shipped_model_needs_numpy_alone():
    modules = imported_by("from skdistill.model import load")
    assert "numpy" in modules
    assert not modules & {"sklearn", "scipy", "joblib", "pandas", "narwhals"}


def test_public_names_are_in_the_readme_and_in_a_doctest():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in skdistill.__all__:
        if name == "__version__":
            continue
        thing = getattr(skdistill, name)
        assert f"`{name}`" in readme, name
        assert ">>>" in (thing.__doc__ or ""), name


def test_demo_refuses_an_unknown_data_set(capsys, tmp_path):
    from skdistill.cli import main

    assert main(["demo", "--data", "moon", "--out", str(tmp_path / "out")]) == 1
    assert "unknown data set 'moon'. Valid names: digits, cancer, diabetes, flights" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_demo_on_the_smallest_data_set(capsys, tmp_path):
    from skdistill.cli import main

    assert main(["demo", "--data", "diabetes", "--out", str(tmp_path), "--n-jobs", "1"]) == 0
    said = capsys.readouterr().out
    for role in ("committee", "student on hard labels", "distilled student", "read back, it predicts the same"):
        assert role in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["diabetes-linear.json", "diabetes-tree.json"]
