"""How far a run is: a bar with the time left on a terminal and in a notebook, plain lines in a pipe or a log.

Nothing slow is imported here: `doorview --help` loads this module.
"""

from __future__ import annotations

import html
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["NotebookProgress", "Progress", "in_notebook", "plain", "telling", "time_left"]

# Control characters (but newline and tab) and marks that turn text around: names from data must not steer a terminal.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LOG_EVERY_S = 30.0
_SETTING = "DOORVIEW_PROGRESS"


def plain(text: str) -> str:
    """Return text without characters that would steer a terminal."""
    return _STEERING.sub("?", text)


def time_left(elapsed_s: float, done: int, total: int) -> str:
    """Return how long the rest takes if it goes on as before, in words; empty while nobody can say.

    >>> time_left(30.0, 10, 30)
    'about 60 s left'
    """
    if done <= 0 or done >= total or elapsed_s < 1.0:
        return ""
    seconds = elapsed_s * (total - done) / done
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


class Progress:
    """Says how far a run is: a bar on a terminal, a plain line per stage in a pipe, one every 30 s in a long stage.

    Call it as ``progress(stage)`` when a stage begins, and as ``progress(stage, done, total)`` while it goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._stage = ""
        self._began = 0.0
        self._drawn = 0.0

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Tell of a stage; `done` of `total` where the length is known."""
        now = time.monotonic()
        if stage != self._stage:
            self.end()
            self._stage, self._began, self._drawn = stage, now, 0.0
            if not self._live:
                self._drawn = now
                self._line(f"{plain(stage)} ...")
        if self._live and (now - self._drawn > 0.1 or done == total):
            self._drawn = now
            self._stream.write(f"\r\x1b[K{plain(stage)} {self._bar(done, total, now - self._began)}")
            self._stream.flush()
        elif not self._live and now - self._drawn > _LOG_EVERY_S and 0 < done < total:
            self._drawn = now
            self._line(f"{plain(stage)}: {done} of {total}, {time_left(now - self._began, done, total)}")

    def end(self) -> None:
        """Close the line of the last stage."""
        if self._live and self._stage:
            self._stream.write(f"\r\x1b[K{plain(self._stage)} {time.monotonic() - self._began:.1f} s\n")
            self._stream.flush()
        self._stage = ""

    def note(self, text: str) -> None:
        """Write one line of its own; on a terminal the stage's line is drawn again below it."""
        self._line(("\r\x1b[K" if self._live else "") + plain(text))
        self._drawn = 0.0
        if self._live and self._stage:
            self(self._stage)

    @contextmanager
    def hearing(self) -> Iterator[Progress]:
        """Note every warning of the package, such as that a busy server is asked again, until all is done."""
        handler = _Notes(self)
        package = logging.getLogger("doorview")
        further = package.propagate
        package.addHandler(handler)
        package.propagate = False  # nobody else prints it a second time
        try:
            yield self
        finally:
            package.removeHandler(handler)
            package.propagate = further
            self.end()

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()

    @staticmethod
    def _bar(done: int, total: int, elapsed_s: float) -> str:
        if total <= 0:
            return "..."
        filled = min(30, 30 * done // total)
        left = time_left(elapsed_s, done, total)
        return f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{total}{f', {left}' if left else ''}"


class _Notes(logging.Handler):
    """Hands warnings on to a progress display."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Note one warning."""
        self._progress.note(record.getMessage())


class NotebookProgress:
    """A bar in a notebook's output, redrawn in place; `show` displays an object and gives what updates it.

    Called as `Progress` is.
    """

    def __init__(self, show: Callable[[Any], Any]) -> None:
        self._show = show
        self._handle: Any = None
        self._stage = ""
        self._started = self._began = time.monotonic()
        self._drawn = 0.0

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Tell of a stage; `done` of `total` where the length is known."""
        now = time.monotonic()
        fresh = stage != self._stage
        if fresh:
            self._stage, self._began = stage, now
        if fresh or now - self._drawn > 0.2 or (total and done == total):
            self._drawn = now
            known = f' value="{done}" max="{total}"' if total else ""
            left = time_left(now - self._began, done, total)
            numbers = f" {done}/{total}{f', {left}' if left else ''}" if total else ""
            self._draw(f"<progress{known}></progress> {html.escape(stage)}{numbers}")

    def end(self) -> None:
        """Say that all is done, and how long it took."""
        self._draw(f"<small>done in {time.monotonic() - self._started:.1f} s</small>")

    def _draw(self, text: str) -> None:
        drawn = _Html(text)
        if self._handle is None:
            self._handle = self._show(drawn)
        else:
            self._handle.update(drawn)


class _Html:
    """Text that a notebook draws as HTML."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "doorview progress"


def in_notebook() -> bool:
    """Say whether this runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _silent(stage: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


@contextmanager
def telling(progress: Callable[..., None] | bool | None) -> Iterator[Callable[..., None]]:
    """Yield who is told: None a bar in notebooks only, True wherever it is, False nobody, else the function given.

    The environment variable ``DOORVIEW_PROGRESS=off`` silences what was not asked for.
    """
    if callable(progress):
        yield progress
        return
    wanted = progress is True or (progress is None and os.environ.get(_SETTING) != "off" and in_notebook())
    if not wanted:
        yield _silent
        return
    if in_notebook():
        from IPython.display import display

        bar = NotebookProgress(lambda drawn: display(drawn, display_id=True))  # type: ignore[no-untyped-call]
        try:
            yield bar
        finally:
            bar.end()
        return
    with Progress(sys.stderr).hearing() as shown:
        yield shown
