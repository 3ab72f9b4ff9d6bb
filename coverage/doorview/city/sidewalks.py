"""Sidewalks that are drawn as ways of their own: which street and side each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from doorview.city.ground_rules import width_table
from doorview.city.streets import Pieces, cut_lines, first_nearest, sample_lines

__all__ = ["MappedSidewalks", "match_sidewalks"]

_STEP_M = 5.0
"""Spacing of the points by which sidewalks and streets are matched [m]."""

_TURN = 10.0
"""What a right angle between sidewalk and street weighs in the search, as metres of distance."""


@dataclass(frozen=True)
class MappedSidewalks:
    """Sidewalk ways cut where their street face changes, and the sides of streets that they run along.

    Attributes:
        lines: Parts, m LineStrings.
        way: Row of the sidewalk way of each part, shape (m,).
        face: Face of the street it runs along, -1 where there is none, shape (m,).
        side_m: Shape (number of pieces, 2), left and right: mean distance of the sidewalk from the street's line
            where it runs along most of the piece, else NaN [m].
    """

    lines: npt.NDArray[np.object_]
    way: npt.NDArray[np.intp]
    face: npt.NDArray[np.intp]
    side_m: npt.NDArray[np.float64]


def match_sidewalks(
    sidewalks: npt.NDArray[np.object_], pieces: Pieces, half_m: npt.NDArray[np.float64]
) -> MappedSidewalks:
    """Match sidewalk ways with the nearest parallel street.

    Points every 5 m along the sidewalks look for the nearest point of a street that runs within 37 degrees of their own
    direction and lies within reach (`[mapped_sidewalk]` of the width table).

    Args:
        sidewalks: k LineStrings of positive length [m].
        pieces: Pieces of street.
        half_m: Half the carriageway of each piece [m].
    """
    rule = width_table()["mapped_sidewalk"]
    side_m = np.full((len(pieces.lines), 2), np.nan)
    if not len(sidewalks) or not len(pieces.lines):
        nothing = np.full(len(sidewalks), -1, dtype=np.intp)
        return MappedSidewalks(sidewalks, np.arange(len(sidewalks)), nothing, side_m)
    walk = sample_lines(sidewalks, _STEP_M)
    street = sample_lines(pieces.lines, _STEP_M)

    def axis(direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        # Doubling the angle makes both directions along a line the same one.
        x, y = direction.T
        return np.column_stack([x * x - y * y, 2 * x * y]) * (_TURN / 2)

    reach = np.maximum(rule["reach_m"], half_m + rule["beyond_kerb_m"])
    tree = cKDTree(np.hstack([street.xy, axis(street.direction)]))
    bound = float(np.hypot(reach.max() + _STEP_M, _TURN))
    near = first_nearest(tree, np.hstack([walk.xy, axis(walk.direction)]), bound)
    found = near < len(street.line)
    near = np.where(found, near, 0)
    apart = walk.xy - street.xy[near]
    ahead = street.direction[near]
    across = ahead[:, 0] * apart[:, 1] - ahead[:, 1] * apart[:, 0]
    along = np.abs(np.einsum("ij,ij->i", ahead, apart))
    parallel = np.abs(np.einsum("ij,ij->i", ahead, walk.direction)) > 0.8
    found &= parallel & (np.abs(across) <= reach[street.line[near]]) & (along <= 2 * _STEP_M)

    face = np.where(found, pieces.face[street.line[near]], -1)
    new_run = (walk.line[1:] == walk.line[:-1]) & (face[1:] != face[:-1])
    at = np.flatnonzero(new_run)
    lines, way, _ = cut_lines(sidewalks, walk.line[at], (walk.at_m[at] + walk.at_m[at + 1]) / 2)
    first = np.searchsorted(walk.line, np.arange(len(sidewalks)))
    runs = np.zeros(len(walk.line), dtype=bool)
    runs[first] = True
    runs[at + 1] = True

    total = np.bincount(street.line, minlength=len(pieces.lines))
    for column, sign in enumerate((1.0, -1.0)):
        beside = found & (across * sign > 0)
        hit = np.unique(near[beside])
        covered = np.bincount(street.line[hit], minlength=len(pieces.lines))
        weight = np.bincount(street.line[near[beside]], minlength=len(pieces.lines))
        distance = np.bincount(street.line[near[beside]], weights=np.abs(across[beside]), minlength=len(pieces.lines))
        most = covered > rule["share"] * total
        side_m[most, column] = (distance / np.maximum(weight, 1))[most]
    return MappedSidewalks(lines, way, face[runs].astype(np.intp), side_m)
