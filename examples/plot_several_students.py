"""
Several students of one committee
=================================

Fitting the committee is the long work. A list of students shares it: each is chosen for itself on the same judged rows,
and each can be reported, exported and shipped.
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
# A tree to draw, a line to compute by hand, and two leaves for a leaflet.
clf = DistilledClassifier(
    ["logistic", "lightgbm"],
    ["tree", "linear", ("leaflet", TreeStudent(max_leaves=2))],
    cv=3,
    random_state=0,
).fit(X_train, y_train)
clf.student_name_, pd.Series(clf.fit_seconds_).round(1)

# %%
# One report has a line for each.
report = clf.report(X_test, y_test)
report.frame()[["log_loss", "agreement", "nbytes", "us_shipped_p50"]]

# %%
# The best by the loss on rows that no teacher had seen answers. Any other is the same fit with another student.
leaflet = clf.with_student("leaflet")
print(leaflet.rules())

# %%
students = report.frame().query("role in ['student', 'sibling']")
axes = students.plot.scatter("nbytes", "log_loss")
for name, row in students.iterrows():
    label = name.removeprefix("distilled student ")
    axes.annotate(label, (row["nbytes"], row["log_loss"]), xytext=(5, 5), textcoords="offset points")
axes.set(xlabel="packed bytes", ylabel="log-loss on the test rows")
axes.margins(0.15)
plt.tight_layout()
plt.show()
