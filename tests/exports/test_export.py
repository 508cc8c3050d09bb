"""The frame: which target, what is left on disk, what is refused; and every kind of model in every target."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import skdistill
from skdistill import DistilledClassifier, ExportMismatchError, export
from skdistill.exports._export import TARGETS, Target
from skdistill.exports._python import TARGET as PYTHON
from skdistill.model import Decoded, load


@pytest.mark.parametrize("target", TARGETS)
def test_every_kind_of_model(models, target, tmp_path):
    """`export` verifies: a mismatch is an error. The tests of each target look at its answers by themselves."""
    chosen = {name: model for name, model in models.items() if target != "c_int" or _takes_integers(model)}
    if target.startswith("c"):
        # A compiler takes its time: test_export_c.py and test_export_c_int.py have the whole matrix in one file.
        chosen = dict(list(chosen.items())[::9])
    for name, model in chosen.items():
        path = export(model, tmp_path / f"{name}.out", target=target)
        assert path.stat().st_size > 0
    assert len(list(tmp_path.iterdir())) == len(chosen)


def _takes_integers(model):
    return model.output.link != "exp" and not isinstance(model.predictor, Decoded)


def test_suffix_tells_the_target(models, tmp_path):
    beginnings = {"s.py": '"""', "s.h": "/*", "s.c": "/*", "s.sql": "--", "s.JSON": "{"}
    for name, beginning in beginnings.items():
        assert export(models["full"], tmp_path / name).read_text().startswith(beginning)
    loaded = load(tmp_path / "s.JSON")
    assert np.array_equal(loaded.evaluate([[1, 2, "clerk", 1]]), models["full"].evaluate([[1, 2, "clerk", 1]]))
    with pytest.raises(ValueError, match=re.escape(".sql, .onnx, .json, .bin, unless 'target'")):
        export(models["full"], tmp_path / "student.java")
    with pytest.raises(ValueError, match=r"must be one of .'python', .* or None. Got 'java' instead"):
        export(models["full"], tmp_path / "student.py", target="java")
    with pytest.raises(TypeError, match=r"must be a Model or a fitted estimator of skdistill. Got list"):
        export([], tmp_path / "student.py")
    with pytest.raises(TypeError, match=r"Got Pipeline. Export its last step, pipeline\[-1\], which takes what the"):
        export(make_pipeline(DistilledClassifier()), tmp_path / "student.py")


def test_mismatch_leaves_what_was_there(models, tmp_path, monkeypatch):
    def wrong(model, form, name):
        return PYTHON.write(model, form, name).replace(b"_VALUES[_leaf(row)]", b"_VALUES[0]")

    monkeypatch.setattr("skdistill.exports._python.TARGET", PYTHON._replace(write=wrong))
    (tmp_path / "student.py").write_text("before")
    with pytest.raises(ExportMismatchError, match=r"The export answers .* where the model says .* for the raw row"):
        export(models["full"], tmp_path / "student.py")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_wrong_labels_are_a_mismatch(models, tmp_path, monkeypatch):
    def wrong(model, form, name):
        return PYTHON.write(model, form, name).replace(b" " * 16 + b"return (", b" " * 16 + b"return 'mid' or (")

    monkeypatch.setattr("skdistill.exports._python.TARGET", PYTHON._replace(write=wrong))
    with pytest.raises(ExportMismatchError, match="The export decides for 'mid' where the model's values are"):
        export(models["full"], tmp_path / "student.py")
    assert not list(tmp_path.iterdir())


def test_failed_write_leaves_nothing(models, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        export(models["full"], tmp_path / "student.py")
    assert not list(tmp_path.iterdir())


def test_every_target_says_what_it_is():
    for module, _ in TARGETS.values():
        assert isinstance(import_module(module, "skdistill.exports").TARGET, Target)


def test_fitted_estimator(people, tmp_path):
    X, y = people
    clf = DistilledClassifier("logistic", "tree", random_state=0).fit(X, y)
    names: dict = {}
    exec(skdistill.export(clf, tmp_path / "student.py").read_text(), names)
    answers = [names["predict_one"](row) for row in X.to_dict("records")]
    assert answers == clf.predict(X).tolist()
    assert [clf.predictor().predict_one(row) for row in X.to_numpy(object).tolist()] == answers
