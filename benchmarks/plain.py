"""The whole computing chain in plain shapely and geopandas: viewsheds, ownership, shares of public ground.

It takes finished tables (doors, obstacles, ground polygons) and computes shares as one would with geopandas alone:
viewsheds by difference, the union of the owners' viewsheds per random draw, its overlay with public ground. Beside
the draws stands an exact enumeration: all boundaries noded into faces, each face seen by a known number of doors. No
computing code of doorview is used, so that both the speed and the answers of doorview can be held against it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely_viewsheds import array_viewsheds

__all__ = ["PlainView", "drawn_shares", "expected_shares", "height_factors", "viewshed_table", "wall_array"]

Floats = NDArray[np.float64]


class PlainView(NamedTuple):
    """What one camera may see: far and near range [m], field of view [degrees], heights of camera and target [m]."""

    range_m: float
    field_of_view_degrees: float
    near_m: float = 0.0
    camera_height_m: float = 1.2
    target_height_m: float = 1.5


def wall_array(obstacles: gpd.GeoDataFrame) -> tuple[Floats, NDArray[np.intp]]:
    """Return all segments of lines and polygon rings, (n, 4) x1 y1 x2 y2 [m], and the row that each comes from."""
    parts, row = shapely.get_parts(obstacles.geometry.to_numpy(), return_index=True)
    polygons = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, of_polygon = shapely.get_rings(parts[polygons], return_index=True)
    lines = np.concatenate([rings, parts[~polygons]])
    row = np.concatenate([row[polygons][of_polygon], row[~polygons]])
    points, of_line = shapely.get_coordinates(lines, return_index=True)
    same = of_line[1:] == of_line[:-1]
    return np.hstack([points[:-1], points[1:]])[same], row[of_line[1:][same]]


def height_factors(heights: Floats, view: PlainView) -> Floats:
    """Return how many times as far as the wall its shadow begins: 1 for tall ones (NaN is tall), inf for low ones."""
    factors = np.ones(len(heights))
    known = np.isfinite(heights)
    over = heights[known] - view.camera_height_m
    with np.errstate(divide="ignore"):
        rise = (view.target_height_m - view.camera_height_m) / over
    factors[known] = np.where(over > 0.0, np.maximum(1.0, rise), np.inf)
    return factors


def viewshed_table(
    doors: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame, view: PlainView, quad_segs: int = 16
) -> gpd.GeoDataFrame:
    """Return the viewshed polygon of each door, on the doors' index.

    Parameters
    ----------
    doors : points with a column `heading` [degrees clockwise from north]
    obstacles : lines or polygons, with a column `height_m` [m] or without (then all are tall)
    """
    walls, row = wall_array(obstacles)
    factors = None
    if "height_m" in obstacles:
        factors = height_factors(obstacles["height_m"].to_numpy(dtype=np.float64), view)[row]
    shapes = array_viewsheds(
        shapely.get_coordinates(doors.geometry.to_numpy()),
        doors["heading"].to_numpy(dtype=np.float64),
        walls,
        view.range_m,
        view.field_of_view_degrees,
        view.near_m,
        quad_segs,
        factors,
    )
    return gpd.GeoDataFrame(geometry=shapes, index=doors.index, crs=doors.crs)


def drawn_shares(
    viewsheds: gpd.GeoDataFrame, ground: gpd.GeoDataFrame, rate: float, draws: int, seed: int = 0
) -> pd.DataFrame:
    """Return the share of each class of public ground in view, as the mean of random draws of owners.

    Parameters
    ----------
    viewsheds : one polygon per door
    ground : polygons with `class` and `public`, disjoint
    rate : the probability that a door has a camera, independently of the others
    draws : how often owners are drawn

    Returns
    -------
    DataFrame
        On the class: `public_amount` [m2], `share_mean`, `share_error` (standard error of the mean over draws).
    """
    rng = np.random.default_rng(seed)
    public = ground.loc[ground["public"].astype(bool), ["class", "geometry"]]
    amount = public.area.groupby(public["class"]).sum().sort_index()
    shares = np.zeros((draws, len(amount)))
    for draw in range(draws):
        owned = viewsheds.geometry.to_numpy()[rng.random(len(viewsheds)) < rate]
        parts = shapely.get_parts(shapely.union_all(owned))
        parts = parts[shapely.get_dimensions(parts) == 2]
        seen = gpd.overlay(public, gpd.GeoDataFrame(geometry=parts, crs=ground.crs), keep_geom_type=True)
        shares[draw] = (
            seen.area.groupby(seen["class"]).sum().reindex(amount.index, fill_value=0.0) / amount
        ).to_numpy()
    error = shares.std(axis=0, ddof=1) / math.sqrt(draws) if draws > 1 else np.full(len(amount), np.nan)
    return pd.DataFrame({"public_amount": amount, "share_mean": shares.mean(axis=0), "share_error": error})


def expected_shares(viewsheds: gpd.GeoDataFrame, ground: gpd.GeoDataFrame, rates: list[float]) -> pd.DataFrame:
    """Return the expected share of each class of public ground in view, without drawing.

    The boundaries of all viewsheds and of public ground are noded into faces. A face lies in k viewsheds, so it is in
    view with probability 1 - (1 - rate)^k when doors own independently at the same rate.

    Returns
    -------
    DataFrame
        On the class: `public_amount` [m2] and one column per rate.
    """
    public = ground.loc[ground["public"].astype(bool), ["class", "geometry"]]
    amount = public.area.groupby(public["class"]).sum().sort_index()
    edges = np.concatenate(
        [shapely.boundary(viewsheds.geometry.to_numpy()), shapely.boundary(public.geometry.to_numpy())]
    )
    # A grid far below the figures' last digit keeps the noding robust.
    noded = shapely.union_all(edges, grid_size=1e-6)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    inside = shapely.point_on_surface(faces)
    area = shapely.area(faces)
    of_face, of_ground = shapely.STRtree(public.geometry.to_numpy()).query(inside, predicate="intersects")
    of_face, first = np.unique(of_face, return_index=True)
    classes = public["class"].to_numpy(dtype=object)[of_ground[first]]
    seen_face, _ = shapely.STRtree(viewsheds.geometry.to_numpy()).query(inside, predicate="intersects")
    seen_by = np.bincount(seen_face, minlength=len(faces))[of_face]
    found = pd.DataFrame({"public_amount": amount})
    for rate in rates:
        in_view = area[of_face] * (1.0 - (1.0 - rate) ** seen_by)
        found[rate] = pd.Series(in_view).groupby(classes).sum().reindex(amount.index, fill_value=0.0) / amount
    return found
