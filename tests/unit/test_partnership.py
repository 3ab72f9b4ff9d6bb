"""The partnership over time, held against closed forms, plain loops and money counted by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.integrate import solve_ivp

from doorview.errors import InputError, UnknownNameError
from doorview.study.bass import AVERAGE, PARKS, Bass, adopting, bass_through
from doorview.study.partnership import _Draws, partnership_path, simulated_paths
from doorview.study.partnership_presets import cents, preset, presets
from doorview.study.partnership_section import PartnershipSection
from doorview.study.partnership_table import door_chances, partnership_table, share_at_of
from doorview.study.partnership_terms import Outreach, Terms, Town

QUIET = Outreach(0.0, 0.0)
CALM = Bass(0.0, 0.0, 1.0)
TOWN = Town(2000, 2500, 0.04)
LAKELAND = Terms(supply=((3, 15),), credit_cents=1000, price_cents=13000)


# --- Bass ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "q"), [AVERAGE, (0.01, 0.5), (0.03, 0.0), (0.0368, 0.1476)])
def test_months_follow_the_closed_form_of_bass(p: float, q: float):
    path = partnership_path(Town(1000, 0, 0.0), Terms(), QUIET, Bass(p, q, 0.6), 240)
    t = path["month"].to_numpy() / 12
    e = np.exp(-(p + q) * t)
    np.testing.assert_allclose(path["doors_owned"], 600 * (1 - e) / (1 + q / p * e), rtol=1e-11, atol=1e-9)


def test_a_difference_equation_by_month_would_be_off_by_less_than_a_hundredth_of_the_market():
    p, q = AVERAGE
    share, off = 0.0, 0.0
    for month in range(1, 241):
        share += (p / 12 + q / 12 * share) * (1 - share)
        e = math.exp(-(p + q) * month / 12)
        off = max(off, abs(share - (1 - e) / (1 + q / p * e)))
    assert 0.005 < off < 0.007  # docs/partnership.md states 0.0060


def test_adoption_solves_the_differential_equation_from_any_start():
    for p, q, x in [(0.03, 0.38, 0.3), (0.0, 0.5, 0.1), (0.2, 0.0, 0.9), (0.05, 2.0, 0.001)]:
        solved = solve_ivp(lambda _, a, p=p, q=q: (p + q * a) * (1 - a), (0, 2.5), [x], rtol=1e-11, atol=1e-13)
        end = solved.y[0, -1]
        assert float(adopting(x, p, q, 2.5)) == pytest.approx((end - x) / (1 - x), rel=1e-8)


def test_nobody_starts_without_an_innovator_and_nobody_is_left_at_the_ceiling():
    assert float(adopting(0.0, 0.0, 0.5, 10.0)) == 0.0
    assert float(adopting(0.5, 0.0, 0.0, 10.0)) == 0.0
    path = partnership_path(Town(100, 0, 0.3), Terms(), QUIET, Bass(0.1, 0.4, 0.2), 12)
    assert (path["doors_owned"] == 30).all()


@pytest.mark.parametrize("ceiling", [0.4, 0.5, 0.7, 1.0])
def test_the_default_curve_passes_through_the_figures_of_parks_associates(ceiling: float):
    found = bass_through(ceiling)
    assert found.innovation > 0
    assert found.imitation > 0
    (start, first), *later = PARKS
    for year, share in later:
        months = round(12 * (year - start))
        path = partnership_path(Town(10**6, 0, first), Terms(), QUIET, found, months)
        assert path["doors_owned"].iloc[-1] / 10**6 == pytest.approx(share, abs=2e-5)


def test_average_coefficients_overshoot_the_doorbells_own_path():
    path = partnership_path(Town(10**6, 0, 0.04), Terms(), QUIET, Bass(*AVERAGE, 0.4), 72)
    assert path["doors_owned"].iloc[-1] / 10**6 > 0.26  # Parks Associates: 0.20


@pytest.mark.parametrize("ceiling", [0.2, 0.28, 1.5])
def test_a_ceiling_that_fits_no_curve_is_refused(ceiling: float):
    with pytest.raises(InputError, match="give innovation and imitation"):
        bass_through(ceiling)


def test_coefficients_out_of_range_are_named_together():
    with pytest.raises(InputError) as caught:
        Bass(-0.1, math.nan, 1.2)
    assert all(name in str(caught.value) for name in ("innovation", "imitation", "ceiling"))


# --- credit --------------------------------------------------------------------------------------------------------


def test_credit_counted_by_hand():
    outreach = Outreach(1.0, 0.1)
    path = partnership_path(Town(5000, 1000, 0.0), replace(LAKELAND, supply=()), outreach, CALM, 6)
    # 1000 (1 - 0.9^t): 100, 190, 271, 343.9, 409.51, 468.559
    assert path["downloads"].tolist() == [0, 100, 90, 81, 72, 66, 59]
    assert path["free_doorbells"].tolist() == [0, 7, 7, 6, 6, 5, 5]
    assert (path["balance_cents"] // 100).tolist() == [0, 90, 80, 110, 50, 60, 0]


def test_thirteen_downloads_of_ten_dollars_buy_one_doorbell_of_130_and_the_rest_carries_over():
    everyone = Outreach(1.0, 1.0)
    for downloads, doorbells, left in [(12, 0, 12000), (13, 1, 0), (25, 1, 12000), (26, 2, 0), (1058, 81, 5000)]:
        path = partnership_path(
            Town(5000, downloads, 0.0), Terms(credit_cents=1000, price_cents=13000), everyone, CALM, 1
        )
        row = path.iloc[1]
        assert (row["downloads"], row["free_doorbells"], row["balance_cents"]) == (downloads, doorbells, left)


def plain_credit(households: int, share: Fraction, credit: int, price: int, months: int) -> list[tuple[int, int, int]]:
    """Return downloads, doorbells, balance by month in fractions; within 1e-9 of a whole download it is one."""
    left, done, seen, balance, rows = Fraction(households), Fraction(0), 0, 0, []
    for _ in range(months):
        done, left = done + left * share, left * (1 - share)
        whole = math.floor(done + Fraction(1, 10**9))
        new, seen = whole - seen, whole
        balance += new * credit
        rows.append((new, balance // price, balance % price))
        balance %= price
    return rows


@given(st.integers(0, 3000), st.integers(0, 16), st.integers(1, 5000), st.integers(1, 30000))
@settings(deadline=None, max_examples=60)
def test_credit_is_exact_to_the_cent(households: int, sixteenths: int, credit: int, price: int):
    terms = Terms(credit_cents=credit, price_cents=price, rule="anyone")
    path = partnership_path(Town(10**9, households, 0.0), terms, Outreach(1.0, sixteenths / 16), CALM, 12)
    rows = path[["downloads", "free_doorbells", "balance_cents"]].iloc[1:]
    assert list(rows.itertuples(index=False, name=None)) == plain_credit(
        households, Fraction(sixteenths, 16), credit, price, 12
    )
    assert path["credit_cents"].sum() == path["free_doorbells"].sum() * price + path["balance_cents"].iloc[-1]


def test_caps_end_credit_supply_and_budget():
    outreach, town = Outreach(1.0, 0.1), Town(5000, 1000, 0.0)
    capped = partnership_path(town, replace(LAKELAND, credit_most_cents=150_000), outreach, CALM, 6)
    assert capped["credit_cents"].sum() == 150_000
    assert capped["free_doorbells"].sum() == 15 + 11
    assert capped["balance_cents"].iloc[-1] == 150_000 - 11 * 13_000
    assert partnership_path(town, replace(LAKELAND, most=10), outreach, CALM, 6)["free_doorbells"].sum() == 10
    paid = partnership_path(town, replace(LAKELAND, cost_cents=5000, budget_cents=59_999), outreach, CALM, 6)
    assert paid["free_doorbells"].sum() == 11
    assert paid["cost_cents"].iloc[-1] == 55_000
    slow = partnership_path(town, Terms(supply=((2, 7),), per_month=3, rule="anyone"), QUIET, CALM, 6)
    assert slow["free_doorbells"].tolist() == [0, 0, 3, 3, 1, 0, 0]


def test_outreach_decays_and_ends():
    path = partnership_path(Town(10, 1000, 0.0), Terms(), Outreach(0.5, 0.2, decay=0.5, months=3), CALM, 5)
    # 500 * 0.2 = 100; 400 * 0.1 = 40; 360 * 0.05 = 18; then none
    assert path["downloads"].tolist() == [0, 100, 40, 18, 0, 0]


def test_only_qualifying_downloads_earn():
    terms = Terms(credit_cents=1000, price_cents=13000)
    path = partnership_path(Town(5000, 1000, 0.0), terms, Outreach(1.0, 0.1, qualifying=0.5), CALM, 2)
    assert path["downloads"].tolist() == [0, 100, 90]
    assert path["credit_cents"].tolist() == [0, 50_000, 45_000]


# --- rules ---------------------------------------------------------------------------------------------------------


def test_a_raffle_needs_homes_with_the_app():
    terms = Terms(supply=((1, 50),))
    assert partnership_path(TOWN, terms, QUIET, CALM, 6)["free_doorbells"].sum() == 0
    path = partnership_path(Town(2000, 100, 0.0), terms, Outreach(1.0, 0.2), CALM, 6)
    assert path["downloads"].tolist()[:4] == [0, 20, 16, 12]  # 100 * (1 - 0.8^t) = 20, 36, 48.8
    assert path["free_doorbells"].tolist() == [0, 20, 16, 12, 2, 0, 0]
    users = partnership_path(Town(2000, 100, 0.0), terms, Outreach(1.0, 0.0, app_share_start=0.6), CALM, 2)
    assert users["free_doorbells"].tolist() == [0, 50, 0]


def test_one_for_every_so_many_downloads():
    terms = Terms(supply=((1, 1000),), rule="every", every=20)
    path = partnership_path(Town(5000, 1000, 0.0), terms, Outreach(1.0, 0.1), CALM, 3)
    assert path["free_doorbells"].tolist() == [0, 5, 4, 4]  # 100, 190, 271 downloads: 5, 9, 13


def test_a_district_takes_no_more_than_its_doors_without_one():
    terms = Terms(supply=((1, 500),), rule="district", district_doors=100)
    path = partnership_path(Town(1000, 0, 0.2), terms, QUIET, CALM, 3)
    assert path["free_doorbells"].tolist() == [0, 80, 0, 0]
    assert path["doors_owned"].iloc[-1] == pytest.approx(280)
    with pytest.raises(InputError, match="district_doors=1000 or less"):
        partnership_path(Town(1000, 0, 0.2), replace(terms, district_doors=1001), QUIET, CALM, 3)


def test_doorbells_that_hang_nowhere_new_add_no_door():
    terms = Terms(supply=((1, 100),), rule="anyone")
    for changed, added in [
        ({"take_up": 0.0}, 0.0),
        ({"take_up": 0.5, "already_own": 0.0}, 50.0),
        ({"already_own": 0.25}, 75.0),
        ({}, 96.0),  # 4 % own one
    ]:
        path = partnership_path(TOWN, replace(terms, **changed), QUIET, CALM, 1)
        assert path["doors_added_free"].iloc[1] == pytest.approx(added)


def test_who_would_have_bought_anyway_only_owns_one_sooner():
    bass, terms = Bass(0.05, 0.4, 0.5), Terms(supply=((1, 100),), rule="anyone", already_own=0.0)
    sooner = partnership_path(TOWN, replace(terms, would_have_bought=1.0), QUIET, bass, 600)
    extra = partnership_path(TOWN, replace(terms, would_have_bought=0.0), QUIET, bass, 600)
    added = {
        name: path["doors_owned"] - path["doors_without_programme"]
        for name, path in {"sooner": sooner, "extra": extra}.items()
    }
    assert added["sooner"].iloc[1] > 99
    assert added["sooner"].iloc[-1] == pytest.approx(0.0, abs=1e-3)
    assert added["extra"].iloc[-1] == pytest.approx(100.0, abs=1e-3)
    # Imitation follows: for a while more than the doorbells themselves.
    assert added["sooner"].max() > 101


def plain_path(town: Town, terms: Terms, outreach: Outreach, bass: Bass, months: int) -> list[float]:
    """Return doors owned by month: one home at a time where it can be, the differential equation solved numerically."""
    owned, market = town.start_rate * town.doors, bass.ceiling * town.doors
    without, cumulative, users, balance, shelf, rows = outreach.reach * town.households, 0.0, 0, 0, 0, [owned]
    handed = 0
    for month in range(1, months + 1):
        new = without * outreach.monthly_share * (1 - outreach.decay) ** (month - 1)
        without, cumulative = without - new, cumulative + new
        while users + 1 <= cumulative + 1e-9:
            users, balance = users + 1, balance + terms.credit_cents
            if balance >= terms.price_cents:
                balance, shelf = balance - terms.price_cents, shelf + 1
        shelf += dict(terms.supply).get(month, 0)
        free = min(shelf, users - handed)
        shelf, handed = shelf - free, handed + free
        added = free * (1 - owned / town.doors)
        inside = added * (market - owned) / (town.doors - owned)
        owned, market = owned + added, market + added - inside
        solved = solve_ivp(
            lambda _, a, m=market: (bass.innovation + bass.imitation * a / m) * (m - a),
            (0, 1 / 12),
            [owned],
            rtol=1e-11,
            atol=1e-11,
        )
        owned = float(solved.y[0, -1])
        rows.append(owned)
    return rows


def test_the_path_is_that_of_a_plain_loop():
    outreach, bass = Outreach(0.3, 0.07, 0.05), Bass(0.02, 0.4, 0.55)
    path = partnership_path(TOWN, LAKELAND, outreach, bass, 30)
    np.testing.assert_allclose(path["doors_owned"], plain_path(TOWN, LAKELAND, outreach, bass, 30), rtol=1e-8)


# --- what holds whatever the terms ---------------------------------------------------------------------------------


def test_without_a_programme_both_paths_are_the_same_to_the_bit():
    bass = bass_through(0.5)
    path = partnership_path(TOWN, Terms(), QUIET, bass, 60)
    assert (path["doors_owned"] == path["doors_without_programme"]).all()
    app_alone = partnership_path(TOWN, Terms(), Outreach(0.5, 0.1), bass, 60)
    assert (app_alone["doors_owned"] == path["doors_owned"]).all()
    drawn = simulated_paths(TOWN, Terms(), QUIET, bass, 24, seed=3, replicates=50)
    assert (drawn["doors_added_p95"] == 0).all()


@given(
    doors=st.integers(0, 400),
    households=st.integers(0, 500),
    rates=st.tuples(*[st.floats(0, 1)] * 6),
    supply=st.integers(0, 600),
    rule=st.sampled_from(["raffle", "anyone", "every", "district"]),
    bass=st.tuples(st.floats(0, 0.5), st.floats(0, 2.0)),
    own=st.none() | st.floats(0, 1),
    bought=st.none() | st.floats(0, 1),
)
@settings(deadline=None, max_examples=150)
def test_owners_never_pass_the_doors_nor_fall_and_a_programme_never_lowers_them(
    doors, households, rates, supply, rule, bass, own, bought
):
    start, ceiling, reach, monthly, decay, take_up = rates
    town = Town(doors, households, start)
    terms = Terms(
        supply=((2, supply),),
        credit_cents=1000,
        price_cents=2500,
        rule=rule,
        every=3,
        district_doors=doors // 2,
        take_up=take_up,
        already_own=own,
        would_have_bought=bought,
    )
    outreach, curve = Outreach(reach, monthly, decay), Bass(*bass, ceiling)
    path = partnership_path(town, terms, outreach, curve, 12)
    owned, alone = path["doors_owned"].to_numpy(), path["doors_without_programme"].to_numpy()
    assert (owned <= doors + 1e-9).all()
    assert (np.diff(owned) >= -1e-9).all()
    assert (owned >= alone - 1e-9).all()
    assert path["free_doorbells"].sum() <= supply + path["credit_cents"].sum() // 2500
    assert (path["balance_cents"] < 2500).all()
    assert path["downloads"].sum() <= households
    parts = owned[0] + (path["doors_added_free"] + path["doors_adopted"]).cumsum().to_numpy()
    np.testing.assert_allclose(owned, parts, atol=1e-6)


# --- simulation ----------------------------------------------------------------------------------------------------


def test_simulated_paths_scatter_about_the_expected_one():
    outreach, bass = Outreach(0.3, 0.06, 0.1), bass_through(0.5)
    path = partnership_path(TOWN, LAKELAND, outreach, bass, 24)
    drawn = simulated_paths(TOWN, LAKELAND, outreach, bass, 24, seed=5, replicates=2000)
    wide = drawn["doors_owned_p95"] - drawn["doors_owned_p05"]
    for name in ("doors_owned", "doors_without_programme"):
        spread = (drawn[f"{name}_p95"] - drawn[f"{name}_p05"]) / 3.29
        # four standard errors, and one home for rounding of the start and of whole doorbells
        assert ((drawn[f"{name}_mean"] - path[name]).abs() <= 4 * spread / math.sqrt(2000) + 1.0).all()
    assert (drawn["doors_owned_p05"] <= path["doors_owned"] + 1).all()
    assert (wide.iloc[1:] > 0).all()
    # Common numbers: the difference scatters less than either path.
    assert ((drawn["doors_added_p95"] - drawn["doors_added_p05"]).iloc[6:] < wide.iloc[6:]).all()
    assert (drawn["doors_added_p05"] >= 0).all()


def test_one_month_of_adoption_is_binomial():
    town, bass = Town(1000, 0, 0.1), Bass(0.3, 0.8, 0.6)
    drawn = simulated_paths(town, Terms(), QUIET, bass, 1, seed=1, replicates=20_000)
    chance = float(adopting(100 / 600, 0.3, 0.8, 1 / 12))
    mean, deviation = 100 + 500 * chance, math.sqrt(500 * chance * (1 - chance))
    assert drawn["doors_owned_mean"].iloc[1] == pytest.approx(mean, abs=4 * deviation / math.sqrt(20_000))
    assert drawn["doors_owned_p95"].iloc[1] == pytest.approx(mean + 1.645 * deviation, abs=1.0)


def test_the_seed_decides_and_more_replicates_keep_the_first_ones():
    outreach, bass = Outreach(0.3, 0.06), bass_through(0.5)
    runs = [simulated_paths(TOWN, LAKELAND, outreach, bass, 12, seed=s, replicates=1) for s in (1, 1, 2)]
    pd.testing.assert_frame_equal(runs[0], runs[1])
    assert not runs[0].equals(runs[2])
    # One replicate is a path of whole homes.
    assert (runs[0]["doors_owned_mean"] % 1 == 0).all()
    longer = simulated_paths(TOWN, LAKELAND, outreach, bass, 18, seed=1, replicates=1)
    pd.testing.assert_frame_equal(longer.iloc[:13], runs[0])


# --- the table -----------------------------------------------------------------------------------------------------


def counts_of(amounts: dict[int, float], level: str = "observe") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "level": level,
                "zoning": "all",
                "zone": "all",
                "space": "streets_near_homes",
                "measure": "area_m2",
                "k": k,
                "amount": amount,
            }
            for k, amount in amounts.items()
        ]
    )


def test_shares_come_from_the_exact_curve():
    share_at = share_at_of(counts_of({0: 50.0, 1: 30.0, 3: 20.0}), "observe")
    assert share_at(0.0) == 0.0
    assert share_at(1.0) == 0.5
    assert share_at(0.2) == pytest.approx(0.3 * 0.2 + 0.2 * (1 - 0.8**3), rel=1e-14)
    with pytest.raises(InputError, match="no ground"):
        share_at_of(counts_of({0: 50.0}), "detect")


def test_the_table_names_its_level_and_keeps_the_contract():
    outreach, bass = Outreach(0.3, 0.06), bass_through(0.5)
    path = partnership_path(TOWN, LAKELAND, outreach, bass, 12)
    curves = {"observe": lambda rate: rate / 2, "detect": lambda rate: rate**0.5}
    drawn = simulated_paths(TOWN, LAKELAND, outreach, bass, 12, replicates=64)
    table = partnership_table(path, curves, programme="lakeland_2018", space="streets_near_homes", simulated=drawn)
    contract = [
        "month",
        "downloads",
        "credit",
        "free_doorbells",
        "doors_owned",
        "share_mean",
        "share_without_programme",
    ]
    assert set(contract) <= set(table.columns)
    assert table["level"].tolist() == ["detect"] * 13 + ["observe"] * 13
    seen = table[table["level"] == "observe"].reset_index(drop=True)
    np.testing.assert_allclose(seen["share_mean"], path["doors_owned"] / 2000 / 2)
    np.testing.assert_allclose(seen["share_without_programme"], path["doors_without_programme"] / 2000 / 2)
    np.testing.assert_allclose(seen["share_p95"], drawn["doors_owned_p95"] / 2000 / 2)
    assert seen["credit"].tolist() == [10.0 * number for number in path["downloads"]]
    assert (table["share_mean"] >= table["share_without_programme"]).all()
    plain = partnership_table(path, curves, programme="x", space="streets")
    assert plain["share_p05"].isna().all()
    with pytest.raises(InputError, match="same months"):
        partnership_table(path, curves, programme="x", space="streets", simulated=drawn.iloc[:5])


def test_chances_by_door_add_up_to_the_owners():
    terms = Terms(supply=((1, 100),), rule="district", district_doors=500)
    path = partnership_path(TOWN, terms, QUIET, bass_through(0.5), 12)
    eligible = np.arange(2000) < 500
    chance = door_chances(path, 12, eligible)
    assert chance.sum() == pytest.approx(path["doors_owned"].iloc[-1])
    assert chance[:500].mean() - chance[500:].mean() == pytest.approx(100 / 500)
    with pytest.raises(InputError, match="2,000 doors"):
        door_chances(path, 12, eligible[:5])


# --- presets and the section ---------------------------------------------------------------------------------------


def test_every_value_of_a_preset_has_a_mark_and_a_source():
    assert set(presets()) == {"lakeland_2018", "gwinnett", "arcadia", "la_canada", "akron", "peoria"}
    for name, deal in presets().items():
        for key, figure in deal.figures.items():
            assert figure.mark in ("C", "D", "NF"), (name, key)
            assert figure.source, (name, key)
            assert (figure.mark == "NF") == (key in deal.unknown), (name, key)
            assert key in PartnershipSection.model_fields, (name, key)
        assert deal.said
        assert deal.said_source.startswith("https://")


def test_lakeland_is_what_the_agreement_offered():
    terms = PartnershipSection(preset="lakeland_2018").terms()
    assert terms == LAKELAND
    deal = preset("lakeland_2018")
    assert "sent them back" in deal.said
    assert "offered" in deal.said
    assert set(deal.unknown) == {"rule", "most"}


def test_the_deals_add_up():
    totals = {name: sum(number for _, number in PartnershipSection(preset=name).terms().supply) for name in presets()}
    assert totals == {
        "lakeland_2018": 15,
        "gwinnett": 80,
        "arcadia": 500,
        "la_canada": 500,
        "akron": 460,
        "peoria": 1000,
    }
    for name in ("arcadia", "la_canada", "akron", "peoria"):
        section = PartnershipSection(preset=name, start_rate=0.04)
        path = partnership_path(section.town(20_000, 20_000), section.terms(), section.outreach(), section.bass(), 12)
        assert path["free_doorbells"].sum() == totals[name]
        assert path["downloads"].sum() == 0
        assert path["cost_cents"].iloc[-1] == pytest.approx(section.terms().budget_cents, rel=1e-4)
    assert PartnershipSection(preset="gwinnett").terms().price_cents * 80 == 1_592_000


def test_an_unknown_preset_gets_the_nearest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'lakeland_2018'") as caught:
        PartnershipSection(preset="lakeland2018").terms()
    assert caught.value.near == "lakeland_2018"


def test_own_values_override_those_of_the_preset():
    raw = {"preset": "lakeland_2018", "credit": 6.5, "supply": [[1, 20]], "most": 9}
    section = PartnershipSection.model_validate(raw)
    assert section.terms() == Terms(supply=((1, 20),), credit_cents=650, price_cents=13000, most=9)
    assert "most" not in section.free_parameters()
    assert "rule" in section.free_parameters()
    assert section.town(100, 100).start_rate == 0.04
    assert PartnershipSection(start_rate=0.1).town(10, 10, 0.3).start_rate == 0.1
    assert PartnershipSection().town(10, 10, 0.3).start_rate == 0.3


def test_free_parameters_are_named():
    lakeland = PartnershipSection(preset="lakeland_2018").free_parameters()
    assert {"reach", "monthly_share", "ceiling", "rule"} <= set(lakeland)
    assert not {"reach", "monthly_share"} & set(PartnershipSection(preset="akron").free_parameters())


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        ({"months": 0}, "months"),
        ({"months": 2.5}, "months"),
        ({"reach": 1.2}, "reach"),
        ({"take_up": -0.1}, "take_up"),
        ({"credit": -5.0}, "credit"),
        ({"rule": "lottery"}, "rule"),
        ({"presets": "akron"}, "presets"),
        ({"supply": [[0, 5]]}, "supply"),
        ({"supply": [[1, 2.5]]}, "supply"),
        ({"ceiling": math.nan}, "ceiling"),
    ],
)
def test_the_section_refuses_what_it_cannot_read(raw: dict[str, object], what: str):
    with pytest.raises(ValidationError, match=what):
        PartnershipSection.model_validate(raw)


def test_the_section_says_what_is_missing():
    with pytest.raises(InputError, match=r"start_rate = 0\.04"):
        PartnershipSection(preset="peoria").town(100, 100)
    with pytest.raises(InputError, match="give both"):
        PartnershipSection(innovation=0.03).bass()
    with pytest.raises(InputError, match="whole cents"):
        PartnershipSection(credit=0.125, price=1.0).terms()
    assert PartnershipSection(innovation=0.03, imitation=0.38).bass() == Bass(0.03, 0.38, 0.5)


def test_faults_of_terms_are_named_together():
    with pytest.raises(InputError) as caught:
        Terms(supply=((0, 5),), credit_cents=10, rule="every", take_up=2.0, budget_cents=100)
    message = str(caught.value)
    assert all(word in message for word in ("supply", "price_cents", "every=20", "take_up", "cost_cents"))
    with pytest.raises(InputError, match="district_doors"):
        Terms(rule="district")
    with pytest.raises(InputError, match=r"reach.*decay"):
        Outreach(1.5, 0.1, -1.0)
    with pytest.raises(InputError, match=r"doors.*start_rate"):
        Town(-1, 5, 2.0)
    for seed in (1.5, -1, "a"):
        with pytest.raises(InputError, match="seed"):
            simulated_paths(TOWN, Terms(), QUIET, CALM, 3, seed=seed)
    with pytest.raises(InputError, match="replicates"):
        simulated_paths(TOWN, Terms(), QUIET, CALM, 3, replicates=0)
    with pytest.raises(InputError, match="months"):
        partnership_path(TOWN, Terms(), QUIET, CALM, 0)


def test_money_is_whole_cents():
    assert cents(99.97, "cost") == 9997
    assert cents(0.1 + 0.2, "cost") == 30
    for wrong in (0.001, -1.0, math.inf):
        with pytest.raises(InputError, match="cents"):
            cents(wrong, "cost")


def test_gifts_beyond_the_market_stay_within_the_doors():
    terms = Terms(supply=((1, 900),), rule="anyone", already_own=0.0)
    # All would never have bought, but all doors are in the market: none is left outside it.
    never = partnership_path(Town(1000, 0, 0.0), replace(terms, would_have_bought=0.0), QUIET, Bass(0.5, 2.0, 1.0), 120)
    assert never["doors_owned"].iloc[-1] == pytest.approx(1000)
    assert never["doors_owned"].max() <= 1000 + 1e-9
    # All would have bought, but the market is 200: the other 700 enlarge it.
    all_would = partnership_path(Town(1000, 0, 0.0), replace(terms, would_have_bought=1.0), QUIET, CALM, 3)
    assert all_would["doors_owned"].tolist() == [0, 900, 900, 900]
    small = Bass(0.5, 2.0, 0.2)
    within = replace(terms, supply=((1, 100),), would_have_bought=1.0)
    path = partnership_path(Town(1000, 0, 0.0), within, QUIET, small, 240)
    assert path["doors_owned"].iloc[-1] == pytest.approx(200)


def test_steps_and_months_are_drawn_apart():
    chance = _Draws(4000, 7)
    homes = np.full(4000, 50.0)
    drawn = [chance.of(what, month, homes, 0.5) for what in ("downloads", "stay without") for month in (1, 2)]
    between = np.corrcoef(drawn)[np.triu_indices(4, 1)]
    assert np.abs(between).max() < 4 / math.sqrt(4000)
    np.testing.assert_array_equal(drawn[0], chance.of("downloads", 1, homes, 0.5))
    np.testing.assert_array_equal(drawn[0][:10], _Draws(10, 7).of("downloads", 1, homes[:10], 0.5))
