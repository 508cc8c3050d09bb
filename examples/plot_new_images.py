"""
New images near yours
=====================

Where images are few, a student learns from more of them: moved, turned and made noisy, and labelled by the committee
(Simard, Steinkraus, Platt 2003). Here from 300 digits.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdistill import AdditiveStudent, DistilledClassifier, ImageJitter

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=300, stratify=y, random_state=0)

# %%
# Three digits, on the left, and what becomes of them.
jitter = ImageJitter((8, 8))
drawn = jitter.sample(X_train[:3], 12, np.random.RandomState(0))
figure, axes = plt.subplots(3, 5, figsize=(5, 3))
for image, ax in zip(np.vstack([X_train[:3], drawn]), axes.T.flat, strict=True):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set_axis_off()
plt.tight_layout()

# %%
# An additive student, with and without them.
fitted = {
    name: DistilledClassifier(
        ["svm", "logistic"], AdditiveStudent(pairs=0), blend=0.3, augmentation=sampler, random_state=0
    ).fit(X_train, y_train)
    for name, sampler in [("300 images", None), ("and 3 drawn from each", jitter)]
}
pd.DataFrame(
    {
        name: {
            "accuracy": clf.score(X_test, y_test),
            "log-loss": log_loss(y_test, clf.predict_proba(X_test)),
        }
        for name, clf in fitted.items()
    }
)
