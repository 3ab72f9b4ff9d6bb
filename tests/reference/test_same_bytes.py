"""The same city gives the same bytes, whatever the order of its file, the threads, and the tiles."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

import doorview as dv
from doorview.city.model import City
from doorview.share.coverage import Coverage, fold
from doorview.share.grid import Grid
from doorview.share.scene import Kit, RangeCurve, build_scene
from doorview.share.tiles import cover
from doorview.sight.api import wall_index
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict

FOLDER = "nyc_greenwich_village"
SORTED, UNSORTED = "nyc_sorted.osm.pbf", "nyc.osm.pbf"
SAME = (
    "shares.csv",
    "curve.csv",
    "range_curve.csv",
    "counts.parquet",
    "working/coverage.parquet",
    "working/members.parquet",
)
LEVELS = ("trigger", "recognise", "observe", "detect")


@pytest.fixture(scope="module")
def runs(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    """Folders of runs by file and threads; everything else is the same."""
    made = {}
    for file, threads in ((SORTED, 2), (UNSORTED, 2), (SORTED, 1)):
        study = study_from_dict(
            {
                "study": {"name": "village"},
                "place": {"extract": str(shared_data / FOLDER / file)},
                "camera": {"levels": list(LEVELS)},
                "coverage": {"threads": threads},
                "output": {"maps": False},
            }
        )
        out = tmp_path_factory.mktemp("runs") / "village"
        run_study(study, out)
        made[file, threads] = out
    return made


@pytest.mark.parametrize("other", [(UNSORTED, 2), (SORTED, 1)], ids=["order of the file", "threads"])
@pytest.mark.parametrize("name", SAME)
def test_tables_are_the_same_to_the_byte(runs, other, name):
    first, second = ((runs[key] / name).read_bytes() for key in ((SORTED, 2), other))
    assert len(first) > 1000
    assert first == second


@pytest.mark.parametrize("other", [(UNSORTED, 2), (SORTED, 1)], ids=["order of the file", "threads"])
@pytest.mark.parametrize("level", LEVELS)
def test_rasters_hold_the_same_numbers_at_the_same_place(runs, other, level):
    held = []
    for key in ((SORTED, 2), other):
        with rasterio.open(runs[key] / f"seen_by_{level}.tif") as raster:
            held.append((raster.read(1), raster.transform, raster.crs, raster.nodata))
    assert held[0][0].max() > 1
    assert np.array_equal(held[0][0], held[1][0])
    assert held[0][1:] == held[1][1:]


def covered(city: City, inside: object, tile: int = 1024) -> Coverage:
    """Coverage of a city inside a polygon, by tiles of so many cells."""
    camera = dv.camera("ring-video-doorbell-wired")
    levels = [dv.level(camera, name) for name in LEVELS]
    doors = dv.find_doors(city)
    walls = wall_index(dv.find_obstacles(city), city.crs, camera.mount_height_m, levels[0].target_height_m)
    ground = dv.public_space(city, doors)
    scene = build_scene(
        doors,
        Kit(tuple(levels), walls, math.radians(155.0)),
        ground,
        inside=inside,
        grid=Grid(tile=tile),
        range_curve=RangeCurve(),
    )
    return fold(scene, cover(scene, rasters=False))


@pytest.fixture(scope="module")
def suburb(shared_data: Path) -> City:
    return City.from_extract(shared_data / "baltimore_county_md" / "clip_randallstown_small_sorted.osm.pbf")


def test_tiles_change_nothing(suburb):
    large, small = (covered(suburb, suburb.extent, tile) for tile in (1024, 256))
    assert large.rows.equals(small.rows)
    assert large.totals.equals(small.totals)
    assert np.array_equal(large.members.start, small.members.start)
    assert np.array_equal(large.members.doors, small.members.doors)
    depth = max(large.rings.shape[2], small.rings.shape[2])
    assert np.array_equal(*(np.pad(c.rings, ((0, 0), (0, 0), (0, depth - c.rings.shape[2]))) for c in (large, small)))


def test_an_area_of_two_parts_counts_what_its_parts_count(suburb):
    """A boundary of islands is a multipolygon: nothing of it may be lost, nothing counted twice."""
    middle = shapely.centroid(suburb.extent)
    parts = [shapely.box(middle.x + dx, middle.y - 100, middle.x + dx + 150, middle.y + 100) for dx in (-200, 100)]
    one, two = (covered(suburb, part) for part in parts)
    both = covered(suburb, shapely.MultiPolygon(parts))
    for coverage, areas in ((one, parts[:1]), (two, parts[1:]), (both, parts)):
        cells = coverage.totals.loc[coverage.totals["space"] < coverage.totals["space"].max() - 1, "amount"].sum()
        # Cells whose centre lies inside: the edge of a box decides on at most half a cell each.
        edge = sum(part.length for part in areas)
        assert 0.25 * cells == pytest.approx(sum(part.area for part in areas), abs=0.25 * edge)
    for name in ("rows", "totals"):
        assert getattr(one, name)["amount"].sum() > 0
        assert getattr(both, name)["amount"].sum() == sum(getattr(c, name)["amount"].sum() for c in (one, two))
