"""Painting a tile: which unit of ground each cell belongs to, by its centre.

A tile is a window (row0, rows, col0, columns) of the absolute grid. Everything is computed in absolute coordinates, so
a cell is painted alike whatever the tile.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

__all__ = [
    "first_cell",
    "paint_discs",
    "paint_mask",
    "paint_polygons",
    "paint_strips",
    "paint_zones",
]


SLACK_M = 1e-3
"""Widens the search for near segments: more than any rounding error of a coordinate [m]."""


@nb.njit(cache=True, nogil=True)
def first_cell(value: float, cell: float) -> int:
    """Return the index of the first cell whose centre is not below `value`."""
    return math.ceil(value / cell - 0.5)


@nb.njit(cache=True, nogil=True)
def _distance2(px: float, py: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Return the squared distance of a point from a segment."""
    dx, dy = x1 - x0, y1 - y0
    along = (px - x0) * dx + (py - y0) * dy
    length2 = dx * dx + dy * dy
    if along <= 0.0 or length2 == 0.0:
        return (px - x0) * (px - x0) + (py - y0) * (py - y0)
    if along >= length2:
        return (px - x1) * (px - x1) + (py - y1) * (py - y1)
    cross = dx * (py - y0) - dy * (px - x0)
    return cross * cross / length2


@nb.njit(cache=True, nogil=True)
def _row_range(y: float, x0: float, y0: float, x1: float, y1: float, outer: float) -> tuple[float, float]:
    """Return x limits that hold every point at height `y` within `outer` of the segment."""
    low, high = min(x0, x1) - outer, max(x0, x1) + outer
    dx, dy = x1 - x0, y1 - y0
    if abs(dy) > 1e-9:
        middle = x0 + (y - y0) * dx / dy
        half = outer * math.sqrt(dx * dx + dy * dy) / abs(dy)
        # The round caps lie within the band around the endless line too.
        low, high = max(low, middle - half), min(high, middle + half)
    return low, high


@nb.njit(cache=True, nogil=True)
def paint_strips(
    window: Any,
    cell: float,
    ids: Any,
    start: Any,
    xy: Any,
    inner: Any,
    outer: Any,
    side: Any,
    strip_rank: Any,
    strip_unit: Any,
    rank: Any,
    distance: Any,
    unit: Any,
) -> None:
    """Paint the strips `ids`: cells whose distance d from the line has inner <= d < outer, on the side asked for.

    `start` (n + 1,) and `xy` (points, 2) hold the lines, `rank` uint8, `distance` float32 and `unit` int32 (rows,
    columns) are the tile. A lower rank wins, then the nearer line, then the earlier strip.
    """
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    for n in range(ids.shape[0]):
        s = ids[n]
        first, last = start[s], start[s + 1]
        r_in, r_out = inner[s], outer[s]
        in2, out2 = r_in * r_in, r_out * r_out
        whole = side[s] == 0 and r_in <= 0.0
        for p in range(first, last - 1):
            x0, y0, x1, y1 = xy[p, 0], xy[p, 1], xy[p + 1, 0], xy[p + 1, 1]
            low = max(first_cell(min(y0, y1) - r_out, cell), row0)
            high = min(first_cell(max(y0, y1) + r_out, cell), row0 + rows)
            begin, end, turn0, turn1 = p, p, 0.0, 0.0
            if not whole and low < high:
                begin, end = _rivals(xy, first, last, p, r_out)
                turn0, turn1 = _turn(xy, first, last, p), _turn(xy, first, last, p + 1)
            for row in range(low, high):
                py = (row + 0.5) * cell
                x_low, x_high = _row_range(py, x0, y0, x1, y1, r_out)
                for col in range(max(first_cell(x_low, cell), col0), min(first_cell(x_high, cell) + 1, col0 + columns)):
                    r, c = row - row0, col - col0
                    if strip_rank[s] > rank[r, c]:
                        continue
                    px = (col + 0.5) * cell
                    d2 = _distance2(px, py, x0, y0, x1, y1)
                    if d2 >= out2 or d2 < in2:
                        continue
                    if side[s] != 0 and _is_left(px, py, x0, y0, x1, y1, turn0, turn1) != (side[s] > 0):
                        continue
                    # Judged by the nearest segment of the line: where that is another, it paints the point itself.
                    nearest = True
                    for q in range(begin, end):
                        if q != p:
                            other = _distance2(px, py, xy[q, 0], xy[q, 1], xy[q + 1, 0], xy[q + 1, 1])
                            if other < d2 or (other == d2 and q < p):
                                nearest = False
                                break
                    if not nearest:
                        continue
                    d = np.float32(math.sqrt(d2))
                    if strip_rank[s] < rank[r, c] or d < distance[r, c]:
                        rank[r, c], distance[r, c], unit[r, c] = strip_rank[s], d, strip_unit[s]


@nb.njit(cache=True, nogil=True)
def _rivals(xy: Any, first: int, last: int, here: int, outer: float) -> tuple[int, int]:
    """Return begin, end of the segments of a line that a point within `outer` of segment `here` may be nearer to."""
    reach = 2.0 * outer + SLACK_M
    x_low, x_high = min(xy[here, 0], xy[here + 1, 0]) - reach, max(xy[here, 0], xy[here + 1, 0]) + reach
    y_low, y_high = min(xy[here, 1], xy[here + 1, 1]) - reach, max(xy[here, 1], xy[here + 1, 1]) + reach
    begin, end = here, here + 1
    for p in range(first, last - 1):
        if (
            min(xy[p, 0], xy[p + 1, 0]) <= x_high
            and max(xy[p, 0], xy[p + 1, 0]) >= x_low
            and min(xy[p, 1], xy[p + 1, 1]) <= y_high
            and max(xy[p, 1], xy[p + 1, 1]) >= y_low
        ):
            begin, end = min(begin, p), max(end, p + 1)
    return begin, end


@nb.njit(cache=True, nogil=True)
def _turn(xy: Any, first: int, last: int, point: int) -> float:
    """Return above 0 where a line turns left at one of its points, below 0 where it turns right, 0 at its ends."""
    if point == first or point == last - 1:
        return 0.0
    dx, dy = xy[point, 0] - xy[point - 1, 0], xy[point, 1] - xy[point - 1, 1]
    return dx * (xy[point + 1, 1] - xy[point, 1]) - dy * (xy[point + 1, 0] - xy[point, 0])


@nb.njit(cache=True, nogil=True)
def _is_left(px: float, py: float, x0: float, y0: float, x1: float, y1: float, turn0: float, turn1: float) -> bool:
    """Say whether a point lies left of a line, by the segment nearest to it and the turns at that segment's ends.

    Where the nearest point is a bend, the point lies outside the bend, which beyond a bend sharper than a right angle
    the straight line through a single segment does not tell.
    """
    dx, dy = x1 - x0, y1 - y0
    along = (px - x0) * dx + (py - y0) * dy
    if turn0 != 0.0 and along <= 0.0:
        return turn0 < 0.0
    if turn1 != 0.0 and along >= dx * dx + dy * dy:
        return turn1 < 0.0
    return dx * (py - y0) - dy * (px - x0) > 0.0


@nb.njit(cache=True, nogil=True)
def _crossings(edges: Any, first: int, last: int, cell: float, row0: int, rows: int) -> tuple[int, Any, Any]:
    """Return the first row, the starts and the sorted x of the crossings of edges with the window's rows of centres."""
    low, high = row0 + rows, row0
    for e in range(first, last):
        low = min(low, first_cell(min(edges[e, 1], edges[e, 3]), cell))
        high = max(high, first_cell(max(edges[e, 1], edges[e, 3]), cell))
    low, high = max(low, row0), min(high, row0 + rows)
    count = max(high - low, 0)
    start = np.zeros(count + 1, np.int64)
    for e in range(first, last):
        y0, y1 = edges[e, 1], edges[e, 3]
        for row in range(max(first_cell(min(y0, y1), cell), low), min(first_cell(max(y0, y1), cell), high)):
            start[row - low + 1] += 1
    for k in range(count):
        start[k + 1] += start[k]
    xs = np.empty(start[count])
    fill = start.copy()
    for e in range(first, last):
        x0, y0, x1, y1 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        for row in range(max(first_cell(y0, cell), low), min(first_cell(y1, cell), high)):
            xs[fill[row - low]] = x0 + ((row + 0.5) * cell - y0) * ((x1 - x0) / (y1 - y0))
            fill[row - low] += 1
    for k in range(count):
        xs[start[k] : start[k + 1]].sort()
    return low, start, xs


@nb.njit(cache=True, nogil=True)
def paint_polygons(
    window: Any,
    cell: float,
    ids: Any,
    start: Any,
    edges: Any,
    polygon_rank: Any,
    polygon_unit: Any,
    rank: Any,
    unit: Any,
) -> None:
    """Paint the polygons `ids` (rings as `edges` (m, 4), even-odd): a lower rank wins, then what was painted before."""
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    for n in range(ids.shape[0]):
        p = ids[n]
        low, row_start, xs = _crossings(edges, start[p], start[p + 1], cell, row0, rows)
        for k in range(row_start.shape[0] - 1):
            r = low + k - row0
            for i in range(row_start[k], row_start[k + 1] - 1, 2):
                left, right = first_cell(xs[i], cell) - col0, first_cell(xs[i + 1], cell) - col0
                for c in range(max(left, 0), min(right, columns)):
                    if polygon_rank[p] < rank[r, c]:
                        rank[r, c], unit[r, c] = polygon_rank[p], polygon_unit[p]


@nb.njit(cache=True, nogil=True)
def paint_mask(window: Any, cell: float, edges: Any, mask: Any) -> None:
    """Set the cells of `mask` (rows, columns) uint8 that lie in the polygon whose rings are `edges` (m, 4)."""
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    low, row_start, xs = _crossings(edges, 0, edges.shape[0], cell, row0, rows)
    for k in range(row_start.shape[0] - 1):
        for i in range(row_start[k], row_start[k + 1] - 1, 2):
            left, right = first_cell(xs[i], cell) - col0, first_cell(xs[i + 1], cell) - col0
            mask[low + k - row0, max(left, 0) : max(min(right, columns), 0)] = 1


@nb.njit(cache=True, nogil=True)
def paint_zones(window: Any, cell: float, ids: Any, start: Any, edges: Any, zone: Any) -> Any:
    """Paint zones over each other; return the combinations met, as rows (combination before, zone added).

    `zone` (rows, columns) int32 starts at 0 (in no zone); a cell in combination c > 0 lies in the zones of row c - 1:
    the zone added there and, following the combination before, all the others.
    """
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    made = np.empty((16, 2), np.int32)
    count = 0
    for n in range(ids.shape[0]):
        p = ids[n]
        begin = count
        low, row_start, xs = _crossings(edges, start[p], start[p + 1], cell, row0, rows)
        for k in range(row_start.shape[0] - 1):
            r = low + k - row0
            for i in range(row_start[k], row_start[k + 1] - 1, 2):
                left, right = first_cell(xs[i], cell) - col0, first_cell(xs[i + 1], cell) - col0
                before, after = -1, -1
                for c in range(max(left, 0), min(right, columns)):
                    if zone[r, c] != before:
                        before, after = zone[r, c], -1
                        for m in range(begin, count):
                            if made[m, 0] == before:
                                after = m + 1
                                break
                        if after < 0:
                            if count == made.shape[0]:
                                grown = np.empty((2 * count, 2), np.int32)
                                grown[:count] = made
                                made = grown
                            made[count, 0], made[count, 1] = before, p
                            count += 1
                            after = count
                    zone[r, c] = after
    return made[:count].copy()


@nb.njit(cache=True, nogil=True)
def paint_discs(window: Any, cell: float, xy: Any, radius: float, bits: Any) -> None:
    """Set the bits (rows, columns / 64) uint64 of cells whose centre lies within `radius` of a point of `xy`."""
    row0, rows, col0, columns = window[0], window[1], window[2], window[3]
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    for n in range(xy.shape[0]):
        x, y = xy[n, 0], xy[n, 1]
        for row in range(max(first_cell(y - radius, cell), row0), min(first_cell(y + radius, cell), row0 + rows)):
            dy = (row + 0.5) * cell - y
            half = math.sqrt(max(radius * radius - dy * dy, 0.0))
            left = max(first_cell(x - half, cell) - col0, 0)
            right = min(first_cell(x + half, cell) - col0, columns)
            if left >= right:
                continue
            line = bits[row - row0]
            w0, w1 = left >> 6, (right - 1) >> 6
            head = full << np.uint64(left & 63)
            tail = full >> np.uint64(63 - ((right - 1) & 63))
            if w0 == w1:
                line[w0] |= head & tail
            else:
                line[w0] |= head
                for w in range(w0 + 1, w1):
                    line[w] = full
                line[w1] |= tail
