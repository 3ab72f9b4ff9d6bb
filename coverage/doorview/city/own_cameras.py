"""A user's own list of known cameras: CSV, GeoPackage or table, checked with all its faults at once.

Nothing in such a list is ever published: each camera read from it is marked `private`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.crs import WGS84
from doorview.city.surveillance import ALL_AROUND, camera_table, read_directions
from doorview.city.untrusted import UNREADABLE, check_header, layers_in, read_shapes
from doorview.city.values import metres
from doorview.errors import InputError, MissingFileError

__all__ = ["OWN_COLUMNS", "OwnList", "read_own_cameras"]

OwnList: TypeAlias = Path | str | pd.DataFrame
"""A user's list of cameras: a CSV or GeoPackage, or a table."""

OWN_COLUMNS: tuple[str, ...] = ("lon", "lat", "direction", "height_m", "field_of_view", "range_m")
"""What an own list may say: place [degrees], direction as in OSM, metres and degrees."""

_SHOWN_ROWS = 3


def read_own_cameras(
    source: OwnList, columns: Mapping[str, str] | None = None, layer: str | None = None
) -> gpd.GeoDataFrame:
    """Read a user's own list of cameras, as `camera_table` says; every row is `private` and never published.

    Parameters
    ----------
    source
        A ``.csv`` with longitude and latitude [degrees], a GeoPackage (or GeoDataFrame) of points with a CRS, or a
        DataFrame.
    columns
        Which column of the list says what: a name of `OWN_COLUMNS` to a column. What is not named is the column of that
        name, if there is one. ``direction`` is a number, a compass point or a range as in OSM, and may be empty where
        ``field_of_view`` is 360; ``height_m``, ``field_of_view`` and ``range_m`` (along the ground) may be empty.
    layer
        Name of the layer, where a GeoPackage holds several.

    Returns
    -------
    GeoDataFrame
        Index `door`: ``k:own:ROW``, rows counted from 1, several directions ``k:own:ROW.1``; in the list's CRS.

    Raises
    ------
    MissingFileError
        If there is no such file.
    InputError
        If the list cannot be read, or with all faults of all rows at once.
    """
    table, where = _own_table(source, layer)
    named = {name: name for name in OWN_COLUMNS if name in table.columns} | dict(columns or {})
    faults = [
        f"columns: there is nothing called {name!r}; known are {', '.join(OWN_COLUMNS)}"
        for name in named
        if name not in OWN_COLUMNS
    ]
    faults += [
        f"{name}: there is no column {column!r}"
        for name, column in named.items()
        if name in OWN_COLUMNS and column not in table.columns
    ]
    shapes = isinstance(table, gpd.GeoDataFrame)
    if not shapes:
        faults += [
            f"{name}: a list without geometry needs it"
            for name in ("lon", "lat")
            if name not in named
        ]  # fmt: skip
    if faults:
        raise _faulty(where, faults)
    rows = _Rows({name: table[column].tolist() for name, column in named.items()}, len(table))
    points, crs = _own_points(table, where, rows) if shapes else (_lonlat_points(rows), WGS84)
    made = [_own_cameras_of(rows, row) for row in range(len(table))]
    if rows.faults:
        raise _faulty(where, rows.told())
    flat, ids = [], []
    for row, cameras in enumerate(made):
        for number, camera in enumerate(cameras, start=1):
            flat.append({**camera, "geometry": points[row], "source": "own", "kind": "unknown"})
            ids.append(f"k:own:{row + 1}.{number}" if len(cameras) > 1 else f"k:own:{row + 1}")
    result = camera_table(flat, ids, crs)
    result.attrs["counts"] = {"own cameras": len(flat)}
    return result


def _faulty(where: str, faults: list[str]) -> InputError:
    """Return the error that lists all faults of a list."""
    count = len(faults)
    head = (
        f"{where}: {count} fault{'s' if count != 1 else ''}, so it would be uncertain what these cameras see. Mend the "
        "list, or name its columns with columns={'direction': 'heading', ...}:"
    )
    return InputError("\n".join([head, *(f"  - {fault}" for fault in faults)]))


def _own_table(source: OwnList, layer: str | None) -> tuple[pd.DataFrame, str]:
    """Return an own list as a table, and what to call it."""
    if isinstance(source, pd.DataFrame):
        return source, "the table of own cameras"
    path = Path(source)
    if not path.is_file():
        raise MissingFileError(
            f"there is no file {str(path)!r} with your own cameras (looked for {str(path.absolute())!r}), so they "
            "cannot be read. Check the path."
        )
    mend = "Give a .csv with columns lon and lat, a .gpkg of points, or a table."
    broken = f"{str(path)!r} cannot be read as a list of cameras"
    if path.suffix.lower() == ".csv":
        try:
            check_header(path)
            # An empty cell is nothing said; any other text is looked at as it stands ("NA" is no direction).
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig"), repr(str(path))
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise InputError(f"{broken}: {error}. {mend}") from error
    if path.suffix.lower() != ".gpkg":
        raise InputError(f"{broken}: it is a {path.suffix or 'nameless'} file. {mend}")
    try:
        names = [name for name, kind in layers_in(path) if kind is not None]
        wanted = layer or (names[0] if len(names) == 1 else None)
        if wanted not in names:
            raise InputError(
                f"{broken}: it holds the layers {', '.join(names) or 'none'} and it is not clear which is meant. Name "
                "one with layer=."
            )
        return read_shapes(path, str(wanted)), repr(str(path))
    except UNREADABLE as error:
        raise InputError(f"{broken}: {error}. {mend}") from error


class _Rows:
    """The columns of an own list by their meaning, and the faults found in its rows, by column and reason."""

    def __init__(self, said: dict[str, list[object]], size: int) -> None:
        self.said = said
        self.size = size
        self.faults: dict[tuple[str, str], list[tuple[int, str]]] = {}

    def text(self, name: str, row: int) -> str:
        """Return what a row says, without blanks at the ends; nothing said is an empty text."""
        value = self.said[name][row] if name in self.said else None
        if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
            return ""
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            return f"{float(value):.9f}"
        return str(value).strip()

    def fault(self, name: str, reason: str, row: int) -> None:
        self.faults.setdefault((name, reason), []).append((row, self.text(name, row)[:40]))

    def number(self, name: str, row: int, low: float, high: float, what: str) -> float:
        """Return a number above `low` and at most `high`, NaN where nothing is said; else a fault."""
        text = self.text(name, row)
        if not text:
            return math.nan
        read = metres(text) if name.endswith("_m") else _plain_number(text)
        if read is None or not low < read <= high:
            self.fault(name, f"must be {what}", row)
            return math.nan
        return read

    def told(self) -> list[str]:
        """Return the faults in words, each with its first rows (counted from 1)."""
        told = []
        for (name, reason), rows in self.faults.items():
            first = ", ".join(f"row {row + 1}: {text!r}" for row, text in rows[:_SHOWN_ROWS])
            more = f" and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
            told.append(f"{name} {reason} ({first}{more})")
        return told


def _plain_number(text: str) -> float | None:
    """Return a decimal number in text, or None; ``1e3``, ``nan`` and ``inf`` are none."""
    return float(text) if re.fullmatch(r"[-+]?[0-9]{1,9}(\.[0-9]{0,20})?", text) else None


def _lonlat_points(rows: _Rows) -> list[shapely.Point]:
    """Return the places of a list with longitude and latitude; faults where they are none."""
    points = []
    for row in range(rows.size):
        place = []
        for name, limit in (("lon", 180.0), ("lat", 90.0)):
            read = _plain_number(rows.text(name, row))
            if read is None or abs(read) > limit:
                rows.fault(name, f"must be degrees from -{limit:g} to {limit:g}", row)
                read = 0.0
            place.append(read)
        points.append(shapely.Point(place))
    return points


def _own_points(table: gpd.GeoDataFrame, where: str, rows: _Rows) -> tuple[list[shapely.Point], Any]:
    """Return the places of a list with geometry, and its CRS; faults where they are no points."""
    if table.active_geometry_name is None or table.crs is None:
        raise _faulty(where, ["geometry: it has none, or no CRS: table.set_crs('EPSG:...') says which it is"])
    shapes = table.geometry.to_numpy()
    points = np.isin(shapely.get_type_id(shapes), 0) & np.isfinite(shapely.bounds(shapes)).all(axis=1)
    for row in np.flatnonzero(~points):
        rows.said.setdefault("geometry", [getattr(shape, "geom_type", "nothing") for shape in shapes])
        rows.fault("geometry", "must be a point with finite coordinates", int(row))
    return list(shapely.force_2d(shapes)), table.crs


def _own_cameras_of(rows: _Rows, row: int) -> list[dict[str, Any]]:
    """Return the cameras of one row, NaN where it says nothing, and note its faults."""
    height = rows.number("height_m", row, 0.0, math.inf, "metres above 0")
    width = rows.number("field_of_view", row, 0.0, ALL_AROUND, "degrees above 0 and at most 360")
    reach = rows.number("range_m", row, 0.0, math.inf, "metres above 0")
    shared = {"height_m": height, "range_m": reach}
    found, unread = read_directions(rows.text("direction", row))
    for why in unread:
        rows.fault("direction", f"cannot be read: {why}", row)
    if not found:
        if not unread and width != ALL_AROUND:
            rows.fault("direction", "is missing, and field_of_view is not 360", row)
        return [{**shared, "heading": 0.0, "field_of_view_degrees": ALL_AROUND, "form": "none"}]
    if not math.isnan(width) and any(got.width_degrees is not None for got in found):
        rows.fault("field_of_view", "is given beside a range of directions, which says it already", row)
    return [
        {
            **shared,
            "heading": got.heading,
            "field_of_view_degrees": width if got.width_degrees is None else got.width_degrees,
            "form": got.form,
        }
        for got in found
    ]
