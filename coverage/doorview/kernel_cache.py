"""Keeps numba's file cache honest.

numba stamps a cached kernel with its own source file alone. A kernel holds the machine code of the kernels that it
calls, too, so after a change of one file others would go on running what they were compiled with: old results from
new sources. And numba names the code of a kernel in the index before it writes it, and looks at nobody else doing the
same: of two processes that compile at once, one could run code that is not the one it asked for.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["drop_stale", "one_writer"]

PATIENCE_S = 2.0
"""How long a process waits for another that writes the same kernel; then its own code is not kept."""
FORGOTTEN_S = 60.0
"""A lock older than this is of a process that was killed: writing takes milliseconds."""


def drop_stale(package: Path) -> int:
    """Delete the cached kernels below `package` that are older than the newest kernel source; return how many.

    What cannot be deleted (a read-only installation) was written together with its sources.
    """
    sources = [path.stat().st_mtime_ns for path in package.glob("*/kernels/*.py")]
    newest = max(sources, default=0)
    dropped = 0
    for index in package.glob("*/kernels/__pycache__/*.nbi"):
        # Another process may delete it at the same time.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if index.stat().st_mtime_ns < newest:
                index.unlink()
                dropped += 1
    return dropped


def one_writer() -> bool:
    """Let one process at a time write a kernel of numba's cache, its code before its name; say whether that holds.

    A numba that keeps its cache in another way is left as it is.
    """
    from numba.core import caching

    kind = getattr(caching, "IndexDataCacheFile", None)
    needed = ("save", "_load_index", "_save_index", "_save_data", "_data_name")
    if kind is None or not all(hasattr(kind, name) for name in needed):
        return False
    kind.save = _save
    return True


def _save(self: Any, key: Any, data: Any) -> None:
    """Save a cache entry, as `numba.core.caching.IndexDataCacheFile.save`; where another writes for long, do not."""
    with _lock(Path(f"{self._index_path}.lock")) as ours:
        if not ours:
            return
        overloads = self._load_index()
        name = overloads.get(key)
        if name is None:
            taken = set(overloads.values())
            name = next(each for each in map(self._data_name, range(1, len(taken) + 2)) if each not in taken)
        self._save_data(name, data)
        self._save_index({**overloads, key: name})


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Hold a lock file; yields whether it could be had."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except (FileExistsError, PermissionError) as fault:
            if isinstance(fault, PermissionError) and os.name != "nt":  # there: another deletes it just now
                raise
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > FORGOTTEN_S:
                    path.unlink()
                    continue
            if time.monotonic() > until:
                yield False
                return
            time.sleep(0.01)
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
