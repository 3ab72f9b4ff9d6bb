"""Areas of many cameras, and the pieces of one, from plain arrays."""

from __future__ import annotations

import math
from typing import Any

import numba as nb

from doorview.sight.kernels.shadows import field_edge, hidden_area
from doorview.sight.kernels.star import area_within, cap_pieces, gather_walls, nearest_line2, pieces_area, sweep
from doorview.sight.kernels.types import LENT, FloatArray, new_pieces, new_scratch

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
def _areas_with_lows(
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    field_of_view: float,
    walls: Any,
    out: FloatArray,
) -> None:
    """Do what `areas_of_cameras` does where walls throw finite shadows."""
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


@nb.njit(**LENT, forceinline=True)
def _area_up_to(reach: float, line2: float, half_field: float, pieces: Any, count: int) -> float:
    """Return the area [m2] of a view up to `reach`; a whole sector if no wall's line comes that near."""
    if reach * reach <= line2:
        return half_field * reach * reach
    return area_within(pieces, count, reach)


@nb.njit(**LENT)
def _areas_from(
    first: int,
    xy: FloatArray,
    forward: FloatArray,
    ranges: FloatArray,
    near: FloatArray,
    reach: float,
    t_edge: float,
    ux: float,
    uy: float,
    half_field: float,
    walls: Any,
    scratch: Any,
    pieces: Any,
    out: FloatArray,
) -> tuple[int, int, int]:
    """Fill `out` from camera `first` on; return where it stopped for want of room, and the room needed."""
    several = ranges.shape[0] > 1 or near[0] > 0.0
    for camera in range(first, xy.shape[0]):
        met = gather_walls(
            xy[camera, 0], xy[camera, 1], forward[camera, 0], forward[camera, 1], reach, t_edge, ux, uy, walls, scratch
        )
        if met < 0:
            return camera, -met, 0
        count = sweep(reach, t_edge, ux, uy, met, scratch, pieces)
        if count < 0:
            return camera, 0, -count
        line2 = nearest_line2(pieces, count) if several else 0.0
        whole = area_within(pieces, count, reach)
        for level in range(ranges.shape[0]):
            area = whole
            if ranges[level] < reach:
                area = _area_up_to(ranges[level], line2, half_field, pieces, count)
            if near[level] > 0.0:
                area -= _area_up_to(near[level], line2, half_field, pieces, count)
            out[camera, level] = max(area, 0.0)
    return xy.shape[0], 0, 0


@nb.njit(cache=True, nogil=True, error_model="numpy")
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
    if walls.lows.ni > 0:
        _areas_with_lows(xy, forward, ranges, near, field_of_view, walls, out)
        return
    tall = walls.tall
    scratch, pieces = new_scratch(256), new_pieces(512)
    reach = ranges.max()
    t_edge, ux, uy = field_edge(field_of_view)
    half_field = min(0.5 * field_of_view, math.pi)
    camera = 0
    while camera < xy.shape[0]:
        camera, walls_room, pieces_room = _areas_from(
            camera, xy, forward, ranges, near, reach, t_edge, ux, uy, half_field, tall, scratch, pieces, out
        )
        if walls_room > 0:
            scratch = new_scratch(2 * walls_room)
        if pieces_room > 0:
            pieces = new_pieces(2 * pieces_room)
