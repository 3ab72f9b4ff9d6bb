"""Keeps numba's file cache honest.

numba stamps a cached kernel with its own source file alone. A kernel holds the machine code of the kernels that it
calls, too, so after a change of one file others would go on running what they were compiled with: old results from
new sources.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["drop_stale"]


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
