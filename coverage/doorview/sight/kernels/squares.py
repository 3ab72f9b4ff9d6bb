"""Sorting walls into the squares of their index: by counting, in time that grows with their number alone."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.types import LENT, FloatArray, IntArray, Squares

__all__ = ["squares_of_walls"]


@nb.njit(**LENT, forceinline=True)
def _columns(a: float, b: float, cell: float) -> tuple[int, int]:
    """Return the lowest and the highest column (or row) of squares of side `cell` between two coordinates."""
    return math.floor(min(a, b) / cell), math.floor(max(a, b) / cell)


@nb.njit(**LENT)
def _bounds(xy: FloatArray, cell: float) -> tuple[int, int, int, int]:
    """Return the lowest and highest column, and the lowest and highest row, of all walls (n > 0, 4)."""
    i_low, i_high = _columns(xy[0, 0], xy[0, 2], cell)
    j_low, j_high = _columns(xy[0, 1], xy[0, 3], cell)
    for wall in range(1, xy.shape[0]):
        low, high = _columns(xy[wall, 0], xy[wall, 2], cell)
        i_low, i_high = min(i_low, low), max(i_high, high)
        low, high = _columns(xy[wall, 1], xy[wall, 3], cell)
        j_low, j_high = min(j_low, low), max(j_high, high)
    return i_low, i_high, j_low, j_high


@nb.njit(**LENT)
def _count(xy: FloatArray, cell: float, i0: int, j0: int, ni: int, start: IntArray) -> None:
    """Turn `start`, all zero, into the number of items in all squares up to the one before each place."""
    for wall in range(xy.shape[0]):
        i_low, i_high = _columns(xy[wall, 0], xy[wall, 2], cell)
        j_low, j_high = _columns(xy[wall, 1], xy[wall, 3], cell)
        for j in range(j_low - j0, j_high - j0 + 1):
            for i in range(i_low - i0, i_high - i0 + 1):
                start[j * ni + i + 1] += 1
    for square in range(1, start.shape[0]):
        start[square] += start[square - 1]


@nb.njit(**LENT)
def _fill(xy: FloatArray, scale: FloatArray, squares: Any, following: IntArray, item_wall: IntArray) -> None:
    """Write the items of all walls in order; `following` is where the next item of each square goes."""
    for wall in range(xy.shape[0]):
        i_low, i_high = _columns(xy[wall, 0], xy[wall, 2], squares.cell)
        j_low, j_high = _columns(xy[wall, 1], xy[wall, 3], squares.cell)
        for j in range(j_low - squares.j0, j_high - squares.j0 + 1):
            for i in range(i_low - squares.i0, i_high - squares.i0 + 1):
                at = following[j * squares.ni + i]
                following[j * squares.ni + i] += 1
                for k in range(4):
                    squares.xy[at, k] = xy[wall, k]
                squares.scale[at] = scale[wall]
                squares.low[at, 0], squares.low[at, 1], squares.low[at, 2] = i_low - squares.i0, i, j_low - squares.j0
                item_wall[at] = wall


@nb.njit(cache=True, nogil=True)
def squares_of_walls(xy: FloatArray, scale: FloatArray, cell: float) -> tuple[Any, Any]:
    """Return the walls (n, 4) with their factors (n,) by squares of side `cell` [m], and the wall of each item.

    Within a square walls keep their order. Coordinates must be finite.
    """
    if xy.shape[0] == 0:
        none = Squares(xy, scale, np.zeros((0, 3), np.int32), cell, 0, 0, 0, 0, np.zeros(1, np.int64))
        return none, np.zeros(0, np.int64)
    i_low, i_high, j_low, j_high = _bounds(xy, cell)
    ni, nj = i_high - i_low + 1, j_high - j_low + 1
    start = np.zeros(ni * nj + 1, np.int64)
    _count(xy, cell, i_low, j_low, ni, start)
    items = start[-1]
    squares = Squares(
        np.empty((items, 4)), np.empty(items), np.empty((items, 3), np.int32), cell, i_low, j_low, ni, nj, start
    )
    item_wall = np.empty(items, np.int64)
    _fill(xy, scale, squares, start[:-1].copy(), item_wall)
    return squares, item_wall
