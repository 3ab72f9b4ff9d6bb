"""Writes a town as an OpenStreetMap file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import osmium
from osmium.osm import mutable

from doorview.demo.names import ATTRIBUTION

if TYPE_CHECKING:
    from doorview.demo.town import Town

__all__ = ["DATA_DATE", "GENERATOR", "write_extract"]

DATA_DATE = "2026-01-01T00:00:00Z"
"""The date on every object: fixed, so that the same seed gives the same file."""
GENERATOR = f"doorview demo. {ATTRIBUTION}"
"""What the file's header says of its origin."""


def write_extract(town: Town, path: Path) -> None:
    """Write `town` to `path` as ``.osm.pbf``, sorted by type and id, with dates and a bounding box.

    The path must end in ``.osm.pbf``; an existing file is replaced. Of a header's free text the format keeps the name
    of the program alone, so that is where the file says what it is.
    """
    low, high = town.lonlat.min(axis=0).tolist(), town.lonlat.max(axis=0).tolist()
    header = osmium.io.Header()
    header.add_box(osmium.osm.Box(osmium.osm.Location(*low), osmium.osm.Location(*high)))
    header.set("generator", GENERATOR)
    header.set("sorting", "Type_then_ID")
    header.set("osmosis_replication_timestamp", DATA_DATE)
    writer = osmium.SimpleWriter(str(path), header=header, overwrite=True)
    try:
        for number, place in enumerate(town.lonlat.tolist()):
            tags = town.node_tags.get(number, {})
            writer.add_node(mutable.Node(id=number + 1, location=place, tags=tags, version=1, timestamp=DATA_DATE))
        refs = (town.way_nodes + 1).tolist()
        starts = town.way_starts.tolist()
        for number, way_tags in enumerate(town.way_tags):
            nodes = refs[starts[number] : starts[number + 1]]
            writer.add_way(mutable.Way(id=number + 1, nodes=nodes, tags=way_tags, version=1, timestamp=DATA_DATE))
        for number, relation in enumerate(town.relations):
            members = [("w", way + 1, role) for way, role in relation.members]
            writer.add_relation(
                mutable.Relation(id=number + 1, members=members, tags=relation.tags, version=1, timestamp=DATA_DATE)
            )
    finally:
        writer.close()
