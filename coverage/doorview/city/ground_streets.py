"""Streets and paths as strips of ground: faces, cross-sections, mapped sidewalks and street length put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from shapely.ops import substring

from doorview.city.classes import RANK
from doorview.city.crosssection import (
    CrossSection,
    GivenWidths,
    Sidewalks,
    cross_section,
    driven,
    read_sidewalks,
    street_widths,
    way_widths,
)
from doorview.city.ground_rules import column, width_table
from doorview.city.sidewalks import MappedSidewalks, match_sidewalks
from doorview.city.streets import Pieces, block_faces, exact_total, find_twins

__all__ = ["Mine", "StreetGround", "StreetSums", "path_strips", "street_ground"]

Mine = Callable[[npt.NDArray[np.object_]], npt.NDArray[np.bool_]]
"""Says which lines are counted here: of a city in parts, each line is in one."""

OUTSIDE_PARCELS_M = 30.0
"""With parcels, all ground outside them within this of a street is at least verge [m]."""

LENGTHS = ("centreline", "sidewalk_line")
"""The two kinds of street length."""

SAME_PLACE_M = 0.01
"""A street ends on a roundabout where it shares a node with it; own layers may be off by this much [m]."""

_BESIDE_PARCELS = RANK["driveway"] + 0.75
"""With parcels, a sidewalk drawn by default gives way to them but goes before the verge."""

Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class StreetSums:
    """What is said of all streets of a city, to be added up over its parts; lengths as `exact_total`."""

    length: dict[str, int] = field(default_factory=dict)
    merged: int = 0
    width_from: dict[str, int] = field(default_factory=dict)
    sidewalk_sides: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)

    def plus(self, other: StreetSums) -> StreetSums:
        """Return the sums of both."""
        return StreetSums(
            _added(self.length, other.length),
            self.merged + other.merged,
            _added(self.width_from, other.width_from),
            _added(self.sidewalk_sides, other.sidewalk_sides),
            _added(self.ignored, other.ignored),
        )


@dataclass(frozen=True)
class StreetGround:
    """Streets as tables of the ground (see `Ground`), with the pieces they were made of and what was counted."""

    faces: gpd.GeoDataFrame
    pieces: Pieces
    strips: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    sums: StreetSums
    counts: dict[str, int]


def _strips(
    lines: Objects,
    ground: str | Objects,
    inner: Floats | float,
    outer: Floats,
    side: int | npt.NDArray[np.int8],
    face: npt.NDArray[np.intp] | int,
    osm_id: Objects,
    rank: float | Floats | None = None,
) -> pd.DataFrame:
    count = len(lines)
    names = np.full(count, ground, dtype=object) if isinstance(ground, str) else ground
    if rank is None:
        rank = np.array([float(RANK[str(name)]) for name in names], dtype=np.float64)
    return pd.DataFrame(
        {
            "class": pd.Series(names, dtype=object),
            "rank": np.broadcast_to(np.asarray(rank, dtype=np.float64), (count,)),
            "inner_m": np.broadcast_to(np.asarray(inner, dtype=np.float64), (count,)),
            "outer_m": outer,
            "side": np.broadcast_to(np.asarray(side, dtype=np.int8), (count,)),
            "face": np.broadcast_to(np.asarray(face, dtype=np.int32), (count,)),
            "osm_id": pd.Series(osm_id, dtype=object),
            "geometry": lines,
        }
    )


def _geo(tables: list[pd.DataFrame], crs: Any) -> gpd.GeoDataFrame:
    """Join tables that hold shapely objects in `geometry`; empty ones are left out but for the first."""
    kept = [table for table in tables if len(table)] or tables[:1]
    joined = pd.concat(kept, ignore_index=True)
    return gpd.GeoDataFrame(
        joined.drop(columns="geometry"), geometry=gpd.GeoSeries(joined["geometry"].to_numpy(dtype=object), crs=crs)
    )


def _band(
    lines: Objects, ground: str, start: Floats, end: Floats, face: npt.NDArray[np.intp], osm_id: Objects, rank: Floats
) -> list[pd.DataFrame]:
    """Return the strips of a band beside lines, given left and right, shape (n, 2); one where both sides agree."""
    there = end > start + 1e-9
    both = there.all(axis=1) & (np.abs(start[:, 0] - start[:, 1]) < 1e-9) & (np.abs(end[:, 0] - end[:, 1]) < 1e-9)
    both &= rank[:, 0] == rank[:, 1]
    tables = [_strips(lines[both], ground, start[both, 0], end[both, 0], 0, face[both], osm_id[both], rank[both, 0])]
    for at, sign in enumerate((1, -1)):
        one = there[:, at] & ~both
        tables.append(
            _strips(lines[one], ground, start[one, at], end[one, at], sign, face[one], osm_id[one], rank[one, at])
        )
    return tables


def street_ground(
    streets: gpd.GeoDataFrame,
    ground_class: Objects,
    kind: Objects,
    sidewalk_ways: gpd.GeoDataFrame,
    country: str,
    *,
    parcels: bool,
    given: GivenWidths,
    junctions: npt.NDArray[np.int64] | None = None,
    mine: Mine | None = None,
) -> StreetGround:
    """Turn public streets and their sidewalks into block faces, strips and lengths.

    Args:
        streets: Public streets, LineStrings of positive length, index `osm_id`.
        ground_class: `carriageway` or `alley`, by street.
        kind: Rows of the width table, by street.
        sidewalk_ways: Sidewalks drawn as ways of their own.
        country: Profile.
        parcels: Whether the user gave parcels.
        given: The user's own figures for streets without tags.
        junctions: As `block_faces`.
        mine: Which streets, pieces and sidewalks are added up in `sums`; None for all.
    """
    mine = mine or _every
    faces, pieces = block_faces(streets, ground_class, junctions=junctions)
    rule = width_table()["dual"]
    direction = driven(streets)
    ring = np.isin(column(streets, "junction").astype(str), ["roundabout", "circular"])
    link = np.array([str(name).endswith("_link") for name in kind], dtype=bool)
    name = column(streets, "name")
    name = np.where(pd.isna(name), column(streets, "ref"), name)
    twins = find_twins(
        pieces,
        name[pieces.way],
        np.where(link, 0, direction)[pieces.way].astype(np.int8),
        ring[pieces.way],
        reach_m=rule["reach_m"],
        share=rule["share"],
    )
    ignored: dict[str, int] = {}
    of_piece = streets.iloc[pieces.way]
    own, own_piece = mine(streets.geometry.to_numpy()), mine(pieces.lines)
    piece_kind = kind[pieces.way]
    half = twins.paired | ring[pieces.way] | link[pieces.way] & (direction[pieces.way] != 0)
    # Tags are parsed on the ways, so that what is ignored is counted once; only `half` differs along a way.
    no, yes = np.zeros(len(streets), dtype=bool), np.ones(len(streets), dtype=bool)
    carriageway, space, width_from = street_widths(streets, kind, country, no, ignored, given)
    tags = read_sidewalks(streets)
    as_sidewalk = np.full(len(sidewalk_ways), "sidewalk", dtype=object)
    sidewalk_way_m = way_widths(sidewalk_ways, as_sidewalk, ignored, given)
    ignored = _added(ignored, tags.ignored)
    if mine is not _every:
        width_from, ignored = _of_ways(streets[own], kind[own], sidewalk_ways, country, given, mine)
    halved, half_space, _ = street_widths(streets, kind, country, yes, {}, given)
    width = np.where(half, halved[pieces.way], carriageway[pieces.way])
    whole_space = np.where(half, half_space[pieces.way], space[pieces.way])
    sidewalks = Sidewalks(tags.state[pieces.way], tags.width_m[pieces.way], tags.ignored)
    mapped = match_sidewalks(sidewalk_ways.geometry.to_numpy(), pieces, width / 2)
    section = cross_section(
        carriageway_m=width,
        space_m=whole_space,
        kind=piece_kind,
        country=country,
        sidewalks=sidewalks,
        mapped_m=mapped.side_m,
        median=np.where(ring[pieces.way], _inner_side(streets, pieces), twins.side).astype(np.int8),
        gap_m=twins.gap_m,
        given=given,
    )
    sidewalk_width = sidewalk_way_m[mapped.way]
    strips = _street_strips(
        streets, ground_class, pieces, ring[pieces.way], section, mapped, sidewalk_ways, sidewalk_width, parcels
    )
    osm_id = of_piece.index.to_numpy(dtype=object)
    lines = _lengths(pieces, section, twins.counted, osm_id, mapped, sidewalk_ways, streets.crs)
    present = ~np.isnan(section.sidewalk_from_m)[own_piece]
    is_mapped = ~np.isnan(mapped.side_m)[own_piece]
    sides = {
        "tagged": int(np.sum(present & section.tagged[own_piece])),
        "default": int(np.sum(present & ~section.tagged[own_piece])),
        "mapped_as_way": int(is_mapped.sum()),
        "none": int(np.sum(~present & ~is_mapped)),
        "separate_but_no_way_found": int(np.sum((sidewalks.state[own_piece] == "separate") & ~is_mapped)),
    }
    counts = {
        "faces": len(faces),
        "street_pieces": len(pieces.lines),
        "pieces_of_dual_carriageways": int(twins.paired.sum()),
        "sidewalk_ways_without_street": int(np.sum(mapped.face < 0)),
    }
    counted = lines.geometry.to_numpy()[mine(lines.geometry.to_numpy())]
    space_of = lines["space"].to_numpy(dtype=object)[mine(lines.geometry.to_numpy())]
    length = {space: exact_total(shapely.length(counted[space_of == space])) for space in LENGTHS}
    merged = exact_total(shapely.length(pieces.lines[~twins.counted & own_piece]))
    sums = StreetSums(length, merged, width_from, sides, ignored)
    return StreetGround(faces, pieces, strips, lines, sums, counts)


def _every(lines: Objects) -> npt.NDArray[np.bool_]:
    return np.ones(len(lines), dtype=bool)


def _added(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in (*first, *(k for k in second if k not in first))}


def _of_ways(
    streets: gpd.GeoDataFrame, kind: Objects, sidewalk_ways: gpd.GeoDataFrame, country: str, given: GivenWidths,
    mine: Mine,
) -> tuple[dict[str, int], dict[str, int]]:  # fmt: skip
    """Return from what the widths of some streets come, and the tag values of them and their sidewalks not read."""
    ignored: dict[str, int] = {}
    no = np.zeros(len(streets), dtype=bool)
    _, _, width_from = street_widths(streets, kind, country, no, ignored, given)
    walks = sidewalk_ways[mine(sidewalk_ways.geometry.to_numpy())]
    way_widths(walks, np.full(len(walks), "sidewalk", dtype=object), ignored, given)
    return width_from, _added(ignored, read_sidewalks(streets).ignored)


def _ring_back(pieces: Pieces, ring: npt.NDArray[np.bool_], half_m: Floats, reach_m: Floats) -> Objects:
    """Return the lines of a band beside streets, with the arms of roundabouts drawn back from the ring.

    A band ends round, so at an arm's end it would reach over the ring onto the island. An arm is drawn back by as much
    as the end would reach beyond the ring's inner kerb, and keeps at least a tenth of its length.

    Args:
        pieces: Pieces of streets, n of them.
        ring: Whether each is part of a roundabout, shape (n,).
        half_m: From the line to the kerb [m], shape (n,).
        reach_m: From the line to the far edge of the band, the wider side [m], shape (n,).
    """
    lines = pieces.lines.copy()
    around, arm = np.flatnonzero(ring), np.flatnonzero(~ring)
    tree = shapely.STRtree(lines[around])
    length = shapely.length(lines)
    ends = np.column_stack([shapely.get_point(lines[arm], 0), shapely.get_point(lines[arm], -1)])
    back = np.zeros((len(lines), 2))
    at, near = tree.query(ends.ravel(), predicate="dwithin", distance=SAME_PLACE_M)
    row, end = arm[at // 2], at % 2
    np.maximum.at(back, (row, end), np.maximum(reach_m[row] - half_m[around[near]], 0.0))
    back *= np.minimum(1.0, 0.9 * length / np.maximum(back.sum(axis=1), 1e-9))[:, None]
    for k in np.flatnonzero(back.any(axis=1)):
        lines[k] = substring(lines[k], back[k, 0], length[k] - back[k, 1])
    return lines


def _inner_side(streets: gpd.GeoDataFrame, pieces: Pieces) -> npt.NDArray[np.int8]:
    """Return on which side of each piece the middle of its way lies, +1 left, -1 right: the island of a roundabout."""
    middle = shapely.get_coordinates(shapely.centroid(streets.geometry.to_numpy()))[pieces.way]
    halfway = shapely.length(pieces.lines) / 2
    here = shapely.get_coordinates(shapely.line_interpolate_point(pieces.lines, halfway))
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(pieces.lines, halfway * 1.001 + 1e-3)) - here
    inward = middle - here
    return np.where(ahead[:, 0] * inward[:, 1] - ahead[:, 1] * inward[:, 0] >= 0, 1, -1).astype(np.int8)


def _street_strips(
    streets: gpd.GeoDataFrame,
    ground_class: Objects,
    pieces: Pieces,
    ring: npt.NDArray[np.bool_],
    section: CrossSection,
    mapped: MappedSidewalks,
    sidewalk_ways: gpd.GeoDataFrame,
    sidewalk_width: Floats,
    parcels: bool,
) -> gpd.GeoDataFrame:
    osm_id = streets.index.to_numpy(dtype=object)[pieces.way]
    kerb = np.broadcast_to(section.half_m[:, None], section.space_m.shape)
    tables = [_strips(pieces.lines, ground_class[pieces.way], 0.0, section.half_m, 0, pieces.face, osm_id)]
    start, end = np.nan_to_num(section.sidewalk_from_m), np.nan_to_num(section.sidewalk_to_m)
    rank = np.full(start.shape, float(RANK["sidewalk"]))
    if parcels:
        rank[~section.tagged] = _BESIDE_PARCELS
    lines = _ring_back(pieces, ring, section.half_m, end.max(axis=1))
    tables += _band(lines, "sidewalk", start, end, pieces.face, osm_id, rank)
    ways_id = sidewalk_ways.index.to_numpy(dtype=object)[mapped.way]
    tables.append(_strips(mapped.lines, "sidewalk", 0.0, sidewalk_width / 2, 0, mapped.face, ways_id))
    space = section.space_m
    if parcels:
        space = np.maximum(space, OUTSIDE_PARCELS_M)
    verge = np.full(space.shape, float(RANK["verge"]))
    lines = _ring_back(pieces, ring, section.half_m, section.space_m.max(axis=1))
    tables += _band(lines, "verge", kerb, space, pieces.face, osm_id, verge)
    return _geo(tables, streets.crs)


def _lengths(
    pieces: Pieces,
    section: CrossSection,
    counted: npt.NDArray[np.bool_],
    osm_id: Objects,
    mapped: MappedSidewalks,
    sidewalk_ways: gpd.GeoDataFrame,
    crs: Any,
) -> gpd.GeoDataFrame:
    def rows(lines: Objects, space: str, offset: Floats, face: npt.NDArray[np.intp], ids: Objects) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "space": pd.Series([space] * len(lines), dtype=object),
                "offset_m": offset,
                "face": face.astype(np.int32),
                "osm_id": pd.Series(ids, dtype=object),
                "geometry": lines,
            }
        )

    count = int(counted.sum())
    tables = [rows(pieces.lines[counted], LENGTHS[0], np.zeros(count), pieces.face[counted], osm_id[counted])]
    middle = (section.sidewalk_from_m + section.sidewalk_to_m) / 2
    for at, sign in enumerate((1.0, -1.0)):
        there = ~np.isnan(middle[:, at])
        offset = sign * middle[there, at]
        tables.append(rows(pieces.lines[there], LENGTHS[1], offset, pieces.face[there], osm_id[there]))
    ways_id = sidewalk_ways.index.to_numpy(dtype=object)[mapped.way]
    tables.append(rows(mapped.lines, LENGTHS[1], np.zeros(len(mapped.lines)), mapped.face, ways_id))
    return _geo(tables, crs)


def path_strips(
    ways: gpd.GeoDataFrame, ground: Objects, kind: Objects, country: str, given: GivenWidths
) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """Return the strips of all ways that are no public streets and no sidewalks: paths, driveways, closed streets.

    Args:
        ways: LineStrings of positive length, index `osm_id`.
        ground: Class of each: `path`, `square`, `driveway` or `restricted`.
        kind: Rows of the width table.
        country: Profile.
        given: The user's own figures for ways without tags.
    """
    ignored: dict[str, int] = {}
    vehicles = np.isin(ground, ["driveway", "restricted"])
    lane = np.where(ground == "driveway", "driveway", kind)
    width = np.empty(len(ways))
    width[vehicles] = street_widths(
        ways[vehicles], lane[vehicles], country, np.zeros(int(vehicles.sum()), bool), ignored, given
    )[0]
    width[~vehicles] = way_widths(ways[~vehicles], kind[~vehicles], ignored, given)
    ids = ways.index.to_numpy(dtype=object)
    table = _strips(ways.geometry.to_numpy(), ground, 0.0, width / 2, 0, -1, ids)
    return _geo([table], ways.crs), {"ignored_widths_of_other_ways": ignored} if ignored else {}
