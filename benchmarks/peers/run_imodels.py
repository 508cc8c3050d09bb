"""imodels' `DistilledRegressor`: a student fitted on what the teacher says of the training rows.

It refits the teacher it is handed, so it gets one that only says what the committee said. The student is CART.
"""

import time

import numpy as np
from exchange import Model, nest, serve
from imodels import DistilledRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.tree import DecisionTreeRegressor


class _Said(BaseEstimator):
    """Labels of the training rows, in their order: all that imodels asks a teacher for."""

    def __init__(self, labels=None):
        self.labels = labels

    def fit(self, X, y):
        return self


class _Classifier(ClassifierMixin, _Said):
    def predict_proba(self, X):
        return self.labels


class _Regressor(RegressorMixin, _Said):
    def predict(self, X):
        return self.labels[:, 0]


def fit(question):
    arrays, settings = question.arrays, question.settings
    teacher = _Classifier(arrays["labels"]) if settings["n_classes"] else _Regressor(arrays["labels"])
    for size in settings["sizes"]:
        started = time.process_time()
        student = DecisionTreeRegressor(max_leaf_nodes=size, random_state=settings["seed"])
        distilled = DistilledRegressor(teacher=teacher, student=student).fit(arrays["Z"], arrays["y"])
        seconds = time.process_time() - started
        outputs = distilled.predict(arrays["Z_test"])
        # Of two classes it predicts the second's probability.
        values = student.tree_.value.reshape(-1, 1)
        if settings["n_classes"]:
            outputs, values = np.column_stack([1 - outputs, outputs]), np.hstack([1 - values, values])
        yield Model(str(size), outputs.reshape(len(outputs), -1), seconds, {"trees": [nest(student.tree_, values)]})


if __name__ == "__main__":
    serve(fit)
