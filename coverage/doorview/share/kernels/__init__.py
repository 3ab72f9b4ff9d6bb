"""Compiled kernels of a tile: painting ground, scanning spans into sets. numba and numpy only, no GIS."""

from pathlib import Path

from doorview.kernel_cache import drop_stale, one_writer

drop_stale(Path(__file__).parents[2])
one_writer()
