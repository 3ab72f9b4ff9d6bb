"""Many cities: what a table may say, that one failure stops nothing, and that what is finished is not done again."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

import doorview as dv
from doorview import cli
from doorview.errors import DoorviewError, MissingFileError, OutputError, StudyError
from doorview.show.cities import ROWS_PER_SHEET, cities_plot
from doorview.show.run_folder import RunFolder
from doorview.show.tables import with_formulas, without_formulas
from doorview.show.text import Caption
from doorview.study.cities import Cities, _in_own_process, _Record, compare_cities
from doorview.study.cities_child import Engine
from doorview.study.cities_draw import headline_rows
from doorview.study.cities_table import Choices, CityRow, read_cities, study_of
from helpers.tiny import halves, tiny_town

QUICK = Choices(levels=("observe", "detect"), rates=(0.2,), cell_m=2.0, without_maps=True)


def faults_of(folder: Path, text: str, choices: Choices = QUICK) -> list[str]:
    (folder / "cities.csv").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_cities(folder / "cities.csv", choices)
    return caught.value.faults


@pytest.fixture
def town(tmp_path: Path) -> Path:
    tiny_town(tmp_path / "elm.osm.pbf")
    return tmp_path


# --- the table -----------------------------------------------------------------------------------------------------


def test_the_faults_of_all_rows_are_told_at_once_by_row_and_name(town):
    (town / "own.toml").write_text('[place]\nextract = "elm.osm.pbf"\n', encoding="utf-8")
    faults = faults_of(
        town,
        "name,extract,place,study,country\n"
        "Elm,elm.osm.pbf,,,\n"
        "Gone,gone.osm.pbf,,,\n"
        "\n"
        "Both,elm.osm.pbf,Lakeland,,\n"
        "Nowhere,,,,\n"
        "Own,,,own.toml,us\n"
        "Short,elm.osm.pbf\n"
        "Far,elm.osm.pbf,,,mars\n",
    )
    told = "\n".join(faults)
    for words in (
        "row 3 (Gone): extract: no such file 'gone.osm.pbf'",
        "row 5 (Both): extract and place contradict",
        "row 6 (Nowhere): says nowhere",
        "row 7 (Own): country: the study file says it itself",
        "row 7 (Own): study: says itself what was given for all cities too (levels, rates, cell_m)",
        "row 8 (Short): 2 cells where the header has 5",
        "row 9 (Far): place.country",
    ):
        assert words in told
    assert "Elm" not in told


@pytest.mark.parametrize(
    "name",
    ["../Elm", "a/b", "a\\b", ".hidden", "..", "maps", "Working", "x.partial", "", "A\x1b[31mB", "tab\tle", "L" * 81],
)
def test_a_name_that_leads_elsewhere_or_takes_a_needed_folder_is_refused(town, name):
    faults = faults_of(town, f'name,extract\n"{name}",elm.osm.pbf\n')
    assert any("name: " in fault for fault in faults)
    assert not any("\x1b" in fault for fault in faults)


def test_names_become_folders_that_every_system_takes(town):
    names = ["Québec (ville)", "CON", "São Paulo", "Elm.", "=SUM(A1)"]
    rows = "".join(f'"{name}",elm.osm.pbf\n' for name in names)
    (town / "cities.csv").write_text(f"name,extract\n{rows}", encoding="utf-8")
    folders = [row.folder for row, _ in read_cities(town / "cities.csv", QUICK)]
    assert folders == ["Québec-ville", "CON-study", "São-Paulo", "Elm", "SUM-A1"]


def test_two_names_of_one_folder_are_refused_capitals_and_accents_aside(town):
    composed, apart = "Ville d'\u00c9t\u00e9", "ville d'E\u0301te\u0301"
    faults = faults_of(
        town, f"name,extract\n{composed},elm.osm.pbf\n{apart},elm.osm.pbf\nElm?,elm.osm.pbf\nElm!,elm.osm.pbf\n"
    )
    assert len(faults) == 2
    assert all("would share the folder" in fault for fault in faults)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"name,extract\n", "no city"),
        (b"name,extrct\nElm,elm.osm.pbf\n", "Did you mean 'extract'?"),
        (b"name,extract,name\nElm,elm.osm.pbf,x\n", "2 times"),
        (b"town,extract\nElm,elm.osm.pbf\n", "column 'name' is missing"),
        (b"name,extract\nElm,elm\xff.pbf\n", "not UTF-8"),
        (b"name,extract\nElm\0,elm.osm.pbf\n", "NUL"),
        (b'name,extract\n"Elm,elm.osm.pbf\n', "no CSV"),
        (b"name,extract\nElm," + b"x" * 200_000 + b"\n", "no CSV"),
        (b"name,extract\nElm," + b"x" * 5000 + b"\n", "no such file"),
    ],
)
def test_a_table_that_is_none_is_told_of(town, content, what):
    (town / "cities.csv").write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_cities(town / "cities.csv", QUICK)
    assert what in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_a_missing_table_is_told_of(tmp_path):
    with pytest.raises(MissingFileError, match="no table of cities"):
        read_cities(tmp_path / "nope.csv", QUICK)
    with pytest.raises(StudyError, match="is a folder"):
        read_cities(tmp_path, QUICK)


def test_semicolons_part_columns_too_and_what_a_row_says_reaches_its_study(town):
    halves(town / "half one.geojson", 11, 11)
    (town / "cities.csv").write_text(
        'Name;Extract;Zones;Country;Label\nElm;elm.osm.pbf;"half one.geojson";us;A street\n', encoding="utf-8-sig"
    )
    ((row, study),) = read_cities(town / "cities.csv", QUICK)
    assert (row.name, row.number) == ("Elm", 2)
    assert (study.name, study.place.country, study.study.label) == ("Elm", "us", "A street")
    assert [zoning.file.name for zoning in study.zones] == ["half one.geojson"]
    assert (study.camera.levels, list(study.scenarios), study.coverage.cell_m) == (
        QUICK.levels,
        ["independent_20"],
        2.0,
    )
    assert not study.output.maps
    assert study_of(row, Choices.from_dict(json.loads(json.dumps(QUICK.as_dict())))) == study


# --- runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a table of three cities, one of which has no homes, and of their finished comparison."""
    folder = tmp_path_factory.mktemp("many cities")
    tiny_town(folder / "elm.osm.pbf")
    tiny_town(folder / "none.osm.pbf", houses=False)
    halves(folder / "halves.geojson", 11, 11, west_name="=West")
    quick = (
        '[place]\nextract = "elm.osm.pbf"\n[coverage]\ncell_m = 2.0\nrange_curve = false\n[drivers]\nranges = 0\n'
        "[scenarios.independent_20]\nrate = 0.2\n"
    )
    (folder / "elm.toml").write_text(f"{quick}[camera]\nlevels = ['detect', 'observe']\n", encoding="utf-8")
    (folder / "own.toml").write_text(
        f"{quick}[camera]\nlevels = ['detect']\n[study]\nname = 'its own name'\n"
        "[[zones]]\nfile = 'halves.geojson'\nid = 'name'\n",
        encoding="utf-8",
    )
    (folder / "cities.csv").write_text(
        "name,extract,study\nNobody,none.osm.pbf,\n=Elm,,elm.toml\nOwn,,own.toml\n", encoding="utf-8"
    )
    return folder


@pytest.fixture(scope="module")
def found(world: Path) -> Cities:
    choices = Choices(without_maps=True)
    return compare_cities(world / "cities.csv", world / "out", choices, by_zone=True, engine=Engine(1))


def test_one_failing_city_does_not_stop_the_rest(world, found):
    assert list(found.failed) == ["Nobody"]
    assert "none of the 22 buildings is a home" in found.failed["Nobody"]
    assert dict(zip(found.status["city"], found.status["status"], strict=True)) == {
        "Nobody": "failed", "=Elm": "done", "Own": "done",
    }  # fmt: skip
    assert list(found.shares["city"].unique()) == ["=Elm", "Own"]
    reasons = pd.read_csv(world / "out" / "working" / "cities_failed.csv")
    assert list(reasons["city"]) == ["Nobody"]
    assert not (world / "out" / "Nobody").exists()


def test_the_table_is_that_of_each_city_with_its_name(world, found):
    own = pd.read_csv(world / "out" / "Own" / "shares.csv", dtype=str, keep_default_na=False)
    table = pd.read_csv(world / "out" / "cities.csv", dtype=str, keep_default_na=False)
    here = table[table["city"] == "Own"].reset_index(drop=True)
    assert here[list(own.columns)].equals(own)
    assert set(here["zoning"]) == {"all", "halves"}
    assert set(table["city"]) == {"'=Elm", "Own"}  # no spreadsheet runs it
    assert found.shares["zone"].isin(["=West"]).any()
    level = json.loads((world / "out" / "Own" / "run.json").read_text(encoding="utf-8"))["levels"]["detect"]
    assert set(here["range_m"].astype(float)) == {level["range_m"]}


def test_nothing_is_written_outside_the_folder(world, found):
    assert found.folder == world / "out"
    assert {path.name for path in world.iterdir()} == {
        *("cities.csv", "elm.osm.pbf", "none.osm.pbf", "halves.geojson", "elm.toml", "own.toml", "out"),
    }
    assert {path.name for path in (world / "out").iterdir()} == {
        *("Elm", "Own", "cities.csv", "cities.json", "cities_status.csv", "maps", "working"),
    }


def test_what_is_fit_to_publish_names_no_path_of_the_machine(world, found):
    assert found.status["doors"].tolist()[1:] == [22, 22]
    for name in ("cities.csv", "cities.json", "cities_status.csv"):
        assert str(world) not in (world / "out" / name).read_text(encoding="utf-8")


def test_the_picture_shows_what_all_have(found):
    rows = headline_rows(found.shares)
    assert set(rows["scenario"]) == {"independent_20"}
    assert len(rows) == 2 + 1  # two levels of one city, and the one of the other
    assert [path.name for path in found.pictures] == ["cities.png"]
    assert found.pictures[0].read_bytes()[:4] == b"\x89PNG"


def test_what_is_finished_and_unchanged_is_not_run_again(world, found, capsys):
    before = {name: (world / "out" / name / "run.json").stat().st_mtime_ns for name in ("Elm", "Own")}
    table = (world / "out" / "cities.csv").read_bytes()
    # Its failing city makes the command fail, after the others.
    arguments = ["cities", str(world / "cities.csv"), "--out", str(world / "out"), "--no-maps", "--by-zone"]
    assert cli.main(arguments) == 1
    after = {name: (world / "out" / name / "run.json").stat().st_mtime_ns for name in ("Elm", "Own")}
    assert before == after
    assert (world / "out" / "cities.csv").read_bytes() == table
    told = capsys.readouterr()
    assert "not run again: 2 of 3" in told.out
    assert "1 of 3 cities failed; the others are finished" in told.err
    assert "Traceback" not in told.err


def test_a_changed_file_and_a_touched_result_are_run_again_alone(world, found, tmp_path):
    folder = tmp_path / world.name  # which names the studies
    shutil.copytree(world, folder)
    (folder / "cities.csv").write_text("name,study\n=Elm,elm.toml\nOwn,own.toml\n", encoding="utf-8")
    with (folder / "own.toml").open("a", encoding="utf-8") as study:
        study.write("dwellings = 'homes'\n")
    shares = dv.run_cities(folder / "cities.csv", folder / "out", without_maps=True, threads=2, progress=False)
    assert shares.attrs["failed"] == {}
    record = json.loads((folder / "out" / "cities.json").read_text(encoding="utf-8"))["cities"]
    was = json.loads((world / "out" / "cities.json").read_text(encoding="utf-8"))["cities"]
    assert record["Elm"] == was["Elm"]  # another number of threads is no change
    assert record["Own"]["key"] != was["Own"]["key"]
    assert set(shares["zoning"]) == {"all"}
    assert not (folder / "out" / "working").exists()  # nothing failed this time
    # A table that somebody wrote into would be made anew.
    elm = CityRow(2, "=Elm", "Elm", {})
    key = record["Elm"]["key"]
    assert _Record(folder / "out").holds(elm, key)
    file = folder / "out" / "Elm" / "shares.csv"
    file.write_bytes(file.read_bytes().replace(b"0.2", b"0.9"))
    assert not _Record(folder / "out").holds(elm, key)


def test_a_process_that_ends_otherwise_is_told_with_its_last_words(tmp_path):
    with pytest.raises(DoorviewError, match=r"ended unexpectedly \(exit code 1\): TypeError: .*report"):
        _in_own_process({"row": {}}, tmp_path / "x.log", "x", lambda *_: None)
    assert "Traceback" in (tmp_path / "x.log").read_text(encoding="utf-8")


def test_a_folder_of_somebody_elses_is_refused(town):
    (town / "cities.csv").write_text("name,extract\nElm,elm.osm.pbf\n", encoding="utf-8")
    (town / "out").mkdir()
    (town / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="may not be ours"):
        compare_cities(town / "cities.csv", town / "out", QUICK)
    with pytest.raises(OutputError, match="is a file"):
        compare_cities(town / "cities.csv", town / "elm.osm.pbf", QUICK)
    assert [path.name for path in (town / "out").iterdir()] == ["mine.txt"]


def test_two_comparisons_in_one_folder_exclude_each_other(town):
    (town / "cities.csv").write_text("name,extract\nElm,elm.osm.pbf\n", encoding="utf-8")
    with RunFolder(town / "out" / "cities"), pytest.raises(OutputError, match="is being written by process"):
        compare_cities(town / "cities.csv", town / "out", QUICK)


# --- showing -------------------------------------------------------------------------------------------------------


def test_text_made_plain_for_a_table_reads_back():
    table = pd.DataFrame({"zone": ["=1+1", "'=x", "'tis", "-5", "@a", "plain"]})
    assert with_formulas(without_formulas(table), ["zone"])["zone"].tolist() == table["zone"].tolist()


def test_a_page_takes_as_many_cities_as_it_has_room_for(tmp_path):
    def table(cities: int) -> pd.DataFrame:
        names = [f"City {number}" for number in range(cities)]
        shares = dict.fromkeys(("share_mean", "share_p05", "share_p95"), 0.2)
        shares |= dict.fromkeys(("share_low", "share_high"), math.nan)
        return pd.DataFrame({"city": names, "level": "detect", **shares})

    quality = table(ROWS_PER_SHEET).assign(
        dwellings_assumed_share=0.5, doors_from_facades_share=None, data_date="2024-01-01"
    )
    levels, words = [("detect", "someone is there")], {"title": "T", "drawn": "D"}
    with pytest.raises(ValueError, match="room for"):
        cities_plot(tmp_path / "x.png", table(ROWS_PER_SHEET + 1), quality, levels, Caption("p", "c"), **words)
    path = cities_plot(tmp_path / "x.svg", table(ROWS_PER_SHEET), quality, levels, Caption("p", "c"), **words)
    text = path.read_text(encoding="utf-8")
    assert f"City {ROWS_PER_SHEET - 1}" in text
    assert "OpenStreetMap" in text
    # Chance alone is not drawn where the range over assumptions is missing, and the legend does not speak of it.
    assert "chance alone" not in text
