"""What drives the answer: indices of models whose indices are known, the table, the ranges, the study's section."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import doorview as dv
from doorview.errors import StudyError
from doorview.ownership.scenario import Scenario
from doorview.show.drivers import driver_sentence, tornado_plot
from doorview.show.tables import DRIVERS_COLUMNS, write_drivers
from doorview.show.text import Caption, LevelNote
from doorview.study.compute import Stages, measure, prepare
from doorview.study.drivers import (
    _lenders,
    assumption_ranges,
    joint_draws,
    logit_moved,
    sobol_indices,
    spot_check,
)
from doorview.study.drivers_model import build_model
from doorview.study.drivers_rules import driver_rules, factors_of
from doorview.study.schema import study_from_dict
from helpers.tiny import halves, tiny_town

VIEW = (135.0, 160.0)
DETECT = LevelNote("detect", "someone is there", 28.4)


# --- indices -------------------------------------------------------------------------------------------------------


def test_the_indices_of_ishigamis_function():
    # Ishigami and Homma 1990: sin x1 + a sin^2 x2 + b x3^4 sin x1 on [-pi, pi]^3.
    a, b = 7.0, 0.1
    parts = (
        (1 + b * math.pi**4 / 5) ** 2 / 2,
        a**2 / 8,
        b**2 * math.pi**8 * (1 / 18 - 1 / 50),  # of x1 and x3 together
    )
    variance = sum(parts)

    def model(u):
        x = (2 * u - 1) * math.pi
        return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])

    found = sobol_indices(["x1", "x2", "x3"], model, draws=4096, seed=1)
    np.testing.assert_allclose(found.first, np.array([parts[0], parts[1], 0]) / variance, atol=0.02)
    np.testing.assert_allclose(found.total, np.array([parts[0] + parts[2], parts[1], parts[2]]) / variance, atol=0.02)
    wide = sobol_indices(["x1", "x2", "x3"], model, draws=256, seed=1)
    assert (wide.first_conf > 2 * found.first_conf).all()
    assert (
        np.abs(wide.total - np.array([parts[0] + parts[2], parts[1], parts[2]]) / variance) < 2 * wide.total_conf
    ).all()


def test_the_indices_of_a_sum():
    found = sobol_indices(["one", "two", "none"], lambda u: u @ np.array([1.0, 2.0, 0.0]), draws=1024)
    np.testing.assert_allclose(found.first, [0.2, 0.8, 0.0], atol=0.02)
    np.testing.assert_allclose(found.total, [0.2, 0.8, 0.0], atol=0.02)


def test_nothing_drives_a_constant():
    found = sobol_indices(["a", "b"], lambda u: np.full(len(u), 0.3))
    assert all((part == 0).all() for part in found)


# --- draws and the way onto the exact mean -------------------------------------------------------------------------


def test_joint_draws_fill_every_stratum_and_know_their_own_factor_alone():
    both = joint_draws(["range", "recess"], 64, 5)
    for column in both.T:
        np.testing.assert_array_equal(np.sort(np.floor(column * 64)), np.arange(64))
    np.testing.assert_array_equal(joint_draws(["recess"], 64, 5)[:, 0], both[:, 1])
    assert (joint_draws(["recess"], 64, 6)[:, 0] != both[:, 1]).any()
    assert abs(np.corrcoef(joint_draws(["range", "recess"], 4096, 5).T)[0, 1]) < 0.05


def test_a_share_is_moved_on_the_logit_scale():
    def logit(p):
        return np.log(p / (1 - p))

    mean, base, other = np.array([0.1, 0.5, 0.9]), np.array([0.12, 0.4, 0.95]), np.array([0.3, 0.2, 0.99])
    moved = logit_moved(mean, base, other)
    np.testing.assert_allclose(logit(moved) - logit(mean), logit(other) - logit(base), rtol=1e-12)
    np.testing.assert_allclose(logit_moved(mean, base, base), mean, rtol=1e-12)
    # No logit at the ends: nothing stays nothing, everything stays everything, and what has no base is the estimate.
    np.testing.assert_array_equal(logit_moved(np.full(2, 0.3), np.full(2, 0.2), np.array([0.0, 1.0])), [0.0, 1.0])
    assert logit_moved(np.array([0.0]), np.array([0.0]), np.array([0.2]))[0] == 0.2


def test_rows_with_few_spots_borrow_from_the_whole_place_and_then_from_the_headline():
    rows = pd.DataFrame(
        [
            ("all", "all", "path", "area_m2"),
            ("all", "all", "streets_near_homes", "area_m2"),
            ("halves", "W", "path", "area_m2"),
            ("halves", "W", "streets_near_homes", "area_m2"),
            ("halves", "E", "streets_near_homes", "area_m2"),
            ("halves", "W", "centreline", "length_m"),
        ],
        columns=["zoning", "zone", "space", "measure"],
    )
    assert _lenders(rows, np.array([3, 900, 1, 40, 12, 2])).tolist() == [1, 1, 1, 3, 1, 1]
    assert _lenders(rows, np.array([80, 900, 1, 40, 12, 2]))[2] == 0
    assert _lenders(rows, np.zeros(6, int)).tolist() == [-1] * 6


# --- rules ---------------------------------------------------------------------------------------------------------


def test_every_factor_has_ends_a_mark_and_a_source():
    for name, table in driver_rules().items():
        assert table["mark"] in {"C", "C2", "D", "M", "NF"}, name
        assert len(table["source"]) > 40, name
        assert table["label"], name
        assert set(table["levels"]) <= {"density", "trigger"}, name
    density, trigger = factors_of("density", VIEW), factors_of("trigger", VIEW)
    assert set(density) - set(trigger) == {"field_of_view"}
    assert "edition" not in density
    assert (trigger["range"].low, trigger["range"].high) == (0.7, 1.3)
    assert (density["field_of_view"].low, density["field_of_view"].high) == VIEW
    assert density["shared_doors"].value(0.999) == 2.0
    assert density["range"].value(0.25) == pytest.approx(0.9)
    assert not density["rate"].in_ranges


def test_a_study_takes_factors_out_and_gives_ends_of_its_own():
    own = {"recess": False, "edition": True, "parked_cars": {"low": 0.2, "high": 0.8, "source": "a count"}}
    found = factors_of("density", VIEW, own)
    assert "recess" not in found
    assert found["edition"].choices == ("2014", "2025 draft")
    assert (found["parked_cars"].low, found["parked_cars"].mark, found["parked_cars"].source) == (
        0.2,
        "given",
        "a count",
    )


def test_faults_of_the_section_come_all_at_once():
    drivers = {
        "draws": 300,
        "scenario": "independent_21",
        "sobols": True,
        "spots": 10,
        "factors": {
            "rang": False,
            "recess": {"low": 0.5, "high": 0.1},
            "range": {"low": 0.5},
            "clustering": {"low": 0.1, "high": 1.0},
            "shared_doors": {"choices": ["one", "two"]},
            "wedge": 0.3,
            "planting": {"low": 0.0, "high": 0.2, "sauce": "x"},
        },
    }
    with pytest.raises(StudyError) as error:
        study_from_dict({"drivers": drivers}, needs_place=False)
    said = "\n".join(error.value.faults)
    for words in (
        "300 is no power of two, which Sobol's sequence needs; give 256",
        "unknown scenario 'independent_21'. Did you mean 'independent_20'?",
        "Did you mean 'sobol'",
        "drivers.spots",
        "drivers.factors.rang: unknown factor. Did you mean 'range'?",
        "drivers.factors.recess: low 0.5 and high 0.1 must ascend",
        "drivers.factors.range: give both low and high",
        "drivers.factors.clustering: low 0.1 and high 1 must ascend and lie from 0 to 0.99",
        "drivers.factors.shared_doors: choices must be two or more of none, one, any",
        "drivers.factors.wedge: must be true, false, or a table",
        "drivers.factors.planting: unknown key 'sauce'",
    ):
        assert words in said, words


# --- the table and the ranges --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("drivers")
    tiny_town(place / "town.osm.pbf", flats="3")
    halves(place / "halves.gpkg", 12, 10)
    return place


def study_of(folder, threads=None, **drivers):
    raw = {
        "study": {"name": "Tiny", "seed": 4},
        "place": {"extract": "town.osm.pbf"},
        "zones": [{"file": "halves.gpkg", "id": "id"}],
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False, **({"threads": threads} if threads else {})},
        "output": {"maps": False, "rasters": False},
        "drivers": {"spots": 1500, **drivers},
    }
    return study_from_dict(raw, folder=folder)


def measured(folder, **more):
    study = study_of(folder, **more)
    ready = prepare(study, dv.City.from_extract(folder / "town.osm.pbf"), Stages())
    return ready, measure(ready, Stages())


@pytest.fixture(scope="module")
def found(folder):
    return measured(folder, sobol=True, ranges=32)


def test_the_ranges_hold_the_mean_and_lie_in_0_and_1(found):
    shares = found[1].shares
    streets = shares[shares["space"] == "streets_near_homes"]
    assert len(streets) == 3 * 2 * 3
    assert streets[["share_low", "share_high"]].notna().all().all()
    known = shares[shares["share_low"].notna()]
    assert (known["share_low"] >= 0).all()
    assert (known["share_low"] <= known["share_mean"]).all()
    assert (known["share_mean"] <= known["share_high"]).all()
    assert (known["share_high"] <= 1).all()
    assert (streets["share_low"] < streets["share_high"]).all()
    # What a scenario states is no assumption: with nothing else varied there is no range at all.
    only_rate = dict.fromkeys(driver_rules(), False) | {"rate": True}
    none = found[0].study.model_copy(
        update={"drivers": found[0].study.drivers.model_copy(update={"factors": only_rate})}
    )
    ready = replace(found[0], study=none)
    same = assumption_ranges(ready, build_model(ready, placement=False), shares, scenarios=found[1].scenarios, draws=8)
    streets = same[same["space"] == "streets_near_homes"]
    np.testing.assert_allclose(streets["share_low"], streets["share_mean"], rtol=1e-12)
    np.testing.assert_allclose(streets["share_high"], streets["share_mean"], rtol=1e-12)


def test_one_assumption_alone_gives_its_own_quantiles(found):
    # The range is the only factor and the share rises with it: its 5 % quantile is the share at the 5 % quantile.
    ready = found[0]
    own = dict.fromkeys(driver_rules(), False) | {"range": {"low": 0.9, "high": 1.1}}
    asked = ready.study.drivers.model_copy(update={"factors": own})
    ready = replace(ready, study=ready.study.model_copy(update={"drivers": asked}))
    model = build_model(ready, placement=False)
    shares = assumption_ranges(ready, model, found[1].shares, scenarios=found[1].scenarios, draws=512)
    row = shares.query(
        "scenario == 'independent_20' and level == 'detect' and zone == 'all' and space == 'streets_near_homes'"
    )
    tally, scenario = model.tally(row), Scenario("s", rate=0.2)
    values = [model.shares(tally, model.chances("detect", scenario, {"range": r}), {})[0] for r in (1.0, 0.91, 1.09)]
    mean = row["share_mean"].to_numpy()
    for column, value in zip(("share_low", "share_high"), values[1:], strict=True):
        assert row[column].iloc[0] == pytest.approx(
            logit_moved(mean, np.array(values[0]), np.array(value))[0], abs=2e-3
        )


def test_the_table_of_drivers(found):
    tables = found[1]
    table = tables.drivers.table
    assert set(DRIVERS_COLUMNS) == set(table.columns)
    assert tables.drivers.left_out["barrier_height"] == "no wall, fence or hedge is mapped"
    for level, rows in table.groupby("level"):
        assert rows["sobol_total"].is_monotonic_decreasing, level
        assert (rows["sobol_first_conf"] >= 0).all()
        assert rows["sobol_first"].sum() < 1.3
        assert rows.iloc[0]["sobol_total"] > 0.2
    detect = table[table["level"] == "detect"].set_index("factor")
    assert {
        "range",
        "field_of_view",
        "street_width",
        "door_placement",
        "recess",
        "shared_doors",
        "rate",
        "clustering",
    } <= set(detect.index)
    # At the end that the run itself has, the share is the run's own.
    mean = tables.shares.query(
        "scenario == 'independent_20' and level == 'detect' and zone == 'all' and space == 'streets_near_homes'"
    )["share_mean"].iloc[0]
    for factor in ("recess", "planting", "wedge", "clustering", "door_placement"):
        assert detect.loc[factor, "share_low"] == pytest.approx(mean, rel=1e-12)
    assert detect.loc["range", "share_low"] < mean < detect.loc["range", "share_high"]
    assert detect.loc["clustering", "share_high"] < mean
    assert detect.loc["shared_doors", ["low", "high"]].tolist() == ["none", "any"]
    error = (detect["share_spots"] - mean).abs().iloc[0]
    assert error < 4 * detect["spots_error"].iloc[0]


def test_the_same_bytes_whatever_the_threads_and_the_order_of_doors(found, folder, tmp_path):
    again = measured(folder, sobol=True, ranges=32, threads=1)[1]
    for tables, name in ((found[1], "a"), (again, "b")):
        write_drivers(tmp_path / f"{name}.csv", tables.drivers.table)
        tables.shares.to_csv(tmp_path / f"{name}_shares.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a_shares.csv").read_bytes() == (tmp_path / "b_shares.csv").read_bytes()
    written = pd.read_csv(tmp_path / "a.csv")
    assert list(written.columns) == list(DRIVERS_COLUMNS)


def test_without_being_asked_there_is_a_range_and_no_table(folder):
    tables = measured(folder)[1]
    assert tables.drivers is None
    assert tables.shares["share_low"].notna().any()
    assert measured(folder, ranges=0)[1].shares["share_low"].isna().all()


def test_the_table_alone_has_no_indices(folder):
    table = measured(folder, table=True, ranges=0)[1].drivers.table
    assert table["sobol_total"].isna().all()
    width = (table["share_high"] - table["share_low"]).abs()
    for level in ("observe", "detect"):
        assert width[table["level"] == level].is_monotonic_decreasing


def test_the_other_edition_has_its_own_range(folder):
    ready, tables = measured(folder, table=True, ranges=0, factors={"edition": True})
    row = tables.drivers.table.set_index(["level", "factor"]).loc[("detect", "edition")]
    assert (row["low"], row["high"]) == ("2014", "2025 draft")
    assert row["share_low"] == pytest.approx(row["share_mean"], rel=1e-12)
    model = build_model(ready, placement=False)
    assert model._level("detect", model.base, {"edition": 1.0}).range_m == pytest.approx(28.39 * 25 / 40, abs=0.01)
    assert model._level("detect", model.base, {"edition": 0.0}).range_m == pytest.approx(28.39, abs=0.01)


def test_the_run_writes_table_pictures_and_words(folder):
    raw = study_of(folder, table=True)
    study = raw.model_copy(update={"output": raw.output.model_copy(update={"maps": True})})
    result = dv.run(study, folder / "out")
    assert len(result.drivers) == len(pd.read_csv(folder / "out" / "drivers.csv"))
    assert {"drivers_observe.png", "drivers_detect.png"} <= {p.name for p in (folder / "out" / "maps").iterdir()}
    said = (folder / "out" / "run.json").read_text(encoding="utf-8")
    assert "matters most" in said
    assert "no home is told by its size alone" in said
    check = spot_check(build_model(result.ready), result.shares, result.tables.scenarios[1])
    assert list(check["level"]) == ["observe", "detect"]


# --- words and pictures --------------------------------------------------------------------------------------------


def table_of(**changed):
    rows = []
    for factor, low, high, at_low, at_high in (
        ("range", 0.8, 1.2, 0.303, 0.538),
        ("shared_doors", "none", "any", 0.438, 0.461),
        ("wedge", 0.0, 0.3, 0.443, 0.443),
    ):
        rule = driver_rules()[factor]
        rows.append(
            {"level": "detect", "factor": factor, "low": low, "high": high, "share_low": at_low, "share_high": at_high,
             "sobol_first": 0.3, "sobol_total": 0.4, "sobol_first_conf": 0.1, "sobol_total_conf": 0.06,
             "share_mean": 0.443, "share_spots": 0.44, "spots_error": 0.003, "scenario": "independent_20",
             "space": "streets_near_homes", "measure": "area_m2", "label": rule["label"], "unit": rule["unit"],
             "mark": rule["mark"], "source": rule["source"]}
        )  # fmt: skip
    return pd.DataFrame(rows).assign(**changed)


def test_a_sentence_for_the_council():
    said = driver_sentence(table_of(), DETECT, "metric").replace("\u00a0", " ")
    assert said == (
        "At detect (someone is there), how far cameras see matters most: between 23 m and 34 m, the share of streets "
        "within 50 m of a home in view goes from 30% to 54%; next comes what a door shared by several homes means."
    )
    assert "75 ft" in driver_sentence(table_of(), DETECT, "us").replace("\u00a0", " ")
    small = driver_sentence(table_of(share_low=1e-5, share_high=5e-4), DETECT, "metric")
    assert "is under 0.1% all the same" in small
    assert driver_sentence(table_of(share_low=0.1, share_high=0.1), DETECT, "metric") == ""


def test_the_tornado_says_all_that_a_picture_has_to(tmp_path):
    caption = Caption("Elm $x^2$ <b>", "Ring Video Doorbell Wired (2021)", "2026-01-01", unconfirmed=("pixels",))
    path = tornado_plot(tmp_path / "d.svg", table_of(), DETECT, caption, scenario="20% of homes own one")
    root = ET.fromstring(path.read_text(encoding="utf-8"))
    assert root.tag.endswith("svg")
    # Text stays text in an SVG; spaces inside it are no-break ones here and there.
    said = [" ".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    text = re.sub(r"\s+", " ", " ".join(said))
    for words in (
        "Simulated cameras, not real ones",
        "detect",
        "20% of homes own one",
        "2026-01-01",
        "In view is not recorded",
    ):
        assert words in text, words
    assert "0% to 30%: no change" in text
    with pytest.raises(ValueError, match="no rows for level 'observe'"):
        tornado_plot(tmp_path / "o.png", table_of(), LevelNote("observe", "", 11.0), caption, scenario="x")


def test_the_page_has_every_factor_with_its_ends_and_source(project_root):
    page = (project_root / "docs" / "drivers.md").read_text(encoding="utf-8")
    for name, table in driver_rules().items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert table["source"] in line
        assert f"| {table['mark']}" in line
        ends = (
            ", ".join(table["choices"])
            if "choices" in table
            else f"{table.get('low', 0):g} to {table.get('high', 0):g}"
        )
        assert name == "field_of_view" or ends in line
