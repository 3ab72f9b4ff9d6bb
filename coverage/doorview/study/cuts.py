"""A scene with the views that a scenario's rules leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from doorview.city.property_lines import property_limits
from doorview.share.rules import capped_kits, ruled_scene
from doorview.share.scene import Scene
from doorview.study.counting import Cut

if TYPE_CHECKING:
    from doorview.study.compute import Prepared

__all__ = ["Ruled", "ruled_by"]


class Ruled(NamedTuple):
    """A scene with its views cut.

    `blocks` is 2 where every door stands twice, with its full view and then with the cut one; `limits` (doors of the
    scene,) are polygons, None where nothing is cut, or None for all; `counts` says by what property lines are known.
    """

    scene: Scene
    blocks: int
    limits: NDArray[Any] | None
    counts: dict[str, int]


def ruled_by(ready: Prepared, scene: Scene, cut: Cut) -> Ruled:
    """Return a scene of the study's doors with the views that a scenario's rules leave."""
    zone_m, trigger_m, whose = cut
    both = whose == "programme"
    limits, counts = None, {}
    if zone_m is not None:
        lines = property_limits(ready.doors, ready.ground, zone_m, reach_m=scene.reach_m)
        limits, counts = lines.geometry.to_numpy(), dict(lines.attrs["counts"])
    kits = None if trigger_m is None else capped_kits(scene.kits, trigger_m)
    ruled = ruled_scene(scene, limits=limits, kits=kits, both=both)
    if both and limits is not None:
        limits = np.concatenate([np.full(len(limits), None, dtype=object), limits])
    return Ruled(ruled, 2 if both else 1, limits, counts)
