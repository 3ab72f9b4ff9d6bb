"""Parked cars: where they may stand, how many do, and that neither order nor other streets move them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from doorview.city.ground import public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles, joined
from doorview.city.parked import parked_cars
from doorview.city.tags import KEYS
from doorview.errors import InputError
from doorview.sight.arrays import visible_areas
from doorview.sight.walls import walls_of

CRS = "EPSG:32618"


def layer(name, rows):
    """Build a city layer from (id, geometry, tags)."""
    data = {key: pd.Series([row[2].get(key) for row in rows], dtype=object) for key in KEYS[name]}
    table = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries([row[1] for row in rows], crs=CRS))
    if name == "ways":
        table["nodes"] = pd.Series([None] * len(rows), dtype=object)
    return table.set_index(pd.Index([row[0] for row in rows], name="osm_id", dtype=object))


def city_of(*ways, buildings=()):
    return SimpleNamespace(
        name="test",
        crs=CRS,
        country="us",
        ways=layer("ways", [(f"w{n}", shapely.LineString(line), tags) for n, (line, tags) in enumerate(ways, start=1)]),
        areas=layer("areas", []),
        buildings=layer(
            "buildings", [(f"w{900 + n}", shape, {"building": "yes"}) for n, shape in enumerate(buildings)]
        ),
        parcels=None,
    )


def street(points=((0, 0), (100, 0)), **tags):
    return (points, {"highway": "residential", "name": "Elm", "width:carriageway": "9"} | tags)


def cars_of(city, occupancy=1.0, **more):
    return parked_cars(public_space(city), occupancy, **more)


def test_both_kerbs_of_a_street_are_lined():
    cars = cars_of(city_of(street()))
    # 16 whole places of 6 m on 100 m, both sides.
    assert len(cars) == 32
    assert cars.index.is_unique
    assert list(cars.index) == sorted(cars.index)
    assert set(cars["kind"]) == {"parked_car"}
    assert (cars["height_m"] == 1.5).all()
    assert cars.area.to_numpy() == pytest.approx([4.5 * 1.8] * 32)
    bounds = cars.bounds
    assert (bounds["maxx"] - bounds["minx"]).to_numpy() == pytest.approx([4.5] * 32)
    # The outer side lies on the kerb, 4.5 m from the line.
    outer = np.maximum(bounds["maxy"].abs(), bounds["miny"].abs()).to_numpy()
    assert outer == pytest.approx([4.5] * 32)
    assert (bounds["miny"] > 0).sum() == 16
    north = np.sort(bounds.loc[bounds["miny"] > 0, "minx"].to_numpy())
    assert np.diff(north) == pytest.approx([6.0] * 15)
    assert north[0] == pytest.approx(2.0 + 0.75)
    assert cars.crs == CRS


def test_cars_follow_a_bend_and_lie_on_the_carriageway():
    angle = np.radians(np.arange(0, 91, 3))
    bend = np.column_stack([60 * np.sin(angle), 60 * (1 - np.cos(angle))])
    city = city_of(street([tuple(point) for point in bend]))
    cars = cars_of(city)
    assert len(cars) > 25
    line = city.ways.geometry.iloc[0]
    corners = shapely.points(shapely.get_coordinates(cars.geometry.to_numpy()))
    # On a radius of 60 m a chord of 4.5 m strays 4.5^2 / (8 60) = 0.04 m, polygon and tangents a little more.
    assert shapely.distance(corners, line).max() < 4.5 + 0.1
    assert not cars.geometry.intersects(line).any()


def test_nothing_within_5_m_of_a_junction():
    city = city_of(street(((-100, 0), (0, 0), (100, 0))), street(((0, 0), (0, 100)), name="Oak"))
    cars = cars_of(city)
    main, side = city.ways.geometry
    on_side = (cars.bounds["miny"] > 4.6).to_numpy()
    assert 20 <= on_side.sum() <= 32
    # Kerbs lie 4.5 m from each line.
    assert cars[on_side].distance(main).min() >= 4.5 + 5
    assert cars[~on_side].distance(side).min() >= 4.5 + 5 - 1e-9
    # Two streets that only continue each other keep their cars.
    through = cars_of(city_of(street(((-100, 0), (0, 0))), street(((0, 0), (100, 0)), name="Oak")))
    assert len(through) == 2 * 32
    assert through.distance(shapely.Point(0, 0)).min() < 5


def test_nothing_within_5_m_of_a_driveway_or_on_a_crossing():
    drive = ([(50, 0), (50, 30)], {"highway": "service", "service": "driveway"})
    city = city_of(street(), drive)
    ground = public_space(city)
    cars = parked_cars(ground, 1.0)
    half = ground.strips.loc[ground.strips["class"] == "driveway", "outer_m"].iloc[0]
    # It meets the street at the middle line: the near kerb gives way, and the far one as far as 5 m reach.
    assert cars.distance(shapely.LineString(drive[0])).min() >= 5 + half
    near = cars[cars.bounds["miny"].to_numpy() > 0]
    assert len(near) < 16
    crossing = ([(31, -20), (31, 20)], {"highway": "footway", "footway": "crossing"})
    path = ([(31, -20), (31, 20)], {"highway": "footway"})
    for city in (city_of(street(), crossing), city_of(street(), path)):
        left = cars_of(city, ways=city.ways)
        assert len(left) == 32 - 2
        assert not left.intersects(shapely.LineString(path[0])).any()


def test_none_in_buildings_none_over_each_other():
    porch = shapely.box(40, 4, 52, 9)
    cars = cars_of(city_of(street(), buildings=[porch]))
    assert not cars.intersects(porch).any()
    assert cars.attrs["counts"]["places in a building, left out"] == 32 - len(cars) > 0
    # The inside of a sharp corner has room for one car where two would stand.
    corner = cars_of(city_of(street(((0, 0), (52, 0), (52, 52)))))
    pairs = shapely.STRtree(corner.geometry.to_numpy()).query(corner.geometry.to_numpy(), predicate="intersects")
    assert (pairs[0] == pairs[1]).all()
    assert corner.attrs["counts"]["places that overlap another, left out"] > 0
    # One street drawn twice, half a car apart.
    twice = cars_of(city_of(street(), street(((0, 2), (100, 2)), name="Oak")))
    pairs = shapely.STRtree(twice.geometry.to_numpy()).query(twice.geometry.to_numpy(), predicate="overlaps")
    assert pairs.size == 0


@pytest.mark.parametrize(
    ("width", "cars"),
    [("4.7", 0), ("4.9", 16), ("6.5", 16), ("6.7", 32)],
)
def test_a_lane_stays_free(width, cars):
    """3 m and one car of 1.8 m need 4.8 m, two 6.6 m."""
    found = cars_of(city_of(street(**{"width:carriageway": width})))
    assert len(found) == cars


@pytest.mark.parametrize(
    ("tags", "south", "north"),
    [
        ({"highway": "primary"}, 0, 0),
        ({"highway": "service", "service": "alley"}, 0, 0),
        ({"highway": "tertiary"}, 16, 16),
        ({"highway": "primary", "parking:left": "lane"}, 0, 16),
        ({"parking:both": "no"}, 0, 0),
        ({"parking:right": "no"}, 0, 16),
        ({"parking:both": "no", "parking:left": "lane"}, 0, 16),
        ({"parking:lane:both": "no_stopping"}, 0, 0),
        ({"parking:lane:left": "parallel", "highway": "secondary"}, 0, 16),
        ({"parking:both": "street_side"}, 0, 0),
        ({"bridge": "yes"}, 0, 0),
        ({"parking:both": "perhaps"}, 16, 16),
        ({"parking:right": "lane", "parking:left": "no", "width:carriageway": "4"}, 16, 0),
    ],
)
def test_class_and_tags_decide(tags, south, north):
    city = city_of(street(**tags))
    cars = cars_of(city, ways=city.ways)
    y = cars.centroid.y.to_numpy()
    assert ((y < 0).sum(), (y > 0).sum()) == (south, north)


def long_streets(*more):
    return city_of(*(street(((0, 50 * k), (900, 50 * k)), name=f"{k}") for k in range(8)), *more)


def test_occupancy_is_a_share_and_adds_cars():
    city = long_streets()
    every = cars_of(city)
    assert len(every) == 8 * 2 * 150
    for share in (0.1, 0.3, 0.6):
        some = cars_of(city, share)
        more = cars_of(city, share + 0.2)
        assert set(some.index) < set(more.index)
        error = math.sqrt(share * (1 - share) / len(every))
        assert len(some) / len(every) == pytest.approx(share, abs=4 * error)
    assert len(cars_of(city, 0.0)) == 0
    assert set(cars_of(city, 0.3).index) != set(cars_of(city, 0.3, seed=1).index)
    # Two seeds draw independently: 0.3 x 0.3 of the places are taken in both.
    assert len(set(cars_of(city, 0.3, seed=1).index) & set(cars_of(city, 0.3).index)) == pytest.approx(
        0.09 * len(every), abs=4 * math.sqrt(0.09 * 0.91 * len(every))
    )


def test_neither_order_nor_other_streets_move_a_car():
    city = long_streets()
    ground = public_space(city)
    cars = parked_cars(ground, 0.3, seed=5)
    turned = SimpleNamespace(
        strips=ground.strips.iloc[::-1], faces=ground.faces.iloc[::-1], polygons=ground.polygons.iloc[::-1]
    )
    again = parked_cars(turned, 0.3, seed=5)
    assert list(again.index) == list(cars.index)
    assert again.geometry.to_wkb().tolist() == cars.geometry.to_wkb().tolist()
    # A street elsewhere, whose id comes before all others.
    more = long_streets(street(((-500, -80), (-200, -80)), name="Far"))
    more.ways.index = pd.Index([*more.ways.index[:-1], "w0"], name="osm_id", dtype=object)
    with_more = cars_of(more, 0.3, seed=5)
    assert with_more.index[0].startswith("car:w0:")
    old = with_more[with_more.centroid.y > -10]
    assert list(old.index) == list(cars.index)
    assert old.geometry.to_wkb().tolist() == cars.geometry.to_wkb().tolist()


def test_a_parked_car_hides_what_similar_triangles_say():
    """A 1.5 m car at 8 m hides everything under 1.65 m at 12 m and 1.95 m at 20 m from a lens at 1.2 m."""
    cars = cars_of(city_of(street()))
    wide = shapely.box(-20, 8, 20, 9.8)
    walls = walls_of(cars.iloc[:1].set_geometry([wide], crs=CRS))

    def share(target_m, range_m):
        area = visible_areas([[0, 0]], [0.0], walls.xy, walls.height, range_m, 2.0, target_height_m=target_m)
        return area[0] / (range_m**2 * math.radians(2.0) / 2)

    for range_m, height_m in ((12.0, 1.65), (20.0, 1.95)):
        assert share(height_m + 0.001, range_m) == pytest.approx(1.0, abs=1e-9)
        assert share(height_m - 0.01, range_m) < 0.999


@pytest.mark.parametrize(
    ("more", "match"),
    [({"occupancy": 1.2}, "occupancy is 1.2"), ({"occupancy": math.nan}, "occupancy"), ({"seed": -3}, "seed is -3")],
)
def test_bad_input_is_refused_by_name(more, match):
    with pytest.raises(InputError, match=match):
        parked_cars(public_space(city_of(street())), **more)


def test_a_city_without_parking():
    cars = cars_of(city_of(([(0, 0), (80, 0)], {"highway": "footway"})))
    assert len(cars) == 0
    assert list(cars.columns) == ["geometry", "kind", "height_m"]
    assert cars.attrs["counts"]["parked cars"] == 0


def test_a_real_suburb(shared_data):
    place = City.from_extract(shared_data / "baltimore_county_md" / "clip_randallstown_2km_sorted.osm.pbf")
    ground = public_space(place)
    every = parked_cars(ground, 1.0, ways=place.ways)
    cars = parked_cars(ground, ways=place.ways)
    assert len(cars) / len(every) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / len(every)))
    # Two kerbs, a place each 6 m: at most that; at least half of it, junctions and driveways taken out.
    lines = ground.faces[ground.faces["highway"].isin(["residential", "unclassified", "tertiary"])]
    most = 2 * lines.length.sum() / 6
    assert 0.5 * most < len(every) < most
    both = joined(find_obstacles(place), cars)
    assert len(both) == len(cars) + len(find_obstacles(place))
    counted = public_space(place).polygons
    buildings = counted.geometry[counted["class"] == "building"].to_numpy()
    assert shapely.STRtree(buildings).query(every.geometry.to_numpy(), predicate="intersects").size == 0
