"""A view as spans of cells per grid row: the cells whose centres it holds.

The boundary is walked edge by edge (walls, arcs, the jumps between them, the edges of the field); each edge gives one
crossing for every row whose centre line it meets, half open at its upper end, so that crossings pair up. Columns are
computed in absolute coordinates, so a span does not depend on the window that it is asked for.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.types import ARC, LENT

__all__ = ["CROSSINGS", "SPAN_FIELDS", "first_cell", "new_crossings", "put_spans"]

SPAN_FIELDS = 5
"""Columns of a span: level, row, first column, column after the last, door; rows and columns relative to the window."""

CROSSINGS = 64
"""Room for crossings of one row; a row with more is counted as overflow and asks for more room."""


@nb.njit(**LENT)
def first_cell(value: float, cell: float) -> int:
    """Return the index of the first cell whose centre is not below `value`."""
    return math.ceil(value / cell - 0.5)


@nb.njit(**LENT)
def _cross_line(x0: float, y0: float, x1: float, y1: float, cell: float, low: int, high: int, xs: Any, n: Any) -> None:
    """Add the crossings of a straight edge with the rows low .. high - 1."""
    if y0 == y1:
        return
    if y0 > y1:
        x0, y0, x1, y1 = x1, y1, x0, y0
    slope = (x1 - x0) / (y1 - y0)
    for row in range(max(first_cell(y0, cell), low), min(first_cell(y1, cell), high)):
        k = row - low
        if n[k] < xs.shape[1]:
            xs[k, n[k]] = x0 + ((row + 0.5) * cell - y0) * slope
        n[k] += 1


@nb.njit(**LENT)
def _cross_arc(
    cx: float,
    cy: float,
    side: float,
    reach: float,
    y0: float,
    y1: float,
    cell: float,
    low: int,
    high: int,
    xs: Any,
    n: Any,
) -> None:
    """Add the crossings of an arc that lies on one side of its centre, between the heights y0 and y1."""
    if y0 > y1:
        y0, y1 = y1, y0
    for row in range(max(first_cell(y0, cell), low), min(first_cell(y1, cell), high)):
        k = row - low
        dy = (row + 0.5) * cell - cy
        if n[k] < xs.shape[1]:
            xs[k, n[k]] = cx + side * math.sqrt(max(reach * reach - dy * dy, 0.0))
        n[k] += 1


@nb.njit(**LENT)
def _cross_view(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    closed: bool,
    pieces: Any,
    count: int,
    cell: float,
    low: int,
    high: int,
    xs: Any,
    n: Any,
) -> None:
    """Add the crossings of a whole boundary; `closed` says that the field goes all around, so that it has no edges."""
    px, py = cx, cy
    if closed:
        k = count - 1
        px = cx + (pieces.ends[k, 2] * fx - pieces.ends[k, 3] * fy)
        py = cy + (pieces.ends[k, 2] * fy + pieces.ends[k, 3] * fx)
    for k in range(count):
        ax = cx + (pieces.ends[k, 0] * fx - pieces.ends[k, 1] * fy)
        ay = cy + (pieces.ends[k, 0] * fy + pieces.ends[k, 1] * fx)
        bx = cx + (pieces.ends[k, 2] * fx - pieces.ends[k, 3] * fy)
        by = cy + (pieces.ends[k, 2] * fy + pieces.ends[k, 3] * fx)
        _cross_line(px, py, ax, ay, cell, low, high, xs, n)
        if pieces.kind[k] != ARC:
            _cross_line(ax, ay, bx, by, cell, low, high, xs, n)
        else:
            # Counter-clockwise, an arc rises right of its centre and falls left of it; it is shorter than a half turn.
            right_a, right_b = ax >= cx, bx >= cx
            if right_a == right_b:
                _cross_arc(cx, cy, 1.0 if right_a else -1.0, reach, ay, by, cell, low, high, xs, n)
            else:
                turn = cy + reach if right_a else cy - reach
                _cross_arc(cx, cy, 1.0 if right_a else -1.0, reach, ay, turn, cell, low, high, xs, n)
                _cross_arc(cx, cy, -1.0 if right_a else 1.0, reach, turn, by, cell, low, high, xs, n)
        px, py = bx, by
    if not closed:
        _cross_line(px, py, cx, cy, cell, low, high, xs, n)


@nb.njit(**LENT)
def _put(spans: Any, made: int, level: int, row: int, start: int, stop: int, door: int, columns: int) -> int:
    """Write one span cut to the window's columns, if anything is left and there is room; return the count."""
    start, stop = max(start, 0), min(stop, columns)
    if start >= stop:
        return made
    if made < spans.shape[0]:
        spans[made, 0], spans[made, 1] = level, row
        spans[made, 2], spans[made, 3], spans[made, 4] = start, stop, door
    return made + 1


@nb.njit(**LENT)
def put_spans(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    near: float,
    closed: bool,
    pieces: Any,
    count: int,
    cell: float,
    window: Any,
    level: int,
    door: int,
    xs: Any,
    n: Any,
    spans: Any,
    made: int,
) -> int:
    """Append the spans of one view inside `window` (row0, rows, col0, columns); return the new number of spans.

    The number passes the room of `spans` when that is too small; -1 says that a row has more crossings than `xs` holds.
    """
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    low = max(math.floor((cy - reach) / cell) - 1, row0)
    high = min(math.floor((cy + reach) / cell) + 2, row0 + rows)
    if low >= high:
        return made
    n[: high - low] = 0
    _cross_view(cx, cy, fx, fy, reach, closed, pieces, count, cell, low, high, xs, n)
    for k in range(high - low):
        m = n[k]
        if m > xs.shape[1]:
            return -1
        line = xs[k]
        for i in range(1, m):
            x = line[i]
            at = i
            while at > 0 and line[at - 1] > x:
                line[at] = line[at - 1]
                at -= 1
            line[at] = x
        row = low + k - row0
        dy = (low + k + 0.5) * cell - cy
        hole = near * near - dy * dy
        for i in range(0, m - 1, 2):
            start, stop = first_cell(line[i], cell) - col0, first_cell(line[i + 1], cell) - col0
            if hole > 0.0:
                half = math.sqrt(hole)
                hole_start, hole_stop = first_cell(cx - half, cell) - col0, first_cell(cx + half, cell) - col0
                made = _put(spans, made, level, row, start, min(stop, hole_start), door, columns)
                made = _put(spans, made, level, row, max(start, hole_stop), stop, door, columns)
            else:
                made = _put(spans, made, level, row, start, stop, door, columns)
    return made


@nb.njit(cache=True, nogil=True)
def new_crossings(reach: float, cell: float, room: int) -> tuple[Any, Any]:
    """Return the two work arrays of `put_spans` for views up to `reach` [m] with room for `room` crossings a row."""
    rows = math.ceil(2.0 * reach / cell) + 4
    return np.empty((rows, room)), np.empty(rows, np.int64)
