"""Compiled kernels of a tile: painting ground, scanning spans into sets. numba and numpy only, no GIS."""
