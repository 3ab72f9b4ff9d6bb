"""Views cut by rules: cell by cell, against the overlay of polygons, and with the full views beside them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.share.coverage import Coverage, fold
from doorview.share.known import with_known
from doorview.share.rules import CUT, capped_kits, limits_of, ruled_scene
from doorview.share.scene import Kit, Scene
from doorview.share.tiles import cover
from doorview.sight.api import views_from, wall_index
from doorview.sight.limits import cut_views
from helpers.town import CRS, LEVELS, Town, scene_of, town

DOORS = 30


@pytest.fixture(scope="module")
def place() -> Town:
    return town(doors=DOORS, seed=4)


@pytest.fixture(scope="module")
def limits(place: Town) -> NDArray[Any]:
    """A half-plane before each door at some distance; every third door a ring about it, every fifth none."""
    rng = np.random.default_rng(5)
    shapes: list[Any] = []
    for number, (point, heading) in enumerate(zip(place.doors.geometry, place.doors["heading"], strict=True)):
        turn = math.radians(heading + rng.uniform(-40, 40))
        ahead, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
        front = rng.uniform(3.0, 12.0)
        xy = np.array([point.x, point.y])
        square = [xy + u * ahead + v * across for u, v in [(-60, -60), (front, -60), (front, 60), (-60, 60)]]
        shape: Any = shapely.Polygon(square)
        if number % 3 == 0:
            shape = point.buffer(9.0).difference(point.buffer(4.0))
        shapes.append(None if number % 5 == 4 else shape)
    return np.array(shapes, dtype=object)


def folded(scene: Scene) -> Coverage:
    return fold(scene, cover(scene, rasters=False, threads=1))


def seen_cells(scene: Scene) -> dict[str, NDArray[np.uint16]]:
    """The rasters of all tiles in one array per level: 640 m around the origin."""
    found = {item.name: np.zeros((1280, 1280), np.uint16) for item in scene.levels}
    for result in cover(scene, threads=1):
        for name, array in result.seen_by.items():
            if array is not None:
                row, column = result.row0 + 640, result.col0 + 640
                clip = array[: 1280 - row, : 1280 - column]
                found[name][row : row + len(clip), column : column + clip.shape[1]] = clip
    return found


def by_ids(coverage: Coverage, without: str = "") -> pd.DataFrame:
    """Set rows with the ids of the doors in place of the set's number; sets may be less some doors, by their ending."""
    members = coverage.members
    ids = []
    for a, b in zip(members.start[:-1], members.start[1:], strict=True):
        names = sorted(coverage.door_ids[members.doors[a:b]])
        ids.append(" ".join(name for name in names if not (without and name.endswith(without))))
    rows = coverage.rows.assign(set=np.array(ids, dtype=object)[coverage.rows["set"].to_numpy()])
    keys = [name for name in rows.columns if name != "amount"]
    rows = rows[rows["set"] != ""].groupby(keys, as_index=False)["amount"].sum()
    return rows.sort_values(keys, ignore_index=True)


def test_each_door_sees_the_cells_of_its_view_whose_centres_lie_in_its_polygon(
    place: Town, limits: NDArray[Any]
) -> None:
    x, y = np.meshgrid((np.arange(1280) - 639.5) * 0.5, (np.arange(1280) - 639.5) * 0.5)
    total = {item.name: np.zeros(x.shape, np.int64) for item in LEVELS}
    whole = 0
    for number in range(DOORS):
        alone = seen_cells(scene_of(place._replace(doors=place.doors.iloc[[number]])))
        inside = True if limits[number] is None else shapely.contains_xy(limits[number], x, y)
        for name, seen in alone.items():
            total[name] += seen * inside
            whole += int(seen.sum())
    cut = seen_cells(ruled_scene(scene_of(place), limits=limits))
    for name, seen in cut.items():
        np.testing.assert_array_equal(seen, total[name])
    assert 0 < sum(int(seen.sum()) for seen in cut.values()) < 0.9 * whole


def test_cut_views_by_cells_have_the_areas_of_the_polygons(place: Town, limits: NDArray[Any]) -> None:
    """All doors together, by overlay with shapely: within the error of the cells, 1 % here."""
    box = shapely.box(-100, -100, 110, 100)
    everywhere = place._replace(inside=box)
    cut = seen_cells(ruled_scene(scene_of(everywhere), limits=limits))
    for item in LEVELS:
        views = views_from(place.doors, place.obstacles, 1.2, item)
        wanted = cut_views(views, limits)
        plain = [
            v.area if limit is None else v.intersection(limit).area
            for v, limit in zip(views.geometry, limits, strict=True)
        ]
        np.testing.assert_allclose(wanted["area_m2"][limits != None], np.array(plain)[limits != None])  # noqa: E711
        assert wanted.index.equals(views.index)
        assert cut[item.name].sum() * 0.25 == pytest.approx(sum(plain), rel=0.01)


@pytest.mark.parametrize("tile", [64, 512])
def test_cut_views_are_the_same_on_any_tiling(place: Town, limits: NDArray[Any], tile: int) -> None:
    one = folded(ruled_scene(scene_of(place, tile=256, curve=True), limits=limits))
    two = folded(ruled_scene(scene_of(place, tile=tile, curve=True), limits=limits))
    pd.testing.assert_frame_equal(one.rows, two.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.totals, two.totals, check_exact=True)
    assert np.array_equal(one.members.doors, two.members.doors)
    assert one.rings is not None
    assert two.rings is not None
    depth = min(one.rings.shape[2], two.rings.shape[2])
    assert np.array_equal(one.rings[:, :, :depth], two.rings[:, :, :depth])


def test_limits_that_hold_everything_and_none_at_all_change_no_row(place: Town) -> None:
    plain = folded(scene_of(place, curve=True))
    wide = np.full(DOORS, shapely.box(-500, -500, 500, 500), dtype=object)
    for shapes in (wide, np.full(DOORS, None, dtype=object)):
        same = folded(ruled_scene(scene_of(place, curve=True), limits=shapes))
        pd.testing.assert_frame_equal(plain.rows, same.rows, check_exact=True)
        assert plain.rings is not None
        assert np.array_equal(plain.rings, same.rings)
    nothing = folded(ruled_scene(scene_of(place), limits=np.full(DOORS, shapely.Polygon(), dtype=object)))
    assert not len(nothing.rows)
    pd.testing.assert_frame_equal(nothing.totals, plain.totals, check_exact=True)


def test_both_holds_the_full_and_the_cut_views(place: Town, limits: NDArray[Any]) -> None:
    """Leaving out the cut doors gives the rows of the scene as it was, leaving out the full ones those of the cut."""
    scene = scene_of(place, curve=True)
    kits = capped_kits(scene.kits, 4.0)
    both = folded(ruled_scene(scene, limits=limits, kits=kits, both=True))
    assert both.door_ids.tolist() == [*place.doors.index, *(f"{name}{CUT}" for name in place.doors.index)]
    full, cut = folded(scene), folded(ruled_scene(scene, limits=limits, kits=kits))
    pd.testing.assert_frame_equal(both.totals, full.totals, check_exact=True)
    pd.testing.assert_frame_equal(by_ids(both, CUT), by_ids(full), check_exact=True)
    turned = dataclasses.replace(
        both, door_ids=np.array([f"{n}{CUT}" for n in place.doors.index] + list(place.doors.index))
    )
    pd.testing.assert_frame_equal(by_ids(turned, CUT), by_ids(cut), check_exact=True)
    assert len(by_ids(cut)) > 50


def test_a_shorter_trigger_leaves_other_levels_as_they_are(place: Town) -> None:
    scene = scene_of(place)
    kits = capped_kits(scene.kits, 4.0)
    assert [item.range_m for item in kits[0].levels] == [4.0, 13.7, 28.4]
    assert kits[0].walls is scene.kits[0].walls
    capped = seen_cells(ruled_scene(scene, kits=kits))
    wanted = seen_cells(scene_of(place, levels=(dataclasses.replace(LEVELS[0], range_m=4.0), *LEVELS[1:])))
    for name, seen in capped.items():
        np.testing.assert_array_equal(seen, wanted[name])
    assert capped_kits(scene.kits, 100.0) == scene.kits
    far = Kit((dataclasses.replace(LEVELS[0], near_m=2.0),), scene.kits[0].walls, 1.0)
    (gone,) = capped_kits([far], 1.5)[0].levels
    assert (gone.range_m, gone.near_m) == (0.0, 0.0)


def test_known_cameras_are_not_cut(place: Town, limits: NDArray[Any]) -> None:
    cameras = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(1.0, -9.0)], index=["k:n1"], crs=CRS)
    kit = Kit(LEVELS, wall_index(place.obstacles, CRS), math.radians(155.0))
    layers = {"osm": np.ones(1, bool)}
    cut = ruled_scene(scene_of(place), limits=limits)
    for scene in (
        with_known(cut, cameras, [kit], np.zeros(1, np.int64), layers),
        ruled_scene(with_known(scene_of(place), cameras, [kit], np.zeros(1, np.int64), layers), limits=limits),
    ):
        alone = folded(with_known(scene_of(place), cameras, [kit], np.zeros(1, np.int64), layers))
        found = folded(scene)
        pd.testing.assert_frame_equal(found.known["osm"].alone, alone.known["osm"].alone, check_exact=True)
        pd.testing.assert_frame_equal(found.rows, folded(cut).rows, check_exact=True)


def test_what_cannot_cut_a_scene_is_refused(place: Town, limits: NDArray[Any]) -> None:
    scene = scene_of(place)
    with pytest.raises(InputError, match="30 doors"):
        ruled_scene(scene, limits=limits[:-1])
    with pytest.raises(InputError, match="give 1 kits"):
        ruled_scene(scene, kits=[*scene.kits, *scene.kits])
    with pytest.raises(InputError, match="give 1 kits"):
        ruled_scene(scene, kits=[dataclasses.replace(scene.kits[0], levels=LEVELS[:1])])
    with pytest.raises(InputError, match="cut already"):
        ruled_scene(ruled_scene(scene, limits=limits), limits=limits)
    with pytest.raises(InputError, match=r"row 1 \(LineString\)"):
        limits_of(np.array([None, shapely.LineString([(0, 0), (1, 1)])], dtype=object))
    with pytest.raises(InputError, match="make_valid"):
        limits_of(np.array([shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], dtype=object))
    for value in (0.0, -1.0, math.nan, math.inf, True):
        with pytest.raises(InputError, match="range_m"):
            capped_kits(scene.kits, value)
