"""Block faces joined until no group has fewer than five homes: what is fit to publish of them.

A figure of a street with one to four homes could be read as a figure of those homes. Such a face is published with a
neighbour: both carry the share of the ground of both. A face without a home is no group of homes and may stand alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["SMALLEST_GROUP", "face_groups", "homes_by_face", "nearest_faces"]

SMALLEST_GROUP = 5
"""Fewest homes of a group that is published."""

_FIRST_REACH_M = 50.0
_TOUCHING_M = 0.01


def homes_by_face(
    faces: gpd.GeoDataFrame, counted: NDArray[np.bool_], door_xy: NDArray[np.float64], dwellings: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the homes of each block face, shape (faces,): a door's homes belong to the nearest face that is counted.

    Of faces equally near the first has them.

    Parameters
    ----------
    faces
        LineStrings [m].
    counted
        Faces with counted ground, shape (faces,); the others have no homes.
    door_xy, dwellings
        Doors, shape (doors, 2) [m], and the homes behind each, shape (doors,).
    """
    face = nearest_faces(faces, counted, door_xy)
    homes = np.zeros(len(faces), dtype=np.int64)
    np.add.at(homes, face[face >= 0], dwellings[face >= 0])
    return homes


def nearest_faces(
    faces: gpd.GeoDataFrame, counted: NDArray[np.bool_], door_xy: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the nearest face of each door that is counted, shape (doors,), of equally near ones the first; -1: none.

    Parameters as `homes_by_face`.
    """
    out = np.full(len(door_xy), -1, dtype=np.int64)
    rows = np.flatnonzero(counted)
    if not len(rows) or not len(door_xy):
        return out
    tree = shapely.STRtree(faces.geometry.to_numpy()[rows])
    door, face = tree.query_nearest(shapely.points(door_xy), all_matches=True)
    order = np.lexsort((face, door))
    first = order[np.unique(door[order], return_index=True)[1]]
    out[door[first]] = rows[face[first]]
    return out


def face_groups(
    faces: gpd.GeoDataFrame, homes: NDArray[np.int64], counted: NDArray[np.bool_], least: int = SMALLEST_GROUP
) -> NDArray[np.int64]:
    """Return the group of each block face, shape (faces,): the number of its first face, -1 where it is not published.

    The group with the fewest homes (of equals the one with the lowest first face) is joined to the nearest other group
    with homes, of equally near ones (all that touch it) to one along the same street, then to the lowest face; until
    every group has no home, or `least` or more. Where there are too few homes in all, groups with homes are -1.

    Parameters
    ----------
    faces
        LineStrings [m] with a column `name`.
    homes
        Of each face, shape (faces,); see `homes_by_face`.
    counted
        Faces with counted ground; only they are joined: nothing is published of the others, which would add no ground.
    least
        Fewest homes of a group.
    """
    groups = _Groups(faces, counted & (homes > 0))
    total = homes.astype(np.int64).copy()
    heap = [(int(total[face]), int(face)) for face in np.flatnonzero(counted & (homes > 0) & (homes < least))]
    heapq.heapify(heap)
    few: set[int] = set()
    while heap:
        size, root = heapq.heappop(heap)
        if groups.root[root] != root or total[root] != size:
            continue  # joined in the meantime
        other = groups.nearest(root)
        if other is None:
            few.add(root)
            continue
        kept = groups.join(root, other)
        total[kept] = total[root] + total[other]
        if 0 < total[kept] < least:
            heapq.heappush(heap, (int(total[kept]), kept))
    found = np.array(groups.root, dtype=np.int64)
    found[np.isin(found, sorted(few))] = -1
    return found


class _Groups:
    """Groups of faces: the root (first face) of each face, and the members of each root."""

    def __init__(self, faces: gpd.GeoDataFrame, joinable: NDArray[np.bool_]) -> None:
        self.root = list(range(len(faces)))
        self._members: dict[int, list[int]] = {face: [face] for face in range(len(faces))}
        self._name = [name if isinstance(name, str) else None for name in faces["name"]]
        self._shape = faces.geometry.to_numpy()
        self._rows = np.flatnonzero(joinable)
        self._tree = shapely.STRtree(self._shape[self._rows])

    def join(self, one: int, other: int) -> int:
        """Join two groups, return the root of both."""
        kept, gone = min(one, other), max(one, other)
        for face in self._members[gone]:
            self.root[face] = kept
        self._members[kept] += self._members.pop(gone)
        return kept

    def nearest(self, root: int) -> int | None:
        """Return the root of the nearest other group, as `face_groups` says, or None where there is none."""
        members = self._members[root]
        if len(members) == len(self._rows):
            return None
        reach = _TOUCHING_M
        while True:
            best = min(self._around(members, root, reach), default=None)
            if best is not None:
                return self.root[best[2]]
            reach = max(2.0 * reach, _FIRST_REACH_M)

    def _around(self, members: list[int], root: int, reach_m: float) -> Iterable[tuple[float, bool, int]]:
        """Yield distance [m, to the centimetre], other street, number of the faces of other groups within a reach."""
        at, found = self._tree.query(self._shape[members], predicate="dwithin", distance=reach_m)
        for mine, face in zip(np.asarray(members)[at].tolist(), self._rows[found].tolist(), strict=True):
            if self.root[face] != root:
                away = round(float(shapely.distance(self._shape[mine], self._shape[face])), 2)
                same = self._name[mine] is not None and self._name[mine] == self._name[face]
                yield away, not same, face
