"""Ways on foot in a run: figures worked out by hand, what is published, plain loops, and what cannot be walked."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

import doorview as dv
from doorview.cli import main
from doorview.errors import StudyError
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.routes_homes import fit_quantile
from doorview.study.routes_run import FRONT_COLUMNS, ROUTES_COLUMNS
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.osmfile import OsmFile
from helpers.walk_town import LONG_M, WIDTH_M, walk_town

LEVELS = ["trigger", "observe", "detect"]
WAY = "Hill School to Mill Park"
FEW = "fewer than 5"
SCENARIOS = {"independent_20": {"rate": 0.2}, "two": {"process": "exactly", "number": 2}}
ASKED: dict[str, object] = {
    "way": [{"origin": "hill  school", "destination": "Mill Park"}],
    "clip_s": 20.0,
    "scenarios": list(SCENARIOS),
    "all_homes_to": ["school", "stop"],
}
ONE_LEVEL = {"camera": {"levels": ["detect"]}}
DOORS = 4
HOMES = 3 + 7


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Walk", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "drivers": {"ranges": 0},
        "camera": {"levels": LEVELS},
        "scenarios": SCENARIOS,
        "coverage": {"range_curve": False, "cell_m": 1.0},
        "output": {"maps": False, "rasters": False, "qgis": False},
    }
    return study_from_dict(raw | sections | ({} if asked is None else {"routes": asked}), folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("walks")
    walk_town(place / "town.osm.pbf")
    return place


@pytest.fixture(scope="module")
def plain(folder: Path) -> Result:
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def walked(folder: Path) -> Result:
    return run_study(study_of(folder, ASKED), folder / "out" / "walked")


def folder_of(result: Result) -> Path:
    assert result.folder is not None
    return result.folder


def files_of(result: Result) -> set[str]:
    top = folder_of(result)
    return {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}


def table_of(result: Result) -> pd.DataFrame:
    assert result.routes is not None
    return result.routes


def rows(result: Result, kind: str, scenario: str = "independent_20") -> pd.DataFrame:
    table = table_of(result)
    return table[(table["kind"] == kind) & (table["scenario"] == scenario)].set_index("level")


def lonlat(x: float, y: float) -> list[float]:
    lon, lat = OsmFile().lonlat(x, y)
    return [lat, lon]


# --- the folder ------------------------------------------------------------------------------------------------------


def test_ways_add_their_files_and_change_nothing_else(plain: Result, walked: Result):
    added = {"routes.csv", "route_fronts.csv", "routes_homes.csv"}
    assert files_of(walked) - files_of(plain) == added
    for name in sorted(files_of(plain)):
        if name.endswith((".csv", ".parquet")):
            assert (folder_of(walked) / name).read_bytes() == (folder_of(plain) / name).read_bytes(), name
    assert walked.headline() == plain.headline()
    assert plain.routes is None


def test_tables_have_their_columns_and_stand_in_the_order_of_their_keys(walked: Result):
    table = pd.read_csv(folder_of(walked) / "routes.csv", keep_default_na=False)
    assert tuple(table.columns) == ROUTES_COLUMNS
    keys = table[list(ROUTES_COLUMNS[:4])]
    assert keys.equals(keys.sort_values(list(keys.columns), ignore_index=True))
    assert len(table) == 2 * 2 * 3
    fronts = pd.read_csv(folder_of(walked) / "route_fronts.csv")
    assert tuple(fronts.columns) == FRONT_COLUMNS
    assert set(fronts["level"]) == {"detect"}


def test_the_same_study_gives_the_same_bytes_again(folder: Path, walked: Result, tmp_path: Path):
    again = run_study(study_of(folder, ASKED).with_threads(1), tmp_path / "again")
    for name in ("routes.csv", "route_fronts.csv", "routes_homes.csv", "city.gpkg"):
        assert (folder_of(again) / name).read_bytes() == (folder_of(walked) / name).read_bytes(), name


def test_run_json_and_notes_say_what_was_walked(walked: Result):
    facts = json.loads((folder_of(walked) / "run.json").read_text(encoding="utf-8"))
    assert facts["routes"]["ways_by_status"] == {"found": 1}
    assert facts["routes"]["shown"] == {"scenario": "independent_20", "level": "detect"}
    notes = " ".join(walked.notes())
    assert f"{WAY}, 240" in notes
    assert "at detect" in notes
    assert "at observe" in notes
    assert "fewer than 5 doors, 41% chance of arriving unseen" in notes
    assert "All homes to the nearest school" in notes
    assert "not safety advice" in notes
    assert "not safety advice" in facts["routes"]["caveat"]


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_way_past_four_doors_is_as_worked_out_by_hand(walked: Result):
    here = rows(walked, "shortest")
    # 20 m of path out of the school's grounds, 200 m of street, 20 m of path to the park's edge.
    assert np.allclose(here["length_m"], 240.0, rtol=0.004)
    assert (here["doors_in_view"] == DOORS).all()
    assert np.allclose(here["doorbells_mean"], 0.2 * DOORS)
    assert np.allclose(here["p_unseen"], 0.8**DOORS)
    assert (here["outside_m"] == 0).all()


def test_the_way_least_in_view_goes_round_by_the_north_street(walked: Result):
    least, shortest = rows(walked, "least_in_view"), rows(walked, "shortest")
    assert np.allclose(least["length_m"], 240.0 + 2 * WIDTH_M, rtol=0.004)
    assert least.loc["detect", "seen_length_mean_m"] < 0.6 * shortest.loc["detect", "seen_length_mean_m"]
    fronts = walked.tables.routes.fronts if walked.tables.routes else pd.DataFrame()
    one = fronts[fronts["scenario"] == "independent_20"]
    assert one["length_m"].is_monotonic_increasing
    assert one["seen_length_mean_m"].is_monotonic_decreasing
    assert one["seen_length_mean_m"].iloc[0] == pytest.approx(shortest.loc["detect", "seen_length_mean_m"])
    assert one["seen_length_mean_m"].iloc[-1] == pytest.approx(least.loc["detect", "seen_length_mean_m"])


def test_a_cap_keeps_the_way_least_in_view_near(folder: Path, walked: Result, tmp_path: Path):
    asked = ASKED | {"detour_cap": 1.2, "all_homes_to": [], "street_exposure": False}
    capped = run_study(study_of(folder, asked), tmp_path / "c")
    # The north street is 340 m round, and 1.2 times 240 m is less.
    assert np.allclose(rows(capped, "least_in_view")["length_m"], 240.0, rtol=0.004)
    # What is seen of fewer streets alone is what was seen of all.
    pd.testing.assert_frame_equal(rows(capped, "shortest"), rows(walked, "shortest"))


def test_two_cameras_at_four_doors_that_all_look_on_always_see_one(walked: Result):
    here = rows(walked, "shortest", "two")
    assert (here["p_unseen"] == 0).all()
    assert np.allclose(here["doorbells_mean"], 2.0)
    # One of a point's k doors of 4 owns with 1 - C(4 - k, 2) / C(4, 2); with chance 0.5 each it would be less.
    assert (here["share_in_view_mean"] > rows(walked, "shortest")["share_in_view_mean"]).all()


def test_expected_metres_are_those_of_plain_sight_lines(walked: Result):
    found, ready = walked.tables.routes, walked.ready
    assert found is not None
    from doorview.overlays.route_profile import route_steps

    points, metres = route_steps(found.walk, found.shortest, 0)
    spots = found.walk.points.iloc[points]
    for name in LEVELS:
        pairs = dv.sees(ready.doors, spots, ready.obstacles, level=name)
        k = pairs.groupby("point").size().reindex(spots.index, fill_value=0).to_numpy()
        expected = float((metres * (1 - 0.8**k)).sum())
        assert rows(walked, "shortest").loc[name, "seen_length_mean_m"] == pytest.approx(expected, rel=1e-9)


def test_own_layers_are_walked_by_spots_alone(tmp_path: Path):
    # Four houses of 10 m stand 6 m south of a street of 200 m; all within reach of its middle line.
    at = np.array([500_000.0, 4_400_000.0])
    houses = [shapely.box(x - 5, -16, x + 5, -6) for x in (40.0, 80.0, 120.0, 160.0)]
    # Sheds far out say how far the data reach.
    sheds = [shapely.box(x, y, x + 4, y + 4) for x in (-80.0, 280.0) for y in (-80.0, 80.0)]
    kinds = ["house"] * 4 + ["shed"] * 4
    buildings = gpd.GeoSeries([*houses, *sheds], crs=32618).translate(*at)
    street = shapely.LineString([(0, 0), (200, 0)])
    gpd.GeoDataFrame({"building": kinds}, geometry=buildings).to_file(tmp_path / "own.gpkg", layer="houses")
    lines = gpd.GeoDataFrame({"highway": ["residential"], "name": ["Own Street"]}, geometry=[street], crs=32618)
    lines.set_geometry(lines.translate(*at)).to_file(tmp_path / "own.gpkg", layer="streets")
    ends = gpd.GeoSeries.from_xy([at[0] + 10, at[0] + 190], [at[1], at[1]], crs=32618).to_crs(4326)
    layers = {"buildings": "own.gpkg:houses", "streets": "own.gpkg:streets"}
    spots = [[point.y, point.x] for point in ends]
    asked = {
        "way": [{"origin": spots[0], "destination": spots[1], "name": "own"}],
        "side": "centre",
        "scenarios": ["independent_20"],
    }
    place = {"layers": layers, "crs": "EPSG:32618"}
    found = run_study(study_of(tmp_path, asked, place=place, camera={"levels": ["observe"]}), tmp_path / "out")
    row = rows(found, "shortest").loc["observe"]
    assert row["length_m"] == pytest.approx(180.0, abs=1e-6)
    assert row["doors_in_view"] == 4
    assert row["p_unseen"] == pytest.approx(0.8**4)
    assert row["doorbells_mean"] == pytest.approx(0.8)
    # Each door, 0.1 m before its wall, has the street 5.9 m before it in a chord of its circle, clear of the others'.
    level = found.levels["observe"]
    half = np.sqrt(level.range_m**2 - 5.9**2)
    assert half < 20.0
    assert row["seen_length_mean_m"] == pytest.approx(4 * 2 * half * 0.2, abs=4 * 0.2 * 1.0)
    named = study_of(tmp_path, {"way": [{"origin": "Hill School", "destination": spots[0]}]}, place=place)
    with pytest.raises(StudyError, match=r"nothing in .* bears a name"):
        run_study(named, tmp_path / "no")


# --- what is published -----------------------------------------------------------------------------------------------


def test_a_real_place_tells_no_count_of_one_to_four_doors(walked: Result):
    written = pd.read_csv(folder_of(walked) / "routes.csv", dtype=str, keep_default_na=False)
    few = written["doors_in_view"] == FEW
    assert set(written["doors_in_view"][~few]) == {"0"}
    assert few[written["kind"] == "shortest"].all()
    assert set(written["doorbells_mean"][few]) == {""}
    assert set(written["doorbells_mean"][~few]) == {"0.0"}


def test_a_made_up_town_tells_all(folder: Path, tmp_path: Path):
    study = study_of(folder, ASKED | {"all_homes_to": []}, study={"name": "Walk", "seed": 3, "fictional": True})
    told = run_study(study, tmp_path / "told")
    written = pd.read_csv(folder_of(told) / "routes.csv", dtype=str)
    assert set(written["doors_in_view"][written["kind"] == "shortest"]) == {"4"}
    assert written["doorbells_mean"].notna().all()


def test_a_way_from_a_single_home_is_kept_back_in_a_real_place(folder: Path, tmp_path: Path):
    home, flats, lawn = lonlat(60.0, -12.0), lonlat(30.0, -12.0), lonlat(133.0, -25.0)
    ways = [
        {"origin": home, "destination": "Mill Park", "name": "home"},
        {"origin": flats, "destination": "Mill Park", "name": "flats"},
        # Seven metres behind houses: of one home, and of seven.
        {"origin": "Mill Park", "destination": lawn, "name": "lawn"},
        {"origin": lonlat(30.0, -25.0), "destination": "Mill Park", "name": "drying ground"},
        # On the street before a house, and at a corner.
        {"origin": lonlat(160.0, 1.0), "destination": "Mill Park", "name": "street"},
        {"origin": "Hill School", "destination": lonlat(100.0, 0.0), "name": "corner"},
    ]
    asked = {"way": ways, "street_exposure": False, "scenarios": ["independent_20"]}
    kept = run_study(study_of(folder, asked, **ONE_LEVEL), tmp_path / "kept")
    top = folder_of(kept)
    published = {"flats", "drying ground", "street", "corner"}
    assert set(pd.read_csv(top / "routes.csv")["route"]) == published
    assert set(pd.read_csv(top / "route_fronts.csv")["route"]) == published
    assert set(pd.read_csv(top / "working" / "routes_private.csv")["route"]) == {"home", "lawn"}
    lines = gpd.read_file(top / "city.gpkg", layer="routes")
    assert not {"home", "lawn"} & set(lines["route"])
    text = (top / "run.json").read_text(encoding="utf-8")
    assert str(home[1])[:9] not in text
    assert str(lawn[1])[:9] not in text
    assert str(flats[1])[:9] in text
    assert '"kept_back": 2' in text
    assert "2 ways begin or end at a home" in " ".join(kept.notes())


def test_homes_are_told_together_and_never_by_one(walked: Result):
    found = walked.tables.routes
    assert found is not None
    assert found.homes_table is not None
    written = pd.read_csv(folder_of(walked) / "routes_homes.csv")
    assert set(written["destination"]) == {"school", "stop"}
    assert set(written["homes"]) == {HOMES}
    # By hand: the four doors' ways to the school's gate at x = -20, weighted by the homes behind them.
    each = np.repeat([50.0, 80.0, 150.0, 180.0], [7, 1, 1, 1])
    row = written[(written["destination"] == "school") & (written["measure"] == "length_m")].iloc[0]
    assert row["mean"] == pytest.approx(each.mean(), rel=0.02)
    # The median of ten homes is the mean of the five around it; nothing is told of the ends.
    assert row["p50"] == pytest.approx(np.sort(each)[2:7].mean(), rel=0.02)
    assert np.isnan(row["p05"])
    assert np.isnan(row["p95"])


def test_all_homes_alone_leave_no_table_of_single_ways(folder: Path, tmp_path: Path):
    asked = {"all_homes_to": ["park"], "street_exposure": False, "scenarios": ["independent_20"]}
    found = run_study(study_of(folder, asked, **ONE_LEVEL), tmp_path / "homes")
    assert {name for name in files_of(found) if "route" in name} == {"routes_homes.csv"}
    assert found.tables.routes is not None
    assert found.tables.routes.homes[0].unreached == 0


def test_a_quantile_is_the_mean_of_five_or_nothing():
    values = np.arange(101.0)
    assert fit_quantile(values, 0.05) == 5.0
    assert np.isnan(fit_quantile(values, 0.01))
    assert np.isnan(fit_quantile(np.arange(4.0), 0.5))


# --- layers and pictures ---------------------------------------------------------------------------------------------


def test_every_street_has_its_expected_metres_in_both_directions(walked: Result):
    streets = gpd.read_file(folder_of(walked) / "city.gpkg", layer="street_exposure")
    assert len(streets) == 9
    for level in LEVELS:
        share = streets[f"share_{level}"]
        assert share.between(0, 1).all()
        both = (streets[f"seen_m_along_{level}"] + streets[f"seen_m_against_{level}"]) / 2 / streets["length_m"]
        assert np.allclose(share, both)
    north = streets[streets["name"] == "North Street"]
    assert (north["share_detect"] == 0).all()
    south = streets[streets["name"] == "South Street"]
    assert (south["share_detect"] > 0).all()
    # Seven homes face the west half of the street, two the east half: those two are told with the west's.
    assert len(set(south["group"])) == 1
    assert len(set(south["share_detect"])) == 1


def test_pictures_show_the_way_and_say_that_it_is_no_advice(folder: Path, tmp_path: Path):
    asked = {"way": ASKED["way"], "scenarios": ["independent_20"]}
    output = {"maps": True, "rasters": False, "svg": True, "units": "us"}
    camera = {"levels": ["observe", "detect"]}
    drawn = run_study(study_of(folder, asked, output=output, camera=camera), tmp_path / "drawn")
    maps = folder_of(drawn) / "maps"
    names = {"routes_hill_school_to_mill_park", "route_profile_hill_school_to_mill_park", "street_exposure_detect"}
    for name in names:
        with Image.open(maps / f"{name}.png") as image:
            assert min(image.size) > 1000
        said = " ".join((maps / f"{name}.svg").read_text(encoding="utf-8").split())
        for words in ("not safety advice", "Simulated cameras", "detect", "OpenStreetMap", "not kept"):
            assert words in said, (name, words)
    assert "Way least in view" in (maps / "routes_hill_school_to_mill_park.svg").read_text(encoding="utf-8")


# --- known cameras ---------------------------------------------------------------------------------------------------


def test_known_cameras_on_the_way_are_told_apart(tmp_path: Path):
    town = OsmFile()
    walk_town(tmp_path / "town.osm.pbf", camera=(100.0, 3.0))
    asked = {"way": ASKED["way"], "scenarios": ["independent_20"], "street_exposure": False}
    own = tmp_path / "own.csv"
    lon, lat = town.lonlat(150.0, 3.0)
    own.write_text(f"lon,lat,direction,field_of_view\n{lon},{lat},,360\n", encoding="utf-8")
    known = {"osm": True, "range_m": 15.0, "unknown_all_around": True, "file": "own.csv"}
    seen = run_study(study_of(tmp_path, asked, known=known, **ONE_LEVEL), tmp_path / "seen")
    row = rows(seen, "shortest").loc["detect"]
    # One camera of OpenStreetMap, 15 m around; the user's own is in no published figure.
    assert row["known_cameras"] == 1
    # It hangs 3 m north of the street's middle; one walks east on the south side.
    found = seen.tables.routes
    assert found is not None
    beside = 3.0 + float(np.abs(found.graph.offset_m).max())
    assert row["known_seen_length_m"] == pytest.approx(2 * np.sqrt(15.0**2 - beside**2), abs=2.0)  # points every metre
    assert row["p_unseen"] == pytest.approx(0.8**DOORS)
    without = run_study(study_of(tmp_path, asked, **ONE_LEVEL), tmp_path / "without")
    assert rows(without, "shortest")["known_cameras"].isna().all()
    assert rows(without, "shortest").loc["detect", "seen_length_mean_m"] == row["seen_length_mean_m"]


# --- pairs, and what cannot be walked --------------------------------------------------------------------------------


def pairs_file(path: Path, lines: list[str], head: str = "") -> Path:
    head = head or "name,origin_lat,origin_lon,destination_lat,destination_lon"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def pair(name: str, one: list[float], two: list[float]) -> str:
    return f"{name},{one[0]:.7f},{one[1]:.7f},{two[0]:.7f},{two[1]:.7f}"


def test_a_table_of_pairs_names_its_bad_rows_and_keeps_the_rest(folder: Path, tmp_path: Path):
    corner, end = lonlat(0.0, 0.0), lonlat(LONG_M, WIDTH_M)
    lines = [
        pair("a", corner, end),
        pair("a", end, corner),
        ",39.37,north,39.37,-76.79",
        pair("far", corner, lonlat(100.0, 180.0)),
        pair("away", corner, [40.0, -76.79]),
        pair("still", corner, corner),
    ]
    asked = {"pairs": str(pairs_file(tmp_path / "p.csv", lines)), "street_exposure": False, "scenarios": ["two"]}
    found = run_study(study_of(folder, asked | {"within_m": 50.0}, **ONE_LEVEL), tmp_path / "out")
    table = table_of(found).set_index(["route", "kind"])
    assert table.loc[("a", "shortest"), "length_m"] == pytest.approx(LONG_M + WIDTH_M, rel=0.004)
    assert table.loc[("a (2)", "shortest"), "length_m"] == table.loc[("a", "shortest"), "length_m"]
    assert table.loc[("far", "shortest"), "status"] == "destination_far"
    assert table.loc[("still", "shortest"), "status"] == "same_place"
    figures = table.loc[("far", "least_in_view"), ["length_m", "seen_length_mean_m", "p_unseen", "doors_in_view"]]
    assert figures.isna().all()
    facts = json.loads((folder_of(found) / "run.json").read_text(encoding="utf-8"))["routes"]
    assert facts["pairs_left_out"] == {
        "rows": 2,
        "first": ["row 3: origin_lon is no number", "row 5: destination lies outside the data"],
    }
    assert facts["ways_by_status"] == {"found": 2, "same_place": 1, "destination_far": 1}
    notes = " ".join(found.notes())
    assert "1 destination far" in notes
    assert "2 rows, the first: row 3" in notes


@pytest.mark.parametrize(
    ("head", "line", "more", "said"),
    [
        ("", pair("a", lonlat(0, 0)[::-1], lonlat(50, 0)[::-1]), {}, "swapped"),
        ("a,b", "1,2", {}, "lacks the columns origin_lat, origin_lon"),
        ("origin_x,origin_y,destination_x,destination_y", "1,2,3,4", {}, "nothing says in which CRS"),
        ("", "", {"pairs_columns": {"origin_lat": "breite"}}, "has no column 'breite'"),
        ("", "", {}, "no row of 'p.csv' can be used"),
        ("origin_x,origin_y,destination_x,destination_y", "1,2,3,4", {"pairs_crs": "EPSG:2248"}, "outside the data"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(folder: Path, tmp_path: Path, head, line, more, said):
    asked = {"pairs": str(pairs_file(tmp_path / "p.csv", [line] if line else [], head)), **more}
    with pytest.raises(StudyError, match=said):
        run_study(study_of(folder, asked, **ONE_LEVEL), tmp_path / "out")


def test_all_ends_that_cannot_be_found_are_told_at_once(folder: Path, tmp_path: Path):
    far = lonlat(5000.0, 0.0)
    ways = [
        {"origin": "Hil School", "destination": far},
        {"origin": lonlat(0.0, 0.0)[::-1], "destination": "South Street"},
        {"origin": "Mill Park", "destination": "mill park "},
    ]
    asked = {"way": ways, "all_homes_to": ["park"]}
    with pytest.raises(StudyError) as raised:
        run_study(study_of(folder, asked, **ONE_LEVEL), tmp_path / "out")
    said = str(raised.value)
    assert "routes.way[1].origin: no place is called 'Hil School'" in said
    assert "km outside the data of" in said
    assert "latitude comes first. Swap them" in said
    assert "'South Street' is a street" in said
    assert "one and the same place" in said
    assert "5 faults" in said


def test_a_city_without_a_stop_is_told_so(tmp_path: Path):
    walk_town(tmp_path / "town.osm.pbf", stop=False)
    with pytest.raises(StudyError, match=r'hold no stop, so no home can walk to one\. Leave "stop" out'):
        run_study(study_of(tmp_path, {"all_homes_to": ["stop"]}, **ONE_LEVEL), tmp_path / "out")


def test_a_way_to_a_part_that_hangs_on_nothing_is_far_from_the_network(tmp_path: Path):
    walk_town(tmp_path / "town.osm.pbf", island=True)
    ways = [{"origin": "Hill School", "destination": lonlat(100.0, 170.0), "name": "island"}]
    asked = {"way": ways, "scenarios": ["independent_20"], "within_m": 60.0}
    found = run_study(study_of(tmp_path, asked, **ONE_LEVEL), tmp_path / "out")
    assert set(table_of(found)["status"]) == {"destination_far"}
    assert "island: no route (destination far)" in " ".join(found.notes())


def test_metres_outside_the_counted_area_are_told(folder: Path, tmp_path: Path):
    lon, lat = OsmFile().lonlat(0.0, 0.0)
    west = shapely.box(lon - 0.01, lat - 0.01, OsmFile().lonlat(100.0, 0.0)[0], lat + 0.01)
    gpd.GeoDataFrame(geometry=[west], crs=4326).to_file(tmp_path / "west.geojson")
    place = {"extract": str(folder / "town.osm.pbf"), "boundary": str(tmp_path / "west.geojson")}
    asked = {"way": ASKED["way"], "scenarios": ["independent_20"], "street_exposure": False}
    found = run_study(study_of(folder, asked, place=place, **ONE_LEVEL), tmp_path / "out")
    # From x = 100 on, 100 m of street and 20 m of path.
    assert rows(found, "shortest").loc["detect", "outside_m"] == pytest.approx(120.0, rel=0.02)
    assert "1 way leaves the counted area" in " ".join(found.notes())


def test_the_way_least_in_view_does_not_flee_to_where_doors_are_unknown(folder: Path, tmp_path: Path):
    _, south = OsmFile().lonlat(0.0, -100.0)
    west, north = OsmFile().lonlat(-140.0, 25.0)
    east, _ = OsmFile().lonlat(LONG_M + 140.0, 0.0)
    # The north street lies outside: by full data it would be the way least in view.
    half = shapely.box(west, south, east, north)
    gpd.GeoDataFrame(geometry=[half], crs=4326).to_file(tmp_path / "south.geojson")
    place = {"extract": str(folder / "town.osm.pbf"), "boundary": str(tmp_path / "south.geojson")}
    asked = {"way": ASKED["way"], "scenarios": ["independent_20"], "street_exposure": False}
    found = run_study(study_of(folder, asked, place=place, **ONE_LEVEL), tmp_path / "out")
    assert rows(found, "least_in_view").loc["detect", "outside_m"] == 0
    assert np.allclose(rows(found, "least_in_view")["length_m"], 240.0, rtol=0.004)


def test_estimate_takes_ways_by_name_and_spot(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    spot = ",".join(f"{number:.6f}" for number in lonlat(100.0, WIDTH_M))
    asked = ["--route", "Hill School", "Mill Park", "--route", "Mill Park", spot]
    out = tmp_path / "out"
    arguments = ["estimate", str(folder / "town.osm.pbf"), "--levels", "detect", "--rates", "0.2", "--out", str(out)]
    assert main([*arguments, *asked]) == 0
    table = pd.read_csv(out / "routes.csv")
    assert len(set(table["route"])) == 2
    assert set(table["status"]) == {"found"}
    assert "Hill School to Mill Park" in capsys.readouterr().out


def test_check_says_what_will_be_walked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = folder / "check.toml"
    path.write_text(
        '[place]\nextract = "town.osm.pbf"\n[routes]\nall_homes_to = ["park"]\n[[routes.way]]\n'
        'origin = "Hill School"\ndestination = "Mill Park"\n',
        encoding="utf-8",
    )
    assert main(["check", str(path)]) == 0
    assert "routes     1 by name, all homes to the nearest park, on the right" in capsys.readouterr().out
