"""Surfaces of reported thefts in a run: along streets, one window over another, over dwellings; what is withheld."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from scipy.interpolate import RegularGridInterpolator

from doorview.errors import InputError, StudyError
from doorview.overlays.kde import kernel_density
from doorview.overlays.network_kde import network_density, street_network
from doorview.overlays.publish import WITHHELD
from doorview.overlays.surface_grid import surface_grid
from doorview.overlays.surface_support import peak_per_km2
from doorview.show.style import HOT_SPOT_COLOURS
from doorview.study.incidents_section import IncidentsSection, surface_cell
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.thefts_run import TheftsRun
from doorview.study.thefts_surfaces import (
    STREETS_COLUMN,
    along_m,
    published_homes,
    published_streets,
    published_windows,
)
from helpers.osmfile import OsmFile
from helpers.tiny import halves, tiny_town

LAST = dt.date(2024, 12, 31)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
HOSTILE = "<script>alert(1)</script> & $x^2$ ]]> --"
Row = tuple[float, float, dt.date]
SPOTS = (-165.0, -135.0, -105.0, -75.0, -45.0, -15.0, 15.0, 45.0, 75.0, 105.0, 135.0)
ASKED: dict[str, object] = {
    "file": "thefts.csv",
    "known_to": "point",
    "cell_m": 20.0,
    "bandwidth_m": 100.0,
    "ratios": True,
    "replicates": 49,
}


def thefts(west: int, east: int, late_west: int, late_east: int) -> list[Row]:
    """Return thefts at doors in the west and in the east, early in the year and in its last 60 days."""
    rows: list[Row] = []
    for many, x0, far in ((west, -159.0, 120), (east, 51.0, 120), (late_west, -159.0, 5), (late_east, 51.0, 5)):
        rows += [
            (x0 + 30.0 * (n % 3), 11.0 if n % 2 else -11.0, LAST - dt.timedelta(days=far + n)) for n in range(many)
        ]
    return rows


def write(path: Path, rows: Sequence[Row]) -> Path:
    town = OsmFile()
    lines = ["lon,lat,date,category"]
    for x, y, day in rows:
        lon, lat = town.lonlat(x, y)
        lines.append(f"{lon:.7f},{lat:.7f},{day.isoformat()},package")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def hostile_halves(path: Path) -> None:
    halves(path, 11.0, 11.0)
    zones = gpd.read_file(path)
    zones["name"] = HOSTILE
    zones.to_file(path, driver="GeoJSON")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("surfaces")
    tiny_town(place / "town.osm.pbf")
    hostile_halves(place / "halves.geojson")
    write(place / "thefts.csv", thefts(24, 18, 9, 12))
    return place


def run(folder: Path, into: Path, asked: dict[str, object], **sections: object) -> Result:
    raw: dict[str, object] = {
        "study": {"name": "Tiny", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.geojson", "id": "id", "name": "name"}],
        "camera": {"levels": ["detect"]},
        "coverage": {"range_curve": False},
        "drivers": {"ranges": 0},
        "scenarios": {"independent_20": {"rate": 0.2}},
        "output": {"maps": False},
        "incidents": asked,
        **sections,
    }
    return run_study(study_from_dict(raw, folder=folder), into)


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    return run(folder, folder / "out" / "told", ASKED, output={"svg": True})


def of(result: Result) -> TheftsRun:
    assert result.tables.thefts is not None
    return result.tables.thefts


def top(result: Result) -> Path:
    assert result.folder is not None
    return result.folder


def files(result: Result) -> set[str]:
    return {path.relative_to(top(result)).as_posix() for path in top(result).rglob("*") if path.is_file()}


NEW = {"hotspot_tests.csv", "thefts_ratio.tif", "thefts_per_dwelling.tif", "own.gpkg"}


def test_each_is_in_the_folder_with_its_picture_as_png_and_svg(told: Result):
    got = files(told)
    assert got >= NEW
    pictures = {name.removesuffix(".png") for name in got if name.endswith(".png")}
    assert pictures >= {
        f"maps/{name}" for name in ("thefts_streets", "thefts_ratio", "thefts_per_dwelling", "hotspots_window")
    }
    assert {name.removesuffix(".svg") for name in got if name.endswith(".svg")} == pictures
    tests = pd.read_csv(top(told) / "hotspot_tests.csv")
    assert tests["method"].tolist() == ["gi_star", "local_moran"]
    assert tests["cells_hot"].tolist() == [int(of(told).hot.hot.sum()), int(of(told).moran.hot.sum())]


def test_pictures_say_number_window_and_bandwidth_and_text_is_text(told: Result):
    number = of(told).number
    for name in ("thefts_streets", "thefts_ratio", "thefts_per_dwelling", "hotspots_window"):
        path = top(told) / "maps" / f"{name}.svg"
        root = ET.parse(path).getroot()
        words = " ".join(item.text or "" for item in root.iter("{http://www.w3.org/2000/svg}text"))
        said = re.sub(r"\s+", " ", words)
        for part in (f"{number} reported thefts, 2023-12 to 2024-12", "OpenStreetMap", "Reported thefts: what was"):
            assert part in said, name
        assert ("100 m" in said) == (name != "hotspots_window")
        assert not re.search(r"(?<!data of )\d{4}-\d{2}-\d{2}", said)
        assert "alert(1)" in said, "the zones' names are on the maps"
        assert "<script" not in path.read_text(encoding="utf-8")
        assert path.stat().st_size < 2_000_000


def test_streets_hold_every_incident_and_show_what_five_bear_on(told: Result):
    found = of(told)
    streets = found.surfaces.streets
    assert streets is not None
    assert streets.lixels["incidents"].sum() == pytest.approx(found.number, rel=1e-9)
    assert streets.bandwidth_m == pytest.approx(100.0 * np.sqrt(7.0))
    layer = gpd.read_file(top(told) / "own.gpkg", layer="theft_streets")
    assert set(layer.columns) == {"piece", "osm_id", "length_m", STREETS_COLUMN, "geometry"}
    assert layer[STREETS_COLUMN].notna().all()
    # By all incidents again, from the city's streets: the density of a piece over the months of the window.
    again = network_density(
        shapely.get_coordinates(found.plan.recent.geometry.to_numpy()),
        street_network(told.ready.city.ways),
        bandwidth_m=streets.bandwidth_m,
    )
    months = found.plan.window.months
    best = again.lixels["per_km"].max() / months
    assert layer[STREETS_COLUMN].max() == pytest.approx(best, rel=0.05)  # two digits are told


def test_a_street_that_four_bear_on_is_not_shown(folder: Path, told: Result):
    found = of(told)
    streets = found.surfaces.streets
    assert streets is not None
    lixels = streets.lixels.copy()
    lixels["reached_by"] = 4
    lixels.iloc[0, lixels.columns.get_loc("reached_by")] = 5
    lixels["inside"] = True
    few = replace(found, surfaces=replace(found.surfaces, streets=replace(streets, lixels=lixels)))
    layer = published_streets(few)
    assert layer is not None
    assert layer[STREETS_COLUMN].notna().tolist() == [True] + [False] * (len(layer) - 1)
    none = replace(streets, lixels=lixels.assign(reached_by=4))
    assert published_streets(replace(found, surfaces=replace(found.surfaces, streets=none))) is None
    four = replace(found, surfaces=replace(found.surfaces, streets=replace(streets, incidents=4)))
    assert published_streets(four) is None
    narrow = replace(found, surfaces=replace(found.surfaces, streets=replace(streets, bandwidth_m=along_m(99.0))))
    with pytest.raises(InputError, match="points at homes"):
        published_streets(narrow)


def test_ratios_are_those_of_plain_sums_and_hidden_where_few(told: Result):
    found = of(told)
    windows, homes = published_windows(found), published_homes(found)
    assert windows is not None
    assert homes is not None
    points = shapely.get_coordinates(found.plan.recent.geometry.to_numpy())
    late = (found.plan.recent["date"] > "2024-11-01").to_numpy()
    assert (windows.found.numerator, windows.found.denominator) == (21, 42) == (int(late.sum()), int((~late).sum()))
    grid = windows.found.grid
    cells = (np.floor(points / grid.cell_m) + 0.5) * grid.cell_m
    x, y = grid.centres()
    seen = 0
    for i in range(grid.rows):
        for j in range(grid.columns):
            near = np.hypot(cells[:, 0] - x[j], cells[:, 1] - y[i]) <= 200.0 + 1e-9
            if np.isfinite(windows.told[i, j]):
                assert (near & late).sum() >= 5
                assert (near & ~late).sum() >= 5
                kernel = np.exp(-((points[:, 0] - x[j]) ** 2 + (points[:, 1] - y[i]) ** 2) / (2 * 100.0**2))
                plain = kernel[late].sum() / 21 / (kernel[~late].sum() / 42)
                assert windows.told[i, j] == pytest.approx(plain, rel=0.08)
                seen += 1
            if np.isfinite(homes.told[i, j]):
                assert near.sum() >= 5
    assert seen
    # In the east more of the latest, in the west less.
    east = np.broadcast_to(x > x.mean() + 50, grid.inside.shape) & np.isfinite(windows.told)
    west = np.broadcast_to(x < x.mean() - 50, grid.inside.shape) & np.isfinite(windows.told)
    assert np.nanmean(windows.told[east]) > 1 > np.nanmean(windows.told[west])
    for name in ("thefts_ratio", "thefts_per_dwelling"):
        with rasterio.open(top(told) / f"{name}.tif") as file:
            tags = file.tags()
            assert not DAY.search(json.dumps(tags))
            assert float(tags["bandwidth_m"]) >= 100
            assert tags["number"] == str(found.number)
            assert "fewer than 5" in tags["not_shown"]


def test_the_layer_of_hot_spots_has_a_style_of_its_own(told: Result):
    with closing(sqlite3.connect(top(told) / "own.gpkg")) as base, base:
        styles = dict(base.execute("SELECT f_table_name, styleQML FROM layer_styles").fetchall())
    base.close()
    assert set(styles) == {"hotspots", "theft_streets"}
    root = ET.fromstring(styles["hotspots"].split("\n", 1)[1])
    known = {item.get("value") for item in root.iter("category")}
    assert known == {*HOT_SPOT_COLOURS, "hot spot", "high among high"}
    layer = gpd.read_file(top(told) / "own.gpkg", layer="hotspots")
    assert set(layer["class"]) <= known
    root = ET.fromstring(styles["theft_streets"].split("\n", 1)[1])
    ends = [float(item.get("upper", "nan")) for item in root.iter("range")]
    assert max(ends) >= gpd.read_file(top(told) / "own.gpkg", layer="theft_streets")[STREETS_COLUMN].max()


def test_no_number_of_the_short_window_is_told_that_zones_withhold(folder: Path, tmp_path: Path):
    # 3 of the last 60 days in the west: told beside all of them, the east would give them away.
    write(folder / "few_late.csv", thefts(24, 18, 3, 12))
    found = of(run(folder, tmp_path / "few", ASKED | {"file": "few_late.csv"}))
    assert found.published is not None
    rows = found.published[found.published["window"].str.startswith("60 days")]
    alone = rows.set_index("zone")["incidents"].astype(str)
    assert alone["W"] == "fewer than 5"
    if WITHHELD in set(alone[["all"]]):
        assert published_windows(found) is None
    # Told in the zones' table itself, and not otherwise.
    assert (published_windows(found) is None) == (not alone["all"].isdigit())
    told_apart = replace(found, published=found.published.assign(incidents=WITHHELD))
    assert published_windows(told_apart) is None
    three_off = found.published.assign(incidents="18")
    assert published_windows(replace(found, published=three_off)) is None


def test_where_the_number_is_withheld_there_is_no_surface_at_all(told: Result):
    found = replace(of(told), number_words=WITHHELD)
    assert published_streets(found) is None
    assert published_windows(found) is None
    assert published_homes(found) is None


@pytest.mark.parametrize("number", [1, 4])
def test_of_few_there_is_nothing(folder: Path, tmp_path: Path, number: int):
    write(folder / f"few{number}.csv", thefts(number, 0, 0, 0))
    result = run(folder, tmp_path / "few", ASKED | {"file": f"few{number}.csv"}, output={"svg": True})
    assert not (files(result) & NEW)
    assert not any("theft" in name or "hotspot" in name for name in files(result) if name.startswith("maps/"))


def test_all_at_one_place_have_surfaces_with_a_bandwidth_given_and_none_by_rule(folder: Path, tmp_path: Path):
    rows: list[Row] = [(-99.0, 11.0, LAST - dt.timedelta(days=5 * n)) for n in range(30)]
    write(folder / "one.csv", rows)
    asked = ASKED | {"file": "one.csv"}
    found = of(run(folder, tmp_path / "given", asked))
    windows = published_windows(found)
    if windows is not None:  # the same place in both: as much of the one as of the other
        shown = windows.told[np.isfinite(windows.told)]
        assert shown == pytest.approx(1.0)
        assert windows.found.overall == 1.0
    assert found.surfaces.streets is not None
    assert found.surfaces.streets.lixels["incidents"].sum() == pytest.approx(30, rel=1e-9)
    result = run(folder, tmp_path / "rule", {key: value for key, value in asked.items() if key != "bandwidth_m"})
    assert of(result).surfaces.streets is None
    assert {name for name in files(result) if name.startswith("thefts_") and name.endswith(".tif")} == set()


def test_short_as_long_says_that_there_is_nothing_to_compare(folder: Path, tmp_path: Path):
    found = of(run(folder, tmp_path / "same", ASKED | {"days": 400}))
    assert found.surfaces.windows is None
    assert any("no ratio of windows" in note for note in found.notes)


# --- cells on the coverage grid ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("coverage_m", "cell_m"), [(0.5, 25.0), (1.0, 25.0), (0.3, 24.9), (4.0, 24.0), (0.7, 24.5)])
def test_cells_are_whole_multiples_of_the_coverage_cell(folder: Path, coverage_m: float, cell_m: float):
    section = IncidentsSection.model_validate({"file": "thefts.csv"}, context={"folder": folder})
    got = surface_cell(section, coverage_m)
    assert got == pytest.approx(cell_m, abs=1e-9)
    assert got / coverage_m == pytest.approx(round(got / coverage_m), abs=1e-9)


def test_the_surface_lies_on_the_lines_of_the_coverage_grid(told: Result):
    grid = of(told).surfaces.density.grid  # type: ignore[union-attr]
    fine = told.ready.scene.grid.cell_m
    for value in (grid.x0, grid.y0, grid.cell_m):
        assert value / fine == pytest.approx(round(value / fine), abs=1e-6)
    ratio = of(told).surfaces.homes
    assert ratio is not None
    assert ratio.grid.cell_m % grid.cell_m == 0


def test_finer_cells_add_next_to_nothing_at_100_m():
    # What docs/thefts-surfaces.md says of cells of 25 m: c² / 4 s² of the peak, read in straight lines between centres,
    # and c² / 12 s², because a cell is the mean over itself.
    area, at = shapely.box(0, 0, 1500, 1500), np.array([[743.0, 761.0]])
    coarse, fine = (
        kernel_density(at, surface_grid(area, cell), bandwidth_m=100.0, edge="none") for cell in (25.0, 2.5)
    )
    x, y = coarse.grid.centres()
    to_x, to_y = fine.grid.centres()
    inner = (to_x >= x[0]) & (to_x <= x[-1])
    read = RegularGridInterpolator((y, x), coarse.density)
    points = np.stack(np.meshgrid(to_y[inner], to_x[inner], indexing="ij"), axis=-1)
    off = np.abs(read(points) - fine.density[np.ix_(inner, inner)])
    assert off.max() < 25.0**2 / (3 * 100.0**2) * peak_per_km2("gaussian", 100.0)


def test_a_cell_beside_the_coverage_grid_is_a_fault(folder: Path):
    raw = {
        "place": {"extract": "town.osm.pbf"},
        "coverage": {"cell_m": 0.4},
        "incidents": {"file": "thefts.csv", "surface_cell_m": 25.0},
    }
    with pytest.raises(StudyError, match=r"no whole multiple of coverage.cell_m = 0.4; give 24.8 or 25.2"):
        study_from_dict(raw, folder=folder)
    raw["incidents"]["surface_cell_m"] = 25.2  # type: ignore[index]
    assert study_from_dict(raw, folder=folder).incidents is not None
