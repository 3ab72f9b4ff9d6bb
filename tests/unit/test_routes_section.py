"""What a study may say of ways on foot: every fault at once, each with what mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from doorview.errors import StudyError
from doorview.study.routes_section import default_scenarios
from doorview.study.schema import study_from_dict

WAY = {"origin": "Hill School", "destination": [39.37, -76.79]}
SCENARIOS = {
    "independent_20": {"rate": 0.2},
    "independent_40": {"rate": 0.4},
    "alike": {"process": "clustered", "rate": 0.2, "strength": 1.5},
    "private": {"rate": 0.2, "rules": {"privacy_zone_m": 2.0}},
}


def faults_of(asked: dict[str, object], scenarios: dict[str, object] = SCENARIOS, folder: Path = Path()) -> str:
    raw = {"place": {"place": "Nowhere"}, "scenarios": scenarios, "routes": asked}
    with pytest.raises(StudyError) as raised:
        study_from_dict(raw | {"camera": {"levels": ["observe", "detect"]}}, folder=folder)
    return str(raised.value)


def test_a_way_by_name_and_spot_is_read():
    raw = {"place": {"place": "Nowhere"}, "scenarios": SCENARIOS, "routes": {"way": [WAY]}}
    section = study_from_dict(raw).routes
    assert section is not None
    assert section.way[0].origin == "Hill School"
    assert section.way[0].destination == (39.37, -76.79)
    assert section.street_exposure


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"street_exposure": False}, "asks for nothing; add [[routes.way]]"),
        ({"way": {"origin": "a", "destination": "b"}}, "two brackets"),
        ({"way": [{"origin": "a"}]}, "routes.way[1].destination: missing; add it"),
        ({"way": [{"origin": "a", "destinaton": "b"}]}, "Did you mean 'destination'?"),
        ({"way": [{"origin": "", "destination": "b"}]}, "empty; give a place's name"),
        ({"way": [{"origin": [1.0], "destination": "b"}]}, "is no spot"),
        ({"way": [{"origin": [-176.79, 39.37], "destination": "b"}]}, "swap them, [39.37, -176.79]"),
        ({"way": [{"origin": [-100.0, 139.37], "destination": "b"}]}, "lies nowhere"),
        ({"way": [{"origin": "a", "destination": "a"}]}, "are the same, so there is no way"),
        ({"way": [WAY, WAY]}, "two ways are called"),
        ({"way": [{**WAY, "name": "x"}, {"origin": "a", "destination": "b", "name": "x"}]}, "two ways are called 'x'"),
        ({"pairs": "nowhere.csv"}, "no such file"),
        ({"pairs_crs": "EPSG:2248"}, "there is none; give pairs = 'pairs.csv'"),
        ({"pairs_columns": {"orgin_lat": "y"}}, "Did you mean 'origin_lat'?"),
        ({"all_homes_to": ["scool"]}, "Did you mean 'school'?"),
        ({"all_homes_to": ["park", "park"]}, "'park' is given twice"),
        ({"side": "rigth"}, "Did you mean 'right'?"),
        ({"within_m": 0.0}, "must be above 0"),
        ({"clip_s": 30.0}, "clip_s: needs the level trigger"),
        ({"replicates": 100}, "a multiple of 64"),
        ({"detour_cap": 0.5}, "must be 1 or more"),
        ({"scenarios": ["independent_2"]}, "Did you mean 'independent_20'?"),
        ({"scenarios": ["private"]}, "'private' cuts views"),
        ({"scenarios": ["alike", "alike"]}, "given 2 times"),
        ({"scenarios": []}, "empty; give at least one"),
        ({"least_in_view_level": "detct"}, "Did you mean 'detect'?"),
        ({"to": "x"}, "routes.to: unknown key"),
    ],
)
def test_each_fault_says_what_mends_it(asked, said):
    assert said in faults_of(asked)


def test_all_faults_are_listed_at_once():
    said = faults_of({"way": [{"origin": "a", "destination": "a"}], "side": "up", "scenarios": ["none"]})
    assert "3 faults found" in said


def test_without_a_word_the_shown_scenario_and_all_independent_ones_are_told():
    assert default_scenarios(SCENARIOS) == ["independent_20", "independent_40"]
    assert default_scenarios({"alike": SCENARIOS["alike"], "private": SCENARIOS["private"]}) == ["alike"]
    assert "every scenario cuts views" in faults_of({}, {"private": SCENARIOS["private"]})
