"""Shortest routes on a ladder, by hand, and on random networks, by networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from doorview.errors import InputError
from doorview.overlays.routes import Cost, cheapest_routes, nearest_places, route_lines, shortest_routes
from doorview.overlays.walking_graph import to_osmnx, walking_graph
from helpers.ladder import city_of, ladder


@pytest.fixture(scope="module")
def rungs():
    return walking_graph(ladder(), side="centre")


def whole(graph, routes):
    """Legs join end to end, from the foot of the origin to that of the destination."""
    for route in range(len(routes)):
        legs = range(routes.first[route], routes.first[route + 1])
        places = [
            shapely.get_coordinates(shapely.line_interpolate_point(graph.lines[routes.half[leg] // 2], at))[0]
            for leg in legs
            for at in (routes.begin_m[leg], routes.end_m[leg])
        ]
        for one, two in zip(places[1:-1:2], places[2::2], strict=True):
            assert one == pytest.approx(two, abs=1e-6)
        for leg in legs:
            assert (routes.end_m[leg] >= routes.begin_m[leg]) == (routes.half[leg] % 2 == 0) or (
                routes.end_m[leg] == routes.begin_m[leg]
            )


def test_routes_on_a_ladder_are_those_found_by_hand(rungs):
    # Rails at y = 0 and 50, rungs at x = 0, 100, 200. All points stand some metres beside their street.
    pairs = [
        ((30, -5), (160, -5), 130.0),  # along the south rail
        ((30, -5), (60, 5), 30.0),  # along one edge, from west to east
        ((60, 5), (30, -5), 30.0),  # and back
        ((30, -5), (60, 55), 30 + 50 + 60.0),  # by the west rung: 30 + 50 + 60; by the middle one 70 + 50 + 40
        ((80, -5), (90, 55), 20 + 50 + 10.0),  # by the middle rung
        ((105, 20), (205, 40), 30 + 100 + 10.0),  # from rung to rung: up and over the north rail
        ((105, 20), (205, 20), 20 + 100 + 20.0),  # or down and over the south rail
        ((0, 0), (200, 50), 250.0),  # from node to node
    ]
    start, goal = np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs], float)
    routes = shortest_routes(rungs, start, goal)
    assert routes.table["length_m"].tolist() == pytest.approx([pair[2] for pair in pairs])
    assert routes.table["cost"].tolist() == pytest.approx(routes.table["length_m"].tolist())
    assert routes.counts["found"] == len(pairs)
    whole(rungs, routes)
    lines = route_lines(rungs, routes)
    assert shapely.length(lines) == pytest.approx(routes.table["length_m"].to_numpy())
    assert shapely.get_coordinates(lines[3]).tolist() == [[30, 0], [0, 0], [0, 50], [60, 50]]
    assert shapely.get_coordinates(lines[2]).tolist() == [[60, 0], [30, 0]]


def test_few_destinations_give_the_same_routes_as_few_origins(rungs):
    rng = np.random.default_rng(1)
    many, one = rng.uniform([0, 0], [200, 50], (40, 2)), np.tile([[150.0, 3.0]], (40, 1))
    there, back = shortest_routes(rungs, many, one), shortest_routes(rungs, one, many)
    assert there.table["length_m"].to_numpy() == pytest.approx(back.table["length_m"].to_numpy())
    whole(rungs, there)
    whole(rungs, back)
    ends = [shapely.get_coordinates(line)[-1] for line in route_lines(rungs, there)]
    assert np.array(ends) == pytest.approx(np.tile([[150.0, 0.0]], (40, 1)))


def test_pairs_without_a_route_are_named_and_counted():
    street = {"highway": "residential"}
    apart = [([(0, 0), (100, 0)], street, [1, 2]), ([(0, 500), (60, 500)], street, [3, 4])]
    graph = walking_graph(city_of(apart), side="centre")
    start = np.array([[10.0, 5], [10, 5], [10, 250], [10, 5], [10, 250], [10, 480]])
    goal = np.array([[60.0, 5], [10, 505], [10, 5], [10, -5], [10, 251], [30, 490]])
    routes = shortest_routes(graph, start, goal, all_parts=True)
    assert routes.table["status"].tolist() == [
        "found", "unreachable", "origin_far", "same_place", "origin_far", "found",
    ]  # fmt: skip
    assert routes.counts == {
        "found": 2, "same_place": 1, "origin_far": 2, "destination_far": 0, "unreachable": 1,
        "moved_to_longest_part": 0,
    }  # fmt: skip
    assert routes.table["length_m"].isna().tolist() == [False, True, True, False, True, False]
    assert routes.table["length_m"].iloc[3] == 0
    assert routes.table["origin_off_m"].iloc[2] == 250
    assert [line.is_empty for line in route_lines(graph, routes)] == [False, True, True, True, True, False]
    held = shortest_routes(graph, start, goal)
    assert held.table["status"].tolist() == [
        "found", "destination_far", "origin_far", "same_place", "origin_far", "origin_far",
    ]  # fmt: skip
    moved = shortest_routes(graph, start, goal, within_m=600)
    assert moved.table["status"].tolist() == ["found", *["same_place"] * 4, "found"]
    assert moved.counts["moved_to_longest_part"] == 4  # (10, 505), (10, 251), (10, 480), (30, 490)


def test_two_spots_across_a_street_from_each_other_are_one_spot_of_it():
    """The feet of both differ by rounding alone on a street that runs aslant, and no way of 1e-14 m is told of."""
    turn = np.radians(33.3)
    aslant = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    graph = walking_graph(
        city_of([([(0, 0), tuple(aslant @ (250.0, 0.0))], {"highway": "residential"}, [1, 2])]), side="centre"
    )
    along = np.random.default_rng(1).uniform(5, 240, 60)
    left, right = (np.array([aslant @ (x, aside) for x in along]) for aside in (10.0, -10.0))
    routes = shortest_routes(graph, left, right)
    assert routes.counts["same_place"] == 60
    assert (routes.table["length_m"] == 0).all()
    assert all(line.length < 1e-9 for line in route_lines(graph, routes))
    # A millimetre is a way.
    near = shortest_routes(graph, left, np.array([aslant @ (x + 1e-3, -10.0) for x in along]))
    assert near.counts["found"] == 60


def test_a_directed_cost_is_walked_in_its_direction(rungs):
    # West to east over the south rail is dear, east to west costs its length.
    half = np.repeat(rungs.length_m, 2).astype(float)
    dear = np.zeros(len(half), bool)
    south = np.array([line.bounds[3] == 0 for line in rungs.lines])
    dear[::2] = south
    half[dear] *= 10
    cost = Cost(half, lambda of, begin, end: np.where(dear[of], 10.0, 1.0) * np.abs(end - begin))
    points = np.array([[0.0, 0.0], [200.0, 0.0]])
    routes = cheapest_routes(rungs, cost, points, points[::-1])
    assert routes.table["length_m"].tolist() == [300, 200]
    # Grouped by destination the costs are the same, not those of the other direction.
    many = cheapest_routes(rungs, cost, np.array([[0.0, 0.0], [10, 0], [20, 0]]), np.tile([[200.0, 0.0]], (3, 1)))
    assert many.table["length_m"].tolist() == pytest.approx([300, 310, 320])
    assert many.table["cost"].tolist() == pytest.approx([300, 310, 320])


def test_the_nearest_place_is_nearest_on_foot(rungs):
    homes = np.array([[30.0, 1], [180, 49], [30, 1000], [100, 25]])
    schools = np.array([[0.0, 50], [200, 0], [30, 900], [100, 20]])
    found, far = nearest_places(rungs, homes, schools)
    assert found.tolist() == [0, 1, -1, 3]
    assert far.tolist() == pytest.approx([80, 70, np.inf, 5])
    assert nearest_places(rungs, homes, np.array([[0.0, 5000.0]]))[0].tolist() == [-1] * 4


@given(st.integers(0, 10_000))
def test_lengths_are_those_of_networkx_on_random_grids(seed):
    rng = np.random.default_rng(seed)
    spots = rng.uniform(0, 300, (12, 2)).round(1)
    links = np.array([(i, j) for i in range(12) for j in range(i) if rng.random() < 0.2] or [(0, 1)])
    street = {"highway": "path"}
    ways = [([tuple(spots[i]), tuple(spots[j])], street, [100 + i, 100 + j]) for i, j in links]
    graph = walking_graph(city_of(ways), side="centre")
    made = to_osmnx(graph)
    nodes = np.unique(links)
    start, goal = rng.choice(nodes, 20), rng.choice(nodes, 20)
    # Edges of a drawing may cross or touch: points are taken at nodes, where the nearest edge is one of theirs.
    routes = shortest_routes(graph, spots[start], spots[goal], all_parts=True)
    whole(graph, routes)
    for row, (one, two) in enumerate(zip(start + 100, goal + 100, strict=True)):
        status = routes.table["status"].iloc[row]
        if one == two:
            assert status == "same_place"
        elif nx.has_path(made, one, two):
            assert status == "found"
            assert routes.table["length_m"].iloc[row] == pytest.approx(
                nx.shortest_path_length(made, one, two, weight="length")
            )
        else:
            assert status == "unreachable"


def test_bad_input_is_named(rungs):
    points = np.zeros((2, 2))
    with pytest.raises(InputError, match="2 origins and 1 destinations"):
        shortest_routes(rungs, points, points[:1])
    with pytest.raises(InputError, match="no finite coordinates"):
        shortest_routes(rungs, points * np.nan, points)
    with pytest.raises(InputError, match="within_m is 0"):
        shortest_routes(rungs, points, points, within_m=0)
    with pytest.raises(InputError, match="within_m"):
        nearest_places(rungs, points, points, within_m=float("nan"))
    assert len(shortest_routes(rungs, np.zeros((0, 2)), np.zeros((0, 2)))) == 0
