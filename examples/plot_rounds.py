"""
Teachers that learn from the committee
======================================

A teacher fitted once more, on what the committee says out of fold, may be the better one (born again: Furlanello et al.
2018). Each round also takes away some of what it can express (Mobahi et al. 2020). And the student, which learns the
same, may join the committee (models that teach each other: Zhang et al. 2018). What lowers the committee's loss out of
fold most is taken, if by over a standard error. A row is labelled by those that learned from labels made without its
fold.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeRegressor

from skdistill import DistilledRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# %%
# A line, which has little to gain, and a tree grown to the last row, which knows its noise by heart. The student, a
# line, joins the tree in the first round; in the second the tree learns what both say.
teachers = {"line": "ridge", "grown tree": DecisionTreeRegressor(random_state=0)}
rounds, errors = {}, {}
for name, teacher in teachers.items():
    for most in (0, 2):
        reg = DistilledRegressor(teacher, "linear", rounds=most, cv=5, blend=0.5, random_state=0).fit(X_train, y_train)
        errors[name, most] = np.mean((reg.oracle_(X_test).ravel() - y_test) ** 2) / y_test.var()
    rounds[name] = pd.DataFrame(reg.rounds_)
pd.concat(rounds)[["round", "fitted", "loss_before", "loss", "se", "taken"]]

# %%
# What the committee itself then does on rows that it has not seen.
axes = pd.Series(errors).unstack().plot.barh(color=["0.7", "tab:blue"])
axes.set(xlabel="squared error over the target's variance, test rows", ylabel="")
axes.legend(title="rounds, at most")
plt.tight_layout()
plt.show()
