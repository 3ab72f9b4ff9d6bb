"""Processes, programmes and the stages from in view to shared: by hand, by drawing, and all faults at once."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from doorview.errors import InputError, StudyError
from doorview.ownership import processes
from doorview.ownership.expected import ONE, door_probabilities
from doorview.ownership.field import strength_of_field
from doorview.ownership.layers import BetaBinomial, Exactly, Field, Independent
from doorview.ownership.processes import Drawing
from doorview.ownership.programmes import Programme, affordable
from doorview.ownership.sharing import STAGES, keep_chances, kept_after, stages_of
from doorview.ownership.union import Owners


def keys(number: int) -> np.ndarray:
    return np.random.default_rng(7).integers(1, 2**63, number, dtype=np.uint64)


def bits(owners: np.ndarray) -> np.ndarray:
    """Return (doors, replicates) bool."""
    shift = np.arange(64, dtype=np.uint64)
    return ((owners[:, :, None] >> shift) & np.uint64(1)).astype(bool).reshape(len(owners), -1)


# --- today ---------------------------------------------------------------------------------------------------------


def test_every_process_has_its_source_and_mark() -> None:
    for name in processes.SOURCES:
        assert any(mark in processes.SOURCES[name] for mark in ("[C]", "[D]", "[NF]"))
    named = {"independent", "exactly", "by_street", "by_distance", "rates_by_odds", "rates_by_weight", "raffle"}
    assert named | {"by_area", "first_areas", "means_tested", "matching"} == set(processes.SOURCES)


def test_exactly_n_inside() -> None:
    inside = np.arange(20) < 16
    owners = processes.exactly(4, inside)
    assert owners.marginal() == pytest.approx(np.full(20, 0.25))
    assert (bits(owners.draw(keys(20), 1, 2))[inside].sum(axis=0) == 4).all()
    with pytest.raises(InputError, match="17 cameras, but only 16"):
        processes.exactly(17, inside)


def test_clusters_by_street_in_plain_units() -> None:
    owners = processes.by_street(np.full(4, 0.2), np.array([5, 5, 9, 9]), strength=1.5)
    found = owners.at_least(np.array([0, 2, 4]), np.array([0, 1, 0, 2]), 2)
    assert found is not None
    # Beside an owner on the same street 1.5 times as likely; elsewhere as likely as ever.
    assert found[1] / ONE == pytest.approx([0.2 * 0.3, 0.2 * 0.2], abs=1e-11)
    layer = processes.by_street(0.2, np.array([5, 5]), correlation=0.1).layers[0]
    assert isinstance(layer, BetaBinomial)
    assert layer.correlation == 0.1


def test_clusters_by_distance_in_plain_units() -> None:
    xy = np.column_stack([20.0 * np.arange(30), np.zeros(30)])
    layer = processes.by_distance(0.2, xy, 150.0, strength=1.8).layers[0]
    assert isinstance(layer, Field)
    assert strength_of_field(layer.correlation, 0.2, 20.0, 150.0) == pytest.approx(1.8)
    drawn = bits(processes.by_distance(0.2, xy, 150.0, strength=1.8).draw(keys(30), 0, 64))
    both = (drawn[:-1] & drawn[1:]).mean()
    assert drawn.mean() == pytest.approx(0.2, abs=0.01)
    assert both / drawn.mean() ** 2 == pytest.approx(1.8, abs=0.1)


@pytest.mark.parametrize("given", [{}, {"strength": 1.2, "correlation": 0.1}])
def test_strength_or_correlation(given) -> None:
    with pytest.raises(InputError, match="one of the two"):
        processes.by_street(0.2, np.array([1, 1]), **given)
    with pytest.raises(InputError, match="one of the two"):
        processes.by_distance(0.2, np.zeros((2, 2)), 200.0, **given)


@pytest.mark.parametrize("distance", [20.0, 5000.0, float("nan"), -1.0])
def test_a_distance_out_of_what_studies_say(distance) -> None:
    with pytest.raises(InputError):
        processes.by_distance(0.2, np.zeros((2, 2)), distance, correlation=0.1)


# --- rates that follow an attribute --------------------------------------------------------------------------------

INCOME = np.array([30.0, 30.0, 45.0, 60.0, 90.0, 90.0])
HOMES = np.array([1, 4, 2, 1, 1, 3])


@pytest.mark.parametrize(("rate", "ratio"), [(0.2, 1.6), (0.05, 0.5), (0.9, 3.0), (0.2, 1.0)])
def test_odds_rise_by_their_ratio_per_standard_deviation(rate: float, ratio: float) -> None:
    rates = processes.rates_by_odds(INCOME, HOMES, rate, ratio)
    assert HOMES @ rates / HOMES.sum() == pytest.approx(rate, abs=1e-12)
    every = np.repeat(INCOME, HOMES)
    odds = rates / (1 - rates)
    expected = ratio ** ((90.0 - 30.0) / every.std())
    assert odds[4] / odds[0] == pytest.approx(expected)


def test_without_an_influence_all_rates_are_the_mean() -> None:
    assert processes.rates_by_odds(np.ones(4), np.ones(4, int), 0.3, 2.0) == pytest.approx(np.full(4, 0.3))
    for rate in (0.0, 1.0):
        assert processes.rates_by_odds(INCOME, HOMES, rate, 2.0).tolist() == [rate] * 6


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.4, 0.65, 1.0])
def test_rates_in_proportion_to_a_weight(rate: float) -> None:
    weight = np.array([1.0, 2.0, 3.0, 10.0, 0.5, 4.0])
    rates = processes.rates_by_weight(weight, HOMES, rate)
    assert HOMES @ rates / HOMES.sum() == pytest.approx(rate, abs=1e-12)
    free = rates < 1.0 - 1e-12
    scale = rates[free] / weight[free]
    assert scale == pytest.approx(np.full(free.sum(), scale[0] if free.any() else 0.0))
    # What is cut at 1 would be above it.
    assert (weight[~free] * (scale[0] if free.any() else 1.0) >= 1.0 - 1e-9).all() or not free.any()


def test_weights_may_be_too_few() -> None:
    weight = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert processes.rates_by_weight(weight, HOMES, 1 / 12).tolist() == [1.0, 0, 0, 0, 0, 0]
    with pytest.raises(InputError, match="weight above 0"):
        processes.rates_by_weight(weight, HOMES, 0.2)


def test_faults_of_an_attribute_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        processes.rates_by_odds(np.where(INCOME > 80, np.nan, INCOME), HOMES, 1.2, -1.0)
    assert len(caught.value.faults) == 3
    assert "gaps at 2 of 6 doors" in str(caught.value)
    with pytest.raises(InputError, match="below 0"):
        processes.rates_by_weight(-INCOME, HOMES, 0.0)
    with pytest.raises(InputError, match="5 values for 6"):
        processes.rates_by_odds(INCOME[:5], HOMES, 0.2, 1.0)


def test_rates_of_zones_follow_the_rule_for_shared_doors() -> None:
    rates = np.array([0.1, 0.2, 0.3])
    homes = np.array([1, 2, 3])
    assert door_probabilities(homes, rates, "any") == pytest.approx([0.1, 0.36, 1 - 0.7**3])
    assert door_probabilities(homes, rates, "one").tolist() == [0.1, 0.2, 0.3]
    assert door_probabilities(homes, rates, "none").tolist() == [0.1, 0.0, 0.0]
    with pytest.raises(InputError, match="1 of 3 doors"):
        door_probabilities(homes, np.array([0.1, 2.0, 0.3]))


# --- given away ----------------------------------------------------------------------------------------------------


def test_cameras_for_an_area() -> None:
    zips = np.array(["33801", "33803", "33801", "33805"])
    drawing = processes.by_area(1, zips, ["33801", "33805"])
    assert (drawing.stratum.tolist(), drawing.numbers.tolist()) == ([0, -1, 0, 0], [1])
    with pytest.raises(InputError, match="99999"):
        processes.by_area(1, zips, ["33801", "99999"])


@pytest.mark.parametrize(
    ("number", "expected"), [(0, [0, 0, 0]), (1, [1, 0, 0]), (2, [2, 0, 0]), (4, [2, 2, 0]), (6, [2, 3, 1])]
)
def test_hot_spots_first(number: int, expected: list[int]) -> None:
    rank = np.array([4, 0, 1, 1, 0, -1, 1])
    drawing = processes.first_areas(number, rank)
    assert drawing.stratum.tolist() == [2, 0, 1, 1, 0, -1, 1]
    assert drawing.numbers.tolist() == expected
    Exactly(*drawing)
    with pytest.raises(InputError, match="7 cameras, but only 6"):
        processes.first_areas(7, rank)


def test_means_tested() -> None:
    drawing = processes.means_tested(2, INCOME, 45.0)
    assert drawing.stratum.tolist() == [0, 0, 0, -1, -1, -1]
    narrow = processes.means_tested(2, INCOME, 45.0, np.array([True, False, True, True, False, False]))
    assert narrow.stratum.tolist() == [0, -1, 0, -1, -1, -1]
    with pytest.raises(StudyError) as caught:
        processes.means_tested(-2, np.where(INCOME > 80, np.nan, INCOME), 45.0)
    assert len(caught.value.faults) == 2


def test_a_raffle_among_app_users() -> None:
    key = keys(2000)
    few, more = (processes.raffle(10, key, share, seed=3) for share in (0.1, 0.4))
    assert ((few.stratum == 0) <= (more.stratum == 0)).all()
    assert (more.stratum == 0).mean() == pytest.approx(0.4, abs=0.04)
    order = np.random.default_rng(0).permutation(2000)
    assert np.array_equal(processes.raffle(10, key[order], 0.4, seed=3).stratum, more.stratum[order])
    assert (processes.raffle(10, key, 0.4, seed=4).stratum != more.stratum).any()
    # One per neighbourhood, as in Gwinnett County.
    area = np.arange(2000) % 5 - 1
    each = Exactly(*processes.raffle([1] * 4, key, 0.4, area=area, seed=3))
    drawn = bits(each.draw(key, 0, 1))
    for n in range(4):
        assert (drawn[area == n].sum(axis=0) == 1).all()
    assert not drawn[area == -1].any()
    assert not drawn[more.stratum < 0].any()


def test_a_shared_door_uses_the_app_by_the_rule() -> None:
    key, homes = keys(4000), np.full(4000, 3)
    found = processes.raffle(1, key, 0.2, dwellings=homes, shared_doors="any")
    assert (found.stratum == 0).mean() == pytest.approx(1 - 0.8**3, abs=0.03)


def test_faults_of_a_raffle_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        processes.raffle(1.5, keys(5), 1.2, seed="x")
    assert len(caught.value.faults) == 3


# --- programmes ----------------------------------------------------------------------------------------------------


def akron(**terms: float) -> Programme:
    # 460 doorbells for 6,792 eligible households; footage must be given on request; 45,990 dollars.
    stratum = np.where(np.arange(10_000) < 6792, 0, -1)
    return Programme("akron", Drawing(stratum, np.array([460])), strings=1.0, fixed_cost=45_990.0, **terms)


def test_what_a_programme_adds_by_hand() -> None:
    today = processes.independent(np.full(10_000, 0.2))
    plain = akron().effect(today)
    assert plain.cameras_added == pytest.approx(460 * 0.8)
    assert plain.to_owners == pytest.approx(92)
    assert plain.cameras_with_strings == pytest.approx(460)
    assert plain.cost_per_camera_added == pytest.approx(45_990 / 368)
    terms = akron(take_up=0.5, bought_anyway=0.25, response=0.1, city_cost=10.0, household_cost=5.0).effect(today)
    assert terms.taken_up == pytest.approx(230)
    assert terms.cameras_added == pytest.approx(230 * 0.75 * 0.8)
    assert terms.answering_requests == pytest.approx(23)
    assert terms.cost == pytest.approx(45_990 + 2300)
    assert terms.cost_households == pytest.approx(1150)
    none = akron(bought_anyway=1.0).effect(today)
    assert none.cameras_added == 0.0
    assert math.isnan(none.cost_per_camera_added)


def test_zones_of_a_programme_add_up() -> None:
    today = processes.independent(np.linspace(0.0, 0.9, 10_000))
    programme = akron(take_up=0.7, city_cost=3.0)
    zone = np.arange(10_000) % 3
    whole = programme.effect(today)
    parts = [programme.effect(today, zone == n) for n in range(3)]
    for name in ("offered", "taken_up", "to_owners", "cameras_added", "cameras_with_strings", "cost"):
        assert sum(getattr(part, name) for part in parts) == pytest.approx(getattr(whole, name))


def test_cameras_added_are_those_of_drawn_owners() -> None:
    stratum = np.where(np.arange(60) < 40, 0, -1)
    programme = Programme("a", Drawing(stratum, np.array([12])), take_up=0.8, bought_anyway=0.25)
    today = Owners((BetaBinomial(np.full(60, 0.25), np.arange(60) // 7, 0.2),))
    both = today.joined_by(programme.added())
    before, after = bits(today.draw(keys(60), 2, 32)), bits(both.draw(keys(60), 2, 32))
    assert (before <= after).all()
    more = (after & ~before).sum(axis=0)
    expected = programme.effect(today).cameras_added
    assert abs(more.mean() - expected) < 4 * more.std() / math.sqrt(len(more))
    assert both.expected_number() == pytest.approx(today.expected_number() + expected)


def test_a_matching_subsidy_buys_what_the_money_says() -> None:
    assert affordable(25_000, 50) == 500  # Arcadia
    assert affordable(0.3, 0.1) == 3
    assert affordable(99, 50) == 1
    assert affordable(25_000, 50, Drawing(np.array([0, 0, -1]), np.array([1]))) == 2
    with pytest.raises(StudyError):
        affordable(-1, 0)


def test_all_faults_of_a_programme_are_told_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        Programme("a", Drawing(np.array([0, 0]), np.array([3])), take_up=1.2, strings=-1.0, city_cost=float("nan"))
    assert len(caught.value.faults) == 4
    assert "programme 'a'" in str(caught.value)


# --- taken away, and from in view to shared ------------------------------------------------------------------------


def test_the_four_shares_are_successive_thinnings() -> None:
    chances = keep_chances(0.8, {7.0: 0.25, 30.0: 0.5, 180.0: 0.25}, 20.0, 0.1)
    assert tuple(chances) == STAGES
    assert list(chances.values()) == pytest.approx([1.0, 0.8, 0.8 * 0.75, 0.8 * 0.75 * 0.1])
    assert list(keep_chances().values()) == [1.0] * 4
    stages = stages_of(Owners((Independent(np.full(50, 0.4)),)), chances)
    drawn = [bits(stages[name].draw(keys(50), 1, 8)) for name in STAGES]
    for before, after in itertools.pairwise(drawn):
        assert (after <= before).all()
    # A spot that three doors see: 1 - (1 - p keep)^3.
    for name in STAGES:
        found = stages[name].at_least(np.array([0, 3]), np.arange(3), 1)
        assert found is not None
        assert found[0, 0] / ONE == pytest.approx(1 - (1 - 0.4 * chances[name]) ** 3, abs=1e-11)


def test_a_clip_is_kept_until_its_days_are_over() -> None:
    assert kept_after(30, 30) == 1.0
    assert kept_after(30, 31) == 0.0
    with pytest.raises(InputError, match=r"add up to 0\.9"):
        kept_after({7.0: 0.4, 30.0: 0.5}, 1)
    with pytest.raises(StudyError) as caught:
        kept_after({-7.0: 0.5, 30.0: 1.5}, -1)
    assert len(caught.value.faults) == 3
    with pytest.raises(StudyError):
        keep_chances(active=1.5, agrees=-0.1)
