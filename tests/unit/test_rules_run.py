"""Rules of scenarios through the whole run: privacy zones and shorter triggers, of all cameras or the programme's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from doorview.city.model import City
from doorview.city.property_lines import property_limits
from doorview.share.coverage import fold
from doorview.share.outputs import outputs_of
from doorview.share.rules import ruled_scene
from doorview.share.summary import curve_table
from doorview.share.tiles import cover
from doorview.study.compute import Stages, measure, prepare
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from helpers.tiny import tiny_town

KEYS = ["level", "zoning", "zone", "space", "measure"]
ZONE_M = 2.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> City:
    return City.from_extract(tiny_town(tmp_path_factory.mktemp("ruled") / "town.osm.pbf"))


def run(town: City, scenarios: dict[str, Any]) -> Result:
    study = study_from_dict(
        {"scenarios": scenarios, "coverage": {"range_curve": False}, "camera": {"levels": ["trigger", "detect"]}},
        needs_place=False,
    )
    ready = prepare(study, town, Stages())
    return Result(ready, measure(ready, Stages()), Stages())


@pytest.fixture(scope="module")
def result(town: City) -> Result:
    given = {"rate": 0.2, "programme": {"number": 6}}
    return run(
        town,
        {
            "full": {"rate": 0.2},
            "zoned": {"based_on": "full", "rules": {"privacy_zone_m": ZONE_M}},
            "wide": {"based_on": "full", "rules": {"privacy_zone_m": 500.0}},
            "short": {"based_on": "full", "rules": {"trigger_range_m": 4.0}},
            "given": given,
            "given_wide": {**given, "rules": {"privacy_zone_m": 500.0, "for_cameras": "programme"}},
            "given_zoned": {**given, "rules": {"privacy_zone_m": ZONE_M, "for_cameras": "programme"}},
            "all_zoned": {**given, "rules": {"privacy_zone_m": ZONE_M}},
        },
    )


def means(result: Result, scenario: str) -> pd.Series:
    table = result.shares[result.shares["scenario"] == scenario]
    return table.set_index(KEYS)["share_mean"]


def test_a_privacy_zone_counts_by_the_views_that_it_leaves(result: Result) -> None:
    """The exact curve over views cut by hand."""
    ready = result.ready
    limits = property_limits(ready.doors, ready.ground, ZONE_M, reach_m=ready.scene.reach_m)
    scene = ruled_scene(ready.scene, limits=limits.geometry.to_numpy())
    coverage = fold(scene, cover(scene, rasters=False))
    curve = curve_table(coverage, outputs_of(coverage, None), ready.door_table, [0.2])
    wanted = curve.set_index(KEYS)["share_mean"]
    found = means(result, "zoned")
    pd.testing.assert_series_equal(found, wanted.reindex(found.index), rtol=0.0, atol=1e-11)
    full = means(result, "full")
    assert (found <= full).all()
    assert found.xs("detect", level="level").max() < 0.8 * full.xs("detect", level="level").max()


def test_a_zone_that_cuts_nothing_changes_nothing(result: Result) -> None:
    pd.testing.assert_series_equal(means(result, "wide"), means(result, "full"), check_exact=True)
    np.testing.assert_allclose(means(result, "given_wide"), means(result, "given"), rtol=0.0, atol=1e-11)


def test_a_shorter_trigger_changes_that_level_alone(result: Result) -> None:
    short, full = means(result, "short"), means(result, "full")
    detect = full.index.get_level_values("level") == "detect"
    pd.testing.assert_series_equal(short[detect], full[detect], check_exact=True)
    assert (short[~detect] < full[~detect]).any()


def test_rules_for_the_programmes_cameras_leave_the_others_their_views(result: Result) -> None:
    """Between all views cut and none; and doors are counted once."""
    some, all_cut, none_cut = (means(result, name) for name in ("given_zoned", "all_zoned", "given"))
    assert (all_cut <= some + 1e-12).all()
    assert (some <= none_cut + 1e-12).all()
    level = some.index.get_level_values("level") == "detect"
    assert all_cut[level].max() < some[level].max() < none_cut[level].max()
    table = result.shares.set_index("scenario")
    for name in ("doors_inside", "dwellings", "rate_per_door"):
        np.testing.assert_array_equal(table.loc["given_zoned", name], table.loc["given", name])


def test_the_programmes_cameras_alone_are_all_cut(town: City) -> None:
    """Where nobody else owns one, rules for the programme's are rules for all."""
    given = {"rate": 0.0, "programme": {"number": 9}}
    rules = {"privacy_zone_m": ZONE_M, "trigger_range_m": 5.0}
    found = run(
        town, {"one": {**given, "rules": rules}, "two": {**given, "rules": {**rules, "for_cameras": "programme"}}}
    )
    np.testing.assert_allclose(means(found, "two"), means(found, "one"), rtol=0.0, atol=1e-11)
    assert means(found, "one").max() > 0


def test_notes_say_by_what_property_lines_are_known(result: Result) -> None:
    (note,) = [line for line in result.notes() if line.startswith("Privacy zones:")]
    assert f"{len(result.doors)} doors whose property line is known by: street" in note
    assert "(assumed)" in note
    plain = replace(result, tables=replace(result.tables, counted=replace(result.tables.counted, views={})))
    assert not [line for line in plain.notes() if line.startswith("Privacy zones:")]
