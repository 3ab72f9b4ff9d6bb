"""People put on streets: footfall, pupils, passengers, from points, lines or polygons, for a share by people.

What a place's people have in view is taken as the share of their block face: the mean over faces, weighted by the
people put on each. It says where people are, not who they are.
"""

from __future__ import annotations

import os
import reprlib
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.crs import WGS84
from doorview.city.layers import read_layer
from doorview.city.untrusted import check_header
from doorview.errors import InputError, MissingFileError, UnknownNameError

__all__ = ["Numbers", "People", "numbers_of", "people_on_faces", "read_people"]

WITHIN_M = 50.0
"""People farther than this from every block face are on none."""
STEP_M = 5.0
"""Distance of the places that the people of a line are spread over."""
MOST_LINES_M = 2e7
_LON, _LAT = ("lon", "longitude", "lng", "long"), ("lat", "latitude")
MOST_PEOPLE = 1e12
"""A larger number is no number of people, and sums of such lose the others."""
_SHOWN = 3
_POINT, _LINE, _POLYGON = (0, 4), (1, 2, 5), (3, 6)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers of a column: `values`, NaN in `gaps`, which are rows by their names."""

    values: NDArray[np.float64]
    gaps: list[str]


def numbers_of(column: pd.Series, where: str, rows: list[str]) -> Numbers:
    """Return the numbers of a column, 0 or more; a gap is NaN and told of.

    Parameters
    ----------
    column
        Numbers, or text that holds plain ones.
    where
        File and column, for messages.
    rows
        What each row is called in messages.

    Raises
    ------
    InputError
        For text, negative, infinite and absurdly large values, all of them counted and the first of each kind named;
        for a column without any number above 0.
    """
    text = column.map(lambda value: value.strip() if isinstance(value, str) else value)
    empty = (text.isna() | (text == "")).to_numpy(dtype=bool)
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    faults = []
    for what, bad in (
        ("no number", ~empty & np.isnan(values)),
        ("below 0", values < 0),
        ("infinite", np.isposinf(values)),
        (f"above {MOST_PEOPLE:,.0f}", np.isfinite(values) & (values > MOST_PEOPLE)),
    ):
        if bad.any():
            first = [f"{rows[n]} has {reprlib.repr(column.iloc[n])}" for n in np.flatnonzero(bad)[:_SHOWN]]
            more = f" and {int(bad.sum()) - _SHOWN:,} more" if bad.sum() > _SHOWN else ""
            faults.append(f"{int(bad.sum()):,} {what} ({', '.join(first)}{more})")
    if faults:
        raise InputError(
            f"{where}: {'; '.join(faults)}. Weights are people, so each must be a plain number of 0 or more: correct "
            "the cells, or leave them empty where nobody knows; empty ones are left out and counted."
        )
    if not (values > 0).any():
        raise InputError(
            f"{where}: no row has a number above 0, so there is nothing to weight by. Name another column."
        )
    values[empty] = np.nan
    return Numbers(values, [rows[n] for n in np.flatnonzero(empty)])


def read_people(
    source: str | os.PathLike[str] | gpd.GeoDataFrame, column: str, crs: CRS
) -> tuple[gpd.GeoDataFrame, Numbers]:
    """Return the shapes of a file of people in `crs`, and their numbers.

    Parameters
    ----------
    source
        A ``.csv`` with lon and lat [degrees], a layer that `read_layer` reads, or a GeoDataFrame.
    column
        Column of the number of people of each row.
    crs
        Projected, in metres.

    Raises
    ------
    MissingFileError, InputError, UnknownNameError
        For a file that is not there or cannot be read, a column that it lacks, numbers as in `numbers_of`.
    """
    if not isinstance(source, gpd.GeoDataFrame) and Path(source).suffix.lower() == ".csv":
        table, where = _read_csv(Path(source)), f"'{Path(source).name}'"
    else:
        table = read_layer(source if isinstance(source, gpd.GeoDataFrame) else Path(source), "people")
        where = "the table of people" if isinstance(source, gpd.GeoDataFrame) else f"'{Path(source).name}'"
    known = [str(name) for name in table.columns if name != table.geometry.name]
    if column not in known:
        raise UnknownNameError(f"column of {where}", column, known)
    numbers = numbers_of(table[column], f"{where}, column '{column}'", [f"row {n + 1}" for n in range(len(table))])
    return table.to_crs(crs), numbers


def _read_csv(path: Path) -> gpd.GeoDataFrame:
    """Return the points of a CSV with longitude and latitude."""
    if not path.is_file():
        raise MissingFileError(f"there is no file '{path}' of people. Check the path.")
    check_header(path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as fault:
        raise InputError(f"'{path}' cannot be read as a CSV: {fault}. Save it as plain CSV in UTF-8.") from fault
    named = {str(name).strip().lower(): str(name) for name in table.columns}
    lon, lat = (next((named[name] for name in names if name in named), None) for names in (_LON, _LAT))
    if lon is None or lat is None:
        raise InputError(
            f"'{path.name}' says nowhere where its people are: its columns are {', '.join(map(str, table.columns))}. "
            "Name two of them lon and lat (degrees), or give a layer with shapes, e.g. a .gpkg."
        )
    xy = table[[lon, lat]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.isfinite(xy).all(axis=1) & (np.abs(xy) <= [180.0, 90.0]).all(axis=1))
    if bad.any():
        rows = ", ".join(str(n + 1) for n in np.flatnonzero(bad)[:_SHOWN])
        raise InputError(
            f"'{path.name}': {int(bad.sum()):,} rows have no place in degrees in '{lon}' and '{lat}' (first: {rows}). "
            "Correct or remove them."
        )
    return gpd.GeoDataFrame(table, geometry=shapely.points(xy), crs=WGS84)


@dataclass(frozen=True, eq=False)
class People:
    """People on block faces: each piece has its `face`, its `xy` (pieces, 2) [m] and its number of people.

    `left_out` says how many people are on no face, by reason; `rows_left_out` how many rows of the file.
    """

    face: NDArray[np.int64]
    xy: NDArray[np.float64]
    people: NDArray[np.float64]
    left_out: dict[str, float]
    rows_left_out: dict[str, int]


def people_on_faces(
    shapes: gpd.GeoDataFrame, people: NDArray[np.float64], faces: gpd.GeoDataFrame, usable: NDArray[np.bool_]
) -> People:
    """Return people put on the block faces that are usable.

    Points: on the nearest face within 50 m. Lines: spread evenly over their length, every 5 m on the nearest face
    within 50 m. Polygons: spread evenly over the length of the faces inside. Rows without a number are left out.

    Parameters
    ----------
    shapes
        Points, lines or polygons, in the CRS of the faces [m].
    people
        Number of people of each shape, shape (rows,), NaN unknown.
    faces
        LineStrings.
    usable
        Faces that have a share, shape (faces,).

    Raises
    ------
    InputError
        If the lines are longer together than `MOST_LINES_M`.
    """
    geometry = shapely.force_2d(shapes.geometry.to_numpy())
    long = float(shapely.length(geometry[np.isin(shapely.get_type_id(geometry), _LINE)]).sum())
    if not long <= MOST_LINES_M:
        raise InputError(
            f"the lines of people are {long / 1000:,.0f} km long together; {MOST_LINES_M / 1000:,.0f} km are the most, "
            "the streets of a large city several times over. Take the part of the file that is at the place."
        )
    kind = shapely.get_type_id(geometry)
    usual = np.isin(kind, (*_POINT, *_LINE, *_POLYGON))
    known = ~np.isnan(people) & usual & ~shapely.is_empty(geometry)
    crossed = np.isin(kind, _POLYGON) & ~shapely.is_valid(geometry)
    geometry[crossed] = shapely.make_valid(geometry[crossed], method="structure", keep_collapsed=False)
    rows = np.flatnonzero(usable)
    lines = faces.geometry.to_numpy()[rows]
    tree = shapely.STRtree(lines)
    spots, row, part = _spots(geometry, known & np.isin(kind, (*_POINT, *_LINE)))
    near, face = tree.query_nearest(spots, max_distance=WITHIN_M, all_matches=True)
    if len(near):
        # Of faces equally near the first.
        order = np.lexsort((face, near))
        first = order[np.unique(near[order], return_index=True)[1]]
        near, face = near[first], face[first]
    polygon = np.flatnonzero(known & np.isin(kind, _POLYGON))
    of, inside = tree.query(geometry[polygon], predicate="intersects")
    pieces = shapely.intersection(lines[inside], geometry[polygon][of])
    length = shapely.length(pieces)
    total = np.zeros(len(polygon))
    np.add.at(total, of, length)
    held = length > 0
    of, inside, pieces, length = of[held], inside[held], pieces[held], length[held]
    middle = shapely.get_coordinates(shapely.point_on_surface(pieces))
    found = People(
        np.concatenate([rows[face], rows[inside]]).astype(np.int64),
        np.concatenate([shapely.get_coordinates(spots)[near], middle]).reshape(-1, 2),
        np.concatenate([people[row[near]] * part[near], people[polygon[of]] * length / total[of]]),
        {},
        {},
    )
    lost = np.bincount(row, weights=people[row] * part, minlength=len(people))
    lost -= np.bincount(row[near], weights=people[row[near]] * part[near], minlength=len(people))
    lost[polygon[total == 0]] = people[polygon[total == 0]]
    reasons = {
        f"more than {WITHIN_M:g} m from any block face that has a share": np.where(np.isin(kind, _POLYGON), 0.0, lost),
        "polygons without a block face that has a share": np.where(np.isin(kind, _POLYGON), lost, 0.0),
    }
    found.left_out.update({name: float(lost.sum()) for name, lost in reasons.items() if lost.sum() > 1e-9})
    gaps = {"without a number": np.isnan(people), "without a point, line or polygon": ~known & ~np.isnan(people)}
    found.rows_left_out.update({name: int(gap.sum()) for name, gap in gaps.items() if gap.any()})
    return found


def _spots(
    geometry: NDArray[np.object_], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of points and lines: points, the row of each, and which part of its people is there."""
    spots, row, part = [], [], []
    for n in np.flatnonzero(wanted).tolist():
        shape = geometry[n]
        if shapely.get_type_id(shape) in _POINT:
            here = shapely.get_parts(shape)
            weight = np.full(len(here), 1.0 / len(here))
        else:
            lines = shapely.get_parts(shape)
            count = np.maximum(np.ceil(shapely.length(lines) / STEP_M).astype(int), 1)
            at = [(np.arange(c) + 0.5) / c for c in count]
            here = np.concatenate(
                [shapely.line_interpolate_point(line, a, normalized=True) for line, a in zip(lines, at, strict=True)]
            )
            weight = np.repeat(shapely.length(lines) / count, count)
            weight = weight / weight.sum() if weight.sum() > 0 else np.full(len(here), 1.0 / len(here))
        spots.append(here)
        row.append(np.full(len(here), n))
        part.append(weight)
    if not spots:
        return np.zeros(0, object), np.zeros(0, np.int64), np.zeros(0)
    return np.concatenate(spots), np.concatenate(row).astype(np.int64), np.concatenate(part)
