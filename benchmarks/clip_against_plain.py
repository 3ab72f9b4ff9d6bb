"""The computing chain on a 2 km clip against plain shapely and geopandas, in one warm process.

Both sides get the same doors, obstacles and ground and compute for the default levels; reading and writing are left
out. The fast side makes viewsheds, the rows of which doors see how much, and from them the exact expected share of
every class for 101 rates. The plain side makes viewsheds by difference and, per level, the mean share of every class
at one rate over 100 random draws: union, then overlay with public ground. Their shares are held against each other.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from figure import Figure, MissingDataError, data_file, table
from plain import PlainView, drawn_shares, viewshed_table

from doorview.city.doors import find_doors
from doorview.city.ground import Ground, ground_polygons, public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.share.coverage import fold
from doorview.share.outputs import outputs_of
from doorview.share.scene import Kit, build_scene, door_keys
from doorview.share.summary import DoorTable, curve_table
from doorview.share.tiles import cover
from doorview.sight.api import wall_index
from doorview.sight.camera import CameraModel, camera
from doorview.sight.levels import DEFAULT_LEVELS, Level, level

CAMERA = "ring-video-doorbell-wired"
RATE, DRAWS = 0.2, 100
ROUNDS = 5
TARGET = 30.0
CURVE = [percent / 100 for percent in range(101)]


class Tables(NamedTuple):
    """What both sides get."""

    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    ground: Ground
    polygons: gpd.GeoDataFrame
    inside: Any
    model: CameraModel
    levels: list[Level]


def read(path: Path) -> Tables:
    """Read the clip and make its tables; ground is counted where any lies."""
    city = City.from_extract(path)
    doors = find_doors(city)
    ground = public_space(city, doors)
    polygons = ground_polygons(ground, city)
    model = camera(CAMERA)
    inside = shapely.box(*polygons.total_bounds).buffer(10.0)
    levels = [level(model, name) for name in DEFAULT_LEVELS]
    return Tables(doors, find_obstacles(city), ground, polygons, inside, model, levels)


def fast(tables: Tables, threads: int | None) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the curve by the package, and what its stages took [s]."""
    at = [time.perf_counter()]
    walls = wall_index(
        tables.obstacles, tables.doors.crs, tables.model.mount_height_m, tables.levels[0].target_height_m
    )
    scene = build_scene(
        tables.doors, Kit(tuple(tables.levels), walls, math.radians(155.0)), tables.ground, inside=tables.inside
    )
    at.append(time.perf_counter())
    coverage = fold(scene, cover(scene, rasters=False, threads=threads))
    at.append(time.perf_counter())
    doors = DoorTable(
        door_keys(list(tables.doors.index)),
        tables.doors["dwellings"].to_numpy(dtype=np.int64),
        np.ones(len(tables.doors), dtype=bool),
    )
    curve = curve_table(coverage, outputs_of(coverage), doors, CURVE)
    at.append(time.perf_counter())
    stages = dict(zip(("walls and ground", "viewsheds and sets", "curve"), np.diff(at).tolist(), strict=True))
    return curve, stages


def plain(tables: Tables) -> tuple[dict[str, pd.DataFrame], dict[str, float]]:
    """Return mean shares per level by shapely and geopandas, and what the stages took [s]."""
    shares, stages = {}, {"viewsheds": 0.0, "draws": 0.0}
    for one in tables.levels:
        start = time.perf_counter()
        view = PlainView(
            one.range_m, one.field_of_view_degrees, one.near_m, tables.model.mount_height_m, one.target_height_m
        )
        seen = viewshed_table(tables.doors, tables.obstacles, view)
        made = time.perf_counter()
        shares[one.name] = drawn_shares(seen, tables.polygons, RATE, DRAWS)
        stages["viewsheds"] += made - start
        stages["draws"] += time.perf_counter() - made
    return shares, stages


def largest_gap(curve: pd.DataFrame, drawn: dict[str, pd.DataFrame]) -> tuple[float, float]:
    """Return the largest difference of shares, and the largest by its standard error over draws, in larger classes."""
    gap, by_error = 0.0, 0.0
    rows = curve[(curve["zone"] == "all") & (curve["measure"] == "area_m2") & np.isclose(curve["rate"], RATE)]
    for name, shares in drawn.items():
        found = rows[rows["level"] == name].set_index("space")["share_mean"]
        large = shares[shares["public_amount"] > 10_000.0]
        off = (found.reindex(large.index) - large["share_mean"]).abs()
        gap = max(gap, float(off.max()))
        by_error = max(by_error, float((off / large["share_error"]).max()))
    return gap, by_error


def run() -> list[Figure]:
    """Measure; see the module."""
    tables = read(data_file("baltimore_county_md", "clip_randallstown_2km_sorted.osm.pbf"))
    fast(tables, None)
    rounds = [fast(tables, None) for _ in range(ROUNDS)]
    single = statistics.median(sum(fast(tables, 1)[1].values()) for _ in range(ROUNDS))
    curve = rounds[-1][0]
    stages = {name: statistics.median(taken[name] for _, taken in rounds) for name in rounds[0][1]}
    whole = statistics.median(sum(taken.values()) for _, taken in rounds)
    drawn, plain_stages = plain(tables)
    baseline = sum(plain_stages.values())
    gap, by_error = largest_gap(curve, drawn)
    figures = [
        Figure(
            f"2 km clip, {len(tables.doors):,} doors, {len(tables.levels)} levels",
            f"{whole:.2f} s",
            f"{baseline:.1f} s",
            f"{baseline / whole:.0f}",
            f">= {TARGET:.0f}",
            baseline / whole >= TARGET,
        ),
        Figure("  on one thread", f"{single:.2f} s", f"{baseline:.1f} s", f"{baseline / single:.0f}"),
    ]
    figures += [Figure(f"  fast: {name}", f"{seconds:.3f} s") for name, seconds in stages.items()]
    figures += [Figure(f"  plain: {name}", "", f"{seconds:.1f} s") for name, seconds in plain_stages.items()]
    figures.append(
        Figure(
            "  largest gap of shares, by its error over draws",
            f"{gap:.1e}",
            "",
            f"{by_error:.1f}",
            "<= 5",
            by_error <= 5.0,
        )
    )
    return figures


if __name__ == "__main__":
    try:
        print(table(run()))
    except MissingDataError as missing:
        print(f"skipped: {missing}")
