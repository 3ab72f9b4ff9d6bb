"""Pictures of who is in view by zone: what has to stand in them does, bars add up, changes are around 0."""

from __future__ import annotations

import html
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.show.fairness_maps import CHANGE_COLOURS, MOST_BARS, SIDE_COLOURS, FairnessData, change_map, zone_bars_map
from doorview.show.maps import MapData
from doorview.show.style import grey
from doorview.show.text import Caption, LevelNote
from doorview.study.fairness_run import FAIRNESS_CAVEAT, direction

CRS = "EPSG:32618"
HOSTILE = "$\\frac{1}{2}$ <b>Mill & Co</b>"


def zones_of(number: int) -> gpd.GeoDataFrame:
    boxes = [
        shapely.box(200.0 * (n % 6), 200.0 * (n // 6), 200.0 * (n % 6) + 200, 200.0 * (n // 6) + 200)
        for n in range(number)
    ]
    names = [HOSTILE, *(f"Zone {n}" for n in range(1, number))]
    return gpd.GeoDataFrame({"zone": [str(n) for n in range(number)], "name": names}, geometry=boxes, crs=CRS)


def base_of(zones: gpd.GeoDataFrame) -> MapData:
    faces = gpd.GeoDataFrame(
        {"name": ["Elm Street"], "share": [0.2]}, geometry=[shapely.LineString([(0, 50), (900, 60)])], crs=CRS
    )
    caption = Caption("Testville", "Camera X", "2026-01-01", units="metric", attribution="© OpenStreetMap contributors")
    level = LevelNote("detect", "someone is there", 28.4)
    return MapData(faces, zones.iloc[:0], level, "20% of homes own a doorbell camera", caption)


def shares(number: int) -> pd.DataFrame:
    mean = np.linspace(0.05, 0.6, number)
    parts = {"share_inside_only": 0.7 * mean, "share_both": 0.1 * mean, "share_outside_only": 0.2 * mean}
    ends = {"share_p05": 0.8 * mean, "share_p95": 1.1 * mean, "share_low": 0.5 * mean, "share_high": 1.2 * mean}
    table = pd.DataFrame({"zone": [str(n) for n in range(number)], "share_mean": mean, **parts, **ends})
    return table.assign(under_100_cells=table["zone"] == "1")


def changes(number: int) -> pd.DataFrame:
    mean = np.linspace(-0.12, 0.2, number)
    table = pd.DataFrame({"zone": [str(n) for n in range(number)], "change_mean": mean})
    table = table.assign(change_p05=mean - 0.03, change_p95=mean + 0.03)
    return table.assign(in_view=direction(table))


def data_of(number: int, table: pd.DataFrame) -> FairnessData:
    zones = zones_of(number)
    return FairnessData(base_of(zones), zones, table, "streets within 50 m of a home", FAIRNESS_CAVEAT)


def texts(path: Path) -> list[str]:
    return [
        html.unescape(text).replace("\u00a0", " ")
        for text in re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text("utf-8"))
    ]


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return texts(zone_bars_map(tmp_path_factory.mktemp("bars") / "b.svg", data_of(6, shares(6))))


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("moved") / "m.svg"
    return texts(change_map(path, data_of(6, changes(6)), programme="59 doorbells given away, compared with none."))


def test_what_no_picture_goes_without(bars: list[str], moved: list[str]) -> None:
    for found in (" ".join(bars), " ".join(moved)):
        assert FAIRNESS_CAVEAT in found
        assert "Simulated cameras, not real ones." in found
        assert "detect: someone is there, up to 28 m" in found
        assert "© OpenStreetMap contributors (data of 2026-01-01)" in found
        assert "Testville" in found
        assert not {"better", "worse", "watched", "protected"} & set(found.lower().split())
    assert "If 20% of homes own a doorbell camera." in " ".join(bars)
    assert "59 doorbells given away, compared with none." in " ".join(moved)


def test_bars_say_whose_doors_and_both_ranges(bars: list[str]) -> None:
    found = " ".join(bars)
    for words in (
        "doors in the zone alone",
        "doors inside and outside",
        "doors outside alone",
        "Thick line",
        "Thin line",
    ):
        assert words in found
    assert "under 100 cells" in found


def test_names_are_text_and_never_markup(bars: list[str]) -> None:
    assert any("$\\frac{1}{2}$" in text for text in bars)


def test_without_a_range_over_assumptions_the_picture_says_so(tmp_path: Path) -> None:
    table = shares(3).assign(share_low=np.nan, share_high=np.nan, share_both=[np.nan, 0.1, 0.1])
    found = " ".join(texts(zone_bars_map(tmp_path / "b.svg", data_of(3, table))))
    assert "The range over the assumptions was not worked out." in found
    assert "Grey: fewer than 5 homes." in found


def test_of_many_zones_the_ends_are_shown(tmp_path: Path) -> None:
    found = texts(zone_bars_map(tmp_path / "b.svg", data_of(30, shares(30))))
    in_bars = [text for text in found if re.fullmatch(r"Zone \d+", text)]
    assert "The 10 highest and 10 lowest of 30 zones." in " ".join(found)
    # The middle of the order, zones 10 to 19, is on the map at most.
    assert all(in_bars.count(f"Zone {n}") <= 1 for n in range(10, 20))
    assert all(f"Zone {n}" in in_bars for n in (1, 9, 20, 29))
    assert MOST_BARS == 20


def test_changes_are_in_points_with_their_sign_and_hatched_where_chance_alone_may_do_it(moved: list[str]) -> None:
    found = " ".join(moved)
    assert "Change in percentage points" in found
    assert {"0", "+10", "-10"} <= set(moved)
    assert "over 10 points less" in found or "over 20 points less" in found
    assert "the interval of chance holds 0" in found
    assert "neither good nor bad" in found


def test_direction_by_hand() -> None:
    table = pd.DataFrame(
        {
            "change_mean": [0.1, -0.1, 0.01, 0.0, 0.02],
            "change_p05": [0.05, -0.2, -0.01, 0.0, 0.0],
            "change_p95": [0.2, -0.01, 0.03, 0.0, 0.1],
        }
    )
    assert direction(table).tolist() == ["more", "less", "open", "same", "open"]


def test_colours_keep_apart_in_grey_and_to_colour_blind_eyes() -> None:
    """Sides from dark to light; changes lightest in the middle, and no class between red and green."""
    dark = [grey(colour) for colour in SIDE_COLOURS]
    assert dark[0] < dark[1] - 15 < dark[2] - 30
    light = [grey(colour) for colour in CHANGE_COLOURS]
    assert light.index(max(light)) == 3
    assert light[:4] == sorted(light[:4])
    assert light[3:] == sorted(light[3:], reverse=True)
    for colour in CHANGE_COLOURS:
        red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
        assert not (green > red + 20 and green > blue + 20)
