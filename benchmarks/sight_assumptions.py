"""What each assumption about cameras, doors and ground does to the headline share, one at a time, on two real places.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/sight_assumptions.py [--in PLACE ...] [ROW ...]

A row is named by what stands first in its line (`--list` prints them all); without any, all are computed. The places
are Randallstown and Greenwich Village unless others are named. The headline is the share of streets within 50 m of a
home that is in view where 20 % of homes own a camera. The first row holds it with the defaults [percent]; every other
row holds the change [points] by one altered assumption. Shares are counted at least 40 m inside the data for every
row, so that they count the same ground.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

import shapely
from figure import MissingDataError, data_file

import doorview as dv
from doorview.city.property_lines import property_limits
from doorview.share.rules import ruled_scene
from doorview.study.compute import Stages, measure
from doorview.study.result import Result

PLACES = {
    "Randallstown, 2 km": ("baltimore_county_md", "clip_randallstown_2km_sorted.osm.pbf"),
    "Greenwich Village": ("nyc_greenwich_village", "nyc_sorted.osm.pbf"),
    "Las Palmas": ("las_palmas", "las_palmas_20230221.osm.pbf"),
}
USUAL = ["Randallstown, 2 km", "Greenwich Village"]
LEVELS = ("detect", "observe", "recognise")
RATE = 0.2
EDGE_M = 40.0
"""The counted area ends this far inside the data: the longest range of a run's range curve [m]."""
HEADLINE = "streets_near_homes"

Run = Callable[[dv.City], Any]


def with_camera(**changed: Any) -> Run:
    """Return a run with a changed camera."""
    return with_settings(camera=replace(dv.camera("ring-video-doorbell-wired"), **changed))


def with_settings(**settings: Any) -> Run:
    """Return a run with changed settings of `dv.estimate`."""
    return partial(dv.estimate, levels=LEVELS, rates=RATE, range_curve=False, **settings)


def with_city(**changed: Any) -> Run:
    """Return a run on a changed city."""
    return lambda city: with_settings()(replace(city, **changed))


def vertical_field(near_m: float) -> float:
    """Return the vertical field of view [degrees] that shows a face 0.3 m above the lens from `near_m` on."""
    return 2.0 * math.degrees(math.atan2(0.3, near_m))


def without_obstacles(city: dv.City) -> Any:
    """Run with no wall that hides anything; fields of view stay as they are, so no camera looks backwards."""
    none = dv.find_obstacles(city).iloc[:0]
    with mock.patch("doorview.study.compute.find_obstacles", return_value=none):
        return with_settings()(city)


def barriers_at_least(height_m: float) -> Run:
    """Return a run with all obstacles, none of those that are no buildings lower than a height [m]."""

    def run(city: dv.City) -> Any:
        found = dv.find_obstacles(city, "all")
        barrier = (found["kind"] != "building").to_numpy()
        raised = found["height_m"].where(~barrier, found["height_m"].clip(lower=height_m))
        with mock.patch("doorview.study.compute.find_obstacles", return_value=found.assign(height_m=raised)):
            return with_settings(obstacles="all")(city)

    return run


def hedges(height_m: float) -> dict[str, Any]:
    """Return planting of a height 3 m before every second home that is no apartment building."""
    half = {"values": [0.0, height_m], "chances": [0.5, 0.5]}
    return {"planting_height_m": dict.fromkeys(("house", "terrace", "unknown"), half), "planting_distance_m": 3.0}


def privacy_zones(beyond_m: float) -> Run:
    """Return a run in which no camera sees farther than some metres beyond the property line of its door."""

    def run(city: dv.City) -> Any:
        ready = with_settings()(city).ready
        limits = property_limits(ready.doors, ready.ground, beyond_m, reach_m=ready.scene.reach_m)
        cut = replace(ready, scene=ruled_scene(ready.scene, limits=limits.geometry.to_numpy()))
        return Result(cut, measure(cut, Stages()), Stages())

    return run


FOUR = {
    "ring-video-doorbell-wired": 0.45,
    "nest-hello": 0.3,
    "blink-video-doorbell": 0.15,
    "ring-video-doorbell-pro": 0.1,
}
"""A mix of models; the shares are made up."""

DEFAULT = "the defaults"
ROWS: dict[str, Run] = {
    DEFAULT: with_settings(),
    "field of view 150 degrees": with_camera(field_of_view_degrees=150.0),
    "field of view 160 degrees": with_camera(field_of_view_degrees=160.0),
    "field of view 180 degrees": with_camera(field_of_view_degrees=180.0),
    "155 degrees across the diagonal": with_camera(field_of_view_degrees=155.0 * 16.0 / math.hypot(16.0, 9.0)),
    "pixels 1600": with_camera(pixels=1600),
    "pixels 2560": with_camera(pixels=2560),
    "a mix of four models": with_settings(camera=FOUR),
    "all cameras nest-doorbell-battery": with_settings(camera="nest-doorbell-battery"),
    "rectilinear lens": with_camera(projection="rectilinear"),
    "target 1.1 m": with_settings(target_height_m=1.1),
    "target 0 m": with_settings(target_height_m=0.0),
    "near range 0 m": with_camera(vertical_field_of_view_degrees=180.0),
    "near range 1.5 m": with_camera(vertical_field_of_view_degrees=vertical_field(1.5)),
    "near range 3 m": with_camera(vertical_field_of_view_degrees=vertical_field(3.0)),
    "obstacles all": with_settings(obstacles="all"),
    "obstacles all, barriers at least 2 m": barriers_at_least(2.0),
    "parked cars at 30 % of kerb places": with_settings(coverage={"parked_cars": 0.3}),
    "parked cars at 60 % of kerb places": with_settings(coverage={"parked_cars": 0.6}),
    "trunks of mapped trees, passages open": with_settings(coverage={"trees": True, "openings": True}),
    "no obstacle but the own facade": without_obstacles,
    "door at the wall's right end": with_settings(doors={"along_facade": 0.0}),
    "door at the wall's left end": with_settings(doors={"along_facade": 1.0}),
    "doors drawn anywhere from 0.2 to 0.8 of their walls": with_settings(
        doors={"along_facade": {"all": {"low": 0.2, "high": 0.8}}}
    ),
    "porches at all homes but apartments": with_settings(doors={"what_if": "porches"}),
    "2 steps at every door": with_settings(doors={"porch_steps": 2}),
    "wedge of 15 degrees at every door": with_settings(doors={"wedge_degrees": 15}),
    "wedges of 15 degrees, left and right": with_settings(
        doors={"wedge_degrees": {"all": {"values": [-15, 15], "chances": [0.5, 0.5]}}}
    ),
    "planting of 1 m before every second home": with_settings(doors=hedges(1.0)),
    "planting of 1.5 m before every second home": with_settings(doors=hedges(1.5)),
    "planting of 1.5 m before every second home, 2 steps at every door": with_settings(
        doors={**hedges(1.5), "porch_steps": 2}
    ),
    "street widths of the other table": lambda city: with_city(country="world" if city.country == "us" else "us")(city),
    "homes within 25 m": with_settings(near_m=25.0),
    "homes within 100 m": with_settings(near_m=100.0),
    "cell 0.25 m": with_settings(cell_m=0.25),
    "cell 1 m": with_settings(cell_m=1.0),
    "privacy zones 10 m beyond the property line": privacy_zones(10.0),
    "privacy zones 5 m beyond the property line": privacy_zones(5.0),
    "privacy zones 2 m beyond the property line": privacy_zones(2.0),
    "privacy zones at the property line": privacy_zones(0.0),
}


def headline(city: dv.City, run: Run) -> dict[str, float]:
    """Return the headline share by level [percent]."""
    shares = run(city).shares.reset_index()
    rows = shares[(shares["space"] == HEADLINE) & (shares["measure"] == "area_m2") & (shares["zone"] == "all")]
    return {level: 100.0 * float(rows.loc[rows["level"] == level, "share_mean"].iloc[0]) for level in LEVELS}


def read(parts: tuple[str, str]) -> dv.City:
    """Read a place, counted at the same distance from its edge in every row."""
    city = dv.City.from_extract(data_file(*parts))
    return replace(city, boundary=shapely.buffer(city.extent, -EDGE_M, join_style="mitre"))


def main(arguments: list[str]) -> int:
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(description="What each assumption does to the headline share.")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--in", dest="places", action="append", choices=sorted(PLACES), help="a place")
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], metavar="ROW")
    asked = parser.parse_args(arguments)
    if asked.list:
        print("\n".join(ROWS))
        return 0
    try:
        cities = {name: read(PLACES[name]) for name in asked.places or USUAL}
    except MissingDataError as missing:
        print(f"skipped: {missing}")
        return 0
    base = {name: headline(city, ROWS[DEFAULT]) for name, city in cities.items()}
    print("| altered | " + " | ".join(f"{place}: {level}" for place in cities for level in LEVELS) + " |")
    print("|---|" + "---|" * (len(cities) * len(LEVELS)))
    print(f"| {DEFAULT} | " + " | ".join(f"{base[place][level]:.2f} %" for place in cities for level in LEVELS) + " |")
    for row in asked.rows or ROWS:
        if row != DEFAULT:
            found = {name: headline(city, ROWS[row]) for name, city in cities.items()}
            cells = [f"{found[place][level] - base[place][level]:+.2f}" for place in cities for level in LEVELS]
            print(f"| {row} | " + " | ".join(cells) + " |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
