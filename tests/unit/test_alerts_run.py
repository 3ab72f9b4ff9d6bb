"""Alerts in a run: what the study may say, the table fit to publish, and plain loops over the same spots."""

from __future__ import annotations

import json
import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

import doorview as dv
from doorview.cli import main
from doorview.errors import StudyError
from doorview.overlays.alerts import METRES_PER_MILE, alerts
from doorview.ownership.union import mean_of_draws
from doorview.show.tables import ALERTS_COLUMNS, write_alerts
from doorview.study.alerts_run import MEASURES, street_spots
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.osmfile import ORIGIN
from helpers.terrain import write_raster
from helpers.tiny import tiny_town

LEVELS = ["observe", "detect"]
DOORS = 22
HOMES = 20 + 2 * 4
COUNTS = ("app_homes_reached", "doors_in_view", "owners_in_view", "app_owners_in_view")
SHORT: dict[str, object] = {"radius_m": 60.0, "app_share": 0.25, "app_share_of_owners": 0.75, "spots": 30}
QUICK: dict[str, object] = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}
SCENARIOS = {
    "independent_20": {"rate": 0.2},
    "six": {"process": "exactly", "number": 6},
    "alike": {"process": "neighbours", "rate": 0.3, "correlation": 0.5, "distance_m": 100.0},
}
PRIVATE = {"private": {"rate": 0.2, "rules": {"privacy_zone_m": 1.0}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("alerts")
    tiny_town(place / "town.osm.pbf", flats="4")
    return place


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Tiny", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "drivers": {"ranges": 0},
    }
    raw |= {"camera": {"levels": LEVELS}, **sections}
    return study_from_dict(raw | ({} if asked is None else {"alerts": asked}), folder=folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Result:
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    return run_study(study_of(folder, SHORT), folder / "out" / "told")


def spots_of(result: Result) -> pd.DataFrame:
    assert result.tables.alerts is not None
    return result.tables.alerts.spots


def table_of(result: Result) -> pd.DataFrame:
    assert result.alerts is not None
    return result.alerts


def files_of(result: Result) -> set[str]:
    assert result.folder is not None
    return {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}


# --- the folder ------------------------------------------------------------------------------------------------------


def test_alerts_add_their_files_and_change_nothing_else(plain: Result, told: Result):
    assert files_of(told) - files_of(plain) == {"alerts.csv", "working/alerts_spots.csv"}
    assert plain.folder is not None
    assert told.folder is not None
    for name in sorted(files_of(plain)):
        if name.endswith((".csv", ".parquet", ".tif", ".png")):
            assert (told.folder / name).read_bytes() == (plain.folder / name).read_bytes(), name
    assert told.headline() == plain.headline()
    assert plain.alerts is None
    assert "alerts" not in json.loads((plain.folder / "run.json").read_text(encoding="utf-8"))


def test_the_file_has_no_place_and_no_small_count(told: Result):
    assert told.folder is not None
    written = pd.read_csv(told.folder / "alerts.csv", dtype=str, keep_default_na=False)
    assert tuple(written.columns) == ALERTS_COLUMNS
    assert list(written["measure"][:7]) == sorted(MEASURES)
    held = table_of(told)
    hidden = 0
    for name in ("p05", "p95"):
        for text, value, measure in zip(written[name], held[name], held["measure"], strict=True):
            small = measure in COUNTS and 0 < value < 5
            hidden += small
            assert text == ("fewer than 5" if small else repr(float(value))), (measure, value)
    assert hidden > 0
    # Means over 30 spots are no counts.
    assert written["mean"].astype(float).tolist() == held["mean"].tolist()


def test_means_over_fewer_than_five_spots_are_counts_too(told: Result, tmp_path: Path):
    few = table_of(told).assign(spots=4)
    write_alerts(tmp_path / "few.csv", few)
    written = pd.read_csv(tmp_path / "few.csv", dtype=str).set_index(["level", "measure"])["mean"]
    assert written["detect", "doors_in_view"] == "fewer than 5"
    assert float(written["detect", "share_that_could_see"]) > 0


def test_the_same_study_gives_the_same_bytes_on_any_number_of_cores(folder: Path, told: Result, tmp_path: Path):
    again = run_study(study_of(folder, SHORT, output=QUICK["output"]).with_threads(1), tmp_path / "again")
    assert again.folder is not None
    assert told.folder is not None
    for name in ("alerts.csv", "working/alerts_spots.csv"):
        assert (again.folder / name).read_bytes() == (told.folder / name).read_bytes()


# --- spots -----------------------------------------------------------------------------------------------------------


def test_spots_lie_on_the_street_near_homes_and_inside(told: Result):
    spots, space = street_spots(told.ready, 30)
    assert len(spots) == 30
    assert spots.index.tolist() == list(range(1, 31))
    assert space == "streets near homes"
    street = shapely.union_all(told.ready.ground.faces.geometry.to_numpy())
    homes = shapely.multipoints(told.ready.scene.door_xy)
    points = spots.geometry.to_numpy()
    assert (shapely.distance(points, street) < 1e-6).all()
    assert (shapely.distance(points, homes) <= 50.0).all()
    assert shapely.intersects(told.ready.inside, points).all()
    assert len(np.unique(shapely.get_coordinates(points), axis=0)) == 30


def test_more_spots_keep_the_first_ones_and_all_places_are_five_metres_apart(told: Result):
    every, _ = street_spots(told.ready, 10_000)
    some, _ = street_spots(told.ready, 20)
    assert set(some.geometry.to_wkb()) < set(every.geometry.to_wkb())
    # One straight street, cut in faces of up to 200 m: the first place of each face is drawn.
    gaps = np.hypot(*np.diff(shapely.get_coordinates(every.geometry.to_numpy()), axis=0).T)
    assert np.median(gaps) == pytest.approx(5.0, abs=1e-6)
    length = shapely.length(
        shapely.intersection(shapely.union_all(told.ready.ground.faces.geometry.to_numpy()), told.ready.inside)
    )
    assert len(every) == pytest.approx(length / 5, abs=3)


def test_the_seed_decides_where_spots_are(folder: Path, told: Result, tmp_path: Path):
    other = study_of(folder, SHORT, study={"name": "Tiny", "seed": 4}, **QUICK)
    moved = run_study(other, tmp_path / "moved")
    assert set(spots_of(moved)["x_m"]) != set(spots_of(told)["x_m"])


# --- figures ---------------------------------------------------------------------------------------------------------


MIX = {"ring-video-doorbell-wired": 0.5, "nest-hello": 0.5}


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"doors": {"what_if": "porches", "porch_steps": {"house": 3}}},
        {"camera": {"levels": LEVELS, "mix": MIX}},
        {"terrain": {"ground": "ridge.tif"}},
    ],
)
def test_figures_are_those_of_plain_loops_over_the_spots(folder: Path, tmp_path: Path, sections: dict[str, object]):
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32618", always_xy=True).transform(*ORIGIN)
    z = np.full((151, 251), 120.0)
    z[74:77, :150] += 6.0  # a ridge along the western part of the street
    write_raster(folder / "ridge.tif", z, x - 250.0, y - 150.0, 2.0)
    result = run_study(study_of(folder, SHORT, **sections, **QUICK), tmp_path / "loops")
    ready = result.ready
    places, _ = street_spots(ready, 30)
    owns = 0.2
    table = table_of(result).set_index(["level", "measure"])
    assert set(table["scenario"]) == {"independent_20"}
    for level in ready.levels:
        # Every door and every obstacle, not those near spots alone.
        models, model_of = ready.models
        pairs = pd.concat(
            dv.sees(
                ready.doors.iloc[model_of == number],
                places,
                ready.obstacles,
                model,
                next(item for item in own if item.name == level.name),
                terrain=ready.scene.terrain,
            )
            for number, (model, own) in enumerate(models)
            if (model_of == number).any()
        )
        rows: dict[str, list[float]] = {name: [] for name in MEASURES}
        for spot, point in places.geometry.items():
            homes = sum(
                int(door.dwellings) for door in ready.doors.itertuples() if door.geometry.distance(point) <= 60.0
            )
            view = pairs[(pairs["point"] == spot) & (pairs["distance_m"] <= 60.0)]["door"]
            homes_in_view = int(ready.doors.loc[view, "dwellings"].sum())
            circle = shapely.buffer(point, 60.0, quad_segs=64)
            rows["app_homes_reached"].append(0.25 * homes)
            rows["part_with_data"].append(round(circle.intersection(ready.city.extent).area / circle.area, 4))
            rows["doors_in_view"].append(len(view))
            rows["owners_in_view"].append(owns * len(view))
            rows["app_owners_in_view"].append(0.75 * owns * len(view))
            rows["chance_any"].append(1 - (1 - 0.75 * owns) ** len(view))
            if homes:
                rows["share_that_could_see"].append(homes_in_view / homes)
        for name, values in rows.items():
            ordered = sorted(values)
            rank = [ordered[max(math.ceil(part * len(values)) - 1, 0)] for part in (0.05, 0.95)]
            expected = [sum(values) / len(values), *rank]
            assert table.loc[(level.name, name), ["mean", "p05", "p95"]].tolist() == pytest.approx(
                expected, abs=1e-9
            ), name
    assert table.loc[("detect", "doors_in_view"), "mean"] > 0.5
    assert len(ready.models[0]) == (2 if "mix" in str(sections) else 1)


def test_the_chance_that_any_owner_sees_is_the_share_of_the_centreline_in_view(folder: Path, tmp_path: Path):
    asked = {"radius_m": 200.0, "app_share": 0.1, "app_share_of_owners": 1.0, "spots": 10_000}
    result = run_study(study_of(folder, asked, **QUICK), tmp_path / "all")
    shares = result.shares.query("space == 'centreline_near_homes' and scenario == 'independent_20'")
    for level in LEVELS:
        share = float(shares[shares["level"] == level]["share_mean"].iloc[0])
        chance = table_of(result).set_index(["level", "measure"]).loc[(level, "chance_any"), "mean"]
        # Places 5 m apart against samples 0.5 m apart.
        assert chance == pytest.approx(share, abs=0.04)
    assert any("room for" in note for note in result.notes())


def test_owners_by_lot_are_drawn_without_replacement(folder: Path, tmp_path: Path):
    asked = {**SHORT, "app_share_of_owners": 1.0, "scenario": "six"}
    result = run_study(study_of(folder, asked, scenarios=SCENARIOS, **QUICK), tmp_path / "lot")
    spots = spots_of(result)
    assert spots["doors_in_view"].max() >= 3
    for row in spots.itertuples():
        k = row.doors_in_view
        assert row.chance_any == pytest.approx(1 - math.comb(DOORS - k, 6) / math.comb(DOORS, 6), abs=1e-9)
        assert row.owners_in_view_mean == pytest.approx(6 / DOORS * k)


def test_owners_who_are_alike_without_a_closed_form(folder: Path, tmp_path: Path):
    asked = {**SHORT, "app_share_of_owners": 1.0, "scenario": "alike"}
    result = run_study(study_of(folder, asked, scenarios=SCENARIOS, **QUICK), tmp_path / "on")
    ready, spots = result.ready, spots_of(result)
    (plan,) = [plan for plan in ready.plans if plan.name == "alike"]
    owners = plan.built.owners(ready.residents.dwellings, ready.residents.inside)
    places, _ = street_spots(ready, 30)
    wanted = spots[spots["level"] == "detect"].set_index("spot")
    pairs = dv.sees(ready.doors, places, ready.obstacles, ready.camera, ready.levels[1])
    checked = 0
    for spot, view in pairs.groupby("point"):
        doors = np.sort(ready.doors.index.get_indexer(view["door"])).astype(np.int64)
        start = np.array([0, len(doors)], np.int64)
        drawn = mean_of_draws(owners, ready.residents.keys, start, doors, seed=9, words=64, most=1)
        chance = wanted.loc[spot, "chance_any"]
        assert chance == pytest.approx(float(drawn.mean[0, 0]), abs=0.06)
        if len(doors) > 2:
            # Alike: less likely that any owns one than if each were drawn for itself.
            assert chance < 1 - 0.7 ** len(doors)
            checked += 1
    assert checked


def test_a_circle_that_leaves_the_data_is_told_as_a_lower_bound(folder: Path, told: Result, tmp_path: Path):
    wide = run_study(
        study_of(folder, {"radius_miles": 5.0, "app_share": 0.25, "spots": 20}, **QUICK), tmp_path / "wide"
    )
    assert table_of(wide)["radius_m"].unique().tolist() == [5 * METRES_PER_MILE]
    (note,) = [note for note in wide.notes() if note.startswith("An alert")]
    assert "leaves the data at 20 of 20 spots" in note
    assert "lower bound" in note
    assert "reaches 7 households with the app" in note  # a quarter of 28
    part = table_of(wide).set_index(["level", "measure"]).loc[("detect", "part_with_data"), "mean"]
    assert part == pytest.approx(400 * 200 / (math.pi * (5 * METRES_PER_MILE) ** 2), abs=1e-4)
    (note,) = [note for note in told.notes() if note.startswith("An alert")]
    assert note.index("detect") < note.index("observe")


def test_run_json_names_the_free_parameters(told: Result):
    assert told.folder is not None
    facts = json.loads((told.folder / "run.json").read_text(encoding="utf-8"))["alerts"]
    assert facts["free"]["app_share"]["value"] == 0.25
    assert facts["free"]["app_share_of_owners"]["value"] == 0.75
    assert "wirecutter" in facts["radius_source"]
    assert set(facts["measures"]) == set(table_of(told)["measure"])
    assert facts["spots"]["number"] == 30
    places, _ = street_spots(told.ready, 30)
    away = shapely.distance(places.geometry.to_numpy(), told.ready.city.extent.boundary)
    # What leaves the data by less than a ten-thousandth of the circle is not told.
    assert (away < 59.5).sum() <= facts["spots"]["circle_leaves_the_data"] <= (away < 60).sum()
    assert 0 < facts["spots"]["circle_leaves_the_data"] < 30


def test_a_spot_in_nobodys_circle_reaches_nobody(told: Result, tmp_path: Path):
    # Within 3 m of the middle of the street there is no door.
    near = run_study(
        told.ready.study.model_copy(
            update={"alerts": told.ready.study.alerts.model_copy(update={"radius_m": 3.0})}  # type: ignore[union-attr]
        ),
        tmp_path / "near",
    )
    table = table_of(near).set_index(["level", "measure"])
    assert table.loc[("detect", "app_homes_reached"), "mean"] == 0
    assert np.isnan(table.loc[("detect", "share_that_could_see"), "mean"])
    (note,) = [note for note in near.notes() if note.startswith("An alert")]
    assert "At every spot nobody is told." in note
    assert "lower bound" not in note


def test_the_function_is_part_of_the_api():
    assert dv.alerts is alerts
    doors = gpd.GeoDataFrame({"dwellings": [3]}, geometry=[shapely.Point(0, 0)], crs="EPSG:32618")
    spots = gpd.GeoSeries([shapely.Point(5, 0)], crs="EPSG:32618")
    seen = {"detect": pd.DataFrame({"door": [0], "point": [0]})}
    row = dv.alerts(doors, spots, seen, radius_m=10.0, app_share=0.5, chance=0.2).iloc[0]
    assert (row["homes_in_view"], row["owners_in_view_mean"]) == (3, pytest.approx(0.2))


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"radius_m": 100.0}, ["alerts.app_share: missing; add it: Households that use the app", "no default"]),
        ({"app_share": 0.2}, ["give one of radius_m and radius_miles"]),
        ({"app_share": 0.2, "radius_m": 100.0, "radius_miles": 1.0}, ["give one of radius_m and radius_miles"]),
        ({"app_share": 0.2, "radius_miles": 5.1}, ["alerts.radius_miles: 5.1 is over 5 miles", "give 5"]),
        ({"app_share": 0.2, "radius_m": 8046.73}, ["alerts.radius_m: 8046.73 is over 5 miles", "give 8046.72"]),
        ({"app_share": 0.2, "radius_m": 0.0}, ["alerts.radius_m", "must be above 0"]),
        ({"app_share": 1.2, "radius_m": 10.0}, ["alerts.app_share: 1.2 lies outside [0, 1]"]),
        ({"app_share": -0.1, "radius_m": 10.0}, ["alerts.app_share: -0.1 lies outside [0, 1]"]),
        (
            {"app_share": 0.2, "radius_m": 10.0, "app_share_of_owners": 2.0},
            ["alerts.app_share_of_owners: 2.0 lies outside [0, 1]"],
        ),
        ({"app_share": 0.2, "radius_m": 10.0, "spots": 3}, ["alerts.spots", "20"]),
        ({"app_share": 0.2, "radius_m": 10.0, "scenario": "sicks"}, ["unknown scenario 'sicks'. Did you mean 'six'?"]),
        (
            {"app_share": 0.2, "radius_m": 10.0, "scenario": "private"},
            ["'private' cuts views", "independent_20, six, alike"],
        ),
        ({"app_share": 0.2, "radius_m": 10.0, "radius": 3.0}, ["alerts.radius: unknown key. Did you mean 'radius_m'?"]),
        (
            {"radius_miles": 6.0, "scenario": "x", "spots": 0},
            ["app_share: missing", "over 5 miles", "unknown scenario 'x'", "alerts.spots"],
        ),
    ],
)
def test_faults_are_told_when_the_study_is_checked_all_at_once(
    folder: Path, asked: dict[str, object], words: list[str]
):
    with pytest.raises(StudyError) as caught:
        study_of(folder, asked, scenarios=SCENARIOS | PRIVATE)
    for said in words:
        assert said in str(caught.value), said


def test_a_scenario_shown_by_default_must_have_full_views_too(folder: Path):
    rules = {"rate": 0.2, "rules": {"trigger_range_m": 3.0}}
    with pytest.raises(StudyError, match=r"'independent_20' cuts views.*name another: plain"):
        study_of(folder, SHORT, scenarios={"independent_20": rules, "plain": {"rate": 0.2}})


def test_the_command_line_names_alerts(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = '[place]\nextract = "town.osm.pbf"\n[alerts]\nradius_miles = {}\napp_share = 0.1\n'
    (folder / "good.toml").write_text(text.format(0.5), encoding="utf-8")
    assert main(["check", str(folder / "good.toml")]) == 0
    assert "within 805 m of 200 spots" in capsys.readouterr().out
    (folder / "bad.toml").write_text(text.format(50), encoding="utf-8")
    assert main(["check", str(folder / "bad.toml")]) == 1
    assert "is over 5 miles" in capsys.readouterr().err
