"""A graph to walk on, from the city's own ways.

Ways are noded where they share an OSM node. Which may be walked, and where on them a walker is, says
`rules/walking.toml`. The graph has no loops and no two edges between the same nodes: such edges are cut by nodes in
their middle, so that two nodes name an edge.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from doorview.city.ground import Ground
from doorview.city.ground_rules import Rule, classify
from doorview.city.model import City
from doorview.city.streets import cut_lines, node_numbers
from doorview.errors import InputError, UnknownNameError

__all__ = ["SIDES", "WalkingGraph", "to_osmnx", "walking_graph", "walking_rules"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SIDES = ("right", "left", "centre")
INSIDE_KERB_M = 0.5
"""On a street without a sidewalk a walker keeps this far inside the edge of the carriageway [m]; an assumption."""
TOUCH_M = 0.05
"""The middle of an edge lies on the street's own pieces, to rounding [m]."""
BESIDE_M = 40.0
"""Sidewalks drawn as ways of their own are looked for this far from the street that they belong to [m]."""


@dataclass(frozen=True, eq=False)
class WalkingGraph:
    """Edges between nodes; edge e is walked as half-edge 2 e along its line, as 2 e + 1 against it.

    Attributes
    ----------
    xy
        (nodes, 2) [m].
    osm_node
        (nodes,) OSM node id; negative where there is none (own streets, cuts of loops).
    lines
        (edges,) LineStrings in the direction of their way.
    ends
        (edges, 2) nodes where each begins and ends.
    length_m
        (edges,) of the lines.
    osm_id
        (edges,) of the way that each is part of.
    hidden
        (edges,) whether it lies under a roof or below the ground, where no door sees it.
    offset_m
        (edges, 2): how far left of the line (negative: right) one walks along it, and against it. 0 on paths.
    part
        (nodes,) number of the connected part, 0 the longest.
    matrix
        csr_array (nodes, nodes) of `length_m`, symmetric.
    half
        (nonzeros,) half-edge of each entry of `matrix`, in its order.
    crs
        Projected CRS [m].
    side
        The side that was asked for.
    notes
        Counts: ways by what they are for a walker, driveways taken as links, edges by where one walks, connected parts.

    """

    xy: Floats
    osm_node: Ints
    lines: NDArray[np.object_]
    ends: Ints
    length_m: Floats
    osm_id: NDArray[np.object_]
    hidden: NDArray[np.bool_]
    offset_m: Floats
    part: Ints
    matrix: csr_array
    half: Ints
    crs: Any
    side: str
    notes: dict[str, Any]

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.lines)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of `lines`, made once."""
        return shapely.STRtree(self.lines)

    @cached_property
    def longest(self) -> tuple[Ints, shapely.STRtree]:
        """Edges of the longest connected part, and an index of their lines."""
        edges = np.flatnonzero(self.part[self.ends[:, 0]] == 0)
        return edges, shapely.STRtree(self.lines[edges])


@cache
def walking_rules() -> tuple[Rule, ...]:
    """Return the rules in order; `ground` of each says where it is walked: side, line, hidden, link, closed."""
    raw = tomllib.loads(files("doorview.overlays").joinpath("rules/walking.toml").read_text(encoding="utf-8"))

    def conditions(table: dict[str, Any]) -> dict[str, tuple[str, ...] | str]:
        return {key: value if isinstance(value, str) else tuple(value) for key, value in table.items()}

    return tuple(
        Rule(
            when=conditions(item["when"]),
            unless=conditions(item.get("unless", {})),
            ground=item["walk"],
            kind="",
            closed=item["walk"] == "closed",
            country=item.get("country", ""),
            reason=item["reason"],
        )
        for item in raw["ways"]
    )


def walking_graph(city: City, ground: Ground | None = None, *, side: str = "right") -> WalkingGraph:
    """Return the walking graph of a city.

    On streets a walker keeps to the stated side as seen in walking direction: on its sidewalk; without one there, on
    that of the other side; without any, `INSIDE_KERB_M` inside the edge of the carriageway. A sidewalk drawn as a way
    of its own is an edge; a walker on the street's own line is taken to be on it, too, where it belongs to the street.
    Lengths are those of the lines of the ways; crossing from side to side costs nothing.

    Parameters
    ----------
    city
        Its ways are read with their nodes; own streets without node ids meet where coordinates agree to a centimetre.
    ground
        From `public_space(city)`: where sidewalks and kerbs lie. None: only with `side="centre"`.
    side
        `right` or `left` in walking direction, or `centre`: on the street's line.

    Raises
    ------
    UnknownNameError
        For another side.
    InputError
        Where no way may be walked, and for a side without a ground.

    """
    if side not in SIDES:
        raise UnknownNameError("side", side, SIDES)
    if ground is None and side != "centre":
        raise InputError(
            f"walking_graph: side={side!r} needs to know where sidewalks and kerbs lie. Give "
            "ground=public_space(city), or side='centre'."
        )
    verdict = classify(city.ways, walking_rules(), city.country)
    where = np.where(verdict.ground == "none", "closed", verdict.ground.astype(str))
    long = shapely.length(city.ways.geometry.to_numpy()) > 0
    asked = where == "link"
    where = _links_taken(city.ways, where, long)
    place = where
    kept = (where != "closed") & long
    if not kept.any():
        raise InputError(
            f"walking_graph: none of the {len(city.ways)} ways of {city.name!r} may be walked "
            "(doorview/overlays/rules/walking.toml says which may). Take an extract with streets or paths."
        )
    ways, where = city.ways[kept], where[kept]
    cut = _cut(ways)
    lines, owner, ends, osm_node = _simple(cut.lines, cut.way, cut.ends, cut.osm_node)
    xy = np.zeros((len(osm_node), 2))
    xy[ends[:, 0]] = shapely.get_coordinates(shapely.get_point(lines, 0))
    xy[ends[:, 1]] = shapely.get_coordinates(shapely.get_point(lines, -1))
    length = shapely.length(lines)
    matrix, half = _matrix(ends, length, len(xy))
    part = _parts(matrix, ends, length)
    osm_id = ways.index.to_numpy(dtype=object)[owner]
    offset = np.zeros((len(lines), 2))
    on_street = where[owner] == "side"
    beside = {"on_the_line": int((~on_street).sum())}
    if ground is not None and side != "centre":
        offset[on_street], counts = _offsets(lines[on_street], osm_id[on_street], ground, side)
        beside |= counts
    names, number = np.unique(place, return_counts=True)
    parts_m = np.bincount(part[ends[:, 0]], weights=length)
    notes = {
        "ways": dict(zip(names.tolist(), number.tolist(), strict=True)),
        "links_taken": int((asked & (place == "line")).sum()),
        "ways_without_length": int((~long).sum()),
        "edges_by_place": beside,
        "parts": len(parts_m),
        "length_m": float(length.sum()),
        "length_outside_longest_part_m": float(parts_m[1:].sum()),
    }
    hidden = where[owner] == "hidden"
    return WalkingGraph(
        xy, osm_node, lines, ends, length, osm_id, hidden, offset, part, matrix, half, ways.crs, side, notes
    )


def _links_taken(ways: gpd.GeoDataFrame, where: NDArray[Any], long: NDArray[np.bool_]) -> NDArray[Any]:
    """Turn each link into a line where it, with links that it meets, joins parts of the network; else into closed."""
    rows = np.flatnonzero((where != "closed") & long)
    link = where[rows] == "link"
    taken = np.where(where == "link", "closed", where)
    if not link.any():
        return taken
    xy, owner = shapely.get_coordinates(ways.geometry.to_numpy()[rows], return_index=True)
    node = node_numbers(ways.iloc[rows], xy, owner)
    size = len(rows) + int(node.max()) + 1
    of_link = link[owner]

    def parts(chosen: NDArray[np.bool_]) -> Ints:
        # Ways and nodes together: a way meets its nodes.
        ones = np.ones(int(chosen.sum()))
        meets = csr_array((ones, (owner[chosen], len(rows) + node[chosen])), shape=(size, size))
        label: Ints = connected_components(meets, directed=False)[1]
        return label

    network, clusters = parts(~of_link), parts(of_link)
    walked = np.zeros(size, dtype=bool)
    walked[len(rows) + node[~of_link]] = True
    touch = of_link & walked[len(rows) + node]
    pairs = np.unique(np.column_stack([clusters[owner[touch]], network[len(rows) + node[touch]]]), axis=0)
    joined = np.bincount(pairs[:, 0], minlength=size) > 1
    taken[rows[link & joined[clusters[: len(rows)]]]] = "line"
    return taken


@dataclass(frozen=True, eq=False)
class _Cut:
    lines: NDArray[np.object_]
    way: Ints
    ends: Ints
    osm_node: Ints


def _cut(ways: gpd.GeoDataFrame) -> _Cut:
    """Cut ways where they end, or share a node with another or with themselves."""
    xy, owner = shapely.get_coordinates(ways.geometry.to_numpy(), return_index=True)
    node = np.asarray(node_numbers(ways, xy, owner), dtype=np.int64)
    ids = np.full(int(node.max()) + 1, 0, dtype=np.int64)
    known = np.zeros(len(ids), dtype=bool)
    first = np.searchsorted(owner, np.arange(len(ways)))
    counts = np.bincount(owner, minlength=len(ways))
    if "nodes" in ways.columns:
        for item, start, count in zip(ways["nodes"].to_numpy(dtype=object), first, counts, strict=True):
            if item is not None and len(item) == count:
                ids[node[start : start + count]] = item
                known[node[start : start + count]] = True
    same = owner[1:] == owner[:-1]
    moved = np.flatnonzero(same & (node[1:] != node[:-1]))
    degree = np.bincount(np.concatenate([node[moved], node[moved + 1]]), minlength=len(ids))
    end = np.r_[True, ~same] | np.r_[~same, True]
    stops = np.flatnonzero(end | (degree[node] != 2))
    pairs = np.flatnonzero(owner[stops[1:]] == owner[stops[:-1]])
    low, high = stops[pairs], stops[pairs + 1]
    size = high - low + 1
    vertex = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size) + np.repeat(low, size)
    lines = shapely.linestrings(xy[vertex], indices=np.repeat(np.arange(len(low)), size))
    some = shapely.length(lines) > 0
    used, ends = np.unique(np.column_stack([node[low], node[high]])[some], return_inverse=True)
    # What has no OSM id gets a negative one of its own.
    osm_node = np.where(known[used], ids[used], -1 - np.arange(len(used)))
    return _Cut(lines[some], owner[low][some].astype(np.int64), ends.reshape(-1, 2).astype(np.int64), osm_node)


def _simple(
    lines: NDArray[np.object_], owner: Ints, ends: Ints, osm_node: Ints
) -> tuple[NDArray[np.object_], Ints, Ints, Ints]:
    """Cut loops in three and every second edge between the same nodes in two."""
    pair = np.sort(ends, axis=1)
    _, lead = np.unique(pair, axis=0, return_index=True)
    again = np.ones(len(lines), dtype=bool)
    again[lead] = False
    loop = ends[:, 0] == ends[:, 1]
    pieces = np.where(loop, 3, np.where(again, 2, 1))
    if (pieces == 1).all():
        return lines, owner, ends, osm_node
    edge = np.repeat(np.arange(len(lines)), pieces)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    inner = nth > 0
    length = shapely.length(lines)
    parts, of, _ = cut_lines(lines, edge[inner], nth[inner] * (length / pieces)[edge[inner]])
    fresh = len(osm_node) + np.cumsum(inner) - 1
    tail = np.where(inner, fresh, ends[edge, 0])
    head = np.where(nth == pieces[edge] - 1, ends[edge, 1], np.roll(tail, -1))
    lowest = min(int(osm_node.min(initial=0)), 0)
    nodes = np.concatenate([osm_node, lowest - 1 - np.arange(int(inner.sum()))])
    return parts, owner[of], np.column_stack([tail, head]), nodes


def _matrix(ends: Ints, length: Floats, nodes: int) -> tuple[csr_array, Ints]:
    """Return the symmetric matrix of lengths, and the half-edge of each entry in its order."""
    edges = len(ends)
    tail, head = np.concatenate([ends[:, 0], ends[:, 1]]), np.concatenate([ends[:, 1], ends[:, 0]])
    halves = np.concatenate([2 * np.arange(edges), 2 * np.arange(edges) + 1])
    order = np.lexsort((head, tail))
    start = np.concatenate([[0], np.cumsum(np.bincount(tail, minlength=nodes))])
    index = np.int32 if max(nodes, 2 * edges) < 2**31 - 1 else np.int64
    matrix = csr_array(
        (length[halves[order] // 2], head[order].astype(index), start.astype(index)), shape=(nodes, nodes)
    )
    return matrix, halves[order].astype(np.int64)


def _parts(matrix: csr_array, ends: Ints, length: Floats) -> Ints:
    """Return the connected part of each node, numbered from the longest."""
    _, label = connected_components(matrix, directed=False)
    size = np.bincount(label[ends[:, 0]], weights=length)
    rank = np.empty(len(size), dtype=np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(size))
    part: Ints = rank[label]
    return part


def _offsets(
    lines: NDArray[np.object_], osm_id: NDArray[np.object_], ground: Ground, side: str
) -> tuple[Floats, dict[str, int]]:
    """Return where one walks on streets (edges, 2): metres left of the line along it, and against it; and counts."""
    middle = shapely.line_interpolate_point(lines, 0.5, normalized=True)
    walked = ground.lines[(ground.lines["space"] == "sidewalk_line").to_numpy()]
    base = ground.lines[(ground.lines["space"] == "centreline").to_numpy()]
    street = ground.strips[(ground.strips["class"].isin(["carriageway", "alley"])).to_numpy()]
    left, right = np.full(len(lines), np.nan), np.full(len(lines), np.nan)
    # Its own sidewalks, tagged or by default: rows of the same way under the middle of the edge.
    edge, row = _under(middle, osm_id, walked)
    at = walked["offset_m"].to_numpy(dtype=np.float64)[row]
    left[edge[at > 0]] = at[at > 0]
    right[edge[at < 0]] = -at[at < 0]
    # Sidewalks drawn as ways of their own that belong to the same street.
    edge, row = _under(middle, osm_id, base)
    face = np.full(len(lines), -1, dtype=np.int64)
    face[edge] = base["face"].to_numpy(dtype=np.int64)[row]
    drawn = walked[(walked["offset_m"] == 0).to_numpy() & (walked["face"] >= 0).to_numpy()]
    edge, row = shapely.STRtree(drawn.geometry.to_numpy()).query(middle, predicate="dwithin", distance=BESIDE_M)
    keep = drawn["face"].to_numpy(dtype=np.int64)[row] == face[edge]
    edge, row = edge[keep], row[keep]
    shape = drawn.geometry.to_numpy()[row]
    near = shapely.get_coordinates(
        shapely.line_interpolate_point(shape, shapely.line_locate_point(shape, middle[edge]))
    )
    here = shapely.get_coordinates(middle[edge])
    ahead = (
        shapely.get_coordinates(
            shapely.line_interpolate_point(lines[edge], shapely.length(lines[edge]) / 2 * 1.001 + 1e-3)
        )
        - here
    )
    apart = near - here
    turn = ahead[:, 0] * apart[:, 1] - ahead[:, 1] * apart[:, 0]
    far = np.hypot(*apart.T)
    for array, mine in ((left, turn > 0), (right, turn < 0)):
        nearest = np.full(len(lines), np.inf)
        np.minimum.at(nearest, edge[mine], far[mine])
        found = np.isnan(array) & np.isfinite(nearest)
        array[found] = nearest[found]
    edge, row = _under(middle, osm_id, street)
    kerb = np.zeros(len(lines))
    kerb[edge] = np.maximum(0.0, street["outer_m"].to_numpy(dtype=np.float64)[row] - INSIDE_KERB_M)
    wanted, other = (right, left) if side == "right" else (left, right)
    sign = -1.0 if side == "right" else 1.0
    # Against the line, its left is the walker's right.
    along = np.where(~np.isnan(wanted), sign * wanted, np.where(~np.isnan(other), -sign * other, sign * kerb))
    against = np.where(~np.isnan(other), -sign * other, np.where(~np.isnan(wanted), sign * wanted, -sign * kerb))
    both = ~np.isnan(wanted) & ~np.isnan(other)
    none = np.isnan(wanted) & np.isnan(other)
    counts = {
        "sidewalks_on_both_sides": int(both.sum()),
        "sidewalk_on_one_side": int((~both & ~none).sum()),
        "inside_the_kerb": int(none.sum()),
    }
    return np.column_stack([along, against]), counts


def _under(middle: NDArray[np.object_], osm_id: NDArray[np.object_], table: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
    """Return edges and rows of the same way on which the middle of the edge lies."""
    edge, row = shapely.STRtree(table.geometry.to_numpy()).query(middle, predicate="dwithin", distance=TOUCH_M)
    same = table["osm_id"].to_numpy(dtype=object)[row] == osm_id[edge]
    return edge[same].astype(np.int64), row[same].astype(np.int64)


def to_osmnx(graph: WalkingGraph) -> Any:
    """Return the graph in OSMnx's form: a networkx MultiDiGraph with every edge in both directions.

    Nodes are named by OSM node id (negative: none) with `x`, `y` [m]; edges carry `osmid` (the way's number, or its
    text where it is no OSM way), `length` [m], `geometry` in their direction, `reversed`, `oneway` (False), and of
    ours `hidden` and `offset_m`, left of the direction of the edge. `G.graph["crs"]` is the projected CRS.
    """
    import networkx as nx

    made = nx.MultiDiGraph(crs=CRS.from_user_input(graph.crs), simplified=True)
    names = graph.osm_node.tolist()
    made.add_nodes_from((name, {"x": x, "y": y}) for name, (x, y) in zip(names, graph.xy.tolist(), strict=True))
    back = shapely.reverse(graph.lines)
    for edge, (tail, head) in enumerate(graph.ends.tolist()):
        text = str(graph.osm_id[edge])
        way = int(text[1:]) if text[:1] == "w" and text[1:].isdigit() else text
        common = {
            "osmid": way,
            "length": float(graph.length_m[edge]),
            "oneway": False,
            "hidden": bool(graph.hidden[edge]),
        }
        along, against = graph.offset_m[edge].tolist()
        made.add_edge(names[tail], names[head], **common, reversed=False, offset_m=along, geometry=graph.lines[edge])
        made.add_edge(names[head], names[tail], **common, reversed=True, offset_m=-against, geometry=back[edge])
    return made
