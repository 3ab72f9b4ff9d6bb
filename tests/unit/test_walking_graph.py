"""The walking graph: which ways, where they meet, where on them one walks."""

from __future__ import annotations

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

import doorview as dv
from doorview.errors import InputError, UnknownNameError
from doorview.overlays.walking_graph import INSIDE_KERB_M, to_osmnx, walking_graph, walking_rules
from helpers.ladder import UTM, city_of, ladder


def test_a_ladder_has_an_edge_between_junctions_and_no_other():
    graph = walking_graph(ladder(), side="centre")
    # Corners of the ladder are where two ways end; 3 + 3 nodes, 4 pieces of rails, 3 rungs.
    assert sorted(graph.osm_node.tolist()) == [10, 11, 12, 20, 21, 22]
    assert len(graph) == 7
    assert sorted(graph.length_m.tolist()) == [50, 50, 50, 100, 100, 100, 100]
    assert graph.notes["parts"] == 1
    assert (graph.matrix != graph.matrix.T).nnz == 0
    tails = np.repeat(np.arange(6), np.diff(graph.matrix.indptr))
    assert (graph.ends[graph.half // 2, graph.half % 2] == tails).all()
    assert (graph.ends[graph.half // 2, 1 - graph.half % 2] == graph.matrix.indices).all()


def test_a_bridge_without_a_shared_node_meets_nothing():
    street = {"highway": "residential"}
    crossing = [([(0, 0), (100, 0)], street, [1, 2]), ([(50, -50), (50, 50)], street, [3, 4])]
    graph = walking_graph(city_of(crossing), side="centre")
    assert (len(graph), graph.notes["parts"]) == (2, 2)
    own = [(points, tags, None) for points, tags, _ in [([(0, 0), (50, 0), (100, 0)], street, None), crossing[1]]]
    own[1] = ([(50, -50), (50, 0), (50, 50)], street, None)
    graph = walking_graph(city_of(own), side="centre")
    assert (len(graph), graph.notes["parts"]) == (4, 1)
    assert (graph.osm_node < 0).all()


def test_loops_and_second_edges_between_two_nodes_are_cut():
    street = {"highway": "residential"}
    ways = [
        ([(0, 0), (100, 0)], street, [1, 2]),
        ([(0, 0), (50, 40), (100, 0)], street, [1, 3, 2]),
        ([(100, 0), (130, 0), (130, 30), (100, 0)], street, [2, 4, 5, 2]),
    ]
    graph = walking_graph(city_of(ways), side="centre")
    assert len(graph) == 1 + 2 + 3
    pairs = np.sort(graph.ends, axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert graph.length_m.sum() == pytest.approx(100 + 2 * np.hypot(50, 40) + 60 + np.hypot(30, 30))
    for line, (tail, head) in zip(graph.lines, graph.ends, strict=True):
        assert shapely.get_coordinates(line)[[0, -1]] == pytest.approx(graph.xy[[tail, head]])


@pytest.mark.parametrize(
    ("tags", "walked"),
    [
        ({"highway": "motorway"}, "closed"),
        ({"highway": "footway"}, "line"),
        ({"highway": "footway", "foot": "no"}, "closed"),
        ({"highway": "footway", "access": "private"}, "closed"),
        ({"highway": "footway", "access": "private", "foot": "yes"}, "line"),
        ({"highway": "footway", "tunnel": "yes"}, "hidden"),
        ({"highway": "service", "service": "driveway"}, "closed"),
        ({"highway": "service", "service": "driveway", "foot": "yes"}, "line"),
        ({"highway": "service", "service": "alley"}, "line"),
        ({"highway": "residential"}, "side"),
        ({"highway": "residential", "foot": "use_sidepath"}, "closed"),
        ({"highway": "construction"}, "closed"),
        ({"highway": "teapot"}, "closed"),
        ({}, "side"),
    ],
)
def test_the_rules_say_where_a_way_is_walked(tags, walked):
    street = ([(0, 50), (100, 50)], {"highway": "path"}, [8, 9])
    graph = walking_graph(city_of([([(0, 0), (100, 0)], tags, [1, 2]), street]), side="centre")
    expected = {"line": 1}
    expected[walked] = expected.get(walked, 0) + 1
    assert graph.notes["ways"] == expected
    assert ("w1" in graph.osm_id) == (walked != "closed")
    assert graph.hidden.any() == (walked == "hidden")


def test_a_driveway_is_walked_where_nothing_else_leads_on():
    street, drive = {"highway": "residential"}, {"highway": "service", "service": "driveway"}
    ways = [
        ([(0, 0), (100, 0)], street, [1, 2]),
        ([(100, 0), (200, 0)], street, [2, 3]),
        ([(0, 0), (50, 60)], drive, [1, 10]),  # w3 and w4 lead into a complex
        ([(50, 60), (50, 100)], drive, [10, 11]),
        ([(50, 100), (150, 100)], street, [11, 12]),
        ([(200, 0), (200, 40)], drive, [3, 13]),  # w6 to one house
        ([(100, 0), (150, -30), (200, 0)], drive, [2, 14, 3]),  # w7 between streets that meet anyway
    ]
    graph = walking_graph(city_of(ways), side="centre")
    assert set(graph.osm_id) == {"w1", "w2", "w3", "w4", "w5"}
    assert graph.notes["links_taken"] == 2
    assert graph.notes["parts"] == 1
    assert graph.notes["ways"] == {"closed": 2, "line": 2, "side": 3}
    private = [(points, {**tags, "access": "private"} if tags is drive else tags, ids) for points, tags, ids in ways]
    assert walking_graph(city_of(private), side="centre").notes["parts"] == 2


def test_a_track_is_closed_in_the_united_states_alone():
    ways = [([(0, 0), (100, 0)], {"highway": "track"}, [1, 2]), ([(0, 9), (9, 9)], {"highway": "path"}, [3, 4])]
    assert len(walking_graph(city_of(ways, "us"), side="centre")) == 1
    assert len(walking_graph(city_of(ways, "world"), side="centre")) == 2


def test_every_rule_has_a_reason_and_a_known_place():
    assert {rule.ground for rule in walking_rules()} == {"side", "line", "hidden", "link", "closed"}
    assert all(rule.reason.endswith(".") for rule in walking_rules())


def offsets(tags, side, more=()):
    city = city_of([([(0, 0), (200, 0)], {"highway": "residential", "width": "8", **tags}, [1, 2]), *more])
    graph = walking_graph(city, dv.public_space(city), side=side)
    return graph.offset_m[graph.osm_id == "w1"][0], graph


def test_one_walks_on_the_right_or_on_the_left():
    along, against = offsets({"sidewalk": "both"}, "right")[0]
    # South going east, north going west; both beyond the kerb at 4 m.
    assert along < -4
    assert against == -along
    assert offsets({"sidewalk": "both"}, "left")[0] == pytest.approx([-along, -against])
    assert offsets({"sidewalk": "both"}, "centre")[0] == pytest.approx([0, 0])


def test_a_single_sidewalk_is_walked_both_ways():
    along, against = offsets({"sidewalk": "left"}, "right")[0]
    assert along == against
    assert along > 4
    along, against = offsets({"sidewalk": "right"}, "left")[0]
    assert along == against
    assert along < -4


def test_without_a_sidewalk_one_walks_inside_the_kerb():
    (along, against), graph = offsets({"sidewalk": "no"}, "right")
    assert [along, against] == pytest.approx([-(4 - INSIDE_KERB_M), 4 - INSIDE_KERB_M])
    assert graph.notes["edges_by_place"]["inside_the_kerb"] == 1


def test_beside_a_sidewalk_drawn_as_a_way_one_walks_on_it():
    walk = [([(0, 7), (200, 7)], {"highway": "footway", "footway": "sidewalk"}, [3, 4])]
    (along, against), graph = offsets({"sidewalk": "separate"}, "left", walk)
    assert along == pytest.approx(7)
    assert (graph.offset_m[graph.osm_id == "w2"] == 0).all()
    assert against < -4  # `separate` is of both sides, and only one is drawn: the other has one by default


def test_the_graph_goes_to_osmnx():
    osmnx = pytest.importorskip("osmnx")
    graph = walking_graph(ladder(), side="centre")
    made = to_osmnx(graph)
    assert isinstance(made, nx.MultiDiGraph)
    nodes, edges = osmnx.graph_to_gdfs(made)
    assert isinstance(nodes, gpd.GeoDataFrame)
    assert nodes.crs == UTM
    assert len(edges) == 14
    assert edges["length"].to_numpy() == pytest.approx(edges.length.to_numpy())
    for (tail, head, _), line in edges.geometry.items():
        ends = shapely.get_coordinates(line)[[0, -1]]
        assert ends == pytest.approx(nodes.loc[[tail, head], ["x", "y"]].to_numpy())
    assert nx.shortest_path_length(made, 10, 22, weight="length") == 250
    assert len(osmnx.graph_from_gdfs(nodes, edges).edges) == 14


def test_bad_input_is_named():
    with pytest.raises(UnknownNameError, match="Did you mean 'right'"):
        walking_graph(ladder(), side="rigth")
    with pytest.raises(InputError, match=r"ground=public_space\(city\)"):
        walking_graph(ladder())
    with pytest.raises(InputError, match="none of the 5 ways"):
        walking_graph(ladder(tags={"highway": "motorway"}), side="centre")
