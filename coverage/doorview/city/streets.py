"""Block faces: streets cut at their junctions, and the two ways of a dual carriageway found to be one street."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from doorview.city.ground_rules import column

__all__ = [
    "Pieces",
    "Samples",
    "Twins",
    "block_faces",
    "cut_lines",
    "exact_total",
    "find_twins",
    "first_nearest",
    "from_total",
    "node_keys",
    "node_numbers",
    "sample_lines",
]

LONGEST_FACE_M = 200.0
"""A face is cut into equal parts no longer than this: what residents call their block [m]."""

_OWN_NODE_M = 0.01
"""Lines without node ids meet where their coordinates agree to this [m]."""

_UNITS = 1 << 1074
"""The smallest float above 0 is one of so many."""
_SHIFT = _UNITS.bit_length()

_AS_NEAR = 1.0 + 1e-9
"""What is no more than so many times as far is as near."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Pieces:
    """Streets in pieces: each lies on one way and in one face, in the direction of its way. Arrays of one length.

    Attributes:
        lines: LineStrings.
        way: Row of the way in the table of streets.
        face: Number of the face.
        start_m: Where the piece begins along its way [m].
    """

    lines: npt.NDArray[np.object_]
    way: Ints
    face: Ints
    start_m: Floats


@dataclass(frozen=True)
class Samples:
    """Points along lines. Arrays of one length n.

    Attributes:
        line: Row of the line.
        at_m: Where along it [m].
        xy: Coordinates, shape (n, 2) [m].
        direction: Unit vector along the line there, shape (n, 2).
    """

    line: Ints
    at_m: Floats
    xy: Floats
    direction: Floats


@dataclass(frozen=True)
class Twins:
    """What was found of dual carriageways and roundabouts, by piece.

    Attributes:
        paired: Whether the piece is one of the two ways of a dual carriageway.
        counted: Whether its centreline counts as street length.
        side: +1 where the other way lies on the left, -1 on the right, 0 unpaired.
        gap_m: Distance to the other way or, in a roundabout, to the far side of the ring [m]; NaN where there is none.
        merged_m: Length that is not counted [m].
    """

    paired: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    side: npt.NDArray[np.int8]
    gap_m: Floats
    merged_m: float


def _along(xy: Floats, owner: Ints) -> Floats:
    """Return how far along its line each vertex lies [m]; owners come in order. No line rounds by another."""
    step = np.zeros(len(xy))
    same = owner[1:] == owner[:-1]
    step[1:][same] = np.hypot(*(xy[1:] - xy[:-1])[same].T)
    return _running(step, owner)


def _running(values: Floats, group: Ints) -> Floats:
    """Return running totals within each group, each summed on its own."""
    total = pd.Series(values).groupby(group, sort=False).cumsum()
    return np.asarray(total.to_numpy(), dtype=np.float64)


def exact_total(values: Floats) -> int:
    """Return the sum of numbers of 0 or more in units that every float is whole in: alike in any order."""
    return sum(n << _SHIFT - d.bit_length() for n, d in map(float.as_integer_ratio, values.tolist()))


def from_total(total: int) -> float:
    """Return what `exact_total` added up, rounded once."""
    return total / _UNITS


def _places(line: Ints, at_m: Floats, owner: Ints, along: Floats, *, right: bool = False) -> Ints:
    """Return how many of (`owner`, `along`) lie before each place (`line`, `at_m`), with `right` also at it.

    Both come sorted. As `numpy.searchsorted` on every line for itself.
    """
    kind = np.repeat([int(right), int(not right)], [len(line), len(owner)])
    order = np.lexsort((kind, np.concatenate([at_m, along]), np.concatenate([line, owner])))
    vertex = kind[order] == int(not right)
    return np.asarray(np.cumsum(vertex)[~vertex], dtype=np.intp)


def cut_lines(lines: npt.NDArray[np.object_], line: Ints, at_m: Floats) -> tuple[npt.NDArray[np.object_], Ints, Floats]:
    """Cut lines at given distances.

    Args:
        lines: n LineStrings of positive length.
        line: Rows of the lines to cut, one per cut, any order.
        at_m: Distance from the start of the line of each cut, strictly inside it [m].

    Returns:
        The parts in order of line and distance, the row of the line of each, and its start along that line [m].
    """
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    along = _along(xy, owner)
    order = np.lexsort((at_m, line))
    line, at_m = line[order], at_m[order]
    # A cut goes before the vertex that it meets, and never before the first of its line or behind the last.
    low, high = np.searchsorted(owner, line) + 1, np.searchsorted(owner, line, side="right") - 1
    after = np.clip(_places(line, at_m, owner, along), low, high)
    span = along[after] - along[after - 1]
    part = np.divide(at_m - along[after - 1], span, out=np.zeros_like(span), where=span > 0)
    point = xy[after - 1] + part[:, None] * (xy[after] - xy[after - 1])
    twice = np.repeat(np.arange(len(after)), 2)
    new_xy = np.insert(xy, after[twice], point[twice], axis=0)
    new_owner = np.insert(owner, after[twice], line[twice])
    new_at = np.insert(along, after[twice], at_m[twice])
    # Each cut point stands twice: it ends one part and starts the next.
    begins = np.zeros(len(new_xy), dtype=bool)
    begins[np.searchsorted(new_owner, np.arange(len(lines)))] = True
    begins[after + 2 * np.arange(len(after)) + 1] = True
    number = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    return shapely.linestrings(new_xy, indices=number), new_owner[starts], new_at[starts]


def sample_lines(lines: npt.NDArray[np.object_], spacing_m: float) -> Samples:
    """Place points along lines: each line in equal steps of at most `spacing_m`, a point in the middle of each."""
    length = shapely.length(lines)
    count = np.maximum(1, np.ceil(length / spacing_m)).astype(np.intp)
    line = np.repeat(np.arange(len(lines)), count)
    nth = np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)
    at = (nth + 0.5) * (length / count)[line]
    reach = np.minimum(0.5, length / 4)[line]
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], at - reach))
    beyond = shapely.get_coordinates(shapely.line_interpolate_point(lines[line], at + reach))
    ahead = beyond - before
    norm = np.hypot(*ahead.T)[:, None]
    direction = np.divide(ahead, norm, out=np.zeros_like(ahead), where=norm > 0)
    return Samples(line, at, (before + beyond) / 2, direction)


def first_nearest(tree: cKDTree, points: Floats, bound: float) -> Ints:
    """Return the nearest of a tree's points to each point within a bound, of those as near the first; `tree.n`: none.

    The tree alone takes any of those as near, by what else it holds: a street would hang on streets far away.
    """
    distance, near = tree.query(points, k=2, distance_upper_bound=bound)
    first: Ints = near[:, 0].astype(np.intp)
    alike = np.flatnonzero(np.isfinite(distance[:, 0]) & (distance[:, 1] <= distance[:, 0] * _AS_NEAR))
    if len(alike):
        first[alike] = [min(found) for found in tree.query_ball_point(points[alike], distance[alike, 0] * _AS_NEAR)]
    return first


def node_keys(nodes: npt.NDArray[np.object_], xy: Floats, owner: Ints) -> npt.NDArray[np.int64]:
    """Return a key for the node of each vertex: the OSM node id, else made of its coordinates to 1 cm.

    Args:
        nodes: Node ids of each line, None where there are none.
        xy: Vertices of all lines.
        owner: Line of each vertex.
    """
    counts = np.bincount(owner, minlength=len(nodes))
    keys = np.zeros(len(xy), dtype=np.int64)
    known = np.array([item is not None and len(item) == n for item, n in zip(nodes, counts, strict=True)], dtype=bool)
    own = ~known[owner]
    if known.any():
        keys[~own] = np.concatenate([np.asarray(item, dtype=np.int64) for item in nodes[known]])
    if own.any():
        # 31 bits each: alike again only 21,000 km apart. OSM ids of new objects in editors may be negative, but those
        # of files are positive.
        cells = np.round(xy[own] / _OWN_NODE_M).astype(np.int64) & 0x7FFFFFFF
        keys[own] = -1 - (cells[:, 0] << 31 | cells[:, 1])
    return keys


def node_numbers(streets: gpd.GeoDataFrame, xy: Floats, owner: Ints) -> Ints:
    """Return a number 0..m-1 for the node of each vertex: by OSM node id, else by coordinates."""
    _, nodes_of = np.unique(node_keys(column(streets, "nodes"), xy, owner), return_inverse=True)
    return np.asarray(nodes_of.ravel(), dtype=np.intp)


def _chains(ends: Ints, mergeable: npt.NDArray[np.bool_], label: Ints) -> tuple[Ints, npt.NDArray[np.bool_], Ints]:
    """Join edges end to end through mergeable nodes.

    Args:
        ends: Node numbers of the two ends of each edge, shape (n, 2).
        mergeable: By node: just two edge ends meet there.
        label: By edge: only edges of the same label are joined.

    Returns:
        Edges in order along their chains, whether each runs backwards there, and the chain of each. The edge of the
        lowest number in a chain runs forwards.
    """
    count = len(ends)
    link = np.full(2 * count, -1, dtype=np.intp)
    flat = ends.ravel()
    candidates = np.flatnonzero(mergeable[flat])
    candidates = candidates[np.argsort(flat[candidates], kind="stable")]
    left, right = candidates[0::2], candidates[1::2]
    joined = (label[left // 2] == label[right // 2]) & (left // 2 != right // 2)
    link[left[joined]] = right[joined]
    link[right[joined]] = left[joined]
    links = link.tolist()
    seen = [False] * count
    order: list[int] = []
    backward: list[bool] = []
    chain: list[int] = []
    number = 0
    for seed in range(count):
        if seen[seed]:
            continue
        # Walk back from the start of the lowest edge to the end of its chain (or around a ring), then forwards.
        entry, ring = 2 * seed, False
        while links[entry] >= 0:
            entry = links[entry] ^ 1
            if entry == 2 * seed:
                ring = True
                break
        while True:
            edge = entry // 2
            seen[edge] = True
            order.append(edge)
            backward.append(entry % 2 == 1)
            chain.append(number)
            follow = links[entry ^ 1]
            if follow < 0 or (ring and follow == 2 * seed):
                break
            entry = follow
        number += 1
    return np.array(order, dtype=np.intp), np.array(backward, dtype=bool), np.array(chain, dtype=np.intp)


def block_faces(
    streets: gpd.GeoDataFrame,
    ground_class: npt.NDArray[np.object_],
    *,
    longest_m: float = LONGEST_FACE_M,
    junctions: npt.NDArray[np.int64] | None = None,
) -> tuple[gpd.GeoDataFrame, Pieces]:
    """Cut streets into block faces.

    A junction is a node where three or more stretches of street meet. Ways that continue each other at any other
    shared node are one face while name and class stay the same. Each face is cut into equal parts of at most
    `longest_m`.

    Args:
        streets: LineStrings of positive length [m], index `osm_id` in stable order, columns `name`, `highway` and
            `nodes`.
        ground_class: `carriageway` or `alley` for each.
        longest_m: Longest face [m].
        junctions: Keys of nodes that are junctions whatever is given here, sorted (`doorview.city.street_links`): of
            streets that go on where nothing was read.

    Returns:
        The table of faces (contract `Ground.faces`) and the pieces.
    """
    if not len(streets):
        empty = gpd.GeoDataFrame(
            {"name": [], "highway": [], "osm_id": [], "length_m": np.empty(0), "ground_class": []},
            geometry=gpd.GeoSeries([], crs=streets.crs),
            index=pd.RangeIndex(0, name="face"),
        )
        nothing = np.empty(0, dtype=np.intp)
        return empty, Pieces(np.empty(0, dtype=object), nothing, nothing, np.empty(0))
    lines = streets.geometry.to_numpy()
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    keys, number = np.unique(node_keys(column(streets, "nodes"), xy, owner), return_inverse=True)
    node = number.ravel().astype(np.intp)
    inside = np.flatnonzero(owner[1:] == owner[:-1])
    moved = inside[node[inside] != node[inside + 1]]
    degree = np.bincount(node[moved], minlength=node.max() + 1)
    degree += np.bincount(node[moved + 1], minlength=len(degree))
    if junctions is not None and len(junctions):
        degree[junctions[np.minimum(np.searchsorted(junctions, keys), len(junctions) - 1)] == keys] = 3

    first = np.r_[True, owner[1:] != owner[:-1]]
    last = np.r_[owner[1:] != owner[:-1], True]
    boundary = np.flatnonzero(first | last | (degree[node] != 2))
    pairs = np.flatnonzero(owner[boundary[1:]] == owner[boundary[:-1]])
    edges = np.column_stack([boundary[pairs], boundary[pairs + 1]])
    run = _along(xy, owner)
    edges = edges[run[edges[:, 1]] > run[edges[:, 0]]]

    names, _ = pd.factorize(column(streets, "name"))
    classes, _ = pd.factorize(ground_class)
    _, label = np.unique(np.column_stack([names, classes]), axis=0, return_inverse=True)
    ends = node[edges]
    meeting = np.bincount(ends.ravel(), minlength=len(degree))
    order, backward, chain = _chains(ends, (degree == 2) & (meeting == 2), label.ravel()[owner[edges[:, 0]]])

    vertex = np.concatenate(
        [
            np.arange(b, a - 1, -1) if back else np.arange(a, b + 1)
            for (a, b), back in zip(edges[order].tolist(), backward.tolist(), strict=True)
        ]
    )
    size = (edges[:, 1] - edges[:, 0] + 1)[order]
    of_edge = np.repeat(np.arange(len(order)), size)
    edge_lines = shapely.linestrings(xy[vertex], indices=of_edge)
    length = shapely.length(edge_lines)
    chain_length = np.bincount(chain, weights=length)
    running = _running(length, chain)
    before = np.zeros(len(length))
    before[1:] = np.where(chain[1:] == chain[:-1], running[:-1], 0.0)

    parts = np.maximum(1, np.ceil(chain_length / longest_m - 1e-9)).astype(np.intp)
    cut_chain = np.repeat(np.arange(len(parts)), parts - 1)
    nth = np.arange(len(cut_chain)) - np.repeat(np.cumsum(parts - 1) - (parts - 1), parts - 1) + 1
    cut_at = nth * (chain_length / parts)[cut_chain]
    # A cut where two edges meet belongs to the later one.
    edge = _places(cut_chain, cut_at, chain, before, right=True) - 1
    local = cut_at - before[edge]
    real = (local > 1e-6) & (local < length[edge] - 1e-6)
    piece_lines, of_order, piece_at = cut_lines(edge_lines, edge[real], local[real])

    along = before[of_order] + piece_at
    middle = along + shapely.length(piece_lines) / 2
    part = np.minimum((middle / (chain_length / parts)[chain[of_order]]).astype(np.intp), parts[chain[of_order]] - 1)
    face_key = (np.cumsum(parts) - parts)[chain[of_order]] + part

    back = backward[of_order]
    edge_way = owner[edges[order, 0]]
    way = edge_way[of_order]
    begin = run[edges[order, 0]]
    here = begin[of_order] + np.where(back, length[of_order] - piece_at - shapely.length(piece_lines), piece_at)

    xy_piece, of_piece = shapely.get_coordinates(piece_lines, return_index=True)
    new_face = np.r_[True, face_key[1:] != face_key[:-1]]
    repeat = np.r_[False, of_piece[1:] != of_piece[:-1]] & ~new_face[of_piece]
    face_lines = shapely.linestrings(xy_piece[~repeat], indices=(np.cumsum(new_face) - 1)[of_piece][~repeat])
    lead = np.flatnonzero(new_face)
    sort = np.lexsort((here[lead], way[lead]))
    number = np.empty(len(sort), dtype=np.intp)
    number[sort] = np.arange(len(sort))
    lead = lead[sort]
    faces = gpd.GeoDataFrame(
        {
            "name": column(streets, "name")[way[lead]],
            "highway": column(streets, "highway")[way[lead]],
            "osm_id": streets.index.to_numpy(dtype=object)[way[lead]],
            "length_m": shapely.length(face_lines[sort]),
            "ground_class": ground_class[way[lead]],
        },
        geometry=gpd.GeoSeries(face_lines[sort], crs=streets.crs),
        index=pd.RangeIndex(len(lead), name="face"),
    )
    piece_lines = np.where(back, shapely.reverse(piece_lines), piece_lines)
    face = number[(np.cumsum(new_face) - 1)]
    sort = np.lexsort((here, way))
    return faces, Pieces(piece_lines[sort], way[sort], face[sort], here[sort])


def find_twins(
    pieces: Pieces,
    name: npt.NDArray[np.object_],
    direction: npt.NDArray[np.int8],
    ring: npt.NDArray[np.bool_],
    *,
    reach_m: float,
    share: float,
) -> Twins:
    """Find the two ways of dual carriageways, and the two halves of roundabouts, so that their length counts once.

    A piece is one of two where more than `share` of it has, within `reach_m`, a piece of the same name that is driven
    the other way. Of two, the one that is driven to the east counts; the dividing heading is odd (17 degrees off the
    axes), so that a straight street of a city's grid does not waver about it.

    Args:
        pieces: Pieces of street.
        name: By piece: name or number of the street, None where it has none.
        direction: By piece: +1 driven along the line, -1 against it, 0 both ways or a slip road.
        ring: By piece: part of a roundabout.
        reach_m: Farthest apart [m].
        share: Least part of a piece that must have a twin.
    """
    count = len(pieces.lines)
    paired, counted = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    side, gap = np.zeros(count, dtype=np.int8), np.full(count, np.nan)
    able = np.flatnonzero((direction != 0) & (ring | ~pd.isna(name)))
    if not len(able):
        return Twins(paired, counted, side, gap, 0.0)
    samples = sample_lines(pieces.lines[able], 10.0)
    piece = able[samples.line]
    heading = samples.direction * direction[piece][:, None]
    code, _ = pd.factorize(np.where(ring, "\0ring", name)[able])
    # One search in five dimensions: place, street (far apart), and heading, weighed so that the piece itself, driven
    # the same way, lies beyond the reach while one driven the other way within 45 degrees does not.
    weight = 2.0 * reach_m
    axis = (code[samples.line] * 1e6)[:, None]
    tree = cKDTree(np.hstack([samples.xy, axis, weight * heading]))
    other = first_nearest(tree, np.hstack([samples.xy, axis, -weight * heading]), 2.0 * reach_m)
    found = other < len(piece)
    other = np.where(found, other, 0)
    apart = samples.xy[other] - samples.xy
    distance = np.hypot(*apart.T)
    facing = np.einsum("ij,ij->i", heading, heading[other])
    found &= (distance <= reach_m) & (distance > 0.5) & (facing < -0.7)
    on_left = samples.direction[:, 0] * apart[:, 1] - samples.direction[:, 1] * apart[:, 0]
    # Ahead or behind on the same line is no twin: it must lie aside.
    found &= np.abs(on_left) > 0.7 * distance
    total = np.bincount(samples.line, minlength=len(able))
    matched = np.bincount(samples.line, weights=found, minlength=len(able))
    whole = np.maximum(matched, 1)
    angle = np.deg2rad(17.0)
    east = heading @ np.array([np.cos(angle), np.sin(angle)]) > 0
    eastward = np.bincount(samples.line, weights=found & east, minlength=len(able)) / whole
    two = matched > share * total
    rings = ring[able]
    paired[able] = two & ~rings
    counted[able] = ~(two & (eastward < 0.5))
    left = np.bincount(samples.line, weights=np.where(found, np.sign(on_left), 0.0), minlength=len(able))
    side[able] = np.where(two & ~rings, np.where(left >= 0, 1, -1), 0)
    mean_gap = np.bincount(samples.line, weights=np.where(found, distance, 0.0), minlength=len(able)) / whole
    gap[able] = np.where(two, mean_gap, np.nan)
    merged = from_total(exact_total(shapely.length(pieces.lines[~counted])))
    return Twins(paired, counted, side, gap, merged)
