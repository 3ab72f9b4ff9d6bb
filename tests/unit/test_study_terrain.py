"""Terrain through the whole pipeline: keys of the study, engine, the run's folder, rasters that cannot be used."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer

import doorview as dv
from doorview.errors import DoorviewError, InputError, MissingFileError, StudyError
from doorview.share.coverage import fold
from doorview.share.scene import Scene
from doorview.share.tiles import cover
from doorview.sight.rasters import Terrain, heights_array
from doorview.sight.terrain import walls_on_terrain
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict
from helpers.osmfile import ORIGIN
from helpers.terrain import random_surface, write_raster
from helpers.tiny import tiny_town
from helpers.town import CRS, LEVELS, Town, scene_of, town

UTM = pyproj.CRS.from_epsg(32618)
QUICK: dict[str, Any] = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False, "threads": 1}}


# --- the engine ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place() -> Town:
    """A town with houses of known and of unknown heights."""
    found = town(doors=30, seed=2)
    heights = np.where(np.arange(len(found.obstacles)) % 3 == 0, np.nan, 1.0 + np.arange(len(found.obstacles)) % 5)
    return found._replace(obstacles=found.obstacles.assign(height_m=heights))


def heights_of(place: Town, rise: float, seed: int = 3, step: float = 4.0) -> Terrain:
    """Return a terrain 100 m beyond the town on all sides."""
    west, south, east, north = place.inside.bounds
    rows, columns = math.ceil((north - south + 200) / step), math.ceil((east - west + 200) / step)
    z = np.full((rows, columns), 55.0) if rise == 0 else random_surface(seed, rows, columns, rise, smooth=3)
    grid = heights_array(z, west - 100.0, south - 100.0, step)
    return Terrain(grid, grid, UTM)


def on_terrain(place: Town, terrain: Terrain, **settings: Any) -> Scene:
    """Return the scene of the town on a terrain."""
    flat = scene_of(place, **settings)
    walls, opened = walls_on_terrain(place.obstacles, place.doors.crs, terrain, 1.2, [1.5], flat.reach_m)
    return replace(flat, kits=(replace(flat.kits[0], walls=walls, open_walls=opened),), terrain=terrain)


def seen_cells(scene: Scene, level: str) -> dict[tuple[int, int], int]:
    """Return cell (row, column) -> doors that see it."""
    found: dict[tuple[int, int], int] = {}
    for result in cover(scene, threads=1):
        counts = result.seen_by[level]
        if counts is not None:
            rows, columns = np.nonzero(counts)
            keys = zip((rows + result.row0).tolist(), (columns + result.col0).tolist(), strict=True)
            found |= dict(zip(keys, counts[rows, columns].tolist(), strict=True))
    return found


def test_level_terrain_gives_the_bytes_of_flat_ground(place: Town) -> None:
    """All walls of unknown height: not one cell differs. Known heights are judged in another way, to the same end."""
    unknown = place._replace(obstacles=place.obstacles.assign(height_m=np.nan))
    level = heights_of(place, 0.0)
    for here, allowed in ((unknown, 0), (place, 3)):
        flat, hilly = seen_cells(scene_of(here), "detect"), seen_cells(on_terrain(here, level), "detect")
        assert len(flat) > 10_000
        assert sum(flat.get(key, 0) != hilly.get(key, 0) for key in flat.keys() | hilly.keys()) <= allowed


def test_no_terrain_is_none_of_it(place: Town) -> None:
    scene = scene_of(place)
    assert scene.terrain is None
    assert len(scene.kits[0].open_walls.height) == 0


def test_the_counts_of_cells_are_who_sees_them(place: Town) -> None:
    """The raster's counts at hundreds of cells against `sees`, which follows each line by itself."""
    terrain = heights_of(place, 9.0)
    scene = on_terrain(place, terrain)
    rng = np.random.default_rng(5)
    for item in LEVELS:
        counted, flat = seen_cells(scene, item.name), seen_cells(scene_of(place), item.name)
        keys = np.array(sorted(flat))[rng.choice(len(flat), min(500, len(flat)), replace=False)]
        middles = (keys[:, ::-1] + 0.5) * scene.grid.cell_m
        points = gpd.GeoSeries(gpd.points_from_xy(*middles.T), crs=CRS)
        camera = replace(dv.camera("ring-video-doorbell-wired"), mount_height_m=1.2)
        pairs = dv.sees(place.doors, points, place.obstacles, camera, item, terrain=terrain)
        wanted = pairs.groupby("point").size().reindex(range(len(keys)), fill_value=0).to_numpy()
        found = np.array([counted.get((int(r), int(c)), 0) for r, c in keys])
        assert (wanted != found).sum() <= 3  # an edge through a centre
        before = np.array([flat[int(r), int(c)] for r, c in keys])
        if item.name == "detect":
            assert (found < before).sum() > 20
            assert (found > before).any()  # houses down the hill that one sees over
            assert found.sum() > 300


def test_tiles_threads_and_the_order_of_rows_change_nothing(place: Town) -> None:
    terrain = heights_of(place, 9.0)
    first = seen_cells(on_terrain(place, terrain, tile=256), "detect")
    assert first == seen_cells(on_terrain(place, terrain, tile=64), "detect")
    assert first == seen_cells(on_terrain(place.shuffled(4), terrain, tile=256), "detect")
    curve = on_terrain(place, terrain, curve=True)
    one, two = (fold(curve, cover(curve, rasters=False, threads=n)) for n in (1, 3))
    pd.testing.assert_frame_equal(one.rows, two.rows, check_exact=True)
    assert one.rings is not None
    assert two.rings is not None
    assert np.array_equal(one.rings, two.rings)


def test_terrain_of_another_crs_is_refused(place: Town) -> None:
    other = replace(heights_of(place, 0.0), crs=pyproj.CRS.from_epsg(32617))
    with pytest.raises(InputError, match=r"the terrain in EPSG:32617: read it with read_terrain"):
        dv.sees(place.doors, place.doors.geometry, place.obstacles, terrain=other)


# --- the study file ------------------------------------------------------------------------------------------------


def middle() -> tuple[float, float]:
    x, y = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(*ORIGIN)
    return x, y


def ridge_raster(path: Path, height: float = 6.0, **more: Any) -> Path:
    """Write heights every 2 m in 500 x 300 m about the tiny town: level, and a ridge along the middle of its street."""
    x, y = middle()
    z = np.full((151, 251), 120.0)
    z[74:77] += height
    return write_raster(path, z, x - 250.0, y - 150.0, 2.0, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hills")
    tiny_town(place / "town.osm.pbf")
    ridge_raster(place / "ridge.tif")
    return place


def study_of(folder: Path, terrain: dict[str, Any] | None, **sections: Any) -> Any:
    raw = {"study": {"name": "Hills"}, "place": {"extract": "town.osm.pbf"}, **QUICK, **sections}
    if terrain is not None:
        raw["terrain"] = terrain
    return study_from_dict(raw, folder=folder)


def test_a_ridge_along_the_street_hides_its_other_side(folder: Path) -> None:
    """A ridge of 6 m along the street: from a door 12 m off (lens 1.2 m) nothing beyond the crest is seen.

    So a spot south of it is seen by doors of its own side at most, and every count north and south is at most that of
    one side of the street.
    """
    study = study_of(folder, {"ground": "ridge.tif"}, output={"maps": True})
    flat = run_study(study_of(folder, None, output={"maps": False}), folder / "out" / "flat")
    hilly = run_study(study, folder / "out" / "hilly")
    for level in ("detect", "observe"):
        before, after = flat.share("independent_20", level), hilly.share("independent_20", level)
        assert after < before if level == "detect" else after <= before
    fields = []
    for result in (hilly, flat):
        with rasterio.open(result.folder / "seen_by_detect.tif") as file:
            fields.append(file.read(1))
            place = file.transform
    seen, over = fields
    doors = np.column_stack([hilly.doors.geometry.x, hilly.doors.geometry.y])
    y = middle()[1]
    rows, columns = np.nonzero(seen)
    north = place.f + (rows + 0.5) * place.e
    assert len(rows) > 1000
    for side in (1, -1):
        beyond = side * (north - y) > 8.0  # past the ridge's foot
        east = place.c + (columns[beyond] + 0.5) * place.a
        own = doors[side * (doors[:, 1] - y) > 0]
        near = (np.hypot(east[:, None] - own[None, :, 0], north[beyond][:, None] - own[None, :, 1]) < 29.0).sum(axis=1)
        assert (seen[rows[beyond], columns[beyond]] <= near).all()
        assert (over[rows[beyond], columns[beyond]] > near).any()  # on flat ground the other side sees it too


def test_the_run_says_what_heights_it_used(folder: Path) -> None:
    result = run_study(study_of(folder, {"ground": "ridge.tif"}), folder / "out" / "said")
    assert "on the heights of ridge.tif (ground, every 2.0\u00a0m)" in result.headline()[0]
    assert any("Views are cut by terrain" in line for line in result.notes())
    assert not any("terraces" in line for line in result.notes())
    run = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((folder / "ridge.tif").read_bytes()).hexdigest()
    assert {"path": "ridge.tif", "sha256": digest, "licence": "user's own"} in run["inputs"]["files"]
    assert run["terrain"]["ground"]["step_m"] == 2.0
    assert run["settings"]["terrain"]["ground"] == "ridge.tif"
    assert str(folder) not in json.dumps(run)
    flat = run_study(study_of(folder, None), folder / "out" / "silent")
    assert "terrain" not in json.loads((flat.folder / "run.json").read_text(encoding="utf-8"))
    assert "heights" not in " ".join([*flat.headline(), *flat.notes()])


def test_the_map_says_it_too(folder: Path) -> None:
    from doorview.study.draw import caption_of

    city = dv.City.from_extract(folder / "town.osm.pbf")
    result = dv.estimate(city, range_curve=False, threads=1, terrain=folder / "ridge.tif")
    assert "on the heights of ridge.tif" in caption_of(result).camera_line
    same = dv.estimate(
        city, range_curve=False, threads=1, terrain={"ground": str(folder / "ridge.tif"), "clear_m": 1.0}
    )
    pd.testing.assert_frame_equal(result.shares, same.shares, check_exact=True)


def test_level_heights_change_no_figure(folder: Path, tmp_path: Path) -> None:
    city = dv.City.from_extract(folder / "town.osm.pbf")
    level = ridge_raster(tmp_path / "level.tif", 0.0)
    flat = dv.estimate(city, threads=1)
    on_it = dv.estimate(city, threads=1, terrain=level)
    pd.testing.assert_frame_equal(flat.shares, on_it.shares, check_exact=True)
    assert flat.range_curve is not None
    pd.testing.assert_frame_equal(flat.range_curve, on_it.range_curve, check_exact=True)


@pytest.mark.parametrize("how", ["degrees", "feet", "rotated", "integers"])
def test_the_same_hill_in_other_clothes(folder: Path, tmp_path: Path, how: str) -> None:
    """A hill between the houses, written in degrees, in feet, turned by 30 degrees, in whole millimetres: one share."""
    x0, y0 = middle()

    def hill(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(300.0 + 5.0 * np.exp(-(((x - x0) / 60.0) ** 2) - ((y - y0) / 5.0) ** 2))

    def written(
        path: Path, transform: rasterio.Affine, crs: str, shape: tuple[int, int], scale: float, dtype: str
    ) -> Path:
        j, i = np.mgrid[: shape[0], : shape[1]]
        a, b, c, d, e, f = tuple(transform)[:6]
        px, py = a * (i + 0.5) + b * (j + 0.5) + c, d * (i + 0.5) + e * (j + 0.5) + f
        x, y = Transformer.from_crs(crs, UTM, always_xy=True).transform(px, py)
        z = hill(np.asarray(x), np.asarray(y)) * scale
        profile = {"driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": dtype}
        with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
            file.write((np.round(z) if dtype == "int32" else z).astype(dtype), 1)
            if dtype == "int32":
                file.scales = (0.001,)
        return path

    square = rasterio.Affine(1.0, 0.0, x0 - 300.0, 0.0, -1.0, y0 + 200.0)
    plain = written(tmp_path / "plain.tif", square, "EPSG:32618", (400, 600), 1.0, "float32")
    more: dict[str, Any] = {}
    if how == "degrees":
        west, north = ORIGIN[0] - 0.004, ORIGIN[1] + 0.0022
        transform = rasterio.Affine(1.2e-5, 0.0, west, 0.0, -9e-6, north)
        other = written(tmp_path / "other.tif", transform, "EPSG:4326", (490, 670), 1.0, "float32")
    elif how == "rotated":
        c, k = math.cos(math.radians(30.0)), math.sin(math.radians(30.0))
        transform = rasterio.Affine(c, k, x0 - 400.0 * (c + k), k, -c, y0 - 400.0 * (k - c))
        other = written(tmp_path / "other.tif", transform, "EPSG:32618", (800, 800), 1.0, "float32")
    elif how == "feet":
        other = written(tmp_path / "other.tif", square, "EPSG:32618", (400, 600), 1 / 0.3048, "float32")
        more["units"] = "ft"
    else:
        other = written(tmp_path / "other.tif", square, "EPSG:32618", (400, 600), 1000.0, "int32")
    city = dv.City.from_extract(folder / "town.osm.pbf")
    shares = [
        dv.estimate(city, levels="detect", range_curve=False, threads=1, terrain=terrain).share(
            "independent_20", "detect"
        )
        for terrain in (None, plain, {"ground": str(other), **more})
    ]
    assert shares[1] < shares[0] - 0.005
    assert shares[2] == pytest.approx(shares[1], abs=2e-3)


def test_rasters_that_cannot_be_used(folder: Path, tmp_path: Path) -> None:
    x, y = middle()
    city = dv.City.from_extract(folder / "town.osm.pbf")

    def refuse(terrain: dict[str, Any], words: str, error: type[DoorviewError] = InputError) -> None:
        with pytest.raises(error, match=words):
            dv.estimate(city, levels="detect", range_curve=False, threads=1, terrain=terrain)

    half = write_raster(tmp_path / "half.tif", np.full((150, 100), 5.0), x, y - 150.0, 2.0)
    refuse({"ground": str(half)}, r"half\.tif does not cover the city: (49|5\d)\.?\d* % of its area, in the west")
    z = np.full((151, 251), 5.0)
    z[:, 100:150] = np.nan
    holes = write_raster(tmp_path / "holes.tif", z, x - 250.0, y - 150.0, 2.0)
    refuse({"ground": str(holes)}, r"(2\d|3\d)\.?\d* % .*missing_allowed=0\.\d+")
    result = dv.estimate(
        city, levels="detect", range_curve=False, threads=1, terrain={"ground": str(holes), "missing_allowed": 0.5}
    )
    assert any("has no heights and is taken as flat" in line for line in result.notes())
    text = tmp_path / "text.tif"
    text.write_text("no raster", encoding="utf-8")
    refuse({"ground": str(text)}, "cannot be read as a raster")
    refuse({"ground": str(tmp_path)}, "there is no raster", MissingFileError)
    tiny = write_raster(tmp_path / "tiny.tif", np.full((1, 1), 5.0), x, y, 2.0)
    refuse({"ground": str(tiny)}, "does not cover the city: 100 %")
    sunk = write_raster(tmp_path / "sunk.tif", np.full((151, 251), 5.0), x - 250.0, y - 150.0, 2.0)
    refuse({"ground": str(folder / "ridge.tif"), "surface": str(sunk)}, "half of sunk.tif lies below 115.0 m under")
    z[:, 100:150] = -9999.0
    bare = write_raster(tmp_path / "bare.tif", z, x - 250.0, y - 150.0, 2.0)
    refuse({"ground": str(bare)}, r"which no ground has.*nodata=-9999")


def test_faults_of_the_section_are_listed_at_once(folder: Path) -> None:
    with pytest.raises(StudyError) as found:
        study_of(
            folder, {"grund": "ridge.tif", "units": "yards", "missing_allowed": 2.0, "clear_m": -1.0, "step_m": 0.1}
        )
    said = str(found.value)
    for words in ("terrain.ground: missing", "Did you mean 'ground'?", "unknown value 'yards'", "missing_allowed",
                  "clear_m", "step_m"):  # fmt: skip
        assert words in said
    with pytest.raises(StudyError, match=r"terrain\.ground: no such file"):
        study_of(folder, {"ground": "nowhere.tif"})
    with pytest.raises(StudyError, match=r"output\.viewsheds: these polygons are of flat ground"):
        study_of(folder, {"ground": "ridge.tif"}, output={"viewsheds": True})


def test_a_surface_model_hides_more_than_its_ground(folder: Path, tmp_path: Path) -> None:
    """Crowns of 8 m over both sidewalks: with them in the surface less is in view than on the bare ground."""
    x, y = middle()
    z = np.full((151, 251), 120.0)
    ground = write_raster(tmp_path / "dem.tif", z, x - 250.0, y - 150.0, 2.0)
    z[70:73, ::3] += 8.0
    z[78:81, ::3] += 8.0
    surface = write_raster(tmp_path / "dsm.tif", z, x - 250.0, y - 150.0, 2.0)
    city = dv.City.from_extract(folder / "town.osm.pbf")
    bare, leafy = (
        dv.estimate(city, levels="detect", range_curve=False, threads=1, terrain={"ground": str(ground), **more})
        for more in ({}, {"surface": str(surface), "clear_m": 2.0})
    )
    assert leafy.share("independent_20", "detect") < 0.8 * bare.share("independent_20", "detect")
    assert "dsm.tif (surface, every 2.0\u00a0m)" in leafy.headline()[0]
