"""Alerts, against plain loops over doors and spots and closed forms."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from doorview.errors import InputError
from doorview.overlays.alerts import MOST_RADIUS_M, alerts
from doorview.sight.points import sees

UTM = "EPSG:32618"


def town(seed: int = 0, doors: int = 300, spots: int = 12) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    random = np.random.default_rng(seed)
    xy = random.uniform(0, 600, (doors, 2))
    homes = random.integers(1, 9, doors)
    table = gpd.GeoDataFrame(
        {"dwellings": homes, "heading": random.uniform(0, 360, doors)},
        geometry=shapely.points(xy),
        index=[f"d{n}" for n in random.permutation(doors)],
        crs=UTM,
    )
    places = gpd.GeoDataFrame(
        geometry=shapely.points(random.uniform(0, 600, (spots, 2))),
        index=[f"s{n}" for n in random.permutation(spots)],
        crs=UTM,
    )
    return table, places


def pairs(*rows: tuple[object, object]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["door", "point"])


WALLS = gpd.GeoDataFrame(
    geometry=[shapely.LineString([(200, 0), (200, 400)]), shapely.box(300, 300, 320, 320)], crs=UTM
)


@pytest.mark.parametrize("radius", [3.0, 25.0, 140.0, 2000.0])
def test_counts_are_those_of_a_plain_loop(radius: float):
    doors, spots = town()
    levels = {name: sees(doors, spots, WALLS, level=name) for name in ("detect", "observe")}
    chance = np.random.default_rng(1).uniform(0, 1, len(doors))
    table = alerts(doors, spots, levels, radius_m=radius, app_share=0.3, chance=chance, app_share_of_owners=0.8)
    assert table["spot"].tolist() == [label for label in spots.index for _ in range(2)]
    assert table["level"].tolist() == ["detect", "observe"] * len(spots)
    some_in_view = False
    for row in table.itertuples():
        spot = spots.geometry[row.spot]
        view = set(levels[row.level].query("point == @row.spot")["door"])
        near = homes = seeing = homes_seeing = 0
        owners, none = 0.0, 1.0
        for place, (door, point) in enumerate(doors.geometry.items()):
            if math.dist((point.x, point.y), (spot.x, spot.y)) > radius:
                continue
            near, homes = near + 1, homes + int(doors["dwellings"][door])
            if door in view:
                seeing, homes_seeing = seeing + 1, homes_seeing + int(doors["dwellings"][door])
                owners += 0.8 * chance[place]
                none *= 1 - 0.8 * chance[place]
        assert (row.doors_within, row.homes_within) == (near, homes)
        assert (row.doors_in_view, row.homes_in_view) == (seeing, homes_seeing)
        assert row.app_homes_mean == pytest.approx(0.3 * homes)
        assert row.app_homes_in_view_mean == pytest.approx(0.3 * homes_seeing)
        assert row.app_owners_in_view_mean == pytest.approx(owners)
        assert row.chance_any == pytest.approx(1 - none)
        some_in_view |= seeing > 0
    assert some_in_view or radius < 10


def test_a_door_at_the_very_radius_is_reached():
    doors = gpd.GeoDataFrame(geometry=[shapely.Point(300, 400), shapely.Point(300, 400.001)], crs=UTM)
    spots = gpd.GeoSeries([shapely.Point(0, 0)], crs=UTM)
    table = alerts(doors, spots, {"detect": pairs()}, radius_m=500, app_share=1.0, chance=0.5)
    assert table["doors_within"].tolist() == [1]


def test_the_range_of_homes_is_that_of_the_binomial():
    doors = gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs=UTM).assign(dwellings=400)
    spots = gpd.GeoSeries([shapely.Point(1, 0)], crs=UTM)
    row = alerts(doors, spots, {"detect": pairs()}, radius_m=5, app_share=0.2, chance=0.5).iloc[0]

    def below(most: int) -> float:
        return sum(math.comb(400, n) * 0.2**n * 0.8 ** (400 - n) for n in range(most + 1))

    assert below(int(row["app_homes_p05"])) >= 0.05 > below(int(row["app_homes_p05"]) - 1)
    assert below(int(row["app_homes_p95"])) >= 0.95 > below(int(row["app_homes_p95"]) - 1)


def test_doors_out_of_the_radius_are_not_alerted_whatever_they_see():
    doors = gpd.GeoDataFrame(geometry=[shapely.Point(10, 0), shapely.Point(30, 0)], crs=UTM)
    spots = gpd.GeoSeries([shapely.Point(0, 0)], crs=UTM)
    seen = {"detect": pairs((0, 0), (1, 0), (1, 0))}
    near = alerts(doors, spots, seen, radius_m=20, app_share=0.5, chance=0.4).iloc[0]
    assert (near["doors_in_view"], near["app_owners_in_view_mean"]) == (1, pytest.approx(0.2))
    wide = alerts(doors, spots, seen, radius_m=40, app_share=0.5, chance=0.4).iloc[0]
    # A pair told twice counts once.
    assert (wide["doors_in_view"], wide["chance_any"]) == (2, pytest.approx(1 - 0.8**2))


def test_a_circle_that_leaves_the_data_says_so():
    doors = gpd.GeoDataFrame(geometry=[shapely.Point(10, 500)], crs=UTM)
    spots = gpd.GeoSeries([shapely.Point(0, 500), shapely.Point(500, 500)], crs=UTM)
    extent = shapely.box(0, 0, 1000, 1000)
    table = alerts(doors, spots, {"detect": pairs()}, radius_m=100, app_share=0.1, chance=0.1, extent=extent)
    assert table["part_with_data"].tolist() == pytest.approx([0.5, 1.0], abs=1e-4)
    table = alerts(doors, spots, {"detect": pairs()}, radius_m=100, app_share=0.1, chance=0.1)
    assert table["part_with_data"].isna().all()


@pytest.mark.parametrize("radius", [0.0, -1.0, MOST_RADIUS_M * 1.0001, math.nan, 10_000.0])
def test_a_radius_over_five_miles_is_refused(radius: float):
    doors, spots = town()
    with pytest.raises(InputError, match="at most 5 miles"):
        alerts(doors, spots, {"detect": pairs()}, radius_m=radius, app_share=0.1, chance=0.1)
    assert len(alerts(doors, spots, {"detect": pairs()}, radius_m=5 * 1609.344, app_share=0.1, chance=0.1)) == 12


def test_wrong_values_are_named_together():
    doors, spots = town()
    with pytest.raises(InputError) as caught:
        alerts(doors, spots, {"detect": pairs()}, radius_m=9e9, app_share=1.5, chance=-0.1, app_share_of_owners=-1)
    assert all(name in str(caught.value) for name in ("radius_m", "app_share is", "app_share_of_owners", "chance lies"))


def test_layers_that_do_not_fit_are_refused():
    doors, spots = town()
    good = {"radius_m": 100.0, "app_share": 0.1, "chance": 0.1}
    with pytest.raises(InputError, match=r"spots\.to_crs"):
        alerts(doors, spots.to_crs(32617), {"detect": pairs()}, **good)
    with pytest.raises(InputError, match="projected"):
        alerts(doors.to_crs(4326), spots.to_crs(4326), {"detect": pairs()}, **good)
    with pytest.raises(InputError, match="not in metres"):
        alerts(doors.to_crs(2248), spots.to_crs(2248), {"detect": pairs()}, **good)
    with pytest.raises(InputError, match="no points"):
        alerts(doors, gpd.GeoSeries([shapely.box(0, 0, 1, 1)], crs=UTM), {"detect": pairs()}, **good)
    with pytest.raises(InputError, match="dwellings"):
        alerts(doors.assign(dwellings=0), spots, {"detect": pairs()}, **good)
    with pytest.raises(InputError, match="1 unknown doors and 1 unknown spots"):
        alerts(doors, spots, {"detect": pairs(("x", "y"))}, **good)
    with pytest.raises(InputError, match="lack"):
        alerts(doors, spots, {"detect": pd.DataFrame({"door": []})}, **good)
    with pytest.raises(InputError, match="no level"):
        alerts(doors, spots, {}, **good)


def test_no_doors_and_no_spots_are_no_fault():
    doors, spots = town()
    assert alerts(doors, spots.iloc[:0], {"detect": pairs()}, radius_m=9, app_share=0.1, chance=0.1).empty
    none = alerts(doors.iloc[:0], spots, {"detect": pairs()}, radius_m=9, app_share=0.1, chance=0.1)
    assert (none["homes_within"] == 0).all()
    assert (none["chance_any"] == 0).all()


def test_five_miles_are_five_miles_on_the_ground():
    # A geodesic of 5 miles north of the zone's central meridian, where the UTM scale is 0.9996.
    from pyproj import Geod

    east, north, _ = Geod(ellps="WGS84").fwd(-75.0, 40.0, 0.0, MOST_RADIUS_M)
    place = Transformer.from_crs(4326, UTM, always_xy=True).transform
    a, b = place(-75.0, 40.0), place(east, north)
    assert math.dist(a, b) == pytest.approx(MOST_RADIUS_M, rel=5e-4)
