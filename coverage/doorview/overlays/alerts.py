"""Alerts: how many homes an incident's alert reaches, and how many of those could have it in view at all.

An app alerts its users to what is reported within a radius of their home, up to 5 miles: most of a town. A doorbell
has a few tens of metres of street in view. The table sets the two beside each other, spot by spot.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS
from scipy.spatial import cKDTree
from scipy.stats import binom

from doorview.errors import InputError

__all__ = ["METRES_PER_MILE", "MOST_RADIUS_M", "alerts"]

METRES_PER_MILE = 1609.344
MOST_RADIUS_M = 5 * METRES_PER_MILE
"""Alerts reach up to 5 miles around a home (Wirecutter, https://thewirecutter.com/blog/ring-neighbors-app-review/)."""


def alerts(
    doors: gpd.GeoDataFrame,
    spots: gpd.GeoDataFrame | gpd.GeoSeries,
    seen: Mapping[str, pd.DataFrame],
    *,
    radius_m: float,
    app_share: float,
    chance: float | ArrayLike,
    app_share_of_owners: float | None = None,
    extent: shapely.Geometry | None = None,
) -> pd.DataFrame:
    """Return a row per spot and level, spots and levels in their order.

    Parameters
    ----------
    doors
        Points in a projected CRS in metres; `dwellings` gives the homes behind each (else 1).
    spots
        Points in the same CRS.
    seen
        For each level, which doors have which spots in view: columns `door` and `point`, labels of the two indexes, as
        `doorview.sight.points.sees` returns.
    radius_m
        How far the alert reaches from the spot, along a straight line [m]; at most 5 miles. A door at the very radius
        is reached.
    app_share
        Share of households that use the app: a free parameter, no source says it.
    chance
        Chance that a door owns a camera: one number, or (doors,) in the order of `doors`, as from
        `doorview.ownership.scenario.Scenario.probabilities`.
    app_share_of_owners
        Share of owners that use the app; left out: `app_share`. Owners of the maker's doorbell use its app, so that 1
        is the other end of what is possible.
    extent
        Where the data reach; without, `part_with_data` is NaN.

    Columns: `spot`, `level`; `doors_within`, `homes_within`: within the radius; `part_with_data` of the circle, so
    that one that leaves the data is seen to miss homes; `app_homes_mean`, `app_homes_p05`, `app_homes_p95`: homes that
    use the app, each independently (chance alone); `doors_in_view`: doors within the radius from which the spot is in
    view, whether they own a camera or not; `homes_in_view` behind them; `app_homes_in_view_mean`: of the homes
    alerted, those that could have it in view; `owners_in_view_mean`: doors that do own a camera;
    `app_owners_in_view_mean`: those of them that use the app, and `chance_any`, that there is at least one, doors taken
    as independent. In view is not recorded. Counts of 1 to 4 are for the user's eyes:
    they are hidden where tables are made fit to publish, and spots of incidents with them.

    Raises
    ------
    InputError
        For a radius of 0 or less or over 5 miles, shares outside [0, 1], another CRS, geometry that is no point, and
        pairs that name an unknown door or spot.

    Examples
    --------
    A spot before the one door of three homes, and a door out of reach:

    >>> import geopandas as gpd, pandas as pd, shapely
    >>> import doorview as dv
    >>> places = [shapely.Point(0, 0), shapely.Point(5000, 0)]
    >>> doors = gpd.GeoDataFrame({"dwellings": [3, 1]}, geometry=places, crs="EPSG:32618", index=["a", "b"])
    >>> spots = gpd.GeoSeries([shapely.Point(0, 10)], index=[1], crs="EPSG:32618")
    >>> seen = {"detect": pd.DataFrame({"door": ["a"], "point": [1]})}
    >>> found = dv.alerts(doors, spots, seen, radius_m=1000.0, app_share=0.5, chance=0.2)
    >>> found[["homes_within", "app_homes_mean", "owners_in_view_mean", "chance_any"]].round(6).to_dict("records")
    [{'homes_within': 3, 'app_homes_mean': 1.5, 'owners_in_view_mean': 0.2, 'chance_any': 0.1}]

    """
    faults = _faults(radius_m, {"app_share": app_share, "app_share_of_owners": app_share_of_owners})
    chances = np.broadcast_to(np.asarray(chance, dtype=np.float64), (len(doors),))
    if not ((chances >= 0) & (chances <= 1)).all():
        faults.append("chance lies outside [0, 1] or is no number: it is each door's chance of owning a camera")
    if faults:
        raise InputError("alerts: " + "; ".join(faults) + ".")
    _check_crs(doors, spots)
    door_xy, spot_xy = _coordinates(doors, "doors"), _coordinates(spots, "spots")
    homes = _homes(doors)
    within = _within(door_xy, spot_xy, radius_m)
    owners_app = app_share if app_share_of_owners is None else app_share_of_owners
    base = _reached(spots, within, homes, app_share)
    base["part_with_data"] = np.nan if extent is None else _part_with_data(spot_xy, radius_m, extent)
    parts = []
    for level, pairs in seen.items():
        part = base.assign(level=level)
        found = _in_view(doors, spots, pairs, within, level)
        part["doors_in_view"] = [len(group) for group in found]
        part["homes_in_view"] = [int(homes[group].sum()) for group in found]
        part["app_homes_in_view_mean"] = app_share * part["homes_in_view"]
        part["owners_in_view_mean"] = [float(chances[group].sum()) for group in found]
        part["app_owners_in_view_mean"] = owners_app * part["owners_in_view_mean"]
        part["chance_any"] = [1.0 - float(np.prod(1.0 - owners_app * chances[group])) for group in found]
        part["order"] = np.arange(len(part))
        parts.append(part)
    if not parts:
        raise InputError("alerts: no level; seen needs the pairs of one, e.g. {'observe': sees(doors, spots, ...)}.")
    table = pd.concat(parts, ignore_index=True).sort_values("order", kind="stable", ignore_index=True)
    first = ["spot", "level", "doors_within", "homes_within", "part_with_data"]
    return table[[*first, *(name for name in table.columns if name not in {*first, "order"})]]


def _faults(radius_m: float, shares: Mapping[str, float | None]) -> list[str]:
    faults = []
    if not 0 < radius_m <= MOST_RADIUS_M:
        faults.append(
            f"radius_m is {radius_m!r}: an alert reaches more than 0 and at most 5 miles ({MOST_RADIUS_M:.2f} m); "
            f"miles are turned into metres by radius_m=miles * {METRES_PER_MILE}"
        )
    faults += [
        f"{name} is {value!r}: it is a share of households, 0 to 1"
        for name, value in shares.items()
        if value is not None and not 0.0 <= value <= 1.0
    ]
    return faults


def _check_crs(doors: gpd.GeoDataFrame, spots: gpd.GeoDataFrame | gpd.GeoSeries) -> None:
    if doors.crs is None or not CRS.from_user_input(doors.crs).is_projected:
        raise InputError(
            "alerts: doors need a projected CRS in metres, so that distances are metres: doors.to_crs(doors."
            "estimate_utm_crs()), spots alike."
        )
    if spots.crs is None or CRS.from_user_input(spots.crs) != CRS.from_user_input(doors.crs):
        raise InputError("alerts: spots and doors are in different CRSs. Use spots.to_crs(doors.crs).")
    if any(abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in CRS.from_user_input(doors.crs).axis_info):
        raise InputError("alerts: the doors' CRS is not in metres. Use doors.to_crs(doors.estimate_utm_crs()).")


def _coordinates(layer: gpd.GeoDataFrame | gpd.GeoSeries, name: str) -> NDArray[np.float64]:
    """Return (n, 2) [m]; refuse what is no point."""
    geometry = np.asarray(layer.geometry.array, dtype=object)
    wrong = np.flatnonzero((shapely.get_type_id(geometry) != 0) | shapely.is_empty(geometry))
    if len(wrong):
        raise InputError(
            f"alerts: {len(wrong)} {name} are no points; the first is {layer.index.tolist()[wrong[0]]!r}. Drop those "
            "without a place, and take representative_point() of shapes."
        )
    if not layer.index.is_unique:
        raise InputError(f"alerts: labels of {name} repeat, so pairs cannot name them. Use {name}.reset_index().")
    return np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)]).reshape(-1, 2)


def _homes(doors: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return the homes behind each door, (doors,)."""
    if "dwellings" not in doors.columns:
        return np.ones(len(doors), np.int64)
    homes: NDArray[np.float64] = doors["dwellings"].to_numpy(np.float64)
    if not ((homes >= 1) & (homes == np.floor(homes))).all():
        raise InputError("alerts: dwellings must be a whole number of 1 or more at every door, as find_doors gives it.")
    return homes.astype(np.int64)


def _within(doors: NDArray[np.float64], spots: NDArray[np.float64], radius_m: float) -> list[NDArray[np.int64]]:
    """Return, for each spot, the rows of the doors within the radius, in order."""
    if not len(doors) or not len(spots):
        return [np.empty(0, np.int64) for _ in spots]
    tree = cKDTree(doors)
    # A hair more than the radius, then by the plain distance: the tree compares squares.
    near = (np.sort(np.asarray(tree.query_ball_point(xy, radius_m * (1 + 1e-9)), np.int64)) for xy in spots)
    return [rows[np.hypot(*(doors[rows] - xy).T) <= radius_m] for rows, xy in zip(near, spots, strict=True)]


def _reached(
    spots: gpd.GeoDataFrame | gpd.GeoSeries,
    within: list[NDArray[np.int64]],
    homes: NDArray[np.int64],
    app_share: float,
) -> pd.DataFrame:
    """Return spot, doors_within, homes_within and how many homes use the app."""
    reached = np.array([int(homes[rows].sum()) for rows in within], np.int64)
    table = pd.DataFrame({"spot": spots.index.to_flat_index()})
    table["doors_within"] = [len(rows) for rows in within]
    table["homes_within"] = reached
    table["app_homes_mean"] = app_share * reached
    for name, part in (("app_homes_p05", 0.05), ("app_homes_p95", 0.95)):
        table[name] = binom.ppf(part, reached, app_share).astype(np.int64)
    return table


def _part_with_data(spots: NDArray[np.float64], radius_m: float, extent: shapely.Geometry) -> NDArray[np.float64]:
    """Return the part of each circle (as 256 chords) that lies where the data reach."""
    circles = shapely.buffer(shapely.points(spots), radius_m, quad_segs=64)
    part: NDArray[np.float64] = shapely.area(shapely.intersection(circles, extent)) / shapely.area(circles)
    return np.round(part, 4)


def _in_view(
    doors: gpd.GeoDataFrame,
    spots: gpd.GeoDataFrame | gpd.GeoSeries,
    pairs: pd.DataFrame,
    within: list[NDArray[np.int64]],
    level: str,
) -> list[NDArray[np.int64]]:
    """Return, for each spot, the rows of the doors within the radius that have it in view, each once."""
    missing = [name for name in ("door", "point") if name not in pairs.columns]
    if missing:
        raise InputError(f"alerts: the pairs of level '{level}' lack {missing}; take the table that sees() returns.")
    door_rows = doors.index.get_indexer(pairs["door"])
    spot_rows = spots.index.get_indexer(pairs["point"])
    if (door_rows < 0).any() or (spot_rows < 0).any():
        raise InputError(
            f"alerts: the pairs of level '{level}' name {int((door_rows < 0).sum())} unknown doors and "
            f"{int((spot_rows < 0).sum())} unknown spots: compute them for these doors and spots, with sees()."
        )
    return [np.intersect1d(door_rows[spot_rows == row], reached) for row, reached in enumerate(within)]
