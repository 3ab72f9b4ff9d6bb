"""SE Baltimore with its 278 neighbourhoods: whose doors they are in view from, in plain loops and by drawn owners."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import doorview as dv
from doorview.share.outputs import street_spaces
from doorview.study.compute import Stages, measure, prepare
from doorview.study.read import read_city
from doorview.study.result import Result
from doorview.study.schema import study_from_dict

RATE = 0.2
SIDES = ["share_inside_only", "share_both", "share_outside_only"]
MIXED = ["Butcher's Hill", "Upper Fells Point", "Graceland Park", "Little Italy"]
"""Neighbourhoods whose streets are seen from both sides of their edge."""


@pytest.fixture(scope="module")
def baltimore(shared_data: Path) -> Result:
    folder = shared_data / "baltimore_city_md"
    zones = {"file": str(folder / "neighbourhoods.gpkg"), "zoning": "neighbourhood", "id": "LABEL", "name": "LABEL"}
    raw = {
        "study": {"name": "SE Baltimore"},
        "place": {"extract": str(folder / "baltimore_sorted.osm.pbf")},
        "zones": [zones],
        "camera": {"levels": ["detect"]},
        "coverage": {"range_curve": False},
        "drivers": {"ranges": 0},
        "ownership": {"replicates": 64},
        "scenarios": {"independent_20": {"rate": RATE}},
    }
    study, stages = study_from_dict(raw), Stages()
    ready = prepare(study, read_city(study), stages)
    return Result(ready, measure(ready, stages), stages)


@pytest.fixture(scope="module")
def table(baltimore: Result) -> pd.DataFrame:
    found = dv.fairness(baltimore, zoning="neighbourhood")
    return found[found["space"] == "streets"].set_index("zone")


def seen_in(result: Result, name: str) -> list[tuple[np.ndarray, int, np.ndarray]]:
    """Return (doors, amount, inside) for the street ground of a neighbourhood, row by row."""
    zones, coverage = result.ready.zones, result.tables.coverage
    assert zones is not None
    number = int(np.flatnonzero(zones["zone"] == name)[0])
    inside = shapely.contains_xy(zones.geometry.iloc[number], result.ready.scene.door_xy)
    found = []
    for row in coverage.rows.itertuples(index=False):
        if row.space in street_spaces() and number in coverage.zones[row.zones]:
            doors = coverage.members.doors[coverage.members.start[row.set] : coverage.members.start[row.set + 1]]
            found.append((doors, row.amount, inside[doors]))
    return found


@pytest.mark.parametrize("name", MIXED)
def test_the_split_row_by_row(baltimore: Result, table: pd.DataFrame, name: str) -> None:
    parts = np.zeros(3)
    for _, amount, inside in seen_in(baltimore, name):
        q_in, q_out = (1 - RATE) ** inside.sum(), (1 - RATE) ** (~inside).sum()
        parts += amount * np.array([(1 - q_in) * q_out, (1 - q_in) * (1 - q_out), q_in * (1 - q_out)])
    whole = table.loc[name, "public_m2"] / 0.25
    assert table.loc[name, SIDES].to_numpy(float) == pytest.approx(parts / whole, abs=1e-9)


def test_the_split_by_drawn_owners(baltimore: Result, table: pd.DataFrame) -> None:
    """2,000 drawn towns: each share within 5 standard errors of its mean."""
    name, draws = "Upper Fells Point", 2000
    owns = np.random.default_rng(1).random((draws, len(baltimore.doors))) < RATE
    found = np.zeros((draws, 3))
    for doors, amount, inside in seen_in(baltimore, name):
        a, b = owns[:, doors[inside]].any(axis=1), owns[:, doors[~inside]].any(axis=1)
        found += amount * np.column_stack([a & ~b, a & b, b & ~a])
    found /= table.loc[name, "public_m2"] / 0.25
    error = found.std(axis=0, ddof=1) / np.sqrt(draws)
    assert (np.abs(found.mean(axis=0) - table.loc[name, SIDES].to_numpy(float)) < 5 * error).all()
    assert (error > 0).all()


def test_cells_add_up_to_the_exact_areas(baltimore: Result, table: pd.DataFrame) -> None:
    """The neighbourhoods' own acres, and the part of each in the counted area; what lies outside is left out."""
    file = baltimore.ready.study.zones[0].file
    acres = gpd.read_file(file).set_index("LABEL")["ACRES"]
    assert len(acres) == 278
    assert len(table) + baltimore.ready.counts["zones"]["zones outside the counted area"] == 278
    # UTM shrinks lengths by 4 in 10,000 in the middle of its zone; the file's acres are of its own projection.
    assert table["polygon_m2"].to_numpy() == pytest.approx(acres[table.index] * 4046.8564224, rel=0.01)
    whole = table[table["note"] == ""]
    # A zone is said to be cut where less than 99 % of it is counted.
    assert whole["counted_m2"].to_numpy() == pytest.approx(whole["polygon_m2"].to_numpy(), rel=0.01)
    large = table[table["counted_m2"] > 10_000]
    assert large["grid_m2"].to_numpy() == pytest.approx(large["counted_m2"], rel=0.001)
    assert (table["share_mean"].notna() == (table["public_m2"] > 0)).all()
    # The extract has buildings in a part of the city alone: the rest says that it has no homes.
    assert 20 < table["note"].str.contains("no homes").sum() < 30
