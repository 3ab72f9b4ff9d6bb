"""Areas of many cameras, and the pieces of one, from plain arrays."""

from __future__ import annotations

from typing import Any

import numba as nb

from doorview.sight.kernels.shadows import field_edge, hidden_area
from doorview.sight.kernels.star import cap_pieces, gather_walls, pieces_area, sweep
from doorview.sight.kernels.types import FloatArray, new_pieces, new_scratch

__all__ = ["areas_of_cameras", "view_pieces"]


@nb.njit(cache=True, nogil=True)
def view_pieces(
    cx: float,
    cy: float,
    fx: float,
    fy: float,
    reach: float,
    field_of_view: float,
    walls: Any,
    scratch: Any,
    pieces: Any,
) -> tuple[int, Any, Any]:
    """Return count, scratch and pieces of one camera's view; the latter are new where these were too small."""
    t_edge, ux, uy = field_edge(field_of_view)
    met = gather_walls(cx, cy, fx, fy, reach, t_edge, ux, uy, walls, scratch)
    if met < 0:
        scratch = new_scratch(-2 * met)
        met = gather_walls(cx, cy, fx, fy, reach, t_edge, ux, uy, walls, scratch)
    count = sweep(reach, t_edge, ux, uy, met, scratch, pieces)
    if count < 0:
        pieces = new_pieces(-2 * count)
        count = sweep(reach, t_edge, ux, uy, met, scratch, pieces)
    return count, scratch, pieces


@nb.njit(cache=True, nogil=True)
def areas_of_cameras(
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    field_of_view: float,
    walls: Any,
    out: FloatArray,
) -> None:
    """Fill `out` (cameras, levels) with the area [m2] that each camera sees between `near` and `ranges` [m].

    `xy` (cameras, 2) [m], `forward` (cameras, 2) unit vectors, `field_of_view` [radians].
    """
    scratch, pieces, capped = new_scratch(256), new_pieces(512), new_pieces(2048)
    reach = ranges.max()
    tall, lows, shade, any_low = walls.tall, walls.lows, walls.shade, walls.lows.ni > 0
    for camera in range(xy.shape[0]):
        cx, cy, fx, fy = xy[camera, 0], xy[camera, 1], forward[camera, 0], forward[camera, 1]
        count, scratch, pieces = view_pieces(cx, cy, fx, fy, reach, field_of_view, tall, scratch, pieces)
        if capped.kind.shape[0] < 3 * count:
            capped = new_pieces(6 * count)
        whole = pieces_area(pieces, count, reach)
        if any_low:
            whole -= hidden_area(cx, cy, fx, fy, reach, field_of_view, pieces, count, lows, shade)
        for level in range(ranges.shape[0]):
            area = whole
            if ranges[level] < reach:
                made = cap_pieces(pieces, count, ranges[level], capped)
                area = pieces_area(capped, made, ranges[level])
                if any_low:
                    area -= hidden_area(cx, cy, fx, fy, ranges[level], field_of_view, capped, made, lows, shade)
            if near[level] > 0.0:
                made = cap_pieces(pieces, count, near[level], capped)
                area -= pieces_area(capped, made, near[level])
                if any_low:
                    area += hidden_area(cx, cy, fx, fy, near[level], field_of_view, capped, made, lows, shade)
            out[camera, level] = max(area, 0.0)
