"""The data dictionary and the files of runs say the same columns."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio

from doorview.show.columns import data_dictionary
from doorview.study.pipeline import run_study
from doorview.study.schema import study_from_dict
from helpers.tiny import tiny_town

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"
DICTIONARY = data_dictionary()


def columns_of(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield every table, layer and raster of a run's folder by its name in the dictionary, with its columns."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".csv":
            yield name, set(pd.read_csv(path, nrows=0).columns)
        elif path.suffix == ".parquet":
            yield name, set(pq.read_schema(path).names)
        elif path.suffix == ".gpkg":
            for layer, _ in pyogrio.list_layers(path):
                if layer != "layer_styles":  # QGIS's own
                    yield f"{name}:{layer}", set(pyogrio.read_info(path, layer=layer)["fields"])
        elif path.suffix == ".tif":
            with rasterio.open(path) as raster:
                yield name, {f"band {band}" for band in raster.indexes}


def found_in(folder: Path) -> dict[str, set[str]]:
    """Return the files of a run with their columns, the names of levels and scenarios taken out."""
    facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))

    def plain(name: str) -> str:
        head, _, scenario = name.partition("__")
        for level in facts["levels"]:
            head = head.replace(f"_{level}", "_LEVEL") if head.startswith(("share_", "seen_", "known_", "p_")) else head
        if head.startswith("working/known_"):
            head = "working/" + plain(head.removeprefix("working/"))
        return f"{head}__SCENARIO" if scenario in facts["scenarios"] else name if scenario else head

    found: dict[str, set[str]] = {}
    for name, columns in columns_of(folder):
        found.setdefault(plain(name), set()).update(map(plain, columns))
    return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return what a run of the demo town leaves; fewer draws and no pictures, for they change no column."""
    raw = tomllib.loads((DEMO / "study.toml").read_text(encoding="utf-8"))
    raw["drivers"] |= {"spots": 600, "ranges": 0}
    raw["output"] |= {"maps": False}
    raw["ownership"] |= {"replicates": 64}
    folder = tmp_path_factory.mktemp("columns") / "demo"
    run_study(study_from_dict(raw, folder=DEMO, name="demo"), folder)
    return found_in(folder)


def test_every_file_and_column_of_the_demo_run_is_explained(demo):
    assert set(demo) - set(DICTIONARY) == set()
    for name, columns in demo.items():
        assert columns - {item.name for item in DICTIONARY[name].columns} == set(), name


def test_everything_explained_of_the_demo_run_is_there(demo):
    assert {name for name, file in DICTIONARY.items() if file.demo} - set(demo) == set()
    for name, columns in demo.items():
        assert {item.name for item in DICTIONARY[name].columns} - columns == set(), name


def test_files_that_only_other_runs_leave_have_the_columns_explained(tmp_path):
    camera = {"man_made": "surveillance", "camera:direction": "90", "camera:type": "fixed"}
    tiny_town(tmp_path / "town.osm.pbf", nodes=[(-100.0, 0.0, camera)])
    (tmp_path / "own.csv").write_text("lon,lat,direction\n-76.999,39.0,10\n", encoding="utf-8")
    study = study_from_dict(
        {
            "place": {"extract": "town.osm.pbf"},
            "camera": {"levels": ["observe"]},
            "coverage": {"range_curve": False, "cell_m": 1.0},
            "known": {"osm": True},
            "scenarios": {"best": {"process": "most_possible", "number": 3}},
            "drivers": {"ranges": 0},
            "output": {"maps": False},
        },
        folder=tmp_path,
        name="other",
    )
    run_study(study, tmp_path / "out")
    found = found_in(tmp_path / "out")
    others = {"placing.csv", "known.csv", "known_LEVEL.tif", "working/known_cameras.gpkg:known_cameras"}
    assert others <= set(found)
    for name, columns in found.items():
        entries = {item.name for item in DICTIONARY[name].columns}
        assert columns <= entries, name
        assert name not in others or entries == columns, name


def test_every_entry_says_something():
    for file in DICTIONARY.values():
        assert file.what.endswith(".")
        assert file.columns, file.name
        for item in file.columns:
            assert item.meaning.endswith((".", ".)")), f"{file.name} {item.name}"
