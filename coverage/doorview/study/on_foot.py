"""One way on foot, for notebooks: the shortest and the one least in view, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from doorview.city.doors import find_doors
from doorview.city.ground import public_space
from doorview.city.model import City
from doorview.city.obstacles import find_obstacles
from doorview.errors import InputError
from doorview.overlays.destinations import find_place, gates_of
from doorview.overlays.detour import edges_within, joined_routes, only_edges
from doorview.overlays.least_in_view import least_within, trade_off
from doorview.overlays.route_exposure import (
    CAVEAT,
    Exposure,
    WalkingPoints,
    exposure_of_pairs,
    point_chances,
    recorded_share,
    route_figures,
    walking_points,
)
from doorview.overlays.route_owners import checked_chance
from doorview.overlays.route_profile import route_steps
from doorview.overlays.routes import WITHIN_M, Routes, route_lines, shortest_routes
from doorview.overlays.walk_stretches import stretches
from doorview.overlays.walking_graph import WalkingGraph, walking_graph
from doorview.sight.api import camera as camera_named
from doorview.sight.api import level as level_named
from doorview.sight.camera import CameraModel
from doorview.sight.levels import Level
from doorview.sight.points import sees
from doorview.study.walk_pictures import WalkPictures, figures_said, owners_said

__all__ = ["WalkResult", "route"]

Floats = NDArray[np.float64]
Spot = str | tuple[float, float] | Sequence[float]

LEVELS = ("detect", "observe", "recognise")
KINDS = ("shortest", "least_in_view")
KIND_WORDS = {"shortest": "Shortest way", "least_in_view": "Way least in view"}


@dataclass(frozen=True, eq=False, repr=False)
class WalkResult:
    """One way on foot: the shortest, and the one least in view.

    Attributes
    ----------
    table
        A row for each kind (`shortest`, `least_in_view`) and level: the columns of `routes.csv`'s figures, and
        `share_recorded_mean` where a clip was given.
    front
        The trade-off of length against expected metres in view, at `level`: a row for each corner within the cap.
    lines
        GeoDataFrame: a line for each kind, on the street's own line, with `length_m`.
    stretches
        GeoDataFrame: pieces of each line with one chance of being in view, by `walk` (the kind) and `level`.
    level
        At which the way least in view was sought.
    notes
        What was assumed, in sentences; printed with every figure.

    """

    table: pd.DataFrame
    front: pd.DataFrame
    lines: gpd.GeoDataFrame
    stretches: gpd.GeoDataFrame
    level: str
    notes: tuple[str, ...]
    pictures: WalkPictures

    def map(self, path: str | Path | None = None, *, level: str | None = None, fictional: bool = False) -> Any:
        """Draw both ways by their chance of being in view; in a notebook it is shown, with `path` written there.

        Parameters
        ----------
        path
            PNG or SVG by its suffix.
        level
            One of the table's; left out: `level`.
        fictional
            The place does not exist, as the demo town, and the picture says so.

        """
        shown = self.level if level is None else level
        if shown not in set(self.table["level"]):
            raise InputError(
                f"the way was looked at at {', '.join(dict.fromkeys(self.table['level']))}, not at '{shown}'. Give "
                f"levels=[..., '{shown}'] to dv.route."
            )
        here = self.stretches[self.stretches["level"] == shown]
        said = {KIND_WORDS[kind]: figures_said(rows) for kind, rows in self.table.groupby("kind", sort=False)}
        drawn = here.assign(walk=here["walk"].map(KIND_WORDS))
        title = "A way on foot: how much would doorbell cameras have in view?"
        xy = shapely.get_coordinates(self.lines.geometry.iloc[0])
        ends = ((float(xy[0, 0]), float(xy[0, 1]), "A"), (float(xy[-1, 0]), float(xy[-1, 1]), "B"))
        return self.pictures.draw(path, shown, title, drawn, said, fictional=fictional, ends=ends)

    def _repr_html_(self) -> str:
        shown: str = self.table.round(3).to_html(index=False, na_rep="")
        return shown + "".join(f"<p>{note}</p>" for note in self.notes)

    def __repr__(self) -> str:
        return "\n".join([self.table.round(3).to_string(index=False), *self.notes])


def route(
    city: City,
    origin: Spot,
    destination: Spot,
    *,
    rate: float | ArrayLike = 0.2,
    levels: Sequence[str | Level] = LEVELS,
    detour_cap: float = 1.5,
    clip_s: float | None = None,
    side: str = "right",
    within_m: float = WITHIN_M,
    camera: str | CameraModel = "ring-video-doorbell-wired",
    doors: gpd.GeoDataFrame | None = None,
    obstacles: gpd.GeoDataFrame | None = None,
    graph: WalkingGraph | None = None,
    replicates: int = 256,
    seed: int = 0,
) -> WalkResult:
    """Return what simulated doorbells see of a way on foot: of the shortest, and of the one least in view.

    Owners are simulated: this says nothing about a real street, and is not safety advice.

    Parameters
    ----------
    city
        Where one walks.
    origin, destination
        (latitude, longitude), or the name or id of a place in the map data.
    rate
        Chance that a door owns a camera: one number, or one for each of `doors`, in their order.
    levels
        What "in view" means; the way least in view is sought at `detect`, or at the first where that is not asked for.
    detour_cap
        The way least in view is at most this times as long as the shortest.
    clip_s
        Length of a clip [s] for `share_recorded_mean`: a free parameter, no source says one for all makers.
    side, within_m
        As for `walking_graph` and `shortest_routes`.
    camera, doors, obstacles, graph
        Default: `find_doors(city)`, `find_obstacles(city)`, `walking_graph(city, public_space(city), side=side)`. Give
        them where many ways are asked for.
    replicates, seed
        Of the longest unseen stretch (`route_figures`).

    Raises
    ------
    InputError
        Where there is no way, with the reason, and for values out of bounds.
    UnknownNameError
        For a place, camera or level that does not exist.

    """
    model = camera_named(camera)
    wanted = tuple(item if isinstance(item, Level) else level_named(model, item) for item in levels)
    names = [item.name for item in wanted]
    if not names or len(set(names)) < len(names):
        raise InputError("levels: give at least one level, and each once, as in levels=['detect', 'observe'].")
    ground = public_space(city)
    graph = walking_graph(city, ground, side=side) if graph is None else graph
    doors = find_doors(city) if doors is None else doors
    obstacles = find_obstacles(city) if obstacles is None else obstacles
    chance = checked_chance(rate, len(doors)).chance
    shortest, one, two = _shortest(city, graph, origin, destination, within_m)
    near = edges_within(graph, shortest, 0, detour_cap)
    walk = walking_points(graph)

    def exposure(level: Level) -> Exposure:
        return _seen(walk, near, doors, obstacles, model, level)

    exposures = {item.name: exposure(item) for item in wanted}
    sought = "detect" if "detect" in names else names[0]
    smaller = only_edges(graph, near)
    least = least_within(
        smaller, exposures[sought], one, two, chance,
        shortest_m=float(shortest.table["length_m"].iloc[0]), detour_cap=detour_cap, within_m=within_m,
    )  # fmt: skip
    front = trade_off(
        smaller, exposures[sought], one[0], two[0], chance, detour_cap=detour_cap, within_m=within_m
    ).table
    both = joined_routes([shortest, least])
    table = route_figures(graph, both, exposures, chance, replicates=replicates, seed=seed)
    if clip_s is not None:
        trigger = exposures.get("trigger") or exposure(level_named(model, "trigger"))
        share = {
            name: recorded_share(both, trigger, seen, chance, clip_s=clip_s).to_numpy()
            for name, seen in exposures.items()
        }
        table["share_recorded_mean"] = [
            share[name][row] for name, row in zip(table["level"], table["route"], strict=True)
        ]
    table.insert(0, "kind", np.array(KINDS, dtype=object)[table["route"].to_numpy()])
    lines = route_lines(graph, both)
    parts = []
    for row, kind in enumerate(KINDS):
        points, metres = route_steps(walk, both, row)
        for name, seen in exposures.items():
            part = stretches(lines[row], point_chances(seen, chance)[points], metres, crs=graph.crs)
            parts.append(part.assign(walk=kind, level=name))
    scenario = owners_said(chance)
    notes = (
        CAVEAT,
        f"If {scenario}; {model.label}; on the {graph.side} side in walking direction."
        if graph.side != "centre"
        else f"If {scenario}; {model.label}; on the street's line.",
        "In view is not recorded, recorded is not kept, kept is not shared.",
    )
    return WalkResult(
        table.drop(columns=["route", "status"]),
        front,
        gpd.GeoDataFrame(
            {"kind": list(KINDS), "length_m": both.table["length_m"].to_numpy()}, geometry=lines, crs=graph.crs
        ),
        gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=graph.crs),
        sought,
        notes,
        WalkPictures(city, model, wanted, scenario, "Obstacles: buildings only.", ground.faces, ground.polygons),
    )


def _seen(
    walk: WalkingPoints,
    near: NDArray[np.bool_],
    doors: gpd.GeoDataFrame,
    obstacles: gpd.GeoDataFrame,
    model: CameraModel,
    level: Level,
) -> Exposure:
    """Return what doors see of the edges `near` alone; others have none."""
    lines = np.zeros(len(walk.step_m), dtype=bool)
    lines[walk.line_of[np.repeat(near, 2)]] = True
    points = walk.points[np.repeat(lines, np.diff(walk.first)) & ~walk.hidden]
    return exposure_of_pairs(walk, doors.index, sees(doors, points, obstacles, model, level))


def _spots(city: City, graph: WalkingGraph, spot: Spot, what: str) -> Floats:
    """Return the places (n, 2) [m] at which an end is reached."""
    if isinstance(spot, str):
        return gates_of(graph, find_place(city, spot))
    try:
        lat, lon = (float(number) for number in spot)
    except (TypeError, ValueError) as fault:
        raise InputError(
            f"{what} is {spot!r}: give (latitude, longitude) in degrees, as in (39.4712, -76.8301), or a place's name."
        ) from fault
    to_metres = Transformer.from_crs("EPSG:4326", graph.crs, always_xy=True)
    x, y = to_metres.transform(lon, lat)
    if not (abs(lat) <= 90 and abs(lon) <= 180 and np.isfinite([x, y]).all()):
        swapped = f" It looks like longitude first: ({lon:g}, {lat:g})." if abs(lon) <= 90 else ""
        raise InputError(f"{what} ({lat:g}, {lon:g}) lies nowhere on Earth: give (latitude, longitude).{swapped}")
    here = shapely.Point(x, y)
    if not city.extent.covers(here):
        turned = shapely.Point(to_metres.transform(lat, lon)) if abs(lon) <= 90 else None
        inside = turned is not None and np.isfinite([turned.x, turned.y]).all() and city.extent.covers(turned)
        hint = f" Turned round it lies inside: ({lon:g}, {lat:g})." if inside else ""
        raise InputError(
            f"{what} ({lat:g}, {lon:g}) lies outside the data of {city.name!r}, "
            f"{city.extent.distance(here) / 1000:,.1f} km from their edge.{hint} Give (latitude, longitude) in "
            "degrees, or take an extract that holds it."
        )
    return np.array([[x, y]])


def _shortest(
    city: City, graph: WalkingGraph, origin: Spot, destination: Spot, within_m: float
) -> tuple[Routes, Floats, Floats]:
    """Return the shortest way, and its ends (1, 2); of a place with several gates the nearest is taken."""
    one, two = _spots(city, graph, origin, "origin"), _spots(city, graph, destination, "destination")
    starts, ends = np.repeat(one, len(two), axis=0), np.tile(two, (len(one), 1))
    found = shortest_routes(graph, starts, ends, within_m=within_m)
    length = found.table["length_m"].fillna(np.inf).to_numpy()
    best = int(np.argmin(length))
    status = str(found.table["status"].iloc[best])
    if status != "found":
        off = found.table[["origin_off_m", "destination_off_m"]].iloc[best]
        far = f"m from every way, and within_m is {within_m:g}"
        why = {
            "same_place": "origin and destination lie at one spot of the network",
            "origin_far": f"the origin lies {off.iloc[0]:,.0f} {far}",
            "destination_far": f"the destination lies {off.iloc[1]:,.0f} {far}",
            "unreachable": "they lie on parts of the network that do not meet in these data",
        }[status]
        raise InputError(
            f"there is no way on foot between origin and destination: {why}. Move the points, raise within_m, or take "
            "data that reach farther."
        )
    return shortest_routes(graph, starts[[best]], ends[[best]], within_m=within_m), starts[[best]], ends[[best]]
