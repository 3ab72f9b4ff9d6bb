"""Ownership scenarios: who owns a camera, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.ownership.expected import RULES, check_rate, door_probabilities
from doorview.ownership.layers import Independent
from doorview.ownership.processes import exactly, independent
from doorview.ownership.union import Owners

__all__ = ["DEFAULT_SCENARIOS", "Scenario", "draw_owners"]


@dataclass(frozen=True)
class Scenario:
    """One ownership scenario.

    `process` is ``independent`` (every household owns a camera with probability `rate`) or ``exactly`` (`number`
    cameras at doors drawn without preference). `shared_doors` is the rule for doors shared by several dwellings. Any
    other process comes `built`: its owners over the doors, in their order, the expected `households` that own one
    behind each door, and its `text` in plain words.
    """

    name: str
    process: str = "independent"
    rate: float | None = None
    number: int | None = None
    shared_doors: str = "one"
    built: Owners | None = field(default=None, compare=False, repr=False)
    households: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)
    text: str | None = None

    def __post_init__(self) -> None:
        """Check that the scenario says what its process needs."""
        if self.shared_doors not in RULES:
            raise InputError(
                f"scenario '{self.name}': shared_doors {self.shared_doors!r} must be one of {', '.join(RULES)}."
            )
        if self.built is not None:
            return
        if self.process not in ("independent", "exactly"):
            raise InputError(f"scenario '{self.name}': process {self.process!r} must be independent or exactly.")
        if self.process == "independent":
            if self.rate is None or self.number is not None:
                raise InputError(f"scenario '{self.name}': an independent scenario needs a rate, and no number.")
            check_rate(self.rate)
        elif (
            self.rate is not None
            or not isinstance(self.number, int)
            or isinstance(self.number, bool)
            or self.number < 0
        ):
            raise InputError(
                f"scenario '{self.name}': exactly needs a whole number of cameras of 0 or more, and no rate, e.g. "
                "number=500."
            )

    def words(self) -> str:
        """Return the scenario in plain words."""
        if self.text is not None:
            return self.text
        if self.process == "exactly":
            return f"exactly {self.number:,} doors own one, drawn by lot"
        return f"{100 * (self.rate or 0):.3g}% of households own one, independently"

    def owners(self, dwellings: NDArray[np.int64], inside: NDArray[np.bool_]) -> Owners:
        """Return who owns a camera; `dwellings` behind each door, `inside` which doors lie in the counted area.

        Raises
        ------
        InputError
            If more cameras are handed out than there are doors, or the scenario was built for other doors.

        """
        if self.built is not None:
            if len(self.built) != len(dwellings):
                raise InputError(
                    f"scenario '{self.name}' was built for {len(self.built):,} doors, not for these "
                    f"{len(dwellings):,}: build it again."
                )
            return self.built
        if self.process == "exactly":
            total = int(inside.sum())
            if (self.number or 0) > total:
                raise InputError(
                    f"scenario '{self.name}' hands out {self.number:,} cameras, but only {total:,} doors lie in the "
                    f"counted area, and none gets two. Give a number of {total} or less, or take a larger area."
                )
            return exactly(self.number or 0, inside)
        return independent(door_probabilities(dwellings, self.rate or 0.0, self.shared_doors))

    def equal_rate(self, dwellings: NDArray[np.int64], inside: NDArray[np.bool_]) -> float | None:
        """Return the one chance with which every door owns a camera, all independently; None if it is not so."""
        layers = self.owners(dwellings, inside).layers
        p = layers[0].marginal()
        alike = len(layers) == 1 and isinstance(layers[0], Independent) and len(p) > 0 and bool((p == p[0]).all())
        return float(p[0]) if alike else None

    def exact(self, dwellings: NDArray[np.int64], inside: NDArray[np.bool_]) -> bool:
        """Say whether the chances of sets of doors have a closed form."""
        none = np.zeros(1, np.int64)
        return self.owners(dwellings, inside).at_least(none, none[:0]) is not None

    def probabilities(self, dwellings: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return each door's chance of a camera; `inside` says which doors lie in the counted area."""
        return self.owners(dwellings, inside).marginal()

    def owning_households(self, dwellings: NDArray[np.int64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the expected number of owning households behind each door.

        By the rule `any` every household owns by its own chance, and several may share the door's one view; else a door
        has at most one owner.
        """
        if self.households is not None:
            return self.households
        if self.process == "independent" and self.shared_doors == "any":
            return np.asarray(dwellings, dtype=np.float64) * (self.rate or 0.0)
        return self.probabilities(dwellings, inside)


DEFAULT_SCENARIOS: tuple[Scenario, ...] = tuple(
    Scenario(f"independent_{round(100 * rate):02d}", rate=rate) for rate in (0.05, 0.2, 0.4)
)
"""What `estimate` reports without a study: 5, 20 and 40 % of households."""


def draw_owners(
    scenario: Scenario,
    keys: NDArray[np.uint64],
    dwellings: NDArray[np.int64],
    inside: NDArray[np.bool_],
    seed: int,
    words: int,
) -> NDArray[np.uint64]:
    """Return owners (doors, words) as bits, 64 replicates a word.

    A door owns a camera where its number u = hash(seed, replicate, door key) is below its chance, so owners are nested
    across rates; with exactly n, the n doors inside with the smallest u own one.
    """
    return scenario.owners(dwellings, inside).draw(keys, seed, words)
