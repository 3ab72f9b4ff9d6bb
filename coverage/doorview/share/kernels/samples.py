"""Places along lines, one after another: each by its own line alone, whatever other lines there are."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = ["cells_along"]


@nb.njit(cache=True, nogil=True)
def cells_along(xy: Any, start: Any, count: Any, step: Any, offset: Any, cell: float) -> Any:
    """Return (row, column) int32 of the cells that hold `count[i]` places along each line i, line after line.

    Line i has the vertices `xy[start[i]:start[i + 1]]`. Its n-th place lies (n + 1/2) `step[i]` [m] along it and
    `offset[i]` [m] to its left; cells are `cell` [m] wide.
    """
    total = 0
    for i in range(count.shape[0]):
        total += count[i]
    row, column = np.empty(total, np.int32), np.empty(total, np.int32)
    at = 0
    for i in range(count.shape[0]):
        piece, last = start[i], start[i + 1] - 2
        before = 0.0
        for n in range(count[i]):
            target = (n + 0.5) * step[i]
            dx, dy = xy[piece + 1, 0] - xy[piece, 0], xy[piece + 1, 1] - xy[piece, 1]
            leg = math.hypot(dx, dy)
            while piece < last and before + leg <= target:
                before += leg
                piece += 1
                dx, dy = xy[piece + 1, 0] - xy[piece, 0], xy[piece + 1, 1] - xy[piece, 1]
                leg = math.hypot(dx, dy)
            part = (target - before) / leg if leg > 0.0 else 0.0
            side = offset[i] / max(leg, 1e-12)
            column[at] = math.floor((xy[piece, 0] + part * dx + side * -dy) / cell)
            row[at] = math.floor((xy[piece, 1] + part * dy + side * dx) / cell)
            at += 1
    return row, column
