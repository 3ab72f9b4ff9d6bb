"""Kernels of surfaces: binning and reading, likelihood, walks; run interpreted for honest coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from doorview.overlays.kernels.binning import ONE, bin_linear, log_likelihoods, read_linear
from doorview.overlays.kernels.walks import spread_along


def test_a_weight_is_shared_by_opposite_areas_and_kept_to_the_last_unit():
    out = np.zeros((4, 5), np.int64)
    bin_linear(np.array([2.25]), np.array([1.5]), np.array([ONE], np.int64), out)
    assert out[1:3, 2:4] / ONE == pytest.approx(np.array([[0.375, 0.125], [0.375, 0.125]]))
    rng = np.random.default_rng(0)
    weight = rng.integers(0, ONE, 50)
    out[:] = 0
    bin_linear(rng.uniform(0, 3.999, 50), rng.uniform(0, 2.999, 50), weight, out)
    assert out.sum() == weight.sum()
    assert (out >= 0).all()


def test_reading_is_the_transpose_of_binning():
    rng = np.random.default_rng(1)
    u, v, values = rng.uniform(0, 3.999, 20), rng.uniform(0, 2.999, 20), rng.normal(size=(4, 5))
    read = read_linear(u, v, values)
    for n in range(20):
        out = np.zeros((4, 5), np.int64)
        bin_linear(u[n : n + 1], v[n : n + 1], np.array([ONE], np.int64), out)
        assert read[n] == pytest.approx((out / ONE * values).sum(), abs=1e-9)


def test_the_likelihood_of_two_places_is_the_normal_density():
    xy = np.array([[0.0, 0.0], [300.0, 400.0]])
    found = log_likelihoods(xy, np.array([1.0, 3.0]), np.array([0, 1]), np.array([250.0, 1.0]))
    one = -0.5 * (500 / 250) ** 2 - math.log(2 * math.pi * 250**2)
    assert found[0] == pytest.approx(4 * one)
    # Out of reach: the smallest density there is.
    assert found[1] == pytest.approx(4 * math.log(1e-300))


@pytest.mark.parametrize("continuous", [False, True])
def test_a_walk_around_a_corner_and_back_from_a_dead_end_keeps_its_mass(continuous):
    # Node 0 - edge 0 - node 1, from which edges 1 and 2 lead to nodes 2 and 3.
    head = np.array([1, 0, 2, 1, 3, 1])
    start, halves = np.array([0, 1, 4, 5, 6]), np.array([0, 1, 2, 4, 3, 5])
    length, first = np.array([50.0, 30.0, 200.0]), np.array([0, 5, 8, 28])
    edge, at = np.array([0]), np.array([20.0])
    arguments = (start, halves, head, length, first, edge, at, np.array([2.0]), 100.0, continuous, 1e-9)
    mass, steps = spread_along(*arguments, 1000)
    assert mass.sum() == pytest.approx(2.0, abs=1e-12)
    assert 4 < steps <= 1000
    assert spread_along(*arguments, 3)[1] == 4
    early, _ = spread_along(*arguments[:-1], 0.4, 1000)
    assert early.sum() == pytest.approx(2.0, abs=1e-12)
    beyond = 0.5 - 15 / 16 * (0.3 - 2 * 0.3**3 / 3 + 0.3**5 / 5)
    back = 0.5 - 15 / 16 * (0.7 - 2 * 0.7**3 / 3 + 0.7**5 / 5)
    # What arrives at the corner, and what comes back there from the dead end behind.
    if not continuous:
        later = 0.5 - 15 / 16 * (0.9 - 2 * 0.9**3 / 3 + 0.9**5 / 5)
        assert mass[8:].sum() == pytest.approx(2 * (beyond / 2 + back / 2 + later / 4), abs=1e-12)
