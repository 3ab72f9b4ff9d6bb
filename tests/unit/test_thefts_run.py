"""Reported thefts through the pipeline: what the study may say, what is published, and plain loops over the same."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely

from doorview.cli import main
from doorview.errors import InputError, StudyError
from doorview.overlays.bandwidth import Bandwidth
from doorview.overlays.over_coverage import porches
from doorview.overlays.zone_rates import Window, publish_zone_rates, zone_rates
from doorview.sight.points import sees
from doorview.study import thefts_run
from doorview.study.incidents_section import recognised
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_arguments, study_from_dict
from doorview.study.sections import Study
from doorview.study.thefts_files import months_alone
from doorview.study.thefts_run import TheftsRun
from doorview.study.thefts_surfaces import published_density
from helpers.osmfile import OsmFile
from helpers.tiny import HOUSES, halves, tiny_town

LEVELS = ["observe", "detect"]
ASKED: dict[str, object] = {
    "file": "thefts.csv",
    "known_to": "point",
    "cell_m": 20.0,
    "bandwidth_m": 100.0,
    "hold_out_from": "2024-07-01",
    "replicates": 50,
}
QUICK = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}
LAST = dt.date(2024, 12, 31)
PUBLISHED = {
    *(
        "hotspots.csv",
        "hotspot_tests.csv",
        "incidents_in_view.csv",
        "thefts_by_zone.csv",
        "prediction.csv",
        "thefts_density.tif",
    ),
    "own.gpkg",
}
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def planted() -> list[tuple[float, float, dt.date]]:
    """Return 120 thefts at doors: every other one at one door in the west, three of the last year in the east."""
    found = []
    for number in range(120):
        house, y = (2, 11.0) if number % 2 == 0 else (number // 2 % 5, -11.0)
        if number in (5, 25, 45):
            house = 8
        day = LAST - dt.timedelta(days=(number * 17) % 1090)
        found.append((-165.0 + 30.0 * house + 6.0, y, day))
    return found


def write_thefts(path: Path, rows: Sequence[tuple[float, float, dt.date]]) -> Path:
    town = OsmFile()
    lines = ["lon,lat,date,category"]
    for x, y, day in rows:
        lon, lat = town.lonlat(x, y)
        lines.append(f"{lon:.7f},{lat:.7f},{day.isoformat()},package")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("thefts")
    tiny_town(place / "town.osm.pbf")
    halves(place / "halves.geojson", 11.0, 11.0)
    write_thefts(place / "thefts.csv", planted())
    return place


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Tiny", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.geojson", "id": "id"}],
        "camera": {"levels": LEVELS},
        "drivers": {"ranges": 0},
        "scenarios": {"independent_20": {"rate": 0.2}, "gift": {"rate": 0.2, "programme": {"number": 4}}},
        **sections,
    }
    return study_from_dict(raw | ({} if asked is None else {"incidents": asked}), folder=folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Result:
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    return run_study(study_of(folder, ASKED), folder / "out" / "told")


def thefts_of(result: Result) -> TheftsRun:
    assert result.tables.thefts is not None
    return result.tables.thefts


def folder_of(result: Result) -> Path:
    assert result.folder is not None
    return result.folder


def files_of(result: Result) -> set[str]:
    return {path.relative_to(folder_of(result)).as_posix() for path in folder_of(result).rglob("*") if path.is_file()}


# --- the folder ------------------------------------------------------------------------------------------------------


def test_thefts_add_their_files_and_change_nothing_else(plain: Result, told: Result):
    added = files_of(told) - files_of(plain)
    assert {name for name in added if not name.startswith("working/")} == {
        *PUBLISHED,
        *("thefts_change.csv", "maps/prediction.png", "maps/thefts_density.png", "thefts_density.qml"),
        *("maps/hotspots_window.png", "maps/thefts_streets.png"),
    }
    assert {"working/incidents.json", "working/incidents_in_view.csv", "working/thefts_by_zone.csv"} <= added
    for name in sorted(files_of(plain)):
        if name.endswith((".csv", ".parquet", ".tif", ".png", "city.gpkg")):
            assert (folder_of(told) / name).read_bytes() == (folder_of(plain) / name).read_bytes(), name
    assert told.headline() == plain.headline()
    assert plain.thefts is None
    assert "incidents" not in json.loads((folder_of(plain) / "run.json").read_text(encoding="utf-8"))


def test_the_same_study_gives_the_same_bytes_on_any_number_of_cores_and_in_any_order(
    folder: Path, told: Result, tmp_path: Path
):
    write_thefts(folder / "turned.csv", planted()[::-1])
    study = study_of(folder, ASKED | {"file": "turned.csv"}, output={"maps": False}).with_threads(1)
    again = run_study(study, tmp_path / "again")
    for name in sorted(PUBLISHED):
        assert (folder_of(again) / name).read_bytes() == (folder_of(told) / name).read_bytes(), name


def test_nothing_published_is_a_count_from_1_to_4_a_day_or_a_place(told: Result):
    top = folder_of(told)
    for name in ("hotspots", "hotspot_tests", "incidents_in_view", "thefts_by_zone", "prediction", "thefts_change"):
        text = (top / f"{name}.csv").read_text(encoding="utf-8")
        assert not DAY.search(text), name
        table = pd.read_csv(top / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in ("incidents", "incidents_by_block"):
            if column in table:
                assert not set(table[column]) & {"1", "2", "3", "4"}, (name, column)
    facts = json.loads((top / "run.json").read_text(encoding="utf-8"))
    said = json.dumps([facts["incidents"], facts["notes"], facts["settings"]["incidents"]])
    assert not DAY.search(said)
    assert facts["settings"]["incidents"]["hold_out_from"] == "2024-07"
    layer = gpd.read_file(top / "own.gpkg", layer="hotspots")
    assert set(layer.geom_type) <= {"Polygon", "MultiPolygon"}
    corners = shapely.get_coordinates(layer.geometry.to_numpy())
    np.testing.assert_allclose(corners / 20.0, np.round(corners / 20.0), atol=1e-6)
    with rasterio.open(top / "thefts_density.tif") as file:
        assert not DAY.search(json.dumps(file.tags()))
        assert file.tags()["window"] == "12 months to 2024-12"


def test_a_zone_with_few_is_told_in_words_and_no_total_gives_it_away(told: Result):
    year = [(x, day) for x, _, day in planted() if day > dt.date(2023, 12, 31)]
    east = sum(x > 0 for x, _ in year)
    assert 0 < east < 5
    table = pd.read_csv(folder_of(told) / "thefts_by_zone.csv", dtype=str, keep_default_na=False)
    rows = table[table["window"] == "12 months to 2024-12"].set_index("zone")["incidents"]
    assert rows["E"] == "fewer than 5"
    # The number on the map is that of both halves, so neither they nor all of them may tell the rest.
    assert json.loads((folder_of(told) / "run.json").read_text("utf-8"))["incidents"][
        "reported_in_the_longer_window"
    ] == str(len(year))
    assert rows["W"] == "withheld"
    exact = pd.read_csv(folder_of(told) / "working" / "thefts_by_zone.csv")
    exact = exact[exact["window"] == "12 months"].set_index("zone")["incidents"]
    assert (exact["E"], exact["W"], exact["all"]) == (east, len(year) - east, len(year))


def test_a_total_elsewhere_takes_part_in_what_is_withheld():
    crs = "EPSG:32618"
    zones = gpd.GeoDataFrame(
        {"zoning": "z", "zone": ["A", "B"], "counted_dwellings": [50.0, 50.0]},
        geometry=[shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)],
        crs=crs,
    )
    window = Window("12 months", np.datetime64("2024-01-01"), np.datetime64("2024-12-31"))

    def published(a: int, b: int, **more: object) -> list[str]:
        points = [shapely.Point(5, 5)] * a + [shapely.Point(25, 5)] * b
        day = pd.to_datetime(["2024-06-01"] * len(points)).astype("datetime64[ns]")
        incidents = gpd.GeoDataFrame({"date": day}, geometry=points, crs=crs)
        found = publish_zone_rates(zone_rates(incidents, zones, [window]), replicates=1, **more)  # type: ignore[arg-type]
        return found["incidents"].tolist()

    assert published(3, 9, total=12, beyond=False) == ["fewer than 5", "withheld", "12"]
    assert published(3, 9, total=14, beyond=True) == ["fewer than 5", "withheld", "12"]
    with pytest.raises(InputError, match="under 5"):
        published(3, 0, total=3, beyond=False)


# --- the figures -----------------------------------------------------------------------------------------------------


def test_incidents_in_view_are_those_of_a_plain_loop(told: Result):
    ready, found = told.ready, thefts_of(told)
    doors = ready.doors
    xy = shapely.get_coordinates(doors.geometry.to_numpy())
    year = [row for row in planted() if row[2] > dt.date(2023, 12, 31)]
    assert found.number == len(year)
    places = shapely.get_coordinates(found.plan.recent.geometry.to_numpy())
    victims = [doors.index[int(np.argmin(np.hypot(*(xy - place).T)))] for place in places]
    rows = found.in_view.set_index(["level", "scenario", "hot_spot", "of"])
    told_apart = set()
    for level in ready.levels:
        for whose in ("any door", "another door"):
            means = []
            for out_m in (1.0, 0.0, 2.0):
                pairs = sees(doors, porches(doors, out_m), ready.obstacles, ready.camera, level)
                seeing = {door: set(part["door"]) for door, part in pairs.groupby("point")}
                own = set() if whose == "any door" else {True}
                counts = [len(seeing.get(door, set()) - ({door} if own else set())) for door in victims]
                means.append(float(np.mean([1.0 - 0.8**number for number in counts])))
            row = rows.loc[(level.name, "independent_20", "all", whose)]
            assert row["in_view"] == pytest.approx(means[0], abs=1e-9)
            assert row["in_view_least"] == pytest.approx(min(means), abs=1e-9)
            assert row["in_view_most"] == pytest.approx(max(means), abs=1e-9)
            assert row["incidents"] == len(year)
            told_apart |= {round(mean, 9) for mean in means}
    assert len(told_apart) > 2


def test_a_giveaway_never_takes_from_view_and_carries_the_note(told: Result):
    table = pd.read_csv(folder_of(told) / "thefts_change.csv")
    assert set(table["scenario"]) == {"gift"}
    assert (table["change"] >= -1e-12).all()
    assert (table["change"] > 0).any()
    assert table["note"].str.startswith("Cameras raise reports").all()


def test_the_surface_is_shown_where_five_or_more_lie_around(told: Result):
    found = thefts_of(told)
    values = published_density(found)
    assert values is not None
    grid = found.plan.grid
    points = shapely.get_coordinates(found.plan.recent.geometry.to_numpy())
    column, row = (np.floor(points / 20.0) * 20.0 + 10.0).T
    x, y = grid.centres()
    shown = 0
    for i in range(grid.rows):
        for j in range(grid.columns):
            near = int((np.hypot(column - x[j], row - y[i]) <= 200.0 + 1e-9).sum())
            assert np.isfinite(values[i, j]) == (bool(grid.inside[i, j]) and near >= 5)
            shown += near >= 5
    assert shown
    # All that was smoothed is there, over 366 days, where nothing is hidden.
    assert found.surface is not None
    whole = float(found.surface.density.sum()) * grid.cell_km2
    assert whole == pytest.approx(found.number, rel=1e-6)
    months = 366 / (365.2425 / 12)
    held = np.isfinite(values)
    assert float(values[held].sum()) * months == pytest.approx(float(found.surface.density[held].sum()), rel=1e-12)


def test_four_far_from_the_rest_are_no_bump_and_no_outline(folder: Path, tmp_path: Path):
    west, east = (-159.0, 11.0), (141.0, 11.0)
    rows = [(*place, LAST - dt.timedelta(days=n)) for place, many in ((west, 4), (east, 10)) for n in range(many)]
    write_thefts(folder / "ends.csv", rows)
    asked = {"file": "ends.csv", "known_to": "point", "cell_m": 10.0, "bandwidth_m": 100.0}
    found = thefts_of(run_study(study_of(folder, asked, zones=[], **QUICK), tmp_path / "ends"))
    values = published_density(found)
    assert values is not None
    points = shapely.get_coordinates(found.plan.incidents.geometry.to_numpy())
    row, column = found.plan.grid.cell_of(points)
    four, ten = column == column.min(), column == column.max()
    assert (int(four.sum()), int(ten.sum())) == (4, 10)
    assert np.isnan(values[row[four], column[four]]).all()
    assert np.isfinite(values[row[ten], column[ten]]).all()
    assert found.hot.hot[row[four], column[four]].all()
    assert found.ground.too_few > 0
    outlines = shapely.union_all(found.ground.outlines.geometry.to_numpy())
    assert not shapely.intersects(outlines, shapely.multipoints(points[four]))
    # Ten at one home: hot, and no outline either, which would point at it.
    assert found.hot.hot[row[ten], column[ten]].all()
    assert not shapely.intersects(outlines, shapely.multipoints(points[ten]))


def test_the_planted_door_is_hot_and_the_forecast_uses_earlier_reports_alone(told: Result):
    found = thefts_of(told)
    outlines = found.ground.outlines
    place = found.plan.recent.geometry.value_counts().index[0]
    row, column = found.plan.grid.cell_of(shapely.get_coordinates(place))
    assert found.hot.hot[row, column].all()
    # One home is in that cell of 20 m: the outline stays unpublished.
    hot = outlines[outlines["class"] == "hot spot"]
    assert not shapely.intersects(shapely.union_all(hot.geometry.to_numpy()), place)
    assert found.prediction is not None
    held = sum(dt.date(2024, 7, 1) <= day <= LAST for *_, day in planted())
    # In larger cells fewer centres lie in the counted area, and so fewer incidents in cells that count.
    assert found.prediction.table["incidents"].max() == held
    assert set(found.prediction.table["method"]) == {
        *("counts", "uniform", "population", "kde", "network_kde", "gi_star", "local_moran"),
    }


def test_a_forecast_is_smoothed_by_earlier_reports_alone(told: Result, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    def spied(section: object, xy: np.ndarray, seed: int, notes: list[str]) -> Bandwidth:
        asked.append(len(xy))
        return Bandwidth(100.0, "spied")

    monkeypatch.setattr(thefts_run, "_bandwidth", spied)
    thefts_run.thefts_run(told.ready, thefts_of(told).plan, told.tables.scenarios)
    days = [day for *_, day in planted()]
    year = sum(dt.date(2024, 1, 1) <= day <= LAST for day in days)
    before = sum(dt.date(2023, 7, 1) <= day < dt.date(2024, 7, 1) for day in days)
    assert asked == [year, before]


def test_notes_say_reported_and_association(told: Result):
    said = " ".join(told.notes())
    assert "Reported thefts in the counted area (12 months to 2024-12)" in said
    assert "Association is reported as association" in said


# --- few, and wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 4])
def test_of_fewer_than_five_nothing_is_published(folder: Path, tmp_path: Path, number: int):
    write_thefts(folder / "few.csv", planted()[:number])
    asked = {"file": "few.csv", "known_to": "point", "cell_m": 20.0}
    result = run_study(study_of(folder, asked, **QUICK), tmp_path / "few")
    assert not PUBLISHED & files_of(result)
    facts = json.loads((folder_of(result) / "run.json").read_text(encoding="utf-8"))["incidents"]
    assert facts["reported_in_the_longer_window"] == "fewer than 5"
    assert (folder_of(result) / "working" / "incidents_in_view.csv").is_file()


def test_where_no_withholding_helps_no_rates_by_zone_are_published(folder: Path, tmp_path: Path):
    # 3 and 2 in two zones: all 5 told, or withheld as 5 or more, leave no 0 for either.
    rows = [(x, 11.0, LAST) for x in (-159.0, -129.0, -99.0, 81.0, 111.0)]
    write_thefts(folder / "five.csv", rows)
    asked = {"file": "five.csv", "known_to": "point", "cell_m": 20.0}
    result = run_study(study_of(folder, asked, **QUICK), tmp_path / "five")
    assert "thefts_by_zone.csv" not in files_of(result)
    assert "working/thefts_by_zone.csv" in files_of(result)
    assert any("no rates by zone" in note for note in thefts_of(result).notes)


def test_a_hot_spot_round_one_to_four_homes_is_not_published(folder: Path, tmp_path: Path):
    # Thirty reports at one door: hot beyond any chance, and an outline of 10 m would point at that home.
    x, y, _ = planted()[0]
    write_thefts(folder / "home.csv", [(x, y, LAST - dt.timedelta(days=n)) for n in range(30)])
    for cell_m, shown in ((10.0, 0), (200.0, None)):
        asked = {"file": "home.csv", "known_to": "point", "cell_m": cell_m, "bandwidth_m": 100.0}
        result = run_study(study_of(folder, asked, **QUICK), tmp_path / f"home {cell_m:g}")
        outlines, doors = thefts_of(result).ground.outlines, result.doors
        homes = [int(doors["dwellings"][doors.intersects(shape)].sum()) for shape in outlines.geometry]
        assert not [number for number in homes if 0 < number < 5]
        if shown == 0:
            assert thefts_of(result).hot.hot.any(), "a hot spot is found, and kept back"
            assert thefts_of(result).ground.too_few


def test_all_at_one_place_have_no_surface_by_a_rule(folder: Path, tmp_path: Path):
    x, y, _ = planted()[0]
    write_thefts(folder / "one.csv", [(x, y, LAST - dt.timedelta(days=n)) for n in range(30)])
    asked = {"file": "one.csv", "known_to": "point", "cell_m": 20.0}
    result = run_study(study_of(folder, asked), tmp_path / "one")
    assert "thefts_density.tif" not in files_of(result)
    assert "no surface" in (folder_of(result) / "working" / "incidents.json").read_text(encoding="utf-8")


def test_what_only_the_file_shows_to_be_wrong_stops_the_run(folder: Path, tmp_path: Path):
    with pytest.raises(InputError, match="until"):
        run_study(study_of(folder, ASKED | {"until": "2010-01-01", "hold_out_from": None}, **QUICK), tmp_path / "a")
    with pytest.raises(InputError, match="hold_out_from"):
        run_study(study_of(folder, ASKED | {"hold_out_from": "1999-01-01"}, **QUICK), tmp_path / "b")
    text = (folder / "thefts.csv").read_text(encoding="utf-8").replace("lon,lat", "lat,lon", 1)
    (folder / "swapped.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="swapped"):
        run_study(study_of(folder, ASKED | {"file": "swapped.csv"}, **QUICK), tmp_path / "c")
    assert not any((tmp_path / name).exists() for name in "abc")


def test_check_lists_the_faults_of_the_section(folder: Path, capsys: pytest.CaptureFixture[str]):
    study = folder / "wrong.toml"
    study.write_text(
        '[place]\nextract = "town.osm.pbf"\n[incidents]\nfile = "thefts.csv"\npreset = "chicgo"\nbandwidth_m = 40.0\n'
        'zoning = "beats"\nuntil = "31/12/2024"\n',
        encoding="utf-8",
    )
    assert main(["check", str(study)]) == 1
    said = capsys.readouterr().err
    for words in ("Did you mean 'chicago'?", "40.0 m points at single homes", "there are no zones", "is no day"):
        assert words in said
    with pytest.raises(StudyError, match="thefts_2024"):
        study_of(folder, {"file": "thefts_2024.csv"})


def test_blocks_are_told_as_such(folder: Path, tmp_path: Path):
    asked = {key: value for key, value in ASKED.items() if key != "hold_out_from"} | {"known_to": "block"}
    result = run_study(study_of(folder, asked, **QUICK), tmp_path / "blocks")
    table = pd.read_csv(folder_of(result) / "incidents_in_view.csv", dtype=str)
    assert set(table["place"]) == {"place known to the block"}
    assert set(table["incidents_by_block"]) == set(table["incidents"])
    facts = json.loads((folder_of(result) / "run.json").read_text(encoding="utf-8"))["incidents"]
    assert sum(int(number) for number in facts["place"].values()) == len(planted())
    assert set(facts["left_out"]) == {"not in the longer window"}


def test_settings_keep_months_alone():
    assert months_alone({"incidents": None}) == {"incidents": None}
    section = {"until": "2024-12-31", "hold_out_from": None, "file": "a.csv"}
    assert months_alone({"incidents": section})["incidents"] == {**section, "until": "2024-12"}


# --- without a study file --------------------------------------------------------------------------------------------


def test_estimate_knows_a_file_by_its_columns_or_refuses_it(folder: Path, tmp_path: Path):
    found = study_from_arguments(folder / "town.osm.pbf", thefts=folder / "thefts.csv").incidents
    assert found is not None
    assert found.preset is None
    chicago = tmp_path / "chicago.csv"
    chicago.write_text("ID,Date,Block,Primary Type,Location Description,Latitude,Longitude\n", encoding="utf-8")
    assert recognised(chicago) == {"preset": "chicago"}
    odd = tmp_path / "odd.csv"
    odd.write_text("where,when\n1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="columns are those of no preset"):
        recognised(odd)


def test_estimate_takes_thefts_on_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["estimate", str(folder / "town.osm.pbf"), "--thefts", str(folder / "thefts.csv"), "--cell", "2"]
    assert main([*words, "--levels", "detect", "--rates", "0.2", "--out", str(tmp_path / "run")]) == 0
    assert "Reported thefts" in capsys.readouterr().out
    assert (tmp_path / "run" / "incidents_in_view.csv").is_file()
    assert HOUSES == 11


def test_own_layers_carry_the_hot_spots_beside_them(folder: Path, told: Result, tmp_path: Path):
    city, town = told.ready.city, OsmFile()
    # Sheds as far as the extract reaches.
    corners = [shapely.box(*town.lonlat(x, y), *town.lonlat(x + 5.0, y + 5.0)) for x, y in ((-200, -100), (195, 95))]
    sheds = gpd.GeoDataFrame({"building": ["shed", "shed"]}, geometry=corners, crs=4326)
    houses = city.buildings[["building", "geometry"]].to_crs(4326)
    pd.concat([houses, sheds], ignore_index=True).to_file(tmp_path / "buildings.geojson")
    place = {"extract": "town.osm.pbf", "layers": {"buildings": str(tmp_path / "buildings.geojson")}}
    thefts = ASKED | {"file": str(folder / "thefts.csv"), "hold_out_from": None, "zoning": None}
    result = run_study(study_of(folder, thefts, place=place, zones=[], **QUICK), tmp_path / "own")
    layers = gpd.list_layers(folder_of(result) / "own.gpkg")["name"].tolist()
    assert {"streets", "block_faces", "hotspots"} <= set(layers)
    assert "city.gpkg" not in files_of(result)
    assert "thefts_by_zone.csv" not in files_of(result)
    assert "prediction.csv" not in files_of(result)
