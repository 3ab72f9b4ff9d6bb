"""Outlines of a study's hot spots that are fit to publish, and how much of their public ground is in view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from doorview.city.classes import CLASSES as GROUND
from doorview.city.ground_polygons import ground_polygons
from doorview.overlays.over_coverage import ground_in_view
from doorview.overlays.porches import ground_spots
from doorview.overlays.publish import MONTH, SMALLEST_COUNT
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts
from doorview.overlays.time_classes import CLASSES
from doorview.study.alerts_run import seen_places

if TYPE_CHECKING:
    from doorview.overlays.hotspots import HotSpots
    from doorview.overlays.time_classes import HotSpotClasses
    from doorview.ownership.union import Owners
    from doorview.study.compute import Prepared
    from doorview.study.thefts_run import TheftsPlan

__all__ = ["HIGH", "HOT", "HotGround", "hot_ground"]

HOT = "hot spot"
HIGH = "high among high"
"""The classes of what is hot in the longer window, by Gi* and by local Moran's I; the others are those over time."""
STEP_M = 5.0
MOST_SPOTS = 20_000
"""More points than this on the lattice over hot spots, and its step is widened."""
_COLUMNS = ["class", "window", "cells", "area_km2"]


@dataclass(frozen=True, eq=False)
class HotGround:
    """Hot spots as outlines, and their public ground in view.

    Attributes
    ----------
    outlines
        A row per hot spot that may be published: `class`, `window`, `cells`, `area_km2`, outline of cells that
        touch.
    table
        hotspots.csv: class, window, hot_spots, area_km2, and by level and scenario the share of their public ground
        in view (`in_view`, of `public_m2`).
    few
        Class -> hot spots left out of both, because fewer than 5 incidents or one to four homes lie in them.
    step_m
        Of the lattice that stands for public ground.

    """

    outlines: gpd.GeoDataFrame
    table: pd.DataFrame
    few: dict[str, int]
    step_m: float

    @property
    def too_few(self) -> int:
        """Hot spots left out, of all classes."""
        return sum(self.few.values())


def hot_ground(
    ready: Prepared,
    tested: tuple[HotSpots, HotSpots],
    over_time: HotSpotClasses | None,
    plan: TheftsPlan,
    owners: dict[str, Owners],
) -> HotGround:
    """Return the hot spots of the longer window, and those over time, with the public ground in view in each class.

    `tested` are Gi* and local Moran's I. Cells with few among few are none: where most cells have no report, none is.
    Hot spots with fewer than 5 incidents, or with one to four homes, are left out and counted: an outline around them
    would point at places.
    """
    every = shapely.get_coordinates(plan.incidents.geometry.to_numpy())
    layers: list[tuple[str, str, NDArray[np.bool_], NDArray[Any]]] = [
        (name, plan.window.published, item.hot, item.counts) for name, item in zip((HOT, HIGH), tested, strict=True)
    ]
    if over_time is not None:
        dates = plan.incidents["date"].dropna()
        span = f"half-years, {dates.min().strftime(MONTH)} to {dates.max().strftime(MONTH)}"
        counts = cell_counts(every[plan.incidents["date"].notna().to_numpy()], plan.grid)
        layers += [
            (name, span, over_time.classes == number, counts) for number, name in enumerate(CLASSES) if name != "none"
        ]
    rows: list[dict[str, Any]] = []
    few = dict.fromkeys((name for name, *_ in layers), 0)
    doors, dwellings = shapely.points(ready.scene.door_xy), ready.door_table.dwellings
    for name, window, cells, counts in layers:
        label, number = ndimage.label(cells, structure=np.ones((3, 3)))
        for spot in range(1, number + 1):
            part = label == spot
            shape = _outline(part, plan.grid)
            homes = int(dwellings[shapely.intersects(shape, doors)].sum())
            if counts[part].sum() < SMALLEST_COUNT or 0 < homes < SMALLEST_COUNT:
                few[name] += 1
                continue
            size = int(part.sum())
            area = size * plan.grid.cell_km2
            rows.append({"class": name, "window": window, "cells": size, "area_km2": area, "geometry": shape})
    index = pd.RangeIndex(1, len(rows) + 1, name="hot_spot")
    outlines = gpd.GeoDataFrame(rows, columns=[*_COLUMNS, "geometry"], index=index, crs=ready.city.crs)
    table, step = _in_view(ready, outlines, owners)
    return HotGround(outlines, table, few, step)


def _outline(part: NDArray[np.bool_], grid: SurfaceGrid) -> shapely.Geometry:
    row, column = np.nonzero(part)
    west, south = grid.x0 + column * grid.cell_m, grid.y0 + row * grid.cell_m
    return shapely.union_all(shapely.box(west, south, west + grid.cell_m, south + grid.cell_m))


def _in_view(ready: Prepared, outlines: gpd.GeoDataFrame, owners: dict[str, Owners]) -> tuple[pd.DataFrame, float]:
    """Return hotspots.csv and the step of its lattice."""
    columns = ["class", "window", "hot_spots", "area_km2", "level", "scenario", "public_m2", "in_view"]
    if not len(outlines):
        return pd.DataFrame(columns=columns), STEP_M
    names = [item.name for item in GROUND if item.public]
    public = ground_polygons(ready.ground, ready.city, only=names, quarter_segments=4)
    around = shapely.intersection(shapely.union_all(outlines.geometry.to_numpy()), ready.inside)
    ground = shapely.intersection(shapely.union_all(public.geometry.to_numpy()), around)
    step = max(STEP_M, math.ceil(math.sqrt(shapely.area(ground) / MOST_SPOTS)))
    parts = []
    for (name, window), spots in outlines.groupby(["class", "window"], sort=False):
        held = shapely.intersection(ground, shapely.union_all(spots.geometry.to_numpy()))
        key = {"class": name, "window": window, "hot_spots": len(spots), "area_km2": float(spots["area_km2"].sum())}
        if shapely.area(held) == 0:
            continue
        points = ground_spots(held, spots, step)
        if not len(points):
            continue
        table = ground_in_view(
            points, ready.doors, seen_places(ready, points), owners, keys=ready.residents.keys,
            seed=ready.study.study.seed,
        )  # fmt: skip
        table = table[table["hot_spot"] == "all"].rename(columns={"area_m2": "public_m2"})
        parts.append(table.assign(**key)[columns])
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)), step
