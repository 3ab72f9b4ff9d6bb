"""Ways on foot through Las Palmas and SE Baltimore: lengths against networkx on the raw ways, figures against draws of
owners counted one by one, the way least in view against every simple path of small cut-outs."""

from __future__ import annotations

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import shapely

import doorview as dv
from doorview.city.model import City
from doorview.overlays.detour import only_edges
from doorview.overlays.least_in_view import least_in_view
from doorview.overlays.route_exposure import edge_exposure, exposure_of_pairs, route_figures, walking_points
from doorview.overlays.route_profile import route_steps
from doorview.overlays.routes import route_lines, shortest_routes
from doorview.overlays.walking_graph import to_osmnx, walking_graph

CITIES = {
    "baltimore": ("baltimore_city_md", "baltimore_sorted.osm.pbf"),
    "las_palmas": ("las_palmas", "las_palmas_20230221.osm.pbf"),
}
AROUND_M = 250.0
P = 0.3
MOST_PATHS = 20_000


@pytest.fixture(scope="module", params=sorted(CITIES))
def place(request, shared_data: Path):
    city = City.from_extract(shared_data.joinpath(*CITIES[request.param]))
    graph = walking_graph(city, dv.public_space(city))
    return city, graph


@pytest.fixture(scope="module")
def around(place):
    """Return the exposure of the ways around the block with most doors, and the edges that lie there."""
    city, graph = place
    doors = dv.find_doors(city)
    xy = np.column_stack([doors.geometry.x, doors.geometry.y])
    cells, count = np.unique(np.floor(xy / 200.0), axis=0, return_counts=True)
    centre = shapely.Point((cells[np.argmax(count)] + 0.5) * 200.0)
    edges = shapely.dwithin(graph.lines, centre, AROUND_M) & (graph.part[graph.ends[:, 0]] == 0)
    walk = walking_points(graph)
    lines = np.zeros(len(walk.step_m), bool)
    lines[walk.line_of[np.repeat(edges, 2)]] = True
    points = walk.points[np.repeat(lines, np.diff(walk.first)) & ~walk.hidden]
    near = doors[shapely.dwithin(doors.geometry.to_numpy(), centre, AROUND_M + 300.0)]
    pairs = dv.sees(near, points, dv.find_obstacles(city), level="detect")
    return exposure_of_pairs(walk, near.index, pairs), pairs, edges


def nodes_of(graph, edges, rng, number):
    found = np.unique(graph.ends[edges])
    return rng.choice(found[graph.osm_node[found] > 0], number, replace=False)


def test_lengths_are_those_of_networkx_on_the_raw_ways(place):
    city, graph = place
    raw = nx.Graph()
    for way in city.ways.loc[sorted(set(graph.osm_id))].itertuples():
        corners = shapely.get_coordinates(way.geometry)
        for one, two, (a, b) in zip(corners[:-1], corners[1:], itertools.pairwise(way.nodes), strict=True):
            if a != b:
                raw.add_edge(int(a), int(b), weight=min(float(np.hypot(*(two - one))), weight_of(raw, a, b)))
    rng = np.random.default_rng(1)
    longest = graph.part[graph.ends[:, 0]] == 0
    starts, goals = nodes_of(graph, longest, rng, 4), nodes_of(graph, longest, rng, 40)
    found = shortest_routes(graph, np.repeat(graph.xy[starts], 40, axis=0), np.tile(graph.xy[goals], (4, 1)))
    length = found.table["length_m"].to_numpy().reshape(4, 40)
    for row, start in enumerate(starts):
        far = nx.single_source_dijkstra_path_length(raw, int(graph.osm_node[start]))
        assert length[row] == pytest.approx([far[int(graph.osm_node[goal])] for goal in goals], abs=1e-6)


def most_paths(graph, start, goal):
    return list(itertools.islice(nx.all_simple_paths(graph, start, goal, cutoff=25), MOST_PATHS))


def weight_of(raw, a, b):
    return raw.edges[int(a), int(b)]["weight"] if raw.has_edge(int(a), int(b)) else np.inf


def test_osmnx_finds_ways_as_long_on_the_exported_graph(place):
    osmnx = pytest.importorskip("osmnx")
    _, graph = place
    exported = to_osmnx(graph)
    rng = np.random.default_rng(2)
    ends = nodes_of(graph, graph.part[graph.ends[:, 0]] == 0, rng, 12)
    found = shortest_routes(graph, graph.xy[ends[:6]], graph.xy[ends[6:]])
    for one, two, length in zip(ends[:6], ends[6:], found.table["length_m"], strict=True):
        path = osmnx.routing.shortest_path(exported, int(graph.osm_node[one]), int(graph.osm_node[two]))
        walked = sum(exported.edges[a, b, 0]["length"] for a, b in itertools.pairwise(path))
        assert walked == pytest.approx(length, abs=1e-6)
    assert shapely.length(route_lines(graph, found)) == pytest.approx(found.table["length_m"].to_numpy(), abs=1e-3)


def test_figures_are_the_means_of_owners_drawn_and_counted_one_by_one(place, around):
    _, graph = place
    exposure, pairs, edges = around
    rng = np.random.default_rng(3)
    inside = only_edges(graph, edges)
    ends = nodes_of(graph, edges, rng, 12)
    routes = shortest_routes(inside, graph.xy[ends[:6]], graph.xy[ends[6:]])
    table = route_figures(graph, routes, {"detect": exposure}, P, replicates=0)
    sees = pairs.groupby("point")["door"].agg(set).to_dict()
    draws = 1_500
    told = 0
    for row in table[table["status"] == "found"].itertuples():
        points, metres = route_steps(exposure.walk, routes, row.route)
        sets = [sees.get(point, set()) for point in points]
        doors = sorted(set().union(*sets))
        assert row.doors_in_view == len(doors)
        seen, bells = np.zeros(draws), np.zeros(draws)
        for draw in range(draws):
            owners = {door for door in doors if rng.random() < P}
            seen[draw] = sum(long for long, own in zip(metres, sets, strict=True) if own & owners)
            bells[draw] = len(owners)
        told += len(doors) > 0
        for mean, values in (
            (row.seen_length_mean_m, seen),
            (row.doorbells_mean, bells),
            (row.p_unseen, (bells == 0).astype(float)),
        ):
            error = max(values.std() / np.sqrt(draws), 1.0 / draws)
            assert abs(mean - values.mean()) < 4.5 * error
    assert told >= 3


def test_the_way_least_in_view_is_that_of_all_simple_paths(place, around):
    _, graph = place
    exposure, _, edges = around
    seen = edge_exposure(exposure, graph, P)[["seen_m_along", "seen_m_against"]].to_numpy()
    rng = np.random.default_rng(4)
    tried = 0
    for start in nodes_of(graph, edges, rng, 25):
        for reach in (60.0, 90.0, 130.0, 180.0):
            small = edges & shapely.dwithin(graph.lines, shapely.Point(graph.xy[start]), reach)
            directed = nx.DiGraph()
            for edge in np.flatnonzero(small):
                a, b = graph.ends[edge].tolist()
                directed.add_edge(a, b, seen=seen[edge, 0], length=graph.length_m[edge])
                directed.add_edge(b, a, seen=seen[edge, 1], length=graph.length_m[edge])
            within = sorted(nx.descendants(directed, int(start))) if int(start) in directed else []
            goal = int(rng.choice(within)) if within else int(start)
            paths = [] if len(within) > 40 else most_paths(directed, int(start), goal)
            if 2 <= len(paths) < MOST_PATHS:
                break
        else:
            continue
        best = min(
            sum(directed.edges[a, b]["seen"] + 1e-6 * directed.edges[a, b]["length"] for a, b in itertools.pairwise(p))
            for p in paths
        )
        least = least_in_view(only_edges(graph, small), exposure, graph.xy[[start]], graph.xy[[goal]], P)
        assert least.table["cost"].iloc[0] == pytest.approx(best, abs=1e-6)
        tried += 1
    assert tried >= 5
