"""The words say what the reference evaluator computes: read by `reader`, on random models and awkward rows."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import random_models
import reader
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from skdistill import AdditiveStudent, DistilledClassifier, DistilledRegressor, LinearStudent, RuleStudent, TreeStudent
from skdistill.model import CategoryColumn, Linear, Model, NumericColumn, Output, Preprocessor, Tree, load
from skdistill.words import Wording, above, rules

KINDS = ["tree", "linear", "additive", "tree_sum"]
#: Numbers, a missing value that is told apart, text, and categories that are numbers.
COLUMNS = (
    NumericColumn("a", fill=0.25, center=float(np.float32(0.3)), scale=float(np.float32(1.7)), missing=True),
    NumericColumn("b", fill=-1.0),
    CategoryColumn("c", ("red", "missing", 'a "quoted" one'), missing=True),
    CategoryColumn("d", (1, 2.5)),
)
PREPROCESSOR = Preprocessor(COLUMNS)


def random_rows(rng: np.random.Generator, model: Model, n: int) -> list[dict[str, object]]:
    """Raw rows, half of their numbers at a threshold or next to it."""
    predictor = model.predictor
    trees = predictor.trees if hasattr(predictor, "trees") else [predictor]
    cuts = [float(t) for tree in trees if isinstance(tree, Tree) for t in tree.threshold]
    cuts += [float(edge) for edges in getattr(predictor, "edges", ()) for edge in edges]
    cuts += [float(edge) for pair in getattr(predictor, "pairs", ()) for edges in pair.edges for edge in edges]

    def some_number(column: NumericColumn) -> float | None:
        if rng.random() < 0.15:
            return None
        if not cuts or rng.random() < 0.5:
            return float(np.float32(rng.normal()))
        near = np.float32(rng.choice(cuts)) / np.float32(column.scale) + np.float32(column.center)
        return float(np.nextafter(near, np.float32(rng.choice([-np.inf, np.inf]))) if rng.random() < 0.5 else near)

    colours, grades = ["red", "missing", 'a "quoted" one', "unseen", None], [1, 2.5, 7, None]
    return [
        {
            "a": some_number(COLUMNS[0]),
            "b": some_number(COLUMNS[1]),
            "c": colours[rng.integers(5)],
            "d": grades[rng.integers(4)],
        }
        for _ in range(n)
    ]


def random_model(kind: str, seed: int, k: int) -> Model:
    """Of a random predictor on `COLUMNS`: 9 encoded features. A regression where `k` is 1."""
    rng, d = np.random.default_rng(seed), PREPROCESSOR.n_encoded
    if kind == "tree":
        predictor = random_models.random_tree(rng, int(rng.integers(1, 30)), d, k, chain=bool(rng.integers(2)))
    elif kind == "linear":
        predictor = Linear(rng.normal(size=(d, k)) * (rng.random((d, 1)) < 0.7), rng.normal(size=k))
    elif kind == "additive":
        predictor = random_models.random_additive(rng, d, k)
    elif kind == "rules":
        predictor = random_models.random_rules(rng, int(rng.integers(0, 9)), d, k)
    else:
        predictor = random_models.random_tree_sum(rng, int(rng.integers(0, 6)), d, k)
    link = "identity" if k == 1 else "simplex" if kind == "tree" else "softmax"
    task = "regression" if k == 1 else "classification"
    classes, targets = (None, ("y",)) if k == 1 else (tuple("uvwxyz"[:k]), ())
    return Model(PREPROCESSOR, predictor, Output(task, link, classes, targets))


def as_columns(rows: list[dict[str, object]]) -> dict[str, list[object]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def scores_of(model: Model, rows: list[dict[str, object]]) -> np.ndarray:
    """What points are of: log-odds of the second class, scores up to a constant, or values."""
    decision = model.decision(as_columns(rows))
    return decision[:, 1:] - decision[:, :1] if decision.shape[1] == 2 else decision


def allowed(text: str) -> float:
    found = re.search(r"may be off(?: by up to ([0-9.e+-]*[0-9]))?", text)
    return float(found[1] or 0) * 1.06 + 1e-9 if found else 1e-9  # told to two digits


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_rules_of_a_tree_lead_to_its_answers(seed, k):
    model = random_model("tree", seed, k)
    rows = random_rows(np.random.default_rng(seed), model, 40)
    text = model.rules()
    lines = [line for line in text.split("\n\n")[1].splitlines() if line]
    fills = reader.gap_fills(text, "Where a value is missing")
    answers = model.evaluate(as_columns(rows))
    for row, answer, label in zip(rows, answers, model.predict(as_columns(rows)), strict=True):
        leaf = reader.follow(lines, row, fills)
        if k == 1:
            assert float(leaf.removeprefix("y = ")) == pytest.approx(answer[0], rel=1e-3)
            continue
        assert leaf.startswith(f"{label} ")
        for name, share in re.findall(r"(\w+) ([0-9.]+) %", leaf.replace("over 99.9", "99.95")):
            expected = 1 - sum(sorted(answer)[-3:]) if name == "others" else answer["uvwxyz".index(name)]
            assert float(share) / 100 == pytest.approx(expected, abs=6e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_rules_add_up_to_the_scores(seed, k):
    model = random_model("rules", seed, k)
    rows = random_rows(np.random.default_rng(seed), model, 40)
    text = model.rules()
    if not model.predictor.trees:
        assert text.startswith("Sum of 0 trees")
        return
    lines = text.split("\n\n")[2].splitlines()[1:]
    fills = reader.gap_fills(text, "Where a value is missing")
    for row, score in zip(rows, scores_of(model, rows), strict=True):
        points = score if k == 1 else score * 20 / np.log(2)
        assert np.abs(reader.add_rules(lines, row, fills) - points).max() <= allowed(text)
    shares = [line.rsplit("  ", 1)[1] for line in model.rules(as_columns(rows)).split("\n\n")[2].splitlines()[2:]]
    for line, share in zip(lines[1:], shares, strict=True):
        told = np.mean([reader.holds(re.split(r" {2,}", line)[0].removeprefix("if "), row, fills) for row in rows])
        assert float(share.removesuffix(" %")) == pytest.approx(100 * told, abs=0.05)


@pytest.mark.parametrize("kind", ["linear", "additive"])
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 4))
def test_a_scorecard_adds_up_to_the_scores(kind, seed, k):
    model = random_model(kind, seed, k)
    rows = random_rows(np.random.default_rng(seed), model, 40)
    text = model.rules()
    card = text.split("\n\n")[2].splitlines()[1:]
    fills = reader.gap_fills(text, "Where a value is missing")
    pair_fills = reader.gap_fills(text, "In lines of two columns")
    for row, score in zip(rows, scores_of(model, rows), strict=True):
        total = reader.add_up(card, row, fills, pair_fills)
        slack = allowed(text)
        if kind == "linear":
            numbers = [float(np.abs(row[name] or 0)) for name in "ab"]
            slack += 1e-3 * max(numbers) * 60 * float(np.abs(model.predictor.coef).max())
        points = score if k == 1 else score * 20 / np.log(2)
        assert np.abs(total - points).max() <= slack


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_numbered_trees_add_up_to_the_scores(seed, k):
    model = random_model("tree_sum", seed, k)
    # Trees of one leaf that is not zero are told as rules, which have a test of their own.
    assume(max((np.count_nonzero(tree.value) for tree in model.predictor.trees), default=0) != 1)
    rows = random_rows(np.random.default_rng(seed), model, 20)
    text = model.rules()
    fills = reader.gap_fills(text, "Where a value is missing")
    names = ["y"] if k == 1 else ["v"] if k == 2 else list("uvwxyz"[:k])
    starts = dict(
        re.findall(r"(-?[0-9.]+) for (\w+)", text.split("\n\n")[1].split(". Add")[0])[i][::-1]
        for i in range(len(names))
    )
    trees = re.findall(r"Tree \d+, points for (\w+):\n\n((?:.+\n?)+)", text)
    assert len(trees) == model.predictor.n_trees
    for row, score in zip(rows, scores_of(model, rows), strict=True):
        totals = {name: float(starts[name]) for name in names}
        for name, lines in trees:
            totals[name] += float(reader.follow(lines.splitlines(), row, fills))
        points = score if k == 1 else score * 20 / np.log(2)
        assert np.abs([totals[name] for name in names] - points).max() <= allowed(text)


@pytest.mark.parametrize("kind", KINDS)
def test_markdown_says_what_the_text_says(kind):
    model = random_model(kind, 3, 3)
    rows = as_columns(random_rows(np.random.default_rng(0), model, 30))

    def words(text: str) -> list[str]:
        return [word for word in text.split() if word not in {"###", "-", "|", "--:", ":--"}]

    assert words(re.sub(r"\\(.)", r"\1", model.rules(rows, format="markdown"))) == words(model.rules(rows))


@pytest.mark.parametrize("kind", ["tree", "tree_sum"])
def test_shares_of_rows_are_those_of_the_leaves(kind):
    model = random_model(kind, 5, 1)
    rows = random_rows(np.random.default_rng(1), model, 200)
    trees = [model.predictor] if kind == "tree" else list(model.predictor.trees)
    sections = [part for part in model.rules(as_columns(rows)).split("\n\n") if " of rows)" in part]
    Z = model.preprocessor.transform(as_columns(rows))
    assert len(sections) == len(trees)
    for tree, section in zip(trees, sections, strict=True):
        told = sorted(float(share) for share in re.findall(r"\(([0-9.]+) % of rows", section))
        counted = sorted(100 * np.bincount(tree.apply(Z), minlength=tree.n_leaves) / len(rows))
        assert told == pytest.approx(
            [share for share in counted if share or len(told) == len(counted)][-len(told) :], abs=0.06
        )
        assert sum(told) == pytest.approx(100, abs=0.06 * len(told))


def test_what_the_tests_above_imply_is_left_out():
    # Is it red, else is it "missing", is it known, a threshold that nothing is below, and the flag of a missing number.
    feature, threshold = [3, 4, -1, -1, 4, -1, -1], [0.5, 0.5, 0, 0, 0.5, 0, 0]
    tree = Tree(feature, threshold, [4, 3, 0, 0, 6, 0, 0], [[1.0], [2.0], [3.0], [4.0]], 9)
    model = Model(PREPROCESSOR, tree, Output("regression", "identity", targets=("y",)))
    assert model.rules().split("\n\n")[1].splitlines() == [
        'if c is "red": y = 3',
        'else if c is "missing": y = 2',
        "else: y = 1",
    ]
    tree = Tree(
        [1, 0, -1, -1, 0, -1, -1], [0.5, -9, 0, 0, 0, 0, 0], [4, 3, 0, 0, 6, 0, 0], [[1.0], [2.0], [3.0], [4.0]], 9
    )
    model = Model(PREPROCESSOR, tree, Output("regression", "identity", targets=("y",)))
    assert model.rules().split("\n\n")[1].splitlines()[0] == "if a is missing: y = 3"  # as 0.25 is below 0.3


def test_a_box_says_each_column_once():
    wording = Wording(
        Preprocessor((NumericColumn("age", fill=40.0, missing=True), CategoryColumn("job", ("a", "b", "c"))))
    )
    age, unknown, *jobs = range(5)
    out = (0.0, 0.0)
    assert (
        wording.say({age: (above(30.5), wording.whole(age)[1]), unknown: out, jobs[0]: out})
        == 'age > 30.5 and job is not "a"'
    )
    assert wording.say({jobs[0]: out, jobs[2]: out, unknown: out}) == 'job is not "a" or "c" and age is known'
    held = {**dict.fromkeys(jobs[:2], out), **wording.implied(jobs[2]), jobs[2]: (1.0, 1.0)}
    assert wording.say(held) == 'job is "c"'
    assert wording.say({**wording.implied(unknown), unknown: (1.0, 1.0)}) == "age is missing"
    assert wording.say({age: wording.whole(age)}) == ""


def test_a_box_of_categories_says_what_else_a_row_may_be():
    wording = Wording(Preprocessor((CategoryColumn("job", ("a", "b"), missing=True),)))
    out = (0.0, 0.0)
    assert wording.say({0: out, 1: out}) == 'job is not "a" or "b"'
    assert wording.say({0: out, 2: out}) == 'job is not "a" and job is known'
    assert wording.say({2: out}) == "job is known"
    assert wording.say({**wording.implied(2), 2: (1.0, 1.0)}) == "job is missing"


def test_names_that_could_be_misread_are_quoted():
    columns = (NumericColumn(" two\nlines "), CategoryColumn("*job*", ("a|b",)))
    tree = Tree([0, -1, 1, -1, -1], [1, 0, 0.5, 0, 0], [2, 0, 4, 0, 0], [[1, 0], [0, 1], [0.5, 0.5]], 2)
    model = Model(Preprocessor(columns), tree, Output("classification", "simplex", ("", "yes")))
    assert r'if " two\nlines " <= 1: "" 100 %, yes 0 %' in model.rules()
    assert 'else if *job* is "a|b": "" 50.0 %' in model.rules()
    assert r"else if \*job\* is \"a\|b\"".replace('\\"', '"') in model.rules(format="markdown")


def test_an_unknown_format_is_refused():
    with pytest.raises(
        ValueError, match=r"'format' of rules must be one of \['markdown', 'text'\]. Got 'html' instead."
    ):
        rules(random_model("tree", 0, 2), format="html")


def test_other_links_say_what_a_total_means():
    for link, word in (("simplex", "divided by the sum"), ("identity", "the totals are its probabilities")):
        model = Model(
            Preprocessor([NumericColumn("x")]),
            Linear([[0.5, -0.5]], [0.5, 0.5]),
            Output("classification", link, ("n", "y")),
        )
        assert word in model.rules()


@pytest.mark.parametrize(
    ("student", "word"),
    [
        (TreeStudent(max_leaves=4), "Decision tree of 4 leaves"),
        (LinearStudent(), "Line as a scorecard"),
        (AdditiveStudent(), "Scorecard"),
        (RuleStudent(max_rules=3), "Sum of 3 rules over "),
    ],
)
def test_estimators_speak_of_raw_columns_and_so_do_their_files(tmp_path, student, word):
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = y.map({0: "malignant", 1: "benign"})
    clf = DistilledClassifier(["logistic"], student, blend=0.3, random_state=0).fit(X, y)
    said = clf.rules(X)
    assert said.startswith(word)
    assert "for benign or malignant" in said
    clf.to_model().save(tmp_path / "student.json")
    assert load(tmp_path / "student.json").rules(X) == said


def test_regression_on_real_rows_adds_up():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    reg = DistilledRegressor(["ridge"], AdditiveStudent(), blend=0.7, random_state=0).fit(X, y)
    text = reg.rules()
    card = text.split("\n\n")[2].splitlines()[1:]
    fills = reader.gap_fills(text, "Where a value is missing")
    X = X.rename(columns=str)
    for (_, row), value in zip(X.head(20).iterrows(), reg.predict(X.head(20)), strict=True):
        lines = [
            re.sub(r"\b(" + "|".join(X.columns) + r")\b", lambda m: "abcdefghij"[list(X.columns).index(m[0])], li)
            for li in card
        ]
        named = dict(zip("abcdefghij", row.to_dict().values()))
        by_letter = {"abcdefghij"[list(X.columns).index(name)]: value for name, value in fills.items()}
        assert abs(reader.add_up(lines, named, by_letter, {})[0] - value) <= allowed(text)


def test_students_alone_name_features_and_classes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    student = TreeStudent(max_leaves=3).fit(X, np.eye(3)[y])
    said = student.rules(output_names=["setosa", "versicolor", "virginica"])
    assert "petal" in said
    assert "setosa 9" in said
    assert "missing" not in said
    assert "x2" in TreeStudent(max_leaves=3).fit(X.to_numpy(), np.eye(3)[y]).rules()
    with pytest.raises(ValueError, match="The predictor reads 4 features, but the preprocessor encodes 1"):
        student.rules(feature_names=["one"])


def test_words_need_numpy_alone():
    program = "import sys, skdistill.words; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"sklearn", "scipy", "pandas", "rich"} & set(done.stdout.split())
