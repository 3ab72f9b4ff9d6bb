"""A study's scenarios made into owners over the doors of a city."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.ground import Ground
from doorview.errors import DoorviewError, InputError, StudyError, UnknownNameError
from doorview.ownership.densities import PRESETS, CitySize, Density, household_rate, zone_rates
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
from doorview.study.scenario_sections import DENSITIES, ProgrammeSection
from doorview.study.scenario_sections import Scenario as Section
from doorview.study.sections import Study
from doorview.study.zones import COLUMN

__all__ = ["Plan", "Residents", "columns_of", "plans_of", "residents_of", "without_rules_words"]

Floats = NDArray[np.float64]
PLACED = ("most_possible", "least_found")
FACE_WITHIN_M = 100.0
"""A door farther than this from every block face clusters with none."""


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
    lines = ground.lines[ground.lines["space"] == "centreline"].geometry.to_numpy()
    metres = float(shapely.length(shapely.intersection(lines, inside)).sum())
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
    return Residents(keys, dwellings, counted, xy, _faces(ground.faces, xy), size, tables, rows, members)


def _faces(faces: gpd.GeoDataFrame, xy: Floats) -> NDArray[np.int64]:
    """Return a stable id, of 0 or more, of the block face nearest to each door; of faces as near, the first."""
    out = np.full(len(xy), -1, np.int64)
    if not len(faces):
        return out
    lines = faces.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    # By what it is and where, so that it is the same whatever else was read.
    names = [f"{way}|{x:.1f}|{y:.1f}" for way, (x, y) in zip(faces["osm_id"], middle.tolist(), strict=True)]
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    ids = (np.frombuffer(digests, dtype="<u8") >> np.uint64(1)).astype(np.int64)
    door, near = shapely.STRtree(lines).query_nearest(shapely.points(xy), max_distance=FACE_WITHIN_M, all_matches=True)
    first = np.full(len(xy), len(lines), np.int64)
    np.minimum.at(first, door, near)
    found = first < len(lines)
    out[found] = ids[first[found]]
    return out


def columns_of(study: Study) -> dict[str, list[str]]:
    """Return the columns of zones that scenarios read, by zoning."""
    found: dict[str, set[str]] = {}
    for section in study.scenarios.values():
        asked: list[tuple[str | None, str | None]] = [(section.zoning, section.rate_column or section.column)]
        if section.programme is not None:
            asked.append((section.programme.zoning, section.programme.column))
        for zoning, column in asked:
            if zoning is not None and column is not None:
                found.setdefault(zoning, set()).add(column)
    return {zoning: sorted(columns) for zoning, columns in found.items()}


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
    plans, faults = [], []
    for name, section in study.scenarios.items():
        try:
            plans.append(_plan(name, section, study, residents))
        except DoorviewError as fault:
            faults.append((name, fault))
    if len(faults) == 1:
        raise faults[0][1]
    if faults:
        raise StudyError("scenarios", [f"{name}: {fault}" for name, fault in faults])
    return tuple(plans)


def _plan(name: str, section: Section, study: Study, residents: Residents) -> Plan:
    rule = section.shared_doors or study.ownership.shared_doors
    if section.process in PLACED:
        there = int(residents.inside.sum())
        if (section.number or 0) > there:
            raise InputError(
                f"scenario '{name}' places {section.number:,} cameras, but only {there:,} doors lie in the counted "
                f"area. Give a number of {there} or less."
            )
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
        words.append(_programme_words(programme, section.programme))
    if section.rules is not None:
        keep = 1.0 - section.rules.lapsed
        if section.rules.lapsed:
            owners, households = owners.thinned(keep), households * keep
        words.append(_rules_words(section))
    built = _built(name, section.process, rule, owners, households, "; ".join(word for word in words if word))
    return Plan(name, section, built, today, programme)


def _built(name: str, process: str, rule: str, owners: Owners, households: Floats, text: str) -> Scenario:
    return Scenario(name, process, shared_doors=rule, built=owners, households=households, text=text)


def _today(name: str, section: Section, rule: str, residents: Residents) -> Scenario:
    """Return who owns a camera before anything is handed out or taken away."""
    if section.process == "exactly":
        scenario = Scenario(name, "exactly", number=section.number, shared_doors=rule)
        scenario.owners(residents.dwellings, residents.inside)
        return scenario
    if section.process == "independent" and section.rate is not None:
        return Scenario(name, rate=section.rate, shared_doors=rule)
    rates, said = _rates(section, rule, residents)
    if section.process == "independent" and section.rate_column is None:
        return Scenario(name, rate=float(rates[0]), shared_doors=rule, text=f"{said}, independently")
    p = door_probabilities(residents.dwellings, rates, rule)
    households = residents.dwellings * rates if rule == "any" else p
    if section.process == "clustered":
        owners = by_street(p, residents.face, strength=section.strength, correlation=section.correlation)
        text = f"{said}; homes on one block face are alike ({_alike(section)})"
    elif section.process == "neighbours":
        distance = section.distance_m or 0.0
        owners = by_distance(p, residents.xy, distance, strength=section.strength, correlation=section.correlation)
        text = f"{said}; homes within {distance:g} m are alike ({_alike(section)})"
    else:
        owners = independent(p)
        text = f"{said}, independently"
    return _built(name, section.process, rule, owners, households, text)


def _alike(section: Section) -> str:
    if section.strength is not None:
        where = "its block face" if section.process == "clustered" else "next door"
        return f"{section.strength:g} times as likely where a home on {where} owns one".replace("on next", "next")
    return f"correlation {section.correlation:g}"


def _rates(section: Section, rule: str, residents: Residents) -> tuple[Floats, str]:
    """Return each door's household rate (doors,), and it in plain words."""
    doors = len(residents.dwellings)
    key = next(key for key in DENSITIES if getattr(section, key) is not None)
    value = getattr(section, key)
    if key == "rate_column":
        zoning = section.zoning or ""
        zones = _zones(residents, zoning)
        rates = zone_rates(zones, value, residents.zone_row[zoning], elsewhere=section.elsewhere)
        return rates, f"the share of households in column '{value}' of {zoning}"
    if key == "rate":
        density, said = Density("share_of_households", value), f"{100 * value:.3g}% of households own one"
    elif key == "rate_preset":
        known = PRESETS[value]
        density = Density(value)
        said = f"{100 * known.rate:.3g}% of households own one ({known.base}, {known.year})"
    else:
        density = Density(key, float(value))
        unit = {"number": "expected", "per_street_km": "per km of street", "per_km2": "per km2"}[key]
        said = f"there are {value:,g} cameras {unit}"
    rate = household_rate(density, residents.size, rule)
    if section.process != "weighted":
        return np.full(doors, rate), said
    zoning = section.zoning or ""
    attribute = _of_zone(residents, zoning, section.column or "")
    ratio = section.odds_ratio or 1.0
    return (
        rates_by_odds(attribute, residents.dwellings, rate, ratio),
        f"{said} on average, odds times {ratio:g} for each standard deviation of {section.column}",
    )


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
            "Fill the gaps in the file."
        )
    known = ~np.isnan(found)
    if elsewhere is None:
        weight = residents.dwellings[known]
        elsewhere = float(np.average(found[known], weights=weight)) if weight.sum() else 0.0
    return np.where(known, found, elsewhere)


def _programme(name: str, section: ProgrammeSection, rule: str, study: Study, residents: Residents) -> Programme:
    number = section.number if section.budget is None else affordable(section.budget, section.city_cost)
    drawing = _drawing(section, int(number or 0), rule, study, residents)
    if section.budget is not None:
        eligible = int(np.count_nonzero(drawing.stratum >= 0))
        if (number or 0) > eligible:
            drawing = _drawing(section, eligible, rule, study, residents)
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


def _drawing(section: ProgrammeSection, number: int, rule: str, study: Study, residents: Residents) -> Drawing:
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
        attribute = _of_zone(residents, zoning, section.column or "", elsewhere=bound + abs(bound) + 1.0)
        return means_tested(number, attribute, bound, among=residents.inside)
    zones = _zones(residents, zoning)
    wanted = [str(zone) for zone in section.zones or ()]
    unknown = [zone for zone in wanted if zone not in zones.index]
    if unknown:
        raise UnknownNameError(f"zone of '{zoning}'", unknown[0], [str(zone) for zone in zones.index])
    row = np.where(residents.inside, residents.zone_row[zoning], -1)
    numbers = [int(zones.index.get_loc(zone)) for zone in wanted]
    if section.to == "zones":
        return by_area(number, row, numbers)
    place = np.full(len(zones) + 1, -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    return first_areas(number, place[row])


def _programme_words(programme: Programme, section: ProgrammeSection | None) -> str:
    if section is None:
        return ""
    whom = {
        "all": "by lot",
        "raffle": "raffled among users of the app",
        "zones": f"in {section.zoning} {', '.join(section.zones or ())}",
        "zones_in_order": f"in {section.zoning} {', '.join(section.zones or ())}, the first first",
        "means_tested": f"where {section.column} is at most {section.at_most or 0:,g}",
    }[section.to]
    return f"and {int(programme.drawing.numbers.sum()):,} doorbells handed out {whom}"


def _rules_words(section: Section) -> str:
    rules = section.rules
    if rules is None:
        return ""
    words = []
    if rules.privacy_zone_m is not None:
        words.append(f"black out what lies over {rules.privacy_zone_m:g} m beyond the property line")
    if rules.trigger_range_m is not None:
        words.append(f"start recording within {rules.trigger_range_m:g} m only")
    whose = "all cameras" if rules.for_cameras == "all" else "the cameras handed out"
    said = f"{whose} {' and '.join(words)}" if words else ""
    gone = f"{100 * rules.lapsed:.3g}% of cameras lapsed" if rules.lapsed else ""
    return "; ".join(item for item in (said, gone) if item)
