"""The examples of docs/ownership.md run, and its figures are right."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path

import geopandas as gpd
import pytest

from doorview.ownership.densities import INTERNET, PRESETS
from doorview.study.pipeline import run_study
from doorview.study.scenario_sections import ProgrammeSection, Scenario, StagesSection
from doorview.study.schema import study_from_dict
from helpers.tiny import halves, tiny_town

ROOT = Path(__file__).resolve().parents[2]
DOC = (ROOT / "docs" / "ownership.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", DOC, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("doc")
    tiny_town(place / "town.osm.pbf")
    table = gpd.read_file(halves(place / "halves.gpkg", 12, 10))
    table.assign(income=[4e4, 7e4], rate=[0.1, 0.3]).to_file(place / "halves.gpkg")
    return place


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_example_runs(folder: Path, number: int) -> None:
    raw = tomllib.loads(BLOCKS[number])
    study = study_from_dict(
        {
            "place": {"extract": "town.osm.pbf"},
            "zones": [{"file": "halves.gpkg", "id": "id", "zoning": "half"}],
            "camera": {"levels": ["observe"]},
            "coverage": {"range_curve": False, "cell_m": 1.0},
            "ownership": {"replicates": 64},
            "output": {"maps": False, "rasters": False},
            **raw,
        },
        folder=folder,
        name="doc",
    )
    found = run_study(study, folder / f"out{number}")
    assert set(found.shares["scenario"]) >= set(raw.get("scenarios", {}))
    assert (found.tables.counted.stages is not None) == ("stages" in raw)
    assert found.shares["share_mean"].between(0.0, 1.0).all()


def test_there_is_an_example_of_everything() -> None:
    every = "\n".join(BLOCKS)
    for process in ("clustered", "neighbours", "exactly", "weighted", "most_possible", "least_found"):
        assert f'process = "{process}"' in every
    assert all(f"[{name}" in every for name in ("scenarios.giveaway.programme", "scenarios.lapsed.rules", "stages"))


def test_its_figures_are_right() -> None:
    for preset in PRESETS.values():
        assert f"`{preset.name}` {100 * preset.rate:.0f} %" in DOC
    assert f"{100 * 0.2 * INTERNET:.1f} %" in DOC
    a, b = 0.2 * 9.0, 0.8 * 9.0  # a + b = 1 / 0.1 - 1
    assert f"{1 - math.prod((b + i) / (a + b + i) for i in range(5)):.3f}, not {1 - 0.8**5:.3f}" in DOC


def test_its_free_parameters_are_keys() -> None:
    named = re.findall(r"`(\w+)`", DOC.split("## Free parameters")[1])
    known = {*Scenario.model_fields, *ProgrammeSection.model_fields, *StagesSection.model_fields, "lapsed"}
    assert len(named) >= 14
    assert set(named) <= known
