"""All that a tile reads, as plain arrays: doors, walls, levels, ground, zones, and which of them meet each tile."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.classes import CLASSES, RANK
from doorview.errors import InputError
from doorview.share.grid import Grid, TileIndex
from doorview.share.kernels.samples import cells_along
from doorview.sight.api import DEFAULT_CAMERA_HEIGHT_M, door_arrays
from doorview.sight.kernels.types import WallIndex
from doorview.sight.kernels.uneven import OpenWalls
from doorview.sight.levels import Level
from doorview.sight.terrain import NO_WALLS

if TYPE_CHECKING:
    from doorview.city.ground import Ground
    from doorview.sight.rasters import Terrain

__all__ = [
    "LENGTH_SPACES",
    "SPACES",
    "Edges",
    "Kit",
    "KnownViews",
    "Limits",
    "RangeCurve",
    "Scene",
    "StreetSamples",
    "Strips",
    "build_scene",
    "check_keys",
    "door_keys",
    "tiles_of",
]

SPACES: tuple[str, ...] = (*(item.name for item in CLASSES), "centreline", "sidewalk_line")
"""What an amount can be of: the classes of ground (cells), then the two kinds of street length (samples)."""
LENGTH_SPACES: tuple[str, ...] = SPACES[len(CLASSES) :]
YARD = RANK["yard"]
NEAR_HOME_M = 50.0
"""Streets within this distance of a home make the headline [m]."""
MOST_RANGES = 64
"""Ranges of a range curve: each is a bit of a word."""


@dataclass(frozen=True)
class Edges:
    """Polygons as the edges of their rings: those of polygon i are `edges[start[i]:start[i + 1]]`, (m, 4) [m]."""

    start: NDArray[np.int64]
    edges: NDArray[np.float64]
    bounds: NDArray[np.float64]


@dataclass(frozen=True)
class RangeCurve:
    """Whole ranges [m] at which coverage is also counted: shortest, shortest + 1, ... (`bins` of them)."""

    shortest: int = 2
    bins: int = 39

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.shortest < 1 or not 1 <= self.bins <= MOST_RANGES:
            raise InputError(
                f"a range curve from {self.shortest} m with {self.bins} ranges cannot be counted: it must begin at 1 m "
                f"or more and hold 1 to {MOST_RANGES} whole ranges, e.g. RangeCurve(shortest=2, bins=39)."
            )

    @property
    def longest(self) -> int:
        """The last range [m]."""
        return self.shortest + self.bins - 1


@dataclass(frozen=True)
class Strips:
    """Ground along lines; that of strip i is `xy[start[i]:start[i + 1]]`."""

    start: NDArray[np.int64]
    xy: NDArray[np.float64]
    inner: NDArray[np.float64]
    outer: NDArray[np.float64]
    side: NDArray[np.int8]
    rank: NDArray[np.uint8]
    unit: NDArray[np.int32]


@dataclass(frozen=True)
class StreetSamples:
    """Samples of street length, ordered by tile, row and column; `cls` is the class their cell must have, or -1."""

    tiles: dict[tuple[int, int], tuple[int, int]]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    unit: NDArray[np.int32]
    cls: NDArray[np.int16]


@dataclass(frozen=True)
class Kit:
    """What doors with one and the same camera see by: its levels, and the walls as they stand at its height.

    All kits of a scene have levels of the same names in the same order; one that a camera cannot reach has the range 0.
    `range_field` is the field of view of the range curve [radians]. On terrain, `walls` are those that hide all behind
    them whatever the ground does, `open_walls` the others, and `lens_height_m` [m] is above the ground at the door.
    """

    levels: tuple[Level, ...]
    walls: WallIndex
    range_field: float
    lens_height_m: float = DEFAULT_CAMERA_HEIGHT_M
    open_walls: OpenWalls = NO_WALLS


@dataclass(frozen=True)
class Limits:
    """Polygons outside of which doors see nothing, as the edges of their rings (m, 4) [m], by even-odd.

    Where `cut` (doors,), that of door i is `edges[start[i]:start[i + 1]]`; other doors keep their whole view.
    """

    start: NDArray[np.int64]
    edges: NDArray[np.float64]
    cut: NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """What all tiles share. `units` (space, face) is what cells and samples are counted by.

    `door_kit` (doors,) says which of the `kits` stands at each door; `levels` are those of the first kit, by whose
    names everything is counted. `limits` cut the doors' views (`doorview.share.rules`); with `terrain`, they are cut by
    it too. With `all_ground` views are counted over private ground as well.
    """

    grid: Grid
    door_ids: NDArray[Any]
    door_xy: NDArray[np.float64]
    door_forward: NDArray[np.float64]
    door_key: NDArray[np.uint64]
    kits: tuple[Kit, ...]
    door_kit: NDArray[np.int64]
    range_curve: RangeCurve | None
    unit_space: NDArray[np.int16]
    unit_face: NDArray[np.int32]
    strips: Strips
    polygon_edges: Edges
    polygon_rank: NDArray[np.uint8]
    polygon_unit: NDArray[np.int32]
    samples: StreetSamples
    inside: Any
    counted_tiles: dict[tuple[int, int], bool]
    inside_edges: NDArray[np.float64]
    zone_edges: Edges | None
    near_m: float
    index: dict[str, TileIndex] = field(repr=False)
    known: KnownViews | None = None
    limits: Limits | None = None
    terrain: Terrain | None = None
    all_ground: bool = False

    @property
    def levels(self) -> tuple[Level, ...]:
        """What counts as in view; the ranges are those of the first kit."""
        return self.kits[0].levels

    @property
    def reach_m(self) -> float:
        """The longest range of all [m]."""
        return _reach_m(self.kits, self.range_curve)

    def tiles(self) -> list[tuple[int, int]]:
        """Return the tiles to compute, in order: all that meet the counted area, whatever lies there."""
        return list(self.counted_tiles)


@dataclass(frozen=True)
class KnownViews:
    """Known cameras beside the doors of a scene: `views` is the scene with the cameras for doors.

    `layers` names which cameras (cameras,) are counted together; see `doorview.share.known`.
    """

    views: Scene
    layers: dict[str, NDArray[np.bool_]]


def _reach_m(kits: Sequence[Kit], curve: RangeCurve | None) -> float:
    """Return the longest range of all [m]."""
    longest = max((item.range_m for kit in kits for item in kit.levels), default=0.0)
    return max(longest, float(curve.longest)) if curve else longest


def tiles_of(inside: Any, grid: Grid) -> dict[tuple[int, int], bool]:
    """Return the tiles that meet the counted area, in order, and whether each lies in it whole.

    Asked once, on one thread: a prepared polygon must not be used by several at once, and GEOS prepares in place.
    """
    side = grid.tile_m
    west, south, east, north = (math.floor(value / side) for value in shapely.bounds(inside))
    row, column = (part.ravel() for part in np.mgrid[south : north + 1, west : east + 1])
    squares = shapely.box(side * column, side * row, side * (column + 1), side * (row + 1))
    own = shapely.from_wkb(shapely.to_wkb(inside))  # a copy, so that the caller's polygon stays unprepared
    shapely.prepare(own)
    meets, whole = shapely.intersects(own, squares), shapely.contains_properly(own, squares)
    pairs = zip(row[meets].tolist(), column[meets].tolist(), strict=True)
    return dict(zip(pairs, whole[meets].tolist(), strict=True))


def door_keys(ids: Sequence[str]) -> NDArray[np.uint64]:
    """Return a 64-bit key per door id, the same on every machine and in every order (BLAKE2b of the id)."""
    digests = b"".join(hashlib.blake2b(str(item).encode(), digest_size=8).digest() for item in ids)
    keys = np.frombuffer(digests, dtype="<u8").astype(np.uint64)
    check_keys(keys)
    return keys


def check_keys(keys: NDArray[np.uint64]) -> None:
    """Raise InputError where two doors have the same key."""
    if len(np.unique(keys)) != len(keys) or (keys == 0).any():
        raise InputError(
            "two doors have the same id: the index of doors must be unique. Use doors[~doors.index.duplicated()]."
        )


def polygon_edges(geometry: NDArray[Any]) -> Edges:
    """Return the edges of all rings of polygons and multipolygons; other geometry has none."""
    # get_rings gives nothing for a multipolygon.
    parts, part_owner = shapely.get_parts(_polygonal(geometry), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    owner = part_owner[part]
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    joined = ring[1:] == ring[:-1]
    edges = np.ascontiguousarray(np.column_stack([xy[:-1], xy[1:]])[joined]) if len(xy) else np.zeros((0, 4))
    edge_owner = owner[ring[:-1][joined]] if len(xy) else np.zeros(0, np.int64)
    start = np.concatenate([[0], np.cumsum(np.bincount(edge_owner, minlength=len(geometry)))]).astype(np.int64)
    return Edges(start, edges, shapely.bounds(geometry).reshape(-1, 4))


def _polygonal(geometry: NDArray[Any]) -> NDArray[Any]:
    """Return the geometry with multipolygons as they are and everything else but polygons replaced by None."""
    found: NDArray[Any] = geometry.copy()
    found[~np.isin(shapely.get_type_id(geometry), (3, 6))] = None
    return found


def _within(bounds: NDArray[np.float64], inside: Any, grid: Grid) -> NDArray[np.float64]:
    """Return bounds (n, 4) cut to those of the counted area and a tile around it; NaN for what lies beyond.

    A forest or a zone may reach across a country: its tiles elsewhere are nobody's.
    """
    west, south, east, north = shapely.bounds(inside)
    low, high = np.array([west, south]) - grid.tile_m, np.array([east, north]) + grid.tile_m
    cut = np.column_stack([np.maximum(bounds[:, :2], low), np.minimum(bounds[:, 2:], high)])
    cut[(cut[:, :2] > cut[:, 2:]).any(axis=1)] = np.nan
    return cut


def _rank_column(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return the precedence of each row: its own column `rank` where it has one, else that of its class."""
    if "rank" in table:
        return np.asarray(table["rank"], dtype=np.float64)
    return np.asarray([RANK[name] for name in table["class"]], dtype=np.float64)


def _samples(lines: gpd.GeoDataFrame, unit_of: dict[tuple[int, int], int], grid: Grid) -> StreetSamples:
    """Place one sample for every `cell_m` of each line, at the middle of its part, moved sideways by `offset_m`."""
    geometry = np.asarray(lines.geometry.array, dtype=object)
    space = np.array([SPACES.index(name) for name in lines["space"]], dtype=np.int64)
    unit = np.array([unit_of[s, f] for s, f in zip(space, lines["face"], strict=True)], dtype=np.int32)
    cls = np.where(space == SPACES.index("sidewalk_line"), RANK["sidewalk"], -1).astype(np.int16)
    # In order of unit, so that samples in one cell are too.
    by_unit = np.argsort(unit, kind="stable")
    geometry, unit, cls = geometry[by_unit], unit[by_unit], cls[by_unit]
    offset = np.asarray(lines["offset_m"], dtype=np.float64)[by_unit]
    length = shapely.length(geometry)
    count = np.rint(length / grid.cell_m).astype(np.int64)
    step = np.divide(length, count, out=np.zeros_like(length), where=count > 0)
    xy, line = shapely.get_coordinates(geometry, return_index=True)
    start = np.searchsorted(line, np.arange(len(geometry) + 1)).astype(np.int64)
    row, column = cells_along(np.ascontiguousarray(xy), start, count, step, offset, grid.cell_m)
    owner = np.repeat(np.arange(len(geometry), dtype=np.int32), count)
    order = np.argsort(_place_by_tile(row, column, grid), kind="stable")
    row, column, owner = row[order], column[order], owner[order]
    tile_row, tile_column = row // grid.tile, column // grid.tile
    first_of_tile = np.ones(len(row), bool)
    first_of_tile[1:] = (np.diff(tile_row) != 0) | (np.diff(tile_column) != 0)
    starts = np.flatnonzero(first_of_tile)
    ends = np.append(starts, len(row))[1:]
    tiles = {(int(tile_row[s]), int(tile_column[s])): (int(s), int(e)) for s, e in zip(starts, ends, strict=True)}
    return StreetSamples(tiles, row, column, unit[owner], cls[owner])


def _place_by_tile(row: NDArray[np.int32], column: NDArray[np.int32], grid: Grid) -> NDArray[np.int64]:
    """Return a number by which cells stand in order of tile, then row, then column."""
    row = row - row.min(initial=0) // grid.tile * grid.tile
    column = column - column.min(initial=0) // grid.tile * grid.tile
    tile_row, tile_column = row // grid.tile, column // grid.tile
    tile = tile_row.astype(np.int64) * (int(tile_column.max(initial=0)) + 1) + tile_column
    return (tile * grid.tile + row % grid.tile) * grid.tile + column % grid.tile


def _check_kits(kits: Sequence[Kit]) -> None:
    names = {tuple(item.name for item in kit.levels) for kit in kits}
    if len(names) != 1:
        raise InputError(
            "cameras in one scene must be counted at the same levels: give every kit the same names in the same order."
        )


def build_scene(
    doors: gpd.GeoDataFrame,
    kits: Kit | Sequence[Kit],
    ground: Ground,
    *,
    inside: Any,
    door_kit: NDArray[np.int64] | None = None,
    zones: gpd.GeoDataFrame | None = None,
    grid: Grid | None = None,
    range_curve: RangeCurve | None = None,
    near_m: float = NEAR_HOME_M,
    terrain: Terrain | None = None,
) -> Scene:
    """Return the scene of a city.

    Parameters
    ----------
    doors
        As from `find_doors`: points with `heading`, unique index; all of one CRS with the rest.
    kits
        What the doors see by, or one kit for all of them.
    ground
        As from `public_space`.
    inside
        Polygon in which ground is counted.
    door_kit
        (doors,) the number of each door's kit; left out: the first for all.
    zones
        Polygons to count by; row number is the zone's number.
    terrain
        Heights, in the doors' CRS, that take from views what they hide; kits then hold walls as from
        `walls_on_terrain`. None: flat ground.

    """
    grid = grid or Grid()
    kits = (kits,) if isinstance(kits, Kit) else tuple(kits)
    _check_kits(kits)
    xy, forward = door_arrays(doors)
    kit_of = np.zeros(len(xy), np.int64) if door_kit is None else np.asarray(door_kit, np.int64)
    strips, polygons, lines = ground.strips, ground.polygons, ground.lines
    ranks = np.unique(np.concatenate([_rank_column(strips), _rank_column(polygons)]))
    if len(ranks) > 254:
        raise InputError(f"the ground has {len(ranks)} different ranks: at most 254 can be told apart.")
    strip_class = np.array([RANK[name] for name in strips["class"]], dtype=np.int64)
    polygon_class = np.array([RANK[name] for name in polygons["class"]], dtype=np.int64)
    line_space = np.array([SPACES.index(name) for name in lines["space"]], dtype=np.int64)
    pairs = np.concatenate(
        [
            np.array([[YARD, -1]]),
            np.column_stack([strip_class, np.asarray(strips["face"], np.int64)]),
            np.column_stack([polygon_class, np.asarray(polygons["face"], np.int64)]),
            np.column_stack([line_space, np.asarray(lines["face"], np.int64)]),
        ]
    )
    units, inverse = np.unique(pairs, axis=0, return_inverse=True)
    # The unpainted tile is filled with unit 0: give the yard that number.
    yard = int(inverse.ravel()[0])
    swap = np.arange(len(units))
    swap[[0, yard]] = swap[[yard, 0]]
    units, inverse = units[swap], swap[inverse.ravel()]
    unit_of = {(int(s), int(f)): n for n, (s, f) in enumerate(units)}
    ends = np.cumsum([1, len(strips), len(polygons)])
    strip_geometry = np.asarray(strips.geometry.array, dtype=object)
    strip_xy, strip_of = shapely.get_coordinates(strip_geometry, return_index=True)
    outer = np.asarray(strips["outer_m"], dtype=np.float64)
    table = Strips(
        start=np.searchsorted(strip_of, np.arange(len(strips) + 1)).astype(np.int64),
        xy=np.ascontiguousarray(strip_xy),
        inner=np.asarray(strips["inner_m"], dtype=np.float64),
        outer=outer,
        side=np.asarray(strips["side"], dtype=np.int8),
        rank=np.searchsorted(ranks, _rank_column(strips)).astype(np.uint8),
        unit=inverse[ends[0] : ends[1]].astype(np.int32),
    )
    edges = polygon_edges(np.asarray(polygons.geometry.array, dtype=object))
    zone_edges = None if zones is None else polygon_edges(np.asarray(zones.geometry.array, dtype=object))
    points = np.column_stack([xy, xy])
    strip_bounds = shapely.bounds(strip_geometry).reshape(-1, 4) + outer[:, None] * np.array([-1.0, -1.0, 1.0, 1.0])
    reach = _reach_m(kits, range_curve)
    return Scene(
        grid=grid,
        door_ids=np.asarray(doors.index, dtype=object),
        door_xy=xy,
        door_forward=forward,
        door_key=door_keys(list(doors.index)),
        kits=kits,
        door_kit=kit_of,
        range_curve=range_curve,
        unit_space=units[:, 0].astype(np.int16),
        unit_face=units[:, 1].astype(np.int32),
        strips=table,
        polygon_edges=edges,
        polygon_rank=np.searchsorted(ranks, _rank_column(polygons)).astype(np.uint8),
        polygon_unit=inverse[ends[1] : ends[2]].astype(np.int32),
        samples=_samples(lines, unit_of, grid),
        inside=inside,
        counted_tiles=tiles_of(inside, grid),
        inside_edges=polygon_edges(np.array([inside], dtype=object)).edges,
        zone_edges=zone_edges,
        near_m=near_m,
        index={
            "strips": TileIndex(strip_bounds, grid),
            "polygons": TileIndex(_within(edges.bounds, inside, grid), grid),
            "doors": TileIndex(points, grid, reach + grid.cell_m),
            "homes": TileIndex(points, grid, near_m + grid.cell_m),
            "zones": TileIndex(_within(zone_edges.bounds if zone_edges else np.zeros((0, 4)), inside, grid), grid),
        },
        terrain=terrain,
    )
