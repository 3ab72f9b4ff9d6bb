"""Doors before they are placed: how many each home has, the node or street of each, and the dwellings behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.doors_facades import ENTRANCE_WEIGHT
from doorview.city.doors_streets import street_key
from doorview.city.doors_tags import among, natural_order, tag
from doorview.city.home_rules import HomeRules
from doorview.city.homes import axes, flats_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.model import City

__all__ = ["ENTRANCE_REACH_M", "door_seeds", "row_houses"]

ENTRANCE_REACH_M = 0.5
"""An entrance node is a vertex of the outline; own layers may be off by this much."""
NODE_WEIGHT = 2.0
"""How much more than the distance to the street the distance from an address node counts."""


def _split(total: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int32]:
    """Share out each group's total over its members as evenly as whole numbers go, at least 1 each; group is sorted."""
    _, first, size = np.unique(group, return_index=True, return_counts=True)
    rank = np.arange(len(group)) - np.repeat(first, size)
    size = np.repeat(size, size)
    share: NDArray[np.int32] = np.maximum(1, total // size + (rank < total % size)).astype(np.int32)
    return share


def door_seeds(
    city: City,
    homes: gpd.GeoDataFrame,
    nodes: pd.DataFrame,
    table: pd.DataFrame,
    rules: HomeRules,
    counts: dict[str, int],
) -> pd.DataFrame:
    """Say which doors there are, before they have a place.

    Parameters
    ----------
    city
        Its `entrances`.
    homes, table
        The homes, and their rows of `homes.classify_buildings`, in the same order.
    nodes
        From `homes.home_addresses`, with a column `home`: row in `homes`, or -1.
    rules
        From `home_rules`.
    counts
        Gets what is left out.

    Returns
    -------
    DataFrame
        One row per door: `home` (row in `homes`), `x`, `y` [m] of its node (NaN without), `weight` of the distance from
        it, `found`, `suffix` of the id, `street` (named, or None), `dwellings` (int32) and `house`: number from 0
        in a row of houses that is drawn as one footprint, -1 for all others.
    """
    shapes = homes.geometry.to_numpy()
    dwellings = table["dwellings"].to_numpy()
    nodes = nodes[nodes["home"] >= 0]
    by_node = _entrance_seeds(city, shapes, dwellings, rules, counts)
    groups = _address_groups(nodes[~nodes["business"].to_numpy(dtype=bool)])
    by_address = _address_seeds(groups, by_node, table)
    named = _named_streets(homes, nodes)

    rest = np.setdiff1d(np.arange(len(shapes)), np.concatenate([by_node["home"], by_address["home"]]).astype(np.int64))
    by_facade = _facade_seeds(rest, table, dwellings)
    by_facade["street"] = named[by_facade["home"].to_numpy()]
    missing = by_node["street"].isna().to_numpy()
    by_node["street"] = np.where(missing, named[by_node["home"].to_numpy()], by_node["street"].to_numpy(dtype=object))
    seeds = pd.concat([by_node, by_address, by_facade], ignore_index=True)
    return seeds.sort_values(["home", "found", "suffix"], kind="stable", ignore_index=True)


def _no_seeds() -> pd.DataFrame:
    return _seed_table(np.empty(0, dtype=np.int64), np.empty((0, 2)), 0.0, "entrance", [], [], np.empty(0, np.int32))


def _seed_table(
    home: NDArray[np.int64],
    xy: NDArray[np.float64],
    weight: float,
    found: str,
    suffix: Any,
    street: Any,
    dwellings: NDArray[Any],
) -> pd.DataFrame:
    n = len(home)
    return pd.DataFrame(
        {
            "home": home.astype(np.int64),
            "x": xy[:, 0],
            "y": xy[:, 1],
            "weight": np.full(n, weight),
            "found": pd.Series([found] * n, dtype=object),
            "suffix": pd.Series(list(suffix), dtype=object),
            "street": pd.Series(list(street), dtype=object),
            "dwellings": np.asarray(dwellings, dtype=np.int32),
            "house": np.full(n, -1, dtype=np.int64),
        }
    )


def _entrance_seeds(
    city: City, shapes: NDArray[np.object_], dwellings: NDArray[np.int32], rules: HomeRules, counts: dict[str, int]
) -> pd.DataFrame:
    nodes = city.entrances
    nodes = nodes.iloc[natural_order(nodes.index)]
    rank = {value: place for place, value in enumerate(rules.entrances)}
    leads_home = among(tag(nodes, "entrance"), rules.entrances)
    counts["entrances that lead to no home (exit, service, garage ...)"] = int((~leads_home).sum())
    nodes = nodes[leads_home]
    if not len(nodes):
        return _no_seeds()
    points = shapely.centroid(nodes.geometry.to_numpy())
    rings = shapely.boundary(shapes)
    at, home = shapely.STRtree(rings).query(points, predicate="dwithin", distance=ENTRANCE_REACH_M)
    distance = shapely.distance(points[at], rings[home])
    frame = pd.DataFrame({"at": at, "home": home, "distance": distance})
    frame = frame.sort_values(["at", "distance", "home"], kind="stable").drop_duplicates("at")
    counts["entrances on the outline of no home"] = len(nodes) - len(frame)
    picked = nodes.iloc[frame["at"].to_numpy()]
    frame["rank"] = [rank[text] for text in tag(picked, "entrance")]
    frame["suffix"] = ["@" + str(item) for item in picked.index]
    frame["street"] = tag(picked, "addr:street")
    flats = [
        flats_in(a) or flats_in(b) or 0
        for a, b in zip(tag(picked, "addr:flats"), tag(picked, "addr:unit"), strict=True)
    ]
    frame["flats"] = flats
    frame = frame.sort_values(["home", "rank", "at"], kind="stable")
    total = np.maximum(dwellings[frame["home"]], frame.groupby("home")["flats"].transform("sum").to_numpy())
    place = frame.groupby("home").cumcount().to_numpy()
    kept = place < np.maximum(total, 1)
    counts["entrances beyond the number of dwellings"] = int((~kept).sum())
    frame, total = frame[kept], total[kept]
    share = _split(total.astype(np.int64), frame["home"].to_numpy())
    share = np.where(frame["flats"].to_numpy() > 0, frame["flats"].to_numpy(), share)
    xy = shapely.get_coordinates(points[frame["at"].to_numpy()])
    return _seed_table(
        frame["home"].to_numpy(), xy, ENTRANCE_WEIGHT, "entrance", frame["suffix"], frame["street"], share
    )


def _address_groups(nodes: pd.DataFrame) -> pd.DataFrame:
    """One row per door that address nodes stand for: nodes at one point, and nodes of one number, are one door."""
    if not len(nodes):
        return nodes.assign(homes_behind=np.empty(0))
    spot = nodes["x"].round(1).astype(str) + " " + nodes["y"].round(1).astype(str)
    key = nodes["street"].map(street_key, na_action="ignore").fillna("").astype(object)
    number = nodes["number"].fillna("").astype(object).str.casefold().str.replace(" ", "")
    nodes = nodes.assign(spot=spot, address=number + " " + key, behind=nodes["units"].fillna(1.0))
    each = nodes.drop_duplicates(["home", "address", "unit", "spot"])
    first = each.groupby(["home", "address"], sort=False).agg(
        osm_id=("osm_id", "first"), x=("x", "first"), y=("y", "first"), street=("street", "first"),
        spot=("spot", "first"), behind=("behind", "sum"),
    ).reset_index()  # fmt: skip
    doors = first.groupby(["home", "spot"], sort=False).agg(
        osm_id=("osm_id", "first"), x=("x", "first"), y=("y", "first"), street=("street", "first"),
        behind=("behind", "sum"),
    ).reset_index()  # fmt: skip
    return doors.rename(columns={"behind": "homes_behind"})


def _address_seeds(groups: pd.DataFrame, by_node: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Doors by address nodes, for homes without tagged entrances or with more addresses than those."""
    if not len(groups):
        return _no_seeds()
    entrances = np.bincount(by_node["home"].to_numpy(), minlength=len(table))
    addresses = np.bincount(groups["home"].to_numpy(), minlength=len(table))
    home = groups["home"].to_numpy()
    keep = entrances[home] == 0
    # Each entrance stands for the address nearest to it; what is left over gets a door of its own.
    for row in np.unique(home[(entrances[home] > 0) & (addresses[home] > entrances[home])]):
        mine = np.flatnonzero(home == row)
        left = set(mine.tolist())
        for x, y in by_node.loc[by_node["home"] == row, ["x", "y"]].to_numpy():
            near = min(left, key=lambda k: (np.hypot(groups["x"].iloc[k] - x, groups["y"].iloc[k] - y), k))
            left.discard(near)
        keep[sorted(left)] = True
    groups = groups[keep].sort_values(["home", "osm_id"], kind="stable")
    home = groups["home"].to_numpy()
    behind = groups["homes_behind"].to_numpy().astype(np.int64)
    total = table["dwellings"].to_numpy()[home].astype(np.int64)
    counted = pd.Series(behind).groupby(home).transform("sum").to_numpy()
    shared = _split(total, home)
    dwellings = np.where((counted >= total) | (entrances[home] > 0), behind, shared)
    suffix = ["@a" + item[1:] if item[:1] == "n" and item[1:].isdigit() else "@a" + item for item in groups["osm_id"]]
    return _seed_table(home, groups[["x", "y"]].to_numpy(), NODE_WEIGHT, "address", suffix, groups["street"], dwellings)


def _facade_seeds(
    rest: NDArray[np.int64],
    table: pd.DataFrame,
    dwellings: NDArray[np.int32],
) -> pd.DataFrame:
    """One door per home; in a row of houses drawn as one footprint, one per house (see `row_houses`)."""
    is_row = table["row"].to_numpy(dtype=bool)[rest] & (dwellings[rest] > 1)
    single, rows = rest[~is_row], rest[is_row]
    n = dwellings[rows].astype(np.int64)
    home = np.concatenate([single, np.repeat(rows, n)])
    rank = np.concatenate([np.zeros(len(single), dtype=np.int64), np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)])
    behind = np.concatenate([dwellings[single], np.ones(len(rank) - len(single), dtype=np.int32)])
    seeds = _seed_table(home, np.full((len(home), 2), np.nan), 0.0, "facade", [f"@{k + 1}" for k in rank],
                        [None] * len(home), behind)  # fmt: skip
    seeds["house"] = np.where(np.arange(len(home)) < len(single), -1, rank)
    return seeds


def row_houses(shapes: NDArray[np.object_], home: NDArray[np.int64], house: NDArray[np.int64]) -> NDArray[np.object_]:
    """Cut rows of houses that are drawn as one footprint into their houses, across the long side and equally wide.

    So each house looks for its front on its own piece of the outline, and no two share one::

        +----+----+----+----+
        | 0  | 1  | 2  | 3  |
        +----+----+----+----+

    Parameters
    ----------
    shapes
        Footprints of the homes.
    home, house
        Row in `shapes`, and number in the row from 0, of every house; all houses of a row, in order; shape (n,).

    Returns
    -------
    ndarray
        Footprint of each house, shape (n,). The whole row where a gap in it leaves a house no ground.
    """
    if not len(home):
        return np.empty(0, dtype=object)
    _, at, count = np.unique(home, return_inverse=True, return_counts=True)
    line = axes(shapes[home])
    along = line[:, 2:] - line[:, :2]
    across = np.column_stack([-along[:, 1], along[:, 0]])  # as long as the row, so that it reaches beyond its sides
    ends = [line[:, :2] + ((house + step) / count[at])[:, None] * along for step in (0, 1)]
    corners = np.stack([ends[0] - across, ends[1] - across, ends[1] + across, ends[0] + across], axis=1)
    cut = shapely.intersection(shapes[home], shapely.polygons(corners))
    found: NDArray[np.object_] = np.where(shapely.area(cut) > 0, cut, shapes[home])
    return found


def _named_streets(homes: gpd.GeoDataFrame, nodes: pd.DataFrame) -> NDArray[np.object_]:
    """Return the street that each home's address names, else its first address node (a shop's too), shape (homes,)."""
    street, place = tag(homes, "addr:street"), tag(homes, "addr:place")
    named = np.where(street == None, place, street)  # noqa: E711 - elementwise
    first = nodes[nodes["street"].notna()].drop_duplicates("home")
    at = first["home"].to_numpy()
    empty = np.array([value is None for value in named[at]], dtype=bool)
    named[at[empty]] = first["street"].to_numpy(dtype=object)[empty]
    return named
