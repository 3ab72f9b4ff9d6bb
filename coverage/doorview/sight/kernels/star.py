"""The exact view of one camera in the plane: an isovist with arcs, by critical bearings.

Along a unit direction u the line of a wall, written q . p = 1, lies at distance 1 / (q . u). So the nearest of several
walls has the largest of functions that are linear in u, and of two walls one passes in front of the other between two
directions exactly if their difference changes its sign: at the direction where it is zero. Critical bearings are thus
wall ends, crossings of walls with walls, and, last, crossings of the nearest walls with the range circle. No angle is
computed before the area of an arc: bearings are ordered by a pseudo-angle.
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.types import ARC, LENT, WALL, FloatArray

__all__ = [
    "TOUCHING_M",
    "area_within",
    "cap_pieces",
    "gather_walls",
    "nearest_line2",
    "pieces_area",
    "pseudo_angle",
    "sweep",
]

TOUCHING_M = 1e-9
"""A wall whose line passes the camera nearer than this hides nothing: it is seen edge on."""
RUN = 24
"""So many intervals are sorted by insertion; longer rows in runs of so many, which are then merged."""
TIE = 1e-12
"""Relative difference of 1 / distance under which two walls count as equally near."""


@nb.njit(**LENT, forceinline=True)
def pseudo_angle(x: float, y: float) -> float:
    """Return a number in [-2, 2] that grows with the angle of (x, y) from the x axis, -pi to pi."""
    t = y / (abs(x) + abs(y))
    if x >= 0.0:
        return t
    return 2.0 - t if y >= 0.0 else -2.0 - t


@nb.njit(**LENT, forceinline=True)
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


@nb.njit(**LENT)
def _field_box(
    cx: float, cy: float, fx: float, fy: float, reach: float, t_edge: float, ux: float, uy: float
) -> tuple[float, float, float, float]:
    """Return west, east, south and north of a field of view, at most a half turn wide; of its disc if it is wider."""
    if t_edge > 1.0:
        return cx - reach, cx + reach, cy - reach, cy + reach
    # The edges' directions east and north: (ux, uy) and (ux, -uy) turned by the heading.
    lx, ly = fx * ux - fy * uy, fy * ux + fx * uy
    rx, ry = fx * ux + fy * uy, fy * ux - fx * uy
    west, east = min(0.0, lx, rx), max(0.0, lx, rx)
    south, north = min(0.0, ly, ry), max(0.0, ly, ry)
    # An axis lies inside where the heading is at most as far from it as the edge.
    if fx >= ux:
        east = 1.0
    if -fx >= ux:
        west = -1.0
    if fy >= ux:
        north = 1.0
    if -fy >= ux:
        south = -1.0
    return cx + reach * west, cx + reach * east, cy + reach * south, cy + reach * north


@nb.njit(**LENT)
def _read_squares(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    t_edge: float,
    ux: float,
    uy: float,
    walls: Any,
    found: Any,
) -> int:
    """Write into `found` the items of the index that may meet the field within `reach`, each wall once.

    Returns how many, or minus the room needed when `found` is too small. Nothing branches upon what lies outside: at
    every other house the processor would guess wrong.
    """
    xy, scale, low, start = walls.xy, walls.scale, walls.low, walls.start
    count, cell = 0, walls.cell
    west, east, south, north = _field_box(cx, cy, fx, fy, reach, t_edge, ux, uy)
    i_low = max(math.floor(west / cell) - walls.i0, 0)
    i_high = min(math.floor(east / cell) - walls.i0, walls.ni - 1)
    j_low = max(math.floor(south / cell) - walls.j0, 0)
    j_high = min(math.floor(north / cell) - walls.j0, walls.nj - 1)
    if i_low > i_high:
        return 0
    items = 0
    for j in range(j_low, j_high + 1):
        items += start[j * walls.ni + i_high + 1] - start[j * walls.ni + i_low]
    if items > found.shape[0]:
        return -items
    narrow = t_edge <= 1.0  # at most a half turn: convex, so what lies beyond one edge lies outside
    back = 0.0 if narrow else -reach
    for j in range(j_low, j_high + 1):
        row = j * walls.ni
        for k in range(start[row + i_low], start[row + i_high + 1]):
            f = scale[k]
            dx1, dy1, dx2, dy2 = f * (xy[k, 0] - cx), f * (xy[k, 1] - cy), f * (xy[k, 2] - cx), f * (xy[k, 3] - cy)
            ax, bx = dx1 * fx + dy1 * fy, dx2 * fx + dy2 * fy
            ay, by = dy1 * fx - dx1 * fy, dy2 * fx - dx2 * fy
            out = ((ax >= reach) & (bx >= reach)) | ((ax <= back) & (bx <= back))
            out |= ((ay >= reach) & (by >= reach)) | ((ay <= -reach) & (by <= -reach))
            if narrow:
                out |= (ux * ay - uy * ax >= 0.0) & (ux * by - uy * bx >= 0.0)
                out |= (ux * ay + uy * ax <= 0.0) & (ux * by + uy * bx <= 0.0)
            # A wall stands in several squares: take it in the first of them that this camera reads.
            out |= (low[k, 1] != max(low[k, 0], i_low)) | (j != max(low[k, 2], j_low))
            found[count] = k
            count += 0 if out else 1
    return count


@nb.njit(**LENT)
def gather_walls(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    t_edge: float,
    ux: float,
    uy: float,
    walls: Any,
    scratch: Any,
) -> int:
    """Fill `scratch` with the walls that a camera at (cx, cy) facing (fx, fy) meets within `reach` [m].

    (ux, uy) is the direction of the left edge of its field of view and `t_edge` that edge's pseudo-angle. Returns the
    number of intervals, or minus a number of which twice is room enough when the scratch is too small.
    """
    t0, t1, ends, q, item, found = scratch.t0, scratch.t1, scratch.ends, scratch.q, scratch.order, scratch.active
    xy, scale = walls.xy, walls.scale
    room = t0.shape[0]
    reach2 = reach * reach
    candidates = _read_squares(cx, cy, fx, fy, reach, t_edge, ux, uy, walls, found)
    if candidates < 0:
        return candidates
    count = 0
    for candidate in range(candidates):
        k = found[candidate]
        f = scale[k]
        dx1, dy1, dx2, dy2 = f * (xy[k, 0] - cx), f * (xy[k, 1] - cy), f * (xy[k, 2] - cx), f * (xy[k, 3] - cy)
        ax, ay, bx, by = dx1 * fx + dy1 * fy, dy1 * fx - dx1 * fy, dx2 * fx + dy2 * fy, dy2 * fx - dx2 * fy
        if _segment_distance2(ax, ay, bx, by) >= reach2:
            continue
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
            first, last = ta, tb
            if ta > tb:
                first, last = (ta, 2.0) if part == 0 else (-2.0, tb)
            if last <= -t_edge or first >= t_edge or first >= last:
                continue
            if count < room:
                t0[count], t1[count] = first, last
                ends[count, 0], ends[count, 1], ends[count, 2], ends[count, 3] = ax, ay, bx, by
                if first <= -t_edge:
                    t0[count], ends[count, 0], ends[count, 1] = -t_edge, ux, -uy
                if last >= t_edge:
                    t1[count], ends[count, 2], ends[count, 3] = t_edge, ux, uy
                q[count, 0], q[count, 1] = qx, qy
                item[count] = k
            count += 1
    return count if count <= room else -count


@nb.njit(**LENT)
def _sort_by_start(order: Any, t0: FloatArray, count: int, other: Any) -> None:
    """Fill `order` with 0..count-1 so that t0[order] grows, equals by number; `other` is room of the same size.

    Runs of `RUN` by insertion, then merged in pairs.
    """
    for first in range(0, count, RUN):
        for k in range(first, min(first + RUN, count)):
            key = t0[k]
            at = k
            while at > first and t0[order[at - 1]] > key:
                order[at] = order[at - 1]
                at -= 1
            order[at] = k
    width = RUN
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            a, b = low, middle
            for k in range(low, high):
                if a < middle and (b >= high or t0[order[a]] <= t0[order[b]]):
                    other[k] = order[a]
                    a += 1
                else:
                    other[k] = order[b]
                    b += 1
        for k in range(count):  # not by slices: that may make a copy
            order[k] = other[k]
        width *= 2


@nb.njit(**LENT, forceinline=True)
def _put(kinds: Any, ends: Any, count: int, kind: int, x0: float, y0: float, x1: float, y1: float) -> int:
    """Write one piece if there is room; return the count, which may pass the room."""
    if count < kinds.shape[0]:
        kinds[count] = kind
        ends[count, 0], ends[count, 1], ends[count, 2], ends[count, 3] = x0, y0, x1, y1
    return count + 1


@nb.njit(**LENT, forceinline=True)
def _put_arc(kinds: Any, ends: Any, count: int, reach: float, ux: float, uy: float, vx: float, vy: float) -> int:
    """Write the arc of radius `reach` from direction u to direction v."""
    a = reach / math.sqrt(ux * ux + uy * uy)
    b = reach / math.sqrt(vx * vx + vy * vy)
    return _put(kinds, ends, count, ARC, a * ux, a * uy, b * vx, b * vy)


@nb.njit(**LENT, forceinline=True)
def _put_capped(kinds: Any, ends: Any, count: int, reach: float, ax: float, ay: float, bx: float, by: float) -> int:
    """Write the wall from a to b, with arcs where it lies beyond `reach`."""
    reach2 = reach * reach
    if ax * ax + ay * ay <= reach2 and bx * bx + by * by <= reach2:
        return _put(kinds, ends, count, WALL, ax, ay, bx, by)
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    if length2 == 0.0:
        return _put_arc(kinds, ends, count, reach, ax, ay, bx, by)
    middle = -(ax * dx + ay * dy) / length2
    cross = ax * by - ay * bx
    half2 = (reach2 - cross * cross / length2) / length2
    if half2 <= 0.0:
        return _put_arc(kinds, ends, count, reach, ax, ay, bx, by)
    half = math.sqrt(half2)
    s, e = max(middle - half, 0.0), min(middle + half, 1.0)
    if s >= e:
        return _put_arc(kinds, ends, count, reach, ax, ay, bx, by)
    sx, sy, ex, ey = ax, ay, bx, by
    if s > 0.0:
        sx, sy = ax + s * dx, ay + s * dy
        count = _put_arc(kinds, ends, count, reach, ax, ay, sx, sy)
    if e < 1.0:
        ex, ey = ax + e * dx, ay + e * dy
    count = _put(kinds, ends, count, WALL, sx, sy, ex, ey)
    if e < 1.0:
        count = _put_arc(kinds, ends, count, reach, ex, ey, bx, by)
    return count


@nb.njit(**LENT, forceinline=True)
def _put_nearest(
    kinds: Any, out: Any, count: int, reach: float, q: FloatArray, wall: int, ux: float, uy: float, vx: float, vy: float
) -> int:
    """Write what bounds the view between the directions u and v: the nearest wall, or the arc (wall -1)."""
    if wall < 0:
        return _put_arc(kinds, out, count, reach, ux, uy, vx, vy)
    a = 1.0 / (q[wall, 0] * ux + q[wall, 1] * uy)
    b = 1.0 / (q[wall, 0] * vx + q[wall, 1] * vy)
    return _put_capped(kinds, out, count, reach, a * ux, a * uy, b * vx, b * vy)


@nb.njit(**LENT, forceinline=True)
def _crossing(gx: float, gy: float, px: float, py: float, ex: float, ey: float, slack: float) -> float:
    """Return at which part of the way from direction p to e a wall farther at p comes nearer; -1 if it does not.

    g is the difference of the two walls' q, nearer less farther.
    """
    end = gx * ex + gy * ey
    if end >= -slack:
        return -1.0
    now = max(gx * px + gy * py, 0.0)
    return now / (now - end)


@nb.njit(**LENT, forceinline=True)
def _first_crossing(
    scratch: Any, n: int, here: int, t: float, px: float, py: float, stop: float, vx: float, vy: float
) -> tuple[float, float, float, int]:
    """Return bearing, direction and wall of the first that passes in front of `here` after t and before `stop`.

    p is the direction at t and v that at `stop`; the wall is -1, and v the direction, where none does.
    """
    q, ends, t1, active = scratch.q, scratch.ends, scratch.t1, scratch.active
    found = -1
    for k in range(n):
        wall = active[k]
        if wall == here or t1[wall] <= t:
            continue
        last = here if t1[wall] > t1[here] else wall
        ex, ey = ends[last, 2], ends[last, 3]
        slack = TIE * (q[here, 0] * ex + q[here, 1] * ey)
        part = _crossing(q[here, 0] - q[wall, 0], q[here, 1] - q[wall, 1], px, py, ex, ey, slack)
        if part >= 0.0:
            rx, ry = px + part * (ex - px), py + part * (ey - py)
            # Right at t: straight behind the camera the pseudo-angle of p is 2 or -2.
            at = max(pseudo_angle(rx, ry), t) if part > 0.0 else t
            if at < stop:
                stop, vx, vy, found = at, rx, ry, wall
    return stop, vx, vy, found


@nb.njit(**LENT, forceinline=True)
def _drop_ended(scratch: Any, n: int, t: float, px: float, py: float) -> tuple[int, int]:
    """Drop the active walls that end up to t; return how many stay and the nearest of them along p, or -1."""
    q, t1, active = scratch.q, scratch.t1, scratch.active
    kept, here, best = 0, -1, 0.0
    for k in range(n):
        wall = active[k]
        if t1[wall] > t:
            active[kept] = wall
            kept += 1
            value = q[wall, 0] * px + q[wall, 1] * py
            if value > best:
                here, best = wall, value
    return kept, here


@nb.njit(**LENT, forceinline=True)
def _next_axis(t: float, t_edge: float, ux: float, uy: float) -> tuple[float, float, float]:
    """Return the next axis of the frame, or the left edge: where an arc is cut, so that none reaches a half turn."""
    if t < -1.0 < t_edge:
        return -1.0, 0.0, -1.0
    if t < 0.0 < t_edge:
        return 0.0, 1.0, 0.0
    if t < 1.0 < t_edge:
        return 1.0, 0.0, 1.0
    return t_edge, ux, uy


@nb.njit(**LENT)
def sweep(reach: float, t_edge: float, ux: float, uy: float, walls: int, scratch: Any, pieces: Any) -> int:
    """Write the pieces that bound the view between the edges of the field, by growing angle: right to left.

    `walls` intervals lie in `scratch`. Returns the number of pieces, or minus the room needed when `pieces` is too
    small.

    The nearest wall, `here`, stays so until it ends, a wall begins in front of it, or one passes in front of it.
    Each pair is looked at once, when the later of the two begins or becomes the nearest. Walls that are equally
    near (they touch) can hand over to each other at one bearing more often than there are walls only by rounding:
    then the first stays.
    """
    t0, t1, ends, order, active, q = scratch.t0, scratch.t1, scratch.ends, scratch.order, scratch.active, scratch.q
    kinds, out = pieces.kind, pieces.ends
    _sort_by_start(order, t0, walls, active)
    count, n, taken, turns = 0, 0, 0, 0
    t, px, py = -t_edge, ux, -uy
    here, following = -1, -1
    stop, vx, vy = t, px, py
    while True:
        if taken < walls and t0[order[taken]] <= stop:
            wall = order[taken]
            taken += 1
            active[n] = wall
            n += 1
            start, sx, sy = t0[wall], ends[wall, 0], ends[wall, 1]
            if here >= 0:
                gx, gy = q[here, 0] - q[wall, 0], q[here, 1] - q[wall, 1]
                if gx * sx + gy * sy >= -TIE * (q[here, 0] * sx + q[here, 1] * sy):
                    # It begins behind, and matters if it passes in front before either ends.
                    if t1[here] > start:
                        last = here if t1[wall] > t1[here] else wall
                        ex, ey = ends[last, 2], ends[last, 3]
                        part = _crossing(gx, gy, sx, sy, ex, ey, TIE * (q[here, 0] * ex + q[here, 1] * ey))
                        if part >= 0.0:
                            rx, ry = sx + part * (ex - sx), sy + part * (ey - sy)
                            at = max(pseudo_angle(rx, ry), start) if part > 0.0 else start
                            if at < stop:
                                stop, vx, vy, following = at, rx, ry, wall
                    continue
            if start > t:
                count = _put_nearest(kinds, out, count, reach, q, here, px, py, sx, sy)
                t, px, py = start, sx, sy
                turns = 0
            here = wall
        else:
            if stop > t:
                count = _put_nearest(kinds, out, count, reach, q, here, px, py, vx, vy)
                t, px, py = stop, vx, vy
                turns = 0
            if t >= t_edge:
                break
            turns += 1
            if following >= 0 and turns <= n:
                here = following
            if here < 0 or t1[here] <= t:
                n, here = _drop_ended(scratch, n, t, px, py)
        following = -1
        if here < 0:
            stop, vx, vy = _next_axis(t, t_edge, ux, uy)
        else:
            stop, vx, vy = t1[here], ends[here, 2], ends[here, 3]
            if n > 1 and turns <= n:
                stop, vx, vy, following = _first_crossing(scratch, n, here, t, px, py, stop, vx, vy)
    return count if count <= kinds.shape[0] else -count


@nb.njit(**LENT)
def cap_pieces(pieces: Any, count: int, reach: float, out: Any) -> int:
    """Write into `out` the same view with a shorter range; return the number of pieces or minus the room needed."""
    made = 0
    for k in range(count):
        ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
        if pieces.kind[k] == ARC:
            made = _put_arc(out.kind, out.ends, made, reach, ax, ay, bx, by)
        else:
            made = _put_capped(out.kind, out.ends, made, reach, ax, ay, bx, by)
    return made if made <= out.kind.shape[0] else -made


@nb.njit(**LENT)
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


@nb.njit(**LENT)
def nearest_line2(pieces: Any, count: int) -> float:
    """Return the squared distance [m2] of the camera from the nearest line of a wall that bounds the view, or inf."""
    nearest = np.inf
    for k in range(count):
        if pieces.kind[k] == WALL:
            ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
            cross = ax * by - ay * bx
            length2 = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
            if cross * cross < nearest * length2:
                nearest = cross * cross / length2
    return nearest


@nb.njit(**LENT, forceinline=True)
def _turned(
    re: float, im: float, half_turns: int, ax: float, ay: float, bx: float, by: float, by_length2: float
) -> Any:
    """Return a sum of angles (re, im, half turns) and one more, from direction a to b: a complex product.

    (re, im) stays in the upper half plane; `by_length2` keeps its length near 1.
    """
    along, across = (ax * bx + ay * by) * by_length2, max((ax * by - ay * bx) * by_length2, 0.0)
    re, im = re * along - im * across, re * across + im * along
    if im < 0.0 or (im == 0.0 and re < 0.0):
        re, im, half_turns = -re, -im, half_turns + 1
    if abs(re) + im < 1e-90:
        re, im = 1e90 * re, 1e90 * im
    return re, im, half_turns


@nb.njit(**LENT)
def area_within(pieces: Any, count: int, reach: float) -> float:
    """Return the area [m2] between the camera and the pieces up to `reach`, at most that of the pieces.

    The angles of all arcs are multiplied up as complex numbers, so that one arc tangent does for all.
    """
    kinds, ends = pieces.kind, pieces.ends
    reach2 = reach * reach
    if reach2 == 0.0:
        return 0.0
    by_reach2 = 1.0 / reach2
    triangles, re, im, turns = 0.0, 1.0, 0.0, 0
    for k in range(count):
        ax, ay, bx, by = ends[k, 0], ends[k, 1], ends[k, 2], ends[k, 3]
        if kinds[k] == WALL:
            cross = ax * by - ay * bx
            if ax * ax + ay * ay <= reach2 and bx * bx + by * by <= reach2:
                triangles += cross
                continue
            dx, dy = bx - ax, by - ay
            length2 = dx * dx + dy * dy
            rest = reach2 * length2 - cross * cross
            if rest > 0.0:
                middle, half = -(ax * dx + ay * dy), math.sqrt(rest)
                s, e = max((middle - half) / length2, 0.0), min((middle + half) / length2, 1.0)
                if s < e:
                    triangles += (e - s) * cross
                    if s > 0.0:
                        re, im, turns = _turned(re, im, turns, ax, ay, ax + s * dx, ay + s * dy, by_reach2)
                    if e >= 1.0:
                        continue
                    ax, ay = ax + e * dx, ay + e * dy
        re, im, turns = _turned(re, im, turns, ax, ay, bx, by, by_reach2)
    return 0.5 * (triangles + reach2 * (turns * math.pi + math.atan2(im, re)))
