"""Fairness by block face: groups of at least 5 homes as they are published elsewhere, from which side in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from doorview.ownership.scenario import Scenario
from doorview.share.coverage import Coverage
from doorview.share.face_groups import face_groups, homes_by_face, nearest_faces
from doorview.share.kernels.draws import bits_of_sets, replicate_amounts
from doorview.share.outputs import street_spaces
from doorview.share.scene import SPACES
from doorview.share.sides import Sides, face_sides, share_by_side
from doorview.share.simulate import QUANTILES
from doorview.share.summary import face_amounts
from doorview.study.counting import Counted, Views
from doorview.study.drivers import logit_moved
from doorview.study.fairness_section import BLOCK_FACES
from doorview.study.fairness_zones import SMALL_CELLS, zone_note

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["face_table"]

MOST_WORDS = 4
"""Words of draws of block faces, 256 replicates: the first of those that zones are simulated with."""
NAMES = 3
"""Streets that a group of block faces is named after, at most."""


def face_table(
    ready: Prepared, coverage: Coverage, counted: Counted, shares: pd.DataFrame, names: list[str]
) -> pd.DataFrame:
    """Return the rows of block faces, one per scenario, level and group: the columns of fairness before `with_amounts`.

    Space is `streets`. The range over chance is that of the run's first 256 replicates; the one over assumptions takes
    the change, on the logit scale, of the streets of the whole place, as small rows of shares.csv do.
    """
    faces = ready.ground.faces
    counts = face_amounts(coverage, len(faces)) > 0
    xy, homes = ready.scene.door_xy, ready.door_table.dwellings
    groups = face_groups(faces, homes_by_face(faces, counts, xy, homes), counts)
    own = nearest_faces(faces, counts, xy)
    door_group = np.where(own >= 0, groups[own], -1) if len(faces) else own
    facts = _facts(coverage, faces, groups, door_group, homes)
    laid: dict[int, Sides] = {}
    parts = []
    words = min(MOST_WORDS, ready.study.ownership.replicates // 64)
    for name in names:
        seen, scenario = counted.views[name]
        if id(seen) not in laid:
            laid[id(seen)] = face_sides(seen.coverage, groups, np.tile(door_group, seen.blocks))
        sides = laid[id(seen)]
        found = share_by_side(sides, scenario, seen.doors, ready.study.study.seed)
        low, high = _drawn(sides, scenario, seen, ready.study.study.seed, words)
        found["share_p05"], found["share_p95"] = low.ravel(), high.ravel()
        parts.append(_ranged(found, shares[shares["scenario"] == name]).assign(scenario=name))
    table = pd.concat(parts, ignore_index=True).merge(facts, on="group", validate="many_to_one")
    return table.assign(zoning=BLOCK_FACES, zone=table["group"].astype(str), space="streets").drop(columns="group")


def _drawn(
    sides: Sides, scenario: Scenario, seen: Views, seed: int, words: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the quantiles (levels, places) of simulated shares."""
    if not words:
        none = np.full((len(sides.by_level), sides.places), np.nan)
        return none, none
    owners = scenario.owners(seen.doors.dwellings, seen.doors.inside).draw(seen.doors.key, seed, words)
    members = sides.coverage.members
    bits = bits_of_sets(members.start, members.doors, owners)
    ends = []
    for rows in sides.by_level:
        drawn = np.zeros((sides.places, 64 * words), np.int64)
        replicate_amounts(rows.place, sides.pair_set[rows.pair], rows.amount, bits, drawn)
        ends.append(np.quantile(drawn / sides.whole[:, None], QUANTILES, axis=1))
    low, high = np.stack(ends, axis=1)
    return low, high


def _ranged(found: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares with their range over assumptions, moved as that of all streets is."""
    whole = shares[(shares["zoning"] == "all") & (shares["space"] == "streets")].set_index("level")
    lent = whole.reindex(found["level"])
    mean, base = found["share_mean"].to_numpy(np.float64), lent["share_mean"].to_numpy(np.float64)
    inner = (mean > 0) & (mean < 1) & (base > 0) & (base < 1)
    for column in ("share_low", "share_high"):
        moved = logit_moved(mean, base, lent[column].to_numpy(np.float64))
        found[column] = np.where(inner, moved, np.nan)
    return found


def _facts(
    coverage: Coverage,
    faces: gpd.GeoDataFrame,
    groups: NDArray[np.int64],
    door_group: NDArray[np.int64],
    homes: NDArray[np.int64],
) -> pd.DataFrame:
    """Return what each group is, with its number in `group`."""
    totals = coverage.totals[coverage.totals["face"] >= 0]
    group = groups[np.asarray(totals["face"], np.int64)]
    space, amount = np.asarray(totals["space"], np.int64), np.asarray(totals["amount"], np.int64)
    summed: dict[str, NDArray[np.int64]] = {}
    for name, wanted in (
        ("cells", np.isin(space, street_spaces())),
        ("street", space == SPACES.index("centreline")),
    ):
        summed[name] = np.zeros(len(faces) + 1, np.int64)
        np.add.at(summed[name], group[wanted], amount[wanted])
    number = np.flatnonzero(summed["cells"][:-1] > 0)
    doors, dwellings = np.zeros((2, len(faces) + 1), np.int64)
    np.add.at(doors, door_group, 1)
    np.add.at(dwellings, door_group, homes)
    cells, area = summed["cells"][number], coverage.cell_m**2
    return pd.DataFrame(
        {
            "group": number,
            "name": _names(faces, groups, number),
            "doors_inside": doors[number],
            "dwellings": dwellings[number],
            "polygon_m2": np.nan,
            "counted_m2": np.nan,
            "grid_m2": cells * area,
            "cells": cells,
            "under_100_cells": cells < SMALL_CELLS,
            "street_km": summed["street"][number] * coverage.cell_m / 1000.0,
            "public_m2": cells * area,
            "note": [
                zone_note(int(n), int(c), int(c), int(s))
                for n, c, s in zip(dwellings[number], cells, summed["street"][number], strict=True)
            ],
        }
    )


def _names(faces: gpd.GeoDataFrame, groups: NDArray[np.int64], numbers: NDArray[np.int64]) -> list[str]:
    """Return the streets of each group, in the order of their faces."""
    found: dict[int, dict[str, None]] = {}
    for group, name in zip(groups.tolist(), faces["name"], strict=True):
        if isinstance(name, str) and name:
            found.setdefault(group, {})[name] = None
    return [_joined(found.get(number, {})) for number in numbers.tolist()]


def _joined(names: Mapping[str, None]) -> str:
    shown = list(names)[:NAMES]
    return " / ".join(shown) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")
