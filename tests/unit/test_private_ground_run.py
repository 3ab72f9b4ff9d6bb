"""Private ground in a run: its files, rules, zones, the law, and expected shares against simulated owners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

import doorview as dv
from doorview.city.model import City
from doorview.errors import InputError, StudyError
from doorview.share.lots import PARTS
from doorview.show.briefing.content import briefing_content
from doorview.show.briefing.tables import read_run
from doorview.show.briefing.words import load_words
from doorview.show.private_ground import view_plot
from doorview.show.tables import PRIVATE_GROUND_COLUMNS, write_private_ground
from doorview.study.draw import caption_of
from doorview.study.pipeline import run_study
from doorview.study.private_ground_files import _share_by_group
from doorview.study.private_ground_run import FACADES, FRONT_YARDS, VIEW, PrivateGroundRun, _enough
from doorview.study.private_ground_section import LAW, UNKNOWN_LAW, law_words
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.four_lots import CRS, EAST, lot_box, street_city
from helpers.tiny import halves, tiny_town

LEVELS = ["observe", "detect"]
SCENARIOS: dict[str, Any] = {
    "independent_20": {"rate": 0.2},
    "independent_60": {"rate": 0.6},
    "everybody": {"rate": 1.0},
    "six": {"process": "exactly", "number": 6},
    "alike": {"process": "neighbours", "rate": 0.3, "correlation": 0.5, "distance_m": 100.0},
    "zones_0": {"rate": 0.2, "rules": {"privacy_zone_m": 0.0}},
    "zones_5": {"rate": 0.2, "rules": {"privacy_zone_m": 5.0}},
}
QUICK: dict[str, object] = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("private")
    tiny_town(place / "town.osm.pbf", flats="4")
    halves(place / "halves.geojson", 12, 12)
    return place


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Tiny", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.geojson", "zoning": "half", "id": "id", "name": "name"}],
        "drivers": {"ranges": 0},
        "camera": {"levels": LEVELS},
        "scenarios": SCENARIOS,
        **QUICK,
        **sections,
    }
    return study_from_dict(raw | ({} if asked is None else {"private_ground": asked}), folder=folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Result:
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    return run_study(study_of(folder, {}), folder / "out" / "told")


def run_of(result: Result) -> PrivateGroundRun:
    assert result.tables.private_ground is not None
    return result.tables.private_ground


def share(result: Result, scenario: str, level: str, what: str, part: str = "all", zone: str = "all") -> float:
    table = run_of(result).table
    here = table[
        (table["scenario"] == scenario)
        & (table["level"] == level)
        & (table["what"] == what)
        & (table["part"] == part)
        & (table["zone"] == zone)
    ]
    return float(here["share_mean"].iloc[0])


def files_of(result: Result) -> set[str]:
    assert result.folder is not None
    return {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}


# --- the folder -------------------------------------------------------------------------------------------------------


def test_it_adds_its_files_and_changes_nothing_else(plain: Result, told: Result):
    assert files_of(told) - files_of(plain) == {"private_ground.csv", "working/view_of_door.csv"}
    assert plain.folder is not None
    assert told.folder is not None
    for name in sorted(files_of(plain)):
        if name.endswith((".csv", ".parquet")):
            assert (told.folder / name).read_bytes() == (plain.folder / name).read_bytes(), name
    assert told.headline() == plain.headline()
    assert plain.private_ground is None
    facts = json.loads((told.folder / "run.json").read_text(encoding="utf-8"))["private_ground"]
    assert facts["lots"]["method"] == "tessellation"
    assert set(facts["parts"]) == set(PARTS)
    assert "private_ground" not in json.loads((plain.folder / "run.json").read_text(encoding="utf-8"))
    written = pd.read_csv(told.folder / "private_ground.csv", keep_default_na=False)
    assert tuple(written.columns) == PRIVATE_GROUND_COLUMNS
    assert len(written) == len(run_of(told).table)


def test_what_may_be_published_holds_no_door_and_no_small_group(told: Result):
    assert told.folder is not None
    text = (told.folder / "private_ground.csv").read_text(encoding="utf-8")
    assert not any(str(door) in text for door in told.doors.index)
    assert (run_of(told).table["homes"] >= 5).all()
    few = run_of(told).table.assign(homes=4)
    with pytest.raises(ValueError, match="fewer than 5 homes"):
        write_private_ground(told.folder / "few.csv", few)


def test_the_api_gives_the_same_table_for_any_result(plain: Result, told: Result):
    table = dv.private_ground(plain)
    pd.testing.assert_frame_equal(table, run_of(told).table, check_exact=True)
    assert "no cadastre" not in table.attrs["lots"]
    assert table.attrs["lots"].endswith("not a cadastre.")
    with pytest.raises(InputError, match="lots is 'fields'"):
        dv.private_ground(plain, lots="fields")
    with pytest.raises(InputError, match="the place has none"):
        dv.private_ground(plain, lots="parcels")


# --- shares -----------------------------------------------------------------------------------------------------------


def test_the_parts_of_views_add_up(told: Result):
    table = run_of(told).table
    views = table[table["what"] == VIEW]
    for _, part in views.groupby(["scenario", "level", "zoning", "zone"]):
        assert list(part["part"]) == sorted(PARTS)
        assert part["share_mean"].sum() == pytest.approx(1.0, abs=1e-12)
    assert set(views["zone"]) == {"all", "W", "E"}


def test_views_by_door_add_up_to_what_the_exact_views_hold(told: Result):
    """Cells against exact areas, door by door: off by the grid's error, far below a hundredth over all doors."""
    views = run_of(told).views
    for name in LEVELS:
        exact = dv.viewsheds(told.doors, told.ready.obstacles, level=name)["area_m2"]
        cells = views[views["level"] == name].set_index("door")[[f"{part}_m2" for part in PARTS]].sum(axis=1)
        assert cells.sum() == pytest.approx(exact.sum(), rel=2e-3)
        assert (cells - exact.loc[cells.index]).abs().max() < 3.0


def test_equal_chances_cancel_out_of_the_parts_of_views(told: Result):
    for part in PARTS:
        for name in LEVELS:
            everybody = share(told, "everybody", name, VIEW, part)
            assert share(told, "independent_20", name, VIEW, part) == pytest.approx(everybody, abs=1e-12)


def test_more_owners_never_see_less(told: Result):
    for what in (FRONT_YARDS, FACADES):
        for name in LEVELS:
            shares = [share(told, s, name, what) for s in ("independent_20", "independent_60", "everybody")]
            assert 0 <= shares[0] <= shares[1] <= shares[2] <= 1
    assert share(told, "independent_20", "detect", FRONT_YARDS) > 0.01


def test_more_is_in_view_at_a_longer_range(told: Result):
    for what in (FRONT_YARDS, FACADES):
        assert share(told, "everybody", "detect", what) >= share(told, "everybody", "observe", what)


def test_privacy_zones_take_the_street_and_never_add_to_what_is_seen_of_others(told: Result):
    """Without parcels lines to neighbours cut nothing: at 0 m next to nothing of the street is left."""
    table = run_of(told).table
    public = table["part"].isin(("street", "sidewalk", "park", "other_public"))
    area = table[public & (table["zone"] == "all")].groupby(["scenario", "level"])["amount"].sum()
    for name in LEVELS:
        assert area["zones_0", name] < 0.02 * area["independent_20", name]
        assert area["zones_0", name] < area["zones_5", name] < area["independent_20", name]
        for what in (FRONT_YARDS, FACADES):
            shares = [share(told, s, name, what) for s in ("zones_0", "zones_5", "independent_20")]
            assert shares == sorted(shares)


def test_expected_shares_agree_with_simulated_owners(told: Result):
    """Owners drawn with numpy; a spot is in view where any door of its set, own home apart, has a camera."""
    random = np.random.default_rng(5)
    table = run_of(told).table
    for what in (FRONT_YARDS, FACADES):
        row = table[(table["scenario"] == "independent_20") & (table["level"] == "detect") & (table["zone"] == "all")]
        found = row[row["what"] == what].iloc[0]
        rows = _sets(told, what)
        draws = []
        for _ in range(600):
            owns = random.random(len(told.doors)) < 0.2
            seen = [bool(owns[rows.members.doors[a:b]].any()) for a, b in _bounds(rows)]
            here = rows.level == LEVELS.index("detect")
            draws.append(rows.amount[here] @ np.array(seen)[rows.sets[here]] / rows.total.sum())
        error = np.std(draws) / np.sqrt(len(draws))
        assert found["share_mean"] == pytest.approx(np.mean(draws), abs=4 * error + 1e-9)
        for name, at in (("share_p05", 0.05), ("share_p95", 0.95)):
            assert found[name] == pytest.approx(np.quantile(draws, at), abs=3 * np.std(draws) / np.sqrt(60))


def _bounds(rows: Any) -> zip[tuple[int, int]]:
    return zip(rows.members.start[:-1].tolist(), rows.members.start[1:].tolist(), strict=True)


def _sets(result: Result, what: str) -> Any:
    """The sets behind a row, seen anew."""
    from doorview.overlays.facades import facade_rows, street_facades
    from doorview.share.coverage import fold
    from doorview.share.lots import front_yard_rows, lot_scene, whose
    from doorview.share.tiles import cover

    ready, found = result.ready, run_of(result)
    lots = found.lots
    scene = lot_scene(ready.scene, lots.shapes, found.fronts, [], ready.city.extent)
    if what == FRONT_YARDS:
        coverage = fold(scene, cover(scene, rasters=False))
        return front_yard_rows(coverage, whose(coverage, len(lots)), lots.of_door, len(lots), 0)
    facades = street_facades(lots, ready.doors, ready.ground)
    facades = facades.where(shapely.intersects_xy(ready.inside, *facades.xy.T))
    return facade_rows(scene, facades, lots.of_door, len(lots), np.zeros((len(facades.xy), 0), bool))


def test_owners_who_hang_together_are_counted_too(told: Result):
    """Six doors of 22 by lot: a mean near to that of independent owners at the same rate, and its own draws around."""
    table = run_of(told).table
    for name in ("six", "alike"):
        rows = table[(table["scenario"] == name) & (table["what"] == FRONT_YARDS) & (table["zone"] == "all")]
        detect = rows[rows["level"] == "detect"].iloc[0]
        assert detect["share_p05"] <= detect["share_mean"] <= detect["share_p95"]
        assert detect["share_p05"] < detect["share_p95"]


def test_zones_hold_the_ground_of_the_whole(told: Result):
    """The halves touch and reach to the edge: their front yards are all there are."""
    table = run_of(told).table
    rows = table[(table["scenario"] == "everybody") & (table["level"] == "detect") & (table["what"] == FRONT_YARDS)]
    amount = rows.set_index("zone")["amount"]
    assert amount["W"] + amount["E"] == pytest.approx(amount["all"])
    seen = rows.set_index("zone")["share_mean"] * amount
    assert seen["W"] + seen["E"] == pytest.approx(seen["all"])


# --- groups of few homes ----------------------------------------------------------------------------------------------


def enough(homes: int, **zonings: tuple[int, ...]):
    """Say which outputs are printed of so many homes in a row, cut into zones of so many homes from its begin on."""
    parts = [
        (np.arange(homes) >= sum(sizes[:n])) & (np.arange(homes) < sum(sizes[: n + 1]))
        for sizes in zonings.values() for n in range(len(sizes))
    ]  # fmt: skip
    names = np.array([name for name, sizes in zonings.items() for _ in sizes], dtype=object)
    one = np.ones(homes, np.int64)
    return _enough(one, np.array(parts, np.int64).reshape(len(parts), homes).T, one, names)


def test_zones_of_few_homes_are_left_out_and_no_remainder_gives_them_away():
    found = enough(40, a=(30, 8, 2), b=(20, 20))
    # 2 homes are hidden; so are the 8, for else all less the printed zones would be those 2.
    assert found.rows.tolist() == [0, 1, 4, 5]
    assert found.homes.tolist() == [40, 30, 8, 2, 20, 20]
    assert found.withheld == 2
    assert enough(40, a=(30, 10, 0), b=(20, 20)).rows.tolist() == [0, 1, 2, 4, 5]
    assert enough(36, a=(30, 3, 3), b=(20, 16)).rows.tolist() == [0, 1, 4, 5]
    assert enough(3).rows.tolist() == []


def test_few_homes_in_no_zone_are_not_given_away_either():
    # All less both zones of a would be 3 homes; all less the one of b 5 homes and more.
    found = enough(43, a=(30, 10), b=(38,))
    assert found.rows.tolist() == [0, 1, 3]
    assert found.withheld == 1
    assert enough(43, a=(40,)).rows.tolist() == [0]


def test_a_yard_that_juts_out_of_the_printed_zones_counts_among_the_rest():
    # Five yards of 10 m2 each in zone 1, five in zone 2; the last of zone 1 has 4 m2 in no zone.
    parts = np.zeros((10, 2), np.int64)
    parts[:5, 0], parts[5:, 1], parts[4, 0] = 10, 10, 6
    one = np.ones(10, np.int64)
    zoning = np.array(["a", "a"], dtype=object)
    assert _enough(10 * one, parts, one, zoning).rows.tolist() == [0, 2]
    parts[4, 0] = 10
    assert _enough(10 * one, parts, one, zoning).rows.tolist() == [0, 1, 2]


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_pictures_are_drawn_and_say_that_cameras_are_simulated(folder: Path):
    scenarios = {"independent_20": {"rate": 0.2}}
    asked = study_of(folder, {"jurisdiction": "EU"}, scenarios=scenarios, output={"maps": True, "rasters": False})
    result = run_study(asked, folder / "out" / "drawn")
    assert result.folder is not None
    for name in ("private_ground.png", "private_ground_views.png"):
        with Image.open(result.folder / "maps" / name) as picture:
            assert "Simulated cameras, not real ones." in picture.text["Description"]
            assert "OpenStreetMap" in picture.text["Description"]


def test_yards_have_the_share_of_their_group_of_five_homes_or_more(told: Result):
    found = run_of(told)
    share_of = _share_by_group(told, found, "everybody", "detect")
    known = ~np.isnan(share_of)
    assert known.any()
    # 28 homes along one street, cut in pieces of 200 m: as many colours as groups, none of fewer than 5 homes.
    for value in np.unique(share_of[known]):
        assert found.homes_of_lot[share_of == value].sum() >= 5
    whole = (share_of[known] * found.front_m2[known]).sum() / found.front_m2[known].sum()
    assert whole == pytest.approx(share(told, "everybody", "detect", FRONT_YARDS), abs=1e-9)


def test_a_bar_of_several_scenarios_or_without_a_level_is_refused(told: Result, tmp_path: Path):
    views = run_of(told).table.query("what == 'view' and zone == 'all'")
    levels = [told.levels[name] for name in LEVELS]
    with pytest.raises(ValueError, match="several scenarios"):
        view_plot(tmp_path / "x.png", views, levels, caption_of(told), scenario="", said="")
    one = views[(views["scenario"] == "independent_20") & (views["level"] == "observe")]
    with pytest.raises(ValueError, match="detect"):
        view_plot(tmp_path / "x.png", one, levels, caption_of(told), scenario="", said="")


# --- parcels ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Six homes on parcels, three on each side, in files as a study reads them."""
    place = tmp_path_factory.mktemp("parcels")
    city: City = street_city(3, opposite=True)
    buildings = city.buildings[["building", "geometry"]]
    far = [shapely.box(EAST + x, y, EAST + x + 4, y + 4) for x in (-160, 160) for y in (-160, 160)]
    corners = gpd.GeoDataFrame({"building": ["garage"] * 4}, geometry=far, crs=CRS)  # the data reach as far as these
    pd.concat([buildings, corners]).to_file(place / "buildings.gpkg")
    city.ways[["highway", "name", "geometry"]].to_file(place / "streets.gpkg")
    boxes = [lot_box(n) for n in range(3)]
    boxes += [shapely.affinity.scale(box, yfact=-1.0, origin=(0, 0)) for box in boxes]
    gpd.GeoDataFrame(geometry=boxes, crs=CRS).to_crs(4326).to_file(place / "parcels.gpkg")
    area = shapely.box(*city.buildings.total_bounds).buffer(60.0)
    gpd.GeoDataFrame(geometry=[area], crs=CRS).to_file(place / "area.gpkg")
    raw: dict[str, object] = {
        "study": {"name": "Parcels"},
        "place": {
            "layers": {name: f"{name}.gpkg" for name in ("buildings", "streets", "parcels")},
            "boundary": "area.gpkg",
            "country": "us",
        },
        "drivers": {"ranges": 0},
        "camera": {"levels": LEVELS},
        "scenarios": {name: SCENARIOS[name] for name in ("independent_20", "everybody", "zones_0", "zones_5")},
        "private_ground": {"lots": "parcels", "jurisdiction": "EU"},
        **QUICK,
    }
    return run_study(study_from_dict(raw, folder=place), place / "out")


def test_with_parcels_a_privacy_zone_of_nothing_leaves_own_land_alone(four: Result):
    assert run_of(four).lots.method == "parcels"
    for name in LEVELS:
        assert share(four, "zones_0", name, VIEW, "own") == pytest.approx(1.0, abs=1e-12)
        assert share(four, "zones_0", name, FRONT_YARDS) == 0.0
        assert share(four, "zones_0", name, FACADES) == 0.0
    assert share(four, "zones_5", "detect", VIEW, "own") < 1.0
    assert share(four, "independent_20", "detect", VIEW, "others_homes") > share(
        four, "zones_5", "detect", VIEW, "others_homes"
    )


def test_the_law_stands_in_notes_where_the_study_says_so(four: Result, told: Result):
    assert LAW in four.notes()
    assert four.folder is not None
    assert json.loads((four.folder / "run.json").read_text(encoding="utf-8"))["private_ground"]["law"] == LAW
    # Nobody says where the tiny town lies.
    assert [line for line in told.notes() if "C-212/13" in line] in ([], [UNKNOWN_LAW + LAW])


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_briefing_has_a_block_of_it_where_the_run_has(four: Result, plain: Result, language: str):
    """Every number is one of the table's, as it says it, or part of the case that is quoted."""
    assert four.folder is not None
    assert plain.folder is not None
    content = briefing_content(read_run(four.folder), language=language)
    title = {"en": "Whose ground is in view", "es": "De quién es el suelo a la vista"}[language]
    section = next(item for item in content.sections if item["title"] == title)
    rows = section["blocks"][1]["rows"]
    assert [row[0] for row in rows] == [load_words(language)(f"levels.{name}.name") for name in ("detect", "observe")]
    figures = [figure for figure in content.figures if figure.file == "private_ground.csv"]
    assert [figure.said for figure in figures] == [cell for row in rows for cell in row[1:]]
    assert figures[0].value == share(four, "independent_20", "detect", VIEW, "own")
    assert figures[2].value == share(four, "independent_20", "detect", FRONT_YARDS)
    assert "C-212/13" in section["blocks"][-1]["text"]
    assert section["blocks"][-1]["text"] in content.quoted
    assert title not in [item["title"] for item in briefing_content(read_run(plain.folder), language=language).sections]


@pytest.mark.parametrize(
    ("jurisdiction", "country", "stated", "says"),
    [
        ("EU", "us", None, LAW),
        ("other", "world", "DE", None),
        (None, "world", "DE", LAW),
        (None, "world", " es ", LAW),
        (None, "world", "LI", None),
        (None, "world", "GB", None),
        (None, "us", None, None),
        (None, "world", None, UNKNOWN_LAW + LAW),
    ],
)
def test_the_case_law_is_named_for_eu_places(jurisdiction: str, country: str, stated: str, says: str | None):
    assert law_words(jurisdiction, country, stated) == says


def test_the_case_is_cited_by_number_name_and_date():
    for words in ("C-212/13", "Ryneš", "11 December 2014", "upper bound", "no legal advice"):
        assert words in LAW


# --- what the study may say -------------------------------------------------------------------------------------------


def test_faults_of_the_section_are_listed_all_at_once(folder: Path):
    with pytest.raises(StudyError) as caught:
        study_of(folder, {"lots": "parcels", "facade_step_m": 0.0, "lot_reach": 3.0})
    text = str(caught.value)
    assert "private_ground.lots: parcels, but the study has none" in text
    assert "private_ground.facade_step_m" in text
    assert "lot_reach_m" in text
