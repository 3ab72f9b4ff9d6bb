"""Cross-sections of streets: how wide the carriageway, sidewalks and verges are, from tags and else by default.

       |<------------------------- street space (right of way) ------------------------->|
       | verge | sidewalk | strip |       carriageway       | strip | sidewalk | verge |
                                  kerb         line         kerb

Left and right are those of the direction in which the way is drawn. Figures and their sources: `rules/widths.toml`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from doorview.city import values
from doorview.city.ground_rules import column, width_table

__all__ = [
    "CrossSection",
    "GivenWidths",
    "Sidewalks",
    "cross_section",
    "driven",
    "read_sidewalks",
    "street_widths",
    "way_widths",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
SIDES = ("left", "right")
"""Order of the last axis of arrays that hold both sides of a street."""

_YES = frozenset({"yes", "both", "left", "right", "lane", "mapped", "left;right", "right;left"})
_NO = frozenset({"no", "none", "false", "0"})
_SEPARATE = frozenset({"separate"})
_PARKED = {
    "parallel": "parallel_m", "lane": "parallel_m", "street_side": "parallel_m", "yes": "parallel_m",
    "on_street": "parallel_m", "marked": "parallel_m", "half_on_kerb": "parallel_m", "diagonal": "diagonal_m",
    "perpendicular": "perpendicular_m",
}  # fmt: skip
_UNPARKED = frozenset({"no", "none", "no_parking", "no_stopping", "fire_lane", "separate", "on_kerb", "shoulder"})


@dataclass(frozen=True)
class GivenWidths:
    """The user's own figures for streets without tags, in place of the width table's [m]; None leaves the table's.

    Attributes:
        lane_m: One through lane. A default carriageway changes by the whole lanes that it holds, the street space not.
        sidewalk_m: One sidewalk, drawn by default or as its own way, where no tag gives its width.
    """

    lane_m: float | None = None
    sidewalk_m: float | None = None


@dataclass(frozen=True)
class Sidewalks:
    """What the tags of n ways say of their sidewalks; last axis left, right.

    Attributes:
        state: Shape (n, 2): "yes", "no", "separate" or "" (untagged).
        width_m: Shape (n, 2): tagged width [m], NaN where there is none.
        ignored: Counts of values that could not be read, by key.
    """

    state: npt.NDArray[np.object_]
    width_m: Floats
    ignored: dict[str, int]


@dataclass(frozen=True)
class CrossSection:
    """Cross-sections of n pieces of street [m]; last axis left, right.

    Attributes:
        half_m: Shape (n,): from the line to the kerb.
        sidewalk_from_m: Shape (n, 2): from the line to the near edge of the sidewalk, NaN where there is none.
        sidewalk_to_m: Shape (n, 2): to its far edge, NaN where there is none.
        space_m: Shape (n, 2): to the property line.
        tagged: Shape (n, 2): whether the sidewalk stands on a tag, not on a default.
    """

    half_m: Floats
    sidewalk_from_m: Floats
    sidewalk_to_m: Floats
    space_m: Floats
    tagged: Bools


def _parsed(
    text: npt.NDArray[np.object_], parse: Callable[[str], float | None], bounds: str, key: str, ignored: dict[str, int]
) -> Floats:
    """Parse a column of tag text; what cannot be read or lies out of bounds is NaN and counted under `key`."""
    limit = width_table()["bounds"][bounds]
    code, names = pd.factorize(text)
    if not len(names):
        return np.full(len(text), np.nan)
    read = [parse(str(name)) for name in names]
    numbers = np.array([np.nan if value is None else float(value) for value in read])
    numbers[~((numbers >= limit["low_m"]) & (numbers <= limit["high_m"]))] = np.nan
    result = np.append(numbers, np.nan)[code]
    lost = int(np.sum((code >= 0) & np.isnan(result)))
    if lost:
        ignored[key] = ignored.get(key, 0) + lost
    return np.asarray(result, dtype=np.float64)


def driven(ways: gpd.GeoDataFrame) -> npt.NDArray[np.int8]:
    """Return which way traffic runs: +1 along the line, -1 against it, 0 both ways."""
    oneway = column(ways, "oneway")
    junction = column(ways, "junction")
    along = np.isin(oneway.astype(str), ["yes", "true", "1"])
    ring = np.isin(junction.astype(str), ["roundabout", "circular"]) & pd.isna(oneway)
    against = np.isin(oneway.astype(str), ["-1", "reverse"])
    return np.where(along | ring, 1, np.where(against, -1, 0)).astype(np.int8)


def way_widths(
    ways: gpd.GeoDataFrame, kind: npt.NDArray[np.object_], ignored: dict[str, int], given: GivenWidths
) -> Floats:
    """Return the widths of paths, sidewalks and the like [m], shape (n,): by `width` or `est_width`, else by default.

    Args:
        ways: Lines with their tags.
        kind: Rows of `[paths]` in the width table.
        ignored: Counter of unreadable values, added to.
        given: The user's own figures.
    """
    table: dict[str, Any] = dict(width_table()["paths"])
    if given.sidewalk_m is not None:
        table["sidewalk"] = {"width_m": given.sidewalk_m}
    default = np.array([table.get(name, table["footway"])["width_m"] for name in kind], dtype=np.float64)
    tagged = _parsed(column(ways, "width"), values.metres, "path", "width of a path", ignored)
    estimated = _parsed(column(ways, "est_width"), values.metres, "path", "est_width of a path", ignored)
    return np.where(np.isnan(tagged), np.where(np.isnan(estimated), default, estimated), tagged)


def _defaults(kind: npt.NDArray[np.object_], country: str, given: GivenWidths) -> dict[str, Floats]:
    """Return the width table's figures for each way, changed by the user's own; unknown kinds are taken as a road."""
    row_of: dict[str, Any] = {name: row for row in width_table()[country].values() for name in row["classes"]}
    code, names = pd.factorize(kind)
    rows = [row_of.get(str(name), row_of["road"]) for name in names]
    figures = ("carriageway_m", "oneway_m", "half_m", "lane_m", "edge_m", "space_m", "sidewalk_m", "strip_m")
    found = {name: np.array([row[name] for row in rows], dtype=np.float64)[code] for name in figures}
    if given.sidewalk_m is not None:
        found["sidewalk_m"] = np.where(found["sidewalk_m"] > 0, given.sidewalk_m, 0.0)
    if given.lane_m is not None:
        for name, edges in (("carriageway_m", 1.0), ("oneway_m", 1.0), ("half_m", 0.5)):
            lanes = np.floor((found[name] - edges * found["edge_m"]) / found["lane_m"] + 1e-9)
            found[name] = found[name] + lanes * (given.lane_m - found["lane_m"])
        found["lane_m"] = np.full(len(kind), given.lane_m)
    return found


def _parking(ways: gpd.GeoDataFrame) -> Floats:
    """Return the width of tagged parking lanes on the carriageway, both sides [m]; NaN where nothing is tagged."""
    figures = width_table()["parking"]
    total = np.full(len(ways), np.nan)
    for side in SIDES:
        width = np.full(len(ways), np.nan)
        for key in ("parking:lane:both", f"parking:lane:{side}", "parking:both", f"parking:{side}"):
            text = column(ways, key)
            code, names = pd.factorize(text)
            read = [
                figures[_PARKED[name]] if name in _PARKED else 0.0 if name in _UNPARKED else np.nan
                for name in names.tolist()
            ]
            found = np.array([*read, np.nan], dtype=np.float64)[code]
            width = np.where(np.isnan(found), width, found)
        total = np.where(np.isnan(width), total, np.where(np.isnan(total), 0.0, total) + width)
    return total


def street_widths(
    ways: gpd.GeoDataFrame,
    kind: npt.NDArray[np.object_],
    country: str,
    half: Bools,
    ignored: dict[str, int],
    given: GivenWidths,
) -> tuple[Floats, Floats, dict[str, int]]:
    """Return carriageway and street space of n ways [m], and by which rule.

    Args:
        ways: Streets with their tags.
        kind: Rows of the width table.
        country: Profile, "us" or "world".
        half: Whether each is one of the two ways of a dual carriageway or part of a roundabout.
        ignored: Counter of unreadable values, added to.
        given: The user's own figures.

    Returns:
        Carriageway kerb to kerb, shape (n,); street space both sides, shape (n,); counts by source of the width.
    """
    figures = _defaults(kind, country, given)
    oneway = driven(ways) != 0
    default = np.where(half, figures["half_m"], np.where(oneway, figures["oneway_m"], figures["carriageway_m"]))
    space = default + figures["space_m"] - figures["carriageway_m"]
    kerbs = _parsed(column(ways, "width:carriageway"), values.metres, "carriageway", "width:carriageway", ignored)
    width = _parsed(column(ways, "width"), values.metres, "carriageway", "width", ignored)
    estimate = _parsed(column(ways, "est_width"), values.metres, "carriageway", "est_width", ignored)
    lanes = _parsed(column(ways, "lanes"), values.count, "lanes", "lanes", ignored)
    parking = _parking(ways)
    # One of two ways, or a one-way street, has one edge where the other has two.
    edge = np.where(half, figures["edge_m"] / 2, figures["edge_m"])
    by_lanes = lanes * figures["lane_m"] + np.where(np.isnan(parking), edge, parking)
    whole = np.isnan(kerbs) & (width > space)
    sources = {
        "width:carriageway": kerbs,
        "width": np.where(whole, np.nan, width),
        "est_width": np.where(whole, np.nan, estimate),
        "lanes": np.where(whole, np.nan, by_lanes),
    }
    carriageway = np.full(len(ways), np.nan)
    counts: dict[str, int] = {}
    for name, found in sources.items():
        take = np.isnan(carriageway) & ~np.isnan(found)
        carriageway[take] = found[take]
        counts[name] = int(take.sum())
    counts["default"] = int(np.isnan(carriageway).sum())
    carriageway = np.where(np.isnan(carriageway), default, carriageway)
    return carriageway, np.where(whole, width, space), counts


def _sidewalk_state(
    text: npt.NDArray[np.object_], side: str, key: str, ignored: dict[str, int]
) -> npt.NDArray[np.object_]:
    """Read one sidewalk tag for one side: "yes", "no", "separate", or "" where it says nothing."""
    code, names = pd.factorize(text)
    states = []
    for number, name in enumerate(names.tolist()):
        other = "right" if side == "left" else "left"
        if name in _SEPARATE:
            states.append("separate")
        elif name in _NO or name == other:
            states.append("no")
        elif name in _YES:
            states.append("yes")
        else:
            states.append("")
            ignored[key] = ignored.get(key, 0) + int(np.sum(code == number))
    result: npt.NDArray[np.object_] = np.array([*states, ""], dtype=object)[code]
    return result


def read_sidewalks(ways: gpd.GeoDataFrame) -> Sidewalks:
    """Read the sidewalk tags of n streets; the more particular key wins over the general one."""
    ignored: dict[str, int] = {}
    state = np.full((len(ways), 2), "", dtype=object)
    width = np.full((len(ways), 2), np.nan)
    general = column(ways, "sidewalk")
    # Before 2011 sidewalks were tagged footway=both on the street itself.
    old = column(ways, "footway")
    old[~np.isin(old.astype(str), ["both", "left", "right", "none"])] = None
    for at, side in enumerate(SIDES):
        for key, text in (
            ("footway", old), ("sidewalk", general),
            ("sidewalk:both", column(ways, "sidewalk:both")), (f"sidewalk:{side}", column(ways, f"sidewalk:{side}")),
        ):  # fmt: skip
            found = _sidewalk_state(text, side, key, ignored)
            state[:, at] = np.where(found == "", state[:, at], found)
        for key in ("sidewalk:width", "sidewalk:both:width", f"sidewalk:{side}:width"):
            found_width = _parsed(column(ways, key), values.metres, "sidewalk", key, ignored)
            width[:, at] = np.where(np.isnan(found_width), width[:, at], found_width)
    return Sidewalks(state, width, ignored)


def cross_section(
    *,
    carriageway_m: Floats,
    space_m: Floats,
    kind: npt.NDArray[np.object_],
    country: str,
    sidewalks: Sidewalks,
    mapped_m: Floats,
    median: npt.NDArray[np.int8],
    gap_m: Floats,
    given: GivenWidths,
) -> CrossSection:
    """Lay out the cross-sections of n pieces of street.

    Args:
        carriageway_m: Kerb to kerb, shape (n,).
        space_m: Whole street space, shape (n,).
        kind: Rows of the width table, shape (n,).
        country: Profile, "us" or "world".
        sidewalks: Tags, by piece.
        mapped_m: Shape (n, 2): distance of a sidewalk drawn as its own way, NaN where there is none; it takes the
            place of the one that would be drawn here.
        median: Shape (n,): +1 where the other way of a dual carriageway lies left, -1 right, 0 none.
        gap_m: Shape (n,): distance to that other way, NaN where there is none.
        given: The user's own figures.
    """
    figures = _defaults(kind, country, given)
    half = carriageway_m / 2
    inner_side = np.column_stack([median == 1, median == -1])
    mapped = ~np.isnan(mapped_m)
    state = sidewalks.state
    wanted_default = (state == "") & (figures["sidewalk_m"] > 0)[:, None] & ~inner_side
    # "separate" without such a way in the data: the sidewalk is there, so it is drawn where it usually lies.
    present = ((state == "yes") | (state == "separate") | wanted_default) & ~mapped
    usual = width_table()["paths"]["sidewalk"]["width_m"] if given.sidewalk_m is None else given.sidewalk_m
    fallback = np.where(figures["sidewalk_m"] > 0, figures["sidewalk_m"], usual)
    width = np.where(np.isnan(sidewalks.width_m), fallback[:, None], sidewalks.width_m)
    space = np.broadcast_to((space_m / 2)[:, None], (len(half), 2))
    room = space - half[:, None] - width
    start = half[:, None] + np.clip(room, 0.0, figures["strip_m"][:, None])
    end = start + width
    space = np.maximum(space, half[:, None])
    if country == "world":
        shoulder = width_table()["shoulder"]["width_m"]
        bare = ~present & ~mapped & (figures["sidewalk_m"] > 0)[:, None]
        space = np.where(bare, np.minimum(space, half[:, None] + shoulder), space)
    space = np.where(present, np.maximum(space, end), space)
    space = np.where(mapped, np.maximum(space, np.nan_to_num(mapped_m)), space)
    # The median is verge up to halfway to the other way; a little more, so that rounding leaves no sliver between them.
    to_median = np.maximum(np.nan_to_num(gap_m) / 2 + 0.5, half)
    space = np.where(inner_side, to_median[:, None], space)
    return CrossSection(
        half_m=half,
        sidewalk_from_m=np.where(present, start, np.nan),
        sidewalk_to_m=np.where(present, end, np.nan),
        space_m=space,
        tagged=present & (state != ""),
    )
