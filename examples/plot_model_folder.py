"""
A folder for a model registry
=============================

What a registry wants to hold: the model in a form that runs no code when it is loaded, and what is known about it.
"""

# %%
import json
import tempfile
from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from skdistill import DistilledRegressor, load

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
reg = DistilledRegressor(["ridge", "forest"], "additive", random_state=0).fit(X_train, y_train)

# %%
folder = Path(tempfile.mkdtemp()) / "diabetes-1"
folder.mkdir()
reg.to_model().save(folder / "model.json")
report = reg.report(X_test, y_test)
(folder / "report.txt").write_text(str(report))
report.frame().to_csv(folder / "report.csv")
(folder / "selection.json").write_text(json.dumps(reg.selection_, indent=1))
sorted((path.name, path.stat().st_size) for path in folder.iterdir())

# %%
# Whoever fetches it needs NumPy alone.
shipped = load(folder / "model.json")
assert (shipped.predict(X_test) == reg.predict(X_test)).all()
print((folder / "report.txt").read_text())

# %%
# Where fitted scikit-learn objects are to be kept without pickle, `skops` takes the estimator itself, once it is told
# which of our types it may build.
import skops.io

skops.io.dump(reg, folder / "estimator.skops")
kept = skops.io.load(folder / "estimator.skops", trusted=skops.io.get_untrusted_types(file=folder / "estimator.skops"))
assert (kept.predict(X_test) == reg.predict(X_test)).all()
