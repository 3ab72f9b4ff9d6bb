"""Blocks of tiles, cut out, packed, sent and kept, give what the whole scene gives, bit by bit."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from doorview.share import engines
from doorview.share.blocks import Block, block_tiles, cover_block, cut_block, digest
from doorview.share.covering import TilesLostError, Work, cover_blocks
from doorview.share.engines import BlockDiedError, Outcome, ThreadEngine
from doorview.share.known import with_known
from doorview.share.packing import DamagedParcelError, Parcel, pack, unpack
from doorview.share.rules import capped_kits, ruled_scene
from doorview.share.scene import Kit, Scene
from doorview.share.tiles import TileResult, cover
from doorview.sight.api import wall_index
from doorview.sight.rasters import Terrain, heights_array
from doorview.sight.terrain import walls_on_terrain
from helpers.terrain import random_surface
from helpers.town import CRS, LEVELS, Town, on_grain, scene_of, town


class Shelf:
    """A keeper in memory."""

    def __init__(self) -> None:
        self.parcels: dict[str, bytes] = {}
        self.found = self.computed = 0

    def find(self, key: str, *, rasters: bool) -> Parcel | None:
        if key not in self.parcels:
            return None
        parcel = Parcel(self.parcels[key], key)
        if rasters and not parcel.rasters:
            return None
        self.found += 1
        return parcel

    def keep(self, key: str, data: bytes, tiles: int) -> None:
        self.parcels[key] = data
        self.computed += tiles


def same(one: Any, two: Any) -> bool:
    """Equal in type, shape and every value."""
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and one.shape == two.shape and bool(np.array_equal(one, two))
    if dataclasses.is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return type(one) is type(two) and one == two


def assert_same_tiles(wanted: dict[Any, TileResult], found: dict[Any, TileResult]) -> None:
    assert wanted.keys() == found.keys()
    for tile, result in wanted.items():
        for field in dataclasses.fields(result):
            assert same(getattr(result, field.name), getattr(found[tile], field.name)), (tile, field.name)


def houses(heights: Any = np.nan, **settings: Any) -> Town:
    place = town(**{"doors": 40, "seed": 2, **settings})
    return place._replace(obstacles=place.obstacles.assign(height_m=heights))


def with_cameras(place: Town, **settings: Any) -> Scene:
    """Two layers of known cameras of two kinds, one looking over low houses."""
    xy = on_grain([(-20.2, 12.3), (9.1, -14.4), (33.7, 22.2)])
    cameras = gpd.GeoDataFrame(
        {"heading": [0.0, 75.0, 200.0]}, geometry=shapely.points(xy), index=["k:n0", "k:n1", "k:n2"], crs=CRS
    )
    about = tuple(replace(item, field_of_view_degrees=360.0, near_m=0.0) for item in LEVELS)
    kits = tuple(
        Kit(levels, wall_index(place.obstacles, CRS, height, 1.5), math.pi)
        for levels, height in ((about, 3.5), (LEVELS, 1.2))
    )
    layers = {"osm": np.array([True, True, False]), "all": np.ones(3, bool)}
    return with_known(scene_of(place, **settings), cameras, kits, np.array([0, 1, 0]), layers)


def low() -> Any:
    return np.where(np.arange(14) % 3 == 0, 2.5, np.nan)


def plain(tile: int) -> Scene:
    return scene_of(houses(), tile=tile, curve=True)


def known(tile: int) -> Scene:
    return with_cameras(houses(low()), tile=tile, curve=True)


def ruled(tile: int) -> Scene:
    """Views cut and whole beside each other, and a second kit of shorter ranges."""
    place = houses()
    scene = scene_of(place, tile=tile)
    shapes: Any = place.doors.geometry.buffer(9.0).to_numpy().copy()
    shapes[::5] = None
    return ruled_scene(scene, limits=shapes, kits=capped_kits(scene.kits, 11.0), both=True)


def hilly(tile: int) -> Scene:
    place = houses(np.where(np.arange(14) % 3 == 0, np.nan, 1.0 + np.arange(14) % 5))
    flat = scene_of(place, tile=tile)
    west, south, east, north = place.inside.bounds
    rows, columns = math.ceil((north - south + 200) / 2.7), math.ceil((east - west + 200) / 2.7)
    z = random_surface(3, rows, columns, 9.0, smooth=3)
    z[:9, :9] = np.nan
    grid = heights_array(z, west - 100.0, south - 100.0, 2.7)
    terrain = Terrain(grid, grid, pyproj.CRS.from_epsg(32618))
    walls, opened = walls_on_terrain(place.obstacles, place.doors.crs, terrain, 1.2, [1.5], flat.reach_m)
    return replace(flat, kits=(replace(flat.kits[0], walls=walls, open_walls=opened),), terrain=terrain)


def empty(tile: int) -> Scene:
    place = town(doors=1, seed=2)
    return scene_of(place._replace(doors=place.doors.set_geometry(place.doors.translate(5000.0, 0.0))), tile=tile)


SCENES = {"plain": plain, "known": known, "ruled": ruled, "hilly": hilly, "empty": empty}


# --- the same bits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCENES)
def test_blocks_give_what_the_whole_scene_gives(kind: str) -> None:
    """Cut out, sent as bytes, packed and unpacked, in blocks of one tile and of many."""
    scene = SCENES[kind](64)
    wanted = {result.tile: result for result in cover(scene, threads=1)}
    assert len(wanted) > 8
    for doors, side in ((10, 4), (10_000, 2), (10_000, 4)):
        found: dict[Any, TileResult] = {}
        for tiles in block_tiles(scene, doors, side):
            block = cut_block(scene, tiles)
            parcel = pack("a" * 40, cover_block(block.to_bytes(), rasters=True), rasters=True)
            found |= {r.tile: block.globally(r) for r in unpack(parcel, "a" * 40, rasters=True)}
        assert_same_tiles(wanted, found)


def test_scenes_of_the_test_hold_what_they_are_to_show() -> None:
    """Else the test above could not fail where it should."""
    scenes = {kind: make(64) for kind, make in SCENES.items()}
    assert scenes["known"].known is not None
    assert scenes["known"].known.views.kits[0].walls.lows.ni > 0
    assert any(len(r.known) for r in cover(scenes["known"], threads=1))
    assert len(scenes["ruled"].kits) == 2
    assert len(scenes["hilly"].kits[0].open_walls.height) > 10
    assert all(len(r.members) == 0 for r in cover(scenes["empty"], threads=1))
    blocks = [cut_block(scenes["hilly"], tiles) for tiles in block_tiles(scenes["hilly"], 10, 1)]
    size = len(scenes["hilly"].kits[0].walls.tall.xy)
    assert min(len(block.scene.kits[0].walls.tall.xy) for block in blocks) < size / 2
    assert min(len(block.doors) for block in blocks) < 30


@pytest.mark.parametrize("threads", [1, 3])
def test_a_second_covering_finds_all_and_computes_nothing(threads: int) -> None:
    scene, shelf = SCENES["known"](64), Shelf()
    wanted = {result.tile: result for result in cover(scene, threads=1)}
    work = Work(threads, keeper=shelf, doors=20, side=2)
    told: list[tuple[int, int]] = []
    first = list(work.cover(scene, progress=lambda done, total: told.append((done, total))))
    assert shelf.found == 0
    assert told[-1] == (len(scene.tiles()), len(scene.tiles()))
    assert shelf.computed == len(scene.tiles())
    kept = len(shelf.parcels)
    second = list(work.cover(scene))
    assert (shelf.found, len(shelf.parcels)) == (kept, kept)
    assert [r.tile for r in first] == [r.tile for r in second]
    for results in (first, second):
        assert_same_tiles(wanted, {r.tile: r for r in results})


def test_rasters_that_were_not_asked_for_are_computed_when_they_are() -> None:
    """And those that were there serve a run without them."""
    scene, shelf = SCENES["known"](64), Shelf()
    work = Work(2, keeper=shelf)
    for result in work.cover(scene, rasters=False):
        assert not any(array is not None for array in result.seen_by.values())
    wanted = {result.tile: result for result in cover(scene, threads=1)}
    assert_same_tiles(wanted, {r.tile: r for r in work.cover(scene)})
    assert shelf.found == 0
    counts = {result.tile: result for result in cover(scene, rasters=False, threads=1)}
    assert_same_tiles(counts, {r.tile: r for r in work.cover(scene, rasters=False)})
    assert shelf.found > 0


# --- what a block is -----------------------------------------------------------------------------------------------


def test_every_tile_is_in_one_block_and_blocks_are_balanced_by_doors() -> None:
    scene = SCENES["plain"](64)
    near = {tile: len(scene.index["doors"][tile]) for tile in scene.tiles()}
    for doors in (5, 25, 60, 10_000):
        plan = block_tiles(scene, doors, 4)
        assert sorted(tile for tiles in plan for tile in tiles) == sorted(scene.tiles())
        for tiles in plan:
            assert len(tiles) == 1 or sum(near[tile] for tile in tiles) <= doors
    assert len(block_tiles(scene, 60, 4)) > len(block_tiles(scene, 10_000, 4))


def keys_of(scene: Scene) -> dict[Any, str]:
    return {tiles: cut_block(scene, tiles).key() for tiles in block_tiles(scene, 1, 1)}


def test_a_key_changes_with_what_a_block_reads_and_with_nothing_else() -> None:
    place = houses()
    before = keys_of(scene_of(place, tile=64))
    assert len(set(before.values())) == len(before)
    assert before == keys_of(scene_of(place, tile=64))
    # Words of a level change no view; a longer range does, everywhere.
    worded = tuple(replace(item, plain="other words", marks=("guessed",)) for item in LEVELS)
    assert before == keys_of(scene_of(place, tile=64, levels=worded))
    longer = tuple(replace(item, range_m=item.range_m + 0.001) for item in LEVELS)
    assert not set(before.values()) & set(keys_of(scene_of(place, tile=64, levels=longer)).values())
    # One house moved by a hand: the blocks that it, or a view past it, may touch, and no other.
    moved = place.obstacles.copy()
    moved.iloc[0, moved.columns.get_loc("geometry")] = shapely.affinity.translate(moved.geometry.iloc[0], 0.1, 0.0)
    after = keys_of(scene_of(place._replace(obstacles=moved), tile=64))
    changed = {tiles[0] for tiles in before if before[tiles] != after[tiles]}
    assert 0 < len(changed) < len(before)
    spot = moved.geometry.iloc[0]
    reach = 2 * max(item.range_m for item in LEVELS) + 64.0
    for row, column in changed:
        assert shapely.box(32 * column, 32 * row, 32 * column + 32, 32 * row + 32).distance(spot) < reach
    for row, column in (tiles[0] for tiles in before):
        if shapely.box(32 * column, 32 * row, 32 * column + 32, 32 * row + 32).intersects(spot):
            doors = scene_of(place, tile=64).index["doors"][row, column]
            assert (row, column) in changed or not len(doors)


def test_numbers_of_faces_and_doors_elsewhere_change_no_key() -> None:
    """A block's result is the same whatever it is called in the whole: other cities' tiles can use it."""
    place = houses()
    before = scene_of(place, tile=64)
    ground = replace_faces(place, 7)
    extra = gpd.GeoDataFrame(
        {"heading": [0.0], "dwellings": np.array([1], np.int32)},
        geometry=shapely.points([(4000.0, 4000.0)]), index=pd.Index(["a0@1"], name="door"), crs=CRS,
    )  # fmt: skip
    after = scene_of(place._replace(ground=ground, doors=pd.concat([extra, place.doors])), tile=64)
    assert keys_of(before) == keys_of(after)
    wanted = {r.tile: r for r in cover(after, threads=1)}
    shelf = Shelf()
    list(Work(1, keeper=shelf).cover(before))
    found = {r.tile: r for r in Work(1, keeper=shelf).cover(after)}
    assert shelf.found == len(shelf.parcels)
    assert_same_tiles(wanted, found)
    assert any((r.face > 6).any() for r in found.values())


def replace_faces(place: Town, more: int) -> Any:
    """The ground with the number of every block face raised."""
    tables = {}
    for name in ("strips", "polygons", "lines"):
        table = getattr(place.ground, name).copy()
        table["face"] = np.where(table["face"] < 0, -1, table["face"] + more)
        tables[name] = table
    return replace(place.ground, **tables)


def test_a_hash_tells_kinds_apart_and_refuses_what_has_no_bytes() -> None:
    things = [(1,), (1.0,), ("1",), (True,), ((1,),), {1: 2}, [1, 2], (12,), None, np.array([1]), np.array([1.0])]
    assert len({digest(thing) for thing in things}) == len(things)
    assert digest(np.zeros((2, 3))) != digest(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="no bytes"):
        digest(object())


# --- damage --------------------------------------------------------------------------------------------------------


def test_a_parcel_that_is_not_what_was_written_is_found_out() -> None:
    """Every single byte changed, every shorter length, and the name of another block."""
    scene = scene_of(houses(), tile=256)
    results = cover_block(cut_block(scene, tuple(scene.tiles()[:1])).to_bytes(), rasters=False)
    good = pack("b" * 40, results, rasters=False)
    assert len(unpack(good, "b" * 40, rasters=False)) == 1
    rng = np.random.default_rng(1)
    for at in [*range(120), *rng.integers(120, len(good), 60).tolist()]:
        bad = bytearray(good)
        bad[at] ^= 1 << int(rng.integers(8))
        with pytest.raises(DamagedParcelError):
            unpack(bytes(bad), "b" * 40, rasters=False)
    for length in [*range(100), len(good) // 2, len(good) - 1]:
        with pytest.raises(DamagedParcelError):
            unpack(good[:length], "b" * 40, rasters=False)
    with pytest.raises(DamagedParcelError, match="another block"):
        unpack(good, "c" * 40, rasters=False)
    with pytest.raises(DamagedParcelError):
        unpack(good + b"x", "b" * 40, rasters=False)


@pytest.mark.parametrize("kind", ["int16", "int32", "int64", "uint64"])
def test_whole_numbers_of_every_size_come_back_as_they_were(kind: str) -> None:
    """They are written in as few bytes as hold them: just below and just above what each number of bytes holds."""
    limits = [0, 1, *(2**bits + more for bits in (7, 8, 15, 16, 31, 32, 63) for more in (-1, 0)), 2**64 - 1]
    made = sorted({sign * limit for limit in limits for sign in (1, -1)})
    values = [value for value in made if np.iinfo(kind).min <= value <= np.iinfo(kind).max]
    scene = scene_of(houses(), tile=256)
    first = cover_block(cut_block(scene, tuple(scene.tiles()[:1])).to_bytes(), rasters=False)[0]
    field = {"int16": "space", "int32": "entry_group", "int64": "members", "uint64": "set_key"}[kind]
    for most in values:
        for low in (value for value in values if value <= most):
            array = np.array([low, most, low], kind)
            given = replace(first, **{field: array})
            found = unpack(pack("b" * 40, [given], rasters=False), "b" * 40, rasters=False)[0]
            assert same(getattr(found, field), array)
            assert getattr(found, field).flags.writeable


# --- whoever dies --------------------------------------------------------------------------------------------------


class Deadly(ThreadEngine):
    """Dies of every block that holds one tile."""

    def __init__(self, tile: tuple[int, int]) -> None:
        super().__init__(1)
        self.tile, self.tried = tile, 0

    def submit(self, number: int, block: Block, key: str, *, rasters: bool) -> None:
        if self.tile in block.tiles:
            self.tried += 1
            self._done.put(Outcome(number, None, BlockDiedError("the worker died")))
        else:
            super().submit(number, block, key, rasters=rasters)


def test_a_tile_that_kills_is_named_and_all_others_are_passed_on_and_kept() -> None:
    scene, shelf = SCENES["plain"](64), Shelf()
    deadly = scene.tiles()[5]
    wanted = {r.tile: r for r in cover(scene, threads=1) if r.tile != deadly}
    found: dict[Any, TileResult] = {}

    def cover_all(engine: Deadly) -> None:
        for result in cover_blocks(scene, engine, shelf, doors=10_000, side=2):
            found[result.tile] = result

    with Deadly(deadly) as engine, pytest.raises(TilesLostError) as caught:
        cover_all(engine)
    assert engine.tried == 2  # with its neighbours, then alone
    assert list(caught.value.tiles) == [deadly]
    west, south, east, north = caught.value.bounds[deadly]
    assert (east - west, north - south) == (32.0, 32.0)
    assert (south / 32.0, west / 32.0) == deadly
    assert_same_tiles(wanted, found)
    again = {r.tile: r for r in Work(1, keeper=shelf, doors=10_000, side=2).cover(scene)}
    assert_same_tiles(wanted | {r.tile: r for r in cover(scene, threads=1) if r.tile == deadly}, again)


@pytest.mark.parametrize("callback", ["_tile_done", "_block_done"])
def test_threads_that_end_without_an_answer_are_not_waited_for(callback: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory ends, what should tell of a finished block may die itself; nobody then answers."""

    def no_room(*given: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(engines, "LOOK_S", 0.05)
    monkeypatch.setattr(ThreadEngine, callback, no_room)
    scene = SCENES["plain"](64)
    with ThreadEngine(2) as engine, pytest.raises(MemoryError, match="without an answer"):
        list(cover_blocks(scene, engine, Shelf(), doors=10_000, side=2))


def test_a_fault_in_a_thread_ends_the_covering(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*given: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("doorview.share.engines.cover_tile", no_room)
    with pytest.raises(MemoryError):
        list(Work(2, keeper=Shelf()).cover(SCENES["plain"](64)))
