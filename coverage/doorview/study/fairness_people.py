"""The share by people: shares weighted by a column of zones, or by people put on block faces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.overlays.people import Numbers, numbers_of, people_on_faces, read_people
from doorview.share.outputs import HEADLINE
from doorview.study.zones import zone_column, zone_membership

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["PEOPLE_COLUMNS", "PeoplePlan", "by_people", "people_plan"]

PEOPLE_COLUMNS = ("scenario", "level", "zoning", "zone", "space", "people", "share_by_people", "share_mean")
_SPACES = ("all", "streets", HEADLINE)
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class PeoplePlan:
    """People read and checked before anything slow.

    `of_zones`: by set of zones, the numbers of its zones in the order of the run's. `shapes` with `numbers`: of a file.
    """

    column: str
    of_zones: Mapping[str, Numbers]
    shapes: gpd.GeoDataFrame | None = None
    numbers: Numbers | None = None
    file: str | None = None


def people_plan(
    ready: Prepared,
    zonings: list[str],
    column: str | None,
    source: str | os.PathLike[str] | gpd.GeoDataFrame | None = None,
) -> PeoplePlan | None:
    """Return the people that shares are weighted by, None without any.

    Raises
    ------
    InputError
        For a column that no set of zones has, and as `read_people`.
    """
    if column is None:
        return None
    if source is not None:
        shapes, numbers = read_people(source, column, ready.city.crs)
        return PeoplePlan(
            column, {}, shapes, numbers, None if isinstance(source, gpd.GeoDataFrame) else Path(source).name
        )
    found, known = {}, []
    for zoning in ready.study.zones:
        if zoning.set_name not in zonings or ready.zones is None:
            continue
        values, there = zone_column(zoning, column)
        known += there
        if values is None:
            continue
        ids = ready.zones.loc[ready.zones["zoning"] == zoning.set_name, "zone"].to_numpy()
        where = f"'{zoning.file.name}', column '{column}'"
        found[zoning.set_name] = numbers_of(values.reindex(ids), where, [f"zone {zone}" for zone in ids])
    if not found:
        raise InputError(
            f"no set of zones has numbers in a column '{column}' to weight by; there are: "
            f"{', '.join(dict.fromkeys(known))}. Name one of these, or give a file of people that has the column "
            "(weight_file)."
        )
    return PeoplePlan(column, found)


def by_people(
    ready: Prepared,
    plan: PeoplePlan,
    shares: pd.DataFrame,
    faces: Mapping[str, pd.DataFrame],
    zonings: list[str],
    names: list[str],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return fairness_by_people.csv and what was left out.

    By a column of zones: a row per set of zones (zone `all`), the mean over its zones weighted by people, a zone in
    view as its public ground is. By a file: the mean over block faces weighted by the people put on each, a face in
    view as the streets of its group are; a row for the whole place and one for each zone with people. `share_mean` is
    beside it for comparison: the plain share by area, of the whole place or the zone.
    """
    if plan.shapes is None:
        return _by_zones(ready, plan, shares, names)
    return _by_faces(ready, plan, shares, faces, zonings, names)


def _by_zones(
    ready: Prepared, plan: PeoplePlan, shares: pd.DataFrame, names: list[str]
) -> tuple[pd.DataFrame, dict[str, Any]]:
    parts, said = [], {}
    area = shares[(shares["measure"] == "area_m2") & shares["space"].isin(_SPACES) & shares["scenario"].isin(names)]
    whole = area[area["zoning"] == "all"].set_index(["scenario", "level", "space"])["share_mean"]
    for zoning, numbers in plan.of_zones.items():
        if ready.zones is None:
            continue
        zones = ready.zones.loc[ready.zones["zoning"] == zoning, "zone"]
        people = pd.Series(numbers.values, index=zones.to_numpy())
        own = area[area["zoning"] == zoning].assign(people=lambda t, p=people: t["zone"].map(p))
        used = own[own["people"].notna()]
        sums = used.assign(weighed=used["people"] * used["share_mean"]).groupby(["scenario", "level", "space"])
        table = sums[["people", "weighed"]].sum()
        table["share_by_people"] = table["weighed"] / table["people"].where(table["people"] > 0)
        table["share_mean"] = whole.reindex(table.index)
        parts.append(table.drop(columns="weighed").reset_index().assign(zoning=zoning, zone="all"))
        unseen = people[~people.index.isin(own["zone"])].dropna()
        said[zoning] = {
            "zones_without_a_number": len(numbers.gaps),
            "first_without_a_number": numbers.gaps[:_SHOWN],
            "people_in_zones_without_public_space": float(unseen.sum()),
        }
    table = pd.concat(parts, ignore_index=True)[list(PEOPLE_COLUMNS)]
    return table.sort_values(list(PEOPLE_COLUMNS[:5]), ignore_index=True), {"column": plan.column, "zonings": said}


def _by_faces(
    ready: Prepared,
    plan: PeoplePlan,
    shares: pd.DataFrame,
    faces: Mapping[str, pd.DataFrame],
    zonings: list[str],
    names: list[str],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    if plan.shapes is None or plan.numbers is None:
        raise ValueError("these people are nowhere")
    levels = [item.name for item in ready.levels]
    usable = faces[names[0]][[f"share_{name}" for name in levels]].notna().all(axis=1).to_numpy()
    put = people_on_faces(plan.shapes, plan.numbers.values, ready.ground.faces, usable)
    places: list[tuple[str, str, NDArray[np.bool_]]] = [("all", "all", np.ones(len(put.face), bool))]
    if ready.zones is not None and zonings:
        zones = ready.zones[ready.zones["zoning"].isin(zonings)]
        held = zone_membership(zones, put.xy)
        places += [
            (zoning, zone, held[:, n])
            for n, (zoning, zone) in enumerate(zip(zones["zoning"], zones["zone"], strict=True))
        ]
    plain = shares[(shares["measure"] == "area_m2") & (shares["space"] == "streets")]
    plain = plain.set_index(["scenario", "level", "zoning", "zone"])["share_mean"]
    rows = []
    for name in names:
        for level in levels:
            share = faces[name][f"share_{level}"].to_numpy(np.float64)[put.face]
            for zoning, zone, here in places:
                people = float(put.people[here].sum())
                if people > 0:
                    mean = float(put.people[here] @ share[here]) / people
                    mean_of_ground = float(plain.get((name, level, zoning, zone), np.nan))
                    rows.append((name, level, zoning, zone, "streets", people, min(mean, 1.0), mean_of_ground))
    if not rows:
        raise InputError(
            f"none of the people of '{plan.file or 'the table'}' are within 50 m of a block face that has a share: "
            f"{put.left_out or put.rows_left_out}. The file may be of another place, or in another CRS than it says."
        )
    table = pd.DataFrame(rows, columns=list(PEOPLE_COLUMNS))
    said = {
        "column": plan.column,
        "file": plan.file,
        "people": float(put.people.sum()),
        "people_left_out": put.left_out,
        "rows_left_out": put.rows_left_out,
    }
    return table.sort_values(list(PEOPLE_COLUMNS[:5]), ignore_index=True), said
