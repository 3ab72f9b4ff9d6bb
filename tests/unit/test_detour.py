"""What lies within a detour, against all simple paths; routes joined and chosen; profiles; dependent owners."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from doorview.city.chances import keys_of
from doorview.errors import InputError
from doorview.overlays.detour import chosen_routes, edges_within, joined_routes, only_edges
from doorview.overlays.least_in_view import least_in_view
from doorview.overlays.route_exposure import (
    exposure_of_pairs,
    point_chances,
    recorded_share,
    route_figures,
    walking_points,
)
from doorview.overlays.route_owners import RouteOwners, route_owners
from doorview.overlays.route_profile import route_profile, route_steps
from doorview.overlays.routes import shortest_routes
from doorview.overlays.walking_graph import walking_graph
from doorview.ownership.layers import BetaBinomial, Field, Independent
from doorview.ownership.processes import exactly
from doorview.ownership.union import Owners
from helpers.ladder import ladder

DOORS = 12
KEYS = keys_of(f"d{number}" for number in range(DOORS))
PAIR = (np.array([[0.0, 10.0]]), np.array([[300.0, 40.0]]))


@pytest.fixture(scope="module")
def rungs():
    graph = walking_graph(ladder(rungs=4), side="centre")
    walk = walking_points(graph, spacing_m=5.0)
    rng = np.random.default_rng(5)
    # Each door sees a few neighbouring points of two lines, so that a door sees a route twice.
    rows = [
        (f"d{door}", int(point))
        for door in range(DOORS)
        for start in rng.integers(0, len(walk.points) - 6, 3)
        for point in range(start, start + 6)
    ]
    labels = pd.Index([f"d{number}" for number in range(DOORS)])
    pairs = pd.DataFrame(rows, columns=["door", "point"]).drop_duplicates()
    near = pairs[pairs["point"] % 2 == 0]
    return graph, walk, exposure_of_pairs(walk, labels, pairs), exposure_of_pairs(walk, labels, near)


def test_edges_within_a_cap_are_those_of_walks_that_short():
    graph = walking_graph(ladder(rungs=4), side="centre")
    # From node to node, so that feet lie on nodes: the ends of the south rail.
    routes = shortest_routes(graph, [[0.0, 0.0]], [[300.0, 0.0]])
    net = nx.Graph()
    net.add_weighted_edges_from(
        (*ends, length) for ends, length in zip(graph.ends.tolist(), graph.length_m, strict=True)
    )
    at = {tuple(xy): node for node, xy in enumerate(graph.xy.tolist())}
    first, last = at[0.0, 0.0], at[300.0, 0.0]
    far = [nx.single_source_dijkstra_path_length(net, node) for node in (first, last)]
    for cap in (1.0, 1.2, 1.34, 2.0):
        expected = [
            min(far[0][a] + far[1][b], far[0][b] + far[1][a]) + length <= cap * 300 + 1e-6
            for (a, b), length in zip(graph.ends.tolist(), graph.length_m, strict=True)
        ]
        assert edges_within(graph, routes, 0, cap).tolist() == expected, cap
    with pytest.raises(InputError, match="1 or more"):
        edges_within(graph, routes, 0, 0.9)


def test_edges_that_are_left_out_are_not_passed_and_numbers_stay():
    graph = walking_graph(ladder(rungs=3), side="centre")
    routes = shortest_routes(graph, [[0.0, 0.0]], [[200.0, 0.0]])
    keep = np.ones(len(graph), dtype=bool)
    keep[routes.half // 2] = False
    around = shortest_routes(only_edges(graph, keep), [[0.0, 1.0]], [[200.0, 1.0]])
    # Up the first rung, along the north rail, down the last.
    assert around.table["length_m"].iloc[0] == pytest.approx(49 + 200 + 49)
    assert only_edges(graph, ~keep & False).matrix.nnz == 0


def test_joined_and_chosen_routes_are_those_they_were():
    graph = walking_graph(ladder(), side="centre")
    one = shortest_routes(graph, [[0.0, 0.0], [0.0, 500.0]], [[200.0, 0.0], [0.0, 0.0]])
    two = shortest_routes(graph, [[200.0, 50.0]], [[0.0, 0.0]])
    both = joined_routes([one, two])
    assert both.table["status"].astype(str).tolist() == ["found", "origin_far", "found"]
    back = chosen_routes(both, np.array([2, 0]))
    assert back.table["length_m"].tolist() == [250.0, 200.0]
    assert np.array_equal(back.half, np.concatenate([two.half, one.half]))
    assert both.counts["found"] == 2
    with pytest.raises(InputError, match="no routes"):
        joined_routes([])


def test_a_profile_goes_along_the_way_in_walking_order(rungs):
    graph, walk, exposure, _ = rungs
    routes = shortest_routes(graph, *PAIR)
    chances = {"x": point_chances(exposure, 0.25)}
    table = route_profile(walk, routes, 0, chances)
    assert table["begin_m"].iloc[0] == 0
    assert np.allclose(table["begin_m"].iloc[1:], table["end_m"].iloc[:-1])
    assert table["end_m"].iloc[-1] == pytest.approx(routes.table["length_m"].iloc[0])
    seen = route_figures(graph, routes, {"x": exposure}, 0.25, replicates=0)["seen_length_mean_m"].iloc[0]
    assert ((table["end_m"] - table["begin_m"]) * table["x"]).sum() == pytest.approx(seen)
    points, _ = route_steps(walk, routes, 0)
    xy = np.column_stack([walk.points.x, walk.points.y])[points]
    # On a ladder steps follow one another within a step or a corner.
    assert (np.hypot(*np.diff(xy, axis=0).T) < 8.0).all()


OWNERS = {
    "exactly": exactly(4, np.ones(DOORS, bool)),
    "clustered": Owners((BetaBinomial(np.full(DOORS, 0.3), np.arange(DOORS) // 4, 0.4),)),
    "neighbours": Owners(
        (Field(np.full(DOORS, 0.3), np.column_stack([np.arange(DOORS) * 20.0, np.zeros(DOORS)]), 60.0, 0.5),)
    ),
    "two layers": Owners((Independent(np.full(DOORS, 0.2)), exactly(2, np.ones(DOORS, bool)).layers[0])),
}


@pytest.mark.parametrize("name", OWNERS)
def test_owners_that_hang_together_are_told_as_plain_draws_of_them(rungs, name):
    graph, walk, exposure, near = rungs
    owners = route_owners(OWNERS[name], KEYS, seed=7, replicates=2048)
    assert owners.any_of is not None
    routes = shortest_routes(graph, *PAIR)
    row = route_figures(graph, routes, {"x": exposure}, owners, replicates=2048, seed=7).iloc[0]
    recorded = float(recorded_share(routes, near, exposure, owners, clip_s=20.0).iloc[0])
    points, metres = route_steps(walk, routes, 0)
    sees = [exposure.members[exposure.start[p] : exposure.start[p + 1]] for p in points]
    triggers = [set(near.members[near.start[p] : near.start[p + 1]].tolist()) for p in points]
    middle = np.cumsum(metres) - metres / 2
    assert owners.bits is not None
    draws = np.array([[(word >> np.uint64(bit)) & np.uint64(1) for bit in range(64)] for word in owners.bits.ravel()])
    owns = draws.reshape(DOORS, -1).astype(bool)
    inview = np.array([owns[doors].any(axis=0) for doors in sees])
    records = np.zeros_like(inview)
    last = np.full(DOORS, -np.inf)
    for step, doors in enumerate(sees):
        for door in triggers[step]:
            last[door] = middle[step]
        active = [door for door in doors if middle[step] - last[door] <= 20.0 * 1.4]
        records[step] = owns[active].any(axis=0)
    number = owns.shape[1]

    def agrees(value: float, samples: np.ndarray) -> None:
        error = max(samples.std() / np.sqrt(number), 1e-9)
        assert abs(value - samples.mean()) < 4.5 * error, (value, samples.mean(), error)

    agrees(row["seen_length_mean_m"], metres @ inview)
    agrees(row["p_unseen"], ~inview.any(axis=0) * 1.0)
    agrees(recorded, (metres @ records) / metres.sum())
    union = np.unique(np.concatenate(sees))
    assert row["doors_in_view"] == len(union)
    agrees(row["doorbells_mean"], owns[union].sum(axis=0).astype(float))
    # The longest stretch is of these very draws.
    longest = [max((sum(metres[a:b]) for a, b in _runs(~inview[:, r])), default=0.0) for r in range(number)]
    assert row["longest_unseen_mean_m"] == pytest.approx(np.mean(longest), abs=1e-3)


def _runs(free: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def test_chances_given_as_owners_without_bonds_are_those_of_plain_chances(rungs):
    graph, _, exposure, _ = rungs
    p = np.linspace(0.05, 0.6, DOORS)
    routes = shortest_routes(graph, *PAIR)
    plain = route_figures(graph, routes, {"x": exposure}, p, replicates=0)
    bound = RouteOwners(
        p, route_owners(Owners((Independent(p), Independent(0 * p))), KEYS, seed=1, replicates=64).any_of
    )
    other = route_figures(graph, routes, {"x": exposure}, bound, replicates=0)
    pd.testing.assert_frame_equal(plain, other, rtol=1e-9)
    least = [least_in_view(graph, exposure, *PAIR, chance).half.tolist() for chance in (p, bound)]
    assert least[0] == least[1]
