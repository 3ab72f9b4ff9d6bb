"""Ways on foot in a run: what the study may say, figures worked out by hand, what is published, plain loops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from doorview.study.pipeline import run_study
from doorview.study.result import Result
from doorview.study.schema import study_from_dict
from doorview.study.sections import Study
from helpers.walk_town import walk_town

LEVELS = ["trigger", "observe", "detect"]
WAY = "Hill School to Mill Park"
SCENARIOS = {"independent_20": {"rate": 0.2}, "two": {"process": "exactly", "number": 2}}
ASKED: dict[str, object] = {
    "way": [{"origin": "hill  school", "destination": "Mill Park"}],
    "clip_s": 20.0,
    "scenarios": list(SCENARIOS),
}


def study_of(folder: Path, asked: dict[str, object] | None, **sections: object) -> Study:
    raw: dict[str, object] = {
        "study": {"name": "Walk", "seed": 3},
        "place": {"extract": "town.osm.pbf"},
        "drivers": {"ranges": 0},
        "camera": {"levels": LEVELS},
        "scenarios": SCENARIOS,
        "coverage": {"range_curve": False},
        "output": {"maps": False, "rasters": False, "qgis": False},
    }
    return study_from_dict(raw | sections | ({} if asked is None else {"routes": asked}), folder=folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("walks")
    walk_town(place / "town.osm.pbf")
    return place


@pytest.fixture(scope="module")
def walked(folder: Path) -> Result:
    return run_study(study_of(folder, ASKED), folder / "out" / "walked")


def rows(result: Result, kind: str, scenario: str) -> pd.DataFrame:
    assert result.routes is not None
    table = result.routes
    return table[(table["kind"] == kind) & (table["scenario"] == scenario)].set_index("level")


def test_both_ways_and_their_figures_are_those_worked_out_by_hand(walked: Result):
    for name, kind, length, number in (
        ("independent_20", "shortest", 240.0, 4),
        # Over the north street, which no door looks at: two crossings of 50 m more, but houses 1 and 4 see the corners.
        ("independent_20", "least_in_view", 340.0, None),
    ):
        here = rows(walked, kind, name)
        assert np.allclose(here["length_m"], length, rtol=0.004)
        if number is not None:
            assert (here["doors_in_view"] == number).all()
            assert np.allclose(here["doorbells_mean"], 0.2 * number)
            assert np.allclose(here["p_unseen"], 0.8**number)
    shortest, least = rows(walked, "shortest", "independent_20"), rows(walked, "least_in_view", "independent_20")
    assert least.loc["detect", "seen_length_mean_m"] < shortest.loc["detect", "seen_length_mean_m"]


def test_two_of_four_doors_always_see_who_passes_all_four(walked: Result):
    # Two cameras at four doors, all of which have the street in view: nobody passes unseen, and 2 doorbells see one.
    here = rows(walked, "shortest", "two")
    assert (here["p_unseen"] == 0).all()
    assert np.allclose(here["doorbells_mean"], 2.0)


def test_run_json_says_what_was_walked(walked: Result):
    assert walked.folder is not None
    facts = json.loads((walked.folder / "run.json").read_text(encoding="utf-8"))["routes"]
    assert facts["ways_by_status"] == {"found": 1}
    assert "not safety advice" in facts["caveat"]
    written = pd.read_csv(walked.folder / "routes.csv")
    assert set(written["route"]) == {WAY}
    assert len(written) == 2 * 2 * 3
