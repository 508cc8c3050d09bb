"""A kernel machine rebuilt on few landmarks, beside the students that the model form has, within equal bytes.

Run: ``OMP_NUM_THREADS=1 python -m benchmarks.kernels [folder of cached teachers]``. An SVM with RBF kernel, at most
5,000 rows. Rebuilt it is a line on the kernel's values at m centres of the rows (Nystroem: C. Williams, M. Seeger,
NeurIPS 2001; centres as landmarks: K. Zhang, I. Tsang, J. Kwok, ICML 2008) whose weights are fitted anew: to the SVM's
scores, as those of reduced sets are (C. Burges, ICML 1996), to true labels, or to the soft labels of the benchmark's
committee. Its bytes are landmarks and weights in 8 bits each, its answers are not rounded; a boosted student is packed
in 8 bits as it is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from skdistill.compression import Quantise, compress
from skdistill.model import Model, Output
from skdistill.students import BoostedStudent, LinearStudent

from .plan import Plan
from .runner import CACHE
from .splits import draw
from .teachers import teach

SETS = ("satimage", "letter")
BUDGETS = (4_096, 16_384)
TREES = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
PLAN = Plan(max_rows=5_000)


class Landmarks:
    """A line on the kernel's values at a few points."""

    def __init__(self, Z: np.ndarray, Q: np.ndarray, gamma: float, n_landmarks: int) -> None:
        self.points = KMeans(n_landmarks, n_init=1, random_state=0).fit(Z).cluster_centers_
        values, directions = np.linalg.eigh(rbf_kernel(self.points, gamma=gamma))
        self.root, self.gamma = directions / np.sqrt(np.maximum(values, 1e-6)), gamma
        self.line = LinearStudent(alpha=0.03).fit(self._features(Z), Q)

    def _features(self, Z: np.ndarray) -> np.ndarray:
        return np.float32(rbf_kernel(Z, self.points, gamma=self.gamma) @ self.root)

    def predict(self, Z: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, or scores."""
        return self.line.predict(self._features(Z))


def main(folder: str = str(CACHE / "teachers")) -> None:
    """Print a table."""
    print("| set | model | bytes | accuracy | as the SVM | log-loss | microseconds a row |")
    print("|---|---|---|---|---|---|---|")
    for name in SETS:
        split = draw(name, 0, PLAN)
        teach(split, PLAN, Path(folder))
        (Z, Z_test, _), y, y_test, k = split.scaled, split.y_train, split.y_test, split.n_outputs
        svm, d = SVC(C=10).fit(Z, y), Z.shape[1]
        told = [("SVM", 4 * (svm.support_vectors_.size + svm.dual_coef_.size), svm.decision_function, Z_test)]
        labels = {
            "the SVM's scores": svm.decision_function(Z),
            "true labels": np.eye(k)[y],
            "soft labels": split.soft(),
        }
        for budget in BUDGETS:
            n_landmarks = (budget - 4 * (d + k)) // (d + k - 1)
            size = n_landmarks * (d + k - 1) + 4 * (d + k)
            for words, Q in labels.items():
                rebuilt = Landmarks(Z, Q, svm._gamma, n_landmarks)
                told.append((f"{n_landmarks} landmarks, {words}", size, rebuilt.predict, Z_test))
            best = None
            for n_trees in TREES:
                student = BoostedStudent(n_trees=n_trees).fit(split.raw[0], split.soft())
                output = Output("classification", "softmax", tuple(range(k)))
                model = Model(split.raw[2], student.predictor_, output)
                model = compress(model, Quantise(), split.X_train, split.soft()).model
                if model.nbytes > budget:
                    break
                best = (
                    f"boosted, {n_trees} trees a class, soft labels",
                    model.nbytes,
                    model.predict_proba,
                    split.X_test,
                )
            told += [] if best is None else [best]
        said = svm.predict(Z_test)
        for words, nbytes, ask, rows in told:
            started = time.process_time()
            P = ask(rows)
            micro = 1e6 * (time.process_time() - started) / len(y_test)
            accuracy, same = (100 * np.mean(P.argmax(axis=1) == codes) for codes in (y_test, said))
            shares = np.allclose(P.sum(axis=1), 1)  # scores are no probabilities
            loss = f"{-np.log(np.maximum(P[np.arange(len(P)), y_test], 1e-15)).mean():.3f}" if shares else ""
            print(f"| {name} | {words} | {nbytes:,} | {accuracy:.1f} | {same:.1f} | {loss} | {micro:.0f} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
