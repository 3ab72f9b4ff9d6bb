"""Compiled kernels of one camera's view: numba and numpy only, no GIS."""
