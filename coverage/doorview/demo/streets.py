"""Measures of a quarter and the streets inside it."""

from __future__ import annotations

import math
from typing import NamedTuple

from doorview.demo.sheet import XY, Line, Sheet, Tags

__all__ = [
    "ACROSS_M",
    "HIGH_M",
    "LOCAL_M",
    "UP_M",
    "WIDE_M",
    "Border",
    "arc",
    "carriageway",
    "footway",
    "rectangle",
    "sidewalks",
    "street",
]

WIDE_M = 340.0
HIGH_M = 300.0
"""A quarter, between the middles of its border streets [m]: 10.2 ha, so that some 250 homes make 25 homes a hectare."""
ACROSS_M = 13.0
UP_M = 10.0
"""From the middle of a border street (one that runs across, one that runs up) to the property line [m]."""
LOCAL_M = 7.5
"""The same for a local street [m]: half of a 15 m right of way, as 50 ft ones are common in American codes."""

DUAL_OFFSET_M = 5.5
"""From the middle of a dual carriageway to the middle of either half [m]."""
_TAPER_M = 26.0


class Border(NamedTuple):
    """The names of the streets around a quarter."""

    below: str
    above: str
    left: str
    right: str


def street(sheet: Sheet, points: list[XY], name: str, tags: Tags, half_m: float = LOCAL_M) -> None:
    """Put down a street whose property lines lie `half_m` from its middle."""
    sheet.ways.append(Line(points, {"name": name, **tags}, clear_m=half_m))


def footway(sheet: Sheet, points: list[XY], tags: Tags, clear_m: float = 0.6) -> None:
    """Put down a footway."""
    sheet.ways.append(Line(points, {"highway": "footway", **tags}, clear_m=clear_m))


def sidewalks(sheet: Sheet, y: float, offset_m: float, crossings: list[tuple[float, float]], tags: Tags) -> None:
    """Map the sidewalks of a street that runs straight across the quarter at height `y` as ways of their own.

    They lie `offset_m` either side of the street's middle; between each pair of `crossings` [m along x] the way crosses
    another street.
    """
    stops = [x for pair in crossings for x in pair]
    for side in (offset_m, -offset_m):
        for k in range(len(stops) - 1):
            kind = {"footway": "crossing"} if k % 2 == 0 else {"footway": "sidewalk", **tags}
            footway(sheet, [(stops[k], y + side), (stops[k + 1], y + side)], kind, clear_m=1.0)


def rectangle(x0: float, y0: float, x1: float, y1: float) -> list[XY]:
    """Return the open ring of a rectangle."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def arc(x: float, y: float, radius: tuple[float, float], turn: tuple[float, float], steps: int) -> list[XY]:
    """Return points on an ellipse about (x, y) from one angle to another [degrees counter-clockwise from x]."""
    points = []
    for k in range(steps + 1):
        angle = math.radians(turn[0] + (turn[1] - turn[0]) * k / steps)
        points.append((x + radius[0] * math.cos(angle), y + radius[1] * math.sin(angle)))
    return points


def carriageway(y: float, side: int) -> list[XY]:
    """Return one carriageway of a dual one that runs across a quarter, `side` +1 above its middle at `y`, -1 below."""
    off = y + side * DUAL_OFFSET_M
    return [(0.0, y), (_TAPER_M, off), (WIDE_M - _TAPER_M, off), (WIDE_M, y)]
