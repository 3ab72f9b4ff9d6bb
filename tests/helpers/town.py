"""A small town by hand, and everything that is counted in it spot by spot, without sets, tiles or tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.classes import CLASSES, RANK, STREET_CLASSES
from doorview.city.ground import Ground
from doorview.share.coverage import Coverage, fold
from doorview.share.grid import Grid
from doorview.share.outputs import Outputs, outputs_of
from doorview.share.scene import SPACES, Kit, RangeCurve, Scene, build_scene
from doorview.share.summary import DoorTable
from doorview.share.tiles import _painted, cover
from doorview.sight.api import wall_index
from doorview.sight.levels import Level

CRS = "EPSG:32618"
NEAR_M = 12.0
LEVELS = (
    Level("trigger", "", 6.3, 0.0, 180.0, 1.5, "maker"),
    Level("observe", "", 13.7, 0.6, 155.0, 1.5, "2014"),
    Level("detect", "", 28.4, 0.6, 155.0, 1.5, "2014"),
)
GRAIN = 1024.0
"""Coordinates are odd multiples of 1 / (2 GRAIN) metres: moved by whole cells they round to themselves, and no wall
that runs along the grid passes through a centre, where either answer would be right."""


class Town(NamedTuple):
    """What `build_scene` reads; the box from (-60, -50) to (70, 60) [m], around the origin."""

    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    ground: Ground
    zones: gpd.GeoDataFrame
    inside: Any

    def moved(self, dx: float, dy: float) -> Town:
        """Return the whole town moved."""
        strips, polygons, lines = (
            table.set_geometry(table.translate(dx, dy))
            for table in (self.ground.strips, self.ground.polygons, self.ground.lines)
        )
        return Town(
            self.doors.set_geometry(self.doors.translate(dx, dy)),
            self.obstacles.set_geometry(self.obstacles.translate(dx, dy)),
            Ground(self.ground.faces, strips, polygons, lines, {}),
            self.zones.set_geometry(self.zones.translate(dx, dy)),
            shapely.affinity.translate(self.inside, dx, dy),
        )

    def shuffled(self, seed: int) -> Town:
        """Return the town with the rows of doors, obstacles and ground in another order."""
        tables = [self.doors, self.obstacles, self.ground.strips, self.ground.polygons, self.ground.lines]
        doors, obstacles, strips, polygons, lines = (table.sample(frac=1.0, random_state=seed) for table in tables)
        return Town(doors, obstacles, Ground(self.ground.faces, strips, polygons, lines, {}), self.zones, self.inside)


def on_grain(values: Any) -> NDArray[np.float64]:
    """Round coordinates to the grain."""
    return (np.floor(np.asarray(values, dtype=float) * GRAIN) + 0.5) / GRAIN


def town(doors: int = 9, seed: int = 1) -> Town:
    """Two crossing streets and a lane, houses, a park, a square, zones that overlap, doors anywhere."""
    rng = np.random.default_rng(seed)
    streets = [
        [(-58.3, -3.2), (1.7, 1.4), (66.1, 2.9)],
        [(4.3, -48.2), (8.9, -6.1), (5.2, 57.3)],
        [(-40.6, 30.3), (-22.1, 21.7), (-25.2, 41.9)],
    ]
    lines = [shapely.LineString(on_grain(line)) for line in streets]
    bands = [
        ("carriageway", 0.0, 3.4, 0),
        ("sidewalk", 3.4, 5.1, 1),
        ("sidewalk", 3.4, 5.1, -1),
        ("verge", 5.1, 7.3, 0),
    ]
    strips = gpd.GeoDataFrame(
        [
            {
                "class": name,
                "rank": float(RANK[name]),
                "inner_m": a,
                "outer_m": b,
                "side": s,
                "face": f,
                "osm_id": f"w{f}",
            }
            for name, a, b, s in bands
            for f in range(len(lines))
        ],
        geometry=lines * len(bands),
        crs=CRS,
    )
    corner = on_grain(rng.uniform([-55, -45], [60, 50], (14, 2)))
    houses = [shapely.box(x, y, x + 7.25, y + 6.5) for x, y in corner]
    park = shapely.Polygon(on_grain([(-50.3, 10.2), (-12.4, 8.3), (-9.9, 48.7), (-44.1, 52.2)]))
    square = shapely.Point(30.0, -22.0).buffer(11.0)
    square = shapely.Polygon(
        on_grain(square.exterior.coords), [on_grain([(28.1, -24.2), (33.3, -22.1), (30.2, -18.4)])]
    )
    names = ["building"] * len(houses) + ["park", "square"]
    polygons = gpd.GeoDataFrame(
        {"class": names, "rank": [float(RANK[n]) for n in names], "face": -1, "osm_id": "", "name": None},
        geometry=[*houses, park, square],
        crs=CRS,
    )
    lengths = gpd.GeoDataFrame(
        [
            {"space": "sidewalk_line" if offset else "centreline", "offset_m": offset, "face": f, "osm_id": f"w{f}"}
            for offset in (0.0, 4.25, -4.25)
            for f in range(len(lines))
        ],
        geometry=lines * 3,
        crs=CRS,
    )
    faces = gpd.GeoDataFrame({"name": ["a", "b", "c"]}, geometry=lines, crs=CRS)
    table = gpd.GeoDataFrame(
        {
            "heading": np.round(rng.uniform(0, 360, doors), 1),
            "dwellings": rng.integers(1, 4, doors).astype(np.int32),
        },
        geometry=shapely.points(on_grain(rng.uniform([-35, -30], [40, 35], (doors, 2)))),
        index=pd.Index([f"w{100 + n}@1" for n in range(doors)], name="door"),
        crs=CRS,
    )
    obstacles = gpd.GeoDataFrame({"height_m": np.nan}, geometry=houses, index=[f"w{n}" for n in range(14)], crs=CRS)
    zones = gpd.GeoDataFrame(
        {"zoning": ["ward", "ward", "beat", "beat"], "zone": ["east", "west", "1", "2"]},
        geometry=[
            shapely.Polygon(on_grain([(2.1, -49.3), (69.2, -47.1), (66.2, 59.2), (-3.3, 58.4)])),
            shapely.Polygon(on_grain([(2.1, -49.3), (-3.3, 58.4), (-59.1, 57.2), (-58.2, -46.6)])),
            shapely.Polygon(on_grain([(-30.2, -31.2), (41.3, -28.7), (12.2, 38.1)])),
            shapely.box(-19.875, -11.625, 200.0, 21.375),
        ],
        crs=CRS,
    )
    inside = shapely.Polygon(on_grain([(-51.2, -41.3), (58.4, -44.2), (61.7, 49.9), (-47.9, 53.1)]))
    return Town(table, obstacles, Ground(faces, strips, polygons, lengths, {}), zones, inside)


def scene_of(place: Town, *, tile: int = 256, cell_m: float = 0.5, curve: bool = False, **changes: Any) -> Scene:
    """Return the scene of a town."""
    settings: dict[str, Any] = {
        "inside": place.inside,
        "zones": place.zones,
        "grid": Grid(cell_m, tile),
        "near_m": NEAR_M,
        "range_curve": RangeCurve(2, 30) if curve else None,
        "levels": LEVELS,
    }
    settings.update(changes)
    levels = settings.pop("levels")
    kit = Kit(tuple(levels), wall_index(place.obstacles, CRS), math.radians(155.0))
    return build_scene(place.doors, kit, place.ground, **settings)


def table_of(place: Town, scene: Scene) -> DoorTable:
    """Return what ownership needs of the doors."""
    points = place.doors.geometry.array
    return DoorTable(
        scene.door_key,
        place.doors["dwellings"].to_numpy(dtype=np.int64),
        np.asarray(shapely.intersects(place.inside, points)),
        np.stack([shapely.intersects(zone, points) for zone in place.zones.geometry], axis=1),
    )


@dataclass(frozen=True)
class Covered:
    """A town covered: scene, coverage, printed rows, doors."""

    scene: Scene
    coverage: Coverage
    outputs: Outputs
    doors: DoorTable
    zones: pd.DataFrame


def covered(place: Town, threads: int = 1, **settings: Any) -> Covered:
    """Return the town through the whole of `share/`."""
    scene = scene_of(place, **settings)
    coverage = fold(scene, cover(scene, rasters=False, threads=threads))
    zones = pd.DataFrame(place.zones[["zoning", "zone"]])
    return Covered(scene, coverage, outputs_of(coverage, zones), table_of(place, scene), zones)


@dataclass(frozen=True)
class Spots:
    """Every public cell and sample of the counted area, one row each.

    `space` (n,) names, `near` and `zones` (n, zones) flags, `seen` (levels, n, doors): which door sees it.
    """

    space: NDArray[Any]
    near: NDArray[np.bool_]
    zones: NDArray[np.bool_]
    seen: NDArray[np.bool_]

    def chosen(self, zone: int | None, space: str) -> NDArray[np.bool_]:
        """Return which spots make up a printed row: zone number or None for all, printed name of the space."""
        name, near = space.removesuffix("_near_homes"), space.endswith("_near_homes")
        public = [item.name for item in CLASSES if item.public]
        names = {"all": public, "streets": list(STREET_CLASSES)}.get(name, [name])
        mask = np.isin(self.space, names)
        if near:
            mask &= self.near
        return mask if zone is None else mask & self.zones[:, zone]


def _views_alone(place: Town, scene: Scene) -> list[list[dict[tuple[int, int], bool]]]:
    """Return, per level and door, the cells that it sees when it is the only door of the town."""
    found: list[list[dict[tuple[int, int], bool]]] = [[{} for _ in place.doors.index] for _ in scene.levels]
    for number in range(len(place.doors)):
        alone = scene_of(place._replace(doors=place.doors.iloc[[number]]), tile=scene.grid.tile, levels=scene.levels)
        for result in cover(alone, threads=1):
            for level, item in enumerate(scene.levels):
                array = result.seen_by[item.name]
                if array is not None:
                    for r, c in np.argwhere(array).tolist():
                        found[level][number][result.row0 + r, result.col0 + c] = True
    return found


def spots(place: Town) -> Spots:
    """Return all spots of the town, classes by the painted ground, the rest by shapely."""
    scene = scene_of(place)
    cell = scene.grid.cell_m
    units: dict[tuple[int, int], str] = {}
    for tile in scene.tiles():
        window = scene.grid.window(tile)
        unit = _painted(scene, tile, window)
        for r, c in np.ndindex(unit.shape):
            units[int(window[0]) + r, int(window[2]) + c] = SPACES[scene.unit_space[unit[r, c]]]
    public = {item.name for item in CLASSES if item.public}
    rows = [(key, name) for key, name in units.items() if name in public]
    for line, offset, space in zip(
        place.ground.lines.geometry, place.ground.lines["offset_m"], place.ground.lines["space"], strict=True
    ):
        for at in sample_points(line, offset, cell):
            key = int(np.floor(at[1] / cell)), int(np.floor(at[0] / cell))
            if key in units and (space == "centreline" or units[key] == "sidewalk"):
                rows.append((key, space))
    keys = np.array([key for key, _ in rows])
    x, y = (keys[:, 1] + 0.5) * cell, (keys[:, 0] + 0.5) * cell
    counted = shapely.contains_xy(place.inside, x, y)
    keys, x, y = keys[counted], x[counted], y[counted]
    points = shapely.points(x, y)
    homes = shapely.union_all(place.doors.geometry.array)
    views = _views_alone(place, scene)
    cells = [tuple(key) for key in keys.tolist()]
    return Spots(
        np.array([name for _, name in rows], dtype=object)[counted],
        shapely.distance(points, homes) < NEAR_M,
        np.stack([shapely.contains_xy(zone, x, y) for zone in place.zones.geometry], axis=1),
        np.array([[[key in door for door in level] for key in cells] for level in views]),
    )


def sample_points(line: Any, offset: float, cell_m: float) -> NDArray[np.float64]:
    """Return the samples of a line: one per `cell_m` in the middle of its part, moved to its left by `offset` [m]."""
    count = round(line.length / cell_m)
    at = (np.arange(count) + 0.5) * (line.length / count)
    here, ahead = (shapely.get_coordinates(shapely.line_interpolate_point(line, at + step)) for step in (-1e-5, 1e-5))
    way = (ahead - here) / np.hypot(*(ahead - here).T)[:, None]
    middle = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
    return middle + offset * np.column_stack([-way[:, 1], way[:, 0]])
