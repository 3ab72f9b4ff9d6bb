"""Who owns a camera: exact chances against enumeration and scipy, scenarios, and drawn owners."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from doorview.errors import InputError
from doorview.ownership.expected import (
    ONE,
    at_least_exactly,
    at_least_independent,
    check_rate,
    door_probabilities,
    fixed_point,
)
from doorview.ownership.kernels.draws import at_least_of_sets
from doorview.ownership.scenario import DEFAULT_SCENARIOS, Scenario, draw_owners

UNIT = 1.0 / ONE
"""Chances are rounded to whole multiples of this."""


def keys(number: int) -> np.ndarray:
    return np.random.default_rng(7).integers(1, 2**63, number, dtype=np.uint64)


def enumerated(p: list[float], least: int) -> float:
    """Return the chance that at least `least` of the doors own a camera, over all 2^n ownerships."""
    total = 0.0
    for owned in itertools.product((0, 1), repeat=len(p)):
        if sum(owned) >= least:
            total += float(np.prod([q if has else 1 - q for q, has in zip(p, owned, strict=True)]))
    return total


# --- exact chances -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_equal_chances_are_those_of_the_binomial(rate):
    k = np.arange(40)
    found = at_least_independent(k, rate) * UNIT
    for least in (1, 2, 3):
        assert found[least - 1] == pytest.approx(stats.binom.sf(least - 1, k, rate), abs=2 * UNIT)
    assert found[0] == pytest.approx(1 - (1 - rate) ** k, abs=2 * UNIT)


@pytest.mark.parametrize("p", [[0.3], [0.2, 0.7], [0.1, 0.5, 0.9, 0.05], [1.0, 0.3, 0.0, 0.4, 0.2]])
def test_unequal_chances_are_those_of_enumeration(p):
    found = at_least_of_sets(np.array([0, len(p)]), np.arange(len(p)), np.array(p), 3)
    assert found[:, 0] == pytest.approx([enumerated(p, least) for least in (1, 2, 3)], abs=1e-14)


def test_both_ways_of_equal_chances_give_the_same_bits():
    sizes = np.array([0, 1, 2, 5, 17])
    start = np.concatenate([[0], np.cumsum(sizes)])
    p = np.full(int(start[-1]), 0.2)
    assert (fixed_point(at_least_of_sets(start, np.arange(len(p)), p, 3)) == at_least_independent(sizes, 0.2)).all()


@pytest.mark.parametrize(
    ("total", "n"), [(7, 3), (7, 0), (7, 7), (60, 12), (61, 12), (27_567, 5_513), (400_000, 80_000)]
)
def test_a_fixed_number_is_the_hypergeometric(total, n):
    k = np.array([size for size in (0, 1, 2, 3, 5, 7, 40, 200) if size <= total])
    found = at_least_exactly(k, np.zeros_like(k), n, total) * UNIT
    for least in (1, 2, 3):
        expected = stats.hypergeom.sf(least - 1, total, n, k)
        # scipy itself goes through logarithms of factorials, which lose digits in a large city.
        assert found[least - 1] == pytest.approx(expected, abs=1e-9 if total > 1000 else 2 * UNIT)


def test_a_fixed_number_in_a_large_city_is_exact_to_the_rounding():
    # 1 - C(N - k, n) / C(N, n) in whole numbers.
    from fractions import Fraction

    total, n = 27_567, 5_513
    for k in (1, 4, 30):
        none = Fraction(1)
        for drawn in range(k):
            none *= Fraction(total - n - drawn, total - drawn)
        found = at_least_exactly(np.array([k]), np.array([0]), n, total, 1)[0, 0] * UNIT
        assert found == pytest.approx(float(1 - none), abs=UNIT)


@pytest.mark.parametrize(("inside", "outside", "n", "total"), [(2, 1, 2, 5), (3, 2, 1, 4), (0, 3, 2, 4), (4, 0, 4, 4)])
def test_doors_beyond_the_edge_own_independently_at_the_same_rate(inside, outside, n, total):
    # All draws of n doors inside, times all ownerships of the doors outside, each with chance n / total.
    rate = n / total
    expected = np.zeros(3)
    draws = list(itertools.combinations(range(total), n))
    for drawn in draws:
        for owned in itertools.product((0, 1), repeat=outside):
            chance = float(np.prod([rate if has else 1 - rate for has in owned])) / len(draws)
            number = sum(door < inside for door in drawn) + sum(owned)
            expected += [chance * (number >= least) for least in (1, 2, 3)]
    found = at_least_exactly(np.array([inside]), np.array([outside]), n, total)[:, 0] * UNIT
    assert found == pytest.approx(expected, abs=2 * UNIT)


def test_more_cameras_than_doors_are_refused():
    with pytest.raises(InputError, match="5 cameras for 4 doors"):
        at_least_exactly(np.array([1]), np.array([0]), 5, 4)


# --- rules and rates -----------------------------------------------------------------------------------------------


def test_the_rules_for_shared_doors():
    dwellings = np.array([1, 2, 10])
    assert door_probabilities(dwellings, 0.2, "one").tolist() == [0.2, 0.2, 0.2]
    assert door_probabilities(dwellings, 0.2, "any") == pytest.approx([0.2, 0.36, 1 - 0.8**10])
    assert door_probabilities(dwellings, 0.2, "none").tolist() == [0.2, 0.0, 0.0]
    assert door_probabilities(dwellings, 1.0, "any").tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(InputError, match="one, any, none"):
        door_probabilities(dwellings, 0.2, "all")


@pytest.mark.parametrize("rate", [-0.01, 1.01, 5, float("nan"), float("inf"), "x", None])
def test_a_rate_is_a_part_of_one(rate):
    with pytest.raises(InputError, match=r"5 % is 0.05"):
        check_rate(rate)


# --- scenarios -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, "needs a rate"),
        ({"rate": 0.2, "number": 3}, "no number"),
        ({"rate": 1.5}, "outside"),
        ({"process": "clustered", "rate": 0.2}, "independent or exactly"),
        ({"process": "exactly"}, "whole number"),
        ({"process": "exactly", "number": -1}, "0 or more"),
        ({"process": "exactly", "number": 2.5}, "whole number"),
        ({"process": "exactly", "number": 2, "rate": 0.1}, "no rate"),
        ({"rate": 0.2, "shared_doors": "all"}, "one, any, none"),
    ],
)
def test_a_scenario_that_contradicts_itself_is_refused(given, what):
    with pytest.raises(InputError, match=what) as caught:
        Scenario("mine", **given)
    assert "mine" in str(caught.value) or "rate" in given


def test_the_defaults_are_5_20_and_40_percent():
    assert [(item.name, item.rate) for item in DEFAULT_SCENARIOS] == [
        ("independent_05", 0.05),
        ("independent_20", 0.2),
        ("independent_40", 0.4),
    ]


@pytest.mark.parametrize(
    ("rule", "expected"), [("one", [0.2, 0.2, 0.2]), ("any", [0.2, 0.4, 1.0]), ("none", [0.2, 0.0, 0.0])]
)
def test_owning_households_follow_the_rule_of_shared_doors(rule, expected):
    # By hand: 1, 2 and 5 homes behind a door at a rate of 0.2.
    dwellings, inside = np.array([1, 2, 5]), np.ones(3, bool)
    found = Scenario("a", rate=0.2, shared_doors=rule).owning_households(dwellings, inside)
    assert found == pytest.approx(expected)


def test_owning_households_of_a_number_add_up_to_it():
    found = Scenario("a", process="exactly", number=2).owning_households(np.array([1, 2, 5]), np.ones(3, bool))
    assert found.sum() == pytest.approx(2)


def test_words_say_what_a_scenario_is():
    assert Scenario("a", rate=0.05).words() == "5% of households own one, independently"
    assert Scenario("a", process="exactly", number=1500).words() == "exactly 1,500 doors own one, drawn by lot"


# --- drawn owners --------------------------------------------------------------------------------------------------


def bits(owners: np.ndarray) -> np.ndarray:
    """Return (doors, replicates) bool."""
    shift = np.arange(64, dtype=np.uint64)
    return ((owners[:, :, None] >> shift) & np.uint64(1)).astype(bool).reshape(len(owners), -1)


def test_exactly_n_doors_inside_own_one_in_every_replicate():
    inside = np.arange(50) < 40
    scenario = Scenario("a", process="exactly", number=12)
    drawn = bits(draw_owners(scenario, keys(50), np.ones(50, np.int64), inside, 3, 4))
    assert drawn.shape == (50, 256)
    assert (drawn[inside].sum(axis=0) == 12).all()
    # Doors beyond the edge own independently at 12 / 40: 10 doors, 256 replicates, standard deviation 0.9 %.
    assert drawn[~inside].mean() == pytest.approx(0.3, abs=0.04)


def test_owners_are_nested_across_rates_and_numbers():
    one = np.ones(80, np.int64)
    inside = np.ones(80, bool)
    by_rate = [bits(draw_owners(Scenario("a", rate=r), keys(80), one, inside, 3, 2)) for r in (0.05, 0.2, 0.4)]
    assert (by_rate[0] <= by_rate[1]).all()
    assert (by_rate[1] <= by_rate[2]).all()
    by_number = [
        bits(draw_owners(Scenario("a", process="exactly", number=n), keys(80), one, inside, 3, 2)) for n in (5, 20)
    ]
    assert (by_number[0] <= by_number[1]).all()


def test_owners_come_as_often_as_their_chance_says():
    dwellings = np.where(np.arange(400) % 2, 4, 1)
    drawn = bits(
        draw_owners(Scenario("a", rate=0.2, shared_doors="any"), keys(400), dwellings, np.ones(400, bool), 1, 8)
    )
    # 200 doors, 512 replicates: standard deviation 0.15 %.
    assert drawn[dwellings == 1].mean() == pytest.approx(0.2, abs=0.008)
    assert drawn[dwellings == 4].mean() == pytest.approx(1 - 0.8**4, abs=0.008)


def test_owners_hang_on_seed_and_door_alone():
    scenario, one = Scenario("a", rate=0.3), np.ones(30, np.int64)
    whole = draw_owners(scenario, keys(30), one, np.ones(30, bool), 5, 2)
    turned = draw_owners(scenario, keys(30)[::-1].copy(), one, np.ones(30, bool), 5, 2)
    assert (turned[::-1] == whole).all()
    assert (draw_owners(scenario, keys(30), one, np.ones(30, bool), 6, 2) != whole).any()


def test_certain_owners_always_own_and_none_never():
    one, inside = np.ones(9, np.int64), np.ones(9, bool)
    assert bits(draw_owners(Scenario("a", rate=1.0), keys(9), one, inside, 0, 1)).all()
    assert not bits(draw_owners(Scenario("a", rate=0.0), keys(9), one, inside, 0, 1)).any()


def test_a_number_above_the_doors_is_refused_with_what_would_do():
    with pytest.raises(InputError, match=r"hands out 10 cameras, but only 3 doors.*3 or less"):
        Scenario("a", process="exactly", number=10).probabilities(np.ones(5, np.int64), np.arange(5) < 3)
