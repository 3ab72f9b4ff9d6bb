"""Property lines of doors and what a privacy zone beyond them leaves, against distances worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.classes import RANK
from doorview.city.doors import find_doors
from doorview.city.ground import Ground, public_space
from doorview.city.ground_areas import PARCEL_RANK
from doorview.city.model import City
from doorview.city.property_lines import CORNER_M, NOTES, property_limits
from doorview.errors import InputError
from helpers.tiny import tiny_town

CRS = "EPSG:32618"
REACH_M = 40.0
ELM = shapely.LineString([(-200.0, 0.0), (200.0, 0.0)])
BANDS = [("carriageway", 0.0, 4.0, 0), ("sidewalk", 4.0, 6.0, 1), ("verge", 6.0, 8.0, 1), ("verge", 4.0, 5.0, -1)]
"""Of a street toward the east: its ground reaches 8 m to its left (north) and 5 m to its right."""


def ground_of(
    *lines: shapely.LineString, bands: Any = BANDS, parcels: Any = (), areas: Any = (), shuffled: int | None = None
) -> Ground:
    strips = gpd.GeoDataFrame(
        [
            {"class": c, "rank": float(RANK[c]), "inner_m": a, "outer_m": b, "side": s, "face": f, "osm_id": ""}
            for f in range(len(lines))
            for c, a, b, s in bands
        ],
        columns=["class", "rank", "inner_m", "outer_m", "side", "face", "osm_id"],
        geometry=[line for line in lines for _ in bands],
        crs=CRS,
    )
    if shuffled is not None:
        strips = strips.sample(frac=1.0, random_state=shuffled)
    classes = ["yard"] * len(parcels) + ["square" if isinstance(a, tuple) else "carriageway" for a in areas]
    polygons = gpd.GeoDataFrame(
        {"class": classes, "rank": [PARCEL_RANK] * len(parcels) + [1.0] * len(areas), "face": -1, "osm_id": ""},
        geometry=[*parcels, *areas],
        crs=CRS,
    )
    none = gpd.GeoDataFrame(geometry=[], crs=CRS)
    return Ground(none, strips, polygons, none, {})


def doors_at(*places: tuple[float, float], heading: float = 180.0) -> gpd.GeoDataFrame:
    index = pd.Index([f"w{n}@1" for n in range(len(places))], name="door")
    return gpd.GeoDataFrame(
        {"heading": heading}, geometry=[shapely.Point(place) for place in places], index=index, crs=CRS
    )


def within(shape: Any, x: float, y: float) -> bool:
    return bool(shapely.contains_xy(shape, x, y))


def test_without_parcels_the_line_is_the_edge_of_the_streets_ground_on_the_doors_side() -> None:
    """North of Elm its ground ends 8 m from the centreline, south 5 m: 12 m before either door here."""
    found = property_limits(doors_at((0.0, 20.0), (30.0, -17.0)), ground_of(ELM), 2.5, reach_m=REACH_M)
    assert found["line"].tolist() == ["street", "street"]
    assert found["property_m"].tolist() == pytest.approx([12.0, 12.0])
    assert not found["corner"].any()
    north, south = found.geometry
    for x in (-39.0, 0.0, 39.0):
        assert within(north, x, 5.51)
        assert not within(north, x, 5.49)
        assert within(north, x, 59.0)
        assert within(south, 30.0 + x, -2.51)
        assert not within(south, 30.0 + x, -2.49)
    assert found.attrs["counts"] == {
        "doors whose property line is known by: parcel": 0,
        "doors whose property line is known by: street": 2,
        "doors whose property line is known by: none": 0,
        "doors on corner plots": 0,
    }


def test_the_polygon_holds_all_that_is_allowed_within_reach_and_nothing_else() -> None:
    """Anywhere around a slanting street: a point is allowed if its way along the normal is at most L + d."""
    slope = math.radians(25.0)
    along, normal = np.array([math.cos(slope), math.sin(slope)]), np.array([-math.sin(slope), math.cos(slope)])
    street = shapely.LineString([-150 * along, 150 * along])
    place = 3.0 * along + 17.0 * normal
    found = property_limits(doors_at(tuple(place)), ground_of(street), 4.0, reach_m=REACH_M)
    rng = np.random.default_rng(1)
    angle, away = rng.uniform(0, 2 * math.pi, 4000), REACH_M * np.sqrt(rng.uniform(0, 1, 4000))
    spots = place + away[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    allowed = (spots - place) @ -normal <= 17.0 - 8.0 + 4.0
    assert 0.1 < allowed.mean() < 0.9
    np.testing.assert_array_equal(shapely.contains_xy(found.geometry.iloc[0], spots), allowed)


def test_a_corner_plot_has_two_lines() -> None:
    """A side street along x = 25, its ground to 8 m left (west) of it: 17 m east of the door."""
    side = shapely.LineString([(25.0, 0.0), (25.0, 150.0)])
    found = property_limits(doors_at((0.0, 20.0)), ground_of(ELM, side), 1.0, reach_m=REACH_M)
    shape = found.geometry.iloc[0]
    assert found["corner"].tolist() == [True]
    assert found["property_m"].tolist() == pytest.approx([12.0])
    assert within(shape, 17.99, 7.01)
    assert not within(shape, 18.01, 20.0)
    assert not within(shape, 0.0, 6.99)
    assert found.attrs["counts"]["doors on corner plots"] == 1


@pytest.mark.parametrize(
    "other",
    [
        [(25.0, 0.0), (25.0, -150.0)],  # joins Elm from over there: its nearest point is its end
        [(0.0, -20.0), (9.0, -150.0)],
        [(CORNER_M + 8.1, 0.0), (CORNER_M + 8.1, 150.0)],  # too far away
        [(-150.0, -3.0), (150.0, -2.0)],  # the other carriageway of the same street: the same direction
    ],
)
def test_streets_that_make_no_corner(other: list[tuple[float, float]]) -> None:
    one = property_limits(doors_at((0.0, 20.0)), ground_of(ELM), 1.0, reach_m=REACH_M)
    two = property_limits(doors_at((0.0, 20.0)), ground_of(ELM, shapely.LineString(other)), 1.0, reach_m=REACH_M)
    assert not two["corner"].any()
    assert shapely.area(shapely.symmetric_difference(one.geometry.iloc[0], two.geometry.iloc[0])) < 1e-9


def test_a_door_on_the_street_may_see_as_far_as_the_distance_from_its_own_wall() -> None:
    """Its property line is its facade: 1 m and no more, whether the line is 6 m away or the door stands on it."""
    found = property_limits(doors_at((0.0, 6.0), (9.0, 0.0)), ground_of(ELM), 1.0, reach_m=REACH_M)
    assert found["property_m"].tolist() == [0.0, 0.0]
    assert within(found.geometry.iloc[0], 0.0, 5.01)
    assert not within(found.geometry.iloc[0], 0.0, 4.99)
    assert within(found.geometry.iloc[1], 9.0, -0.99)  # toward its heading, south
    assert not within(found.geometry.iloc[1], 9.0, -1.01)


def test_a_door_far_from_any_street_is_not_cut() -> None:
    found = property_limits(doors_at((0.0, 48.1), (0.0, 47.9)), ground_of(ELM), 0.0, reach_m=REACH_M)
    assert found["line"].tolist() == ["none", "street"]
    assert found.geometry.iloc[0] is None
    assert set(found["line"]) <= set(NOTES)


def test_ground_of_a_street_that_is_an_area_counts() -> None:
    area = shapely.box(-30.0, -5.0, 30.0, 9.0)
    found = property_limits(doors_at((0.0, 20.0)), ground_of(areas=[area]), 2.0, reach_m=REACH_M)
    assert found["property_m"].tolist() == pytest.approx([11.0])
    assert within(found.geometry.iloc[0], 5.0, 7.01)
    assert not within(found.geometry.iloc[0], 5.0, 6.99)


def test_with_parcels_the_line_is_that_of_the_smallest_parcel_that_holds_the_door() -> None:
    """A spot is allowed if it lies within 3 m of the plot: beside it and behind it too."""
    plot, block = shapely.box(-10.0, 8.0, 10.0, 40.0), shapely.box(-100.0, 8.0, 100.0, 60.0)
    ground = ground_of(ELM, parcels=[block, plot])
    found = property_limits(doors_at((0.0, 20.0)), ground, 3.0, reach_m=REACH_M)
    assert found["line"].tolist() == ["parcel"]
    assert math.isnan(found["property_m"].iloc[0])
    spots = np.random.default_rng(2).uniform(-38, 38, (4000, 2)) + np.array([0.0, 20.0])
    away = shapely.distance(plot, shapely.points(spots))
    clear = np.abs(away - 3.0) > 0.01  # chords at the corners
    np.testing.assert_array_equal(shapely.contains_xy(found.geometry.iloc[0], spots)[clear], (away <= 3.0)[clear])


def test_doors_on_and_outside_of_parcels() -> None:
    """10 cm before the plot it is the plot's door; outside of all, the street rules, without verge: 6 m at most."""
    ground = ground_of(ELM, parcels=[shapely.box(-10.0, 8.0, 10.0, 40.0)])
    found = property_limits(doors_at((0.0, 7.9), (50.0, 20.0)), ground, 0.0, reach_m=REACH_M)
    assert found["line"].tolist() == ["parcel", "street"]
    assert found["property_m"].iloc[1] == pytest.approx(14.0)
    assert shapely.area(found.geometry.iloc[0]) == pytest.approx(20.0 * 32.0)


def test_the_order_of_doors_and_ground_changes_nothing() -> None:
    side = shapely.LineString([(25.0, 0.0), (25.0, 150.0)])
    places = np.random.default_rng(3).uniform(-45, 45, (60, 2)).tolist()
    doors = doors_at(*[tuple(place) for place in places])
    one = property_limits(doors, ground_of(ELM, side), 1.5, reach_m=REACH_M)
    two = property_limits(doors.iloc[::-1], ground_of(ELM, side, shuffled=1), 1.5, reach_m=REACH_M).loc[doors.index]
    assert one["corner"].sum() > 3
    assert one["line"].tolist() == two["line"].tolist()
    np.testing.assert_array_equal(shapely.to_wkb(one.geometry.to_numpy()), shapely.to_wkb(two.geometry.to_numpy()))


def test_no_doors_and_no_ground() -> None:
    assert len(property_limits(doors_at(), ground_of(ELM), 1.0, reach_m=REACH_M)) == 0
    assert property_limits(doors_at((0.0, 0.0)), ground_of(), 1.0, reach_m=REACH_M)["line"].tolist() == ["none"]


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "2", True])
def test_distances_that_are_none_are_refused(value: Any) -> None:
    with pytest.raises(InputError, match="beyond_m"):
        property_limits(doors_at((0.0, 20.0)), ground_of(ELM), value, reach_m=REACH_M)
    with pytest.raises(InputError, match="reach_m"):
        property_limits(doors_at((0.0, 20.0)), ground_of(ELM), 1.0, reach_m=value)


def test_doors_in_another_crs_are_refused() -> None:
    with pytest.raises(InputError, match="different CRS"):
        property_limits(doors_at((0.0, 20.0)).to_crs("EPSG:32617"), ground_of(ELM), 1.0, reach_m=REACH_M)


def test_a_city_with_parcels(tmp_path: Any) -> None:
    """The whole way: of two plots on the tiny town's street one has a parcel, and the parcel of the street is none."""
    city = City.from_extract(tiny_town(tmp_path / "town.osm.pbf"))
    home = city.buildings.geometry.iloc[0]
    plot = shapely.buffer(home, 5.0, join_style="mitre")
    x0, y0, x1, y1 = shapely.total_bounds(city.ways.geometry.to_numpy())
    street = shapely.box(x0, y0 - 6.0, x1, y1 + 6.0)
    parcels = gpd.GeoDataFrame(geometry=[plot, street], crs=city.crs)
    layered = City.from_layers(buildings=city.buildings, streets=city.ways, parcels=parcels, crs=city.crs)
    doors = find_doors(layered)
    ground = public_space(layered, doors)
    assert ground.notes["with_parcels"]
    found = property_limits(doors, ground, 2.0, reach_m=REACH_M)
    assert found["line"].value_counts().to_dict() == {"street": len(doors) - 1, "parcel": 1}
    cut = found[found["line"] == "parcel"]
    assert cut.geometry.iloc[0].contains(doors.geometry[cut.index[0]])
    assert shapely.area(cut.geometry.iloc[0]) == pytest.approx(22 * 22 + 4 * 22 * 2 + math.pi * 4, rel=1e-3)


def test_osm_towns_have_no_parcels(tmp_path: Any) -> None:
    """Every door of the tiny town faces its one street."""
    city = City.from_extract(tiny_town(tmp_path / "town.osm.pbf"))
    doors = find_doors(city)
    found = property_limits(doors, public_space(city, doors), 0.0, reach_m=REACH_M)
    assert (found["line"] == "street").all()
    assert not found["corner"].any()
