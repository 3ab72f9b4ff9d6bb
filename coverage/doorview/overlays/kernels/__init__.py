"""Compiled kernels of surfaces: binning, pairwise likelihood, walks along streets. numba and numpy only, no GIS."""

from pathlib import Path

from doorview.kernel_cache import drop_stale, one_writer

drop_stale(Path(__file__).parents[2])
one_writer()
