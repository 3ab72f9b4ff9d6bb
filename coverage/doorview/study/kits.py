"""What the doors of a study see by: details drawn at each door, and a kit for each height of a lens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from doorview.city.obstacles import joined
from doorview.share.scene import Kit
from doorview.sight.api import LENS_COLUMN, lens_groups, wall_indexes
from doorview.sight.camera import CameraModel
from doorview.sight.kernels.types import WallIndex
from doorview.sight.kernels.uneven import OpenWalls
from doorview.sight.levels import Level, level_at
from doorview.sight.rasters import Terrain
from doorview.sight.recess import door_details, front_planting, recess_walls, turned
from doorview.sight.terrain import NO_WALLS, walls_on_terrain
from doorview.study.sections import Study

__all__ = ["AtDoors", "kits_of", "lenses_and_obstacles", "walls_by_height"]

DETAIL_COUNTS = {
    "recess_depth_m": "doors in a recess or porch",
    "wedge_degrees": "lenses turned by a wedge",
    "planting_height_m": "doors with planting before them",
}


class AtDoors(NamedTuple):
    """Doors as their lenses look, with the columns of `door_details` where a study asks for any; and what hides.

    `counts` says in words how many doors have what; ``doors.attrs["notes"]`` are the rules that were drawn from, with
    their marks.
    """

    doors: gpd.GeoDataFrame
    obstacles: gpd.GeoDataFrame
    counts: dict[str, int]


def lenses_and_obstacles(
    study: Study, camera: CameraModel, doors: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame
) -> AtDoors:
    """Return the doors with what the study puts at them, and the obstacles with its walls and planting.

    Doors and obstacles come back as they are where the study asks for nothing. The walls stand square to the facade,
    whichever way the lens is turned. A lens that steps raise above its own building raises the building: the steps are
    its own, and nobody sees over the house from its door.
    """
    rules = study.doors.details
    if not rules:
        return AtDoors(doors, obstacles, {})
    details = door_details(doors, rules, study.study.seed, mount_height_m=camera.mount_height_m)
    counts = {words: int((details[name] != 0).sum()) for name, words in DETAIL_COUNTS.items()}
    raised = details[LENS_COLUMN] > camera.mount_height_m
    counts["lenses raised by steps"] = int(raised.sum())
    hiding = joined(obstacles, recess_walls(doors, details), front_planting(doors, details))
    hiding, counts["buildings lower than a lens at their door, taken as higher"] = _above_their_lenses(
        hiding, doors["building"][raised], details[LENS_COLUMN][raised]
    )
    lenses = turned(doors, details).join(details)
    asked = [note for note in details.attrs["notes"] if note.partition(",")[0] in rules]
    lenses.attrs = {**doors.attrs, "notes": [*doors.attrs.get("notes", []), *asked]}
    return AtDoors(lenses, hiding, counts)


def _above_their_lenses(
    obstacles: gpd.GeoDataFrame, building: pd.Series, lens_m: pd.Series
) -> tuple[gpd.GeoDataFrame, int]:
    """Return the obstacles with no building lower than a lens [m] at a door of its own, and how many were."""
    highest = lens_m.groupby(building.to_numpy(dtype=object)).max()
    lens = highest.reindex(obstacles.index).to_numpy(dtype=np.float64)
    lower = np.asarray(obstacles["height_m"], dtype=np.float64) <= lens
    if not lower.any():
        return obstacles, 0
    out = obstacles.assign(height_m=obstacles["height_m"].mask(lower))
    out.attrs = dict(obstacles.attrs)
    return out, int(lower.sum())


def kits_of(
    levels: tuple[Level, ...],
    camera: CameraModel,
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame,
    terrain: Terrain | None = None,
    reach_m: float = 0.0,
) -> tuple[tuple[Kit, ...], NDArray[np.int64]]:
    """Return a kit for each height of the lenses, lowest first, and the number of each door's kit (doors,).

    Parameters
    ----------
    levels
        As they are at the model's mount height.
    camera
        The model at every door.
    doors, obstacles
        As `lenses_and_obstacles`; without a column `lens_height_m` all lenses hang at the model's mount height.
    terrain, reach_m
        Heights that doors and obstacles stand on, and the longest range of all [m].
    """
    groups = lens_groups(doors, None, camera.mount_height_m)
    field = math.radians(camera.field_of_view_degrees)
    walls = walls_by_height(obstacles, doors.crs, [height for height, _ in groups], levels, terrain, reach_m)
    kits, door_kit = [], np.zeros(len(doors), np.int64)
    for number, ((height, rows), (index, opened)) in enumerate(zip(groups, walls, strict=True)):
        kits.append(Kit(tuple(level_at(item, camera, height) for item in levels), index, field, height, opened))
        door_kit[rows] = number
    return tuple(kits), door_kit


def walls_by_height(
    obstacles: gpd.GeoDataFrame,
    crs: CRS | None,
    heights_m: Sequence[float],
    levels: Sequence[Level],
    terrain: Terrain | None,
    reach_m: float,
) -> list[tuple[WallIndex, OpenWalls]]:
    """Return, for lenses at each height, the walls of the plane, and those that terrain leaves to their tops."""
    targets = [item.target_height_m for item in levels]
    if terrain is None:
        return [(index, NO_WALLS) for index in wall_indexes(obstacles, crs, heights_m, max(targets))]
    return [walls_on_terrain(obstacles, crs, terrain, height, targets, reach_m) for height in heights_m]
