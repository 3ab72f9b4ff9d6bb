"""Parked cars at the kerb: places along carriageways, of which a share is taken.

Rules and reasons: table `parked` of `rules/obstacles.toml`. Which places are taken is a hash of the way's id, the
place and the seed, never of an order: a car stays where it is when a street is added elsewhere, and a higher occupancy
adds cars and moves none.

    kerb  ___[=====]___[=====]___________[=====]___   slots of 6.0 m, cars of 4.5 x 1.8 m
                       lane
    line  - - - - - - - - - - - - - - - - - - - - -   half_m from the kerb
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from doorview.city.chances import check_seed, keys_of, uniform
from doorview.city.doors_tags import among, tag
from doorview.city.obstacles import obstacle_rules
from doorview.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from doorview.city.ground import Ground

__all__ = ["parked_cars"]

_SAME_NODE_M = 0.01
_TAGS = (("parking:left", "parking:both", "parking:lane:left", "parking:lane:both"),
         ("parking:right", "parking:both", "parking:lane:right", "parking:lane:both"))  # fmt: skip
"""For the left and the right side, in order of precedence."""


class _Slots(NamedTuple):
    """Parking places: row of strip, place of the middle (n, 2) [m], direction of the street (n, 2), side (+1 left)."""

    strip: NDArray[np.int64]
    middle: NDArray[np.float64]
    along: NDArray[np.float64]
    side: NDArray[np.int64]


def parked_cars(
    ground: Ground, occupancy: float = 0.3, seed: int = 0, *, ways: gpd.GeoDataFrame | None = None
) -> gpd.GeoDataFrame:
    """Place parked cars along the kerbs of public streets.

    Parameters
    ----------
    ground
        As `public_space`; `faces`, `strips` and `polygons` are read.
    occupancy
        Share of the places that are taken, in [0, 1]; 0.3 has no source (mark U): vary it.
    seed
        Another seed takes other places.
    ways
        `city.ways`, for the parking tags, bridges, tunnels, roundabouts and crossings; None: every street by its class.

    Returns
    -------
    GeoDataFrame
        Rectangles in the ground's CRS, index `osm_id` (``car:WAY:X:Y`` with the middle in decimetres, sorted as text),
        columns `geometry`, `kind` (``parked_car``), `height_m` (1.5). ``attrs["counts"]`` and ``attrs["notes"]`` as
        `find_obstacles`.

    Raises
    ------
    InputError
        If the occupancy lies outside [0, 1] or the seed is no whole number of 0 or more.
    """
    share, seed = _checked(occupancy), check_seed(seed)
    rules = obstacle_rules()["parked"]
    strips = ground.strips
    kind = strips["class"].to_numpy(dtype=object)
    street = strips[among(kind, ["carriageway"])]
    sides, counts = _sides(street, ground.faces, ways)
    slots = _slots(street, sides, _trims(strips[among(kind, ["carriageway", "alley"])], street))
    car = _rectangles(slots, street["outer_m"].to_numpy(dtype=np.float64))
    names = street["osm_id"].to_numpy(dtype=object)[slots.strip] if len(car) else np.zeros(0, dtype=object)
    place = np.floor(shapely.get_coordinates(shapely.centroid(car)) * 10).astype(np.int64)
    text = [f"car:{name}:{x}:{y}" for name, (x, y) in zip(names, place, strict=True)]
    order = np.argsort(np.array(text, dtype=np.str_), kind="stable")
    index = pd.Index([text[k] for k in order], dtype=object, name="osm_id")
    car, strip = car[order], slots.strip[order]
    counts["places at the kerb, 5 m from junctions"] = len(car)
    free = np.ones(len(car), dtype=bool)
    for words, taken in (
        ("places near a driveway, left out", _near_driveways(car, strips[among(kind, ["driveway", "restricted"])])),
        ("places on another carriageway, left out", _on_others(car, strip, street)),
        ("places on a crossing or mapped sidewalk, left out", _on_paths(car, strips, kind, ways)),
        ("places in a building, left out", _in_buildings(car, ground.polygons)),
    ):
        counts[words] = int((taken & free).sum())
        free &= ~taken
    doubled = np.zeros(len(car), dtype=bool)
    rows = np.flatnonzero(free)
    a, b = shapely.STRtree(car[rows]).query(car[rows], predicate="intersects")
    doubled[rows[np.maximum(a, b)[a != b]]] = True
    free &= ~doubled & ~index.duplicated()
    counts["places that overlap another, left out"] = int((doubled | index.duplicated()).sum())
    counts["places"] = int(free.sum())
    taken = free & (uniform(keys_of(index), seed) < share)
    counts["parked cars"] = int(taken.sum())
    out = gpd.GeoDataFrame(
        {
            "kind": pd.Series(["parked_car"] * int(taken.sum()), dtype=object).to_numpy(),
            "height_m": np.full(int(taken.sum()), float(rules["height_m"])),
        },
        geometry=car[taken],
        index=index[taken],
        crs=strips.crs,
    )[["geometry", "kind", "height_m"]]
    out.attrs["counts"] = counts
    size = f"{rules['length_m']} x {rules['width_m']} x {rules['height_m']} m"
    note = f"Parked cars are simulated: {share:.0%} of {counts['places']} places at the kerb are taken, seed {seed}; "
    out.attrs["notes"] = [f"{note}cars of {size} (assumption)."]
    return out


def _checked(occupancy: float) -> float:
    value = float(occupancy)
    if not 0.0 <= value <= 1.0:  # written so that NaN is refused too
        raise InputError(
            f"occupancy is {occupancy!r}: it is the share of parking places that are taken and must lie in [0, 1], "
            "e.g. occupancy=0.3."
        )
    return value


def _sides(
    street: gpd.GeoDataFrame, faces: gpd.GeoDataFrame, ways: gpd.GeoDataFrame | None
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Return whether cars stand on the left and right of each carriageway, shape (n, 2), and what was counted."""
    rules = obstacle_rules()["parked"]
    face = street["face"].to_numpy()
    # A face takes its class from its first way; all of a face is one street.
    known = face >= 0
    highway = np.full(len(street), None, dtype=object)
    highway[known] = faces["highway"].reindex(face[known]).to_numpy(dtype=object)
    by_class = among(highway, rules["classes"])
    sides = np.repeat(by_class[:, None], 2, axis=1)
    tagged = np.zeros(sides.shape, dtype=bool)
    closed = np.zeros(len(street), dtype=bool)
    if ways is not None and len(ways) and len(street):
        of_way = ways.reindex(street["osm_id"].to_numpy(dtype=object))
        for at, keys in enumerate(_TAGS):
            for key in reversed(keys):
                value = tag(of_way, key)
                yes, no = among(value, rules["tagged_yes"]), among(value, rules["tagged_no"])
                sides[yes, at], sides[no, at] = True, False
                tagged[yes, at], tagged[no, at] = True, False
        closed = among(tag(of_way, "junction"), ["roundabout", "circular"])
        for key in ("bridge", "tunnel"):
            closed |= np.array([text is not None and text != "no" for text in tag(of_way, key)], dtype=bool)
        sides[closed] = False
    width = 2 * street["outer_m"].to_numpy(dtype=np.float64)
    lane, car = float(rules["lane_m"]), float(rules["width_m"])
    untagged = ~tagged.any(axis=1)
    too_narrow = untagged & (width < lane + car)
    one = untagged & (width < lane + 2 * car) & ~too_narrow & sides.all(axis=1)
    left = uniform(keys_of(f"{name}|side" for name in street["osm_id"]), 0) < 0.5
    sides[one & left, 1] = False
    sides[one & ~left, 0] = False
    counts = {
        "street pieces": len(street),
        "street pieces without parking by class or tag": int((~sides.any(axis=1) & ~too_narrow).sum()),
        "street pieces too narrow for parked cars": int((too_narrow & sides.any(axis=1)).sum()),
        "street pieces with cars on one side only": int((sides.sum(axis=1) == 1).sum()),
    }
    sides[too_narrow] = False
    return sides, counts


def _trims(streets: gpd.GeoDataFrame, street: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return how far cars stay from the start and end of each line of `street`, shape (n, 2) [m].

    Where three or more pieces meet: the half width of the widest other, plus the clear distance; else nothing.
    """
    lines = streets.geometry.to_numpy()
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    half = np.tile(streets["outer_m"].to_numpy(dtype=np.float64), 2)
    cell = np.round(shapely.get_coordinates(ends) / _SAME_NODE_M).astype(np.int64)
    _, node = np.unique(cell, axis=0, return_inverse=True)
    node = node.ravel()
    # The widest and the second widest at each node: the widest other of the widest is the second.
    order = np.lexsort((-half, node))
    start = np.flatnonzero(np.r_[True, np.diff(node[order]) > 0]) if len(order) else order
    meet = np.bincount(node, minlength=len(start)) if len(start) else start
    widest = half[order[start]]
    second = np.where(meet > 1, half[order[np.minimum(start + 1, len(order) - 1)]], 0.0) if len(start) else widest
    is_first = np.zeros(len(ends), dtype=bool)
    is_first[order[start]] = True
    other = np.where(is_first, second[node], widest[node]) if len(start) else half
    clear = float(obstacle_rules()["parked"]["junction_clear_m"])
    trim = np.where(meet[node] >= 3, other + clear, 0.0) if len(start) else half
    both = np.column_stack([trim[: len(lines)], trim[len(lines) :]])
    trims: NDArray[np.float64] = both[streets.index.get_indexer(street.index)]
    return trims


def _slots(street: gpd.GeoDataFrame, sides: NDArray[np.bool_], trims: NDArray[np.float64]) -> _Slots:
    """Return the places of both sides, as many whole ones as fit between the trims, in the middle of what is there."""
    pitch = float(obstacle_rules()["parked"]["slot_m"])
    lines = street.geometry.to_numpy()
    room = shapely.length(lines) - trims.sum(axis=1)
    number = np.where(sides.any(axis=1), np.floor(np.maximum(room, 0.0) / pitch), 0).astype(np.int64)
    strip = np.repeat(np.arange(len(lines)), number)
    nth = np.arange(len(strip)) - np.repeat(np.cumsum(number) - number, number)
    at = trims[strip, 0] + (room[strip] - number[strip] * pitch) / 2 + (nth + 0.5) * pitch
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines[strip], np.maximum(at - 1.0, 0.0)))
    after = shapely.get_coordinates(shapely.line_interpolate_point(lines[strip], at + 1.0))
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines[strip], at))
    along = after - before
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    parts = []
    for column, side in enumerate((1, -1)):
        here = sides[strip, column]
        count = int(here.sum())
        parts.append((strip[here], middle[here], along[here], np.full(count, side, dtype=np.int64)))
    joined = [np.concatenate([part[k] for part in parts]) for k in range(4)]
    return _Slots(joined[0].astype(np.int64), joined[1], joined[2], joined[3])


def _rectangles(slots: _Slots, outer_m: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the car in each place, its outer side on the kerb line, shape (n,)."""
    rules = obstacle_rules()["parked"]
    length, width, gap = float(rules["length_m"]), float(rules["width_m"]), float(rules["kerb_gap_m"])
    if not len(slots.strip):
        return np.zeros(0, dtype=object)
    left = np.column_stack([-slots.along[:, 1], slots.along[:, 0]]) * slots.side[:, None]
    far = (outer_m[slots.strip] - gap)[:, None] * left
    near = far - width * left
    half = length / 2 * slots.along
    ring = np.stack([near - half, near + half, far + half, far - half], axis=1) + slots.middle[:, None, :]
    cars: NDArray[np.object_] = shapely.polygons(ring)
    return cars


def _hits(car: NDArray[np.object_], others: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether each car meets any of the shapes, shape (n,)."""
    hit = np.zeros(len(car), dtype=bool)
    hit[shapely.STRtree(others).query(car, predicate="intersects")[0]] = True
    return hit


def _near_driveways(car: NDArray[np.object_], drives: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    clear = float(obstacle_rules()["parked"]["driveway_clear_m"])
    lines = drives.geometry.to_numpy()
    row, drive = shapely.STRtree(lines).query(
        car, predicate="dwithin", distance=clear + float(drives["outer_m"].max() if len(drives) else 0.0)
    )
    near = shapely.distance(car[row], lines[drive]) < clear + drives["outer_m"].to_numpy(dtype=np.float64)[drive]
    hit = np.zeros(len(car), dtype=bool)
    hit[row[near]] = True
    return hit


def _on_others(car: NDArray[np.object_], strip: NDArray[np.int64], street: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Whether each car stands on a carriageway that is not its own: at sharp corners, on the twin of a dual one."""
    # Flat ends and a hair less wide: two pieces of one street that only touch do not count.
    bands = shapely.buffer(street.geometry.to_numpy(), street["outer_m"].to_numpy() - 0.05, cap_style="flat")
    row, other = shapely.STRtree(bands).query(car, predicate="intersects")
    hit = np.zeros(len(car), dtype=bool)
    hit[row[other != strip[row]]] = True
    return hit


def _on_paths(
    car: NDArray[np.object_], strips: gpd.GeoDataFrame, kind: NDArray[np.object_], ways: gpd.GeoDataFrame | None
) -> NDArray[np.bool_]:
    """Whether a path, a mapped sidewalk or a crossing (which makes no ground of its own: from `ways`) meets a car."""
    drawn = among(kind, ["path", "sidewalk", "square"]) & (strips["inner_m"].to_numpy() == 0)
    hit = _hits(car, strips.geometry.to_numpy()[drawn])
    if ways is not None:
        crossing = np.zeros(len(ways), dtype=bool)
        for key in ("footway", "cycleway", "path"):
            crossing |= among(tag(ways, key), ["crossing"])
        hit |= _hits(car, ways.geometry.to_numpy()[crossing])
    return hit


def _in_buildings(car: NDArray[np.object_], polygons: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    return _hits(car, polygons.geometry.to_numpy()[among(polygons["class"].to_numpy(dtype=object), ["building"])])
