"""What doors and known cameras of a run see of points along walks, at every level, each by its own kit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.overlays.route_exposure import Exposure, WalkingPoints, exposure_of_rows
from doorview.share.scene import Scene
from doorview.sight.points import SeenPairs, over_terrain, seen_pairs

__all__ = ["exposures_of", "seen_rows"]

Ints = NDArray[np.int64]

POINTS_AT_A_TIME = 200_000
"""Points whose candidate pairs are held at a time."""


def exposures_of(scene: Scene, walk: WalkingPoints, lines: NDArray[np.bool_]) -> dict[str, Exposure]:
    """Return, by level, which cameras of a scene see the points of some walking lines (lines,); others have none."""
    points = np.flatnonzero(np.repeat(lines, np.diff(walk.first)) & ~walk.hidden)
    doors = pd.Index(scene.door_ids)
    xy = shapely.get_coordinates(walk.points.to_numpy()[points])
    found = seen_rows(scene, xy)
    return {name: exposure_of_rows(walk, doors, door, points[point]) for name, (door, point) in found.items()}


def seen_rows(scene: Scene, xy: NDArray[np.float64]) -> dict[str, tuple[Ints, Ints]]:
    """Return, by level, the pairs of camera and point (n, 2) [m] where one sees the other, as rows of both.

    Sight lines depend on the field of view and the target, not on the range: levels that share these are cut from one
    search by distance.
    """
    parts: dict[str, list[tuple[Ints, Ints]]] = {item.name: [] for item in scene.levels}
    for number, kit in enumerate(scene.kits):
        rows = np.flatnonzero(scene.door_kit == number)
        seen = [item for item in kit.levels if item.range_m > 0]
        if not len(rows) or not seen:
            continue
        ends, ahead = scene.door_xy[rows], scene.door_forward[rows]
        for key in dict.fromkeys((item.field_of_view_degrees, item.target_height_m) for item in seen):
            alike = [item for item in seen if (item.field_of_view_degrees, item.target_height_m) == key]
            farthest = max(item.range_m for item in alike)
            nearest = min(item.near_m for item in alike)
            for low in range(0, len(xy), POINTS_AT_A_TIME):
                places = xy[low : low + POINTS_AT_A_TIME]
                found: SeenPairs = seen_pairs(ends, ahead, places, kit.walls, farthest, key[0], nearest)
                if scene.terrain is not None:
                    found = over_terrain(found, scene.terrain, kit.open_walls, ends, places, kit.lens_height_m, key[1])
                for item in alike:
                    held = (found.distance_m <= item.range_m) & (found.distance_m >= item.near_m)
                    parts[item.name].append((rows[found.camera[held]], low + found.point[held]))
    none = np.zeros(0, np.int64)
    return {
        name: (np.concatenate([none, *(door for door, _ in of)]), np.concatenate([none, *(point for _, point in of)]))
        for name, of in parts.items()
    }
