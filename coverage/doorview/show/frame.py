"""A map's place on the sheet and in the world, and what of a layer meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes

from doorview.show.drawing import Sheet
from doorview.show.picture import Bounds

__all__ = ["Frame", "inset", "meets", "within"]


@dataclass(frozen=True)
class Frame:
    """A map's place on the sheet and in the world."""

    sheet: Sheet
    axes: Axes
    bounds: Bounds
    metres_per_inch: float

    def width_points(self, metres: float, least: float, most: float) -> float:
        """Return a width on the ground [m] in points, within limits that stay readable."""
        return float(np.clip(metres / self.metres_per_inch * 72, least, most))


def meets(geometries: npt.NDArray[Any], bounds: Bounds) -> npt.NDArray[np.bool_]:
    """Tell which geometries' boxes meet the window."""
    box = shapely.bounds(geometries).reshape(-1, 4)
    with np.errstate(invalid="ignore"):  # empty geometries have NaN bounds and meet nothing
        meets: npt.NDArray[np.bool_] = (
            (box[:, 0] <= bounds[2]) & (box[:, 2] >= bounds[0]) & (box[:, 1] <= bounds[3]) & (box[:, 3] >= bounds[1])
        )
    return meets


def within(layer: gpd.GeoDataFrame, bounds: Bounds) -> gpd.GeoDataFrame:
    """Return the rows whose boxes meet the window."""
    return layer[meets(layer.geometry.to_numpy(), bounds)]


def inset(bounds: Bounds, part: float) -> Bounds:
    """Return the window without a margin on each side, which is `part` of its width and height."""
    dx, dy = part * (bounds[2] - bounds[0]), part * (bounds[3] - bounds[1])
    return bounds[0] + dx, bounds[1] + dy, bounds[2] - dx, bounds[3] - dy
