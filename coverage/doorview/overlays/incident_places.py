"""Places of incidents: coordinates checked before they are believed, and how exactly each place is known.

What cannot be a place (no number, (0, 0), latitude and longitude swapped, another CRS than said) is counted by its
reason; where that is most of a file, it is refused with the call that mends it.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from doorview.errors import InputError
from doorview.overlays.addresses import Address, parse_address
from doorview.overlays.incident_dates import NOTHING

__all__ = ["blocks_of", "places_of", "whole_hundreds"]

MOSTLY = 0.5
"""If more of the placed rows than this are swapped or outside for one reason, the file as a whole is wrong."""
NULL_ISLAND_DEGREES = 1e-3
COARSE_DEGREES = 1e-3
"""Coordinates on multiples of this (111 m of latitude) name an area and no house."""
COARSE = 50.0
"""As above, of projected coordinates: metres or feet, whichever the file has."""
NEARLY_ALL = 0.9
SAME_POINT = 5
"""So many incidents at the very same coordinates, without an address that tells a house, are a place for a block."""
FT = 0.3048


def places_of(
    xy: NDArray[np.float64],
    unread: NDArray[np.bool_],
    crs: CRS,
    target: CRS,
    inside: shapely.Geometry | None,
    where: str,
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Return places in the city's CRS, and why a row has none.

    Parameters
    ----------
    xy
        (rows, 2) as the file says, longitude or x first; NaN where it says nothing.
    unread
        (rows,) the file says something that is no number.
    crs
        Of `xy`.
    target
        The city's CRS, projected.
    inside
        Polygon in `target` of where incidents count; None: anywhere.
    where
        The file, for messages.

    Returns
    -------
    xy, reasons
        (rows, 2) [m], NaN where a row has no place; (rows,) the reason, "" where it has one.

    Raises
    ------
    InputError
        More than half of the rows are swapped, or all lie elsewhere: the columns or the CRS are wrong.

    """
    reason = np.full(len(xy), "", dtype=object)
    reason[np.isnan(xy).any(axis=1)] = "without a place"
    reason[unread] = "with a place that is no number"
    zero = np.abs(xy).max(axis=1, initial=0.0) < (NULL_ISLAND_DEGREES if crs.is_geographic else 1.0)
    reason[zero] = "at (0, 0)"
    todo = reason == ""
    _check_units(xy[todo], crs, where)
    if crs.is_geographic:
        _mark_degrees(xy, reason, crs, target, inside, where)
    placed = np.full(xy.shape, np.nan)
    todo = reason == ""
    placed[todo] = _moved(xy[todo], crs, target)
    todo &= np.isfinite(placed).all(axis=1)
    reason[(reason == "") & ~todo] = "outside the place"
    if inside is not None and todo.any():
        shapely.prepare(inside)
        out = todo.copy()
        out[todo] = ~shapely.intersects_xy(inside, *placed[todo].T)
        if out.sum() == todo.sum():
            raise InputError(_elsewhere(xy[todo], placed[todo], crs, target, inside, where))
        reason[out] = "outside the place"
    placed[reason != ""] = np.nan
    return placed, reason


def _check_units(xy: NDArray[np.float64], crs: CRS, where: str) -> None:
    """Refuse degrees under a projected label, and metres or feet under a label in degrees."""
    if not len(xy):
        return
    shown = f"x from {xy[:, 0].min():.6g} to {xy[:, 0].max():.6g}, y from {xy[:, 1].min():.6g} to {xy[:, 1].max():.6g}"
    degrees = (np.abs(xy).max(axis=1) <= 180.0).mean() > MOSTLY
    if crs.is_projected and degrees:
        raise InputError(
            f"{where}: the places are said to be in {crs.name}, but look like degrees ({shown}), so they would all lie "
            "beside one point. Name the columns lon and lat, or give crs = 'EPSG:4326'."
        )
    if crs.is_geographic and not degrees:
        raise InputError(
            f"{where}: the places are said to be in degrees, but are no degrees ({shown}): they are projected, in "
            "metres or feet. Name the columns x and y, and say their CRS, e.g. crs = 'EPSG:2248'."
        )


def _mark_degrees(
    xy: NDArray[np.float64],
    reason: NDArray[np.object_],
    crs: CRS,
    target: CRS,
    inside: shapely.Geometry | None,
    where: str,
) -> None:
    """Mark rows whose longitude and latitude are swapped, and those that are no degrees."""
    todo = reason == ""
    lon, lat = np.abs(xy).T
    swapped = todo & (lat > 90.0) & (lat <= 180.0) & (lon <= 90.0)
    if inside is not None:
        usable = todo & (lon <= 180.0) & (lat <= 90.0)
        here = usable.copy()
        here[usable] = _lies_in(xy[usable], crs, target, inside)
        turned = todo & ~here & (lon <= 90.0) & (lat <= 180.0)
        there = turned.copy()
        there[turned] = _lies_in(xy[turned][:, ::-1], crs, target, inside)
        swapped |= there
    if todo.any() and swapped.sum() > MOSTLY * todo.sum():
        raise InputError(
            f"{where}: in {int(swapped.sum())} of {int(todo.sum())} rows longitude and latitude are swapped. Name the "
            "columns the other way round: columns = { lon = '...', lat = '...' }."
        )
    reason[swapped] = "with longitude and latitude swapped"
    reason[todo & ~swapped & ((lon > 180.0) | (lat > 90.0))] = "with degrees out of range"


def _moved(xy: NDArray[np.float64], crs: CRS, target: CRS) -> NDArray[np.float64]:
    if not len(xy):
        return xy.reshape(0, 2)
    return np.column_stack(Transformer.from_crs(crs, target, always_xy=True).transform(*xy.T))


def _lies_in(xy: NDArray[np.float64], crs: CRS, target: CRS, inside: shapely.Geometry) -> NDArray[np.bool_]:
    moved = _moved(xy, crs, target)
    good: NDArray[np.bool_] = np.asarray(np.isfinite(moved).all(axis=1))
    good[good] = shapely.intersects_xy(inside, *moved[good].T)
    return good


def _elsewhere(
    xy: NDArray[np.float64],
    placed: NDArray[np.float64],
    crs: CRS,
    target: CRS,
    inside: shapely.Geometry,
    where: str,
) -> str:
    """Return the words for a file whose rows all lie elsewhere, with what would bring them here, if anything does."""
    away = float(shapely.distance(shapely.points(np.median(placed, axis=0)), inside)) / 1000.0
    tried: list[tuple[str, CRS, NDArray[np.float64]]] = []
    if crs.is_projected:
        tried = [
            ("they are feet, not metres: give the CRS of that name in feet (ftUS)", crs, xy * FT),
            ("they are metres, not feet: give the CRS of that name in metres", crs, xy / FT),
            ("x and y are swapped: name the columns the other way round", crs, xy[:, ::-1]),
            ("they are Web Mercator: give crs = 'EPSG:3857'", CRS.from_epsg(3857), xy),
            (f"they are in the city's own CRS: give crs = '{target.to_string()}'", target, xy),
        ]
    hint = ""
    for words, system, values in tried:
        try:
            if _lies_in(values, system, target, inside).mean() > MOSTLY:
                hint = f" It looks as if {words}."
                break
        except ProjError:
            continue
    return (
        f"{where}: all {len(xy)} incidents with a place lie outside the city, their middle {away:.0f} km away, so the "
        f"file is of another place, or not in {crs.name}.{hint or ' Look at both in a map program, and give crs=.'}"
    )


# ---- how exactly a place is known -----------------------------------------------------------------------------------


def whole_hundreds(addresses: pd.Series) -> bool:
    """Return whether the house numbers of a file are whole hundreds, so that they name blocks (``2000 GOUGH ST``)."""
    said = addresses.str.extract(r"^\s*(\d+)\s+\S", expand=False).dropna()
    numbers = said[~addresses.loc[said.index].str.contains(r"(?i)\b(?:blk|block)\b|\dXX\b", regex=True)]
    numbers = pd.to_numeric(numbers, errors="coerce").dropna()
    return bool(len(numbers) and (numbers % 100 == 0).mean() >= NEARLY_ALL)


def blocks_of(
    said: NDArray[np.float64],
    placed: NDArray[np.float64],
    addresses: pd.Series | None,
    known_to: str,
    crs: CRS,
) -> tuple[NDArray[np.object_], dict[str, int], list[str]]:
    """Return the block of each incident whose place is known to the block only ("" else), counts and notes.

    Parameters
    ----------
    said
        (rows, 2) coordinates as the file says (NaN where an address gave the place), in `crs`.
    placed
        (rows, 2) places [m].
    addresses
        Texts, or None.
    known_to
        `point`: none is; `block`: all are; `detect`: by the text of the address (``100 BLOCK OF X``, ``1XX X``, a
        corner, whole hundreds throughout), by coordinates that are nearly all rounded to 0.001 degrees or 50 m, and by
        coordinates repeated: all rows, where more than half share their point with another; else those of 5 or more at
        one point.
    crs
        Of `said`.

    """
    block = np.full(len(placed), "", dtype=object)
    counts: Counter[str] = Counter()
    notes: list[str] = []
    if known_to == "point" or not len(placed):
        return block, {}, []
    parsed = _parsed(addresses, notes)
    if parsed is not None:
        block[:] = [one.block_id for one in parsed]
        counts["known to the block, by its address"] = int((block != "").sum())
    at = np.array([f"at {x:.0f} {y:.0f}" for x, y in placed], dtype=object)
    house = np.array([one.kind == "number" for one in parsed] if parsed is not None else [False] * len(placed))
    _, group, size = np.unique(np.round(placed, 2), axis=0, return_inverse=True, return_counts=True)
    shared = size[group.ravel()]
    if (shared > 1).any():
        notes.append(f"{int((shared > 1).sum())} of {len(placed)} incidents share their exact point with another")
    if known_to == "block":
        rest = block == ""
        counts["known to the block, as the layout says"] = int(rest.sum())
    elif _rounded(said, crs):
        rest = block == ""
        counts["known to the block, by rounded coordinates"] = int(rest.sum())
        step = f"{COARSE_DEGREES:g} degrees" if crs.is_geographic else f"{COARSE:g} {crs.axis_info[0].unit_name}"
        notes.append(f"coordinates are rounded to {step}: no place is known better than that")
    elif len(placed) > 1 and (shared > 1).mean() > MOSTLY and not house.mean() > MOSTLY:
        rest = block == ""
        counts["known to the block, by repeated coordinates"] = int(rest.sum())
        notes.append("more than half share their point: all are taken as known to the block; known_to = 'point' if not")
    else:
        rest = (block == "") & ~house & (shared >= SAME_POINT)
        counts["known to the block, by repeated coordinates"] = int(rest.sum())
    block[rest] = at[rest]
    return block, {reason: count for reason, count in counts.items() if count}, notes


def _parsed(addresses: pd.Series | None, notes: list[str]) -> list[Address] | None:
    if addresses is None:
        return None
    hundreds = whole_hundreds(addresses)
    if hundreds:
        notes.append("house numbers are whole hundreds: they name blocks")
    return [
        parse_address("" if text.strip().lower() in NOTHING else text, hundreds=hundreds) for text in addresses.tolist()
    ]


def _rounded(said: NDArray[np.float64], crs: CRS) -> bool:
    """Return whether nearly all coordinates lie on a coarse lattice (and are not one and the same point)."""
    known = said[~np.isnan(said).any(axis=1)]
    if len(np.unique(known, axis=0)) < 2:
        return False
    units = known / (COARSE_DEGREES if crs.is_geographic else COARSE)
    return bool((np.abs(units - np.round(units)).max(axis=1) < 1e-6).mean() >= NEARLY_ALL)
