"""A study's alerts computed: spots on streets, who is told of an incident there, and who could have it in view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from doorview.city.chances import keys_of, uniform
from doorview.overlays.alerts import alerts
from doorview.ownership.expected import ONE
from doorview.ownership.union import Owners, mean_given_shared, mean_of_draws
from doorview.sight.points import over_terrain, seen_pairs
from doorview.study.alerts_section import AlertsSection

if TYPE_CHECKING:
    from doorview.ownership.scenario import Scenario
    from doorview.study.compute import Prepared

__all__ = ["MEASURES", "AlertsRun", "alerts_run", "seen_places", "street_spots"]

STEP_M = 5.0
"""Distance of the places along streets that spots are drawn from."""
MEASURES: dict[str, str] = {
    "app_homes_reached": "households with the app within the radius",
    "part_with_data": "part of the circle that has data: below 1, households reached are a lower bound",
    "doors_in_view": "doors from which the spot is in view, whether they own a camera or not",
    "owners_in_view": "those of them expected to own a camera",
    "app_owners_in_view": "those of the owners expected to use the app",
    "chance_any": "chance that there is at least one owner with the app who has the spot in view",
    "share_that_could_see": "households reached from whose door the spot is in view at all / households reached",
}
"""Measures of alerts.csv, each with its meaning."""
_COLUMNS = {
    "app_homes_reached": "app_homes_mean",
    "owners_in_view": "owners_in_view_mean",
    "app_owners_in_view": "app_owners_in_view_mean",
}


@dataclass(frozen=True, eq=False)
class AlertsRun:
    """What alerts of the study come to.

    Attributes
    ----------
    section, scenario, space
        What was asked for, the scenario that says who owns a camera, and in words what streets spots are on.
    table
        alerts.csv: a row per level and measure, over all spots.
    spots
        A row per spot and level, with its place: not fit to publish.

    """

    section: AlertsSection
    scenario: str
    space: str
    table: pd.DataFrame
    spots: pd.DataFrame

    @property
    def beyond_data(self) -> int:
        """Number of spots whose circle leaves the data."""
        return int((self.spots.drop_duplicates("spot")["part_with_data"] < 1).sum())


def street_spots(ready: Prepared, number: int) -> tuple[gpd.GeoDataFrame, str]:
    """Return spots on the centrelines of public streets near homes in the counted area, and what streets they are on.

    Every `STEP_M` along each street stands a place, the first by chance; those with the smallest hash are taken. A
    place depends on its street and the seed alone. Streets far from homes count where none is near; fewer places than
    asked for are all taken. Index ``1`` .. in order of place (east, north).
    """
    faces, seed = ready.ground.faces, ready.study.study.seed
    lines = faces.geometry.to_numpy()
    middle = shapely.get_coordinates(shapely.line_interpolate_point(lines, 0.5, normalized=True))
    names = [f"{way}|{x:.1f}|{y:.1f}" for way, (x, y) in zip(faces["osm_id"], middle.tolist(), strict=True)]
    keys, length = keys_of(names), shapely.length(lines)
    first = STEP_M * uniform(keys, seed, 0)
    most = math.ceil(float(length.max(initial=0.0)) / STEP_M)
    found: list[NDArray[Any]] = []
    drawn: list[NDArray[np.float64]] = []
    for step in range(most):
        along = first + STEP_M * step
        here = np.flatnonzero(along < length)
        found.append(shapely.line_interpolate_point(lines[here], along[here]))
        drawn.append(uniform(keys[here], seed, step + 1))
    points, u = np.concatenate(found or [np.zeros(0, object)]), np.concatenate(drawn or [np.zeros(0)])
    inside = shapely.intersects(ready.inside, points)
    points, u = points[inside], u[inside]
    tree = shapely.STRtree(shapely.points(ready.scene.door_xy))
    near = np.zeros(len(points), bool)
    near[tree.query(points, predicate="dwithin", distance=ready.scene.near_m)[0]] = True
    space = "streets near homes" if near.any() else "streets"
    if near.any():
        points, u = points[near], u[near]
    xy = shapely.get_coordinates(points)
    chosen = np.lexsort((xy[:, 1], xy[:, 0], u))[:number]
    chosen = chosen[np.lexsort((xy[chosen, 1], xy[chosen, 0]))]
    index = pd.Index(np.arange(1, len(chosen) + 1), name="spot")
    return gpd.GeoDataFrame(geometry=points[chosen], index=index, crs=ready.city.crs), space


def alerts_run(ready: Prepared, scenarios: tuple[Scenario, ...]) -> AlertsRun | None:
    """Return the study's alerts, or None where it asks for none or has no street to draw spots on."""
    section = ready.study.alerts
    if section is None:
        return None
    spots, space = street_spots(ready, section.spots)
    if not len(spots):
        return None
    by_name = {item.name: item for item in scenarios}
    scenario = by_name[section.scenario_of(list(by_name))]
    owners = scenario.owners(ready.residents.dwellings, ready.residents.inside)
    seen = seen_places(ready, spots)
    share = section.app_share if section.app_share_of_owners is None else section.app_share_of_owners
    table = alerts(
        ready.doors,
        spots,
        seen,
        radius_m=section.radius,
        app_share=section.app_share,
        chance=owners.marginal(),
        app_share_of_owners=share,
        extent=ready.city.extent,
    )
    table["chance_any"] = _chance_any(ready, owners.thinned(share), spots, seen, section.radius)
    xy = shapely.get_coordinates(spots.geometry.to_numpy()).repeat(len(seen), axis=0)
    table.insert(1, "x_m", xy[:, 0].round(2))
    table.insert(2, "y_m", xy[:, 1].round(2))
    return AlertsRun(section, scenario.name, space, _over_spots(table, section, scenario.name), table)


def seen_places(ready: Prepared, spots: gpd.GeoDataFrame) -> dict[str, pd.DataFrame]:
    """Return which doors have which spots in view at each level, as `sees` does, each door by its own kit."""
    scene = ready.scene
    places = shapely.get_coordinates(spots.geometry.to_numpy())
    parts: dict[str, list[pd.DataFrame]] = {item.name: [_pairs([], [], [])] for item in ready.levels}
    for number, kit in enumerate(scene.kits):
        rows = np.flatnonzero(scene.door_kit == number)
        xy, forward = scene.door_xy[rows], scene.door_forward[rows]
        for item in kit.levels:
            if not len(rows) or item.range_m <= 0:
                continue
            found = seen_pairs(xy, forward, places, kit.walls, item.range_m, item.field_of_view_degrees, item.near_m)
            if scene.terrain is not None:
                found = over_terrain(
                    found, scene.terrain, kit.open_walls, xy, places, kit.lens_height_m, item.target_height_m
                )
            doors, points = ready.doors.index.take(rows[found.camera]), spots.index.take(found.point)
            parts[item.name].append(_pairs(doors, points, found.distance_m))
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _pairs(door: Any, point: Any, distance_m: Any) -> pd.DataFrame:
    """Return pairs as the table of `sees` without bearings."""
    table = pd.DataFrame({"door": door, "point": point, "distance_m": distance_m})
    return table.astype({"door": object, "distance_m": np.float64})


def _chance_any(
    ready: Prepared, owners: Owners, spots: gpd.GeoDataFrame, seen: dict[str, pd.DataFrame], radius_m: float
) -> NDArray[np.float64]:
    """Return, by spot and level, the chance that an owner has the spot in view, however owners cluster."""
    door, place = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for number, pairs in enumerate(seen.values()):
        near = pairs[pairs["distance_m"] <= radius_m]
        door.append(ready.doors.index.get_indexer(near["door"]).astype(np.int64))
        place.append(spots.index.get_indexer(near["point"]) * len(seen) + number)
    doors, places = np.concatenate(door), np.concatenate(place)
    order = np.lexsort((doors, places))
    doors = doors[order]
    start = np.searchsorted(places[order], np.arange(len(spots) * len(seen) + 1)).astype(np.int64)
    exact = owners.at_least(start, doors, 1)
    if exact is not None:
        chance: NDArray[np.float64] = exact[0] / ONE
        return chance
    keys, seed = ready.residents.keys, ready.study.study.seed
    if owners.given(keys, seed, 0).at_least(start, doors, 1) is not None:
        chance = mean_given_shared(owners, keys, start, doors, seed=seed, most=1).mean[0]
    else:
        chance = mean_of_draws(owners, keys, start, doors, seed=seed, words=16, most=1).mean[0]
    return chance


def _over_spots(spots: pd.DataFrame, section: AlertsSection, scenario: str) -> pd.DataFrame:
    """Return alerts.csv: over the spots, mean and the values that one spot in twenty falls short of or exceeds."""
    parts = []
    reached = spots["homes_within"].to_numpy(np.float64)
    could = spots["homes_in_view"].to_numpy(np.float64)
    values = {name: spots[_COLUMNS.get(name, name)] for name in MEASURES if name != "share_that_could_see"}
    values["share_that_could_see"] = pd.Series(
        np.divide(could, reached, out=np.full(len(spots), np.nan), where=reached > 0), spots.index
    )
    for level in dict.fromkeys(spots["level"]):
        here = spots["level"] == level
        for name in MEASURES:
            found = values[name][here].dropna().to_numpy(np.float64)
            low, high = np.quantile(found, (0.05, 0.95), method="inverted_cdf") if len(found) else (np.nan, np.nan)
            mean = math.fsum(found.tolist()) / len(found) if len(found) else np.nan
            parts.append((scenario, level, section.radius, int(here.sum()), name, mean, low, high))
    columns = ["scenario", "level", "radius_m", "spots", "measure", "mean", "p05", "p95"]
    table = pd.DataFrame(parts, columns=columns)
    return table.sort_values(["scenario", "level", "measure"], kind="stable", ignore_index=True)
