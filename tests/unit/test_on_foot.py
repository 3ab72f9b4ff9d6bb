"""One way on foot in one call, on a ladder and by its own parts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.overlays.route_exposure import exposure_of_pairs, route_figures, walking_points
from helpers.ladder import UTM, ladder

TO_DEGREES = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)


def degrees(x, y):
    lon, lat = TO_DEGREES.transform(x, y)
    return lat, lon


@pytest.fixture(scope="module")
def town():
    """A ladder whose south rail is in view of three doors; the north rail of none."""
    doors = gpd.GeoDataFrame(
        {"heading": [180.0] * 3},
        geometry=[shapely.Point(x, 7.0) for x in (40.0, 100.0, 160.0)],
        crs=UTM,
        index=pd.Index(["a", "b", "c"], name="door"),
    )
    walls = gpd.GeoDataFrame(geometry=[shapely.box(-5, 7.2, 205, 20)], crs=UTM)
    return ladder(), doors, walls


@pytest.fixture(scope="module")
def walked(town):
    city, doors, walls = town
    return dv.route(
        city, degrees(1, 0), degrees(199, 0), rate=0.25, doors=doors, obstacles=walls, side="centre", clip_s=30.0,
        detour_cap=1.6, replicates=64,
    )  # fmt: skip


def test_both_kinds_stand_at_every_level_with_the_lengths_of_the_ladder(walked):
    table = walked.table
    assert table.groupby("kind")["level"].agg(list).to_dict() == {
        kind: ["detect", "observe", "recognise"] for kind in ("shortest", "least_in_view")
    }
    length = table.groupby("kind")["length_m"].first()
    assert length["shortest"] == pytest.approx(198, abs=0.01)
    # Over the north rail: back to the rung, up, along, down.
    assert length["least_in_view"] == pytest.approx(1 + 50 + 200 + 50 + 1, abs=0.01)
    assert walked.front["detour"].tolist() == pytest.approx([1, 302 / 198], abs=1e-3)
    assert walked.level == "detect"


def test_figures_are_those_of_the_whole_city_put_together_by_hand(town, walked):
    city, doors, walls = town
    graph = dv.walking_graph(city, side="centre")
    walk = walking_points(graph)
    routes = dv.shortest_routes(graph, [[1.0, 0.0]], [[199.0, 0.0]])
    exposures = {
        name: exposure_of_pairs(walk, doors.index, dv.sees(doors, walk.points, walls, level=name))
        for name in ("detect", "observe", "recognise")
    }
    whole = route_figures(graph, routes, exposures, 0.25, replicates=64)
    mine = walked.table[walked.table["kind"] == "shortest"].reset_index(drop=True)
    for name in ("seen_length_mean_m", "doorbells_mean", "p_unseen", "longest_unseen_mean_m"):
        assert mine[name].to_numpy() == pytest.approx(whole[name].to_numpy(), abs=1e-3)
    least = walked.table[walked.table["kind"] == "least_in_view"]
    assert (least["seen_length_mean_m"].to_numpy() <= mine["seen_length_mean_m"].to_numpy()).all()


def test_stretches_cover_each_line_once_and_add_up_to_the_figures(walked):
    for (kind, level), part in walked.stretches.groupby(["walk", "level"]):
        row = walked.table[(walked.table["kind"] == kind) & (walked.table["level"] == level)].iloc[0]
        assert part["begin_m"].tolist()[1:] == part["end_m"].tolist()[:-1]
        assert part.length.sum() == pytest.approx(row["length_m"], abs=0.01)
        seen = ((part["end_m"] - part["begin_m"]) * part["chance"]).sum()
        assert seen == pytest.approx(row["seen_length_mean_m"], abs=0.01)


def test_it_says_that_owners_are_simulated_and_can_be_drawn(walked, tmp_path):
    for text in (repr(walked), walked._repr_html_()):
        assert "not safety advice" in text
        assert "25% of doors own" in text
    path = walked.map(tmp_path / "way.png", level="observe")
    assert path.stat().st_size > 20_000
    with pytest.raises(InputError, match="not at 'identify'"):
        walked.map(level="identify")


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ((39.0,), "give \\(latitude, longitude\\)"),
        ("no such place", "no such place"),
        ((0.0, 0.0), "outside the data"),
        ((139.0, 10.0), "longitude first"),
        (degrees(100, 900), "from every way"),
        (degrees(199, 0), "one spot"),
    ],
)
def test_an_end_that_no_way_leads_to_says_why(town, origin, said):
    city, doors, walls = town
    with pytest.raises((InputError, UnknownNameError), match=said):
        dv.route(city, origin, degrees(199, 0), doors=doors, obstacles=walls, side="centre")


def test_a_spot_turned_round_is_found_out(town):
    city, doors, walls = town
    lat, lon = degrees(1, 0)
    if abs(lon) > 90:
        pytest.skip("the ladder lies where no latitude has this number")
    with pytest.raises(InputError, match="Turned round"):
        dv.route(city, (lon, lat), degrees(199, 0), doors=doors, obstacles=walls, side="centre")


def test_doors_with_chances_of_their_own_are_taken_in_order(town):
    city, doors, walls = town
    found = dv.route(
        city, degrees(1, 0), degrees(199, 0), rate=np.array([1.0, 0.0, 0.0]), levels=["observe"], doors=doors,
        obstacles=walls, side="centre", replicates=0,
    )  # fmt: skip
    shortest = found.table.iloc[0]
    assert shortest["p_unseen"] == 0
    assert shortest["doorbells_mean"] == 1
