"""Who is in view by zone: areas, homes, streets, overlaps and slivers of a tiny town by hand; people; bad input."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import doorview as dv
from doorview.cli import main
from doorview.errors import InputError, MissingFileError, StudyError, UnknownNameError
from doorview.share.simulate import QUANTILES
from doorview.show.tables import FAIRNESS_COLUMNS, write_by_people
from doorview.study.fairness_section import BLOCK_FACES
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from doorview.study.zone_faults import zone_faults
from helpers.osmfile import OsmFile
from helpers.tiny import tiny_town

KEYS = ["scenario", "level", "zoning", "zone", "space"]
SIDES = ["share_inside_only", "share_both", "share_outside_only"]
QUICK: dict[str, object] = {
    "output": {"maps": False, "rasters": False, "qgis": False},
    "coverage": {"range_curve": False},
    "drivers": {"ranges": 0},
    "camera": {"levels": ["observe", "detect"]},
}
SCENARIOS = {
    "none": {"rate": 0.0},
    "independent_20": {"rate": 0.2},
    "every": {"rate": 1.0},
    "gift": {
        "based_on": "independent_20",
        "programme": {"number": 3, "to": "zones_in_order", "zoning": "halves", "zones": ["E"]},
    },
    "private": {"based_on": "independent_20", "rules": {"privacy_zone_m": 1.0}},
}
# West to 10 m beyond the middle, so that 20 m by 180 m lie in both halves; a sliver of 0.4 m in east and edge.
BOXES = {
    "W": (-190, -90, 10, 90),
    "E": (-10, -90, 190, 90),
    "edge": (189.6, -90, 199, 90),
    "speck": (-12.0, -1.5, -8.0, 2.5),
    "yards": (-60, 60, -20, 68),
}
PUPILS = {"W": 300.0, "E": 100.0, "edge": None, "speck": 0.0, "yards": 50.0}
BLOCKS = {"north": (-190, 0, 190, 90), "south": (-190, -90, 190, 0)}
REACH_M = 28.4
"""Of the level detect, by which the counted area ends before the data do."""


def boxes(path: Path, of: dict[str, tuple[float, ...]], crs: str = "EPSG:4326", **columns: object) -> None:
    town = OsmFile()
    shapes = [
        shapely.box(*town.lonlat(*map(float, box[:2])), *town.lonlat(*map(float, box[2:]))) for box in of.values()
    ]
    table = {"id": list(of), "name": [f"Zone {name}" for name in of], **columns}
    gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326").to_crs(crs).to_file(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("fairness")
    tiny_town(place / "town.osm.pbf", flats="4")
    # Another CRS, of the other axis order and in feet.
    boxes(place / "halves.gpkg", BOXES, "EPSG:2248", pupils=list(PUPILS.values()), words=["1", "two", "-3", "inf", ""])
    boxes(place / "blocks.geojson", BLOCKS)
    return place


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Tiny", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "zones": [
            {"file": "halves.gpkg", "zoning": "halves", "id": "id", "name": "name"},
            {"file": "blocks.geojson", "zoning": "blocks", "id": "id"},
        ],
        "scenarios": SCENARIOS,
        **QUICK,
        **sections,
    }
    return study_from_dict(raw | ({} if asked is None else {"fairness": asked}), folder=folder)


@pytest.fixture(scope="module")
def run(folder: Path) -> Result:
    return run_study(study_of(folder, {"weight": "pupils"}), folder / "out" / "fair")


def table_of(result: Result) -> pd.DataFrame:
    assert result.fairness is not None
    return result.fairness


def rows(result: Result, **keys: str) -> pd.DataFrame:
    table = table_of(result)
    for name, value in keys.items():
        table = table[table[name] == value]
    return table


def one(result: Result, zone: str, scenario: str = "every", level: str = "detect", space: str = "all") -> pd.Series:
    found = rows(result, scenario=scenario, level=level, zone=zone, space=space)
    assert len(found) == 1
    return found.iloc[0]


def test_areas_homes_and_streets_by_hand(run: Result) -> None:
    """The counted area is the data less 28.4 m on each side: from -171.6 to 171.6 m and from -71.6 to 71.6 m."""
    wide, high = 200 - REACH_M, 100 - REACH_M
    # 11 houses on each side of the street, 30 m apart from -159 m (their middle) on; the first on each side are of 4.
    wanted = {
        "W": (200 * 180, (wide + 10) * 2 * high, wide + 10, 2 * (4 + 5)),
        "E": (200 * 180, (wide + 10) * 2 * high, wide + 10, 2 * 6),
        "north": (380 * 90, 2 * wide * high, None, 4 + 10),
        "south": (380 * 90, 2 * wide * high, None, 4 + 10),
    }
    for zone, (polygon, counted, street, homes) in wanted.items():
        row = one(run, zone)
        # The places of the tiny town are good to some 0.3 %.
        assert row["polygon_m2"] == pytest.approx(polygon, rel=0.006)
        assert row["counted_m2"] == pytest.approx(counted, rel=0.006)
        assert row["grid_m2"] == pytest.approx(row["counted_m2"], rel=0.002)
        assert row["dwellings"] == homes, zone
        if street is not None:
            assert row["street_km"] == pytest.approx(street / 1000, rel=0.006)
        assert row["cells"] == row["grid_m2"] / 0.25


def test_amounts_in_view_per_dwelling_and_per_street_km(run: Result) -> None:
    """At a rate of 1 all that any door sees is in view: by hand from the share, the ground, the homes, the street."""
    west = one(run, "W", space="streets")
    # Houses stand 12 m from the middle of the street, every 30 m on both sides: all of it is in view.
    assert west["share_p05"] == west["share_p95"] == west["share_mean"] == 1.0
    seen = west["public_m2"]
    assert west["in_view_m2"] == pytest.approx(seen)
    assert west["in_view_m2_per_dwelling"] == pytest.approx(seen / 18)
    assert west["in_view_m2_per_street_km"] == pytest.approx(seen / (0.2 - REACH_M / 1000 + 0.01), rel=0.006)


def test_shares_and_intervals_are_those_of_the_printed_table(run: Result) -> None:
    table = rows(run).query("zoning != @BLOCK_FACES and share_mean.notna()")
    printed = run.shares[run.shares["measure"] == "area_m2"]
    both = table.merge(printed, on=KEYS, suffixes=("", "_printed"), validate="one_to_one")
    assert len(both) == len(table) > 100
    for name in ("share_mean", "share_p05", "share_p95", "doors_inside", "dwellings"):
        assert (both[name] == both[f"{name}_printed"]).all(), name
    assert (both["public_m2"] == both["public_amount"]).all()


def test_the_three_sides_add_up(run: Result) -> None:
    table = table_of(run)
    table = table[table["share_mean"].notna()]
    assert (table[SIDES].sum(axis=1) - table["share_mean"]).abs().max() < 1e-15
    assert (table[SIDES] >= 0).all(axis=None)
    # Houses face the street from both sides: much of it is in view from the other block alone.
    assert one(run, "north", "independent_20")["share_outside_only"] > 0.02


def test_zones_without_homes_or_public_space_are_there_and_say_so(run: Result) -> None:
    table = table_of(run)
    assert not table[["public_m2", "cells", "dwellings", "grid_m2", "note"]].isna().any(axis=None)
    yards = rows(run, zone="yards")
    assert len(yards) == 5 * 2 * 3
    assert (yards["note"] == "no public space; no homes").all()
    assert yards[["share_mean", *SIDES, "in_view_m2", "in_view_m2_per_dwelling"]].isna().all(axis=None)
    assert (yards["public_m2"] == 0).all()
    facts = run.tables.fairness.zonings["halves"] if run.tables.fairness else {}
    assert facts["without_public_space"] == 1  # the yards: the edge lies outside and is left out
    assert facts["without_homes"] == 2
    assert facts["zones"] == 4


def test_small_zones_are_flagged(run: Result) -> None:
    """4 m by 4 m: 64 cells and some, on the street."""
    speck = one(run, "speck")
    assert 50 < speck["cells"] < 100
    assert speck["under_100_cells"]
    assert "under 100 cells" in speck["note"]
    assert not one(run, "W")["under_100_cells"]


def test_a_zone_cut_by_the_counted_area_says_so(run: Result) -> None:
    assert one(run, "W")["note"] == "cut by the edge of the counted area"


def test_overlaps_count_in_both_and_are_told(run: Result) -> None:
    facts = run.tables.fairness.zonings["halves"] if run.tables.fairness else {}
    zones = run.ready.zones
    assert zones is not None
    # W with E, W with the speck, E with the speck, W with the yards: none of them a sliver.
    assert facts["overlapping_pairs"] == 4
    assert facts["of_these_slivers"] == 0
    assert facts["overlap_of_polygons_m2"] == pytest.approx(20 * 180 + 2 * 4 + 4 * 4 + 40 * 8, rel=0.01)
    halves = [one(run, zone)["public_m2"] for zone in ("W", "E", "speck")]
    whole = run.shares.query("zoning == 'all' and space == 'all'")["public_amount"].iloc[0]
    assert facts["public_m2"] == whole
    assert facts["public_m2_in_no_zone"] == 0
    # By inclusion and exclusion: all of the speck lies in W or E, a half of it in both.
    twice = halves[0] + halves[1] - whole
    assert facts["public_m2_in_several_zones"] == pytest.approx(twice + halves[2] / 2, rel=0.05)
    assert run.tables.fairness is not None
    assert run.tables.fairness.zonings["blocks"]["public_m2_in_several_zones"] == 0


def test_slivers_are_told_from_overlaps(folder: Path, tmp_path: Path) -> None:
    """Two zones drawn to touch that overlap by 0.4 m, and two that leave 20 m between them."""
    boxes(tmp_path / "z.geojson", {"a": (-150, -60, 0.2, 60), "b": (-0.2, -60, 100, 60), "c": (120, -60, 150, 60)})
    asked = {"zones": [{"file": str(tmp_path / "z.geojson"), "id": "id"}], "scenarios": {"r": {"rate": 0.2}}}
    result = run_study(study_of(folder, {"block_faces": False}, **asked), tmp_path / "out")
    assert result.tables.fairness is not None
    facts = result.tables.fairness.zonings["z"]
    assert (facts["overlapping_pairs"], facts["of_these_slivers"]) == (1, 1)
    assert facts["overlap_of_polygons_m2"] == pytest.approx(0.4 * 120, rel=0.02)
    # Street between the zones and beyond them: 20 m, and 21.6 m at both ends, of 343.2 m.
    assert facts["public_m2_in_no_zone"] / facts["public_m2"] == pytest.approx((20 + 2 * 21.6) / 343.2, rel=0.02)
    assert set(table_of(result)["zoning"]) == {"z"}


def test_block_faces_are_those_that_are_published(run: Result) -> None:
    table = rows(run, zoning=BLOCK_FACES)
    assert set(table["space"]) == {"streets"}
    for scenario in SCENARIOS:
        faces = run.tables.faces[scenario]
        for row in table[table["scenario"] == scenario].itertuples():
            shares = faces.loc[faces["group"] == int(row.zone), f"share_{row.level}"].dropna().unique()
            assert shares.tolist() == [row.share_mean]
    assert not table["dwellings"].between(1, 4).any()
    assert (table["share_p05"] <= table["share_p95"]).all()
    assert table.loc[table["scenario"] == "independent_20", "share_p95"].gt(0.1).any()


def test_what_a_gift_changes_by_zone(run: Result) -> None:
    """change.csv's rows of zones; doorbells go to the east alone; privacy zones take away."""
    assert run.tables.fairness is not None
    change = run.tables.fairness.change
    printed = run.tables.counted.change
    assert change is not None
    assert printed is not None
    both = change.merge(printed, on=["scenario", "against", "level", "zoning", "zone", "space"], suffixes=("", "_"))
    assert len(both) == len(change)
    assert (both["change_mean"] == both["change_mean_"]).all()
    assert (both["change_p05"] == both["change_p05_"]).all()
    assert (change["share_after"] - change["share_before"] - change["change_mean"]).abs().max() < 1e-15
    here = change.query("level == 'detect' and space == 'all' and zoning == 'halves'").set_index(["scenario", "zone"])
    assert here.loc[("gift", "E"), "in_view"] == "more"
    assert here.loc[("gift", "E"), "change_mean"] > here.loc[("gift", "W"), "change_mean"] > 0
    assert here.loc[("private", "W"), "in_view"] == "less"
    known = {"more": here["change_p05"] > 0, "less": here["change_p95"] < 0}
    for word, right in known.items():
        assert right[here["in_view"] == word].all()
    assert ((here["change_p05"] <= 0) & (here["change_p95"] >= 0))[here["in_view"] == "open"].all()
    words = " ".join(change["in_view"].unique())
    assert not {"better", "worse", "gain", "lose"} & set(words.split())


def test_the_share_by_pupils_by_hand(run: Result) -> None:
    """300 pupils in the west, 100 in the east, none in the speck, 50 where no public space is."""
    assert run.tables.fairness is not None
    by_people = run.tables.fairness.by_people
    assert by_people is not None
    row = by_people.query("scenario == 'independent_20' and level == 'detect' and space == 'all'")
    assert len(row) == 1
    assert row[["zoning", "zone"]].iloc[0].tolist() == ["halves", "all"]
    west, east = (one(run, zone, "independent_20")["share_mean"] for zone in ("W", "E"))
    assert row["share_by_people"].iloc[0] == pytest.approx((3 * west + east) / 4)
    assert row["people"].iloc[0] == 400
    assert row["share_mean"].iloc[0] == run.share("independent_20", "detect", "all")
    said = run.tables.fairness.people
    assert said is not None
    assert said["zonings"]["halves"]["people_in_zones_without_public_space"] == 50
    assert said["zonings"]["halves"]["zones_without_a_number"] == 0  # the edge is outside the counted area


def test_people_from_points_lines_and_polygons(run: Result, folder: Path) -> None:
    """One street, so that each block face is one group: each kind by hand."""
    town = OsmFile()
    groups = run.tables.faces["independent_20"]
    shares = groups["share_detect"].to_numpy()
    faces = run.ready.ground.faces.geometry
    west = int(faces.centroid.x.argmin())
    points = gpd.GeoDataFrame(
        {"people": [30, 10, 5.0, None]},
        geometry=[shapely.Point(*town.lonlat(*xy)) for xy in [(-100, 4), (120, -9), (0, 85), (0, 0)]],
        crs="EPSG:4326",
    )
    found = dv.fairness(run, zoning="halves", scenarios="independent_20", weight="people", weight_file=points)
    found = found.query("level == 'detect'").set_index(["zoning", "zone"])
    of = [int(faces.distance(point).argmin()) for point in points.to_crs(run.ready.city.crs).geometry[:2]]
    assert found.loc[("all", "all"), "people"] == 40
    wanted = (30 * shares[of[0]] + 10 * shares[of[1]]) / 40
    assert found.loc[("all", "all"), "share_by_people"] == pytest.approx(wanted)
    assert found.loc[("halves", "W"), "share_by_people"] == pytest.approx(shares[of[0]])
    assert found.loc[("halves", "E"), "people"] == 10
    # A polygon round the whole street: by the length of each face inside it; a line along a face: that face.
    ring = gpd.GeoDataFrame(
        {"people": [70.0]},
        geometry=[shapely.box(*town.lonlat(-190, -50), *town.lonlat(190, 50))],
        crs="EPSG:4326",
    )
    table = dv.fairness(run, scenarios="independent_20", weight="people", weight_file=ring)
    inside = faces.intersection(ring.to_crs(run.ready.city.crs).geometry.iloc[0]).length.to_numpy()
    known = ~np.isnan(shares)
    wanted = (inside[known] @ shares[known]) / inside[known].sum()
    row = table.query("level == 'detect' and zoning == 'all'")
    assert row["share_by_people"].iloc[0] == pytest.approx(wanted)
    assert row["people"].iloc[0] == pytest.approx(70)
    line = gpd.GeoDataFrame({"people": [8.0]}, geometry=[faces.iloc[west]], crs=run.ready.city.crs)
    table = dv.fairness(run, scenarios="independent_20", weight="people", weight_file=line)
    row = table.query("level == 'detect' and zoning == 'all'")
    assert row["share_by_people"].iloc[0] == pytest.approx(shares[west])


def test_people_of_a_csv_in_a_run(folder: Path, tmp_path: Path) -> None:
    town = OsmFile()
    lines = ["Lon,lat,people"]
    for (x, y), people in (((-100, 4), 30), ((120, -9), ""), ((100, 90), 7)):
        lon, lat = town.lonlat(x, y)
        lines.append(f"{lon:.7f},{lat:.7f},{people}")
    (tmp_path / "footfall.csv").write_text("\n".join(lines), encoding="utf-8")
    asked = {"weight": "people", "weight_file": str(tmp_path / "footfall.csv"), "zonings": ["halves"]}
    result = run_study(study_of(folder, asked, scenarios={"r": {"rate": 0.2}}), tmp_path / "out")
    written = pd.read_csv(tmp_path / "out" / "fairness_by_people.csv")
    assert written["people"].tolist() == [30.0] * len(written)
    assert set(written["zone"]) == {"all", "W"}
    facts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["fairness"]["people"]
    assert facts["rows_left_out"] == {"without a number": 1}
    assert facts["people_left_out"] == {"more than 50 m from any block face that has a share": 7.0}
    assert result.tables.fairness is not None


def test_fewer_than_five_people_are_not_published(run: Result, tmp_path: Path) -> None:
    assert run.tables.fairness is not None
    table = run.tables.fairness.by_people
    assert table is not None
    write_by_people(tmp_path / "p.csv", table.assign(people=np.where(table["level"] == "detect", 4.5, 400.0)))
    written = pd.read_csv(tmp_path / "p.csv").set_index("level")
    assert set(written.loc["detect", "people"]) == {"fewer than 5"}
    assert written.loc["detect", "share_by_people"].isna().all()
    assert written.loc["observe", "share_by_people"].notna().all()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1", "two", "3"], ["1 no number", "row 2 has 'two'"]),
        (["-1", "-2", "3"], ["2 below 0", "row 1 has '-1'", "row 2 has '-2'"]),
        (["1", "inf", "x"], ["1 no number", "1 infinite", "row 3"]),
        (["0", "", "0"], ["no row has a number above 0"]),
    ],
)
def test_bad_numbers_of_people_are_named_by_row(run: Result, tmp_path: Path, cells: list[str], said: list[str]) -> None:
    file = tmp_path / "f.csv"
    file.write_text("lon,lat,n\n" + "\n".join(f"-76.79,39.37,{cell}" for cell in cells), encoding="utf-8")
    with pytest.raises(InputError) as fault:
        dv.fairness(run, weight="n", weight_file=file)
    assert all(part in str(fault.value) for part in [*said, "f.csv"])


def test_bad_numbers_of_zones_are_named_by_zone(run: Result) -> None:
    with pytest.raises(InputError) as fault:
        dv.fairness(run, zoning="halves", weight="words")
    message = str(fault.value)
    assert "zone E has 'two'" in message
    assert "zone speck has 'inf'" in message


def test_people_that_are_nowhere(run: Result, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("lon,lat,n\n10,50,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="within 50 m of a block face"):
        dv.fairness(run, weight="n", weight_file=tmp_path / "f.csv")
    (tmp_path / "g.csv").write_text("x,y,n\n10,50,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="lon and lat"):
        dv.fairness(run, weight="n", weight_file=tmp_path / "g.csv")
    (tmp_path / "h.csv").write_text("lon,lat,n\n10,500,4\n", encoding="utf-8")
    with pytest.raises(InputError, match="first: 1"):
        dv.fairness(run, weight="n", weight_file=tmp_path / "h.csv")
    with pytest.raises(MissingFileError, match=r"nowhere\.csv"):
        dv.fairness(run, weight="n", weight_file=tmp_path / "nowhere.csv")
    with pytest.raises(UnknownNameError, match="Did you mean 'n'"):
        dv.fairness(run, weight="N", weight_file=tmp_path / "f.csv")
    with pytest.raises(InputError, match=r"weight='\.\.\.'"):
        dv.fairness(run, weight_file=tmp_path / "f.csv")
    with pytest.raises(InputError, match=r"there are: .*pupils"):
        dv.fairness(run, weight="pupil")


def test_from_python(run: Result) -> None:
    found = dv.fairness(run, zoning="blocks", scenarios=["every"])
    wanted = rows(run, zoning="blocks", scenario="every")
    pd.testing.assert_frame_equal(found, wanted.reset_index(drop=True))
    assert set(dv.fairness(run)["zoning"]) == {"halves", "blocks"}
    assert set(dv.fairness(run, zoning=BLOCK_FACES)["zoning"]) == {BLOCK_FACES}
    with pytest.raises(UnknownNameError, match="Did you mean 'halves'"):
        dv.fairness(run, zoning="halfs")
    with pytest.raises(UnknownNameError, match="Did you mean 'every'"):
        dv.fairness(run, scenarios="evry")
    with pytest.raises(InputError, match="nothing to compare"):
        dv.fairness(run, zoning=[])


def test_pictures_of_several_sets_of_zones_are_named_by_them(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from doorview.show import fairness_maps
    from doorview.study.fairness_draw import draw_fairness

    drawn: dict[str, set[str]] = {}

    def note(path: Path, data: fairness_maps.FairnessData, **_: str) -> Path:
        drawn[path.name] = set(data.zones["zoning"]) | set(data.table["zoning"])
        return path

    monkeypatch.setattr(fairness_maps, "zone_bars_map", note)
    monkeypatch.setattr(fairness_maps, "change_map", note)
    draw_fairness(run, tmp_path)
    kinds = ("fairness", "fairness_change_gift", "fairness_change_private")
    assert drawn == {f"{kind}_{zoning}.png": {zoning} for kind in kinds for zoning in ("blocks", "halves")}


def test_the_file_is_fit_to_publish(run: Result, folder: Path) -> None:
    """A zone of 2 homes: counts as words, nothing by whose door, the share of public ground as in shares.csv."""
    text = (folder / "out" / "fair" / "fairness.csv").read_text("utf-8")
    table = pd.read_csv(folder / "out" / "fair" / "fairness.csv", dtype={"zone": str})
    assert tuple(table.columns) == FAIRNESS_COLUMNS
    numbers = pd.to_numeric(table["dwellings"], errors="coerce")
    assert not numbers.between(1, 4).any()
    assert "nan" not in text.lower()
    assert len(table) == len(table_of(run))


def test_a_few_homes_are_not_split_by_door(folder: Path, tmp_path: Path) -> None:
    boxes(tmp_path / "z.geojson", {"few": (0, -30, 25, 30), "rest": (25, -60, 150, 60)})
    asked = {"zones": [{"file": str(tmp_path / "z.geojson"), "id": "id"}], "scenarios": {"r": {"rate": 0.2}}}
    result = run_study(study_of(folder, {"block_faces": False}, **asked), tmp_path / "out")
    exact = rows(result, zone="few", level="detect", space="streets").iloc[0]
    assert exact["dwellings"] == 2
    table = pd.read_csv(tmp_path / "out" / "fairness.csv")
    few = table[(table["zone"] == "few") & (table["level"] == "detect") & (table["space"] == "streets")].iloc[0]
    assert few["dwellings"] == few["doors_inside"] == "fewer than 5"
    assert few[[*SIDES, "in_view_m2_per_dwelling"]].isna().all()
    assert few["share_mean"] == exact["share_mean"] > 0
    assert "fewer than 5 homes" in few["note"]


def test_homes_beyond_the_counted_area_count_as_few_too(folder: Path, tmp_path: Path) -> None:
    """The counted area is cut at the middle: two homes of the zone lie beyond, and see into it."""
    town = OsmFile()
    half = shapely.box(*town.lonlat(-150, -60), *town.lonlat(0, 60))
    gpd.GeoDataFrame({"id": ["x"]}, geometry=[half], crs="EPSG:4326").to_file(tmp_path / "half.geojson")
    boxes(tmp_path / "z.geojson", {"few": (-2, -30, 30, 30), "rest": (-150, -60, -2, 60)})
    asked = {
        "place": {"extract": "town.osm.pbf", "boundary": str(tmp_path / "half.geojson")},
        "zones": [{"file": str(tmp_path / "z.geojson"), "id": "id"}],
        "scenarios": {"r": {"rate": 0.2}},
    }
    result = run_study(study_of(folder, {"block_faces": False}, **asked), tmp_path / "out")
    few = rows(result, zone="few", level="detect", space="streets").iloc[0]
    assert few["dwellings"] == 0
    assert few["share_mean"] > 0
    assert few[SIDES].isna().all()
    assert "fewer than 5 homes" in few["note"]


def test_a_run_that_does_not_ask_is_the_same_to_the_byte(run: Result, folder: Path) -> None:
    run_study(study_of(folder, None), folder / "out" / "plain")
    for name in ("shares.csv", "curve.csv", "change.csv", "densities.csv"):
        one_file, other = (folder / "out" / which / name for which in ("plain", "fair"))
        assert one_file.read_bytes() == other.read_bytes(), name
    assert not (folder / "out" / "plain" / "fairness.csv").exists()


def test_all_faults_of_the_section_at_once(folder: Path) -> None:
    asked = {
        "zonings": ["halfs", "blocks", "blocks"],
        "scenarios": ["evry"],
        "weight_file": "blocks.geojson",
        "blockfaces": True,
    }
    with pytest.raises(StudyError) as fault:
        study_of(folder, asked)
    text = str(fault.value)
    for part in (
        "fairness.zonings: unknown set of zones 'halfs'. Did you mean 'halves'?",
        "fairness.zonings: 'blocks' is given 2 times",
        "fairness.scenarios: unknown scenario 'evry'. Did you mean 'every'?",
        "fairness.weight_file: says where people are",
        "fairness.blockfaces: unknown key. Did you mean 'block_faces'?",
    ):
        assert part in text, text


def test_a_weight_that_no_zones_have_is_told_before_anything_slow(folder: Path, tmp_path: Path) -> None:
    faults, _ = zone_faults(study_of(folder, {"weight": "pupil"}))
    assert faults == [
        "fairness.weight: no set of zones has a column 'pupil'. Did you mean 'pupils'? Known: id, name, pupils, words."
    ]
    assert zone_faults(study_of(folder, {"weight": "pupils"})) == ([], [])
    with pytest.raises(StudyError, match="Did you mean 'pupils'"):
        run_study(study_of(folder, {"weight": "pupil"}), tmp_path / "out")


def test_check_says_what_is_compared(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        f"[place]\nextract = '{folder / 'town.osm.pbf'}'\n[[zones]]\nfile = '{folder / 'halves.gpkg'}'\n[fairness]\n",
        encoding="utf-8",
    )
    assert main(["check", str(file)]) == 0
    assert "fairness   halves, block faces, by whose doors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"block_faces": False}, "asks for no zones and no block faces"),
        ({"zonings": ["tracts"]}, "The study has no [[zones]]"),
        ({"weight": "pupils"}, "weight_file = '...'"),
        ({"zonings": []}, "fairness.zonings: empty"),
    ],
)
def test_without_zones(folder: Path, asked: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError) as fault:
        study_of(folder, asked, zones=[], scenarios={"r": {"rate": 0.2}})
    assert said in str(fault.value).replace("  ", " ")


def test_quantiles_are_those_of_the_run() -> None:
    assert QUANTILES == (0.05, 0.95)


def test_an_estimate_has_block_faces(folder: Path) -> None:
    """A run without zones, that never heard of fairness."""
    city = dv.City.from_extract(folder / "town.osm.pbf")
    result = dv.estimate(city, levels=["detect"], rates=0.2, drivers={"ranges": 0}, range_curve=False)
    table = dv.fairness(result)
    assert set(table["zoning"]) == {BLOCK_FACES}
    # One street, and every home's nearest block face is a piece of it.
    assert table["dwellings"].sum() == 28
    assert result.fairness is None
