"""Cutting the spans of a view to a polygon, row by row: what a privacy zone leaves of it.

A cell belongs to a polygon if its centre does: the crossings of the rings with the line through the row's centres are
sorted, and every second gap between them is inside (even-odd). An edge holds the rows from its lower end on up to, not
with, its upper end, as everywhere. Columns are computed in absolute coordinates, so that no bit depends on the window.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from doorview.sight.kernels.spans import SPAN_FIELDS, first_cell
from doorview.sight.kernels.types import FloatArray

__all__ = ["clip_spans"]


@nb.njit(cache=True, nogil=True)
def _row_crossings(edges: FloatArray, first: int, last: int, row: int, cell: float, xs: FloatArray) -> int:
    """Fill `xs` with the sorted x [m] at which the edges cross the middle of a row; return how many there are."""
    y, n = (row + 0.5) * cell, 0
    for e in range(first, last):
        x0, y0, x1, y1 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        if first_cell(y0, cell) <= row < first_cell(y1, cell):
            x = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
            at = n
            while at > 0 and xs[at - 1] > x:
                xs[at] = xs[at - 1]
                at -= 1
            xs[at] = x
            n += 1
    return n


@nb.njit(cache=True, nogil=True)
def _put(out: Any, made: int, span: Any, start: int, stop: int) -> int:
    """Write the part of a span from `start` to `stop`, if any and if there is room; return the count."""
    if start >= stop:
        return made
    if made < out.shape[0]:
        out[made, 0], out[made, 1], out[made, 4] = span[0], span[1], span[4]
        out[made, 2], out[made, 3] = start, stop
    return made + 1


@nb.njit(cache=True, nogil=True)
def _clip_span(
    span: Any, edges: FloatArray, first: int, last: int, cell: float, window: Any, xs: FloatArray, out: Any, made: int
) -> int:
    """Append the parts of a span that lie in the polygon of the edges first .. last - 1; return the count."""
    n = _row_crossings(edges, first, last, window[0] + span[1], cell, xs)
    for k in range(0, n - 1, 2):
        left, right = first_cell(xs[k], cell) - window[2], first_cell(xs[k + 1], cell) - window[2]
        made = _put(out, made, span, max(np.int64(span[2]), left), min(np.int64(span[3]), right))
    return made


@nb.njit(cache=True, nogil=True)
def clip_spans(
    spans: Any,
    count: int,
    cut: NDArray[np.bool_],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    edges: FloatArray,
    cell: float,
    window: Any,
) -> tuple[Any, int]:
    """Return what polygons leave of the first `count` of `spans`, in their order, and how many those are.

    `spans` (room, 5) int32 level, row, start, stop, door relative to `window` (row0, rows, col0, columns). Door j keeps
    its whole view unless `cut[j]`, then what lies in the polygon of `edges[first[j]:last[j]]` (x0, y0, x1, y1) [m],
    which has no edges where nothing may be seen.
    """
    out = np.empty((max(count, 16), SPAN_FIELDS), np.int32)
    most = 0
    for door in range(cut.shape[0]):
        most = max(most, last[door] - first[door])
    xs = np.empty(most + 1)
    made = 0
    for k in range(count):
        span = spans[k]
        door = span[4]
        while True:
            if cut[door]:
                done = _clip_span(span, edges, first[door], last[door], cell, window, xs, out, made)
            else:
                done = _put(out, made, span, np.int64(span[2]), np.int64(span[3]))
            if done <= out.shape[0]:
                made = done
                break
            grown = np.empty((2 * done, SPAN_FIELDS), np.int32)
            grown[:made] = out[:made]
            out = grown
    return out, made
