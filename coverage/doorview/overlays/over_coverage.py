"""Reported thefts over coverage: what cameras could have had the place in view, against doors drawn at random.

Thefts of parcels happen at doors, and doors are where cameras are: almost any theft lies nearer to a camera than a
random spot does. So the comparison is with *doors* drawn at random in the same zones, as many in each as there are
incidents. What remains is an association: cameras raise reports, and reports raise hot spots.

Sets of doors are `start` (sets + 1,) and `doors` (memberships,), as in `doorview.ownership.union`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.errors import InputError
from doorview.overlays.intervals import labels
from doorview.overlays.porches import DOOR, OUT_M, porches
from doorview.ownership.expected import ONE
from doorview.ownership.union import Owners, mean_given_shared

__all__ = [
    "KNOWN_TO_BLOCK",
    "NOTE",
    "OUT_M",
    "Thefts",
    "giveaway_change",
    "ground_in_view",
    "incidents_in_view",
    "over_assumptions",
    "place_thefts",
    "porches",
    "view_chances",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KNOWN_TO_BLOCK = "place known to the block"
KNOWN_TO_DOOR = "place known to the nearest door"
NOTE = (
    "Cameras raise reports, and reports raise hot spots: that more reported thefts are in view says neither that "
    "cameras catch thieves nor that they keep them away. In view is not recorded."
)
NEAREST_M = 30.0
"""A point farther than this from every door is no theft at a door that is known [m]: a free parameter."""
REPLICATES = 999
ANY, ANOTHER = "any door", "another door"
"""Whose camera has the porch in view: any, the victim's own with it; or one of another door than the victim's."""


class Sets(NamedTuple):
    """Sets of doors: `start` (sets + 1,), `doors` (memberships,)."""

    start: Ints
    doors: Ints


@dataclass(frozen=True, eq=False)
class Thefts:
    """Incidents placed at doors.

    row
        Rows (n,) of the incidents that were placed.
    sets
        The doors where each may have happened: one for a point, all of the block for a block.
    by_block
        Whether the place of each (n,) is known to the block only.
    place
        Id (n,) of its door, or number of its block: incidents of one place stay together when places are drawn.
    zone
        Zone (n,) of each: that of its door, of a block that of most of its doors.
    block_of_door
        Block (doors,) of every door, -1 for none; incidents drawn at random are blurred as the real ones are.
    counts
        Incidents read, placed at a door, placed in a block, and left out because no door is near.

    """

    row: Ints
    sets: Sets
    by_block: NDArray[np.bool_]
    place: NDArray[np.object_]
    zone: NDArray[np.object_]
    block_of_door: Ints
    counts: dict[str, int] = field(default_factory=dict)


def place_thefts(
    incidents: gpd.GeoDataFrame,
    doors: gpd.GeoDataFrame,
    *,
    faces: gpd.GeoDataFrame | None = None,
    zones: ArrayLike | None = None,
    within_m: float = NEAREST_M,
    block_within_m: float = 100.0,
) -> Thefts:
    """Return the doors where each incident may have happened.

    A point is placed at the nearest door (of several at the same distance the first by id). Where the place is a block
    (`block` is not ""), every door of the block face nearest to it is as likely: doors belong to the face nearest to
    them, and faces without doors are passed over.

    Parameters
    ----------
    incidents
        Points [m], `block` where the place is known to a block only.
    doors
        Points [m], index of ids.
    faces
        Block faces, LineStrings (`Ground.faces`); needed where there are blocks.
    zones
        Zone of each door (doors,), those without one are a zone of their own; None: all doors are of one zone.
    within_m, block_within_m
        How far the nearest door may be from a point, or the nearest face with doors from the place of a block [m].

    Raises
    ------
    InputError
        For another CRS, zones of another number, no doors, and blocks without faces.

    """
    _check_crs(incidents, doors)
    xy, door_xy = _xy(incidents), _xy(doors)
    zone = np.full(len(doors), "all", object) if zones is None else labels(zones)
    if len(zone) != len(doors) or not len(doors):
        raise InputError(f"{len(zone)} zones for {len(doors)} doors: give one for each door, of one door at least.")
    by_block = labels(incidents["block"]) != "" if "block" in incidents.columns else np.zeros(len(xy), bool)
    if by_block.any() and faces is None:
        raise InputError(
            f"{int(by_block.sum())} incidents are known to the block only, and there are no block faces to spread them "
            "over: pass faces=public_space(city).faces."
        )
    face_of_door = np.full(len(doors), -1, np.int64)
    at = np.full(len(xy), -1, np.int64)
    if faces is not None:
        lines = np.asarray(faces.geometry.array, dtype=object)
        face_of_door = _nearest(lines, door_xy, np.arange(len(lines)), np.inf)
        at[by_block] = _nearest(lines, xy[by_block], np.unique(face_of_door[face_of_door >= 0]), block_within_m)
    order = np.argsort(np.asarray(doors.index.astype(str), dtype=object), kind="stable")
    at[~by_block] = _nearest(shapely.points(door_xy), xy[~by_block], order, within_m)
    members = _groups(face_of_door)
    row = np.flatnonzero(at >= 0)
    groups = [members[int(at[n])] if by_block[n] else at[n : n + 1] for n in row]
    counts = {
        "incidents": len(xy),
        "at_a_door": int((~by_block[row]).sum()),
        "known_to_the_block": int(by_block[row].sum()),
        "no_door_near": len(xy) - len(row),
    }
    zone_of = np.array([_commonest(zone[group]) for group in groups], dtype=object)
    ids = doors.index.tolist()
    place = [f"block:{at[n]}" if by_block[n] else f"door:{ids[at[n]]}" for n in row]
    return Thefts(row, _sets(groups), by_block[row], np.array(place, object), zone_of, face_of_door, counts)


def _nearest(shapes: NDArray[Any], xy: Floats, rows: Ints, within_m: float) -> Ints:
    """Return, for each point, the nearest of the shapes in `rows`, of equals the first in their order; -1: none."""
    found = np.full(len(xy), -1, np.int64)
    if len(rows) and len(xy):
        tree = shapely.STRtree(shapes[rows])
        limit = None if np.isinf(within_m) else within_m
        point, place = tree.query_nearest(shapely.points(xy), max_distance=limit, all_matches=True)
        order = np.lexsort((place, point))
        first = order[np.unique(point[order], return_index=True)[1]]
        found[point[first]] = rows[place[first]]
    return found


def _groups(label: Ints) -> dict[int, Ints]:
    """Return the rows of each label from 0."""
    order = np.argsort(label, kind="stable")
    values, start = np.unique(label[order], return_index=True)
    parts = np.split(order, start[1:])
    return {int(value): part.astype(np.int64) for value, part in zip(values, parts, strict=True) if value >= 0}


def _commonest(zone: NDArray[np.object_]) -> Any:
    """Return the zone of most doors, of equals the first by name."""
    names = sorted(set(zone.tolist()), key=str)
    return max(names, key=lambda name: int((zone == name).sum()))


def _sets(groups: list[Ints]) -> Sets:
    start = np.concatenate([[0], np.cumsum([len(group) for group in groups])]).astype(np.int64)
    return Sets(start, np.concatenate([np.zeros(0, np.int64), *groups]))


def view_chances(
    pairs: pd.DataFrame,
    owners: Owners,
    doors: gpd.GeoDataFrame,
    places: Any,
    *,
    without_own: bool = False,
    keys: NDArray[np.uint64] | None = None,
    seed: int = 0,
) -> Floats:
    """Return the chance (places,) that a place is in view of at least one owner: exact where there is a closed form.

    Parameters
    ----------
    pairs
        Which door has which place in view: columns `door`, `point`, as from `doorview.sight.points.sees`.
    owners
        Over `doors`, in their order.
    places
        The index of the places.
    without_own
        Leave out the pair of a door with a place of its own id: the victim's own camera.
    keys, seed
        Door keys; needed where the chances hang together in a way without a closed form (a field of owners).

    Raises
    ------
    InputError
        For pairs of unknown doors or places, owners of other doors, and where keys are needed.

    """
    if len(owners) != len(doors):
        raise InputError(f"owners are over {len(owners):,} doors, but there are {len(doors):,}: they must be the same.")
    door, place = doors.index.get_indexer(pairs["door"]), pd.Index(places).get_indexer(pairs["point"])
    if (door < 0).any() or (place < 0).any():
        raise InputError(
            f"the pairs name {int((door < 0).sum())} unknown doors and {int((place < 0).sum())} unknown places: "
            "compute them for these doors and places, with sees()."
        )
    if without_own:
        other = (pairs["door"] != pairs["point"]).to_numpy()
        door, place = door[other], place[other]
    couples = np.unique(np.column_stack([place, door]), axis=0)  # a pair told twice counts once; doors in their order
    start = np.searchsorted(couples[:, 0], np.arange(len(places) + 1)).astype(np.int64)
    members = np.ascontiguousarray(couples[:, 1], dtype=np.int64)
    exact = owners.at_least(start, members, 1)
    if exact is not None:
        chance: Floats = exact[0] / ONE
        return chance
    if keys is None:
        raise InputError("these owners have no closed form: pass keys=door_keys(list(doors.index)) to average them.")
    averaged: Floats = mean_given_shared(owners, keys, start, members, seed=seed, most=1).mean[0]
    return averaged


def incidents_in_view(
    thefts: Thefts,
    doors: gpd.GeoDataFrame,
    pairs: Mapping[str, pd.DataFrame],
    scenarios: Mapping[str, Owners],
    *,
    zones: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    keys: NDArray[np.uint64] | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Return the expected share of incidents whose porch is in view, beside that of doors drawn at random.

    Parameters
    ----------
    thefts
        As from `place_thefts` with these doors and zones.
    doors
        As given to `place_thefts`.
    pairs
        For each level, which doors have which porch in view: `sees(doors, porches(doors), obstacles, level=...)`.
    scenarios
        Owners over `doors` by the scenario's name.
    zones
        Zone of each door, as given to `place_thefts`.
    classes
        Hot-spot class of each incident given to `place_thefts`, in their order, for rows of their own besides `all`;
        "" is in none.
    keys, seed, replicates
        Door keys as for `view_chances`; seed and number of the draws at random.

    Columns: `level`, `scenario`, `hot_spot` (`all` or a class), `of` (in view of `any door` that owns a camera, or of
    `another door` than the victim's), `incidents`, `incidents_by_block`, `in_view`: the mean over incidents of the
    chance that their porch is in view, of a block the mean over its doors; `in_view_low`, `in_view_high`: were every
    theft of a block at its least, or most, seen door; `spread`: standard deviation of `in_view` were the door drawn
    from the block; `random_mean`, exact, and `random_low`, `random_high` (95 % of the draws): the same for doors drawn
    at random in the same zones, as many in each, those of one place together, and blurred to their block where the
    incident is; `difference`, `place` and `words`. Counts of 1 to 4 are for the user's eyes.
    """
    check_seed(seed)
    zone = np.full(len(doors), "all", object) if zones is None else labels(zones)
    number = thefts.counts["incidents"]
    kind = np.full(number, "", object) if classes is None else labels(classes)
    if len(zone) != len(doors) or len(kind) != number:
        raise InputError("zones are one for each door, and classes one for each incident, in their order.")
    kind = kind[thefts.row]
    groups = {
        "all": np.ones(len(kind), bool),
        **{str(name): kind == name for name in sorted(set(kind.tolist()) - {""})},
    }
    drawn = _drawn(thefts, doors, zone, seed, replicates)
    rows = []
    for level, seen in pairs.items():
        for scenario, owners in scenarios.items():
            for whose in (ANY, ANOTHER):
                chance = view_chances(
                    seen, owners, doors, doors.index, without_own=whose == ANOTHER, keys=keys, seed=seed
                )
                table = _of_incidents(thefts, chance, zone, drawn)
                key = {"level": level, "scenario": scenario}
                rows += [
                    {**key, "hot_spot": name, "of": whose, **_summed(table, thefts.by_block, part)}
                    for name, part in groups.items()
                ]
    return pd.DataFrame(rows)


def _drawn(
    thefts: Thefts,
    doors: gpd.GeoDataFrame,
    zone: NDArray[np.object_],
    seed: int,
    replicates: int,
) -> Ints:
    """Return a door (replicates, n) of the same zone for each incident: a hash of seed, replicate and its place.

    Ten thefts at one door are drawn at one door: else reports that concentrate anywhere would differ from chance.
    """
    keys = keys_of(thefts.place.tolist())
    number = np.stack([uniform(keys, seed, replicate) for replicate in range(replicates)])
    order = np.argsort(np.asarray(doors.index.astype(str), dtype=object), kind="stable")
    found = np.empty(number.shape, np.int64)
    for name in set(thefts.zone.tolist()):
        there, here = order[zone[order] == name], thefts.zone == name
        found[:, here] = there[(number[:, here] * len(there)).astype(np.int64)]
    return found


class _PerIncident(NamedTuple):
    """Chances (n,) of each incident: mean, least, most and variance over its doors; at random; and drawn (r, n)."""

    mean: Floats
    least: Floats
    most: Floats
    variance: Floats
    at_random: Floats
    drawn: Floats


def _of_incidents(thefts: Thefts, chance: Floats, zone: NDArray[np.object_], drawn: Ints) -> _PerIncident:
    start, members = thefts.sets
    values = chance[members]
    if not len(thefts.row):
        none = np.zeros(0)
        return _PerIncident(none, none, none, none, none, np.zeros(drawn.shape))
    size = np.diff(start)
    # Sorted within each incident, so that no sum depends on the order of doors.
    values = values[np.lexsort((values, np.repeat(np.arange(len(size)), size)))]
    mean = np.add.reduceat(values, start[:-1]) / size
    variance = np.add.reduceat((values - np.repeat(mean, size)) ** 2, start[:-1]) / size
    blurred = _block_means(chance, thefts.block_of_door)
    at_random = np.empty(len(mean))
    for name in set(thefts.zone.tolist()):
        here, there = thefts.zone == name, zone == name
        at_random[here] = np.where(thefts.by_block[here], np.sort(blurred[there]).mean(), np.sort(chance[there]).mean())
    return _PerIncident(
        mean,
        np.minimum.reduceat(values, start[:-1]),
        np.maximum.reduceat(values, start[:-1]),
        variance,
        at_random,
        np.where(thefts.by_block, blurred[drawn], chance[drawn]),
    )


def _block_means(chance: Floats, block: Ints) -> Floats:
    """Return the mean chance (doors,) of each door's block; a door of no block keeps its own."""
    known = block >= 0
    if not known.any():
        return chance
    order = np.lexsort((chance[known], block[known]))
    total = np.bincount(block[known][order], chance[known][order])
    out = chance.copy()
    out[known] = (total / np.maximum(np.bincount(block[known]), 1))[block[known]]
    return out


def _summed(table: _PerIncident, by_block: NDArray[np.bool_], part: NDArray[np.bool_]) -> dict[str, Any]:
    number, blocks = int(part.sum()), int(by_block[part].sum())
    if number == 0:
        names = ("in_view", "in_view_low", "in_view_high", "spread", "random_mean", "random_low", "random_high")
        empty = dict.fromkeys((*names, "difference"), np.nan)
        return {"incidents": 0, "incidents_by_block": 0, **empty, "place": "", "words": "no incident"}
    mean = float(np.sort(table.mean[part]).sum()) / number
    low, high = np.quantile(np.sort(table.drawn[:, part], axis=1).sum(axis=1) / number, (0.025, 0.975)).tolist()
    at_random = float(np.sort(table.at_random[part]).sum()) / number
    words = "as doors at random" if low <= mean <= high else f"{'more' if mean > high else 'less'} than doors at random"
    both = f"{blocks} of {number}: {KNOWN_TO_BLOCK}"
    return {
        "incidents": number,
        "incidents_by_block": blocks,
        "in_view": mean,
        "in_view_low": float(np.sort(table.least[part]).sum()) / number,
        "in_view_high": float(np.sort(table.most[part]).sum()) / number,
        "spread": float(np.sqrt(np.sort(table.variance[part]).sum())) / number,
        "random_mean": at_random,
        "random_low": low,
        "random_high": high,
        "difference": mean - at_random,
        "place": KNOWN_TO_BLOCK if blocks == number else both if blocks else KNOWN_TO_DOOR,
        "words": f"reported thefts are in view {words} of the same zones",
    }


def ground_in_view(
    spots: gpd.GeoDataFrame,
    doors: gpd.GeoDataFrame,
    pairs: Mapping[str, pd.DataFrame],
    scenarios: Mapping[str, Owners],
    *,
    keys: NDArray[np.uint64] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the expected share of ground in view by hot-spot class.

    Parameters
    ----------
    spots
        Points that stand for ground, as from `doorview.overlays.porches.ground_spots`, with `hot_spot` ("" is outside
        all) and `area_m2`. For exact areas hand the hot spots' outlines to the share room as one more set of zones.
    doors, scenarios, keys, seed
        As for `incidents_in_view`.
    pairs
        For each level, which doors have which spot in view.

    Columns: `level`, `scenario`, `hot_spot` (`all`, a class, or `elsewhere`), `spots`, `area_m2`, `in_view`.
    """
    kind, area = labels(spots["hot_spot"]), spots["area_m2"].to_numpy(dtype=np.float64)
    groups = {
        "all": np.ones(len(spots), bool),
        **{str(name): kind == name for name in sorted(set(kind.tolist()) - {""})},
    }
    groups["elsewhere"] = kind == ""
    rows = []
    for level, seen in pairs.items():
        for scenario, owners in scenarios.items():
            chance = view_chances(seen, owners, doors, spots.index, keys=keys, seed=seed)
            for name, part in groups.items():
                ground = float(area[part].sum())
                share = float((chance[part] * area[part]).sum()) / ground if ground else np.nan
                key = {"level": level, "scenario": scenario, "hot_spot": name, "spots": int(part.sum())}
                rows.append({**key, "area_m2": ground, "in_view": share})
    return pd.DataFrame(rows)


def over_assumptions(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the first table with the least and the most that each share becomes under other assumptions.

    How far before its door a parcel lies (`porches`) decides what neighbours have in view, and no source says it: give
    the tables for 0, 1 and 2 m, the one to be printed first.

    Parameters
    ----------
    tables
        By the assumption's name, tables of `incidents_in_view` or `ground_in_view` for the same keys.

    Added columns: `in_view_least`, `in_view_most`, `assumptions` (their names).

    Raises
    ------
    InputError
        If the tables have other keys.

    """
    first = next(iter(tables.values()))
    keys = [name for name in ("level", "scenario", "hot_spot", "of") if name in first.columns]
    shares = [table.set_index(keys)["in_view"].rename(name) for name, table in tables.items()]
    joined = pd.concat(shares, axis=1)
    if any(not share.index.equals(shares[0].index) for share in shares):
        raise InputError("the tables of the assumptions have other levels, scenarios or classes: make them alike.")
    found = joined.to_numpy(dtype=np.float64)
    return first.assign(
        in_view_least=found.min(axis=1), in_view_most=found.max(axis=1), assumptions=", ".join(map(str, tables))
    )


def giveaway_change(table: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Return what a scenario (a giveaway to hot spots, say) changes in the shares of a table of two scenarios.

    Parameters
    ----------
    table
        As from `incidents_in_view` or `ground_in_view`.
    before, after
        Names of the scenarios.

    Columns: the table's keys, `before`, `after`, `change`, and `note`, which goes wherever the figure goes: `NOTE`.

    Raises
    ------
    InputError
        If the table lacks one of the scenarios.

    """
    missing = [name for name in (before, after) if not (table["scenario"] == name).any()]
    if missing:
        raise InputError(f"the table holds no scenario {missing}: it has {sorted(table['scenario'].unique())}.")
    keys = [name for name in ("level", "hot_spot", "of") if name in table.columns]
    first, second = (
        table[table["scenario"] == name].set_index(keys)["in_view"].rename(what)
        for name, what in ((before, "before"), (after, "after"))
    )
    found = pd.concat([first, second], axis=1).reset_index()
    return found.assign(change=found["after"] - found["before"], note=NOTE)


def _xy(table: gpd.GeoDataFrame) -> Floats:
    geometry = np.asarray(table.geometry.array, dtype=object)
    if ((shapely.get_type_id(geometry) != DOOR) | shapely.is_empty(geometry)).any():
        raise InputError("incidents and doors must be points that are not empty: drop what has no place, and count it.")
    return np.asarray(shapely.get_coordinates(geometry), dtype=np.float64).reshape(-1, 2)


def _check_crs(incidents: gpd.GeoDataFrame, doors: gpd.GeoDataFrame) -> None:
    one, other = (None if table.crs is None else CRS.from_user_input(table.crs) for table in (incidents, doors))
    if one is None or other is None or one != other or not one.is_projected:
        raise InputError(
            "incidents and doors must be in one projected CRS in metres, so that distances are metres: use "
            "incidents.to_crs(doors.crs)."
        )
