"""The partnership over time: outreach, downloads, credit, free doorbells, and neighbours who follow, by month.

In a month, in this order: outreach brings downloads of the app; each qualifying one earns a credit; whole doorbells are
bought from the credit and the remainder carries over; free doorbells are handed out by a rule; homes without one adopt
(`doorview.study.bass`), more of them where more homes own one. The same months without the programme are computed
beside it. Money is in whole cents.

The expected path is deterministic: downloads and doorbells are whole, doors owned are an expectation. `simulated_paths`
draws every home's step. Nothing here shows that a partnership causes downloads at any rate: reach, monthly share and
decay are free parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.errors import InputError
from doorview.study.bass import Bass
from doorview.study.partnership_terms import Outreach, Terms, Town, is_count

__all__ = ["partnership_path", "simulated_paths"]

_QUANTILES = (0.05, 0.95)
_TINY = 1e-9
"""Guards whole numbers against the rounding of sums: 12.999999999 downloads are 13."""
Numbers = NDArray[np.float64]


class _Chance(Protocol):
    """How many of some homes take a step, each with the same chance."""

    @property
    def replicates(self) -> int:
        """How many paths are followed at once."""

    def of(self, what: str, month: int, homes: Numbers, chance: Numbers | float) -> Numbers:
        """Return the number of `homes` (replicates,) that do."""


@dataclass(frozen=True)
class _Mean:
    """The expectation."""

    replicates: int = 1

    def of(self, what: str, month: int, homes: Numbers, chance: Numbers | float) -> Numbers:  # noqa: ARG002 - protocol
        return homes * chance


@dataclass(frozen=True)
class _Draws:
    """Binomial numbers by the inverse of their distribution at u = hash(seed, step, month, replicate).

    With and without the programme the same u decides: the difference between them is the programme's.
    """

    replicates: int
    seed: int
    keys: NDArray[np.uint64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", keys_of(f"partnership {number}" for number in range(self.replicates)))

    def of(self, what: str, month: int, homes: Numbers, chance: Numbers | float) -> Numbers:
        from scipy.stats import binom

        step = int(keys_of([what])[0]) % (1 << 32)
        u = np.maximum(uniform(self.keys, self.seed, (step << 16) + month), 2.0**-60)
        drawn: Numbers = np.maximum(binom.ppf(u, homes, np.clip(chance, 0.0, 1.0)), 0.0)
        return drawn


@dataclass
class _State:
    """Where each replicate stands, shape (replicates,): doors owned, doors that will ever own one, and so on."""

    owned: Numbers
    market: Numbers
    without_app: Numbers
    app_users: Numbers
    downloaded: Numbers
    qualified: Numbers
    earned: Numbers
    balance: Numbers
    unspent: Numbers
    handed: Numbers


def _at_the_start(what: str, doors: float, chance: _Chance) -> Numbers:
    """Return an expected number of doors; drawn, whole doors with that mean."""
    whole = np.full(chance.replicates, np.floor(doors + _TINY))
    return whole + chance.of(what, 0, np.ones(chance.replicates), max(doors - float(whole[0]), 0.0))


def _start(town: Town, terms: Terms, outreach: Outreach, bass: Bass, chance: _Chance) -> _State:
    if terms.rule == "district" and (terms.district_doors or 0) > town.doors:
        raise InputError(
            f"partnership: {terms.district_doors:,} doors are eligible but the town has {town.doors:,}. Give "
            f"district_doors={town.doors} or less, or take a larger area."
        )
    owned = _at_the_start("owned at the start", town.start_rate * town.doors, chance)
    market = _at_the_start("market at the start", max(bass.ceiling, town.start_rate) * town.doors, chance)
    pool = float(round(outreach.reach * town.households))
    users = float(round(outreach.app_share_start * pool))

    def filled(value: float) -> Numbers:
        return np.full(chance.replicates, value)

    return _State(
        owned, np.maximum(market, owned), filled(pool - users), filled(users), *(filled(0.0) for _ in range(6))
    )


def _download(state: _State, terms: Terms, outreach: Outreach, month: int, chance: _Chance) -> dict[str, Numbers]:
    """Bring the month's downloads and their credit; returns whole downloads and cents earned."""
    new = chance.of("downloads", month, state.without_app, outreach.share_in(month))
    before, qualified_before = np.floor(state.downloaded + _TINY), np.floor(state.qualified + _TINY)
    state.without_app = state.without_app - new
    state.downloaded = state.downloaded + new
    state.qualified = state.qualified + chance.of("qualifying", month, new, outreach.qualifying)
    downloads = np.floor(state.downloaded + _TINY) - before
    state.app_users = state.app_users + downloads
    credit = (np.floor(state.qualified + _TINY) - qualified_before) * terms.credit_cents
    if terms.credit_most_cents is not None:
        credit = np.minimum(credit, terms.credit_most_cents - state.earned)
    state.earned = state.earned + credit
    state.balance = state.balance + credit
    if terms.price_cents:
        bought = state.balance // terms.price_cents
        state.balance = state.balance - bought * terms.price_cents
        state.unspent = state.unspent + bought
    return {"downloads": downloads, "credit_cents": credit, "balance_cents": state.balance}


def _hand_out(state: _State, town: Town, terms: Terms, month: int, chance: _Chance) -> dict[str, Numbers]:
    """Hand out what there is, by the rule; returns doorbells, and the doors that they add."""
    state.unspent = state.unspent + sum(number for at, number in terms.supply if at == month)
    free = np.minimum(state.unspent, _eligible(state, town, terms))
    limit = terms.affordable()
    if limit is not None:
        free = np.minimum(free, limit - state.handed)
    if terms.per_month is not None:
        free = np.minimum(free, terms.per_month)
    free = np.floor(np.maximum(free, 0.0) + _TINY)
    state.unspent, state.handed = state.unspent - free, state.handed + free
    share = np.divide(state.owned, town.doors, out=np.ones_like(state.owned), where=town.doors > 0)
    owns = np.zeros_like(share) if terms.rule == "district" else share
    if terms.already_own is not None:
        owns = np.full_like(share, terms.already_own)
    new = np.minimum(chance.of("put up", month, free, terms.take_up * (1.0 - owns)), town.doors - state.owned)
    inside = _would_have_bought(state, town, terms, month, new, chance)
    state.owned = state.owned + new
    state.market = state.market + (new - inside)
    return {"free_doorbells": free, "doors_added_free": new}


def _eligible(state: _State, town: Town, terms: Terms) -> Numbers:
    """Return the most doorbells that the rule could hand out now."""
    if terms.rule == "raffle":
        return state.app_users - state.handed
    if terms.rule == "every":
        return np.floor(state.downloaded + _TINY) // (terms.every or 1) - state.handed
    if terms.rule == "district":
        # Others own one in the district as in the town: what was handed out there comes on top.
        district = float(terms.district_doors or 0)
        part = district / town.doors if town.doors else 0.0
        given = state.handed * terms.take_up
        return district - given - part * np.maximum(state.owned - given, 0.0)
    return town.doors - state.owned


def _would_have_bought(state: _State, town: Town, terms: Terms, month: int, new: Numbers, chance: _Chance) -> Numbers:
    """Return how many of the new doors belong to the market: they only own one sooner; the others enlarge it."""
    left, never = state.market - state.owned, town.doors - state.market
    share = np.divide(left, left + never, out=np.zeros_like(left), where=left + never > 0)
    if terms.would_have_bought is not None:
        share = np.full_like(left, terms.would_have_bought)
    inside = chance.of("would have bought", month, new, share)
    return np.clip(inside, np.maximum(new - never, 0.0), np.minimum(new, left))


def _adopt(state: _State, bass: Bass, month: int, chance: _Chance) -> Numbers:
    """Let a month pass; returns the doors that adopted."""
    share = np.divide(state.owned, state.market, out=np.ones_like(state.owned), where=state.market > 0)
    stay = 1.0 - bass.adopting(np.minimum(share, 1.0), 1.0 / 12.0)
    before = state.owned
    # Those that stay are drawn, not those that go: with the same u, more owners before are never fewer after.
    left = chance.of("stay without", month, np.maximum(state.market - before, 0.0), stay)
    state.owned = np.maximum(state.market - left, before)
    return state.owned - before


def _months(
    town: Town, terms: Terms, outreach: Outreach, bass: Bass, months: int, chance: _Chance
) -> dict[str, Numbers]:
    """Return columns of shape (months + 1, replicates); month 0 is the start."""
    state = _start(town, terms, outreach, bass, chance)
    nothing = np.zeros(chance.replicates)
    names = ("downloads", "credit_cents", "balance_cents", "free_doorbells", "doors_added_free", "doors_adopted")
    rows = [dict.fromkeys(names, nothing) | {"doors_owned": state.owned}]
    for month in range(1, months + 1):
        row = _download(state, terms, outreach, month, chance)
        row |= _hand_out(state, town, terms, month, chance)
        row["doors_adopted"] = _adopt(state, bass, month, chance)
        row["doors_owned"] = state.owned
        rows.append(row)
    return {name: np.stack([row[name] for row in rows]) for name in (*names, "doors_owned")}


def _check_months(months: int) -> int:
    if not is_count(months) or not 1 <= months <= 600:
        raise InputError(f"partnership: months is {months!r}: it must be a whole number from 1 to 600, e.g. months=36.")
    return int(months)


def _without(bass: Bass) -> tuple[Terms, Outreach, Bass]:
    return Terms(), Outreach(0.0, 0.0), bass


def partnership_path(town: Town, terms: Terms, outreach: Outreach, bass: Bass, months: int = 36) -> pd.DataFrame:
    """Return the expected path: a row per month, from 0 (the start) to `months`.

    Columns: `month`; of the month, `downloads`, `credit_cents`, `free_doorbells` (handed out), `doors_added_free` (new
    doors by them), `doors_adopted`; at its end, `balance_cents` (credit carried over), `doors_owned`,
    `doors_without_programme`; `cost_cents`, so far, to who pays for the doorbells. Cents, downloads and free doorbells
    are whole; doors are expected numbers. `attrs["doors"]` is the number of all doors.

    Where more own one at the start than the ceiling allows, nobody buys: the ceiling counts as the start.

    Raises
    ------
    InputError
        For values out of range, and for more eligible doors than there are.

    """
    months = _check_months(months)
    found = _months(town, terms, outreach, bass, months, _Mean())
    alone = _months(town, *_without(bass), months, _Mean())
    table = pd.DataFrame({"month": np.arange(months + 1)})
    for name in ("downloads", "credit_cents", "balance_cents", "free_doorbells"):
        table[name] = found[name][:, 0].astype(np.int64)
    for name in ("doors_added_free", "doors_adopted", "doors_owned"):
        table[name] = found[name][:, 0]
    table["doors_without_programme"] = alone["doors_owned"][:, 0]
    table["cost_cents"] = table["free_doorbells"].cumsum() * terms.cost_cents
    table.attrs["doors"] = town.doors
    return table


def simulated_paths(
    town: Town,
    terms: Terms,
    outreach: Outreach,
    bass: Bass,
    months: int = 36,
    *,
    seed: int = 0,
    replicates: int = 256,
) -> pd.DataFrame:
    """Return means and 5 % and 95 % quantiles over simulated paths of whole homes.

    Every step (a download, a doorbell put up, an adoption) is drawn home by home; numbers depend on seed, step, month
    and replicate alone, and are the same with and without the programme. Chance alone: parameters stay as they are.
    At the start the doors that own one are whole doors with the mean asked for.

    Columns: `month`, and for `downloads`, `free_doorbells`, `doors_owned`, `doors_without_programme` and `doors_added`
    (with less without, replicate by replicate) each NAME_mean, NAME_p05, NAME_p95.

    Raises
    ------
    InputError
        As `partnership_path`, and for a seed or a number of replicates that is not whole.

    """
    months = _check_months(months)
    if not is_count(replicates) or not 1 <= replicates <= 100_000:
        raise InputError(f"partnership: replicates is {replicates!r}: it must be a whole number from 1 to 100000.")
    chance = _Draws(int(replicates), check_seed(seed))
    found = _months(town, terms, outreach, bass, months, chance)
    found["doors_without_programme"] = _months(town, *_without(bass), months, chance)["doors_owned"]
    found["doors_added"] = found["doors_owned"] - found["doors_without_programme"]
    table = pd.DataFrame({"month": np.arange(months + 1)})
    for name in ("downloads", "free_doorbells", "doors_owned", "doors_without_programme", "doors_added"):
        table[f"{name}_mean"] = found[name].mean(axis=1)
        table[f"{name}_p05"], table[f"{name}_p95"] = np.quantile(found[name], _QUANTILES, axis=1)
    table.attrs["doors"] = town.doors
    return table
