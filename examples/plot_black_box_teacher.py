"""
A black box as teacher
======================

A network behind an interface, a model in another language, a rule book: whatever gives probabilities for rows can
teach. It is only asked, never fitted.
"""

# %%
# The black box: a neural network that was fitted elsewhere, on other rows.
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from skdistill import AdditiveStudent, CallableTeacher, DistilledClassifier

X, y = load_digits(return_X_y=True)
elsewhere, X, y_elsewhere, y = train_test_split(X, y, train_size=0.5, stratify=y, random_state=0)
network = MLPClassifier((64,), max_iter=500, random_state=0).fit(elsewhere, y_elsewhere)


def ask(rows):
    """Probabilities of the ten digits."""
    return network.predict_proba(rows)


# %%
# It joins a committee like any other teacher. The others are fitted on the rows at hand, and each is weighted by how
# well it does on labels that it has not seen.
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
clf = DistilledClassifier(
    [("network", CallableTeacher(ask, classes=list(range(10)))), "svm"],
    AdditiveStudent(max_bins=8, pairs=0),
    random_state=0,
).fit(X_train, y_train)
clf.teacher_weights_

# %%
# What is shipped holds neither the network nor the SVM.
print(clf.report(X_test, y_test))
