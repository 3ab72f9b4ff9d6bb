"""Where one sees through a building at eye level: passages, arcades, and parts that begin above the ground.

Rules and reasons: tables `passages` and `parts` of `rules/obstacles.toml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from doorview.city.clean import SMALLEST_AREA_M2
from doorview.city.doors_tags import among, has, parsed, tag
from doorview.city.obstacles import below_ground, obstacle_rules, open_below
from doorview.city.values import metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cut_openings", "passage_ground"]


def passage_ground(ways: gpd.GeoDataFrame, counts: dict[str, int]) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the ways that run through buildings at ground level, as lines and as the ground that they keep open.

    The ground of a way is its line widened to both sides, ends included, by half of ``width`` (else the default of foot
    or vehicle ways) and, for arcades, by a strip more. What was ignored goes to `counts`.
    """
    rules = obstacle_rules()["passages"]
    through, elsewhere = _passes(ways), _elsewhere(ways)
    counts["covered ways off the ground or indoors, no passages"] = int((through & elsewhere).sum())
    kept = ways[through & ~elsewhere]
    width = parsed(tag(kept, "width"), metres)
    bad = ~np.isnan(width) & ~((width >= rules["width_low_m"]) & (width <= rules["width_high_m"]))
    width[bad] = np.nan
    counts["passages with a width out of bounds, taken by default"] = int(bad.sum())
    on_foot = among(tag(kept, "highway"), rules["foot"])
    width = np.where(np.isnan(width), np.where(on_foot, rules["foot_width_m"], rules["vehicle_width_m"]), width)
    arcade = among(tag(kept, "covered"), rules["arcade"]) | has(kept, "arcade")
    beyond = np.where(arcade, rules["arcade_beyond_m"], 0.0)
    lines = kept.geometry.to_numpy()
    return lines, shapely.buffer(lines, width / 2 + beyond, cap_style="square", join_style="mitre")


def _passes(layer: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether the tags of each way or area say that it runs through a building or under an arcade, shape (n,)."""
    rules = obstacle_rules()["passages"]
    by_tunnel, by_cover = among(tag(layer, "tunnel"), rules["tunnel"]), among(tag(layer, "covered"), rules["covered"])
    found: NDArray[np.bool_] = by_tunnel | by_cover | has(layer, "arcade")
    return found


def _elsewhere(layer: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether each way or area lies above or below the ground, or indoors, shape (n,)."""
    level = tag(layer, "layer")
    off = below_ground(layer)
    off |= np.array([text is not None and text.strip() != "0" for text in level], dtype=bool)
    off |= has(layer, "bridge") | among(tag(layer, "indoor"), ["yes"])
    off |= among(tag(layer, "highway"), ["corridor", "elevator"])
    return off


def _covered_areas(areas: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Return the pedestrian areas at ground level that run through buildings, as polygons."""
    kept = areas[has(areas, "highway") & _passes(areas) & ~_elsewhere(areas)]
    return np.asarray(kept.geometry.to_numpy(), dtype=object)


def _met(
    shapes: NDArray[np.object_], tree: shapely.STRtree, lines: NDArray[np.object_], least_m: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows of lines and of the buildings that they run through for `least_m` [m] or more."""
    line, building = tree.query(lines, predicate="intersects")
    inside = shapely.length(shapely.intersection(lines[line], shapes[building])) >= least_m
    return line[inside], building[inside]


def closed_passages(buildings: gpd.GeoDataFrame, ways: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> dict[str, int]:
    """Count the buildings that `cut_openings` would cut open along ways and areas, where nobody asked for it."""
    shapes = np.array(buildings.geometry.to_numpy(), dtype=object)
    tree = shapely.STRtree(shapes)
    _, rows = _met(shapes, tree, passage_ground(ways, {})[0], float(obstacle_rules()["passages"]["shortest_m"]))
    _, more = tree.query(_covered_areas(areas), predicate="intersects")
    number = len(np.union1d(rows, more))
    return {"buildings with a passage or arcade, left closed because openings were not asked for": number}


def cut_openings(
    buildings: gpd.GeoDataFrame,
    ways: gpd.GeoDataFrame,
    areas: gpd.GeoDataFrame,
    parts: gpd.GeoDataFrame | None,
    counts: dict[str, int],
) -> NDArray[np.object_]:
    """Return the footprints of buildings as they stand at eye level, shape (n,); None where nothing is left.

    Parameters
    ----------
    buildings
        Polygons, in metres.
    ways, areas, parts
        Of the same city; parts None: the source has none.
    counts
        What was cut, and what was left uncut for which reason, is added here.
    """
    shapes = np.array(buildings.geometry.to_numpy(), dtype=object)
    tree = shapely.STRtree(shapes)
    rules = obstacle_rules()["passages"]
    lines, ground = passage_ground(ways, counts)
    cuts: dict[int, list[Any]] = {}
    for one, row in zip(*_met(shapes, tree, lines, float(rules["shortest_m"])), strict=True):
        cuts.setdefault(int(row), []).append(ground[one])
    squares = _covered_areas(areas)
    for one, row in zip(*tree.query(squares, predicate="intersects"), strict=True):
        cuts.setdefault(int(row), []).append(squares[one])
    counts["buildings with a passage or arcade, cut open"] = len(cuts)
    plain = ways[~_passes(ways) & ~_elsewhere(ways) & ~has(ways, "tunnel")]
    unexplained = _met(shapes, tree, plain.geometry.to_numpy(), float(rules["untagged_m"]))[0]
    counts["ways through buildings that no tag explains, the buildings left closed"] = len(np.unique(unexplained))
    for row, open_ground in _under_parts(shapes, tree, parts, counts).items():
        cuts.setdefault(row, []).append(open_ground)
    gone = 0
    for row, taken in cuts.items():
        left = shapely.difference(shapes[row], shapely.union_all(taken))
        pieces = [piece for piece in shapely.get_parts(left) if piece.area > SMALLEST_AREA_M2]
        gone += not pieces
        shapes[row] = None if not pieces else pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)
    counts["buildings of which no wall is left at eye level, left out"] = gone
    return shapes


def _under_parts(
    shapes: NDArray[np.object_], tree: shapely.STRtree, parts: gpd.GeoDataFrame | None, counts: dict[str, int]
) -> dict[int, Any]:
    """Return by row of building the ground below its raised parts where nothing else stands."""
    rules = obstacle_rules()["parts"]
    found: dict[int, Any] = {}
    incomplete = 0
    if parts is not None and len(parts):
        kinds = [*obstacle_rules()["buildings"]["open_below"], *rules["open_kinds"]]
        raised = open_below(parts) | among(tag(parts, "building:part"), kinds)
        under = below_ground(parts)
        part_shapes = parts.geometry.to_numpy()
        part, building = tree.query(part_shapes, predicate="intersects")
        use = ~under[part]
        part, building = part[use], building[use]
        for row in np.unique(building[raised[part]]):
            mine = part[building == row]
            up, down = part_shapes[mine[raised[mine]]], part_shapes[mine[~raised[mine]]]
            standing = shapely.intersection(shapely.union_all(down), shapes[row])
            open_ground = shapely.difference(shapely.intersection(shapely.union_all(up), shapes[row]), standing)
            if open_ground.area < rules["smallest_m2"]:
                continue
            drawn = shapely.union(standing, open_ground).area
            if standing.area < rules["smallest_m2"] or drawn < rules["complete_share"] * shapes[row].area:
                incomplete += 1
                continue
            found[int(row)] = open_ground
    counts["buildings seen under raised parts, cut open"] = len(found)
    counts["buildings with raised parts but not drawn whole, left closed"] = incomplete
    return found
