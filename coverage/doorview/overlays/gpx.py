"""Recorded tracks from GPX files, 1.0 and 1.1.

Python's own expat reads them in one pass. GDAL's driver, which is at hand, was tried and left: it reads a latitude that
is no number as 0, drops a point without a longitude and the rest of a file that is cut off, each without a word.
A file with a document type is refused before anything in it is read, so that no entity is ever expanded.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any
from xml.parsers import expat

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.errors import InputError, MissingFileError

__all__ = ["Recorded", "read_gpx"]

MOST_BYTES = 200_000_000
"""A larger file is refused: a fix every second for two weeks, 1.2 million of them, takes about 150 MB."""
LONGEST_TEXT = 300
"""Characters of a name or a time that are kept; more is no name."""
_BLOCK = 1 << 16
_POINTS = {("gpx", "trk", "trkseg", "trkpt"): "track", ("gpx", "rte", "rtept"): "route"}
_TEXTS = {("gpx", "trk", "name"), ("gpx", "rte", "name"), *((*path, "time") for path in _POINTS)}
_MEND_KIND = "Export the recording as GPX from the app or device that made it."


@dataclass(frozen=True, eq=False)
class Recorded:
    """What GPX files hold.

    Attributes
    ----------
    points
        GeoDataFrame of Point in EPSG:4326, in the order of the files: `track` (label), `segment` (0, 1, ... within its
        track) and `time` (datetime64[ns, UTC]; NaT where there is none).
    tracks
        Index `track` (the file's name without its ending; `name#2` for its second track): `file`, `name` (as the file
        has it: untrusted), `kind` (`track`, or `route` for one that was planned, without times), `points` (all of it),
        `without_place` (points whose latitude or longitude is missing or no number on Earth: left out) and
        `unreadable_times` (kept, without a time).

    """

    points: gpd.GeoDataFrame
    tracks: pd.DataFrame


@dataclass
class _Track:
    kind: str
    name: str = ""
    points: int = 0
    without_place: int = 0
    unreadable_times: int = 0
    segments: int = 0
    rows: list[tuple[float, float, int, int | None]] = field(default_factory=list)


class _WrongFileError(Exception):
    """What is wrong with a file, and how it is mended."""


class _Reader:
    """Takes what expat meets in one file."""

    def __init__(self) -> None:
        self.tracks: list[_Track] = []
        self.waypoints = 0
        self._path: tuple[str, ...] = ()
        self._text: list[str] | None = None
        self._place: tuple[float, float] | None = None
        self._time: int | None = None

    def parser(self) -> expat.XMLParserType:
        made = expat.ParserCreate()
        made.buffer_text = True
        made.StartDoctypeDeclHandler = self._doctype
        made.StartElementHandler = self._begin
        made.EndElementHandler = self._end
        made.CharacterDataHandler = self._characters
        return made

    @staticmethod
    def _doctype(*_: Any) -> None:
        raise _WrongFileError(
            "it declares a document type, which no GPX needs and which can hide a bomb of entities: nothing of it was "
            "read. Delete the line that begins with <!DOCTYPE, or export the recording anew"
        )

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        self._path = (*self._path, tag.rpartition(":")[2])
        path = self._path
        if len(path) == 1 and path != ("gpx",):
            raise _WrongFileError(f"it is XML, but its root is <{tag[:40]}> and not <gpx>. {_MEND_KIND[:-1]}")
        if len(path) > 100:
            raise _WrongFileError(f"its elements are nested more than 100 deep. {_MEND_KIND[:-1]}")
        if path in {("gpx", "trk"), ("gpx", "rte")}:
            self.tracks.append(_Track("track" if path[1] == "trk" else "route"))
        elif path == ("gpx", "wpt"):
            self.waypoints += 1
        elif path in _POINTS:
            self._place, self._time = _place(given), None
        if path in _TEXTS:
            self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None and sum(map(len, self._text)) < LONGEST_TEXT:
            self._text.append(text[:LONGEST_TEXT])

    def _end(self, _: str) -> None:
        path, self._path = self._path, self._path[:-1]
        if path in _TEXTS and self._text is not None:
            text, self._text = "".join(self._text).strip(), None
            track = self.tracks[-1]
            if path[-1] == "name":
                track.name = text
            elif text:
                self._time = _time(text)
                track.unreadable_times += self._time is None
        elif path in _POINTS:
            track = self.tracks[-1]
            track.points += 1
            if self._place is None:
                track.without_place += 1
            else:
                track.rows.append((*self._place, track.segments, self._time))
        elif path == ("gpx", "trk", "trkseg"):
            self.tracks[-1].segments += 1


def read_gpx(files: str | PathLike[str] | Iterable[str | PathLike[str]]) -> Recorded:
    """Return the tracks and planned routes of GPX files, as they stand: nothing is cleaned but points without a place.

    Parameters
    ----------
    files
        A file, a folder (its `*.gpx`, in order of name), or several of these. Waypoints are no track and are not read.

    Raises
    ------
    MissingFileError
        For a file or folder that is not there.
    InputError
        For a folder without GPX, and a file that is empty, cut off, no GPX, larger than `MOST_BYTES`, without any track
        or route, or that declares a document type.

    """
    rows: list[tuple[float, float, int, int | None]] = []
    labels: list[str] = []
    heads: list[dict[str, Any]] = []
    taken: dict[str, int] = {}
    for path in _paths(files):
        for track in _read(path):
            taken[path.stem] = taken.get(path.stem, 0) + 1
            label = path.stem if taken[path.stem] == 1 else f"{path.stem}#{taken[path.stem]}"
            heads.append(
                {
                    "track": label,
                    "file": path.name,
                    "name": track.name,
                    "kind": track.kind,
                    "points": track.points,
                    "without_place": track.without_place,
                    "unreadable_times": track.unreadable_times,
                }
            )
            rows += track.rows
            labels += [label] * len(track.rows)
    table = pd.DataFrame(rows, columns=["lat", "lon", "segment", "time"])
    return Recorded(
        gpd.GeoDataFrame(
            {
                "track": pd.Series(labels, dtype=object),
                "segment": table["segment"].astype(np.int64),
                "time": pd.to_datetime(table["time"], unit="us", utc=True).astype("datetime64[ns, UTC]"),
            },
            geometry=shapely.points(table["lon"].to_numpy(float), table["lat"].to_numpy(float)),
            crs="EPSG:4326",
        ),
        pd.DataFrame(heads).set_index("track"),
    )


def _paths(files: str | PathLike[str] | Iterable[str | PathLike[str]]) -> list[Path]:
    asked = [Path(files)] if isinstance(files, str | PathLike) else [Path(item) for item in files]
    if not asked:
        raise InputError("no GPX file was named: give a file, a folder, or a list of them.")
    found: list[Path] = []
    for path in asked:
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.suffix.lower() == ".gpx" and item.is_file())
            if not inside:
                raise InputError(f"the folder '{path}' holds no file that ends in .gpx. Give the folder that does.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise MissingFileError(f"there is no file or folder '{path}'. Give the path of a .gpx file.")
    return list(dict.fromkeys(found))


def _read(path: Path) -> list[_Track]:
    try:
        return _parsed(path)
    except expat.ExpatError as fault:
        what = expat.errors.messages.get(fault.code, "unreadable")
        raise InputError(
            f"the GPX file '{path}' cannot be read: line {fault.lineno} is no XML ({what}). It is cut off, damaged, or "
            f"no GPX at all; a file that ends in .gz or .zip is to be unpacked first. {_MEND_KIND}"
        ) from fault
    except OSError as fault:
        raise InputError(f"the GPX file '{path}' cannot be read: {fault.strerror}. Check who may read it.") from fault
    except _WrongFileError as fault:
        raise InputError(f"the GPX file '{path}' cannot be used: {fault}.") from fault


def _parsed(path: Path) -> list[_Track]:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise _WrongFileError(
            f"it has {size / 1e6:,.0f} MB, and more than {MOST_BYTES / 1e6:,.0f} MB are not read. Split it by track"
        )
    if size == 0:
        raise _WrongFileError(f"it is empty. {_MEND_KIND[:-1]}")
    reader = _Reader()
    parser = reader.parser()
    last = False
    with path.open("rb") as source:
        while not last:
            block = source.read(_BLOCK)
            last = not block
            parser.Parse(block, last)
    if not any(track.points for track in reader.tracks):
        only = f" but {reader.waypoints} waypoints, which are places and no way" if reader.waypoints else ""
        raise _WrongFileError(f"it holds no point of a track or route{only}. {_MEND_KIND[:-1]}")
    return [track for track in reader.tracks if track.points]


def _place(given: dict[str, str]) -> tuple[float, float] | None:
    """Return latitude and longitude [degrees], or None where they are none on Earth."""
    try:
        lat, lon = float(given["lat"]), float(given["lon"])
    except (KeyError, ValueError):
        return None
    return (lat, lon) if math.isfinite(lat + lon) and abs(lat) <= 90 and abs(lon) <= 180 else None


def _time(text: str) -> int | None:
    """Return microseconds since 1970; a time without a zone is in UTC, as GPX has it. None for what is no time."""
    if "T" not in text.upper():
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    if not 1980 <= found.year <= 2200:
        # GPS began in 1980; a clock that was not set says 1970 or less.
        return None
    return round((found - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) / dt.timedelta(microseconds=1))
