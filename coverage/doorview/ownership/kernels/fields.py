"""A smooth field of unit variance at points, from noise on a lattice."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["conditional_chances", "smoothed"]


@nb.njit(cache=True, nogil=True)
def smoothed(noise: Any, corner: Any, wx: Any, wy: Any) -> Any:
    """Return (points,): noise (rows, columns) weighted about each point.

    `corner` (points, 2) is the column and row of the lowest lattice node of each point's window, `wx` and `wy`
    (points, width) the weights of its columns and rows, each with a sum of squares of 1.
    """
    width = wx.shape[1]
    out = np.empty(corner.shape[0])
    for n in range(corner.shape[0]):
        total = 0.0
        for row in range(width):
            line = 0.0
            for column in range(width):
                line += wx[n, column] * noise[corner[n, 1] + row, corner[n, 0] + column]
            total += wy[n, row] * line
        out[n] = total
    return out


@nb.njit(cache=True, nogil=True)
def conditional_chances(threshold: Any, field: Any, correlation: float, keep: Any) -> Any:
    """Return (doors,): keep Phi((t - sqrt(r) G) / sqrt(1 - r)), the chance of a camera given the field G.

    `threshold` is t = Phi^-1(p), infinite where p is 0 or 1.
    """
    shared, own = math.sqrt(correlation), math.sqrt(1.0 - correlation)
    out = np.empty(threshold.shape[0])
    for n in range(threshold.shape[0]):
        out[n] = keep[n] * 0.5 * math.erfc(-(threshold[n] - shared * field[n]) / own / math.sqrt(2.0))
    return out
