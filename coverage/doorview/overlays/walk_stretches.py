"""Walks cut into stretches of one chance of being in view: lines to draw and to lay over maps."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

__all__ = ["stretches"]

Floats = NDArray[np.float64]


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
