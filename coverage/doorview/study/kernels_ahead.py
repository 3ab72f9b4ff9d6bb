"""Compiles kernels in a process beside a first run, which then finds them in numba's cache.

On a machine that never ran doorview, compiling takes longer than all else, and numba compiles one kernel at a time.
While the run compiles what looks from doors, a quarter of all, this process compiles the others. It changes no result:
what it does not manage, the run compiles itself. `rules/kernels_ahead.json` names the kernels in the order in which the
demo study calls them, from painting the ground on, with the types of their arguments; `benchmarks/kernels_ahead.py`
writes it.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from doorview.threads import check_room

__all__ = ["compiling_ahead", "kernels_ahead", "main"]

RULES = "kernels_ahead.json"
OWN = "window_spans"
"""Kernel that the run compiles itself, at once: by far the longest."""


@contextlib.contextmanager
def compiling_ahead(threads: int | None = None) -> Iterator[bool]:
    """Compile beside what is done inside, if nothing is compiled yet and there is a processor to spare; yield whether.

    The process knows nothing of the run and says nothing. It ends with the block.
    """
    if threads == 1 or (os.cpu_count() or 1) < 2 or not _cold():
        yield False
        return
    words = [sys.executable, "-P", "-m", __name__, str(os.getpid())]
    quiet = subprocess.DEVNULL
    try:
        check_room()
        process = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - our own
    except (OSError, MemoryError):  # no room for a thread or a process: the run compiles all
        yield False
        return
    # A daemon, so that nobody who ends the run waits for it. Who needs another kernel meanwhile waits at numba's lock.
    for kernel, arguments in kernels_ahead(own=True):
        threading.Thread(target=kernel.compile, args=(arguments,), name="doorview-compile", daemon=True).start()
    try:
        yield True
    finally:
        process.kill()
        process.wait()


def _cold() -> bool:
    """Say whether the first kernel of a run was never compiled here."""
    from doorview.sight.kernels.window import window_spans

    stats = getattr(window_spans, "stats", None)  # None: kernels are not compiled at all
    if stats is None or not stats.cache_path:
        return False
    return next(Path(stats.cache_path).glob("window.window_spans-*.nbi"), None) is None


def kernels_ahead(*, own: bool = False) -> list[tuple[Any, tuple[Any, ...]]]:
    """Return the kernels that the process compiles, else (`own`) the run's, each with the types of its arguments."""
    text = files("doorview.study").joinpath("rules", RULES).read_text(encoding="utf-8")
    found = []
    for entry in json.loads(text):
        room, _, name = entry["kernel"].rpartition(".")
        if (name == OWN) != own:
            continue
        kernel = getattr(importlib.import_module(f"doorview.{room}"), name)
        found.append((kernel, tuple(_type(each) for each in entry["arguments"])))
    return found


def _type(said: str | dict[str, list[Any]]) -> Any:
    """Return numba's type of an argument: ``int64``, ``float64 2 C`` (dimensions, order), or a named tuple of such."""
    from numba import types

    if isinstance(said, dict):
        from doorview.sight.kernels import types as tuples

        ((name, parts),) = said.items()
        named: Any = types.NamedTuple
        return named([_type(part) for part in parts], getattr(tuples, name))
    name, *rest = said.split(" ")
    kind: Any = getattr(types, name)
    if not rest:
        return kind
    array: Any = types.Array
    return array(kind, int(rest[0]), rest[1], readonly="readonly" in rest)


def main() -> int:
    """Compile kernel by kernel, as long as the process that asked for it lives."""
    parent = int(sys.argv[1])
    for kernel, arguments in kernels_ahead():
        if sys.platform != "win32" and os.getppid() != parent:
            break
        kernel.compile(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
