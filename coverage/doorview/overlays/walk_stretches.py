"""Walks cut into stretches of one chance of being in view: lines to draw and to lay over maps."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from doorview.overlays.route_exposure import WalkingPoints
from doorview.overlays.routes import Routes

__all__ = ["route_chances", "stretches"]

Floats = NDArray[np.float64]


def route_chances(walk: WalkingPoints, routes: Routes, route: int, chance: Floats) -> tuple[Floats, Floats]:
    """Return the chance at each point of a route in walking order, and the metres that each stands for.

    `chance` (points,) is that of each of the walk's points.
    """
    chances, metres = [np.zeros(0)], [np.zeros(0)]
    for leg in range(int(routes.first[route]), int(routes.first[route + 1])):
        line = walk.line_of[routes.half[leg]]
        low, high = sorted((float(routes.begin_m[leg]), float(routes.end_m[leg])))
        edge = np.arange(walk.first[line + 1] - walk.first[line] + 1) * walk.step_m[line]
        long = np.minimum(high, edge[1:]) - np.maximum(low, edge[:-1])
        some = np.flatnonzero(long > 1e-9)
        some = some[::-1] if routes.half[leg] % 2 else some
        chances.append(chance[walk.first[line] + some])
        metres.append(long[some])
    return np.concatenate(chances), np.concatenate(metres)


def stretches(line: shapely.LineString, chance: Floats, metres: Floats, *, crs: Any) -> gpd.GeoDataFrame:
    """Return the stretches of a line along which the chance is one: `chance`, `begin_m`, `end_m`, geometry.

    `chance` and `metres` are those of steps along it, in order.
    """
    end = np.cumsum(metres)
    last = np.flatnonzero(np.r_[np.abs(np.diff(chance)) > 1e-12, True]) if len(chance) else np.zeros(0, np.int64)
    until = end[last]
    begin = np.concatenate([[0.0], until[:-1]])[: len(last)]
    # Lines measure a hair otherwise than the sum of steps.
    scale = line.length / end[-1] if len(end) and end[-1] > 0 else 1.0
    shapes = [substring(line, low * scale, high * scale) for low, high in zip(begin, until, strict=True)]
    return gpd.GeoDataFrame({"chance": chance[last], "begin_m": begin, "end_m": until}, geometry=shapes, crs=crs)
