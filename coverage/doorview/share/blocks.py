"""Blocks of tiles as tasks of their own: which tiles make up a block, and exactly the inputs that they read.

A block holds the doors, walls, ground, zones, samples, heights and limits of its tiles and their halo, renumbered from
0, so that it can be sent elsewhere, and so that the hash of its bytes names its result: whatever a tile reads is in it,
and nothing else. Covering a block gives the counts of its tiles to the last bit as covering the whole scene does.
"""

from __future__ import annotations

import hashlib
import math
import pickle
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.share.block_parts import (
    crossing_edges,
    heights_within,
    merged,
    numbered,
    picked_edges,
    ragged,
    renumbered,
    spread_heights,
    squares_within,
    stripped_level,
)
from doorview.share.grid import TileIndex
from doorview.share.kernel_version import kernel_version
from doorview.share.scene import Kit, KnownViews, Limits, Scene, StreetSamples, Strips
from doorview.share.tiles import TileResult, cover_tile
from doorview.sight.kernels.types import WallIndex
from doorview.sight.kernels.uneven import OpenWalls
from doorview.sight.terrain import NO_WALLS

__all__ = ["DOORS_PER_BLOCK", "TILES_PER_BLOCK", "Block", "block_tiles", "cover_block", "cut_block", "digest"]

Tile = tuple[int, int]

DOORS_PER_BLOCK = 2000
"""Doors in reach of the tiles of a block, at most, unless a single tile has more: some tenths of a second of work.

Larger blocks save nothing that can be measured, and leave some workers idle at the end of a city of a few blocks."""
TILES_PER_BLOCK = 4
"""Tiles along the side of the largest block: rasters of so many are packed before the first is passed on."""
_DIGITS = 40
"""Of a key: 160 bits."""
SLACK_M = 1.0
"""What is cut out reaches so much farther than what is read, so that no rounding can matter."""


def block_tiles(scene: Scene, doors: int = DOORS_PER_BLOCK, side: int = TILES_PER_BLOCK) -> list[tuple[Tile, ...]]:
    """Return the tiles of each block, balanced by the doors in reach of them.

    Squares of `side` x `side` tiles, at whole multiples of it, are quartered until they have at most `doors` doors or
    are single tiles. So a block depends on what lies in it and not on how many others there are: a house more at one
    end of a city leaves the blocks of the other as they were.
    """
    tiles = scene.tiles()
    weight = {tile: len(scene.index["doors"][tile]) for tile in tiles}
    made: list[tuple[Tile, ...]] = []

    def part(members: list[Tile], size: int) -> None:
        if size == 1 or sum(weight[tile] for tile in members) <= doors:
            made.append(tuple(members))
            return
        for quarter in _squares(members, size // 2):
            part(quarter, size // 2)

    for square in _squares(tiles, side):
        part(square, side)
    return made


def _squares(tiles: list[Tile], size: int) -> list[list[Tile]]:
    """Return the tiles by squares of `size` x `size`, squares and tiles in order."""
    found: dict[Tile, list[Tile]] = {}
    for row, column in tiles:
        found.setdefault((row // size, column // size), []).append((row, column))
    return [found[square] for square in sorted(found)]


@dataclass(frozen=True)
class Block:
    """Some tiles and all that they read, as a scene of its own.

    `doors`, `faces` and `zones` are the whole scene's numbers of what the block numbers from 0; they are not sent and
    not hashed, so that one result serves every scene in which the block looks the same.
    """

    tiles: tuple[Tile, ...]
    _scene: Scene | None
    doors: NDArray[np.int64]
    faces: NDArray[np.int32]
    zones: NDArray[np.int64]

    @property
    def scene(self) -> Scene:
        """The block's own scene, its doors, faces and zones numbered from 0."""
        if self._scene is None:
            raise ValueError(f"the scene of block {self.tiles[0]} was given up: cut it again.")
        return self._scene

    def without_scene(self) -> Block:
        """Return the numbers alone."""
        return replace(self, _scene=None)

    def key(self) -> str:
        """Return the name of the block's result: a hash of all that it reads and of the code that computes it."""
        return digest((kernel_version(), self.tiles, _with_heights_cut(self.scene)))

    def to_bytes(self) -> bytes:
        """Return the block as it is sent to another process, for `cover_block`."""
        return pickle.dumps((self.tiles, _with_heights_cut(self.scene)), protocol=5)

    def globally(self, result: TileResult) -> TileResult:
        """Return a tile's result in the numbers of the whole scene."""
        face = result.face
        return replace(
            result,
            face=np.where(face < 0, np.int32(-1), self.faces[face] if len(self.faces) else face).astype(np.int32),
            zones=[tuple(self.zones[list(zones)].tolist()) if zones else () for zones in result.zones],
            members=self.doors[result.members],
        )


def cover_block(data: bytes, rasters: bool) -> list[TileResult]:
    """Compute the tiles of a block that `Block.to_bytes` gave; tiles in which nothing is counted are left out."""
    tiles, scene = pickle.loads(data)  # noqa: S301 - written by `to_bytes`, sent by the process that asks
    return cover_tiles(tiles, scene, rasters=rasters)


def cover_tiles(tiles: tuple[Tile, ...], scene: Scene, *, rasters: bool) -> list[TileResult]:
    """Compute tiles of a block's scene, its heights cut or not."""
    whole = _with_heights_spread(scene)
    found = (cover_tile(whole, tile, rasters) for tile in tiles)
    return [result for result in found if result is not None]


def cut_block(scene: Scene, tiles: tuple[Tile, ...]) -> Block:
    """Return the block of some tiles of a scene."""
    grid = scene.grid
    rows = [row for row, _ in tiles]
    south, north = min(rows) * grid.tile_m, (max(rows) + 1) * grid.tile_m
    index = scene.index
    seeing, homes = numbered(index["doors"], tiles), numbered(index["homes"], tiles)
    doors = merged(seeing, homes)
    strips, polygons = numbered(index["strips"], tiles), numbered(index["polygons"], tiles)
    samples = _samples(scene.samples, tiles)
    strip_start, strip_at = ragged(scene.strips.start, strips)
    edges, zone_ids = scene.polygon_edges, numbered(index["zones"], tiles)
    units, (strip_unit, polygon_unit, sample_unit) = renumbered(
        len(scene.unit_space), [scene.strips.unit[strips], scene.polygon_unit[polygons], samples.unit]
    )
    face = scene.unit_face[units]
    faces = np.unique(face[face >= 0])
    named = {"strips": strips, "polygons": polygons, "doors": doors, "homes": doors, "zones": zone_ids}
    local = replace(
        _seen_from(scene, doors),
        unit_space=scene.unit_space[units],
        unit_face=np.where(face < 0, -1, np.searchsorted(faces, face)).astype(np.int32),
        strips=Strips(
            start=strip_start,
            xy=np.ascontiguousarray(scene.strips.xy[strip_at]),
            inner=scene.strips.inner[strips],
            outer=scene.strips.outer[strips],
            side=scene.strips.side[strips],
            rank=scene.strips.rank[strips],
            unit=strip_unit,
        ),
        polygon_edges=picked_edges(edges, polygons, south, north),
        polygon_rank=scene.polygon_rank[polygons],
        polygon_unit=polygon_unit,
        samples=replace(samples, unit=sample_unit),
        inside=None,
        counted_tiles={tile: scene.counted_tiles[tile] for tile in tiles if tile in scene.counted_tiles},
        inside_edges=_inside_edges(scene, tiles, south, north),
        zone_edges=picked_edges(scene.zone_edges, zone_ids, south, north) if scene.zone_edges else None,
        index={name: index[name].picked(tiles, ids) for name, ids in named.items()},
        known=None,
    )
    return Block(tiles, _with_known(scene, local, tiles), doors, faces, zone_ids)


def _samples(samples: StreetSamples, tiles: tuple[Tile, ...]) -> StreetSamples:
    """Return the samples of street length in some tiles, with the whole scene's units."""
    ranges, parts, begin = {}, [slice(0, 0)], 0
    for tile in tiles:
        first, last = samples.tiles.get(tile, (0, 0))
        if last > first:
            ranges[tile] = (begin, begin + last - first)
            parts.append(slice(first, last))
            begin += last - first
    # Whole runs of them, of which there are millions: nothing is picked one by one.
    row, column, unit, cls = (
        np.concatenate([array[part] for part in parts])
        for array in (samples.row, samples.column, samples.unit, samples.cls)
    )
    return StreetSamples(ranges, row, column, unit, cls)


def _inside_edges(scene: Scene, tiles: tuple[Tile, ...], south: float, north: float) -> NDArray[np.float64]:
    """Return the edges of the counted area that a block reads: none where its tiles lie whole in it."""
    if all(scene.counted_tiles.get(tile, True) for tile in tiles):
        return np.zeros((0, 4))
    return scene.inside_edges[crossing_edges(scene.inside_edges, south, north)]


def _with_known(scene: Scene, local: Scene, tiles: tuple[Tile, ...]) -> Scene:
    """Return a block's scene with the known cameras that reach it."""
    if scene.known is None:
        return local
    cameras = numbered(scene.index["known"], tiles)
    if not len(cameras):
        return local
    views = replace(_seen_from(scene.known.views, cameras), **{name: getattr(local, name) for name in _GROUND})
    index = scene.index["known"].picked(tiles, cameras)
    layers = {name: member[cameras] for name, member in scene.known.layers.items()}
    views = replace(views, index={"doors": index})
    return replace(local, known=KnownViews(views, layers), index={**local.index, "known": index})


_GROUND = (
    "unit_space", "unit_face", "strips", "polygon_edges", "polygon_rank", "polygon_unit", "samples", "inside",
    "counted_tiles", "inside_edges", "zone_edges",
)  # fmt: skip


def _seen_from(scene: Scene, doors: NDArray[np.int64]) -> Scene:
    """Return the scene with some of its doors alone, and the walls, heights and limits of their views."""
    kit_of = scene.door_kit[doors]
    kits = np.unique(kit_of) if len(doors) else np.zeros(1, np.int64)
    xy = scene.door_xy[doors]
    reach = scene.reach_m + SLACK_M
    limits, terrain = scene.limits, scene.terrain
    if limits is not None:
        start, at = ragged(limits.start, doors)
        limits = Limits(start, limits.edges[at], limits.cut[doors])
        limits = limits if limits.cut.any() else None
    if terrain is not None:
        # What was read and from where is no input of a view.
        terrain = replace(terrain, crs=None, notes={}) if len(doors) else None  # type: ignore[arg-type]
    return replace(
        scene,
        door_ids=np.zeros(0, np.int64),
        door_xy=xy,
        door_forward=scene.door_forward[doors],
        door_key=scene.door_key[doors],
        kits=tuple(_kit_near(scene.kits[k], xy[kit_of == k], reach) for k in kits.tolist()),
        door_kit=np.searchsorted(kits, kit_of).astype(np.int64),
        limits=limits,
        terrain=terrain,
    )


def _kit_near(kit: Kit, xy: NDArray[np.float64], reach_m: float) -> Kit:
    """Return a kit with the walls alone that cameras at `xy` may meet."""
    levels = tuple(stripped_level(item) for item in kit.levels)
    if len(xy):
        box = (*(xy.min(axis=0) - reach_m), *(xy.max(axis=0) + reach_m))
    else:
        box = (math.inf, math.inf, -math.inf, -math.inf)
    tall, _ = squares_within(kit.walls.tall, box)
    lows, at = squares_within(kit.walls.lows, box)
    open_walls = NO_WALLS
    if kit.open_walls.squares.ni > 0:
        squares, item = squares_within(kit.open_walls.squares, box)
        open_walls = OpenWalls(squares, kit.open_walls.top[item], kit.open_walls.height[item])
    return replace(kit, levels=levels, walls=WallIndex(tall, lows, kit.walls.shade[at]), open_walls=open_walls)


def _box_of(scene: Scene) -> tuple[float, float, float, float] | None:
    """Return the box that all views of a block's scene lie in, None without doors."""
    parts = [scene.door_xy] + ([scene.known.views.door_xy] if scene.known else [])
    xy = np.concatenate(parts)
    if not len(xy):
        return None
    reach = max([scene.reach_m] + ([scene.known.views.reach_m] if scene.known else [])) + SLACK_M
    west, south = (xy.min(axis=0) - reach).tolist()
    east, north = (xy.max(axis=0) + reach).tolist()
    return west, south, east, north


def _changed_terrain(scene: Scene, change: Any) -> Scene:
    """Return the scene with its heights changed, those of known cameras' views too, each raster once."""
    first = scene.terrain or (scene.known.views.terrain if scene.known else None)
    if first is None:
        return scene
    ground = change(first.ground)
    surface = ground if first.surface is first.ground else change(first.surface)
    new = replace(first, ground=ground, surface=surface)
    if scene.known is not None and scene.known.views.terrain is not None:
        scene = replace(scene, known=replace(scene.known, views=replace(scene.known.views, terrain=new)))
    return scene if scene.terrain is None else replace(scene, terrain=new)


def _with_heights_cut(scene: Scene) -> Scene:
    """Return a block's scene with the heights alone that its views may meet."""
    box = _box_of(scene)
    return scene if box is None else _changed_terrain(scene, lambda heights: heights_within(heights, box))


def _with_heights_spread(scene: Scene) -> Scene:
    """Return a block's scene as kernels read it."""
    return _changed_terrain(scene, spread_heights)


def digest(thing: Any) -> str:
    """Return a hash of plain data: numbers, text, arrays, tuples, mappings, and dataclasses of them, field by field.

    Raises
    ------
    TypeError
        For anything else: what cannot be hashed must not be part of what names a result.

    """
    # Processors have instructions for this one: twice as fast as BLAKE2b where most time of a known block goes.
    state = hashlib.sha256(usedforsecurity=False)
    _feed(state, thing)
    return state.hexdigest()[:_DIGITS]


def _feed(state: Any, thing: Any) -> None:
    """Feed a hash with one thing, its kind and shape first, so that no two things feed alike."""
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        state.update(f"a{thing.dtype.str}{thing.shape}".encode())
        state.update(np.ascontiguousarray(thing).data if thing.size else b"")
    elif thing is None or isinstance(thing, bool | int | float | str | np.generic):
        plain = thing.item() if isinstance(thing, np.generic) else thing
        state.update(f"{type(plain).__name__}{plain!r};".encode())
    elif isinstance(thing, TileIndex):
        _feed(state, thing.lists())
    elif isinstance(thing, dict):
        state.update(f"d{len(thing)}".encode())
        for key, value in thing.items():
            _feed(state, key)
            _feed(state, value)
    elif is_dataclass(thing) and not isinstance(thing, type):
        state.update(f"c{type(thing).__name__}".encode())
        for item in fields(thing):
            state.update(item.name.encode())
            _feed(state, getattr(thing, item.name))
    elif isinstance(thing, tuple | list):
        state.update(f"t{len(thing)}".encode())
        for value in thing:
            _feed(state, value)
    else:
        raise TypeError(f"{type(thing).__name__} has no bytes to be named by: {thing!r}")
