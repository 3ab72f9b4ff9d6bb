"""Names of columns as people read them, with units: the aliases of fields in QGIS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

from doorview.show.text import PLAIN_NAMES, clean

__all__ = ["alias", "with_aliases"]

_ALIASES: dict[str, str] = {
    "area_km2": "area [km2]",
    "cells": "cells of the grid",
    "class": "class",
    "counted_dwellings": "homes counted by the user",
    "detour": "length / shortest length",
    "dwellings": "homes behind the door",
    "face": "street block (number)",
    "ground_class": "class of the ground",
    "group": "group of blocks that share a figure (-1: none shown)",
    "edge": "edge (number)",
    "heading": "heading [degrees clockwise from north]",
    "highway": "kind of street (OpenStreetMap: highway)",
    "hot_spot": "hot spot (number)",
    "length_m": "length [m]",
    "name": "name",
    "osm_id": "id in OpenStreetMap",
    "public": "public ground",
    "public_m2": "public ground [m2]",
    "window": "months of the reports",
    "zone": "zone",
    "zoning": "set of zones",
}
_UNITS: tuple[tuple[str, str], ...] = (
    ("_per_km2", "per km2"),
    ("_km2", "km2"),
    ("_m2", "m2"),
    ("_m", "m"),
    ("_degrees", "degrees"),
)
_SEEN = re.compile(r"(seen_m_along|seen_m_against|p_unseen)_([a-z]+)")
_SEEN_WORDS = {
    "seen_m_along": "expected length in view along the line, {} [m]",
    "seen_m_against": "expected length in view against the line, {} [m]",
    "p_unseen": "chance of arriving unseen, {} [0 to 1]",
}
_SHARE = re.compile(r"share_([a-z]+)(?:__(.+))?")


def alias(column: str) -> str:
    """Return a column's name in words, with its unit in brackets where it has one.

    >>> alias("share_detect__independent_20")
    'share in view, detect (someone is there), scenario independent_20 [0 to 1]'
    >>> alias("bandwidth_m")
    'bandwidth [m]'
    """
    if column in _ALIASES:
        return _ALIASES[column]
    share = _SHARE.fullmatch(column)
    if share:
        plain = PLAIN_NAMES.get(share[1])
        scenario = f", scenario {clean(share[2], 80)}" if share[2] else ""
        return f"share in view, {share[1]}{f' ({plain})' if plain else ''}{scenario} [0 to 1]"
    seen = _SEEN.fullmatch(column)
    if seen:
        return _SEEN_WORDS[seen[1]].format(seen[2])
    for ending, unit in _UNITS:
        if column.endswith(ending):
            return f"{clean(column.removesuffix(ending).replace('_', ' '), 80)} [{unit}]"
    return clean(column.replace("_", " "), 80)


def with_aliases(style: str, columns: Iterable[str] | Sequence[str]) -> str:
    """Return a QML style with an alias for each column of its layer; QGIS counts the key `fid` as column 0."""
    rows = "".join(
        f"<alias index={quoteattr(str(place))} field={quoteattr(column)} name={quoteattr(alias(column))}/>\n"
        for place, column in enumerate(columns, start=1)
    )
    head, end, _ = style.rpartition("</qgis>")
    named = head.replace('styleCategories="Symbology"', 'styleCategories="Symbology|Fields"', 1)
    return f"{named}<aliases>\n{rows}</aliases>\n{end}\n"
