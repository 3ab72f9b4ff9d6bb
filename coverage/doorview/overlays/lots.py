"""Whose land: the lot of each home, from the user's parcels or, without any, from an enclosed tessellation.

With parcels a door's lot is the parcel that holds it. Without, land between streets is shared out among the buildings
that stand there: each has what lies nearer to it than to any other (enclosed tessellation, Fleischmann et al. 2020,
doi 10.1016/j.compenvurbsys.2019.101441, made by momepy), as far as `REACH_M` from its walls. That is no cadastre: lot
lines half-way between houses are a guess, and so is every figure of whose land is in view that rests on it.

Lots hold public ground too: which ground of a lot is private is said by its class (`city.classes`), not here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from doorview.city.ground_areas import PARCEL_RANK
from doorview.city.property_lines import parcel_of
from doorview.errors import InputError
from doorview.overlays.pysal_home import no_folder_at_home

if TYPE_CHECKING:
    from doorview.city.ground import Ground

__all__ = ["METHODS", "NOTES", "NOTES_SHORT", "REACH_M", "Lots", "front_yards", "lots_of_homes"]

METHODS = ("parcels", "tessellation")
REACH_M = 40.0
"""Without parcels, land farther than this from a building belongs to nobody's home [m]; assumed."""
OUTBUILDING_M2 = 60.0
"""Without parcels, a building that is no home and smaller than this has no land of its own [m2]: sheds and garages
stand on somebody's lot; assumed."""
FRONT_MOST_M = 60.0
"""A home farther than this from any street has no front yard [m]; assumed."""
OVERLAP_M2 = 0.5
"""Lots may overlap by this without being mended [m2]."""
SHRINK_M, SEGMENT_M = 0.4, 1.0
"""Of the tessellation: buildings are shrunk by the first, and their outline is taken at steps of the second [m]."""
ROUND_SEGMENTS = 8

NOTES = {
    "parcels": "A home's land is the parcel that holds its door.",
    "tessellation": "There are no parcels: land between streets is shared out among buildings, to each what lies "
    "nearest to it (enclosed tessellation). That is a guess of lot lines, not a cadastre.",
}
"""How land was found, in words."""
NOTES_SHORT = {
    "parcels": "Lots: parcels.",
    "tessellation": "Lots are a guess: to each building what lies nearest to it.",
}

Shapes = NDArray[Any]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lots:
    """The land of homes.

    Attributes
    ----------
    shapes
        (lots,) polygons that do not overlap, each with a door at least; in the doors' CRS.
    of_door
        (doors,) the lot of each door; -1: none is known. Doors of one lot share it.
    method
        ``parcels`` or ``tessellation``.
    counts
        What was found, shared, mended and left out, in words.

    """

    shapes: Shapes
    of_door: Ints
    method: str
    counts: dict[str, int]

    def __len__(self) -> int:
        """Return the number of lots."""
        return len(self.shapes)

    @property
    def words(self) -> str:
        """How the land was found."""
        return NOTES[self.method]


def lots_of_homes(
    doors: gpd.GeoDataFrame, ground: Ground, extent: Any, *, method: str | None = None, reach_m: float = REACH_M
) -> Lots:
    """Return the lot of each home.

    Parameters
    ----------
    doors
        As from `find_doors`.
    ground
        As from `public_space`; where the city has parcels they are among its polygons.
    extent
        Polygon that the tessellation fills.
    method
        ``parcels`` or ``tessellation``; None: parcels where there are any.
    reach_m
        See `REACH_M`; the tessellation alone.

    Raises
    ------
    InputError
        For a method that does not exist, for parcels where there are none, or in another CRS than the doors'.

    """
    if method not in (None, *METHODS):
        raise InputError(f"lots by {method!r}: must be one of {', '.join(METHODS)}, or left out.")
    if len(doors) and doors.crs != ground.polygons.crs:
        raise InputError(
            "doors and ground lie in different CRS, so their places cannot be compared: use doors.to_crs(...)."
        )
    polygons = ground.polygons
    rank = np.asarray(polygons["rank"], dtype=np.float64)
    is_parcel = (polygons["class"].to_numpy(dtype=object) == "yard") & (rank == PARCEL_RANK)
    if method == "parcels" and not is_parcel.any():
        raise InputError(
            "lots by parcels: the place has none. Give a layer of them (parcels = '...' under [place.layers]), or take "
            "the tessellation: lots = 'tessellation'."
        )
    if method != "tessellation" and is_parcel.any():
        return _by_parcels(doors, polygons.geometry.to_numpy()[is_parcel])
    return _by_tessellation(doors, ground, extent, reach_m)


# --- parcels ----------------------------------------------------------------------------------------------------------


def _by_parcels(doors: gpd.GeoDataFrame, parcels: Shapes) -> Lots:
    """Return lots as parcels: of those that hold a door the smallest, else the nearest within a metre."""
    found = parcel_of(doors.geometry.to_numpy(), parcels)
    used, lot = np.unique(found[found >= 0], return_inverse=True)
    of_door = np.full(len(doors), -1, dtype=np.int64)
    of_door[found >= 0] = lot
    shapes, overlapping = disjoint(parcels[used])
    counts = {
        "parcels": len(parcels),
        "parcels with a home": len(used),
        "doors on no parcel": int((of_door < 0).sum()),
        "parcels that overlapped and were cut": overlapping,
    }
    return Lots(shapes, of_door, "parcels", {**counts, **_shared(of_door)})


def disjoint(shapes: Shapes) -> tuple[Shapes, int]:
    """Return polygons (n,) less what smaller ones take of them (of equals, earlier ones), and how many were cut.

    Slivers below `OVERLAP_M2` stay.
    """
    area = shapely.area(shapes)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    later = (area[first] > area[second]) | ((area[first] == area[second]) & (first > second))
    first, second = first[later], second[later]
    over = shapely.area(_met(shapes[first], shapes[second])) > OVERLAP_M2
    first, second = first[over], second[over]
    out = shapes.copy()
    groups = _grouped(first, second)
    for row, takers in groups:
        out[row] = _polygons(shapely.difference(_valid(shapes[row]), shapely.union_all(_valid(shapes[takers]))))
    return out, len(groups)


def _grouped(key: Ints, values: NDArray[Any]) -> list[tuple[int, NDArray[Any]]]:
    """Return each key (n,), ascending, with the values (n,) that have it, in their order."""
    if not len(key):
        return []
    order = np.argsort(key, kind="stable")
    keys, start = np.unique(key[order], return_index=True)
    return list(zip(keys.tolist(), np.split(values[order], start[1:]), strict=True))


def _valid(shapes: Any) -> Any:
    return shapely.make_valid(shapes)


def _met(one: Shapes, other: Shapes) -> Shapes:
    """Return intersections of shapes that may cross themselves."""
    met: Shapes = shapely.intersection(_valid(one), _valid(other))
    return met


def _polygons(shape: Any) -> Any:
    """Return the areas of a shape that may hold lines and points too."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = shapely.get_parts(shape)
    return shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])


def _shared(of_door: Ints) -> dict[str, int]:
    """Return how many doors share a lot with others."""
    per_lot = np.bincount(of_door[of_door >= 0], minlength=1)
    return {
        "lots shared by several doors": int((per_lot > 1).sum()),
        "doors on such lots": int(per_lot[per_lot > 1].sum()),
    }


# --- tessellation -----------------------------------------------------------------------------------------------------


def _by_tessellation(doors: gpd.GeoDataFrame, ground: Ground, extent: Any, reach_m: float) -> Lots:
    """Return lots as cells of an enclosed tessellation; a row of houses drawn as one building is split by its doors."""
    of_ground = ground.polygons
    footprint = of_ground["class"].to_numpy(dtype=object) == "building"
    ids, walls = of_ground["osm_id"].to_numpy(dtype=object)[footprint], of_ground.geometry.to_numpy()[footprint]
    home = np.isin(ids, np.asarray(doors["building"], dtype=object))
    kept = (home | (shapely.area(walls) >= OUTBUILDING_M2)) & shapely.intersects(extent, walls)
    whole, overlapping = disjoint(walls[kept])
    cells = _cells(whole, ground.faces.geometry.to_numpy(), extent)
    near = shapely.buffer(walls[kept], reach_m, quad_segs=ROUND_SEGMENTS)
    cells = np.array([_polygons(cell) for cell in shapely.intersection(cells, near)], dtype=object)
    number = {name: row for row, name in enumerate(ids[kept].tolist())}
    building = np.array([number.get(name, -1) for name in doors["building"].tolist()], dtype=np.int64)
    missing = building >= 0
    missing[missing] = shapely.is_empty(cells[building[missing]])
    building[missing] = -1
    lost = np.flatnonzero(building < 0)
    # A building inside another, or one that the tessellation lost: the land that the door stands on.
    building[lost] = parcel_of(doors.geometry.to_numpy()[lost], cells)
    shapes, of_door, rows = _split_rows(doors, cells, building)
    counts = {
        "buildings that land was shared out among": int(kept.sum()),
        "small buildings without land of their own": int((~kept).sum()),
        "buildings that overlapped and were cut": overlapping,
        "doors whose building has no cell of its own": len(lost),
        "doors on no lot": int((of_door < 0).sum()),
        "rows of houses split by their doors": rows,
    }
    return Lots(shapes, of_door, "tessellation", {**counts, **_shared(of_door)})


def _cells(buildings: Shapes, streets: Shapes, extent: Any) -> Shapes:
    """Return the cell of each building (n,), empty where the tessellation has none."""
    cells = np.full(len(buildings), shapely.Polygon(), dtype=object)
    if not len(buildings):
        return cells
    with no_folder_at_home():
        import momepy  # seconds to load, and only a study that asks for lots needs it

    with warnings.catch_warnings():
        # Of the libraries beneath it; what it leaves out is counted here.
        warnings.simplefilter("ignore")
        limit = gpd.GeoSeries([extent])
        blocks = (
            momepy.enclosures(gpd.GeoSeries(streets), limit=limit) if len(streets) else gpd.GeoDataFrame(geometry=limit)
        )
        table = gpd.GeoDataFrame(geometry=buildings)
        table = table[~table.is_empty]
        block, row = table.sindex.query(blocks.geometry, predicate="intersects")
        if np.bincount(block, minlength=1).max() < 2:
            # No block holds two: nothing to tessellate, and momepy does not take that.
            found, owner = blocks.geometry.to_numpy()[block], table.index.to_numpy()[row]
        else:
            made = momepy.enclosed_tessellation(table, blocks, shrink=SHRINK_M, segment=SEGMENT_M, n_jobs=1)
            made = made[made.index >= 0]
            found, owner = made.geometry.to_numpy(), made.index.to_numpy()
    for at, parts in _grouped(owner, found):
        # A building that a street runs through has land on both sides.
        cells[at] = shapely.union_all(parts) if len(parts) > 1 else parts[0]
    return np.asarray(_valid(cells), dtype=object)


def _split_rows(doors: gpd.GeoDataFrame, cells: Shapes, building: Ints) -> tuple[Shapes, Ints, int]:
    """Return lots, the lot of each door, and how many rows of houses were split: to each door what lies nearest."""
    of_door = np.full(len(doors), -1, dtype=np.int64)
    terrace = (doors["kind"].to_numpy(dtype=object) == "terrace") & (building >= 0)
    at = shapely.get_coordinates(doors.geometry.to_numpy())
    shapes: list[Any] = []
    rows = 0
    known = np.flatnonzero(building >= 0)
    for number, group in _grouped(building[known], known):
        if terrace[group].all() and len(np.unique(at[group], axis=0)) == len(group) > 1:
            parts = shapely.get_parts(
                shapely.voronoi_polygons(shapely.multipoints(at[group]), extend_to=cells[number].envelope, ordered=True)
            )
            of_door[group] = np.arange(len(shapes), len(shapes) + len(group))
            shapes += [_polygons(shape) for shape in shapely.intersection(parts, cells[number])]
            rows += 1
        else:
            of_door[group] = len(shapes)
            shapes.append(cells[number])
    out = np.empty(len(shapes), dtype=object)
    out[:] = shapes
    return out, of_door, rows


# --- front yards ------------------------------------------------------------------------------------------------------


def front_yards(lots: Lots, doors: gpd.GeoDataFrame, ground: Ground) -> tuple[Shapes, dict[str, int]]:
    """Return the part of each lot that lies nearer to a street than the home's building does, and counts.

    With d [m] from the centreline of the nearest street (no alley) to the nearest wall of the lot's homes, that is all
    of the lot within d of any street's centreline, empty where there is no street within `FRONT_MOST_M`. A corner lot
    has two such sides where the second street is as near. Public ground is still in it.
    """
    faces = ground.faces
    used = faces["ground_class"].to_numpy(dtype=object) != "alley"
    lines = faces.geometry.to_numpy()[used]
    front = np.full(len(lots), shapely.Polygon(), dtype=object)
    away = _setback(lots, doors, ground, lines)
    counts = {"lots with no street within reach": int((~np.isfinite(away)).sum())}
    rows = np.flatnonzero(np.isfinite(away) & (away > 0))
    if len(rows):
        lot, line = shapely.STRtree(lines).query(lots.shapes[rows], predicate="dwithin", distance=away[rows])
        groups = _grouped(lot, line)
        at = rows[[number for number, _ in groups]]
        streets = np.array([shapely.multilinestrings(lines[part]) for _, part in groups], dtype=object)
        found = _met(lots.shapes[at], shapely.buffer(streets, away[at], quad_segs=ROUND_SEGMENTS))
        for row, shape in zip(at.tolist(), found, strict=True):
            front[row] = _polygons(shape)
    return front, counts


def _setback(lots: Lots, doors: gpd.GeoDataFrame, ground: Ground, lines: Shapes) -> NDArray[np.float64]:
    """Return how far the nearest home of each lot stands from the nearest centreline [m]; inf beyond reach."""
    away = np.full(len(lots), np.inf)
    known = lots.of_door >= 0
    if not len(lines) or not known.any():
        return away
    polygons = ground.polygons
    is_building = polygons["class"].to_numpy(dtype=object) == "building"
    walls = dict(
        zip(
            polygons["osm_id"].to_numpy(dtype=object)[is_building].tolist(),
            polygons.geometry.to_numpy()[is_building].tolist(),
            strict=True,
        )
    )
    point = doors.geometry.to_numpy()
    homes = np.array([walls.get(name, point[row]) for row, name in enumerate(doors["building"].tolist())], dtype=object)
    # Where a row of houses is one building, a lot's own frontage is what lies on the lot.
    homes[known] = _frontage(homes[known], lots.shapes[lots.of_door[known]], point[known])
    (home, line), length = shapely.STRtree(lines).query_nearest(
        homes[known], max_distance=FRONT_MOST_M, return_distance=True, all_matches=False
    )
    del line
    np.minimum.at(away, lots.of_door[known][home], length)
    return away


def _frontage(homes: Shapes, lot: Shapes, point: Shapes) -> Shapes:
    """Return the part of each home on its lot; the door where none of it is."""
    met = _met(homes, lot)
    return np.where(shapely.is_empty(met), point, met)
