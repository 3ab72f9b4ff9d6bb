"""The version of all that turns a block into its counts, so that no result outlives the code that computed it."""

from __future__ import annotations

import functools
import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path

__all__ = ["kernel_version"]

_READ = (
    "city/classes.py", "share/block_parts.py", "share/blocks.py", "share/grid.py", "share/known.py",
    "share/packing.py", "share/scene.py", "share/tiles.py", "sight/terrain.py",
)  # fmt: skip
"""What a tile runs besides kernels."""


@functools.cache
def kernel_version() -> str:
    """Return a hash of the sources that cover a tile, the versions that they run on, and the kind of processor."""
    package = Path(__file__).resolve().parent.parent
    state = hashlib.blake2b(digest_size=16)
    kernels = [path for room in ("share", "sight") for path in sorted((package / room / "kernels").glob("*.py"))]
    for path in [*kernels, *(package / name for name in _READ)]:
        state.update(path.relative_to(package).as_posix().encode())
        state.update(path.read_bytes().replace(b"\r\n", b"\n"))
    for name in ("numba", "llvmlite", "numpy"):
        state.update(f"{name} {metadata.version(name)};".encode())
    # Processors of another kind may round a last bit differently.
    state.update(f"{platform.machine()} {sys.byteorder}".encode())
    return state.hexdigest()
