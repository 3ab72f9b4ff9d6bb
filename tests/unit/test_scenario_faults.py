"""Faults of scenarios through the real commands: all at once, each with the scenario's name and key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import geopandas as gpd
import pytest

from doorview import cli
from doorview.errors import StudyError
from doorview.study.new import new_study_text
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict
from helpers.tiny import halves, tiny_town

HEAD = """\
[study]
name = "t"
{seed}
[place]
extract = "town.osm.pbf"
[camera]
levels = ["observe"]
[coverage]
range_curve = false
[[zones]]
file = "halves.gpkg"
id = "id"
zoning = "half"
"""

STATIC = [
    ("rate = 20", "rate: 20 lies outside [0, 1]"),
    ("rate = -0.1", "rate: -0.1 lies outside [0, 1]"),
    ('rate = "a"', "rate: must be a number, got 'a'"),
    ('process = "exactly"\nnumber = 1.5', "number: must be a whole number, got 1.5"),
    ("number = 5", 'a number needs process = "exactly"'),
    ("", "give rate = 0.2"),
    ('rate = 0.2\nnumber = 3\nprocess = "exactly"', "give only one of rate, number"),
    ('rate_preset = "us_2024"', "rate_preset: unknown rate 'us_2024'. Did you mean 'us_2026'?"),
    ('based_on = "indep_20"', "based_on: unknown scenario 'indep_20'. Did you mean 'independent_20'?"),
    ("rate = 0.2\nrte = 0.3", "rte: unknown key. Did you mean 'rate'?"),
    ("rate = 0.2\nprogramme = { numbr = 5 }", "programme.numbr: unknown key. Did you mean 'number'?"),
    ("rate = 0.2\nrules = { laspd = 0.1 }", "rules.laspd: unknown key. Did you mean 'lapsed'?"),
    (
        'rate = 0.2\nprocess = "clusterd"\nstrength = 2.0',
        "process: unknown value 'clusterd'. Did you mean 'clustered'?",
    ),
    ('rate = 0.2\nprocess = "clustered"\ncorrelation = 1.0', "correlation: must be below 1, got 1.0"),
    ('rate = 0.2\nprocess = "clustered"\nstrength = 0.5', "strength: must be 1 or more, got 0.5"),
    ('rate = 0.2\nprocess = "clustered"\nstrength = 6.0', "strength: 6 cannot be at a rate of 0.2"),
    ('rate = 0.2\nprocess = "clustered"', "needs one of strength"),
    (
        'rate = 0.2\nprocess = "neighbours"\ncorrelation = 0.2\ndistance_m = 50',
        "distance_m: must be 100 or more, got 50: what is known of neighbours' influence reaches 100 to 500 m",
    ),
    ("rate = 0.2\nstrength = 2.0", 'strength: goes with process = "clustered" or "neighbours"'),
    ("rate = 0.2\nprogramme = { budget = 1000.0 }", "programme: a budget needs city_cost"),
    ("rate = 0.2\nprogramme = { }", "programme: give one of number and budget"),
    ("rate = 0.2\nprogramme = { number = 3, take_up = 2.0 }", "programme.take_up: 2.0 lies outside [0, 1]"),
    ('rate = 0.2\nprogramme = { number = 3, to = "raffle" }', 'programme: to = "raffle" needs app_share'),
    ('rate = 0.2\nagainst = "nobody"', "against: unknown scenario 'nobody'"),
    ('rate_column = "rate"', "rate_column needs zoning"),
    ('rate_column = "rate"\nzoning = "halb"', "zoning: unknown set of zones 'halb'. Did you mean 'half'?"),
    ('process = "least_found"\nnumber = 3\nlevel = "observ"', "level: 'observ' is none of camera.levels"),
    ('process = "least_found"\nnumber = 3\nspace = "strets"', "space: unknown space 'strets'. Did you mean 'streets'?"),
]

IN_FILES = [
    (
        'rate_column = "rats"\nzoning = "half"',
        "rate_column: unknown column 'rats' of 'halves.gpkg'. Did you mean 'rate'?",
    ),
    ('rate_column = "rate"\nzoning = "half"', "rate_column: column 'rate' of 'halves.gpkg' lies outside [0, 1]"),
    (
        'rate = 0.2\nprocess = "weighted"\nzoning = "half"\ncolumn = "word"\nodds_ratio = 2.0',
        "column: column 'word' of 'halves.gpkg' holds no numbers",
    ),
    (
        'rate = 0.2\nprogramme = { number = 3, to = "zones", zoning = "half", zones = ["X", "W", "Y"] }',
        "programme.zones: unknown zone 'Y'. Known: E, W. They are ids of 'halves.gpkg'.",
    ),
    (
        'rate = 0.2\nprogramme = { number = 3, to = "means_tested", zoning = "half", column = "incme", at_most = 1.0 }',
        "programme.column: unknown column 'incme'",
    ),
]

AT_DOORS = [
    ('process = "exactly"\nnumber = 50', "number: 50 cameras, but only 22 doors lie in the counted area"),
    ('process = "most_possible"\nnumber = 50', "number: 50 cameras, but only 22 doors lie in the counted area"),
    ("per_km2 = 100000.0", "per_km2: per_km2 = 100,000 makes"),
    (
        'rate = 0.2\nprocess = "neighbours"\ndistance_m = 100.0\nstrength = 40.0',
        "strength: the strength 40 cannot be: at a rate of 0.2, with next door 24 m away",
    ),
    ("rate = 0.2\nprogramme = { number = 40 }", "programme.number: 40 doorbells, but only 22 doors lie in the counted"),
    (
        'rate = 0.2\nprogramme = { number = 21, to = "raffle", app_share = 0.5 }',
        "are drawn as users of the app at app_share = 0.5",
    ),
    (
        'rate = 0.2\nprogramme = { number = 13, to = "zones_in_order", zoning = "half", zones = ["W"] }',
        "programme.number: 13 doorbells, but only 12 doors lie in these zones",
    ),
    (
        'rate = 0.2\nprocess = "weighted"\nzoning = "half"\ncolumn = "income"\nodds_ratio = 2.0',
        "column: column 'income' of 'half' has no number in zones that hold 10 doors (first: E)",
    ),
    ('rate_column = "gaps"\nzoning = "half"', "rate_column: column 'gaps' has no number in 1 of the 2 zones"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny_town(tmp_path / "town.osm.pbf")
    table = gpd.read_file(halves(tmp_path / "halves.gpkg", 12, 10))
    columns = {"income": [5e4, None], "rate": [0.3, 1.4], "good": [0.1, 0.3], "gaps": [0.1, None], "word": ["a", "b"]}
    table.assign(**columns).to_file(tmp_path / "halves.gpkg")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Return the faults that a command lists."""
    assert cli.main(list(arguments)) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert not Path("out").exists()
    return [line.removeprefix("  - ") for line in shown.err.splitlines() if line.startswith("  - ")]


def written(cases: list[tuple[str, str]], seed: str = "") -> None:
    scenarios = "".join(f"[scenarios.s{n}]\n{text}\n" for n, (text, _) in enumerate(cases))
    Path("study.toml").write_text(HEAD.format(seed=seed) + scenarios, encoding="utf-8")


def check_all(found: list[str], cases: list[tuple[str, str]]) -> None:
    for number, (text, what) in enumerate(cases):
        own = [line for line in found if line.startswith((f"scenarios.s{number}.", f"scenarios.s{number}:"))]
        assert any(what in line for line in own), (text, own)


@pytest.mark.parametrize("command", ["check", "run"])
def test_what_the_file_shows_is_told_all_at_once(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    written(STATIC, "seed = 1.5")
    found = told(capsys, command, "study.toml", *(["--out", "out"] if command == "run" else []))
    assert "study.seed: must be a whole number, got 1.5" in found
    check_all(found, STATIC)
    # Nothing is told of twice, nor of a scenario that is right.
    assert len(found) == len(set(found))
    assert len(found) <= len(STATIC) + 3


@pytest.mark.parametrize("command", ["check", "run"])
def test_what_the_files_of_zones_show_is_told_before_anything_slow(
    here: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    written(IN_FILES)
    found = told(capsys, command, "study.toml", *(["--out", "out"] if command == "run" else []))
    check_all(found, IN_FILES)
    assert len(found) == len(IN_FILES) + 1  # two of the three zones are unknown


def test_what_only_the_doors_show_is_told_all_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(AT_DOORS)
    assert cli.main(["check", "study.toml"]) == 0
    shown = capsys.readouterr().out
    # A gap may lie where no door is: it is named, and the run decides.
    assert "note       scenarios.s7.column: column 'income' of 'halves.gpkg' has no number in 1 of 2 zones" in shown
    found = told(capsys, "run", "study.toml", "--out", "out")
    check_all(found, AT_DOORS)
    assert len(found) == len(AT_DOORS)


def test_one_fault_has_its_key_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(AT_DOORS[2:3])
    (only,) = told(capsys, "run", "study.toml", "--out", "out")
    # 22 doors are some 329 cameras per km2, and the message says so: with that, there is no fault.
    most = float(only.rsplit("Give ", 1)[1].split(" or less")[0])
    raw = {"place": {"extract": "town.osm.pbf"}, "camera": {"levels": ["observe"]}}
    quick = {"output": {"maps": False, "rasters": False}, "coverage": {"range_curve": False}}
    for value, right in ((most, True), (most * 1.001, False)):
        study = study_from_dict({**raw, **quick, "scenarios": {"s0": {"per_km2": value}}}, folder=here, name="t")
        if right:
            run_study(study, here / "fits")
        else:
            with pytest.raises(StudyError, match=r"scenarios\.s0\.per_km2: .* for 22 doors, and none gets two"):
                run_study(study, here / "out")


def test_the_largest_strength_is_the_one_that_is_named(here: Path) -> None:
    def study(strength: float, rate: float) -> None:
        section = {"rate": rate, "process": "clustered", "strength": strength}
        study_from_dict({"scenarios": {"a": section}}, folder=here, name="t", needs_place=False)

    study(4.99, 0.2)
    with pytest.raises(StudyError, match=r"Give less than 5$"):
        study(5.0, 0.2)
    study(24.9, 0.04)
    with pytest.raises(StudyError, match=r"Give less than 25$"):
        study(25.0, 0.04)


def test_a_circle_of_bases_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("study.toml").write_text(
        HEAD.format(seed="") + "[scenarios.k]\nbased_on = 'l'\n[scenarios.l]\nbased_on = 'k'\n", encoding="utf-8"
    )
    assert "scenarios.k.based_on: goes round in a circle (k -> l -> k); break it" in told(capsys, "check", "study.toml")


@pytest.mark.parametrize("rates", ["1.2", "0.1,-0.2", "nan"])
def test_rates_of_the_command_line(here: Path, capsys: pytest.CaptureFixture[str], rates: str) -> None:
    assert cli.main(["estimate", "town.osm.pbf", f"--rates={rates}", "--out", "out"]) == 1
    assert "scenarios.independent" in capsys.readouterr().err
    assert not Path("out").exists()


def test_check_says_every_process_in_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        ("rate = 0.2", "20% of households own one, independently"),
        (
            'rate = 0.2\nprocess = "clustered"\nstrength = 1.5',
            "1.5 times as likely where a home on the same block does",
        ),
        ('rate = 0.2\nprocess = "clustered"\ncorrelation = 0.1', "homes on the same block are alike (correlation 0.1)"),
        ('rate_column = "good"\nzoning = "half"', "at the rates in column 'good' of half"),
        ('process = "exactly"\nnumber = 5', "exactly 5 doors own one, drawn by lot"),
        ('process = "most_possible"\nnumber = 5', "5 cameras hang where they see the most"),
        ("rate = 0.2\nprogramme = { budget = 1000.0, city_cost = 130.0 }", "and 7 doorbells are given away by lot"),
        ("rate = 0.2\nrules = { lapsed = 0.5, privacy_zone_m = 2.0 }", "but all cameras black out what lies over 2 m"),
        ('rate_preset = "us_2017"', "4% of households own one (a rate of US internet households, 2017)"),
    ]
    written(cases)
    assert cli.main(["check", "study.toml"]) == 0
    shown = capsys.readouterr().out.splitlines()
    for number, (_, words) in enumerate(cases):
        assert any(f"scenario   s{number}: " in line and words in line for line in shown), words


def test_the_examples_of_a_new_study_hold_when_uncommented() -> None:
    text = new_study_text("town", {"name": "t", "place": {"extract": "town.osm.pbf"}})
    after = text.split("# More of them;")[1].split("# A doorbell programme")[0]
    keys = re.compile(r"# (?=\[scenarios\.|\w+ = )")
    raw = tomllib.loads("\n".join(keys.sub("", line) for line in after.splitlines()[1:]))
    study = study_from_dict(raw, name="t", needs_place=False)
    assert list(study.scenarios) == ["clustered_20", "giveaway", "privacy_zones"]
    assert study.scenarios["clustered_20"].rate == 0.2
    assert study.scenarios["giveaway"].programme is not None
    assert study.scenarios["privacy_zones"].rules is not None


def test_a_fault_that_others_inherit_is_told_of_once():
    scenarios = {
        "a": {"process": "independent", "rate": 0.2, "rte": 0.3, "shared_doors": "some"},
        "b": {"based_on": "a", "rate": 0.4},
        "c": {"based_on": "b", "rte": 1.0},
    }
    with pytest.raises(StudyError) as fault:
        study_from_dict({"scenarios": scenarios}, needs_place=False)
    said = str(fault.value)
    assert [said.count(f"scenarios.{name}.rte: unknown key") for name in "abc"] == [1, 0, 1]
    assert [said.count(f"scenarios.{name}.shared_doors: ") for name in "abc"] == [1, 0, 0]
