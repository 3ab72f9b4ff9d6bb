"""Which street a home belongs to: the one that its address names, else the nearest that a front door may face."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from doorview.city.doors_tags import natural_order, tag
from doorview.city.home_rules import HomeRules

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "SLACK_M",
    "Streets",
    "Targets",
    "address_targets",
    "nearest_targets",
    "plain_streets",
    "street_distance",
    "street_key",
    "streets_of",
]

# One word per family of street types, so that abbreviations, spellings and the languages of a border town meet.
_TYPES = {
    "street": "street st str",
    "avenue": "avenue ave av avenida avda avd avinguda",
    "road": "road rd",
    "drive": "drive dr drv",
    "lane": "lane ln",
    "court": "court ct crt",
    "place": "place pl plaza plaça placa pza plz",
    "boulevard": "boulevard blvd bd boul bvd bulevar",
    "terrace": "terrace ter terr",
    "circle": "circle cir circ",
    "parkway": "parkway pkwy pky",
    "highway": "highway hwy",
    "square": "square sq",
    "crescent": "crescent cres",
    "trail": "trail trl",
    "turnpike": "turnpike tpke tpk",
    "expressway": "expressway expy",
    "mount": "mount mt",
    "fort": "fort ft",
    "heights": "heights hts",
    "garden": "garden gardens gdns",
    "calle": "calle c cl cll carrer",
    "carretera": "carretera ctra crta",
    "paseo": "paseo po pso passeig",
    "camino": "camino cno cmno cami",
    "chemin": "chemin ch che",
    "rue": "rue r",
    "via": "via v",
    "north": "north n",
    "south": "south s",
    "east": "east e",
    "west": "west w",
    "northeast": "northeast ne",
    "northwest": "northwest nw",
    "southeast": "southeast se",
    "southwest": "southwest sw",
    "doctor": "doctor",
    "saint": "saint",
}
_WORD = {short: full for full, shorts in _TYPES.items() for short in shorts.split()}
_KINDS = frozenset(
    [
        "street",
        "avenue",
        "road",
        "drive",
        "lane",
        "court",
        "place",
        "boulevard",
        "terrace",
        "circle",
        "parkway",
        "highway",
        "square",
        "calle",
        "carretera",
        "paseo",
        "camino",
        "chemin",
        "rue",
        "via",
        "ladera",
        "pasaje",
        "callejon",
        "travesia",
        "urbanizacion",
        "subida",
        "bajada",
        "escalera",
    ]
)
_PARTICLES = frozenset(["de", "del", "la", "las", "los", "el", "du", "des", "d", "da", "do", "di", "the", "of"])
_FIRST_ONLY = frozenset({"c", "r", "v", "cl", "ch", "po"})
_NAME_KEYS = ("name", "alt_name", "old_name", "official_name", "short_name", "loc_name")


def street_key(name: str | None, *, loose: bool = False) -> str:
    """Spelling of a street's name under which two ways of writing it meet; empty for no name.

    Case, accents, punctuation and blanks go; common short forms are written out (``St`` at the end is *street*, at the
    start *saint*). With `loose`, the kind of street and particles go as well: ``Calle de Dolores`` meets ``Dolores``.

    Examples
    --------
    >>> street_key("N. Main St.") == street_key("North Main Street")
    True
    >>> street_key("St. Georg-Strasse") == street_key("St Georgstraße")
    True
    """
    if not name:
        return ""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("c/", "calle ").replace("ß", "ss"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    words = re.findall(r"[^\W_]+", re.sub(r"['’`´]", "", plain))
    written = []
    for place, found in enumerate(words):
        word = found
        if word in {"st", "dr"} and place == 0 and len(words) > 1:
            word = {"st": "saint", "dr": "doctor"}[word]
        elif len(words) > 1 and word in _WORD and (place == 0 or word not in _FIRST_ONLY):
            word = _WORD[word]
        elif word.endswith("str") and len(word) > 5:
            word += "asse"
        written.append(word)
    if loose:
        kept = [word for word in written if word not in _KINDS and word not in _PARTICLES]
        written = kept or written
    return "".join(written)


SLACK_M = 5.0
"""Of the parts of one street those count that are at most this much farther than the nearest."""


class Streets(NamedTuple):
    """Ways that a door may face, in order of id. `added_m` [m] is added to a distance; names as (line, key) pairs."""

    lines: NDArray[np.object_]
    name: NDArray[np.object_]
    added_m: NDArray[np.float64]
    tree: shapely.STRtree
    exact: dict[str, NDArray[np.int64]]
    loose: dict[str, NDArray[np.int64]]


class Targets(NamedTuple):
    """Pairs of a row that seeks a street and a line that it may face, sorted by row, then line."""

    row: NDArray[np.int64]
    line: NDArray[np.int64]
    distance: NDArray[np.float64]


def _added(ways: pd.DataFrame, rules: HomeRules) -> NDArray[np.float64]:
    """Return what is added to the distance of each way that a front door may face [m]; inf for those it may not."""
    added: dict[str, float] = rules.streets["added_m"]
    unnamed = rules.streets["unnamed"]
    highway, name = tag(ways, "highway"), tag(ways, "name")
    cost = np.array([added.get(str(value), np.inf) for value in highway], dtype=np.float64)
    cost[np.isin(highway.astype(str), unnamed["highways"]) & (name == None)] += float(unnamed["added_m"])  # noqa: E711
    level = tag(ways, "layer").astype(str)
    under = np.isin(tag(ways, "tunnel").astype(str), ["yes", "culvert"]) | (tag(ways, "indoor") == "yes")
    under |= np.array([text.startswith("-") for text in level], dtype=bool) & (
        tag(ways, "tunnel") != "building_passage"
    )
    cost[under] = np.inf
    return cost


def plain_streets(ways: pd.DataFrame, rules: HomeRules) -> NDArray[np.bool_]:
    """Return which ways every home may face without more ado: what nearest means is settled by these alone."""
    plain: NDArray[np.bool_] = _added(ways, rules) == 0
    return plain


def streets_of(ways: gpd.GeoDataFrame, rules: HomeRules) -> Streets:
    """Pick the ways that a front door may face: by `rules.streets`, not in tunnels, indoors or below ground."""
    ways = ways.iloc[natural_order(ways.index)]
    cost = _added(ways, rules)
    keep = np.isfinite(cost) & ~(shapely.is_empty(ways.geometry.to_numpy()))
    ways = ways[keep]
    exact: dict[str, set[int]] = {}
    loose: dict[str, set[int]] = {}
    keys: dict[str, tuple[str, str]] = {}
    for column in _NAME_KEYS:
        for line, text in enumerate(tag(ways, column)):
            for part in () if text is None else text.split(";"):
                if part not in keys:
                    keys[part] = (street_key(part), street_key(part, loose=True))
                for table, key in zip((exact, loose), keys[part], strict=True):
                    if key:
                        table.setdefault(key, set()).add(line)
    lines = ways.geometry.to_numpy()
    return Streets(
        lines=lines,
        name=tag(ways, "name"),
        added_m=cost[keep],
        tree=shapely.STRtree(lines),
        exact={key: np.array(sorted(found), dtype=np.int64) for key, found in exact.items()},
        loose={key: np.array(sorted(found), dtype=np.int64) for key, found in loose.items()},
    )


def _nearest(
    shapes: NDArray[np.object_], lines: NDArray[np.object_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return all nearest lines of each shape: row, line, distance [m]; as single segments, whose boxes are tight."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    inner = line[1:] == line[:-1]
    segments = shapely.linestrings(np.stack([xy[:-1][inner], xy[1:][inner]], axis=1))
    (row, segment), distance = shapely.STRtree(segments).query_nearest(shapes, return_distance=True, all_matches=True)
    return row, line[:-1][inner][segment], distance


def street_distance(shapes: NDArray[np.object_], streets: Streets) -> NDArray[np.float64]:
    """Distance of each shape's centre to the nearest street for vehicles or people [m], inf where there is none."""
    out = np.full(len(shapes), np.inf)
    plain = np.flatnonzero(streets.added_m == 0)
    if len(plain) and len(shapes):
        row, _, distance = _nearest(shapely.centroid(shapes), streets.lines[plain])
        out[row] = distance
    return out


def _best_per_row(row: NDArray[np.int64], cost: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    best = np.full(n, np.inf)
    np.minimum.at(best, row, cost)
    return best


def nearest_targets(shapes: NDArray[np.object_], streets: Streets) -> Targets:
    """Return the nearest street of each shape by distance plus `added_m`; among equals the first in order of id."""
    n = len(shapes)
    rows: list[NDArray[np.int64]] = []
    lines: list[NDArray[np.int64]] = []
    distances: list[NDArray[np.float64]] = []
    plain = np.flatnonzero(streets.added_m == 0)
    best = np.full(n, np.inf)
    if len(plain) and n:
        row, line, distance = _nearest(shapes, streets.lines[plain])
        best = _best_per_row(row, distance, n)
        rows.append(row)
        lines.append(plain[line])
        distances.append(distance)
    other = np.flatnonzero(streets.added_m > 0)
    if len(other) and n:
        tree = shapely.STRtree(streets.lines[other])
        far = ~np.isfinite(best)
        if far.any():
            row, line, distance = _nearest(shapes[far], streets.lines[other])
            rows.append(np.flatnonzero(far)[row])
            lines.append(other[line])
            distances.append(distance)
        reach = np.where(far, 0.0, best - streets.added_m[other].min())
        near = np.flatnonzero(reach > 0)
        row, line = tree.query(shapes[near], predicate="dwithin", distance=reach[near])
        rows.append(near[row])
        lines.append(other[line])
        distances.append(shapely.distance(shapes[near[row]], streets.lines[other[line]]))
    if not rows:
        nothing = np.empty(0, dtype=np.int64)
        return Targets(nothing, nothing, np.empty(0))
    row, line, distance = np.concatenate(rows), np.concatenate(lines), np.concatenate(distances)
    cost = distance + streets.added_m[line]
    order = np.lexsort((line, cost, row))
    row, line, distance = row[order], line[order], distance[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = row[1:] != row[:-1]
    return Targets(row[first], line[first], distance[first])


def address_targets(
    shapes: NDArray[np.object_],
    names: NDArray[np.object_],
    streets: Streets,
    reach_m: float | NDArray[np.float64],
    slack_m: float = SLACK_M,
) -> Targets:
    """Lines of the street that an address names, within `reach_m` of the shape.

    The exact spelling goes first; where no such street is near, the loose one (without *Calle*, *de la* ...). Of the
    parts of the street those are kept that are at most `slack_m` farther than the nearest.

    Parameters
    ----------
    shapes, names
        Shapes (n,) and the street names of their addresses (n,), str or None.
    streets
        From `streets_of`.
    reach_m, slack_m
        In metres; the reach for all shapes or for each.

    Returns
    -------
    Targets
        Rows without a match have no pair.
    """
    n = len(shapes)
    reach = np.broadcast_to(np.asarray(reach_m, dtype=np.float64), n)
    exact = _named(shapes, names, streets, reach, False, np.arange(n))
    missing = np.setdiff1d(np.flatnonzero(names != None), exact.row)  # noqa: E711 - elementwise
    loose = _named(shapes, names, streets, reach, True, missing)
    row, line, distance = (np.concatenate(pair) for pair in zip(exact, loose, strict=True))
    best = _best_per_row(row, distance, n)
    keep = distance <= best[row] + slack_m
    row, line, distance = row[keep], line[keep], distance[keep]
    order = np.lexsort((line, row))
    return Targets(row[order], line[order], distance[order])


def _named(
    shapes: NDArray[np.object_],
    names: NDArray[np.object_],
    streets: Streets,
    reach_m: NDArray[np.float64],
    loose: bool,
    asked: NDArray[np.int64],
) -> Targets:
    table = streets.loose if loose else streets.exact
    codes = {key: code for code, key in enumerate(table)}
    wanted = {text: codes.get(street_key(text, loose=loose), -1) for text in set(names[asked]) if text is not None}
    code = np.array([wanted.get(text, -1) for text in names[asked]], dtype=np.int64)
    rows, code = asked[code >= 0], code[code >= 0]
    nothing = Targets(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    if not len(rows):
        return nothing
    starts = np.cumsum([0] + [len(lines) for lines in table.values()])
    flat = np.concatenate(list(table.values()))
    counts = np.diff(starts)[code]
    row = np.repeat(rows, counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    line = flat[np.repeat(starts[:-1][code], counts) + within]
    # A street may have hundreds of parts: their boxes sort out the far ones cheaply.
    a, b = shapely.bounds(shapes)[row], shapely.bounds(streets.lines)[line]
    reach = reach_m[row, None]
    near = np.all(a[:, :2] - reach <= b[:, 2:], axis=1) & np.all(b[:, :2] - reach <= a[:, 2:], axis=1)
    row, line = row[near], line[near]
    distance = shapely.distance(shapes[row], streets.lines[line])
    keep = distance <= reach_m[row]
    return Targets(row[keep], line[keep], distance[keep])
