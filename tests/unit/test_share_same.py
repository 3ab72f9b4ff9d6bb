"""The same answer to the last bit, whatever the tiles, the threads, the order of rows, and the place on the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from numpy.typing import NDArray

from doorview.errors import DoorviewError
from doorview.ownership.scenario import Scenario
from doorview.share import tiles
from doorview.share.coverage import fold
from doorview.share.summary import counts_table, curve_table, range_table, shares_table
from doorview.share.tiles import KeyCollisionError, cover
from helpers.town import LEVELS, Covered, Town, covered, scene_of, town

SCENARIOS = [
    Scenario("independent", rate=0.2),
    Scenario("any", rate=0.2, shared_doors="any"),
    Scenario("exactly", process="exactly", number=4),
]


ALIKE = [SCENARIOS[0], SCENARIOS[2]]
"""Scenarios in which all doors have the same chance."""


def tables(run: Covered, scenarios: list[Scenario]) -> dict[str, pd.DataFrame]:
    """Every printed table."""
    made = {
        "shares": shares_table(run.coverage, run.outputs, run.doors, scenarios, zones=run.zones, seed=3),
        "curve": curve_table(run.coverage, run.outputs, run.doors, [0.05, 0.5]),
        "counts": counts_table(run.coverage, run.outputs),
    }
    if run.coverage.range_curve:
        made["range_curve"] = range_table(run.coverage, [0.2])
    return made


def assert_same(one: Covered, two: Covered) -> None:
    """Rows, totals, members and zones, value by value."""
    pd.testing.assert_frame_equal(one.coverage.rows, two.coverage.rows, check_exact=True)
    pd.testing.assert_frame_equal(one.coverage.totals, two.coverage.totals, check_exact=True)
    assert one.coverage.zones == two.coverage.zones
    for field in ("start", "doors"):
        assert np.array_equal(getattr(one.coverage.members, field), getattr(two.coverage.members, field))
    if one.coverage.rings is not None and two.coverage.rings is not None:
        depth = min(one.coverage.rings.shape[2], two.coverage.rings.shape[2])
        assert np.array_equal(one.coverage.rings[:, :, :depth], two.coverage.rings[:, :, :depth])
        assert not one.coverage.rings[:, :, depth:].any()
        assert not two.coverage.rings[:, :, depth:].any()


def assert_same_files(one: Covered, two: Covered, folder: Path, scenarios: list[Scenario] = SCENARIOS) -> None:
    """The bytes of every table as CSV."""
    for number, run in enumerate((one, two)):
        for name, table in tables(run, scenarios).items():
            table.to_csv(folder / f"{name}_{number}.csv", index=False)
    names = {path.name.rsplit("_", 1)[0] for path in folder.glob("*.csv")}
    assert {"shares", "curve", "counts"} <= names
    for name in names:
        assert (folder / f"{name}_0.csv").read_bytes() == (folder / f"{name}_1.csv").read_bytes()


@pytest.fixture(scope="module")
def place() -> Town:
    return town(doors=40, seed=2)


@pytest.fixture(scope="module")
def here(place: Town) -> Covered:
    run = covered(place, tile=256, curve=True)
    assert len(run.scene.tiles()) == 4
    assert len(run.coverage.members.size) > 100
    return run


@pytest.mark.parametrize("tile", [64, 512, 1024])
def test_tiles(place: Town, here: Covered, tmp_path: Path, tile: int) -> None:
    other = covered(place, tile=tile, curve=True)
    assert_same(here, other)
    assert_same_files(here, other, tmp_path)


def test_threads(place: Town, here: Covered, tmp_path: Path) -> None:
    other = covered(place, threads=2, tile=64, curve=True)
    assert_same(here, other)
    assert_same_files(here, other, tmp_path)


def test_the_order_in_which_tiles_are_folded(here: Covered) -> None:
    results = list(cover(here.scene, rasters=False, threads=1))
    turned = fold(here.scene, results[::-1])
    pd.testing.assert_frame_equal(turned.rows, here.coverage.rows, check_exact=True)
    pd.testing.assert_frame_equal(turned.totals, here.coverage.totals, check_exact=True)
    assert np.array_equal(turned.members.doors, here.coverage.members.doors)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_obstacles_and_ground(place: Town, here: Covered, tmp_path: Path, seed: int) -> None:
    other = covered(place.shuffled(seed)._replace(doors=place.doors), curve=True)
    assert_same(here, other)
    assert_same_files(here, other, tmp_path)


def by_ids(run: Covered) -> pd.DataFrame:
    """Set rows with the ids of the doors in place of the set's number."""
    members = run.coverage.members
    ids = np.array(
        [
            " ".join(sorted(run.coverage.door_ids[members.doors[a:b]]))
            for a, b in zip(members.start[:-1], members.start[1:], strict=True)
        ],
        dtype=object,
    )
    rows = run.coverage.rows.assign(set=ids[run.coverage.rows["set"].to_numpy()])
    return rows.sort_values(list(rows.columns), ignore_index=True)


def test_the_order_of_doors(place: Town, here: Covered, tmp_path: Path) -> None:
    """Doors are numbered by their row, so sets are compared by ids; the printed tables are the same bytes.

    Where doors differ in their chances, those of a set are multiplied in the order of its doors: then only what is
    rounded to 2^-40 may differ in its last place. `find_doors` gives doors in the order of their ids.
    """
    other = covered(place.shuffled(5), curve=True)
    assert other.coverage.door_ids.tolist() != here.coverage.door_ids.tolist()
    pd.testing.assert_frame_equal(by_ids(here), by_ids(other), check_exact=True)
    assert_same_files(here, other, tmp_path, ALIKE)
    one, two = (tables(run, SCENARIOS)["shares"] for run in (here, other))
    pd.testing.assert_frame_equal(one, two, rtol=0.0, atol=2.0**-39)


@pytest.mark.parametrize(("east", "north"), [(128.0, -64.0), (0.5, 37.5), (-3000.5, 4096.0)])
def test_the_town_moved_by_whole_cells(place: Town, here: Covered, tmp_path: Path, east: float, north: float) -> None:
    other = covered(place.moved(east, north), curve=True)
    assert_same(here, other)
    assert_same_files(here, other, tmp_path)


def mosaic(run: Any) -> dict[str, NDArray[np.uint16]]:
    """The rasters of all tiles in one array per level: 640 m around the origin."""
    found = {item.name: np.zeros((1280, 1280), np.uint16) for item in LEVELS}
    for result in cover(run, threads=1):
        for name, array in result.seen_by.items():
            if array is not None:
                row, column = result.row0 + 640, result.col0 + 640
                clip = array[: 1280 - row, : 1280 - column]
                found[name][row : row + len(clip), column : column + clip.shape[1]] = clip
    return found


def test_rasters_say_how_many_doors_see_each_cell(place: Town) -> None:
    """The same over all tilings where ground is counted, and a door more is one more where that door sees."""
    one, two = mosaic(scene_of(place, tile=64)), mosaic(scene_of(place, tile=256))
    x, y = np.meshgrid((np.arange(1280) - 639.5) * 0.5, (np.arange(1280) - 639.5) * 0.5)
    counted = shapely.contains_xy(place.inside, x, y)
    fewer = mosaic(scene_of(place._replace(doors=place.doors.iloc[1:])))
    alone = mosaic(scene_of(place._replace(doors=place.doors.iloc[:1])))
    for item in LEVELS:
        assert two[item.name].max() > 2
        assert np.array_equal(one[item.name][counted], two[item.name][counted])
        assert np.array_equal(
            two[item.name][counted].astype(int), fewer[item.name][counted].astype(int) + alone[item.name][counted]
        )


def test_two_doors_with_one_key_are_found_out(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set whose doors do not match its key, and two tiles with different doors under one key, stop the run."""
    scene = scene_of(place)
    real = tiles.members_of
    monkeypatch.setattr(tiles, "members_of", lambda *given: (*real(*given)[:2], 1))
    with pytest.raises(KeyCollisionError, match="do not match") as caught:
        list(cover(scene, threads=1))
    assert isinstance(caught.value, DoorviewError)
    monkeypatch.undo()
    results = list(cover(scene, rasters=False, threads=1))
    seen = next(r for r in results if len(r.members))
    seen.members[0] += 1
    with pytest.raises(KeyCollisionError, match="different doors"):
        fold(scene, results)


def test_progress_is_told(place: Town) -> None:
    told: list[tuple[int, int]] = []
    list(cover(scene_of(place, tile=64), threads=1, progress=lambda done, total: told.append((done, total))))
    total = len(scene_of(place, tile=64).tiles())
    assert told == [(n, total) for n in range(1, total + 1)]
