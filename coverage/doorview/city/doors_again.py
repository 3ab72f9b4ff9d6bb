"""Against the ground: tagged entrances are hidden and found again by the address and facade rules."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors import find_doors
from doorview.city.doors_seeds import ENTRANCE_REACH_M
from doorview.city.doors_tags import tag
from doorview.city.home_rules import home_rules
from doorview.errors import UnknownNameError

if TYPE_CHECKING:
    from doorview.city.model import City

__all__ = ["BothWays", "FoundAgain", "doors_both_ways", "errors_by_rule", "find_entrances_again"]

OF = ("homes", "all")


class BothWays(NamedTuple):
    """The doors of a whole city twice: as found with its tagged entrances, and with those hidden.

    Both tables are as from `find_doors` and differ in `buildings` alone, those where a tagged entrance was hidden:
    there `again` has the doors that the address and facade rules find, maybe fewer or more.
    """

    tagged: gpd.GeoDataFrame
    again: gpd.GeoDataFrame
    buildings: frozenset[str]


class FoundAgain(NamedTuple):
    """Two door tables in the same order, row by row of one building, and the errors between them.

    `errors` stands on the index of `again`: `metres`, `degrees` (0 to 180), `found` (the rule that found it again),
    `building`.
    """

    tagged: gpd.GeoDataFrame
    again: gpd.GeoDataFrame
    errors: pd.DataFrame


def doors_both_ways(city: City, *, of: str = "homes") -> BothWays:
    """Return the doors of a whole city with its tagged entrances, and with those hidden.

    Hidden are the entrance nodes and, where they carry an address, those address nodes.

    Parameters
    ----------
    city
        With tagged entrances.
    of
        ``"homes"``: entrances of homes. ``"all"``: every building with a ``main``, ``home``, ``staircase`` or ``yes``
        entrance on its outline is taken as a house with one door, shops and schools too: more cases, of another kind.

    Raises
    ------
    UnknownNameError
        If `of` is neither.
    """
    if of not in OF:
        raise UnknownNameError("set of entrances", of, OF)
    if of == "all":
        city = dataclasses.replace(city, buildings=_as_houses(city))
    hidden = dataclasses.replace(
        city,
        entrances=city.entrances.iloc[:0],
        addresses=city.addresses[~city.addresses.index.isin(city.entrances.index)],
    )
    tagged = find_doors(city)
    again = find_doors(hidden)
    at_entrances = frozenset(tagged.loc[tagged["found"] == "entrance", "building"])
    both = at_entrances & frozenset(again["building"])
    joined = pd.concat([tagged[~tagged["building"].isin(both)], again[again["building"].isin(both)]])
    return BothWays(tagged, gpd.GeoDataFrame(joined, crs=tagged.crs).sort_index(), both)


def find_entrances_again(city: City, *, of: str = "homes") -> FoundAgain:
    """Hide the tagged entrances of a city and find them again without.

    Parameters
    ----------
    city
        With tagged entrances.
    of
        Which entrances, as in `doors_both_ways`.

    Returns
    -------
    FoundAgain
        One row per door found again in a building with tagged entrances, paired with the nearest tagged one of that
        building; empty where nothing is tagged.

    Raises
    ------
    UnknownNameError
        If `of` is neither.
    """
    both = doors_both_ways(city, of=of)
    tagged = both.tagged[(both.tagged["found"] == "entrance") & both.tagged["building"].isin(both.buildings)]
    again = both.again[both.again["building"].isin(both.buildings)]
    pairs = _pairs(tagged, again)
    tagged, again = tagged.iloc[pairs["tagged"]], again.iloc[pairs["again"]]
    turn = np.abs(again["heading"].to_numpy() - tagged["heading"].to_numpy()) % 360.0
    errors = pd.DataFrame(
        {
            "metres": shapely.distance(tagged.geometry.to_numpy(), again.geometry.to_numpy()),
            "degrees": np.minimum(turn, 360.0 - turn),
            "found": again["found"].to_numpy(dtype=object),
            "building": again["building"].to_numpy(dtype=object),
        },
        index=again.index,
    )
    return FoundAgain(tagged, again, errors)


def _as_houses(city: City) -> gpd.GeoDataFrame:
    nodes = city.entrances[np.isin(tag(city.entrances, "entrance").astype(str), home_rules().entrances)]
    rings = shapely.boundary(city.buildings.geometry.to_numpy())
    _, row = shapely.STRtree(rings).query(nodes.geometry.to_numpy(), predicate="dwithin", distance=ENTRANCE_REACH_M)
    value = tag(city.buildings, "building")
    value[np.unique(row)] = "house"
    return city.buildings.assign(building=pd.Series(value, index=city.buildings.index, dtype=object))


def _pairs(tagged: gpd.GeoDataFrame, again: gpd.GeoDataFrame) -> pd.DataFrame:
    """Positions of each door found again and of the nearest tagged door of its building; the first among equals."""
    left = pd.DataFrame({"building": again["building"].to_numpy(dtype=object), "again": np.arange(len(again))})
    right = pd.DataFrame({"building": tagged["building"].to_numpy(dtype=object), "tagged": np.arange(len(tagged))})
    both = left.merge(right, on="building")
    both["metres"] = shapely.distance(
        again.geometry.to_numpy()[both["again"].to_numpy()], tagged.geometry.to_numpy()[both["tagged"].to_numpy()]
    )
    return both.sort_values(["again", "metres", "tagged"], kind="stable").drop_duplicates("again")


def errors_by_rule(errors: pd.DataFrame) -> pd.DataFrame:
    """Median and 90th percentile of the errors by the rule that found the door again, and of all together.

    Returns
    -------
    DataFrame
        Index `found` (`address`, `facade`, `all`): `doors`, `metres_median`, `metres_p90`, `degrees_median`,
        `degrees_p90`, `right_wall` (share with at most 45 degrees).
    """
    groups = [(rule, part) for rule, part in errors.groupby("found")] + [("all", errors)]
    rows = [
        {
            "found": rule,
            "doors": len(part),
            "metres_median": part["metres"].median(),
            "metres_p90": part["metres"].quantile(0.9),
            "degrees_median": part["degrees"].median(),
            "degrees_p90": part["degrees"].quantile(0.9),
            "right_wall": float((part["degrees"] <= 45).mean()),
        }
        for rule, part in groups
        if len(part)
    ]
    columns = ["found", "doors", "metres_median", "metres_p90", "degrees_median", "degrees_p90", "right_wall"]
    return pd.DataFrame(rows, columns=columns).set_index("found")
