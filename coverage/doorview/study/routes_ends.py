"""Where a study's ways begin and end: names, coordinates and tables of pairs, read before anything slow."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from doorview.city.model import City
from doorview.city.untrusted import check_header
from doorview.errors import DoorviewError, InputError, StudyError
from doorview.overlays.destinations import Place, find_place, named_places, places_of_kind
from doorview.study.routes_section import PAIR_COLUMNS, RoutesSection

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["WALK_SPOT", "RoutesPlan", "routes_plan"]

Floats = NDArray[np.float64]

WALK_SPOT = "spot"
"""What an end is that was given by coordinates."""
MOST_SHOWN = 5
"""Faulty rows of a table that are named; the others are counted."""
MOST_PAIRS = 100_000


@dataclass(frozen=True)
class RoutesPlan:
    """What ways are walked.

    Attributes
    ----------
    section
        What the study asks for.
    labels
        What each way is called, those of `[[routes.way]]` first, then those of the table of pairs.
    ends
        (origin, destination) of each.
    named
        How many of them are `[[routes.way]]`.
    left_out
        Rows of the table of pairs that could not be read, each with its row and reason.
    homes_to
        Kind to the places of that kind, for all homes.

    """

    section: RoutesSection
    labels: tuple[str, ...]
    ends: tuple[tuple[Place, Place], ...]
    named: int
    left_out: tuple[str, ...] = ()
    homes_to: dict[str, list[Place]] = field(default_factory=dict)


def routes_plan(ready: Prepared) -> RoutesPlan | None:
    """Return the ways that a study asks for, or None where it asks for none.

    Raises
    ------
    StudyError
        With every name, spot and file that cannot be used.

    """
    section = ready.study.routes
    if section is None:
        return None
    city, faults = ready.city, list[str]()
    named = (
        named_places(city) if any(isinstance(e, str) for w in section.way for e in (w.origin, w.destination)) else None
    )
    labels, ends = list[str](), []
    for number, way in enumerate(section.way, 1):
        pair = []
        for key, value in (("origin", way.origin), ("destination", way.destination)):
            try:
                pair.append(find_place(city, value, named=named) if isinstance(value, str) else _spot(city, *value))
            except DoorviewError as fault:
                faults.append(f"routes.way[{number}].{key}: {fault}")
        if len(pair) == 2:
            ends.append((pair[0], pair[1]))
            labels += unlike([way.name or f"{pair[0].name} to {pair[1].name}"], labels)
            if pair[0].geometry.equals(pair[1].geometry):
                faults.append(
                    f"routes.way[{number}]: '{way.origin}' and '{way.destination}' are one and the same place, so "
                    "there is no way; change one"
                )
    left_out: list[str] = []
    if section.pairs is not None:
        try:
            more, pairs, left_out = _read_pairs(section, city, labels)
            labels += more
            ends += pairs
        except DoorviewError as fault:
            faults.append(f"routes.pairs: {fault}")
    homes_to = dict[str, list[Place]]()
    for kind in section.all_homes_to:
        homes_to[kind] = places_of_kind(city, kind)
        if not homes_to[kind]:
            faults.append(
                f"routes.all_homes_to: the data of '{city.name}' hold no {kind}, so no home can walk to one. Leave "
                f'"{kind}" out, or take data that have some'
            )
    if faults:
        raise StudyError("routes", faults)
    return RoutesPlan(section, tuple(labels), tuple(ends), len(section.way), tuple(left_out), homes_to)


def _spot(city: City, lat: float, lon: float) -> Place:
    """Return a spot given by latitude and longitude; refuse one beyond the data."""
    to = Transformer.from_crs("EPSG:4326", city.crs, always_xy=True)
    x, y = to.transform(lon, lat)
    away = _beyond(city, x, y)
    if away == 0:
        return Place(f"{lat:.5f}, {lon:.5f}", WALK_SPOT, "", shapely.Point(x, y))
    if abs(lon) <= 90 and _beyond(city, *to.transform(lat, lon)) == 0:
        raise InputError(
            f"[{lat:g}, {lon:g}] lies outside the data, and [{lon:g}, {lat:g}] inside: latitude comes first. Swap them."
        )
    where = f"{away / 1000:,.1f} km" if math.isfinite(away) else "far"
    west, south, east, north = gpd.GeoSeries([city.extent], crs=city.crs).to_crs(4326).total_bounds
    raise InputError(
        f"[{lat:g}, {lon:g}] lies {where} outside the data of '{city.name}', which reach from {south:.4f} to "
        f"{north:.4f} in latitude and from {west:.4f} to {east:.4f} in longitude. Give a spot inside."
    )


def _beyond(city: City, x: float, y: float) -> float:
    """Return how far a spot lies outside the data [m]; 0 inside, inf where it has no coordinates."""
    if not (math.isfinite(x) and math.isfinite(y)):
        return math.inf
    return float(shapely.distance(city.extent, shapely.Point(x, y)))


def _read_pairs(
    section: RoutesSection, city: City, taken: Sequence[str]
) -> tuple[list[str], list[tuple[Place, Place]], list[str]]:
    """Return labels and ends of the pairs in a table, and its rows that cannot be used, in words."""
    path = Path(str(section.pairs))
    table = _table(path)
    names, crs = _columns(section, table, path)
    if len(table) > MOST_PAIRS:
        raise InputError(f"'{path.name}' holds {len(table):,} pairs; give at most {MOST_PAIRS:,} a study.")
    numbers, bad = _numbers(table, [name for name in names if name != "name"], names)
    to = Transformer.from_crs(crs, city.crs, always_xy=True)
    spots = []
    for end in ("origin", "destination"):
        x = numbers[f"{end}_lon" if crs == "EPSG:4326" else f"{end}_x"]
        y = numbers[f"{end}_lat" if crs == "EPSG:4326" else f"{end}_y"]
        spots.append((np.column_stack(to.transform(x, y)), np.column_stack(to.transform(y, x))))
    for (straight, swapped), end in zip(spots, ("origin", "destination"), strict=True):
        _beyond_the_data(straight, swapped, end, city, bad)
    left_out = [f"row {row + 1}: {why}" for row, why in sorted(bad.items())]
    good = [row for row in range(len(table)) if row not in bad]
    if not good:
        shown = "; ".join(left_out[:MOST_SHOWN]) or "it has no rows"
        raise InputError(
            f"no row of '{path.name}' can be used ({shown}). Mend the rows, or name the CRS with pairs_crs."
        )
    labels = _labels(table, names, good, taken)
    ends = [
        (
            Place("origin", WALK_SPOT, "", shapely.Point(spots[0][0][row])),
            Place("destination", WALK_SPOT, "", shapely.Point(spots[1][0][row])),
        )
        for row in good
    ]
    return labels, ends, left_out


def _table(path: Path) -> pd.DataFrame:
    check_header(path)
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise InputError(f"'{path.name}' cannot be read as a table of pairs: {fault}. Give a .csv in UTF-8.") from fault


def _columns(section: RoutesSection, table: pd.DataFrame, path: Path) -> tuple[dict[str, str], str]:
    """Return which column of the table is which, and the CRS of its coordinates."""
    said = dict(section.pairs_columns or {})
    names = {key: said.get(key, key) for key in PAIR_COLUMNS}
    has = {key for key, column in names.items() if column in table.columns}
    missing = [column for key, column in said.items() if key not in has]
    lonlat = [key for key in PAIR_COLUMNS if key.endswith(("_lat", "_lon"))]
    metres = [key for key in PAIR_COLUMNS if key.endswith(("_x", "_y"))]
    held = ", ".join(f"'{name}'" for name in table.columns[:12]) or "none"
    if missing:
        raise InputError(f"'{path.name}' has no column '{missing[0]}' (pairs_columns names it). It has: {held}.")
    if set(lonlat) <= has and not set(metres) <= has:
        return {key: names[key] for key in PAIR_COLUMNS if key in has and key not in metres}, "EPSG:4326"
    if set(metres) <= has:
        if section.pairs_crs is None:
            raise InputError(
                f"'{path.name}' gives x and y, and nothing says in which CRS. Add pairs_crs = 'EPSG:...', or give "
                "origin_lat, origin_lon, destination_lat and destination_lon."
            )
        return {key: names[key] for key in PAIR_COLUMNS if key in has and key not in lonlat}, section.pairs_crs
    lacking = [key for key in (metres if has & set(metres) else lonlat) if key not in has]
    raise InputError(
        f"'{path.name}' lacks the columns {', '.join(lacking)}. It has: {held}. Name yours, as in "
        "pairs_columns = {origin_lat = 'from_y'}."
    )


def _numbers(table: pd.DataFrame, keys: list[str], names: dict[str, str]) -> tuple[dict[str, Floats], dict[int, str]]:
    """Return the numbers of each column, NaN where there is none, and the first fault of each row."""
    found, bad = {}, dict[int, str]()
    for key in keys:
        texts = [text.strip() for text in table[names[key]]]
        values = np.full(len(texts), np.nan)
        most = 90.0 if key.endswith("_lat") else 180.0 if key.endswith("_lon") else math.inf
        for row, text in enumerate(texts):
            if re.fullmatch(r"[-+]?\d{1,9}(\.\d{0,20})?", text) and abs(float(text)) <= most:
                values[row] = float(text)
            else:
                # The text itself may be an address, and this is told in what is published.
                number = re.fullmatch(r"[-+]?\d+(\.\d*)?", text)
                what = "empty" if not text else f"not within {most:g} degrees" if number else "no number"
                bad.setdefault(row, f"{names[key]} is {what}")
        found[key] = values
    return found, bad


def _in_data(city: City, xy: Floats) -> NDArray[np.bool_]:
    """Return which spots (spots, 2) [m] lie in the data."""
    inside: NDArray[np.bool_] = np.array(np.isfinite(xy).all(axis=1))
    inside[inside] = np.asarray(shapely.intersects(city.extent, shapely.points(xy[inside])))
    return inside


def _beyond_the_data(straight: Floats, swapped: Floats, end: str, city: City, bad: dict[int, str]) -> None:
    """Add the rows whose end lies outside the data to those left out; if all do and would not swapped, say so."""
    rows = np.array([row for row in range(len(straight)) if row not in bad], dtype=np.int64)
    if not len(rows):
        return
    out, turned = ~_in_data(city, straight[rows]), _in_data(city, swapped[rows])
    if out.all() and turned.all():
        raise InputError(
            f"every {end} lies outside the data, and inside with latitude and longitude (or x and y) swapped: the "
            "columns are named the wrong way round. Swap them with pairs_columns."
        )
    for row in rows[out].tolist():
        bad[row] = f"{end} lies outside the data"


def _labels(table: pd.DataFrame, names: dict[str, str], good: list[int], taken: Sequence[str]) -> list[str]:
    """Return what the pairs are called: their names, made different where several have one, or `pair ROW`."""
    labels = list[str]()
    column: Any = table[names["name"]] if "name" in names else None
    for row in good:
        plain = (column.iloc[row].strip() if column is not None else "") or f"pair {row + 1}"
        labels.append(plain)
    return unlike(labels, taken)


def unlike(labels: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """Return labels of which no two are alike: a second one of a kind is called `NAME (2)`."""
    used, out, count = set(taken), list[str](), dict[str, int]()
    for plain in labels:
        label = plain
        while label in used:
            count[plain] = count.get(plain, 1) + 1
            label = f"{plain} ({count[plain]})"
        used.add(label)
        out.append(label)
    return out
