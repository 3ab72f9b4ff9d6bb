"""Objects of an extract on their way from the file to a sink: in batches, closed, clipped, and known by id and version.

What reads a file (`doorview.city.extract`) adds one object after the other to a `Collector`. It hands them on in
batches, so that no more of them is held than one batch, whatever the sink makes of them: one that keeps all for a
city in memory, or one that writes them to a disk. Of what was handed on, no more is held than its id and version, by
which objects that stand in a file several times are found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from doorview.city.tags import KEYS

__all__ = ["Collector", "Objects", "Roll", "Sink", "close", "geometries"]

_KINDS = {"n": 0, "w": 1, "r": 2}
_OUTLINES = frozenset({"buildings", "areas", "parts"})


@dataclass
class Objects:
    """Objects of one layer, column by column: id, version, shape (hexadecimal WKB or a geometry), tags, node ids."""

    ids: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    tags: list[dict[str, str]] = field(default_factory=list)
    nodes: list[npt.NDArray[np.int64] | None] = field(default_factory=list)

    def add(
        self, name: str, version: int, shape: Any, tags: dict[str, str], nodes: npt.NDArray[np.int64] | None = None
    ) -> None:
        """Add one object."""
        self.ids.append(name)
        self.versions.append(version)
        self.shapes.append(shape)
        self.tags.append(tags)
        self.nodes.append(nodes)

    def extend(self, other: Objects) -> None:
        """Add the objects of another."""
        self.ids += other.ids
        self.versions += other.versions
        self.shapes += other.shapes
        self.tags += other.tags
        self.nodes += other.nodes

    def keep(self, stay: npt.NDArray[np.bool_], geometry: npt.NDArray[np.object_]) -> None:
        """Keep the marked objects, their shapes now geometries."""
        kept = np.flatnonzero(stay).tolist()
        self.ids = [self.ids[i] for i in kept]
        self.versions = [self.versions[i] for i in kept]
        self.shapes = [geometry[i] for i in kept]
        self.tags = [self.tags[i] for i in kept]
        self.nodes = [self.nodes[i] for i in kept]


class Sink(Protocol):
    """What takes the objects of a file: batch by batch, each layer for itself."""

    def put(self, layer: str, objects: Objects) -> None:
        """Take a batch, whose shapes are geometries (None for a line of less than two points)."""

    def drop(self, layer: str, rows: npt.NDArray[np.int64]) -> None:
        """Let go of rows of a layer, counted in the order in which they were put."""

    def wkb_of(self, layer: str, rows: npt.NDArray[np.int64]) -> list[bytes | None]:
        """Return the shapes of rows (in rising order) of a layer as WKB."""


class Collector:
    """Objects between the file and a sink.

    Parameters
    ----------
    sink
        Takes them.
    clip
        Objects that do not touch it are let go; None for none.
    dropped
        Counts what is dropped.
    most
        Objects that are held at once.
    """

    def __init__(self, sink: Sink, clip: BaseGeometry | None, dropped: Counter[str], most: int) -> None:
        self.sink, self.clip, self.dropped, self.most = sink, clip, dropped, most
        self._open = {layer: Objects() for layer in KEYS if layer != "parcels"}
        self._rolls = {layer: Roll() for layer in self._open}
        self._held = 0
        if clip is not None:
            shapely.prepare(clip)

    def add(
        self,
        layer: str,
        name: str,
        version: int,
        shape: Any,
        tags: dict[str, str],
        nodes: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Take one object; outlines of buildings, areas and parts are still lines, or polygons already."""
        self._open[layer].add(name, version, shape, tags, nodes)
        self._held += 1
        if self._held >= self.most:
            # The largest alone: layers with few objects make no small batches.
            self._hand_on(max(self._open, key=lambda layer: len(self._open[layer].ids)))

    def finish(self) -> None:
        """Hand on what is held, and let go of all but the newest version of each object."""
        for layer in self._open:
            if self._open[layer].ids:
                self._hand_on(layer)
        for layer, roll in self._rolls.items():
            rows, number = roll.older(lambda rows, layer=layer: self.sink.wkb_of(layer, rows))  # type: ignore[misc]
            if number:
                self.dropped[f"{layer}: repeated in the file, dropped"] += number
            if len(rows):
                self.sink.drop(layer, rows)

    def _hand_on(self, layer: str) -> None:
        objects = self._open[layer]
        self._open[layer] = Objects()
        self._held -= len(objects.ids)
        if layer in _OUTLINES:
            close(objects, layer, self.dropped)
        shapes = geometries(objects.shapes)
        stay = np.ones(len(shapes), dtype=bool)
        if self.clip is not None:
            stay = shapely.is_missing(shapes) | shapely.intersects(self.clip, shapes)
        self._rolls[layer].add(objects, stay)
        objects.keep(stay, shapes)
        if objects.ids:
            self.sink.put(layer, objects)


class Roll:
    """Kind, number and version of every object of a layer, in their order, and whether it was handed on."""

    def __init__(self) -> None:
        self._parts: list[tuple[npt.NDArray[Any], ...]] = []

    def add(self, objects: Objects, stay: npt.NDArray[np.bool_]) -> None:
        """Enter objects; those that do not `stay` were let go because they lie elsewhere."""
        size = len(objects.ids)
        kind = np.fromiter((_KINDS[name[0]] for name in objects.ids), np.uint8, size)
        number = np.fromiter((int(name[1:]) for name in objects.ids), np.int64, size)
        self._parts.append((kind, number, np.array(objects.versions, np.uint32), stay))

    def older(
        self, wkb_of: Callable[[npt.NDArray[np.int64]], Iterable[bytes | None]]
    ) -> tuple[npt.NDArray[np.int64], int]:
        """Return the rows of all but the newest version of each object, and how many versions that are.

        Rows count what was handed on. An object that is elsewhere by now is not where it was: then no version stays.
        Of several of one version (a fault of the file) the last in the order of their WKB stays, so that the order
        of the file does not matter, and of equal ones the last in the file.
        """
        none = np.zeros(0, np.int64)
        if not self._parts:
            return none, 0
        kind, number, version, stay = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.lexsort((version, number, kind))
        first = np.ones(len(order), dtype=bool)
        first[1:] = (number[order][1:] != number[order][:-1]) | (kind[order][1:] != kind[order][:-1])
        if first.all():
            return none, 0
        group = np.cumsum(first) - 1
        newest = version[order][np.append(np.flatnonzero(first)[1:], len(order)) - 1]
        row = np.cumsum(stay) - 1
        stays = stay[order]
        last = version[order] == newest[group]
        gone = [row[order[stays & ~last]]]
        tied = stays & last
        several = np.bincount(group[tied], minlength=int(group[-1]) + 1)[group] > 1
        at = np.flatnonzero(tied & several)
        if len(at):
            rows = row[order[at]]
            rising = np.argsort(rows)
            found: dict[int, tuple[bool, bytes]] = {}
            for where, wkb in zip(rows[rising].tolist(), wkb_of(rows[rising]), strict=True):
                found[where] = (wkb is None, wkb or b"")
            best: dict[int, int] = {}
            for one, where in zip(group[at].tolist(), rows.tolist(), strict=True):
                if one not in best or found[where] >= found[best[one]]:
                    best[one] = where
            gone.append(np.setdiff1d(rows, np.fromiter(best.values(), np.int64, len(best))))
        return np.sort(np.concatenate(gone)).astype(np.int64), int((~first).sum())


def close(objects: Objects, layer: str, dropped: Counter[str]) -> None:
    """Turn the lines of closed ways into polygons; drop those that are not closed or have less than four points.

    What is a polygon already stays.
    """
    shapes = geometries(objects.shapes)
    made = shapely.get_dimensions(shapes) == 2
    xy, row = shapely.get_coordinates(shapes, return_index=True)
    size = np.bincount(row, minlength=len(shapes))
    ends = np.cumsum(size)
    closed = (size >= 4) & ~made
    some = np.flatnonzero(closed)
    closed[some] = (xy[(ends - size)[some]] == xy[ends[some] - 1]).all(axis=1)
    stay = closed | made
    if not stay.all():
        dropped[f"{layer}: outline not closed, dropped"] += int((~stay).sum())
    if closed.any():
        use = closed[row]
        _, ring = np.unique(row[use], return_inverse=True)
        shapes[closed] = shapely.polygons(shapely.linearrings(xy[use], indices=ring))
    objects.keep(stay, shapes)


def geometries(shapes: list[Any]) -> npt.NDArray[np.object_]:
    """Return shapes, some still hexadecimal WKB, as an array of geometries."""
    whole: npt.NDArray[np.object_] = np.empty(len(shapes), dtype=object)
    whole[:] = shapes
    text = np.fromiter((isinstance(shape, str) for shape in shapes), dtype=bool, count=len(shapes))
    whole[text] = shapely.from_wkb(whole[text])
    return whole
