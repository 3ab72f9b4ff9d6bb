"""Where walks begin and end: names, kinds and gates."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

import doorview as dv
from doorview.errors import DoorviewError, InputError, UnknownNameError
from doorview.overlays.destinations import Place, find_place, gates_of, places_of_kind
from doorview.overlays.walking_graph import walking_graph
from helpers.ladder import ladder
from helpers.walk_town import walk_town


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> dv.City:
    return dv.City.from_extract(walk_town(tmp_path_factory.mktemp("goals") / "town.osm.pbf"))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> dv.City:
    return dv.City.from_extract(walk_town(tmp_path_factory.mktemp("goals") / "town.osm.pbf", extra=True))


def test_a_name_is_found_whatever_its_capitals_and_blanks(city):
    found = find_place(city, " mill  PARK")
    assert found.name == "Mill Park"
    assert found.what == "park"


def test_a_school_and_its_building_are_one_place_the_larger(city):
    found = find_place(city, "Hill School")
    assert found.geometry.area == pytest.approx(60 * 40, rel=0.01)


def test_an_id_names_one_object(city):
    park = find_place(city, "Mill Park")
    assert find_place(city, park.osm_id).geometry.equals(park.geometry)


def test_a_stop_is_a_node_of_the_map(city):
    stop = find_place(city, "North Street")
    assert stop.what == "bus_stop"
    assert stop.geometry.geom_type == "Point"


def test_two_places_of_a_name_are_told_apart_by_id_or_spot(twice):
    with pytest.raises(
        InputError, match=r"'Hill School' names 2 places: .* at \[39\.\d+, -76\.\d+\].*Say which by its id"
    ):
        find_place(twice, "Hill School")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "Hil Scool",
            r"no place is called 'Hil Scool' \(0 of 3 names match\)\. The nearest: 'Hill School'",
        ),
        ("South Street", "'South Street' is a street, which is no single spot"),
        ("park", r"The nearest: .*'Mill Park'"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(city, name, said):
    with pytest.raises(DoorviewError, match=said):
        find_place(city, name)


def test_what_is_like_no_name_lists_some(city):
    with pytest.raises(UnknownNameError, match=r"Known: .*Mill Park"):
        find_place(city, "zzzzzzzz")


def test_each_school_park_and_stop_is_there_once(city, twice):
    assert [place.name for place in places_of_kind(city, "school")] == ["Hill School"]
    assert len(places_of_kind(twice, "school")) == 2
    assert [place.name for place in places_of_kind(city, "park")] == ["Mill Park"]
    assert len(places_of_kind(city, "stop")) == 1
    with pytest.raises(UnknownNameError, match="kind of place"):
        places_of_kind(city, "shop")


def test_grounds_are_reached_where_a_way_crosses_their_edge(city):
    graph = walking_graph(city, side="centre")
    gates = gates_of(graph, find_place(city, "Mill Park"))
    assert len(gates) == 1
    # The path from the street's end crosses the park's edge 20 m on.
    end = shapely.Point(gates[0])
    rim = find_place(city, "Mill Park").geometry.boundary
    assert end.distance(rim) < 0.01


def test_grounds_that_no_way_crosses_are_reached_at_the_nearest_spot_of_their_edge():
    graph = walking_graph(ladder(), side="centre")
    apart = Place("x", "park", "w1", shapely.box(90, 60, 120, 80))
    assert gates_of(graph, apart).tolist() == [
        [pytest.approx(graph_x), 60.0] for graph_x in [gates_of(graph, apart)[0, 0]]
    ]
    assert 90 <= gates_of(graph, apart)[0, 0] <= 120
    crossed = Place("x", "park", "w1", shapely.box(90, 20, 110, 80))
    spots = {tuple(spot) for spot in gates_of(graph, crossed)}
    # The middle rung goes in from the south, and the north rail crosses both sides.
    assert spots == {(100.0, 20.0), (90.0, 50.0), (110.0, 50.0)}
    building = Place("x", "building", "w1", shapely.box(90, 20, 110, 40))
    assert len(gates_of(graph, building)) == 1
    spot = Place("x", "spot", "", shapely.Point(3, 4))
    assert np.array_equal(gates_of(graph, spot), [[3.0, 4.0]])
