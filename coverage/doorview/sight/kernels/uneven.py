"""Views over uneven ground: what the terrain, and walls of known height that stand on it, take from spans of the plane.

A camera's cells are laid out in a box of bytes once, however many levels see them. Then each wall takes out the cells
behind it whose sight lines pass below its top, and the terrain those whose lines it rises above; what is left is
written as spans again. Every cell is judged by its own line, so that no cell depends on level, span or window.

Most cells need no line. Let e be the height over any plane: the line from lens to target stays above the lower of its
two ends' e, and the surface below its own highest e. So within a box in which the surface's e never passes the e of the
lens, nor that of any target, nothing is hidden (`_calm`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba as nb
import numpy as np

from doorview.sight.kernels.spans import SPAN_FIELDS
from doorview.sight.kernels.star import TOUCHING_M as EDGE_ON_M
from doorview.sight.kernels.terrain import TOUCHING_M, height_at, hidden
from doorview.sight.kernels.types import FloatArray, IntArray, Squares

__all__ = ["OpenWalls", "clear_pairs_over", "clear_spans", "fill_extremes"]

SEEN = 1
FINE = 4
"""Steps in a box from which on its edges need no heights of their own: one step more about it changes little."""


class OpenWalls(NamedTuple):
    """Walls over which some sight line may pass, by squares; their scale is 1.

    `top` (items, 2) is the height of the top above the first and the second end, in the terrain's datum [m], straight
    between them; `height` (items,) the nominal height above the ground [m], which counts where the ground under lens or
    target is unknown.
    """

    squares: Squares
    top: FloatArray
    height: FloatArray


@nb.njit(cache=True, nogil=True)
def fill_extremes(grid: Any, boxes: FloatArray, low: FloatArray, high: FloatArray) -> None:
    """Fill `low` and `high` (n,) with bounds of the heights in boxes (n, 4) west, south, east, north [m].

    They are the extremes of the samples about the box; NaN where one of them is unknown.
    """
    z = grid.z
    for n in range(boxes.shape[0]):
        i0, i1 = math.floor((boxes[n, 0] - grid.x0) / grid.step), math.ceil((boxes[n, 2] - grid.x0) / grid.step)
        j0, j1 = math.floor((boxes[n, 1] - grid.y0) / grid.step), math.ceil((boxes[n, 3] - grid.y0) / grid.step)
        low[n], high[n] = math.nan, math.nan
        if i0 < 0 or j0 < 0 or i1 >= z.shape[1] or j1 >= z.shape[0]:
            continue
        least, most, known = math.inf, -math.inf, True
        for j in range(j0, j1 + 1):
            for i in range(i0, i1 + 1):
                value = np.float64(z[j, i])
                known = known and not math.isnan(value)
                least, most = min(least, value), max(most, value)
        if known:
            low[n], high[n] = least, most


@nb.njit(cache=True, nogil=True)
def _least_over(grid: Any, sign: float, x0: float, y0: float, x1: float, y1: float, plane: Any) -> float:
    """Return the least of sign * (height - plane) [m] in a box, or less; NaN where a height is unknown.

    `plane` is its height at the origin and its two gradients. Less a plane a patch is bilinear still, so that extremes
    lie where lines of samples and edges of the box cross; on a fine raster the samples about the box do.
    """
    i0, i1 = math.floor((x0 - grid.x0) / grid.step), math.ceil((x1 - grid.x0) / grid.step)
    j0, j1 = math.floor((y0 - grid.y0) / grid.step), math.ceil((y1 - grid.y0) / grid.step)
    least = math.inf
    if max(i1 - i0, j1 - j0) > FINE:
        z = grid.z
        if i0 < 0 or j0 < 0 or i1 >= z.shape[1] or j1 >= z.shape[0]:
            return math.nan
        for j in range(j0, j1 + 1):
            y = grid.y0 + j * grid.step
            for i in range(i0, i1 + 1):
                value = sign * (z[j, i] - plane[0] - plane[1] * (grid.x0 + i * grid.step) - plane[2] * y)
                if math.isnan(value):
                    return math.nan
                least = min(least, value)
        return least
    for j in range(j0, j1 + 1):
        y = min(max(grid.y0 + j * grid.step, y0), y1)
        for i in range(i0, i1 + 1):
            x = min(max(grid.x0 + i * grid.step, x0), x1)
            value = sign * (height_at(grid, x, y) - plane[0] - plane[1] * x - plane[2] * y)
            if math.isnan(value):
                return math.nan
            least = min(least, value)
    return least


@nb.njit(cache=True, nogil=True)
def _calm(
    ground: Any, surface: Any, cx: float, cy: float, ex: float, ey: float, eye: float, target: float
) -> bool:  # fmt: skip
    """Return whether the surface can hide nothing in the box between the camera (cx, cy) and (ex, ey) [m].

    `eye` is the lens as a height of the raster, `target` [m above ground]. The plane is that of the ground at the
    box's corners; False where a height is unknown.
    """
    dx, dy = ex - cx, ey - cy
    if dx == 0.0 or dy == 0.0:
        return False
    here, east = height_at(ground, cx, cy), height_at(ground, ex, cy)
    north, both = height_at(ground, cx, ey), height_at(ground, ex, ey)
    px, py = (east - here + both - north) / (2.0 * dx), (north - here + both - east) / (2.0 * dy)
    plane = (here - px * cx - py * cy, px, py)
    x0, x1, y0, y1 = min(cx, ex), max(cx, ex), min(cy, ey), max(cy, ey)
    lowest = min(_least_over(ground, 1.0, x0, y0, x1, y1, plane) + target, eye - here)
    return -_least_over(surface, -1.0, x0, y0, x1, y1, plane) <= lowest


@nb.njit(cache=True, nogil=True)
def _calm_boxes(
    ground: Any, surface: Any, cx: float, cy: float, box: Any, eye: float, target: float, out: FloatArray
) -> bool:  # fmt: skip
    """Fill `out` (2, 2, 2) with how far from the camera the terrain hides nothing, west and east, south and north [m].

    By side in x, side in y: the reach in x, in y; 0 where nothing is known. `box` west, south, east, north [m].
    Returns whether that is all of the box.
    """
    every = True
    for a in range(2):
        for b in range(2):
            dx, dy = box[2 * a] - cx, box[2 * b + 1] - cy
            out[a, b, 0], out[a, b, 1] = 0.0, 0.0
            if (dx <= 0.0) == (a == 1) or (dy <= 0.0) == (b == 1):
                continue  # the box does not reach to this side
            part = 1.0
            while part > 0.1 and out[a, b, 0] == 0.0:
                if _calm(ground, surface, cx, cy, cx + part * dx, cy + part * dy, eye, target):
                    out[a, b, 0], out[a, b, 1] = abs(part * dx), abs(part * dy)
                else:
                    every = False
                part *= 0.5
    return every


@nb.njit(cache=True, nogil=True)
def _over_wall(
    ax: float, ay: float, bx: float, by: float, cross: float, px: float, py: float, eye: float, aim: float, t_a: float,
    t_b: float,
) -> bool:  # fmt: skip
    """Say whether a wall a-b with tops t_a, t_b hides the target at p of height `aim`; places relative to the camera.

    As `sightlines._hides`: cross = a x b > 0, a bearing through an end of the wall is its own.
    """
    from_a, to_b = ax * py - ay * px, px * by - py * bx
    if from_a < 0.0 or to_b < 0.0:
        return False
    beyond = px * (by - ay) - py * (bx - ax)  # times cross: how many times as far as the wall the target lies
    if not beyond > cross:
        return False
    part = from_a / (from_a + to_b)
    return t_a + part * (t_b - t_a) > eye + (aim - eye) * (cross / beyond) + TOUCHING_M


@nb.njit(cache=True, nogil=True)
def _row_behind(
    ax: float, ay: float, bx: float, by: float, cross: float, y: float
) -> tuple[float, float]:  # fmt: skip
    """Return west and east end [m] of what lies behind a wall in the row at y; rounding is the caller's to allow for.

    Three half planes alpha x >= beta: left of a, right of b, beyond the wall.
    """
    low, high = -math.inf, math.inf
    for side in range(3):
        if side == 0:
            alpha, beta = -ay, -ax * y
        elif side == 1:
            alpha, beta = by, bx * y
        else:
            alpha, beta = by - ay, cross + (bx - ax) * y
        if alpha > 0.0:
            low = max(low, beta / alpha)
        elif alpha < 0.0:
            high = min(high, beta / alpha)
        elif beta > EDGE_ON_M:
            return 1.0, 0.0
    return low, high


@nb.njit(cache=True, nogil=True)
def _hide_behind(
    ground: Any, cx: float, cy: float, wall: Any, tops: Any, height: float, eye: float, lens: float, target: float,
    cell: float, row0: int, col0: int, state: Any,
) -> None:  # fmt: skip
    """Take out of `state` (rows, columns), its first cell at row0, col0, what one wall hides.

    `wall` x1 y1 x2 y2 [m], `tops` of its two ends; where ground is unknown, `height` counts on flat ground.
    """
    ax, ay, bx, by = wall[0] - cx, wall[1] - cy, wall[2] - cx, wall[3] - cy
    t_a, t_b = tops[0], tops[1]
    cross = ax * by - ay * bx
    if cross < 0.0:
        ax, ay, bx, by, cross, t_a, t_b = bx, by, ax, ay, -cross, t_b, t_a
    if cross * cross <= EDGE_ON_M * EDGE_ON_M * ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)):
        return
    rows, columns = state.shape
    first, last = 0, rows
    if ay >= 0.0 and by >= 0.0:
        first = max(math.floor((cy + min(ay, by)) / cell) - row0 - 1, 0)
    elif ay <= 0.0 and by <= 0.0:
        last = min(math.floor((cy + max(ay, by)) / cell) - row0 + 2, rows)
    for row in range(first, last):
        y = (row0 + row + 0.5) * cell
        low, high = _row_behind(ax, ay, bx, by, cross, y - cy)
        low, high = max((cx + low) / cell - col0 - 2.0, 0.0), min((cx + high) / cell - col0 + 2.0, np.float64(columns))
        for column in range(math.floor(low), math.floor(high) if high > low else 0):
            if state[row, column] != SEEN:
                continue
            x = (col0 + column + 0.5) * cell
            aim = height_at(ground, x, y) + target
            if math.isnan(aim - eye):
                over = _over_wall(ax, ay, bx, by, cross, x - cx, y - cy, lens, target, height, height)
            else:
                over = _over_wall(ax, ay, bx, by, cross, x - cx, y - cy, eye, aim, t_a, t_b)
            if over:
                state[row, column] = 0


@nb.njit(cache=True, nogil=True)
def _squares_of(squares: Any, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
    """Return the first and last column and row of squares that a box [m] meets."""
    return (
        max(math.floor(x0 / squares.cell) - squares.i0, 0),
        min(math.floor(x1 / squares.cell) - squares.i0, squares.ni - 1),
        max(math.floor(y0 / squares.cell) - squares.j0, 0),
        min(math.floor(y1 / squares.cell) - squares.j0, squares.nj - 1),
    )


@nb.njit(cache=True, nogil=True)
def _hide_walls(
    ground: Any, walls: Any, cx: float, cy: float, box: Any, eye: float, lens: float, target: float, cell: float,
    row0: int, col0: int, state: Any,
) -> None:  # fmt: skip
    """Take out of `state` what the walls between the camera and `box` hide."""
    squares = walls.squares
    i0, i1, j0, j1 = _squares_of(squares, min(box[0], cx), min(box[1], cy), max(box[2], cx), max(box[3], cy))
    if i0 > i1:
        return
    low = squares.low
    for j in range(j0, j1 + 1):
        for k in range(squares.start[j * squares.ni + i0], squares.start[j * squares.ni + i1 + 1]):
            # A wall stands in several squares: take it in the first of them that is read.
            if low[k, 1] == max(low[k, 0], i0) and j == max(low[k, 2], j0):
                _hide_behind(
                    ground, cx, cy, squares.xy[k], walls.top[k], walls.height[k], eye, lens, target, cell, row0, col0,
                    state,
                )  # fmt: skip


@nb.njit(cache=True, nogil=True)
def _any_wall(walls: Any, cx: float, cy: float, box: Any) -> bool:
    """Say whether a wall stands in the squares between the camera and `box`."""
    squares = walls.squares
    i0, i1, j0, j1 = _squares_of(squares, min(box[0], cx), min(box[1], cy), max(box[2], cx), max(box[3], cy))
    if i0 > i1:
        return False
    found = 0
    for j in range(j0, j1 + 1):
        found += squares.start[j * squares.ni + i1 + 1] - squares.start[j * squares.ni + i0]
    return found > 0


@nb.njit(cache=True, nogil=True)
def _hide_terrain(
    ground: Any, surface: Any, cx: float, cy: float, eye: float, target: float, clear: float, calm: FloatArray,
    cell: float, row0: int, col0: int, state: Any,
) -> None:  # fmt: skip
    """Take out of `state` what the surface hides; no line is asked within the boxes of `calm`."""
    for row in range(state.shape[0]):
        y = (row0 + row + 0.5) * cell
        b = 1 if y > cy else 0
        for column in range(state.shape[1]):
            if state[row, column] != SEEN:
                continue
            x = (col0 + column + 0.5) * cell  # absolute first: no bit depends on the window
            a = 1 if x > cx else 0
            if abs(x - cx) <= calm[a, b, 0] and abs(y - cy) <= calm[a, b, 1]:
                continue
            if hidden(surface, cx, cy, eye, x, y, height_at(ground, x, y) + target, clear):
                state[row, column] = 0


@nb.njit(cache=True, nogil=True)
def _mark(spans: Any, state: Any, top: int, left: int) -> None:
    """Mark the cells of spans in `state`, whose first cell is row `top`, column `left` of their window."""
    for k in range(spans.shape[0]):
        row = spans[k, 1] - top
        for column in range(spans[k, 2] - left, spans[k, 3] - left):
            state[row, column] = SEEN


@nb.njit(cache=True, nogil=True)
def _put_run(out: Any, made: int, span: Any, start: int, stop: int) -> int:
    """Write the columns start .. stop - 1 of a span if there is room; return the count."""
    if made < out.shape[0]:
        out[made, 0], out[made, 1], out[made, 4] = span[0], span[1], span[4]
        out[made, 2], out[made, 3] = start, stop
    return made + 1


@nb.njit(cache=True, nogil=True)
def _put_runs(spans: Any, state: Any, top: int, left: int, out: Any, made: int) -> int:
    """Append the runs of cells of each span that `state` still holds; return the count, which may pass the room."""
    for k in range(spans.shape[0]):
        span = spans[k]
        row, begin = span[1] - top, -1
        for column in range(span[2], span[3]):
            if state[row, column - left] != SEEN:
                if begin >= 0:
                    made = _put_run(out, made, span, begin, column)
                begin = -1
            elif begin < 0:
                begin = column
        if begin >= 0:
            made = _put_run(out, made, span, begin, span[3])
    return made


@nb.njit(cache=True, nogil=True)
def _state_of_view(
    ground: Any, surface: Any, walls: Any, cx: float, cy: float, eye: float, lens: float, target: float, clear: float,
    spans: Any, window: Any, cell: float,
) -> tuple[Any, int, int]:  # fmt: skip
    """Return which cells of one camera's spans stay: rows and columns of bytes, and the row and column they begin at.

    No rows where all stay.
    """
    top, bottom, left, right = spans[0, 1], spans[0, 1], spans[0, 2], spans[0, 3]
    for k in range(1, spans.shape[0]):
        top, bottom = min(top, spans[k, 1]), max(bottom, spans[k, 1])
        left, right = min(left, spans[k, 2]), max(right, spans[k, 3])
    row0, col0 = window[0] + top, window[2] + left
    box = np.array([col0 * cell, row0 * cell, (window[2] + right) * cell, (window[0] + bottom + 1) * cell])
    calm = np.zeros((2, 2, 2))
    still = math.isnan(eye) or _calm_boxes(ground, surface, cx, cy, box, eye, target, calm)
    walled = _any_wall(walls, cx, cy, box)
    if still and not walled:
        return np.empty((0, 0), np.uint8), top, left
    state = np.zeros((bottom + 1 - top, right - left), np.uint8)
    _mark(spans, state, top, left)
    if walled:
        _hide_walls(ground, walls, cx, cy, box, eye, lens, target, cell, row0, col0, state)
    if not still:
        _hide_terrain(ground, surface, cx, cy, eye, target, clear, calm, cell, row0, col0, state)
    return state, top, left


@nb.njit(cache=True, nogil=True)
def clear_spans(
    ground: Any,
    surface: Any,
    walls: Any,
    doors: FloatArray,
    lens: FloatArray,
    targets: FloatArray,
    clear: float,
    spans: Any,
    count: int,
    window: Any,
    cell: float,
) -> tuple[Any, int]:
    """Return what surface and `walls` leave of the first `count` of `spans`, in their order, and how many those are.

    `doors` (doors, 2) [m], `lens` (doors,) and `targets` (levels,) [m above ground]; `spans` (room, 5) int32 level,
    row, start, stop, door relative to `window` (row0, rows, col0, columns). Neighbouring spans of one door and one
    height of target are judged together.
    """
    out = np.empty((max(2 * count, 16), SPAN_FIELDS), np.int32)
    made, first = 0, 0
    while first < count:
        door, target = spans[first, 4], targets[spans[first, 0]]
        last = first + 1
        while last < count and spans[last, 4] == door and targets[spans[last, 0]] == target:
            last += 1
        own = spans[first:last]
        cx, cy = doors[door, 0], doors[door, 1]
        eye = height_at(ground, cx, cy) + lens[door]
        state, top, left = _state_of_view(
            ground, surface, walls, cx, cy, eye, lens[door], target, clear, own, window, cell
        )
        while True:
            done = made + last - first
            if state.shape[0] > 0:
                done = _put_runs(own, state, top, left, out, made)
            elif done <= out.shape[0]:
                out[made:done] = own
            if done <= out.shape[0]:
                made = done
                break
            grown = np.empty((2 * done, SPAN_FIELDS), np.int32)
            grown[:made] = out[:made]
            out = grown
        first = last
    return out, made


@nb.njit(cache=True, nogil=True)
def _walls_hide(
    walls: Any, cx: float, cy: float, x: float, y: float, eye: float, aim: float, lens: float, target: float
) -> bool:  # fmt: skip
    """Say whether a wall hides the target at (x, y) from the camera at (cx, cy)."""
    squares = walls.squares
    i0, i1, j0, j1 = _squares_of(squares, min(x, cx), min(y, cy), max(x, cx), max(y, cy))
    if i0 > i1:
        return False
    flat = math.isnan(aim - eye)
    for j in range(j0, j1 + 1):
        for k in range(squares.start[j * squares.ni + i0], squares.start[j * squares.ni + i1 + 1]):
            ax, ay, bx, by = squares.xy[k, 0] - cx, squares.xy[k, 1] - cy, squares.xy[k, 2] - cx, squares.xy[k, 3] - cy
            t_a, t_b = walls.top[k, 0], walls.top[k, 1]
            cross = ax * by - ay * bx
            if cross < 0.0:
                ax, ay, bx, by, cross, t_a, t_b = bx, by, ax, ay, -cross, t_b, t_a
            if cross * cross <= EDGE_ON_M * EDGE_ON_M * ((bx - ax) * (bx - ax) + (by - ay) * (by - ay)):
                continue
            h = walls.height[k]
            if flat and _over_wall(ax, ay, bx, by, cross, x - cx, y - cy, lens, target, h, h):
                return True
            if not flat and _over_wall(ax, ay, bx, by, cross, x - cx, y - cy, eye, aim, t_a, t_b):
                return True
    return False


@nb.njit(cache=True, nogil=True)
def clear_pairs_over(
    ground: Any,
    surface: Any,
    walls: Any,
    doors: FloatArray,
    points: FloatArray,
    camera_of: IntArray,
    point_of: IntArray,
    lens: float,
    target: float,
    clear: float,
    out: Any,
) -> None:
    """Fill `out` (pairs,) with whether surface and `walls` leave the line from camera to point open.

    `doors` (cameras, 2), `points` (n, 2) [m]; `lens` and `target` [m above ground].
    """
    for i in range(camera_of.shape[0]):
        c, p = camera_of[i], point_of[i]
        cx, cy, x, y = doors[c, 0], doors[c, 1], points[p, 0], points[p, 1]
        eye, aim = height_at(ground, cx, cy) + lens, height_at(ground, x, y) + target
        out[i] = not (
            hidden(surface, cx, cy, eye, x, y, aim, clear) or _walls_hide(walls, cx, cy, x, y, eye, aim, lens, target)
        )
