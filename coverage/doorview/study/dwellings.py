"""Homes found beside the user's own count, and headline shares weighted to that count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.ownership.layers import Independent
from doorview.ownership.scenario import Scenario
from doorview.share.outputs import HEADLINE
from doorview.share.summary import weighted_shares

if TYPE_CHECKING:
    from doorview.share.coverage import Coverage
    from doorview.share.outputs import Outputs
    from doorview.study.compute import Prepared

__all__ = ["ALL", "DOUBTFUL", "compared", "door_weights", "dwellings_table"]

ALL = "all"
"""Zone of the row that adds up a zoning; no zone may be called so."""
DOUBTFUL = "outside_0.8_to_1.25"
BOUNDS = (0.8, 1.25)
"""Homes found / homes counted within these is called agreement."""
WITHIN_DATA = 0.9
"""A zone is compared with its count only if at least this part of it has data: of one that the edge cuts in half, half
of the homes are missing for that reason alone."""


def dwellings_table(
    ready: Prepared, scenarios: Sequence[Scenario], coverage: Coverage, outputs: Outputs, shares: pd.DataFrame
) -> pd.DataFrame | None:
    """Return a row per scenario, level and zone with a count, and one for each zoning as a whole; None without counts.

    Columns: `scenario`, `level`, `zoning`, `zone` (``all``: the zones with a count together, and shares of the whole
    counted area), `name`, `doors_found`, `dwellings_found`, `dwellings_counted` (the user's), `part_with_data` (of the
    zone's area), `ratio` (found / counted), `outside_0.8_to_1.25`, `share_mean` (the headline's), and
    `share_weighted_to_count`, the same with each door's chance times counted / found of its zone, at most 1: as many
    cameras as the counted homes would own. The latter is NaN where doors own a camera by more than a chance of
    their own (a fixed number, neighbours alike, a programme).
    """
    zones, holds = ready.zones, ready.door_table.zone_inside
    if zones is None or holds is None:
        return None
    parts = []
    for zoning in zones.loc[zones["counted_dwellings"].notna(), "zoning"].unique():
        rows = np.flatnonzero(zones["zoning"] == zoning)
        base = compared(zones.iloc[rows], holds[:, rows], ready.door_table.dwellings, ready.city.extent)
        weight = door_weights(holds[:, rows], base)
        table = pd.concat([base, _whole(base, holds[:, rows], ready.door_table.dwellings)], ignore_index=True)
        for scenario in scenarios:
            found = _shares_of(scenario, shares, str(zoning))
            weighted = _weighted_of(scenario, ready, coverage, outputs, weight, str(zoning))
            one = table.merge(pd.DataFrame({"level": [item.name for item in ready.levels]}), how="cross")
            one = one.merge(found, on=["level", "zone"], how="left").merge(weighted, on=["level", "zone"], how="left")
            one.insert(0, "scenario", scenario.name)
            parts.append(one)
    if not parts:
        return None
    joined = pd.concat(parts, ignore_index=True)
    keys = ["scenario", "level", "zoning", "zone"]
    return joined[keys + [name for name in joined.columns if name not in keys]].sort_values(keys, ignore_index=True)


def compared(
    zones: gpd.GeoDataFrame, holds: NDArray[np.bool_], dwellings: NDArray[np.int64], extent: Any
) -> pd.DataFrame:
    """Return the homes found in each zone beside the count; `holds` (doors, zones), `extent` where the data reach.

    `ratio` is NaN where there is no count, where the count is 0, and where less than 0.9 of the zone has data.
    """
    shapes = np.asarray(zones.geometry.array, dtype=object)
    part = shapely.area(shapely.intersection(shapes, extent)) / shapely.area(shapes)
    return _judged(
        pd.DataFrame(
            {
                "zoning": zones["zoning"].to_numpy(),
                "zone": zones["zone"].to_numpy(),
                "name": zones["name"].to_numpy(),
                "doors_found": holds.sum(axis=0),
                "dwellings_found": holds.T.astype(np.int64) @ dwellings,
                "dwellings_counted": zones["counted_dwellings"].to_numpy(dtype=np.float64),
                "part_with_data": np.round(part, 4),
            }
        )
    )


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `ratio` and whether it is out of bounds."""
    found, counted = table["dwellings_found"].to_numpy(np.float64), table["dwellings_counted"].to_numpy(np.float64)
    whole = table["part_with_data"].to_numpy(np.float64) >= WITHIN_DATA
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(whole & (counted > 0), found / counted, np.nan)
    none_counted = whole & (counted == 0) & (found > 0)
    doubtful = (ratio < BOUNDS[0]) | (ratio > BOUNDS[1]) | none_counted
    return table.assign(ratio=ratio, **{DOUBTFUL: doubtful})


def _whole(base: pd.DataFrame, holds: NDArray[np.bool_], dwellings: NDArray[np.int64]) -> pd.DataFrame:
    """Return one row for all zones that have a count and data; a door in two of them is found once."""
    fit = (base["dwellings_counted"].notna() & (base["part_with_data"] >= WITHIN_DATA)).to_numpy()
    inside = holds[:, fit].any(axis=1)
    row = {
        "zoning": base["zoning"].iloc[0],
        "zone": ALL,
        "name": "all zones with a count",
        "doors_found": int(inside.sum()),
        "dwellings_found": int(dwellings[inside].sum()),
        "dwellings_counted": float(base["dwellings_counted"][fit].sum()) if fit.any() else np.nan,
        "part_with_data": 1.0,
    }
    return _judged(pd.DataFrame([row]))


def door_weights(holds: NDArray[np.bool_], base: pd.DataFrame) -> NDArray[np.float64]:
    """Return (doors,) counted / found of each door's zone: the mean where zones overlap, 1 where unknown."""
    found, counted = base["dwellings_found"].to_numpy(np.float64), base["dwellings_counted"].to_numpy(np.float64)
    known = (found > 0) & np.isfinite(counted) & (base["part_with_data"].to_numpy(np.float64) >= WITHIN_DATA)
    weight = np.where(known, counted / np.maximum(found, 1.0), 0.0)
    number = (holds & known).sum(axis=1)
    mean: NDArray[np.float64] = np.where(number > 0, (holds & known) @ weight / np.maximum(number, 1), 1.0)
    return mean


def _shares_of(scenario: Scenario, shares: pd.DataFrame, zoning: str) -> pd.DataFrame:
    """Return level, zone and the headline's share_mean for the zones of a zoning and for everything."""
    rows = shares[(shares["scenario"] == scenario.name) & (shares["space"] == HEADLINE)]
    rows = rows[rows["zoning"].isin([zoning, ALL])]
    return rows[["level", "zone", "share_mean"]]


def _weighted_of(
    scenario: Scenario,
    ready: Prepared,
    coverage: Coverage,
    outputs: Outputs,
    weight: NDArray[np.float64],
    zoning: str,
) -> pd.DataFrame:
    """Return level, zone and share_weighted_to_count, as `_shares_of`."""
    owners = scenario.owners(ready.door_table.dwellings, ready.door_table.inside)
    if not (len(owners.layers) == 1 and isinstance(owners.layers[0], Independent)):
        return pd.DataFrame({"level": [], "zone": [], "share_weighted_to_count": []}).astype(
            {"level": str, "zone": str}
        )
    p = scenario.probabilities(ready.door_table.dwellings, ready.door_table.inside)
    table = weighted_shares(coverage, outputs, np.clip(p * weight, 0.0, 1.0))
    rows = table[(table["space"] == HEADLINE) & table["zoning"].isin([zoning, ALL])]
    return rows[["level", "zone", "share_weighted_to_count"]]
