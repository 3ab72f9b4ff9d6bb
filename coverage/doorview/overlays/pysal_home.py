"""PySAL loaded without the folder that it makes in the user's home."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["no_folder_at_home"]


@contextlib.contextmanager
def no_folder_at_home() -> Iterator[None]:
    """Import esda or libpysal inside: the data folder that libpysal makes as it is loaded is taken away again.

    Only where it was not there before, and only while it is empty; nothing of it is used here.
    """
    if "libpysal" in sys.modules:
        yield
        return
    from platformdirs import user_data_dir  # as libpysal asks for it

    folder = Path(user_data_dir("pysal", "pysal"))
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    finally:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
