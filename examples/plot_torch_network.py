"""
A torch network as teacher
==========================

A convolutional network sees that neighbouring pixels belong together. An additive student, a table for each pixel,
learns what the network says of images, those without labels included.
"""

# %%
# The network is fitted elsewhere, by whatever loop torch people write, on half of the images of digits.
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from skdistill import AdditiveStudent, CallableTeacher, DistilledClassifier

torch.manual_seed(0)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
elsewhere, X, y_elsewhere, y = train_test_split(X, y, train_size=0.5, stratify=y, random_state=0)


def images(rows):
    """Rows of 64 shades as images of one channel."""
    return torch.as_tensor(rows / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)


network = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 4 * 4, 10),
)  # fmt: skip
optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
inputs, labels = images(elsewhere), torch.as_tensor(y_elsewhere)
for _ in range(30):
    for batch in torch.randperm(len(inputs)).split(64):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
        optimiser.step()
network.eval()


# %%
# A function from rows to probabilities is all that distillation needs of it.
@torch.inference_mode()
def ask(rows):
    """Probabilities of the ten digits."""
    return network(images(rows)).softmax(dim=1).numpy()


# %%
# Few of the other images have labels; the network is asked about the rest too.
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
X_train, X_unlabeled, y_train, _ = train_test_split(X_train, y_train, train_size=200, stratify=y_train, random_state=0)
clf = DistilledClassifier(
    [("network", CallableTeacher(ask, classes=list(range(10))))],
    AdditiveStudent(max_bins=8, pairs=0),
    random_state=0,
).fit(X_train, y_train, X_unlabeled=X_unlabeled)
parameters = sum(each.numel() for each in network.parameters())
print(f"The network holds {4 * parameters:,} bytes of weights, the student {clf.to_model().nbytes:,} bytes.")

# %%
# What is shipped needs no torch. The size of the committee in this table leaves the network out, which is behind a
# function; the student on hard labels learns from the 200 labels alone.
print(clf.report(X_test, y_test))
