"""A study's attributes of zones laid beside their shares: at equal ownership, then under an assumed gradient.

Everything is exact from the set rows; draws of owners, from the same numbers in both parts, say what chance does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError, StudyError
from doorview.overlays.publish import SMALLEST_COUNT
from doorview.overlays.zone_attributes import ZoneAttribute, zone_attribute
from doorview.ownership.expected import door_probabilities
from doorview.ownership.gradient import GradientRates, rates_by_category, rates_by_gradient
from doorview.ownership.processes import independent
from doorview.ownership.scenario import Scenario
from doorview.share.outputs import HEADLINE
from doorview.share.rows import SetRows, expected_shares
from doorview.share.simulate import simulated_shares
from doorview.share.summary import set_chances
from doorview.study.attributes_section import HOTSPOT_CLASS, AttributeSection
from doorview.study.attributes_table import ASSUMED_PART, COLUMNS, EQUAL_PART, Homes, InView, figures
from doorview.study.drivers import logit_moved
from doorview.study.fairness_zones import SMALL_CELLS
from doorview.study.zones import COLUMN

if TYPE_CHECKING:
    from doorview.study.compute import Prepared
    from doorview.study.counting import Counted, Views
    from doorview.study.thefts_run import TheftsRun

__all__ = ["AttributeRun", "AttributesPlan", "AttributesRun", "attributes_plan", "attributes_run", "hot_spot_classes"]

NO_HOT_SPOT = "no hot spot"
NO_DISTRICT = "no district"
COLLINEAR = 0.9
"""Two attributes of the same zones that go together this closely cannot be told apart."""


@dataclass(frozen=True, eq=False)
class AttributesPlan:
    """What is read of the study's attributes before anything is seen: by attribute, None where thefts decide.

    `rows` are the zones (in the table of zones) of each; `rates` by attribute and scenario the assumed household rates.
    """

    sections: tuple[AttributeSection, ...]
    rows: tuple[NDArray[np.int64], ...]
    read: tuple[ZoneAttribute | None, ...]
    rates: Mapping[tuple[int, str], GradientRates]


@dataclass(frozen=True, eq=False)
class AttributeRun:
    """One attribute.

    Attributes
    ----------
    section
        What was asked for.
    zones
        The zones that are compared, in the order of `homes`: `zone`, `name`, geometry.
    homes
        Their values, homes, ground.
    left_out
        Zones that are not compared: `zone`, `name`, `why`, geometry.
    seen
        Shares in view by part, scenario and level.
    notes
        What was left out, cut and assumed, in words; may hold text from data.

    """

    section: AttributeSection
    zones: gpd.GeoDataFrame
    homes: Homes
    left_out: gpd.GeoDataFrame
    seen: Mapping[tuple[str, str, str], InView] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AttributesRun:
    """The study's attributes: fairness_attributes.csv as `table`, and each attribute; `space` is what shares are of."""

    table: pd.DataFrame
    attributes: tuple[AttributeRun, ...]
    space: str
    scenarios: tuple[str, ...]


def attributes_plan(ready: Prepared) -> AttributesPlan | None:
    """Return what the study's attributes are, or None where it asks for none; all faults are raised at once."""
    asked = () if ready.study.fairness is None else ready.study.fairness.attributes
    if not asked or ready.zones is None:
        return None
    faults: list[str] = []
    if not _equal_scenarios(ready, [plan.scenario for plan in ready.plans]):
        faults.append(
            "fairness.attributes: no scenario in which every home owns a camera at one rate, so there is no equal "
            'ownership to begin with; add one with process = "independent" and rate = 0.2, without programme and rules'
        )
    rows: list[NDArray[np.int64]] = []
    values: list[ZoneAttribute | None] = []
    rates: dict[tuple[int, str], GradientRates] = {}
    for number, section in enumerate(asked):
        where = f"fairness.attributes[{number + 1}]"
        here = np.flatnonzero(ready.zones["zoning"] == section.zoning)
        rows.append(here)
        values.append(None)
        if section.column == HOTSPOT_CLASS:
            continue
        zones = ready.zones.iloc[here]
        try:
            found = zone_attribute(
                zones[COLUMN + section.column].tolist(), zones["zone"].tolist(), section.kind, section.column
            )
            values[-1] = found
            for scenario in _equal_scenarios(ready, [plan.scenario for plan in ready.plans]):
                assumed = _assumed_rates(ready, section, found, scenario)
                if assumed is not None:
                    rates[number, scenario.name] = assumed
        except InputError as fault:
            faults.append(f"{where}: {fault}")
        faults += _unknown_times(where, section, values[-1])
    if faults:
        raise StudyError("fairness", faults)
    return AttributesPlan(asked, tuple(rows), tuple(values), rates)


def _unknown_times(where: str, section: AttributeSection, found: ZoneAttribute | None) -> list[str]:
    """Return the categories of `times` that no zone has."""
    if found is None or section.times is None:
        return []
    known = sorted({str(item) for item in found.categories if item is not None})
    return [
        f"{where}.times.{name}: no zone has this category; known: {', '.join(known)}"
        for name in section.times
        if name not in known
    ]


def _equal_scenarios(ready: Prepared, scenarios: Sequence[Scenario | None]) -> list[Scenario]:
    """Return the scenarios in which every household owns a camera by one and the same rate, independently."""
    asked = ready.study.fairness
    names = [item.name for item in scenarios if item is not None]
    wanted = names if asked is None else asked.scenarios_of(names)
    return [
        item
        for item in scenarios
        if item is not None and item.built is None and item.process == "independent" and item.name in wanted
    ]


def _assumed_rates(
    ready: Prepared, section: AttributeSection, found: ZoneAttribute, scenario: Scenario
) -> GradientRates | None:
    """Return the household rates by door (doors,) under the assumed gradient; None where none is assumed."""
    if not section.assumes:
        return None
    place = ready.residents.zone_row[section.zoning]
    homes = np.where(ready.door_table.inside, ready.door_table.dwellings, 0)
    rate = scenario.rate or 0.0
    if section.gradient is not None:
        return rates_by_gradient(np.append(found.numbers, np.nan)[place], homes, rate, section.gradient)
    return rates_by_category(np.array([*found.categories, None], dtype=object)[place], homes, rate, section.times or {})


def attributes_run(
    plan: AttributesPlan | None,
    ready: Prepared,
    base: Views,
    counted: Counted,
    shares: pd.DataFrame,
    thefts: TheftsRun | None,
) -> AttributesRun | None:
    """Return the study's attributes; `base` are the full views, `shares` shares.csv with ranges over assumptions."""
    if plan is None or ready.zones is None:
        return None
    rows = base.rows
    spaces = set(rows.outputs.table["space"])
    space = HEADLINE if HEADLINE in spaces else "all"
    scenarios = [item for item in _equal_scenarios(ready, counted.scenarios) if counted.views[item.name][0] is base]
    prepared = [
        _zones_of(ready, plan, number, rows, space, None if thefts is None else thefts.ground.outlines)
        for number in range(len(plan.sections))
    ]
    seen: list[dict[tuple[str, str, str], InView]] = [{} for _ in prepared]
    for scenario in scenarios:
        owners = scenario.owners(base.doors.dwellings, base.doors.inside)
        drawn = simulated_shares(rows, owners.draw(base.doors.key, ready.study.study.seed, _words(ready)))
        for number, one in enumerate(prepared):
            for level, found in _equal(one, rows, scenario.name, drawn, shares, space):
                seen[number][EQUAL_PART, scenario.name, level] = found
            assumed = plan.rates.get((number, scenario.name))
            if assumed is not None:
                for level, found in _with_gradient(ready, one, rows, base, scenario, assumed, seen[number]):
                    seen[number][ASSUMED_PART, scenario.name, level] = found
    done = tuple(
        AttributeRun(one.section, one.zones, one.homes, one.left_out, of, (*one.notes, *_assumed_notes(plan, number)))
        for number, (one, of) in enumerate(zip(prepared, seen, strict=True))
    )
    done = tuple(_with_collinear(item, done) for item in done)
    return AttributesRun(_table(done), done, space, tuple(item.name for item in scenarios))


def _words(ready: Prepared) -> int:
    return ready.study.ownership.replicates // 64


def _zones_of(
    ready: Prepared, plan: AttributesPlan, number: int, rows: SetRows, space: str, outlines: gpd.GeoDataFrame | None
) -> AttributeRun:
    """Return which zones are compared, and which are not and why."""
    if ready.zones is None or ready.door_table.zone_inside is None:
        raise ValueError("attributes need zones")
    section, here, found = plan.sections[number], plan.rows[number], plan.read[number]
    zones = ready.zones.iloc[here]
    shapes = np.asarray(zones.geometry.array, dtype=object)
    notes: list[str] = []
    if found is None:
        classes = hot_spot_classes(shapes, outlines)
        found = ZoneAttribute("category", np.full(len(here), np.nan), classes)
        if (classes == NO_HOT_SPOT).all():
            notes.append("no zone has a hot spot of reported thefts over most of its area: one category alone")
    notes += found.notes()
    table = rows.outputs.table
    of_space = (table["space"] == space) & (table["measure"] == "area_m2") & (table["zoning"] == section.zoning)
    places = pd.Series(np.flatnonzero(of_space), index=table.loc[of_space, "zone"].astype(str))
    output = places.reindex(zones["zone"]).fillna(-1).to_numpy(np.int64)
    cells = np.where(output >= 0, rows.outputs.amount[output], 0)
    unit = np.where(output >= 0, rows.outputs.unit[output], 0.0)
    member = ready.door_table.zone_inside[:, here] & ready.door_table.inside[:, None]
    homes = (ready.door_table.dwellings @ member).astype(np.int64)
    why = _why_left_out(found, cells, homes)
    kept = why == ""
    notes += [f"left out: {_zones(int((why == reason).sum()))} ({reason})" for reason in dict.fromkeys(why[~kept])]
    if section.kind == "number" and kept.sum() > 1 and np.ptp(found.numbers[kept]) == 0:
        notes.append("the attribute is the same in all zones: nothing to compare it with")
    xy = shapely.get_coordinates(shapely.point_on_surface(shapes[kept]))
    compared = Homes(
        section.kind, found.numbers[kept], found.categories[kept], homes[kept], (cells * unit)[kept], xy,
        _districts(ready, section, zones[kept]),
    )  # fmt: skip
    named = gpd.GeoDataFrame(zones[["zone", "name", "geometry"]], crs=zones.crs)
    chosen = named[kept].assign(output=output[kept]).reset_index(drop=True)
    left = named[~kept].assign(why=why[~kept]).reset_index(drop=True)
    return AttributeRun(section, chosen, compared, left, {}, tuple(notes))


def _why_left_out(found: ZoneAttribute, cells: NDArray[np.int64], homes: NDArray[np.int64]) -> NDArray[np.object_]:
    """Return why a zone (zones,) is not compared, empty where it is."""
    why = np.full(len(cells), "", dtype=object)
    why[~found.known] = "no value of the attribute"
    why[cells < SMALL_CELLS] = f"under {SMALL_CELLS} cells of public ground near homes"
    why[cells == 0] = "no public ground near homes"
    why[homes < SMALLEST_COUNT] = f"fewer than {SMALLEST_COUNT} homes"
    return why


def hot_spot_classes(shapes: NDArray[np.object_], outlines: gpd.GeoDataFrame | None) -> NDArray[np.object_]:
    """Return the class of hot spot that covers most of each zone (zones,), or that none does over half of it.

    `outlines` as in the layer `hotspots`. Classes over time overlap with the hot spots of the longer window, of which
    they are a finer reading: each is measured alone, the larger area wins, and of equals the first by name.
    """
    found = np.full(len(shapes), NO_HOT_SPOT, dtype=object)
    if outlines is None or not len(outlines):
        return found
    most = 0.5 * shapely.area(shapes)
    for name, part in sorted(outlines.groupby("class"), key=lambda item: str(item[0])):
        covered = shapely.area(shapely.intersection(shapes, shapely.union_all(part.geometry.to_numpy())))
        found[covered > most] = str(name)
        most = np.maximum(most, covered)
    return found


def _districts(ready: Prepared, section: AttributeSection, zones: gpd.GeoDataFrame) -> NDArray[np.object_] | None:
    """Return the district of each zone (zones,): by largest common area, or by a column of the zones' file."""
    if section.districts is None or ready.zones is None:
        return None
    others = ready.zones[ready.zones["zoning"] == section.districts]
    if not len(others):
        texts = [None if pd.isna(value) else str(value) for value in zones[COLUMN + section.districts]]
        return np.array([NO_DISTRICT if text is None else text for text in texts], dtype=object)
    shapes, held = np.asarray(zones.geometry.array, dtype=object), np.asarray(others.geometry.array, dtype=object)
    found, most = np.full(len(shapes), NO_DISTRICT, dtype=object), np.zeros(len(shapes))
    one, other = shapely.STRtree(held).query(shapes, predicate="intersects")
    for zone, district, area in zip(
        one, other, shapely.area(shapely.intersection(shapes[one], held[other])), strict=True
    ):
        if area > most[zone]:
            found[zone], most[zone] = str(others["zone"].iloc[district]), area
    return found


def _equal(
    one: AttributeRun, rows: SetRows, scenario: str, drawn: NDArray[np.float64], shares: pd.DataFrame, space: str
) -> Iterator[tuple[str, InView]]:
    """Yield, by level, the shares of the zones that are compared as shares.csv has them, and their draws."""
    output = one.zones["output"].to_numpy(np.int64)
    own = shares[(shares["scenario"] == scenario) & (shares["zoning"] == one.section.zoning)]
    own = own[(own["space"] == space) & (own["measure"] == "area_m2")]
    for number, level in enumerate(rows.levels):
        table = own[own["level"] == level].set_index("zone").reindex(one.zones["zone"])
        mean, low, high = (table[name].to_numpy(np.float64) for name in ("share_mean", "share_low", "share_high"))
        yield level, InView(mean, low, high, drawn[number][output])


def _with_gradient(
    ready: Prepared, one: AttributeRun, rows: SetRows, base: Views, scenario: Scenario, assumed: GradientRates,
    equal: Mapping[tuple[str, str, str], InView],
) -> Iterator[tuple[str, InView]]:  # fmt: skip
    """Yield the same under the assumed gradient, exact; the range over assumptions moves as that of equal ownership."""
    doors = base.doors
    owners = independent(door_probabilities(doors.dwellings, assumed.rates, scenario.shared_doors))
    built = Scenario(scenario.name, "built", shared_doors=scenario.shared_doors, built=owners)
    chance = set_chances(base.coverage, built, doors, ready.study.study.seed)[:1]
    drawn = simulated_shares(rows, owners.draw(doors.key, ready.study.study.seed, _words(ready)))
    output = one.zones["output"].to_numpy(np.int64)
    for number, level in enumerate(rows.levels):
        mean = expected_shares(rows.outputs, rows.by_level[number], chance)[0][output]
        before = equal[EQUAL_PART, scenario.name, level]
        low, high = (logit_moved(mean, before.mean, end) for end in (before.low, before.high))
        yield level, InView(mean, low, high, drawn[number][output])


def _assumed_notes(plan: AttributesPlan, number: int) -> list[str]:
    """Return what was cut and filled in the assumed rates, over all scenarios."""
    found = {name: rates for (place, name), rates in plan.rates.items() if place == number}
    notes = []
    for name, rates in found.items():
        for homes, end in ((rates.at_zero, "0"), (rates.at_one, "1")):
            if homes:
                notes.append(
                    f"{name}: the assumed rate was cut at {end} for {_homes(homes)}; the mean is kept all the same"
                )
    unknown = max((rates.unknown for rates in found.values()), default=0)
    if unknown:
        notes.append(f"{_homes(unknown)} in no zone with a value own at the mean rate under the assumed gradient")
    return notes


def _zones(number: int) -> str:
    return "1 zone" if number == 1 else f"{number:,} zones"


def _homes(number: int) -> str:
    return f"fewer than {SMALLEST_COUNT} homes" if number < SMALLEST_COUNT else f"{number:,} homes"


def _with_collinear(item: AttributeRun, others: Sequence[AttributeRun]) -> AttributeRun:
    """Return the attribute with a note on others of the same zones that go together with it."""
    notes = list(item.notes)
    for other in others:
        if other is item or other.section.zoning != item.section.zoning or item.homes.kind != "number":
            continue
        both = item.zones.reset_index().merge(other.zones.reset_index(), on="zone")
        a, b = item.homes.numbers[both["index_x"]], other.homes.numbers[both["index_y"]]
        if other.homes.kind == "number" and len(both) > 2 and np.ptp(a) > 0 and np.ptp(b) > 0:
            r = float(np.corrcoef(a, b)[0, 1])
            if abs(r) >= COLLINEAR:
                notes.append(
                    f"goes together with {other.section.name} (r = {r:.2f}): their slopes cannot be told apart"
                )
    return AttributeRun(item.section, item.zones, item.homes, item.left_out, item.seen, tuple(notes))


def _table(attributes: Sequence[AttributeRun]) -> pd.DataFrame:
    """Return fairness_attributes.csv; rows by zoning, attribute, part (equal ownership first), scenario and level."""
    parts: list[dict[str, Any]] = []
    for item in attributes:
        for (part, scenario, level), seen in item.seen.items():
            key = {
                "zoning": item.section.zoning, "attribute": item.section.column, "part": part, "scenario": scenario,
                "level": level,
            }  # fmt: skip
            parts += [{**key, **row} for row in figures(item.homes, seen, item.section.unit or "")]
    table = pd.DataFrame(parts, columns=list(COLUMNS))
    order = {EQUAL_PART: 0, ASSUMED_PART: 1}
    table["_part"] = table["part"].map(order)
    keys = ["zoning", "attribute", "_part", "scenario", "level"]
    return table.sort_values(keys, kind="stable", ignore_index=True).drop(columns="_part")
