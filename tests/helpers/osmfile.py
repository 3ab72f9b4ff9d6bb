"""A builder of tiny OSM files for tests: places in metres about an origin, objects written in any order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

ORIGIN = (-76.79, 39.37)
"""Longitude and latitude of (0, 0): Randallstown, Maryland."""

METRES_PER_DEGREE = 111_320.0

FIRST_OWN = 1_000_001
"""Objects without a number of their own count from here."""


class OsmFile:
    """Nodes, ways and relations of a tiny town; x east and y north in metres about `origin` (to some 0.3 %)."""

    def __init__(self, origin: tuple[float, float] = ORIGIN) -> None:
        self.origin = origin
        self.nodes: list[Node] = []
        self.ways: list[Way] = []
        self.relations: list[Relation] = []
        self._next = FIRST_OWN

    def lonlat(self, x: float, y: float) -> tuple[float, float]:
        lon, lat = self.origin
        return lon + x / (METRES_PER_DEGREE * math.cos(math.radians(lat))), lat + y / METRES_PER_DEGREE

    def _number(self, given: int | None) -> int:
        if given is not None:
            assert given < FIRST_OWN, "numbers from here on are given by the builder"
            return given
        self._next += 1
        return self._next - 1

    def node(self, x: float, y: float, tags: Mapping[str, str] | None = None, number: int | None = None, **more) -> int:
        number = self._number(number)
        self.nodes.append(Node(id=number, location=self.lonlat(x, y), tags=dict(tags or {}), version=1, **more))
        return number

    def way(self, nodes: Sequence[int], tags: Mapping[str, str], number: int | None = None, **more) -> int:
        number = self._number(number)
        self.ways.append(Way(id=number, nodes=list(nodes), tags=dict(tags), version=more.pop("version", 1), **more))
        return number

    def line(self, points: Iterable[tuple[float, float]], tags: Mapping[str, str], number: int | None = None) -> int:
        """Add a way with nodes of its own."""
        return self.way([self.node(x, y) for x, y in points], tags, number)

    def ring(self, points: Iterable[tuple[float, float]], tags: Mapping[str, str], number: int | None = None) -> int:
        """Add a closed way with nodes of its own."""
        nodes = [self.node(x, y) for x, y in points]
        return self.way([*nodes, nodes[0]], tags, number)

    def box(
        self, x: float, y: float, width: float, depth: float, tags: Mapping[str, str], number: int | None = None
    ) -> int:
        """Add an upright rectangle with its south-west corner at (x, y)."""
        return self.ring([(x, y), (x + width, y), (x + width, y + depth), (x, y + depth)], tags, number)

    def relation(self, members: Iterable[tuple[int, str]], tags: Mapping[str, str], number: int | None = None) -> int:
        """Add a multipolygon of ways (way id, role)."""
        number = self._number(number)
        parts = [("w", way, role) for way, role in members]
        whole = {"type": "multipolygon", **tags}
        self.relations.append(Relation(id=number, members=parts, tags=whole, version=1))
        return number

    def street(self, tags: Mapping[str, str] | None = None) -> int:
        """Add a residential street along y = 0, without which a city is empty."""
        return self.line(
            [(-200, 0), (0, 0), (200, 0)], {"highway": "residential", "name": "Elm Street", **(tags or {})}
        )

    def write(
        self,
        path: Path,
        order: str = "nwr",
        *,
        backwards: bool = False,
        box: tuple[float, float, float, float] | None = None,
    ) -> Path:
        """Write the file: kinds in `order`, each turned if `backwards`, with a header's `box` [m]."""
        header = osmium.io.Header()
        if box is not None:
            header.add_box(osmium.osm.Box(*self.lonlat(box[0], box[1]), *self.lonlat(box[2], box[3])))
        writer = osmium.SimpleWriter(str(path), header=header, overwrite=True)
        add = {"n": writer.add_node, "w": writer.add_way, "r": writer.add_relation}
        items = {"n": self.nodes, "w": self.ways, "r": self.relations}
        for kind in order:
            for item in reversed(items[kind]) if backwards else items[kind]:
                add[kind](item)
        writer.close()
        return path
