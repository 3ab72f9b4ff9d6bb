"""Views cut to polygons, such as by privacy zones: as tables, for maps and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError

__all__ = ["cut_views"]


def cut_views(views: gpd.GeoDataFrame, limits: Sequence[Any] | NDArray[Any]) -> gpd.GeoDataFrame:
    """Return views less what lies outside of each one's polygon, on the views' index.

    Parameters
    ----------
    views
        As from `doorview.sight.api.viewsheds`.
    limits
        (n,) polygons in the views' order, None where nothing is cut: the geometry of
        `doorview.city.property_lines.property_limits`.

    Returns
    -------
    GeoDataFrame
        The same columns; `area_m2` of what is cut is that of the polygon, whose arcs are chords to 1 cm.

    Raises
    ------
    InputError
        If there are not as many limits as views.

    """
    shapes = np.asarray(limits, dtype=object)
    if len(shapes) != len(views):
        raise InputError(f"there are {len(shapes)} limits for {len(views)} views: give one for each, in their order.")
    cut = ~shapely.is_missing(shapes)
    found, area = views.geometry.to_numpy().copy(), views["area_m2"].to_numpy(dtype=np.float64).copy()
    found[cut] = shapely.intersection(found[cut], shapes[cut])
    area[cut] = shapely.area(found[cut])
    return views.assign(area_m2=area).set_geometry(gpd.GeoSeries(found, index=views.index, crs=views.crs))
