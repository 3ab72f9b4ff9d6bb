"""Which incidents bear on a piece of street: by hand, by a plain search, and where the density is more than 0."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from doorview.overlays.network_kde import network_density, network_scores, street_network
from doorview.overlays.network_support import reached_by
from doorview.overlays.surface_grid import surface_grid

CRS = "EPSG:32618"


def streets(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=CRS)


def grid_streets() -> gpd.GeoDataFrame:
    """Return a grid with a diagonal, a loop, a dead end and two streets between the same ends."""
    lines = [[(x, y) for x in (0.0, 90, 200, 310)] for y in (0.0, 110, 230)]
    lines += [[(x, y) for y in (0.0, 110, 230)] for x in (0.0, 90, 200, 310)]
    lines += [[(90, 110), (200, 230)], [(310, 110), (400, 110)], [(200, 0), (220, -40), (180, -40), (200, 0)]]
    lines.append([(0, 0), (40, -60), (90, 0)])
    return streets(*lines)


def test_two_streets_that_do_not_meet_bear_not_on_each_other():
    network = street_network(streets([(0, 0), (400, 0)], [(0, 30), (400, 30)]))
    xy = [(200.0, 2.0)] * 3 + [(200.0, 28.0)] * 6
    density = network_density(xy, network, bandwidth_m=100.0, lixel_m=50.0)
    reached = reached_by(xy, network, density)
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(density.lixels.geometry.to_numpy(), 0.5, normalized=True)
    )
    near = np.abs(middle[:, 0] - 200.0) < 100.0
    south = middle[:, 1] < 15
    assert set(reached[south & near]) == {3}
    assert set(reached[~south & near]) == {6}
    assert set(reached[~near]) == {0}


@pytest.mark.parametrize("bandwidth_m", [60.0, 150.0, 400.0])
def test_it_is_what_a_plain_search_finds_and_where_mass_is(bandwidth_m: float):
    network = street_network(grid_streets())
    random = np.random.default_rng(4)
    xy = random.uniform((-10, -50), (410, 240), (40, 2))
    density = network_density(xy, network, bandwidth_m=bandwidth_m, least_part=0.0, within_m=30.0)
    reached = reached_by(xy, network, density, within_m=30.0)
    lixels = density.lixels
    assert ((reached > 0) == (lixels["incidents"] > 1e-12)).all()
    # Plainly: nodes where streets and pieces end, and the incident as one more node on its street.
    expected = np.zeros(len(lixels), int)
    for point in shapely.points(xy):
        away = shapely.distance(network.lines, point)
        edge = int(away.argmin())
        if away[edge] > 30.0:
            continue
        along = shapely.line_locate_point(network.lines[edge], point)
        graph = nx.MultiGraph()
        for number, line in enumerate(network.lines):
            parts = lixels[lixels["edge"] == number]
            stops = {0.0: ("n", network.ends[number, 0]), line.length: ("n", network.ends[number, 1])}
            for place in np.cumsum(parts["length_m"])[:-1]:
                stops[place] = ("c", number, round(place, 6))
            if number == edge:
                stops.setdefault(along, "here")
                here = stops[along]
            order = sorted(stops)
            for a, b in pairwise(order):
                graph.add_edge(stops[a], stops[b], weight=b - a)
        far = nx.single_source_dijkstra_path_length(graph, here)
        for number, line in enumerate(network.lines):
            parts = lixels[lixels["edge"] == number]
            places = [0.0, *np.cumsum(parts["length_m"])[:-1], line.length]
            names = [
                ("n", network.ends[number, 0]),
                *(("c", number, round(place, 6)) for place in places[1:-1]),
                ("n", network.ends[number, 1]),
            ]
            for place, lixel in enumerate(parts.index):
                inside = number == edge and places[place] <= along <= places[place + 1]
                least = 0.0 if inside else min(far[names[place]], far[names[place + 1]])
                expected[lixel] += least < bandwidth_m
    np.testing.assert_array_equal(reached, expected)


def test_scores_put_all_mass_into_the_cells_of_their_streets():
    network = street_network(grid_streets())
    grid = surface_grid(shapely.box(-100, -150, 500, 350), 50.0)
    xy = np.array([(45.0, 2.0)] * 6 + [(300.0, 228.0)])
    scores = network_scores(network, bandwidth_m=60.0)(xy, grid)
    assert scores.sum() == pytest.approx(7.0, rel=1e-9)
    row, column = grid.cell_of(xy)
    assert np.unravel_index(scores.argmax(), scores.shape)[0] == row[0]
    assert scores[row[0], column[0]] > scores[row[6], column[6]] > 0
