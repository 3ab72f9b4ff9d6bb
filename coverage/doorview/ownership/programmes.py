"""What a programme that hands out cameras adds, on what terms and at what cost: exact expectations.

Of the cameras offered a part is taken up; of those taken up a part would have been bought anyway, and some go to doors
that own one already. Only the rest is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.ownership.checks import Faults
from doorview.ownership.layers import Exactly
from doorview.ownership.processes import Drawing
from doorview.ownership.union import Owners

__all__ = ["Effect", "Programme", "affordable"]


@dataclass(frozen=True, eq=False)
class Programme:
    """Cameras handed out by lot, and the terms. Shares are free parameters: few programmes tell theirs.

    Parameters
    ----------
    name
        For tables.
    drawing
        Who is eligible, and how many are offered in each stratum.
    take_up
        Offers taken up and put up / offers.
    bought_anyway
        Cameras taken up by households that would have bought one / taken up.
    strings
        Cameras taken up that owe footage on request / taken up. Akron OH 2023: all (1.0) [C].
    response
        Requests to those that are answered / requests.
    city_cost, household_cost
        Money per camera taken up.
    fixed_cost
        Money of the city besides.

    """

    name: str
    drawing: Drawing
    take_up: float = 1.0
    bought_anyway: float = 0.0
    strings: float = 0.0
    response: float = 1.0
    city_cost: float = 0.0
    household_cost: float = 0.0
    fixed_cost: float = 0.0

    def __post_init__(self) -> None:
        """Check the terms and the numbers, all at once."""
        faults = Faults(f"programme '{self.name}'")
        for name in ("take_up", "bought_anyway", "strings", "response"):
            faults.chance(name, getattr(self, name))
        for name in ("city_cost", "household_cost", "fixed_cost"):
            faults.amount(name, getattr(self, name))
        try:
            Exactly(*self.drawing)
        except InputError as fault:
            faults.add(fault)
        faults.refuse()

    def handed_out(self) -> Exactly:
        """Return the layer of doors that take a camera up, whether or not it adds one."""
        return Exactly(*self.drawing, np.array(self.take_up))

    def added(self) -> Exactly:
        """Return the layer of doors with a camera that would not have been bought: join it to the owners of today."""
        return Exactly(*self.drawing, np.array(self.take_up * (1.0 - self.bought_anyway)))

    def effect(self, today: Owners, inside: NDArray[np.bool_] | None = None) -> Effect:
        """Return what the programme adds to the owners of today, in expectation and exact.

        Handing out is independent of who owns one, so a door gains one with its chance in `added` times that of not
        owning one. `inside` (doors,) counts a zone alone, with its part of the fixed cost.
        """
        here = np.ones(len(today), bool) if inside is None else inside
        owning, taking = today.marginal(), self.handed_out().marginal()
        offered, taken, added, again = (
            math.fsum(chance[here].tolist())
            for chance in (
                Exactly(*self.drawing).marginal(),
                taking,
                self.added().marginal() * (1.0 - owning),
                taking * owning,
            )
        )
        all_taken = math.fsum(taking.tolist())
        fixed = self.fixed_cost * (taken / all_taken if inside is not None and all_taken > 0.0 else 1.0)
        cost = taken * self.city_cost + fixed
        return Effect(
            offered=offered,
            taken_up=taken,
            to_owners=again,
            bought_anyway=taken * self.bought_anyway,
            cameras_added=added,
            cameras_with_strings=taken * self.strings,
            answering_requests=taken * self.strings * self.response,
            cost=cost,
            cost_households=taken * self.household_cost,
            cost_per_camera_added=cost / added if added > 0.0 else math.nan,
        )


@dataclass(frozen=True)
class Effect:
    """Expected cameras and money of a programme. `cost` is the city's; NaN per camera where none is added.

    `to_owners` and `bought_anyway` overlap: some owners would have bought another.
    """

    offered: float
    taken_up: float
    to_owners: float
    bought_anyway: float
    cameras_added: float
    cameras_with_strings: float
    answering_requests: float
    cost: float
    cost_households: float
    cost_per_camera_added: float


def affordable(budget: float, city_cost: float, drawing: Drawing | None = None) -> int:
    """Return how many cameras a budget buys at the city's cost each: a matching subsidy. Rounded down.

    Arcadia CA 2017: 25,000 dollars at 50 each, 50 more from the maker, were 500 [C]. Given who is
    eligible, no more than they are.
    """
    faults = Faults("a matching subsidy")
    money, each = (
        faults.amount("the budget", budget),
        faults.amount("the city's cost per camera", city_cost, above=True),
    )
    faults.refuse()
    # A budget of 0.3 buys three at 0.1, whatever binary fractions say.
    number = math.floor(money / each * (1.0 + 1e-12))
    return number if drawing is None else min(number, int(np.count_nonzero(drawing.stratum >= 0)))
