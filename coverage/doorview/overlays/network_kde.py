"""Kernel density of incidents along streets.

A planar surface spreads a theft over gardens and rivers; here it is spread along the street network, [incidents per km
of street]. Two kernels of Okabe, Satoh and Sugihara (2009, doi 10.1080/13658810802475491; Okabe and Sugihara 2012,
chapter 9), both unbiased for an even pattern, both holding every incident whole:

- **discontinuous** equal split (default): at a junction of n streets what arrives goes on in equal parts into the n - 1
  others. Never negative, fast; the density jumps at junctions.
- **continuous** equal split: each street gets 2 / n, and 2 / n - 1 (negative) goes back where it came from. The density
  is the same from all sides of a junction; walks multiply, so it is slow for wide bandwidths in dense grids.

At a dead end all comes back, also where the data end: nothing is lost (our choice; an edge correction by reflection).
All walks that do not turn back within a street are added up, also around a block. The kernel is the quartic, since it
ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from doorview.city.streets import cut_lines, node_numbers
from doorview.errors import InputError, UnknownNameError
from doorview.overlays.kernels.walks import spread_along
from doorview.overlays.surface_grid import SurfaceGrid, cell_counts, xy_array

__all__ = [
    "SPLITS",
    "STREETS",
    "NetworkDensity",
    "StreetNetwork",
    "network_density",
    "network_scores",
    "snapped",
    "street_network",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPLITS = ("discontinuous", "continuous")
STREETS = (
    "trunk",
    "primary",
    "secondary",
    "tertiary",
    "unclassified",
    "residential",
    "living_street",
    "pedestrian",
    "trunk_link",
    "primary_link",
    "secondary_link",
    "tertiary_link",
    "road",
)
"""Values of `highway` that homes stand along; no motorways, driveways or paths."""
LEAST_PART = 1e-4
"""A walk that carries a smaller part of an incident ends where it is, and lays it down there."""
MOST_STEPS = 200_000_000
"""About a minute."""


@dataclass(frozen=True, eq=False)
class StreetNetwork:
    """Streets between nodes where they meet or end.

    Attributes
    ----------
    lines
        (edges,) LineStrings [m].
    ends
        (edges, 2) node numbers.
    osm_id
        (edges,) of the way that each is part of.
    crs
        Their projected CRS.

    """

    lines: NDArray[np.object_]
    ends: Ints
    osm_id: NDArray[np.object_]
    crs: object


@dataclass(frozen=True, eq=False)
class NetworkDensity:
    """Density along streets.

    `lixels`: GeoDataFrame of LineString, index `lixel`, columns `osm_id`, `edge`, `length_m`, `incidents` (mass; adds
    up to `incidents`), `per_km`. `left_out` incidents were farther from every street than allowed; `moved_m` is the
    mean distance of the others from their street [m].
    """

    lixels: gpd.GeoDataFrame
    incidents: int
    left_out: int
    moved_m: float
    bandwidth_m: float
    split: str


def street_network(ways: gpd.GeoDataFrame, *, streets: tuple[str, ...] | None = STREETS) -> StreetNetwork:
    """Return the network of a city's ways, joined at the OSM nodes that they share.

    Ways that cross without a shared node (bridges) do not meet. Own streets without node ids meet where coordinates
    agree to a centimetre.

    Parameters
    ----------
    ways
        `City.ways`, or LineStrings in a projected CRS [m], with `nodes` and `highway` or without.
    streets
        Values of `highway` that are taken; None, or a table without that column: all lines.

    Raises
    ------
    InputError
        Where no line is left.

    """
    kept = ways
    if streets is not None and "highway" in ways.columns:
        kept = ways[ways["highway"].isin(streets)]
    kept = kept[shapely.length(kept.geometry.to_numpy()) > 0]
    if not len(kept):
        raise InputError(
            f"street_network: none of {len(ways)} lines is a street to spread incidents along. Give city.ways, or name "
            "the values of highway that count: streets=('residential', ...)."
        )
    xy, owner = shapely.get_coordinates(kept.geometry.to_numpy(), return_index=True)
    node = node_numbers(kept, xy, owner)
    same = owner[1:] == owner[:-1]
    moved = np.flatnonzero(same & (node[1:] != node[:-1]))
    degree = np.bincount(np.concatenate([node[moved], node[moved + 1]]), minlength=int(node.max()) + 1)
    end = np.r_[True, ~same] | np.r_[~same, True]
    stops = np.flatnonzero(end | (degree[node] != 2))
    pairs = np.flatnonzero(owner[stops[1:]] == owner[stops[:-1]])
    low, high = stops[pairs], stops[pairs + 1]
    size = high - low + 1
    vertex = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size) + np.repeat(low, size)
    lines = shapely.linestrings(xy[vertex], indices=np.repeat(np.arange(len(low)), size))
    long = shapely.length(lines) > 0
    ends = np.column_stack([node[low], node[high]])[long]
    _, numbered = np.unique(ends, return_inverse=True)
    return StreetNetwork(
        lines[long],
        numbered.reshape(-1, 2).astype(np.int64),
        kept.index.to_numpy(dtype=object)[owner[low]][long],
        ways.crs,
    )


def network_density(
    xy: ArrayLike,
    network: StreetNetwork,
    *,
    bandwidth_m: float,
    lixel_m: float = 50.0,
    split: str = "discontinuous",
    within_m: float = 100.0,
    least_part: float = LEAST_PART,
) -> NetworkDensity:
    """Return the density of incidents along the streets.

    Parameters
    ----------
    xy
        (n, 2) places of incidents [m]; each goes to the nearest point of the nearest street.
    network
        From `street_network`, in the same CRS.
    bandwidth_m
        Where the kernel ends, along streets [m].
    lixel_m
        Streets are cut into equal pieces of about this length; a piece carries its exact mass, whatever its length.
    split
        `discontinuous` or `continuous`.
    within_m
        Incidents farther than this from every street are left out, and counted [m].
    least_part
        A walk ends when it carries less than this part of an incident; 0: never.

    Raises
    ------
    InputError
        For lengths of 0 or less, or where walks grow too many (continuous, wide, dense).

    """
    for name, value in (("bandwidth_m", bandwidth_m), ("lixel_m", lixel_m), ("within_m", within_m)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value!r}: it must be more than 0 metres.")
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    points = xy_array(xy)
    edge, at, off = snapped(points, network.lines)
    near = off <= within_m
    # In an order of their own, and those at one spot as one: sums then depend on no order of points.
    spots, count = np.unique(np.column_stack([edge[near], at[near]]), axis=0, return_counts=True)
    length = shapely.length(network.lines)
    pieces = np.maximum(1, np.round(length / lixel_m)).astype(np.int64)
    first = np.concatenate([[0], np.cumsum(pieces)])
    start, halves, head = _leaving(network.ends)
    mass, steps = spread_along(
        start,
        halves,
        head,
        length,
        first,
        spots[:, 0].astype(np.int64),
        np.ascontiguousarray(spots[:, 1]),
        count.astype(np.float64),
        float(bandwidth_m),
        split == "continuous",
        float(least_part),
        MOST_STEPS,
    )
    if steps > MOST_STEPS:
        raise InputError(
            f"network_density: walks of {bandwidth_m:g} m grow too many in this network (more than {MOST_STEPS:,} "
            "steps). Take split='discontinuous', a smaller bandwidth_m, or a larger least_part."
        )
    return NetworkDensity(
        _lixels(network, pieces, length, mass),
        int(near.sum()),
        int((~near).sum()),
        float(off[near].mean()) if near.any() else 0.0,
        float(bandwidth_m),
        split,
    )


def network_scores(
    network: StreetNetwork, *, bandwidth_m: float, lixel_m: float = 25.0
) -> Callable[[Floats, SurfaceGrid], Floats]:
    """Return a method of prediction: (n, 2) past incidents and a grid -> what a cell's streets hold (rows, columns)."""

    def scores(xy: Floats, grid: SurfaceGrid) -> Floats:
        lixels = network_density(xy, network, bandwidth_m=bandwidth_m, lixel_m=lixel_m).lixels
        middle = shapely.line_interpolate_point(lixels.geometry.to_numpy(), 0.5, normalized=True)
        return cell_counts(shapely.get_coordinates(middle), grid, lixels["incidents"].to_numpy(np.float64))

    return scores


def snapped(points: Floats, lines: NDArray[np.object_]) -> tuple[Ints, Floats, Floats]:
    """Return the nearest edge of each point (the first of several), the place along it and the distance [m]."""
    if not len(points):
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    shapes = shapely.points(points)
    (row, edge), off = shapely.STRtree(lines).query_nearest(shapes, return_distance=True, all_matches=True)
    order = np.lexsort((edge, row))
    _, lead = np.unique(row[order], return_index=True)
    nearest = edge[order][lead].astype(np.int64)
    return nearest, shapely.line_locate_point(lines[nearest], shapes), off[order][lead]


def _leaving(ends: Ints) -> tuple[Ints, Ints, Ints]:
    """Return, by node, the half-edges that leave it as (start, halves), and the node where each half-edge ends."""
    tail, head = ends.ravel(), ends[:, ::-1].ravel()
    halves = np.argsort(tail, kind="stable").astype(np.int64)
    start = np.concatenate([[0], np.cumsum(np.bincount(tail))]).astype(np.int64)
    return start, halves, np.ascontiguousarray(head)


def _lixels(network: StreetNetwork, pieces: Ints, length: Floats, mass: Floats) -> gpd.GeoDataFrame:
    """Return the pieces of streets with their mass."""
    edge = np.repeat(np.arange(len(pieces)), pieces)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    inner = nth > 0
    lines, _, _ = cut_lines(network.lines, edge[inner], nth[inner] * (length / pieces)[edge[inner]])
    size = (length / pieces)[edge]
    return gpd.GeoDataFrame(
        {
            "osm_id": network.osm_id[edge],
            "edge": edge,
            "length_m": size,
            "incidents": mass,
            "per_km": mass / size * 1000.0,
        },
        geometry=gpd.GeoSeries(lines, crs=network.crs),
        index=pd.RangeIndex(len(edge), name="lixel"),
    )
