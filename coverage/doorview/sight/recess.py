"""What stands right beside and before a doorbell: recess or porch, wedge kit, steps, planting.

Each figure is drawn per door from rules by building kind (`rules/recess.toml`; a study gives its own), as a hash of the
door's id and the seed: a door keeps its details whatever else is asked for. Everything there is unknown today, so the
rules as they stand change nothing.

A bell at the back of a recess of depth D and width W sees between its side walls:

          heading                angle to each side = atan(distance to that wall / D)
             ^                   in the middle: 2 atan(W / (2 D)); D = 1 m, W = 1.5 m: 73.74 degrees
      |      |      |
      |<-----W----->|
      |      o      |  D
    ==+-------------+==  facade

The walls stand before the facade, where a porch has them. For a recess cut into the house the lens would lie D further
back: the picture is the same, moved outward by D (at most 5 m, and 0 to 1 m as a rule).
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from doorview.city.chances import check_seed
from doorview.city.drawn import Rules, draw, home_kinds, merged, rule_note
from doorview.errors import InputError, StudyError
from doorview.sight.door_rules import recess_rules, with_what_if

__all__ = ["door_details", "front_planting", "recess_rules", "recess_walls", "turned"]

MOUNT_HEIGHT_M = 1.2
"""Mount height above the floor that makers ask for (see cameras.toml)."""


def _fixed(name: str) -> float:
    return float(recess_rules()["fixed"][name]["value"])


def door_details(
    doors: gpd.GeoDataFrame,
    rules: Rules | str | None = None,
    seed: int = 0,
    *,
    mount_height_m: ArrayLike = MOUNT_HEIGHT_M,
) -> pd.DataFrame:
    """Draw the details of each door.

    Parameters
    ----------
    doors
        As `find_doors`; the index and `kind` are read (without a column `kind`, the rules for ``all`` hold).
    rules
        A study's own figures, in place of those of `rules/recess.toml` parameter by parameter and kind by kind (their
        form: `doorview.city.drawn`); the name of a what-if in it (``porches``); None: as they stand there, which
        changes nothing. `doorview.sight.door_rules.with_what_if` puts both together.
    seed
        Another seed draws other details.
    mount_height_m
        Of the lens above the floor [m], one for all doors or for each (n,).

    Returns
    -------
    DataFrame
        On the doors' index: `recess_depth_m`, `opening_width_m`, `side` (``left``, ``middle``, ``right``, looking out),
        `wedge_degrees` (clockwise), `lens_height_m` above the ground before the house, `planting_height_m`,
        `planting_distance_m`. ``attrs["notes"]``: which figures are drawn, with their marks.

    Raises
    ------
    UnknownNameError
        If there is no what-if of that name.
    StudyError
        If the rules name an unknown parameter or kind, or hold figures out of bounds; all faults at once.
    InputError
        If the seed or the mount height cannot be used, or two doors have one id.
    """
    seed = check_seed(seed)
    mount = np.asarray(mount_height_m, dtype=np.float64)
    if mount.shape not in ((), (len(doors),)) or not ((mount > 0) & (mount <= 20)).all():
        raise InputError(
            f"mount_height_m is {mount_height_m!r}: it is the lens above the floor in metres, above 0 and at most 20, "
            "e.g. mount_height_m=1.2."
        )
    if not doors.index.is_unique:
        raise InputError(
            f"door {doors.index[doors.index.duplicated()][0]!r} stands twice in doors, so both would get the same "
            "details. Give each an id of its own: doors.reset_index(drop=True)."
        )
    own = with_what_if(rules, None) if isinstance(rules, str) else dict(rules or {})
    kind = doors["kind"].to_numpy(dtype=object) if "kind" in doors else np.full(len(doors), "all", dtype=object)
    by_parameter, faults = merged(recess_rules()["parameters"], own, {*home_kinds(), *kind} - {"all"})
    if faults:
        raise StudyError("rules of door details", faults)
    columns: dict[str, NDArray[Any]] = {}
    notes: list[str] = []
    present = set(kind)
    for number, (name, by_kind) in enumerate(by_parameter.items()):
        columns[name] = draw(doors.index, kind, by_kind, seed, purpose="details", counter=number)
        held = {each if each in by_kind else "all" for each in present}
        notes += [rule_note(name, each, entry) for each, entry in by_kind.items() if each in held]
    steps = columns.pop("porch_steps").astype(np.float64)
    table = pd.DataFrame(columns, index=doors.index)
    table.insert(4, "lens_height_m", mount + steps * _fixed("step_height_m"))
    table["side"] = table["side"].astype(object)
    table.attrs["notes"] = notes
    return table


def _frame(doors: gpd.GeoDataFrame, details: pd.DataFrame, *columns: str) -> tuple[NDArray[np.float64], ...]:
    """Return place (n, 2) [m], unit vectors ahead and to the left of each door (n, 2); refuse tables that differ."""
    missing = [name for name in columns if name not in details]
    if missing or not doors.index.equals(details.index):
        what = f"details have no column {missing[0]!r}" if missing else "doors and details have different indexes"
        raise InputError(
            f"{what}, so they cannot be put together. Use details = door_details(doors) of these very doors."
        )
    heading = np.radians(doors["heading"].to_numpy(dtype=np.float64))
    ahead = np.column_stack([np.sin(heading), np.cos(heading)])
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    return shapely.get_coordinates(doors.geometry.to_numpy()), ahead, left


def _lines(ends: NDArray[np.float64], ids: list[str], kind: str, height: Any, crs: Any) -> gpd.GeoDataFrame:
    """Return segments (n, 2, 2) as obstacles."""
    return gpd.GeoDataFrame(
        {
            "kind": pd.Series([kind] * len(ids), dtype=object).to_numpy(),
            "height_m": np.broadcast_to(np.asarray(height, dtype=np.float64), (len(ids),)).copy(),
        },
        geometry=shapely.linestrings(ends) if len(ids) else np.zeros(0, dtype=object),
        index=pd.Index(ids, dtype=object, name="osm_id"),
        crs=crs,
    )[["geometry", "kind", "height_m"]]


def recess_walls(doors: gpd.GeoDataFrame, details: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the two side walls of each door's recess, as obstacles.

    Parameters
    ----------
    doors
        As `find_doors`; `heading` is the facade's normal (turn the lens afterwards, with `turned`).
    details
        As `door_details`, on the same index.

    Returns
    -------
    GeoDataFrame
        LineStrings from the facade to `recess_depth_m` before the lens, index `osm_id` (``DOOR#left``, ``DOOR#right``,
        looking out), columns `geometry`, `kind` (``recess``), `height_m` (NaN: taller than any sight line). Doors
        without depth have none.

    Raises
    ------
    InputError
        If the two tables are on different indexes, a column is missing, or an opening is too narrow for its bell.
    """
    xy, ahead, left = _frame(doors, details, "recess_depth_m", "opening_width_m", "side")
    depth = details["recess_depth_m"].to_numpy(dtype=np.float64)
    width = details["opening_width_m"].to_numpy(dtype=np.float64)
    rows = np.flatnonzero(depth > 0)
    jamb = _fixed("jamb_m")
    bad = rows[~(width[rows] > 2 * jamb)]
    if len(bad):
        raise InputError(
            f"door {doors.index[bad[0]]!r} has a recess with an opening of {width[bad[0]]} m, which leaves no room for "
            f"a bell {jamb} m from its side: give opening_width_m above {2 * jamb}."
        )
    side = details["side"].to_numpy(dtype=object)
    to_left = np.where(side == "left", jamb, np.where(side == "right", width - jamb, width / 2))
    ends = []
    for away in (to_left, to_left - width):
        base = xy[rows] + away[rows, None] * left[rows]
        back = base - _fixed("facade_offset_m") * ahead[rows]
        ends.append(np.stack([back, base + depth[rows, None] * ahead[rows]], axis=1))
    names = [str(doors.index[row]) for row in rows]
    both = np.stack(ends, axis=1).reshape(-1, 2, 2)
    ids = [f"{name}#{which}" for name in names for which in ("left", "right")]
    return _lines(both, ids, "recess", np.nan, doors.crs)


def front_planting(doors: gpd.GeoDataFrame, details: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the unmapped planting before each door, as obstacles: one line across its heading.

    Parameters and errors as `recess_walls`.

    Returns
    -------
    GeoDataFrame
        LineStrings of 3 m, `planting_distance_m` before the facade, index `osm_id` (``DOOR#planting``), columns
        `geometry`, `kind` (``planting``), `height_m`. Doors whose `planting_height_m` is 0 have none.
    """
    xy, ahead, left = _frame(doors, details, "planting_height_m", "planting_distance_m")
    height = details["planting_height_m"].to_numpy(dtype=np.float64)
    away = details["planting_distance_m"].to_numpy(dtype=np.float64) - _fixed("facade_offset_m")
    rows = np.flatnonzero(height > 0)
    middle = xy[rows] + away[rows, None] * ahead[rows]
    half = _fixed("planting_width_m") / 2 * left[rows]
    ids = [f"{doors.index[row]}#planting" for row in rows]
    return _lines(np.stack([middle + half, middle - half], axis=1), ids, "planting", height[rows], doors.crs)


def turned(doors: gpd.GeoDataFrame, details: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return the doors with their wedges: `heading` plus `wedge_degrees`, in [0, 360); errors as `recess_walls`."""
    _frame(doors, details, "wedge_degrees")
    heading = (doors["heading"] + details["wedge_degrees"]) % 360.0
    return doors.assign(heading=heading.where(heading < 360.0, 0.0))
