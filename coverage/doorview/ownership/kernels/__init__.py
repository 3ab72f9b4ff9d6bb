"""Compiled kernels of ownership: numba and numpy only."""
