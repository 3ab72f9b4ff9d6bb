"""Where the data of a city reach, and what lies so far from the rest that it is no part of the city."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

__all__ = ["SQUARE_M", "Reach", "hull_of", "reach_of"]

SQUARE_M = 2000.0
"""Side of the squares by which buildings hang together [m]: villages of one valley do, a stray object elsewhere does
not."""

SMALLEST_SHARE = 0.01
SMALLEST_NUMBER = 20
"""A group of squares is part of the city with at least this share of all buildings, or with this many of them."""


class Reach(NamedTuple):
    """Which buildings hang together, and how far what belongs to them may reach.

    `kept (n,)` bool says which buildings stay; `region` is their squares with one square around.
    """

    kept: npt.NDArray[np.bool_]
    region: BaseGeometry


def reach_of(middle: npt.NDArray[np.float64], known: BaseGeometry | None = None) -> Reach:
    """Group buildings by occupied squares that touch, and keep the groups that are large enough.

    Args:
        middle: middles of the buildings' bounds (n, 2), n >= 1, in a CRS in metres.
        known: area that the data are known to cover (the file's own bounding box): what lies in it is never far from
        the rest.
    """
    squares, square_of, number = np.unique(np.floor(middle / SQUARE_M), axis=0, return_inverse=True, return_counts=True)
    square_of = square_of.reshape(-1)
    pairs = cKDTree(squares).query_pairs(1.1, p=np.inf, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(squares), len(squares)))
    groups, group_of = connected_components(links, directed=False)
    size = np.bincount(group_of, weights=number, minlength=groups)
    large = size >= min(SMALLEST_SHARE * len(middle), SMALLEST_NUMBER)
    large[np.argmax(size)] = True
    kept = large[group_of][square_of]
    if known is not None:
        kept |= shapely.intersects(known, shapely.points(middle))
    inside = np.unique(square_of[kept])
    low = (squares[inside] - 1.0) * SQUARE_M
    high = (squares[inside] + 2.0) * SQUARE_M
    region = shapely.union_all(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
    return Reach(kept, region)


def hull_of(batches: Iterable[npt.NDArray[np.object_]]) -> BaseGeometry:
    """Return the convex hull of shapes that come in batches: the hull of the hulls' corners is the hull of all."""
    corners = [
        shapely.get_coordinates(shapely.convex_hull(shapely.linestrings(shapely.get_coordinates(shapes))))
        for shapes in batches
        if len(shapes)
    ]
    return shapely.convex_hull(shapely.linestrings(np.concatenate(corners)))
