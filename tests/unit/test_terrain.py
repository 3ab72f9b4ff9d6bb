"""Terrain: closed forms of what rises hide, rasters of every kind read or refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer

import doorview as dv
from doorview.errors import InputError, MissingFileError
from doorview.sight.arrays import forward_of, index_walls
from doorview.sight.kernels.window import window_spans
from doorview.sight.rasters import Terrain, ground_at, heights_array, read_terrain
from doorview.sight.terrain import terrain_spans, terrain_visible
from helpers.terrain import bilinear, random_surface, write_raster

UTM = CRS.from_epsg(32618)
CELL = 0.5
LENS, TARGET = 1.2, 1.5


def profile(heights: NDArray[np.float64], step: float = 1.0, x0: float = -5.0) -> Terrain:
    """Return a terrain whose heights change eastward alone, from y = -50 to 50."""
    rows = math.ceil(100.0 / step) + 1
    grid = heights_array(np.tile(heights, (rows, 1)), x0, -50.0, step)
    return Terrain(grid, grid, UTM)


def east(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([distances, np.zeros(len(distances))])


def some_spans(reach: float = 20.0, heading: float = 90.0) -> tuple[NDArray[np.int32], int, NDArray[np.int64]]:
    """Spans of a camera at the origin, two levels, past a wall."""
    window = np.array([-64, 128, -64, 128], np.int64)
    walls = index_walls([[6.0, -2.0, 7.0, 1.0]])
    spans, count = window_spans(
        np.zeros((1, 2)), forward_of([heading]), np.array([reach, reach / 2]), np.array([2.0, 0.0]),
        np.radians([155.0]), np.zeros(2, np.int64), walls, CELL, window,
    )  # fmt: skip
    return spans, count, window


# --- closed forms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, -3.7, 1234.5])
def test_flat_ground_changes_no_bit(level: float) -> None:
    spans, count, window = some_spans()
    flat = profile(np.full(60, level))
    for target in (TARGET, 0.0):
        out, left = terrain_spans(spans, count, window, CELL, np.zeros((1, 2)), flat, LENS, target, clear_m=0.0)
        assert left == count > 100
        assert np.array_equal(out[:left], spans[:count])


@pytest.mark.parametrize("gradient", [-0.4, 0.05, 1.0])
def test_a_uniform_slope_hides_nothing(gradient: float) -> None:
    """Lens and target both stand above the slope, so the line between them does: up it, down it and along it."""
    spans, count, window = some_spans()
    slope = profile(300.0 + gradient * np.arange(-5.0, 60.0))
    for target in (TARGET, 0.0):
        out, left = terrain_spans(spans, count, window, CELL, np.zeros((1, 2)), slope, LENS, target, clear_m=0.0)
        assert np.array_equal(out[:left], spans[:count])


@pytest.mark.parametrize("height", [1.4, 2.0, 6.0])
def test_a_ridge_hides_by_similar_triangles(height: float) -> None:
    """A ridge of h at 10 m and 0 from 9 and 11 m on: beyond it targets of z_t are seen again from f 10 m on.

    f = (z_t - z_c) / (h - z_c), as for a wall of the plane; on the far slope the target rises with the ground.
    """
    z = np.zeros(85)
    z[15] = height
    ridge = profile(z)
    d = np.arange(0.05, 79.0, 0.1)
    seen = terrain_visible(np.zeros((1, 2)), east(d), ridge, LENS, TARGET)
    factor = max(1.0, (TARGET - LENS) / (height - LENS))
    ground = height * np.clip(1.0 - np.abs(d - 10.0), 0.0, None)
    line = LENS + (height - LENS) * d / 10.0  # over the top
    wanted = (d <= 10.0) | (ground + TARGET >= line)
    assert np.array_equal(seen, wanted)
    assert seen[d > 11.0].any() == (factor * 10.0 > 11.0)  # in the plane: hidden from f d on, and never before
    assert not seen[d > max(factor * 10.0, 11.0)].any() if height < 6.0 else not seen[d > 11.0].any()


def test_behind_an_edge_a_bearing_holds_two_intervals() -> None:
    """From a terrace 3 m above the street, 4 m behind its edge, the street is seen from 4 m (1 + (h - z_t) / z_c) on.

    That is 9 m for an adult's face and 14 m for the ground.
    """
    z = np.where(np.arange(60) - 5 <= 4, 3.0, 0.0)
    terrace = profile(z)
    d = np.arange(0.25, 40.0, 0.5)
    for target, first in ((1.5, 9.0), (0.0, 14.0)):
        seen = terrain_visible(np.zeros((1, 2)), east(d), terrace, LENS, target)
        beyond = d >= 5.0
        assert np.array_equal(seen[beyond], d[beyond] >= first)
        assert seen[d <= 4.0].all()
        spans, count, window = some_spans(20.0)
        out, left = terrain_spans(spans, count, window, CELL, np.zeros((1, 2)), terrace, LENS, target)
        # The row whose middle is 0.25 m north of the camera, as far as the wall at some 6.75 m.
        row = [(s, e) for level, r, s, e, _ in out[:left].tolist() if level == 0 and r == 64]
        assert len(row) == 1  # behind the wall nothing is given
        south = [(s, e) for level, r, s, e, _ in out[:left].tolist() if level == 0 and r == 64 + 8]
        assert len(south) == 2
        # 4.25 m north of the camera lines cross the edge at the same share of their length: the same distances east.
        assert south[1][0] == 64 + 2 * first


def test_up_a_step_only_what_rises_over_its_edge_is_seen() -> None:
    """A terrace 1 m up from 10 m on: an adult's face 2.5 m up is seen over its edge, the ground (lens 1.2) 20 cm."""
    step = profile(np.where(np.arange(60) - 5 >= 10, 1.0, 0.0))
    d = np.arange(10.5, 50.0, 1.0)
    assert terrain_visible(np.zeros((1, 2)), east(d), step, LENS, TARGET).all()
    assert terrain_visible(np.zeros((1, 2)), east(d), step, LENS, 0.0).all()
    assert not terrain_visible(np.zeros((1, 2)), east(d), step, 0.9, 0.0).any()
    # A lens of 0.9 m sees at d over the edge (1 m at 10 m) what rises 0.1 (d / 10 - 1) m above the terrace.
    assert np.array_equal(terrain_visible(np.zeros((1, 2)), east(d), step, 0.9, 0.2), d <= 30.0)


def test_a_canopy_over_its_own_ground() -> None:
    """A surface apart from the ground: targets stand below the crown of 8 m, from 10 to 14 m; none beyond is seen."""
    ground = heights_array(np.zeros((101, 60)), -5.0, -50.0, 1.0)
    crown = np.zeros((101, 60))
    crown[:, 15:20] = 8.0
    terrain = Terrain(ground, heights_array(crown, -5.0, -50.0, 1.0), UTM)
    d = np.array([8.0, 9.0, 10.0, 12.0, 14.0, 16.0, 40.0])
    seen = terrain_visible(np.zeros((1, 2)), east(d), terrain, LENS, TARGET)
    assert seen.tolist() == [True, True, False, False, False, False, False]
    # On the surface itself one would stand on the crown, at its near edge: the other reading, and the wrong one.
    above = Terrain(terrain.surface, terrain.surface, UTM)
    assert terrain_visible(np.zeros((1, 2)), east(d), above, LENS, TARGET)[2]


def test_tables_of_doors_against_points() -> None:
    z = random_surface(3, 20, 20, 5.0, 1)
    grid = heights_array(z, 0.0, 0.0, 1.0)
    terrain = Terrain(grid, grid, UTM)
    rng = np.random.default_rng(3)
    doors, points = rng.uniform(0.0, 19.0, (4, 2)), rng.uniform(0.0, 19.0, (7, 2))
    table = terrain_visible(doors[:, None], points[None], terrain, np.full((4, 1), 1.0), TARGET)
    assert table.shape == (4, 7)
    for n in range(4):
        assert np.array_equal(table[n], terrain_visible(doors[n], points, terrain, 1.0, TARGET))
    # The same line from both ends, heights exchanged, nothing left out.
    there = terrain_visible(doors[:, None], points[None], terrain, 1.0, 2.0, clear_m=0.0)
    back = terrain_visible(points[None], doors[:, None], terrain, 2.0, 1.0, clear_m=0.0)
    assert np.array_equal(there, back)
    assert 0 < there.sum() < 28


def test_arguments_that_cannot_be_meant() -> None:
    spans, count, window = some_spans()
    flat = profile(np.zeros(60))
    door = np.zeros((1, 2))
    for lens, target, clear, words in [
        (-1.0, 1.5, 1.0, "lens"), (math.nan, 1.5, 1.0, "lens"), ([1.0, 2.0], 1.5, 1.0, "lens has the shape"),
        (1.2, -0.1, 1.0, "target"), (1.2, [1.5], 1.0, "2 levels"), (1.2, 1.5, -1.0, "clear_m"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=words):
            terrain_spans(spans, count, window, CELL, door, flat, lens, target, clear)
    with pytest.raises(InputError, match="0 doors"):
        terrain_spans(spans, count, window, CELL, np.zeros((0, 2)), flat)
    with pytest.raises(InputError, match="room for them"):
        terrain_spans(spans, len(spans) + 1, window, CELL, door, flat)
    with pytest.raises(InputError, match="NaN or infinite"):
        terrain_visible(door, [[math.nan, 0.0]], flat)
    with pytest.raises(InputError, match="do not fit together"):
        terrain_visible(np.zeros((2, 2)), np.zeros((3, 2)), flat)
    with pytest.raises(InputError, match="2 rows"):
        heights_array(np.zeros((1, 5)), 0.0, 0.0, 1.0)
    with pytest.raises(InputError, match="step of 0"):
        heights_array(np.zeros((3, 5)), 0.0, 0.0, 0.0)


# --- reading -------------------------------------------------------------------------------------------------------

BOUNDS = (400_010.0, 4_300_010.0, 400_050.0, 4_300_040.0)
Z = random_surface(11, 90, 110, 30.0, 2)
"""Heights of the places from (399960.5, 4299965.5) on, 1 m apart: 100 m beyond the bounds in no direction."""
AT = (399_975.5, 4_299_975.5)


def test_a_raster_of_the_city_s_grid_is_taken_as_it_is(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "dem.tif", Z, *AT, 1.0)
    terrain = read_terrain(path, BOUNDS, "EPSG:32618", margin_m=10.0)
    grid = terrain.ground
    assert (grid.step, grid.x0, grid.y0) == (1.0, 399_999.5 - 0.0, 4_299_999.5)
    i, j = round(grid.x0 - AT[0]), round(grid.y0 - AT[1])
    assert np.array_equal(grid.z, Z[j : j + grid.z.shape[0], i : i + grid.z.shape[1]].astype(np.float32))
    assert grid.x0 + (grid.z.shape[1] - 1) >= BOUNDS[2] + 10.0
    assert terrain.surface is terrain.ground
    assert terrain.notes["ground"]["heights"] == "m (assumed: the file says nothing)"
    assert terrain.notes["ground"]["missing_share"] == 0.0


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2248", "EPSG:3035", "EPSG:32617"])
def test_any_crs_is_warped_to_the_right_place(tmp_path: Path, crs: str) -> None:
    """A raster of a tilted plane in degrees, feet, another zone: whatever the way, the plane comes back.

    A plane of the city's CRS bends in another by less than 1e-3 m over 200 m; half a cell astray would show as 0.3 m.
    """
    place = (-77.0, 38.85)
    x, y = Transformer.from_crs("EPSG:4326", UTM, always_xy=True).transform(*place)
    there = Transformer.from_crs(UTM, crs, always_xy=True)
    back = Transformer.from_crs(crs, UTM, always_xy=True)
    step = 3e-5 if crs == "EPSG:4326" else 10.0 if crs == "EPSG:2248" else 3.0
    if crs == "EPSG:3035":
        place = (9.0, 48.0)
        x, y = 400_000.0, 5_300_000.0
        there, back = (
            Transformer.from_crs(*pair, always_xy=True) for pair in (("EPSG:32632", crs), (crs, "EPSG:32632"))
        )
    cx, cy = there.transform(x, y)
    px, py = cx + step * (np.arange(160) - 80), cy + step * (np.arange(160) - 80)
    east_, north = back.transform(*np.meshgrid(px, py))
    z = 100.0 + 0.2 * (east_ - x) - 0.1 * (north - y)
    path = write_raster(tmp_path / "dem.tif", z, px[0], py[0], step, crs)
    bounds = (x - 60.0, y - 70.0, x + 50.0, y + 40.0)
    terrain = read_terrain(path, bounds, "EPSG:32632" if crs == "EPSG:3035" else UTM, margin_m=20.0)
    rng = np.random.default_rng(2)
    points = rng.uniform((x - 60, y - 70), (x + 50, y + 40), (200, 2))
    wanted = 100.0 + (points - np.array([x, y])) @ np.array([0.2, -0.1])
    assert ground_at(terrain, points) == pytest.approx(wanted, abs=1e-3)
    assert 2.0 < terrain.ground.step < 3.6


@pytest.mark.parametrize(
    ("crs", "unit", "asked", "metres", "words"),
    [
        ("EPSG:32618", "ft", None, 0.3048, "the band says so"),
        ("EPSG:32618", "US survey foot", None, 1200 / 3937, "the band says so"),
        ("EPSG:32618", "m", "ft", 0.3048, "as asked"),
        ("EPSG:32618+6360", None, None, 1200 / 3937, "says so"),
        ("EPSG:32618+5703", None, None, 1.0, "says so"),
        ("EPSG:32618", None, "us-ft", 1200 / 3937, "as asked"),
    ],
)
def test_heights_in_feet(
    tmp_path: Path, crs: str, unit: str | None, asked: str | None, metres: float, words: str
) -> None:
    path = write_raster(tmp_path / "dem.tif", Z, *AT, 1.0, crs, unit=unit)
    terrain = read_terrain(path, BOUNDS, UTM, margin_m=0.0, units=asked)
    points = np.random.default_rng(1).uniform(BOUNDS[:2], BOUNDS[2:], (50, 2))
    assert ground_at(terrain, points) == pytest.approx(bilinear(Z, *AT, 1.0, points) * metres, abs=1e-5)
    assert words in terrain.notes["ground"]["heights"]


def test_whole_numbers_with_scale_and_offset(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "dem.tif", np.round(Z * 100), *AT, 1.0, dtype="int16", nodata=-32768)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.01,), (50.0,)
    terrain = read_terrain(path, BOUNDS, UTM, margin_m=0.0)
    points = np.random.default_rng(1).uniform(BOUNDS[:2], BOUNDS[2:], (50, 2))
    assert ground_at(terrain, points) == pytest.approx(bilinear(Z, *AT, 1.0, points) + 50.0, abs=0.006)


@pytest.mark.parametrize("how", ["declared", "asked", "nan", "mask"])
def test_unknown_heights_are_nan_and_counted(tmp_path: Path, how: str) -> None:
    """20 x 30 of 40 x 30 m in the east of the bounds are unknown: half of the city."""
    value = math.nan if how == "nan" else -9999.0
    z = Z.copy()
    z[:, 55:] = value  # from x = 400030 on
    if how == "mask":
        z[:, 55:] = 7.0
    path = write_raster(tmp_path / "dem.tif", z, *AT, 1.0, nodata=-9999.0 if how == "declared" else None)
    if how == "mask":
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
            file.write_mask(np.where(np.arange(110) < 55, 255, 0).astype(np.uint8)[None].repeat(90, 0))
    nodata = -9999.0 if how == "asked" else None
    with pytest.raises(InputError, match=r"dem\.tif does not cover the city: 5[01]\.?\d* % .* in the east"):
        read_terrain(path, BOUNDS, UTM, margin_m=0.0, nodata=nodata)
    terrain = read_terrain(path, BOUNDS, UTM, margin_m=0.0, nodata=nodata, missing_allowed=0.52)
    # Known up to the last known sample, half a metre before the middle.
    assert terrain.notes["ground"]["missing_share"] == pytest.approx(0.5 + 0.5 / 40, abs=0.006)
    inside = np.random.default_rng(1).uniform(BOUNDS[:2], (400_029.4, BOUNDS[3]), (50, 2))
    assert ground_at(terrain, inside) == pytest.approx(bilinear(Z, *AT, 1.0, inside), abs=1e-4)
    assert np.isnan(ground_at(terrain, inside + np.array([20.2, 0.0]))).all()


def test_one_unknown_sample_is_not_overlooked(tmp_path: Path) -> None:
    z = Z.copy()
    z[40, 50] = -1.0
    path = write_raster(tmp_path / "dem.tif", z, *AT, 1.0, nodata=-1.0)
    with pytest.raises(InputError, match="400025 to 400026 m east"):
        read_terrain(path, BOUNDS, UTM, margin_m=0.0)


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        ((25.0, 0.0), r"62\.\d % of its area, in the west"),  # known from x = 400035 on, 25 of 40 m are not
        ((0.0, -50.0), r"8\d\.?\d* % of its area, in the north"),
        ((5000.0, 0.0), "100 % of its area"),
    ],
)
def test_a_raster_that_does_not_cover_the_city(tmp_path: Path, shift: tuple[float, float], words: str) -> None:
    at = (AT[0] + 34.0 + shift[0] + 0.5, AT[1] + shift[1]) if shift[1] == 0.0 else (AT[0], AT[1] + shift[1])
    path = write_raster(tmp_path / "dem.tif", Z, *at, 1.0)
    with pytest.raises(InputError, match=words):
        read_terrain(path, BOUNDS, UTM, margin_m=10.0)


def test_what_is_no_raster_of_heights(tmp_path: Path) -> None:
    def refuse(path: Path, words: str, error: type[Exception] = InputError, **more: object) -> None:
        with pytest.raises(error, match=words):
            read_terrain(path, BOUNDS, UTM, **more)

    refuse(tmp_path / "none.tif", "there is no raster", MissingFileError)
    text = tmp_path / "text.tif"
    text.write_text("no raster", encoding="utf-8")
    refuse(text, "cannot be read as a raster")
    refuse(write_raster(tmp_path / "a.tif", Z, *AT, 1.0, crs=None), "has no CRS")
    with rasterio.open(
        tmp_path / "b.tif", "w", driver="GTiff", count=3, height=4, width=4, dtype="uint8", crs=UTM,
        transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
    ) as file:  # fmt: skip
        file.write(np.zeros((3, 4, 4), np.uint8))
    refuse(tmp_path / "b.tif", "3 bands")
    z = Z.copy()
    z[30, 40] = -9999.0
    refuse(write_raster(tmp_path / "c.tif", z, *AT, 1.0), r"no ground has.*nodata=-9999")
    good = write_raster(tmp_path / "d.tif", Z, *AT, 1.0)
    refuse(good, "which is not known", units="fathoms")
    refuse(write_raster(tmp_path / "e.tif", Z, *AT, 1.0, unit="cubit"), "'cubit', which is not known")
    refuse(good, "step_m is 0.1", step_m=0.1)
    refuse(good, "margin_m is -1", margin_m=-1)
    refuse(good, "missing_allowed is 2", missing_allowed=2)
    broken = tmp_path / "f.tif"
    broken.write_bytes(good.read_bytes()[: good.stat().st_size // 3])
    refuse(broken, "(cannot be read|breaks off)")
    for bounds, crs, words in [
        (BOUNDS, None, "without a CRS"),
        (BOUNDS, "EPSG:4326", "projected metres"),
        (BOUNDS, "EPSG:2248", "projected metres"),
        ((1.0, 2.0, 1.0, 3.0), UTM, "west, south, east, north"),
    ]:
        with pytest.raises(InputError, match=words):
            read_terrain(good, bounds, crs)
    with pytest.raises(InputError, match=r"million heights.*step_m="):
        read_terrain(good, (0.0, 0.0, 50_000.0, 50_000.0), UTM)


def test_a_raster_without_a_place(tmp_path: Path) -> None:
    path = tmp_path / "bare.tif"
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(
        path, "w", driver="GTiff", count=1, height=4, width=4, dtype="float32", crs=UTM
    ) as file:  # fmt: skip
        file.write(np.zeros((1, 4, 4), np.float32))
    with pytest.raises(InputError, match="geotransform"):
        read_terrain(path, BOUNDS, UTM)


def test_a_surface_stands_on_its_ground(tmp_path: Path) -> None:
    dem = write_raster(tmp_path / "dem.tif", Z, *AT, 1.0)
    roofs = Z + np.where(random_surface(5, 90, 110, 1.0) > 0.6, 8.0, 0.0)
    dsm = write_raster(tmp_path / "dsm.tif", roofs, *AT, 1.0)
    terrain = read_terrain(dem, BOUNDS, UTM, margin_m=0.0, surface=dsm)
    difference = terrain.surface.z - terrain.ground.z
    assert set(np.round(np.unique(difference)).tolist()) == {0.0, 8.0}
    assert set(terrain.notes) == {"ground", "surface"}
    for change, words in ((Z - 40.0, "below 40.0 m under"), (Z / 0.3048 + 300.0, "above .* over")):
        wrong = write_raster(tmp_path / "wrong.tif", change, *AT, 1.0)
        with pytest.raises(InputError, match=words):
            read_terrain(dem, BOUNDS, UTM, margin_m=0.0, surface=wrong)
    feet = write_raster(tmp_path / "feet.tif", roofs / 0.3048, *AT, 1.0)
    read_terrain(dem, BOUNDS, UTM, margin_m=0.0, surface=feet, surface_units="ft")


# --- a real city ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def monaco(shared_data: Path) -> tuple[dv.City, Terrain, Path]:
    city = dv.City.from_extract(shared_data / "monaco" / "monaco_20250206.osm.pbf")
    file = shared_data / "monaco" / "N43E007.hgt"
    return city, read_terrain(file, city), file


def test_monaco_lies_where_its_tile_says(monaco: tuple[dv.City, Terrain, Path]) -> None:
    """The tile's bytes read by hand: 1201 x 1201 big-endian heights, the first at 44 N 7 E, one each 1/1200 degree.

    Warped once, a height lies among those of the 4 x 4 samples around it. A shift by half a cell would err by more than
    twice as much as warping does.
    """
    city, terrain, file = monaco
    assert terrain.crs == city.crs
    assert terrain.notes["ground"]["missing_share"] == 0.0
    assert terrain.ground.step == pytest.approx(1 / 1200 * 111_320 * math.cos(math.radians(43.73)), rel=0.01)
    raw = np.fromfile(file, ">i2").reshape(1201, 1201).astype(float)
    west, south, east_, north = city.extent.bounds
    points = np.random.default_rng(4).uniform((west, south), (east_, north), (400, 2))
    found = ground_at(terrain, points)
    lon, lat = Transformer.from_crs(city.crs, "EPSG:4326", always_xy=True).transform(*points.T)
    column, row = (lon - 7.0) * 1200, (44.0 - lat) * 1200
    i, j = np.floor(column).astype(int), np.floor(row).astype(int)
    near = np.stack([raw[j + b, i + a] for a in range(-1, 3) for b in range(-1, 3)])
    assert ((found >= near.min(axis=0) - 0.01) & (found <= near.max(axis=0) + 0.01)).all()
    exact = bilinear(raw, 0.0, 0.0, 1.0, np.column_stack([column, row]))
    error = np.median(np.abs(found - exact))
    for shift in ((0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.0, -0.5)):
        astray = bilinear(raw, 0.0, 0.0, 1.0, np.column_stack([column, row]) + np.array(shift))
        assert np.median(np.abs(found - astray)) > 2.0 * error


def test_a_tile_that_ends_before_the_city(monaco: tuple[dv.City, Terrain, Path]) -> None:
    """A boundary across 8 degrees east, where the tile ends: the other half is missing, and said to be."""
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32632", always_xy=True).transform(8.0, 43.9)
    with pytest.raises(InputError, match=r"(49|50|51)\.?\d* % of its area, in the east"):
        read_terrain(monaco[2], (x - 4000.0, y - 4000.0, x + 4000.0, y + 4000.0), "EPSG:32632")
