"""The exact view of one camera in the plane: an isovist with arcs, by critical bearings.

Along a unit direction u the line of a wall, written q . p = 1, lies at distance 1 / (q . u). So on an interval of
bearings that several walls span, the nearest wall is the largest of functions that are linear in u: an upper envelope.
If one wall is the nearest at both ends of the interval it is the nearest all along (the envelope is convex); if not, the
two crossing there are split at the direction where they are equal. Critical bearings are thus wall ends, crossings of
walls with walls, and, last, crossings of the nearest walls with the range circle. No angle is computed before the area
of an arc: bearings are ordered by a pseudo-angle.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.types import ARC, WALL, FloatArray

__all__ = ["cap_pieces", "gather_walls", "pieces_area", "pseudo_angle", "sweep"]

TOUCHING_M = 1e-9
"""A wall whose line passes the camera nearer than this hides nothing: it is seen edge on."""
TIE = 1e-12
"""Relative difference of 1 / distance under which two walls count as equally near."""


@nb.njit(cache=True, nogil=True)
def pseudo_angle(x: float, y: float) -> float:
    """Return a number in [-2, 2] that grows with the angle of (x, y) from the x axis, -pi to pi."""
    t = y / (abs(x) + abs(y))
    if x >= 0.0:
        return t
    return 2.0 - t if y >= 0.0 else -2.0 - t


@nb.njit(cache=True, nogil=True)
def _segment_distance2(ax: float, ay: float, bx: float, by: float) -> float:
    """Return the squared distance of the origin from the segment a-b."""
    dx, dy = bx - ax, by - ay
    along = -(ax * dx + ay * dy)
    length2 = dx * dx + dy * dy
    if along <= 0.0:
        return ax * ax + ay * ay
    if along >= length2:
        return bx * bx + by * by
    cross = ax * by - ay * bx
    return cross * cross / length2


@nb.njit(cache=True, nogil=True)
def gather_walls(
    cx: float, cy: float, fx: float, fy: float, reach: float, t_edge: float, ux: float, uy: float, walls: Any, scratch: Any
) -> int:
    """Fill `scratch` with the walls that a camera at (cx, cy) facing (fx, fy) meets within `reach` [m].

    (ux, uy) is the direction of the left edge of its field of view and `t_edge` that edge's pseudo-angle. Returns the
    number of intervals, or minus the room needed when the scratch is too small.
    """
    room = scratch.t0.shape[0]
    count = 0
    reach2 = reach * reach
    cell = walls.cell
    i_low = max(int(math.floor((cx - reach) / cell)) - walls.i0, 0)
    i_high = min(int(math.floor((cx + reach) / cell)) - walls.i0, walls.ni - 1)
    j_low = max(int(math.floor((cy - reach) / cell)) - walls.j0, 0)
    j_high = min(int(math.floor((cy + reach) / cell)) - walls.j0, walls.nj - 1)
    for j in range(j_low, j_high + 1):
        for i in range(i_low, i_high + 1):
            square = j * walls.ni + i
            for k in range(walls.start[square], walls.start[square + 1]):
                wall = walls.items[k]
                x1, y1, x2, y2 = walls.xy[wall, 0], walls.xy[wall, 1], walls.xy[wall, 2], walls.xy[wall, 3]
                # A wall stands in several squares: take it in the first of them that this camera visits.
                if i > i_low and int(math.floor(min(x1, x2) / cell)) - walls.i0 < i:
                    continue
                if j > j_low and int(math.floor(min(y1, y2) / cell)) - walls.j0 < j:
                    continue
                f = walls.scale[wall]
                dx1, dy1, dx2, dy2 = f * (x1 - cx), f * (y1 - cy), f * (x2 - cx), f * (y2 - cy)
                if _segment_distance2(dx1, dy1, dx2, dy2) >= reach2:
                    continue
                ax, ay = dx1 * fx + dy1 * fy, dy1 * fx - dx1 * fy
                bx, by = dx2 * fx + dy2 * fy, dy2 * fx - dx2 * fy
                cross = ax * by - ay * bx
                if cross < 0.0:
                    ax, ay, bx, by, cross = bx, by, ax, ay, -cross
                length2 = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
                if cross * cross <= TOUCHING_M * TOUCHING_M * length2:
                    continue
                ta, tb = pseudo_angle(ax, ay), pseudo_angle(bx, by)
                qx, qy = (by - ay) / cross, (ax - bx) / cross
                # Across the back (pseudo-angle 2 is -2) a wall gives two intervals.
                for part in range(2 if ta > tb else 1):
                    low, high = ta, tb
                    if ta > tb:
                        low, high = (ta, 2.0) if part == 0 else (-2.0, tb)
                    if high <= -t_edge or low >= t_edge or low >= high:
                        continue
                    if count < room:
                        scratch.t0[count], scratch.t1[count] = low, high
                        scratch.ends[count, 0], scratch.ends[count, 1] = ax, ay
                        scratch.ends[count, 2], scratch.ends[count, 3] = bx, by
                        if low <= -t_edge:
                            scratch.t0[count] = -t_edge
                            scratch.ends[count, 0], scratch.ends[count, 1] = ux, -uy
                        if high >= t_edge:
                            scratch.t1[count] = t_edge
                            scratch.ends[count, 2], scratch.ends[count, 3] = ux, uy
                        scratch.q[count, 0], scratch.q[count, 1] = qx, qy
                    count += 1
    return count if count <= room else -count


@nb.njit(cache=True, nogil=True)
def _sort_by_start(order: Any, t0: FloatArray, count: int) -> None:
    """Fill `order` with 0..count-1 so that t0[order] grows; insertion for few, heap sort for many."""
    if count > 48:
        order[:count] = np.argsort(t0[:count], kind="mergesort")
        return
    for k in range(count):
        key = t0[k]
        at = k
        while at > 0 and t0[order[at - 1]] > key:
            order[at] = order[at - 1]
            at -= 1
        order[at] = k


@nb.njit(cache=True, nogil=True)
def _nearest(q: FloatArray, active: Any, n: int, ux: float, uy: float, vx: float, vy: float) -> int:
    """Return the active wall nearest along u; among equals the one nearest along v."""
    best = active[0]
    best_u = q[best, 0] * ux + q[best, 1] * uy
    best_v = q[best, 0] * vx + q[best, 1] * vy
    for k in range(1, n):
        wall = active[k]
        at_u = q[wall, 0] * ux + q[wall, 1] * uy
        gain = at_u - best_u
        slack = TIE * best_u
        if gain > slack or (gain >= -slack and q[wall, 0] * vx + q[wall, 1] * vy > best_v):
            best, best_u, best_v = wall, at_u, q[wall, 0] * vx + q[wall, 1] * vy
    return best


@nb.njit(cache=True, nogil=True)
def _put(pieces: Any, count: int, kind: int, x0: float, y0: float, x1: float, y1: float) -> int:
    """Write one piece if there is room; return the count, which may pass the room."""
    if count < pieces.kind.shape[0]:
        pieces.kind[count] = kind
        pieces.ends[count, 0], pieces.ends[count, 1] = x0, y0
        pieces.ends[count, 2], pieces.ends[count, 3] = x1, y1
    return count + 1


@nb.njit(cache=True, nogil=True)
def _put_arc(pieces: Any, count: int, reach: float, ux: float, uy: float, vx: float, vy: float) -> int:
    """Write the arc of radius `reach` from direction u to direction v."""
    a = reach / math.sqrt(ux * ux + uy * uy)
    b = reach / math.sqrt(vx * vx + vy * vy)
    return _put(pieces, count, ARC, a * ux, a * uy, b * vx, b * vy)


@nb.njit(cache=True, nogil=True)
def _put_capped(pieces: Any, count: int, reach: float, ax: float, ay: float, bx: float, by: float) -> int:
    """Write the wall from a to b, with arcs where it lies beyond `reach`."""
    reach2 = reach * reach
    if ax * ax + ay * ay <= reach2 and bx * bx + by * by <= reach2:
        return _put(pieces, count, WALL, ax, ay, bx, by)
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    if length2 == 0.0:
        return _put_arc(pieces, count, reach, ax, ay, bx, by)
    middle = -(ax * dx + ay * dy) / length2
    cross = ax * by - ay * bx
    half2 = (reach2 - cross * cross / length2) / length2
    if half2 <= 0.0:
        return _put_arc(pieces, count, reach, ax, ay, bx, by)
    half = math.sqrt(half2)
    s, e = max(middle - half, 0.0), min(middle + half, 1.0)
    if s >= e:
        return _put_arc(pieces, count, reach, ax, ay, bx, by)
    sx, sy, ex, ey = ax, ay, bx, by
    if s > 0.0:
        sx, sy = ax + s * dx, ay + s * dy
        count = _put_arc(pieces, count, reach, ax, ay, sx, sy)
    if e < 1.0:
        ex, ey = ax + e * dx, ay + e * dy
    count = _put(pieces, count, WALL, sx, sy, ex, ey)
    if e < 1.0:
        count = _put_arc(pieces, count, reach, ex, ey, bx, by)
    return count


@nb.njit(cache=True, nogil=True)
def _put_wall(
    pieces: Any, count: int, last: int, wall: int, reach: float, q: FloatArray, ux: float, uy: float, vx: float, vy: float
) -> int:
    """Write the part of `wall` between the directions u and v, joined to the piece before if that is the same wall."""
    a = 1.0 / (q[wall, 0] * ux + q[wall, 1] * uy)
    b = 1.0 / (q[wall, 0] * vx + q[wall, 1] * vy)
    ax, ay, bx, by = a * ux, a * uy, b * vx, b * vy
    if last == wall and 0 < count <= pieces.kind.shape[0] and pieces.kind[count - 1] == WALL:
        # The piece before ends on this very wall, inside the range, in the direction u.
        ax, ay = pieces.ends[count - 1, 0], pieces.ends[count - 1, 1]
        count -= 1
    return _put_capped(pieces, count, reach, ax, ay, bx, by)


@nb.njit(cache=True, nogil=True)
def _put_envelope(
    pieces: Any,
    count: int,
    last: int,
    reach: float,
    scratch: Any,
    n: int,
    ux: float,
    uy: float,
    vx: float,
    vy: float,
) -> tuple[int, int]:
    """Write what bounds the view between the directions u and v, all of which the `n` active walls span."""
    q, active = scratch.q, scratch.active
    if n == 1:
        return _put_wall(pieces, count, last, active[0], reach, q, ux, uy, vx, vy), active[0]
    here = _nearest(q, active, n, ux, uy, vx, vy)
    end = _nearest(q, active, n, vx, vy, ux, uy)
    px, py = ux, uy
    for _ in range(n):
        # From p on, `here` is nearest; find the wall that takes over first, if any does before v.
        if here == end:
            break
        turn = end
        rx, ry = vx, vy
        for _ in range(n):
            ds = (q[here, 0] - q[turn, 0]) * px + (q[here, 1] - q[turn, 1]) * py
            de = (q[here, 0] - q[turn, 0]) * rx + (q[here, 1] - q[turn, 1]) * ry
            if de >= 0.0:
                break
            part = max(ds, 0.0) / (max(ds, 0.0) - de)
            rx, ry = px + part * (rx - px), py + part * (ry - py)
            nearer = _nearest(q, active, n, rx, ry, px, py)
            value = q[nearer, 0] * rx + q[nearer, 1] * ry
            if nearer == turn or value - (q[turn, 0] * rx + q[turn, 1] * ry) <= TIE * value:
                break
            turn = nearer
        count = _put_wall(pieces, count, last, here, reach, q, px, py, rx, ry)
        last = here
        px, py, here = rx, ry, turn
    return _put_wall(pieces, count, last, here, reach, q, px, py, vx, vy), here


@nb.njit(cache=True, nogil=True)
def sweep(reach: float, t_edge: float, ux: float, uy: float, walls: int, scratch: Any, pieces: Any) -> int:
    """Write the pieces that bound the view between the edges of the field, from right to left (by growing bearing angle).

    `walls` intervals lie in `scratch`. Returns the number of pieces, or minus the room needed when `pieces` is too small.
    """
    t0, t1, ends, order, active = scratch.t0, scratch.t1, scratch.ends, scratch.order, scratch.active
    _sort_by_start(order, t0, walls)
    count, n, taken, last = 0, 0, 0, -1
    t, px, py = -t_edge, ux, -uy
    while t < t_edge:
        while taken < walls and t0[order[taken]] <= t:
            active[n] = order[taken]
            n += 1
            taken += 1
        # The next bearing at which something begins or ends; the axes are stops too, so that no arc reaches a half turn.
        stop, vx, vy = t_edge, ux, uy
        if t < -1.0 < stop:
            stop, vx, vy = -1.0, 0.0, -1.0
        elif t < 0.0 < stop:
            stop, vx, vy = 0.0, 1.0, 0.0
        elif t < 1.0 < stop:
            stop, vx, vy = 1.0, 0.0, 1.0
        if taken < walls and t0[order[taken]] < stop:
            k = order[taken]
            stop, vx, vy = t0[k], ends[k, 0], ends[k, 1]
        kept = 0
        for a in range(n):
            k = active[a]
            if t1[k] > t:
                active[kept] = k
                kept += 1
                if t1[k] < stop:
                    stop, vx, vy = t1[k], ends[k, 2], ends[k, 3]
        n = kept
        if n == 0:
            count = _put_arc(pieces, count, reach, px, py, vx, vy)
            last = -1
        else:
            count, last = _put_envelope(pieces, count, last, reach, scratch, n, px, py, vx, vy)
        t, px, py = stop, vx, vy
    return count if count <= pieces.kind.shape[0] else -count


@nb.njit(cache=True, nogil=True)
def cap_pieces(pieces: Any, count: int, reach: float, out: Any) -> int:
    """Write into `out` the same view with a shorter range; return the number of pieces or minus the room needed."""
    made = 0
    for k in range(count):
        ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
        if pieces.kind[k] == ARC:
            made = _put_arc(out, made, reach, ax, ay, bx, by)
        else:
            made = _put_capped(out, made, reach, ax, ay, bx, by)
    return made if made <= out.kind.shape[0] else -made


@nb.njit(cache=True, nogil=True)
def pieces_area(pieces: Any, count: int, reach: float) -> float:
    """Return the area [m2] between the camera and the pieces: triangles and sectors."""
    total = 0.0
    for k in range(count):
        ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
        cross = ax * by - ay * bx
        if pieces.kind[k] == WALL:
            total += 0.5 * cross
        else:
            total += 0.5 * reach * reach * math.atan2(cross, ax * bx + ay * by)
    return total
