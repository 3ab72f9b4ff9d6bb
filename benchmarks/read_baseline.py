"""The least that reading takes: buildings and ways of an OSM extract by pyosmium alone, geometry as WKB and tags.

Nothing is projected, cleaned, sorted or put into tables. Other benchmarks give their times as multiples of this one.

    python benchmarks/read_baseline.py ../shared/data/baltimore_county_md/reisterstown_sorted.osm.pbf
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import osmium


def read_once(path: Path | str) -> tuple[list[tuple[str, dict[str, str]]], list[tuple[str, dict[str, str]]]]:
    """Return (WKB in hexadecimal, tags) of every building and of every street of an extract."""
    factory = osmium.geom.WKBFactory()
    buildings: list[tuple[str, dict[str, str]]] = []
    ways: list[tuple[str, dict[str, str]]] = []
    wanted = osmium.filter.KeyFilter("building", "highway")
    members = osmium.filter.KeyFilter("building")
    items: Any = osmium.FileProcessor(str(path)).with_areas(members).with_filter(wanted)
    for item in items:
        try:
            if item.is_area():
                if "building" in item.tags:
                    buildings.append((factory.create_multipolygon(item), dict(item.tags)))
            elif item.is_way() and "highway" in item.tags:
                ways.append((factory.create_linestring(item), dict(item.tags)))
        except (RuntimeError, osmium.InvalidLocationError):
            continue  # outlines that cross themselves and ways with missing nodes: the reader proper repairs and counts
    return buildings, ways


def read_baseline(path: Path | str, runs: int = 5) -> float:
    """Return the seconds that `read_once` takes: the median of `runs`."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        read_once(path)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/read_baseline.py FILE.osm.pbf")
    found = read_once(sys.argv[1])
    print(f"{read_baseline(sys.argv[1]):.3f} s, {len(found[0]):,} buildings, {len(found[1]):,} ways")
