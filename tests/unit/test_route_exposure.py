"""Figures of routes: by hand on a ladder, against simulation, and what must hold for any."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import doorview as dv
from doorview.errors import InputError
from doorview.overlays.route_exposure import (
    edge_exposure,
    exposure_of_pairs,
    owner_bits,
    recorded_share,
    route_figures,
    seen_metres,
    walking_points,
)
from doorview.overlays.routes import shortest_routes
from doorview.overlays.walking_graph import walking_graph
from doorview.sight.known import sees_known
from helpers.ladder import UTM, city_of, ladder


@pytest.fixture(scope="module")
def rungs():
    graph = walking_graph(ladder(), side="centre")
    return graph, walking_points(graph, spacing_m=10.0)


def exposure_by_place(walk, sees):
    """Return the exposure in which door `name` sees the points that lie in `shape`."""
    rows = [
        (name, number)
        for name, shape in sees.items()
        for number, point in enumerate(walk.points)
        if shape.covers(point)
    ]
    return exposure_of_pairs(walk, pd.Index(list(sees)), pd.DataFrame(rows, columns=["door", "point"]))


def random_exposure(walk, doors, rng, share=0.05):
    hit = rng.random((doors, len(walk.points))) < share
    door, point = np.nonzero(hit)
    labels = pd.Index([f"d{number}" for number in range(doors)])
    return exposure_of_pairs(walk, labels, pd.DataFrame({"door": labels[door], "point": point})), hit


def along(graph, walk, routes, route):
    """Return a route's points and the metres of each, in walking order, by plain intervals."""
    points, metres = [], []
    for leg in range(routes.first[route], routes.first[route + 1]):
        half, begin, end = routes.half[leg], routes.begin_m[leg], routes.end_m[leg]
        line = walk.line_of[half]
        step = walk.step_m[line]
        numbers = range(walk.first[line + 1] - walk.first[line])
        for i in numbers if half % 2 == 0 else reversed(numbers):
            long = min(max(begin, end), (i + 1) * step) - max(min(begin, end), i * step)
            if long > 1e-9:
                points.append(walk.first[line] + i)
                metres.append(long)
    return np.array(points, int), np.array(metres)


def test_figures_on_a_ladder_are_those_worked_out_by_hand(rungs):
    graph, walk = rungs
    sees = {
        "a": shapely.box(20, -1, 60, 1),  # points 25 to 55 of the south rail: 40 m
        "b": shapely.box(50, -1, 90, 1),  # points 55 to 85: 40 m, of which 10 m are a's too
        "c": shapely.box(-1, 20, 1, 40).union(shapely.box(120, -1, 140, 1)),  # two stretches of 20 m
        "d": shapely.box(0, 49, 200, 51),  # the north rail, where this route does not go
    }
    exposure = exposure_by_place(walk, sees)
    # From the middle of the west rung down to the south rail, and along it to x = 150.
    routes = shortest_routes(graph, [[-2.0, 30.0]], [[150.0, -4.0]])
    p = np.array([0.5, 0.2, 0.1, 0.9])
    row = route_figures(graph, routes, {"observe": exposure}, p, replicates=0).iloc[0]
    assert row["length_m"] == 180
    # 30 m of a alone, 10 m of both, 30 m of b alone, c: 10 m on the rung and 20 m on the rail.
    seen = 30 * 0.5 + 10 * (1 - 0.5 * 0.8) + 30 * 0.2 + 30 * 0.1
    assert row["seen_length_mean_m"] == pytest.approx(seen)
    assert row["share_in_view_mean"] == pytest.approx(seen / 180)
    assert row["doors_in_view"] == 3
    assert row["doorbells_mean"] == pytest.approx(0.8)
    # c counts once, though it sees two stretches: not 0.5 x 0.8 x 0.9 x 0.9.
    assert row["p_unseen"] == pytest.approx(0.5 * 0.8 * 0.9)


def test_known_owners_make_the_longest_unseen_stretch_certain(rungs):
    graph, walk = rungs
    sees = {"a": shapely.box(20, -1, 60, 1), "b": shapely.box(160, -1, 170, 1)}
    exposure = exposure_by_place(walk, sees)
    routes = shortest_routes(graph, [[0.0, 20.0], [200.0, 0.0]], [[200.0, 0.0], [0.0, 20.0]])
    # 20 m of rung and 20 m of rail, a, then 60 to 160, b, then 30 m.
    for p, longest in (([1, 1], 100), ([1, 0], 140), ([0, 1], 180), ([0, 0], 220)):
        table = route_figures(graph, routes, {"observe": exposure}, p, replicates=64)
        assert table["longest_unseen_mean_m"].to_numpy() == pytest.approx([longest] * 2)
        assert table["longest_unseen_p05_m"].to_numpy() == pytest.approx([longest] * 2)
        assert table["p_unseen"].tolist() == [float(p == [0, 0])] * 2


def test_exact_figures_are_the_means_of_the_simulation_and_stretches_those_of_plain_loops(rungs):
    graph, walk = rungs
    rng = np.random.default_rng(5)
    exposure, hit = random_exposure(walk, 30, rng, 0.03)
    start, goal = rng.uniform([0, 0], [200, 50], (2, 12, 2))
    routes = shortest_routes(graph, start, goal)
    p = rng.uniform(0, 0.4, 30)
    draws = 2048
    table = route_figures(graph, routes, {"x": exposure}, p, replicates=draws, seed=3)
    bits = owner_bits(exposure.doors, p, replicates=draws, seed=3)
    owns = np.array([[(bits[j, r // 64] >> np.uint64(r % 64)) & np.uint64(1) for r in range(draws)] for j in range(30)])
    for route in range(12):
        points, metres = along(graph, walk, routes, route)
        in_view = (hit[:, points].T.astype(int) @ owns.astype(int)) > 0
        met = hit[:, points].any(axis=1)
        number = (owns[met] > 0).sum(axis=0)
        samples = {
            "seen_length_mean_m": metres @ in_view,
            "doorbells_mean": number,
            "p_unseen": number == 0,
        }
        assert table["doors_in_view"].iloc[route] == met.sum()
        for name, values in samples.items():
            error = max(values.std() / np.sqrt(draws), 1e-9)
            assert abs(values.mean() - table[name].iloc[route]) < 4 * error, name
        longest = np.zeros(draws)
        gap = np.zeros(draws)
        for seen, long in zip(in_view, metres, strict=True):
            gap = np.where(seen, 0.0, gap + long)
            longest = np.maximum(longest, gap)
        assert table["longest_unseen_mean_m"].iloc[route] == pytest.approx(longest.mean(), rel=1e-5)
        low, high = np.quantile(longest, [0.05, 0.95])
        assert table["longest_unseen_p05_m"].iloc[route] == pytest.approx(low, rel=1e-5)
        assert table["longest_unseen_p95_m"].iloc[route] == pytest.approx(high, rel=1e-5)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(0, 1))
def test_what_holds_for_any_owners(seed, rate):
    graph = walking_graph(ladder(), side="centre")
    walk = walking_points(graph, spacing_m=7.0)
    rng = np.random.default_rng(seed)
    exposure, _ = random_exposure(walk, 12, rng)
    start, goal = rng.uniform([0, 0], [200, 50], (2, 8, 2))
    there, back = shortest_routes(graph, start, goal), shortest_routes(graph, goal, start)
    p = rng.uniform(0, 1, 12) * rate
    low, high, turned = (
        route_figures(graph, routes, {"x": exposure}, chance, replicates=64)
        for routes, chance in ((there, p), (there, (p + 1) / 2), (back, p))
    )
    assert low["share_in_view_mean"].between(0, 1 + 1e-9).all()
    assert (low["doorbells_mean"] <= low["doors_in_view"] + 1e-9).all()
    # A route unseen has any of its points unseen; one seen has at least one door that sees it.
    assert (low["p_unseen"] <= 1 - low["share_in_view_mean"] + 1e-9).all()
    assert (1 - low["p_unseen"] <= low["doorbells_mean"] + 1e-9).all()
    assert (low["longest_unseen_p95_m"] <= low["length_m"] * (1 + 1e-6)).all()
    assert (high["seen_length_mean_m"] >= low["seen_length_mean_m"] - 1e-9).all()
    assert (high["p_unseen"] <= low["p_unseen"] + 1e-9).all()
    assert (high["longest_unseen_mean_m"] <= low["longest_unseen_mean_m"] + 1e-3).all()
    # On a street's line the way back is seen as the way there. Two routes may be equally short: those are left out.
    same = np.array([set(there.half[a:b] // 2) == set(back.half[c:d] // 2) for a, b, c, d in zip(
        there.first[:-1], there.first[1:], back.first[:-1], back.first[1:], strict=True)])  # fmt: skip
    for name in ("length_m", "seen_length_mean_m", "doorbells_mean", "p_unseen", "longest_unseen_mean_m"):
        assert turned[name][same].to_numpy() == pytest.approx(low[name][same].to_numpy(), rel=1e-5, abs=1e-3), name


def test_stretches_add_up_to_the_whole(rungs):
    graph, walk = rungs
    rng = np.random.default_rng(2)
    exposure, _ = random_exposure(walk, 9, rng, 0.2)
    cost = seen_metres(exposure, graph, 0.3, per_metre=0.1)
    half = np.arange(2 * len(graph))
    long = graph.length_m[half // 2]
    cut = rng.uniform(0, 1, len(half)) * long
    begin, end = np.where(half % 2, long, 0.0), np.where(half % 2, 0.0, long)
    assert cost.part(half, begin, cut) + cost.part(half, cut, end) == pytest.approx(cost.half)
    layer = edge_exposure(exposure, graph, 0.3)
    assert layer["seen_m_along"].to_numpy() == pytest.approx((cost.half - 0.1 * long)[::2])


def test_recorded_is_in_view_within_a_clip_of_the_trigger(rungs):
    graph, walk = rungs
    view = exposure_by_place(walk, {"a": shapely.box(20, -1, 100, 1), "b": shapely.box(0, -1, 20, 1)})
    trigger = exposure_by_place(walk, {"a": shapely.box(40, -1, 50, 1), "b": shapely.box(150, -1, 160, 1)})
    routes = shortest_routes(graph, [[0.0, 0], [200.0, 0]], [[200.0, 0], [0.0, 0]])
    # 21 m of walking: eastwards from the trigger at 45 the points at 45, 55, 65; westwards 45, 35, 25.
    # b is triggered where it is not in view, and has the walker in view before (eastwards) or far later (westwards).
    for clip_s, metres in ((21.0, [30, 30]), (46.0, [50, 30]), (1e6, [60, 50])):
        share = recorded_share(routes, trigger, view, [0.5, 0.25], clip_s=clip_s, speed_m_s=1.0)
        expected = [0.5 * metres[0], 0.5 * min(metres[1], 30) + (0.25 * 20 if clip_s == 1e6 else 0)]
        assert share.to_numpy() * 200 == pytest.approx(expected)
    none = recorded_share(routes, trigger, view, 0.0, clip_s=30)
    assert none.tolist() == [0, 0]


def test_walking_lines_lie_on_the_side_that_is_walked():
    city = city_of([([(0, 0), (200, 0)], {"highway": "residential", "width": "8", "sidewalk": "both"}, [1, 2])])
    graph = walking_graph(city, dv.public_space(city), side="right")
    walk = walking_points(graph, spacing_m=1.0)
    assert len(walk.points) == 400
    east, west = (walk.points.iloc[walk.first[line] : walk.first[line + 1]] for line in walk.line_of)
    assert east.y.to_numpy() == pytest.approx(graph.offset_m[0, 0])
    assert west.y.to_numpy() == pytest.approx(graph.offset_m[0, 1])
    assert east.y.iloc[0] < -4 < 4 < west.y.iloc[0]
    assert east.x.to_numpy() == pytest.approx(np.arange(200) + 0.5)
    # A door that sees the south side alone sees who walks east, from any start.
    exposure = exposure_by_place(walk, {"a": shapely.box(50, -20, 80, 0)})
    routes = shortest_routes(graph, [[20.0, 0], [150.0, 0]], [[150.0, 0], [20.0, 0]])
    table = route_figures(graph, routes, {"x": exposure}, 1.0, replicates=64)
    assert table["seen_length_mean_m"].tolist() == pytest.approx([30, 0])
    assert table["longest_unseen_mean_m"].tolist() == pytest.approx([70, 130])


def test_what_is_below_the_ground_is_out_of_view():
    city = city_of([([(0, 0), (50, 0)], {"highway": "path", "tunnel": "yes"}, [1, 2])])
    graph = walking_graph(city, side="centre")
    walk = walking_points(graph)
    exposure = exposure_by_place(walk, {"a": shapely.box(-10, -10, 60, 10)})
    assert len(exposure.members) == 0


def test_doors_are_asked_through_sees():
    graph = walking_graph(ladder(), side="centre")
    walk = walking_points(graph)
    doors = gpd.GeoDataFrame({"heading": [0.0]}, geometry=[shapely.Point(50, -6)], index=["w1@1"], crs=UTM)
    wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(51, -3), (70, -3)])], crs=UTM)
    exposure = exposure_of_pairs(walk, doors.index, dv.sees(doors, walk.points, wall, level="observe"))
    seen = walk.points.iloc[np.flatnonzero(np.diff(exposure.start))]
    # North of the door the west of the rail; behind the wall only what lies west of its end at x = 51: 50 + 1 x 6 / 3.
    assert seen.x.max() < 52 < seen.x.max() + 1
    assert seen.x.min() < 44
    routes = shortest_routes(graph, [[0.0, 0.0]], [[100.0, 0.0]])
    table = route_figures(graph, routes, {"observe": exposure}, 1.0, replicates=0)
    assert table["seen_length_mean_m"].iloc[0] == pytest.approx(len(seen))


def test_known_cameras_are_reported_apart():
    graph = walking_graph(ladder(), side="centre")
    walk = walking_points(graph)
    table = {"heading": [0.0], "field_of_view_degrees": [90.0], "height_m": [3.0], "range_m": [12.0]}
    table |= {"kind": ["fixed"], "source": ["osm"], "private": [False], "tilt_degrees": [np.nan], "certain": [True]}
    place = [shapely.Point(50, -6)]
    cameras = gpd.GeoDataFrame(table, geometry=place, index=pd.Index(["k:n1"], name="door"), crs=UTM)
    nothing = gpd.GeoDataFrame(geometry=[], crs=UTM)
    known = exposure_of_pairs(walk, cameras.index, sees_known(cameras, walk.points, nothing))
    routes = shortest_routes(graph, [[0.0, 0.0], [0.0, 50.0]], [[100.0, 0.0], [100.0, 50.0]])
    figures = route_figures(graph, routes, {"known": known}, 1.0, replicates=0)
    # 6 m before the camera, its field of 90 degrees is 12 m wide on the rail; of the other rail it sees nothing.
    assert figures["seen_length_mean_m"].tolist() == pytest.approx([12, 0])
    assert figures["doors_in_view"].tolist() == [1, 0]
    assert figures["p_unseen"].tolist() == [0, 1]


def test_what_is_no_route_has_no_figures_and_says_why(rungs):
    graph, walk = rungs
    exposure = exposure_by_place(walk, {"a": shapely.box(20, -1, 60, 1)})
    routes = shortest_routes(graph, [[0.0, 900], [30, 5], [30, 0]], [[0.0, 0], [30, -5], [50, 0]])
    table = route_figures(graph, routes, {"x": exposure, "y": exposure}, 0.5)
    assert table["route"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["level"].tolist() == ["x", "y"] * 3
    assert table["status"].tolist() == ["origin_far"] * 2 + ["same_place"] * 2 + ["found"] * 2
    assert table["p_unseen"].isna().tolist() == [True, True, False, False, False, False]
    assert table["doors_in_view"].isna().tolist() == [True, True, False, False, False, False]
    assert table["p_unseen"].iloc[2] == 1
    assert table["share_in_view_mean"].isna().tolist() == [True] * 4 + [False] * 2
    share = recorded_share(routes, exposure, exposure, 0.5, clip_s=30)
    assert share.isna().tolist() == [True, True, False]


def test_bad_input_is_named(rungs):
    graph, walk = rungs
    exposure = exposure_by_place(walk, {"a": shapely.box(20, -1, 60, 1)})
    routes = shortest_routes(graph, [[0.0, 0]], [[200.0, 0]])
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        route_figures(graph, routes, {"x": exposure}, 1.5)
    with pytest.raises(InputError, match="one for each of the 1 doors"):
        route_figures(graph, routes, {"x": exposure}, [0.1, 0.2])
    with pytest.raises(InputError, match="multiple of 64"):
        route_figures(graph, routes, {"x": exposure}, 0.5, replicates=100)
    with pytest.raises(InputError, match="no level"):
        route_figures(graph, routes, {}, 0.5)
    with pytest.raises(InputError, match="spacing_m is 0"):
        walking_points(graph, spacing_m=0)
    with pytest.raises(InputError, match="clip_s"):
        recorded_share(routes, exposure, exposure, 0.5, clip_s=0)
    other = walking_points(graph)
    away = exposure_by_place(other, {"a": shapely.box(20, -1, 60, 1)})
    with pytest.raises(InputError, match="different points or doors"):
        recorded_share(routes, away, exposure, 0.5, clip_s=30)
    with pytest.raises(InputError, match="1 rows name a door or point"):
        exposure_of_pairs(walk, pd.Index(["a"]), pd.DataFrame({"door": ["b"], "point": [0]}))
    with pytest.raises(InputError, match="stand twice"):
        exposure_of_pairs(walk, pd.Index(["a", "a"]), pd.DataFrame({"door": ["a"], "point": [0]}))


def test_points_stand_where_geos_puts_them_and_few_where_few_are_asked_for():
    bent = [(0.0, 0.0), (30.0, 0.0), (30.0, 17.5), (12.0, 40.0)]
    city = city_of(
        [(bent, {"highway": "footway"}, [1, 2, 3, 4]), ([(0.0, 0.0), (-7.3, 9.1)], {"highway": "footway"}, [1, 5])]
    )
    graph = walking_graph(city, side="centre")
    walk = walking_points(graph, spacing_m=2.0)
    for edge in range(len(graph)):
        low, high = walk.first[walk.line_of[2 * edge]], walk.first[walk.line_of[2 * edge] + 1]
        step = graph.length_m[edge] / (high - low)
        at = (np.arange(high - low) + 0.5) * step
        # In a bend the middle between half a metre before and after lies inside it.
        expected = [shapely.line_interpolate_point(graph.lines[edge], at + shift) for shift in (-0.5, 0.5)]
        middle = sum(shapely.get_coordinates(points) for points in expected) / 2
        assert np.allclose(shapely.get_coordinates(walk.points.to_numpy()[low:high]), middle, atol=1e-9)
        assert step <= 2.0
    some = np.arange(len(graph)) == 0
    few = walking_points(graph, spacing_m=2.0, edges=some)
    assert np.diff(few.first).tolist() == [walk.first[1], *[1] * (len(graph) - 1)]
    assert few.hidden.tolist() == [False] * int(walk.first[1]) + [True] * (len(graph) - 1)
