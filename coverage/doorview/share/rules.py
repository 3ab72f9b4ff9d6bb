"""What rules take away from the views of a scene: privacy zones, and a motion sensor set to a shorter range.

Ground, homes, zones and tiles stay as they are, so that every total is the same with rules and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.errors import InputError
from doorview.share.grid import TileIndex
from doorview.share.scene import Kit, Limits, Scene, door_keys, polygon_edges
from doorview.sight.levels import Level

__all__ = ["CUT", "capped_kits", "limits_of", "ruled_scene"]

CUT = "#cut"
"""What the id of a door's cut view ends in, where a scene holds the full views too."""


def capped_kits(kits: Sequence[Kit], range_m: float, *, level: str = "trigger") -> tuple[Kit, ...]:
    """Return the kits with one level set to reach no farther than `range_m` [m]; other levels are as they were.

    A level of which nothing is left has the range 0. The walls are the same arrays, not copies.

    Raises
    ------
    InputError
        If the range is no number above 0.

    """
    if isinstance(range_m, bool) or not isinstance(range_m, int | float | np.number) or not 0 < float(range_m) < np.inf:
        raise InputError(f"range_m is {range_m!r}: a sensor reaches some metres, more than 0, e.g. range_m=4.0.")

    def capped(item: Level) -> Level:
        if item.name != level or item.range_m <= range_m:
            return item
        return (
            replace(item, range_m=float(range_m)) if item.near_m < range_m else replace(item, range_m=0.0, near_m=0.0)
        )

    return tuple(replace(kit, levels=tuple(capped(item) for item in kit.levels)) for kit in kits)


def limits_of(shapes: NDArray[Any]) -> Limits:
    """Return the limits of views by polygons (doors,), None where nothing is cut; an empty polygon cuts all.

    Raises
    ------
    InputError
        If a shape is neither a polygon, a multipolygon nor None, or crosses itself.

    """
    shapes = np.asarray(shapes, dtype=object)
    cut = ~shapely.is_missing(shapes)
    wrong = cut & (
        ~np.isin(shapely.get_type_id(shapes), (3, 6)) & ~shapely.is_empty(shapes) | ~shapely.is_valid(shapes)
    )
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{int(wrong.sum())} limits of views, the first at row {row} ({shapes[row].geom_type}), are no valid "
            "polygons: give polygons, or None where nothing is cut. shapely.make_valid mends one that crosses itself."
        )
    edges = polygon_edges(shapes)
    return Limits(edges.start, edges.edges, np.asarray(cut, dtype=bool))


def ruled_scene(
    scene: Scene, *, limits: NDArray[Any] | None = None, kits: Sequence[Kit] | None = None, both: bool = False
) -> Scene:
    """Return the scene with the view of every door cut.

    Parameters
    ----------
    scene
        As from `build_scene`, with N doors.
    limits
        (N,) polygons outside of which nothing is seen, None where nothing is cut, such as the geometry of
        `doorview.city.property_lines.property_limits`. Known cameras are not cut.
    kits
        What the doors see by instead, kit by kit, such as `capped_kits` of the scene's.
    both
        Keep the full views too. The scene then has 2N doors: first the N as they were, then the same with their views
        cut, each id ending in `CUT`. A door owns one or the other, so that a scenario may cut the views of some doors
        and not of others; streets near homes and all totals are those of the N.

    Raises
    ------
    InputError
        If there are not as many limits as doors or kits as kits, the kits have other levels, or the scene has limits
        already.

    """
    doors = len(scene.door_xy)
    if scene.limits is not None:
        raise InputError("the views of this scene are cut already: cut those of the scene that build_scene gave.")
    if limits is not None and len(limits) != doors:
        raise InputError(f"there are {len(limits)} limits for {doors} doors: give one for each, in the doors' order.")
    names = [item.name for item in scene.levels]
    if kits is not None and (
        len(kits) != len(scene.kits) or any([item.name for item in kit.levels] != names for kit in kits)
    ):
        raise InputError(f"give {len(scene.kits)} kits, one in place of each of the scene's, with its levels: {names}.")
    found = None if limits is None else limits_of(np.asarray(limits, dtype=object))
    new = scene.kits if kits is None else tuple(kits)
    if not both:
        return replace(scene, kits=new, limits=found)
    points = np.column_stack([scene.door_xy, scene.door_xy])
    ids = np.concatenate([scene.door_ids, np.array([f"{item}{CUT}" for item in scene.door_ids], dtype=object)])
    return replace(
        scene,
        door_ids=ids,
        door_xy=np.concatenate([scene.door_xy, scene.door_xy]),
        door_forward=np.concatenate([scene.door_forward, scene.door_forward]),
        door_key=door_keys(list(ids)),
        kits=scene.kits if kits is None else (*scene.kits, *new),
        door_kit=np.concatenate([scene.door_kit, scene.door_kit + (0 if kits is None else len(scene.kits))]),
        limits=None if found is None else _after_full_views(found),
        # Homes are counted once: `homes` stays the index of the N doors, which are the first rows.
        index={
            **scene.index,
            "doors": TileIndex(np.concatenate([points, points]), scene.grid, scene.reach_m + scene.grid.cell_m),
        },
    )


def _after_full_views(limits: Limits) -> Limits:
    """Return the limits with as many doors before them whose views are not cut."""
    doors = len(limits.cut)
    return Limits(
        np.concatenate([np.zeros(doors, np.int64), limits.start]),
        limits.edges,
        np.concatenate([np.zeros(doors, dtype=bool), limits.cut]),
    )
