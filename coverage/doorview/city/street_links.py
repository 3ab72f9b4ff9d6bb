"""What of a stored city's streets hangs together over any distance, in a few bytes a street.

A block face runs on through every node where just two stretches of street meet, from way to way, and is cut at equal
parts of its length: where it is cut depends on all of it, and on where other streets meet it. So two facts are needed
wherever a part of the streets is laid out: the nodes where three or more stretches meet (8 bytes each), and, of the
few ways that go on as another, which ways make one run (16 bytes each). With these, whatever ways are read, each of
them is cut as in the whole city once the ways that share its runs are there too (`StreetLinks.rest_of`).

The ways are read once for this, a row group at a time; of streets the nodes are held while they are sorted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from doorview.city.city_store import Box, CityStore, node_lists
from doorview.city.doors_streets import plain_streets
from doorview.city.ground_rules import classify, column, ground_rules
from doorview.city.home_rules import home_rules
from doorview.city.streets import node_keys

__all__ = ["StreetLinks", "is_street", "street_links", "tags_of"]


@dataclass(frozen=True)
class StreetLinks:
    """What streets need to know of the whole city.

    Attributes:
        junctions: Keys (`node_keys`) of nodes where three or more stretches of street meet, sorted.
        way: Rows, in the layer of ways, of those that share a run with another, sorted; shape (n,).
        run: The run of each, shape (n,); a way of two runs is there twice.
        group: Row group in which each way lies, shape (n,).
        order: Places in `way` by run; those of run r are `order[start[r]:start[r + 1]]`.
        start: See `order`.
        bounds: Of all ways (west, south, east, north) [m]; NaN where there are none.
        plain: Whether the city has any street that every home may face (`plain_streets`).
    """

    junctions: NDArray[np.int64]
    way: NDArray[np.int32]
    run: NDArray[np.int32]
    group: NDArray[np.int32]
    order: NDArray[np.int32]
    start: NDArray[np.int64]
    bounds: Box
    plain: bool

    def rest_of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and row groups of the ways that share a run with ways of `rows`, but for those themselves."""
        runs = np.unique(self.run[np.isin(self.way, rows)])
        if not len(runs):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        at = np.concatenate([self.order[self.start[run] : self.start[run + 1]] for run in runs.tolist()])
        way, first = np.unique(self.way[at], return_index=True)
        new = ~np.isin(way, rows)
        return way[new].astype(np.int64), self.group[at[first[new]]].astype(np.int64)


def is_street(ways: pd.DataFrame, country: str) -> NDArray[np.bool_]:
    """Return which ways are public streets, carriageway or alley, by their tags."""
    found: NDArray[np.bool_] = np.isin(classify(ways, ground_rules().ways, country).ground, ["carriageway", "alley"])
    return found


def street_links(store: CityStore) -> StreetLinks:
    """Read what hangs together of a stored city's streets."""
    tags = {*ground_rules().keys("ways"), "highway", "name", "tunnel", "layer", "indoor"}
    keys: list[NDArray[np.int64]] = []
    size: list[NDArray[np.int32]] = []
    label: list[NDArray[np.uint64]] = []
    row: list[NDArray[np.int32]] = []
    group: list[NDArray[np.int32]] = []
    bounds, plain = np.array([np.inf, np.inf, -np.inf, -np.inf]), False
    for number, table in enumerate(store.groups("ways", tags)):
        ways = tags_of(table)
        shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
        own = shapely.bounds(shapes)
        if len(own):
            bounds[:2] = np.fmin(bounds[:2], np.fmin.reduce(own[:, :2]))
            bounds[2:] = np.fmax(bounds[2:], np.fmax.reduce(own[:, 2:]))
        plain = plain or bool(plain_streets(ways, home_rules()).any())
        picked = is_street(ways, store.frame.country) & (shapely.length(shapes) > 0)
        if not picked.any():
            continue
        xy, owner = shapely.get_coordinates(shapes[picked], return_index=True)
        keys.append(node_keys(node_lists(table)[picked], xy, owner))
        size.append(np.bincount(owner, minlength=int(picked.sum())).astype(np.int32))
        label.append(pd.util.hash_array(column(ways, "name")[picked], categorize=True))
        row.append(table["row"].to_numpy()[picked].astype(np.int32))
        group.append(np.full(int(picked.sum()), number, np.int32))
    box = (float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3]))
    if not keys:
        nothing = np.zeros(0, np.int32)
        empty = np.zeros(0, np.int64)
        return StreetLinks(empty, nothing, nothing, nothing, nothing, np.zeros(1, np.int64), box, plain)
    junctions, ends, through = _nodes(np.concatenate(keys), np.concatenate(size))
    way, run, order, start = _runs(ends, through, np.concatenate(label))
    rows, groups = np.concatenate(row)[way], np.concatenate(group)[way]
    sort = np.argsort(rows, kind="stable").astype(np.int32)
    back = np.empty_like(sort)
    back[sort] = np.arange(len(sort), dtype=np.int32)
    return StreetLinks(junctions, rows[sort], run[sort], groups[sort], back[order], start, box, plain)


def tags_of(table: pa.Table) -> pd.DataFrame:
    """Return the columns of tags as text or None."""
    names = [name for name in table.column_names if name not in ("row", "osm_id", "nodes", "geometry")]
    return pd.DataFrame({name: np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=object) for name in names},
                        index=pd.RangeIndex(len(table)))  # fmt: skip


def _nodes(
    keys: NDArray[np.int64], size: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return junctions, the nodes by which each way may go on, and which ways have no other inside.

    Parameters
    ----------
    keys
        Of the vertices of all streets, in order.
    size
        Vertices of each street (n,).

    Returns
    -------
    junctions
        Keys of nodes where three or more stretches meet, sorted.
    ends
        Shape (n, 2): a number for the first and last node of each way where just two stretches meet, else -1.
    through
        Shape (n,): whether a run that enters the way at one end leaves it at the other.
    """
    last = np.cumsum(size) - 1
    first = last - size + 1
    names, node = np.unique(keys, return_inverse=True)
    node = node.astype(np.int32)
    moved = np.flatnonzero(node[1:] != node[:-1])
    moved = moved[~np.isin(moved, last)]
    degree = np.bincount(node[moved], minlength=len(names)) + np.bincount(node[moved + 1], minlength=len(names))
    other = degree[node] != 2
    other[first] = other[last] = False
    through = np.add.reduceat(other, first) == 0
    ends = np.column_stack([node[first], node[last]]).astype(np.int64)
    return names[degree > 2], np.where(degree[ends] == 2, ends, -1), through


def _runs(
    ends: NDArray[np.int64], through: NDArray[np.bool_], label: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return the ways that share a run with another, the run of each, and places in them by run with their starts.

    Ways go on as one another at a node of both where just two stretches meet, if they have the same label. A run may be
    taken for longer than it is (a way's other class of ground ends it): then more is read, and nothing changes.
    """
    flat = ends.ravel()
    place = np.flatnonzero(flat >= 0)
    place = place[np.argsort(flat[place], kind="stable")]
    one, two = place[:-1], place[1:]
    joined = (flat[one] == flat[two]) & (label[one // 2] == label[two // 2])
    one, two = one[joined], two[joined]
    ways = np.unique(np.concatenate([one, two]) // 2)
    whole = ways[through[ways]]
    # Two vertices for each of these ways, its ends; joined by nodes, and by ways that a run passes.
    a = np.concatenate([2 * np.searchsorted(ways, one // 2) + one % 2, 2 * np.searchsorted(ways, whole)])
    b = np.concatenate([2 * np.searchsorted(ways, two // 2) + two % 2, 2 * np.searchsorted(ways, whole) + 1])
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(2 * len(ways), 2 * len(ways)))
    _, run = connected_components(graph, directed=False)
    pairs = np.unique(np.column_stack([np.repeat(ways, 2), run]), axis=0)
    many = np.bincount(pairs[:, 1], minlength=int(run.max(initial=-1)) + 1) > 1
    pairs = pairs[many[pairs[:, 1]]]
    _, number = np.unique(pairs[:, 1], return_inverse=True)
    order = np.argsort(number, kind="stable").astype(np.int32)
    start = np.concatenate([[0], np.cumsum(np.bincount(number))]).astype(np.int64)
    return pairs[:, 0], number.astype(np.int32), order, start
