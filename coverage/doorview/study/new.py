"""Writes the first study file of a place: what was found there, as comments and values to change.

Names and values come from data that anyone may have edited: every text is escaped for where it stands.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doorview.sight.levels import DEFAULT_LEVELS
from doorview.study.sections import BUILTIN_SCENARIOS, DEFAULT_CAMERA

if TYPE_CHECKING:
    from doorview.city.model import City
    from doorview.study.sections import Study

__all__ = ["new_study_text", "toml_string", "what_was_found"]

_ID_COLUMNS = ("geoid", "geoid20", "geoid10", "id", "fid", "code", "district")
_NAME_COLUMNS = ("name", "label", "namelsad", "neighborhood", "neighbourhood", "title")
_DWELLING_COLUMNS = ("dwellings", "housing_units", "households", "homes", "units")
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


_LAID_OVER = (
    "# A doorbell programme by month, beside the same months without it (partnership.csv):",
    "# [partnership]",
    '# preset = "lakeland_2018"  # a deal as it was offered; or your own terms, see docs/partnership.md',
    "# reach = 0.2  # no source gives these: vary them",
    "# ceiling = 0.5",
    "",
    "# Whom an incident's alert reaches, beside who could have the spot in view (alerts.csv):",
    "# [alerts]",
    "# radius_miles = 0.5",
    "# app_share = 0.2  # households that use the app; no source gives it",
    "",
    "# Reported thefts laid over the coverage (hotspots.csv, prediction.csv, maps); no point of them is published:",
    "# [incidents]",
    '# file = "thefts.csv"',
    '# columns = { lon = "Longitude", lat = "Latitude", date = "Reported", category = "Type" }',
    '# where = { Type = ["PACKAGE THEFT"] }',
    '# hold_out_from = "2025-07-01"  # do hot spots of what was reported before tell where later ones are?',
)
"""Sections that no study needs, as comments to take away."""


def toml_string(value: str) -> str:
    """Return text as a TOML basic string: quotes, backslashes and control characters escaped (TOML 1.0, "String")."""

    def escaped(letter: str) -> str:
        code = ord(letter)
        if letter in _SHORT:
            return _SHORT[letter]
        # Lone surrogates cannot stand in TOML at all.
        return f"\\u{code:04X}" if code < 32 or code == 127 else "?" if 0xD800 <= code <= 0xDFFF else letter

    return '"' + "".join(escaped(letter) for letter in value) + '"'


def new_study_text(source: str, found: Mapping[str, Any]) -> str:
    """Return a commented study file.

    Parameters
    ----------
    source
        What the user gave: a place name, a box or a path; stands in the first lines only.
    found
        What `what_was_found` returns: ``name``, ``place`` (keys of ``[place]`` and values), ``country``, ``crs``,
        ``data_date`` or None, ``attribution``, ``counts`` and ``dropped`` (name -> number), and ``zones`` (a list of
        ``file``, ``zones``, ``columns``). All but ``name`` and ``place`` may be missing.
    """
    counts: Mapping[str, int] = found.get("counts", {})
    lines = [
        f"# A study of {_comment(source)}. Every key is explained in docs/study.md.",
        "# Check it with: doorview check FILE. Run it with: doorview run FILE.",
        "# Help while typing, in editors with Taplo: put study.schema.json of the documentation beside this file, and",
        "# take the blank out of this line after moving it to the top: # :schema ./study.schema.json",
        "#",
        "# Found there:",
        *(f"#   {number:>9,} {_comment(name)}" for name, number in counts.items()),
        f"#   data of {_comment(found.get('data_date') or 'an unknown date')}",
        *([f"#   {_comment(found['attribution'])}"] if found.get("attribution") else []),
    ]
    dropped: Mapping[str, int] = found.get("dropped", {})
    if any(dropped.values()):
        lines += ["# Repaired, dropped or ignored:"]
        lines += [f"#   {number:>9,} {_comment(reason)}" for reason, number in dropped.items() if number]
    lines += [
        "",
        "[study]",
        f"name = {toml_string(str(found['name']))}",
        "seed = 0  # of everything random",
        "",
        "[place]",
        *(f"{key} = {_value(value)}" for key, value in found["place"].items()),
    ]
    if "boundary" not in found["place"]:
        lines += [
            '# boundary = "district.geojson"  # shares are counted inside; what lies around still blocks and owns'
        ]
    if found.get("country"):
        lines += [f"country = {toml_string(str(found['country']))}  # whose street widths hold where none is tagged"]
    if found.get("crs") and "crs" not in found["place"]:
        lines += [f"# crs = {toml_string(str(found['crs']))}  # computed in; the local UTM zone if left out"]
    lines += ["", "# Own layers instead of those of OpenStreetMap:", "# [place.layers]", '# parcels = "parcels.gpkg"']
    for zoning in found.get("zones", ()):
        lines += ["", *_zoning_lines(zoning)]
    if not found.get("zones"):
        lines += ["", "# Areas to report by; once for each set:", "# [[zones]]", '# file = "tracts.gpkg"']
        lines += ['# id = "GEOID"', '# name = "NAME"', '# dwellings = "housing_units"  # your own count, to check ours']
    levels = ", ".join(toml_string(name) for name in DEFAULT_LEVELS)
    lines += [
        "",
        "[camera]",
        f'model = "{DEFAULT_CAMERA}"  # doorview cameras lists them',
        "# trigger: the motion sensor starts a recording. detect: someone is there. observe: what they wear.",
        "# recognise: someone you already know. identify: a stranger.",
        f"levels = [{levels}]",
        "target_height_m = 1.5  # what must be in view: a face; 1.1 a child's, 0.0 the ground",
        "# Several models instead of the one above (take that line out), drawn door by door; shares add up to 1:",
        "# [camera.mix]",
        f"# {DEFAULT_CAMERA} = 0.6",
        "# nest-hello = 0.4",
        "",
        "[coverage]",
        "cell_m = 0.5  # edge of a grid cell",
        'obstacles = "buildings"  # "all": walls, fences and hedges hide too',
        "",
        "# What stands at the doors, which no map says; drawn door by door, by kind of building:",
        "# [doors]",
        '# what_if = "porches"',
        "# porch_steps = 2",
        "# Cameras that are known to be there, counted beside the simulated ones (known.csv, known_LEVEL.tif):",
        "# [known]",
        f"# osm = true  # {_mapped(found)}",
        '# file = "cameras.csv"  # your own list: it is never published, and counted in working/ alone',
        "",
        "# Where the ground is not flat: rasters of heights, in any CRS:",
        "# [terrain]",
        '# ground = "dem.tif"  # the bare ground',
        '# surface = "dsm.tif"  # with trees and roofs, which hide too',
        "",
        "[ownership]",
        'shared_doors = "one"  # a door with several dwellings: the rate itself; "any" of them, or "none"',
        "",
        "# Who owns a camera. A scenario may take the values of another with based_on, and override some.",
    ]
    for name, scenario in BUILTIN_SCENARIOS.items():
        lines += [f"[scenarios.{name}]", *(f"{key} = {_value(value)}" for key, value in scenario.items()), ""]
    units = "us" if found.get("country") == "us" else "metric"
    lines += [
        "# More of them; docs/ownership.md has every process. At the same rate, owners in clusters:",
        "# [scenarios.clustered_20]",
        '# based_on = "independent_20"',
        '# process = "clustered"',
        "# strength = 1.5  # so many times as likely where a home on the same block owns one; no source gives it",
        "",
        "# Doorbells given away on top of today's owners, told against them in change.csv:",
        "# [scenarios.giveaway]",
        '# based_on = "independent_20"',
        '# label = "500 doorbells raffled"',
        "# [scenarios.giveaway.programme]",
        "# number = 500",
        '# to = "raffle"  # or "all", "zones", "zones_in_order", "means_tested"',
        "# app_share = 0.2  # households that use the app; no source gives it",
        "# take_up = 0.8",
        "# strings = 1.0  # cameras that owe footage on request",
        "# city_cost = 130.0",
        "",
        "# What rules take away, told against the same owners without them:",
        "# [scenarios.privacy_zones]",
        '# based_on = "independent_20"',
        "# [scenarios.privacy_zones.rules]",
        "# privacy_zone_m = 0.0  # black out what lies farther than this beyond the property line",
        '# for_cameras = "all"  # or "programme": only those given away',
        "# lapsed = 0.1  # cameras no longer there",
        "",
        *_LAID_OVER,
        "",
        "# Ways on foot: how much of each is in view, of how many doorbells (docs/routes.md):",
        "# [routes]",
        '# all_homes_to = ["school", "park", "stop"]  # all homes together, none by itself',
        "# [[routes.way]]",
        '# origin = "Hill School"  # a name in the map, or [latitude, longitude]',
        '# destination = "Mill Park"',
        "",
        "[output]",
        f'units = "{units}"  # feet, acres and miles on pages, or "metric"; computing is in metres',
        '# crs = "EPSG:2248"  # of the layers written, such as your state plane',
    ]
    return "\n".join(lines) + "\n"


def what_was_found(city: City, study: Study, folder: Path) -> dict[str, Any]:
    """Return what a city holds, for `new_study_text`; `folder` is where the study file will lie."""
    from doorview.city.doors import find_doors

    doors = find_doors(city)
    place = study.place
    shown: dict[str, Any] = {}
    for key in ("extract", "place", "bbox", "boundary", "crs"):
        value = getattr(place, key)
        if value is not None:
            shown[key] = _relative(value, folder) if isinstance(value, Path) else value
    return {
        "name": study.name,
        "place": shown,
        "country": city.country,
        "crs": city.crs.to_string(),
        "data_date": city.source.get("data_date"),
        "attribution": city.source.get("attribution"),
        "counts": {
            "buildings": len(city.buildings),
            "doors to homes": len(doors),
            "dwellings behind them": int(doors["dwellings"].sum()),
            "streets and paths": len(city.ways),
            "addresses": len(city.addresses),
            "entrances": len(city.entrances),
        },
        "surveillance": None if city.surveillance is None else len(city.surveillance),
        "dropped": dict(city.dropped),
        "zones": [_zones_found(zoning.file, folder) for zoning in study.zones],
    }


def _zones_found(file: Path, folder: Path) -> dict[str, Any]:
    """Return the number of zones in a file and its columns."""
    from doorview.city.layers import read_layer

    table = read_layer(file, "zones")
    return {
        "file": _relative(file, folder),
        "zones": len(table),
        "columns": [str(name) for name in table.columns if name != table.geometry.name],
    }


def _zoning_lines(zoning: Mapping[str, Any]) -> list[str]:
    """Return one ``[[zones]]`` table with the columns that look right."""
    columns = list(zoning["columns"])
    lowered = {column.lower(): column for column in reversed(columns)}
    lines = [f"[[zones]]  # {zoning['zones']:,} zones", f"file = {toml_string(str(zoning['file']))}"]
    for key, likely in (("id", _ID_COLUMNS), ("name", _NAME_COLUMNS), ("dwellings", _DWELLING_COLUMNS)):
        column = next((lowered[name] for name in likely if name in lowered), None)
        lines.append(f"{key} = {toml_string(column)}" if column else f'# {key} = "..."')
    if columns:
        lines.append(f"# columns: {_comment(', '.join(columns))}")
    return lines


def _relative(path: Path, folder: Path) -> str:
    """Return a path as it should stand in a study file in `folder`: relative where it lies below it."""
    path, folder = path.absolute(), folder.absolute()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else os.fspath(path)


def _value(value: object) -> str:
    """Return a value in TOML."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return toml_string(value) if isinstance(value, str) else repr(value)


def _mapped(found: Mapping[str, Any]) -> str:
    """Return how many cameras OpenStreetMap maps, as a comment."""
    mapped = found.get("surveillance")
    return "those that OpenStreetMap maps" if mapped is None else f"the {mapped:,} objects that OpenStreetMap maps"


def _comment(text: object) -> str:
    """Return text for a comment: on one line, without control characters, at most 200 letters."""
    line = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", " ", str(text)).strip()
    return line if len(line) <= 200 else line[:197] + "..."
