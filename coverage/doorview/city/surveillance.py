"""Known cameras: what OpenStreetMap says of them, and the table that they are.

Tags are read by stated rules and nothing is guessed: what cannot be read is counted by reason (in
``attrs["counts"]``). Directions are degrees clockwise from north (OSM wiki, Key:camera:direction), in three forms:

- a number from 0 to 360: the heading;
- a compass point (``N``, ``nne``, ``South``): the heading;
- a range ``A-B``, swept clockwise from A to B: the heading is its middle, the field of view its width.

Several values with ``;`` are several cameras on one spot. Without ``camera:direction`` the general ``direction``, which
OSM has for whatever faces somewhere, is read in its place. ``camera:angle`` means the width of the view to some mappers
and its tilt below the horizon to others, so it says nothing unless the caller declares its meaning.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city import clean
from doorview.city.crs import WGS84
from doorview.city.tags import KEYS, is_surveillance
from doorview.city.values import metres
from doorview.errors import InputError, MissingFileError, UnknownNameError

__all__ = [
    "ALL_AROUND",
    "AngleMeans",
    "Direction",
    "camera_table",
    "read_directions",
    "read_osm_cameras",
    "read_overpass_cameras",
]

AngleMeans: TypeAlias = Literal["width", "tilt"]

ALL_AROUND = 360.0
"""The field of view [degrees] of a camera that sees all around; its heading is 0 and means nothing."""

_POINTS = (
    "N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW",
)  # fmt: skip
_WORDS = {"NORTH": "N", "NORTHEAST": "NE", "EAST": "E", "SOUTHEAST": "SE", "SOUTH": "S", "SOUTHWEST": "SW",
          "WEST": "W", "NORTHWEST": "NW"}  # fmt: skip
_COMPASS = {point: 22.5 * place for place, point in enumerate(_POINTS)}
_COMPASS |= {word: _COMPASS[point] for word, point in _WORDS.items()}
_DEGREES = r"([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*°?"
_NUMBER = re.compile(_DEGREES)
_RANGE = re.compile(_DEGREES + r"\s*[-–]\s*" + _DEGREES)
_SIGNED = re.compile(r"[-+−–]\s*" + _DEGREES)
_COMPASS_RANGE = re.compile(r"[A-Z]{1,9}\s*[-–]\s*[A-Z]{1,9}")
_LONGEST = 200  # characters of a tag that may be a direction; OSM itself allows 255

_KINDS = {"fixed": "fixed", "dome": "dome", "panning": "panning", "360": "360"}
_ALL_AROUND_KINDS = frozenset({"dome", "360"})
_NO_CAMERA = frozenset({"guard", "gunshot_detector"})
_PLATE_READERS = frozenset({"alpr", "anpr"})
_ENFORCEMENT = frozenset({"maxspeed", "red_light"})
_FAKE = frozenset({"fake", "dummy"})


@dataclass(frozen=True)
class Direction:
    """One direction [degrees clockwise from north] as it was read.

    `width_degrees` is the field of view where a range says it, else None; `form` is ``number``, ``compass`` or
    ``range``.
    """

    heading: float
    width_degrees: float | None
    form: str


def read_directions(text: object) -> tuple[list[Direction], list[str]]:
    """Return the directions in the text of a tag, and the reason for each part that cannot be read; never raises.

    >>> read_directions("350-10")[0]
    [Direction(heading=0.0, width_degrees=20.0, form='range')]
    >>> read_directions("90; up")
    ([Direction(heading=90.0, width_degrees=None, form='number')], ['no direction'])
    """
    if not isinstance(text, str):
        return [], []
    if len(text) > _LONGEST:
        return [], ["too long"]
    found: list[Direction] = []
    faults: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        got = _direction(part.upper())
        if isinstance(got, Direction):
            found.append(got)
        else:
            faults.append(got)
    return found, faults


def _direction(text: str) -> Direction | str:
    """Return one direction, or why there is none."""
    if text in _COMPASS:
        return Direction(_COMPASS[text], None, "compass")
    one = _NUMBER.fullmatch(text)
    if one is not None:
        heading = float(one[1])
        return Direction(heading % 360.0, None, "number") if heading <= 360.0 else "above 360 degrees"
    both = _RANGE.fullmatch(text)
    if both is not None:
        start, end = float(both[1]), float(both[2])
        if max(start, end) > 360.0:
            return "above 360 degrees"
        if start == end:
            return "a range without width"
        width = (end - start) % 360.0 or ALL_AROUND
        return Direction((start + width / 2.0) % 360.0, width, "range")
    if _SIGNED.fullmatch(text):
        return "with a sign (from north, or below the horizon?)"
    if _COMPASS_RANGE.fullmatch(text):
        return "compass points with a hyphen (a point or a range?)"
    if "," in text:
        return "several with a comma (or a decimal comma?)"
    return "no direction"


# ---- OpenStreetMap
# ---------------------------------------------------------------------------------------------------------


def camera_table(rows: list[dict[str, Any]], ids: list[str], crs: Any) -> gpd.GeoDataFrame:
    """Return cameras as a table with all its columns, index `door` of `ids`.

    Columns: `geometry` Point; `heading` [degrees clockwise from north], `field_of_view_degrees`, `height_m`, `range_m`
    [m] and `tilt_degrees` [below the horizon], float64, NaN where nothing says them; `kind` (``fixed``, ``dome``,
    ``panning``, ``360``, ``other``, ``unknown``); `form` of the direction (``number``, ``compass``, ``range``,
    ``none``); `source` (``osm``, ``own``); `certain` and `private`, bool.
    """
    index = pd.Index(ids, dtype=object, name="door")
    data: dict[str, pd.Series] = {}
    for name in ("heading", "field_of_view_degrees", "height_m", "range_m", "tilt_degrees"):
        data[name] = pd.Series([row.get(name, math.nan) for row in rows], index=index, dtype=np.float64)
    for name in ("kind", "form", "source"):
        data[name] = pd.Series([row[name] for row in rows], index=index, dtype=object)
    data["certain"] = pd.Series(np.ones(len(rows), dtype=bool), index=index)
    data["private"] = pd.Series([row["source"] == "own" for row in rows], index=index, dtype=bool)
    points = gpd.GeoSeries([row["geometry"] for row in rows], index=index, crs=crs)
    return gpd.GeoDataFrame(data, geometry=points, crs=crs)


def read_osm_cameras(
    surveillance: gpd.GeoDataFrame,
    *,
    angle_means: AngleMeans | None = None,
    unknown_all_around: bool = False,
    plate_readers: bool = False,
    indoor: bool = False,
) -> gpd.GeoDataFrame:
    """Return the cameras that a layer of ``man_made=surveillance`` holds, as `camera_table` says.

    Rules, each counted: guards and gunshot detectors are no cameras; nor are dummies. Readers of number plates and
    speed or red-light cameras have narrow lenses on one lane and keep what they are made for: left out unless asked
    for. Cameras tagged ``surveillance=indoor`` see no street: likewise. Without a direction a dome and a camera of type
    360 see all around; any other looks somewhere that nobody says.

    Parameters
    ----------
    surveillance
        A city's `surveillance`, points of any CRS with the columns of ``KEYS["surveillance"]``, index ``n123``.
    angle_means
        What ``camera:angle`` is: ``"width"`` of the view, ``"tilt"`` below the horizon, or None: it says nothing.
    unknown_all_around
        Keep fixed and other cameras without a direction, seeing all around: an upper bound, not an estimate.
    plate_readers, indoor
        Keep these.

    Returns
    -------
    GeoDataFrame
        Index `door`: ``k:n123``; several cameras of one node are ``k:n123.1``, ``k:n123.2``. ``attrs["counts"]``:
        dict of plain words to numbers, what was left out included.

    Raises
    ------
    UnknownNameError
        If `angle_means` is something else.
    """
    if angle_means not in (None, "width", "tilt"):
        raise UnknownNameError("meaning of camera:angle", str(angle_means), ("width", "tilt"), "Or leave it out.")
    counts: Counter[str] = Counter({"objects": len(surveillance)})
    rows: list[dict[str, Any]] = []
    ids: list[str] = []
    keys = KEYS["surveillance"]
    columns = [surveillance[key].tolist() for key in keys]
    places = surveillance.geometry.to_numpy()
    for name, point, *values in zip(surveillance.index.astype(str), places, *columns, strict=True):
        tags = {key: value for key, value in zip(keys, values, strict=True) if isinstance(value, str)}
        why = _left_out(tags, plate_readers=plate_readers, indoor=indoor)
        if why is not None:
            counts[f"{why}, left out"] += 1
            continue
        made = _cameras_of(tags, angle_means, counts, unknown_all_around=unknown_all_around)
        several = len(made) > 1
        for number, row in enumerate(made, start=1):
            rows.append({**row, "geometry": point, "source": "osm"})
            ids.append(f"k:{name}.{number}" if several else f"k:{name}")
    counts["cameras"] = len(rows)
    table = camera_table(rows, ids, surveillance.crs)
    table.attrs["counts"] = {reason: counts[reason] for reason in sorted(counts)}
    return table


def _values(tags: Mapping[str, str], key: str) -> set[str]:
    """Return the values of a tag, several with ``;``, in small letters."""
    return {part.strip().lower() for part in tags.get(key, "").split(";")} - {""}


def _left_out(tags: Mapping[str, str], *, plate_readers: bool, indoor: bool) -> str | None:
    """Return why an object is no camera that may see a street, or None if it is one."""
    types = _values(tags, "surveillance:type")
    where = _values(tags, "surveillance")
    camera = "camera" in types
    if not camera and (types or where) & _NO_CAMERA:
        return "guards and other things that are no cameras"
    if where & _FAKE:
        return "dummies"
    if not plate_readers and ((not camera and types & _PLATE_READERS) or where & _ENFORCEMENT):
        return "readers of number plates, speed and red-light cameras"
    if not indoor and where == {"indoor"}:
        return "indoors"
    return None


def _cameras_of(
    tags: Mapping[str, str], angle_means: AngleMeans | None, counts: Counter[str], *, unknown_all_around: bool
) -> list[dict[str, Any]]:
    """Return the cameras of one object, and count what was read and what not."""
    kinds = _values(tags, "camera:type")
    kind = "unknown" if not kinds else _KINDS.get(next(iter(kinds)), "other") if len(kinds) == 1 else "other"
    key = "camera:direction" if "camera:direction" in tags else "direction"
    found, faults = read_directions(tags.get(key))
    for fault in faults:
        counts[f"direction that cannot be read: {fault}"] += 1
    for got in found:
        counts[f"direction: {got.form}"] += 1
    if found and key == "direction":
        counts["direction from the general key"] += 1
    shared = {"kind": kind, "height_m": _height(tags, counts)}
    width = math.nan
    angle = _angle(tags, counts, angle_means)
    if angle_means == "tilt":
        shared["tilt_degrees"] = angle
    elif angle_means == "width":
        width = angle
    if found:
        return [
            {
                **shared,
                "heading": got.heading,
                "field_of_view_degrees": width if got.width_degrees is None else got.width_degrees,
                "form": got.form,
            }
            for got in found
        ]
    # A direction that cannot be read says that the camera has one: then a dome, too, looks somewhere.
    around = kind in _ALL_AROUND_KINDS and not faults
    why = "a direction that cannot be read" if faults else f"no direction ({kind})"
    if around:
        counts["no direction, sees all around (dome, 360)"] += 1
    elif unknown_all_around:
        counts[f"{why}, taken as all around (upper bound)"] += 1
    else:
        counts[f"{why}, left out"] += 1
        return []
    return [{**shared, "heading": 0.0, "field_of_view_degrees": ALL_AROUND, "form": "none"}]


def _height(tags: Mapping[str, str], counts: Counter[str]) -> float:
    """Return the tagged height [m], NaN where there is none that can be read."""
    if "height" not in tags:
        return math.nan
    read = metres(tags["height"])
    if read is None or not 0 < read < math.inf:
        counts["height that cannot be read"] += 1
        return math.nan
    return read


def _angle(tags: Mapping[str, str], counts: Counter[str], means: AngleMeans | None) -> float:
    """Return ``camera:angle`` [degrees] if its meaning is declared and it can be that, else NaN."""
    text = tags.get("camera:angle")
    if text is None:
        return math.nan
    if means is None:
        counts["camera:angle, of no declared meaning, not used"] += 1
        return math.nan
    one = _NUMBER.fullmatch(text.strip())
    angle = math.nan if one is None else float(one[1])
    possible = 0 < angle <= 360 if means == "width" else 0 <= angle <= 90
    if not possible:
        counts[f"camera:angle that cannot be a {means}"] += 1
        return math.nan
    counts[f"camera:angle read as {means}"] += 1
    return angle


def read_overpass_cameras(path: Path | str) -> gpd.GeoDataFrame:
    """Read the nodes ``man_made=surveillance`` of an Overpass answer in JSON: the document, or its elements alone.

    Returns
    -------
    GeoDataFrame
        A layer `surveillance` as a `City` has it, in longitude and latitude: ``dataclasses.replace(city,
        surveillance=table.to_crs(city.crs))``. ``attrs["dropped"]``: dict reason to number.

    Raises
    ------
    MissingFileError, InputError
        If there is no such file, it is no Overpass answer, or the answer is a part only.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingFileError(
            f"there is no file {str(file)!r} with known cameras, so none can be read. Check the path."
        )
    mend = "Ask Overpass for [out:json];node[man_made=surveillance](area or box);out; and give what it answers."
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(file)!r} is no JSON ({error}), so no cameras can be read from it. {mend}") from error
    if isinstance(document, dict) and "remark" in document:
        raise InputError(
            f"{str(file)!r} is a part only: its server remarks {str(document['remark'])[:200]!r}, so cameras would be "
            f"missing unseen. {mend}"
        )
    elements = document.get("elements") if isinstance(document, dict) else document
    if not isinstance(elements, list) or not all(isinstance(item, dict) for item in elements):
        raise InputError(f"{str(file)!r} holds no elements as Overpass gives them, so no cameras. {mend}")
    dropped: Counter[str] = Counter()
    found: dict[str, tuple[float, float, dict[str, str]]] = {}
    for item in elements:
        tags = item.get("tags")
        place = (item.get("lon"), item.get("lat"))
        if not isinstance(tags, dict) or not is_surveillance(tags):
            dropped["surveillance: other objects, ignored"] += 1
        elif item.get("type") != "node":
            dropped["surveillance: not points, dropped"] += 1
        elif not isinstance(item.get("id"), int) or not _is_place(*place):
            dropped["surveillance: without a number or place, dropped"] += 1
        elif f"n{item['id']}" in found:
            dropped["surveillance: repeated in the file, dropped"] += 1
        else:
            text = {key: value for key, value in tags.items() if isinstance(value, str)}
            found[f"n{item['id']}"] = (float(place[0]), float(place[1]), text)
    index = pd.Index(list(found), dtype=object, name="osm_id")
    rows = list(found.values())
    data = {
        key: pd.Series([tags.get(key) for _, _, tags in rows], index=index, dtype=object)
        for key in KEYS["surveillance"]
    }  # fmt: skip
    points = shapely.points(np.array([row[:2] for row in rows], dtype=np.float64).reshape(-1, 2))
    table = gpd.GeoDataFrame(data, geometry=gpd.GeoSeries(points, index=index, crs=WGS84), crs=WGS84)
    table = table.iloc[clean.id_order(table.index)]
    table.attrs["dropped"] = dict(dropped)
    return table


def _is_place(lon: object, lat: object) -> bool:
    """Return whether two values of JSON are a longitude and latitude [degrees]."""
    if not isinstance(lon, (int, float)) or not isinstance(lat, (int, float)):
        return False
    return abs(lon) <= 180 and abs(lat) <= 90
