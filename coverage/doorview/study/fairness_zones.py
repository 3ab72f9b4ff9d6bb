"""What the zones themselves are: areas by polygon and by grid, streets, homes, overlaps, slivers, gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.classes import CLASSES
from doorview.share.coverage import Coverage
from doorview.share.scene import SPACES

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["SMALL_CELLS", "ZONE_COLUMNS", "zone_facts", "zone_note", "zoning_facts"]

SMALL_CELLS = 100
"""A zone with fewer cells of counted ground is flagged: its figures hang on single cells."""
SLIVER_M = 1.0
"""Two zones that overlap by less than this on average were drawn to touch."""
NO_OVERLAP_M2 = 0.01
"""Overlaps up to this are rounding of coordinates."""
CUT_SHARE = 0.99
"""A zone with less of its area inside the counted area is said to be cut."""
ZONE_COLUMNS = (
    *("doors_inside", "dwellings", "polygon_m2", "counted_m2", "grid_m2", "cells", "under_100_cells", "street_km"),
    "note",
)


def zone_facts(ready: Prepared, coverage: Coverage, zonings: list[str]) -> pd.DataFrame:
    """Return what each zone is, in the order of zoning and zone: `zoning`, `zone`, `name` and `ZONE_COLUMNS`.

    `polygon_m2` is the exact area of the polygon, `counted_m2` of the part of it in the counted area, `grid_m2` the
    area of that part's cells, private ground too; `street_km` the counted length of centrelines. Homes are those in
    the counted area, as in shares.csv. `note` says what an empty cell means.
    """
    zones, member = ready.zones, ready.door_table.zone_inside
    if zones is None or member is None:
        return pd.DataFrame(columns=["zoning", "zone", "name", *ZONE_COLUMNS])
    chosen = np.flatnonzero(zones["zoning"].isin(zonings))
    shapes = zones.geometry.to_numpy()[chosen]
    polygon, counted = shapely.area(shapes), shapely.area(shapely.intersection(shapes, ready.inside))
    cells, public, street = (amount[chosen] for amount in _amounts(coverage, len(zones)))
    here = member[:, chosen] & ready.door_table.inside[:, None]
    doors, homes = here.sum(axis=0), ready.door_table.dwellings @ here
    notes = [
        zone_note(int(n), int(c), int(p), int(s), cut=part < CUT_SHARE * whole)
        for n, c, p, s, part, whole in zip(homes, cells, public, street, counted, polygon, strict=True)
    ]
    table = pd.DataFrame(zones[["zoning", "zone", "name"]]).iloc[chosen].reset_index(drop=True)
    return table.assign(
        doors_inside=doors.astype(np.int64),
        dwellings=homes.astype(np.int64),
        polygon_m2=polygon,
        counted_m2=counted,
        grid_m2=cells * coverage.cell_m**2,
        cells=cells,
        under_100_cells=cells < SMALL_CELLS,
        street_km=street * coverage.cell_m / 1000.0,
        note=notes,
    )


def _amounts(coverage: Coverage, zones: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return, by zone (zones,): cells of all ground, cells of public ground, samples of centrelines."""
    totals = coverage.totals
    space, amount = np.asarray(totals["space"], np.int64), np.asarray(totals["amount"], np.int64)
    combination = np.asarray(totals["zones"], np.int64)
    public = np.array([item.rank for item in CLASSES if item.public])
    found = np.zeros((3, zones), np.int64)
    for row, wanted in enumerate((space < len(CLASSES), np.isin(space, public), space == SPACES.index("centreline"))):
        by_combination = np.bincount(combination[wanted], weights=amount[wanted], minlength=len(coverage.zones))
        for of, counted in zip(coverage.zones, by_combination.astype(np.int64), strict=True):
            found[row, list(of)] += counted
    return found[0], found[1], found[2]


def zone_note(homes: int, cells: int, public: int, street: int, *, cut: bool = False) -> str:
    """Return what a reader of a zone's row has to know: why cells are empty, and what its figures hang on."""
    said = []
    if not cells:
        said.append("no counted ground")
    elif not public:
        said.append("no public space")
    elif not street:
        said.append("no street length")
    if not homes:
        said.append("no homes")
    if 0 < cells < SMALL_CELLS:
        said.append("under 100 cells")
    if cut and cells:
        said.append("cut by the edge of the counted area")
    return "; ".join(said)


def zoning_facts(ready: Prepared, coverage: Coverage, facts: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return, by set of zones, what is counted twice, not at all, or hardly; `facts` as from `zone_facts`.

    A spot in two zones of one set counts in both. Overlaps narrower than `SLIVER_M` on average are slivers.
    """
    found: dict[str, dict[str, Any]] = {}
    if ready.zones is None:
        return found
    totals = coverage.totals
    public = np.isin(totals["space"], [item.rank for item in CLASSES if item.public])
    amount = np.asarray(totals["amount"], np.int64) * public
    for zoning, rows in facts.groupby("zoning", sort=True):
        member = ready.zones["zoning"] == zoning
        numbers = set(np.flatnonzero(member).tolist())
        times = np.array([len(numbers.intersection(of)) for of in coverage.zones])[np.asarray(totals["zones"], int)]
        pairs, slivers, overlap = _overlaps(ready.zones[member])
        unit = coverage.cell_m**2
        found[str(zoning)] = {
            "zones": len(rows),
            "without_homes": int((rows["dwellings"] == 0).sum()),
            "without_public_space": int(rows["note"].str.contains("no public space|no counted ground").sum()),
            "under_100_cells": int(rows["under_100_cells"].sum()),
            "cut_by_the_edge": int(rows["note"].str.contains("cut by").sum()),
            "public_m2": float(amount.sum() * unit),
            "public_m2_in_several_zones": float(amount[times > 1].sum() * unit),
            "public_m2_in_no_zone": float(amount[times == 0].sum() * unit),
            "overlapping_pairs": pairs,
            "of_these_slivers": slivers,
            "overlap_of_polygons_m2": overlap,
        }
    return found


def _overlaps(zones: gpd.GeoDataFrame) -> tuple[int, int, float]:
    """Return how many pairs of zones overlap, how many of them by a sliver, and the area of all overlaps [m2]."""
    shapes = zones.geometry.to_numpy()
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    once = one < other
    common = shapely.intersection(shapes[one[once]], shapes[other[once]])
    area, edge = shapely.area(common), shapely.length(common)
    real = area > NO_OVERLAP_M2
    slivers = real & (2.0 * area < SLIVER_M * edge)
    return int(real.sum()), int(slivers.sum()), float(area[real].sum())
