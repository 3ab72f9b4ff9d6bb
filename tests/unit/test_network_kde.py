"""Density along streets: hand cases, a plain slow version, mass, evenness, order."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from doorview.errors import InputError, UnknownNameError
from doorview.overlays.network_kde import NetworkDensity, StreetNetwork, network_density, street_network

CRS = "EPSG:32618"


def streets(*lines: list[tuple[float, float]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=[shapely.LineString(line) for line in lines], crs=CRS)


def grid_streets(shift: float = 0.0) -> gpd.GeoDataFrame:
    """Return a 4 x 3 grid of streets with a cul-de-sac, a loop and a diagonal: dead ends, 3, 4 and 5 at a junction."""
    lines = [[(x, y) for x in (0.0, 90, 200 + shift, 310)] for y in (0.0, 110, 230)]
    lines += [[(x, y) for y in (0.0, 110, 230)] for x in (0.0, 90, 200 + shift, 310)]
    lines.append([(90, 110), (200 + shift, 230)])
    lines.append([(310, 110), (400, 110)])
    lines.append([(200 + shift, 0), (220, -40), (180, -40), (200 + shift, 0)])
    return streets(*lines)


def quartic(distance: float, h: float) -> float:
    return 15 / (16 * h) * (1 - (distance / h) ** 2) ** 2 if distance < h else 0.0


def slow(points: list[tuple[float, float]], network: StreetNetwork, h: float, *, continuous: bool, step: float):
    """Walk by plain recursion and add up the kernel at the middles of steps along each edge: a mass per edge."""
    lines = list(network.lines)
    ends = [tuple(pair) for pair in network.ends.tolist()]
    mass = np.zeros(len(lines))

    def walk(edge: int, towards: int, begin: float, gone: float, part: float) -> None:
        # towards is 1 along the line, 0 against it; begin is measured from where the walk enters the edge.
        total = lines[edge].length
        number = max(1, int((total - begin) / step))
        width = (total - begin) / number
        mass[edge] += sum(part * quartic(gone + (n + 0.5) * width, h) * width for n in range(number))
        reached = gone + total - begin
        if reached >= h:
            return
        node = ends[edge][towards]
        leaving = [(e, t) for e, pair in enumerate(ends) for t in (1, 0) if pair[1 - t] == node]
        for e, t in leaving:
            back = (e, t) == (edge, 1 - towards)
            n = len(leaving)
            if n == 1:
                share = 1.0
            elif continuous:
                share = 2 / n - 1 if back else 2 / n
            else:
                share = 0.0 if back else 1 / (n - 1)
            if share:
                walk(e, t, 0.0, reached, part * share)

    for point in points:
        edge = int(np.argmin([line.distance(shapely.Point(point)) for line in lines]))
        at = lines[edge].project(shapely.Point(point))
        walk(edge, 1, at, 0.0, 1.0)
        walk(edge, 0, lines[edge].length - at, 0.0, 1.0)
    return mass


def by_edge(found: NetworkDensity) -> np.ndarray:
    return found.lixels.groupby("edge")["incidents"].sum().to_numpy()


STAR = streets([(-100, 0), (0, 0)], [(0, 0), (100, 0)], [(0, 0), (0, 100)], [(0, 0), (0, -100)])


@pytest.mark.parametrize(("split", "onward"), [("discontinuous", 1 / 3), ("continuous", 1 / 2)])
def test_a_junction_of_four_splits_what_arrives_equally(split, onward):
    found = network_density([(-20.0, 0.0)], street_network(STAR), bandwidth_m=60.0, split=split, lixel_m=200.0)
    # Mass of the quartic beyond 20 of 60 m: 1/2 - 15/16 (t - 2 t^3 / 3 + t^5 / 5) at t = 1/3.
    t = 1 / 3
    arrives = 0.5 - 15 / 16 * (t - 2 * t**3 / 3 + t**5 / 5)
    assert by_edge(found)[1:] == pytest.approx([arrives * onward] * 3, rel=1e-12)
    assert by_edge(found).sum() == pytest.approx(1.0, abs=1e-12)


def test_the_continuous_kernel_is_continuous_at_the_junction_and_the_other_is_not():
    for split, jump in (("continuous", 1.0), ("discontinuous", 3.0)):
        found = network_density([(-20.0, 0.0)], street_network(STAR), bandwidth_m=60.0, split=split, lixel_m=0.01)
        west = found.lixels[found.lixels["edge"] == 0]["per_km"].iloc[-1]
        east = found.lixels[found.lixels["edge"] == 1]["per_km"].iloc[0]
        assert west / east == pytest.approx(jump, rel=2e-3)


def test_on_one_long_street_it_is_the_plain_quartic():
    found = network_density([(0.0, 3.0)], street_network(streets([(-500, 0), (500, 0)])), bandwidth_m=80.0, lixel_m=1.0)
    middle = shapely.get_x(found.lixels.geometry.interpolate(0.5, normalized=True).to_numpy())
    expected = [1000 * quartic(abs(x), 80.0) for x in middle]
    assert found.lixels["per_km"].to_numpy() == pytest.approx(expected, abs=2e-3)
    assert found.moved_m == pytest.approx(3.0)


def test_at_a_dead_end_all_comes_back():
    found = network_density([(10.0, 0.0)], street_network(streets([(0, 0), (500, 0)])), bandwidth_m=80.0, lixel_m=1.0)
    middle = shapely.get_x(found.lixels.geometry.interpolate(0.5, normalized=True).to_numpy())
    expected = [1000 * (quartic(abs(x - 10), 80.0) + quartic(x + 10, 80.0)) for x in middle]
    assert found.lixels["per_km"].to_numpy() == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("split", ["discontinuous", "continuous"])
def test_it_agrees_with_a_plain_slow_version(split):
    network = street_network(grid_streets())
    points = [(40.0, 1.0), (200.0, 50.0), (395.0, 110.0), (150.0, 175.0), (205.0, -39.0)]
    found = network_density(points, network, bandwidth_m=260.0, split=split, least_part=0.0)
    expected = slow(points, network, 260.0, continuous=split == "continuous", step=0.5)
    assert by_edge(found) == pytest.approx(expected, abs=2e-5)
    assert by_edge(found).sum() == pytest.approx(len(points), abs=1e-9)


@pytest.mark.parametrize("split", ["discontinuous", "continuous"])
@pytest.mark.parametrize("least_part", [0.0, 1e-4, 0.02])
def test_mass_is_kept_however_soon_walks_end(split, least_part):
    xy = np.random.default_rng(1).uniform((0, -40), (400, 230), (60, 2))
    found = network_density(
        xy, street_network(grid_streets()), bandwidth_m=230.0, split=split, least_part=least_part, lixel_m=10.0
    )
    assert found.lixels["incidents"].sum() == pytest.approx(found.incidents, abs=1e-9)
    if split == "discontinuous":
        assert (found.lixels["incidents"] >= 0).all()


@pytest.mark.parametrize("split", ["discontinuous", "continuous"])
def test_an_even_pattern_is_even_everywhere(split):
    network = street_network(grid_streets())
    # Every metre of every edge: the kernel has the same value both ways, so it adds up to the same everywhere.
    points = np.vstack(
        [
            shapely.get_coordinates(shapely.line_interpolate_point(line, (np.arange(n) + 0.5) * line.length / n))
            for line in network.lines
            for n in [round(line.length)]
        ]
    )
    found = network_density(points, network, bandwidth_m=150.0, split=split, least_part=0.0)
    spacing = np.array([line.length / round(line.length) for line in network.lines]).mean()
    assert found.lixels["per_km"].to_numpy() == pytest.approx(1000 / spacing, rel=0.01)


def test_ways_meet_at_shared_nodes_alone():
    crossing = streets([(-100, 0), (0, 0), (100, 0)], [(0, -100), (0, 0), (0, 100)])
    meeting, bridge = crossing.copy(), crossing.copy()
    meeting["nodes"] = [np.array([1, 2, 3]), np.array([4, 2, 5])]
    bridge["nodes"] = [np.array([1, 2, 3]), np.array([4, 9, 5])]
    assert len(street_network(meeting).lines) == 4
    assert len(street_network(bridge).lines) == 2
    across = network_density([(-10.0, 0.0)], street_network(bridge), bandwidth_m=50.0)
    assert across.lixels.loc[across.lixels["edge"] == 1, "incidents"].sum() == 0


def test_only_streets_are_taken():
    ways = STAR.assign(highway=["residential", "footway", "motorway", "service"])
    assert len(street_network(ways).lines) == 1
    assert len(street_network(ways, streets=None).lines) == 4
    with pytest.raises(InputError, match="none of 4 lines"):
        street_network(ways, streets=("busway",))


def test_far_incidents_are_counted_and_order_changes_no_bit():
    xy = np.vstack([np.random.default_rng(2).uniform((0, 0), (310, 230), (80, 2)), [[5000.0, 0.0]]])
    network = street_network(grid_streets())
    found = network_density(xy, network, bandwidth_m=120.0)
    again = network_density(xy[::-1], network, bandwidth_m=120.0)
    assert (found.incidents, found.left_out) == (80, 1)
    assert np.array_equal(found.lixels["incidents"], again.lixels["incidents"])


def test_lixels_are_the_streets_in_equal_pieces():
    network = street_network(grid_streets())
    found = network_density([], network, bandwidth_m=50.0, lixel_m=20.0)
    assert found.lixels.length.to_numpy() == pytest.approx(found.lixels["length_m"].to_numpy())
    assert found.lixels.length.sum() == pytest.approx(sum(line.length for line in network.lines))
    assert found.lixels["length_m"].between(13, 30).all()
    assert found.lixels.crs == CRS
    assert found.lixels["incidents"].sum() == 0


def test_what_cannot_be_is_said(monkeypatch):
    network = street_network(grid_streets())
    with pytest.raises(InputError, match="lixel_m is 0"):
        network_density([], network, bandwidth_m=50.0, lixel_m=0)
    with pytest.raises(UnknownNameError, match="Did you mean 'continuous'"):
        network_density([], network, bandwidth_m=50.0, split="continous")
    monkeypatch.setattr("doorview.overlays.network_kde.MOST_STEPS", 1000)
    with pytest.raises(InputError, match="split='discontinuous'"):
        network_density([(0, 0)], network, bandwidth_m=900.0, split="continuous")
