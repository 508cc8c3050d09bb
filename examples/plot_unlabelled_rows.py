"""
Few labels, many rows
=====================

Labels are dear, rows are not: where the committee can label the rest, distillation pays most. Here 200 handwritten
digits have a label and 1,000 have none.
"""

# %%
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, TreeStudent

X, y = load_digits(return_X_y=True)

# %%
# Three draws; in each, one committee, asked with and without the rows that have no labels. The rival on hard labels is
# the same tree, trained directly on the 200 labels.
rows = []
for seed in range(3):
    labelled, rest, y_labelled, y_rest = train_test_split(X, y, train_size=200, stratify=y, random_state=seed)
    pool, test, _, y_test = train_test_split(rest, y_rest, train_size=1_000, random_state=seed)
    settings = {"teachers": ["svm", "logistic"], "student": TreeStudent(max_leaves=32), "random_state": seed}
    alone = DistilledClassifier(**settings).fit(labelled, y_labelled)
    more = DistilledClassifier(**settings).fit(labelled, y_labelled, X_unlabeled=pool)
    without, with_pool = (clf.report(test, y_test).frame()["accuracy"] for clf in (alone, more))
    rows.append(
        {
            "trained directly": without["student on hard labels"],
            "distilled": without["distilled student"],
            "distilled, with 1,000 more rows": with_pool["distilled student"],
            "committee": without["committee"],
        }
    )
accuracy = pd.DataFrame(rows)
accuracy

# %%
figure, axes = plt.subplots(figsize=(6, 3))
accuracy.mean().plot.barh(ax=axes, xerr=accuracy.std(), color="#4c72b0")
axes.set_xlabel("accuracy on unseen digits (mean and deviation of 3 draws)")
axes.invert_yaxis()
figure.tight_layout()
