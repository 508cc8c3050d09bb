"""What a notebook shows of an estimator and of its report."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from skdistill import CallableTeacher, DistilledClassifier, DistilledEstimator, DistilledRegressor, TreeStudent
from skdistill._documentation import _template
from skdistill._facts import fit_facts, soft_words
from skdistill._transfer import Recipe


def words(html):
    """What is read: neither styles nor scripts nor tags."""
    return " ".join(re.sub(r"<style.*?</style>|<script.*?</script>|<[^>]*>", " ", html, flags=re.DOTALL).split())


def test_a_fitted_estimator_shows_teachers_student_and_figures():
    X, y = load_iris(return_X_y=True, as_frame=True)
    teachers = ["logistic", ("svm", SVC(C=10))]
    clf = DistilledClassifier(teachers, TreeStudent(max_leaves=4), cv=3, random_state=0).fit(X, y)
    shown = words(clf._repr_html_())
    for name, weight in clf.teacher_weights_.items():
        assert f"{name} (weight {weight:.2f}, temperature {clf.temperatures_[name]:.3g})" in shown
    assert f"student ({clf.to_model().nbytes:,} bytes packed, {soft_words(clf.recipe_)})" in shown
    assert "teacher_weights_" in shown  # scikit-learn's own table of fitted attributes
    assert "Not fitted" not in shown
    report = clf.report(X, y)
    assert report.verdict.replace("'", "&#x27;") in report._repr_html_()


def test_labels_in_words():
    assert soft_words(Recipe(TreeStudent(), 0.0)) == "soft labels"
    assert soft_words(Recipe(TreeStudent(), 0.3)) == "soft labels with 30% of the true ones"


def test_a_student_of_another_library_and_no_teachers():
    X, y = load_diabetes(return_X_y=True)
    reg = DistilledRegressor("ridge", DecisionTreeRegressor(max_depth=2), random_state=0).fit(X, y)
    del reg.teachers_, reg.oracle_
    shown = words(reg._repr_html_())
    assert "student (soft labels with 70% of the true ones)" in shown or "student (hard labels)" in shown
    assert "DecisionTreeRegressor" in shown
    assert "ridge" in shown


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (DistilledClassifier(), ["the default committee", "tree", "Not fitted"]),
        (DistilledEstimator("forest", "linear"), ["forest", "linear"]),
        (
            DistilledClassifier([("<b>", SVC()), FrozenEstimator(LogisticRegression())]),
            ["&lt;b&gt;", "FrozenEstimator"],
        ),
        (DistilledClassifier([CallableTeacher(print, classes=[0, 1])]), ["CallableTeacher"]),
    ],
)
def test_an_estimator_that_is_not_fitted_shows_what_it_was_given(estimator, expected):
    html = estimator._repr_html_()
    assert "<b><" not in html
    for each in expected:
        assert each in words(html)


def test_facts_tell_how_it_was_fitted():
    X, y = load_iris(return_X_y=True)
    clf = DistilledClassifier(["logistic"], "linear", augmentation="munge", blend=0.5, random_state=0).fit(X, y)
    clf.fit_seconds_ = {"teachers": 1.23, "student": 0.01}
    facts = fit_facts(clf)
    assert facts["committee"].startswith("logistic (weight 1.00, temperature ")
    assert facts["labels"] == "soft labels with 50% of the true ones"
    assert facts["augmentation"].startswith("Munge(")
    assert facts["student"] == "LinearStudent(loss='log_loss')"
    assert facts["seconds"] == "1.2 (teachers 1.2)"
    assert clf.report(X, y).evidence.fitted == facts


@pytest.fixture
def package_at(monkeypatch):
    """The package as if its metadata named these sites."""

    def at(*sites):
        named = metadata.metadata("skdistill")
        del named["Project-URL"]
        for site in sites:
            named["Project-URL"] = site
        monkeypatch.setattr(metadata, "metadata", lambda name: named)
        _template.cache_clear()

    yield at
    _template.cache_clear()


def test_names_link_to_their_pages_where_the_documentation_is_published(package_at):
    package_at("Source, https://source.example", "Documentation, https://docs.example")
    shown = DistilledClassifier([CallableTeacher(abs)], TreeStudent())._repr_html_()
    for name in ("DistilledClassifier", "CallableTeacher", "TreeStudent"):
        assert f'href="https://docs.example/reference/skdistill.{name}.html"' in shown
        # Pages are named after what the reference lists.
        assert re.search(rf"^   {name}$", (Path(__file__).parents[1] / "docs/api.md").read_text(), flags=re.MULTILINE)
    assert "sklearn.linear_model.LogisticRegression.html" in LogisticRegression()._repr_html_()


def test_names_link_nowhere_where_it_is_not(package_at):
    package_at("Source, https://source.example")
    assert "/reference/skdistill." not in DistilledClassifier(student=TreeStudent())._repr_html_()
