"""The drawing sheet on which a quarter is laid out, and the check that nothing on it stands where it cannot.

All coordinates are metres in the quarter's own frame: x to the right, y up, the corner of the quarter at (0, 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import shapely

__all__ = ["Area", "Building", "Door", "Frame", "Line", "Multipolygon", "Sheet", "bearing"]

XY = tuple[float, float]
Tags = dict[str, str]

_GAP_M = 0.8
"""Nearest that two free-standing buildings come to each other [m]."""
_STREET_M = 7.0
"""Streets keep buildings at least this far from their middle; alleys, aisles and footways less [m]."""
_FURTHER_M = 5.0
"""How far beyond its drawn end a driveway may run on to its street [m]."""


def bearing(dx: float, dy: float) -> float:
    """Return the bearing of a direction [degrees clockwise from the y axis], in [0, 360)."""
    return math.degrees(math.atan2(dx, dy)) % 360.0


class Frame(NamedTuple):
    """A lot's own axes: `s` along the street, `t` away from it, from the middle of the lot's front line."""

    x: float
    y: float
    ux: float
    uy: float
    nx: float
    ny: float

    def at(self, s: float, t: float) -> XY:
        """Return the point `s` along and `t` away from the street [m]."""
        return (self.x + s * self.ux + t * self.nx, self.y + s * self.uy + t * self.ny)

    def many(self, points: list[XY]) -> list[XY]:
        """Return several points, each given as (s, t)."""
        return [self.at(s, t) for s, t in points]

    @property
    def heading(self) -> float:
        """Bearing from the lot toward its street [degrees]."""
        return bearing(-self.nx, -self.ny)


@dataclass(slots=True)
class Door:
    """A front door: a point on the outline, the way it faces, the homes behind it, and how a map shows it."""

    x: float
    y: float
    heading: float
    dwellings: int = 1
    shown: str = "facade"
    street: str = ""
    tags: Tags | None = None


@dataclass(slots=True)
class Building:
    """An outline (open ring) with tags and doors.

    `group` ties buildings that share walls, `lot` those that stand or fall together; -1 is none.
    """

    ring: list[XY]
    tags: Tags
    doors: list[Door] = field(default_factory=list)
    lot: int = -1
    group: int = -1
    holes: list[list[XY]] = field(default_factory=list)
    notes: list[tuple[XY, Tags]] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """A street, path or barrier; no building comes nearer than `clear_m` to it (0 asks for nothing)."""

    points: list[XY]
    tags: Tags
    clear_m: float = 0.0
    lot: int = -1


@dataclass(slots=True)
class Area:
    """An area (open ring); a `solid` one holds no building."""

    ring: list[XY]
    tags: Tags
    solid: bool = False


@dataclass(slots=True)
class Multipolygon:
    """A multipolygon: outer lines that join to one ring, inner rings; `tags` lie on the relation alone."""

    outers: list[list[XY]]
    inners: list[list[XY]]
    tags: Tags
    inner_tags: Tags = field(default_factory=dict)


@dataclass(slots=True)
class Sheet:
    """All that a quarter puts down; `guides` are streets of its border, put down elsewhere, where driveways end."""

    ways: list[Line] = field(default_factory=list)
    barriers: list[Line] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    multipolygons: list[Multipolygon] = field(default_factory=list)
    nodes: list[tuple[XY, Tags]] = field(default_factory=list)
    guides: list[list[XY]] = field(default_factory=list)
    lots: int = 0

    def next_lot(self) -> int:
        """Return a number that no lot has yet."""
        self.lots += 1
        return self.lots

    def tidy(self) -> None:
        """Take away what overlaps something put down before it, or stands in a street or in water.

        A house that goes takes its whole lot along. Buildings of one group may share walls.
        """
        shapes = np.array([shapely.Polygon(item.ring, item.holes) for item in self.buildings], dtype=object)
        gone = self._blocked(shapes) | self._overlapping(shapes)
        lots = {item.lot for item, out in zip(self.buildings, gone.tolist(), strict=True) if out and item.doors}
        lots.discard(-1)
        stay = [not out and item.lot not in lots for item, out in zip(self.buildings, gone.tolist(), strict=True)]
        self.buildings = [item for item, ok in zip(self.buildings, stay, strict=True) if ok]
        tree = shapely.STRtree(shapes[np.array(stay, dtype=bool)])
        self._end_driveways()
        self.ways = _free_of(tree, [way for way in self.ways if way.lot not in lots])
        self.barriers = self._free_barriers(tree, [line for line in self.barriers if line.lot not in lots])

    def _blocked(self, shapes: np.ndarray) -> np.ndarray:
        tree = shapely.STRtree(shapes)
        gone = np.zeros(len(shapes), dtype=bool)
        roads = [way for way in self.ways if way.clear_m > 0]
        if roads:
            lines = np.array([shapely.LineString(way.points) for way in roads], dtype=object)
            clear = np.array([way.clear_m - 0.01 for way in roads])
            gone[tree.query(lines, predicate="dwithin", distance=clear)[1]] = True
        solid = [shapely.Polygon(area.ring) for area in self.areas if area.solid]
        if solid:
            gone[tree.query(np.array(solid, dtype=object), predicate="intersects")[1]] = True
        return gone

    def _overlapping(self, shapes: np.ndarray) -> np.ndarray:
        """Return which buildings must go for an earlier one that stays; houses come before sheds and garages."""
        gone = np.zeros(len(shapes), dtype=bool)
        left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=_GAP_M)
        group = np.array([item.group for item in self.buildings])
        minor = np.array([not item.doors for item in self.buildings])
        order = np.empty(len(shapes), dtype=np.int64)
        order[np.lexsort((np.arange(len(shapes)), minor))] = np.arange(len(shapes))
        pairs = (order[left] < order[right]) & ~((group[left] == group[right]) & (group[left] >= 0))
        first, second = left[pairs], right[pairs]
        for k in np.lexsort((order[first], order[second])):
            if not gone[first[k]]:
                gone[second[k]] = True
        return gone

    def _end_driveways(self) -> None:
        """End each driveway where it first meets a street: on a bend that is not where its lot's axes say."""
        drives = [way for way in self.ways if way.lot >= 0]
        roads = [way.points for way in self.ways if way.lot < 0 and way.clear_m >= _STREET_M] + self.guides
        if not drives or not roads:
            return
        starts = np.array([way.points[0] for way in drives])
        ends = np.array([way.points[-1] for way in drives])
        ahead = (ends - starts) / np.hypot(*(ends - starts).T)[:, None]
        longer = shapely.linestrings(np.stack([starts, ends + _FURTHER_M * ahead], axis=1))
        lines = np.array([shapely.LineString(points) for points in roads], dtype=object)
        drive, road = shapely.STRtree(lines).query(longer, predicate="intersects")
        meeting, pair = shapely.get_coordinates(shapely.intersection(longer[drive], lines[road]), return_index=True)
        away = np.hypot(*(meeting - starts[drive[pair]]).T)
        # The nearest comes last, so that it is the one that stays.
        for k in np.argsort(-away, kind="stable"):
            drives[drive[pair[k]]].points[-1] = (float(meeting[k, 0]), float(meeting[k, 1]))

    def _free_barriers(self, tree: shapely.STRtree, barriers: list[Line]) -> list[Line]:
        """Return the barriers that cross no building and keep out of every carriageway and driveway."""
        if not barriers:
            return []
        shapes = np.array([shapely.LineString(item.points) for item in barriers], dtype=object)
        gone = np.zeros(len(barriers), dtype=bool)
        gone[tree.query(shapes, predicate="crosses")[0]] = True
        roads = np.array([shapely.LineString(way.points) for way in self.ways], dtype=object)
        reach = np.array([max(1.0, 0.6 * way.clear_m) for way in self.ways])
        gone[shapely.STRtree(shapes).query(roads, predicate="dwithin", distance=reach)[1]] = True
        return [item for item, out in zip(barriers, gone.tolist(), strict=True) if not out]


def _free_of(tree: shapely.STRtree, ways: list[Line]) -> list[Line]:
    """Return the ways, less the driveways and yard paths that run through a building."""
    if not ways:
        return []
    shapes = np.array([shapely.LineString(way.points) for way in ways], dtype=object)
    through = np.zeros(len(ways), dtype=bool)
    through[tree.query(shapes, predicate="crosses")[0]] = True
    return [way for way, out in zip(ways, through.tolist(), strict=True) if not (out and way.lot >= 0)]
