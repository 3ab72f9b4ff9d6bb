"""Surfaces of real reported thefts: Irvine's packages, SE Baltimore's larcenies along its streets."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from scipy.stats import gaussian_kde

import doorview as dv
from doorview.overlays.bandwidth import cross_validated, rule_of_thumb
from doorview.overlays.hotspots import gi_star, local_moran
from doorview.overlays.kde import kernel_density
from doorview.overlays.network_kde import network_density, street_network
from doorview.overlays.ratio import window_ratio
from doorview.overlays.surface_grid import SurfaceGrid, surface_grid
from doorview.overlays.time_classes import hot_spot_classes

PACKAGES = 969


@pytest.fixture(scope="module")
def thefts(shared_data: Path) -> gpd.GeoDataFrame:
    table = pd.read_csv(shared_data / "irvine_ca" / "thefts.csv", parse_dates=["Date"])
    points = gpd.points_from_xy(table["Lon"], table["Lat"], crs="EPSG:4326")
    return gpd.GeoDataFrame(table, geometry=points).to_crs("EPSG:32611")


@pytest.fixture(scope="module")
def grid(thefts: gpd.GeoDataFrame) -> SurfaceGrid:
    # Where anything was ever stolen: the city, without its empty hills.
    return surface_grid(shapely.union_all(thefts.geometry.to_numpy()).buffer(400).buffer(-100), 150.0)


@pytest.fixture(scope="module")
def packages(thefts: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return thefts[thefts["Type"].str.strip() == "Package"].reset_index(drop=True)


def coordinates(table: gpd.GeoDataFrame) -> np.ndarray:
    return np.column_stack([table.geometry.x, table.geometry.y])


def test_the_surface_holds_all_packages_and_is_scipys(packages, grid):
    xy = coordinates(packages)
    assert len(xy) == PACKAGES
    bandwidth = cross_validated(xy)
    # The best lies well inside the search grid, and is narrower than what one normal cloud would need.
    assert 1 < int(np.argmax(bandwidth.search["log_likelihood"])) < len(bandwidth.search) - 2
    assert 100 < bandwidth.metres < 0.8 * rule_of_thumb(xy).metres
    whole = kernel_density(xy, grid, bandwidth_m=bandwidth.metres)
    assert whole.density.sum() * grid.cell_km2 == pytest.approx(PACKAGES)
    uncorrected = kernel_density(xy, grid, bandwidth_m=bandwidth.metres, edge="none")
    bare = uncorrected.density
    theirs = gaussian_kde(xy.T, bw_method=1.0)
    theirs.covariance = np.eye(2) * bandwidth.metres**2
    theirs.cho_cov = np.eye(2) * bandwidth.metres
    row, column = (found[::40] for found in np.nonzero(grid.inside))
    x, y = grid.centres()
    expected = theirs(np.stack([x[column], y[row]])) * PACKAGES * 1e6
    # Cells are means over 150 m here: a hundredth of the peak off the value at the centre.
    assert np.abs(bare[row, column] - expected).max() < 0.01 * bare.max()


def test_packages_have_hot_spots_and_as_many_random_points_have_none(packages, grid):
    found = gi_star(coordinates(packages), grid)
    assert 100 < found.hot.sum() < 500
    per_cell = found.counts[grid.inside].mean()
    assert found.counts[found.hot].mean() > 3 * per_cell
    cells = np.argwhere(grid.inside)
    hits = {gi_star: 0, local_moran: 0}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cell = cells[rng.integers(0, len(cells), PACKAGES)]
        xy = (cell[:, ::-1] + rng.uniform(size=(PACKAGES, 2))) * grid.cell_m + (grid.x0, grid.y0)
        for method in hits:
            hits[method] += bool(method(xy, grid).hot.any())
    # Of 20 draws at 5 %: more than 4 has a chance of 0.3 %.
    assert max(hits.values()) <= 4


def test_2018_and_2019_are_no_copy_of_the_years_before(packages, grid):
    xy, later = coordinates(packages), (packages["Date"] >= "2018").to_numpy()
    found = window_ratio(xy[~later], xy[later], grid, bandwidth_m=566.0, months=(84, 17), replicates=99)
    assert found.numerator + found.denominator == PACKAGES
    assert found.of_all == pytest.approx((later.sum() / 17) / ((~later).sum() / 84))
    assert found.overall <= 0.05


def test_classes_count_every_package(packages, grid):
    found = hot_spot_classes(coordinates(packages), packages["Date"], grid, months=12)
    assert found.table["incidents"].sum() + sum(found.counts.values()) == PACKAGES
    assert len(found.table) == 8
    assert sum(found.area_km2().values()) == pytest.approx(grid.area_km2)


def test_larcenies_lie_along_the_streets_of_south_east_baltimore(shared_data):
    folder = shared_data / "baltimore_city_md"
    city = dv.City.from_extract(folder / "baltimore_sorted.osm.pbf")
    table = pd.read_csv(folder / "larceny_geocoded_to_osm_blocks.csv")
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs="EPSG:4326")
    xy = coordinates(points.to_crs(city.crs))
    network = street_network(city.ways)
    plain = network_density(xy, network, bandwidth_m=200.0)
    smooth = network_density(xy, network, bandwidth_m=200.0, split="continuous")
    for found in (plain, smooth):
        assert found.incidents + found.left_out == len(xy) == 3338
        assert found.lixels["incidents"].sum() == pytest.approx(found.incidents, abs=1e-6)
    assert found.left_out < 0.03 * len(xy)
    assert found.moved_m < 25
    # Both kernels spread the same incidents: they differ near junctions alone.
    moved = np.abs(plain.lixels["incidents"] - smooth.lixels["incidents"]).sum() / 2
    assert moved < 0.25 * plain.incidents
