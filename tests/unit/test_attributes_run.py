"""Attributes of zones in a run: figures against plain loops, what is assumed, what is left out, bad input."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.demo.folder import write_folder
from doorview.demo.town import CRS, make_town
from doorview.errors import StudyError
from doorview.share.outputs import HEADLINE
from doorview.study.attributes_run import NO_HOT_SPOT, hot_spot_classes
from doorview.study.attributes_table import ASSUMED_PART, COLUMNS, EQUAL_PART
from doorview.study.attributes_words import attributes_words
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.zone_faults import zone_faults

SIDE = 5
NO_PICTURES = {"maps": False, "rasters": False, "explorer": False, "briefing": False}
INCOME = {"zoning": "tract", "column": "income", "kind": "number", "unit": "dollars", "label": "Income, made up"}
TENURE = {"zoning": "tract", "column": "tenure", "kind": "category"}
ASKED = [
    {**INCOME, "gradient": 0.3, "districts": "half"},
    {**TENURE, "times": {"rent": 0.5}},
    {"zoning": "tract", "column": "flat", "kind": "number", "gradient": 0.0},
    {"zoning": "district", "column": "median_income", "kind": "number"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("attributes")
    write_folder(make_town(200), place)
    west, south, east, north = gpd.read_file(place / "districts.geojson").to_crs(CRS).total_bounds
    dx, dy = (east - west) / SIDE, (north - south) / SIDE
    rows = []
    for n in range(SIDE * SIDE):
        x, y = west + dx * (n % SIDE), south + dy * (n // SIDE)
        income: object = 30_000 + 1_500 * n
        income = {6: "$56k", 7: None, 8: "1,234"}.get(n, income)
        row = {
            "id": f"t{n:02d}",
            "name": "=1+1" if n == 12 else f"Tract {n}",
            "income": None if income is None else str(income),
        }
        row |= {
            "tenure": "rent" if n % 2 else "own\x07",
            "flat": 7.0,
            "half": "north" if n > 11 else "south",
            "empty": None,
            "many": n,
            "words": "a",
        }
        rows.append({**row, "geometry": shapely.box(x, y, x + dx, y + dy)})
    gpd.GeoDataFrame(rows, crs=CRS).to_crs(4326).to_file(place / "tracts.geojson")
    return place


def raw_of(asked: list[dict[str, object]] | None, **more: object) -> dict[str, object]:
    raw: dict[str, object] = {
        "study": {"name": "Tracts", "seed": 3, "fictional": True, "label": "Made-up"},
        "place": {"extract": "demo.osm.pbf", "country": "us"},
        "zones": [
            {"file": "districts.geojson", "zoning": "district", "id": "id", "name": "name"},
            {"file": "tracts.geojson", "zoning": "tract", "id": "id", "name": "name"},
        ],
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False},
        "drivers": {"ranges": 8},
        "scenarios": {"low": {"rate": 0.05}, "fifth": {"rate": 0.2}, "lot": {"process": "exactly", "number": 20}},
        "output": {"maps": True, "rasters": False, "explorer": False, "briefing": False, "svg": False},
    }
    if asked is not None:
        raw["fairness"] = {"block_faces": False, "attributes": asked}
    return raw | more


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return run_study(study_from_dict(raw_of(ASKED), folder=folder), folder / "out" / "asked")


@pytest.fixture(scope="module")
def table(result: Result) -> pd.DataFrame:
    assert result.folder is not None
    return pd.read_csv(result.folder / "fairness_attributes.csv", keep_default_na=False, na_values=[""])


def pick(table: pd.DataFrame, column: str, part: str, measure: str, **keys: object) -> pd.DataFrame:
    keys = {"scenario": "fifth", "level": "detect", "attribute": column, "part": part, "measure": measure, **keys}
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def zones_by_hand(result: Result) -> pd.DataFrame:
    """Return homes, centre and share of each tract, from the doors and shares.csv alone."""
    ready = result.ready
    assert ready.zones is not None
    tracts = ready.zones[ready.zones["zoning"] == "tract"].set_index("zone")
    doors = shapely.points(ready.scene.door_xy)
    homes = {
        zone: sum(
            int(n) for n, door, inside in zip(ready.door_table.dwellings, doors, ready.door_table.inside, strict=True)
            if inside and shape.intersects(door)
        )
        for zone, shape in tracts.geometry.items()
    }  # fmt: skip
    shares = result.shares
    own = shares[(shares["zoning"] == "tract") & (shares["space"] == HEADLINE) & (shares["measure"] == "area_m2")]
    own = own[(own["scenario"] == "fifth") & (own["level"] == "detect")].set_index("zone")
    return own.assign(homes=pd.Series(homes), geometry=tracts.geometry)


# --- figures ---------------------------------------------------------------------------------------------------------


def test_shares_of_categories_are_means_over_homes_of_shares_by_zone(result, table):
    hand = zones_by_hand(result)
    hand = hand[(hand["homes"] >= 5) & (hand["public_amount"] >= 25.0)]
    tenure = np.array(["rent" if int(zone[1:]) % 2 else "own" for zone in hand.index])
    for name in ("rent", "own"):
        here = hand[tenure == name]
        (row,) = pick(table, "tenure", EQUAL_PART, "share", group=name).to_dict("records")
        for column, of in (("value", "share_mean"), ("value_low", "share_low"), ("value_high", "share_high")):
            expected = math.fsum(here["homes"] * here[of]) / here["homes"].sum()
            assert row[column] == pytest.approx(expected, abs=1e-12)
        assert row["zones"] == len(here)
        assert row["value_p05"] < row["value"] < row["value_p95"]


def test_the_lowest_and_highest_group_are_what_their_zones_say(result, table):
    hand = zones_by_hand(result)
    number = np.array([int(zone[1:]) for zone in hand.index])
    hand = hand[(hand["homes"] >= 5) & (hand["public_amount"] >= 25.0) & ~np.isin(number, (6, 7, 8))]
    rows = pick(table, "income", EQUAL_PART, "share")
    names = rows["group"].tolist()
    assert names[0].endswith("(lowest)")
    assert names[-1].endswith("(highest)")
    assert rows["zones"].sum() == len(hand)
    lowest = hand[: rows["zones"].iloc[0]]  # income rises with the id
    expected = math.fsum(lowest["homes"] * lowest["share_mean"]) / lowest["homes"].sum()
    assert rows["value"].iloc[0] == pytest.approx(expected, abs=1e-12)
    (gap,) = pick(table, "income", EQUAL_PART, "share_gap")["value"]
    assert gap == pytest.approx(rows["value"].iloc[-1] - rows["value"].iloc[0], abs=1e-12)


def test_the_assumed_gradient_is_exact_over_the_set_rows(result, table):
    """Every cell in turn: 1 - prod (1 - p), p by the tract of each door, solved here by halving."""
    ready, coverage = result.ready, result.tables.coverage
    hand = zones_by_hand(result)
    doors, inside = shapely.points(ready.scene.door_xy), ready.door_table.inside
    weight = np.ones(len(doors))
    for zone, shape in hand.geometry.items():
        if int(zone[1:]) % 2:
            weight[shapely.intersects(shape, doors)] = 0.5
    homes = np.where(inside, ready.door_table.dwellings, 0)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if homes @ np.minimum(1, middle * weight) / homes.sum() < 0.2 else (low, middle)
    p = np.minimum(1, low * weight)
    members, rows = coverage.members, coverage.rows
    miss = [np.prod(1 - p[members.doors[a:b]]) for a, b in zip(members.start[:-1], members.start[1:], strict=True)]
    from doorview.share.outputs import street_spaces

    wanted = rows[(rows["level"] == coverage.levels.index("detect")) & (rows["near"] == 1)]
    wanted = wanted[np.isin(wanted["space"], street_spaces())]
    assert ready.zones is not None
    for name in ("rent", "own"):
        means, kept = [], []
        for zone, row in hand.iterrows():
            if ("rent" if int(zone[1:]) % 2 else "own") != name or row["homes"] < 5 or row["public_amount"] < 25:
                continue
            number = int(np.flatnonzero((ready.zones["zoning"] == "tract") & (ready.zones["zone"] == zone))[0])
            here = wanted[[number in coverage.zones[int(z)] for z in wanted["zones"]]]
            seen = sum(n * (1 - miss[s]) for n, s in zip(here["amount"], here["set"], strict=True))
            means.append(seen * coverage.cell_m**2 / row["public_amount"])
            kept.append(row["homes"])
        (value,) = pick(table, "tenure", ASSUMED_PART, "share", group=name)["value"]
        assert value == pytest.approx(np.average(means, weights=kept), abs=1e-9)


def test_a_gradient_of_nothing_is_equal_ownership(table):
    equal, assumed = (pick(table, "flat", part, "gini") for part in (EQUAL_PART, ASSUMED_PART))
    for column in ("value", "value_p05", "value_p95", "value_low", "value_high"):
        assert assumed[column].tolist() == pytest.approx(equal[column].tolist(), abs=1e-9, nan_ok=True)


def test_what_is_assumed_says_so_in_every_row_and_stands_after_what_is_built_form(table):
    assert set(table["part"]) == {EQUAL_PART, ASSUMED_PART}
    assert "assumed, not found" in ASSUMED_PART
    order = table["part"][table["attribute"] == "income"].map({EQUAL_PART: 0, ASSUMED_PART: 1})
    assert order.is_monotonic_increasing
    assert list(table.columns) == list(COLUMNS)
    assert not (table["part"][table["attribute"] == "median_income"] == ASSUMED_PART).any()


def test_the_mean_lies_between_the_ends_over_assumptions(table):
    rows = table[table["value_low"].notna()]
    assert len(rows) > 20
    assert (rows["value_low"] <= rows["value"] + 1e-12).all()
    assert (rows["value"] <= rows["value_high"] + 1e-12).all()


def test_theil_adds_up_within_and_between_districts(table):
    rows = pick(table, "income", EQUAL_PART, "theil").set_index("group")["value"]
    assert rows["within districts"] + rows["between districts"] == pytest.approx(rows["homes"], abs=1e-12)
    rows = pick(table, "tenure", EQUAL_PART, "theil").set_index("group")["value"]
    assert rows["within categories"] + rows["between categories"] == pytest.approx(rows["homes"], abs=1e-12)


def test_only_scenarios_with_one_rate_for_all_are_compared(table, result):
    assert set(table["scenario"]) == {"low", "fifth"}
    assert result.tables.attributes is not None
    assert result.tables.attributes.scenarios == ("low", "fifth")


def test_too_few_zones_have_no_slope_and_say_so(table):
    (row,) = pick(table, "median_income", EQUAL_PART, "slope").to_dict("records")
    assert math.isnan(row["value"])
    assert "too few zones" in row["note"]
    (row,) = pick(table, "flat", EQUAL_PART, "share").to_dict("records")
    assert "the same in all zones" in row["note"]


# --- what is left out, what is published -----------------------------------------------------------------------------


def test_what_is_left_out_is_named_and_counted(result):
    assert result.tables.attributes is not None
    income = result.tables.attributes.attributes[0]
    said = " ".join(income.notes)
    assert "t06: '$56k'" in said
    assert "t08: '1,234'" in said
    assert "without a value (t07)" in said
    assert not {"t06", "t07", "t08"} & set(income.zones["zone"])
    assert len(income.zones) + len(income.left_out) == SIDE * SIDE
    facts = json.loads((result.folder / "run.json").read_text())["attributes"]
    assert next(item["zones"] for item in facts["asked"]) == len(income.zones)
    assert "not a share of that group's people" in facts["caveat"]


def test_zones_with_fewer_than_five_homes_are_in_no_figure(result):
    hand = zones_by_hand(result)
    few = set(hand.index[hand["homes"] < 5])
    assert result.tables.attributes is not None
    for item in result.tables.attributes.attributes[:3]:
        assert (item.homes.homes >= 5).all()
        assert not few & set(item.zones["zone"])


def test_text_from_data_is_plain_text_in_the_table(result):
    lines = list(csv.reader((result.folder / "fairness_attributes.csv").read_text(encoding="utf-8").splitlines()))
    assert "own" in {line[6] for line in lines}
    assert not any("\x07" in cell for line in lines for cell in line)


def test_each_attribute_has_its_pictures_where_there_is_something_to_compare(result):
    names = {path.stem for path in (result.folder / "maps").glob("*.png")}
    assert {"fairness_two_variables_tract_income", "fairness_groups_tract_income", "lorenz_tract_income"} <= names
    assert {"fairness_groups_tract_tenure", "lorenz_tract_tenure"} <= names
    assert not any("median_income" in name for name in names), "two districts make no picture"


def test_the_sentences_say_built_form_then_what_is_assumed(result):
    said = attributes_words(result.tables.attributes, "fifth", "detect")
    assert len(said) == len(ASKED)
    assert said[0].index("built form alone") < said[0].index("assumed, not found")
    assert all("not a share of that group's people" in words or "too few" in words for words in said)


def test_attributes_change_no_other_table(folder, result):
    plain = run_study(study_from_dict(raw_of(None, output=NO_PICTURES), folder=folder), folder / "out" / "plain")
    for name in ("shares.csv", "curve.csv", "densities.csv", "working/intervals.csv"):
        assert (plain.folder / name).read_bytes() == (result.folder / name).read_bytes()
    assert not (plain.folder / "fairness_attributes.csv").exists()


# --- hot-spot classes ------------------------------------------------------------------------------------------------


def test_a_zone_has_the_class_that_covers_most_of_it():
    zones = np.array([shapely.box(x, 0, x + 10, 10) for x in (0, 10, 20)], dtype=object)
    outlines = gpd.GeoDataFrame(
        {"class": ["hot spot", "persistent", "hot spot"]},
        geometry=[shapely.box(0, 0, 6, 10), shapely.box(0, 0, 9, 10), shapely.box(10, 0, 14, 10)], crs=CRS,
    )  # fmt: skip
    assert hot_spot_classes(zones, outlines).tolist() == ["persistent", NO_HOT_SPOT, NO_HOT_SPOT]
    assert hot_spot_classes(zones, None).tolist() == [NO_HOT_SPOT] * 3


# --- bad input -------------------------------------------------------------------------------------------------------


def faults_of(folder: Path, asked: list[dict[str, object]], **more: object) -> list[str]:
    with pytest.raises(StudyError) as caught:
        study_from_dict(raw_of(asked, **more), folder=folder)
    return caught.value.faults


def test_all_faults_of_the_study_file_are_told_at_once(folder):
    asked = [
        {**INCOME, "zoning": "tracts"},
        {**INCOME, "times": {"a": 1.0}},
        {**TENURE, "gradient": 0.1, "unit": "dollars"},
        {**TENURE, "column": "hotspot_class"},
        {**INCOME},
    ]
    said = "\n".join(faults_of(folder, asked))
    for words in (
        "attributes[1].zoning: unknown set of zones 'tracts'. Did you mean 'tract'?",
        "attributes[2].times: by category, and this is a number",
        "attributes[3].gradient: per standard deviation, which a category has not",
        "attributes[3].unit: a category has none",
        "attributes[4].column: 'hotspot_class' needs reported thefts",
        "attributes[5]: column 'income' of 'tract' is asked for twice",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "words"}, "kind"),
        ({"gradient": "steep"}, "gradient"),
        ({"gradient": 99.0}, "gradient"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_values_and_unknown_keys_are_refused(folder, change, words):
    assert any(words in fault for fault in faults_of(folder, [{**INCOME, **change}]))


def test_what_files_show_is_told_before_anything_slow(folder):
    asked = [
        {**INCOME, "column": "incom"},
        {**INCOME, "column": "empty"},
        {**INCOME, "column": "words"},
        {**TENURE, "column": "many"},
        {**TENURE, "districts": "nowhere"},
        {**INCOME},
    ]
    faults, gaps = zone_faults(study_from_dict(raw_of(asked), folder=folder))
    said = "\n".join(faults)
    for words in (
        "attributes[1].column: unknown column 'incom' of 'tracts.geojson'. Did you mean 'income'?",
        "attributes[2]: 'tracts.geojson', column 'empty': no zone of 25 has a value",
        "attributes[3]: 'tracts.geojson', column 'words': no zone holds a plain number (t00: 'a'",
        "attributes[4]: 'tracts.geojson', column 'many': 25 different values",
        "attributes[5].districts: unknown column 'nowhere'",
    ):
        assert words in said
    assert any("t06: '$56k'" in gap for gap in gaps)
    with pytest.raises(StudyError, match="unknown column 'incom'"):
        run_study(study_from_dict(raw_of(asked), folder=folder), folder / "out" / "none")


def test_a_category_that_no_zone_has_is_refused(folder):
    study = study_from_dict(raw_of([{**TENURE, "times": {"lease": 2.0}}]), folder=folder)
    with pytest.raises(StudyError, match=r"times\.lease: no zone has this category"):
        run_study(study, folder / "out" / "none")


def test_without_a_scenario_of_equal_ownership_there_is_nothing_to_begin_with(folder):
    study = study_from_dict(raw_of([INCOME], scenarios={"lot": {"process": "exactly", "number": 20}}), folder=folder)
    with pytest.raises(StudyError, match="no equal ownership to begin with"):
        run_study(study, folder / "out" / "none")


def test_two_attributes_that_go_together_are_named(folder):
    many = {"zoning": "tract", "column": "many", "kind": "number"}
    result = run_study(
        study_from_dict(raw_of([INCOME, many], drivers={"ranges": 0}, output=NO_PICTURES), folder=folder),
        folder / "out" / "two",
    )
    assert result.tables.attributes is not None
    one, other = result.tables.attributes.attributes
    assert any("goes together with many (r = 1.00)" in note for note in one.notes)
    assert any("cannot be told apart" in note for note in other.notes)
