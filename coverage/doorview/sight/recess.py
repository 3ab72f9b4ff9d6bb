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

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.errors import InputError, StudyError, UnknownNameError

__all__ = ["door_details", "front_planting", "recess_rules", "recess_walls", "turned"]

MOUNT_HEIGHT_M = 1.2
"""Mount height above the floor that makers ask for (see cameras.toml)."""

Rules = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Parameter -> building kind (or ``all``) -> ``values`` and ``chances``, or ``low`` and ``high``."""


@cache
def recess_rules() -> dict[str, Any]:
    """Read `rules/recess.toml`, once; a dict of its tables."""
    text = resources.files("doorview.sight").joinpath("rules/recess.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _fixed(name: str) -> float:
    return float(recess_rules()["fixed"][name]["value"])


def door_details(
    doors: gpd.GeoDataFrame,
    rules: Rules | str | None = None,
    seed: int = 0,
    *,
    mount_height_m: float = MOUNT_HEIGHT_M,
) -> pd.DataFrame:
    """Draw the details of each door.

    Parameters
    ----------
    doors
        As `find_doors`; the index and `kind` are read (without a column `kind`, the rules for ``all`` hold).
    rules
        A study's own figures, in place of those of `rules/recess.toml` parameter by parameter and kind by kind; the
        name of a what-if in it (``porches``); None: as they stand there, which changes nothing.
    seed
        Another seed draws other details.
    mount_height_m
        Of the lens above the floor [m].

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
        If the rules name an unknown parameter, or hold figures out of bounds; all faults at once.
    InputError
        If the seed or the mount height cannot be used, or two doors have one id.
    """
    seed = check_seed(seed)
    mount = float(mount_height_m)
    if not 0 < mount <= 10:
        raise InputError(
            f"mount_height_m is {mount_height_m!r}: it is the lens above the floor in metres, above 0 and at most 10, "
            "e.g. mount_height_m=1.2."
        )
    if not doors.index.is_unique:
        raise InputError(
            f"door {doors.index[doors.index.duplicated()][0]!r} stands twice in doors, so both would get the same "
            "details. Give each an id of its own: doors.reset_index(drop=True)."
        )
    merged = _merged(rules)
    kind = doors["kind"].to_numpy(dtype=object) if "kind" in doors else np.full(len(doors), "all", dtype=object)
    keys = keys_of(f"{door}|details" for door in doors.index)
    columns: dict[str, NDArray[Any]] = {}
    notes = []
    for number, (name, by_kind) in enumerate(merged.items()):
        drawn = uniform(keys, seed, number)
        out: NDArray[Any] = np.full(len(doors), "", dtype=object) if name == "side" else np.zeros(len(doors))
        own = np.array([k if k in by_kind else "all" for k in kind], dtype=object)
        for each, entry in by_kind.items():
            here = own == each
            out[here] = _drawn(entry, drawn[here])
            if here.any():
                notes.append(f"{name}, {each}: {_words(entry)} (mark {entry.get('mark', 'given')}).")
        columns[name] = out
    steps = columns.pop("porch_steps").astype(np.float64)
    table = pd.DataFrame(columns, index=doors.index)
    table.insert(4, "lens_height_m", mount + steps * _fixed("step_height_m"))
    table["side"] = table["side"].astype(object)
    table.attrs["notes"] = notes
    return table


def _merged(rules: Rules | str | None) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the rules with a study's own put in, checked."""
    known = recess_rules()["parameters"]
    if isinstance(rules, str):
        what_if = recess_rules()["what_if"]
        if rules not in what_if:
            raise UnknownNameError("what-if of door details", rules, what_if, "Or give rules of your own.")
        rules = {name: table for name, table in what_if[rules].items() if isinstance(table, dict)}
    kinds = {"meaning", "low", "high", "step", "choices"}
    merged = {name: {k: e for k, e in table.items() if k not in kinds} for name, table in known.items()}
    faults: list[str] = []
    for name, table in (rules or {}).items():
        if name not in known:
            faults.append(f"unknown parameter {name!r}: known are {', '.join(known)}")
        elif not isinstance(table, Mapping) or not all(isinstance(entry, Mapping) for entry in table.values()):
            faults.append(f"{name}: must hold a table for each building kind, or for 'all'")
        else:
            for kind, entry in table.items():
                faults += [f"{name}, {kind}: {fault}" for fault in _faults(known[name], entry)]
                merged[name][kind] = entry
    if faults:
        raise StudyError("rules of door details", faults)
    return merged


def _faults(parameter: Mapping[str, Any], entry: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a rule."""
    faults = [
        f"unknown key {key!r}" for key in entry if key not in {"values", "chances", "low", "high", "mark", "source"}
    ]
    choices = parameter.get("choices")
    if "values" in entry:
        values, chances = entry["values"], entry.get("chances", [1.0] if len(entry["values"]) == 1 else [])
        if len(values) != len(chances) or not values:
            faults.append(f"{len(values)} values need as many chances, and at least one")
        elif not all(_is_number(c) and 0 <= c <= 1 for c in chances) or abs(sum(chances) - 1) > 1e-9:
            faults.append("chances must lie in [0, 1] and add up to 1")
    elif choices is None and {"low", "high"} <= entry.keys():
        values = [entry["low"], entry["high"]]
        if all(_is_number(value) for value in values) and values[0] > values[1]:
            faults.append("low lies above high")
        if "step" in parameter:
            faults.append("comes in steps: give values and chances")
    else:
        return [*faults, "give values and chances" + (", or low and high" if choices is None else "")]
    for value in values:
        if choices is not None:
            if value not in choices:
                faults.append(f"{value!r} is none of {', '.join(choices)}")
        elif not _is_number(value) or not parameter["low"] <= value <= parameter["high"]:
            faults.append(f"{value!r} does not lie from {parameter['low']:g} to {parameter['high']:g}")
        elif "step" in parameter and value % parameter["step"]:
            faults.append(f"{value!r} is no multiple of {parameter['step']:g}")
    return faults


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _drawn(entry: Mapping[str, Any], chance: NDArray[np.float64]) -> NDArray[Any]:
    """Return the figure of each door for its number in [0, 1)."""
    if "values" not in entry:
        spread: NDArray[Any] = entry["low"] + (entry["high"] - entry["low"]) * chance
        return spread
    upper = np.cumsum(entry.get("chances", [1.0]))
    which = np.minimum(np.searchsorted(upper, chance, side="right"), len(upper) - 1)
    text = any(isinstance(value, str) for value in entry["values"])
    picked: NDArray[Any] = np.array(entry["values"], dtype=object if text else np.float64)[which]
    return picked


def _words(entry: Mapping[str, Any]) -> str:
    if "values" not in entry:
        return f"from {entry['low']} to {entry['high']}"
    chances = entry.get("chances", [1.0])
    return ", ".join(f"{v} for {c:.0%}" for v, c in zip(entry["values"], chances, strict=True))


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
