"""What stands between a camera and the street: buildings, and on request walls, fences and hedges, with heights.

Which tags count, and how high an untagged wall is, is in `rules/obstacles.toml`, each with its source or marked as an
assumption. Trees are in `doorview.city.trees`, parked cars in `doorview.city.parked`, passages through buildings in
`doorview.city.openings`, the recess of a door in `doorview.sight.recess`; `joined` puts such tables together.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_tags import among, natural_order, parsed, tag
from doorview.city.values import count, metres
from doorview.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = ["KINDS", "enclosed_doors", "find_obstacles", "joined", "obstacle_rules", "open_or_underground"]

KINDS = ("buildings", "all")

AHEAD_M = 0.5
"""A door that has another building this near straight ahead stands on a shared wall or in a gap [m]."""


@cache
def obstacle_rules() -> dict[str, Any]:
    """Read `rules/obstacles.toml`, once; a dict of its tables."""
    text = resources.files("doorview.city").joinpath("rules/obstacles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def below_ground(layer: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether each feature lies below the ground: ``layer`` below 0 or ``location=underground``, shape (n,)."""
    rules = obstacle_rules()["buildings"]
    sunk = among(tag(layer, "location"), rules["underground"])
    level = tag(layer, "layer")
    sunk |= np.array([text is not None and text.strip().startswith(("-", "−")) for text in level], dtype=bool)
    return sunk


def open_below(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether one sees through below each building: roofs on posts, what starts high above ground, shape (n,)."""
    rules = obstacle_rules()
    start = parsed(tag(buildings, "min_height"), metres)
    levels = parsed(tag(buildings, "building:min_level"), count)
    start = np.where(np.isnan(start), levels * float(rules["levels"]["height_m"]), start)
    lifted = start >= float(rules["buildings"]["clear_below_m"])
    lifted |= among(tag(buildings, "location"), rules["buildings"]["aloft"])
    return lifted | among(tag(buildings, "building"), rules["buildings"]["open_below"])


def open_or_underground(buildings: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether a building takes no ground at eye level, shape (n,)."""
    return below_ground(buildings) | open_below(buildings)


def find_obstacles(
    city: City,
    kinds: str = "buildings",
    *,
    openings: bool = False,
    trees: bool = False,
    row_spacing_m: float | None = None,
) -> gpd.GeoDataFrame:
    """Find what hides the street from a camera.

    Parameters
    ----------
    city
        Projected, in metres.
    kinds
        ``"buildings"``, or ``"all"`` for walls, closed fences and hedges too.
    openings
        Cut buildings open where passages and arcades run through them and where parts begin above the eye.
    trees
        Add the trunks of mapped trees and tree rows (see `doorview.city.trees`).
    row_spacing_m
        Distance between the trunks of a tree row [m], by default as `rules/obstacles.toml` has it.

    Returns
    -------
    GeoDataFrame
        Polygons and lines, index `osm_id` in natural order (a barrier that is a building too keeps the building's row),
        columns `geometry`, `kind` (`building`, `wall`, `fence`, `hedge`, ...) and `height_m` (float64; NaN: taller than
        any sight line). ``attrs["counts"]``: dict of plain words to counts, what was left out included;
        ``attrs["notes"]``: the assumptions used.

    Raises
    ------
    UnknownNameError
        If `kinds` is neither.
    InputError
        If `row_spacing_m` is no number of 1 m or more.

    Notes
    -----
    Heights: ``height``, else ``building:levels`` times 3.0 m (assumption), else NaN for buildings; barriers have
    defaults in `rules/obstacles.toml`. What starts less than 2 m above the ground counts from the ground.

    Examples
    --------
    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> corners = [(5e5 + x, y) for x in range(0, 200, 20) for y in (8.0, -18.0)]
    >>> shapes = [shapely.box(x, y, x + 10.0, y + 10.0) for x, y in corners]
    >>> houses = gpd.GeoDataFrame({"building": ["house"] * 20}, geometry=shapes, crs="EPSG:32618")
    >>> line = shapely.LineString([(499900, 0), (500300, 0)])
    >>> street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
    >>> city = dv.City.from_layers(buildings=houses, streets=street, country="us")
    >>> obstacles = dv.find_obstacles(city)
    >>> obstacles["kind"].unique().tolist(), int(obstacles["height_m"].isna().sum())
    (['building'], 20)

    """
    if kinds not in KINDS:
        raise UnknownNameError("kind of obstacles", kinds, KINDS, "Use kinds='buildings' or kinds='all'.")
    counts: dict[str, int] = {}
    notes: list[str] = []
    parts = [_buildings(city, counts, notes, openings=openings)]
    if kinds == "all":
        barriers = _barriers(city.barriers, counts, notes)
        parts.append(barriers[~barriers.index.isin(parts[0].index)])
    if trees:
        from doorview.city.trees import row_trunks, tree_trunks

        for trunks in (tree_trunks(city), row_trunks(city, row_spacing_m)):
            counts |= trunks.attrs["counts"]
            notes += trunks.attrs["notes"]
            parts.append(pd.DataFrame(trunks))
    table = pd.concat([part for part in parts if len(part)] or parts[:1])
    table = table.iloc[natural_order(table.index)]
    out = gpd.GeoDataFrame(table[["geometry", "kind", "height_m"]], geometry="geometry", crs=city.crs)
    out.index = pd.Index(out.index, dtype=object, name="osm_id")
    out.attrs["counts"] = counts
    out.attrs["notes"] = notes
    return out


def joined(obstacles: gpd.GeoDataFrame, *more: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Put tables of obstacles together: buildings and walls, parked cars, recess walls.

    Parameters
    ----------
    obstacles, more
        Tables with `kind` and `height_m` (as `find_obstacles`), in one CRS; no id twice.

    Returns
    -------
    GeoDataFrame
        Columns `geometry`, `kind`, `height_m`, index `osm_id`, the rows in the order given; counts and notes joined.

    Raises
    ------
    InputError
        If the tables are in different CRSs, or an id stands in two of them.
    """
    tables = [obstacles, *more]
    for table in more:
        if table.crs != obstacles.crs:
            raise InputError(
                f"obstacles are in {obstacles.crs} and in {table.crs}, so their places cannot be compared. Use "
                "table.to_crs(obstacles.crs)."
            )
    column = {name: np.concatenate([table[name].to_numpy() for table in tables]) for name in ("kind", "height_m")}
    index = pd.Index(np.concatenate([np.asarray(table.index, dtype=object) for table in tables]), name="osm_id")
    if not index.is_unique:
        raise InputError(
            f"obstacle {index[index.duplicated()][0]!r} stands in two tables: each must have ids of its own. Join each "
            "table once."
        )
    out = gpd.GeoDataFrame(
        {"kind": pd.Series(column["kind"], dtype=object).to_numpy(), "height_m": column["height_m"].astype(np.float64)},
        geometry=np.concatenate([np.asarray(table.geometry.array, dtype=object) for table in tables]),
        index=index,
        crs=obstacles.crs,
    )[["geometry", "kind", "height_m"]]
    out.attrs["counts"] = {k: v for table in tables for k, v in table.attrs.get("counts", {}).items()}
    out.attrs["notes"] = [note for table in tables for note in table.attrs.get("notes", [])]
    return out


def enclosed_doors(doors: gpd.GeoDataFrame, obstacles: gpd.GeoDataFrame) -> pd.DataFrame:
    """Find doors that do not stand free: in another building, on a shared wall, in a courtyard.

    Nothing is moved or dropped: `find_doors` avoids such places where it can, and this says how many are left.

    Parameters
    ----------
    doors
        As `find_doors`: points with `heading` and `building` (osm_id).
    obstacles
        As `find_obstacles`; rows of the kind ``building`` count.

    Returns
    -------
    DataFrame
        On the doors' index: `inside_own` (in the footprint of its own building, and would see through it),
        `inside_other` (osm_id of the first other building that holds it, or None: overlapping footprints),
        `shared_wall` (osm_id of the first building, its own included, within 0.5 m straight ahead, or None),
        `courtyard` (in a hole of the footprints together, so that walls close it on all sides), `own_wall` (its own
        building is an obstacle, so that it cannot see through it). ``attrs["counts"]``: how many of each.

    Raises
    ------
    InputError
        If doors and obstacles are in different CRSs, or a column is missing.
    """
    missing = {"heading", "building"} - set(doors.columns)
    if missing or doors.crs != obstacles.crs:
        what = f"doors have no column {min(missing)!r}" if missing else f"{doors.crs} is not {obstacles.crs}"
        raise InputError(
            f"enclosed_doors: {what}, so doors and buildings cannot be compared. Use doors of dv.find_doors(city) and "
            "obstacles of dv.find_obstacles(city)."
        )
    walls = obstacles[(obstacles["kind"] == "building").to_numpy()]
    names = np.asarray(walls.index, dtype=object)
    shapes = walls.geometry.to_numpy()
    own = doors["building"].to_numpy(dtype=object)
    points = doors.geometry.to_numpy()
    tree = shapely.STRtree(shapes)

    def first(queries: NDArray[np.object_], *, others: bool) -> NDArray[np.object_]:
        door, building = tree.query(queries, predicate="intersects")
        order = np.lexsort((building, door))
        door, building = door[order], building[order]
        if others:
            stay = names[building] != own[door]
            door, building = door[stay], building[stay]
        found = np.full(len(points), None, dtype=object)
        rows, at = np.unique(door, return_index=True)
        found[rows] = names[building[at]]
        return found

    door, building = tree.query(points, predicate="intersects")
    inside_own = np.zeros(len(points), dtype=bool)
    inside_own[door[names[building] == own[door]]] = True
    heading = np.radians(doors["heading"].to_numpy(dtype=np.float64))
    xy = shapely.get_coordinates(points)
    ahead = xy + AHEAD_M * np.column_stack([np.sin(heading), np.cos(heading)])
    sight = shapely.linestrings(np.stack([xy, ahead], axis=1)) if len(points) else points
    holes = _courtyards(shapes)
    courtyard = np.zeros(len(points), dtype=bool)
    courtyard[shapely.STRtree(holes).query(points, predicate="intersects")[0]] = True
    out = pd.DataFrame(
        {
            "inside_own": inside_own,
            "inside_other": pd.Series(first(points, others=True), dtype=object).to_numpy(),
            "shared_wall": pd.Series(first(sight, others=False), dtype=object).to_numpy(),
            "courtyard": courtyard,
            "own_wall": np.isin(own.astype(str), names.astype(str)),
        },
        index=doors.index,
    )
    out.attrs["counts"] = {
        "doors inside their own building": int(out["inside_own"].sum()),
        "doors inside another building": int(out["inside_other"].notna().sum()),
        "doors with a building within 0.5 m straight ahead": int(out["shared_wall"].notna().sum()),
        "doors in a closed courtyard": int(out["courtyard"].sum()),
        "doors whose own building is no obstacle": int((~out["own_wall"]).sum()),
    }
    return out


def _courtyards(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the holes of all footprints together, as polygons."""
    whole = shapely.get_parts(shapely.union_all(shapes))
    whole = whole[shapely.get_type_id(whole) == 3]
    outer = shapely.polygons(shapely.get_exterior_ring(whole)) if len(whole) else whole
    gaps = shapely.get_parts(shapely.difference(outer, whole))
    holes: NDArray[np.object_] = gaps[shapely.get_type_id(gaps) == 3]
    return holes


def _table(layer: gpd.GeoDataFrame, kind: Any, height: NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "geometry": layer.geometry.to_numpy(),
            "kind": pd.Series(kind, dtype=object).to_numpy(),
            "height_m": np.asarray(height, dtype=np.float64),
        },
        index=pd.Index(layer.index, dtype=object),
    )


def _buildings(city: City, counts: dict[str, int], notes: list[str], *, openings: bool) -> pd.DataFrame:
    from doorview.city.openings import closed_passages, cut_openings

    buildings = city.buildings
    per_level = float(obstacle_rules()["levels"]["height_m"])
    under, through = below_ground(buildings), open_below(buildings)
    counts["buildings below ground, left out"] = int(under.sum())
    counts["buildings open below (roofs, raised parts), left out"] = int((through & ~under).sum())
    kept = buildings[~(under | through) & ~shapely.is_empty(buildings.geometry.to_numpy())]
    light = among(tag(kept, "wall"), ["no"])
    counts["buildings with wall=no, open to some side or light, taken as closed"] = int(light.sum())
    if not openings:
        counts |= closed_passages(kept, city.ways, city.areas)
    else:
        left = cut_openings(kept, city.ways, city.areas, city.parts, counts)
        kept = kept.set_geometry(gpd.GeoSeries(left, index=kept.index, crs=kept.crs))[~shapely.is_missing(left)]
        aloft = parsed(tag(kept, "layer"), count)
        low = ~(parsed(tag(kept, "min_height"), metres) > 0) & ~(parsed(tag(kept, "building:min_level"), count) > 0)
        counts["buildings with a layer above 0 and nothing that says how high, taken from the ground"] = int(
            ((aloft > 0) & low).sum()
        )
    height = parsed(tag(kept, "height"), metres)
    height[~(height > 0)] = np.nan
    levels = parsed(tag(kept, "building:levels"), count)
    by_level = np.isnan(height) & (levels > 0)
    counts["buildings"] = len(kept)
    counts["buildings with a tagged height"] = int(np.isfinite(height).sum())
    counts["buildings with a height from levels"] = int(by_level.sum())
    height = np.where(by_level, levels * per_level, height)
    counts["buildings taken as taller than any sight line"] = int(np.isnan(height).sum())
    if by_level.any():
        notes.append(f"{int(by_level.sum())} buildings have their height from levels of {per_level} m (assumption).")
    return _table(kept, ["building"] * len(kept), height)


def _barriers(barriers: gpd.GeoDataFrame, counts: dict[str, int], notes: list[str]) -> pd.DataFrame:
    default: dict[str, float] = {}
    through: dict[str, frozenset[str]] = {}
    for group in obstacle_rules()["barrier"]:
        if group["obstacle"]:
            default |= group["height_m"]
            through |= {value: frozenset(group.get("see_through_types", ())) for value in group["values"]}
    kind = tag(barriers, "barrier")
    opaque = np.array([value in default for value in kind], dtype=bool)
    fence_type = tag(barriers, "fence_type")
    see_through = np.array([t in through.get(k, ()) for k, t in zip(kind, fence_type, strict=True)], dtype=bool)
    under = below_ground(barriers)
    counts["barriers of kinds that hide nothing, left out"] = int((~opaque).sum())
    counts["fences that one sees through, left out"] = int((opaque & see_through).sum())
    counts["barriers below ground, left out"] = int((opaque & ~see_through & under).sum())
    kept = barriers[opaque & ~see_through & ~under & ~shapely.is_empty(barriers.geometry.to_numpy())]
    height = parsed(tag(kept, "height"), metres)
    height[~(height > 0)] = np.nan
    assumed = np.array([default[value] for value in tag(kept, "barrier")], dtype=np.float64)
    counts["barriers"] = len(kept)
    counts["barriers with a tagged height"] = int(np.isfinite(height).sum())
    if np.isnan(height).any():
        notes.append(f"{int(np.isnan(height).sum())} barriers have the default height of their kind.")
    return _table(kept, tag(kept, "barrier"), np.where(np.isnan(height), assumed, height))
