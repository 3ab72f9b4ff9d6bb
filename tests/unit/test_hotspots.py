"""Gi* and local Moran: against esda's own figures, enumeration, and random points."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
import shapely
from scipy.stats import binom, false_discovery_control

from doorview.errors import InputError, UnknownNameError
from doorview.overlays.hotspots import (
    count_scores,
    gi_star,
    gi_star_scores,
    local_moran,
    local_moran_scores,
    sum_chances,
)
from doorview.overlays.surface_grid import NIJ_CELL_M, SurfaceGrid, cell_counts, surface_grid

GRID = surface_grid(shapely.box(0, 0, 4500, 3750), 150.0)
GI_CELLS = functools.partial(gi_star, null="cells")
METHODS = pytest.mark.parametrize(
    "method", [gi_star, GI_CELLS, local_moran], ids=["gi_star", "gi_star_cells", "local_moran"]
)


def clustered(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.vstack([rng.uniform((0, 0), (4500, 3750), (400, 2)), rng.normal((1200, 2400), 150, (90, 2))])


def test_sum_chances_are_those_of_all_subsets():
    values = np.array([0, 0, 1, 0, 3, 1, 2, 0, 5])
    for draws in (1, 2, 4, 9):
        sums = np.array([sum(part) for part in itertools.combinations(values.tolist(), draws)])
        observed = np.arange(sums.max() + 1)
        at_least, at_most = sum_chances(values, draws, observed)
        assert at_least == pytest.approx([(sums >= t).mean() for t in observed], abs=1e-12)
        assert at_most == pytest.approx([(sums <= t).mean() for t in observed], abs=1e-12)


def test_z_is_the_hand_formula():
    found = gi_star(clustered(), GRID)
    y = found.counts.astype(float)
    n, mean = y.size, y.mean()
    spread = np.sqrt((y**2).mean() - mean**2)
    for row, column in [(0, 0), (0, 7), (12, 9), (16, 8)]:
        part = y[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        k = part.size
        z = (part.sum() - k * mean) / (spread * np.sqrt((n * k - k**2) / (n - 1)))
        assert found.statistic[row, column] == pytest.approx(z, rel=1e-9)


@pytest.mark.filterwarnings("ignore:The alternative hypothesis:DeprecationWarning")
def test_the_exact_chances_agree_with_esdas_permutations():
    esda = pytest.importorskip("esda")
    from libpysal.weights import lat2W

    found = local_moran(clustered(), GRID)
    theirs = esda.Moran_Local(
        found.counts.ravel(), lat2W(GRID.rows, GRID.columns, rook=False), permutations=4999, seed=1, n_jobs=1
    )
    assert found.statistic.ravel() == pytest.approx(theirs.Is, rel=1e-9)
    above = found.counts.ravel() > found.counts.mean()
    simulated = (theirs.sim[:, above] >= theirs.Is[above] - 1e-9).mean(axis=0)
    exact = found.chance_hot.ravel()[above]
    error = np.sqrt(exact * (1 - exact) / 4999)
    # esda draws the neighbours of all cells from the same permuted ids, so cells are no independent checks: 5 errors.
    assert (np.abs(simulated - exact) <= 5 * error + 1e-3).all()


@METHODS
def test_the_correction_is_benjamini_and_hochbergs(method):
    found = method(clustered(), GRID, rate=0.1)
    chance = found.chance_hot.ravel()
    if method is local_moran:
        chance = np.where(found.counts.ravel() > found.counts.mean(), chance, 1.0)
    assert np.array_equal(found.hot.ravel(), false_discovery_control(chance) < 0.1)


@METHODS
def test_a_planted_cluster_is_found_and_is_all_that_is_found(method):
    found = method(clustered(), GRID)
    assert found.hot.sum() >= 4
    x, y = GRID.centres()
    rows, columns = np.nonzero(found.hot)
    assert np.hypot(x[columns] - 1200, y[rows] - 2400).max() < 750
    assert not found.cold.any()


def hot_draws(method, draws: int, grid: SurfaceGrid, count: int) -> int:
    """Return how many of so many random patterns have any hot cell."""
    low, high = (grid.x0, grid.y0), (grid.x0 + grid.columns * grid.cell_m, grid.y0 + grid.rows * grid.cell_m)
    return sum(
        bool(method(np.random.default_rng(seed).uniform(low, high, (count, 2)), grid).hot.any())
        for seed in range(draws)
    )


@METHODS
def test_random_points_give_no_hot_spots_beyond_the_stated_rate(method):
    # 40 draws at 5 %: more than 6 has a chance of less than 0.5 %; 200 draws and more sizes below.
    assert hot_draws(method, 40, GRID, 500) <= binom.ppf(0.995, 40, 0.05)


@pytest.mark.long
@METHODS
@pytest.mark.parametrize("count", [100, 500, 3000])
@pytest.mark.parametrize("cell_m", NIJ_CELL_M)
def test_random_points_give_no_hot_spots_at_any_size(method, count, cell_m):
    grid = surface_grid(shapely.box(0, 0, 4500, 3750), cell_m)
    assert hot_draws(method, 200, grid, count) <= binom.ppf(0.995, 200, 0.05)


@METHODS
def test_cells_that_do_not_count_do_nothing(method):
    lake = surface_grid(shapely.box(0, 0, 4500, 3750).difference(shapely.box(3000, 0, 4500, 3750)), 150.0)
    half = surface_grid(shapely.box(0, 0, 3000, 3750), 150.0)
    beside, alone = method(clustered(), lake), method(clustered(), half)
    assert np.array_equal(beside.hot[:, :20], alone.hot)
    assert np.array_equal(beside.chance_hot[:, :20], alone.chance_hot)
    assert np.isnan(beside.statistic[:, 20:]).all() if lake.columns > 20 else True
    assert beside.left_out == alone.left_out > 0


@METHODS
@pytest.mark.parametrize("xy", [[], [(100.0, 100.0)], [(100.0, 100.0)] * 3])
def test_few_incidents_are_no_hot_spot_or_one_place(method, xy):
    found = method(xy, GRID)
    assert found.incidents == len(xy)
    assert not found.cold.any()
    if len(xy) <= 1:
        assert not found.hot.any()


@METHODS
def test_islands_and_single_cells_do_no_harm(method):
    apart = shapely.MultiPolygon([shapely.box(0, 0, 150, 150), shapely.box(600, 0, 750, 150)])
    found = method([(75.0, 75.0)] * 9, surface_grid(apart, 150.0))
    assert found.counts.sum() == 9
    # All nine in one of two cells: a chance of 2^-9, were they put there one by one.
    assert found.hot.sum() == (method is gi_star)
    assert not method([(75.0, 75.0)], surface_grid(shapely.box(0, 0, 150, 150), 150.0)).hot.any()


def test_scores_are_counts_and_z():
    xy = clustered()
    assert np.array_equal(count_scores(xy, GRID), cell_counts(xy, GRID))
    assert np.array_equal(gi_star_scores()(xy, GRID), gi_star(xy, GRID).statistic)
    assert (gi_star_scores()(np.empty((0, 2)), GRID) == 0).all()


def test_one_place_of_many_reports_is_hot_among_incidents_not_among_cells():
    xy = np.vstack([clustered(3)[:400], np.full((21, 2), 3000.0)])
    row, column = GRID.cell_of([(3000.0, 3000.0)])
    assert gi_star(xy, GRID).hot[row[0], column[0]]
    assert not GI_CELLS(xy, GRID).hot.any()


def test_chances_among_incidents_are_those_of_random_points():
    rng = np.random.default_rng(5)
    grid = surface_grid(shapely.box(0, 0, 600, 450), 150.0)
    xy = np.array([(75.0, 75.0)] * 4 + [(500.0, 400.0)] * 3)
    found = gi_star(xy, grid)
    draws = rng.uniform((0, 0), (600, 450), (20_000, 7, 2))
    near = (draws[..., 0] < 300) & (draws[..., 1] < 300)
    # The corner's neighbourhood is four of twelve cells.
    assert found.chance_hot[0, 0] == pytest.approx((near.sum(axis=1) >= 4).mean(), abs=0.01)
    assert found.chance_cold[0, 0] == pytest.approx((near.sum(axis=1) <= 4).mean(), abs=0.01)


def test_a_rate_outside_0_to_1_is_refused():
    with pytest.raises(InputError, match=r"rate=0\.05"):
        gi_star([(1, 1)], GRID, rate=5)
    with pytest.raises(UnknownNameError, match="Did you mean 'cells'"):
        gi_star([(1, 1)], GRID, null="cell")


def test_scores_of_local_moran_are_i_where_many_lie_among_many():
    grid = surface_grid(shapely.box(0, 0, 1000, 1000), 100.0)
    xy = np.array([(x, y) for x in (350.0, 450.0) for y in (550.0, 650.0) for _ in range(5)] + [(950.0, 50.0)] * 9)
    scores = local_moran_scores()(xy, grid)
    found = local_moran(xy, grid)
    block = np.zeros(scores.shape, bool)
    block[5:7, 3:5] = True
    assert (scores > 0).tolist() == block.tolist(), "nine reports alone in a corner are not many among many"
    assert scores[block] == pytest.approx(found.statistic[block])
