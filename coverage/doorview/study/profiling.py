"""Where a run's time goes: which code each thread is in, looked at many times a second, by stage.

Looking from a thread of its own sees all threads and slows none: compiled kernels let go of the interpreter, and a
call of one is seen at the line that makes it. Time that a thread waits for another is not counted.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from doorview.study.stages import Stages

__all__ = ["Samples", "profile_text", "profiling", "stage_lines"]

STEP_S = 0.01
"""Between two looks [s]."""
_WAITING = ("/threading.py", "/queue.py", "/selectors.py", "/subprocess.py", "/socket.py", "/concurrent/futures/")
_PACKAGE = str(Path(__file__).resolve().parents[1])
_TOP = 25


@dataclass
class Samples:
    """How often code was seen at work: (stage, place, library) -> number; looks every `STEP_S` seconds."""

    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    looks: int = 0

    def table(self) -> list[dict[str, Any]]:
        """Return the places by the part of all work seen there, most first."""
        total = sum(self.seen.values())
        return [
            {"share": round(number / total, 4), "stage": stage, "place": place, "in": library}
            for (stage, place, library), number in self.seen.most_common()
        ]


@contextmanager
def profiling(stages: Stages, *, wanted: bool = True) -> Iterator[Samples | None]:
    """Look at all threads until the block ends; None if that is not wanted."""
    if not wanted:
        yield None
        return
    samples, ended = Samples(), threading.Event()

    def look() -> None:
        own = threading.get_ident()
        while not ended.wait(STEP_S):
            stage = stages.current or "between the stages"
            samples.looks += 1
            for thread, frame in sys._current_frames().items():  # noqa: SLF001 - documented, and the only way to them
                if thread != own:
                    place = _place(frame)
                    if place is not None:
                        samples.seen[stage, *place] += 1

    watcher = threading.Thread(target=look, name="doorview-profile", daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        ended.set()
        watcher.join()


def _place(frame: FrameType) -> tuple[str, str] | None:
    """Return where a thread works: the innermost line of doorview, and the library that it called; None if it waits."""
    innermost = frame.f_code.co_filename.replace("\\", "/")
    if any(name in innermost for name in _WAITING):
        return None
    at: FrameType | None = frame
    while at is not None and not at.f_code.co_filename.startswith(_PACKAGE):
        at = at.f_back
    if at is None or at.f_code.co_filename == __file__:
        return None  # a thread of somebody else's
    file = Path(at.f_code.co_filename).relative_to(_PACKAGE).with_suffix("")
    place = f"{'.'.join(file.parts)}.{at.f_code.co_qualname}, line {at.f_lineno}"
    return place, "doorview" if at is frame else _library(innermost)


def _library(file: str) -> str:
    """Return the name of the package that a file is of."""
    _, found, rest = file.rpartition("/site-packages/")
    return rest.partition("/")[0].removesuffix(".py") if found else "python"


def stage_lines(costs: Mapping[str, Any]) -> list[str]:
    """Return in lines what each stage cost; `costs` as run.json has them."""
    total = costs["seconds"] or 1.0
    sums = f"{costs['seconds']:.1f} s, {costs['cpu_seconds']:.1f} s of processor time"
    lines = [
        f"{sums}, {_size(costs['peak_memory_bytes'])} of memory at most. Parts of a stage stand below it.",
        f"{'seconds':>9}  {'share':>6}  {'cores':>5}  {'read':>8}  {'written':>8}  {'peak':>8}  stage",
    ]
    for name, cost in costs["stages"].items():
        cores = f"{cost['cpu_seconds'] / cost['seconds']:.1f}" if cost["seconds"] >= 0.05 else ""
        sizes = "  ".join(f"{_size(cost[key]):>8}" for key in ("bytes_read", "bytes_written", "peak_memory_bytes"))
        part = "  " if "within" in cost else ""
        lines.append(
            f"{cost['seconds']:9.2f}  {100 * cost['seconds'] / total:5.1f}%  {cores:>5}  {sizes}  {part}{name}"
        )
    return lines


def profile_text(costs: Mapping[str, Any], samples: Samples) -> str:
    """Return the profile as a page of text; `costs` as `Stages.facts` gives them."""
    lines = [
        *stage_lines(costs),
        "",
        f"Lines of doorview at work, over all threads: {samples.looks:,} looks, one every {1000 * STEP_S:g} ms.",
        "Waiting is not counted; a compiled kernel counts at the line that calls it.",
        "Only this process is looked at: what workers of a cluster do is not in it.",
        "",
        f"{'share':>6}  {'stage':30}  {'in':12}  line",
    ]
    lines += [
        f"{100 * row['share']:5.1f}%  {row['stage']:30.30}  {row['in']:12.12}  {row['place']}"
        for row in samples.table()[:_TOP]
    ]
    return "\n".join(lines) + "\n"


def _size(number: int | None) -> str:
    """Return a number of bytes for people: ``12 MB``."""
    if number is None:
        return "unknown"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number} B"
