"""Routes least in view against exhaustive search with the same cost."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from doorview.errors import InputError
from doorview.overlays import capped
from doorview.overlays.least_in_view import PER_METRE, least_in_view, least_within, trade_off
from doorview.overlays.route_exposure import exposure_of_pairs, route_figures, walking_points
from doorview.overlays.routes import route_lines, shortest_routes
from doorview.overlays.walking_graph import walking_graph
from helpers.ladder import city_of, ladder


def grid(seed, side=3):
    """A grid of streets, somewhat out of square so that no two routes are alike; nodes 1, 2, ... by row."""
    rng = np.random.default_rng(seed)
    spots = {
        (i, j): (100.0 * i + rng.uniform(-20, 20), 100.0 * j + rng.uniform(-20, 20))
        for i in range(side)
        for j in range(side)
    }
    number = {key: 1 + at for at, key in enumerate(spots)}
    street = {"highway": "path"}
    ways = [
        ([spots[a], spots[b]], street, [number[a], number[b]])
        for a in spots
        for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1))
        if b in spots
    ]
    graph = walking_graph(city_of(ways), side="centre")
    walk = walking_points(graph, spacing_m=5.0)
    hit = rng.random((15, len(walk.points))) < 0.08
    door, point = np.nonzero(hit)
    labels = pd.Index([f"d{j}" for j in range(15)])
    exposure = exposure_of_pairs(walk, labels, pd.DataFrame({"door": labels[door], "point": point}))
    return graph, walk, exposure, hit, rng.uniform(0, 0.6, 15)


def exhaustive(graph, walk, hit, p, one, two):
    """Return length and expected metres in view of every simple path between two nodes, point by point."""
    seen = 1.0 - np.prod(np.where(hit, 1.0 - p[:, None], 1.0), axis=0)
    made = nx.Graph()
    for edge, (tail, head) in enumerate(graph.ends):
        line = walk.line_of[2 * edge]
        exposed = seen[walk.first[line] : walk.first[line + 1]].sum() * walk.step_m[line]
        made.add_edge(tail, head, length=graph.length_m[edge], seen=exposed)
    paths = nx.all_simple_paths(made, one, two)
    sums = [
        [sum(made[a][b][name] for a, b in itertools.pairwise(path)) for name in ("length", "seen")] for path in paths
    ]
    return np.array(sums)


def corners_of(sums):
    """Return the corners of the front of least (length, seen), from the shortest to the least in view."""
    order = sums[np.lexsort((sums[:, 1], sums[:, 0]))]
    front = [order[0]]
    for row in order[1:]:
        if row[1] < front[-1][1] - 1e-9:
            front.append(row)
    hull: list[np.ndarray] = []
    for row in front:
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2], hull[-1]
            if (bx - ax) * (row[1] - ay) - (by - ay) * (row[0] - ax) > 0:
                break
            hull.pop()
        hull.append(row)
    return np.array(hull)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_least_and_the_front_are_those_of_exhaustive_search(seed):
    graph, walk, exposure, hit, p = grid(seed)
    ends = np.flatnonzero(np.isin(graph.osm_node, [1, 9]))
    one, two = graph.xy[ends[0]], graph.xy[ends[1]]
    sums = exhaustive(graph, walk, hit, p, *ends)
    assert len(sums) == 12  # simple paths between opposite corners of a grid of 3 by 3 nodes
    least = least_in_view(graph, exposure, [one], [two], p)
    best = (sums[:, 1] + PER_METRE * sums[:, 0]).min()
    assert least.table["cost"].iloc[0] == pytest.approx(best)
    figures = route_figures(graph, least, {"x": exposure}, p, replicates=0)
    assert figures["seen_length_mean_m"].iloc[0] <= sums[:, 1].min() + PER_METRE * sums[:, 0].max()
    front = trade_off(graph, exposure, one, two, p, detour_cap=100)
    assert front.table[["length_m", "seen_length_mean_m"]].to_numpy() == pytest.approx(corners_of(sums), abs=1e-6)
    assert front.complete
    assert front.left_out == 0
    capped = trade_off(graph, exposure, one, two, p, detour_cap=1.2)
    inside = front.table[front.table["detour"] <= 1.2]
    assert len(capped.table) == len(inside)
    assert capped.left_out == len(front.table) - len(inside)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(1.0, 1.6))
def test_the_least_within_a_cap_is_that_of_exhaustive_search(seed, cap):
    graph, walk, exposure, hit, p = grid(seed)
    ends = np.flatnonzero(np.isin(graph.osm_node, [1, 9]))
    one, two = graph.xy[ends[0]], graph.xy[ends[1]]
    sums = exhaustive(graph, walk, hit, p, *ends)
    shortest = sums[:, 0].min()
    inside = sums[sums[:, 0] <= cap * shortest * (1 + 1e-9)]
    found = least_within(graph, exposure, one, two, p, shortest_m=shortest, detour_cap=cap)
    assert found.table["length_m"].iloc[0] <= cap * shortest * (1 + 1e-6)
    assert found.table["cost"].iloc[0] == pytest.approx((inside[:, 1] + PER_METRE * inside[:, 0]).min())
    figures = route_figures(graph, found, {"x": exposure}, p, replicates=0).iloc[0]
    assert figures["seen_length_mean_m"] == pytest.approx(
        found.table["cost"].iloc[0] - PER_METRE * found.table["length_m"].iloc[0], abs=1e-6
    )
    assert route_lines(graph, found)[0].length == pytest.approx(found.table["length_m"].iloc[0])


def test_of_two_detours_alike_a_cap_allows_one():
    """Two parts of 100 m of a street are in view; round either it is 100 m more, and round one is off the front."""
    graph = walking_graph(city_of(two_loops()), side="centre")
    walk = walking_points(graph)
    xy = shapely.get_coordinates(walk.points.to_numpy())
    seen = np.flatnonzero((xy[:, 1] == 0) & (np.abs(xy[:, 0] - 100) < 100))
    door = np.where(xy[seen, 0] < 100, "a", "b")
    exposure = exposure_of_pairs(walk, pd.Index(["a", "b"]), pd.DataFrame({"door": door, "point": seen}))
    ends = (-15.0, 4.0), (225.0, -4.0)
    assert least_in_view(graph, exposure, [ends[0]], [ends[1]], 0.5).table["length_m"].tolist() == [440]
    for cap, length, in_view in ((1.9, 440, 0), (1.5, 340, 50), (1.3, 240, 100)):
        found = least_within(graph, exposure, *ends, 0.5, shortest_m=240.0, detour_cap=cap)
        figures = route_figures(graph, found, {"x": exposure}, 0.5, replicates=0).iloc[0]
        assert figures["length_m"] == pytest.approx(length)
        assert figures["seen_length_mean_m"] == pytest.approx(in_view, abs=1.5)
    # The front has corners alone: none between the shortest and the longest of these three.
    assert trade_off(graph, exposure, *ends, 0.5, detour_cap=1.5).table["length_m"].tolist() == [240]


def test_a_search_that_is_given_up_takes_the_front_s_last_corner(monkeypatch):
    graph, _, exposure, _, p = grid(3)
    ends = [graph.xy[row] for row in np.flatnonzero(np.isin(graph.osm_node, [1, 9]))]
    monkeypatch.setattr(capped, "MOST_LABELS", 1)
    for cap in (1.0, 1.2, 1.4):
        front = trade_off(graph, exposure, *ends, p, detour_cap=cap)
        shortest = front.table["length_m"].iloc[0]
        found = least_within(graph, exposure, *ends, p, shortest_m=shortest, detour_cap=cap)
        assert found.table["length_m"].iloc[0] == pytest.approx(front.table["length_m"].iloc[-1])


def two_loops():
    """A street from x = -20 to 230, and round each of its parts 0 to 100 and 100 to 200 one 100 m longer."""
    street = {"highway": "residential"}
    ways = [([(x, 0.0) for x in (-20, 0, 100, 200, 230)], street, [1, 2, 3, 4, 5])]
    return ways + [
        ([(x, 0.0), (x, 50.0), (x + 100, 50.0), (x + 100, 0.0)], street, [n, 10 * n, 10 * n + 1, n + 1])
        for x, n in ((0, 2), (100, 3))
    ]


def ladder_with_a_door():
    """The south rail of the first bay is in full view of one door."""
    graph = walking_graph(ladder(), side="centre")
    walk = walking_points(graph)
    seen = np.flatnonzero(shapely.covers(shapely.box(10, -1, 90, 1), walk.points.to_numpy()))
    pairs = pd.DataFrame({"door": ["a"] * len(seen), "point": seen})
    return graph, exposure_of_pairs(walk, pd.Index(["a"]), pairs)


def test_the_least_in_view_goes_round_by_the_other_rail():
    graph, exposure = ladder_with_a_door()
    start, goal = [[0.0, 0.0]], [[200.0, 0.0]]
    short, least = shortest_routes(graph, start, goal), least_in_view(graph, exposure, start, goal, 0.4)
    figures = [route_figures(graph, routes, {"x": exposure}, 0.4, replicates=0).iloc[0] for routes in (short, least)]
    assert [row["length_m"] for row in figures] == [200, 300]
    assert [row["seen_length_mean_m"] for row in figures] == pytest.approx([32, 0])
    assert [row["p_unseen"] for row in figures] == pytest.approx([0.6, 1])
    front = trade_off(graph, exposure, start[0], goal[0], 0.4, detour_cap=1.5)
    assert front.table["detour"].tolist() == pytest.approx([1, 1.5])
    tight = trade_off(graph, exposure, start[0], goal[0], 0.4, detour_cap=1.4)
    assert tight.table["detour"].tolist() == [1]
    assert tight.left_out == 1
    assert all("not safety advice" in table.attrs["caveat"] for table in (least.table, tight.table))


def test_where_nothing_is_in_view_the_least_is_the_shortest():
    graph, exposure = ladder_with_a_door()
    start, goal = [[110.0, 0.0], [200.0, 20.0]], [[190.0, 0.0], [100.0, 30.0]]
    short, least = shortest_routes(graph, start, goal), least_in_view(graph, exposure, start, goal, 1.0)
    assert least.table["length_m"].to_numpy() == pytest.approx(short.table["length_m"].to_numpy())
    assert len(trade_off(graph, exposure, start[0], goal[0], 1.0).table) == 1


def test_bad_input_is_named():
    graph, exposure = ladder_with_a_door()
    with pytest.raises(InputError, match=r"detour_cap is 0\.5"):
        trade_off(graph, exposure, (0, 0), (200, 0), 0.4, detour_cap=0.5)
    with pytest.raises(InputError, match="origin_far"):
        trade_off(graph, exposure, (0, 900), (200, 0), 0.4)
    with pytest.raises(InputError, match="same_place"):
        trade_off(graph, exposure, (0, 0), (0, 0), 0.4)
