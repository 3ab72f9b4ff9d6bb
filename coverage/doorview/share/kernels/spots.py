"""Single spots of ground: what each is, and the chance that it is in view once sightings are filtered by door."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np

from doorview.share.kernels.paint import paint_polygons, paint_strips

__all__ = ["chances_of_spots", "units_of_cells"]


@nb.njit(cache=True, nogil=True)
def units_of_cells(
    row: Any,
    column: Any,
    cell: float,
    tile: Any,
    strip_first: Any,
    strip_ids: Any,
    start: Any,
    xy: Any,
    inner: Any,
    outer: Any,
    side: Any,
    strip_rank: Any,
    strip_unit: Any,
    strip_bounds: Any,
    polygon_first: Any,
    polygon_ids: Any,
    edge_start: Any,
    edges: Any,
    polygon_rank: Any,
    polygon_unit: Any,
    polygon_bounds: Any,
    out: Any,
) -> None:
    """Fill `out` (cells,) with the unit of single cells, painted as a tile paints them.

    `tile` (cells,) is the number of each cell's tile; what meets tile t are the strips
    `strip_ids[strip_first[t]:strip_first[t + 1]]`, polygons likewise. Bounds (n, 4) hold what each covers.
    """
    window = np.empty(4, np.int64)
    rank, unit = np.empty((1, 1), np.uint8), np.empty((1, 1), np.int32)
    distance = np.empty((1, 1), np.float32)
    window[1], window[3] = 1, 1
    for i in range(row.shape[0]):
        window[0], window[2] = row[i], column[i]
        rank[0, 0], unit[0, 0], distance[0, 0] = 255, 0, 0.0
        x, y, t = (column[i] + 0.5) * cell, (row[i] + 0.5) * cell, tile[i]
        for k in range(strip_first[t], strip_first[t + 1]):
            s = strip_ids[k]
            if _holds(strip_bounds, s, x, y):
                paint_strips(
                    window,
                    cell,
                    strip_ids[k : k + 1],
                    start,
                    xy,
                    inner,
                    outer,
                    side,
                    strip_rank,
                    strip_unit,
                    rank,
                    distance,
                    unit,
                )
        for k in range(polygon_first[t], polygon_first[t + 1]):
            p = polygon_ids[k]
            if polygon_rank[p] < rank[0, 0] and _holds(polygon_bounds, p, x, y):
                paint_polygons(
                    window, cell, polygon_ids[k : k + 1], edge_start, edges, polygon_rank, polygon_unit, rank, unit
                )
        out[i] = unit[0, 0]


@nb.njit(cache=True, nogil=True)
def _holds(bounds: Any, n: int, x: float, y: float) -> bool:
    """Say whether a point lies in box `n`."""
    return bounds[n, 0] <= x <= bounds[n, 2] and bounds[n, 1] <= y <= bounds[n, 3]


@nb.njit(cache=True, nogil=True)
def _miss_of_group(kept: Any, count: int, mean: float, correlation: float, left: Any) -> float:
    """Return the chance that none of `count` doors with a common theta owns a camera; `left` is room for count + 1.

    theta ~ Beta with the mean `mean` and the intraclass correlation; door i owns one with the chance theta kept[i].
    With m doors left by the thinning, none owns one with prod_{i < m} ((1 - mean)(1 - r) + i r) / ((1 - r) + i r)
    (Griffiths 1973); m is Poisson binomial.
    """
    left[0] = 1.0
    for i in range(count):
        left[i + 1] = 0.0
        for m in range(i + 1, 0, -1):
            left[m] = left[m] * (1.0 - kept[i]) + left[m - 1] * kept[i]
        left[0] *= 1.0 - kept[i]
    missed, none = left[0], 1.0
    for m in range(count):
        none *= ((1.0 - mean) * (1.0 - correlation) + m * correlation) / ((1.0 - correlation) + m * correlation)
        missed += left[m + 1] * none
    return missed


@nb.njit(cache=True, nogil=True)
def chances_of_spots(
    start: Any,
    door: Any,
    variant: Any,
    distance: Any,
    bearing: Any,
    fence: Any,
    fixed_fence: Any,
    car: Any,
    planting: Any,
    cluster: Any,
    door_variant: Any,
    door_turn: Any,
    door_recess: Any,
    door_planted: Any,
    door_near: Any,
    door_reach: Any,
    half_field: float,
    fence_height: float,
    occupancy: float,
    chance: Any,
    cluster_top: Any,
    correlation: float,
    out: Any,
) -> None:
    """Fill `out` (spots,) with the chance that each is in view of at least one owner.

    Sightings of spot i are rows `start[i]:start[i + 1]` of `door`, `variant` (where on its wall the door stands),
    `distance` [m], `bearing` [degrees from the facade's normal, clockwise], `fence` (lowest height of barriers of
    unknown height that hides the spot [m]), `fixed_fence` (hidden by a barrier of known height), `car` (lowest share of
    parking places taken that hides it), `planting` (hidden by planting before the door), `cluster` (of the door; -1:
    none), clusters together. `door_*` (doors,) are the settings of every door: the variant, the lens' turn [degrees],
    half the opening of its recess [degrees], planting, nearest and farthest distance [m]. `chance` (doors,) is its
    chance of a camera, `cluster_top` (clusters,) the highest of its cluster, `half_field` half the field of view
    [degrees]. Barriers stand where `fence_height` is above 0.
    """
    kept, left = np.empty(64), np.empty(65)
    for i in range(start.shape[0] - 1):
        missed = 1.0
        group, count = -1, 0
        for k in range(start[i], start[i + 1]):
            d = door[k]
            p = chance[d]
            if p <= 0.0 or variant[k] != door_variant[d]:
                continue
            if distance[k] < door_near[d] or distance[k] > door_reach[d]:
                continue
            off = math.fabs(bearing[k] - door_turn[d])
            if min(off, 360.0 - off) > half_field or math.fabs(bearing[k]) > door_recess[d]:
                continue
            if door_planted[d] and planting[k]:
                continue
            if fence_height > 0.0 and (fixed_fence[k] or fence_height > fence[k]):
                continue
            if occupancy > car[k]:
                continue
            own = cluster[k]
            if own < 0 or correlation <= 0.0:
                missed *= 1.0 - p
                continue
            if own != group:
                if count > 0:
                    missed *= _miss_of_group(kept, count, cluster_top[group], correlation, left)
                group, count = own, 0
            if count == kept.shape[0]:
                kept, left = np.append(kept, np.empty(count)), np.empty(2 * count + 1)
            kept[count] = p / cluster_top[own]
            count += 1
        if count > 0:
            missed *= _miss_of_group(kept, count, cluster_top[group], correlation, left)
        out[i] = 1.0 - missed
