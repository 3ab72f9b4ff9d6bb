"""What the doors of a study see by: details drawn at each door, and a kit for each model and height of a lens."""

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
from doorview.sight.api import LENS_COLUMN, lens_groups, viewsheds, wall_indexes
from doorview.sight.camera import CameraModel
from doorview.sight.kernels.types import WallIndex
from doorview.sight.kernels.uneven import OpenWalls
from doorview.sight.levels import Level, level_at
from doorview.sight.rasters import Terrain
from doorview.sight.recess import door_details, front_planting, recess_walls, turned
from doorview.sight.terrain import NO_WALLS, walls_on_terrain
from doorview.study.sections import Study

__all__ = [
    "AtDoors",
    "kits_of",
    "kits_of_models",
    "lenses_and_obstacles",
    "views_of_models",
    "walls_by_height",
]

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
    study: Study, mount_height_m: float | NDArray[np.float64], doors: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame
) -> AtDoors:
    """Return the doors with what the study puts at them, and the obstacles with its walls and planting.

    Cameras hang at `mount_height_m` [m] above the floor, one height for all doors or one for each (n,). Doors and
    obstacles come back as they are where the study asks for nothing. The walls stand square to the facade,
    whichever way the lens is turned. A lens that steps raise above its own building raises the building: the steps are
    its own, and nobody sees over the house from its door.
    """
    rules = study.doors.details
    if not rules:
        return AtDoors(doors, obstacles, {})
    details = door_details(doors, rules, study.study.seed, mount_height_m=mount_height_m)
    counts = {words: int((details[name] != 0).sum()) for name, words in DETAIL_COUNTS.items()}
    raised = details[LENS_COLUMN] > mount_height_m
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
    model_of = np.zeros(len(doors), np.int64)
    return kits_of_models([(camera, levels)], model_of, doors, obstacles, terrain, reach_m)


def kits_of_models(
    models: Sequence[tuple[CameraModel, tuple[Level, ...]]],
    model_of: NDArray[np.int64],
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame,
    terrain: Terrain | None = None,
    reach_m: float = 0.0,
) -> tuple[tuple[Kit, ...], NDArray[np.int64]]:
    """Return a kit for each model and height of its lenses, and the number of each door's kit (doors,).

    Parameters
    ----------
    models
        Each with its levels as they are at its mount height, of the same names in the same order.
    model_of
        (doors,) the number of each door's model; one that hangs at no door has no kit.
    doors, obstacles
        As `lenses_and_obstacles`; without a column `lens_height_m` every lens hangs at its model's mount height.
    terrain, reach_m
        As `kits_of`.
    """
    groups = [
        (number, height, rows[own])
        for number, (camera, _) in enumerate(models)
        for rows in [np.flatnonzero(model_of == number)]
        if len(rows) or len(models) == 1
        for height, own in lens_groups(doors.iloc[rows], None, camera.mount_height_m)
    ]
    heights = sorted({height for _, height, _ in groups})
    # One index of the walls for each height, whichever models hang there: all look at the same targets.
    made = walls_by_height(obstacles, doors.crs, heights, models[0][1], terrain, reach_m)
    walls = dict(zip(heights, made, strict=True))
    kits, door_kit = [], np.zeros(len(doors), np.int64)
    for kit, (number, height, rows) in enumerate(groups):
        camera, levels = models[number]
        own_levels = tuple(level_at(item, camera, height) for item in levels)
        index, opened = walls[height]
        kits.append(Kit(own_levels, index, math.radians(camera.field_of_view_degrees), height, opened))
        door_kit[rows] = kit
    return tuple(kits), door_kit


def views_of_models(
    models: Sequence[tuple[CameraModel, tuple[Level, ...]]],
    model_of: NDArray[np.int64],
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame,
) -> gpd.GeoDataFrame:
    """Return `viewsheds` of all doors by each one's model, level after level, doors in their order in each."""
    parts = []
    for number in range(len(models[0][1])):
        own = [
            viewsheds(doors.iloc[model_of == which], obstacles, camera, levels[number])
            for which, (camera, levels) in enumerate(models)
            if (model_of == which).any()
        ]
        parts.append(pd.concat(own).loc[doors.index])
    return gpd.GeoDataFrame(pd.concat(parts))


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
