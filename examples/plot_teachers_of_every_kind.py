"""
Teachers of every kind
======================

A committee mixes what is fitted with what is only asked: a stack, a neural network, boosted models that lie in files, a
rule book.
"""

# %%
# Two models were fitted elsewhere and are files now.
import tempfile
from pathlib import Path

import lightgbm
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from xgboost import XGBClassifier

from skdistill import CallableTeacher, DistilledClassifier, TreeStudent

X, y = load_breast_cancer(return_X_y=True)
elsewhere, X, y_elsewhere, y = train_test_split(X, y, train_size=0.4, stratify=y, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
folder = Path(tempfile.mkdtemp())
booster = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(elsewhere, y_elsewhere), 50)
booster.save_model(folder / "lightgbm.txt")
XGBClassifier(n_estimators=50, n_jobs=1).fit(elsewhere, y_elsewhere).save_model(folder / "xgboost.json")

# %%
# A LightGBM file is a function from rows to the probability of the second class.
from_file = lightgbm.Booster(model_file=folder / "lightgbm.txt")


def ask_lightgbm(rows):
    second = from_file.predict(rows)
    return np.column_stack([1 - second, second])


# %%
# An XGBoost file becomes an estimator again, which is frozen: asked, never fitted. So would be a committee of another
# toolkit.
loaded = XGBClassifier(n_jobs=1)
loaded.load_model(folder / "xgboost.json")


# %%
# A rule is a function too.
def rule(rows):
    """Cells with large worst areas are mostly malignant, class 0."""
    return np.where(rows[:, [23]] > 880, [0.9, 0.1], [0.1, 0.9])


# %%
stack = StackingClassifier(
    [("trees", ExtraTreesClassifier(50, random_state=0)), ("bayes", GaussianNB())], LogisticRegression(), cv=3
)
committee = [
    ("stack", stack),
    "mlp",
    ("LightGBM file", CallableTeacher(ask_lightgbm, classes=[0, 1])),
    ("XGBoost file", FrozenEstimator(loaded)),
    ("rule", CallableTeacher(rule, classes=[0, 1])),
]
clf = DistilledClassifier(committee, TreeStudent(max_leaves=8), cv=3, blend=0.3, random_state=0).fit(X_train, y_train)
clf.teacher_weights_

# %%
print(clf.report(X_test, y_test))
