"""Tagged entrances hidden and found again: how far off the doors are, and what that does to the share.

    PYTHONSAFEPATH=1 .venv/bin/python benchmarks/entrances.py [FOLDER OF CITIES]

Two tables. The first has the errors [m, degrees] by city, set of entrances and rule. The second has the share of
streets in view around these doors with the tagged entrances and without, twice over: every door of the city as it is
found (`city`: a building with several tagged entrances may lose some; all other doors stay), and each tagged door
against the one found for it and nothing else (`pairs`, by rule: what a wrong place alone does).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import doorview as dv
from doorview.city.doors_again import BothWays, FoundAgain, doors_both_ways, errors_by_rule, find_entrances_again
from doorview.city.ground import Ground
from doorview.city.model import City
from doorview.share.coverage import fold
from doorview.share.outputs import outputs_of
from doorview.share.scene import Kit, build_scene
from doorview.share.summary import DoorTable, curve_table
from doorview.share.tiles import cover
from doorview.sight.api import wall_index
from doorview.sight.kernels.types import WallIndex
from doorview.sight.levels import Level

CITIES = {
    "Monaco": "monaco/monaco_20250206.osm.pbf",
    "Las Palmas": "las_palmas/las_palmas_20230221.osm.pbf",
    "Liechtenstein": "liechtenstein/liechtenstein-20240303.osm.pbf",
}
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CAMERA = "ring-video-doorbell-wired"
LEVELS = ("detect", "observe", "recognise")
RATE = 0.2
AROUND_M = 50.0
"""Streets this near to a hidden entrance are counted [m]: the headline's distance."""


class Place(NamedTuple):
    """What the doors look at, the same for all tables of doors of a city."""

    city: City
    ground: Ground
    walls: WallIndex
    levels: list[Level]


def place_of(city: City) -> Place:
    """Return ground, walls and levels of a city."""
    camera = dv.camera(CAMERA)
    levels = [dv.level(camera, name) for name in LEVELS]
    walls = wall_index(dv.find_obstacles(city), city.crs, camera.mount_height_m, levels[0].target_height_m)
    return Place(city, dv.public_space(city, dv.find_doors(city)), walls, levels)


def share(place: Place, doors: gpd.GeoDataFrame, inside: Any) -> pd.Series:
    """Return by level the expected share of the streets inside a polygon at the rate; NaN where it holds none."""
    scene = build_scene(doors, Kit(tuple(place.levels), place.walls, math.radians(155.0)), place.ground, inside=inside)
    coverage = fold(scene, cover(scene, rasters=False))
    who = DoorTable(
        scene.door_key, doors["dwellings"].to_numpy(dtype=np.int64), shapely.contains_xy(inside, *scene.door_xy.T)
    )
    curve = curve_table(coverage, outputs_of(coverage), who, [RATE])
    streets = curve[(curve["space"] == "streets") & (curve["measure"] == "area_m2")]
    return streets.set_index("level")["share_mean"].reindex(list(LEVELS))


def compared(place: Place, tagged: gpd.GeoDataFrame, again: gpd.GeoDataFrame, centres: Any) -> Iterator[dict[str, Any]]:
    """Yield, by level, the share around the centres with the tagged doors and with those found again."""
    inside = shapely.union_all(shapely.buffer(centres, AROUND_M))
    before, after = (share(place, doors, inside) for doors in (tagged, again))
    for level in LEVELS:
        yield {
            "level": level,
            "tagged_percent": 100 * before[level],
            "again_percent": 100 * after[level],
            "change_points": 100 * (after[level] - before[level]),
        }


def effects(place: Place, both: BothWays, found: FoundAgain) -> Iterator[dict[str, Any]]:
    """Yield rows of the second table for one city and set of entrances."""
    hidden = both.tagged[both.tagged["building"].isin(both.buildings)]
    entrances = hidden[hidden["found"] == "entrance"].geometry.to_numpy()
    for row in compared(place, both.tagged, both.again, entrances):
        counts = {"doors_tagged": len(hidden), "doors_again": int(both.again["building"].isin(both.buildings).sum())}
        yield {"doors": "city", "rule": "all", **counts, **row}
    once = ~found.tagged.index.duplicated()
    tagged, again = found.tagged[once], found.again[once]
    rule = found.errors["found"].to_numpy(dtype=object)[once]
    for name in (*sorted(set(rule)), "all"):
        at = (rule == name) | (name == "all")
        for row in compared(place, tagged[at], again[at], tagged[at].geometry.to_numpy()):
            yield {"doors": "pairs", "rule": name, "doors_tagged": int(at.sum()), "doors_again": int(at.sum()), **row}


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return errors and effects of every city in the folder, by the set of entrances (of homes, of all buildings)."""
    errors, changes = {}, []
    for name, file in CITIES.items():
        if not (folder / file).exists():
            continue
        city = City.from_extract(folder / file)
        place = place_of(city)
        for of in ("homes", "all"):
            found = find_entrances_again(city, of=of)
            errors[name, of] = errors_by_rule(found.errors)
            if len(found.errors):
                rows = effects(place, doors_both_ways(city, of=of), found)
                changes += [{"city": name, "entrances of": of, **row} for row in rows]
    keys = ["city", "entrances of", "doors", "rule", "doors_tagged", "doors_again", "level"]
    if not errors:
        return pd.DataFrame(), pd.DataFrame()
    return pd.concat(errors, names=keys[:2]), pd.DataFrame(changes).set_index(keys)


def main() -> int:
    """Print both tables."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    errors, changes = tables(folder)
    if not len(errors):
        print(f"no real cities in {folder}: give the folder that holds {', '.join(CITIES.values())}")
        return 1
    print(errors.round(2).to_string())
    print(f"\nShare in view of streets within {AROUND_M:g} m of a hidden entrance, {100 * RATE:g} % with a camera:")
    print(changes.round(2).to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
