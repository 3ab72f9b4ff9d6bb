"""A study's fairness computed: shares by zone and block face, from whose doors, and what a programme changes by zone.

All shares and intervals of zones are those of shares.csv and change.csv; computed here is only from which side ground
is in view, and what block faces need besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import EmptyCityError
from doorview.share.coverage import Coverage
from doorview.share.face_groups import SMALLEST_GROUP
from doorview.share.outputs import HEADLINE
from doorview.share.sides import SIDES, Sides, share_by_side, zone_sides
from doorview.study.counting import Counted, Views
from doorview.study.fairness_faces import face_table
from doorview.study.fairness_people import PeoplePlan, by_people, people_plan
from doorview.study.fairness_section import FairnessSection
from doorview.study.fairness_zones import ZONE_COLUMNS, zone_facts, zoning_facts

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["FAIRNESS_CAVEAT", "SPACES_SHOWN", "FairnessRun", "fairness_plan", "fairness_run", "fairness_table"]

FAIRNESS_CAVEAT = "A share by zone is not a share of that group's people."
"""Stands wherever zones are compared."""
FEW_HOMES = "fewer than 5 homes: not split by whose doors"
SPACES_SHOWN = ("all", "streets", HEADLINE)
_KEYS = ["scenario", "level", "zoning", "zone", "space"]
_OF_SHARES = ["public_amount", "share_mean", "share_p05", "share_p95", "share_low", "share_high"]
_CHANGE = ["scenario", "against", "level", "zoning", "zone", "space", "change_mean", "change_p05", "change_p95"]


@dataclass(frozen=True, eq=False)
class FairnessRun:
    """Who is in view, by zone.

    Attributes
    ----------
    section
        What was asked for.
    table
        fairness.csv, with counts of 1 to 4 as they are: a row per scenario, level, zone and space.
    change
        fairness_change.csv, None where no scenario changes anything.
    zonings
        By set of zones, how many zones have no homes, overlap and so on.
    by_people, people
        fairness_by_people.csv and what was left out of it, None without a weight.
    """

    section: FairnessSection
    table: pd.DataFrame
    change: pd.DataFrame | None
    zonings: dict[str, dict[str, Any]]
    by_people: pd.DataFrame | None = None
    people: dict[str, Any] | None = None


def fairness_plan(ready: Prepared) -> PeoplePlan | None:
    """Return the people that the study weights shares by, read and checked; None where it does not.

    Raises
    ------
    EmptyCityError
        If there will be neither a zone nor a block face to compare.

    """
    section = ready.study.fairness
    if section is None:
        return None
    if not zonings_asked(ready, section) and not (section.block_faces and len(ready.ground.faces)):
        raise _nothing(ready)
    return people_plan(ready, zonings_asked(ready, section), section.weight, section.weight_file)


def zonings_asked(ready: Prepared, section: FairnessSection) -> list[str]:
    """Return the sets of zones that a section asks for, of those that lie in the counted area."""
    return [] if ready.zones is None else section.zonings_of(list(dict.fromkeys(ready.zones["zoning"])))


def fairness_run(
    ready: Prepared,
    coverage: Coverage,
    counted: Counted,
    shares: pd.DataFrame,
    faces: Mapping[str, pd.DataFrame],
    people: PeoplePlan | None,
) -> FairnessRun | None:
    """Return the study's fairness, or None where it asks for none.

    `shares` is shares.csv with its ranges over assumptions, `faces` the shares of block faces by scenario, `people` as
    from `fairness_plan`.
    """
    section = ready.study.fairness
    if section is None:
        return None
    zonings, names = zonings_asked(ready, section), section.scenarios_of(list(counted.views))
    facts = zone_facts(ready, coverage, zonings)
    table = fairness_table(ready, coverage, counted, shares, facts, names, block_faces=section.block_faces)
    change = None if counted.change is None else change_by_zone(counted.change, shares, facts, names)
    weighed, said = (None, None) if people is None else by_people(ready, people, shares, faces, zonings, names)
    return FairnessRun(section, table, change, zoning_facts(ready, coverage, facts), weighed, said)


def fairness_table(
    ready: Prepared,
    coverage: Coverage,
    counted: Counted,
    shares: pd.DataFrame,
    facts: pd.DataFrame,
    names: list[str],
    *,
    block_faces: bool,
) -> pd.DataFrame:
    """Return fairness.csv of the zones in `facts`, and of block faces.

    Raises
    ------
    EmptyCityError
        If there is neither a zone nor a block face.

    """
    parts = [zone_table(ready, counted, shares, facts, names)] if len(facts) else []
    if block_faces and len(ready.ground.faces):
        parts.append(with_amounts(face_table(ready, coverage, counted, shares, names)))
    if not parts:
        raise _nothing(ready)
    return pd.concat(parts, ignore_index=True).sort_values(_KEYS, ignore_index=True)


def _nothing(ready: Prepared) -> EmptyCityError:
    return EmptyCityError(
        f"'{ready.city.name}': there are neither zones nor block faces to compare. Add [[zones]] to the study file, "
        "leave block_faces out of [fairness], or take a place that has streets."
    )


def zone_table(
    ready: Prepared, counted: Counted, shares: pd.DataFrame, facts: pd.DataFrame, names: list[str]
) -> pd.DataFrame:
    """Return the rows of zones: every scenario, level, zone and space, also where there is nothing to see."""
    levels = [item.name for item in ready.levels]
    keys = pd.MultiIndex.from_product([names, levels, SPACES_SHOWN], names=["scenario", "level", "space"])
    table = keys.to_frame(index=False).merge(facts, how="cross")
    own = shares.loc[shares["measure"] == "area_m2", [*_KEYS, *_OF_SHARES]]
    table = table.merge(own, how="left", on=_KEYS, validate="one_to_one")
    table = table.merge(_sides(ready, counted, names, facts), how="left", on=_KEYS, validate="one_to_one")
    table = table.rename(columns={"public_amount": "public_m2"})
    table["public_m2"] = table["public_m2"].fillna(0.0)
    return with_amounts(_without_few(ready, table))


def _without_few(ready: Prepared, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without a split by door where a zone has 1 to 4 homes, also beyond the counted area."""
    member = ready.door_table.zone_inside
    if ready.zones is None or member is None:
        return table
    homes = pd.Series(ready.door_table.dwellings @ member, index=pd.MultiIndex.from_frame(ready.zones[_KEYS[2:4]]))
    few = homes.reindex(pd.MultiIndex.from_frame(table[_KEYS[2:4]])).between(1, SMALLEST_GROUP - 1).to_numpy()
    notes = np.where(few, table["note"].map(lambda said: f"{said}; {FEW_HOMES}" if said else FEW_HOMES), table["note"])
    return table.assign(note=notes, **{name: table[name].mask(few) for name in SIDES})


def with_amounts(table: pd.DataFrame) -> pd.DataFrame:
    """Return fairness with what is in view [m2], per dwelling and per street km (empty where there is none of them)."""
    seen = table["share_mean"] * table["public_m2"]
    homes, street = table["dwellings"].astype(np.float64), table["street_km"].astype(np.float64)
    return table.assign(
        in_view_m2=seen,
        in_view_m2_per_dwelling=seen / homes.where(homes > 0),
        in_view_m2_per_street_km=seen / street.where(street > 0),
    )[
        [
            *("scenario", "level", "zoning", "zone", "space", "name", *ZONE_COLUMNS[:-1], "public_m2"),
            *_OF_SHARES[1:],
            *SIDES,
            *("in_view_m2", "in_view_m2_per_dwelling", "in_view_m2_per_street_km", "note"),
        ]
    ]


def _sides(ready: Prepared, counted: Counted, names: list[str], facts: pd.DataFrame) -> pd.DataFrame:
    """Return from which side the printed rows of zones are in view, under every scenario."""
    empty = pd.DataFrame(columns=[*_KEYS, *SIDES]).astype(dict.fromkeys(SIDES, np.float64))
    if ready.zones is None or not len(facts):
        return empty
    zones = pd.DataFrame(ready.zones[["zoning", "zone"]])
    laid: dict[int, Sides] = {}
    parts = []
    for name in names:
        seen, scenario = counted.views[name]
        if id(seen) not in laid:
            laid[id(seen)] = zone_sides(seen.coverage, seen.outputs, zones, _zone_inside(seen), SPACES_SHOWN)
        found = share_by_side(laid[id(seen)], scenario, seen.doors, ready.study.study.seed)
        parts.append(found.drop(columns="share_mean").assign(scenario=name))
    return pd.concat(parts, ignore_index=True) if parts else empty


def _zone_inside(seen: Views) -> NDArray[np.bool_]:
    """Return which zones the doors of some views lie in."""
    if seen.doors.zone_inside is None:
        raise ValueError("these doors know of no zones")
    return seen.doors.zone_inside


def change_by_zone(
    change: pd.DataFrame, shares: pd.DataFrame, facts: pd.DataFrame, names: list[str]
) -> pd.DataFrame | None:
    """Return what each programme or rule changes in each zone: change.csv's rows of zones, with both shares."""
    zones = facts[["zoning", "zone", "name"]]
    table = change.loc[change["scenario"].isin(names) & change["space"].isin(SPACES_SHOWN), _CHANGE]
    table = table.merge(zones, on=["zoning", "zone"], validate="many_to_one")
    if not len(table):
        return None
    after = shares.loc[shares["measure"] == "area_m2", [*_KEYS, "share_mean"]]
    table = table.merge(after.rename(columns={"share_mean": "share_after"}), on=_KEYS, validate="one_to_one")
    table["share_before"] = (table["share_after"] - table["change_mean"]).clip(lower=0.0)
    table["in_view"] = direction(table)
    columns = [*_CHANGE[:6], "name", "share_before", "share_after", *_CHANGE[6:], "in_view"]
    return table[columns].sort_values(_CHANGE[:6], ignore_index=True)


def direction(table: pd.DataFrame) -> NDArray[np.object_]:
    """Return in words what changes: `more`, `less`, `same`, or `open` where the interval of chance holds 0."""
    low, high = (table[name].to_numpy(np.float64) for name in ("change_p05", "change_p95"))
    none = (table["change_mean"].to_numpy(np.float64) == 0) & (low == 0) & (high == 0)
    words = np.select([none, low > 0, high < 0], ["same", "more", "less"], "open")
    return words.astype(object)
