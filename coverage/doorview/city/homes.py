"""Which buildings are homes, of which kind, and how many dwellings they hold.

The rules are data: `rules/homes.toml` gives each value of ``building=*`` a kind and a reason, and each figure its mark.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_streets import Streets, street_distance
from doorview.city.doors_tags import among, has, natural_order, parsed, tag
from doorview.city.home_rules import HomeRules, home_rules
from doorview.city.values import count, metres

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = [
    "HomeRules",
    "axes",
    "classify_buildings",
    "flats_in",
    "home_addresses",
    "home_rules",
    "long_side",
    "storeys",
]

ADDRESS_REACH_M = 1.0
"""An address node this near to an outline belongs to the building: nodes are drawn on or just inside the wall."""


def typed_homes(values: NDArray[np.object_], rules: HomeRules) -> NDArray[np.object_]:
    """Return the group of each value of ``building=*``: its first listed part, lower case, or None."""
    group: dict[str, str | None] = {}
    for text in set(values):
        # A user's footprint without the tag says as little as building=yes.
        parts = ["yes"] if text is None else [text.strip().lower(), *(part.strip().lower() for part in text.split(";"))]
        group[text] = next((part for part in parts if part in rules.home), None)
    return np.array([group[text] for text in values], dtype=object)


_RANGE = re.compile(r"^\s*(\d+)\s*(?:-|–|to)\s*(\d+)\s*$")


def flats_in(text: str | None) -> int | None:
    """Return how many flats ``addr:flats`` or ``addr:unit`` lists: ``1-6`` -> 6, ``1;3;5`` -> 3, ``A-C`` -> 3.

    None where nothing is listed. A range that runs backward, or above 400 flats, counts as one.
    """
    if text is None or not text.strip():
        return None
    total = 0
    for part in re.split(r"[;,]", text):
        if not part.strip():
            continue
        numbers = _RANGE.match(part)
        letters = re.match(r"^\s*([A-Za-z])\s*-\s*([A-Za-z])\s*$", part)
        if numbers:
            span = int(numbers[2]) - int(numbers[1]) + 1
        elif letters:
            span = ord(letters[2].lower()) - ord(letters[1].lower()) + 1
        else:
            span = 1
        total += span if 1 <= span <= 400 else 1
    return total or None


def home_addresses(city: City, buildings: gpd.GeoDataFrame) -> pd.DataFrame:
    """Match address nodes to the buildings that they lie in or on.

    Parameters
    ----------
    city
        Its `addresses`.
    buildings
        The buildings, in order; the nearest within 1 m gets the node, the first in order among equals.

    Returns
    -------
    DataFrame
        One row per matched node in order of the addresses: `osm_id`, `building` (row number in `buildings`), `x`, `y`
        [m], `number`, `street`, `units` (float, flats listed, NaN if none) and `business` (a shop or the like).
    """
    nodes = city.addresses
    nodes = nodes.iloc[natural_order(nodes.index)]
    points = shapely.centroid(nodes.geometry.to_numpy())
    tree = shapely.STRtree(buildings.geometry.to_numpy())
    at, building = tree.query(points, predicate="dwithin", distance=ADDRESS_REACH_M)
    distance = shapely.distance(points[at], buildings.geometry.to_numpy()[building])
    order = np.lexsort((building, distance, at))
    at, building = at[order], building[order]
    first = np.ones(len(at), dtype=bool)
    first[1:] = at[1:] != at[:-1]
    at, building = at[first], building[first]
    picked = nodes.iloc[at]
    street = tag(picked, "addr:street")
    place = tag(picked, "addr:place")
    flats = [
        flats_in(a) or flats_in(b) for a, b in zip(tag(picked, "addr:flats"), tag(picked, "addr:unit"), strict=True)
    ]
    return pd.DataFrame(
        {
            "osm_id": np.asarray(picked.index, dtype=object),
            "building": building.astype(np.int64),
            "x": shapely.get_x(points[at]),
            "y": shapely.get_y(points[at]),
            "number": tag(picked, "addr:housenumber"),
            "street": np.where(street == None, place, street),  # noqa: E711 - elementwise
            "units": np.array([np.nan if n is None else n for n in flats], dtype=np.float64),
            "unit": np.where(tag(picked, "addr:unit") == None, tag(picked, "addr:flats"), tag(picked, "addr:unit")),  # noqa: E711
            "business": has(picked, "shop", "amenity", "office", "craft", "tourism", "leisure", "healthcare"),
        }
    )


def classify_buildings(
    city: City, buildings: gpd.GeoDataFrame, addresses: pd.DataFrame, streets: Streets
) -> pd.DataFrame:
    """Say of each building whether it is a home, of which kind, by which rule, and with how many dwellings.

    Parameters
    ----------
    city
        Its `areas` (land set aside for other uses).
    buildings
        Buildings in order, shape (n,).
    addresses
        From `home_addresses`.
    streets
        From `doors_streets.streets_of`: an outbuilding stands farther from the street than its home.

    Returns
    -------
    DataFrame
        On the index of `buildings`: `home` (bool), `kind` (`house`, `terrace`, `apartments`, `unknown`, or `none`),
        `rule` (plain words), `numbered` (bool), `dwellings` (int32), `exact` (bool: dwellings were tagged or counted),
        `row` (bool: one footprint that holds a row of houses), `levels_nearby` (bool: the levels are those of homes
        nearby).
    """
    rules = home_rules()
    n = len(buildings)
    area = shapely.area(buildings.geometry.to_numpy())
    group = typed_homes(tag(buildings, "building"), rules)
    verdict = np.array([rules.home.get(item, False) if item is not None else False for item in group], dtype=object)
    kind = np.array([rules.kind.get(item, "none") if item is not None else "none" for item in group], dtype=object)
    number_tag = tag(buildings, "addr:housenumber")
    noded = np.zeros(n, dtype=bool)
    noded[addresses["building"].to_numpy()[~addresses["business"].to_numpy(dtype=bool)]] = True
    numbered = (number_tag != None) | has(buildings, "addr:housename") | noded  # noqa: E711 - elementwise
    levels = storeys(buildings, rules)
    flats = _tagged_flats(buildings)

    home = verdict == True  # noqa: E712 - elementwise on objects
    rule = np.where(home, "tagged as a home", "tagged as something else").astype(object)
    rule[group == None] = "building=* that the rules do not list"  # noqa: E711
    listed = (flats >= 1) & ~home & (verdict != "rule")
    home |= listed
    kind[listed] = "apartments"
    rule[listed] = "flats tagged in a building of another kind"

    unspecified = verdict == "rule"
    decided, why = _unspecified(city, buildings, unspecified, home, numbered, area, levels, streets, rules)
    home = np.where(unspecified, decided, home)
    rule = np.where(unspecified, why, rule).astype(object)

    twins = _twins(buildings.geometry.to_numpy(), home)
    home[twins] = False
    rule[twins] = "the same footprint drawn twice"
    kind[~home] = "none"
    near = _levels_nearby(buildings.geometry.to_numpy(), kind, area, levels, rules)
    levels = np.where(np.isnan(levels), near, levels)
    dwellings, exact, several, row = _dwellings(buildings, addresses, kind, numbered, area, levels, flats, rules)
    kind[home & (kind == "unknown") & (exact | several) & (dwellings > 1)] = "apartments"
    return pd.DataFrame(
        {
            "home": home.astype(bool),
            "kind": kind,
            "rule": rule,
            "numbered": numbered.astype(bool),
            "dwellings": np.where(home, dwellings, 0).astype(np.int32),
            "exact": exact,
            "row": row & home,
            "levels_nearby": np.isfinite(near),
        },
        index=buildings.index,
    )


def storeys(buildings: gpd.GeoDataFrame, rules: HomeRules) -> NDArray[np.float64]:
    """Levels of each building: tagged, else height by metres per level, else NaN, shape (n,)."""
    levels = parsed(tag(buildings, "building:levels"), count)
    height = parsed(tag(buildings, "height"), metres)
    by_height = np.maximum(1.0, np.floor(height / float(rules.dwellings["level_height_m"])))
    return np.where(levels >= 1, levels, by_height)


def _tagged_flats(buildings: gpd.GeoDataFrame) -> NDArray[np.float64]:
    flats = parsed(tag(buildings, "building:flats"), count)
    units = parsed(tag(buildings, "building:units"), count)
    listed = parsed(tag(buildings, "addr:flats"), flats_in)
    found = np.where(flats >= 1, flats, np.where(units >= 1, units, listed))
    return np.where(found >= 1, found, np.nan)


def _unspecified(
    city: City,
    buildings: gpd.GeoDataFrame,
    mine: NDArray[np.bool_],
    known: NDArray[np.bool_],
    numbered: NDArray[np.bool_],
    area: NDArray[np.float64],
    levels: NDArray[np.float64],
    streets: Streets,
    rules: HomeRules,
) -> tuple[NDArray[np.bool_], NDArray[np.object_]]:
    """Apply the rule for ``building=yes``, in the order that `rules/homes.toml` states; both shape (n,)."""
    figures, uses = rules.unspecified, rules.uses
    amenity = tag(buildings, "amenity")
    tourism = tag(buildings, "tourism")
    below = (
        has(buildings, *uses["ground_floor"])
        | among(amenity, uses["ground_floor_amenities"])
        | among(tourism, uses["ground_floor_tourism"])
    )
    whole = has(buildings, *(key for key in uses["whole"] if key != "tourism"))
    whole |= has(buildings, "amenity") & ~among(amenity, uses["ground_floor_amenities"])
    whole |= has(buildings, "tourism") & ~among(tourism, uses["ground_floor_tourism"])
    few = ~(levels >= float(figures["levels_of_a_large_home"]))

    why = np.full(len(buildings), "", dtype=object)
    home = np.zeros(len(buildings), dtype=bool)

    def settle(where: NDArray[np.bool_], verdict: bool, words: str) -> None:
        now = mine & (why == "") & where
        why[now] = words
        home[now] = verdict

    settle(whole, False, "unspecified, used as something else")
    settle(below & ~(levels >= float(figures["levels_above_a_shop"])), False, "unspecified, a shop or office")
    settle((area > figures["large_m2"]) & few, False, "unspecified, too large for a home")
    settle(numbered & (area >= figures["numbered_area_min_m2"]), True, "unspecified, with a house number")
    settle(below, True, "unspecified, levels above a shop")
    settle(area < figures["area_min_m2"], False, "unspecified, too small for a home")
    settle((area > figures["area_max_m2"]) & few, False, "unspecified, too large for a home")
    settle(_on_other_land(city, buildings, mine & (why == ""), figures), False, "unspecified, on land for other uses")
    sure = known | home
    settle(
        _outbuildings(buildings, mine & (why == ""), sure, area, streets, figures),
        False,
        "unspecified, an outbuilding behind a home",
    )
    open_question = mine & (why == "")
    mapped = _mapped_share(buildings, sure, numbered | (known & ~mine), open_question, figures)
    settle(mapped >= figures["mapped_share"], False, "unspecified, without a number among numbered homes")
    settle(np.ones(len(buildings), dtype=bool), True, "unspecified, of a home's size")
    return home, why


def _on_other_land(
    city: City, buildings: gpd.GeoDataFrame, asked: NDArray[np.bool_], figures: dict[str, Any]
) -> NDArray[np.bool_]:
    inside = np.zeros(len(buildings), dtype=bool)
    areas = getattr(city, "areas", None)
    if areas is None or not len(areas) or not asked.any():
        return inside
    other = areas[among(tag(areas, "landuse"), figures["other_land"])]
    rows = np.flatnonzero(asked)
    points = shapely.point_on_surface(buildings.geometry.to_numpy()[rows])
    polygons = other.geometry.to_numpy()
    shapely.prepare(polygons)
    hit, _ = shapely.STRtree(polygons).query(points, predicate="intersects")
    inside[rows[np.unique(hit)]] = True
    return inside


def _outbuildings(
    buildings: gpd.GeoDataFrame,
    asked: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    area: NDArray[np.float64],
    streets: Streets,
    figures: dict[str, Any],
) -> NDArray[np.bool_]:
    behind = np.zeros(len(buildings), dtype=bool)
    rows, homes = np.flatnonzero(asked), np.flatnonzero(sure)
    if not len(rows) or not len(homes):
        return behind
    shapes = buildings.geometry.to_numpy()
    at, near = shapely.STRtree(shapes[homes]).query(
        shapes[rows], predicate="dwithin", distance=float(figures["outbuilding_reach_m"])
    )
    mine, theirs = rows[at], homes[near]
    smaller = area[mine] < float(figures["outbuilding_ratio"]) * area[theirs]
    mine, theirs = mine[smaller], theirs[smaller]
    involved, inverse = np.unique(np.concatenate([mine, theirs]), return_inverse=True)
    distance = street_distance(shapes[involved], streets)[inverse]
    behind[mine[distance[: len(mine)] > distance[len(mine) :]]] = True
    return behind


def _mapped_share(
    buildings: gpd.GeoDataFrame,
    sure: NDArray[np.bool_],
    marked: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    figures: dict[str, Any],
) -> NDArray[np.float64]:
    """Share of sure homes among sure homes and open questions, in three by three fields around each, shape (n,)."""
    box = shapely.bounds(buildings.geometry.to_numpy())
    centre = (box[:, :2] + box[:, 2:]) / 2
    field = np.floor(centre / float(figures["field_m"])).astype(np.int64)
    field -= field.min(axis=0, initial=0) - 1 if len(field) else 0
    width = int(field[:, 1].max(initial=0)) + 2
    # Only the fields with buildings are listed: a stray building far away costs nothing.
    key, at = np.unique(field[:, 0] * width + field[:, 1], return_inverse=True)
    yes = np.bincount(at[sure & marked], minlength=len(key)).astype(np.float64)
    all_ = yes + np.bincount(at[asked], minlength=len(key))
    top, bottom = np.zeros(len(key)), np.zeros(len(key))
    for step in (dx * width + dy for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
        place = np.minimum(np.searchsorted(key, key + step), len(key) - 1)
        there = key[place] == key + step
        top += np.where(there, yes[place], 0.0)
        bottom += np.where(there, all_[place], 0.0)
    top, bottom = top[at], bottom[at]
    return np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0)


def _twins(shapes: NDArray[np.object_], home: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of homes whose footprint an earlier home already has."""
    rows = np.flatnonzero(home)
    frame = pd.DataFrame(shapely.bounds(shapes[rows]), columns=["a", "b", "c", "d"]).round(3)
    close = np.flatnonzero(frame.duplicated(keep=False).to_numpy())
    if not len(close):
        return np.empty(0, dtype=np.int64)
    text = shapely.to_wkb(shapely.normalize(shapely.set_precision(shapes[rows[close]], 0.001)))
    again: NDArray[np.int64] = rows[close[pd.Series(text, dtype=object).duplicated().to_numpy()]]
    return again


def _levels_nearby(
    shapes: NDArray[np.object_],
    kind: NDArray[np.object_],
    area: NDArray[np.float64],
    levels: NDArray[np.float64],
    rules: HomeRules,
) -> NDArray[np.float64]:
    """Median levels of the homes around each home that has none and needs them; else NaN, shape (n,)."""
    figures = rules.dwellings
    found = np.full(len(shapes), np.nan)
    needs = (kind == "apartments") | ((kind == "unknown") & (area > float(figures["tall_area_m2"])))
    asked = np.flatnonzero(needs & np.isnan(levels))
    known = np.flatnonzero((kind != "none") & (levels >= 1))
    if len(known) < int(figures["levels_nearby_homes"]) or not len(asked):
        return found
    at, near = shapely.STRtree(shapely.centroid(shapes[known])).query(
        shapely.centroid(shapes[asked]), predicate="dwithin", distance=float(figures["levels_nearby_m"])
    )
    around = levels[known[near]]
    order = np.lexsort((around, at))
    at, around = at[order], around[order]
    row, first, size = np.unique(at, return_index=True, return_counts=True)
    middle = (around[first + (size - 1) // 2] + around[first + size // 2]) / 2
    enough = size >= int(figures["levels_nearby_homes"])
    found[asked[row[enough]]] = middle[enough]
    return found


def _dwellings(
    buildings: gpd.GeoDataFrame,
    addresses: pd.DataFrame,
    kind: NDArray[np.object_],
    numbered: NDArray[np.bool_],
    area: NDArray[np.float64],
    levels: NDArray[np.float64],
    flats: NDArray[np.float64],
    rules: HomeRules,
) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Dwellings by tag, by addresses counted, else by the figures of the rules; each shape (n,).

    Then whether the number is that of tags or addresses, whether there are several addresses, and whether the footprint
    holds a row.
    """
    figures = rules.dwellings
    n = len(buildings)
    shapes = buildings.geometry.to_numpy()
    below = has(buildings, *rules.uses["ground_floor"]) | has(buildings, "amenity")
    gross = float(figures["gross_area_m2"])

    estimate = np.ones(n)
    block = kind == "apartments"
    estimate[block] = (area * np.where(levels >= 1, levels, float(figures["levels_apartments"])) / gross)[block]
    unknown = kind == "unknown"
    tall = unknown & (levels >= float(figures["tall_levels"])) & (area > float(figures["tall_area_m2"]))
    estimate[tall] = (area * (levels - below) / gross)[tall]
    large = unknown & ~tall & ~numbered & ~(levels <= 1) & (area > float(figures["unknown_single_m2"]))
    estimate[large] = (area * np.where(levels >= 1, levels, float(figures["levels_row"])) / gross)[large]

    row = (kind == "terrace") & ~numbered & (area > float(figures["terrace_single_m2"])) & np.isnan(flats)
    rows = np.flatnonzero(row)
    if len(rows):
        estimate[rows] = long_side(shapes[rows]) / float(figures["frontage_m"])
    estimate = np.clip(np.round(estimate), 1, float(figures["dwellings_max"]))

    homes = addresses[~addresses["business"].to_numpy(dtype=bool)]
    counted = np.zeros(n)
    if len(homes):
        named = homes.assign(
            unit=homes["unit"].fillna("").astype(object), number=homes["number"].fillna("").astype(object)
        )
        each = named.drop_duplicates(["building", "number", "street", "unit"])
        np.add.at(counted, each["building"].to_numpy(), each["units"].fillna(1.0).to_numpy())
    own = np.array([0 if text is None else len(re.split(r"[;,]", text)) for text in tag(buildings, "addr:housenumber")])
    counted = np.maximum(counted, np.where(own > 1, own, 0))
    several = counted > 1
    # Numbers say how many doors there are; in blocks of flats one number stands for many dwellings.
    dwellings = np.where(several & ((kind != "apartments") | (counted > estimate)) & ~tall, counted, estimate)
    dwellings = np.where(several & tall, np.maximum(counted, estimate), dwellings)
    stated = (flats >= 1) | (several & (dwellings == counted))
    dwellings = np.where(flats >= 1, flats, dwellings)
    dwellings = np.minimum(dwellings, float(figures["dwellings_max"]))
    return dwellings.astype(np.int32), stated, several, row


def long_side(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Length of the long side of each shape's smallest enclosing rectangle [m], shape (n,)."""
    lines = axes(shapes)
    return np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1])


def axes(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Middle line of each shape's smallest enclosing rectangle, along its long side: x1 y1 x2 y2 [m], shape (n, 4)."""
    boxes = shapely.oriented_envelope(shapes)
    corners, owner = shapely.get_coordinates(shapely.get_exterior_ring(boxes), return_index=True)
    _, start = np.unique(owner, return_index=True)
    a, b, c, d = (corners[start + k] for k in range(4))
    first = np.hypot(*(b - a).T) >= np.hypot(*(c - b).T)
    one = np.where(first[:, None], (a + d) / 2, (a + b) / 2)
    two = np.where(first[:, None], (b + c) / 2, (c + d) / 2)
    return np.hstack([one, two])
