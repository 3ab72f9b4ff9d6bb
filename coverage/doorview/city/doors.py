"""Front doors of a city: one per entrance to dwellings, each with a heading.

In this order: ``entrance=*`` nodes on the outline of a home; address nodes in or on it, at the wall toward the street
that they name; the address of the building itself, likewise; else the wall that faces the nearest street. What is a
home, and every figure used, is in `rules/homes.toml`; how a wall is chosen in `doors_facades`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_along import along_notes, check_along, places_along
from doorview.city.doors_compare import compare_dwellings
from doorview.city.doors_facades import Places, Seeds, outline_walls, place_doors
from doorview.city.doors_seeds import door_seeds, row_houses
from doorview.city.doors_streets import (
    SLACK_M,
    Streets,
    Targets,
    address_targets,
    nearest_targets,
    streets_of,
)
from doorview.city.doors_tags import natural_order, tag
from doorview.city.home_rules import HomeRules, home_rules
from doorview.city.homes import classify_buildings, home_addresses
from doorview.city.obstacles import open_or_underground
from doorview.errors import EmptyCityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = ["COLUMNS", "compare_dwellings", "find_doors", "homes_of"]

COLUMNS = ("geometry", "heading", "dwellings", "found", "building", "kind", "street")
FAR_M = 50.0
"""Farther than this from every street a door sees little of any; the headline counts streets this near to a home."""
STREET_ADDED_M = 10.0
"""Streets proper among the ways of `rules/homes.toml`: service ways, footpaths and tracks have more added."""


class _Homes(NamedTuple):
    buildings: gpd.GeoDataFrame  # all, in natural order
    table: pd.DataFrame  # homes.classify_buildings
    addresses: pd.DataFrame  # homes.home_addresses
    streets: Streets


def _homes(city: City, rules: HomeRules) -> _Homes:
    buildings = city.buildings.iloc[natural_order(city.buildings.index)]
    streets = streets_of(city.ways, rules)
    addresses = home_addresses(city, buildings)
    return _Homes(buildings, classify_buildings(city, buildings, addresses, streets), addresses, streets)


def homes_of(city: City) -> pd.DataFrame:
    """Which buildings of a city are homes, and by which rule.

    Returns
    -------
    DataFrame
        On the index of `city.buildings` in natural order: `home`, `kind`, `rule`, `numbered`, `dwellings`, `exact`,
        `row`, `levels_nearby`; see `homes.classify_buildings`.
    """
    return _homes(city, home_rules()).table


def find_doors(city: City, *, along: float | Mapping[str, Any] = 0.5, seed: int = 0) -> gpd.GeoDataFrame:
    """Find the front doors of the homes of a city.

    Parameters
    ----------
    city
        Projected, in metres.
    along
        Where on its wall a door is that no node places: 0 at the right end, looking out, 1 at the left, always 0.5 m
        from both ends. The middle is an assumption. Rules by building kind (`doors_along`) draw it door by door.
    seed
        Another seed draws other places, where `along` holds rules.

    Returns
    -------
    GeoDataFrame
        Points 0.10 m outside their wall, index `door` sorted as text; columns `heading` [degrees clockwise from north],
        `dwellings` (int32), `found` (`entrance`; `address`: an address node, or the wall toward the street that the
        building's address names; `facade`), `building`, `kind`, `street`. ``attrs["counts"]``: dict of plain words to
        counts; ``attrs["notes"]``: the rules of `along`, where it holds any.

    Raises
    ------
    InputError
        If `along` lies outside [0, 1].
    StudyError
        If its rules are faulty; all faults at once.
    EmptyCityError
        If no building is a home, or there are homes and no street that a door could face.

    Examples
    --------
    Houses on both sides of a street that runs east face it, south or north:

    >>> import geopandas as gpd, shapely
    >>> import doorview as dv
    >>> corners = [(5e5 + x, y) for x in range(0, 200, 20) for y in (8.0, -18.0)]
    >>> shapes = [shapely.box(x, y, x + 10.0, y + 10.0) for x, y in corners]
    >>> houses = gpd.GeoDataFrame({"building": ["house"] * 20}, geometry=shapes, crs="EPSG:32618")
    >>> line = shapely.LineString([(499900, 0), (500300, 0)])
    >>> street = gpd.GeoDataFrame({"highway": ["residential"]}, geometry=[line], crs="EPSG:32618")
    >>> city = dv.City.from_layers(buildings=houses, streets=street, country="us")
    >>> doors = dv.find_doors(city)
    >>> doors["heading"].round(6).value_counts().to_dict()
    {180.0: 10, 0.0: 10}

    """
    found = door_finds(city, along=along, seed=seed)
    everything = np.ones(len(found.buildings), bool)
    found.doors.attrs["counts"] = found.counts(np.ones(len(found.doors), bool), everything)
    return found.doors


class DoorFinds(NamedTuple):
    """Doors with what the counts of `find_doors` are made of, so that those of a part of them can be counted.

    `stated`, `house` and `far` are by door (doors,): whether tags or addresses say its dwellings, whether its building
    is tagged as a house otherwise, whether no street is near. `buildings` has `home`, `rule`, `levels_nearby`.
    """

    doors: gpd.GeoDataFrame
    stated: NDArray[np.bool_]
    house: NDArray[np.bool_]
    far: NDArray[np.bool_]
    buildings: pd.DataFrame
    left_out: dict[str, int]

    def counts(self, doors: NDArray[np.bool_], buildings: NDArray[np.bool_]) -> dict[str, int]:
        """Return the counts, in plain words, of the doors (doors,) and buildings that are chosen.

        How many dwellings the doors have, and how many of them the data state, are three kinds that add up. Stated are
        flats, units and numbers; a building that is tagged as a house is one household by its tag; all else is
        assumed: one per home of an unstated kind, or floor area by the figures of `rules/homes.toml`.
        """
        found = self.doors["found"].to_numpy(dtype=object)[doors]
        dwellings = self.doors["dwellings"].to_numpy()[doors]
        stated, house = self.stated[doors], self.house[doors]
        return {
            **_home_counts(self.buildings[buildings]),
            **self.left_out,
            **{f"doors by {how}": int((found == how).sum()) for how in ("entrance", "address", "facade")},
            "doors": int(doors.sum()),
            f"doors more than {FAR_M:g} m from any street": int(self.far[doors].sum()),
            "dwellings": int(dwellings.sum()),
            "dwellings tagged or counted": int(dwellings[stated].sum()),
            "dwellings in buildings tagged as a house": int(dwellings[house].sum()),
            "dwellings assumed": int(dwellings[~stated & ~house].sum()),
        }


def door_finds(
    city: City,
    *,
    along: float | Mapping[str, Any] = 0.5,
    seed: int = 0,
    near: tuple[float, float, float, float] | None = None,
) -> DoorFinds:
    """Find the front doors of a city and how they were found; as `find_doors`, which counts them besides.

    `near` (west, south, east, north) [m] asks for the doors of those buildings alone whose bounds meet it; there may
    be none.
    """
    placing = check_along(along, seed)
    rules = home_rules()
    homes = _homes(city, rules)
    rows = np.flatnonzero(homes.table["home"].to_numpy())
    if near is not None:
        bounds = shapely.bounds(homes.buildings.geometry.to_numpy()[rows]).reshape(-1, 4)
        meets = (bounds[:, 0] <= near[2]) & (bounds[:, 2] >= near[0])
        rows = rows[meets & (bounds[:, 1] <= near[3]) & (bounds[:, 3] >= near[1])]
    if near is not None and not len(rows):
        return _no_doors(city, homes)
    _refuse_empty(city, homes, len(rows))
    counts: dict[str, int] = {}

    table = homes.table.iloc[rows]
    shapes = homes.buildings.geometry.to_numpy()[rows]
    of_home = np.full(len(homes.buildings), -1, dtype=np.int64)
    of_home[rows] = np.arange(len(rows))

    seeds = door_seeds(
        city,
        homes.buildings.iloc[rows],
        homes.addresses.assign(home=of_home[homes.addresses["building"].to_numpy()]),
        table,
        rules,
        counts,
    )
    # A house of a row looks for its front on its own piece of the row: those pieces come after the homes.
    in_row = np.flatnonzero(seeds["house"].to_numpy() >= 0)
    row_of = seeds["home"].to_numpy()[in_row]
    pieces = np.concatenate([shapes, row_houses(shapes, row_of, seeds["house"].to_numpy()[in_row])])
    piece = seeds["home"].to_numpy().copy()
    piece[in_row] = len(shapes) + np.arange(len(in_row))
    targets = _targets(seeds, pieces[piece], homes.streets, rules)
    standing = ~open_or_underground(homes.buildings)
    standing[rows] = True
    blockers = np.flatnonzero(standing)
    own = np.full(len(homes.buildings), -1, dtype=np.int64)
    own[blockers] = np.arange(len(blockers))
    facade = rules.facade
    places = place_doors(
        Seeds(
            piece,
            seeds[["x", "y"]].to_numpy(dtype=np.float64),
            seeds["weight"].to_numpy(dtype=np.float64),
        ),
        outline_walls(pieces),
        targets,
        homes.streets.lines,
        homes.buildings.geometry.to_numpy()[blockers],
        np.concatenate([own[rows], own[rows][row_of]]),
        wall_min_m=float(facade["wall_min_m"]),
        clear_m=float(facade["clear_m"]),
        offset_m=float(facade["offset_m"]),
        along=places_along(placing, _ids(table, seeds), table["kind"].to_numpy(object)[seeds["home"]], seed),
    )
    found = _finished(city, homes, table, seeds, places, float(facade["offset_m"]), counts)
    if isinstance(placing, dict):
        found.doors.attrs["notes"] = along_notes(placing)
    return found


def _no_doors(city: City, homes: _Homes) -> DoorFinds:
    """Return no doors, with what was found of the buildings."""
    text = pd.Series([], dtype=object)
    columns = {"heading": np.zeros(0), "dwellings": np.zeros(0, np.int32)}
    columns |= {name: text for name in COLUMNS if name not in ("geometry", "heading", "dwellings")}
    doors = gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries([], crs=city.crs), crs=city.crs)[list(COLUMNS)]
    doors.index = pd.Index([], dtype=object, name="door")
    none = np.zeros(0, dtype=bool)
    return DoorFinds(doors, none, none, none, homes.table, {})


def _ids(table: pd.DataFrame, seeds: pd.DataFrame) -> NDArray[np.object_]:
    """Return the id of each seed's door, shape (seeds,)."""
    building = np.asarray(table.index, dtype=object)[seeds["home"].to_numpy()]
    ids: NDArray[np.object_] = building + seeds["suffix"].to_numpy(dtype=object)
    return ids


def _refuse_empty(city: City, homes: _Homes, n: int) -> None:
    if n == 0:
        kinds = pd.Series(tag(homes.buildings, "building"), dtype=object).value_counts().head(5)
        seen = ", ".join(f"{value!r} ({number})" for value, number in kinds.items()) or "none"
        raise EmptyCityError(
            f"{city.name}: none of the {len(homes.buildings)} buildings is a home, so there is no door to put a camera "
            f"at. The most frequent values of building=* are {seen}. Use an extract with homes, or give buildings with "
            "a column 'building' (house, apartments, ...): City.from_layers(buildings=...)."
        )
    if not len(homes.streets.lines):
        raise EmptyCityError(
            f"{city.name}: there are {n} homes and no street, so nothing says which way their front doors face. Read "
            "the streets as well: City.from_layers(buildings=..., streets=...) or an extract with highway=* ways."
        )


def _home_counts(table: pd.DataFrame) -> dict[str, int]:
    counts = {"buildings": len(table), "homes": int(table["home"].sum()), "no homes": int((~table["home"]).sum())}
    for home, words in ((True, "homes"), (False, "no homes")):
        by_rule = table.loc[table["home"] == home, "rule"].value_counts()
        for rule in sorted(by_rule.index):
            counts[f"{words}: {rule}"] = int(by_rule[rule])
    counts["homes with the levels of homes nearby"] = int((table["levels_nearby"] & table["home"]).sum())
    return counts


def _targets(seeds: pd.DataFrame, shape: NDArray[np.object_], streets: Streets, rules: HomeRules) -> Targets:
    """Lines that each seed may face: of the named street, else the nearest street with the parts of its name.

    `shape` is the footprint of each seed's home, or of its own house in a row; shape (seeds,). Facades that an address
    decides are marked in `seeds`: their `found` becomes `address`.
    """
    names = seeds["street"].to_numpy(dtype=object)
    names = np.array([text if isinstance(text, str) else None for text in names], dtype=object)
    reach = float(rules.facade["address_reach_m"])
    named = address_targets(shape, names, streets, reach)
    seeds.loc[np.unique(named.row[seeds["found"].to_numpy()[named.row] == "facade"]), "found"] = "address"
    rest = np.setdiff1d(np.arange(len(shape)), named.row)
    near = nearest_targets(shape[rest], streets)
    # The nearest street goes on beyond a junction under the same name: those parts count as well.
    same = np.full(len(rest), None, dtype=object)
    same[near.row] = streets.name[near.line]
    far = np.zeros(len(rest))
    far[near.row] = np.minimum(near.distance + SLACK_M, reach)  # the nearest part is known: others lie little farther
    parts = address_targets(shape[rest], same, streets, far)
    alone = ~np.isin(near.row, parts.row)
    row = np.concatenate([named.row, rest[parts.row], rest[near.row[alone]]])
    line = np.concatenate([named.line, parts.line, near.line[alone]])
    distance = np.concatenate([named.distance, parts.distance, near.distance[alone]])
    order = np.lexsort((line, row))
    return Targets(row[order], line[order], distance[order])


def _far_from_streets(points: NDArray[np.object_], streets: Streets) -> NDArray[np.bool_]:
    """Whether each door has no street within `FAR_M`, private streets included, service ways and footpaths not."""
    tree = shapely.STRtree(streets.lines[streets.added_m <= STREET_ADDED_M])
    far = np.ones(len(points), dtype=bool)
    far[tree.query(points, predicate="dwithin", distance=FAR_M)[0]] = False
    return far


def _finished(
    city: City,
    homes: _Homes,
    table: pd.DataFrame,
    seeds: pd.DataFrame,
    places: Places,
    offset_m: float,
    counts: dict[str, int],
) -> DoorFinds:
    streets = homes.streets
    counts["doors dropped: no free facade"] = int((~places.found).sum())
    counts["doors that face a courtyard or away from the street"] = int(places.courtyard.sum())
    kept = seeds[places.found]
    normal = places.normal[places.found]
    xy = places.xy[places.found] + offset_m * normal
    heading = np.degrees(np.arctan2(normal[:, 0], normal[:, 1])) % 360.0
    heading[heading >= 360.0] = 0.0  # a tiny negative angle rounds up to 360
    home = kept["home"].to_numpy()
    building = np.asarray(table.index, dtype=object)[home]
    line = places.line[places.found]
    street = streets.name[np.maximum(line, 0)]
    street[line < 0] = None
    doors = gpd.GeoDataFrame(
        {
            "heading": heading,
            "dwellings": kept["dwellings"].to_numpy(dtype=np.int32),
            "found": pd.Series(kept["found"].to_numpy(dtype=object), dtype=object),
            "building": pd.Series(building, dtype=object),
            "kind": pd.Series(table["kind"].to_numpy(dtype=object)[home], dtype=object),
            "street": pd.Series(street, dtype=object),
        },
        geometry=gpd.GeoSeries(shapely.points(xy), crs=city.crs),
        crs=city.crs,
    )
    ids = pd.Index(_ids(table, kept), dtype=object, name="door")
    order = ids.argsort()
    doors.index = ids
    doors = doors[list(COLUMNS)].iloc[order]
    stated = table["exact"].to_numpy(dtype=bool)[home][order]
    house = (table["kind"].to_numpy() == "house")[home][order] & ~stated
    far = _far_from_streets(doors.geometry.to_numpy(), streets)
    return DoorFinds(doors, stated, house, far, homes.table, counts)
