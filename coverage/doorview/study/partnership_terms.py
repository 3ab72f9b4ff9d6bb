"""What a programme offers, what outreach brings, and the town it comes to: checked values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from doorview.errors import InputError

__all__ = ["RULES", "Outreach", "Terms", "Town", "is_count"]

RULES: Mapping[str, str] = {
    "raffle": "drawn among homes that use the app, each at most once",
    "every": "one for every so many downloads",
    "district": "to homes without one in a district, or to homes that pass a test of eligibility",
    "anyone": "to whoever applies, as a subsidy for a purchase is",
}
"""Rules by which free doorbells are handed out."""


@dataclass(frozen=True)
class Town:
    """Doors that may own one, households that may use the app, and the share of doors that own one at the start."""

    doors: int
    households: int
    start_rate: float

    def __post_init__(self) -> None:
        """Check all three at once."""
        faults = [
            f"{name} is {value!r}: it must be a whole number of 0 or more"
            for name, value in (("doors", self.doors), ("households", self.households))
            if not is_count(value)
        ]
        _add_share_fault(faults, "start_rate", self.start_rate)
        _raise(faults, "town")


@dataclass(frozen=True)
class Outreach:
    """How outreach brings downloads; all of it is free, no source measures it.

    In month t a share s_t = monthly_share (1 - decay)^(t - 1) of the households reached that have not downloaded the
    app do so, for the first `months` months (None: to the end). `app_share_start` of the households reached use the app
    already; they earn nothing. `qualifying` is the share of downloads that counts under the terms.
    """

    reach: float
    monthly_share: float
    decay: float = 0.0
    months: int | None = None
    qualifying: float = 1.0
    app_share_start: float = 0.0

    def __post_init__(self) -> None:
        """Check all values at once."""
        faults: list[str] = []
        for name in ("reach", "monthly_share", "decay", "qualifying", "app_share_start"):
            _add_share_fault(faults, name, getattr(self, name))
        if self.months is not None and not is_count(self.months):
            faults.append(f"months is {self.months!r}: it must be a whole number of 0 or more, or None")
        _raise(faults, "outreach")

    def share_in(self, month: int) -> float:
        """Return the share of the households reached, without the app, that download it in a month (1 the first)."""
        if self.months is not None and month > self.months:
            return 0.0
        return self.monthly_share * (1.0 - self.decay) ** (month - 1)


@dataclass(frozen=True)
class Terms:
    """What a programme offers.

    Attributes
    ----------
    supply
        (month, doorbells) that come without credit; month 1 is the first.
    credit_cents, price_cents
        What a qualifying download earns, and the credit that one more doorbell takes. 1000 and 13000 in Lakeland: 13.
    credit_most_cents
        The most that downloads may earn together; None: no cap.
    rule, every, district_doors
        How doorbells are handed out (`RULES`); `every` the downloads for each, `district_doors` the doors eligible.
    most, per_month
        End of supply: the most doorbells in all, and in a month; None: no limit.
    cost_cents, budget_cents
        What each doorbell costs who pays for it, and the most that may be paid; None: no limit.
    take_up
        Share of the doorbells handed out that are put up.
    already_own
        Share of those put up where one hangs already, so that no door is added; None: as the share of all doors that
        own one, and 0 by the rule ``district``.
    would_have_bought
        Share of the new doors that would own one sooner or later anyway; None: as among all doors without one.

    """

    supply: tuple[tuple[int, int], ...] = ()
    credit_cents: int = 0
    price_cents: int = 0
    credit_most_cents: int | None = None
    rule: str = "raffle"
    every: int | None = None
    district_doors: int | None = None
    most: int | None = None
    per_month: int | None = None
    cost_cents: int = 0
    budget_cents: int | None = None
    take_up: float = 1.0
    already_own: float | None = None
    would_have_bought: float | None = None

    def __post_init__(self) -> None:
        """Check all values at once."""
        faults = _faults_of_terms(self)
        _raise(faults, "programme")

    def affordable(self) -> int | None:
        """Return the most doorbells that supply's end and budget allow; None: no limit."""
        limits = [] if self.most is None else [self.most]
        if self.budget_cents is not None and self.cost_cents:
            limits.append(self.budget_cents // self.cost_cents)
        return min(limits, default=None)


def is_count(value: object) -> bool:
    """Tell whether a value is a whole number of 0 or more, and no bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 0)


def _add_share_fault(faults: list[str], name: str, value: float | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 <= value <= 1.0:
        faults.append(f"{name} is {value!r}: it is a share, 0 to 1")


def _raise(faults: list[str], what: str) -> None:
    if faults:
        raise InputError(f"partnership, {what}: " + "; ".join(faults) + ".")


def _faults_of_terms(terms: Terms) -> list[str]:
    faults = [
        f"{name} is {getattr(terms, name)!r}: it must be whole cents of 0 or more"
        for name in ("credit_cents", "price_cents", "cost_cents")
        if not is_count(getattr(terms, name))
    ]
    if terms.rule not in RULES:
        faults.append(f"rule is {terms.rule!r}: it must be one of {', '.join(RULES)}")
    for name in ("credit_most_cents", "most", "per_month", "budget_cents"):
        value = getattr(terms, name)
        if value is not None and not is_count(value):
            faults.append(f"{name} is {value!r}: it must be a whole number of 0 or more, or None")
    for name in ("take_up", "already_own", "would_have_bought"):
        _add_share_fault(faults, name, getattr(terms, name))
    faults += [
        f"supply holds {entry!r}: each entry is (month from 1 on, doorbells of 0 or more)"
        for entry in terms.supply
        if not (len(entry) == 2 and is_count(entry[0]) and entry[0] >= 1 and is_count(entry[1]))
    ]
    if terms.credit_cents and not terms.price_cents:
        faults.append("downloads earn a credit but price_cents is 0: say how many cents one doorbell takes")
    if terms.rule == "every" and not (is_count(terms.every) and terms.every):
        faults.append("the rule 'every' needs every=N, the downloads for each doorbell, e.g. every=20")
    if terms.rule == "district" and not is_count(terms.district_doors):
        faults.append("the rule 'district' needs district_doors=N, the doors that are eligible")
    if terms.budget_cents is not None and not terms.cost_cents:
        faults.append("there is a budget but cost_cents is 0: say what each doorbell costs who pays for it")
    return faults
