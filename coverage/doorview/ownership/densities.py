"""Densities as people state them, and each as every other for a given city.

A density is a share of households, cameras per street km, per km2, or a plain number. What they have in common is the
household rate: owning households / households. Under the rule for shared doors it gives every door's chance, and the
sum of chances is the expected number of cameras.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize

from doorview.errors import UnknownNameError
from doorview.ownership.checks import Faults
from doorview.ownership.expected import RULES, door_probabilities

__all__ = [
    "KINDS",
    "PRESETS",
    "CitySize",
    "Density",
    "Preset",
    "density_table",
    "household_rate",
    "preset",
    "zone_rates",
]

KINDS = ("share_of_households", "per_street_km", "per_km2", "number")
OWN = "the study's own figure"
INTERNET = 0.92
"""US households with home internet [C], survey of Q3 2023: Parks Associates, in Broadband Technology Report,
https://www.broadbandtechreport.com/home/article/14303226/residential-broadband-is-now-in-92-of-all-homes ."""


@dataclass(frozen=True)
class Preset:
    """A published rate with its year, base, source and mark. `of_all` is it as a part of all households, if known."""

    name: str
    rate: float
    year: str
    base: str
    source: str
    mark: str
    of_all: float | None


_BASE = "US internet households with a video doorbell"
_CE_PRO = (
    "Parks Associates, in CE Pro, https://www.cepro.com/security/surveillance-cameras/"
    "video-doorbell-adoption-rises-to-20-in-u-s/"
)
PRESETS: dict[str, Preset] = {
    item.name: item
    for item in (
        Preset("us_2017", 0.04, "2017", _BASE, _CE_PRO, "C", None),
        Preset("us_2023", 0.20, "2023", _BASE, _CE_PRO, "C", 0.20 * INTERNET),
        Preset(
            "us_2026",
            0.27,
            "known by 2026",
            _BASE,
            "Parks Associates, https://www.parksassociates.com/index.php/blogs/home-systems-and-controls/"
            "cameras-at-the-crossroads-expanding-debate-over-ai-surveillance (the survey's date is not given)",
            "C",
            0.27 * INTERNET,
        ),
    )
}
"""Rates that ship. `of_all` is derived [D]: the rate times the part of households with internet in 2023; what it was
in 2017 nobody says."""


def preset(name: str) -> Preset:
    """Return a published rate by its name.

    Raises
    ------
    UnknownNameError
        For a name that is none, with the nearest.

    """
    if name not in PRESETS:
        raise UnknownNameError("rate", name, PRESETS, "Or give a rate of your own: 5 % of households is 0.05.")
    return PRESETS[name]


@dataclass(frozen=True, eq=False)
class CitySize:
    """What densities are told against: homes behind each door (doors,), street length and area of the counted place."""

    dwellings: NDArray[np.int64]
    street_km: float
    area_km2: float

    @property
    def doors(self) -> int:
        """Number of doors."""
        return len(self.dwellings)

    @property
    def households(self) -> int:
        """Number of homes."""
        return int(np.sum(self.dwellings))


@dataclass(frozen=True)
class Density:
    """A density as stated: `kind` is one of `KINDS`, `value` in its unit; or the name of a preset alone."""

    kind: str
    value: float | None = None

    def stated(self) -> tuple[str, float | None, Preset | None]:
        """Return kind, value and preset; a preset stands for its share of households."""
        if self.kind in PRESETS and self.value is None:
            return "share_of_households", PRESETS[self.kind].rate, PRESETS[self.kind]
        return self.kind, self.value, None


def _cameras(density: Density, size: CitySize, faults: Faults) -> tuple[str, float]:
    """Return the kind and its value, for all but a share as the number of cameras; note what is wrong."""
    kind, value, _ = density.stated()
    if kind not in KINDS:
        faults.add(UnknownNameError("density", kind, [*KINDS, *PRESETS]))
        return KINDS[0], 0.0
    if kind == "share_of_households":
        return kind, faults.chance("the share of households", value)
    per = {"per_street_km": size.street_km, "per_km2": size.area_km2, "number": 1.0}[kind]
    return kind, faults.amount(f"the density {kind}", value) * per


def household_rate(density: Density, size: CitySize, shared_doors: str = "one") -> float:
    """Return the household rate at which the expected number of cameras is as stated.

    Under the rule ``one`` it is cameras / doors, under ``none`` cameras / doors of one home; under ``any`` the root of
    sum of 1 - (1 - rate)^dwellings = cameras.

    Raises
    ------
    InputError
        If there are more cameras than doors that may have one; for rates outside [0, 1].
    UnknownNameError
        For a kind of density or a preset that does not exist.
    StudyError
        For several faults at once.

    """
    faults = Faults("densities")
    rate = _rate(density, size, shared_doors, faults)
    faults.refuse()
    return rate


def _rate(density: Density, size: CitySize, rule: str, faults: Faults) -> float:
    """Return `household_rate`; note what is wrong."""
    kind, value = _cameras(density, size, faults)
    if rule not in RULES:
        faults.add(UnknownNameError("rule for shared doors", rule, RULES))
        return 0.0
    if kind == "share_of_households":
        return value
    there = int((np.asarray(size.dwellings) == 1).sum()) if rule == "none" else size.doors
    if value > there:
        which = "doors of one home" if rule == "none" else "doors"
        stated = density.value or 0.0
        most = f"{math.floor(100 * stated * there / value) / 100:,.10g}"
        faults.add(
            f"{kind} = {stated:,.10g} makes {value:,.1f} cameras for {there:,} {which}, and none gets two. Give {most} "
            "or less."
        )
        return 0.0
    if rule != "any":
        return value / max(there, 1)
    if value == there:
        return 1.0

    def over(rate: float) -> float:
        return float(door_probabilities(size.dwellings, rate, rule).sum()) - value

    return float(optimize.brentq(over, 0.0, 1.0, xtol=1e-15)) if value > 0.0 else 0.0


def density_table(densities: Mapping[str, Density], size: CitySize, shared_doors: str = "one") -> pd.DataFrame:
    """Return every density as every other, one row each: the printed table.

    Columns: `name`, `kind` and `value` as stated (of a published rate its name), `share_of_households` (the household
    rate), `rate_per_door` (expected cameras / doors), `rate_per_household` (owning households behind the doors /
    households: by the rules ``one`` and ``none`` a shared door has at most one owner), `number`, `per_street_km`,
    `per_km2`, and `year`, `base`, `source`, `mark` of a published rate (the user's own says so).

    Raises
    ------
    InputError, UnknownNameError, StudyError
        As `household_rate`, for all rows at once.

    """
    faults, rows = Faults("densities"), []
    for name, density in densities.items():
        rate = _rate(density, size, shared_doors, faults)
        p = door_probabilities(size.dwellings, rate, shared_doors if shared_doors in RULES else "one")
        cameras = math.fsum(p.tolist())
        owning = size.households * rate if shared_doors == "any" else cameras
        kind, value, known = density.stated()
        kind = density.kind if known else kind
        rows.append(
            {
                "name": name,
                "kind": kind,
                "value": value,
                "share_of_households": rate,
                "rate_per_door": cameras / max(size.doors, 1),
                "rate_per_household": owning / max(size.households, 1),
                "number": cameras,
                "per_street_km": cameras / size.street_km if size.street_km > 0 else np.nan,
                "per_km2": cameras / size.area_km2 if size.area_km2 > 0 else np.nan,
                "year": known.year if known else "",
                "base": known.base if known else "households of the place",
                "source": known.source if known else OWN,
                "mark": known.mark if known else "",
            }
        )
    faults.refuse()
    return pd.DataFrame(rows)


def zone_rates(
    zones: pd.DataFrame, column: str, door_zone: NDArray[np.int64], *, elsewhere: float | None = None
) -> NDArray[np.float64]:
    """Return each door's household rate (doors,) from a column of its zone.

    Parameters
    ----------
    zones
        One row per zone; the column holds shares of households.
    column
        Its name.
    door_zone
        Row of each door's zone (doors,), counted from 0; -1 is none.
    elsewhere
        Rate of doors in no zone; None refuses them.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    InputError, StudyError
        For gaps where there are doors, what is no share, and doors in no zone: all at once.

    """
    faults = Faults("rates by zone")
    if column not in zones.columns:
        faults.add(UnknownNameError("column of the zones", column, [str(name) for name in zones.columns]))
        values, held = np.zeros(len(zones)), np.zeros(len(zones), bool)
    else:
        values = pd.to_numeric(zones[column], errors="coerce").to_numpy(dtype=np.float64)
        held = np.bincount(door_zone[door_zone >= 0], minlength=len(zones)) > 0
    gaps = held & np.isnan(values)
    if gaps.any():
        which = ", ".join(str(name) for name in zones.index[gaps][:5])
        faults.add(
            f"column '{column}' has no number in {gaps.sum():,} of the {held.sum():,} zones that hold doors (first: "
            f"{which}). Fill the gaps, or leave these zones out and give a rate for elsewhere."
        )
    wrong = held & ~gaps & ~((values >= 0.0) & (values <= 1.0))
    if wrong.any():
        faults.add(
            f"column '{column}' holds {values[wrong][0]:g} in zone {zones.index[wrong][0]}"
            + (f" and lies outside [0, 1] in {wrong.sum() - 1:,} more" if wrong.sum() > 1 else "")
            + ": a rate is a part of one, 5 % is 0.05."
        )
    outside = door_zone < 0
    if outside.any() and elsewhere is None:
        faults.add(f"{outside.sum():,} doors lie in no zone: give a rate for elsewhere, or zones that hold them.")
    other = 0.0 if elsewhere is None else faults.chance("the rate elsewhere", elsewhere)
    faults.refuse()
    return np.append(np.nan_to_num(values), other)[np.where(outside, len(values), door_zone)]
