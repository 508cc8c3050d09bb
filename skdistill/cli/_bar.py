"""What a fit tells, on a terminal: a bar with the time left for the stage under way, a line for each that is done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from .._progress import LOGGER


class Bar:
    """A callback of scikit-learn's that shows the stages of one estimator."""

    def __init__(self, console: Console) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("reading", total=None)

    def setup(self, estimator: Any, context: Any) -> None:
        """Appear."""
        self._progress.start()

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Show a stage from its beginning."""
        if context.parent is not None and context.parent.parent is None:
            self._progress.remove_task(self._task)
            self._task = self._progress.add_task(context.task_name, total=context.max_subtasks or None)

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Count a step, and say which it was."""
        if context.parent is not None and context.parent.parent is not None:
            last = context.task_name if len(context.task_name) <= 40 else f"{context.task_name[:39]}…"
            self._progress.update(self._task, advance=1, description=f"{context.parent.task_name} [dim]{last}[/dim]")

    def teardown(self, estimator: Any, context: Any) -> None:
        """Disappear."""
        self._progress.stop()


class _Lines(logging.Handler):
    """A line for each stage that is done."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(f"  {record.getMessage()}", style="dim", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watched(estimator: Any, console: Console) -> Iterator[None]:
    """Show on a console what the estimator's fit tells meanwhile."""
    lines, level = _Lines(console), LOGGER.level
    LOGGER.addHandler(lines)
    LOGGER.setLevel(logging.INFO)
    estimator.set_callbacks(Bar(console))
    try:
        yield
    finally:
        estimator.set_callbacks()
        LOGGER.setLevel(level)
        LOGGER.removeHandler(lines)
