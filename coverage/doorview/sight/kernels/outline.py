"""The outline of one view, arcs as chords."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.sight.kernels.areas import view_pieces
from doorview.sight.kernels.shadows import hidden_area
from doorview.sight.kernels.star import cap_pieces, pieces_area
from doorview.sight.kernels.types import ARC, FloatArray, new_pieces, new_scratch

__all__ = ["outline_points", "outlines"]


@nb.njit(cache=True, nogil=True)
def outline_points(
    cx: float, cy: float, fx: float, fy: float, pieces: Any, count: int, reach: float, tolerance: float, out: FloatArray
) -> int:
    """Write the points of the far boundary, right to left; an arc's chords leave at most `tolerance` [m] of it.

    Returns the number of points, which may pass the room of `out` (m, 2).
    """
    made = 0
    step = 2.0 * math.acos(max(1.0 - tolerance / reach, 0.0))
    for k in range(count):
        ax, ay, bx, by = pieces.ends[k, 0], pieces.ends[k, 1], pieces.ends[k, 2], pieces.ends[k, 3]
        parts = 1
        start, turn = 0.0, 0.0
        if pieces.kind[k] == ARC:
            start, turn = math.atan2(ay, ax), math.atan2(ax * by - ay * bx, ax * bx + ay * by)
            parts = max(math.ceil(turn / step), 1)
        for i in range(parts + 1):
            px, py = ax, ay
            if i == parts:
                px, py = bx, by
            elif i > 0:
                angle = start + turn * i / parts
                px, py = reach * math.cos(angle), reach * math.sin(angle)
            if made < out.shape[0]:
                out[made, 0], out[made, 1] = cx + (px * fx - py * fy), cy + (px * fy + py * fx)
            made += 1
    return made


@nb.njit(cache=True, nogil=True)
def outlines(
    xy: FloatArray, forward: FloatArray, reach: float, near: float, field_of_view: float, walls: Any, tolerance: float
) -> tuple[Any, Any, Any]:
    """Return start (cameras + 1,), points (m, 2) of all far boundaries, exact areas (cameras,) [m2] beyond `near`.

    The boundaries are those of the stars: the shadows of low walls (`shadow_quads`) are left out of the areas only.
    """
    tall, lows, shade, any_low = walls.tall, walls.lows, walls.shade, walls.lows.ni > 0
    scratch, pieces, capped = new_scratch(256), new_pieces(512), new_pieces(2048)
    start, area = np.zeros(xy.shape[0] + 1, np.int64), np.empty(xy.shape[0])
    points = np.empty((64 * xy.shape[0] + 1024, 2))
    made = 0
    for camera in range(xy.shape[0]):
        cx, cy, fx, fy = xy[camera, 0], xy[camera, 1], forward[camera, 0], forward[camera, 1]
        count, scratch, pieces = view_pieces(cx, cy, fx, fy, reach, field_of_view, tall, scratch, pieces)
        area[camera] = pieces_area(pieces, count, reach)
        if any_low:
            area[camera] -= hidden_area(cx, cy, fx, fy, reach, field_of_view, pieces, count, lows, shade)
        if near > 0.0:
            if capped.kind.shape[0] < 3 * count:
                capped = new_pieces(6 * count)
            cut = cap_pieces(pieces, count, near, capped)
            area[camera] -= pieces_area(capped, cut, near)
            if any_low:
                area[camera] += hidden_area(cx, cy, fx, fy, near, field_of_view, capped, cut, lows, shade)
        n = outline_points(cx, cy, fx, fy, pieces, count, reach, tolerance, points[made:])
        if made + n > points.shape[0]:
            grown = np.empty((2 * (made + n), 2))
            grown[:made] = points[:made]
            points = grown
            n = outline_points(cx, cy, fx, fy, pieces, count, reach, tolerance, points[made:])
        made += n
        start[camera + 1] = made
    return start, points[:made].copy(), area
