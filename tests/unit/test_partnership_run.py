"""A partnership in a run: what the study may say, what the folder holds, and that nothing else changes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from doorview.cli import main
from doorview.errors import InputError, StudyError, UnknownNameError
from doorview.show.tables import PARTNERSHIP_COLUMNS
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.tiny import halves, tiny_town

LEVELS = ["trigger", "recognise", "observe", "detect"]
TOLD = ["detect", "observe", "recognise"]
DOORS, WEST = 22, 12
HOMES = 20 + 2 * 4
"""Twenty houses of one home, and two of four flats."""
QUICK: dict[str, object] = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}
LAKELAND = {"preset": "lakeland_2018", "months": 12, "replicates": 64}
GIFT = {"start_rate": 0.1, "supply": [[2, 6]], "rule": "district", "reach": 0.0, "months": 6, "replicates": 64}
IN_THE_WEST = {**GIFT, "zoning": "halves", "zones": ["W"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("deal")
    tiny_town(place / "town.osm.pbf", flats="4")
    halves(place / "halves.gpkg", 12, 10)
    return place


def study_of(folder: Path, partnership: dict[str, object] | None, **sections: object) -> Study:
    zones = [{"file": "halves.gpkg", "id": "id", "name": "name", "dwellings": "homes"}]
    raw: dict[str, object] = {
        "study": {"name": "Tiny"},
        "place": {"extract": "town.osm.pbf"},
        "drivers": {"ranges": 0},
        "zones": zones,
    }
    raw |= {"camera": {"levels": LEVELS}, **sections}
    return study_from_dict(raw | ({} if partnership is None else {"partnership": partnership}), folder=folder)


@pytest.fixture(scope="module")
def plain(folder: Path) -> Result:
    return run_study(study_of(folder, None), folder / "out" / "plain")


@pytest.fixture(scope="module")
def deal(folder: Path) -> Result:
    return run_study(study_of(folder, LAKELAND), folder / "out" / "deal")


@pytest.fixture(scope="module")
def district(folder: Path) -> Result:
    return run_study(study_of(folder, IN_THE_WEST, **QUICK), folder / "out" / "district")


def files_of(result: Result) -> set[str]:
    assert result.folder is not None
    return {path.relative_to(result.folder).as_posix() for path in result.folder.rglob("*") if path.is_file()}


def table_of(result: Result) -> pd.DataFrame:
    assert result.partnership is not None
    return result.partnership


# --- the folder ------------------------------------------------------------------------------------------------------


def test_a_partnership_adds_its_files_and_changes_nothing_else(plain: Result, deal: Result):
    assert files_of(deal) - files_of(plain) == {"partnership.csv", "maps/partnership.png"}
    assert plain.folder is not None
    assert deal.folder is not None
    for name in sorted(files_of(plain)):
        if name.endswith((".csv", ".parquet", ".tif", ".png")):
            assert (deal.folder / name).read_bytes() == (plain.folder / name).read_bytes(), name
    assert deal.headline() == plain.headline()
    assert plain.partnership is None
    assert "partnership" not in json.loads((plain.folder / "run.json").read_text(encoding="utf-8"))


def test_the_file_is_the_table_for_the_headlines_levels(deal: Result):
    assert deal.folder is not None
    written = pd.read_csv(deal.folder / "partnership.csv")
    assert tuple(written.columns) == PARTNERSHIP_COLUMNS
    assert set(written["level"]) == set(TOLD)
    assert set(written["space"]) == {"streets_near_homes"}
    assert len(written) == 3 * 13
    pd.testing.assert_frame_equal(written, table_of(deal)[list(PARTNERSHIP_COLUMNS)], check_dtype=False)


def test_shares_are_those_of_the_curve_counted_by_hand(deal: Result):
    counts = deal.counts
    here = counts[(counts["zoning"] == "all") & (counts["space"] == "streets_near_homes")]
    for row in table_of(deal).itertuples():
        own = here[(here["level"] == row.level) & (here["measure"] == "area_m2")]
        for owned, share in (
            (row.doors_owned, row.share_mean),
            (row.doors_without_programme, row.share_without_programme),
        ):
            seen = sum(a * (1 - (1 - owned / DOORS) ** k) for k, a in zip(own["k"], own["amount"], strict=True))
            assert share == pytest.approx(seen / own["amount"].sum(), rel=1e-12)


def test_the_town_is_the_counted_area_and_lakelands_terms_are_kept(deal: Result):
    table = table_of(deal)
    first = table[table["level"] == "detect"].set_index("month")
    assert first["doors_owned"][0] == pytest.approx(0.04 * DOORS)
    # 15 doorbells come in month 3, but a raffle goes to homes with the app: 20 % of the homes are reached.
    reached = round(0.2 * HOMES)
    handed = first["free_doorbells"].cumsum()
    assert (handed <= first["downloads"].cumsum()).all()
    assert handed.iloc[-1] <= reached
    assert (first["credit"] == 10.0 * first["downloads"]).all()


def test_the_picture_is_there_and_no_text_is_needed_to_find_it(deal: Result):
    assert deal.folder is not None
    with Image.open(deal.folder / "maps" / "partnership.png") as picture:
        assert min(picture.size) > 800


def test_run_json_has_terms_with_sources_and_what_nobody_knows(deal: Result):
    assert deal.folder is not None
    told = json.loads((deal.folder / "run.json").read_text(encoding="utf-8"))["partnership"]
    assert told["programme"] == "lakeland_2018"
    assert "sent them back" in told["said"]
    terms = told["terms"]
    assert (terms["credit"]["value"], terms["price"]["value"], terms["supply"]["value"]) == (10.0, 130.0, [[3, 15]])
    assert all((term["mark"] and "http" in term["source"]) or "VICE" in term["source"] for term in terms.values())
    assert {"reach", "monthly_share", "take_up", "ceiling", "rule"} <= set(told["free"])
    assert set(told["free"]) == set(told["assumed"])
    assert told["assumed"]["reach"] == 0.2
    assert told["assumed"]["take_up"] == 1.0
    assert told["town"] == {"doors": DOORS, "households": HOMES, "start_rate": 0.04}


def test_own_values_are_marked_as_the_users(folder: Path, tmp_path: Path):
    study = study_of(folder, {**LAKELAND, "credit": 20.0, "reach": 1.0}, **QUICK)
    result = run_study(study, tmp_path / "own")
    assert result.folder is not None
    told = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))["partnership"]
    assert told["terms"]["credit"] == {"value": 20.0, "mark": "user", "source": "given in the study file"}
    assert told["terms"]["price"]["mark"] == "C"
    assert told["assumed"]["reach"] == 1.0
    assert "maps/partnership.png" not in files_of(result)


def test_the_notes_say_what_it_comes_to_and_what_is_assumed(deal: Result, plain: Result):
    (note,) = [note for note in deal.notes() if note.startswith("Under a programme")]
    last = table_of(deal).query("month == 12 and level == 'detect'").iloc[0]
    for words in (
        "Lakeland, Florida",
        "as offered",
        "after 12 months",
        f"of {DOORS} doors own a camera",
        f"detect {100 * last['share_mean']:.0f}%, without it {100 * last['share_without_programme']:.0f}%",
        "observe",
        "recognise",
        "sent them back",
        "reach (0.2)",
    ):
        assert words in note, words
    assert not [note for note in plain.notes() if "programme" in note]


def test_the_same_study_gives_the_same_bytes_on_any_number_of_cores(folder: Path, deal: Result, tmp_path: Path):
    study = study_of(folder, LAKELAND, output=QUICK["output"]).with_threads(1)
    again = run_study(study, tmp_path / "again")
    assert again.folder is not None
    assert deal.folder is not None
    assert (again.folder / "partnership.csv").read_bytes() == (deal.folder / "partnership.csv").read_bytes()


# --- a district ------------------------------------------------------------------------------------------------------


def share_by_sets(result: Result, chance: NDArray[np.float64], level: str) -> float:
    """Return the share of streets near homes in view, set by set, with plain products."""
    coverage = result.tables.coverage
    members = [
        coverage.members.doors[a:b]
        for a, b in zip(coverage.members.start[:-1], coverage.members.start[1:], strict=True)
    ]
    rows = coverage.rows
    near = rows[(rows["level"] == list(coverage.levels).index(level)) & (rows["near"] == 1)]
    street = near[near["space"].isin([1, 2, 3, 8])]  # carriageway, alley, sidewalk, verge by rank
    seen = sum(
        amount * (1 - math.prod(1 - float(chance[door]) for door in members[number]))
        for number, amount in zip(street["set"], street["amount"], strict=True)
    )
    totals = coverage.totals
    all_of_it = totals[(totals["near"] == 1) & totals["space"].isin([1, 2, 3, 8])]["amount"].sum()
    return float(seen / all_of_it)


def test_a_district_gets_its_doorbells_at_its_own_doors(district: Result):
    doors = district.ready.doors
    table = table_of(district)
    west = doors.geometry.x.to_numpy() < np.median(np.unique(doors.geometry.x.round(1))) + 1
    assert west.sum() == WEST
    for level in TOLD:
        rows = table[table["level"] == level].set_index("month")
        for month in (0, 1, 2, 6):
            free = float(rows["free_doorbells"].loc[:month].sum())
            assert free == (6 if month >= 2 else 0)
            others = rows["doors_owned"][month] - free
            chance = np.full(DOORS, others / DOORS) + np.where(west, free / WEST, 0.0)
            assert rows["share_mean"][month] == pytest.approx(share_by_sets(district, chance, level), abs=1e-10)
    assert table["free_doorbells"].sum() == 6 * len(TOLD)


def test_a_district_differs_from_doorbells_spread_alike(folder: Path, district: Result, tmp_path: Path):
    alike = run_study(study_of(folder, {**GIFT, "district_doors": WEST}, **QUICK), tmp_path / "alike")
    own, even = table_of(district), table_of(alike)
    for name in ("doors_owned", "doors_without_programme", "share_without_programme", "free_doorbells"):
        np.testing.assert_array_equal(own[name], even[name])
    before, after = own["month"] < 2, own["month"] >= 2
    np.testing.assert_allclose(own["share_mean"][before], even["share_mean"][before], atol=1e-11)
    # Neighbours see the same street: crowded doorbells overlap more.
    told = own["level"] == "detect"
    assert (own["share_mean"][after & told] < even["share_mean"][after & told]).all()
    assert any("hang in halves W (12 doors)" in str(value) for value in facts_of(district).values())
    assert facts_of(alike)["where"] == "Owners are spread over all doors alike."


def facts_of(result: Result) -> dict[str, object]:
    assert result.folder is not None
    told: dict[str, object] = json.loads((result.folder / "run.json").read_text(encoding="utf-8"))["partnership"]
    return told


def test_both_halves_as_the_district_are_all_doors_alike(folder: Path, tmp_path: Path):
    both = run_study(study_of(folder, {**IN_THE_WEST, "zones": ["W", "E"]}, **QUICK), tmp_path / "both")
    even = run_study(study_of(folder, {**GIFT, "district_doors": DOORS}, **QUICK), tmp_path / "even")
    for name in ("share_mean", "share_p05", "share_p95"):
        np.testing.assert_allclose(table_of(both)[name], table_of(even)[name], atol=1e-10)


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partnership", "words"),
    [
        ({"preset": "lakland"}, ["partnership.preset: unknown preset 'lakland'. Did you mean 'lakeland_2018'?"]),
        ({"preset": "gwinnett"}, ["give start_rate"]),
        ({"start_rate": 0.1, "innovation": 0.03}, ["innovation and imitation belong together"]),
        ({"start_rate": 0.1, "ceiling": 0.1}, ["partnership: a curve to the ceiling 0.1"]),
        ({"start_rate": 0.1, "credit": 10.0}, ["price_cents is 0"]),
        ({"start_rate": 1.5}, ["partnership.start_rate: 1.5 lies outside [0, 1]"]),
        ({"start_rate": 0.1, "months": 0}, ["partnership.months"]),
        ({"start_rate": 0.1, "presett": "x"}, ["partnership.presett: unknown key. Did you mean 'preset'?"]),
        ({"preset": "lakeland_2018", "zoning": "halves", "zones": ["W"]}, ["zones: goes with rule = 'district'"]),
        ({**GIFT, "zoning": "halfs", "zones": ["W"]}, ["unknown set of zones 'halfs'. Did you mean 'halves'?"]),
        ({**GIFT, "zones": ["W"]}, ["zoning and zones belong together"]),
        ({**IN_THE_WEST, "district_doors": 5}, ["district_doors and zones contradict each other"]),
        (
            {"preset": "akrn", "innovation": 0.1, "months": 1000},
            ["unknown preset 'akrn'. Did you mean 'akron'?", "partnership.months"],
        ),
        (
            {"preset": "akrn", "imitation": 0.1, "zones": ["W"], "zoning": "none"},
            ["Did you mean 'akron'?", "belong together", "unknown set of zones 'none'", "goes with rule"],
        ),
    ],
)
def test_faults_are_told_when_the_study_is_checked_all_at_once(
    folder: Path, partnership: dict[str, object], words: list[str]
):
    with pytest.raises(StudyError) as caught:
        study_of(folder, partnership)
    for said in words:
        assert said in str(caught.value), said


@pytest.mark.parametrize(
    ("partnership", "error", "words"),
    [
        ({"preset": "akron"}, InputError, "6,792 doors are eligible but the town has 22"),
        ({**IN_THE_WEST, "zones": ["w"]}, UnknownNameError, "Did you mean 'W'?"),
    ],
)
def test_what_only_the_city_shows_is_told_before_anything_is_seen(
    folder: Path, tmp_path: Path, partnership: dict[str, object], error: type[Exception], words: str
):
    stages: list[str] = []
    with pytest.raises(error) as caught:
        run_study(study_of(folder, partnership), tmp_path / "no", progress=lambda stage, *_: stages.append(stage))
    assert words in str(caught.value)
    assert "seeing and covering" not in stages
    assert not (tmp_path / "no").exists()


def test_the_command_line_names_the_programme(folder: Path, capsys: pytest.CaptureFixture[str]):
    text = '[place]\nextract = "town.osm.pbf"\n[partnership]\npreset = "{}"\n'
    (folder / "good.toml").write_text(text.format("arcadia"), encoding="utf-8")
    assert main(["check", str(folder / "good.toml")]) == 0
    assert "Arcadia, California" in capsys.readouterr().out
    (folder / "bad.toml").write_text(text.format("arkadia"), encoding="utf-8")
    assert main(["check", str(folder / "bad.toml")]) == 1
    assert "Did you mean 'arcadia'?" in capsys.readouterr().err
