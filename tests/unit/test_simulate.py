"""Simulated shares by plain loops, intervals by the binomial, changes and conditional means by enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from doorview.errors import InputError
from doorview.ownership.kernels.draws import owner_bits
from doorview.share.outputs import outputs_of
from doorview.share.rows import SetRows, set_rows
from doorview.share.simulate import (
    amounts_in_view,
    change_table,
    conditional_table,
    interval_table,
    quantile_interval,
    replicates_for,
    simulated_shares,
)
from helpers.sets import all_owners, bits_to_bool, coverage_of, random_rows, shares_of

DOORS = 8
KEYS = np.arange(1, DOORS + 1, dtype=np.uint64)


def draw(p: NDArray[np.float64], seed: int = 3):
    """Owners of any words, keyed by replicate: those of later words are cut from a longer table."""
    return lambda first, words: owner_bits(KEYS, p, np.uint64(seed), first + words)[:, first:]


def exact_means(rows: SetRows, sets, seen, p: NDArray[np.float64]) -> NDArray[np.float64]:
    return sum(chance * shares_of(rows, sets, seen, owners) for owners, chance in all_owners(p.tolist()))


@pytest.mark.parametrize("seed", range(3))
def test_shares_of_each_replicate_by_plain_loops(seed):
    rows, sets, seen = random_rows(seed)
    owners = draw(np.linspace(0.1, 0.8, DOORS), seed)(0, 2)
    found = simulated_shares(rows, owners)
    owns = bits_to_bool(owners)
    assert found.shape == (2, len(rows.outputs.table), 128)
    for replicate in range(128):
        wanted = shares_of(rows, sets, seen, set(np.flatnonzero(owns[:, replicate]).tolist()))
        assert found[:, :, replicate] == pytest.approx(wanted, abs=1e-15)


def test_the_mean_of_many_replicates_is_the_exact_one():
    rows, sets, seen = random_rows(1)
    p = np.linspace(0.0, 0.7, DOORS)
    shares = simulated_shares(rows, draw(p)(0, 64))
    table = interval_table(rows, shares)
    wanted = exact_means(rows, sets, seen, p).ravel()
    off = np.abs(table["simulated_mean"] - wanted) / table["simulated_mean_error"]
    assert off.max() < 4.0
    assert (table["replicates"] == 4096).all()


# --- intervals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("replicates", "at"), [(64, 0.05), (64, 0.95), (256, 0.05), (1024, 0.95), (100, 0.5)])
def test_quantile_intervals_stand_at_the_ranks_of_the_binomial(replicates, at):
    """The smallest chance outside that whole ranks allow, at most 2.5 % on each side, by scipy's binomial."""
    values = np.arange(1, replicates + 1) / (replicates + 1.0)
    low, high = quantile_interval(values, at)
    binomial = stats.binom(replicates, at)
    least, most = round(float(low) * (replicates + 1)), round(float(high) * (replicates + 1))
    assert binomial.cdf(least - 1) <= 0.025 < binomial.cdf(least)
    assert binomial.sf(most - 1) <= 0.025 < binomial.sf(most - 2)


def test_quantile_intervals_cover_what_they_promise():
    """Of 4,000 samples of 200, at least 95 % but 3.5 standard errors hold the true quantile."""
    rng = np.random.default_rng(4)
    values = rng.random((4000, 200)) ** 2
    for at in (0.05, 0.95):
        low, high = quantile_interval(values, at)
        assert ((low <= at**2) & (at**2 <= high)).mean() > 0.95 - 3.5 * np.sqrt(0.95 * 0.05 / 4000)


def test_too_few_replicates_leave_an_end_open():
    values = np.full((2, 10), 0.4)
    low, high = quantile_interval(values, 0.05)
    assert low.tolist() == [0.0, 0.0]
    assert high.tolist() == [0.4, 0.4]
    low, high = quantile_interval(values, 0.95)
    assert low.tolist() == [0.4, 0.4]
    assert high.tolist() == [1.0, 1.0]


def test_printed_quantiles_lie_in_their_intervals():
    rows, _, _ = random_rows(2)
    table = interval_table(rows, simulated_shares(rows, draw(np.full(DOORS, 0.3))(0, 4)))
    for name in ("share_p05", "share_p95"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()


# --- how many replicates -------------------------------------------------------------------------------------------


def test_replicates_grow_until_the_error_is_reached():
    rows, _, _ = random_rows(3)
    p = np.full(DOORS, 0.3)
    rough, fine = (replicates_for(error, draw(p), rows, most=8192) for error in (0.1, 0.02))
    assert rough.reached
    assert fine.reached
    assert rough.error <= 0.1
    assert fine.error <= 0.02
    few, many = rough.shares.shape[2], fine.shares.shape[2]
    assert few % 64 == many % 64 == 0
    assert few < many
    # The same replicates, and more of them; and those of one draw of all.
    assert np.array_equal(rough.shares, fine.shares[:, :, :few])
    assert np.array_equal(fine.shares, simulated_shares(rows, draw(p)(0, many // 64)))
    # One step of 64 earlier the error was not reached.
    watched = np.flatnonzero(rows.outputs.table["space"] == "streets_near_homes")
    earlier = fine.shares[:, watched, : many - 64]
    widths = [np.subtract(*reversed(quantile_interval(earlier, at))) / 2.0 for at in (0.05, 0.95)]
    widths.append(1.96 * earlier.std(axis=-1, ddof=1) / np.sqrt(earlier.shape[2]))
    assert np.max(widths) > 0.02


def test_replicates_are_bounded():
    rows, _, _ = random_rows(3)
    found = replicates_for(1e-9, draw(np.full(DOORS, 0.3)), rows, least=128, most=256)
    assert not found.reached
    assert found.error > 1e-9
    assert found.shares.shape[2] == 256


def test_certain_owners_need_no_more():
    rows, _, _ = random_rows(3)
    found = replicates_for(0.5, draw(np.ones(DOORS)), rows)
    assert found.shares.shape[2] == 64
    assert found.shares.std() == pytest.approx(found.shares[:, :, 0].std())


@pytest.mark.parametrize("settings", [{"error": 0.0}, {"error": 1.0}, {"least": 100}, {"least": 256, "most": 128}])
def test_wrong_wishes_are_refused(settings):
    rows, _, _ = random_rows(0)
    with pytest.raises(InputError, match=r"error|multiples of 64"):
        replicates_for(settings.pop("error", 0.1), draw(np.full(DOORS, 0.3)), rows, **settings)


# --- changes -------------------------------------------------------------------------------------------------------


def test_a_change_is_taken_replicate_by_replicate():
    """Owners nested across rates: more in view in every replicate, and less spread than of two separate draws."""
    rows, sets, seen = random_rows(4)
    less, more = np.full(DOORS, 0.3), np.full(DOORS, 0.4)
    owners, against = draw(more)(0, 32), draw(less)(0, 32)
    table = change_table(rows, owners, against)
    by_replicate = simulated_shares(rows, owners) - simulated_shares(rows, against)
    assert (by_replicate >= 0.0).all()
    for column, at in (("change_p05", 0.05), ("change_p95", 0.95)):
        assert table[column].to_numpy() == pytest.approx(np.quantile(by_replicate, at, axis=2).ravel(), abs=1e-12)
    wanted = (exact_means(rows, sets, seen, more) - exact_means(rows, sets, seen, less)).ravel()
    assert (np.abs(table["change_mean"] - wanted) <= 4.0 * table["change_mean_error"]).all()
    other = simulated_shares(rows, draw(less, seed=99)(0, 32))
    apart = simulated_shares(rows, owners) - other
    assert by_replicate.std(axis=2).max() < 0.8 * apart.std(axis=2).min()
    whole = np.tile(rows.outputs.amount * rows.outputs.unit, 2)
    assert table["amount_added"].to_numpy() == pytest.approx(table["change_mean"].to_numpy() * whole)


def test_nothing_changed_is_nothing():
    rows, _, _ = random_rows(4)
    owners = draw(np.full(DOORS, 0.3))(0, 2)
    table = change_table(rows, owners, owners)
    assert (table[["change_mean", "change_p05", "change_p95", "change_mean_error", "amount_added"]] == 0.0).all().all()


def test_tables_of_other_doors_are_refused():
    rows, _, _ = random_rows(4)
    owners = draw(np.full(DOORS, 0.3))(0, 2)
    with pytest.raises(InputError, match="differ in shape"):
        change_table(rows, owners, owners[:, :1])
    with pytest.raises(InputError, match="7 doors, but the coverage has 8"):
        amounts_in_view(rows, owners[:7])
    with pytest.raises(InputError, match="64 replicates a word"):
        amounts_in_view(rows, owners[:, 0])


# --- a shared effect -----------------------------------------------------------------------------------------------


def test_the_mean_given_a_shared_effect_is_the_beta_binomial():
    """Five doors that see one spot, rate 0.20, correlation 0.1: in view 0.598, not the 0.672 of independent doors.

    1 - B(a, b + 5) / B(a, b) with a = 0.2 * 9, b = 0.8 * 9, as a product of five fractions.
    """
    coverage = coverage_of([[0, 1, 2, 3, 4]], [(0, 0, "park", 100), (1, 0, "park", 100)], 5, spare=0)
    rows = set_rows(coverage, outputs_of(coverage))
    a, b = 0.2 * 9.0, 0.8 * 9.0
    exact = 1.0 - float(np.prod([(b + i) / (a + b + i) for i in range(5)]))
    assert exact == pytest.approx(0.598, abs=5e-4)
    effects = stats.beta(a, b).ppf(np.random.default_rng(5).random(1024))
    table = conditional_table(rows, lambda replicate: np.full(5, effects[replicate]), 1024)
    assert (np.abs(table["share_mean"] - exact) < 4.0 * table["share_mean_error"]).all()
    assert (table["share_mean_error"] < 0.01).all()
    same = conditional_table(rows, lambda _: np.full(5, 0.2), 2)
    assert same["share_mean"].to_numpy() == pytest.approx(1.0 - 0.8**5)  # 0.672
    assert same["share_mean_error"].to_numpy() == pytest.approx(0.0, abs=1e-15)


def test_conditional_means_by_enumeration():
    """Two halves of a town in fashion or out of it."""
    rows, sets, seen = random_rows(6)
    effects = [np.where(np.arange(DOORS) < 4, x, 1.0 - x) for x in (0.1, 0.5, 0.8)]
    table = conditional_table(rows, lambda replicate: effects[replicate], 3)
    by_effect = np.array([exact_means(rows, sets, seen, p) for p in effects])
    assert table["share_mean"].to_numpy() == pytest.approx(by_effect.mean(axis=0).ravel(), abs=1e-11)
    error = by_effect.std(axis=0, ddof=1) / np.sqrt(3.0)
    assert table["share_mean_error"].to_numpy() == pytest.approx(error.ravel(), abs=1e-11)


def test_chances_outside_0_and_1_are_refused():
    rows, _, _ = random_rows(6)
    with pytest.raises(InputError, match="replicate 1"):
        conditional_table(rows, lambda replicate: np.full(DOORS, 0.9 + 0.2 * replicate), 3)
    with pytest.raises(InputError, match="2 or more"):
        conditional_table(rows, lambda _: np.full(DOORS, 0.9), 1)
