"""The section [incidents]: all its faults at once, and reading by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError
from pyproj import CRS

from doorview.errors import InputError
from doorview.overlays.incidents import read_incidents
from doorview.study.incidents_section import IncidentsSection, incidents_faults

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo"


def section(**keys: Any) -> IncidentsSection:
    return IncidentsSection.model_validate({"file": "thefts.csv", **keys}, context={"folder": DEMO})


def test_it_reads_what_the_room_reads():
    got = section(preset="demo", days=30, months=6, until="2025-06-30")
    incidents = got.read(CRS.from_epsg(32614))
    pd.testing.assert_frame_equal(incidents, read_incidents(DEMO / "thefts.csv", CRS.from_epsg(32614), preset="demo"))
    short, long = got.windows(incidents["date"])
    assert (short.name, long.name) == ("30 days", "6 months")
    assert (str(short.first), str(long.first), str(long.last)) == ("2025-06-01", "2024-12-31", "2025-06-30")
    assert got.layout().known_to == "point"


def test_own_values_go_before_the_presets():
    got = section(preset="demo", known_to="block", columns={"x": "lon", "y": "lat"}, crs="EPSG:4326")
    assert got.layout().known_to == "block"
    assert dict(got.layout().columns) == {"date": "date", "category": "category", "x": "lon", "y": "lat"}
    assert (got.read(CRS.from_epsg(32614))["block"] != "").all()


def test_all_faults_at_once():
    faults = incidents_faults(
        {
            "columns": {"x": "a", "latt": "b"},
            "where": {"Type": []},
            "bandwidth_m": 20,
            "zoning": "tracks",
            "until": "26.5.2019",
            "hold_out_from": "yesterday",
            "date_formats": ["%Y"],
            "date_order": "day_first",
        },
        ["tracts"],
    )
    told = "\n".join(faults)
    for words in (
        "columns: nothing is called 'latt' (did you mean 'lat'?)",
        "columns: x and y belong together",
        "crs: x and y mean nothing without it",
        "where: no values for 'Type'",
        "bandwidth_m: 20 m points at single homes; give 100 or more",
        "zoning: unknown zones 'tracks'. Did you mean 'tracts'?",
        "until: '26.5.2019' is no day; write it as 2019-05-26",
        "hold_out_from: 'yesterday' is no day",
        "date_order: date_formats say the order already",
    ):
        assert words in told
    assert len(faults) == 9


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ({"preset": "chcago"}, "Did you mean 'chicago'?"),
        ({"zoning": "tracts"}, "there are no zones"),
        ({"parcels": "n"}, "there are no zones"),
        ({"until": "2019-01-01", "hold_out_from": "2019-02-01"}, "nothing would be held out"),
    ],
)
def test_single_faults(raw, fault):
    faults = incidents_faults(raw)
    assert len(faults) == 1
    assert fault in faults[0]


def test_no_faults_where_there_are_none():
    assert incidents_faults({"file": "thefts.csv", "preset": "demo", "bandwidth_m": 100.0}) == []
    assert incidents_faults({"columns": {"lon": 3}, "where": 5, "bandwidth_m": "x"}) != [None]
    assert incidents_faults("no table") == []


@pytest.mark.parametrize(
    "keys",
    [
        {"file": "none.csv"},
        {"crs": "EPSG:0"},
        {"date_order": "year_first"},
        {"days": 0},
        {"bandwidth_m": float("nan")},
        {"colums": {}},
    ],
)
def test_fields_are_checked(keys):
    with pytest.raises(ValidationError):
        section(**keys)


def test_what_contradicts_itself_is_refused_when_read():
    with pytest.raises(InputError, match="belong together"):
        section(columns={"lon": "lon"}).read(CRS.from_epsg(32614))
