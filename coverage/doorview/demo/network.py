"""Joins lines to a street network: where lines meet, they get one common node, as OpenStreetMap has it."""

from __future__ import annotations

import numpy as np
import shapely

__all__ = ["join_lines", "shared_nodes"]

_REACH_M = 0.05
"""A line's end this near to another line lies on it [m]; coordinates are whole centimetres."""


def join_lines(lines: list[np.ndarray]) -> list[np.ndarray]:
    """Return the lines with a vertex at every place where another one ends on them or crosses them.

    Parameters
    ----------
    lines
        Coordinates (n, 2) [m] of each line.

    Returns
    -------
    list of numpy.ndarray
        The same lines in the same order, in whole centimetres; where lines meet, both hold the very same vertex.
    """
    if not lines:
        return []
    rounded = [np.round(line, 2) for line in lines]
    shapes = _linestrings(rounded)
    tree = shapely.STRtree(shapes)
    spots, targets = _ends_on(tree, rounded)
    more_spots, more_targets = _crossings(tree, shapes, rounded)
    spots, targets = np.concatenate([spots, more_spots]), np.concatenate([targets, more_targets])
    if len(targets):
        place = shapely.line_locate_point(shapes[targets], shapely.points(spots))
        order = np.lexsort((place, targets))
        spots, targets, place = spots[order], targets[order], place[order]
        firsts = np.flatnonzero(np.r_[True, targets[1:] != targets[:-1]])
        for low, high in zip(firsts, np.r_[firsts[1:], len(targets)], strict=True):
            rounded[targets[low]] = _with_vertices(rounded[targets[low]], spots[low:high], place[low:high])
    return rounded


def _linestrings(lines: list[np.ndarray]) -> np.ndarray:
    sizes = np.array([len(line) for line in lines])
    shapes: np.ndarray = shapely.linestrings(np.concatenate(lines), indices=np.repeat(np.arange(len(lines)), sizes))
    return shapes


def _ends_on(tree: shapely.STRtree, lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of lines that lie on other lines (k, 2), and those other lines (k,)."""
    ends = np.concatenate([np.stack([line[0], line[-1]]) for line in lines])
    end, target = tree.query(shapely.points(ends), predicate="dwithin", distance=_REACH_M)
    other = end // 2 != target
    return ends[end[other]], target[other]


def _crossings(tree: shapely.STRtree, shapes: np.ndarray, lines: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return where lines cross (k, 2), once for each of the two lines (k,); not where one of them ends."""
    left, right = tree.query(shapes, predicate="crosses")
    once = left < right
    left, right = left[once], right[once]
    parts, pair = shapely.get_parts(shapely.intersection(shapes[left], shapes[right]), return_index=True)
    points = shapely.get_type_id(parts) == 0
    spots, pair = np.round(shapely.get_coordinates(parts[points]), 2), pair[points]
    ends = np.stack([np.concatenate([line[0], line[-1]]) for line in lines]).reshape(-1, 2, 2)
    near = np.zeros(len(spots), dtype=bool)
    for side in (left, right):
        gaps = np.hypot(*np.moveaxis(ends[side[pair]] - spots[:, None, :], -1, 0))
        near |= (gaps < 2 * _REACH_M).any(axis=1)
    spots, pair = spots[~near], pair[~near]
    return np.concatenate([spots, spots]), np.concatenate([left[pair], right[pair]])


def _with_vertices(line: np.ndarray, spots: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return a line with further vertices at `place` [m along it]; they replace those that are nearly there already."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    reach = np.concatenate([[0.0], np.cumsum(steps)])
    gap = np.abs(reach[:, None] - place[None, :]).min(axis=1)
    ends = np.zeros(len(line), dtype=bool)
    ends[[0, -1]] = True
    keep = (gap > 2 * _REACH_M) | ends
    fresh = np.ones(len(place), dtype=bool)
    fresh[1:] = np.diff(place) > 2 * _REACH_M
    fresh &= (place > 2 * _REACH_M) & (place < reach[-1] - 2 * _REACH_M)
    order = np.argsort(np.concatenate([reach[keep], place[fresh]]), kind="stable")
    joined: np.ndarray = np.concatenate([line[keep], spots[fresh]])[order]
    return joined


def shared_nodes(points: np.ndarray, fabric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give one node to all points of one fabric that lie on the same centimetre.

    Parameters
    ----------
    points
        Coordinates (n, 2) [m].
    fabric
        Small whole number (n,): points of different fabrics never share a node.

    Returns
    -------
    first, node
        `first` (m,): the first point of each node, in the order of appearance; `node` (n,): the node of each point.
    """
    cells = np.round(points * 100.0).astype(np.int64) + (1 << 29)
    key = (fabric.astype(np.int64) << 60) | (cells[:, 0] << 30) | cells[:, 1]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]
