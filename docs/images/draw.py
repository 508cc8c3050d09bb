"""Draw the pictures of README from real data: ``make pictures``.

Each is an SVG that follows the reader's light or dark mode.
"""

from __future__ import annotations

from pathlib import Path

from sklearn.model_selection import train_test_split

from skdistill import DistilledClassifier, TreeStudent
from skdistill._demo import _DATA
from skdistill.report import StudentDisplay
from skdistill.report._svg import alone, draw_svg


def main() -> None:
    """A tree of ten leaves that says which flights out of New York are late."""
    X, y, _ = _DATA["flights"][1]()
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    teachers = ["logistic", "lightgbm"]
    clf = DistilledClassifier(teachers, TreeStudent(max_leaves=10), random_state=0).fit(X_train, y_train)
    display = StudentDisplay.from_estimator(clf, X_test)
    svg = draw_svg(lambda figure, _: display.plot(figure=figure), display.size, "student")
    Path(__file__).with_name("student.svg").write_text(alone(svg), encoding="utf-8")


if __name__ == "__main__":
    main()
