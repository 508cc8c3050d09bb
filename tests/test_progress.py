"""What a fit tells: to the log, to whoever asks for it with `verbose`, and to scikit-learn's callbacks."""

from __future__ import annotations

import io
import logging
import warnings

import pytest
from rich.console import Console
from sklearn.callback import ProgressBar
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

from skdistill import DistilledClassifier, Munge, TreeStudent
from skdistill._progress import LOGGER, STAGES

X, y = load_breast_cancer(return_X_y=True, as_frame=True)


def quick(**params: object) -> DistilledClassifier:
    settings = {"student": TreeStudent(max_leaves=4, repair=None), "cv": 3, "blend": 0.3, "random_state": 0, **params}
    return DistilledClassifier(["logistic"], **settings)


class Recorder:
    """A callback of scikit-learn's protocol that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    def setup(self, estimator, context):
        self.heard.append(("setup",))

    def on_fit_task_begin(self, estimator, context):
        self.heard.append(("begin", *self.path(context)))

    def on_fit_task_end(self, estimator, context):
        self.heard.append(("end", *self.path(context)))

    def teardown(self, estimator, context):
        self.heard.append(("teardown",))

    def path(self, context) -> list[str]:
        above = [] if context.parent is None else self.path(context.parent)
        return [*above, context.task_name]


def test_fit_is_silent_unless_asked(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quick().fit(X, y)
    assert capfd.readouterr() == ("", "")
    quick(verbose=1).fit(X, y)
    said = capfd.readouterr().out
    assert "[skdistill] encoder: classification of 569 rows, 30 columns as 30 features (" in said
    assert "fold" not in said.replace("folds", "")
    quick(verbose=2).fit(X, y)
    assert "[skdistill] teachers: logistic, fold 3 of 3 (" in capfd.readouterr().out
    assert LOGGER.handlers == []
    assert LOGGER.level == logging.NOTSET


def test_the_log_has_a_record_for_each_stage(caplog):
    caplog.set_level(logging.INFO, "skdistill")
    clf = quick(blend="auto").fit(X, y)
    records = {record.stage: record for record in caplog.records}
    assert list(records) == [stage for stage in STAGES if stage not in ("sample", "budget", "rounds", "assistants")]
    assert records["encoder"].facts == {"task": "classification", "rows": 569, "columns": 30, "features": 30}
    assert records["teachers"].facts == {"fits": 7, "folds": 3}
    assert records["targets"].facts == {"weights": clf.teacher_weights_}
    assert records["selection"].facts["recipes"] == len(clf.selection_)
    assert records["student"].facts == {"nbytes": {clf.student_name_: clf.to_model().nbytes}}
    assert (
        "chosen from 4 recipes, judged by log-loss on 569 rows that no teacher had seen" in records["student"].message
    )
    assert {name: record.seconds for name, record in records.items()} == clf.fit_seconds_
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_steps_and_labels_are_for_debugging(caplog):
    caplog.set_level(logging.DEBUG, "skdistill")
    quick(augmentation=Munge(factor=2.0)).fit(X, y, X_unlabeled=X[:99])
    said = "\n".join(record.message for record in caplog.records)
    assert "labels: 99 unlabelled rows (" in said
    assert "labels: 1,138 rows drawn by Munge(factor=2.0) (" in said


def test_callbacks_hear_of_stages_and_steps():
    recorder = Recorder()
    quick(student="auto", max_bytes=300, blend="auto").set_callbacks(recorder).fit(X, y)
    assert recorder.heard[0] == ("setup",)
    assert recorder.heard[-1] == ("teardown",)
    ended = [heard[1:] for heard in recorder.heard if heard[0] == "end"]
    assert [path[1] for path in ended if len(path) == 2] == [
        stage for stage in STAGES[1:] if stage not in ("rounds", "assistants")
    ]
    fits = [path[2] for path in ended if len(path) == 3 and path[1] == "teachers"]
    assert len(fits) == 7
    assert fits[:4] == ["logistic, all rows", *(f"logistic, fold {i} of 3" for i in (1, 2, 3))]
    trials = [path[2] for path in ended if len(path) == 3 and path[1] == "selection"]
    assert any("on hard labels, trial 1" in trial for trial in trials)
    assert ended[-1] == ("fit",)


def test_a_fit_that_fails_takes_its_callbacks_down():
    recorder = Recorder()
    clf = quick().set_callbacks(recorder)
    with pytest.raises(ValueError, match="class"):
        clf.fit(X, y * 0)
    assert recorder.heard[-1] == ("teardown",)
    assert ("end", "fit") not in recorder.heard


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scikit_learns_progress_bar_shows_the_stages(monkeypatch, n_jobs):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    quick(n_jobs=n_jobs).set_callbacks(ProgressBar()).fit(X, y)
    shown = screen.getvalue()
    assert "DistilledClassifier - fit" in shown
    assert "DistilledClassifier - teachers" in shown
    assert "100%" in shown


def test_a_search_takes_the_progress_bar_too(monkeypatch):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    search = GridSearchCV(quick(), {"student__max_leaves": [2, 4]}, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, y)
    assert "GridSearchCV" in screen.getvalue()
    assert "DistilledClassifier - fit" in screen.getvalue()
