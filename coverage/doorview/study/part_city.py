"""One part of a city made ready and covered: what lies around it is read as far as it can matter, and no farther.

What is around a part is read in three rings about its tiles:

    tiles ... | what sees and hides | buildings that reach in, whole | what their doors depend on |

The last is `DEPENDS_M`: a home's levels may be those of homes within 100 m, whether those are homes depends on fields
of 200 m and their neighbours (400 m), and on buildings within 25 m; the rest is room for large footprints. How far
streets and areas are read is said in `doorview.study.part_streets`.
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
from doorview.city.ground import GroundFrame, ground_frame, ground_within
from doorview.city.ground_streets import Mine, StreetSums
from doorview.city.model import City
from doorview.city.street_links import StreetLinks, street_links
from doorview.city.streets import LONGEST_FACE_M
from doorview.share.coverage import fold
from doorview.share.covering import Work
from doorview.share.discretisation import view_sums
from doorview.share.grid import Grid
from doorview.share.parts import Part, part_of
from doorview.share.scene import Kit, build_scene
from doorview.sight.api import wall_indexes
from doorview.study.compute import Asked, obstacles_of
from doorview.study.door_faces import door_faces, length_inside
from doorview.study.kits import kits_of_models, lenses_and_obstacles
from doorview.study.part_plan import PartBox
from doorview.study.part_streets import LAYOUT_M, bounds_of, meets, read_around, street_parcels, wider
from doorview.study.sections import Study
from doorview.study.stages import Progress, Stages

__all__ = ["DEPENDS_M", "PartDoors", "WholeCity", "cover_part", "no_kit", "whole_city"]

DEPENDS_M = 700.0
SLACK_M = 25.0
KERB_M = LONGEST_FACE_M + 10.0
"""Places at the kerb are counted off from the ends of a street's pieces, by what meets there: so far beyond."""
_WINDOWED = ("buildings", "barriers", "addresses", "entrances", "parcels", "trees", "tree_rows", "parts")


@dataclass(frozen=True)
class WholeCity:
    """What of a city is held as a whole: what of its streets hangs together.

    `empty` is the ground of the city without anything in it; `parcels` says of those looked at which are streets.
    """

    store: CityStore
    links: StreetLinks
    empty: GroundFrame
    parcels: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class PartDoors:
    """The doors that stand in a part: ids, places (n, 2) [m], dwellings, what was counted of them, and assumptions.

    `hiding` are the assumptions about obstacles; `errors` (levels, 4) what the grid does to views (`view_sums`). `face`
    (n,) is the id of each door's block face (`door_faces`), `metres` the length of the part's streets in the counted
    area (`length_inside`), `streets` what is added up over them.
    """

    ids: NDArray[np.object_]
    xy: NDArray[np.float64]
    dwellings: NDArray[np.int64]
    counts: dict[str, int]
    notes: list[str]
    hiding: list[str] = field(default_factory=list)
    errors: NDArray[np.float64] | None = None
    face: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    metres: int = 0
    streets: StreetSums = field(default_factory=StreetSums)


def whole_city(study: Study, store: CityStore) -> WholeCity:
    """Read what parts need to know of the whole of a stored city."""
    return WholeCity(store, street_links(store), _frame(study, store, store.frame))


def _frame(
    study: Study,
    store: CityStore,
    city: City,
    junctions: NDArray[np.int64] | None = None,
    mine: Mine | None = None,
) -> GroundFrame:
    """Lay out the ground of what of the city was read."""
    return ground_frame(
        city,
        lane_width_m=study.public_space.lane_width_m,
        sidewalk_width_m=study.public_space.sidewalk_width_m,
        with_parcels=store.sizes.get("parcels", 0) > 0,
        junctions=junctions,
        mine=mine,
    )


def _window(whole: WholeCity, box: Box, ground: Box) -> tuple[City, Box, NDArray[np.bool_]]:
    """Return the city around a box as far as the doors of buildings that meet it depend on it, and where these are.

    Last, the ways (ways,) of which the ground that meets the box `ground` is laid out.
    """
    near = whole.store.boxes_meeting("buildings", box)
    inner = np.array(box)
    if len(near):
        inner = np.concatenate(
            [np.minimum(inner[:2], near[:, :2].min(axis=0)), np.maximum(inner[2:], near[:, 2:].max(axis=0))]
        )
    # A hair more, so that a building is never without its neighbour on the wall, whose entrance may be its own.
    own = wider((float(inner[0]), float(inner[1]), float(inner[2]), float(inner[3])), 2.0)
    wide = wider(own, DEPENDS_M)
    layers: dict[str, Any] = {name: whole.store.layer(name, wide) for name in _WINDOWED if name in whole.store.sizes}
    around = read_around(whole.store, whole.links, wide, layers["buildings"], ground)
    return replace(whole.store.frame, ways=around.ways, areas=around.areas, **layers), own, around.of_ground


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
    streets = wider(inner, KERB_M) if study.coverage.parked_cars > 0 else inner
    with stages.stage("reading windows"):
        city, whole_buildings, of_ground = _window(whole, inner, streets)
    with stages.stage("finding doors"):
        found = door_finds(city, along=study.doors.along, seed=study.study.seed, near=whole_buildings)
        own = _own_doors(found, part, grid, city)
    with stages.stage("laying out public space"):
        mine = _in_part(part, grid)
        frame = _frame(study, whole.store, replace(city, ways=city.ways[of_ground]), whole.links.junctions, mine)
        own = _with_streets(own, frame, asked, mine)
    if not part.counted:
        return own, None
    xy = shapely.get_coordinates(found.doors.geometry.to_numpy())
    doors = found.doors[meets(np.column_stack([xy, xy]), inner)]
    at_hand = city.buildings[meets(bounds_of(city.buildings), inner)]
    with stages.stage("laying out public space"):
        ground = ground_within(frame.meeting(streets), at_hand, _lots(whole, city, inner, streets))
    with stages.stage("finding obstacles"):
        models, model_of = asked.models_at(doors, study.study.seed)
        mounts = np.array([model.mount_height_m for model, _ in models])[model_of]
        obstacles = obstacles_of(study, replace(city, buildings=at_hand), ground)
        at_doors = lenses_and_obstacles(study, mounts, doors, obstacles)
        xy = shapely.get_coordinates(at_doors.doors.geometry.to_numpy())
        near = meets(np.column_stack([xy, xy]), part.box(grid, beyond))
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


def _in_part(part: PartBox, grid: Grid) -> Mine:
    """Return what says which lines have the middle of their bounds in a part: each is in one part of a city."""

    def mine(lines: NDArray[np.object_]) -> NDArray[np.bool_]:
        bounds = shapely.bounds(lines).reshape(-1, 4)
        return part.holds((bounds[:, :2] + bounds[:, 2:]) / 2.0, grid)

    return mine


def _with_streets(own: PartDoors, frame: GroundFrame, asked: Asked, mine: Mine) -> PartDoors:
    """Return the doors with their block faces, and with what is added up over the part's streets."""
    lines = frame.streets.lines
    lines = lines[mine(lines.geometry.to_numpy())]
    return replace(
        own,
        face=door_faces(frame.streets.faces, own.xy),
        metres=length_inside(lines, asked.inside),
        streets=frame.streets.sums,
    )


def _lots(whole: WholeCity, city: City, box: Box, streets: Box) -> gpd.GeoDataFrame | None:
    """Return the parcels that meet a box, but for streets that reach beyond what was read about `streets`."""
    if city.parcels is None:
        return None
    lots = city.parcels[meets(bounds_of(city.parcels), box)]
    return lots[~street_parcels(whole.store, lots, wider(streets, LAYOUT_M), whole.parcels)]


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
    bounds = bounds_of(city.buildings)
    middle = pd.DataFrame((bounds[:, :2] + bounds[:, 2:]) / 2.0, index=city.buildings.index)
    of_rule = part.holds(middle.reindex(found.buildings.index).to_numpy(), grid)
    counts = found._replace(left_out={}).counts(mine, of_rule)
    doors = found.doors[mine]
    notes = list(found.doors.attrs.get("notes", []))
    return PartDoors(
        np.asarray(doors.index, dtype=object), xy[mine], doors["dwellings"].to_numpy(np.int64), counts, notes
    )
