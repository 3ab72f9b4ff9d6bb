"""Polygons of multipolygon relations, assembled from the lines of their members by the even-odd rule.

The segments that occur an odd number of times bound the area, whatever the roles, the order and the direction of the
members say (OSM wiki, Relation:multipolygon), so the answer does not depend on the order of the file.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

__all__ = ["even_odd"]


def even_odd(lines: list[npt.NDArray[np.float64]]) -> BaseGeometry | None:
    """Return the area bounded by the segments that occur an odd number of times in `lines`, or None.

    Each line is (n, 3): node id, x, y. Two rings that share an edge thereby become one, and
    inner rings that touch do not fill each other.
    """
    pieces = [np.concatenate([line[:-1], line[1:]], axis=1) for line in lines if len(line) > 1]
    if not pieces:
        return None
    segments = np.concatenate(pieces)
    segments = segments[segments[:, 0] != segments[:, 3]]
    turned = segments[:, 0] > segments[:, 3]
    segments[turned] = segments[turned][:, [3, 4, 5, 0, 1, 2]]
    _, first, number = np.unique(segments[:, [0, 3]], axis=0, return_index=True, return_counts=True)
    odd = segments[first[number % 2 == 1]]
    if len(odd) < 3:
        return None
    edges = shapely.linestrings(np.stack([odd[:, 1:3], odd[:, 4:6]], axis=1))
    if not shapely.multilinestrings(edges).is_simple:  # edges that cross without a common node: make the crossing one
        edges = shapely.get_parts(shapely.union_all(edges))
    return _odd_faces(edges, odd[:, [1, 2, 4, 5]])


def _odd_faces(edges: npt.NDArray[np.object_], segments: npt.NDArray[np.float64]) -> BaseGeometry | None:
    """Return the faces of noded edges from which a ray crosses an odd number of `segments` [(n, 4): x1, y1, x2, y2].

    None where an edge bounds no face: an outline that does not close. Faces beside each other differ in parity, so
    those that are returned touch in points at most.
    """
    faces, cuts, dangles, _ = shapely.polygonize_full(edges)
    if not (cuts.is_empty and dangles.is_empty):
        return None
    x1, y1, x2, y2 = segments.T
    kept = []
    for face in shapely.get_parts(faces):
        point = face.representative_point()
        rows = (y1 > point.y) != (y2 > point.y)
        at = x1[rows] + (point.y - y1[rows]) * (x2[rows] - x1[rows]) / (y2[rows] - y1[rows])
        if int((at > point.x).sum()) % 2:
            kept.append(face)
    if not kept:
        return None
    return shapely.normalize(kept[0] if len(kept) == 1 else shapely.MultiPolygon(kept))
