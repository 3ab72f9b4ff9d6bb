"""When and where recorded tracks were in view, of how many doors, and for how long.

The figures of a track are those of a planned route, by the same code; a door counts once for a whole track. Owners are
simulated, so this says what a camera at each door could have seen, never what one did see.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from doorview.city.doors import find_doors
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.errors import InputError
from doorview.overlays.gpx import Recorded, read_gpx
from doorview.overlays.route_exposure import (
    CAVEAT,
    WALKING_M_PER_S,
    Exposure,
    exposure_of_pairs,
    figures_of_legs,
    point_chances,
    recorded_of_legs,
)
from doorview.overlays.route_owners import checked_chance
from doorview.overlays.tracks import (
    DROPPED,
    TrackRules,
    Tracks,
    TrackWalk,
    clean_tracks,
    track_points,
    track_routes,
)
from doorview.overlays.walk_stretches import stretches
from doorview.sight.api import camera as camera_named
from doorview.sight.api import level as level_named
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level
from doorview.sight.points import sees

__all__ = ["GPS_ERROR_M", "LEVELS", "TrackExposure", "track_exposure"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVELS = ("detect", "observe", "recognise")
GPS_ERROR_M = 10.0
"""How far a whole track may lie aside [m]. A phone among houses is off by 7 to 13 m on average (Merry and Bettinger
2019, https://doi.org/10.1371/journal.pone.0219890); within 10 m in 95 % of fixes in another trial (Al-Azizi and Shafri
2017, https://doi.org/10.1155/2017/6750346)."""
DIRECTIONS = 8
"""Ways in which a track is moved aside to say how much its figures hang on the error of its places."""


@dataclass(frozen=True, eq=False)
class TrackExposure:
    """What could see some tracks.

    A track is personal data: these tables say where somebody was, and when.

    Attributes
    ----------
    table
        A row per track and level: the columns of `route_figures`; `share_recorded_mean` where a clip was given;
        `duration_s`, `seen_time_mean_s` (empty without times); `share_in_view_low`, `_high` and `doorbells_low`,
        `_high`: over the track as it is and moved aside by the error of its places in 8 directions;
        `in_building_m`, where a place cannot be right or somebody was at home, and which counts as out of view.
    intervals
        A row for each stretch that at least one door could see: `track`, `level`, `begin_m`, `end_m` along the track,
        `begin_time`, `end_time` (UTC), `seconds`, `lon`, `lat`, `end_lon`, `end_lat`, `length_m`,
        `seen_length_mean_m`, `doors_in_view`, `doorbells_mean`, `p_in_view` (that any of these doors owns).
    counts
        A row per track: what was left out and where it was cut (`Tracks.counts`), and `in_building`: points of the
        walk (every metre) in a building.
    lines
        GeoDataFrame: the pieces of the tracks.
    stretches
        GeoDataFrame: pieces of them along which the chance of being in view is one: `walk` (the track), `level`,
        `chance`, `begin_m` and `end_m` along the piece.

    """

    table: pd.DataFrame
    intervals: pd.DataFrame
    counts: pd.DataFrame
    lines: gpd.GeoDataFrame
    stretches: gpd.GeoDataFrame


def track_exposure(
    city: City,
    files: str | PathLike[str] | Iterable[str | PathLike[str]] | Recorded,
    *,
    levels: Sequence[str | Level] = LEVELS,
    rate: float | ArrayLike = 0.2,
    doors: gpd.GeoDataFrame | None = None,
    obstacles: gpd.GeoDataFrame | None = None,
    camera: str | CameraModel = "ring-video-doorbell-wired",
    rules: TrackRules | None = None,
    gps_error_m: float = GPS_ERROR_M,
    clip_s: float | None = None,
    replicates: int = 256,
    seed: int = 0,
) -> TrackExposure:
    """Return when and where recorded tracks were in view of simulated doorbells: GPX files, a folder, or both.

    Parameters
    ----------
    city
        Where the tracks lie. Points outside its data, or nearer to their edge than a camera reaches, are left out and
        counted: what stands beyond is not known.
    files
        GPX 1.0 or 1.1, or what `read_gpx` read.
    levels
        What "in view" means; no figure stands without one.
    rate
        Chance that a door owns a camera: one number, or one for each of `doors`, in their order.
    doors, obstacles
        Default: `find_doors(city)`, `find_obstacles(city)`.
    camera
        Name, or a model.
    rules
        When a track is cut (`TrackRules`).
    gps_error_m
        How far its places may be off [m]; 0: the columns of that spread are left out.
    clip_s
        Length of a clip [s] for `share_recorded_mean`; no source says one for all makers. Tracks without times are
        taken at 1.4 m/s.
    replicates, seed
        Of the longest unseen stretch (`route_figures`).

    Raises
    ------
    MissingFileError, InputError
        As `read_gpx`; where no point of any track can be used, and for values out of bounds.
    UnknownNameError
        For a camera or level that does not exist.

    """
    model = camera_named(camera)
    wanted = [item if isinstance(item, Level) else level_named(model, item) for item in levels]
    if not wanted or len({item.name for item in wanted}) < len(wanted):
        raise InputError("levels: give at least one level, and each once, as in levels=['detect', 'observe'].")
    if not (math.isfinite(gps_error_m) and 0 <= gps_error_m <= 100):
        raise InputError(f"gps_error_m is {gps_error_m!r}: give 0 to 100 metres.")
    doors = find_doors(city) if doors is None else doors
    obstacles = find_obstacles(city) if obstacles is None else obstacles
    chance = checked_chance(rate, len(doors)).chance
    reach = max(item.range_m for item in wanted)
    recorded = files if isinstance(files, Recorded) else read_gpx(files)
    tracks = clean_tracks(recorded, doors.crs, shapely.buffer(city.extent, -reach, join_style="mitre"), rules)
    if not len(tracks.track):
        raise InputError(_nothing_left(tracks, recorded, city))
    steps = track_points(tracks)
    routes = track_routes(tracks, steps.walk)

    def exposure(points: gpd.GeoSeries, level: Level) -> Exposure:
        return exposure_of_pairs(steps.walk, doors.index, sees(doors, points, obstacles, model, level))

    apart = np.ones(len(routes.half), np.bool_)
    trigger = None if clip_s is None else exposure(steps.walk.points, level_named(model, "trigger"))
    tables, intervals, drawn = [], [], []
    for level in wanted:
        seen = exposure(steps.walk.points, level)
        table = figures_of_legs(routes, apart, seen, chance, replicates, seed)
        table.insert(1, "level", level.name)
        if trigger is not None and clip_s is not None:
            pace = np.repeat(steps.walk.step_m / WALKING_M_PER_S, np.diff(steps.walk.first))
            seconds = np.where(np.isfinite(steps.seconds), steps.seconds, pace)
            share = recorded_of_legs(routes, seconds, steps.pause_s, trigger, seen, chance, clip_s)
            table["share_recorded_mean"] = share.to_numpy()
        table["duration_s"], table["seen_time_mean_s"] = _times(tracks, steps, point_chances(seen, chance))
        if gps_error_m > 0:
            moved = [
                figures_of_legs(routes, apart, exposure(points, level), chance, 0, seed)
                for points in _moved(steps.walk.points, gps_error_m)
            ]
            for name, column in (("share_in_view", "share_in_view_mean"), ("doorbells", "doorbells_mean")):
                values = np.column_stack([found[column].to_numpy(dtype=np.float64) for found in (table, *moved)])
                table[f"{name}_low"], table[f"{name}_high"] = values.min(axis=1), values.max(axis=1)
        tables.append(table)
        intervals.append(_intervals(tracks, steps, seen, chance, level.name))
        drawn.append(_stretches(tracks, steps, point_chances(seen, chance)).assign(level=level.name))
    inside = _in_building(steps.walk.points, city)
    of_track = tracks.track[steps.piece]
    step = np.repeat(steps.walk.step_m, np.diff(steps.walk.first))
    size = len(tracks.counts)
    metres = np.bincount(of_track, weights=step * inside, minlength=size)
    whole = pd.concat(tables, ignore_index=True).rename(columns={"route": "track"})
    row = tracks.counts.index.get_indexer(whole["track"])
    whole["in_building_m"] = np.where(whole["length_m"].isna(), np.nan, metres[row])
    order = np.lexsort((np.arange(len(whole)), row))
    whole = whole.iloc[order].reset_index(drop=True)
    whole.attrs["caveat"] = CAVEAT
    counts = tracks.counts.assign(in_building=np.bincount(of_track, weights=inside, minlength=size).astype(np.int64))
    seen_rows = pd.concat(intervals, ignore_index=True)
    seen_rows.attrs["caveat"] = CAVEAT
    shapes = gpd.GeoDataFrame(pd.concat(drawn, ignore_index=True), crs=tracks.crs)
    return TrackExposure(whole, seen_rows, counts, tracks.lines(), shapes)


def _nothing_left(tracks: Tracks, recorded: Recorded, city: City) -> str:
    """Say why no track is left."""
    counts = tracks.counts
    total, outside = int(counts["points"].sum()), int(counts["outside"].sum())
    if outside * 2 >= total:
        west, south, east, north = recorded.points.total_bounds
        return (
            f"{outside:,} of the {total:,} points of the tracks lie outside the data of {city.name!r}, or so near to "
            f"their edge that doors beyond may see them, and nothing else is left. The tracks reach from {south:.4f}, "
            f"{west:.4f} to {north:.4f}, {east:.4f} (latitude, longitude). Take an extract that holds them."
        )
    lost = ", ".join(f"{int(counts[name].sum()):,} {name.replace('_', ' ')}" for name in DROPPED)
    return (
        f"of the {total:,} points of the tracks none is left to walk along: {lost}. A track needs two points that "
        "follow each other; TrackRules(fastest_m_s=..., gap_s=..., gap_m=...) says when it is cut."
    )


def _times(tracks: Tracks, steps: TrackWalk, seen: Floats) -> tuple[Floats, Floats]:
    """Return how long each track lasts, and the expected time in view [s]; NaN without times."""
    of_track, size = tracks.track[steps.piece], len(tracks.counts)
    timed = np.isfinite(steps.seconds)
    seconds = np.where(timed, steps.seconds, 0.0)
    has = np.bincount(of_track, weights=timed, minlength=size) > 0
    lasts = np.bincount(of_track, weights=seconds, minlength=size)
    in_view = np.bincount(of_track, weights=seconds * seen, minlength=size)
    return np.where(has, lasts, np.nan), np.where(has, in_view, np.nan)


def _moved(points: gpd.GeoSeries, by_m: float) -> list[gpd.GeoSeries]:
    """Return the points, all moved aside by so much, in each of `DIRECTIONS`."""
    angles = np.arange(DIRECTIONS) * (2 * math.pi / DIRECTIONS)
    return [points.translate(by_m * math.sin(angle), by_m * math.cos(angle)) for angle in angles]


def _in_building(points: gpd.GeoSeries, city: City) -> NDArray[np.bool_]:
    """Return which points lie in a building."""
    inside = np.zeros(len(points), np.bool_)
    tree = shapely.STRtree(city.buildings.geometry.to_numpy())
    inside[tree.query(points.to_numpy(), predicate="within")[0]] = True
    return inside


def _intervals(tracks: Tracks, steps: TrackWalk, seen: Exposure, chance: Floats, level: str) -> pd.DataFrame:
    """Return a row for each run of points of one piece that at least one door could see."""
    walk = steps.walk
    some = np.diff(seen.start) > 0
    goes_on = np.r_[False, some[:-1] & some[1:] & (steps.piece[1:] == steps.piece[:-1])]
    begin = np.flatnonzero(some & ~goes_on)
    end = np.flatnonzero(some & ~np.r_[goes_on[1:], False]) + 1
    step = np.repeat(walk.step_m, np.diff(walk.first))
    in_view = np.concatenate([[0.0], np.cumsum(point_chances(seen, chance) * step)])
    sets = [np.unique(seen.members[seen.start[low] : seen.start[high]]) for low, high in zip(begin, end, strict=True)]
    degrees = walk.points.to_crs("EPSG:4326")
    lon, lat = degrees.x.to_numpy(), degrees.y.to_numpy()
    last = end - 1
    ended = steps.begin_s[last] + steps.seconds[last]
    return pd.DataFrame(
        {
            "track": tracks.counts.index.to_numpy()[tracks.track[steps.piece[begin]]],
            "level": level,
            "begin_m": steps.at_m[begin],
            "end_m": steps.at_m[last] + step[last],
            "begin_time": pd.to_datetime(steps.begin_s[begin], unit="s", utc=True).round("ms"),
            "end_time": pd.to_datetime(ended, unit="s", utc=True).round("ms"),
            "seconds": ended - steps.begin_s[begin],
            "lon": lon[begin],
            "lat": lat[begin],
            "end_lon": lon[last],
            "end_lat": lat[last],
            "length_m": (end - begin) * step[begin],
            "seen_length_mean_m": in_view[end] - in_view[begin],
            "doors_in_view": np.array([len(doors) for doors in sets], dtype=np.int64),
            "doorbells_mean": np.array([chance[doors].sum() for doors in sets], dtype=np.float64),
            "p_in_view": np.array([1.0 - np.prod(1.0 - chance[doors]) for doors in sets], dtype=np.float64),
        }
    )


def _stretches(tracks: Tracks, steps: TrackWalk, chance: Floats) -> gpd.GeoDataFrame:
    """Return the stretches of all pieces along which the chance (points,) is one; a piece without length has none."""
    walk = steps.walk
    parts = [stretches(shapely.LineString(), np.zeros(0), np.zeros(0), crs=tracks.crs).assign(walk="")]
    for piece in np.flatnonzero(walk.step_m > 0):
        points = slice(walk.first[piece], walk.first[piece + 1])
        line = shapely.LineString(tracks.xy[tracks.first[piece] : tracks.first[piece + 1]])
        metres = np.full(walk.first[piece + 1] - walk.first[piece], walk.step_m[piece])
        part = stretches(line, chance[points], metres, crs=tracks.crs)
        parts.append(part.assign(walk=tracks.counts.index[tracks.track[piece]]))
    return gpd.GeoDataFrame(pd.concat([part for part in parts if len(part)] or parts[:1]), crs=tracks.crs)
