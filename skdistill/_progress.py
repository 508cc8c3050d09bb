"""What a fit tells while it works: to the logger ``skdistill``, and to callbacks of scikit-learn such as `ProgressBar`.

Both hear of the same stages and steps, so that whoever shows progress, in a terminal or in a log, needs nothing else.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: Says nothing unless somebody listens: a line for each stage at INFO, for each step of one at DEBUG. A record has the
#: attributes `stage`, `seconds` and `facts`, a dict of what its message says.
LOGGER = logging.getLogger("skdistill")

#: The stages of a fit, in their order; some are left out where there is nothing to do.
STAGES = (
    "sample",
    "encoder",
    "budget",
    "teachers",
    "rounds",
    "targets",
    "assistants",
    "selection",
    "student",
    "rival on hard labels",
)

_LEVELS = {0: logging.WARNING, 1: logging.INFO}


class Stage:
    """A stage under way."""

    def __init__(self, estimator: Any, context: Any, name: str) -> None:
        self.name = name
        self.text: list[str] = []
        self.facts: dict[str, Any] = {}
        self._estimator, self._context = estimator, context

    def say(self, text: str, **facts: Any) -> None:
        """Add to what is told when the stage ends.

        Parameters
        ----------
        text : str
            For people.
        **facts : Any
            The same for machines.
        """
        self.text.append(text)
        self.facts |= facts

    def step(self, name: str, seconds: float, **facts: Any) -> None:
        """Tell that one of the steps is done."""
        if self._context is not None:
            done = self._context.subcontext(task_name=name)
            done.call_on_fit_task_begin(estimator=self._estimator)
            done.call_on_fit_task_end(estimator=self._estimator)
        _tell(logging.DEBUG, self.name, [name], seconds, facts)


class Progress:
    """The telling of one fit.

    Parameters
    ----------
    estimator : an estimator with `CallbackSupportMixin`
    seconds : dict
        Gets the wall-clock seconds of each stage.
    """

    def __init__(self, estimator: Any, seconds: dict[str, float]) -> None:
        self._estimator, self._seconds = estimator, seconds
        self._root = estimator._init_callback_context(max_subtasks=len(STAGES))
        self._root.call_on_fit_task_begin(estimator=estimator)

    @contextmanager
    def stage(self, name: str, steps: int = 0) -> Iterator[Stage]:
        """Time a stage, one of `STAGES`, and tell when it ends.

        Parameters
        ----------
        name : str
        steps : int
            How often `Stage.step` will be called, at most.
        """
        assert name in STAGES
        context = self._root.subcontext(task_name=name, max_subtasks=steps)
        context.call_on_fit_task_begin(estimator=self._estimator)
        stage = Stage(self._estimator, context if steps else None, name)
        started = time.perf_counter()
        yield stage
        self._seconds[name] = time.perf_counter() - started
        context.call_on_fit_task_end(estimator=self._estimator)
        _tell(logging.INFO, name, stage.text, self._seconds[name], stage.facts)

    def end(self) -> None:
        """Tell that the fit is done."""
        self._root.call_on_fit_task_end(estimator=self._estimator, reconstruction_attributes={})


def tell(stage: str, text: str, seconds: float, **facts: Any) -> None:
    """Log what a part of a stage took, from where no `Stage` is at hand."""
    _tell(logging.DEBUG, stage, [text], seconds, facts)


def _tell(level: int, stage: str, text: list[str], seconds: float, facts: dict[str, Any]) -> None:
    LOGGER.log(
        level,
        "%s: %s(%.1f s)",
        stage,
        "; ".join(text) + " " if text else "",
        seconds,
        extra={"stage": stage, "seconds": seconds, "facts": facts},
    )


@contextmanager
def spoken(verbose: int) -> Iterator[None]:
    """Print what is told meanwhile: with 1 stages, with 2 also their steps."""
    if not verbose:
        yield
        return
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[%(name)s] %(message)s"))
    handler.setLevel(_LEVELS.get(int(verbose), logging.DEBUG))
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(min(handler.level, before or handler.level))
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
