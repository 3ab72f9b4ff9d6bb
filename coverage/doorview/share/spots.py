"""A sample of spots of public ground, on which a share is estimated without covering every cell.

One cell is drawn in every block of a regular grid of blocks (a jittered grid: systematic in space, every cell as
likely as any other), by a hash of the block's place and the seed, so that a spot depends on nothing else: not on tiles,
not on the order of a file. What lies near doors is sampled on smaller blocks than what no camera reaches: the
strata are rings of distance from the nearest door, and a spot's weight is the number of cells that it stands for.
Street length is sampled from the run's own samples in the same strata.

A spot is classified by the kernel that paints tiles, and for several widths of streets: the bands along street lines
are scaled about their lines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from doorview.city.chances import uniform
from doorview.city.classes import CLASSES
from doorview.city.ground import Ground
from doorview.errors import InputError
from doorview.share.grid import Grid, TileIndex
from doorview.share.kernels.spots import units_of_cells
from doorview.share.scene import LENGTH_SPACES, SPACES, Scene

__all__ = ["STREET_BANDS", "CellReader", "Spots", "sample_spots", "street_bands"]

STREET_BANDS = ("carriageway", "alley", "sidewalk", "verge")
"""Classes whose bands belong to the cross-section of a street."""
CANDIDATES = 100_000
"""Blocks of a stratum at most: more is slow, and a stratum gets its number of spots from far fewer as a rule."""
CHUNK = 2048
TILE = 128
"""Cells along the side of a square of the index of ground: small, so that a spot is tested against few shapes."""
LENGTH_PART = 0.25
"""Samples of each kind of street length, as a part of the spots of ground."""
LENGTH_SAMPLES = 400_000
"""Of a run's samples of street length, so many are drawn from at most."""

_PUBLIC = np.array([item.public for item in CLASSES] + [True] * len(LENGTH_SPACES))


@dataclass(frozen=True)
class Spots:
    """Sampled spots: places and what each stands for.

    `xy` (spots, 2) [m] are centres of cells; `weight` (spots,) the cells (or samples of street length) that a spot
    stands for; `space` (spots, widths) its space code by width of streets, -1 where it is not public ground;
    `stratum` (spots,) its ring of distance from doors. `classified` (strata,) says how many candidates were looked at.
    """

    xy: NDArray[np.float64]
    weight: NDArray[np.float64]
    space: NDArray[np.int16]
    stratum: NDArray[np.int64]
    classified: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of spots."""
        return len(self.xy)


def street_bands(ground: Ground) -> NDArray[np.bool_]:
    """Return which strips (strips,) are bands of a street's cross-section: not ways of their own, such as mapped paths.

    A sidewalk that is drawn as its own way has its middle at the line: its band begins at 0.
    """
    strips = ground.strips
    kind = strips["class"].to_numpy(dtype=object)
    own_way = (kind == "sidewalk") & (strips["inner_m"].to_numpy(dtype=np.float64) <= 0.0)
    of_street = strips["face"].to_numpy(dtype=np.int64) >= 0
    bands: NDArray[np.bool_] = np.isin(kind.astype(str), STREET_BANDS) & ~own_way & of_street
    return bands


class CellReader:
    """Says what single cells are, as a tile would have it, for several widths of streets.

    Parameters
    ----------
    scene
        As from `build_scene`.
    bands
        Strips (strips,) that `widths` scale about their lines: as from `street_bands`.
    widths
        Factors of the widths of streets.

    """

    def __init__(self, scene: Scene, bands: NDArray[np.bool_], widths: Sequence[float] = (1.0,)) -> None:
        self.scene, self.widths = scene, tuple(float(factor) for factor in widths)
        self.grid = Grid(scene.grid.cell_m, TILE)
        strips = scene.strips
        lines = _line_bounds(strips.start, strips.xy)
        self._scale = [np.where(bands, factor, 1.0) for factor in self.widths]
        self._bounds = [
            lines + (strips.outer * scale)[:, None] * np.array([-1.0, -1.0, 1.0, 1.0]) for scale in self._scale
        ]
        self._strips = [TileIndex(bounds, self.grid) for bounds in self._bounds]
        self._polygons = TileIndex(scene.polygon_edges.bounds, self.grid)

    def spaces(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the space code (cells, widths) of cells by their absolute row and column (cells,)."""
        scene, strips, edges = self.scene, self.scene.strips, self.scene.polygon_edges
        tiles, tile_of = np.unique(np.column_stack([row // TILE, column // TILE]), axis=0, return_inverse=True)
        tile = tile_of.ravel().astype(np.int64)
        polygon_first, polygon_ids = _flat(self._polygons, tiles)
        found = np.empty((len(row), len(self.widths)), np.int16)
        for number, (scale, bounds, index) in enumerate(zip(self._scale, self._bounds, self._strips, strict=True)):
            strip_first, strip_ids = _flat(index, tiles)
            unit = np.empty(len(row), np.int32)
            units_of_cells(
                row, column, self.grid.cell_m, tile, strip_first, strip_ids, strips.start, strips.xy,
                strips.inner * scale, strips.outer * scale, strips.side, strips.rank, strips.unit, bounds,
                polygon_first, polygon_ids, edges.start, edges.edges, scene.polygon_rank, scene.polygon_unit,
                edges.bounds, unit,
            )  # fmt: skip
            found[:, number] = scene.unit_space[unit]
        return found


def _line_bounds(start: NDArray[np.int64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x_min y_min x_max y_max (lines, 4) of lines that are never empty."""
    if len(start) < 2:
        return np.zeros((0, 4))
    low = np.minimum.reduceat(xy, start[:-1], axis=0)
    return np.column_stack([low, np.maximum.reduceat(xy, start[:-1], axis=0)])


def _flat(index: TileIndex, tiles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the items of all tiles end to end, and where those of each begin (tiles + 1,)."""
    items = [index[int(r), int(c)] for r, c in tiles]
    first = np.concatenate([[0], np.cumsum([len(each) for each in items])]).astype(np.int64)
    return first, np.concatenate(items).astype(np.int64) if items else np.zeros(0, np.int64)


def sample_spots(
    scene: Scene,
    ground: Ground,
    *,
    spots: int,
    seed: int,
    rings_m: Sequence[float],
    widths: Sequence[float] = (1.0,),
) -> Spots:
    """Draw spots of public ground in the counted area.

    Parameters
    ----------
    scene, ground
        Of one city.
    spots
        How many are wanted, shared out evenly over the strata; where a stratum holds less ground, there are fewer.
    seed
        Another seed draws other spots.
    rings_m
        Ends of the strata [m from the nearest door], ascending; what lies farther is the last stratum.
    widths
        Factors of the widths of streets for which spots are classified; public at any of them is kept.

    Raises
    ------
    InputError
        If rings are not above 0 and ascending, or no spots are asked for.

    """
    ends = np.asarray(rings_m, dtype=np.float64)
    if spots < 1 or not len(ends) or ends[0] <= 0 or (np.diff(ends) <= 0).any():
        raise InputError(
            f"{spots} spots in rings ending at {ends.tolist()} m cannot be drawn: ask for 1 spot or more, and rings "
            "above 0 that ascend, e.g. spots=6000, rings_m=[10.0, 40.0]."
        )
    reader, tree = CellReader(scene, street_bands(ground), widths), cKDTree(scene.door_xy)
    quota = max(math.ceil(spots / (len(ends) + 1)), 1)
    parts, classified = [], []
    for stratum in range(len(ends) + 1):
        low = 0.0 if stratum == 0 else float(ends[stratum - 1])
        high = float(ends[stratum]) if stratum < len(ends) else math.inf
        row, column, cells = _candidates(scene, tree, low, high, seed, stratum)
        part, looked = _taken(reader, row, column, cells, quota)
        parts.append((*part, np.full(len(part[0]), stratum)))
        classified.append(looked)
    parts += _lengths(reader, tree, ends, max(math.ceil(quota * LENGTH_PART), 1), seed)
    xy, weight, space, stratum_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Spots(xy, weight, space, stratum_of, np.array(classified, np.int64))


_Part = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int16]]


def _candidates(
    scene: Scene, tree: cKDTree, low: float, high: float, seed: int, stratum: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return row and column of one cell for every block of a stratum, in an order drawn by hash; and the block's cells.

    The block is as small as `CANDIDATES` allows, one cell at least.
    """
    cell = scene.grid.cell_m
    area = float(shapely.area(scene.inside))
    if math.isfinite(high):
        area = min(area, len(scene.door_xy) * math.pi * (high**2 - low**2))
    side = max(math.ceil(math.sqrt(area / CANDIDATES) / cell), 1)
    blocks = _blocks(scene, side, high)
    key = (blocks[:, 0].astype(np.uint64) << np.uint64(32)) ^ (blocks[:, 1].astype(np.uint64) & np.uint64(0xFFFFFFFF))
    row, column = (
        blocks[:, axis] * side + np.floor(uniform(key, seed, 8 * stratum + axis) * side).astype(np.int64)
        for axis in (0, 1)
    )
    xy = _centres(row, column, cell)
    distance = tree.query(xy)[0] if len(xy) else np.zeros(0)
    own = shapely.from_wkb(shapely.to_wkb(scene.inside))  # a copy, so that the scene's polygon stays unprepared
    shapely.prepare(own)
    kept = np.flatnonzero((distance >= low) & (distance < high))
    kept = kept[shapely.contains_xy(own, xy[kept, 0], xy[kept, 1])]
    order = kept[np.lexsort((key[kept], uniform(key[kept], seed, 8 * stratum + 2)))]
    return row[order], column[order], side * side


def _blocks(scene: Scene, side: int, reach_m: float) -> NDArray[np.int64]:
    """Return row and column (blocks, 2) of the blocks, `side` cells wide, that lie about doors or in the area."""
    size = side * scene.grid.cell_m
    west, south, east, north = (math.floor(value / size) for value in shapely.bounds(scene.inside))
    across = math.ceil(reach_m / size) + 1 if math.isfinite(reach_m) else 0
    if across and (2 * across + 1) ** 2 * len(scene.door_xy) < (north - south + 1) * (east - west + 1):
        step = np.arange(-across, across + 1)
        about = np.stack(np.meshgrid(step, step, indexing="ij"), axis=-1).reshape(-1, 2)
        home = np.unique(np.floor(scene.door_xy[:, ::-1] / size).astype(np.int64), axis=0)
        flat = ((home[:, None, 0] + about[:, 0]) << 32) + (home[:, None, 1] + about[:, 1] + (1 << 31))
        flat = np.unique(flat.ravel())
        return np.column_stack([flat >> 32, (flat & 0xFFFFFFFF) - (1 << 31)])
    row, column = np.mgrid[south : north + 1, west : east + 1]
    return np.column_stack([row.ravel(), column.ravel()])


def _centres(row: NDArray[np.int64], column: NDArray[np.int64], cell: float) -> NDArray[np.float64]:
    """Return the centres (n, 2) of cells [m]."""
    return np.column_stack([(column + 0.5) * cell, (row + 0.5) * cell])


def _taken(
    reader: CellReader, row: NDArray[np.int64], column: NDArray[np.int64], cells: int, quota: int
) -> tuple[_Part, int]:
    """Look at candidates in their order until `quota` are public ground; return those, and how many were looked at."""
    found: list[NDArray[np.int16]] = []
    looked = public = 0
    while looked < len(row) and public < quota:
        chunk = slice(looked, looked + CHUNK)
        spaces = reader.spaces(row[chunk], column[chunk])
        spaces[~_PUBLIC[spaces]] = -1
        found.append(spaces)
        looked += len(spaces)
        public += int((spaces >= 0).any(axis=1).sum())
    space = np.concatenate(found) if found else np.zeros((0, len(reader.widths)), np.int16)
    kept = np.flatnonzero((space >= 0).any(axis=1))
    weight = cells * len(row) / looked if looked else 0.0
    return (_centres(row[kept], column[kept], reader.grid.cell_m), np.full(len(kept), weight), space[kept]), looked


def _lengths(
    reader: CellReader, tree: cKDTree, ends: NDArray[np.float64], quota: int, seed: int
) -> list[tuple[Any, ...]]:
    """Return samples of street length, about `quota` of each kind and stratum, at the widths that the run has."""
    scene = reader.scene
    samples = scene.samples
    key = (samples.row.astype(np.uint64) << np.uint64(32)) ^ (samples.column.astype(np.uint64) & np.uint64(0xFFFFFFFF))
    drawn = uniform(key, seed, 7)
    part = min(1.0, LENGTH_SAMPLES / max(len(key), 1))
    some = np.flatnonzero(drawn < part)
    row, column = samples.row.astype(np.int64), samples.column.astype(np.int64)
    xy = _centres(row[some], column[some], reader.grid.cell_m)
    own = shapely.from_wkb(shapely.to_wkb(scene.inside))
    shapely.prepare(own)
    inside = shapely.contains_xy(own, xy[:, 0], xy[:, 1]) if len(xy) else np.zeros(0, bool)
    ring = np.searchsorted(ends, tree.query(xy)[0], side="right") if len(xy) else np.zeros(0, np.int64)
    space = scene.unit_space[samples.unit[some]]
    only = CellReader(scene, np.zeros(len(scene.strips.outer), bool))
    parts: list[tuple[Any, ...]] = []
    for name in LENGTH_SPACES:
        for stratum in range(len(ends) + 1):
            rows = np.flatnonzero(inside & (space == SPACES.index(name)) & (ring == stratum))
            order = rows[np.lexsort((samples.unit[some[rows]], drawn[some[rows]]))][: 2 * quota]
            at = some[order]
            classes = only.spaces(row[at], column[at])[:, 0]
            kept = order[(samples.cls[at] < 0) | (classes == samples.cls[at])]
            weight = np.full(len(kept), len(rows) / part / max(len(order), 1))
            codes = np.repeat(space[kept][:, None], len(reader.widths), axis=1).astype(np.int16)
            parts.append((xy[kept], weight, codes, np.full(len(kept), stratum)))
    return parts
