"""Recorded tracks made fit to be looked at: cleaned by stated rules, every point that is left out counted.

A track is never bridged: where its fixes lie too far apart in time or space, or leave the city's data, it is cut in
pieces, and what lies between is no part of it.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from doorview.errors import InputError
from doorview.overlays.gpx import Recorded
from doorview.overlays.route_exposure import SPACING_M, WalkingPoints
from doorview.overlays.routes import Routes

__all__ = ["TrackRules", "TrackWalk", "Tracks", "clean_tracks", "track_points", "track_routes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIMED_SHARE = 0.5
"""A track whose points have a time less often than this is read as one without times."""
DROPPED = ("without_place", "without_time", "outside", "doubled", "out_of_order", "alone")
"""Why a point is left out; with the points used these add up to all points of a track."""
BREAKS = ("segments", "outside_cuts", "jumps", "gaps_in_time", "gaps_in_space")
"""Why a track is cut between two points; the first reason that holds is counted."""


@dataclass(frozen=True)
class TrackRules:
    """When a track is cut between two fixes that follow each other; each an assumption.

    Attributes
    ----------
    fastest_m_s
        A higher speed is a jump of the receiver, or a vehicle [m/s]. 7 m/s is 25 km/h: fixes a second apart stray by
        some metres, so that a lower limit cuts honest walks; for fixes farther apart 3 m/s finds more.
    gap_s
        A longer time between two fixes is a gap: what happened in it is not known [s].
    gap_m
        A longer way between two fixes is a gap: a straight line there may cross houses [m]. A track drawn by a planner
        on straight streets may need more.

    """

    fastest_m_s: float = 7.0
    gap_s: float = 60.0
    gap_m: float = 100.0

    def __post_init__(self) -> None:
        """Check the values; infinite ones never cut."""
        for name in ("fastest_m_s", "gap_s", "gap_m"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)!r}: give a number above 0; math.inf never cuts.")


@dataclass(frozen=True, eq=False)
class Tracks:
    """Cleaned tracks as pieces of fixes that follow each other.

    Attributes
    ----------
    counts
        A row per track: `file`, `name`, `kind`, `timed`; `points` and what became of them (`used` and `DROPPED`);
        `unreadable_times`, `times_ignored`; cuts by reason (`BREAKS`), `pieces`; `between_m`, `between_s`: straight
        way and time between pieces, which are no part of the track.
    track
        (pieces,) row in `counts`, ascending.
    first
        (pieces + 1,) where the fixes of each piece begin.
    xy
        (fixes, 2) [m].
    time_s
        (fixes,) seconds since 1970, UTC; NaN where the track has no times.
    crs
        Projected CRS [m].

    """

    counts: pd.DataFrame
    track: Ints
    first: Ints
    xy: Floats
    time_s: Floats
    crs: Any

    def lines(self) -> gpd.GeoDataFrame:
        """Return the pieces as lines: `track`, `length_m`, `begin_s`, `end_s`; one that stands still is a point."""
        shapes = [
            shapely.LineString(part) if (part != part[0]).any() else shapely.Point(part[0])
            for part in np.split(self.xy, self.first[1:-1])
            if len(part)
        ]
        data = {
            "track": self.counts.index.to_numpy()[self.track],
            "length_m": shapely.length(shapes),
            "begin_s": self.time_s[self.first[:-1]],
            "end_s": self.time_s[self.first[1:] - 1],
        }
        return gpd.GeoDataFrame(data, geometry=shapes, crs=self.crs, index=pd.RangeIndex(len(shapes), name="piece"))


@dataclass(frozen=True, eq=False)
class TrackWalk:
    """Points along tracks, as `walking_points` gives them along streets, each with its time.

    Attributes
    ----------
    walk
        A walking line per piece, in equal steps.
    piece
        (points,) piece of each.
    at_m
        (points,) where its step begins, metres along its track, gaps left out.
    begin_s, seconds
        (points,) when its step begins (seconds since 1970, UTC) and how long it lasts; NaN where there are no times.
    pause_s
        (pieces,) time since the piece before of the same track ended; inf for its first, and where it is not known.

    """

    walk: WalkingPoints
    piece: Ints
    at_m: Floats
    begin_s: Floats
    seconds: Floats
    pause_s: Floats


def clean_tracks(recorded: Recorded, crs: Any, inside: BaseGeometry, rules: TrackRules | None = None) -> Tracks:
    """Return tracks in a projected CRS, cleaned and cut in pieces.

    In this order: points without a time are left out of a track of which at least half of the points have one (of
    others all times are ignored, and counted); points outside `inside` are left out; within a segment a point like the
    one before it (place and time) is doubled; of the rest as many as possible with rising times are kept, so that one
    wrong time costs one point. Then it is cut (`TrackRules`), and a point that stands alone between two cuts is left
    out.

    Parameters
    ----------
    recorded
        From `read_gpx`.
    crs
        Projected CRS in metres.
    inside
        Where the city's data reach, in that CRS: points beyond are counted as outside, never as out of view.
    rules
        When a track is cut.

    """
    rules = TrackRules() if rules is None else rules
    points = recorded.points.to_crs(crs)
    xy = shapely.get_coordinates(points.geometry.to_numpy())
    known = np.isfinite(xy).all(axis=1)
    xy = np.where(known[:, None], xy, 0.0)
    shapely.prepare(inside)
    within = known & shapely.intersects_xy(inside, xy[:, 0], xy[:, 1])
    time = points["time"]
    seconds = (time - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
    segment = points["segment"].to_numpy(dtype=np.int64)
    number = recorded.tracks.index.get_indexer(points["track"])
    by_track = np.argsort(number, kind="stable")
    cuts = np.searchsorted(number[by_track], np.arange(len(recorded.tracks) + 1))
    kept: list[Ints] = []
    track: list[int] = []
    rows, clock = [], []
    for row, (label, head) in enumerate(recorded.tracks.iterrows()):
        mine = by_track[cuts[row] : cuts[row + 1]]
        pieces, counts, timed = _pieces(xy[mine], seconds[mine], segment[mine], within[mine], rules)
        kept += [mine[piece] for piece in pieces]
        track += [row] * len(pieces)
        clock += [timed] * len(pieces)
        rows.append(
            {
                "track": label,
                "file": head["file"],
                "name": head["name"],
                "kind": head["kind"],
                "timed": timed,
                "points": int(head["points"]),
                "used": sum(map(len, pieces)),
                "without_place": int(head["without_place"]),
                **{reason: counts[reason] for reason in DROPPED if reason != "without_place"},
                "unreadable_times": int(head["unreadable_times"]),
                "times_ignored": counts["times_ignored"],
                **{reason: counts[reason] for reason in BREAKS},
                "pieces": len(pieces),
                "between_m": counts["between_m"],
                "between_s": counts["between_s"] if timed else math.nan,
            }
        )
    sizes = [len(piece) for piece in kept]
    flat = np.concatenate([*kept, np.zeros(0, np.int64)]).astype(np.int64)
    times = np.where(np.repeat(np.array(clock, bool), sizes), seconds[flat], np.nan)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Tracks(pd.DataFrame(rows).set_index("track"), np.array(track, np.int64), first, xy[flat], times, points.crs)


def _pieces(
    xy: Floats, time_s: Floats, segment: Ints, within: NDArray[np.bool_], rules: TrackRules
) -> tuple[list[Ints], dict[str, Any], bool]:
    """Return the rows of each piece of one track, what was left out and cut, and whether it has times."""
    counts: dict[str, Any] = dict.fromkeys((*DROPPED, *BREAKS, "times_ignored"), 0)
    counts |= {"between_m": 0.0, "between_s": 0.0}
    has = np.isfinite(time_s)
    timed = bool(len(has)) and has.mean() >= TIMED_SHARE
    if not timed:
        counts["times_ignored"] = int(has.sum())
    rows = np.flatnonzero(has) if timed else np.arange(len(has))
    counts["without_time"] = len(has) - len(rows)
    beyond = np.cumsum(~within)
    counts["outside"] = int((~within[rows]).sum())
    rows = rows[within[rows]]
    if not len(rows):
        return [], counts, timed
    new = np.r_[True, segment[rows][1:] != segment[rows][:-1]]
    same = (xy[rows][1:] == xy[rows][:-1]).all(axis=1)
    same &= (time_s[rows][1:] == time_s[rows][:-1]) if timed else True
    doubled = np.r_[False, same] & ~new
    counts["doubled"] = int(doubled.sum())
    rows = rows[~doubled]
    if timed:
        cuts = np.flatnonzero(segment[rows][1:] != segment[rows][:-1]) + 1
        ordered = [part[_rising(time_s[part])] for part in np.split(rows, cuts)]
        counts["out_of_order"] = len(rows) - sum(map(len, ordered))
        rows = np.concatenate(ordered)
    one, two = rows[:-1], rows[1:]
    far = np.hypot(*(xy[two] - xy[one]).T)
    long = time_s[two] - time_s[one] if timed else np.zeros(len(far))
    reasons = {
        "segments": segment[two] != segment[one],
        "outside_cuts": beyond[two] != beyond[one],
        "jumps": far > rules.fastest_m_s * long if timed else np.zeros(len(far), bool),
        "gaps_in_time": long > rules.gap_s,
        "gaps_in_space": far > rules.gap_m,
    }
    cut = np.zeros(len(far), bool)
    for reason, holds in reasons.items():
        counts[reason] = int((holds & ~cut).sum())
        cut |= holds
    parts = np.split(rows, np.flatnonzero(cut) + 1)
    counts["alone"] = sum(len(part) == 1 for part in parts)
    pieces = [part for part in parts if len(part) > 1]
    for before, after in itertools.pairwise(pieces):
        counts["between_m"] += float(np.hypot(*(xy[after[0]] - xy[before[-1]])))
        if timed:
            counts["between_s"] += max(float(time_s[after[0]] - time_s[before[-1]]), 0.0)
    return pieces, counts, timed


def _rising(time_s: Floats) -> Ints:
    """Return a longest row of positions whose times rise (patience sorting: the smallest end of each length)."""
    ends: list[float] = []
    at: list[int] = []
    before = np.full(len(time_s), -1, dtype=np.int64)
    for row, time in enumerate(time_s.tolist()):
        length = bisect.bisect_left(ends, time)
        if length:
            before[row] = at[length - 1]
        if length == len(ends):
            ends.append(time)
            at.append(row)
        else:
            ends[length], at[length] = time, row
    out = np.empty(len(ends), dtype=np.int64)
    row = at[-1]
    for place in range(len(ends) - 1, -1, -1):
        out[place] = row
        row = int(before[row])
    return out


def track_points(tracks: Tracks, *, spacing_m: float = SPACING_M) -> TrackWalk:
    """Return points along the pieces of tracks, in equal steps of at most `spacing_m`, with the time each stands for.

    Between two fixes one walks straight, at one speed. A step holds the time that was stood still in it; a piece that
    stands still throughout is one point, 0 m long.

    Raises
    ------
    InputError
        For a spacing outside 0.1 to 10 m.

    """
    if not 0.1 <= spacing_m <= 10.0:
        raise InputError(f"spacing_m is {spacing_m!r}: points stand every 0.1 to 10 m along a walk; 0.5 to 1 is usual.")
    places, at, begin, seconds, step, count = [], [], [], [], [], []
    pause = np.full(len(tracks.track), np.inf)
    walked, last, ended = 0.0, -1, math.nan
    for piece, (low, high) in enumerate(zip(tracks.first[:-1], tracks.first[1:], strict=True)):
        xy, time = tracks.xy[low:high], tracks.time_s[low:high]
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
        whole = float(along[-1])
        steps = max(1, math.ceil(whole / spacing_m - 1e-9))
        edge = np.arange(steps + 1) * (whole / steps)
        middle = (edge[1:] + edge[:-1]) / 2
        when = np.interp(edge, along, time)
        # Time stood still at either end belongs to the first and the last step.
        when[0], when[-1] = time[0], time[-1]
        if tracks.track[piece] != last:
            walked, last = 0.0, int(tracks.track[piece])
        elif time[0] >= ended:
            pause[piece] = time[0] - ended
        places.append(np.column_stack([np.interp(middle, along, xy[:, axis]) for axis in (0, 1)]))
        at.append(walked + edge[:-1])
        begin.append(when[:-1])
        seconds.append(np.diff(when))
        step.append(whole / steps)
        count.append(steps)
        walked, ended = walked + whole, float(time[-1])
    none = [np.zeros(0)]
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    points = gpd.GeoSeries(shapely.points(np.concatenate([*places, np.zeros((0, 2))])), crs=tracks.crs)
    line_of = np.repeat(np.arange(len(count)), 2).astype(np.int64)
    walk = WalkingPoints(points, first, np.array(step, dtype=np.float64), line_of, np.zeros(len(points), np.bool_))
    piece_of = np.repeat(np.arange(len(count)), np.array(count, dtype=np.int64)).astype(np.int64)
    along, when, long = (np.concatenate([*parts, *none]) for parts in (at, begin, seconds))
    return TrackWalk(walk, piece_of, along, when, long, pause)


def track_routes(tracks: Tracks, walk: WalkingPoints) -> Routes:
    """Return tracks as routes whose legs are their pieces, each walked whole.

    A track without a piece has no length: its status is `outside` where all points that could be used lay outside, else
    `too_short`.
    """
    length = walk.step_m * np.diff(walk.first)
    legs = np.bincount(tracks.track, minlength=len(tracks.counts))
    metres = np.bincount(tracks.track, weights=length, minlength=len(tracks.counts))
    counts = tracks.counts
    status = np.where(legs > 0, "found", np.where(counts["outside"] > 0, "outside", "too_short"))
    table = pd.DataFrame(
        {"status": pd.Categorical(status), "length_m": np.where(legs > 0, metres, np.nan)}, index=counts.index
    )
    pieces = np.arange(len(length), dtype=np.int64)
    return Routes(
        table,
        np.concatenate([[0], np.cumsum(legs)]).astype(np.int64),
        2 * pieces,
        np.zeros(len(length)),
        length,
        np.ones(len(length), np.bool_),
        {str(name): int((status == name).sum()) for name in np.unique(status)},
    )
