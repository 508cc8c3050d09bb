"""
Many classes in few numbers
===========================

A leaf of a tree holds one number for each class. With compressed targets it holds a few, and one matrix, the decoder,
makes all classes of them (Tai and Lin 2012). Here for ten digits; the more classes, the more it saves.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, LowRankStudent, TreeStudent

X, y = load_digits(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# One committee, and a tree of 64 leaves as it is, and with three and six numbers in a leaf.
tree = TreeStudent(max_leaves=64)
students = [("whole", tree), *((f"rank {rank}", LowRankStudent(tree, rank=rank)) for rank in (3, 6))]
clf = DistilledClassifier("extra_trees", students, blend=0.3, cv=3, random_state=0).fit(X_train, y_train)
frame = clf.report(X_test, y_test).frame()
rows = frame[frame["role"].isin(["student", "sibling"])][["accuracy", "log_loss", "nbytes"]]
rows.index = rows.index.str.removeprefix("distilled student ")
rows

# %%
# The decoder is part of the model: every export has it, and ``nbytes`` counts it.
print(clf.with_student("rank 6").to_model())

# %%
axes = rows.plot.scatter("nbytes", "log_loss")
for name, row in rows.iterrows():
    axes.annotate(name, (row["nbytes"], row["log_loss"]), xytext=(5, 5), textcoords="offset points")
axes.set(xlabel="packed bytes", ylabel="log-loss on the test rows")
axes.margins(0.15)
plt.tight_layout()
plt.show()
