"""How much memory a city needs when it is held as a whole, and what to do where the machine has less."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path

from doorview.errors import InputError

__all__ = ["check_memory", "give_back", "machine_memory"]

BYTES_PER_BUILDING = 20_000
"""Measured on synthetic cities of 10,000 to 100,000 homes, three levels, without pictures: 18 kB a building."""
LIBRARIES = 400_000_000
"""What the libraries hold before anything is read [bytes]."""
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def machine_memory() -> int | None:
    """Return the memory that there is for this process [bytes], or that its container allows; None if unknown."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    for limit in _LIMITS:
        try:
            text = limit.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            found = min(found, int(text))
    return found if found > 0 else None


def check_memory(name: str, buildings: int) -> None:
    """Refuse a city that cannot be held as a whole, before any work is done.

    Raises
    ------
    InputError
        With what it needs, what there is, and what needs less.

    """
    there, needed = machine_memory(), LIBRARIES + BYTES_PER_BUILDING * buildings
    if there is None or needed <= there:
        return
    raise InputError(
        f"'{name}' holds {buildings:,} buildings, which need about {needed / 1e9:.1f} GB of memory when the city is "
        f"held as a whole; this machine has {there / 1e9:.1f} GB, and the run would be ended halfway. Take it part by "
        "part, tables only: --tables-only, or tables_only = true under [output]; or take a boundary inside it."
    )


def give_back() -> None:
    """Give memory that is held and not used back to the machine, where its C library can.

    Shapes are many small pieces: without this, what one part of a city held stays with the process beside what the next
    one asks for (0.2 GB after ten parts of 3,000 buildings).
    """
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)


@functools.cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's `malloc_trim`; None elsewhere."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return found
