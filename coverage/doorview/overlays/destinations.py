"""Where walks begin and end: places by name, schools, parks and stops, and how each is reached on foot.

A place with an outline is reached at its gates: where ways cross the outline, or, where none does, at the spot of the
outline that is nearest to a way.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.model import City
from doorview.errors import InputError, UnknownNameError
from doorview.overlays.walking_graph import WalkingGraph

__all__ = ["KINDS", "Place", "find_place", "gates_of", "named_places", "places_of_kind"]

Floats = NDArray[np.float64]

KINDS = ("school", "park", "stop")
"""Kinds of `places_of_kind`; `rules/destinations.toml` says by which tags."""
ONE_PLACE_M = 50.0
"""Objects of one name, or of one kind, within this distance of each other are one place [m]; an assumption."""
_LAYERS = ("areas", "buildings", "places")
_WHAT = ("amenity", "leisure", "public_transport", "railway", "highway", "place", "building", "tourism", "landuse")
_MOST_SHOWN = 4


@dataclass(frozen=True)
class Place:
    """A place that walks begin or end at: its name or id, what it is, its outline or spot, in the city's CRS."""

    name: str
    what: str
    osm_id: str
    geometry: Any


@cache
def _rules() -> dict[str, dict[str, Any]]:
    raw = tomllib.loads(files("doorview.overlays").joinpath("rules/destinations.toml").read_text(encoding="utf-8"))
    return {str(rule["kind"]): rule for rule in raw["kinds"]}


def _plain(name: object) -> str:
    return " ".join(str(name).split()).casefold()


def named_places(city: City) -> gpd.GeoDataFrame:
    """Return all that bears a name and is no street: index `osm_id`, columns `name`, `what`, `layer`, geometry.

    Areas, buildings and mapped places (nodes), in this order; geometry in the city's CRS.
    """
    parts = []
    for layer in _LAYERS:
        table = getattr(city, layer, None)
        if table is None or not len(table) or "name" not in table:
            continue
        named = table[table["name"].notna()]
        what = pd.Series(layer.removesuffix("s"), index=named.index, dtype=object)
        for key in reversed(_WHAT):
            if key in named:
                value = named[key]
                what = what.where(value.isna() | (value == "yes"), value)
        parts.append(gpd.GeoDataFrame({"name": named["name"], "what": what, "layer": layer}, geometry=named.geometry))
    if not parts:
        empty: dict[str, list[str]] = {"name": [], "what": [], "layer": []}
        return gpd.GeoDataFrame(empty, geometry=[], crs=city.crs, index=pd.Index([], name="osm_id"))
    return gpd.GeoDataFrame(pd.concat(parts), crs=city.crs)


def find_place(city: City, text: str, *, named: gpd.GeoDataFrame | None = None) -> Place:
    """Return the one place of a name, or of an id such as ``w123``.

    Capitals and blanks make no difference. Objects of one name within `ONE_PLACE_M` of each other (a school and its
    building, a station drawn twice) are one place: the largest of them.

    Parameters
    ----------
    city
        Its areas, buildings and places are looked through; streets are none.
    text
        A name, or an id as in the layers of a run.
    named
        From `named_places(city)`, where many names are looked for.

    Raises
    ------
    UnknownNameError
        Where nothing is called so, with the nearest names.
    InputError
        Where several places are called so, with where each lies; and for the name of a street.

    """
    for layer in _LAYERS:
        table = getattr(city, layer, None)
        if table is not None and text in table.index:
            row = table.loc[text]
            return Place(str(row.get("name") or text), layer.removesuffix("s"), text, row.geometry)
    table = named_places(city) if named is None else named
    found = table[[_plain(name) == _plain(text) for name in table["name"]]]
    if not len(found):
        raise _nothing_called(city, text, table)
    group = _together(found.geometry.to_numpy())
    if group.max() > 0:
        raise _several_called(found, group, text, city)
    size = shapely.area(found.geometry.to_numpy())
    row = found.iloc[int(np.argmax(size))]
    return Place(str(row["name"]), str(row["what"]), str(row.name), row.geometry)


def _together(shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the number of the group of each shape: chains of shapes within `ONE_PLACE_M` of the next are one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    one, two = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=ONE_PLACE_M)
    near = coo_array((np.ones(len(one)), (one, two)), shape=(len(shapes), len(shapes)))
    label: NDArray[np.int64] = connected_components(near, directed=False)[1].astype(np.int64)
    return label


def _nothing_called(city: City, text: str, table: gpd.GeoDataFrame) -> Exception:
    streets = {_plain(name) for name in city.ways["name"].dropna()} if "name" in city.ways else set()
    if _plain(text) in streets:
        return InputError(
            f"'{text}' is a street, which is no single spot. Give coordinates on it, as in [39.4712, -76.8301] "
            "(latitude, longitude), or the name of a place beside it."
        )
    names = list(dict.fromkeys(str(name) for name in table["name"]))
    lowered = {_plain(name): name for name in names}
    near = [lowered[item] for item in difflib.get_close_matches(_plain(text), list(lowered), n=3, cutoff=0.5)]
    near += [name for name in names if _plain(text) in _plain(name) and name not in near][:3]
    mend = "Or give coordinates, as in [39.4712, -76.8301] (latitude, longitude)."
    if not names:
        return InputError(f"no place is called '{text}': nothing in '{city.name}' bears a name. {mend}")
    if not near:
        return UnknownNameError("place", text, names, mend)
    listed = ", ".join(f"'{name}'" for name in near[:_MOST_SHOWN])
    return InputError(f"no place is called '{text}' (0 of {len(names):,} names match). The nearest: {listed}. {mend}")


def _several_called(found: gpd.GeoDataFrame, group: NDArray[np.int64], text: str, city: City) -> InputError:
    first = [int(np.flatnonzero(group == number)[0]) for number in range(int(group.max()) + 1)]
    spots = gpd.GeoSeries(shapely.point_on_surface(found.geometry.to_numpy()[first]), crs=city.crs).to_crs(4326)
    said = [
        f"{found['what'].iloc[row]} {found.index[row]} at [{spot.y:.5f}, {spot.x:.5f}]"
        for row, spot in zip(first, spots, strict=True)
    ]
    more = f" and {len(said) - _MOST_SHOWN} more" if len(said) > _MOST_SHOWN else ""
    return InputError(
        f"'{text}' names {len(said)} places: {'; '.join(said[:_MOST_SHOWN])}{more}. Say which by its id, as in "
        f"'{found.index[first[0]]}', or by coordinates."
    )


def places_of_kind(city: City, kind: str) -> list[Place]:
    """Return all schools, parks or stops of a city's data, each once, in order of layer and id.

    Raises
    ------
    UnknownNameError
        For another kind.

    """
    if kind not in KINDS:
        raise UnknownNameError("kind of place", kind, KINDS)
    rule = _rules()[kind]
    found: list[Place] = []
    for layer in rule["layers"]:
        table = getattr(city, layer, None)
        if table is None or not len(table):
            continue
        fits = np.zeros(len(table), dtype=bool)
        for key, values in rule["tags"].items():
            if key in table:
                fits |= table[key].isin(values).to_numpy()
        found += [
            Place(str(getattr(row, "name", None) or row.Index), kind, str(row.Index), row.geometry)
            for row in table[fits].itertuples()
        ]
    if not found:
        return []
    shapes = np.array([place.geometry for place in found], dtype=object)
    outline = shapely.area(shapes) > 0
    if kind == "school":
        # A node or a building within the grounds says the school again.
        grounds = shapely.STRtree(shapes[[place.osm_id in city.areas.index for place in found]])
        inside = np.zeros(len(found), dtype=bool)
        inside[grounds.query(shapely.point_on_surface(shapes), predicate="intersects")[0]] = True
        again = inside & ~np.array([place.osm_id in city.areas.index for place in found])
        return [place for place, twice in zip(found, again.tolist(), strict=True) if not twice]
    inside = np.zeros(len(found), dtype=bool)
    inside[shapely.STRtree(shapes[outline]).query(shapes, predicate="intersects")[0]] = True
    return [place for place, twice in zip(found, (inside & ~outline).tolist(), strict=True) if not twice]


def gates_of(graph: WalkingGraph, place: Place) -> Floats:
    """Return the spots (gates, 2) [m] at which a place is reached on foot, at least one.

    Only edges of the longest connected part of the graph count. A building is reached from its outside alone.
    """
    shape = place.geometry
    if shapely.area(shape) == 0:
        return np.asarray(shapely.get_coordinates(shapely.centroid(shape)))
    longest = graph.lines[graph.part[graph.ends[:, 0]] == 0]
    rim = shapely.boundary(shape)
    if place.what != "building":
        met = longest[shapely.STRtree(longest).query(rim, predicate="intersects")]
        crossed = shapely.intersection(met, rim) if len(met) else np.zeros(0, object)
        if len(crossed):
            # A way along the rim meets it all along: its ends stand for it.
            spots = np.unique(shapely.get_coordinates(crossed).round(3), axis=0)
            return np.asarray(spots, dtype=np.float64)
    near = shapely.STRtree(longest).nearest(rim)
    return np.asarray(shapely.get_coordinates(shapely.shortest_line(rim, longest[near])))[:1]
