"""One part of a city made ready and covered: what lies around it is read as far as it can matter, and no farther.

What hangs together over any distance, streets and areas, is laid out once for the whole city. What is around a part is
read in three rings about its tiles:

    tiles ... | what sees and hides | buildings that reach in, whole | what their doors depend on |

The last is `DEPENDS_M`: a home's levels may be those of homes within 100 m, whether those are homes depends on fields
of 200 m and their neighbours (400 m), and on buildings within 25 m; the rest is room for large footprints.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.city_store import Box, CityStore
from doorview.city.doors import DoorFinds, door_finds
from doorview.city.doors_streets import streets_of
from doorview.city.ground import GroundFrame, ground_frame, ground_within
from doorview.city.home_rules import home_rules
from doorview.city.model import City
from doorview.city.streets import LONGEST_FACE_M
from doorview.share.coverage import fold
from doorview.share.covering import Work
from doorview.share.discretisation import view_sums
from doorview.share.grid import Grid
from doorview.share.parts import Part, part_of
from doorview.share.scene import Kit, build_scene
from doorview.sight.api import wall_indexes
from doorview.study.compute import Asked, Progress, Stages, obstacles_of
from doorview.study.kits import kits_of_models, lenses_and_obstacles
from doorview.study.part_plan import PartBox
from doorview.study.sections import Study

__all__ = ["DEPENDS_M", "PartDoors", "WholeCity", "cover_part", "no_kit", "whole_city"]

DEPENDS_M = 700.0
STREET_WITHIN_M = 1000.0
"""A home without a street this near looks for the nearest one in the whole city."""
SLACK_M = 25.0
KERB_M = LONGEST_FACE_M + 10.0
"""Places at the kerb are counted off from the ends of a street's pieces, by what meets there: so far beyond."""
_WINDOWED = ("buildings", "barriers", "addresses", "entrances", "parcels", "trees", "tree_rows", "parts")


@dataclass(frozen=True)
class WholeCity:
    """What of a city is held as a whole: ways and areas with their ground, and the bounds of buildings (n, 4) [m].

    `plain` are the streets that every home may face, for a look at how near one is.
    """

    store: CityStore
    city: City
    frame: GroundFrame
    boxes: NDArray[np.float64]
    way_bounds: NDArray[np.float64]
    area_bounds: NDArray[np.float64]
    plain: NDArray[np.object_]


@dataclass(frozen=True)
class PartDoors:
    """The doors that stand in a part: ids, places (n, 2) [m], dwellings, what was counted of them, and assumptions.

    `hiding` are the assumptions about obstacles; `errors` (levels, 4) what the grid does to views (`view_sums`).
    """

    ids: NDArray[np.object_]
    xy: NDArray[np.float64]
    dwellings: NDArray[np.int64]
    counts: dict[str, int]
    notes: list[str]
    hiding: list[str] = field(default_factory=list)
    errors: NDArray[np.float64] | None = None


def whole_city(study: Study, store: CityStore) -> WholeCity:
    """Read ways and areas of a stored city, and lay out their ground."""
    ways = _without_empty(store.layer("ways"))
    areas = _without_empty(store.layer("areas"))
    city = replace(store.frame, ways=ways, areas=areas)
    widths = study.public_space
    frame = ground_frame(
        city,
        lane_width_m=widths.lane_width_m,
        sidewalk_width_m=widths.sidewalk_width_m,
        with_parcels=store.sizes.get("parcels", 0) > 0,
    )
    streets = streets_of(ways, home_rules())
    return WholeCity(
        store, city, frame, store.boxes("buildings"), _bounds(ways), _bounds(areas), streets.lines[streets.added_m == 0]
    )


def _without_empty(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer without the tags that no object has: whoever looks for one finds none either way."""
    return table[[name for name in table.columns if name == "geometry" or table[name].notna().any()]]


def _bounds(table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    bounds: NDArray[np.float64] = shapely.bounds(table.geometry.to_numpy()).reshape(-1, 4)
    return bounds


def _meets(bounds: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    west, south, east, north = box
    found: NDArray[np.bool_] = (bounds[:, 0] <= east) & (bounds[:, 2] >= west)
    return found & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)


def _wider(box: Box, by_m: float) -> Box:
    return box[0] - by_m, box[1] - by_m, box[2] + by_m, box[3] + by_m


def _window(whole: WholeCity, box: Box) -> tuple[City, Box]:
    """Return the city around a box as far as the doors of buildings that meet it depend on it, and where these are."""
    near = whole.boxes[_meets(whole.boxes, box)]
    inner = np.array(box)
    if len(near):
        inner = np.concatenate(
            [np.minimum(inner[:2], near[:, :2].min(axis=0)), np.maximum(inner[2:], near[:, 2:].max(axis=0))]
        )
    # A hair more, so that a building is never without its neighbour on the wall, whose entrance may be its own.
    own = _wider((float(inner[0]), float(inner[1]), float(inner[2]), float(inner[3])), 2.0)
    wide = _wider(own, DEPENDS_M)
    layers: dict[str, Any] = {name: whole.store.layer(name, wide) for name in _WINDOWED if name in whole.store.sizes}
    reach = _wider(wide, STREET_WITHIN_M)
    ways = whole.city.ways
    if _all_near_streets(whole, layers["buildings"], reach):
        ways = ways[_meets(whole.way_bounds, reach)]
    areas = whole.city.areas[_meets(whole.area_bounds, wide)]
    return replace(whole.city, ways=ways, areas=areas, **layers), own


def _all_near_streets(whole: WholeCity, buildings: gpd.GeoDataFrame, reach: Box) -> bool:
    """Whether every building has a street so near that none outside the window can be nearer."""
    lines = whole.plain[_meets(shapely.bounds(whole.plain).reshape(-1, 4), reach)]
    if not len(lines):
        return False
    centres = shapely.centroid(buildings.geometry.to_numpy())
    found, _ = shapely.STRtree(lines).query_nearest(centres, max_distance=0.9 * STREET_WITHIN_M, all_matches=False)
    return len(found) == len(centres)


def cover_part(
    study: Study,
    asked: Asked,
    whole: WholeCity,
    part: PartBox,
    grid: Grid,
    stages: Stages,
    progress: Progress,
    sample: int,
    work: Work,
) -> tuple[PartDoors, Part | None]:
    """Find the doors of a part, and count what is seen of its tiles; None where none of them is counted.

    `sample` views are compared with their exact areas; `work` says who covers.
    """
    beyond = max(asked.reach_m, study.public_space.near_home_m) + grid.cell_m + 1.0
    inner = part.box(grid, beyond + asked.reach_m + SLACK_M)
    with stages.stage("reading windows"):
        city, whole_buildings = _window(whole, inner)
    with stages.stage("finding doors"):
        found = door_finds(city, along=study.doors.along, seed=study.study.seed, near=whole_buildings)
        own = _own_doors(found, part, grid, city)
    if not part.counted:
        return own, None
    xy = shapely.get_coordinates(found.doors.geometry.to_numpy())
    doors = found.doors[_meets(np.column_stack([xy, xy]), inner)]
    at_hand = city.buildings[_meets(_bounds(city.buildings), inner)]
    with stages.stage("laying out public space"):
        streets = _wider(inner, KERB_M) if study.coverage.parked_cars > 0 else inner
        ground = ground_within(whole.frame.meeting(streets), at_hand, _lots(city, inner))
    with stages.stage("finding obstacles"):
        models, model_of = asked.models_at(doors, study.study.seed)
        mounts = np.array([model.mount_height_m for model, _ in models])[model_of]
        obstacles = obstacles_of(study, replace(city, buildings=at_hand), ground)
        at_doors = lenses_and_obstacles(study, mounts, doors, obstacles)
        xy = shapely.get_coordinates(at_doors.doors.geometry.to_numpy())
        near = _meets(np.column_stack([xy, xy]), part.box(grid, beyond))
        doors, model_of = at_doors.doors[near], model_of[near]
        if len(doors):
            kits, door_kit = kits_of_models(models, model_of, doors, at_doors.obstacles, asked.terrain, asked.reach_m)
        else:
            kits, door_kit = no_kit(asked, city), np.zeros(0, np.int64)
    with stages.stage("laying out tiles"):
        scene = build_scene(
            doors,
            kits,
            ground,
            inside=asked.inside,
            door_kit=door_kit,
            zones=asked.zones,
            grid=grid,
            range_curve=asked.curve,
            near_m=study.public_space.near_home_m,
            terrain=asked.terrain,
        )
        scene = replace(scene, counted_tiles={tile: scene.counted_tiles[tile] for tile in part.counted})
    with stages.stage("seeing and covering"):
        results = work.cover(scene, rasters=False, progress=progress)
        coverage = fold(scene, results)
        made = part_of(coverage, scene.door_key)
    with stages.stage("measuring the grid's error"):
        errors = view_sums(scene, sample)
    hiding = list(at_doors.obstacles.attrs.get("notes", []))
    return replace(own, notes=list(at_doors.doors.attrs.get("notes", [])), hiding=hiding, errors=errors), made


def _lots(city: City, box: Box) -> gpd.GeoDataFrame | None:
    """Return the parcels that meet a box; None where the city has none."""
    return None if city.parcels is None else city.parcels[_meets(_bounds(city.parcels), box)]


def no_kit(asked: Asked, city: City) -> tuple[Kit, ...]:
    """Return what nobody sees by: the levels are counted all the same."""
    camera = asked.camera
    nothing = gpd.GeoDataFrame({"height_m": np.zeros(0)}, geometry=gpd.GeoSeries([], crs=city.crs), crs=city.crs)
    height = camera.mount_height_m
    index = wall_indexes(nothing, city.crs, [height], max(item.target_height_m for item in asked.levels))[0]
    return (Kit(asked.levels, index, float(np.radians(camera.field_of_view_degrees)), height),)


def _own_doors(found: DoorFinds, part: PartBox, grid: Grid, city: City) -> PartDoors:
    """Return the doors that stand in the part, with counts of them and of the buildings whose middle does."""
    xy = shapely.get_coordinates(found.doors.geometry.to_numpy())
    mine = part.holds(xy, grid)
    bounds = _bounds(city.buildings)
    middle = pd.DataFrame((bounds[:, :2] + bounds[:, 2:]) / 2.0, index=city.buildings.index)
    of_rule = part.holds(middle.reindex(found.buildings.index).to_numpy(), grid)
    counts = found._replace(left_out={}).counts(mine, of_rule)
    doors = found.doors[mine]
    notes = list(found.doors.attrs.get("notes", []))
    return PartDoors(
        np.asarray(doors.index, dtype=object), xy[mine], doors["dwellings"].to_numpy(np.int64), counts, notes
    )
