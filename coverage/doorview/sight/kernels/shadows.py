"""Finite shadows: what walls hide that stand between a low target and the lens.

Such a wall hides what lies from itself to g times as far from the camera. Its shadow is the quadrilateral between the
wall and the wall scaled by g about the camera: in terms of q (the wall's line is q . p = 1) the strip 1 <= q . p <= g
between two bearings. A view is then the star of the other walls less the union of these strips, and a bearing holds
several intervals.

Areas are exact. A piece of the star's boundary goes from a to b; along it u(s) = a + s (b - a), 0 <= s <= 1, runs
through its bearings, and q . u(s) is linear in s. So the critical bearings (ends of strips, crossings of near and far
edges with each other, with the piece and with the range circle) are roots of linear equations, or quadratic ones for
the circle, and between two of them the edges along a bearing keep their order: the hidden area is a sum of triangles
and sectors.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.spans import first_cell
from doorview.sight.kernels.star import gather_walls, pseudo_angle
from doorview.sight.kernels.types import ARC, LENT, WALL, FloatArray, new_scratch

__all__ = ["cut_spans", "field_edge", "hidden_area", "shadow_quads"]


@nb.njit(**LENT)
def field_edge(field_of_view: float) -> tuple[float, float, float]:
    """Return pseudo-angle and direction (x, y) of the left edge of a field of view [radians]."""
    if field_of_view >= 2.0 * math.pi:
        return 2.0, -1.0, 0.0
    ux, uy = math.cos(field_of_view / 2.0), math.sin(field_of_view / 2.0)
    return pseudo_angle(ux, uy), ux, uy


@nb.njit(cache=True, nogil=True)
def _gather_lows(
    cx: float, cy: float, fx: float, fy: float, reach: float, field_of_view: float, lows: Any
) -> tuple[int, Any]:
    """Return how many intervals of low walls a camera meets within `reach` [m], and the scratch that holds them."""
    t_edge, ux, uy = field_edge(field_of_view)
    scratch = new_scratch(128)
    met = gather_walls(cx, cy, fx, fy, reach, t_edge, ux, uy, lows, scratch)
    if met < 0:
        scratch = new_scratch(-2 * met)
        met = gather_walls(cx, cy, fx, fy, reach, t_edge, ux, uy, lows, scratch)
    return met, scratch


@nb.njit(**LENT)
def _along(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    """Return s in [0, 1] at which u(s) points along p, which lies between a and b."""
    from_a, to_b = ax * py - ay * px, px * by - py * bx
    whole = from_a + to_b
    return min(max(from_a / whole, 0.0), 1.0) if whole > 0.0 else 0.0


@nb.njit(**LENT)
def _strips_in_piece(
    ax: float, ay: float, bx: float, by: float, t_a: float, t_b: float, met: int, scratch: Any, shade: Any, strips: Any
) -> int:
    """Write the strips that meet a piece: `strips` (met, 5) s of start and end, q . a, q . (b - a), g; return how many.

    `t_a` and `t_b` are the pseudo-angles of a and b.
    """
    t0, t1, ends, q, item = scratch.t0, scratch.t1, scratch.ends, scratch.q, scratch.order
    n = 0
    for k in range(met):
        if t0[k] >= t_b or t1[k] <= t_a:
            continue
        first = 0.0 if t0[k] <= t_a else _along(ax, ay, bx, by, ends[k, 0], ends[k, 1])
        last = 1.0 if t1[k] >= t_b else _along(ax, ay, bx, by, ends[k, 2], ends[k, 3])
        if first >= last:
            continue
        strips[n, 0], strips[n, 1] = first, last
        strips[n, 2] = q[k, 0] * ax + q[k, 1] * ay
        strips[n, 3] = q[k, 0] * (bx - ax) + q[k, 1] * (by - ay)
        strips[n, 4] = shade[item[k]]
        n += 1
    return n


@nb.njit(**LENT)
def _add(out: Any, n: int, s: float, low: float, high: float) -> int:
    """Write s if it lies between `low` and `high` and there is room; return the count, which may pass the room."""
    if not low < s < high:
        return n
    if n < out.shape[0]:
        out[n] = s
    return n + 1


@nb.njit(**LENT)
def _add_circle(
    out: Any,
    n: int,
    w: float,
    dw: float,
    reach: float,
    ax: float,
    ay: float,
    dx: float,
    dy: float,
    lo: float,
    hi: float,
) -> int:
    """Write where an edge w + s dw meets the circle: reach^2 (w + s dw)^2 = |a + s d|^2."""
    reach2 = reach * reach
    a = reach2 * dw * dw - (dx * dx + dy * dy)
    b = reach2 * w * dw - (ax * dx + ay * dy)
    c = reach2 * w * w - (ax * ax + ay * ay)
    root = b * b - a * c
    if root <= 0.0:
        return n
    # The root with the larger part first, so that nothing cancels.
    m = -b - math.sqrt(root) if b >= 0.0 else -b + math.sqrt(root)
    if a != 0.0:
        n = _add(out, n, m / a, lo, hi)
    if m != 0.0:
        n = _add(out, n, c / m, lo, hi)
    return n


@nb.njit(cache=True, nogil=True)
def _criticals(
    kind: int, reach: float, ax: float, ay: float, dx: float, dy: float, strips: Any, n_strips: int, out: Any
) -> int:
    """Write all s at which the order of edges along a bearing may change, 0 and 1 with them, sorted.

    Returns their number, which may pass the room of `out`; they are sorted only if there was room.
    """
    n = 2
    out[0], out[1] = 0.0, 1.0
    for i in range(n_strips):
        lo, hi, w, dw, g = strips[i, 0], strips[i, 1], strips[i, 2], strips[i, 3], strips[i, 4]
        n = _add(out, n, lo, 0.0, 1.0)
        n = _add(out, n, hi, 0.0, 1.0)
        if kind == WALL:
            if dw != 0.0:
                n = _add(out, n, (1.0 - w) / dw, lo, hi)
                n = _add(out, n, (g - w) / dw, lo, hi)
        else:
            n = _add_circle(out, n, w, dw, reach, ax, ay, dx, dy, lo, hi)
            n = _add_circle(out, n, w / g, dw / g, reach, ax, ay, dx, dy, lo, hi)
        for j in range(i):
            low, high = max(lo, strips[j, 0]), min(hi, strips[j, 1])
            if low >= high:
                continue
            for part in range(4):
                mine = 1.0 if part % 2 == 0 else 1.0 / g
                other = 1.0 if part < 2 else 1.0 / strips[j, 4]
                slope = mine * dw - other * strips[j, 3]
                if slope != 0.0:
                    n = _add(out, n, (other * strips[j, 2] - mine * w) / slope, low, high)
    if n <= out.shape[0]:
        out[:n].sort()
    return n


@nb.njit(**LENT)
def _under(cross: float, s: float, e: float, w: float, dw: float) -> float:
    """Return the area [m2] between the camera and an edge, from u(s) to u(e)."""
    return 0.5 * cross * (e - s) / ((w + s * dw) * (w + e * dw))


@nb.njit(**LENT)
def _under_piece(
    kind: int, reach: float, cross: float, s: float, e: float, ax: float, ay: float, dx: float, dy: float
) -> float:
    """Return the area [m2] between the camera and the piece, from u(s) to u(e)."""
    if kind == WALL:
        return 0.5 * cross * (e - s)
    px, py, vx, vy = ax + s * dx, ay + s * dy, ax + e * dx, ay + e * dy
    return 0.5 * reach * reach * math.atan2(px * vy - py * vx, px * vx + py * vy)


@nb.njit(**LENT)
def _hidden_between(
    kind: int,
    reach: float,
    ax: float,
    ay: float,
    dx: float,
    dy: float,
    s: float,
    e: float,
    strips: Any,
    n_strips: int,
    order: Any,
    near: Any,
) -> float:
    """Return the area [m2] that the strips hide between u(s) and u(e), where the edges keep their order."""
    middle = 0.5 * (s + e)
    mx, my = ax + middle * dx, ay + middle * dy
    # w = 1 / distance in units of |u|: the piece's own is 1, or that of the circle.
    bound = 1.0 if kind == WALL else math.sqrt(mx * mx + my * my) / reach
    n = 0
    for k in range(n_strips):
        if strips[k, 0] > middle or strips[k, 1] < middle:
            continue
        w = strips[k, 2] + middle * strips[k, 3]
        if w <= bound:
            continue
        at = n
        while at > 0 and near[at - 1] < w:
            near[at], order[at] = near[at - 1], order[at - 1]
            at -= 1
        near[at], order[at] = w, k
        n += 1
    cross = ax * dy - ay * dx
    total, first = 0.0, 0
    while first < n:
        i = order[first]
        far, last = near[first] / strips[i, 4], i
        following = first + 1
        while following < n and near[following] >= far:
            j = order[following]
            if near[following] / strips[j, 4] < far:
                far, last = near[following] / strips[j, 4], j
            following += 1
        total -= _under(cross, s, e, strips[i, 2], strips[i, 3])
        if far <= bound:
            return total + _under_piece(kind, reach, cross, s, e, ax, ay, dx, dy)
        g = strips[last, 4]
        total += _under(cross, s, e, strips[last, 2] / g, strips[last, 3] / g)
        first = following
    return total


@nb.njit(**LENT)
def _hidden_in_piece(
    kind: int,
    reach: float,
    ax: float,
    ay: float,
    dx: float,
    dy: float,
    strips: Any,
    n_strips: int,
    criticals: Any,
    n_criticals: int,
    order: Any,
    near: Any,
) -> float:
    """Return the area [m2] that the strips hide within one piece's bearings, inside the view."""
    total = 0.0
    for k in range(n_criticals - 1):
        s, e = criticals[k], criticals[k + 1]
        if e > s:
            total += _hidden_between(kind, reach, ax, ay, dx, dy, s, e, strips, n_strips, order, near)
    return total


@nb.njit(**LENT)
def _after(t: float, x: float, y: float, t_edge: float) -> float:
    """Return the pseudo-angle of the end (x, y) of a piece that begins at t; straight behind it may be 2 or -2."""
    end = pseudo_angle(x, y)
    if end - t > 2.0:  # a piece is shorter than a half turn
        return t
    if t - end > 2.0:
        return t_edge
    return min(max(end, t), t_edge)


@nb.njit(cache=True, nogil=True)
def hidden_area(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    field_of_view: float,
    pieces: Any,
    count: int,
    lows: Any,
    shade: Any,
) -> float:
    """Return the area [m2] that low walls hide in the view of a camera that `pieces` bound within `reach` [m].

    (cx, cy), (fx, fy) and `field_of_view` [radians] say where the camera stands and looks. All room is made here: a
    loop over cameras that replaced it would be slower where there are no low walls.
    """
    met, scratch = _gather_lows(cx, cy, fx, fy, reach, field_of_view, lows)
    if met == 0:
        return 0.0
    t_edge, _, _ = field_edge(field_of_view)
    strips, order, near = np.empty((met, 5)), np.empty(met, np.int64), np.empty(met)
    criticals = np.empty(8 * met + 64)
    total, t = 0.0, -t_edge
    for k in range(count):
        ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
        t_a = t
        t = t_edge if k == count - 1 else _after(t, bx, by, t_edge)
        n = _strips_in_piece(ax, ay, bx, by, t_a, t, met, scratch, shade, strips)
        if n == 0:
            continue
        dx, dy = bx - ax, by - ay
        kind = ARC if pieces.kind[k] == ARC else WALL
        found = _criticals(kind, reach, ax, ay, dx, dy, strips, n, criticals)
        if found > criticals.shape[0]:
            criticals = np.empty(2 * found)
            found = _criticals(kind, reach, ax, ay, dx, dy, strips, n, criticals)
        total += _hidden_in_piece(kind, reach, ax, ay, dx, dy, strips, n, criticals, found, order, near)
    return total


@nb.njit(**LENT)
def _quads(cx: float, cy: float, met: int, scratch: Any, lows: Any, shade: Any, out: FloatArray) -> None:
    """Write the corners of the shadows (met, 4, 2) [m]: the wall's ends, then the far edge's."""
    for k in range(met):
        item = scratch.order[k]
        g = shade[item]
        ax, ay, bx, by = lows.xy[item, 0], lows.xy[item, 1], lows.xy[item, 2], lows.xy[item, 3]
        out[k, 0, 0], out[k, 0, 1], out[k, 1, 0], out[k, 1, 1] = ax, ay, bx, by
        out[k, 2, 0], out[k, 2, 1] = cx + g * (bx - cx), cy + g * (by - cy)
        out[k, 3, 0], out[k, 3, 1] = cx + g * (ax - cx), cy + g * (ay - cy)


@nb.njit(cache=True, nogil=True)
def shadow_quads(
    xy: FloatArray, forward: FloatArray, reach: float, field_of_view: float, lows: Any, shade: Any
) -> tuple[Any, Any]:
    """Return start (cameras + 1,) and quads (m, 4, 2) [m] of the shadows that each camera meets within `reach` [m].

    Shadows are whole, not cut to the range and the field of view [radians].
    """
    start = np.zeros(xy.shape[0] + 1, np.int64)
    quads = np.empty((256, 4, 2))
    made = 0
    for camera in range(xy.shape[0]):
        cx, cy = xy[camera, 0], xy[camera, 1]
        met, scratch = _gather_lows(cx, cy, forward[camera, 0], forward[camera, 1], reach, field_of_view, lows)
        if made + met > quads.shape[0]:
            grown = np.empty((2 * (made + met), 4, 2))
            grown[:made] = quads[:made]
            quads = grown
        _quads(cx, cy, met, scratch, lows, shade, quads[made : made + met])
        made += met
        start[camera + 1] = made
    return start, quads[:made].copy()


@nb.njit(**LENT)
def _row_of_quad(quad: Any, cell: float, row: int) -> tuple[int, int]:
    """Return the first column and the one after the last whose centres a convex quadrilateral holds in a row.

    Edges are half open at their upper ends, as in `spans`, so that quadrilaterals with a common edge leave no gap.
    """
    height = (row + 0.5) * cell
    left, right = math.inf, -math.inf
    for k in range(4):
        x0, y0, x1, y1 = quad[k, 0], quad[k, 1], quad[(k + 1) % 4, 0], quad[(k + 1) % 4, 1]
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        if y0 == y1 or row < first_cell(y0, cell) or row >= first_cell(y1, cell):
            continue
        x = x0 + (height - y0) * ((x1 - x0) / (y1 - y0))
        left, right = min(left, x), max(right, x)
    if left > right:
        return 0, 0
    return first_cell(left, cell), first_cell(right, cell)


@nb.njit(**LENT)
def _put_between(spans: Any, made: int, span: Any, start: int, stop: int) -> int:
    """Write the part of a span from `start` to `stop`, if any and if there is room; return the count."""
    if start >= stop:
        return made
    if made < spans.shape[0]:
        spans[made, 0], spans[made, 1] = span[0], span[1]
        spans[made, 2], spans[made, 3], spans[made, 4] = start, stop, span[4]
    return made + 1


@nb.njit(cache=True, nogil=True)
def cut_spans(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    field_of_view: float,
    lows: Any,
    shade: Any,
    cell: float,
    window: Any,
    spans: Any,
    made: int,
    done: int,
) -> int:
    """Take the shadows of low walls out of the spans made .. done - 1 of one view; return the new number of spans.

    That may pass the room of `spans`: then they are spoilt from `made` on, and must be made again with more room.
    """
    met, scratch = _gather_lows(cx, cy, fx, fy, reach, field_of_view, lows)
    if met == 0:
        return done
    quads = np.empty((met, 4, 2))
    _quads(cx, cy, met, scratch, lows, shade, quads)
    starts, stops = np.empty(met, np.int64), np.empty(met, np.int64)
    before = spans[made:done].copy()
    for i in range(before.shape[0]):
        span = before[i]
        n = 0
        for k in range(met):
            first, last = _row_of_quad(quads[k], cell, span[1] + window[0])
            first, last = first - window[2], last - window[2]
            if first >= last or first >= span[3] or last <= span[2]:
                continue
            at = n
            while at > 0 and starts[at - 1] > first:
                starts[at], stops[at] = starts[at - 1], stops[at - 1]
                at -= 1
            starts[at], stops[at] = first, last
            n += 1
        begin = np.int64(span[2])
        for k in range(n):
            made = _put_between(spans, made, span, begin, starts[k])
            begin = max(begin, stops[k])
        made = _put_between(spans, made, span, begin, np.int64(span[3]))
    return made
