"""What owners are told of streets: the block face of each door, and how long the counted streets are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from doorview.city.streets import exact_total, from_total

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from doorview.city.ground import Ground

__all__ = ["door_faces", "faces_and_length", "length_inside"]

FACE_WITHIN_M = 100.0
"""A door farther than this from every block face clusters with none."""


def faces_and_length(ground: Ground, xy: NDArray[np.float64], inside: Any) -> tuple[NDArray[np.int64], float]:
    """Return the id of the block face of each door (doors,), and the length of centrelines inside [m]."""
    return door_faces(ground.faces, xy), from_total(length_inside(ground.lines, inside))


def length_inside(lines: gpd.GeoDataFrame, inside: Any) -> int:
    """Return the length of centrelines inside, as `exact_total`."""
    shapes = lines.geometry.to_numpy()[(lines["space"] == "centreline").to_numpy()]
    return exact_total(shapely.length(shapely.intersection(shapes, inside)))


def door_faces(faces: gpd.GeoDataFrame, xy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return a stable id, of 0 or more, of the block face nearest to each door; of faces as near, the first."""
    out = np.full(len(xy), -1, np.int64)
    if not len(faces):
        return out
    lines = faces.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    # By what it is and where, so that it is the same whatever else was read.
    names = [f"{way}|{x:.1f}|{y:.1f}" for way, (x, y) in zip(faces["osm_id"], middle.tolist(), strict=True)]
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    ids = (np.frombuffer(digests, dtype="<u8") >> np.uint64(1)).astype(np.int64)
    door, near = shapely.STRtree(lines).query_nearest(shapely.points(xy), max_distance=FACE_WITHIN_M, all_matches=True)
    first = np.full(len(xy), len(lines), np.int64)
    np.minimum.at(first, door, near)
    found = first < len(lines)
    out[found] = ids[first[found]]
    return out
