"""
In a Pipeline and a search
==========================

A distilled estimator is an estimator: it sits in a `Pipeline`, and `GridSearchCV` searches whatever is nested in it.
"""

# %%
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skdistill import DistilledClassifier, TreeStudent

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# How many columns, how many leaves, how much of the truth in the targets: searched together.
pipeline = make_pipeline(
    SelectKBest(f_classif), DistilledClassifier(["logistic", "extra_trees"], TreeStudent(), cv=3, random_state=0)
)
grid = {
    "selectkbest__k": [10, 30],
    "distilledclassifier__student__max_leaves": [4, 8],
    "distilledclassifier__blend": [0.0, 0.3],
}
search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X_train, y_train)
search.best_params_

# %%
columns = [f"param_{name}" for name in grid] + ["mean_test_score", "std_test_score"]
pd.DataFrame(search.cv_results_)[columns].sort_values("mean_test_score", ascending=False).head()

# %%
# The teachers stay behind when it is saved: joblib's file holds the student.
import tempfile
from pathlib import Path

import joblib

path = Path(tempfile.mkdtemp()) / "pipeline.joblib"
joblib.dump(search.best_estimator_, path)
print(f"{path.stat().st_size:,} bytes, accuracy {joblib.load(path).score(X_test, y_test):.3f}")
