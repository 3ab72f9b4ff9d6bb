"""Exact variances of shares against all ownerships, and against simulation on a town."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from doorview.errors import InputError
from doorview.ownership.scenario import Scenario, draw_owners
from doorview.share.rows import set_rows
from doorview.share.simulate import simulated_shares
from doorview.share.variance import share_variance, share_variance_exactly
from helpers.sets import all_owners, random_rows, shares_of
from helpers.town import covered, town

DOORS = 8


def variance_of(weighted) -> np.ndarray:
    """The variance of arrays that come with their chances."""
    found = list(weighted)
    mean = sum(chance * shares for shares, chance in found)
    return sum(chance * (shares - mean) ** 2 for shares, chance in found).ravel()


@pytest.mark.parametrize("seed", range(4))
def test_independent_owners_by_enumeration(seed):
    """Every ownership of eight doors; one door owns for certain, one never."""
    rows, sets, seen = random_rows(seed)
    p = np.random.default_rng(seed).uniform(0.05, 0.9, DOORS)
    p[0], p[4] = 0.0, 1.0
    table = share_variance(rows, p)
    wanted = variance_of((shares_of(rows, sets, seen, owners), c) for owners, c in all_owners(p.tolist()))
    assert table["share_variance"].to_numpy() == pytest.approx(wanted, rel=1e-9, abs=1e-15)
    assert table["share_sd"].to_numpy() == pytest.approx(np.sqrt(wanted), rel=1e-9, abs=1e-8)


@pytest.mark.parametrize("number", range(7))
def test_exactly_n_by_enumeration(number):
    """All ways to hand n cameras to six doors inside; two doors outside own one by themselves at the same rate."""
    rows, sets, seen = random_rows(number)
    inside = np.array([True, True, False, True, True, True, False, True])
    table = share_variance_exactly(rows, inside, number)
    rate = number / 6.0

    def ownerships():
        for given in itertools.combinations(np.flatnonzero(inside).tolist(), number):
            for outside in itertools.chain.from_iterable(itertools.combinations([2, 6], n) for n in range(3)):
                chance = rate ** len(outside) * (1.0 - rate) ** (2 - len(outside)) / math.comb(6, number)
                yield shares_of(rows, sets, seen, {*given, *outside}), chance

    wanted = variance_of(ownerships())
    assert table["share_variance"].to_numpy() == pytest.approx(wanted, rel=1e-9, abs=1e-14)


def test_all_doors_or_none_leave_no_variance():
    rows, _, _ = random_rows(5)
    for p in (0.0, 1.0):
        assert (share_variance(rows, np.full(DOORS, p))["share_variance"] == 0.0).all()
    for number in (0, DOORS):
        found = share_variance_exactly(rows, np.ones(DOORS, bool), number)["share_variance"]
        assert found.to_numpy() == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("scenario", [Scenario("r", rate=0.3), Scenario("n", process="exactly", number=3)])
def test_simulation_spreads_as_much(scenario):
    """4,096 replicates of the town by hand: the sample variance lies within 4.5 of its own standard errors."""
    run = covered(town())
    rows = set_rows(run.coverage, run.outputs)
    doors = run.doors
    if scenario.process == "exactly":
        table = share_variance_exactly(rows, doors.inside, 3)
    else:
        table = share_variance(rows, scenario.probabilities(doors.dwellings, doors.inside))
    shares = simulated_shares(rows, draw_owners(scenario, doors.key, doors.dwellings, doors.inside, 11, 64))
    drawn = shares.var(axis=2, ddof=1)
    off = (shares - shares.mean(axis=2, keepdims=True)) ** 2
    error = np.sqrt(off.var(axis=2) / shares.shape[2])
    assert (np.abs(drawn - table["share_variance"].to_numpy().reshape(drawn.shape)) <= 4.5 * error + 1e-15).all()
    assert (drawn > 0).any()


def test_what_cannot_be_is_refused():
    rows, _, _ = random_rows(0)
    with pytest.raises(InputError, match="outside"):
        share_variance(rows, np.full(DOORS, 1.2))
    with pytest.raises(InputError, match="one per door"):
        share_variance(rows, np.full(3, 0.2))
    with pytest.raises(InputError, match="9 cameras for 8 doors"):
        share_variance_exactly(rows, np.ones(DOORS, bool), 9)
