"""A study's scenarios made into owners over the doors of a city."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.ground import Ground
from doorview.errors import DoorviewError, InputError, StudyError, UnknownNameError
from doorview.ownership.densities import CitySize, Density, household_rate, zone_rates
from doorview.ownership.expected import door_probabilities
from doorview.ownership.processes import (
    Drawing,
    by_area,
    by_distance,
    by_street,
    first_areas,
    independent,
    means_tested,
    raffle,
    rates_by_odds,
)
from doorview.ownership.programmes import Programme, affordable
from doorview.ownership.scenario import Scenario
from doorview.ownership.union import Owners
from doorview.study.attributes_section import HOTSPOT_CLASS
from doorview.study.door_faces import faces_and_length
from doorview.study.scenario_sections import ProgrammeSection
from doorview.study.scenario_sections import Scenario as Section
from doorview.study.scenario_words import density_key, owners_words, programme_words, rules_words
from doorview.study.sections import Study
from doorview.study.zones import COLUMN

__all__ = [
    "Plan",
    "Residents",
    "at_key",
    "columns_of",
    "plan_at_rate",
    "plans_of",
    "residents_from",
    "residents_of",
    "without_rules_words",
]

Floats = NDArray[np.float64]
PLACED = ("most_possible", "least_found")


@dataclass(frozen=True, eq=False)
class Residents:
    """What ownership is told of a city's doors; all arrays (doors,).

    `face` is a stable id of the block face that each door is nearest to, -1 for none; `zone_row` by zoning the row of
    its zone, -1 for none, of `zones` by zoning, indexed by the zones' ids.
    """

    keys: NDArray[np.uint64]
    dwellings: NDArray[np.int64]
    inside: NDArray[np.bool_]
    xy: Floats
    face: NDArray[np.int64]
    size: CitySize
    zones: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    zone_row: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    zone_inside: Mapping[tuple[str, str], NDArray[np.bool_]] = field(default_factory=dict)

    def members(self, zoning: str, zone: str) -> NDArray[np.bool_]:
        """Return which doors (doors,) lie in a zone of the counted area; zone `all` of zoning `all` holds all."""
        if (zoning, zone) == ("all", "all"):
            return self.inside
        return self.zone_inside[zoning, zone] & self.inside


@dataclass(frozen=True, eq=False)
class Plan:
    """A scenario of the study ready to be counted.

    `scenario` is None until the doors are seen, for those that place cameras by what they see. `today` is the scenario
    without its programme and rules, `programme` what is handed out besides.
    """

    name: str
    section: Section
    scenario: Scenario | None
    today: Scenario | None = None
    programme: Programme | None = None

    @property
    def built(self) -> Scenario:
        """The scenario; raises ValueError while it is open."""
        if self.scenario is None:
            raise ValueError(f"scenario '{self.name}' places cameras by what they see, and nothing is seen yet")
        return self.scenario


def residents_of(
    doors: gpd.GeoDataFrame,
    keys: NDArray[np.uint64],
    inside: Any,
    ground: Ground,
    zones: gpd.GeoDataFrame | None,
    zone_inside: NDArray[np.bool_] | None,
) -> Residents:
    """Return what ownership is told of a city.

    `inside` is the polygon in which ground is counted; streets count for densities by the length of their centrelines
    in it. Of zones that overlap a door is in the first.
    """
    xy = shapely.get_coordinates(doors.geometry.to_numpy())
    counted = shapely.intersects(inside, shapely.points(xy))
    dwellings = np.asarray(doors["dwellings"], dtype=np.int64)
    face, metres = faces_and_length(ground, xy, inside)
    return residents_from(keys, dwellings, xy, counted, face, metres, inside, zones, zone_inside)


def residents_from(
    keys: NDArray[np.uint64],
    dwellings: NDArray[np.int64],
    xy: Floats,
    counted: NDArray[np.bool_],
    face: NDArray[np.int64],
    metres: float,
    inside: Any,
    zones: gpd.GeoDataFrame | None,
    zone_inside: NDArray[np.bool_] | None,
) -> Residents:
    """Return `residents_of` doors whose block faces and streets are known (`faces_and_length`)."""
    size = CitySize(dwellings[counted], metres / 1000.0, float(shapely.area(inside)) / 1e6)
    tables, rows, members = {}, {}, {}
    if zones is not None and zone_inside is not None:
        for zoning, table in zones.groupby("zoning", sort=True):
            member = zone_inside[:, np.asarray(table.index)]
            rows[str(zoning)] = np.where(member.any(axis=1), member.argmax(axis=1), -1)
            kept = {str(name).removeprefix(COLUMN): values for name, values in table.items() if COLUMN in str(name)}
            tables[str(zoning)] = pd.DataFrame(kept).set_axis(table["zone"], axis=0)
            for number, zone in enumerate(table["zone"]):
                members[str(zoning), str(zone)] = member[:, number]
    return Residents(keys, dwellings, counted, xy, face, size, tables, rows, members)


def columns_of(study: Study) -> dict[str, list[str]]:
    """Return the columns of zones that scenarios and rates of reported thefts read, by zoning."""
    found: dict[str, set[str]] = {}
    for section in study.scenarios.values():
        asked: list[tuple[str | None, str | None]] = [(section.zoning, section.rate_column or section.column)]
        if section.programme is not None:
            asked.append((section.programme.zoning, section.programme.column))
        for zoning, column in asked:
            if zoning is not None and column is not None:
                found.setdefault(zoning, set()).add(column)
    for zoning, column in attribute_columns(study):
        found.setdefault(zoning, set()).add(column)
    asked_of = study.incidents
    if asked_of is not None and asked_of.parcels is not None:
        for zones in study.zones:
            if asked_of.zoning in (None, zones.set_name):
                found.setdefault(zones.set_name, set()).add(asked_of.parcels)
    return {zoning: sorted(columns) for zoning, columns in found.items()}


def attribute_columns(study: Study) -> list[tuple[str, str]]:
    """Return the sets of zones and the columns that attributes of fairness read."""
    if study.fairness is None:
        return []
    sets = {zones.set_name for zones in study.zones}
    columns = [(item.zoning, item.column) for item in study.fairness.attributes if item.column != HOTSPOT_CLASS]
    districts = [(item.zoning, item.districts) for item in study.fairness.attributes]
    return columns + [(zoning, name) for zoning, name in districts if name is not None and name not in sets]


def without_rules_words(name: str) -> str:
    """Return what change.csv calls a scenario without its programme and rules."""
    return f"{name}, without"


def plans_of(study: Study, residents: Residents) -> tuple[Plan, ...]:
    """Return the study's scenarios, built; those placed by what cameras see are still open.

    Raises
    ------
    DoorviewError
        For numbers that do not fit the doors, and columns, zones and values that cannot be used: of all scenarios at
        once.

    """
    plans: list[Plan] = []
    faults: list[str] = []
    for name, section in study.scenarios.items():
        try:
            with at_key(f"scenarios.{name}"):
                plans.append(_plan(name, section, study, residents))
        except StudyError as fault:
            faults += fault.faults
    if faults:
        raise StudyError("scenarios", faults)
    return tuple(plans)


@contextmanager
def at_key(where: str) -> Iterator[None]:
    """Put the key of the study file, `scenarios.NAME.KEY`, before whatever is told to be wrong inside."""
    try:
        yield
    except DoorviewError as fault:
        told = fault.faults if isinstance(fault, StudyError) else [str(fault)]
        raise StudyError("scenarios", [_keyed(where, item) for item in told]) from fault


def _keyed(where: str, told: str) -> str:
    """Return a fault with its key; one that has a key keeps it. What a function calls itself says nothing here."""
    if told.startswith("scenarios."):
        return told
    for own in ("densities", "rates by zone", "rates by an attribute", "owners by distance", "cameras for an area"):
        told = told.removeprefix(f"{own}: ")
    return f"{where}: {told}"


def plan_at_rate(plan: Plan, rate: float, study: Study, residents: Residents) -> Plan:
    """Return the plan of a scenario with another rate of households, all else the same.

    Raises
    ------
    StudyError
        Where its owners cannot be so at this rate, as a `strength` of 1.5 where more than 2 in 3 own one.

    """
    section = plan.section.model_copy(update={"rate": rate, "rate_preset": None})
    with at_key(f"scenarios.{plan.name}"):
        return _plan(plan.name, section, study, residents)


def _plan(name: str, section: Section, study: Study, residents: Residents) -> Plan:
    rule = section.shared_doors or study.ownership.shared_doors
    if section.process in PLACED:
        there = int(residents.inside.sum())
        if (section.number or 0) > there:
            raise _too_many(name, section.number or 0, there)
        return Plan(name, section, None)
    today = _today(name, section, rule, residents)
    programme = None if section.programme is None else _programme(name, section.programme, rule, study, residents)
    if programme is None and section.rules is None:
        return Plan(name, section, today)
    owners = today.owners(residents.dwellings, residents.inside)
    words = [today.words()]
    households = today.owning_households(residents.dwellings, residents.inside)
    if programme is not None:
        households = households + programme.added().marginal() * (1.0 - owners.marginal())
        owners = owners.joined_by(programme.added())
        words.append(_handed_out(programme, section.programme))
    if section.rules is not None:
        keep = 1.0 - section.rules.lapsed
        if section.rules.lapsed:
            owners, households = owners.thinned(keep), households * keep
        words.append(rules_words(section.rules))
    built = _built(name, section.process, rule, owners, households, ", ".join(word for word in words if word))
    return Plan(name, section, built, today, programme)


def _built(name: str, process: str, rule: str, owners: Owners, households: Floats, text: str) -> Scenario:
    return Scenario(name, process, shared_doors=rule, built=owners, households=households, text=text)


def _too_many(name: str, number: int, there: int) -> StudyError:
    fault = (
        f"scenarios.{name}.number: {number:,} cameras, but only {there:,} doors lie in the counted area, and none gets "
        f"two. Give {there} or less, or take a larger area."
    )
    return StudyError("scenarios", [fault])


def _today(name: str, section: Section, rule: str, residents: Residents) -> Scenario:
    """Return who owns a camera before anything is handed out or taken away."""
    if section.process == "exactly":
        there = int(residents.inside.sum())
        if (section.number or 0) > there:
            raise _too_many(name, section.number or 0, there)
        return Scenario(name, "exactly", number=section.number, shared_doors=rule)
    if section.process == "independent" and section.rate is not None:
        return Scenario(name, rate=section.rate, shared_doors=rule)
    rates = _rates(name, section, rule, residents)
    if section.process == "independent" and section.rate_column is None:
        return Scenario(name, rate=float(rates[0]), shared_doors=rule, text=owners_words(section))
    p = door_probabilities(residents.dwellings, rates, rule)
    households = residents.dwellings * rates if rule == "any" else p
    if section.process in ("clustered", "neighbours"):
        with at_key(f"scenarios.{name}.{'correlation' if section.strength is None else 'strength'}"):
            owners = _clusters(section, p, residents)
    else:
        owners = independent(p)
    return _built(name, section.process, rule, owners, households, owners_words(section))


def _clusters(section: Section, p: Floats, residents: Residents) -> Owners:
    if section.process == "clustered":
        return by_street(p, residents.face, strength=section.strength, correlation=section.correlation)
    distance = section.distance_m or 0.0
    return by_distance(p, residents.xy, distance, strength=section.strength, correlation=section.correlation)


def _rates(name: str, section: Section, rule: str, residents: Residents) -> Floats:
    """Return each door's household rate (doors,)."""
    doors = len(residents.dwellings)
    key = density_key(section)
    value = getattr(section, key)
    if key == "rate_column":
        zoning = section.zoning or ""
        with at_key(f"scenarios.{name}.rate_column"):
            zones = _zones(residents, zoning)
            return zone_rates(zones, value, residents.zone_row[zoning], elsewhere=section.elsewhere)
    kinds = {"rate": Density("share_of_households", value), "rate_preset": Density(value)}
    with at_key(f"scenarios.{name}.{key}"):
        rate = household_rate(kinds.get(key) or Density(key, float(value)), residents.size, rule)
    if section.process != "weighted":
        return np.full(doors, rate)
    with at_key(f"scenarios.{name}.column"):
        attribute = _of_zone(residents, section.zoning or "", section.column or "")
        return rates_by_odds(attribute, residents.dwellings, rate, section.odds_ratio or 1.0)


def _zones(residents: Residents, zoning: str) -> pd.DataFrame:
    if zoning not in residents.zones:
        raise UnknownNameError("set of zones", zoning, residents.zones, "Add it under [[zones]] of the study file.")
    return residents.zones[zoning]


def _of_zone(residents: Residents, zoning: str, column: str, elsewhere: float | None = None) -> Floats:
    """Return the value of each door's zone (doors,); doors in none get `elsewhere`, or the mean over homes."""
    zones = _zones(residents, zoning)
    if column not in zones.columns:
        raise UnknownNameError(f"column of the zones of '{zoning}'", column, [str(name) for name in zones.columns])
    values = pd.to_numeric(zones[column], errors="coerce").to_numpy(dtype=np.float64)
    row = residents.zone_row[zoning]
    found = np.append(values, np.nan)[np.where(row < 0, len(values), row)]
    gaps = np.isnan(found) & (row >= 0)
    if gaps.any():
        first = zones.index[row[gaps][0]]
        raise InputError(
            f"column '{column}' of '{zoning}' has no number in zones that hold {gaps.sum():,} doors (first: {first}). "
            "Fill the gaps in the file, or leave these zones out of it."
        )
    known = ~np.isnan(found)
    if elsewhere is None:
        weight = residents.dwellings[known]
        elsewhere = float(np.average(found[known], weights=weight)) if weight.sum() else 0.0
    return np.where(known, found, elsewhere)


def _programme(name: str, section: ProgrammeSection, rule: str, study: Study, residents: Residents) -> Programme:
    number = int((section.number if section.budget is None else affordable(section.budget, section.city_cost)) or 0)
    there = int(np.count_nonzero(_drawing(name, section, 0, rule, study, residents).stratum >= 0))
    if section.budget is not None:
        number = min(number, there)  # more money than doors: what is not handed out costs nothing
    if number > there:
        raise InputError(
            f"scenarios.{name}.programme.number: {number:,} doorbells, but only {_eligible(section, there)}, and none "
            f"gets two. Give {there} or less, or let more take part."
        )
    drawing = _drawing(name, section, number, rule, study, residents)
    return Programme(
        name,
        drawing,
        take_up=section.take_up,
        bought_anyway=section.bought_anyway,
        strings=section.strings,
        response=section.response,
        city_cost=section.city_cost,
        household_cost=section.household_cost,
        fixed_cost=section.fixed_cost,
    )


def _handed_out(programme: Programme, section: ProgrammeSection | None) -> str:
    return "" if section is None else programme_words(section, int(programme.drawing.numbers.sum()))


def _eligible(section: ProgrammeSection, there: int) -> str:
    """Return in words who may be drawn."""
    return {
        "all": f"{there:,} doors lie in the counted area",
        "raffle": f"{there:,} doors of the counted area are drawn as users of the app at app_share = "
        f"{section.app_share or 0:g}",
        "means_tested": f"{there:,} doors lie where {section.column} is at most {section.at_most or 0:,g}",
    }.get(section.to, f"{there:,} doors lie in these zones of the counted area")


def _drawing(
    name: str, section: ProgrammeSection, number: int, rule: str, study: Study, residents: Residents
) -> Drawing:
    """Return who may be drawn, always inside the counted area, and how many are."""
    area = np.where(residents.inside, 0, -1).astype(np.int64)
    if section.to == "raffle":
        return raffle(
            [number],
            residents.keys,
            section.app_share or 0.0,
            dwellings=residents.dwellings,
            shared_doors=rule,
            area=area,
            seed=study.study.seed,
        )
    if section.to == "all":
        return Drawing(area, np.array([number], np.int64))
    zoning = section.zoning or ""
    if section.to == "means_tested":
        bound = float(section.at_most or 0.0)
        with at_key(f"scenarios.{name}.programme.column"):
            attribute = _of_zone(residents, zoning, section.column or "", elsewhere=bound + abs(bound) + 1.0)
        return means_tested(number, attribute, bound, among=residents.inside)
    zones = _zones(residents, zoning)
    wanted = [str(zone) for zone in section.zones or ()]
    unknown = [
        str(UnknownNameError(f"zone of '{zoning}' in the counted area", zone, [str(item) for item in zones.index]))
        for zone in wanted
        if zone not in zones.index
    ]
    if unknown:
        raise StudyError("scenarios", [f"scenarios.{name}.programme.zones: {fault}" for fault in unknown])
    row = np.where(residents.inside, residents.zone_row[zoning], -1)
    numbers = [int(zones.index.get_loc(zone)) for zone in wanted]
    if section.to == "zones":
        return by_area(number, row, [item for item in numbers if (row == item).any()])
    place = np.full(len(zones) + 1, -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    return first_areas(number, place[row])
