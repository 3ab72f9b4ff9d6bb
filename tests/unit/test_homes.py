"""Which buildings are homes, and how many dwellings they hold."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from doorview.city.doors import homes_of
from doorview.city.home_rules import home_rules
from doorview.city.homes import flats_in

STREET = (shapely.LineString([(-500, -10), (500, -10)]), {"highway": "residential", "name": "A Street"})


def layer(rows):
    keys = sorted({key for _, tags in rows.values() for key in tags})
    index = pd.Index(list(rows), dtype=object, name="osm_id")
    columns = {key: pd.Series([tags.get(key) for _, tags in rows.values()], index=index, dtype=object) for key in keys}
    return gpd.GeoDataFrame(columns, index=index, geometry=[shape for shape, _ in rows.values()], crs=32618)


def judged(buildings, addresses=None, areas=None):
    city = SimpleNamespace(
        name="town",
        crs=32618,
        buildings=layer(buildings),
        ways=layer({"w1": STREET}),
        addresses=layer(addresses or {}),
        areas=layer(areas or {}),
    )
    return homes_of(city)


def one(tags, side=10.0, **layers):
    return judged({"w1": (shapely.box(0, 0, side, side), tags)}, **layers).iloc[0]


@pytest.mark.parametrize(
    ("value", "home", "kind"),
    [
        ("house", True, "house"),
        ("Detached", True, "house"),
        ("terrace", True, "terrace"),
        ("apartments", True, "apartments"),
        ("residential", True, "unknown"),
        ("house;museum", True, "house"),
        ("garage", False, "none"),
        ("carport", False, "none"),
        ("barn", False, "none"),
        ("retail", False, "none"),
        ("church", False, "none"),
        ("flying saucer", False, "none"),
    ],
)
def test_tags_decide(value, home, kind):
    found = one({"building": value})
    assert (bool(found.home), found.kind) == (home, kind)


def test_every_value_has_one_group_and_a_reason():
    rules = home_rules()
    assert all(reason.endswith(".") for reason in rules.reason.values())
    assert {rules.kind[value] for value, home in rules.home.items() if home is not False} == {
        "house",
        "terrace",
        "apartments",
        "unknown",
    }


@pytest.mark.parametrize(
    ("tags", "side", "home"),
    [
        ({"addr:housenumber": "4"}, 10, True),
        ({"addr:housenumber": "4", "shop": "bakery"}, 10, False),
        ({"addr:housenumber": "4", "shop": "bakery", "building:levels": "4"}, 10, True),
        ({"addr:housenumber": "4", "shop": "bakery", "height": "40 ft"}, 10, True),  # 12 m: four levels of 3 m
        ({"addr:housenumber": "4", "amenity": "school"}, 30, False),
        ({"addr:housenumber": "4", "amenity": "place_of_worship", "building:levels": "5"}, 30, False),
        ({"addr:housenumber": "4"}, 60, False),  # 3,600 m2 without levels: a hall
        ({"addr:housenumber": "4", "building:levels": "6"}, 60, True),
        ({}, 10, True),  # nothing is numbered around it
        ({}, 5, False),  # 25 m2
        ({}, 40, False),  # 1,600 m2
    ],
)
def test_building_yes(tags, side, home):
    assert bool(one({"building": "yes"} | tags, side).home) is home


def test_footprints_without_tags_are_judged_as_building_yes():
    table = judged({"own:buildings:1": (shapely.box(0, 0, 10, 10), {"building": None})})
    assert table["rule"].tolist() == ["unspecified, of a home's size"]


def test_an_address_node_makes_a_home_but_a_shop_at_a_node_does_not_make_dwellings():
    nodes = {
        "n1": (shapely.Point(5, 5), {"addr:housenumber": "1", "addr:street": "A Street"}),
        "n2": (shapely.Point(6, 5), {"addr:housenumber": "1", "addr:street": "A Street", "shop": "bakery"}),
    }
    found = one({"building": "yes"}, addresses=nodes)
    assert bool(found.numbered)
    assert found.rule == "unspecified, with a house number"
    assert found.dwellings == 1


def test_a_shed_behind_a_house_is_none_and_a_house_beside_is_one():
    house = shapely.box(0, 0, 12, 12)
    table = judged(
        {
            "w1": (house, {"building": "house"}),
            "w2": (shapely.box(0, 20, 7, 27), {"building": "yes"}),  # 49 m2, behind
            "w3": (shapely.box(30, 0, 41, 12), {"building": "yes"}),  # 132 m2, beside
        }
    )
    assert table["home"].tolist() == [True, False, True]
    assert table.loc["w2", "rule"] == "unspecified, an outbuilding behind a home"


def test_without_a_number_among_numbered_homes_is_none():
    rows = {
        f"w{k}": (shapely.box(15 * k, 0, 15 * k + 10, 10), {"building": "yes", "addr:housenumber": str(k)})
        for k in range(1, 10)
    }
    rows["w99"] = (shapely.box(165, 0, 175, 10), {"building": "yes"})
    table = judged(rows)
    assert table["home"].tolist() == [True] * 9 + [False]
    # Half as many numbers: it is a gap in the map.
    for k in range(1, 10, 2):
        rows[f"w{k}"][1].pop("addr:housenumber")
    assert judged(rows)["home"].all()


def test_land_for_other_uses_holds_no_unnumbered_homes():
    works = {"w7": (shapely.box(-50, -50, 50, 50), {"landuse": "industrial"})}
    assert not one({"building": "yes"}, areas=works).home
    assert one({"building": "yes", "addr:housenumber": "3"}, areas=works).home


@pytest.mark.parametrize(
    ("tags", "side", "dwellings"),
    [
        ({"building": "house", "building:levels": "9"}, 30, 1),
        ({"building": "apartments", "building:flats": "12"}, 10, 12),
        ({"building": "retail", "building:flats": "3"}, 10, 3),
        ({"building": "apartments", "addr:flats": "1-6;8"}, 10, 7),
        ({"building": "apartments", "building:levels": "4"}, 20, 15),  # 400 x 4 / 110 = 14.5
        ({"building": "apartments"}, 20, 11),  # 3 levels assumed: 10.9
        ({"building": "apartments", "building:flats": "100000"}, 20, 400),
        ({"building": "terrace"}, 10, 1),
        ({"building": "yes", "addr:housenumber": "1;3;5"}, 10, 3),
        ({"building": "residential"}, 30, 16),  # 900 m2 unnumbered: two levels assumed, 16.4
        ({"building": "residential", "addr:housenumber": "8"}, 30, 1),
    ],
)
def test_dwellings(tags, side, dwellings):
    assert one(tags, side).dwellings == dwellings


@pytest.mark.parametrize(
    ("text", "flats"),
    [("1-6", 6), ("1;3;5", 3), ("A-C", 3), ("2B", 1), ("6-1", 1), ("1-4,9", 5), ("", None), (None, None), (" ", None)],
)
def test_flats_as_people_write_them(text, flats):
    assert flats_in(text) == flats


@pytest.mark.parametrize(
    ("file", "low", "high"),
    [
        # Homes: tagged residential, house, apartments, terrace at least; sheds, garages and shops not.
        ("baltimore_county_md/clip_randallstown_small_sorted.osm.pbf", 760, 790),
        # Numbers on 1,112 buildings and nodes in some 400 more, of 1,525.
        ("nyc_greenwich_village/nyc_sorted.osm.pbf", 1250, 1500),
        # 34 of 3,862 `yes` carry a number there: they must be homes still, of a home's size at least.
        ("monaco/monaco_20250206.osm.pbf", 2200, 3300),
    ],
)
def test_homes_of_real_cities(shared_data, file, low, high):
    from doorview.city.model import City

    table = homes_of(City.from_extract(shared_data / file))
    assert low <= int(table["home"].sum()) <= high


def row_of_blocks(known, tags):
    """Blocks of 20 by 20 m, 25 m apart, with these levels (None: untagged); `tags` are those of the untagged ones."""
    return {
        f"w{k}": (
            shapely.box(25 * k, 0, 25 * k + 20, 20),
            tags if levels is None else {"building": "apartments", "building:levels": str(levels)},
        )
        for k, levels in enumerate(known, 1)
    }


@pytest.mark.parametrize(
    ("known", "tags", "dwellings"),
    [
        # Five homes within 100 m: their median, 5 levels, 400 x 5 / 110 = 18.2.
        ([4, 5, None, 5, 5, 6], {"building": "yes", "addr:housenumber": "2"}, 18),
        # An even number: the mean of the middle two, 4.5 levels, 16.4.
        ([4, 4, 4, None, 5, 5, 5], {"building": "yes", "addr:housenumber": "2"}, 16),
        # Four are too few to go by.
        ([5, 5, None, 5, 5], {"building": "yes", "addr:housenumber": "2"}, 1),
        # Five, but the last is 125 m away.
        ([None, 5, 5, 5, 5, 5], {"building": "yes", "addr:housenumber": "2"}, 1),
        # Blocks as well; three levels are assumed without: 400 x 3 / 110 = 10.9.
        ([7, 7, None, 7, 7, 7], {"building": "apartments"}, 25),
        ([7, 7, None, 7, 7], {"building": "apartments"}, 11),
        # Tagged flats, and the tag of a house, stand.
        ([7, 7, None, 7, 7, 7], {"building": "yes", "building:flats": "3"}, 3),
        ([7, 7, None, 7, 7, 7], {"building": "house"}, 1),
        # Where homes are low, a numbered building is one home.
        ([2, 2, None, 2, 2, 2], {"building": "yes", "addr:housenumber": "2"}, 1),
    ],
)
def test_levels_come_from_the_homes_around(known, tags, dwellings):
    found = judged(row_of_blocks(known, tags))
    assert found["dwellings"].iloc[known.index(None)] == dwellings


def test_levels_nearby_are_those_of_homes_and_leave_tagged_ones_alone():
    offices = {
        f"w{k}": (shapely.box(25 * k, 0, 25 * k + 20, 20), {"building": "office", "building:levels": "9"})
        for k in range(1, 7)
    }
    home = {"w9": (shapely.box(75, 30, 95, 50), {"building": "yes", "addr:housenumber": "2"})}
    found = judged(offices | home)
    assert found.loc["w9", "dwellings"] == 1
    assert not found["levels_nearby"].any()
    blocks = judged(row_of_blocks([7, 7, 3, 7, 7, 7], {}))
    assert blocks["dwellings"].iloc[2] == 11
    assert not blocks["levels_nearby"].any()


def test_a_number_is_stated_only_where_tags_or_addresses_give_it():
    numbers = {
        f"n{k}": (shapely.Point(2 + k, 1), {"addr:housenumber": str(k), "addr:street": "A Street"}) for k in (1, 2, 3)
    }
    row = one({"building": "residential"}, addresses=numbers)
    assert (row["dwellings"], row["exact"]) == (3, True)
    # Three numbers below five levels of 400 m2: the floor area says more, and that is an estimate (18.2).
    block = one({"building": "yes", "building:levels": "5"}, side=20.0, addresses=numbers)
    assert (block["dwellings"], block["exact"], block["kind"]) == (18, False, "apartments")
    assert one({"building": "yes", "building:levels": "5", "building:flats": "7"}, side=20.0)["exact"]
