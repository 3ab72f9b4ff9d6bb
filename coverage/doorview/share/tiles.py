"""One tile: ground painted, views laid over it, and what comes out: which sets of doors see how much of what."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorview.city.classes import CLASSES
from doorview.errors import DoorviewError
from doorview.share.kernels.groups import compose_groups, compose_samples
from doorview.share.kernels.paint import paint_discs, paint_mask, paint_polygons, paint_strips, paint_zones
from doorview.share.kernels.sets import bucket_spans, members_of, ring_counts, scan_level
from doorview.share.known import Laid, TileKnown, known_of_tile
from doorview.share.scene import SPACES, YARD, Kit, Scene
from doorview.sight.kernels.limits import clip_spans
from doorview.sight.kernels.window import window_spans
from doorview.sight.terrain import terrain_spans
from doorview.threads import Threads

__all__ = ["KeyCollisionError", "TileResult", "cover", "cover_tile"]

_PUBLIC_SPACE = np.array([item.public for item in CLASSES] + [True] * (len(SPACES) - len(CLASSES)))
_NO_BITS = np.zeros((0, 0), np.uint64)
_NO_ZONES = np.zeros((0, 0), np.int32)
_NO_MASK = np.zeros((0, 0), np.uint8)
_NO_SEEN = np.zeros((0, 0), np.uint16)


class KeyCollisionError(DoorviewError, RuntimeError):
    """Two different sets of doors have the same key: the counts of this tile cannot be trusted."""


@dataclass(frozen=True)
class TileResult:
    """What one tile holds; amounts are cells or samples of street length.

    Per group: `space`, `near`, `zones` (tuples of zone numbers), `face`, `amount`. Per entry: `level`, `entry_set`,
    `entry_group`, `entry_amount`. Per set: `set_key`, and its doors `members[member_start[i]:member_start[i + 1]]`.
    `seen_by` per level: doors that see each cell, row 0 southmost, or None where nothing is seen or it was not asked
    for. `rings` (spaces * 2, ranges, k): changes from range to range of the cells seen by k doors, by space and
    nearness to a home. `known`: what each layer of known cameras sees, where any reaches.
    """

    tile: tuple[int, int]
    row0: int
    col0: int
    space: NDArray[np.int16]
    near: NDArray[np.int8]
    zones: list[tuple[int, ...]]
    face: NDArray[np.int32]
    amount: NDArray[np.int64]
    level: NDArray[np.int16]
    entry_set: NDArray[np.int64]
    entry_group: NDArray[np.int32]
    entry_amount: NDArray[np.int64]
    set_key: NDArray[np.uint64]
    member_start: NDArray[np.int64]
    members: NDArray[np.int64]
    seen_by: dict[str, NDArray[np.uint16] | None]
    rings: NDArray[np.int64] | None
    known: dict[str, TileKnown] = field(default_factory=dict)


def _painted(scene: Scene, tile: tuple[int, int], window: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the unit of every cell of the tile."""
    size = scene.grid.tile
    rank, unit = np.full((size, size), 255, np.uint8), np.zeros((size, size), np.int32)
    strips, polygons = scene.index["strips"][tile], scene.index["polygons"][tile]
    if len(strips):
        distance = np.empty((size, size), np.float32)
        s = scene.strips
        paint_strips(
            window,
            scene.grid.cell_m,
            strips,
            s.start,
            s.xy,
            s.inner,
            s.outer,
            s.side,
            s.rank,
            s.unit,
            rank,
            distance,
            unit,
        )
    if len(polygons):
        e = scene.polygon_edges
        paint_polygons(
            window, scene.grid.cell_m, polygons, e.start, e.edges, scene.polygon_rank, scene.polygon_unit, rank, unit
        )
    return unit


def _inside(scene: Scene, tile: tuple[int, int], window: NDArray[np.int64]) -> NDArray[np.uint8] | None:
    """Return which cells are counted: an array without rows for all, None for no cell."""
    if tile not in scene.counted_tiles:
        return None
    if scene.counted_tiles[tile]:
        return _NO_MASK
    mask = np.zeros((scene.grid.tile, scene.grid.tile), np.uint8)
    paint_mask(window, scene.grid.cell_m, scene.inside_edges, mask)
    return mask if mask.any() else None


def _combinations(scene: Scene, tile: tuple[int, int], window: Any) -> tuple[NDArray[np.int32], list[tuple[int, ...]]]:
    """Return the zone combination of every cell (or no rows) and, by number, the zones of each combination."""
    ids = scene.index["zones"][tile]
    if scene.zone_edges is None or not len(ids):
        return _NO_ZONES, [()]
    zone = np.zeros((scene.grid.tile, scene.grid.tile), np.int32)
    made = paint_zones(window, scene.grid.cell_m, ids, scene.zone_edges.start, scene.zone_edges.edges, zone)
    combinations: list[tuple[int, ...]] = [()]
    for before, added in made.tolist():
        combinations.append((*combinations[before], added))
    return zone, combinations


def cover_tile(scene: Scene, tile: tuple[int, int], rasters: bool = True) -> TileResult | None:
    """Compute one tile; None where nothing of it is counted.

    The result depends on the scene and the tile's window alone, whatever else is computed and in which order. Several
    threads compute tiles at once: nothing here asks GEOS anything, whose prepared shapes are no safe thing to share.

    Raises
    ------
    KeyCollisionError
        If a set's members do not match its key.

    """
    grid = scene.grid
    window = grid.window(tile)
    inside = _inside(scene, tile, window)
    if inside is None:
        return None
    if tile not in scene.samples.tiles and not any(len(index[tile]) for index in scene.index.values()):
        return _bare(scene, tile, window, inside)
    unit = _painted(scene, tile, window)
    near = _NO_BITS
    homes = scene.index["homes"][tile]
    if len(homes):
        near = np.zeros((grid.tile, grid.tile // 64), np.uint64)
        paint_discs(window, grid.cell_m, scene.door_xy[homes], scene.near_m, near)
    zone, combinations = _combinations(scene, tile, window)
    group = np.empty((grid.tile, grid.tile), np.int32)
    codes, cells, table = compose_groups(unit, near, zone, inside, group)
    first, last = scene.samples.tiles.get(tile, (0, 0))
    sample_row = scene.samples.row[first:last].astype(np.int64) - window[0]
    sample_column = (scene.samples.column[first:last] - window[2]).astype(np.int32)
    sample_group, codes, samples, table = compose_samples(
        sample_row, sample_column, scene.samples.unit[first:last], scene.samples.cls[first:last], unit,
        scene.unit_space, near, zone, inside, codes, table,
    )  # fmt: skip
    sample_start = np.searchsorted(sample_row, np.arange(grid.tile + 1)).astype(np.int64)
    amount = samples
    amount[: len(cells)] += cells
    group_unit, group_near = codes >> 25, ((codes >> 24) & 1).astype(np.int8)
    group_space = scene.unit_space[group_unit]
    group_zones = [combinations[c] for c in (codes & 0xFFFFFF).tolist()]
    views = _views(
        scene, tile, window, group, group_space, group_near, sample_start, sample_column, sample_group, rasters
    )
    return TileResult(
        tile,
        int(window[0]),
        int(window[2]),
        group_space,
        group_near,
        group_zones,
        scene.unit_face[group_unit],
        amount,
        *views,
    )


def _bare(scene: Scene, tile: tuple[int, int], window: NDArray[np.int64], inside: NDArray[np.uint8]) -> TileResult:
    """Return the result of a tile that nothing named lies in and no door looks into: yard alone."""
    cells = int(np.count_nonzero(inside)) if len(inside) else scene.grid.tile**2
    return TileResult(
        tile, int(window[0]), int(window[2]), np.array([YARD], np.int16), np.zeros(1, np.int8), [()],
        np.array([-1], np.int32), np.array([cells], np.int64), *_no_views(scene),
    )  # fmt: skip


def _no_views(scene: Scene) -> tuple[Any, ...]:
    """Return the fields of `TileResult` from `level` on for a tile that no door looks into."""
    none = np.zeros(0, np.int64)
    return (
        none.astype(np.int16), none, none.astype(np.int32), none, none.astype(np.uint64), np.zeros(1, np.int64), none,
        {item.name: None for item in scene.levels}, None,
    )  # fmt: skip


def _spans(scene: Scene, doors: NDArray[np.int64], window: NDArray[np.int64]) -> tuple[NDArray[np.int32], int]:
    """Return the spans of the doors in the window as `window_spans` does, level after the last: the range curve."""
    kit_of = scene.door_kit[doors]
    kits = np.unique(kit_of).tolist()
    parts = []
    for number in kits:
        own = np.flatnonzero(kit_of == number) if len(kits) > 1 else None
        here = doors if own is None else doors[own]
        spans, count = _kit_spans(scene, scene.kits[number], here, window)
        if own is None:
            return spans, count
        spans[:count, 4] = own[spans[:count, 4]]
        parts.append(spans[:count])
    # Door by door, as if all had one kit: what is made of the spans must not depend on how cameras are grouped.
    every = np.concatenate(parts)
    return np.ascontiguousarray(every[np.argsort(every[:, 4], kind="stable")]), len(every)


def _kit_spans(
    scene: Scene, kit: Kit, doors: NDArray[np.int64], window: NDArray[np.int64]
) -> tuple[NDArray[np.int32], int]:
    """Return the spans of doors of one kit."""
    curve = scene.range_curve
    ranges = np.array([item.range_m for item in kit.levels] + ([float(curve.longest)] if curve else []))
    near_m = np.array([item.near_m for item in kit.levels] + ([0.0] if curve else []))
    field = np.radians(
        [item.field_of_view_degrees for item in kit.levels] + ([np.degrees(kit.range_field)] if curve else [])
    )
    reached = np.flatnonzero(ranges > 0)
    if not len(reached):
        return np.zeros((0, 5), np.int32), 0
    fields, field_of = np.unique(field[reached], return_inverse=True)
    spans, count = window_spans(
        scene.door_xy[doors],
        scene.door_forward[doors],
        ranges[reached],
        near_m[reached],
        fields,
        field_of.astype(np.int64),
        kit.walls,
        scene.grid.cell_m,
        window,
    )
    cut = scene.limits
    if cut is not None:
        spans, count = clip_spans(
            spans, count, cut.cut[doors], cut.start[doors], cut.start[doors + 1], cut.edges, scene.grid.cell_m, window
        )
    if len(reached) < len(ranges):
        spans[:count, 0] = reached[spans[:count, 0]]
    if scene.terrain is None:
        return spans, count
    targets = [item.target_height_m for item in kit.levels]
    return terrain_spans(
        spans, count, window, scene.grid.cell_m, scene.door_xy[doors], scene.terrain, kit.lens_height_m,
        [*targets, max(targets)], walls=kit.open_walls,
    )  # fmt: skip


def _views(
    scene: Scene,
    tile: tuple[int, int],
    window: NDArray[np.int64],
    group: NDArray[np.int32],
    space: NDArray[np.int16],
    near: NDArray[np.int8],
    sample_start: NDArray[np.int64],
    sample_column: NDArray[np.int32],
    sample_group: NDArray[np.int32],
    rasters: bool,
) -> tuple[Any, ...]:
    """Lay the views of all doors in reach over the tile's groups; return the fields of `TileResult` from `level` on."""
    levels, curve, size = scene.levels, scene.range_curve, scene.grid.tile
    doors = scene.index["doors"][tile]
    public = np.ones(len(space), bool) if scene.all_ground else _PUBLIC_SPACE[space]
    if not len(doors):
        laid = Laid(group, public, sample_start, sample_column, sample_group)
        return *_no_views(scene), _known(scene, tile, window, laid, rasters)
    seen_by: dict[str, NDArray[np.uint16] | None] = {item.name: None for item in levels}
    xy = scene.door_xy[doors]
    spans, count = _spans(scene, doors, window)
    start, ordered = bucket_spans(spans, count, len(levels) + bool(curve), size)
    keys = scene.door_key[doors]
    found = []
    for number, item in enumerate(levels):
        seen = np.zeros((size, size), np.uint16) if rasters else _NO_SEEN
        found.append(
            scan_level(start, ordered, number, keys, group, public, sample_start, sample_column, sample_group, seen)
        )
        if rasters and seen.any():
            seen_by[item.name] = seen
    entry_level = np.repeat(np.arange(len(levels)), [len(part[0]) for part in found]).astype(np.int16)
    entry_key, entry_group, entry_amount, at_row, at_column = (
        np.concatenate(part) for part in zip(*found, strict=True)
    )
    set_key, first, entry_set = np.unique(entry_key, return_index=True, return_inverse=True)
    member_start, members, wrong = members_of(
        start, ordered, size, entry_level[first].astype(np.int64), at_row[first], at_column[first], keys, set_key
    )
    if wrong:
        raise KeyCollisionError(
            f"tile {tile}: {wrong} sets of doors do not match their keys; change a door's id and run again."
        )
    rings = None
    if curve:
        # Public classes only, away from and near a home: space code * 2 + near.
        ring_space = np.where(public & (space < len(CLASSES)), space.astype(np.int64) * 2 + near, -1)
        rings = ring_counts(
            start, ordered, len(levels), xy, scene.grid.cell_m, int(window[0]), int(window[2]), group, ring_space,
            curve.shortest, curve.bins, np.zeros((2 * len(CLASSES), curve.bins, 32), np.int64),
        )  # fmt: skip
    laid = Laid(group, public, sample_start, sample_column, sample_group, start, ordered, keys, set_key)
    return (
        entry_level, entry_set.ravel().astype(np.int64), entry_group, entry_amount, set_key, member_start,
        doors[members], seen_by, rings, _known(scene, tile, window, laid, rasters),
    )  # fmt: skip


def _known(
    scene: Scene, tile: tuple[int, int], window: NDArray[np.int64], laid: Laid, rasters: bool
) -> dict[str, TileKnown]:
    """Return what the layers of known cameras see of a tile; nothing where none reaches it."""
    known = scene.known
    cameras = scene.index["known"][tile] if known else np.zeros(0, np.int64)
    if known is None or not len(cameras):
        return {}
    spans, count = _spans(known.views, cameras, window)
    names = [item.name for item in scene.levels]
    return known_of_tile(known, cameras, spans[:count], laid, names, rasters=rasters)


def cover(
    scene: Scene,
    *,
    rasters: bool = True,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[TileResult]:
    """Yield the result of every tile in tile order, computed by several threads.

    Parameters
    ----------
    scene
        As from `build_scene`.
    rasters
        Whether results carry `seen_by`.
    threads
        How many at once; default: one per processor.
    progress
        Called with (tiles done, tiles in all).

    """
    tiles = scene.tiles()
    threads = threads or os.cpu_count() or 1
    with Threads(threads) as pool:
        # A bounded number under way, so that memory does not grow with the city.
        rest = iter(tiles)
        waiting: deque[Future[TileResult | None]] = deque(
            pool.submit(cover_tile, scene, tile, rasters) for tile in itertools.islice(rest, 2 * threads)
        )
        for done in range(len(tiles)):
            result = pool.answer(waiting.popleft())
            waiting.extend(pool.submit(cover_tile, scene, tile, rasters) for tile in itertools.islice(rest, 1))
            if progress:
                progress(done + 1, len(tiles))
            if result is not None:
                yield result
