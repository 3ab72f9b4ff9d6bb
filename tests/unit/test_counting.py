"""Scenarios counted on the demo town: exact means against drawn ones, and the order in which processes must stand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from doorview.demo.town import write_demo
from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict

KEYS = ["scenario", "level", "zoning", "zone", "space", "measure"]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder)
    zoned = {"zoning": "district", "column": "median_income"}
    plain = {"based_on": "independent_20"}
    scenarios = {
        "independent_20": {"rate": 0.2},
        "clustered": {**plain, "process": "clustered", "strength": 2.0},
        "near": {**plain, "process": "neighbours", "strength": 2.0, "distance_m": 150.0},
        "weighted": {**plain, "process": "weighted", **zoned, "odds_ratio": 1.5},
        "sixty": {"process": "exactly", "number": 60},
        "best": {"process": "most_possible", "number": 60, "level": "detect"},
        "worst": {"process": "least_found", "number": 60, "level": "detect"},
        "raffle": {**plain, "programme": {"number": 40, "to": "raffle", "app_share": 0.4, "take_up": 0.8}},
        "tested": {**plain, "programme": {"number": 20, "to": "means_tested", **zoned, "at_most": 1e9}},
        "clustered_gift": {"based_on": "clustered", "programme": {"number": 40}},
        "sixty_gift": {"based_on": "sixty", "programme": {"number": 40, "take_up": 0.5}},
        "near_gift": {"based_on": "near", "programme": {"number": 40}},
        "lapsed": {**plain, "rules": {"lapsed": 0.3}},
        "any": {"rate": 0.2, "shared_doors": "any"},
        "none": {"rate": 0.2, "shared_doors": "none"},
    }
    raw = {
        "place": {"extract": "demo.osm.pbf", "country": "us"},
        "zones": [{"file": "districts.geojson", "zoning": "district", "id": "id"}],
        "camera": {"levels": ["observe", "detect"]},
        "coverage": {"range_curve": False, "obstacles": "all"},
        "ownership": {"replicates": 1024},
        "output": {"maps": False, "rasters": False},
        "scenarios": scenarios,
    }
    return run_study(study_from_dict(raw, folder=folder, name="demo"), folder / "out")


def share(result: Result, scenario: str) -> float:
    return result.share(scenario, "detect")


def test_drawn_means_are_the_exact_ones_within_their_error(result: Result) -> None:
    found = result.tables.counted.intervals.merge(result.shares, on=KEYS, validate="one_to_one")
    assert len(found) == len(result.shares)
    away = (found["simulated_mean"] - found["share_mean"]).abs()
    error = found["simulated_mean_error"]
    # What few doors see is drawn too seldom for its error to be known: judged is what 10 m2 of it are in view of.
    judged = found["share_mean"] * found["public_amount"] >= 10.0
    assert judged.mean() > 0.5
    wrong = judged & (away > 5.0 * error + 1e-9)
    assert not wrong.any(), found[wrong]


def test_processes_stand_in_the_order_that_they_must(result: Result) -> None:
    # At the same rate or number: together they see less, the placed most and least.
    assert share(result, "clustered") < share(result, "independent_20")
    assert share(result, "near") < share(result, "independent_20")
    assert share(result, "worst") < share(result, "sixty") < share(result, "best")
    assert share(result, "none") <= share(result, "independent_20") <= share(result, "any")
    for more, less in (
        ("raffle", "independent_20"),
        ("clustered_gift", "clustered"),
        ("sixty_gift", "sixty"),
        ("near_gift", "near"),
        ("independent_20", "lapsed"),
    ):
        assert share(result, more) > share(result, less), (more, less)


def test_seen_by_more_is_never_more_likely(result: Result) -> None:
    s = result.shares
    assert (s["seen_by_3_mean"] <= s["seen_by_2_mean"] + 1e-12).all()
    assert (s["seen_by_2_mean"] <= s["share_mean"] + 1e-12).all()
    assert (s["share_p05"] <= s["share_p95"]).all()


def test_change_by_zone_adds_up(result: Result) -> None:
    change = result.tables.counted.change
    assert change is not None
    here = change[(change["level"] == "detect") & (change["space"] == "all")]
    inside = np.asarray(result.ready.door_table.zone_inside)[result.ready.door_table.inside]
    assert (inside.sum(axis=1) == 1).all()  # every door lies in one district
    for scenario, part in here.groupby("scenario"):
        whole = part[part["zone"] == "all"].iloc[0]
        zones = part[part["zoning"] == "district"]
        assert zones["cameras_added"].sum() == pytest.approx(whole["cameras_added"]), scenario
    assert set(here["scenario"]) == {"raffle", "tested", "clustered_gift", "sixty_gift", "near_gift", "lapsed"}
    assert pd.Series(change["change_p05"] <= change["change_p95"]).all()
