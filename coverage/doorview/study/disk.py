"""What is told where a run's files could not be written, or were taken away while it read them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from doorview.errors import DoorviewError, OutputError

__all__ = ["reason", "telling_disk"]

_NO_ROOM = 256 << 10
"""A file system with fewer bytes free than these is full."""


def reason(fault: Exception, *folders: Path) -> str:
    """Return why a file could not be written in one of these folders, in a few words."""
    text = str(getattr(fault, "strerror", None) or fault)
    # Each library has its own words for a full disk, some none; SQLite gives back room before it says so.
    if "disk is full" in text or "No space left" in text:
        return "no space left on device"
    for folder in folders:
        with contextlib.suppress(OSError):
            if shutil.disk_usage(folder).free < _NO_ROOM:
                return "no space left on device"
    short = text if len(text) <= 160 else f"... {text[-160:]}"
    return short[:1].lower() + short[1:]


@contextlib.contextmanager
def telling_disk(out: Path, partial: Path) -> Iterator[None]:
    """Turn a full disk, and files that others took away, into one message; `out` is where the run shall stand.

    Raises
    ------
    OutputError
        For either.

    """
    try:
        yield
    except FileNotFoundError as fault:
        if isinstance(fault, DoorviewError):
            raise
        raise OutputError(
            f"'{fault.filename or fault}' was taken away while the run needed it, as when a cache is cleared: what it "
            "held is missing, so the run was ended. Run the same command again."
        ) from fault
    except OSError as fault:
        if isinstance(fault, DoorviewError):
            raise
        passing = Path(tempfile.gettempdir())
        raise OutputError(
            f"the run's files could not be written at '{out}' or, in passing, at '{passing}' "
            f"({reason(fault, partial, passing)}), so none is left there; finished parts are kept. Make room, or name "
            "another folder for temporary files in TMPDIR, and run the same command again."
        ) from fault
