"""Ratios of surfaces: against direct sums; even changes are no change; planted ones are found; rates of chance hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from scipy.stats import binom

from doorview.errors import InputError
from doorview.overlays.ratio import dual_kde, window_ratio
from doorview.overlays.surface_grid import surface_grid

GRID = surface_grid(shapely.box(0, 0, 4000, 3000), 100.0)


def even(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform((0, 0), (4000, 3000), (count, 2))


def gaussians(at: tuple[float, float], xy: np.ndarray, h: float) -> float:
    return float(np.exp(-((xy - at) ** 2).sum(axis=1) / (2 * h * h)).sum())


def test_the_ratio_is_that_of_two_sums_of_kernels():
    first, second = even(300, 0), even(500, 1)
    found = window_ratio(first, second, GRID, bandwidth_m=400.0, months=(12.0, 4.0), replicates=19)
    x, y = GRID.centres()
    for row, column in [(0, 0), (15, 20), (29, 3)]:
        at = (x[column], y[row])
        expected = gaussians(at, second, 400.0) / gaussians(at, first, 400.0) * 3.0
        assert found.ratio[row, column] == pytest.approx(expected, rel=0.01)
    assert found.of_all == pytest.approx(5.0)
    assert found.relative * 5.0 == pytest.approx(found.ratio)


def test_twice_as_many_everywhere_is_no_change_of_place():
    first = even(200, 2)
    found = window_ratio(first, np.vstack([first, first]), GRID, bandwidth_m=300.0, months=(6, 6), replicates=39)
    known = np.isfinite(found.ratio)
    assert found.ratio[known] == pytest.approx(2.0)
    assert found.overall > 0.9


def test_a_new_cluster_stands_out_where_it_is_and_overall():
    rng = np.random.default_rng(3)
    later = np.vstack([even(200, 4), rng.normal((1000, 1000), 100, (40, 2))])
    found = window_ratio(even(250, 5), later, GRID, bandwidth_m=300.0, months=(6, 6))
    x, y = GRID.centres()
    row, column = np.unravel_index(np.nanargmax(found.ratio), found.ratio.shape)
    assert math.hypot(x[column] - 1000, y[row] - 1000) < 300
    assert found.overall <= 0.02
    assert found.chance_high[row, column] == 1 / 200
    assert found.relative[row, column] > found.high[row, column]


def test_what_is_new_has_a_finite_ratio_and_what_is_thin_none():
    near, far = np.full((30, 2), 1000.0), np.full((30, 2), (3500.0, 2500.0))
    found = window_ratio(np.vstack([near, near]), np.vstack([near, far]), GRID, bandwidth_m=200.0, months=(6, 6))
    cell = found.ratio[25, 35]
    # One incident in the kernel is taken to have been there before; the kernel holds 4 pi h^2 f = 2 n at a place.
    assert cell == pytest.approx(60.0, rel=0.15)
    assert np.isnan(found.ratio[29, 0])
    assert np.isnan(found.chance_high[29, 0])


def test_neither_order_nor_anything_but_seed_changes_the_draws():
    first, second = even(150, 6), even(120, 7)
    one = window_ratio(first, second, GRID, bandwidth_m=500.0, months=(6, 6), replicates=19)
    two = window_ratio(first[::-1], second[::-1], GRID, bandwidth_m=500.0, months=(6, 6), replicates=19)
    other = window_ratio(first, second, GRID, bandwidth_m=500.0, months=(6, 6), replicates=19, seed=1)
    assert np.array_equal(one.chance_high, two.chance_high, equal_nan=True)
    assert np.array_equal(one.high, two.high, equal_nan=True)
    assert not np.array_equal(one.high, other.high, equal_nan=True)


def homes() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    dense = rng.normal((1200, 1500), 300, (900, 2))
    xy = np.vstack([dense, even(400, 9)])
    return xy, np.where(np.arange(len(xy)) % 50 == 0, 20, 1)


def test_thefts_in_step_with_homes_are_no_hot_spot():
    xy, dwellings = homes()
    rng = np.random.default_rng(10)
    thefts = xy[rng.choice(len(xy), 300, p=dwellings / dwellings.sum())]
    found = dual_kde(thefts, xy, GRID, bandwidth_m=400.0, dwellings=dwellings)
    assert found.overall > 0.05
    assert found.of_all == pytest.approx(found.numerator / found.denominator)
    x, y = GRID.centres()
    at = (x[12], y[15])
    expected = gaussians(at, thefts[GRID.counted(thefts)], 400.0)
    expected /= (
        np.exp(-((xy - at) ** 2).sum(axis=1) / (2 * 400.0**2)) * np.where(GRID.counted(xy), dwellings, 0)
    ).sum()
    assert found.ratio[15, 12] == pytest.approx(expected, rel=0.01)


def test_thefts_that_favour_a_quarter_stand_out_though_there_are_few():
    xy, dwellings = homes()
    rng = np.random.default_rng(11)
    weight = dwellings * np.where(xy[:, 0] > 3000, 8.0, 1.0)
    thefts = xy[rng.choice(len(xy), 300, p=weight / weight.sum())]
    found = dual_kde(thefts, xy, GRID, bandwidth_m=400.0, dwellings=dwellings)
    assert found.overall <= 0.01
    x, _ = GRID.centres()
    east = found.relative[:, x > 3200]
    west = found.relative[:, x < 2500]
    assert np.nanmean(east) > 3 * np.nanmean(west)


def overall_rejections(draws: int) -> int:
    xy, dwellings = homes()
    grid = surface_grid(shapely.box(0, 0, 4000, 3000), 250.0)
    hits = 0
    for seed in range(draws):
        rng = np.random.default_rng(1000 + seed)
        thefts = xy[rng.choice(len(xy), 150, p=dwellings / dwellings.sum())]
        found = dual_kde(thefts, xy, grid, bandwidth_m=500.0, dwellings=dwellings, replicates=39, seed=seed)
        hits += found.overall <= 0.05
    return hits


def test_chance_alone_is_named_so_at_the_stated_rate():
    assert overall_rejections(40) <= binom.ppf(0.995, 40, 0.05)


@pytest.mark.long
def test_chance_alone_is_named_so_at_the_stated_rate_in_200_draws():
    hits = overall_rejections(200)
    assert binom.ppf(0.005, 200, 0.05) <= hits <= binom.ppf(0.995, 200, 0.05)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: window_ratio([], even(5, 0), GRID, bandwidth_m=300.0, months=(6, 6)), "earlier window"),
        (lambda: window_ratio(even(5, 0), [(-1, -1)], GRID, bandwidth_m=300.0, months=(6, 6)), "later window"),
        (lambda: window_ratio(even(5, 0), even(5, 1), GRID, bandwidth_m=300.0, months=(6, 0)), "longer than 0"),
        (lambda: dual_kde(even(5, 0), [], GRID, bandwidth_m=300.0), "needs both"),
        (lambda: dual_kde(even(5, 0), even(5, 1), GRID, bandwidth_m=300.0, dwellings=[0] * 5), "needs both"),
        (lambda: dual_kde(even(5, 0), even(5, 1), GRID, bandwidth_m=300.0, dwellings=[1]), "one for each home"),
        (lambda: dual_kde(even(5, 0), even(5, 1), GRID, bandwidth_m=300.0, replicates=3), "fewer than 19"),
        (lambda: dual_kde(even(9, 0), even(900, 1), GRID, bandwidth_m=900.0, replicates=10**6), "larger cells"),
    ],
)
def test_what_cannot_be_is_said(call, says):
    with pytest.raises(InputError, match=says):
        call()


def test_no_cell_with_enough_behind_it_says_nothing():
    found = dual_kde(even(5, 0), even(5, 1), GRID, bandwidth_m=100.0, least=1e6)
    assert np.isnan(found.ratio).all()
    assert found.overall == 1.0
