"""
An assistant between committee and student
==========================================

A tree of a few leaves is far from its committee. A model of a size between the two may learn from the committee first
and then teach the tree (Mirzadeh et al. 2020, Improved knowledge distillation via teacher assistant). Whether that
pays is judged on rows that no teacher has seen, beside learning from the committee itself.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, TreeStudent

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# One committee, one assistant. Real rows are labelled by assistants that did not see them.
clf = DistilledClassifier(
    ["logistic", "lightgbm"], TreeStudent(max_leaves=8), assistants="boosted", cv=3, random_state=0
).fit(X_train, y_train)
pd.DataFrame(clf.stages_)

# %%
# What was tried, the choice first: ``assisted`` says who taught.
pd.DataFrame(clf.selection_)[["labels", "blend", "assisted", "loss", "loss_minus_chosen", "se"]]

# %%
# Each stage has a line in the report.
frame = clf.report(X_test, y_test).frame()
axes = frame["log_loss"].plot.barh(color="tab:blue")
axes.set(xlabel="log-loss on the test rows", ylabel="")
plt.tight_layout()
plt.show()
