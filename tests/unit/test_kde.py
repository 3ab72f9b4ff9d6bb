"""Planar kernel density: against direct sums, scipy, KDEpy, closed forms; mass; order; bandwidths."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scipy.special import ndtr
from scipy.stats import gaussian_kde

from doorview.errors import InputError, UnknownNameError
from doorview.overlays.bandwidth import check_publishable, cross_validated, rule_of_thumb
from doorview.overlays.kde import kde_scores, kernel_density, spread_m
from doorview.overlays.surface_grid import SurfaceGrid, surface_grid

SQUARE = surface_grid(shapely.box(1000, 2000, 5000, 5000), 25.0)
RING = surface_grid(shapely.Point(3000, 3500).buffer(1400).difference(shapely.Point(3300, 3500).buffer(500)), 25.0)


def places(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    half = count // 2
    cloud = rng.normal((2500, 3600), 400, (half, 2))
    return np.vstack([cloud, rng.uniform((1000, 2000), (5000, 5000), (count - half, 2))])


def direct(xy: np.ndarray, grid: SurfaceGrid, bandwidth: float, kernel: str) -> np.ndarray:
    """Sum the kernels at every centre, incidents per km2."""
    x, y = grid.centres()
    out = np.zeros((grid.rows, grid.columns))
    for px, py in xy[grid.counted(xy)]:
        squared = ((x - px)[None, :] ** 2 + (y - py)[:, None] ** 2) / bandwidth**2
        if kernel == "gaussian":
            out += np.exp(-squared / 2) / (2 * math.pi * bandwidth**2)
        else:
            out += 3 / (math.pi * bandwidth**2) * np.where(squared < 1, (1 - squared) ** 2, 0.0)
    return np.where(grid.inside, out * 1e6, 0.0)


@pytest.mark.parametrize("grid", [SQUARE, RING], ids=["square", "ring"])
@pytest.mark.parametrize(("kernel", "bandwidth"), [("gaussian", 250.0), ("quartic", 700.0)])
def test_it_is_the_sum_of_kernels(grid, kernel, bandwidth):
    xy = places(300)
    found = kernel_density(xy, grid, bandwidth_m=bandwidth, kernel=kernel, edge="none")
    plain = direct(xy, grid, bandwidth, kernel)
    # What linear binning leaves: (cell / standard deviation)^2 / 6 of a single point's peak, here 1 / 600.
    assert np.abs(found.density - plain).max() < 1e-3 * plain.max()
    assert found.incidents + found.left_out == 300


def test_one_point_is_within_the_stated_error_wherever_it_lies_in_its_cell():
    for shift in (0.0, 6.0, 12.5):
        xy = np.array([[3000.0 + shift, 3500.0 + shift]])
        plain = direct(xy, SQUARE, 200.0, "gaussian")
        found = kernel_density(xy, SQUARE, bandwidth_m=200.0, edge="none").density
        assert np.abs(found - plain).max() <= 1.01 * (25.0 / 200.0) ** 2 / 6 * plain.max()


def test_it_agrees_with_scipy():
    xy = places(400, 1)
    x, y = SQUARE.centres()
    theirs = gaussian_kde(xy.T, bw_method=1.0)
    # scipy's kernel takes the points' covariance; ours is round: whiten by setting it.
    theirs.covariance = np.diag([300.0**2, 300.0**2])
    theirs.cho_cov = np.linalg.cholesky(theirs.covariance)
    columns, rows = np.arange(0, SQUARE.columns, 7), np.arange(0, SQUARE.rows, 7)
    at = np.array([(x[c], y[r]) for r in rows for c in columns])
    found = kernel_density(xy, SQUARE, bandwidth_m=300.0, edge="none").density[np.ix_(rows, columns)]
    expected = theirs(at.T).reshape(found.shape) * 400 * 1e6
    assert np.abs(found - expected).max() < 1e-3 * expected.max()


def test_it_agrees_with_kdepy():
    kdepy = pytest.importorskip("KDEpy")
    xy = places(400, 2)
    x, y = SQUARE.centres()
    at = np.stack(np.meshgrid(x[::9], y[::9], indexing="ij"), -1).reshape(-1, 2)
    expected = kdepy.NaiveKDE(kernel="gaussian", bw=300.0).fit(xy).evaluate(at).reshape(len(x[::9]), -1).T * 400e6
    found = kernel_density(xy, SQUARE, bandwidth_m=300.0, edge="none").density[::9, ::9]
    assert np.abs(found - expected).max() < 1e-3 * expected.max()


@pytest.mark.parametrize("grid", [SQUARE, RING], ids=["square", "ring"])
@pytest.mark.parametrize(("kernel", "bandwidth"), [("gaussian", 250.0), ("quartic", 700.0), ("gaussian", 20.0)])
def test_the_surface_holds_every_incident(grid, kernel, bandwidth):
    found = kernel_density(places(300), grid, bandwidth_m=bandwidth, kernel=kernel)
    assert found.density.sum() * grid.cell_km2 == pytest.approx(found.incidents, rel=1e-9)
    assert (found.density >= 0).all()
    assert (found.density[~grid.inside] == 0).all()


def test_without_correction_the_mass_outside_is_lost_as_the_normal_integral_says():
    xy = np.array([[1100.0, 2300.0]])
    found = kernel_density(xy, SQUARE, bandwidth_m=200.0, edge="none")
    inside = ndtr(100 / 200) * ndtr(300 / 200)
    assert found.density.sum() * SQUARE.cell_km2 == pytest.approx(inside, abs=2e-4)


def test_uniform_correction_shows_an_even_pattern_even():
    x, y = SQUARE.centres()
    xy = np.array([(px, py) for px in x for py in y])
    even = kernel_density(xy, SQUARE, bandwidth_m=300.0, edge="uniform").density
    assert even == pytest.approx(np.full_like(even, 1600.0), rel=1e-9)
    bare = kernel_density(xy, SQUARE, bandwidth_m=300.0, edge="none").density
    # At a corner a quarter of a kernel lies inside, less half a cell.
    assert bare[0, 0] == pytest.approx(1600.0 * ndtr(12.5 / 300.0) ** 2, rel=1e-3)


def test_weights_count_as_so_many_incidents():
    xy = places(50)
    weight = np.random.default_rng(0).integers(0, 4, 50)
    once = kernel_density(xy, SQUARE, bandwidth_m=300.0, weights=weight)
    repeated = kernel_density(np.repeat(xy, weight, axis=0), SQUARE, bandwidth_m=300.0)
    assert once.mass == repeated.mass == weight.sum()
    assert once.density == pytest.approx(repeated.density, rel=1e-6, abs=1e-6)


def test_neither_order_nor_threads_change_a_bit():
    xy = places(500, 5)
    base = kernel_density(xy, RING, bandwidth_m=180.0).density
    assert np.array_equal(base, kernel_density(xy[::-1], RING, bandwidth_m=180.0, threads=2).density)


def test_small_kernels_are_smoothed_on_finer_cells():
    grid = surface_grid(shapely.box(0, 0, 3000, 3000), 150.0)
    xy = np.random.default_rng(2).uniform(500, 2500, (200, 2))
    found = kernel_density(xy, grid, bandwidth_m=100.0, edge="none").density
    fine = SurfaceGrid(0.0, 0.0, 10.0, 300, 300, np.ones((300, 300), bool))
    mean = direct(xy, fine, 100.0, "gaussian").reshape(20, 15, 20, 15).mean(axis=(1, 3))
    assert np.abs(found - mean).max() < 2e-3 * mean.max()


def test_a_kernel_wider_than_the_area_still_holds_all():
    found = kernel_density(places(20), SQUARE, bandwidth_m=20_000.0)
    assert found.density.sum() * SQUARE.cell_km2 == pytest.approx(20.0, rel=1e-9)
    assert found.density.max() < 1.01 * found.density[SQUARE.inside].min()


def test_no_incident_gives_an_empty_surface():
    found = kernel_density([], SQUARE, bandwidth_m=200.0)
    assert found.density.sum() == 0
    assert found.incidents == 0


def test_points_outside_are_counted_and_say_so():
    found = kernel_density([(3000.0, 3000.0), (0.0, 0.0)], SQUARE, bandwidth_m=200.0)
    assert (found.incidents, found.left_out) == (1, 1)
    assert found.per_month(12.0).sum() * SQUARE.cell_km2 == pytest.approx(1 / 12)


def test_scores_are_the_surface():
    xy = places(100)
    assert np.array_equal(kde_scores(300.0)(xy, SQUARE), kernel_density(xy, SQUARE, bandwidth_m=300.0).density)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"bandwidth_m": 0.0}, InputError, "rule_of_thumb"),
        ({"bandwidth_m": math.nan}, InputError, "more than 0 metres"),
        ({"bandwidth_m": 100.0, "kernel": "quartik"}, UnknownNameError, "Did you mean 'quartic'"),
        ({"bandwidth_m": 100.0, "edge": "digle"}, UnknownNameError, "Did you mean 'diggle'"),
        ({"bandwidth_m": 100.0, "weights": [-1.0]}, InputError, "0 or more"),
        ({"bandwidth_m": 100.0, "weights": [1.0, 1.0]}, InputError, "1 numbers"),
        ({"bandwidth_m": 100.0, "weights": [1e12]}, InputError, "larger units"),
    ],
)
def test_what_cannot_be_is_said(options, error, says):
    with pytest.raises(error, match=says):
        kernel_density([(3000.0, 3000.0)], SQUARE, **options)


def test_a_bandwidth_far_under_a_cell_of_a_large_grid_is_refused():
    grid = SurfaceGrid(0.0, 0.0, 100.0, 500, 500, np.ones((500, 500), bool))
    with pytest.raises(InputError, match="too narrow for so many cells"):
        kernel_density([(50.0, 50.0)], grid, bandwidth_m=10.0)


# --- bandwidths ----------------------------------------------------------------------------------------------------


def test_scott_by_hand():
    # Four corners of a rectangle 600 x 800: variances (n - 1) 120,000 and 213,333.3, mean 166,666.7; 4^(-1/6).
    xy = [(0, 0), (600, 0), (0, 800), (600, 800)]
    assert rule_of_thumb(xy, floor_m=0).metres == pytest.approx(math.sqrt(500_000 / 3) * 4 ** (-1 / 6))


def test_silverman_stands_off_an_outlier():
    rng = np.random.default_rng(1)
    xy = np.vstack([rng.normal(0, 1000, (500, 2)), [[60_000, 60_000]]])
    scott, robust = rule_of_thumb(xy).metres, rule_of_thumb(xy, "silverman").metres
    assert robust == pytest.approx(1000 * 501 ** (-1 / 6), rel=0.08)
    assert scott > 2 * robust


def plain_likelihood(xy: np.ndarray, h: float) -> float:
    """Leave each place out with all that is there, by a double loop."""
    total = 0.0
    for a in xy:
        others = [b for b in xy if tuple(a) != tuple(b)]
        f = sum(math.exp(-((a - b) ** 2).sum() / (2 * h * h)) for b in others) / (2 * math.pi * h * h * len(others))
        total += math.log(f)
    return total / len(xy)


def test_the_likelihood_is_that_of_a_double_loop():
    rng = np.random.default_rng(4)
    xy = np.round(rng.normal(0, 700, (60, 2)), -2)
    assert len(np.unique(xy, axis=0)) < 60
    found = cross_validated(xy, floor_m=0)
    for row in found.search.itertuples():
        assert row.log_likelihood == pytest.approx(plain_likelihood(xy, row.bandwidth_m), rel=1e-9)
    assert found.metres == found.search.loc[found.search["log_likelihood"].idxmax(), "bandwidth_m"]
    assert any("left out whole" in note for note in found.notes)


def test_the_likelihood_agrees_with_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    xy = np.random.default_rng(6).normal(0, 900, (80, 2))
    found = cross_validated(xy, floor_m=0, low_m=150.0)
    h = found.search["bandwidth_m"].iloc[3]
    total = 0.0
    for n in range(80):
        model = neighbors.KernelDensity(bandwidth=h).fit(np.delete(xy, n, axis=0))
        total += float(model.score_samples(xy[[n]])[0])
    assert found.search["log_likelihood"].iloc[3] == pytest.approx(total / 80, rel=1e-9)


def test_many_clusters_want_less_smoothing_than_the_rule_of_thumb():
    rng = np.random.default_rng(8)
    centres = rng.uniform(0, 20_000, (40, 2))
    xy = np.repeat(centres, 20, axis=0) + rng.normal(0, 200, (800, 2))
    assert cross_validated(xy).metres < 0.3 * rule_of_thumb(xy).metres


def test_a_sample_of_places_gives_nearly_the_same(monkeypatch):
    xy = np.random.default_rng(9).normal(0, 1500, (600, 2))
    whole = cross_validated(xy).metres
    monkeypatch.setattr("doorview.overlays.bandwidth._MOST_PAIRS", 600 * 200)
    part = cross_validated(xy)
    assert whole / 1.5 < part.metres < whole * 1.5
    assert any("200 of 600 places" in note for note in part.notes)
    assert cross_validated(xy[::-1]).metres == part.metres


def test_nothing_under_the_floor():
    xy = np.random.default_rng(0).normal(0, 30, (500, 2))
    for found in (rule_of_thumb(xy), cross_validated(xy)):
        assert found.metres == 100.0
    assert "widened to 100 m" in rule_of_thumb(xy).notes[0]


def test_a_quartic_must_be_as_wide_as_a_gaussian_to_be_published():
    check_publishable("gaussian", 100.0)
    check_publishable("quartic", 283.0)
    assert spread_m("quartic", math.sqrt(8.0) * 100) == pytest.approx(100.0)
    with pytest.raises(InputError, match="bandwidth_m=100 or more"):
        check_publishable("gaussian", 99.0)
    with pytest.raises(InputError, match="bandwidth_m=283 or more"):
        check_publishable("quartic", 150.0)


@pytest.mark.parametrize("xy", [[], [(1, 1)], [(1, 1)] * 5])
@pytest.mark.parametrize("rule", [rule_of_thumb, cross_validated])
def test_one_place_has_no_spread(rule, xy):
    with pytest.raises(InputError, match="counts alone"):
        rule(xy)


def test_a_wrong_rule_gets_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean 'scott'"):
        rule_of_thumb([(0, 0), (1, 1)], "scot")
    with pytest.raises(InputError, match="the search runs"):
        cross_validated([(0, 0), (1, 1)], low_m=100.0, high_m=50.0)
