"""The same ground as disjoint polygons: for layers on a map, and as a check of the grid that knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from doorview.city.classes import CLASSES, PUBLIC, RANK
from doorview.errors import UnknownNameError
from doorview.threads import Threads

if TYPE_CHECKING:
    from doorview.city.ground import Ground
    from doorview.city.model import City

__all__ = ["MAP_CLASSES", "MAP_SEGMENTS", "ground_polygons", "strip_polygons"]

FINE_SEGMENTS = 8
"""Segments of a quarter circle in round ends: a chord of radius 8.4 m then runs at most 0.04 m inside its arc."""

MAP_SEGMENTS = 4
"""The same for a layer to look at: at most 0.16 m inside the arc at 8.4 m, in half the coordinates."""

MAP_CLASSES: tuple[str, ...] = tuple(
    item.name for item in CLASSES if item.public or item.name in ("driveway", "restricted", "water")
)
"""What a map's layer of ground shows: all public ground, and what may be taken for it. Buildings have their own
layer; yards and the strips along facades are all the rest."""

SNAP_M = 0.001
"""Where the overlay of floating-point shapes that nearly touch fails, their coordinates are rounded to this [m]."""

_THIN = 0.02
"""Bands thinner than this part of their distance are made by overlay: a buffer may simplify its line by half of it."""

_TURNS = 24
"""Of so many covers of a shape it is looked whether they lie apart; each further one is subtracted by itself."""

_WORKERS = 4
_CHUNK = 256
Objects = npt.NDArray[np.object_]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Units:
    """Ground before precedence, one unit for each face and class, else for each object. Arrays of one length.

    Attributes:
        shape: Polygons, those of one face disjoint where `plain`.
        whole: The same without the holes that its own face makes in it: fewer edges to overlay; else `shape`.
        holes: What of its own face lies in `whole` but not in `shape`, None for nothing.
        cover: What the unit's face takes up to and with this unit in the order of precedence; without a face, `shape`.
        plain: Whether units of the same face are disjoint by construction.
        name: Class.
        rank: Precedence.
        face: Face, -1 none.
        osm_id: Id of the first object.
    """

    shape: Objects
    whole: Objects
    holes: Objects
    cover: Objects
    plain: Bools
    name: Objects
    rank: npt.NDArray[np.float64]
    face: Ints
    osm_id: Objects

    def __len__(self) -> int:
        return len(self.shape)


def _quarters(
    lines: Objects, radius: npt.NDArray[np.float64], side: npt.NDArray[np.int8], segments: int
) -> tuple[Objects, Objects]:
    """Return, for each line, the quarter discs beyond its start and its end, on the given side."""
    xy, owner = shapely.get_coordinates(lines, return_index=True)
    first = np.searchsorted(owner, np.arange(len(lines)))
    last = np.r_[first[1:], len(xy)] - 1
    result = []
    turn = np.linspace(0.0, np.pi / 2, segments + 1)
    for at, nearby, sign in ((first, first + 1, -1.0), (last, last - 1, 1.0)):
        ahead = (xy[at] - xy[nearby]) * 1.0
        length = np.hypot(*ahead.T)[:, None]
        ahead = np.divide(ahead, length, out=np.zeros_like(ahead), where=length > 0)
        # Away from the line, and towards the side asked for in the line's own direction.
        along = ahead * sign
        across = np.column_stack([-along[:, 1], along[:, 0]]) * side[:, None]
        arc = np.cos(turn)[None, :, None] * ahead[:, None, :] + np.sin(turn)[None, :, None] * across[:, None, :]
        ring = np.concatenate([xy[at][:, None, :], xy[at][:, None, :] + radius[:, None, None] * arc], axis=1)
        result.append(shapely.polygons(ring))
    return result[0], result[1]


def strip_polygons(strips: gpd.GeoDataFrame, *, quarter_segments: int = FINE_SEGMENTS) -> Objects:
    """Return the ground of each strip as a polygon, before precedence.

    One-sided strips come from one-sided buffers and quarter discs at the ends. In bends tighter than the strip is
    wide such a buffer may differ from the definition of a strip (by the side of the *nearest* point) by slivers.

    Args:
        strips: n rows of `Ground.strips`.
        quarter_segments: Segments of a quarter circle in round ends.
    """
    lines = strips.geometry.to_numpy()
    inner, outer = strips["inner_m"].to_numpy(), strips["outer_m"].to_numpy()
    side = strips["side"].to_numpy()
    shape = np.empty(len(lines), dtype=object)
    both = side == 0
    shape[both] = shapely.buffer(lines[both], outer[both], quad_segs=quarter_segments)
    one = np.flatnonzero(~both)
    if len(one):
        flat = shapely.make_valid(
            shapely.buffer(lines[one], outer[one] * side[one], quad_segs=quarter_segments, single_sided=True)
        )
        start, end = _quarters(lines[one], outer[one], side[one], quarter_segments)
        shape[one] = shapely.union(shapely.union(flat, start), end)
    hollow = np.flatnonzero(inner > 0)
    shape[hollow] = shapely.difference(
        shape[hollow], shapely.buffer(lines[hollow], inner[hollow], quad_segs=quarter_segments)
    )
    return shape


def _areal(shapes: Objects) -> Objects:
    """Keep the polygons of whatever came out of an overlay; empty stays empty."""
    odd = np.flatnonzero(~np.isin(shapely.get_type_id(shapes), [3, 6]))
    if len(odd):
        shapes = shapes.copy()
    for at in odd:
        parts = [part for part in shapely.get_parts(shapes[at]) if part.geom_type in ("Polygon", "MultiPolygon")]
        shapes[at] = shapely.union_all(parts) if parts else shapely.Polygon()
    return shapes


def _overlay(operation: Callable[..., Objects], first: Objects, second: Objects) -> Objects:
    """Overlay row by row; rows where floating-point overlay fails, once more on rounded coordinates."""
    try:
        return np.asarray(operation(first, second), dtype=object)
    except shapely.errors.GEOSException:
        if len(first) > 1:
            half = len(first) // 2
            parts = [_overlay(operation, first[:half], second[:half]), _overlay(operation, first[half:], second[half:])]
            return np.concatenate(parts)
        valid = shapely.make_valid(first), shapely.make_valid(second)
        return np.asarray(operation(*valid, grid_size=SNAP_M), dtype=object)


def _united(shape: Objects, group: Ints, count: int) -> Objects:
    """Return the union of the shapes of each group 0..count-1, in their order."""
    sort = np.argsort(group, kind="stable")
    size = np.bincount(group, minlength=count)
    first = np.cumsum(size) - size
    result: Objects = shape[sort[first]].copy()
    for nth in range(1, int(size.max(initial=1))):
        more = np.flatnonzero(size > nth)
        result[more] = _overlay(shapely.union, result[more], shape[sort[first[more] + nth]])
    return result


def _ring(outer: Objects, inner: Objects) -> Objects:
    """Return the polygons between outer shells and inner ones that lie strictly inside, all without holes."""
    shell, hole = shapely.get_exterior_ring(outer), shapely.get_exterior_ring(inner)
    return np.array([shapely.Polygon(a, [b]) for a, b in zip(shell, hole, strict=True)], dtype=object)


def _both(first: Objects, second: Objects) -> Objects:
    """Return MultiPolygons of two disjoint polygons each."""
    count = len(first)
    pairs = np.empty(2 * count, dtype=object)
    pairs[0::2], pairs[1::2] = first, second
    return np.asarray(shapely.multipolygons(pairs, indices=np.repeat(np.arange(count), 2)), dtype=object)


def _plain_faces(strips: pd.DataFrame, lines: Objects) -> pd.DataFrame:
    """Return the faces whose cross-section is a set of nested bands about one line, with their strips.

    Returns:
        Index face; columns `c`, `s`, `v`: row of the strip of the carriageway, sidewalk and verge, -1 for none.
    """
    streets = strips[strips["face"] >= 0]
    code = streets["class"].map({"carriageway": "c", "alley": "c", "sidewalk": "s", "verge": "v"})
    usual = code.notna() & (streets["side"] == 0) & (streets["rank"] == streets["class"].map(RANK))
    twice = pd.DataFrame({"face": streets["face"], "kind": code}).duplicated()
    odd = set(streets["face"][~usual | twice])
    kept = streets[~streets["face"].isin(odd)]
    kind = code[kept.index]
    wide = pd.DataFrame({k: pd.Series(kept.index[kind == k], index=kept["face"][kind == k]) for k in "csv"})
    wide = wide[wide["c"].notna()].fillna(-1).astype(np.intp)
    c, s, v = (wide[name].to_numpy() for name in "csv")
    inner, outer = strips["inner_m"].to_numpy(), strips["outer_m"].to_numpy()
    has_s, has_v = s >= 0, v >= 0
    kerb = outer[c]
    s_from, s_to = np.where(has_s, inner[s], kerb), np.where(has_s, outer[s], kerb)
    edge = np.where(has_v, outer[v], s_to)

    def apart(low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> Bools:
        return np.asarray((high == low) | (high - low > _THIN * high), dtype=bool)

    good = apart(kerb, s_from) & apart(s_from, s_to) & apart(s_to, edge) & (inner[c] == 0)
    good &= ~has_v | (inner[v] == kerb)
    good &= ~has_s | (lines[s] == lines[c])
    good &= ~has_v | (lines[v] == lines[c])
    return wide[good]


def _plain_units(strips: pd.DataFrame, lines: Objects, segments: int) -> tuple[pd.DataFrame, Ints]:
    """Make the disjoint bands of plain faces without any overlay.

    Returns:
        A table with the `row` of each strip for which it was done, in order, and its `shape`, `whole`, `holes` and
        `cover` (see `_Units`); the faces done.
    """
    faces = _plain_faces(strips, lines)
    c, s, v = (faces[name].to_numpy() for name in "csv")
    inner, outer = strips["inner_m"].to_numpy(), strips["outer_m"].to_numpy()
    has_s, has_v = s >= 0, v >= 0
    kerb = outer[c]
    s_from, s_to = np.where(has_s, inner[s], kerb), np.where(has_s, outer[s], kerb)
    edge = np.where(has_v, outer[v], s_to)
    discs = [shapely.buffer(lines[c], radius, quad_segs=segments) for radius in (kerb, s_from, s_to, edge)]
    simple = np.all([(shapely.get_num_interior_rings(d) == 0) & (shapely.get_type_id(d) == 3) for d in discs], axis=0)
    road, near, far, whole = (disc[simple] for disc in discs)
    c, s, v, has_s, has_v = c[simple], s[simple], v[simple], has_s[simple], has_v[simple]
    strip, beyond = (s_from > kerb)[simple], (edge > s_to)[simple]

    walk, paved = np.empty(len(c), dtype=object), road.copy()
    walk[has_s] = _ring(far[has_s], near[has_s])
    paved[has_s & ~strip] = far[has_s & ~strip]
    both = has_s & strip
    paved[both] = _both(road[both], walk[both])
    green = np.empty(len(c), dtype=object)
    inside, outside = has_v & has_s & strip & ~beyond, has_v & beyond & ~(has_s & strip)
    green[inside] = _ring(near[inside], road[inside])
    green[outside] = _ring(whole[outside], far[outside])
    two = has_v & has_s & strip & beyond
    green[two] = _both(_ring(whole[two], far[two]), _ring(near[two], road[two]))
    has_green = inside | outside | two
    nothing = np.full(len(c), None, dtype=object)
    made = pd.DataFrame(
        {
            "row": np.concatenate([c, s[has_s], v[has_green]]),
            "shape": np.concatenate([road, walk[has_s], green[has_green]]),
            "whole": np.concatenate([road, far[has_s], whole[has_green]]),
            "holes": np.concatenate([nothing, near[has_s], paved[has_green]]),
            "cover": np.concatenate([road, paved[has_s], whole[has_green]]),
        }
    )
    return made.sort_values("row"), np.asarray(faces.index.to_numpy()[simple], dtype=np.intp)


def _units(strips: gpd.GeoDataFrame, polygons: gpd.GeoDataFrame, segments: int) -> _Units:
    """Make all units of ground, in order of precedence."""
    table = pd.DataFrame(strips.drop(columns="geometry")).reset_index(drop=True)
    lines = strips.geometry.to_numpy()
    plain, done = _plain_units(table, lines, segments)
    rest = np.flatnonzero(~np.isin(table["face"].to_numpy(), done))
    # Strips of one face and class become one unit: fewer and whole polygons, and no seams inside a face.
    face = table["face"].to_numpy()[rest]
    own = np.where(face >= 0, face, -2 - rest)
    keys = pd.DataFrame({"rank": table["rank"].to_numpy()[rest], "class": table["class"].to_numpy()[rest], "own": own})
    group = keys.groupby(["rank", "class", "own"], sort=False).ngroup().to_numpy()
    lead = rest[np.unique(group, return_index=True)[1]]
    made = strip_polygons(strips.iloc[rest], quarter_segments=segments)
    rest_shape = _united(_mended(made), group, len(lead)) if len(rest) else made
    rest_shape = _mended(rest_shape)

    row = np.concatenate([plain["row"].to_numpy(), lead]).astype(np.intp)
    areas = _mended(polygons.geometry.to_numpy())
    shapes = {
        name: np.concatenate([plain[name].to_numpy(dtype=object), rest_shape, areas])
        for name in ("shape", "whole", "holes", "cover")
    }
    shapes["holes"][len(plain) :] = None
    is_plain = np.zeros(len(row) + len(areas), dtype=bool)
    is_plain[: len(plain)] = True

    def values(name: str) -> npt.NDArray[np.generic]:
        return np.concatenate([table[name].to_numpy()[row], polygons[name].to_numpy()])

    rank = values("rank").astype(np.float64)
    number = np.concatenate([row, len(table) + np.arange(len(polygons))])
    sort = np.lexsort((number, rank))
    units = _Units(
        shapes["shape"][sort],
        shapes["whole"][sort],
        shapes["holes"][sort],
        shapes["cover"][sort],
        is_plain[sort],
        values("class").astype(object)[sort],
        rank[sort],
        values("face").astype(np.intp)[sort],
        values("osm_id").astype(object)[sort],
    )
    # Units of the other faces gather what their face took before them.
    gather = np.flatnonzero((units.face >= 0) & ~units.plain)
    gather = gather[np.argsort(units.face[gather], kind="stable")]
    same = units.face[gather[1:]] == units.face[gather[:-1]]
    nth = np.arange(len(gather)) - np.maximum.accumulate(np.where(np.r_[True, ~same], np.arange(len(gather)), 0))
    for step in range(1, int(nth.max(initial=0)) + 1):
        now = gather[nth == step]
        before = gather[np.flatnonzero(nth == step) - 1]
        units.cover[now] = _mended(_overlay(shapely.union, units.cover[before], units.cover[now]))
    return units


def _mended(shapes: Objects) -> Objects:
    """Return the shapes valid and areal."""
    invalid = ~shapely.is_valid(shapes)
    if invalid.any():
        shapes = shapes.copy()
        shapes[invalid] = shapely.make_valid(shapes[invalid])
    return _areal(shapes)


def _covers_near(units: _Units, wanted: Ints) -> tuple[Ints, Ints]:
    """Find what may have to be subtracted from each wanted unit, by the boxes.

    Returns:
        Pairs (position in `wanted`, unit), sorted: of each face the last unit that goes before it, since its cover
        holds those before, and every unit without a face that goes before it.
    """
    mine, theirs = shapely.STRtree(units.cover).query(units.shape[wanted])
    earlier = theirs < wanted[mine]
    mine, theirs = mine[earlier], theirs[earlier]
    of = units.face[theirs]
    here = (of >= 0) & (of == units.face[wanted[mine]]) & units.plain[theirs]
    mine, theirs, of = mine[~here], theirs[~here], of[~here]
    key = np.where(of >= 0, of, -2 - theirs)
    sort = np.lexsort((theirs, key, mine))
    mine, theirs, key = mine[sort], theirs[sort], key[sort]
    last = np.r_[(mine[1:] != mine[:-1]) | (key[1:] != key[:-1]), np.ones(min(len(mine), 1), dtype=bool)]
    return mine[last], theirs[last]


def _turns(row: Ints, cover: Objects) -> Ints:
    """Return in which turn each cover is subtracted from its row, so that the covers of one row and turn lie apart.

    Covers at the two ends of a street, or driveways along it, then go at once, as parts of one MultiPolygon.

    Args:
        row: Sorted row of each cover.
        cover: Polygons.
    """
    box = shapely.bounds(cover)
    first = np.searchsorted(row, row)
    place = np.arange(len(row)) - first
    turn = place.copy()
    for nth in range(1, min(_TURNS, int(place.max(initial=0)) + 1)):
        now = np.flatnonzero(place == nth)
        taken = np.zeros(len(now), dtype=np.int64)
        for other in (now - back for back in range(1, nth + 1)):
            apart = ((box[now, :2] > box[other, 2:]) | (box[other, :2] > box[now, 2:])).any(axis=1)
            taken |= np.where(apart, 0, 1 << turn[other])
        # The lowest bit that is not taken.
        turn[now] = np.log2(~taken & (taken + 1)).astype(np.intp)
    return turn


def _subtract_earlier(units: _Units, wanted: Ints) -> Objects:
    """Return the shapes of the wanted units less all that goes before them.

    One cover after the other is subtracted, many shapes at a time: cheaper than first uniting the covers of each.
    """
    mine, theirs = _covers_near(units, wanted)
    begin = np.searchsorted(mine, np.arange(len(wanted) + 1))

    def cut(chunk: slice) -> Objects:
        pairs = slice(begin[chunk.start], begin[chunk.stop])
        row, cover = mine[pairs] - chunk.start, units.cover[theirs[pairs]]
        result: Objects = units.shape[wanted[chunk]].copy()
        # A prepared shape must not be used by two threads: each belongs to one chunk.
        shapely.prepare(result)
        meets = shapely.intersects(result[row], cover)
        shapely.destroy_prepared(result)
        row, cover = row[meets], cover[meets]
        touched = np.unique(row)
        result[touched] = units.whole[wanted[chunk]][touched]
        turn = _turns(row, cover)
        for nth in range(int(turn.max(initial=-1)) + 1):
            now = turn == nth
            at, many = np.unique(row[now], return_inverse=True)
            parts, of = shapely.get_parts(cover[now], return_index=True)
            joined = shapely.multipolygons(parts, indices=many[of])
            result[at] = _overlay(shapely.difference, result[at], joined)
        holes = units.holes[wanted[chunk]]
        last = touched[~shapely.is_missing(holes[touched])]
        result[last] = _overlay(shapely.difference, result[last], holes[last])
        return result

    chunks = [slice(a, min(a + _CHUNK, len(wanted))) for a in range(0, max(len(wanted), 1), _CHUNK)]
    # Shapely lets go of the interpreter lock while it works.
    with Threads(_WORKERS) as pool:
        return np.concatenate(list(pool.map(cut, chunks)))


def ground_polygons(
    ground: Ground, city: City, *, only: Collection[str] | None = None, quarter_segments: int = FINE_SEGMENTS
) -> gpd.GeoDataFrame:
    """Return the ground as polygons, disjoint by the order of precedence.

    Within a class, neighbouring strips of different faces are told apart by their order of rows, while a grid tells
    them apart by the nearest line: areas by class agree, areas by face differ a little around junctions. What no
    polygon holds is yard.

    Args:
        ground: The ground.
        city: Its city, for the CRS.
        only: Classes to return, None for all; `MAP_CLASSES` takes a fraction of the time.
        quarter_segments: Segments of a quarter circle in round ends; an arc of radius r runs at most
            r (1 - cos(45 degrees / n)) outside its chords.

    Returns:
        Polygons; columns `class`, `public`, `face` (-1 none), `osm_id`, sorted by precedence.

    Raises:
        UnknownNameError: `only` names no class.
    """
    strips, polygons = ground.strips, ground.polygons
    if only is not None:
        if unknown := sorted(set(only) - set(RANK)):
            raise UnknownNameError("class of ground", unknown[0], RANK)
        # The lowest class takes from no other, so it can be left out before any geometry is made.
        if "facade_strip" not in only:
            strips = strips[(strips["class"] != "facade_strip").to_numpy()]
    units = _units(strips, polygons, quarter_segments)
    wanted = np.arange(len(units))
    if only is not None:
        wanted = wanted[np.isin(units.name, list(only))]
    cut = _areal(_subtract_earlier(units, wanted))
    some = shapely.area(cut) > 1e-6
    cut, keep = cut[some], wanted[some]
    names = units.name[keep]
    return gpd.GeoDataFrame(
        {
            "class": pd.Series(names, dtype=object),
            "public": np.isin(names, list(PUBLIC)),
            "face": units.face[keep].astype(np.int32),
            "osm_id": pd.Series(units.osm_id[keep], dtype=object),
        },
        geometry=gpd.GeoSeries(cut, crs=city.crs),
    )
