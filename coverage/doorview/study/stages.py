"""What a run costs, stage by stage: time, processor time, memory, bytes read and written.

Costs say nothing of a city and change no result. Where a system does not tell one of them, it is None.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Cost", "Progress", "Stages", "peak_memory_bytes", "silent"]

Progress = Callable[..., None]

_IO = Path("/proc/self/io")


def silent(stage: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


@dataclass
class Cost:
    """What a stage cost; entered several times, the sum.

    Attributes
    ----------
    seconds, cpu_seconds
        Time, and processor time of all threads and of ended child processes [s].
    bytes_read, bytes_written
        What passed through calls of the system, read from a disk or from its cache alike; None if it does not tell.
    peak_memory_bytes
        The most memory that the process had held at the end of the stage; None if the system does not tell.
    within
        Stage that it is a part of, or None.

    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes_read: int | None = None
    bytes_written: int | None = None
    peak_memory_bytes: int | None = None
    within: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the cost as plain JSON values, times to a millisecond."""
        return {
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "bytes_read": self.bytes_read,
            "bytes_written": self.bytes_written,
            "peak_memory_bytes": self.peak_memory_bytes,
            **({"within": self.within} if self.within else {}),
        }


@dataclass
class Stages:
    """What each stage costs, and who is told of progress."""

    tell: Progress = silent
    costs: dict[str, Cost] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage."""
        return {name: cost.seconds for name, cost in self.costs.items()}

    @property
    def current(self) -> str | None:
        """Innermost stage that is going on, or None."""
        return self._open[-1] if self._open else None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside, and tell its name."""
        self.tell(name)
        # In its place among the others from the start on, so that a part follows what it is a part of.
        cost = self.costs.setdefault(name, Cost(within=self.current))
        self._open.append(name)
        began, cpu, (read, wrote) = time.perf_counter(), cpu_seconds(), _passed()
        try:
            yield
        finally:
            self._open.pop()
            read_now, wrote_now = _passed()
            cost.seconds += time.perf_counter() - began
            cost.cpu_seconds += cpu_seconds() - cpu
            cost.bytes_read = _more(cost.bytes_read, read, read_now)
            cost.bytes_written = _more(cost.bytes_written, wrote, wrote_now)
            cost.peak_memory_bytes = peak_memory_bytes()

    def facts(self) -> dict[str, Any]:
        """Return what run.json says of costs: the sums, and each stage's. Parts of a stage count in it."""
        whole = [cost for cost in self.costs.values() if cost.within is None]
        return {
            "seconds": round(sum(cost.seconds for cost in whole), 3),
            "cpu_seconds": round(sum(cost.cpu_seconds for cost in whole), 3),
            "bytes_read": _sum([cost.bytes_read for cost in whole]),
            "bytes_written": _sum([cost.bytes_written for cost in whole]),
            "peak_memory_bytes": peak_memory_bytes(),
            "processors": os.cpu_count(),
            "stages": {name: cost.as_dict() for name, cost in self.costs.items()},
        }


def cpu_seconds() -> float:
    """Return the processor time of this process, all its threads and its ended children [s]."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def peak_memory_bytes() -> int | None:
    """Return the most memory that this process has held so far [bytes]; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) if sys.platform == "darwin" else int(most) * 1024  # Linux counts in KiB


def _passed() -> tuple[int | None, int | None]:
    """Return the bytes that this process has read and written so far (Linux: rchar and wchar of proc(5))."""
    try:
        lines = _IO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    found = {name: int(number) for name, _, number in (line.partition(": ") for line in lines) if number.isdigit()}
    return found.get("rchar"), found.get("wchar")


def _more(so_far: int | None, before: int | None, now: int | None) -> int | None:
    return so_far if before is None or now is None else (so_far or 0) + now - before


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
