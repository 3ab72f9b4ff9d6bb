"""Who sees the sampled spots, and what would hide each sight line: computed once, then filtered for every setting.

A sighting is a pair of a spot and a door between which no building stands, however far and whichever way the lens
looks within limits. Beside it stand its distance, its bearing off the facade, and for everything that a setting may
put in the way the value from which on it hides the spot: so that another range, field of view, barrier height, share of
parked cars, recess or wedge is a comparison, and no sight line is tested again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from doorview.share.kernels.spots import chances_of_spots
from doorview.sight.arrays import squares_of
from doorview.sight.kernels.sightlines import least_crossed
from doorview.sight.kernels.types import WallIndex
from doorview.sight.points import seen_pairs

__all__ = ["Barriers", "DoorSettings", "Lenses", "Sightings", "cluster_tops", "opening_degrees", "sightings_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lenses:
    """Where lenses hang: `xy` (doors, 2) [m] and `normal` (doors,), the facade's normal [degrees from north]."""

    xy: Floats
    normal: Floats


@dataclass(frozen=True)
class Barriers:
    """Walls (n, 4) that a setting may put up, each of a `height` [m] and with the `value` from which on it stands.

    A value that is NaN: the height itself is the setting.
    """

    xy: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    height: Floats = field(default_factory=lambda: np.zeros(0))
    value: Floats = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        """Return the number of walls."""
        return len(self.xy)


class DoorSettings(NamedTuple):
    """What one setting makes of every door, each (doors,), in the order in which `chances_of_spots` takes them."""

    variant: NDArray[np.int8]
    turn: Floats
    recess: Floats
    planted: NDArray[np.bool_]
    near: Floats
    reach: Floats


@dataclass(frozen=True)
class Sightings:
    """The table: sightings of spot i are the rows `start[i]:start[i + 1]`; the columns are those of the kernel."""

    start: NDArray[np.int64]
    door: NDArray[np.int64]
    variant: NDArray[np.int8]
    distance: Floats
    bearing: Floats
    fence: Floats
    fixed_fence: NDArray[np.bool_]
    car: Floats
    planting: NDArray[np.bool_]
    cluster: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of sightings."""
        return len(self.door)

    def within(self, reach_m: float) -> Sightings:
        """Return the sightings no farther than `reach_m`, for a level that needs no more."""
        kept = self.distance <= reach_m
        total = np.concatenate([[0], np.cumsum(kept)])
        return Sightings(total[self.start].astype(np.int64), *self._columns(kept))

    def of_spots(self, wanted: NDArray[np.bool_]) -> Sightings:
        """Return the sightings of the wanted spots (spots,) alone, which are numbered anew."""
        number = np.diff(self.start)
        start = np.concatenate([[0], np.cumsum(number[wanted])]).astype(np.int64)
        return Sightings(start, *self._columns(np.repeat(wanted, number)))

    def _columns(self, kept: NDArray[np.bool_]) -> Iterator[NDArray[Any]]:
        """Return the kept rows of every column but `start`, in their order."""
        names = ("door", "variant", "distance", "bearing", "fence", "fixed_fence", "car", "planting", "cluster")
        return (getattr(self, name)[kept] for name in names)

    def chances(
        self,
        doors: DoorSettings,
        field_degrees: float,
        fence_height_m: float,
        occupancy: float,
        chance: Floats,
        cluster_top: Floats,
        correlation: float,
    ) -> Floats:
        """Return the chance (spots,) that each spot is in view of an owner; arguments as the kernel's."""
        out = np.empty(len(self.start) - 1)
        chances_of_spots(
            self.start, self.door, self.variant, self.distance, self.bearing, self.fence, self.fixed_fence, self.car,
            self.planting, self.cluster, *doors, field_degrees / 2.0, fence_height_m, occupancy, chance, cluster_top,
            correlation, out,
        )  # fmt: skip
        return out


def sightings_of(
    spots: Floats,
    variants: Sequence[Lenses],
    *,
    kits: Sequence[WallIndex],
    kit_of: NDArray[np.int64],
    lens_m: Floats,
    target_m: float,
    reach_m: float,
    field_degrees: float,
    cluster: NDArray[np.int64],
    unknown_barriers: Barriers | None = None,
    known_barriers: Barriers | None = None,
    cars: Barriers | None = None,
    planting: tuple[float, float, float] | None = None,
) -> Sightings:
    """Find all sightings within a reach.

    Parameters
    ----------
    spots
        (n, 2) [m].
    variants
        Where the doors may stand on their walls; the first is where the run has them. A door that stands where it does
        in the first has no sightings of its own in another.
    kits, kit_of
        The walls that always stand, as each kit sees them, and the kit of each door (doors,).
    lens_m, target_m
        Heights [m] of the lenses (doors,) and of what must be in view.
    reach_m, field_degrees
        The farthest range and the widest field (wedges included) that any setting has.
    cluster
        Of each door (doors,), -1 for none.
    unknown_barriers, known_barriers
        Barriers whose height is the setting, and those of known height.
    cars
        Places at the kerb, each with the share of taken places from which on a car stands there.
    planting
        Distance before the lens, width and height [m] of the planting that a door may have.

    """
    parts = []
    for number, lenses in enumerate(variants):
        moved = np.arange(len(lenses.xy))
        if number:
            moved = np.flatnonzero((lenses.xy != variants[0].xy).any(axis=1))
        for kit, walls in enumerate(kits):
            rows = moved[kit_of[moved] == kit]
            if not len(rows) or not len(spots):
                continue
            heading = np.radians(lenses.normal[rows])
            forward = np.column_stack([np.sin(heading), np.cos(heading)])
            pairs = seen_pairs(np.ascontiguousarray(lenses.xy[rows]), forward, spots, walls, reach_m, field_degrees)
            parts.append((pairs.point, rows[pairs.camera], np.full(len(pairs.point), number, np.int8)))
    point = _joined([part[0] for part in parts], np.int64)
    door = _joined([part[1] for part in parts], np.int64)
    variant = _joined([part[2] for part in parts], np.int8)
    order = np.lexsort((variant, door, cluster[door], point))
    point, door, variant = point[order], door[order], variant[order]
    places = np.stack([lenses.xy for lenses in variants])[variant, door]
    normal = np.stack([lenses.normal for lenses in variants])[variant, door]
    way = spots[point] - places
    distance = np.hypot(way[:, 0], way[:, 1])
    bearing = (np.degrees(np.arctan2(way[:, 0], way[:, 1])) - normal + 180.0) % 360.0 - 180.0
    lens = lens_m[door]

    def crossed(barriers: Barriers | None) -> Floats:
        return _least(places, spots, point, lens, target_m, barriers)

    return Sightings(
        np.searchsorted(point, np.arange(len(spots) + 1)).astype(np.int64),
        door,
        variant,
        distance,
        bearing,
        crossed(unknown_barriers),
        np.isfinite(crossed(known_barriers)),
        crossed(cars),
        _behind_planting(distance, bearing, lens, target_m, planting),
        cluster[door],
    )


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    """Return the arrays laid end to end; none gives an empty one."""
    return np.concatenate(parts).astype(kind) if parts else np.zeros(0, kind)


def _least(
    places: Floats,
    spots: Floats,
    point: NDArray[np.int64],
    lens: Floats,
    target_m: float,
    barriers: Barriers | None,
) -> Floats:
    """Return the least value (sightings,) of the barriers that hide each spot; infinite where none does."""
    out = np.full(len(point), np.inf)
    if barriers is None or not len(barriers) or not len(point):
        return out
    squares, item = squares_of(barriers.xy)
    least_crossed(
        np.ascontiguousarray(places), spots, np.arange(len(point)), point, lens, float(target_m), squares,
        barriers.height[item], barriers.value[item], out,
    )  # fmt: skip
    return out


def _behind_planting(
    distance: Floats, bearing: Floats, lens: Floats, target_m: float, planting: tuple[float, float, float] | None
) -> NDArray[np.bool_]:
    """Return which sight lines (sightings,) planting square before the door would cut."""
    if planting is None:
        return np.zeros(len(distance), bool)
    away, width, height = planting
    ahead = distance * np.cos(np.radians(bearing))
    aside = np.abs(np.tan(np.radians(np.clip(bearing, -89.0, 89.0)))) * away
    with np.errstate(divide="ignore", invalid="ignore"):
        line = lens + (target_m - lens) * away / ahead
    return (np.abs(bearing) < 89.0) & (aside <= width / 2.0) & (ahead > away) & (height > line)


def cluster_tops(cluster: NDArray[np.int64], chance: Floats) -> Floats:
    """Return the highest chance (clusters,) of the doors of each cluster; clusters are numbered from 0."""
    top = np.zeros(int(cluster.max(initial=-1)) + 1)
    own = cluster >= 0
    np.maximum.at(top, cluster[own], chance[own])
    return top


def opening_degrees(width_m: float, depth_m: float) -> float:
    """Return half the angle [degrees] that a bell in the middle of a recess sees between its side walls."""
    return math.degrees(math.atan2(width_m / 2.0, depth_m))
